// SPDX-License-Identifier: BSD-3-Clause
// How does a burst get through a chain? All tuples are read, all sessions looked up at once, then
// each packet goes its way: with its session, as the first of one (session.c), as an error about
// one (related.c), as a fragment (fragments.c). Worker, called by walk.c. Next: session.c.

#include <rte_ether.h>

#include "dataplane/chain/burst.h"
#include "dataplane/session/clock.h"

// What is known of each packet of a burst.
struct lookup {
    uint8_t kind[BURST_SIZE]; // enum chain_packet_kind
    uint8_t drop[BURST_SIZE];
    struct session_query query[BURST_SIZE];
    struct session_hit hit[BURST_SIZE];
};

void chain_drop(const struct chain_burst *b, struct rte_mbuf *m, uint8_t reason)
{
    struct packet *p = packet_of(m);

    p->verdict = PACKET_DROP;
    p->drop = reason;
    b->counters->dropped++;
}

static void swap_macs(struct rte_mbuf *m)
{
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    struct rte_ether_addr source = eth->src_addr;

    eth->src_addr = eth->dst_addr;
    eth->dst_addr = source;
}

void chain_forward(const struct chain_burst *b, struct rte_mbuf *m, unsigned side)
{
    struct packet *p = packet_of(m);

    if (unlikely(side == chain_side_of(b, p))) {
        swap_macs(m);
        b->counters->turned++;
    } else if (side == SESSION_OUTSIDE) {
        b->counters->out++;
    } else {
        b->counters->in++;
    }
    p->verdict = PACKET_FORWARD;
    p->out = b->f->first_attachment + side;
}

static void pass(const struct chain_burst *b, struct rte_mbuf *m)
{
    chain_forward(b, m, !chain_side_of(b, packet_of(m)));
}

static void look_up(const struct chain_burst *b, struct rte_mbuf **m, unsigned n,
                    struct lookup *lookup)
{
    const struct session_query *queries[BURST_SIZE];
    struct session_hit hits[BURST_SIZE];
    uint8_t place[BURST_SIZE];
    unsigned n_queries = 0;

    for (unsigned i = 0; i < n; i++) {
        struct session_query *query = &lookup->query[i];

        lookup->kind[i] =
            (uint8_t)chain_packet_tuple(m[i], packet_of(m[i]), &query->tuple, &lookup->drop[i]);
        if (lookup->kind[i] != CHAIN_PACKET_SESSION && lookup->kind[i] != CHAIN_PACKET_ALONE)
            continue;
        query->chain = b->config->id;
        query->side = (uint8_t)chain_side_of(b, packet_of(m[i]));
        if (lookup->kind[i] == CHAIN_PACKET_ALONE)
            continue;
        place[n_queries] = (uint8_t)i;
        queries[n_queries++] = query;
    }
    if (n_queries > 0)
        session_find_burst(queries, hits, n_queries);
    for (unsigned i = 0; i < n_queries; i++)
        lookup->hit[place[i]] = hits[i];
}

// A packet with a tuple.
static void decide(struct chain_burst *b, struct rte_mbuf **m, const struct lookup *lookup,
                   unsigned i)
{
    int is_first_fragment = packet_of(*m)->flags & PACKET_FRAGMENT;
    struct chain_outcome outcome;

    if (unlikely(is_first_fragment) && !chain_fragment_first(b, *m))
        return;
    if (likely(lookup->kind[i] == CHAIN_PACKET_SESSION))
        chain_settle(b, *m, &lookup->query[i], &lookup->hit[i], &outcome);
    else
        chain_settle_alone(b, *m, &lookup->query[i], &outcome);
    if (outcome.is_waiting)
        return;
    if (unlikely(is_first_fragment))
        chain_fragment_decided(b, m, &outcome);
    else
        chain_carry_out(b, *m, &outcome);
}

static void decide_one(struct chain_burst *b, struct rte_mbuf **m, const struct lookup *lookup,
                       unsigned i)
{
    if (unlikely(lookup->kind[i] != CHAIN_PACKET_SESSION)) // it may be about that session
        chain_complete(b);
    switch (lookup->kind[i]) {
    case CHAIN_PACKET_SESSION:
    case CHAIN_PACKET_ALONE:
        decide(b, m, lookup, i);
        break;
    case CHAIN_PACKET_ICMP_ERROR:
        chain_relate(b, *m);
        break;
    case CHAIN_PACKET_LATER_FRAGMENT:
        chain_fragment_later(b, m);
        break;
    case CHAIN_PACKET_LINK:
        pass(b, *m);
        break;
    case CHAIN_PACKET_OTHER:
        if (b->config->has_firewall)
            chain_drop(b, *m, DROP_CHAIN_NOT_IP);
        else
            pass(b, *m);
        break;
    default: // CHAIN_PACKET_BAD
        chain_drop(b, *m, lookup->drop[i]);
        break;
    }
}

void chain_process(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                   unsigned n)
{
    struct chain_burst b = {
        .f = f,
        .config = f->config,
        .ctx = ctx,
        .counters = chain_counters_of(f->state, ctx->worker),
    };
    struct chain_opening openings[2];
    struct lookup lookup;

    if (b.config->n_stages == 0) { // beside a guest
        for (unsigned i = 0; i < n; i++)
            pass(&b, m[i]);
        return;
    }
    openings[0].m = openings[1].m = NULL;
    b.openings = openings;
    b.stamp = chain_stamp(b.config);
    b.now_ms = session_clock_ms(ctx->now_tsc);
    look_up(&b, m, n, &lookup);
    for (unsigned i = 0; i < n; i++)
        decide_one(&b, &m[i], &lookup, i);
    chain_complete(&b);
}
