// SPDX-License-Identifier: BSD-3-Clause
// Where does a frame go in this switch? Called by walk.c on a worker with up to BURST_SIZE frames
// that parse found sound at the Ethernet layer. First all addresses are hashed and their buckets
// fetched, then frames are decided one after the other, so that each sees what those before it
// taught. Verdicts are carried out by walk/egress.c.

#include <rte_prefetch.h>

#include "dataplane/switch/state.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/trace.h"

#define BROADCAST MAC_ADDRESS
// 01:80:c2:00:00:00 to 0f, never forwarded by a bridge (IEEE 802.1Q table 8-1).
#define LINK_LOCAL 0x000000c280010000U
#define LINK_LOCAL_MASK 0xf0ffffffffff0000U

// What is the same for all frames of a burst.
struct scene {
    const struct walk_context *ctx;
    const struct switch_config *config;
    struct switch_state *state;
    struct mac_table *table;
    uint32_t first_attachment;
};

struct addresses {
    uint64_t source, source_hash;
    uint64_t destination, destination_hash;
};

static void read_addresses(const struct mac_table *table, struct rte_mbuf *m, struct addresses *a)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

    a->source = mac_key_source(frame);
    a->destination = mac_key_destination(frame);
    a->source_hash = mac_hash(table, a->source);
    a->destination_hash = mac_hash(table, a->destination);
    rte_prefetch0(mac_bucket_first(table, a->source_hash));
    rte_prefetch0(mac_bucket_first(table, a->destination_hash));
}

static void drop(struct packet *p, enum api_drop reason)
{
    p->verdict = PACKET_DROP;
    p->drop = (uint8_t)reason;
}

// What a flood of it will be: a TSO frame is cut for its receivers.
static unsigned n_frames(const struct packet *p)
{
    if (likely(!(p->offload & PACKET_TSO)))
        return 1;
    return (unsigned)(p->l3_end - p->payload_off + p->gso_size - 1) / p->gso_size;
}

static void flood(const struct scene *s, const struct switch_member *member, struct packet *p,
                  enum storm_class class)
{
    static const enum api_drop reasons[] = {
        [STORM_CLASS_BROADCAST] = DROP_STORM_BROADCAST,
        [STORM_CLASS_MULTICAST] = DROP_STORM_MULTICAST,
        [STORM_CLASS_UNKNOWN] = DROP_STORM_UNKNOWN,
    };

    if (s->config->n_members == 1)
        drop(p, DROP_SWITCH_ALONE);
    else if (!meter_admit(&member->storm[class], &member->port->storm[class], s->ctx->now_tsc,
                          n_frames(p)))
        drop(p, reasons[class]);
    else
        p->verdict = PACKET_FLOOD;
}

// The source is not where the table's first look has it. Returns API_DROP_NONE to go on.
static __attribute__((noinline)) enum api_drop learn(const struct scene *s,
                                                     const struct switch_member *member,
                                                     uint64_t source, int *is_known)
{
    switch (mac_table_learn(s->table, source, member->slot, member->mac_limit, s->ctx->now_sec)) {
    case MAC_KNOWN: // static, or in its second bucket
        *is_known = 1;
        break;
    case MAC_STATIC_ELSEWHERE:
        return DROP_SWITCH_STATIC_ELSEWHERE;
    case MAC_PORT_FULL:
        __atomic_fetch_add(&s->state->n_port_full, 1, __ATOMIC_RELAXED);
        break;
    case MAC_TABLE_FULL:
        __atomic_fetch_add(&s->state->n_table_full, 1, __ATOMIC_RELAXED);
        break;
    case MAC_LEARNED:
    case MAC_BUSY: // the next frame will do
        break;
    }
    return API_DROP_NONE;
}

// Whether the frame may come in; if so its source is known from here on, unless there is no room.
// *is_known: it was so before.
static int admit(const struct scene *s, const struct switch_member *member, struct packet *p,
                 const struct addresses *a, int *is_known)
{
    enum api_drop reason;

    if (unlikely((a->source & MAC_GROUP) || a->source == 0)) {
        drop(p, DROP_SWITCH_SOURCE_NOT_UNICAST);
        return 0;
    }
    if (unlikely((a->destination & LINK_LOCAL_MASK) == LINK_LOCAL)) {
        drop(p, DROP_SWITCH_LINK_LOCAL);
        return 0;
    }
    if (likely(mac_table_refresh(s->table, a->source | member->slot, a->source_hash,
                                 s->ctx->now_sec))) {
        *is_known = 1;
        return 1;
    }
    *is_known = 0;
    reason = learn(s, member, a->source, is_known);
    if (reason != API_DROP_NONE) {
        drop(p, reason);
        return 0;
    }
    return 1;
}

static void decide(const struct scene *s, struct packet *p, const struct addresses *a)
{
    uint32_t side = p->in - s->first_attachment;
    const struct switch_member *member = &s->config->members[side];
    uint32_t to = SIDE_NONE;
    uint64_t entry;
    int is_known;

    if (!admit(s, member, p, a, &is_known))
        return;
    if (unlikely(a->destination & MAC_GROUP)) {
        flood(s, member, p,
              a->destination == BROADCAST ? STORM_CLASS_BROADCAST : STORM_CLASS_MULTICAST);
        return;
    }
    entry = mac_table_find(s->table, a->destination, a->destination_hash);
    if (likely(entry != 0))
        to = switch_side_of(s->config, entry);
    if (unlikely(to == SIDE_NONE)) {
        flood(s, member, p, STORM_CLASS_UNKNOWN);
    } else if (unlikely(to == side)) {
        drop(p, DROP_SWITCH_SAME_PORT);
    } else {
        p->verdict = PACKET_FORWARD;
        p->out = s->first_attachment + to;
        if (likely(is_known)) // what has to be learned walks
            walk_trace_learned(p);
    }
}

// Before the table is read: the frame's way depends on where both of its MACs are.
static void note(const struct scene *s, struct walk_trace *t, const struct addresses *a)
{
    uint16_t source = mac_table_place(s->table, a->source);

    walk_trace_depend_shared(t, mac_table_place(s->table, a->destination));
    if (t->n_routers > 0) { // both are what that router wrote
        walk_trace_depend_shared(t, source);
        return;
    }
    walk_trace_depend_own(t, source);
    walk_trace_learn(t, s->config->ageing_sec);
    walk_trace_next_hop(t, walk_mix(t->next_hop, a->destination));
}

static void process(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                    unsigned n)
{
    struct switch_state *state = f->state;
    const struct scene s = {ctx, f->config, state, switch_table(state), f->first_attachment};
    struct addresses addresses[BURST_SIZE];

    for (unsigned i = 0; i < n; i++)
        read_addresses(s.table, m[i], &addresses[i]);
    for (unsigned i = 0; i < n; i++) {
        struct walk_trace *t = walk_trace_of(ctx, m[i]);

        if (t != NULL)
            note(&s, t, &addresses[i]);
        decide(&s, packet_of(m[i]), &addresses[i]);
    }
}

const struct function_ops switch_ops = {
    .name = "switch",
    .n_instances = switch_n_instances,
    .identify = switch_identify,
    .config_create = switch_config_create,
    .activate = switch_activate,
    .config_destroy = switch_config_destroy,
    .process = process,
    .fingerprint = switch_fingerprint,
    .age = switch_age,
    .request = switch_request,
    .keep = switch_keep,
};
