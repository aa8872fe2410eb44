// SPDX-License-Identifier: BSD-3-Clause
// How does a decided packet get to its port or the next function, or a flooded one to many? Worker;
// called by walk.c, and by functions for packets of their own. A flood to ports takes a reference
// for each and copies no payload, so nobody may write to it afterwards. Next: port/tx.c or queue.c.

#include "dataplane/walk/egress.h"

#include <rte_ether.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/offload.h"
#include "dataplane/port/tx.h"
#include "dataplane/walk/queue.h"
#include "dataplane/walk/trace.h"
#include "dataplane/walk/vlan.h"

// VLAN ID of tag number `i` in front of the frame; parse has proven it.
static uint16_t tag_vlan(const uint8_t *frame, unsigned i)
{
    const uint8_t *tci = frame + 2 * RTE_ETHER_ADDR_LEN + i * VLAN_TAG_SIZE + 2;

    return (uint16_t)((tci[0] << 8 | tci[1]) & 0xfff);
}

// A frame that carries tags of its own must not pass for a frame of another attachment, maybe of
// another tenant, once this attachment's tags are in front of them.
static int is_own_vlan(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t out)
{
    const struct attachment *a = &ctx->generation->attachments[out];
    const struct port_entry *entry = &ctx->generation->ports[a->port->slot];
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    uint16_t first = tag_vlan(frame, 0);

    if (entry->by_outer == NULL || a->n_tags == 2)
        return 1;
    if (a->n_tags == 1)
        return port_entry_find(entry, a->outer_vlan, first) == out;
    return port_entry_find(entry, first, packet_of(m)->n_tags > 1 ? tag_vlan(frame, 1) : 0) == out;
}

static void drop_at(const struct walk_context *ctx, const struct attachment *a, struct rte_mbuf *m,
                    enum api_drop reason)
{
    counters_drop(a->port->slot, ctx->worker, reason, 1);
    rte_pktmbuf_free(m);
}

static void to_port(const struct walk_context *ctx, struct rte_mbuf *m, const struct attachment *a)
{
    struct walk_trace *t = walk_trace_of(ctx, m);

    if (t != NULL)
        walk_trace_end(t, m);
    if (a->n_tags > 0) {
        struct rte_mbuf *tagged = vlan_push(m, a);

        if (unlikely(tagged == NULL)) {
            drop_at(ctx, a, m, DROP_FLOOD_NO_BUFFER);
            return;
        }
        m = tagged;
    }
    port_tx_add(ctx->tx, a->port, m);
}

// A guest on a chain is down.
static void past_guest(const struct walk_context *ctx, struct rte_mbuf *m,
                       const struct attachment *a)
{
    packet_of(m)->trace = 0; // only as long as it is down
    if (a->is_passed_by)
        walk_queue_add(ctx, m, a->beyond);
    else
        drop_at(ctx, a, m, DROP_CHAIN_GUEST_DOWN);
}

void egress_forward(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t out)
{
    const struct attachment *a = &ctx->generation->attachments[out];

    if (unlikely(a->port == NULL)) {
        walk_queue_add(ctx, m, a->peer);
        return;
    }
    if (unlikely(a->guest_port != NULL) && !attachment_has_guest_up(a)) {
        past_guest(ctx, m, a);
        return;
    }
    if (unlikely(packet_of(m)->n_tags > 0) && !is_own_vlan(ctx, m, out)) {
        drop_at(ctx, a, m, DROP_VLAN_NOT_OWN);
        return;
    }
    to_port(ctx, m, a);
}

// Functions write to frames, so each gets a copy of its own; ports share the bytes. After the
// first that finds no room no other is tried: with many cables that would be most of the work.
static void copy_to_functions(const struct walk_context *ctx, const struct function *f,
                              struct rte_mbuf *m, uint32_t in, unsigned n)
{
    enum api_drop reason = API_DROP_NONE;

    for (uint32_t out = f->first_attachment; n > 0; out++) {
        const struct attachment *a = &ctx->generation->attachments[out];
        struct rte_mbuf *copy;

        if (out == in || a->port != NULL)
            continue;
        reason = DROP_WALK_TOO_LONG;
        if (!walk_queue_has_room(ctx->queue, packet_of(m)))
            break;
        reason = DROP_FLOOD_NO_BUFFER;
        copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
        if (copy == NULL)
            break;
        *packet_of(copy) = *packet_of(m);
        walk_queue_add(ctx, copy, a->peer);
        n--;
    }
    if (n > 0)
        counters_drop(packet_of(m)->in_port, ctx->worker, reason, n);
}

static void flood_one(const struct walk_context *ctx, const struct function *f, struct rte_mbuf *m)
{
    uint32_t in = packet_of(m)->in;
    unsigned is_from_port = ctx->generation->attachments[in].port != NULL;
    unsigned n = f->n_attachments - f->n_chained - is_from_port;

    if (f->n_chained > 0)
        copy_to_functions(ctx, f, m, in, f->n_chained - !is_from_port);
    if (n == 0) {
        rte_pktmbuf_free(m);
        return;
    }
    if (n > 1)
        rte_pktmbuf_refcnt_update(m, (int16_t)(n - 1));
    for (uint32_t out = f->first_attachment; n > 0; out++) {
        if (out == in || ctx->generation->attachments[out].port == NULL)
            continue;
        egress_forward(ctx, m, out);
        n--;
    }
}

void egress_flood(const struct walk_context *ctx, const struct function *f, struct rte_mbuf *m)
{
    // Receivers share the bytes, so what is left to do on them is done first, for none of them.
    static const struct port plain = {.max_frame_len = UINT16_MAX, .capability = PORT_TX_MULTI_SEG};
    struct rte_mbuf *segments[OFFLOAD_MAX_SEGMENTS];
    uint32_t in = packet_of(m)->in;
    uint16_t in_port = packet_of(m)->in_port;
    uint8_t reason = API_DROP_NONE;
    unsigned n;

    packet_of(m)->trace = 0;
    if (likely(packet_of(m)->offload == 0)) {
        flood_one(ctx, f, m);
        return;
    }
    n = offload_prepare(m, &plain, segments, OFFLOAD_MAX_SEGMENTS, &reason);
    if (n == 0)
        counters_drop(in_port, ctx->worker, reason, 1);
    for (unsigned i = 0; i < n; i++) {
        packet_of(segments[i])->in = in;
        flood_one(ctx, f, segments[i]);
    }
}
