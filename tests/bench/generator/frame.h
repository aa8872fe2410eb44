// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_FRAME_H
#define TESTS_BENCH_GENERATOR_FRAME_H

// One test frame: Ethernet, IPv4 or IPv6, UDP and a mark that a DUT has no reason to change. A
// frame is known by its mark alone, so a DUT may swap or rewrite addresses and ports; it may not
// change the length of the headers. With IPv4 the mark lies in the same cache line as the headers.
// Per frame everything is written anew but the payload behind mark and stamp, which stays zero in
// its mbuf. A VLAN tag moves all behind the MAC addresses by its length.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/options.h"

// What each frame carries: "Cu", pair, IS_NEW, side.
#define FRAME_MAGIC 0x43750000U
#define FRAME_MAGIC_PAIR_SHIFT 2
#define FRAME_MAGIC_IS_NEW 2U // its flow has not been seen before, or is to be learned again
#define FRAME_TAG_LEN 4
#define FRAME_STAMP_MASK ((1ULL << 48) - 1)

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
    rte_be16_t stamp[3]; // TSC when it was written, the lowest 48 bits
    uint8_t pad[4];
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
    uint32_t magic;   // of the side, host order, without IS_NEW
    uint8_t src;      // index into the addresses and ports of a flow
    uint8_t dst;
    bool is_ip6;
    bool is_stamped;
    uint16_t tag_len; // before the EtherType
    uint16_t udp_off; // behind the tag
};

// What differs from frame to frame beside the flow.
struct frame_vary {
    uint16_t len; // without FCS, with the tag
    bool is_new;
    uint32_t seq;
    uint64_t stamp; // if they are stamped
};

void frame_template_init(struct frame_template *t, const struct options *o, enum side_id side,
                         uint32_t pair);

static inline rte_be16_t frame_csum(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return rte_cpu_to_be_16((uint16_t)~sum);
}

static inline uint32_t frame_write_stamp(struct frame4 *f, const struct frame_vary *v)
{
    uint32_t words[3] = {(uint32_t)(v->stamp >> 32) & 0xffff, (uint32_t)(v->stamp >> 16) & 0xffff,
                         (uint32_t)v->stamp & 0xffff};

    for (int i = 0; i < 3; i++)
        f->stamp[i] = rte_cpu_to_be_16((uint16_t)words[i]);
    return words[0] + words[1] + words[2];
}

static inline uint64_t frame_stamp(const struct frame4 *f)
{
    return (uint64_t)rte_be_to_cpu_16(f->stamp[0]) << 32 |
           (uint64_t)rte_be_to_cpu_16(f->stamp[1]) << 16 | rte_be_to_cpu_16(f->stamp[2]);
}

// `sum` is of what varies beside the fields here.
static inline void frame_write_udp(struct frame_udp *u, const struct frame_template *t,
                                   const struct flow *flow, const struct frame_vary *v,
                                   uint32_t sum)
{
    uint16_t udp_len = (uint16_t)(v->len - t->tag_len - t->udp_off);
    uint32_t is_new = v->is_new ? FRAME_MAGIC_IS_NEW : 0;
    rte_be16_t csum =
        frame_csum(t->udp_sum + sum + flow->addr_sum + is_new + rte_be_to_cpu_16(flow->ports[0]) +
                   rte_be_to_cpu_16(flow->ports[1]) + 2U * udp_len);

    u->src_port = flow->ports[t->src];
    u->dst_port = flow->ports[t->dst];
    u->len = rte_cpu_to_be_16(udp_len);
    u->csum = csum == 0 ? 0xffff : csum; // RFC 768: 0 means none
    u->magic = rte_cpu_to_be_32(t->magic | is_new);
    u->seq = v->seq;
    u->seq_inverse = ~v->seq;
}

static inline void frame4_write(struct frame4 *f, const struct frame_template *t,
                                const struct flow *flow, const struct frame_vary *v)
{
    uint16_t ip_len = (uint16_t)(v->len - t->tag_len - offsetof(struct frame4, ip));

    memcpy(f, &t->ip4, sizeof(*f));
    f->ip.total_len = rte_cpu_to_be_16(ip_len);
    f->ip.csum = frame_csum(t->ip_sum + flow->addr_sum + ip_len);
    f->ip.src_addr = flow->addrs[t->src];
    f->ip.dst_addr = flow->addrs[t->dst];
    frame_write_udp(&f->udp, t, flow, v, t->is_stamped ? frame_write_stamp(f, v) : 0);
}

static inline void frame6_write(struct frame6 *f, const struct frame_template *t,
                                const struct flow *flow, const struct frame_vary *v)
{
    memcpy(f, &t->ip6, sizeof(*f));
    f->ip.payload_len = rte_cpu_to_be_16((uint16_t)(v->len - offsetof(struct frame6, udp)));
    f->ip.src.word = flow->addrs[t->src];
    f->ip.dst.word = flow->addrs[t->dst];
    frame_write_udp(&f->udp, t, flow, v, 0);
}

// The MAC addresses lie before the tag, and all else FRAME_TAG_LEN behind its place.
static inline void frame_write_tag(uint8_t *data, const struct frame_template *t,
                                   const struct flow *flow)
{
    rte_be16_t tag[2] = {RTE_BE16(0x8100), flow->tag};

    memcpy(data, &t->ether, offsetof(struct frame_ether, type));
    memcpy(data + offsetof(struct frame_ether, type), tag, sizeof(tag));
}

// Write headers and mark at `data`, which must have room for 80 bytes whatever the length is.
static inline void frame_write(void *data, const struct frame_template *t, const struct flow *flow,
                               const struct frame_vary *v)
{
    struct frame_ether *e = data;

    if (t->is_ip6)
        frame6_write(data, t, flow, v);
    else
        frame4_write((struct frame4 *)((uint8_t *)data + t->tag_len), t, flow, v);
    if (t->tag_len > 0) {
        frame_write_tag(data, t, flow);
        return;
    }
    e->dst_mac_idx = flow->tag;
    e->src_mac_idx = flow->tag;
}

// UDP and mark of a frame of the template's family.
static inline const struct frame_udp *frame_udp(const void *data, const struct frame_template *t)
{
    return (const struct frame_udp *)((const uint8_t *)data + t->tag_len + t->udp_off);
}

// Whose frame is this? SIDE_A or SIDE_B of the template's pair, or N_SIDES if it is of neither.
// `len` is what the first segment holds.
static inline enum side_id frame_sender(const struct frame_udp *u, const struct frame_template *t,
                                        uint16_t len)
{
    uint32_t other;

    if (len < t->tag_len + t->udp_off + sizeof(*u) || u->seq_inverse != ~u->seq)
        return N_SIDES;
    other = (rte_be_to_cpu_32(u->magic) & ~FRAME_MAGIC_IS_NEW) ^ t->magic;
    return other > 1 ? N_SIDES : (enum side_id)(t->src ^ other);
}

static inline bool frame_is_new(const struct frame_udp *u)
{
    return (u->magic & RTE_BE32(FRAME_MAGIC_IS_NEW)) != 0;
}

#endif
