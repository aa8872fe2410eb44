// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_PACKET_H
#define DATAPLANE_CORE_PACKET_H

// What the stages know of a packet: one cache line in the mbuf's private area. Port rx writes the
// first part, parse the second, the walk the third; each may read what was written before it.

#include <rte_mbuf.h>

#include "dataplane/api/culvert_api.h"

#define BURST_SIZE 64 // packets in one burst, at most

enum packet_flag {
    PACKET_IP4 = 1 << 0,
    PACKET_IP6 = 1 << 1,
    PACKET_ARP = 1 << 2,
    PACKET_FRAGMENT = 1 << 3,       // any fragment, the first too; not an atomic IPv6 one
    PACKET_LATER_FRAGMENT = 1 << 4, // not the first: no L4 header
    PACKET_IP_OPTIONS = 1 << 5,     // IPv4 options, or IPv6 extension headers
    PACKET_L4 = 1 << 6,             // l4_off and payload_off are proven for l4_proto
};

enum packet_offload {
    PACKET_CSUM_PARTIAL = 1 << 0, // L4 checksum field holds the pseudo-header's sum only
    PACKET_TSO = 1 << 1,          // a TCP frame to be cut into segments of gso_size payload bytes
};

enum packet_verdict {
    PACKET_DROP = 0, // with `drop`
    PACKET_FORWARD,  // to attachment `out`
    PACKET_FLOOD,    // to all attachments of the function but `in`
};

// Whether a function vouches for what it decided (walk/trace.h).
enum packet_plain {
    PACKET_NOT_PLAIN = 0,
    PACKET_PLAIN,
    PACKET_PLAIN_LEARNED,
};

struct packet {
    // Port rx.
    uint16_t in_port;  // slot; API_MAX_PORTS: no port has brought it
    uint8_t offload;   // enum packet_offload, as this sender negotiated it
    uint8_t n_tags;    // VLAN tags at the front of the frame (parse)
    uint16_t gso_size; // bytes of TCP payload a segment, with PACKET_TSO

    // Parse. Offsets from the frame's first byte; 0: there is no such header.
    uint16_t outer_vlan; // VLAN ID of the first tag, 0: none or priority-tagged
    uint16_t inner_vlan; // of the second
    uint16_t ether_type; // host order, behind the tags; below 0x600: a length (802.3)
    uint16_t l3_off;
    uint16_t l4_off;
    uint16_t payload_off; // behind the L4 header
    uint16_t l3_end;      // behind the last byte of the IP packet: less than the frame if padded
    uint16_t flags;       // enum packet_flag
    uint8_t l4_proto;     // of the last header reached, also in later fragments
    uint8_t l2_error;     // enum api_drop; API_DROP_NONE: sound. Such a frame goes nowhere
    uint8_t l3_error;     // L3 or L4; a switch carries the frame all the same
    uint8_t reserved0;

    // Walk.
    uint32_t in;     // attachment it came by
    uint32_t out;    // attachment to leave by, with PACKET_FORWARD
    uint8_t verdict; // enum packet_verdict
    uint8_t drop;    // enum api_drop
    uint8_t n_hops;  // functions it has met
    uint8_t trace;   // number of its trace in this burst (walk/trace.h); 0: none
    uint8_t plain;   // enum packet_plain, until walk.c has noted it
    uint8_t reserved[23];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct packet) == RTE_CACHE_LINE_SIZE, "one line of metadata");
_Static_assert((unsigned)API_N_DROPS < API_DROP_NONE, "a reason fits a byte");

// The metadata of an mbuf of ours. Pools are made with PACKET_PRIV_SIZE private bytes
// (core/pool.h).
static inline struct packet *packet_of(struct rte_mbuf *m)
{
    return (struct packet *)rte_mbuf_to_priv(m);
}

#endif
