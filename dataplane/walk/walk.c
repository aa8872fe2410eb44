// SPDX-License-Identifier: BSD-3-Clause
// Which functions does a packet meet, and what do they decide? Worker; called by worker.c for
// packets that no flow has decided. Ingress finds the attachment, the function behind it judges a
// whole burst at once, egress carries out the verdicts.

#include "dataplane/walk/walk.h"

#include "dataplane/core/counters.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/ingress.h"

static void drop(const struct walk_context *ctx, struct rte_mbuf *m, unsigned reason)
{
    counters_drop(packet_of(m)->in_port, ctx->worker, reason, 1);
    rte_pktmbuf_free(m);
}

static void carry_out(const struct walk_context *ctx, const struct function *f, struct rte_mbuf **m,
                      unsigned n, struct port_tx *tx)
{
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packet_of(m[i]);

        switch (p->verdict) {
        case PACKET_FORWARD:
            egress_forward(ctx, m[i], p->out, tx);
            break;
        case PACKET_FLOOD:
            egress_flood(ctx, f, m[i], tx);
            break;
        default: // PACKET_DROP
            drop(ctx, m[i], p->drop);
            break;
        }
    }
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

void walk_burst(const struct walk_context *ctx, struct rte_mbuf **m, unsigned n, struct port_tx *tx)
{
    const struct generation *generation = ctx->generation;
    struct rte_mbuf *group[BURST_SIZE];
    unsigned n_left = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct port_entry *entry = &generation->ports[packet_of(m[i])->in_port];
        uint8_t reason = ingress_admit(generation, entry, m[i]);

        if (unlikely(reason != API_DROP_NONE))
            drop(ctx, m[i], reason);
        else
            m[n_left++] = m[i];
    }
    while (n_left > 0) {
        const struct function *f =
            &generation->functions[generation->attachments[packet_of(m[0])->in].function];
        unsigned n_group = split(generation, m, n_left, group);

        f->ops->process(f, ctx, group, n_group);
        carry_out(ctx, f, group, n_group, tx);
        n_left -= n_group;
    }
}
