// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_FRAME_H
#define TESTS_BENCH_GENERATOR_FRAME_H

// One test frame: Ethernet, IPv4 or IPv6, UDP and a mark that a DUT has no reason to change. A
// frame is known by its mark alone, so a DUT may swap or rewrite addresses and ports; it may not
// change the length of the headers. With IPv4 the mark lies in the same cache line as the headers.
// Per frame everything is written anew but the payload behind the mark, which stays zero in its
// mbuf.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/options.h"

#define FRAME_MAGIC_A 0x43756c41U // "CulA": sent by side A
#define FRAME_MAGIC_B 0x43756c42U

struct frame_ether {
    uint8_t dst_mac[4];
    rte_be16_t dst_mac_idx; // last two bytes
    uint8_t src_mac[4];
    rte_be16_t src_mac_idx;
    rte_be16_t type;
} __attribute__((packed));

struct frame_ip4 {
    uint8_t version_ihl;
    uint8_t tos;
    rte_be16_t total_len;
    rte_be16_t id;
    rte_be16_t fragment;
    uint8_t ttl;
    uint8_t proto;
    rte_be16_t csum;
    rte_be32_t src_addr;
    rte_be32_t dst_addr;
} __attribute__((packed));

struct frame_ip6_addr {
    rte_be16_t top;
    rte_be32_t word;
    uint8_t rest[10];
} __attribute__((packed));

struct frame_ip6 {
    rte_be32_t version_class_label;
    rte_be16_t payload_len;
    uint8_t proto;
    uint8_t hop_limit;
    struct frame_ip6_addr src;
    struct frame_ip6_addr dst;
} __attribute__((packed));

// UDP and the mark.
struct frame_udp {
    rte_be16_t src_port;
    rte_be16_t dst_port;
    rte_be16_t len;
    rte_be16_t csum;
    rte_be32_t magic;
    uint32_t seq;
    uint32_t seq_inverse; // ~seq: proves the mark, and keeps the UDP checksum free of seq
} __attribute__((packed));

struct frame4 {
    struct frame_ether ether;
    struct frame_ip4 ip;
    struct frame_udp udp;
    uint8_t pad[10];
} __attribute__((packed));

struct frame6 {
    struct frame_ether ether;
    struct frame_ip6 ip;
    struct frame_udp udp;
} __attribute__((packed));

_Static_assert(sizeof(struct frame4) == 64, "headers and mark are one cache line");
_Static_assert(sizeof(struct frame6) == FRAME_SIZE_MIN_IP6 - FCS_LEN, "the shortest one");

// What all frames of one side share. Written by frame_template_init only.
struct frame_template {
    union {
        struct frame_ether ether;
        struct frame4 ip4;
        struct frame6 ip6;
    };
    uint32_t ip_sum;  // IPv4: of the words that don't vary
    uint32_t udp_sum; // likewise, pseudo-header and mark included
    uint8_t src;      // index into the addresses and ports of a flow
    uint8_t dst;
    bool is_ip6;
    uint16_t udp_off;
};

void frame_template_init(struct frame_template *t, const struct options *o, enum side_id side);

static inline rte_be16_t frame_csum(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return rte_cpu_to_be_16((uint16_t)~sum);
}

static inline void frame_write_macs(struct frame_ether *e, const struct flow *flow)
{
    e->dst_mac_idx = flow->mac_idx;
    e->src_mac_idx = flow->mac_idx;
}

static inline void frame_write_udp(struct frame_udp *u, const struct frame_template *t,
                                   const struct flow *flow, uint16_t len, uint32_t seq)
{
    rte_be16_t csum = frame_csum(t->udp_sum + flow->addr_sum + rte_be_to_cpu_16(flow->ports[0]) +
                                 rte_be_to_cpu_16(flow->ports[1]) + 2U * len);

    u->src_port = flow->ports[t->src];
    u->dst_port = flow->ports[t->dst];
    u->len = rte_cpu_to_be_16(len);
    u->csum = csum == 0 ? 0xffff : csum; // RFC 768: 0 means none
    u->seq = seq;
    u->seq_inverse = ~seq;
}

static inline void frame4_write(struct frame4 *f, const struct frame_template *t,
                                const struct flow *flow, uint16_t len, uint32_t seq)
{
    uint16_t ip_len = (uint16_t)(len - offsetof(struct frame4, ip));

    memcpy(f, &t->ip4, sizeof(*f));
    frame_write_macs(&f->ether, flow);
    f->ip.total_len = rte_cpu_to_be_16(ip_len);
    f->ip.csum = frame_csum(t->ip_sum + flow->addr_sum + ip_len);
    f->ip.src_addr = flow->addrs[t->src];
    f->ip.dst_addr = flow->addrs[t->dst];
    frame_write_udp(&f->udp, t, flow, (uint16_t)(len - offsetof(struct frame4, udp)), seq);
}

static inline void frame6_write(struct frame6 *f, const struct frame_template *t,
                                const struct flow *flow, uint16_t len, uint32_t seq)
{
    uint16_t udp_len = (uint16_t)(len - offsetof(struct frame6, udp));

    memcpy(f, &t->ip6, sizeof(*f));
    frame_write_macs(&f->ether, flow);
    f->ip.payload_len = rte_cpu_to_be_16(udp_len);
    f->ip.src.word = flow->addrs[t->src];
    f->ip.dst.word = flow->addrs[t->dst];
    frame_write_udp(&f->udp, t, flow, udp_len, seq);
}

// Write headers and mark at `data`, which must have room for 80 bytes whatever `len` is. `len` is
// without FCS.
static inline void frame_write(void *data, const struct frame_template *t, const struct flow *flow,
                               uint16_t len, uint32_t seq)
{
    if (t->is_ip6)
        frame6_write(data, t, flow, len, seq);
    else
        frame4_write(data, t, flow, len, seq);
}

// UDP and mark of a frame of the template's family.
static inline const struct frame_udp *frame_udp(const void *data, const struct frame_template *t)
{
    return (const struct frame_udp *)((const uint8_t *)data + t->udp_off);
}

// Whose frame is this? SIDE_A, SIDE_B, or N_SIDES if it is not one of ours. `len` is what the first
// segment holds.
static inline enum side_id frame_sender(const struct frame_udp *u, const struct frame_template *t,
                                        uint16_t len)
{
    if (len < t->udp_off + sizeof(*u) || u->seq_inverse != ~u->seq)
        return N_SIDES;
    if (u->magic == rte_cpu_to_be_32(FRAME_MAGIC_A))
        return SIDE_A;
    return u->magic == rte_cpu_to_be_32(FRAME_MAGIC_B) ? SIDE_B : N_SIDES;
}

#endif
