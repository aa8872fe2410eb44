// SPDX-License-Identifier: BSD-3-Clause
// Is the DUT ready? Called by run.c, on the only thread. A phase ends by a condition that it sees
// itself (frames arrived), so a slow DUT needs no sleeps here. Around a NAT all flows are set up
// first, each is proven both ways, and B learns where to answer it (RFC 9693 has the same two
// phases). Next: load.c.
#include "tests/bench/generator/run.h"

#include <errno.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_cycles.h>

#define PROBE_GAP_MS 10
#define ROUNDS 20 // of anything that gets lost
#define LEARN_BURST 32
#define LEARN_WAIT_MS 5 // per burst, until its frames are given up
#define PROVE_BURST 256U
#define PROVE_WAIT_MS 50
#define PROVE_ROUNDS 200 // a DUT may make room for sessions meanwhile
#define OPEN_WINDOW 512
#define OPEN_GIVE_UP_MS 20 // what has not come by then does not come
#define OPEN_MAX_SEC 60

static bool has_passed(const struct run *r, enum side_id from)
{
    if (!r->options->is_sending[from] || (r->options->is_nat && from == SIDE_B))
        return true;
    for (uint32_t i = 0; i < r->n_pairs; i++)
        if (r->pairs[i].sides[from].peer->stats.n_rx == 0)
            return false;
    return true;
}

static void send_probes(struct run *r)
{
    for (uint32_t i = 0; i < r->n_pairs; i++)
        for (int id = 0; id < N_SIDES; id++)
            if (!has_passed(r, (enum side_id)id))
                side_send(&r->pairs[i].sides[id], 1);
}

// A frame now and then until one arrives in each direction that will be used. From outside a NAT
// none would come.
int setup_probe(struct run *r)
{
    uint64_t now = rte_rdtsc();
    uint64_t end = now + (uint64_t)(r->options->wait_sec * (double)r->cycles_per_sec);
    uint64_t next = now;

    while (!has_passed(r, SIDE_A) || !has_passed(r, SIDE_B)) {
        now = rte_rdtsc();
        if (*r->is_stopping)
            return -EINTR;
        if (now > end) {
            run_sum(r);
            fprintf(stderr, "culvert-generator: no frame came through%s: %lu at A, %lu at B\n",
                    r->n_pairs > 1 ? " each pair" : "", r->sums[SIDE_A].n_rx, r->sums[SIDE_B].n_rx);
            return -ETIMEDOUT;
        }
        if (now >= next) {
            send_probes(r);
            next = now + run_cycles_of_ms(r, PROBE_GAP_MS);
        }
        load_receive(r);
    }
    return 0;
}

// Send n frames and wait until they arrived at the other side. False if some did not.
static bool send_and_see(struct run *r, struct side *s, unsigned n)
{
    uint64_t n_before = s->peer->stats.n_rx;
    uint64_t end = rte_rdtsc() + run_cycles_of_ms(r, LEARN_WAIT_MS);
    unsigned n_sent = 0;

    while (s->peer->stats.n_rx - n_before < n && rte_rdtsc() < end) {
        if (n_sent < n)
            n_sent += side_send(s, n - n_sent);
        load_receive(r);
    }
    return s->peer->stats.n_rx - n_before >= n;
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
    for (int round = 0; round < ROUNDS; round++) {
        bool is_complete = true;

        for (uint32_t i = 0; i < r->n_pairs; i++)
            for (int id = 0; id < N_SIDES; id++)
                is_complete &= learn_side(r, &r->pairs[i].sides[id]);
        if (*r->is_stopping)
            return -EINTR;
        if (is_complete)
            return 0;
        load_drain(r);
    }
    fprintf(stderr, "culvert-generator: learning frames still get lost after %d rounds\n", ROUNDS);
    return -ETIMEDOUT;
}

// Frames of the n flows from `place` on, until all have come, and right ones.
static int prove_some(struct run *r, struct side *s, uint32_t place, uint32_t n)
{
    for (int round = 0; round < PROVE_ROUNDS; round++) {
        uint64_t end = rte_rdtsc() + run_cycles_of_ms(r, PROVE_WAIT_MS);
        uint32_t n_sent = 0;

        side_seek(s, place);
        while (s->peer->n_seen < place + n && rte_rdtsc() < end && !*r->is_stopping) {
            if (n_sent < n)
                n_sent += side_send(s, n - n_sent);
            load_receive(r);
        }
        if (*r->is_stopping)
            return -EINTR;
        if (s->peer->n_seen == place + n)
            return 0;
    }
    fprintf(
        stderr,
        "culvert-generator: flows %u to %u from %c: %u don't come through after %d rounds%s%s\n",
        place, place + n - 1, "AB"[s->id], place + n - s->peer->n_seen, PROVE_ROUNDS,
        s->peer->stats.fault != NULL ? ", or are wrong: " : "",
        s->peer->stats.fault != NULL ? s->peer->stats.fault : "");
    return -ETIMEDOUT;
}

static int prove_pair(struct run *r, struct pair *p)
{
    uint32_t n_flows = p->flows.n;
    int err = 0;

    for (uint32_t place = 0; place < n_flows && err == 0; place += PROVE_BURST) {
        uint32_t n = RTE_MIN(n_flows - place, PROVE_BURST);

        err = prove_some(r, &p->sides[SIDE_A], place, n);
        if (err == 0)
            err = prove_some(r, &p->sides[SIDE_B], place, n);
    }
    return err;
}

// What sides do with frames that begin flows, or are answers to them.
static void set_roles(struct run *r, bool is_noting, bool is_proving)
{
    for (uint32_t i = 0; i < r->n_pairs; i++) {
        struct side *a = &r->pairs[i].sides[SIDE_A];
        struct side *b = &r->pairs[i].sides[SIDE_B];

        a->is_all_new = is_noting;
        a->is_noting = b->is_noting = is_noting;
        a->is_proving = b->is_proving = is_proving;
    }
}

static void count_wrong(struct run *r)
{
    run_sum(r);
    for (int id = 0; id < N_SIDES; id++) {
        r->setup.n_wrong += r->sums[id].n_wrong;
        if (r->setup.fault == NULL)
            r->setup.fault = r->sums[id].fault;
    }
}

static void sum_setup(struct run *r)
{
    count_wrong(r);
    for (uint32_t i = 0; i < r->n_pairs; i++) {
        struct pair *p = &r->pairs[i];

        r->setup.n_flows += p->flows.n;
        r->setup.n_opened += p->sides[SIDE_B].n_seen;
        r->setup.n_translated += p->sides[SIDE_B].n_translated;
        r->setup.n_proven += p->sides[SIDE_A].n_seen;
    }
}

// The directions of a flow don't meet in the same moment: what is known of it is not in a cache
// because of the other direction.
static void part_directions(struct run *r)
{
    for (uint32_t i = 0; i < r->n_pairs; i++) {
        side_seek(&r->pairs[i].sides[SIDE_A], 0);
        side_seek(&r->pairs[i].sides[SIDE_B], r->pairs[i].flows.n / 2);
    }
}

int setup_prove(struct run *r)
{
    int err = setup_probe(r);

    if (err < 0)
        return err;
    load_forget(r); // what came of a flow that B has not learned is no fault
    if (r->options->is_learning)
        err = learn(r);
    if (r->options->is_nat && err == 0) {
        uint64_t start = rte_rdtsc();

        r->setup = (struct run_setup){0};
        set_roles(r, true, true);
        for (uint32_t i = 0; i < r->n_pairs && err == 0; i++)
            err = prove_pair(r, &r->pairs[i]);
        r->setup.seconds = (double)(rte_rdtsc() - start) / (double)r->cycles_per_sec;
        set_roles(r, false, false);
        sum_setup(r);
    }
    part_directions(r);
    return err;
}

// What a side has of its flows to send, and when the last one arrived.
struct stream {
    uint32_t n_left;
    uint32_t n_seen;      // at the other side, when it was looked at last
    uint64_t n_given_up;  // of those under way
    uint64_t arrived_tsc; // the last one
};

static unsigned stream_window(const struct stream *st, const struct side *s)
{
    uint64_t n_gone = s->peer->stats.n_rx + st->n_given_up;
    uint64_t n_under_way = s->stats.n_tx > n_gone ? s->stats.n_tx - n_gone : 0;

    return n_under_way < OPEN_WINDOW ? (unsigned)(OPEN_WINDOW - n_under_way) : 0;
}

// True as long as there is something to send or to wait for.
static bool stream_side(struct run *r, struct stream *st, struct side *s)
{
    uint64_t now = rte_rdtsc();
    unsigned n = RTE_MIN(st->n_left, stream_window(st, s));

    if (s->peer->n_seen != st->n_seen) {
        st->n_seen = s->peer->n_seen;
        st->arrived_tsc = now;
    }
    if (n > 0)
        st->n_left -= side_send(s, n);
    if (now - st->arrived_tsc < run_cycles_of_ms(r, OPEN_GIVE_UP_MS))
        return st->n_left > 0 || s->peer->n_seen < s->flows->n;
    st->n_given_up = s->stats.n_tx - RTE_MIN(s->peer->stats.n_rx, s->stats.n_tx);
    st->arrived_tsc = now;
    return st->n_left > 0;
}

// All flows from one side, as fast as the window lets them. Returns when the last one arrived.
static uint64_t stream(struct run *r, enum side_id from)
{
    struct stream streams[PAIRS_MAX];
    uint64_t start = rte_rdtsc();
    uint64_t end = start + OPEN_MAX_SEC * r->cycles_per_sec;
    uint64_t last = start;
    bool is_going = true;

    for (uint32_t i = 0; i < r->n_pairs; i++) {
        side_seek(&r->pairs[i].sides[from], 0);
        streams[i] = (struct stream){.n_left = r->pairs[i].flows.n, .arrived_tsc = start};
    }
    while (is_going && rte_rdtsc() < end && !*r->is_stopping) {
        is_going = false;
        for (uint32_t i = 0; i < r->n_pairs; i++) {
            uint32_t n_seen = streams[i].n_seen;

            is_going |= stream_side(r, &streams[i], &r->pairs[i].sides[from]);
            if (streams[i].n_seen != n_seen)
                last = streams[i].arrived_tsc;
        }
        load_receive(r);
    }
    return last;
}

int setup_open(struct run *r)
{
    int err = setup_probe(r);
    uint64_t start;

    if (err < 0)
        return err;
    load_forget(r);
    r->setup = (struct run_setup){0};
    set_roles(r, true, false);
    start = rte_rdtsc();
    r->setup.seconds = (double)(stream(r, SIDE_A) - start) / (double)r->cycles_per_sec;
    load_drain(r);
    count_wrong(r);
    load_forget(r);
    set_roles(r, true, true);
    stream(r, SIDE_B);
    load_drain(r);
    set_roles(r, false, false);
    sum_setup(r);
    part_directions(r);
    return *r->is_stopping ? -EINTR : 0;
}
