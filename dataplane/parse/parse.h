// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PARSE_PARSE_H
#define DATAPLANE_PARSE_PARSE_H

// The only code that turns bytes into offsets. Everything behind it may trust the offsets in
// struct packet: the bytes they name, up to payload_off, exist and lie in the mbuf's first segment.
//
// What is proven, field by field:
//
//   l2_error none        14 + 4 * n_tags bytes; the frame is at most 65535 bytes long
//   PACKET_ARP           28 bytes at l3_off, for Ethernet and IPv4; l3_end is behind them
//   PACKET_IP4           20 bytes at l3_off, version 4 (set even if what follows is at fault)
//   PACKET_IP6           40 bytes at l3_off, version 6 (likewise)
//   l3_end not 0         l3_off + header <= l3_end <= frame length; it may lie in a later segment
//   PACKET_L4            IP header with options or extension headers, and the header of l4_proto at
//                        l4_off up to payload_off <= l3_end
//
// l4_off and payload_off are 0 without PACKET_L4: other protocols, later fragments, faults.
// l4_proto is the protocol of the last header reached, also then; behind a fault it says nothing.

#include <rte_mbuf.h>

// VLAN tags that are looked behind. With more, ether_type is that of the tag that was not, and
// there is neither l3_off nor an error.
#define PARSE_MAX_TAGS 4
#define PARSE_MAX_EXTENSIONS 8 // IPv6 extension headers before it is IP6_BAD_EXTENSION

// Headers are looked for in so many bytes of a frame in several segments, if they are not all in
// the first one. All tags, the longest IPv4 and the longest TCP header are 150.
#define PARSE_GATHER_SIZE 256

// Fill the parse part of each packet's metadata: Ethernet II and 802.3, VLAN and QinQ (0x8100,
// 0x88a8, 0x9100), ARP, IPv4 with options (RFC 791), IPv6 with extension headers (RFC 8200, 7112),
// TCP, UDP, ICMP, ICMPv6, SCTP, fragments. A fault is noted in l2_error or l3_error (enum api_drop)
// and ends the parse of that packet; the offsets proven so far stay. Nothing of the frame is
// changed. Checksums are not looked at: a router verifies the IPv4 one.
//
// If the first segment is shorter than PARSE_GATHER_SIZE and not the only one, that many bytes of
// the frame are gathered in it first: moved from later segments into its tailroom; segments that
// are empty then are freed. It allocates nothing, so where a segment is shared or there is no
// tailroom, a header that is not in the first segment counts as truncated.
//
// Leaves in_port, offload and gso_size as they are. Worker.
void parse_burst(struct rte_mbuf **m, unsigned n);

#endif
