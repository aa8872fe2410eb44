// SPDX-License-Identifier: BSD-3-Clause
// When is what sent? Called once by main, on the only thread. A trial is a sequence of phases, and
// each one ends by a condition that it sees itself (frames arrived, time is over), so a slow DUT
// needs no sleeps here. Counters restart after a drain, when nothing is under way: what is then
// sent and not received is lost. Next: report.c.
#include "tests/bench/generator/run.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#define PROBE_GAP_MS 10
#define GO_GAP_US 1000
#define QUIET_MS 20       // nothing arrives for so long: drained
#define DRAIN_MAX_MS 2000 // a DUT that sends for ever
#define LEARN_ROUNDS 20
#define LEARN_BURST 32
#define LEARN_WAIT_MS 5 // per burst, until its frames are given up

static uint64_t cycles_of_ms(const struct run *r, uint64_t ms)
{
    return r->cycles_per_sec / 1000 * ms;
}

static unsigned receive_both(struct run *r)
{
    unsigned n = side_receive(&r->sides[SIDE_A]);

    return n + side_receive(&r->sides[SIDE_B]);
}

static void drain(struct run *r)
{
    uint64_t now = rte_rdtsc();
    uint64_t end = now + cycles_of_ms(r, DRAIN_MAX_MS);
    uint64_t quiet_end = now + cycles_of_ms(r, QUIET_MS);

    while (now < end && now < quiet_end && !*r->is_stopping) {
        now = rte_rdtsc();
        if (receive_both(r) > 0)
            quiet_end = now + cycles_of_ms(r, QUIET_MS);
    }
}

static void forget(struct run *r)
{
    drain(r);
    side_forget(&r->sides[SIDE_A]);
    side_forget(&r->sides[SIDE_B]);
    r->loop = (struct run_loop){0};
}

static bool has_passed(const struct run *r)
{
    return (!r->sides[SIDE_A].is_sending || r->sides[SIDE_B].stats.n_rx > 0) &&
           (!r->sides[SIDE_B].is_sending || r->sides[SIDE_A].stats.n_rx > 0);
}

// The DUT is not ready for frames yet: who starts it says when. Left to the core's others
// meanwhile.
static int await_go(const struct run *r)
{
    while (r->options->go_path != NULL && access(r->options->go_path, F_OK) < 0) {
        if (*r->is_stopping)
            return -EINTR;
        usleep(GO_GAP_US);
    }
    return 0;
}

// A frame now and then until one arrives in each direction that will be used.
static int probe(struct run *r)
{
    uint64_t now = rte_rdtsc();
    uint64_t end = now + (uint64_t)(r->options->wait_sec * (double)r->cycles_per_sec);
    uint64_t next = now;

    while (!has_passed(r)) {
        now = rte_rdtsc();
        if (*r->is_stopping)
            return -EINTR;
        if (now > end) {
            fprintf(stderr, "culvert-generator: no frame came through: %lu at A, %lu at B\n",
                    r->sides[SIDE_A].stats.n_rx, r->sides[SIDE_B].stats.n_rx);
            return -ETIMEDOUT;
        }
        if (now >= next) {
            for (int i = 0; i < N_SIDES; i++)
                if (r->sides[i].is_sending)
                    side_send(&r->sides[i], 1);
            next = now + cycles_of_ms(r, PROBE_GAP_MS);
        }
        receive_both(r);
    }
    return 0;
}

// Send n frames and wait until they arrived at the other side. False if some did not.
static bool send_and_see(struct run *r, struct side *s, unsigned n)
{
    struct side *peer = &r->sides[s->id == SIDE_A ? SIDE_B : SIDE_A];
    uint64_t n_before = peer->stats.n_rx;
    uint64_t end = rte_rdtsc() + cycles_of_ms(r, LEARN_WAIT_MS);
    unsigned n_sent = 0;

    while (peer->stats.n_rx - n_before < n && rte_rdtsc() < end) {
        if (n_sent < n)
            n_sent += side_send(s, n - n_sent);
        receive_both(r);
    }
    return peer->stats.n_rx - n_before >= n;
}

// The table of flows holds each MAC at least once: one round of it, from each side, is enough.
// Small bursts: a first packet may be subject to a quota or walk slowly.
static bool learn_side(struct run *r, struct side *s)
{
    uint32_t n_left = s->flows->n;
    bool is_complete = true;

    while (n_left > 0 && !*r->is_stopping) {
        uint32_t n = n_left < LEARN_BURST ? n_left : LEARN_BURST;

        is_complete &= send_and_see(r, s, n);
        n_left -= n;
    }
    return is_complete;
}

static int learn(struct run *r)
{
    for (int round = 0; round < LEARN_ROUNDS; round++) {
        bool is_complete = learn_side(r, &r->sides[SIDE_A]);

        is_complete &= learn_side(r, &r->sides[SIDE_B]);
        if (*r->is_stopping)
            return -EINTR;
        if (is_complete)
            return 0;
        drain(r);
    }
    fprintf(stderr, "culvert-generator: learning frames still get lost after %d rounds\n",
            LEARN_ROUNDS);
    return -ETIMEDOUT;
}

// How many frames are due at the wanted rate. What can't be sent in time is given up, not made up
// for in a burst. `credit` is in frames x cycles_per_sec, so that nothing is rounded away.
static unsigned frames_due(const struct run *r, struct side *s, uint64_t *credit, uint64_t elapsed)
{
    uint64_t cap = 2 * s->burst_size * r->cycles_per_sec;

    *credit += elapsed * r->options->rate_pps;
    if (*credit > cap) {
        uint64_t n_missed = (*credit - cap) / r->cycles_per_sec;

        s->stats.n_tx_refused += n_missed;
        *credit -= n_missed * r->cycles_per_sec;
    }
    return (unsigned)(*credit / r->cycles_per_sec);
}

// How many may still go under way. With a window below the ring's size a generator that is kept
// from its core can't find its own ring overflown, and what is lost was lost by the DUT.
static unsigned window_left(const struct run *r, const struct side *s)
{
    const struct side *peer = &r->sides[s->id == SIDE_A ? SIDE_B : SIDE_A];
    uint64_t n_under_way = s->stats.n_tx - peer->stats.n_rx;

    if (r->options->window == 0 || peer->stats.n_rx >= s->stats.n_tx)
        return s->burst_size;
    return n_under_way < r->options->window ? (unsigned)(r->options->window - n_under_way) : 0;
}

static unsigned send_side(struct run *r, struct side *s, uint64_t *credit, uint64_t elapsed)
{
    unsigned n_due = s->burst_size;
    unsigned n;

    if (!s->is_sending)
        return 0;
    if (r->options->rate_pps > 0)
        n_due = frames_due(r, s, credit, elapsed);
    n_due = RTE_MIN(n_due, window_left(r, s));
    if (n_due == 0)
        return 0;
    n = side_send(s, n_due);
    if (r->options->rate_pps > 0)
        *credit -= n * r->cycles_per_sec;
    else
        s->stats.n_tx_refused += s->n_pending;
    return n;
}

static void count_iteration(struct run_loop *l, unsigned n, unsigned n_full, uint64_t cycles)
{
    if (n == 0)
        return;
    l->busy_cycles += cycles;
    l->busy_frames += n;
    if (n >= n_full) {
        l->full_cycles += cycles;
        l->full_frames += n;
    }
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

static void load(struct run *r, double seconds)
{
    struct side *a = &r->sides[SIDE_A];
    struct side *b = &r->sides[SIDE_B];
    unsigned n_full = 3U * a->burst_size * (unsigned)(a->is_sending + b->is_sending) / 2;
    uint64_t credits[N_SIDES] = {0, 0};
    uint64_t cpu_start_ns = thread_cpu_ns();
    uint64_t start = rte_rdtsc();
    uint64_t end = start + (uint64_t)(seconds * (double)r->cycles_per_sec);
    uint64_t last = start;
    uint64_t now = start;
    uint64_t elapsed = 0;

    while (now < end && !*r->is_stopping) {
        unsigned n = send_side(r, a, &credits[SIDE_A], elapsed);

        n += side_receive(b);
        n += send_side(r, b, &credits[SIDE_B], elapsed);
        n += side_receive(a);
        now = rte_rdtsc();
        elapsed = now - last;
        last = now;
        count_iteration(&r->loop, n, n_full, elapsed);
    }
    r->loop.cycles = now - start;
    r->loop.cpu_ns = thread_cpu_ns() - cpu_start_ns;
    r->n_rx_sending[SIDE_A] = a->stats.n_rx;
    r->n_rx_sending[SIDE_B] = b->stats.n_rx;
}

int run_trial(struct run *r)
{
    int err = await_go(r);

    if (err == 0)
        err = probe(r);
    if (err < 0)
        return err;
    if (r->options->is_learning) {
        drain(r);
        err = learn(r);
        if (err < 0)
            return err;
    }
    load(r, r->options->warmup_sec);
    forget(r);
    load(r, r->options->duration_sec);
    drain(r);
    return *r->is_stopping ? -EINTR : 0;
}
