// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_FRAME_H
#define TESTS_BENCH_GENERATOR_FRAME_H

// One test frame: Ethernet, IPv4, UDP and a mark that a DUT has no reason to change. A frame is
// known by its mark alone, so a DUT may swap or rewrite addresses and ports; it may not change the
// length of the headers. The mark lies in the same cache line as the headers. Per frame everything
// is written anew but the payload behind byte 64, which stays zero in its mbuf.

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "tests/bench/generator/flows.h"
#include "tests/bench/generator/options.h"

#define FRAME_MAGIC_A 0x43756c41U // "CulA": sent by side A
#define FRAME_MAGIC_B 0x43756c42U

struct frame {
    uint8_t dst_mac[4];
    rte_be16_t dst_mac_idx; // last two bytes
    uint8_t src_mac[4];
    rte_be16_t src_mac_idx;
    rte_be16_t ether_type;
    uint8_t version_ihl;
    uint8_t tos;
    rte_be16_t total_len;
    rte_be16_t id;
    rte_be16_t fragment;
    uint8_t ttl;
    uint8_t proto;
    rte_be16_t ip_csum;
    rte_be32_t src_addr;
    rte_be32_t dst_addr;
    rte_be16_t src_port;
    rte_be16_t dst_port;
    rte_be16_t udp_len;
    rte_be16_t udp_csum;
    rte_be32_t magic;
    uint32_t seq;
    uint32_t seq_inverse; // ~seq: proves the mark, and keeps the UDP checksum free of seq
    uint8_t pad[10];
} __attribute__((packed));

_Static_assert(sizeof(struct frame) == 64, "headers and mark are one cache line");

#define FRAME_L3_OFF 14
#define FRAME_UDP_OFF 34

// What all frames of one side share. Written by frame_template_init only.
struct frame_template {
    struct frame frame;
    uint32_t ip_sum;  // of the words that don't vary
    uint32_t udp_sum; // likewise, pseudo-header and mark included
    uint8_t src;      // index into the addresses and ports of a flow
    uint8_t dst;
};

void frame_template_init(struct frame_template *t, enum side_id side);

static inline rte_be16_t frame_csum(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return rte_cpu_to_be_16((uint16_t)~sum);
}

// Write the first 64 bytes at `f`, which must have room for them whatever `len` is. `len` is
// without FCS.
static inline void frame_write(struct frame *f, const struct frame_template *t,
                               const struct flow *flow, uint16_t len, uint32_t seq)
{
    uint16_t ip_len = (uint16_t)(len - FRAME_L3_OFF);
    uint16_t udp_len = (uint16_t)(len - FRAME_UDP_OFF);
    rte_be16_t csum;

    memcpy(f, &t->frame, sizeof(*f));
    f->dst_mac_idx = flow->mac_idx;
    f->src_mac_idx = flow->mac_idx;
    f->total_len = rte_cpu_to_be_16(ip_len);
    f->ip_csum = frame_csum(t->ip_sum + flow->addr_sum + ip_len);
    f->src_addr = flow->addrs[t->src];
    f->dst_addr = flow->addrs[t->dst];
    f->src_port = flow->ports[t->src];
    f->dst_port = flow->ports[t->dst];
    f->udp_len = rte_cpu_to_be_16(udp_len);
    csum = frame_csum(t->udp_sum + flow->addr_sum + rte_be_to_cpu_16(flow->ports[0]) +
                      rte_be_to_cpu_16(flow->ports[1]) + 2U * udp_len);
    f->udp_csum = csum == 0 ? 0xffff : csum; // RFC 768: 0 means none
    f->seq = seq;
    f->seq_inverse = ~seq;
}

// Whose frame is this? SIDE_A, SIDE_B, or N_SIDES if it is not one of ours. `len` is what the first
// segment holds.
static inline enum side_id frame_sender(const struct frame *f, uint16_t len)
{
    if (len < FRAME_SIZE_MIN - FCS_LEN || f->seq_inverse != ~f->seq)
        return N_SIDES;
    if (f->magic == rte_cpu_to_be_32(FRAME_MAGIC_A))
        return SIDE_A;
    return f->magic == rte_cpu_to_be_32(FRAME_MAGIC_B) ? SIDE_B : N_SIDES;
}

#endif
