// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_PACKET_H
#define DATAPLANE_FLOW_PACKET_H

// What flows read and write of a packet. Private to this folder and its tests. Worker.

#include <netinet/in.h>

#include <rte_ip.h>

#include "dataplane/core/checksum.h"
#include "dataplane/core/packet.h"
#include "dataplane/flow/table.h"

// key.c: may a packet have a flow, and with which key? Fragments, options, faults, padding that
// lies in another segment, groups, and what begins or ends a TCP connection walk.
enum flow_kind_of_packet {
    FLOW_PACKET_OTHER,   // it walks, and no flow is of its stream
    FLOW_PACKET_STREAM,  // it walks; *key is that of its stream
    FLOW_PACKET_SEGMENT, // likewise, for it begins or ends a TCP connection; it may be denied
    FLOW_PACKET_PLAIN,   // it may have a flow with *key
};
enum flow_kind_of_packet flow_key_of(const struct rte_mbuf *m, const struct port *port,
                                     enum flow_mask mask, struct flow_key *key);

#define FLOW_TCP_FLAGS_OFF 13
#define FLOW_TCP_FIN_SYN_RST 0x07

// 0 if it is not TCP. Of packets with a key.
static inline uint8_t flow_tcp_flags(const struct rte_mbuf *m, const struct packet *p)
{
    return p->l4_proto == IPPROTO_TCP
               ? *rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off + FLOW_TCP_FLAGS_OFF)
               : 0;
}

// TTL, length and checksum: what routers look at in each packet.
static inline int flow_fits(const struct rte_mbuf *m, const struct packet *p, unsigned n_routers,
                            unsigned mtu)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off);
    unsigned len = (unsigned)(p->l3_end - p->l3_off);
    uint32_t words[5];

    if (unlikely(p->offload & PACKET_TSO))
        len = RTE_MIN(len, (unsigned)(p->payload_off - p->l3_off) + p->gso_size);
    if (len > mtu)
        return 0;
    if (unlikely(!(p->flags & PACKET_IP4)))
        return ((const struct rte_ipv6_hdr *)(const void *)ip)->hop_limits > n_routers;
    memcpy(words, ip, sizeof(words));
    return ip[offsetof(struct rte_ipv4_hdr, time_to_live)] > n_routers &&
           sum_fold((uint64_t)words[0] + words[1] + words[2] + words[3] + words[4]) == 0xffff;
}

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
