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

// What is known of a packet by its place in the burst, while its flow is sought.
struct flow_sight {
    struct flow *flow; // NULL: none
    const struct index_line *line;
    uint32_t hash;
    uint8_t kind; // enum flow_kind_of_packet
};

// key.c: keys and hashes of n packets of one port; what is looked at next is on its way.
void flow_sight(struct rte_mbuf *const *m, unsigned n, const struct port *port, enum flow_mask mask,
                struct flow_key *keys, struct flow_sight *sights);

// rewrite.c: VLAN tags off, new addresses and ports, TTL, MACs, padding off: as the walk has done
// it. Everything has been checked. `macs`: twelve bytes, of both, where there are routers.
void flow_rewrite(struct rte_mbuf *m, const struct flow *f, const struct flow_action *a,
                  unsigned n_routers, const uint8_t *macs);

#endif
