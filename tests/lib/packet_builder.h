// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_LIB_PACKET_BUILDER_H
#define TESTS_LIB_PACKET_BUILDER_H

// Frames for tests, header by header, from the outside in:
//
//   struct frame f;
//   frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
//   frame_vlan(&f, 0x8100, 10);
//   frame_ip4(&f, "10.0.0.11", "10.0.0.22");
//   frame_udp(&f, 1000, 2000);
//   frame_payload(&f, 32);
//   frame_end(&f);
//
// Each header writes its number into the one before it (EtherType, protocol, next header).
// frame_end fills in what is known only then: lengths and checksums. Malformed frames are made by
// overwriting bytes afterwards: the offsets in the struct say where. Addresses are text. A frame
// that outgrows its buffer or an address that does not parse aborts. No DPDK here.

#include <stddef.h>
#include <stdint.h>

#define FRAME_SIZE 66000 // bytes a frame may have

struct frame {
    uint8_t bytes[FRAME_SIZE];
    uint32_t len;
    // Offsets in bytes[]; 0: there is no such header.
    uint32_t type_off;  // EtherType of what comes next
    uint32_t proto_off; // protocol or next header field of what comes next
    uint32_t ip4_off;
    uint32_t ip6_off;
    uint32_t arp_off;
    uint32_t extension_off; // the last IPv6 extension header
    uint32_t fragment_off;  // IPv6 fragment header
    uint32_t l4_off;
    uint32_t payload_off;
    uint8_t l4_proto; // of the header at l4_off
};

// Start a frame. The EtherType stays 0 until a header or frame_type says what follows.
void frame_ether(struct frame *f, const char *dst_mac, const char *src_mac);
void frame_vlan(struct frame *f, uint16_t tpid, uint16_t tci);
void frame_type(struct frame *f, uint16_t ether_type);

// operation 1: request, 2: reply (RFC 826).
void frame_arp(struct frame *f, uint16_t operation, const char *sender_mac, const char *sender_ip,
               const char *target_mac, const char *target_ip);

// TTL 64, no fragment. Options are padded with zeros to a multiple of 4, at most 40 bytes.
void frame_ip4(struct frame *f, const char *src, const char *dst);
void frame_ip4_options(struct frame *f, const char *src, const char *dst, const uint8_t *options,
                       size_t n);
// Nobody may cut it: DF. Before frame_end.
void frame_ip4_whole(struct frame *f);
// Make it a fragment: offset in bytes (a multiple of 8). Before frame_end.
void frame_ip4_fragment(struct frame *f, uint32_t offset, int more);

// Hop limit 64.
void frame_ip6(struct frame *f, const char *src, const char *dst);
// Extension header `type` of n_units * 8 bytes (authentication header: the same, n_units > 1),
// zeros.
void frame_ip6_extension(struct frame *f, uint8_t type, unsigned n_units);
void frame_ip6_fragment(struct frame *f, uint32_t offset, int more);

// The protocol number of what follows, where no function below writes it.
void frame_proto(struct frame *f, uint8_t proto);

void frame_udp(struct frame *f, uint16_t src_port, uint16_t dst_port);
// flags as on the wire (0x02 SYN); n_option_words * 4 bytes of options, all NOP.
void frame_tcp(struct frame *f, uint16_t src_port, uint16_t dst_port, uint8_t flags,
               unsigned n_option_words);
// 8 bytes: type, code, checksum and 4 zeros. ICMP or ICMPv6 as the IP header is.
void frame_icmp(struct frame *f, uint8_t type, uint8_t code);
void frame_sctp(struct frame *f, uint16_t src_port, uint16_t dst_port);

// Neighbour discovery (RFC 4861) sets hop limit 255. type 135: solicitation, 136: advertisement
// (solicited and override set), 133: router solicitation, without target (NULL).
void frame_nd(struct frame *f, uint8_t type, const char *target);
// An ND option: 1 source, 2 target link-layer address.
void frame_nd_option(struct frame *f, uint8_t type, const char *mac);

// n bytes of payload: 0, 1, 2 … modulo 251.
void frame_payload(struct frame *f, size_t n);
// Any bytes.
void frame_bytes(struct frame *f, const void *bytes, size_t n);

// IP lengths, UDP length, IPv4 header checksum, L4 checksum (none in fragments). What comes after
// it is padding, so that frame_end, frame_payload makes a padded frame.
void frame_end(struct frame *f);

// RFC 1071 sum of n bytes added to `sum`, not folded, not inverted; an odd last byte counts as
// high.
uint32_t frame_sum(const uint8_t *bytes, size_t n, uint32_t sum);
// The L4 checksum field of an unfragmented TCP, UDP, ICMP or ICMPv6 packet as it should be,
// computed over bytes [l4_off, end) with that field taken as zero; network order in the frame
// means: write it high byte first.
uint16_t frame_l4_checksum(const struct frame *f, uint32_t end);
// Offset of the L4 checksum field, 0 if there is none.
uint32_t frame_l4_checksum_off(const struct frame *f);

void frame_mac(const char *text, uint8_t mac[6]);
void frame_put16(struct frame *f, uint32_t off, uint16_t value);
uint16_t frame_get16(const struct frame *f, uint32_t off);

#endif
