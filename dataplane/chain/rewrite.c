// SPDX-License-Identifier: BSD-3-Clause
// How does a packet get other addresses, ports or another identifier? Called by the chain for each
// packet of a translated session, on a worker. Checksums change by what the words in them change
// by, so that a packet that was damaged before stays so, and one whose rest has not been sent yet
// (a first fragment, a TSO frame) needs no more than its headers. Next: the chain lets it out.

#include "dataplane/chain/packet.h"

#include <rte_hash_crc.h>

#include "dataplane/chain/parts.h"
#include "dataplane/core/checksum.h"
#include "dataplane/parse/extension.h"

#define ROUTING_SEGMENTS_LEFT 3 // in the header

// CRC32c is linear: the field changes by the CRC, begun with 0, of what changed and of as many
// zeros as bytes follow.
uint32_t sctp_update(uint32_t checksum, const uint16_t from[2], const uint16_t to[2], uint32_t len)
{
    uint16_t words[2] = {from[0] ^ to[0], from[1] ^ to[1]};
    uint32_t change, rest = len - (uint32_t)sizeof(words);

    memcpy(&change, words, sizeof(change));
    change = rte_hash_crc_4byte(change, 0);
    for (; rest >= 8; rest -= 8)
        change = rte_hash_crc_8byte(0, change);
    for (; rest > 0; rest--)
        change = rte_hash_crc_1byte(0, change);
    return checksum ^ rte_cpu_to_le_32(change);
}

// Behind a routing header with segments left checksums count the last destination, which is not the
// one in the IPv6 header (RFC 8200, 8.1).
static int has_segments_left(const uint8_t *ip, const struct packet *p)
{
    uint8_t proto = ip[6];
    uint32_t at = sizeof(struct rte_ipv6_hdr), end = p->l4_off;

    if (!(p->flags & PACKET_IP_OPTIONS))
        return 0;
    while (p->l3_off + at < end && extension_is(proto)) { // parse has proven them
        uint32_t len = extension_len(proto, ip + at);

        if (proto == IPPROTO_ROUTING && ip[at + ROUTING_SEGMENTS_LEFT] != 0)
            return 1;
        proto = ip[at];
        at += len;
    }
    return 0;
}

// Returns what the sum over the addresses, as L4 checksums count them, changes by.
static uint64_t write_addresses(uint8_t *ip, const struct packet *p, const struct session_tuple *to)
{
    uint64_t source, destination;
    uint16_t checksum;

    if (likely(p->flags & PACKET_IP4)) {
        uint8_t *at = ip + IP4_SOURCE_OFF;

        source = sum_change(at, to->source, 4);
        destination = sum_change(at + 4, to->destination, 4);
        memcpy(at, to->source, 4);
        memcpy(at + 4, to->destination, 4);
        checksum = sum_apply(read_word(ip + IP4_CHECKSUM_OFF), source + destination);
        memcpy(ip + IP4_CHECKSUM_OFF, &checksum, sizeof(checksum));
    } else {
        uint8_t *at = ip + IP6_SOURCE_OFF;

        source = sum_change(at, to->source, 16);
        destination = sum_change(at + 16, to->destination, 16);
        memcpy(at, to->source, 16);
        memcpy(at + 16, to->destination, 16);
        if (unlikely(has_segments_left(ip, p)))
            destination = 0;
    }
    return source + destination;
}

static void write_sctp(uint8_t *sctp, const struct packet *p, const struct session_tuple *to)
{
    uint16_t from[2], ports[2] = {to->source_port, to->destination_port};
    uint32_t checksum;

    memcpy(from, sctp, sizeof(from));
    memcpy(sctp, ports, sizeof(ports));
    // How much follows a first fragment, nobody knows yet: its packet is lost unless the ports stay
    // (SCTP sends no fragments unless it must, RFC 9260, 6.9).
    if (memcmp(from, ports, sizeof(from)) == 0 || (p->flags & PACKET_FRAGMENT))
        return;
    memcpy(&checksum, sctp + SCTP_CHECKSUM_OFF, sizeof(checksum));
    checksum = sctp_update(checksum, from, ports, (uint32_t)(p->l3_end - p->l4_off));
    memcpy(sctp + SCTP_CHECKSUM_OFF, &checksum, sizeof(checksum));
}

// Ports or identifier; returns what the sum over them changes by.
static uint64_t write_ports(uint8_t *l4, const struct packet *p, const struct session_tuple *to)
{
    uint16_t ports[2] = {to->source_port, to->destination_port};
    uint64_t change;
    int is_reply;

    if (likely(has_ports(p->l4_proto))) {
        change = sum_change(l4, ports, sizeof(ports));
        memcpy(l4, ports, sizeof(ports));
        return change;
    }
    if (icmp_query(packet_family(p), l4[0], &is_reply) == 0)
        return 0;
    change = sum_change(l4 + ICMP_IDENTIFIER_OFF, &ports[is_reply], sizeof(ports[0]));
    memcpy(l4 + ICMP_IDENTIFIER_OFF, &ports[is_reply], sizeof(ports[0]));
    return change;
}

static void update_checksum(uint8_t *field, uint64_t change, int is_udp)
{
    uint16_t checksum = read_word(field);

    // None (RFC 768) stays none, over IPv6 too (RFC 6936, 5).
    if (is_udp && checksum == 0)
        return;
    checksum = sum_apply(checksum, change);
    if (is_udp && checksum == 0)
        checksum = 0xffff;
    memcpy(field, &checksum, sizeof(checksum));
}

void chain_packet_rewrite(struct rte_mbuf *m, const struct packet *p,
                          const struct session_tuple *to)
{
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *l4 = frame + p->l4_off;
    uint64_t addresses = write_addresses(frame + p->l3_off, p, to), ports;
    uint8_t *field;

    if (unlikely(!(p->flags & PACKET_L4)))
        return;
    if (unlikely(p->l4_proto == IPPROTO_SCTP)) {
        write_sctp(l4, p, to);
        return;
    }
    ports = write_ports(l4, p, to);
    field = l4 + checksum_off(packet_family(p), p->l4_proto);
    if (p->offload & PACKET_CSUM_PARTIAL) {
        uint16_t sum = sum_fold(read_word(field) + addresses); // not inverted yet, and 0 is a sum

        memcpy(field, &sum, sizeof(sum));
        return;
    }
    if (p->l4_proto == IPPROTO_ICMP) // counts no addresses (RFC 792)
        addresses = 0;
    update_checksum(field, addresses + ports, p->l4_proto == IPPROTO_UDP);
}
