// SPDX-License-Identifier: BSD-3-Clause
// How many TCP connections a second begin and end through a DUT? Called by commands.c, on the only
// thread. A begins each flow as a connection, B answers, A closes; nothing is sent again, and what
// does not end in time is counted. Next: segment.c.
#include <errno.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "tests/bench/generator/run.h"
#include "tests/bench/generator/segment.h"

#define WINDOW 512        // connections of a pair under way
#define GIVE_UP_MS 50     // without progress
#define MAX_SEC 120       // for all
#define QUEUE_SIZE 1024   // segments that wait for a ring
#define CHECK_PERIOD 16   // of so many segments at A one is checked in full
#define BUFFERS_RESERVE 2 // of a burst: an answer to one segment may be two

struct queue {
    struct rte_mbuf *mbufs[QUEUE_SIZE];
    uint32_t first;
    uint32_t n;
};

struct ends {
    struct side *sides[N_SIDES];
    struct queue queues[N_SIDES];
    uint32_t n_begun;
    uint32_t n_opened; // SYN-ACK came
    uint32_t n_ended;  // last ACK came
    uint32_t n_given_up;
    uint32_t n_checks;
    uint64_t ended_tsc;    // when the last one did
    uint64_t progress_tsc; // that, or when the others were given up
};

static void put(struct queue *q, struct rte_mbuf *m)
{
    if (q->n == QUEUE_SIZE) {
        rte_pktmbuf_free(m); // lost, as in a ring that is full
        return;
    }
    q->mbufs[(q->first + q->n++) % QUEUE_SIZE] = m;
}

static void flush(struct queue *q, uint16_t port_id)
{
    while (q->n > 0) {
        uint32_t n = RTE_MIN(q->n, QUEUE_SIZE - q->first);
        uint16_t n_sent = rte_eth_tx_burst(port_id, 0, &q->mbufs[q->first], (uint16_t)n);

        q->first = (q->first + n_sent) % QUEUE_SIZE;
        q->n -= n_sent;
        if (n_sent < n)
            return;
    }
}

static void drop_all(struct queue *q)
{
    for (; q->n > 0; q->n--) {
        rte_pktmbuf_free(q->mbufs[q->first]);
        q->first = (q->first + 1) % QUEUE_SIZE;
    }
}

static struct rte_mbuf *alloc_segment(struct side *s)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(s->tx_pool);

    if (m != NULL)
        m->data_len = (uint16_t)(sizeof(struct segment) + s->template.tag_len);
    if (m != NULL)
        m->pkt_len = m->data_len;
    return m;
}

static void begin(struct ends *e)
{
    struct side *a = e->sides[SIDE_A];
    uint32_t n_gone = e->n_ended + e->n_given_up;

    while (e->n_begun < a->flows->n && e->n_begun - RTE_MIN(n_gone, e->n_begun) < WINDOW &&
           e->queues[SIDE_A].n < QUEUE_SIZE / 2) {
        struct rte_mbuf *m = alloc_segment(a);

        if (m == NULL)
            return;
        segment_write_syn(rte_pktmbuf_mtod(m, uint8_t *), &a->template,
                          &a->flows->table[e->n_begun], e->n_begun);
        put(&e->queues[SIDE_A], m);
        e->n_begun++;
    }
}

static void answer(struct ends *e, enum side_id id, struct rte_mbuf *m, uint8_t flags)
{
    m->ol_flags = 0;
    segment_answer(rte_pktmbuf_mtod(m, uint8_t *), &e->sides[id]->template, flags);
    put(&e->queues[id], m);
}

// The handshake's end, and at once the connection's.
static void acknowledge_and_close(struct ends *e, struct rte_mbuf *m)
{
    struct side *a = e->sides[SIDE_A];
    struct rte_mbuf *fin = alloc_segment(a);

    if (fin != NULL)
        memcpy(rte_pktmbuf_mtod(fin, void *), rte_pktmbuf_mtod(m, const void *),
               fin->data_len < m->data_len ? fin->data_len : m->data_len);
    answer(e, SIDE_A, m, RTE_TCP_ACK_FLAG);
    if (fin != NULL)
        answer(e, SIDE_A, fin, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG);
}

// At A the flow is known; B may see any source.
static bool is_sound(struct ends *e, enum side_id id, const struct segment *s, uint32_t place)
{
    struct side *side = e->sides[id];

    if (place >= side->flows->n)
        return false;
    if (id == SIDE_B || ++e->n_checks % CHECK_PERIOD != 0)
        return true;
    side->stats.n_checked++;
    if (segment_is_right(s, &side->template, &side->flows->table[place]))
        return true;
    side->stats.n_wrong++;
    side->stats.fault = "a TCP segment is not what was sent";
    return false;
}

// Takes the buffer.
static void take_segment(struct ends *e, enum side_id id, struct rte_mbuf *m)
{
    struct side *side = e->sides[id];
    const struct segment *s = rte_pktmbuf_mtod_offset(m, void *, side->template.tag_len);
    uint32_t place = 0;
    enum segment_kind kind =
        segment_read(s, &side->template, (uint16_t)(m->data_len - side->template.tag_len), &place);

    if (kind == SEGMENT_OTHER || !is_sound(e, id, s, place)) {
        side->stats.n_rx_foreign += kind == SEGMENT_OTHER;
        rte_pktmbuf_free(m);
        return;
    }
    side->stats.n_rx++;
    if (kind == SEGMENT_SYN) {
        answer(e, id, m, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG);
    } else if (kind == SEGMENT_SYN_ACK) {
        e->n_opened++;
        acknowledge_and_close(e, m);
    } else if (kind == SEGMENT_FIN) {
        answer(e, id, m, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG);
    } else if (kind == SEGMENT_FIN_ACK) {
        answer(e, id, m, RTE_TCP_ACK_FLAG);
    } else {
        e->n_ended += kind == SEGMENT_LAST_ACK;
        rte_pktmbuf_free(m);
    }
}

static void receive(struct ends *e, enum side_id id)
{
    struct rte_mbuf *mbufs[BURST_MAX];
    uint16_t n;

    // What can't be answered waits in the ring.
    if (e->queues[id].n > QUEUE_SIZE - BUFFERS_RESERVE * BURST_MAX)
        return;
    n = rte_eth_rx_burst(e->sides[id]->port_id, 0, mbufs, BURST_MAX);
    for (uint16_t i = 0; i < n; i++)
        take_segment(e, id, mbufs[i]);
}

// True as long as connections have to begin, or may still end.
static bool turn(struct run *r, struct ends *e)
{
    uint32_t n_ended = e->n_ended;
    uint64_t now;

    begin(e);
    for (int id = 0; id < N_SIDES; id++) {
        flush(&e->queues[id], e->sides[id]->port_id);
        receive(e, id == SIDE_A ? SIDE_B : SIDE_A);
    }
    now = rte_rdtsc();
    if (e->n_ended > n_ended) {
        e->ended_tsc = e->progress_tsc = now;
    } else if (now - e->progress_tsc > run_cycles_of_ms(r, GIVE_UP_MS)) {
        e->n_given_up = e->n_begun - RTE_MIN(e->n_ended, e->n_begun);
        if (e->n_begun == e->sides[SIDE_A]->flows->n)
            return false;
        e->progress_tsc = now;
    }
    return e->n_ended < e->sides[SIDE_A]->flows->n;
}

// The last one's end.
static uint64_t run_all(struct run *r, struct ends *ends)
{
    uint64_t end = rte_rdtsc() + MAX_SEC * r->cycles_per_sec;
    uint64_t last = 0;
    bool is_going = true;

    while (is_going && rte_rdtsc() < end && !*r->is_stopping) {
        is_going = false;
        for (uint32_t i = 0; i < r->n_pairs; i++)
            is_going |= turn(r, &ends[i]);
        load_give_way(r);
    }
    for (uint32_t i = 0; i < r->n_pairs; i++)
        last = RTE_MAX(last, ends[i].ended_tsc);
    return last;
}

int tcp_cycles(struct run *r)
{
    static struct ends ends[PAIRS_MAX];
    int err = setup_probe(r);
    uint64_t start;
    uint64_t last;

    if (err < 0)
        return err;
    load_forget(r);
    start = rte_rdtsc();
    for (uint32_t i = 0; i < r->n_pairs; i++)
        ends[i] = (struct ends){.sides = {&r->pairs[i].sides[SIDE_A], &r->pairs[i].sides[SIDE_B]},
                                .ended_tsc = start,
                                .progress_tsc = start};
    last = run_all(r, ends);
    r->setup = (struct run_setup){.seconds = (double)(last - start) / (double)r->cycles_per_sec};
    for (uint32_t i = 0; i < r->n_pairs; i++) {
        r->setup.n_flows += r->pairs[i].flows.n;
        r->setup.n_opened += ends[i].n_opened;
        r->setup.n_proven += ends[i].n_ended;
        r->setup.n_wrong += ends[i].sides[SIDE_A]->stats.n_wrong;
        for (int id = 0; id < N_SIDES; id++)
            drop_all(&ends[i].queues[id]);
    }
    return *r->is_stopping ? -EINTR : 0;
}
