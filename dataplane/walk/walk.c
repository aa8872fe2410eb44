// SPDX-License-Identifier: BSD-3-Clause
// Which functions does a packet meet, and what do they decide? Worker; called by worker.c for
// packets that no flow has decided. Ingress finds the attachment, the function behind it judges a
// whole burst at once, egress carries out the verdicts; what goes on to another function comes
// back by the queue until all are at a port.

#include "dataplane/walk/walk.h"

#include <rte_cycles.h>

#include "dataplane/core/counters.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/ingress.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/trace.h"

#define TICKS_PER_SEC 1000 // of walk_tick
#define TICK_ROUND 100     // of them for all functions

static void drop(const struct walk_context *ctx, struct rte_mbuf *m, unsigned reason)
{
    counters_drop(packet_of(m)->in_port, ctx->worker, reason, 1);
    rte_pktmbuf_free(m);
}

static inline void note_hop(const struct walk_context *ctx, struct rte_mbuf *m,
                            uint64_t fingerprint)
{
    struct walk_trace *t = walk_trace_of(ctx, m);

    if (t != NULL)
        walk_trace_hop(t, packet_of(m), fingerprint);
}

static void carry_out(const struct walk_context *ctx, const struct function *f, struct rte_mbuf **m,
                      unsigned n, uint64_t fingerprint)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packet_of(m[i]);

        switch (p->verdict) {
        case PACKET_FORWARD:
            note_hop(ctx, m[i], fingerprint);
            egress_forward(ctx, m[i], p->out);
            break;
        case PACKET_FLOOD:
            egress_flood(ctx, f, m[i]);
            break;
        default: // PACKET_DROP
            drop(ctx, m[i], p->drop);
            break;
        }
    }
}

// A consumed mbuf may be anybody's by now: its metadata is not looked at again, so process() has
// taken it out of the array. Close the gaps.
static unsigned compact(struct rte_mbuf **m, unsigned n)
{
    unsigned n_left = 0;

    for (unsigned i = 0; i < n; i++)
        if (m[i] != NULL)
            m[n_left++] = m[i];
    return n_left;
}

static void decide(const struct walk_context *ctx, uint32_t function, struct rte_mbuf **m,
                   unsigned n)
{
    const struct function *f = &ctx->generation->functions[function];
    uint64_t fingerprint = 0;

    if (unlikely(function == FUNCTION_NONE)) {
        for (unsigned i = 0; i < n; i++)
            egress_forward(ctx, m[i], ctx->generation->attachments[packet_of(m[i])->in].peer);
        return;
    }
    if (ctx->traces != NULL && f->ops->fingerprint != NULL) // before it decides by it
        fingerprint = f->ops->fingerprint(f);
    f->ops->process(f, ctx, m, n);
    carry_out(ctx, f, m, compact(m, n), fingerprint);
}

// Split off the packets for the function of the first one, keeping their order. Almost always all.
static unsigned split(const struct generation *generation, struct rte_mbuf **m, unsigned n,
                      struct rte_mbuf **group)
{
    uint32_t function = generation->attachments[packet_of(m[0])->in].function;
    unsigned n_group = 0, n_rest = 0;

    for (unsigned i = 0; i < n; i++) {
        if (generation->attachments[packet_of(m[i])->in].function == function)
            group[n_group++] = m[i];
        else
            m[n_rest++] = m[i];
    }
    return n_group;
}

static void decide_all(const struct walk_context *ctx, struct rte_mbuf **m, unsigned n)
{
    struct rte_mbuf *group[BURST_SIZE];

    while (n > 0) {
        uint32_t function = ctx->generation->attachments[packet_of(m[0])->in].function;
        unsigned n_group = split(ctx->generation, m, n, group);

        decide(ctx, function, group, n_group);
        n -= n_group;
    }
}

// Until all have left. The queue bounds how often.
static void walk_on(const struct walk_context *ctx)
{
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n;

    while ((n = walk_queue_take(ctx->queue, m, BURST_SIZE)) > 0)
        decide_all(ctx, m, n);
}

void walk_burst(const struct walk_context *ctx, struct rte_mbuf **m, unsigned n)
{
    const struct generation *generation = ctx->generation;
    unsigned n_left = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct port_entry *entry = &generation->ports[packet_of(m[i])->in_port];
        uint8_t reason = ingress_admit(generation, entry, m[i]);

        packet_of(m[i])->n_hops = 0;
        if (unlikely(reason != API_DROP_NONE))
            drop(ctx, m[i], reason);
        else
            m[n_left++] = m[i];
    }
    decide_all(ctx, m, n_left);
    walk_on(ctx);
}

void walk_tick(const struct walk_context *ctx)
{
    static uint64_t next_tsc; // worker 0's, as the next
    static uint32_t cursor;
    const struct generation *generation = ctx->generation;
    uint32_t n;

    if (likely(generation->n_tick == 0 || ctx->now_tsc < next_tsc))
        return;
    next_tsc = ctx->now_tsc + rte_get_tsc_hz() / TICKS_PER_SEC;
    n = (generation->n_tick + TICK_ROUND - 1) / TICK_ROUND;
    for (uint32_t i = 0; i < n; i++) {
        const struct function *f;

        cursor = cursor + 1 < generation->n_tick ? cursor + 1 : 0;
        f = &generation->functions[generation->tick_list[cursor]];
        f->ops->tick(f, ctx);
        walk_on(ctx);
    }
}
