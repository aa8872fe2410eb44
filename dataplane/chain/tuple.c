// SPDX-License-Identifier: BSD-3-Clause
// Which session could this packet belong to, or why to none? Called by the chain for each packet
// that arrives, on a worker. Reads what parse has proven, changes nothing and remembers nothing.
// Next: session_find_burst, or icmp.c for an error.

#include <rte_ether.h>

#include "dataplane/chain/packet.h"
#include "dataplane/chain/parts.h"

static int is_mld(uint8_t type) // RFC 2710, 3; RFC 3810, 5
{
    return (type >= 130 && type <= 132) || type == 143;
}

// Neighbour discovery comes from the same link if its hop limit says so (RFC 4861, 3.1), and is
// nothing in fragments (RFC 6980). MLD has hop limit 1 and a link-local source (RFC 3810, 5).
static int is_of_link(const struct rte_mbuf *m, const struct packet *p)
{
    const struct rte_ipv6_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv6_hdr *, p->l3_off);
    uint8_t type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);

    if (p->flags & PACKET_FRAGMENT)
        return 0;
    if (type >= ICMP6_ND_FIRST && type <= ICMP6_ND_LAST)
        return ip->hop_limits == 255;
    return is_mld(type) && ip->hop_limits == 1 && ip6_is_link_local(ip->src_addr);
}

static enum chain_packet_kind read_icmp(const struct rte_mbuf *m, const struct packet *p,
                                        struct session_tuple *t)
{
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    int is_reply;

    if (icmp_is_error(t->family, icmp[0]))
        return CHAIN_PACKET_ICMP_ERROR;
    if (t->family == 6 && is_of_link(m, p))
        return CHAIN_PACKET_LINK;
    t->icmp_type = icmp_query(t->family, icmp[0], &is_reply);
    if (t->icmp_type == 0) {
        t->icmp_type = icmp[0];
        return CHAIN_PACKET_ALONE;
    }
    if (is_reply)
        t->destination_port = read_word(icmp + ICMP_IDENTIFIER_OFF);
    else
        t->source_port = read_word(icmp + ICMP_IDENTIFIER_OFF);
    return CHAIN_PACKET_SESSION;
}

// A group, a broadcast or nobody at either end. A directed broadcast is known only by the frame
// that carries it.
static int belongs_to_many(const struct rte_mbuf *m, const struct session_tuple *t)
{
    uint32_t len = address_len(t->family);

    if (is_zero(t->source, len) || is_zero(t->destination, len) || is_group(t->family, t->source) ||
        is_group(t->family, t->destination))
        return 1;
    if (t->family == 6)
        return 0;
    return ip4_is_broadcast(t->source) || ip4_is_broadcast(t->destination) ||
           rte_is_broadcast_ether_addr(rte_pktmbuf_mtod(m, const struct rte_ether_addr *));
}

static void read_addresses(const struct rte_mbuf *m, const struct packet *p,
                           struct session_tuple *t)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off);

    memset(t, 0, sizeof(*t));
    t->protocol = p->l4_proto;
    if (likely(p->flags & PACKET_IP4)) {
        t->family = 4;
        memcpy(t->source, ip + IP4_SOURCE_OFF, 4);
        memcpy(t->destination, ip + IP4_SOURCE_OFF + 4, 4);
    } else {
        t->family = 6;
        memcpy(t->source, ip + IP6_SOURCE_OFF, 16);
        memcpy(t->destination, ip + IP6_SOURCE_OFF + 16, 16);
    }
}

enum chain_packet_kind chain_packet_tuple(const struct rte_mbuf *m, const struct packet *p,
                                          struct session_tuple *t, uint8_t *drop)
{
    enum chain_packet_kind kind = CHAIN_PACKET_SESSION;

    if (unlikely(p->l3_error != API_DROP_NONE)) {
        *drop = p->l3_error;
        return CHAIN_PACKET_BAD;
    }
    if (p->flags & PACKET_ARP)
        return CHAIN_PACKET_LINK;
    if (unlikely(!(p->flags & (PACKET_IP4 | PACKET_IP6))))
        return CHAIN_PACKET_OTHER;
    if (unlikely(p->flags & PACKET_LATER_FRAGMENT))
        return CHAIN_PACKET_LATER_FRAGMENT;
    read_addresses(m, p, t);
    if (likely((p->flags & PACKET_L4) && has_ports(p->l4_proto))) {
        const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);

        memcpy(&t->source_port, l4, sizeof(t->source_port));
        memcpy(&t->destination_port, l4 + 2, sizeof(t->destination_port));
    } else if ((p->flags & PACKET_L4) && is_icmp(t->family, t->protocol)) {
        kind = read_icmp(m, p, t);
    }
    if (kind == CHAIN_PACKET_SESSION && unlikely(belongs_to_many(m, t)))
        return CHAIN_PACKET_ALONE;
    return kind;
}
