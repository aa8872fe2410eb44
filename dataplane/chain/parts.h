// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_PARTS_H
#define DATAPLANE_CHAIN_PARTS_H

// What tuple.c, rewrite.c, icmp.c and reject.c share: which ICMP message is what, addresses that no
// single host has, where checksums stand. Private to this folder. Worker.

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "dataplane/core/packet.h"

#define ICMP_LEN 8 // ICMP and ICMPv6: type, code, checksum and four bytes more
#define ICMP_IDENTIFIER_OFF 4
#define IP4_SOURCE_OFF 12 // the destination follows the source
#define IP4_CHECKSUM_OFF 10
#define IP6_SOURCE_OFF 8

#define ICMP6_INFORMATIONAL 128 // types from here on are no errors (RFC 4443, 2.1)
#define ICMP6_ND_FIRST 133      // RFC 4861, 4: router solicitation
#define ICMP6_ND_LAST 137       // redirect

static inline uint8_t packet_family(const struct packet *p)
{
    return p->flags & PACKET_IP4 ? 4 : 6;
}

static inline uint32_t address_len(uint8_t family)
{
    return family == 4 ? 4 : 16;
}

// ICMP over IPv4 or ICMPv6 over IPv6; the other way round they are any protocol.
static inline int is_icmp(uint8_t family, uint8_t protocol)
{
    return protocol == (family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static inline int has_ports(uint8_t protocol)
{
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

// Unreachable, source quench, time exceeded, parameter problem. A redirect (5) quotes a packet too,
// but it belongs to one link and moves routes: no session speaks for it.
static inline int icmp_is_error(uint8_t family, uint8_t type)
{
    if (family == 6)
        return type < ICMP6_INFORMATIONAL;
    return type == 3 || type == 4 || type == 11 || type == 12;
}

// The type of the query that an ICMP message is, or answers: echo, timestamp, information, address
// mask (RFC 792, 950, 4443). 0: it is neither. No query has type 0.
static inline uint8_t icmp_query(uint8_t family, uint8_t type, int *is_reply)
{
    if (family == 6) {
        *is_reply = type == 129;
        return type == 128 || type == 129 ? 128 : 0;
    }
    *is_reply = type == 0 || type == 14 || type == 16 || type == 18;
    if (type == 0 || type == 8)
        return 8;
    return type >= 13 && type <= 18 ? (uint8_t)(type - *is_reply) : 0;
}

// Where the checksum stands behind the protocol's first byte, 0: it has none that is known here.
static inline uint32_t checksum_off(uint8_t family, uint8_t protocol)
{
    if (protocol == IPPROTO_TCP)
        return 16;
    if (protocol == IPPROTO_UDP)
        return 6;
    return is_icmp(family, protocol) ? 2 : 0;
}

static inline uint16_t read_word(const void *bytes)
{
    uint16_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

static inline int is_zero(const uint8_t *bytes, uint32_t len)
{
    static const uint8_t zero[16];

    return memcmp(bytes, zero, len) == 0;
}

static inline int is_group(uint8_t family, const uint8_t *address)
{
    return family == 4 ? (address[0] & 0xf0) == 0xe0 : address[0] == 0xff;
}

static inline int ip4_is_broadcast(const uint8_t *address)
{
    return (address[0] & address[1] & address[2] & address[3]) == 0xff;
}

static inline int ip6_is_link_local(const uint8_t *address) // RFC 4291, 2.5.6
{
    return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

#define SCTP_CHECKSUM_OFF 8

// What the CRC32c field of an SCTP packet of `len` bytes (RFC 9260, 6.8) is after its ports have
// become others; both as they lie in memory.
uint32_t sctp_update(uint32_t checksum, const uint16_t from[2], const uint16_t to[2], uint32_t len);

#endif
