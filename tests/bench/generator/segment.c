// SPDX-License-Identifier: BSD-3-Clause
// What does an end of a connection read and write? Called by tcp.c, on the only thread. RFC 9293
// without data, options and losses. Next: tcp.c.
#include "tests/bench/generator/segment.h"

#include <rte_tcp.h>

#define ETHER_TYPE_IP4 0x0800
#define PROTO_TCP 6
#define TTL 64
#define WINDOW 65535
#define HEADER_LEN ((uint16_t)(sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr)))
#define FIN_ACK (RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG)
#define SYN_ACK (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)
#define CSUM_OK 0xffff // of words that hold their own checksum
#define PLACE_SHIFT 2  // a connection takes numbers 0 (SYN) and 1 (FIN) of four

// By what A has sent: number and flags.
static enum segment_kind kind_at_b(const struct segment *s, uint32_t *place)
{
    uint32_t seq = rte_be_to_cpu_32(s->tcp.sent_seq);
    uint32_t offset = seq % (1U << PLACE_SHIFT);

    *place = seq >> PLACE_SHIFT;
    if (s->tcp.tcp_flags == RTE_TCP_SYN_FLAG && offset == 0)
        return SEGMENT_SYN;
    if (s->tcp.tcp_flags == FIN_ACK && offset == 1)
        return SEGMENT_FIN;
    if (s->tcp.tcp_flags != RTE_TCP_ACK_FLAG)
        return SEGMENT_OTHER;
    return offset == 1 ? SEGMENT_ACK : offset == 2 ? SEGMENT_LAST_ACK : SEGMENT_OTHER;
}

// By what B acknowledges.
static enum segment_kind kind_at_a(const struct segment *s, uint32_t *place)
{
    uint32_t ack = rte_be_to_cpu_32(s->tcp.recv_ack);
    uint32_t offset = ack % (1U << PLACE_SHIFT);

    *place = ack >> PLACE_SHIFT;
    if (s->tcp.tcp_flags == SYN_ACK && offset == 1)
        return SEGMENT_SYN_ACK;
    return s->tcp.tcp_flags == FIN_ACK && offset == 2 ? SEGMENT_FIN_ACK : SEGMENT_OTHER;
}

enum segment_kind segment_read(const struct segment *s, const struct frame_template *t,
                               uint16_t len, uint32_t *place)
{
    if (len < sizeof(*s) - sizeof(s->pad) || s->ether.type != RTE_BE16(ETHER_TYPE_IP4) ||
        s->ip.version_ihl != RTE_IPV4_VHL_DEF || s->ip.next_proto_id != PROTO_TCP ||
        s->ip.total_length != rte_cpu_to_be_16(HEADER_LEN))
        return SEGMENT_OTHER;
    return t->src == SIDE_A ? kind_at_a(s, place) : kind_at_b(s, place);
}

static bool is_tcp_csum_right(const struct segment *s)
{
    uint32_t sum =
        (uint32_t)rte_ipv4_phdr_cksum(&s->ip, 0) + rte_raw_cksum(&s->tcp, sizeof(s->tcp));

    return (sum & 0xffff) + (sum >> 16) == CSUM_OK;
}

bool segment_is_right(const struct segment *s, const struct frame_template *t,
                      const struct flow *flow)
{
    return s->ip.src_addr == flow->addrs[t->dst] && s->ip.dst_addr == flow->addrs[t->src] &&
           s->tcp.src_port == flow->ports[t->dst] && s->tcp.dst_port == flow->ports[t->src] &&
           s->ip.time_to_live == TTL - 1 && rte_raw_cksum(&s->ip, sizeof(s->ip)) == CSUM_OK &&
           is_tcp_csum_right(s);
}

static void write_csums(struct segment *s)
{
    s->ip.hdr_checksum = 0;
    s->ip.hdr_checksum = rte_ipv4_cksum(&s->ip);
    s->tcp.cksum = 0;
    s->tcp.cksum = rte_ipv4_udptcp_cksum(&s->ip, &s->tcp);
}

void segment_write_syn(uint8_t *data, const struct frame_template *t, const struct flow *flow,
                       uint32_t place)
{
    struct segment s = {
        .ether = t->ether,
        .ip = {.version_ihl = RTE_IPV4_VHL_DEF,
               .total_length = rte_cpu_to_be_16(HEADER_LEN),
               .fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
               .time_to_live = TTL,
               .next_proto_id = PROTO_TCP,
               .src_addr = flow->addrs[t->src],
               .dst_addr = flow->addrs[t->dst]},
        .tcp = {.src_port = flow->ports[t->src],
                .dst_port = flow->ports[t->dst],
                .sent_seq = rte_cpu_to_be_32(place << PLACE_SHIFT),
                .data_off = sizeof(struct rte_tcp_hdr) / 4 << 4,
                .tcp_flags = RTE_TCP_SYN_FLAG,
                .rx_win = RTE_BE16(WINDOW)},
    };

    write_csums(&s);
    memcpy(data + t->tag_len, &s, sizeof(s));
    if (t->tag_len > 0)
        frame_write_tag(data, t, flow);
}

// An acknowledgement of nothing yet: B's own number comes from A's.
static uint32_t own_seq(const struct segment *s)
{
    return s->tcp.tcp_flags == RTE_TCP_SYN_FLAG ? ~s->tcp.sent_seq : s->tcp.recv_ack;
}

void segment_answer(uint8_t *data, const struct frame_template *t, uint8_t flags)
{
    struct segment *s = (struct segment *)(data + t->tag_len);
    rte_be32_t addr = s->ip.src_addr;
    rte_be16_t port = s->tcp.src_port;
    rte_be32_t seq = own_seq(s);

    memcpy(data, &t->ether, offsetof(struct frame_ether, type));
    s->ip.src_addr = s->ip.dst_addr;
    s->ip.dst_addr = addr;
    s->ip.time_to_live = TTL;
    s->tcp.src_port = s->tcp.dst_port;
    s->tcp.dst_port = port;
    s->tcp.recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(s->tcp.sent_seq) + 1);
    s->tcp.sent_seq = seq;
    s->tcp.tcp_flags = flags;
    s->tcp.rx_win = RTE_BE16(WINDOW);
    write_csums(s);
}
