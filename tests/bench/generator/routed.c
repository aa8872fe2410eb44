// SPDX-License-Identifier: BSD-3-Clause
// Has this frame been routed, and was nothing else done to it? Called by receive.c for a
// sample, on the only thread. Held against what a sender writes and RFC 1812 and RFC 8200 change on
// the way, with DPDK's checksums and not with the sums of frame.h. Next: receive.c.
#include "tests/bench/generator/routed.h"

#include <rte_ether.h>
#include <rte_ip.h>

#define CSUM_OK 0xffff // of words that hold their own checksum

static bool is_own_mac(const struct frame_ether *e, const struct frame_template *t,
                       uint32_t n_paths, uint32_t *path)
{
    *path = rte_be_to_cpu_16(e->dst_mac_idx);
    return memcmp(e->dst_mac, t->ether.src_mac, sizeof(e->dst_mac)) == 0 && *path < n_paths;
}

static bool is_router_mac(const struct frame_ether *e, const struct frame_template *t)
{
    return memcmp(e->src_mac, t->ether.dst_mac, sizeof(e->src_mac)) == 0 && e->src_mac_idx == 0;
}

static bool is_udp_csum_right(const struct frame_udp *u, size_t len, uint16_t pseudo_header_sum)
{
    uint32_t sum = (uint32_t)pseudo_header_sum + rte_raw_cksum(u, len);

    return (sum & 0xffff) + (sum >> 16) == CSUM_OK;
}

static const char *ip4_fault(const struct frame4 *f, uint32_t len, const struct frame4 *sent)
{
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)&f->ip;

    if (f->ip.version_ihl != sent->ip.version_ihl || f->ip.tos != sent->ip.tos ||
        f->ip.id != sent->ip.id || f->ip.fragment != sent->ip.fragment ||
        f->ip.proto != sent->ip.proto)
        return "another IPv4 header than was sent";
    if (rte_be_to_cpu_16(f->ip.total_len) != len - offsetof(struct frame4, ip))
        return "IPv4 total length is not the frame's";
    if (f->ip.ttl != sent->ip.ttl - 1)
        return "TTL is not one less";
    if (rte_raw_cksum(&f->ip, sizeof(f->ip)) != CSUM_OK)
        return "IPv4 header checksum is wrong";
    if (!is_udp_csum_right(&f->udp, len - offsetof(struct frame4, udp), rte_ipv4_phdr_cksum(ip, 0)))
        return "UDP checksum is wrong";
    return NULL;
}

static const char *ip6_fault(const struct frame6 *f, uint32_t len, const struct frame6 *sent)
{
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)&f->ip;

    if (f->ip.version_class_label != sent->ip.version_class_label || f->ip.proto != sent->ip.proto)
        return "another IPv6 header than was sent";
    if (rte_be_to_cpu_16(f->ip.payload_len) != len - offsetof(struct frame6, udp))
        return "IPv6 payload length is not the frame's";
    if (f->ip.hop_limit != sent->ip.hop_limit - 1)
        return "hop limit is not one less";
    if (!is_udp_csum_right(&f->udp, len - offsetof(struct frame6, udp), rte_ipv6_phdr_cksum(ip, 0)))
        return "UDP checksum is wrong";
    return NULL;
}

// A checksum does not tell if two addresses have changed places.
static bool is_to_side(const void *data, const struct frame_template *t)
{
    const struct frame6 *ip6 = data;
    const struct frame4 *ip4 = data;

    if (t->is_ip6)
        return ip6->ip.dst.top == t->ip6.ip.src.top && ip6->ip.src.top == t->ip6.ip.dst.top;
    return (ip4->ip.dst_addr & RTE_BE32(1U << 31)) == (t->src == SIDE_A ? 0 : RTE_BE32(1U << 31));
}

static bool is_of_flow(const struct frame4 *f, const struct frame_template *t,
                       const struct flow *flow)
{
    return f->ip.src_addr == flow->addrs[t->dst] && f->ip.dst_addr == flow->addrs[t->src] &&
           f->udp.src_port == flow->ports[t->dst] && f->udp.dst_port == flow->ports[t->src];
}

static bool is_tagged(const void *data, const struct frame_template *t, const struct flow *flow)
{
    const rte_be16_t *tag =
        (const rte_be16_t *)((const uint8_t *)data + offsetof(struct frame_ether, type));

    return t->tag_len == 0 ||
           (tag[0] == RTE_BE16(RTE_ETHER_TYPE_VLAN) && (flow == NULL || tag[1] == flow->tag));
}

const char *routed_fault(const void *data, uint16_t len, const struct frame_template *t,
                         const struct flow *flow, uint32_t n_paths, uint32_t *path)
{
    const struct frame_ether *e = data;
    const void *behind_tag = (const uint8_t *)data + t->tag_len;
    const struct frame_ether *typed = behind_tag;
    uint16_t rest = (uint16_t)(len - t->tag_len);

    if (!is_own_mac(e, t, n_paths, path))
        return "destination MAC is not the next hop's";
    if (!is_router_mac(e, t))
        return "source MAC is not the router's";
    if (!is_tagged(data, t, flow))
        return "VLAN tag is not the flow's";
    if (typed->type != t->ether.type)
        return "another EtherType than was sent";
    if (!is_to_side(behind_tag, t))
        return "destination is not behind this port";
    if (t->is_ip6)
        return ip6_fault(behind_tag, rest, &t->ip6);
    if (flow != NULL && !is_of_flow(behind_tag, t, flow))
        return "addresses and ports are not the flow's";
    return ip4_fault(behind_tag, rest, &t->ip4);
}
