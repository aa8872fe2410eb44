// SPDX-License-Identifier: BSD-3-Clause
// Is there a whole header of this L4 protocol? Last step of the general parse, on a worker, after
// ip4.c or ip6.c. A first fragment must hold the whole header too (RFC 1858, RFC 7112). Protocols
// that are not listed here, ESP and "no next header" among them, end without PACKET_L4 and without
// a fault. Next: worker/, which hands the burst to the walk.

#include "dataplane/parse/steps.h"

#include <netinet/in.h>

#include <rte_sctp.h>
#include <rte_tcp.h>
#include <rte_udp.h>

// RFC 792: each message has 8 bytes at least. RFC 4443 section 2.1 asks for 4 only, but no message
// that is defined has less than 8 (RFC 2710, 3810, 4443, 4861).
#define ICMP_LEN 8

// One past the header, or 0 with l3_error set. `room` bytes may be read, `rest` are in the packet.
static uint32_t tcp_len(const uint8_t *tcp, uint32_t room, uint32_t rest, struct packet *p)
{
    if (room < sizeof(struct rte_tcp_hdr)) {
        p->l3_error = DROP_TCP_TRUNCATED;
        return 0;
    }
    uint32_t len = (tcp[12] >> 4) * 4U; // RFC 9293 section 3.1: data offset
    if (len < sizeof(struct rte_tcp_hdr) || len > rest) {
        p->l3_error = DROP_TCP_BAD_OFFSET;
        return 0;
    }
    if (len > room) { // options in a segment that could not be gathered
        p->l3_error = DROP_TCP_TRUNCATED;
        return 0;
    }
    return len;
}

// The length field counts header and data (RFC 768), in a first fragment those of the whole
// datagram. Less than the packet holds is legal; 0, for jumbograms (RFC 2675), is not taken.
static uint32_t udp_len(const uint8_t *udp, uint32_t room, uint32_t rest, struct packet *p)
{
    if (room < sizeof(struct rte_udp_hdr)) {
        p->l3_error = DROP_UDP_TRUNCATED;
        return 0;
    }
    uint32_t len = read_be16(udp + 4);
    if (len < sizeof(struct rte_udp_hdr) || (len > rest && !(p->flags & PACKET_FRAGMENT))) {
        p->l3_error = DROP_UDP_BAD_LENGTH;
        return 0;
    }
    return sizeof(struct rte_udp_hdr);
}

static uint32_t fixed_len(uint32_t len, uint32_t room, struct packet *p, uint8_t fault)
{
    if (room >= len)
        return len;
    p->l3_error = fault;
    return 0;
}

void parse_l4(const struct view *v, struct packet *p, uint32_t off)
{
    const uint8_t *header = v->data + off;
    uint32_t room = v->limit - off;
    uint32_t rest = v->end - off;
    uint32_t len = 0;
    if (p->l4_proto == IPPROTO_TCP)
        len = tcp_len(header, room, rest, p);
    else if (p->l4_proto == IPPROTO_UDP)
        len = udp_len(header, room, rest, p);
    else if (p->l4_proto == IPPROTO_ICMP && p->flags & PACKET_IP4)
        len = fixed_len(ICMP_LEN, room, p, DROP_ICMP_TRUNCATED);
    else if (p->l4_proto == IPPROTO_ICMPV6 && p->flags & PACKET_IP6)
        len = fixed_len(ICMP_LEN, room, p, DROP_ICMP6_TRUNCATED);
    else if (p->l4_proto == IPPROTO_SCTP) // RFC 9260 section 3.1
        len = fixed_len(sizeof(struct rte_sctp_hdr), room, p, DROP_SCTP_TRUNCATED);
    if (!len)
        return;
    p->flags |= PACKET_L4;
    p->l4_off = (uint16_t)off;
    p->payload_off = (uint16_t)(off + len);
}
