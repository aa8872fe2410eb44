// SPDX-License-Identifier: BSD-3-Clause
// What does the decision about a packet depend on? Called by process.c and output.c on workers, for
// the packets of a burst that somebody wants to know about; writes in their traces only. Who
// changes what is noted here is neighbor_set_mac, route_table.c for a prefix, route_group.c and
// route_apply.c for many. Next: flow/compose.c, which keeps the decision.

#include "vnf/router/note.h"

void router_note_route(const struct router_scene *s, struct rte_mbuf *m,
                       const struct router_interface *in)
{
    struct walk_trace *t = walk_trace_of(s->ctx, m);
    const struct route_table *routes = s->state->routes;
    uint8_t family = packet_family(packet_of(m));

    if (t == NULL)
        return;
    walk_trace_depend_own(t, route_place(routes, family, packet_destination(m, family)));
    if (in->flags & API_INTERFACE_STRICT_URPF)
        walk_trace_depend_own(t, route_place(routes, family, packet_source(m, family)));
    walk_trace_depend_common(t, route_place_of_all(routes));
}

void router_note_neighbor(const struct router_scene *s, struct rte_mbuf *m,
                          const struct router_path *path)
{
    struct walk_trace *t = walk_trace_of(s->ctx, m);
    const struct neighbor_table *neighbors = s->state->neighbors;
    uint8_t family = packet_family(packet_of(m));
    uint32_t hash;

    if (t == NULL)
        return;
    if (path->family != 0)
        hash = neighbors->entries[path->neighbor].hash;
    else
        hash = neighbor_id(neighbors, path->slot, family, packet_destination(m, family)).hash;
    walk_trace_depend_shared(t, neighbor_place(neighbors, hash));
}

// All that makes two next hops two, of each router on the way.
static uint64_t mix_next_hop(uint64_t hash, uint16_t slot, uint8_t family, const uint8_t *address)
{
    uint64_t words[2] = {0};

    if (family != 0)
        memcpy(words, address, family == 4 ? 4 : 16);
    hash = walk_mix(hash, (uint64_t)family << 16 | slot);
    hash = walk_mix(hash, words[0]);
    return family == 6 ? walk_mix(hash, words[1]) : hash;
}

void router_note_way(const struct router_scene *s, struct rte_mbuf *m,
                     const struct router_interface *out, const struct router_path *path)
{
    struct walk_trace *t = walk_trace_of(s->ctx, m);
    const uint8_t *next_hop = NULL;
    uint8_t family = 0;

    walk_trace_plain(packet_of(m));
    if (t == NULL)
        return;
    if (path != NULL) {
        family = path->family != 0 ? path->family : packet_family(packet_of(m));
        next_hop = path->family != 0 ? path->address : packet_destination(m, family);
    }
    walk_trace_route(t, out->mtu);
    walk_trace_next_hop(t, mix_next_hop(t->next_hop, out->slot, family, next_hop));
}
