// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_PACKET_H
#define DATAPLANE_FLOW_PACKET_H

// What flows read and write of a packet. Private to this folder and its tests. Worker.

#include "dataplane/core/packet.h"
#include "dataplane/flow/table.h"

// key.c: may a packet have a flow, and with which key? Fragments, options, faults, padding that
// lies in another segment, groups, and what begins or ends a TCP connection walk.
enum flow_kind_of_packet {
    FLOW_PACKET_OTHER,  // it walks, and no flow is of its stream
    FLOW_PACKET_STREAM, // it walks; *key is that of its stream
    FLOW_PACKET_PLAIN,  // it may have a flow with *key
};
enum flow_kind_of_packet flow_key_of(const struct rte_mbuf *m, const struct port *port,
                                     enum flow_mask mask, struct flow_key *key);

// rewrite.c: VLAN tags off, new addresses and ports, TTL, MACs, padding off: as the walk has done
// it. Everything has been checked.
struct flow_end {
    struct port *port;
    uint16_t vlans[2];
    uint8_t n_tags;
    uint8_t n_routers;
    uint64_t macs_first; // of the twelve bytes of both
    uint32_t macs_last;
};
void flow_rewrite(struct rte_mbuf *m, const struct flow *f, const struct flow_action *a,
                  const struct flow_end *end);

#endif
