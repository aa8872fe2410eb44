// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_NOTE_H
#define VNF_ROUTER_NOTE_H

// What the decision about a packet depends on, for who may keep it (walk/trace.h). Private to this
// folder. Worker.

#include "dataplane/walk/trace.h"
#include "vnf/router/packet.h"
#include "vnf/router/route.h"

// Before the routes of a packet that came by `in` are looked up.
void router_note_route(const struct router_scene *s, struct rte_mbuf *m,
                       const struct router_interface *in);
// Before the MAC of the path's next hop is read.
void router_note_neighbor(const struct router_scene *s, struct rte_mbuf *m,
                          const struct router_path *path);
// The next packet with the same key would go this way, too: out to the path's next hop, or (NULL)
// to the interface's own MAC.
void router_note_way(const struct router_scene *s, struct rte_mbuf *m,
                     const struct router_interface *out, const struct router_path *path);

#endif
