// SPDX-License-Identifier: BSD-3-Clause
// What do all frames of one side have in common? Called by side.c before anything is sent.
// Sums are kept in host order, word by word (RFC 1071); frame_write in the header adds what varies.
// Next: side.c.
#include "tests/bench/generator/frame.h"

#include "tests/bench/routes/prefixes.h"

#define ETHER_TYPE_IP4 0x0800
#define ETHER_TYPE_IP6 0x86dd
#define DONT_FRAGMENT 0x4000
#define TTL 64
#define PROTO_UDP 17

static const uint8_t guest_macs[N_SIDES][4] = {
    [SIDE_A] = {0x02, 0x00, 0x00, 0xaa},
    [SIDE_B] = {0x02, 0x00, 0x00, 0xbb},
};
// Of the router's interfaces, one on each side.
static const uint8_t router_macs[N_SIDES][4] = {
    [SIDE_A] = {0x02, 0x00, 0x00, 0x0a},
    [SIDE_B] = {0x02, 0x00, 0x00, 0x0b},
};

static void init_ip4(struct frame_template *t)
{
    t->ip4.ether.type = RTE_BE16(ETHER_TYPE_IP4);
    t->ip4.ip.version_ihl = 0x45;
    t->ip4.ip.fragment = RTE_BE16(DONT_FRAGMENT);
    t->ip4.ip.ttl = TTL;
    t->ip4.ip.proto = PROTO_UDP;
    t->udp_off = offsetof(struct frame4, udp);
    t->ip_sum = 0x4500 + DONT_FRAGMENT + (TTL << 8 | PROTO_UDP);
}

// An address is <top of the side>:<word of the flow>::1.
static uint32_t init_ip6_addr(struct frame_ip6_addr *a, uint8_t side)
{
    uint16_t top = prefix_ip6_top((enum prefix_side)side);

    a->top = rte_cpu_to_be_16(top);
    a->rest[sizeof(a->rest) - 1] = 1;
    return top + 1U;
}

static void init_ip6(struct frame_template *t)
{
    t->ip6.ether.type = RTE_BE16(ETHER_TYPE_IP6);
    t->ip6.ip.version_class_label = RTE_BE32(0x60000000);
    t->ip6.ip.proto = PROTO_UDP;
    t->ip6.ip.hop_limit = TTL;
    t->udp_off = offsetof(struct frame6, udp);
    t->udp_sum += init_ip6_addr(&t->ip6.ip.src, t->src);
    t->udp_sum += init_ip6_addr(&t->ip6.ip.dst, t->dst);
}

void frame_template_init(struct frame_template *t, const struct options *o, enum side_id side,
                         uint32_t pair)
{
    enum side_id peer = side == SIDE_A ? SIDE_B : SIDE_A;

    *t = (struct frame_template){
        .src = (uint8_t)side,
        .dst = (uint8_t)peer,
        .is_ip6 = o->family == 6,
        .is_stamped = o->is_stamped,
        .tag_len = o->n_vlans > 0 ? FRAME_TAG_LEN : 0,
        .magic = FRAME_MAGIC | pair << FRAME_MAGIC_PAIR_SHIFT | (uint32_t)side,
    };
    // seq and its inverse add up to 0xffff twice, which is zero in this arithmetic.
    t->udp_sum = PROTO_UDP + (t->magic >> 16) + (t->magic & 0xffff);
    if (t->is_ip6)
        init_ip6(t);
    else
        init_ip4(t);
    memcpy(t->ether.dst_mac, o->n_routes > 0 ? router_macs[side] : guest_macs[peer],
           sizeof(t->ether.dst_mac));
    memcpy(t->ether.src_mac, guest_macs[side], sizeof(t->ether.src_mac));
}
