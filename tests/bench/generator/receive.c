// SPDX-License-Identifier: BSD-3-Clause
// Which frame is this, is it right, how long was it under way, and by which name is its flow known
// on this side? Called by load.c and setup.c, on the only thread. Next: routed.c, what is right.
#include "tests/bench/generator/side.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_prefetch.h>

#include "tests/bench/generator/routed.h"

// What a burst has in common.
struct reception {
    struct side *side;
    uint64_t now_tsc;
};

// Where in the tables is the flow of a frame of the peer's? False if that can't be told: it was
// under way when the peer turned to another place.
static bool find_place(const struct side *s, uint32_t seq, uint32_t *place)
{
    const struct side *peer = s->peer;
    uint32_t n = seq - peer->seq_base;

    if (n >= peer->tx_seq - peer->seq_base)
        return false;
    *place = (uint32_t)(((uint64_t)peer->flow_base + n) % s->flows->n);
    return true;
}

static void note_fault(struct side *s, const char *fault)
{
    s->stats.n_wrong++;
    if (s->stats.fault == NULL)
        s->stats.fault = fault;
}

// Its flow is only known where frames of one direction don't overtake a change of the flow.
static bool check_frame(struct side *s, const struct rte_mbuf *m, const struct frame_udp *u)
{
    const struct flow *flow = NULL;
    const char *fault;
    uint32_t place;
    uint32_t path;

    if (!s->template.is_ip6 && (s->is_proving || s->options->churn <= 0) &&
        find_place(s, u->seq, &place))
        flow = &s->flows->table[place];
    fault = m->nb_segs > 1 ? "more than one buffer"
                           : routed_fault(rte_pktmbuf_mtod(m, const void *), m->data_len,
                                          &s->template, flow, s->n_paths, &path);
    s->stats.n_checked++;
    if (fault == NULL)
        s->stats.n_by_path[path]++;
    else
        note_fault(s, fault);
    return fault == NULL;
}

// The source of a frame is where its flow is to be answered.
static bool learn(struct side *s, const struct rte_mbuf *m, const struct frame_udp *u)
{
    const struct frame4 *f = rte_pktmbuf_mtod_offset(m, const void *, s->template.tag_len);
    uint32_t place;

    if (!find_place(s, u->seq, &place))
        return false;
    // With churn the table's flow is an older one: all of it is learned.
    if (s->options->churn > 0) {
        s->flows->table[place].addrs[SIDE_B] = f->ip.dst_addr;
        s->flows->table[place].ports[SIDE_B] = u->dst_port;
    }
    return flow_learn(&s->flows->table[place], f->ip.src_addr, u->src_port);
}

static void note_seen(struct side *s, const struct frame_udp *u, bool is_translated)
{
    uint64_t bit;
    uint32_t place;

    if (!find_place(s, u->seq, &place))
        return;
    bit = 1ULL << place % 64;
    if (s->seen[place / 64] & bit)
        return;
    s->seen[place / 64] |= bit;
    s->n_seen++;
    s->n_translated += is_translated;
}

static void take_frame(struct side *s, const struct rte_mbuf *m, const struct frame_udp *u)
{
    bool is_translated = s->is_learning && frame_is_new(u) && learn(s, m, u);

    if (s->is_noting && (!s->is_proving || check_frame(s, m, u)))
        note_seen(s, u, is_translated);
}

static void count_frame(const struct reception *r, const struct rte_mbuf *m)
{
    struct side *s = r->side;
    const struct frame_udp *u = frame_udp(rte_pktmbuf_mtod(m, const void *), &s->template);
    enum side_id sender = frame_sender(u, &s->template, m->data_len);

    if (unlikely(sender == N_SIDES)) {
        s->stats.n_rx_foreign++;
        return;
    }
    if (unlikely(sender == s->id)) {
        s->stats.n_rx_reflected++;
        return;
    }
    s->stats.n_rx++;
    s->stats.n_rx_bytes += m->pkt_len;
    if (likely((int32_t)(u->seq - s->rx_seq) >= 0))
        s->rx_seq = u->seq + 1; // a gap is seen in the end, as the difference of sent and received
    else
        s->stats.n_rx_late++;
    if (s->latency != NULL) {
        uint64_t stamp =
            frame_stamp(rte_pktmbuf_mtod_offset(m, const struct frame4 *, s->template.tag_len));

        histogram_add(s->latency, (r->now_tsc - stamp) & FRAME_STAMP_MASK);
    }
    if (unlikely(s->is_noting || frame_is_new(u)))
        take_frame(s, m, u);
}

// Only what the other side sent can be right or wrong.
static void check_sample(struct side *s, const struct rte_mbuf *m)
{
    const struct frame_udp *u = frame_udp(rte_pktmbuf_mtod(m, const void *), &s->template);
    enum side_id sender = frame_sender(u, &s->template, m->data_len);

    if (sender != N_SIDES && sender != s->id)
        check_frame(s, m, u);
}

unsigned side_receive(struct side *s)
{
    struct rte_mbuf *mbufs[BURST_MAX];
    uint16_t n = rte_eth_rx_burst(s->port_id, 0, mbufs, s->burst_size);
    struct reception r = {.side = s, .now_tsc = s->latency != NULL ? rte_rdtsc() : 0};

    s->stats.n_rx_polls++;
    if (n == 0)
        return 0;
    s->stats.n_rx_bursts++;
    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
    for (uint16_t i = 0; i < n; i++)
        count_frame(&r, mbufs[i]);
    if (s->n_paths > 0 && !s->is_proving) // each place in a burst has its turn
        check_sample(s, mbufs[s->stats.n_rx_bursts % n]);
    rte_pktmbuf_free_bulk(mbufs, n);
    return n;
}
