// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PARSE_PARSE_H
#define DATAPLANE_PARSE_PARSE_H

// The only code that turns bytes into offsets. Everything behind it may trust the offsets in
// struct packet: the bytes they name, up to payload_off, exist and lie in the mbuf's first segment.

#include <rte_mbuf.h>

#define PARSE_MAX_TAGS 4       // VLAN tags that are looked behind; more: l3_error of the frame's type is not set, ether_type is that of the tag
#define PARSE_MAX_EXTENSIONS 8 // IPv6 extension headers before it is IP6_BAD_EXTENSION

// Fill the parse part of each packet's metadata: Ethernet II and 802.3, VLAN and QinQ (0x8100,
// 0x88a8, 0x9100), ARP, IPv4 with options (RFC 791), IPv6 with extension headers (RFC 8200, 7112),
// TCP, UDP, ICMP, ICMPv6, SCTP, fragments. A fault is noted in l2_error or l3_error (enum api_drop)
// and ends the parse of that packet; the offsets proven so far stay. Nothing of the frame is
// changed. If a header is spread over segments, it is gathered by moving data into the first
// segment where there is room (rte_pktmbuf_… no allocation), else it counts as truncated.
// Reads in_port, offload, gso_size; leaves them.
void parse_burst(struct rte_mbuf **m, unsigned n);

#endif
