// SPDX-License-Identifier: BSD-3-Clause
// How is a behaviour carried out? Connect, stand a sound device up, prove that the peer polls it,
// do the deed, see what came back, start again: until the time is over. A deed that was never done
// is an error with a sentence; a peer that dies or hangs after the first is not, since that is what
// the test outside looks for. Called by main.c; the deeds are in behaviours_*.c.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/system/hostile/behaviours.h"
#include "tests/system/hostile/frame.h"

#define RING_SIZE 512
#define DIAL_TIMEOUT_MS 10000U
#define POLL_TIMEOUT_NS 2000000000U
#define DWELL_US 20000U

uint64_t play_random(struct play *p)
{
    uint64_t z = (p->random += 0x9e3779b97f4a7c15U); // splitmix64

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

uint64_t play_below(struct play *p, uint64_t bound)
{
    return play_random(p) % bound;
}

bool play_is_over(const struct play *p)
{
    return clock_ns() >= p->end_ns;
}

int play_fail(struct play *p, int err, const char *why)
{
    snprintf(p->why, sizeof(p->why), "%s: %s", why, strerror(-err));
    return err;
}

int play_refusable(struct play *p, int err)
{
    if (err == -EREMOTEIO)
        p->was_refused = true;
    if (err == -ETIMEDOUT)
        return -EPIPE;
    return err == -EREMOTEIO ? 0 : err;
}

void play_sound_frame(struct play *p, unsigned int j)
{
    static const struct frame_end from = {{0x02, 0, 0, 0, 0, 0x66}, 0x0a630066};
    static const struct frame_end to = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0x0a6300ff};
    uint64_t off = guest_buffer_off(TX, j);
    uint8_t *bytes = guest_at(&p->guest, off);

    memset(bytes, 0, GUEST_NET_HDR);
    frame_fill(bytes + GUEST_NET_HDR, FRAME_MIN, &from, &to, 0x66, FRAME_SEQ_FLOOD);
    ring_describe(&p->guest.ring[TX], j, guest_gpa(off), GUEST_NET_HDR + FRAME_MIN, 0, 0);
    ring_offer(&p->guest.ring[TX], j);
}

static void guest_down(struct play *p)
{
    if (p->is_guest_up)
        guest_fini(&p->guest);
    p->is_guest_up = false;
    frontend_close(p->fe);
}

static int connect_peer(struct play *p)
{
    int err;

    if (p->fe->fd >= 0 && !frontend_has_closed(p->fe, 0))
        return 0;
    if (p->fe->fd >= 0)
        p->n_closed++;
    guest_down(p);
    err = frontend_open(p->fe, DIAL_TIMEOUT_MS);
    return err < 0 ? play_fail(p, -ENOTCONN, "the peer did not connect") : 0;
}

// A connection with a fresh guest behind it: negotiated, nothing else.
static int negotiate(struct play *p)
{
    uint64_t features = p->b->takes_offloads ? GUEST_FEATURES_OFFLOAD : GUEST_FEATURES_PLAIN;
    int err = connect_peer(p);

    if (err < 0 || p->is_guest_up)
        return err;
    err = guest_init(&p->guest, p->fe, RING_SIZE, features & ~p->b->refused_features);
    if (err < 0)
        return play_fail(p, err, "no memory for the guest");
    p->is_guest_up = true;
    err = guest_negotiate(&p->guest);
    return err < 0 ? play_fail(p, err, "the peer did not negotiate") : 0;
}

// True once the peer has returned n buffers of ring i; gives up after two seconds.
static bool has_returned(struct play *p, unsigned int i, uint16_t n)
{
    uint64_t end = clock_ns() + POLL_TIMEOUT_NS;

    while (ring_used(&p->guest.ring[i]) != n && clock_ns() < end)
        sleep_us(200);
    return ring_used(&p->guest.ring[i]) == n;
}

static int prove_polling(struct play *p)
{
    struct ring *tx = &p->guest.ring[TX];
    unsigned int j;

    for (j = 0; j < 4; j++)
        play_sound_frame(p, tx->size - 1U - j);
    ring_publish(tx);
    if (!has_returned(p, TX, tx->avail_idx))
        return play_fail(p, -ETIMEDOUT, "the peer does not poll the transmit ring");
    tx->used_seen = tx->avail_idx;
    return 0;
}

// A device that is started and polled, from whatever state we are in.
static int stand_up(struct play *p)
{
    bool had_guest = p->is_guest_up && p->fe->fd >= 0 && !frontend_has_closed(p->fe, 0);
    int err = negotiate(p);

    if (err < 0)
        return err;
    if (had_guest)
        err = guest_stop_rings(&p->guest);
    else
        err = guest_share_memory(&p->guest);
    if (err == 0)
        err = guest_start_rings(&p->guest);
    if (err < 0)
        return play_fail(p, err, "the peer did not start the device");
    // What is wrong with a receive ring must come up before a looped frame or two.
    guest_offer_rx(&p->guest, p->b->ring == RX ? 8 : RING_SIZE / 2);
    return prove_polling(p);
}

// After a deed: counts what came back and whether the peer hung up.
static void look(struct play *p, unsigned int dwell_us)
{
    unsigned int i;
    uint16_t used;

    sleep_us(dwell_us);
    for (i = 0; p->is_guest_up && i < GUEST_N_RINGS; i++) {
        used = ring_used(&p->guest.ring[i]);
        p->n_returned += (uint16_t)(used - p->guest.ring[i].used_seen);
        p->guest.ring[i].used_seen = used;
    }
    if (frontend_has_closed(p->fe, 0)) {
        p->n_closed += p->fe->fd >= 0; // a deed may have hung up itself
        guest_down(p);
    }
}

enum { WITH_RINGS = 1, RESTARTING = 2, RECONNECTING = 4 };

// The frame of every behaviour: up, deed, look. A failure is final only while nothing has been
// done.
static int repeat(struct play *p, unsigned int how)
{
    bool must_start = true;
    int err = 0;

    while (p->n_done == 0 || !play_is_over(p)) {
        if (must_start || !p->is_guest_up || (how & RESTARTING) != 0)
            err = (how & WITH_RINGS) != 0 ? stand_up(p) : negotiate(p);
        if (err == 0) {
            err = p->b->deed(p);
            if (err == 0 || err == -EPIPE)
                p->n_done++;
            look(p, (how & WITH_RINGS) != 0 ? DWELL_US : DWELL_US / 10);
        }
        if (err < 0 && err != -EPIPE && p->n_done == 0) {
            if (p->why[0] == '\0')
                play_fail(p, err, "the deed could not be done");
            return err;
        }
        must_start = err < 0;
        if (err < 0 || (how & RECONNECTING) != 0)
            guest_down(p);
    }
    return 0;
}

int play_rings(struct play *p)
{
    return repeat(p, WITH_RINGS | RESTARTING);
}

int play_live(struct play *p)
{
    return repeat(p, WITH_RINGS);
}

int play_reconnecting(struct play *p)
{
    return repeat(p, WITH_RINGS | RECONNECTING);
}

int play_messages(struct play *p)
{
    return repeat(p, 0);
}

int play_run(struct play *p, const struct behaviour *b, unsigned int seconds, uint64_t seed)
{
    struct frontend *fe = p->fe;
    int err;

    *p = (struct play){.b = b, .fe = fe, .random = seed};
    p->end_ns = clock_ns() + (uint64_t)seconds * 1000000000U;
    err = b->run(p);
    guest_down(p);
    return err;
}
