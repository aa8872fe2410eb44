// SPDX-License-Identifier: BSD-3-Clause
// Is this source perhaps our own, and what does an ICMPv6 checksum count? Called for packets that
// are off the plain way: a source that may be ours, an ICMP error, a reply, a ping. Worker, but for
// router_own_init, which the main thread calls while a configuration is made. Changes metadata in
// packet_set_icmp, else nothing. Next: local.c, icmp_error.c.

#include <netinet/in.h>

#include "vnf/router/packet.h"

static void add_own(struct router_config *config, uint32_t word)
{
    unsigned bit = own_filter_bit(word);

    config->own_filter[bit / 64] |= UINT64_C(1) << bit % 64;
}

static uint32_t filter_word(uint8_t family, const uint8_t *address)
{
    uint32_t word;

    memcpy(&word, family == 4 ? address : address + 12, sizeof(word));
    return word;
}

void router_own_init(struct router_config *config)
{
    memset(config->own_filter, 0, sizeof(config->own_filter));
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        const struct router_interface *interface = &config->interfaces[i];

        for (uint32_t k = 0; k < interface->n_addresses; k++)
            add_own(config,
                    filter_word(interface->addresses[k].family, interface->addresses[k].bytes));
        if (interface->has_ip6)
            add_own(config, filter_word(6, interface->link_local));
    }
}

int router_has_address(const struct router_scene *s, const struct router_interface *in,
                       uint8_t family, const uint8_t *address)
{
    if (!own_filter_has(s->config, filter_word(family, address)))
        return 0;
    if (family == 6 && ip6_is_link_local(address))
        return router_is_own(in, family, address);
    for (uint32_t i = 0; i < s->config->n_interfaces; i++)
        if (router_is_own(&s->config->interfaces[i], family, address))
            return 1;
    return 0;
}

uint16_t sum_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t len)
{
    uint64_t sum = rte_raw_cksum(ip->src_addr, 2 * sizeof(ip->src_addr));

    return sum_fold(sum + rte_cpu_to_be_32(len) + rte_cpu_to_be_32(proto));
}

void packet_set_icmp(struct packet *p, uint8_t family, unsigned ip_len)
{
    unsigned header_len = family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);

    p->in_port = API_MAX_PORTS;
    p->in = ATTACHMENT_NONE;
    p->offload = 0;
    p->gso_size = 0;
    p->n_tags = 0;
    p->outer_vlan = 0;
    p->inner_vlan = 0;
    p->ether_type = family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6;
    p->l3_off = RTE_ETHER_HDR_LEN;
    p->l4_off = (uint16_t)(RTE_ETHER_HDR_LEN + header_len);
    p->payload_off = (uint16_t)(p->l4_off + ICMP_LEN);
    p->l3_end = (uint16_t)(RTE_ETHER_HDR_LEN + ip_len);
    p->flags = (uint16_t)((family == 4 ? PACKET_IP4 : PACKET_IP6) | PACKET_L4);
    p->l4_proto = family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    p->l2_error = API_DROP_NONE;
    p->l3_error = API_DROP_NONE;
}
