// SPDX-License-Identifier: BSD-3-Clause
// What do all frames of one side have in common? Called twice by side.c before anything is sent.
// Sums are kept in host order, word by word (RFC 1071); frame_write in the header adds what varies.
// Next: side.c.
#include "tests/bench/generator/frame.h"

#define ETHER_TYPE_IP4 0x0800
#define DONT_FRAGMENT 0x4000
#define TTL 64
#define PROTO_UDP 17

static const uint8_t mac_prefix[N_SIDES][4] = {
    [SIDE_A] = {0x02, 0x00, 0x00, 0xaa},
    [SIDE_B] = {0x02, 0x00, 0x00, 0xbb},
};

void frame_template_init(struct frame_template *t, enum side_id side)
{
    enum side_id peer = side == SIDE_A ? SIDE_B : SIDE_A;
    uint32_t magic = side == SIDE_A ? FRAME_MAGIC_A : FRAME_MAGIC_B;

    *t = (struct frame_template){.src = (uint8_t)side, .dst = (uint8_t)peer};
    memcpy(t->frame.dst_mac, mac_prefix[peer], sizeof(t->frame.dst_mac));
    memcpy(t->frame.src_mac, mac_prefix[side], sizeof(t->frame.src_mac));
    t->frame.ether_type = RTE_BE16(ETHER_TYPE_IP4);
    t->frame.version_ihl = 0x45;
    t->frame.fragment = RTE_BE16(DONT_FRAGMENT);
    t->frame.ttl = TTL;
    t->frame.proto = PROTO_UDP;
    t->frame.magic = rte_cpu_to_be_32(magic);
    t->ip_sum = 0x4500 + DONT_FRAGMENT + (TTL << 8 | PROTO_UDP);
    // seq and its inverse add up to 0xffff twice, which is zero in this arithmetic.
    t->udp_sum = PROTO_UDP + (magic >> 16) + (magic & 0xffff);
}
