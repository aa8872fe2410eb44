// SPDX-License-Identifier: BSD-3-Clause
// Can this neighbour discovery message be believed? Called by nd.c on a worker, first thing. Parse
// has proven IP header and eight bytes of ICMPv6; here the rest is: lengths, options, checksum,
// hop limit, and what the addresses may be (RFC 4861, 6.1, 7.1, 8.1). Changes nothing. Next: nd.c.

#include <netinet/in.h>

#include "vnf/router/nd.h"

#define MAX_OPTIONS 32
#define OPTION_UNIT 8

// Up to the options; 0: no such message.
static unsigned header_len(uint8_t type)
{
    switch (type) {
    case ND_ROUTER_SOLICITATION:
        return 8;
    case ND_ROUTER_ADVERTISEMENT:
        return 16;
    case ND_SOLICITATION:
    case ND_ADVERTISEMENT:
        return sizeof(struct nd_header);
    case ND_REDIRECT:
        return 40;
    default:
        return 0;
    }
}

// Which option names the MAC of who speaks.
static uint8_t own_option(uint8_t type)
{
    return type == ND_ADVERTISEMENT || type == ND_REDIRECT ? ND_OPTION_TARGET : ND_OPTION_SOURCE;
}

// RFC 4861, 4.6: length not 0, inside the packet. Unknown ones are passed over.
static int walk_options(const uint8_t *option, unsigned len, struct nd_message *nd)
{
    for (unsigned n = 0; len > 0; n++) {
        unsigned option_len;

        if (n == MAX_OPTIONS || len < OPTION_UNIT)
            return 0;
        option_len = option[1] * (unsigned)OPTION_UNIT;
        if (option_len == 0 || option_len > len)
            return 0;
        if (option[0] == own_option(nd->type)) {
            if (option_len != ND_OPTION_LEN || !neighbor_is_unicast_mac(option + 2))
                return 0;
            nd->mac = option + 2;
        }
        option += option_len;
        len -= option_len;
    }
    return 1;
}

static int is_solicited_node(const uint8_t *address) // RFC 4291, 2.7.1
{
    static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

    return memcmp(address, prefix, sizeof(prefix)) == 0;
}

// Who may say what to whom.
static int are_addresses_sound(const struct nd_message *nd)
{
    int is_unspecified = ip6_is_unspecified(nd->source);

    if (ip6_is_multicast(nd->source) ||
        (nd->target != NULL && (ip6_is_multicast(nd->target) || ip6_is_internal(nd->target))))
        return 0;
    switch (nd->type) {
    case ND_ROUTER_SOLICITATION: // 6.1.1
        return !is_unspecified || nd->mac == NULL;
    case ND_SOLICITATION: // 7.1.1
        return !is_unspecified || (nd->mac == NULL && is_solicited_node(nd->destination));
    case ND_ADVERTISEMENT: // 7.1.2
        return !is_unspecified &&
               !(ip6_is_multicast(nd->destination) && (nd->flags & ND_SOLICITED));
    default: // 6.1.2, 8.1: from routers
        return ip6_is_link_local(nd->source);
    }
}

int nd_check(struct rte_mbuf *m, const struct router_interface *in, struct nd_message *nd)
{
    const struct packet *p = packet_of(m);
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
    const struct rte_ipv6_hdr *ip = packet_ip6(m);
    const uint8_t *message = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    unsigned len = (unsigned)(p->l3_end - p->l4_off), options_off;

    // No extension headers: fragments are forbidden, atomic ones too (RFC 6980, 5), and nobody
    // needs others.
    if (!(p->flags & PACKET_L4) || p->l4_proto != IPPROTO_ICMPV6 ||
        p->l4_off != p->l3_off + sizeof(*ip) || p->l3_end > m->data_len ||
        ip->hop_limits != ND_HOP_LIMIT || message[1] != 0)
        return 0;
    *nd = (struct nd_message){.type = message[0], .source = ip->src_addr};
    options_off = header_len(nd->type);
    if (options_off == 0 || len < options_off)
        return 0;
    if (sum_fold((uint64_t)sum_pseudo6(ip, IPPROTO_ICMPV6, len) + rte_raw_cksum(message, len)) !=
        0xffff)
        return 0;
    nd->destination = ip->dst_addr;
    if (nd->type == ND_SOLICITATION || nd->type == ND_ADVERTISEMENT) {
        nd->flags = message[offsetof(struct nd_header, flags)];
        nd->target = message + offsetof(struct nd_header, target);
    }
    // A sender that has our MAC is a liar or a loop.
    return walk_options(message + options_off, len - options_off, nd) && are_addresses_sound(nd) &&
           neighbor_is_unicast_mac(ether->src_addr.addr_bytes) &&
           (nd->mac == NULL || memcmp(nd->mac, in->mac, 6) != 0);
}
