// SPDX-License-Identifier: BSD-3-Clause
// Whose is this frame? Runs in the kernel for each frame of an af-xdp port's interface, before any
// of the kernel's own network code: dropped if its source is denied, handed to the dataplane's
// socket if it is the dataplane's, else left to the kernel. Where no socket is, all is the
// kernel's. Changes no byte. The maps are filled by maps.c; the socket is opened in
// dataplane/port/af_xdp.c.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "control/xdp/steer.h"

#define MAX_TAGS 2
#define ND_SOLICITATION 135 // RFC 4861, 4.3
#define ND_TARGET_OFF 8

struct {
    __uint(type, BPF_MAP_TYPE_XSKMAP);
    __uint(max_entries, STEER_MAX_QUEUES);
    __type(key, __u32);
    __type(value, __u32);
} xsks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, STEER_N_COUNTERS);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct steer_settings);
} settings SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, STEER_MAX_VLANS);
    __type(key, __u32);
    __type(value, __u8); // enum steer_vlan
} vlans SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_MAX_MACS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct steer_mac);
    __type(value, __u8);
} macs SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, STEER_MAX_ADDRESSES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct steer_address);
    __type(value, __u8);
} own SEC(".maps"); // the kernel's addresses

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, STEER_MAX_PREFIXES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct steer_prefix);
    __type(value, __u8);
} prefixes SEC(".maps"); // destinations of the dataplane

struct {
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, STEER_MAX_PREFIXES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct steer_prefix);
    __type(value, __u8);
} denied SEC(".maps"); // sources

// What the headers say. Addresses are in the form of a key.
struct frame {
    struct steer_mac to;
    __u16 vlan;         // of the outer tag; 0: none
    __u8 has_addresses; // source and destination: an IP packet
    __u8 has_target;    // target: ARP, or a neighbour solicitation
    struct steer_prefix source, destination, target;
};

struct arp_packet {
    __be16 hardware, protocol;
    __u8 hardware_len, protocol_len;
    __be16 operation;
    __u8 sender_mac[6], sender[4], target_mac[6], target[4];
};

struct vlan_tag {
    __be16 control, type; // type: of what comes behind it
};

static __always_inline void set_key4(struct steer_prefix *key, const void *address)
{
    key->prefix_len = 32 + 32;
    key->family = 4;
    __builtin_memcpy(key->address, address, 4);
}

static __always_inline void set_key6(struct steer_prefix *key, const void *address)
{
    key->prefix_len = 32 + 128;
    key->family = 6;
    __builtin_memcpy(key->address, address, 16);
}

// These three: 0, or -1 if the frame ends inside the header.
static __always_inline int read_arp(struct frame *f, const void *at, const void *end)
{
    const struct arp_packet *arp = at;

    if ((const void *)(arp + 1) > end)
        return -1;
    if (arp->hardware != bpf_htons(1) || arp->protocol != bpf_htons(ETH_P_IP) ||
        arp->hardware_len != 6 || arp->protocol_len != 4)
        return 0;
    set_key4(&f->target, arp->target);
    f->has_target = 1;
    return 0;
}

static __always_inline int read_ip4(struct frame *f, const void *at, const void *end)
{
    const struct iphdr *ip = at;

    if ((const void *)(ip + 1) > end || ip->version != 4)
        return -1;
    set_key4(&f->source, &ip->saddr);
    set_key4(&f->destination, &ip->daddr);
    f->has_addresses = 1;
    return 0;
}

static __always_inline int read_ip6(struct frame *f, const void *at, const void *end)
{
    const struct ipv6hdr *ip = at;
    const __u8 *icmp = (const __u8 *)(ip + 1);

    if ((const void *)(ip + 1) > end || ip->version != 6)
        return -1;
    set_key6(&f->source, &ip->saddr);
    set_key6(&f->destination, &ip->daddr);
    f->has_addresses = 1;
    if (ip->nexthdr != IPPROTO_ICMPV6)
        return 0;
    if ((const void *)(icmp + 1) > end)
        return -1;
    if (icmp[0] != ND_SOLICITATION)
        return 0;
    if ((const void *)(icmp + ND_TARGET_OFF + 16) > end)
        return -1;
    set_key6(&f->target, icmp + ND_TARGET_OFF);
    f->has_target = 1;
    return 0;
}

// 0, or -1 if the frame ends too early.
static __always_inline int read_frame(struct frame *f, const void *at, const void *end)
{
    const struct ethhdr *ethernet = at;
    const struct vlan_tag *tag;
    __be16 type;

    if ((const void *)(ethernet + 1) > end)
        return -1;
    __builtin_memcpy(f->to.bytes, ethernet->h_dest, 6);
    type = ethernet->h_proto;
    at = ethernet + 1;
#pragma unroll
    for (int i = 0; i < MAX_TAGS; i++) {
        if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
            break;
        tag = at;
        if ((const void *)(tag + 1) > end)
            return -1;
        if (i == 0)
            f->vlan = bpf_ntohs(tag->control) & 0xfff;
        type = tag->type;
        at = tag + 1;
    }
    if (type == bpf_htons(ETH_P_ARP))
        return read_arp(f, at, end);
    if (type == bpf_htons(ETH_P_IP))
        return read_ip4(f, at, end);
    if (type == bpf_htons(ETH_P_IPV6))
        return read_ip6(f, at, end);
    return 0;
}

static __always_inline int is_kernel_target(const struct frame *f)
{
    struct steer_address key = {.family = f->target.family};

    __builtin_memcpy(key.address, f->target.address, 16);
    return f->has_target && bpf_map_lookup_elem(&own, &key) != NULL;
}

static __always_inline int is_multicast(const struct frame *f)
{
    return f->to.bytes[0] & 1;
}

static __always_inline int is_own_mac(const struct frame *f, const struct steer_settings *s)
{
    int differs = 0;

#pragma unroll
    for (int i = 0; i < 6; i++)
        differs |= f->to.bytes[i] ^ s->mac[i];
    return !differs;
}

// With `steering`: what is listed, and the rest is the kernel's.
static __always_inline int is_listed(const struct frame *f, const struct steer_settings *s)
{
    if (f->has_target && bpf_map_lookup_elem(&prefixes, &f->target) != NULL)
        return 1;
    if (is_kernel_target(f))
        return 0;
    if (bpf_map_lookup_elem(&macs, &f->to) != NULL)
        return 1;
    if (f->has_addresses && bpf_map_lookup_elem(&prefixes, &f->destination) != NULL)
        return 1;
    return is_multicast(f) && (s->flags & STEER_BROADCAST);
}

// Without: all but what is the kernel's own. ARP requests and solicitations have an owner by their
// target, however they are sent.
static __always_inline int is_not_kernels(const struct frame *f, const struct steer_settings *s)
{
    if (f->vlan != 0)
        return 1; // the kernel's VLANs are told apart already
    if (is_kernel_target(f) || is_own_mac(f, s))
        return 0;
    if (f->has_target || !is_multicast(f))
        return 1;
    return (s->flags & STEER_BROADCAST) != 0;
}

static __always_inline int is_dataplanes(const struct frame *f, const struct steer_settings *s)
{
    __u32 id = f->vlan;
    const __u8 *vlan = bpf_map_lookup_elem(&vlans, &id);

    if (vlan != NULL && (*vlan & STEER_VLAN_DATAPLANE))
        return 1;
    if (vlan != NULL && (*vlan & STEER_VLAN_KERNEL))
        return 0;
    return s->flags & STEER_EXPLICIT ? is_listed(f, s) : is_not_kernels(f, s);
}

static __always_inline int count(__u32 counter, int verdict)
{
    __u64 *n = bpf_map_lookup_elem(&counters, &counter);

    if (n != NULL)
        (*n)++;
    return verdict;
}

SEC("xdp.frags")
int culvert_xdp(struct xdp_md *ctx)
{
    const void *data = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
    struct frame f = {0};
    __u32 zero = 0;
    const struct steer_settings *s = bpf_map_lookup_elem(&settings, &zero);
    int verdict;

    if (s == NULL)
        return XDP_PASS;
    if (read_frame(&f, data, end) < 0)
        return count(STEER_MALFORMED, XDP_DROP);
    if (f.has_addresses && bpf_map_lookup_elem(&denied, &f.source) != NULL)
        return count(STEER_DENIED, XDP_DROP);
    if (!is_dataplanes(&f, s))
        return count(STEER_PASSED, XDP_PASS);
    verdict = (int)bpf_redirect_map(&xsks, ctx->rx_queue_index, XDP_PASS);
    return count(verdict == XDP_REDIRECT ? STEER_REDIRECTED : STEER_PASSED, verdict);
}

char _license[] SEC("license") = "Dual BSD/GPL";
