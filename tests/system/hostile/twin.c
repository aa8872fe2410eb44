// SPDX-License-Identifier: BSD-3-Clause
// Does a sound neighbour lose anything? Two virtio devices, each with its socket, send numbered
// frames to each other at a modest rate; the report counts lost, duplicated, reordered and foreign
// frames and the longest silence. One thread that sleeps between batches: it must not take the core
// from the peer that it watches. Called by main.c.
#include "tests/system/hostile/twin.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/hostile/guest.h"

#define NAP_US 200U
#define CONNECT_TIMEOUT_MS 15000U
#define LEARN_TIMEOUT_NS 10000000000U
#define STRAGGLER_TIMEOUT_NS 2000000000U
#define MAX_BATCH 256U

// One device and the direction that starts there.
struct side {
    struct frontend fe;
    struct guest guest;
    uint16_t free_tx[GUEST_MAX_RING];
    unsigned int n_free_tx;
    uint64_t n_sent;    // next number to send
    uint64_t n_blocked; // frames that found the transmit ring full; sent later or never
    uint64_t n_closed;
    // What arrived here from the other side.
    uint64_t n_received;
    uint64_t n_duplicated;
    uint64_t n_reordered;
    uint64_t n_foreign;
    uint64_t n_learned;
    uint64_t next_seq;
    uint64_t last_ns;
    uint64_t max_gap_ns;
    uint8_t *seen; // one bit for each number
};

struct twin {
    const struct twin_options *o;
    struct side side[2];
    uint64_t n_total;    // frames in each direction, and bits in seen
    uint64_t end_ns;     // when the last frame is due
    uint64_t max_nap_ns; // the longest time that we did not look: beyond the ring, loss is our own
};

static void note_arrival(struct side *s, uint64_t seq, uint64_t now)
{
    uint8_t bit = (uint8_t)(1U << (seq & 7));

    if ((s->seen[seq >> 3] & bit) != 0) {
        s->n_duplicated++;
        return;
    }
    s->seen[seq >> 3] |= bit;
    s->n_received++;
    if (seq < s->next_seq)
        s->n_reordered++;
    else
        s->next_seq = seq + 1;
    if (s->last_ns != 0 && now - s->last_ns > s->max_gap_ns)
        s->max_gap_ns = now - s->last_ns;
    s->last_ns = now;
}

static void read_frame(struct twin *t, unsigned int i, const uint8_t *buffer, uint32_t len,
                       uint64_t now)
{
    struct side *s = &t->side[i];
    uint32_t sender = 0;
    uint64_t seq = 0;

    if (len < GUEST_NET_HDR ||
        !frame_read(buffer + GUEST_NET_HDR, len - GUEST_NET_HDR, &sender, &seq) || sender != 1 - i)
        s->n_foreign++;
    else if (seq == FRAME_SEQ_LEARN)
        s->n_learned++;
    else if (seq < t->n_total && len - GUEST_NET_HDR == t->o->frame_size)
        note_arrival(s, seq, now);
    else if (seq != FRAME_SEQ_FLOOD)
        s->n_foreign++;
}

// Takes what arrived at side i and gives the buffers back.
static void receive(struct twin *t, unsigned int i)
{
    struct guest *g = &t->side[i].guest;
    struct ring *r = &g->ring[RX];
    uint16_t used = ring_used(r);
    uint64_t now = clock_ns();
    const struct vring_used_elem *e;

    if (used == r->used_seen)
        return;
    for (; r->used_seen != used; r->used_seen = (uint16_t)(r->used_seen + 1)) {
        e = &r->used->ring[r->used_seen & (r->size - 1U)];
        if (e->id >= r->size || e->len > GUEST_BUFFER_SIZE) {
            t->side[i].n_foreign++;
            continue;
        }
        read_frame(t, i, guest_at(g, guest_buffer_off(RX, e->id)), e->len, now);
        ring_offer(r, e->id);
    }
    ring_publish(r);
}

static void reclaim(struct side *s)
{
    struct ring *r = &s->guest.ring[TX];
    uint16_t used = ring_used(r);
    uint32_t id;

    for (; r->used_seen != used; r->used_seen = (uint16_t)(r->used_seen + 1)) {
        id = r->used->ring[r->used_seen & (r->size - 1U)].id;
        if (id < r->size && s->n_free_tx < r->size)
            s->free_tx[s->n_free_tx++] = (uint16_t)id;
    }
}

// Puts one frame into the transmit ring of side i; false when there is no room.
static bool put(struct twin *t, unsigned int i, uint64_t seq)
{
    static const struct frame_end everyone = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0xffffffff};
    struct side *s = &t->side[i];
    const struct frame_end *to = seq == FRAME_SEQ_FLOOD ? &everyone : &t->o->end[1 - i];
    unsigned int size = t->o->frame_size;
    unsigned int j;
    uint8_t *buffer;

    if (s->n_free_tx == 0)
        return false;
    j = s->free_tx[--s->n_free_tx];
    buffer = guest_at(&s->guest, guest_buffer_off(TX, j));
    memset(buffer, 0, GUEST_NET_HDR);
    frame_fill(buffer + GUEST_NET_HDR, size, &t->o->end[i], to, i, seq);
    ring_describe(&s->guest.ring[TX], j, guest_gpa(guest_buffer_off(TX, j)), GUEST_NET_HDR + size,
                  0, 0);
    ring_offer(&s->guest.ring[TX], j);
    return true;
}

// Sends what is due at side i, at most a batch.
static void send_due(struct twin *t, unsigned int i, uint64_t n_due)
{
    struct side *s = &t->side[i];
    unsigned int n;

    if (n_due > t->n_total)
        n_due = t->n_total;
    reclaim(s);
    for (n = 0; n < MAX_BATCH && s->n_sent < n_due; n++) {
        if (!put(t, i, s->n_sent)) {
            s->n_blocked++;
            break;
        }
        s->n_sent++;
        if (t->o->flood_every != 0 && s->n_sent % t->o->flood_every == 0)
            put(t, i, FRAME_SEQ_FLOOD);
    }
    if (n > 0)
        ring_publish(&s->guest.ring[TX]);
}

static int side_start(struct side *s, unsigned int timeout_ms)
{
    unsigned int j;
    int err;

    err = frontend_open(&s->fe, timeout_ms);
    if (err < 0)
        return err;
    guest_fini(&s->guest);
    err = guest_init(&s->guest, &s->fe, GUEST_MAX_RING, GUEST_FEATURES_PLAIN);
    if (err == 0)
        err = guest_start(&s->guest);
    if (err < 0) {
        frontend_close(&s->fe);
        return err;
    }
    for (j = 0; j < GUEST_MAX_RING; j++)
        s->free_tx[j] = (uint16_t)j;
    s->n_free_tx = GUEST_MAX_RING;
    guest_offer_rx(&s->guest, GUEST_MAX_RING);
    return 0;
}

static int start(struct twin *t, const char **why)
{
    const struct twin_options *o = t->o;
    unsigned int i;
    int err = 0;

    *why = "no socket at the given path";
    for (i = 0; err == 0 && i < 2; i++)
        err = frontend_init(&t->side[i].fe, o->path[i], o->is_dialling);
    if (err < 0)
        return err;
    *why = "the peer did not connect both devices";
    for (i = 0; err == 0 && i < 2; i++)
        err = side_start(&t->side[i], CONNECT_TIMEOUT_MS);
    return err;
}

// Sends uncounted frames both ways until both have seen five: the switch knows where both are.
static int learn(struct twin *t, const char **why)
{
    uint64_t end = clock_ns() + LEARN_TIMEOUT_NS;
    unsigned int i;

    while (t->side[0].n_learned < 5 || t->side[1].n_learned < 5) {
        for (i = 0; i < 2; i++) {
            receive(t, i);
            reclaim(&t->side[i]);
            if (put(t, i, FRAME_SEQ_LEARN))
                ring_publish(&t->side[i].guest.ring[TX]);
        }
        *why = "no frame gets from one device to the other";
        if (clock_ns() > end)
            return -ETIMEDOUT;
        sleep_us(20000);
    }
    return 0;
}

// The peer may hang up only where reconnecting was asked for.
static int check_connections(struct twin *t, const char **why)
{
    unsigned int i;

    for (i = 0; i < 2; i++) {
        if (t->side[i].fe.fd >= 0 && frontend_has_closed(&t->side[i].fe, 0)) {
            t->side[i].n_closed++;
            frontend_close(&t->side[i].fe);
            *why = "the peer closed the connection";
            if (!t->o->is_reconnecting)
                return -EPIPE;
        }
        if (t->side[i].fe.fd < 0)
            side_start(&t->side[i], 0);
    }
    return 0;
}

static volatile sig_atomic_t is_told_to_end;

static void on_signal(int number)
{
    (void)number;
    is_told_to_end = 1;
}

static bool is_complete(const struct twin *t, bool is_over)
{
    return (is_over || (t->side[0].n_sent == t->n_total && t->side[1].n_sent == t->n_total)) &&
           t->side[1].n_received == t->side[0].n_sent && t->side[0].n_received == t->side[1].n_sent;
}

static int count(struct twin *t, const char **why)
{
    uint64_t begin = clock_ns();
    uint64_t end = begin + (uint64_t)t->o->seconds * 1000000000U;
    uint64_t now = begin;
    uint64_t then;
    unsigned int n_naps = 0;
    unsigned int i;
    int err;

    t->side[0].last_ns = t->side[1].last_ns = begin;
    t->end_ns = end;
    signal(SIGTERM, on_signal);
    while (now < end + STRAGGLER_TIMEOUT_NS && !is_complete(t, now >= end)) {
        if (is_told_to_end && now < end)
            t->end_ns = end = now;
        for (i = 0; i < 2; i++) {
            receive(t, i);
            if (now < end + (is_told_to_end ? 0 : NAP_US * 1000U) && t->side[i].fe.fd >= 0)
                send_due(t, i, (now - begin) * t->o->rate / 1000000000U);
        }
        err = n_naps++ % 64 == 0 ? check_connections(t, why) : 0;
        if (err < 0)
            return err;
        sleep_us(NAP_US);
        then = now;
        now = clock_ns();
        if (now - then > t->max_nap_ns)
            t->max_nap_ns = now - then;
    }
    return 0;
}

static void report(const struct twin *t)
{
    static const char *const names[2] = {"a_to_b", "b_to_a"};
    const struct side *from, *to;
    unsigned int i;

    printf("{");
    for (i = 0; i < 2; i++) {
        from = &t->side[i];
        to = &t->side[1 - i];
        printf("\"%s\": {\"sent\": %" PRIu64 ", \"received\": %" PRIu64 ", \"lost\": %" PRIu64
               ", \"duplicated\": %" PRIu64 ", \"reordered\": %" PRIu64
               ", \"max_gap_ms\": %.1f, \"blocked\": %" PRIu64 "}, ",
               names[i], from->n_sent, to->n_received, from->n_sent - to->n_received,
               to->n_duplicated, to->n_reordered, (double)to->max_gap_ns / 1e6, from->n_blocked);
    }
    printf("\"foreign\": %" PRIu64 ", \"closed\": %" PRIu64 ", \"max_nap_ms\": %.1f}\n",
           t->side[0].n_foreign + t->side[1].n_foreign, t->side[0].n_closed + t->side[1].n_closed,
           (double)t->max_nap_ns / 1e6);
}

static void close_gaps(struct twin *t)
{
    uint64_t now = clock_ns();
    unsigned int i;

    // Silence up to the end of sending counts where frames are missing.
    if (now > t->end_ns)
        now = t->end_ns;
    for (i = 0; i < 2; i++) {
        if (t->side[i].n_received < t->side[1 - i].n_sent && now > t->side[i].last_ns &&
            now - t->side[i].last_ns > t->side[i].max_gap_ns)
            t->side[i].max_gap_ns = now - t->side[i].last_ns;
    }
}

int twin_run(const struct twin_options *o, const char **why)
{
    struct twin *t = calloc(1, sizeof(*t));
    unsigned int i;
    int err;

    *why = "no memory";
    if (t == NULL)
        return -ENOMEM;
    t->o = o;
    t->n_total = o->rate * o->seconds;
    for (i = 0; i < 2; i++) {
        t->side[i].fe.fd = t->side[i].fe.listen_fd = -1;
        t->side[i].guest.mem_fd[0] = t->side[i].guest.mem_fd[1] = -1;
        t->side[i].guest.ring[RX].kick_fd = t->side[i].guest.ring[TX].kick_fd = -1;
        t->side[i].guest.ring[RX].call_fd = t->side[i].guest.ring[TX].call_fd = -1;
        t->side[i].seen = calloc(t->n_total / 8 + 1, 1);
    }
    err = t->side[0].seen == NULL || t->side[1].seen == NULL ? -ENOMEM : 0;
    if (err == 0)
        err = start(t, why);
    if (err == 0)
        err = learn(t, why);
    if (err == 0) {
        err = count(t, why);
        close_gaps(t);
        report(t);
    }
    for (i = 0; i < 2; i++) {
        frontend_fini(&t->side[i].fe);
        guest_fini(&t->side[i].guest);
        free(t->side[i].seen);
    }
    free(t);
    return err;
}
