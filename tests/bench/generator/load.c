// SPDX-License-Identifier: BSD-3-Clause
// How is a DUT loaded? Called by run.c, on the only thread. Counters restart after a drain, when
// nothing is under way: what is then sent and not received is lost. Next: side.c.
#include "tests/bench/generator/run.h"

#include <sched.h>
#include <time.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define QUIET_MS 20       // nothing arrives for so long: drained
#define DRAIN_MAX_MS 2000 // a DUT that sends for ever

unsigned load_receive(struct run *r)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < r->n_pairs; i++)
        n += side_receive(&r->pairs[i].sides[SIDE_A]) + side_receive(&r->pairs[i].sides[SIDE_B]);
    load_give_way(r);
    return n;
}

void load_give_way(const struct run *r)
{
    if (r->options->n_parts > 1)
        sched_yield();
}

void load_drain(struct run *r)
{
    uint64_t now = rte_rdtsc();
    uint64_t end = now + run_cycles_of_ms(r, DRAIN_MAX_MS);
    uint64_t quiet_end = now + run_cycles_of_ms(r, QUIET_MS);

    while (now < end && now < quiet_end && !*r->is_stopping) {
        now = rte_rdtsc();
        if (load_receive(r) > 0)
            quiet_end = now + run_cycles_of_ms(r, QUIET_MS);
    }
}

void load_forget(struct run *r)
{
    load_drain(r);
    for (uint32_t i = 0; i < r->n_pairs; i++) {
        for (int id = 0; id < N_SIDES; id++) {
            struct side *s = &r->pairs[i].sides[id];

            side_forget(s);
            side_seek(s, s->flow_next);
        }
    }
    r->loop = (struct run_loop){0};
}

// How many frames are due at the wanted rate. What can't be sent in time is given up, not made up
// for in a burst: the DUT's fault if it has left the ring full, else ours. The credit is in frames
// x cycles_per_sec, so that nothing is rounded away.
static unsigned frames_due(const struct run *r, struct side *s, uint64_t elapsed)
{
    uint64_t frame = r->cycles_per_sec * r->n_pairs;
    uint64_t cap = 2 * s->burst_size * frame;

    s->credit += elapsed * r->rate_pps;
    if (s->credit > cap) {
        uint64_t n_missed = (s->credit - cap) / frame;

        if (s->is_blocked)
            s->stats.n_tx_refused += n_missed;
        else
            s->stats.n_tx_late += n_missed;
        s->credit -= n_missed * frame;
    }
    return (unsigned)(s->credit / frame);
}

// How many may still go under way. With a window below the ring's size a generator that is kept
// from its core can't find its own ring overflown, and what is lost was lost by the DUT.
static unsigned window_left(const struct run *r, const struct side *s)
{
    uint64_t n_under_way = s->stats.n_tx - s->peer->stats.n_rx;

    if (r->options->window == 0 || s->peer->stats.n_rx >= s->stats.n_tx)
        return s->burst_size;
    return n_under_way < r->options->window ? (unsigned)(r->options->window - n_under_way) : 0;
}

static unsigned send_side(struct run *r, struct side *s, uint64_t elapsed)
{
    unsigned n_due = s->burst_size;
    unsigned n;

    if (!s->is_sending)
        return 0;
    if (r->rate_pps > 0)
        n_due = frames_due(r, s, elapsed);
    n_due = RTE_MIN(n_due, window_left(r, s));
    if (n_due == 0)
        return 0;
    n = side_send(s, n_due);
    if (r->rate_pps > 0)
        s->credit -= n * r->cycles_per_sec * r->n_pairs;
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

// Of both directions and both deeds, 3/4.
static unsigned full_iteration(const struct run *r)
{
    const struct options *o = r->options;

    return 3U * o->burst_size * r->n_pairs *
           (unsigned)(o->is_sending[SIDE_A] + o->is_sending[SIDE_B]) / 2;
}

static unsigned turn(struct run *r, uint64_t elapsed)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < r->n_pairs; i++) {
        struct side *sides = r->pairs[i].sides;

        n += send_side(r, &sides[SIDE_A], elapsed);
        n += side_receive(&sides[SIDE_B]);
        n += send_side(r, &sides[SIDE_B], elapsed);
        n += side_receive(&sides[SIDE_A]);
    }
    return n;
}

static void end_load(struct run *r, uint64_t cycles, uint64_t cpu_start_ns)
{
    r->loop.cycles = cycles;
    r->loop.cpu_ns = thread_cpu_ns() - cpu_start_ns;
    run_sum(r);
    for (int id = 0; id < N_SIDES; id++)
        r->n_rx_sending[id] = r->sums[id].n_rx;
}

void load(struct run *r, double seconds)
{
    unsigned n_full = full_iteration(r);
    uint64_t cpu_start_ns = thread_cpu_ns();
    uint64_t start = rte_rdtsc();
    uint64_t end = start + (uint64_t)(seconds * (double)r->cycles_per_sec);
    uint64_t last = start;
    uint64_t now = start;

    for (uint32_t i = 0; i < r->n_pairs; i++)
        r->pairs[i].sides[SIDE_A].credit = r->pairs[i].sides[SIDE_B].credit = 0;
    while (now < end && !*r->is_stopping) {
        unsigned n = turn(r, now - last);
        uint64_t done = rte_rdtsc();

        last = now;
        count_iteration(&r->loop, n, n_full, done - now);
        load_give_way(r);
        now = r->options->n_parts > 1 ? rte_rdtsc() : done;
    }
    end_load(r, now - start, cpu_start_ns);
}

// Frames of the burst that a side may still send: what a ring refuses is the burst's end.
static uint32_t send_of_burst(struct side *s, uint32_t n_left)
{
    uint32_t n_wanted = RTE_MIN(n_left, s->burst_size);
    uint32_t n = side_send(s, n_wanted);

    // A written burst may have been begun; what the ring refused stays pending.
    if (n == 0 || (n < n_wanted && s->n_pending > 0)) {
        s->stats.n_tx_refused += n_left - n;
        return 0;
    }
    return n_left - n;
}

void load_burst(struct run *r, uint32_t n)
{
    uint32_t left[PAIRS_MAX][N_SIDES];
    uint64_t cpu_start_ns = thread_cpu_ns();
    uint64_t start = rte_rdtsc();
    uint64_t n_left = 1;

    for (uint32_t i = 0; i < r->n_pairs; i++)
        for (int id = 0; id < N_SIDES; id++)
            left[i][id] = r->pairs[i].sides[id].is_sending ? n : 0;
    while (n_left > 0 && !*r->is_stopping) {
        n_left = 0;
        for (uint32_t i = 0; i < r->n_pairs; i++) {
            for (int id = 0; id < N_SIDES; id++) {
                if (left[i][id] > 0)
                    left[i][id] = send_of_burst(&r->pairs[i].sides[id], left[i][id]);
                n_left += left[i][id];
            }
        }
        load_receive(r);
    }
    end_load(r, rte_rdtsc() - start, cpu_start_ns);
}
