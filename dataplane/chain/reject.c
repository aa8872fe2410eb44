// SPDX-License-Identifier: BSD-3-Clause
// What does the sender of a refused packet hear? Called by the chain on a worker, for packets that
// parse found sound. The answer is made beside the packet and then takes its place in its buffer:
// it is short, and there are not many. Nobody hears anything where the RFCs forbid it, or where the
// worker has told enough this second. Next: the walk sends it back.

#include "dataplane/chain/packet.h"

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_tcp.h>

#include "dataplane/chain/parts.h"
#include "dataplane/core/checksum.h"
#include "dataplane/core/meter.h"
#include "dataplane/parse/parse.h"

#define ANSWERS_PER_SEC 1000
#define ANSWERS_AT_ONCE 100
#define MAX_ERROR4 576  // bytes of an IPv4 packet with an error (RFC 1812, 4.3.2.3)
#define MAX_ERROR6 1280 // and of an IPv6 packet (RFC 4443, 2.4 (c))
#define MAX_L2 (RTE_ETHER_HDR_LEN + 4 * PARSE_MAX_TAGS)
#define ANSWER_TTL 64
// Internetwork control, as ICMP errors have it (RFC 1812, 4.3.2.5); the same for ICMPv6.
#define TOS_CONTROL 0xc0

struct reject_limit {
    struct meter_limit limit;
    struct meter meter;
    uint16_t n_errors; // IPv4 identification
} __attribute__((aligned(RTE_CACHE_LINE_SIZE)));

static struct reject_limit limits[API_MAX_WORKERS]; // each worker its own

// The answer as it grows. family, ip and l4 say where its headers are.
struct answer {
    uint8_t bytes[MAX_L2 + MAX_ERROR6];
    uint32_t l2_len;
    uint32_t ip_len; // IP header and what is behind it
    uint8_t family;
    uint8_t *ip, *l4;
};

// Only messages that are known to be queries are answered with errors (RFC 1122, 3.2.2; RFC 4443,
// 2.4 (e)).
static int is_answerable(const struct rte_mbuf *m, const struct packet *p, uint8_t family)
{
    const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    int is_reply;

    if (p->l4_proto == IPPROTO_TCP)
        return (p->flags & PACKET_L4) && (l4[13] & RTE_TCP_RST_FLAG) == 0;
    if (!is_icmp(family, p->l4_proto))
        return 1;
    if (!(p->flags & PACKET_L4))
        return 0;
    if (family == 4)
        return icmp_query(4, l4[0], &is_reply) != 0;
    return l4[0] >= ICMP6_INFORMATIONAL && (l4[0] < ICMP6_ND_FIRST || l4[0] > ICMP6_ND_LAST);
}

// One host, that an answer can come from or go to: no group, no broadcast, not nobody, no loopback.
static int is_host(uint8_t family, const uint8_t *address)
{
    static const uint8_t zero[15], mapped[12] = {[10] = 0xff, 0xff};

    if (family == 4)
        return address[0] != 0 && address[0] != 127 && address[0] < 224;
    if (address[0] == 0xff || (memcmp(address, zero, sizeof(zero)) == 0 && address[15] <= 1))
        return 0;
    return memcmp(address, mapped, sizeof(mapped)) != 0;
}

static int may_answer(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    uint8_t family = packet_family(p);
    const uint8_t *source = frame + p->l3_off + (family == 4 ? IP4_SOURCE_OFF : IP6_SOURCE_OFF);

    if (p->l3_error != API_DROP_NONE || !(p->flags & (PACKET_IP4 | PACKET_IP6)) ||
        (p->flags & PACKET_LATER_FRAGMENT))
        return 0;
    if ((frame[0] & 1) || (frame[RTE_ETHER_ADDR_LEN] & 1)) // a group of stations at either end
        return 0;
    return is_host(family, source) && is_host(family, source + address_len(family)) &&
           is_answerable(m, p, family);
}

static int is_admitted(const struct walk_context *ctx)
{
    struct reject_limit *limit = &limits[ctx->worker];

    if (limit->limit.event_cycles == 0)
        meter_limit_init(&limit->limit, ANSWERS_PER_SEC, ANSWERS_AT_ONCE, rte_get_tsc_hz());
    return meter_admit(&limit->limit, &limit->meter, ctx->now_tsc, 1);
}

// Ethernet header with the MACs swapped, tags as they are, and an IP header back; `l4_len` bytes
// follow it.
static void begin_answer(struct answer *a, const struct rte_mbuf *m, const struct packet *p,
                         uint32_t l4_len, uint8_t protocol)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + p->l3_off;
    uint32_t header_len;

    a->family = packet_family(p);
    header_len = a->family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
    a->l2_len = p->l3_off;
    a->ip_len = header_len + l4_len;
    a->ip = a->bytes + a->l2_len;
    a->l4 = a->ip + header_len;
    memcpy(a->bytes, frame, a->l2_len);
    memcpy(a->bytes, frame + RTE_ETHER_ADDR_LEN, RTE_ETHER_ADDR_LEN);
    memcpy(a->bytes + RTE_ETHER_ADDR_LEN, frame, RTE_ETHER_ADDR_LEN);
    if (a->family == 4) {
        struct rte_ipv4_hdr header = {
            .version_ihl = RTE_IPV4_VHL_DEF,
            .total_length = rte_cpu_to_be_16((uint16_t)a->ip_len),
            .time_to_live = ANSWER_TTL,
            .next_proto_id = protocol,
        };

        memcpy(&header.src_addr, ip + IP4_SOURCE_OFF + 4, 4);
        memcpy(&header.dst_addr, ip + IP4_SOURCE_OFF, 4);
        memcpy(a->ip, &header, sizeof(header));
    } else {
        struct rte_ipv6_hdr header = {
            .vtc_flow = RTE_BE32(UINT32_C(6) << 28),
            .payload_len = rte_cpu_to_be_16((uint16_t)l4_len),
            .proto = protocol,
            .hop_limits = ANSWER_TTL,
        };

        memcpy(header.src_addr, ip + IP6_SOURCE_OFF + 16, 16);
        memcpy(header.dst_addr, ip + IP6_SOURCE_OFF, 16);
        memcpy(a->ip, &header, sizeof(header));
    }
}

// RFC 9293, 3.10.7.1: what a host without the connection says.
static void write_reset(struct answer *a, const struct rte_mbuf *m, const struct packet *p)
{
    struct rte_tcp_hdr tcp, reset = {.data_off = sizeof(reset) / 4 << 4};
    uint32_t len = (uint32_t)(p->l3_end - p->payload_off);

    memcpy(&tcp, rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off), sizeof(tcp));
    reset.src_port = tcp.dst_port;
    reset.dst_port = tcp.src_port;
    reset.tcp_flags = RTE_TCP_RST_FLAG;
    if (tcp.tcp_flags & RTE_TCP_ACK_FLAG) {
        reset.sent_seq = tcp.recv_ack;
    } else {
        len += (tcp.tcp_flags & RTE_TCP_SYN_FLAG) != 0;
        len += (tcp.tcp_flags & RTE_TCP_FIN_FLAG) != 0;
        reset.recv_ack = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp.sent_seq) + len);
        reset.tcp_flags |= RTE_TCP_ACK_FLAG;
    }
    begin_answer(a, m, p, sizeof(reset), IPPROTO_TCP);
    if (a->family == 4) { // never in fragments, so it needs no identification (RFC 6864, 4.1)
        uint16_t dont_fragment = RTE_BE16(RTE_IPV4_HDR_DF_FLAG);

        memcpy(a->ip + offsetof(struct rte_ipv4_hdr, fragment_offset), &dont_fragment,
               sizeof(dont_fragment));
    }
    memcpy(a->l4, &reset, sizeof(reset));
}

// Family 4, 6.
static const uint8_t codes[][2] = {
    [CHAIN_PROHIBITED] = {13, 1},
    [CHAIN_RESET] = {13, 1}, // what is not TCP
    [CHAIN_NO_PORT] = {3, 4},
};

// 0: the packet can't be read.
static int write_error(struct answer *a, struct rte_mbuf *m, enum chain_answer answer,
                       uint16_t identification)
{
    const struct packet *p = packet_of(m);
    uint8_t family = packet_family(p);
    uint32_t max_quote_len = family == 4 ? MAX_ERROR4 - sizeof(struct rte_ipv4_hdr) - ICMP_LEN
                                         : MAX_ERROR6 - sizeof(struct rte_ipv6_hdr) - ICMP_LEN;
    uint32_t quote_len = RTE_MIN((uint32_t)(p->l3_end - p->l3_off), max_quote_len);
    uint16_t id = rte_cpu_to_be_16(identification);
    uint32_t word = RTE_BE32(UINT32_C(6) << 28 | TOS_CONTROL << 20);
    const void *quote;

    begin_answer(a, m, p, ICMP_LEN + quote_len, family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    if (family == 4) {
        a->ip[1] = TOS_CONTROL;
        memcpy(a->ip + offsetof(struct rte_ipv4_hdr, packet_id), &id, sizeof(id));
    } else {
        memcpy(a->ip, &word, sizeof(word));
    }
    memset(a->l4, 0, ICMP_LEN);
    a->l4[0] = family == 4 ? 3 : 1;
    a->l4[1] = codes[answer][family == 6];
    quote = rte_pktmbuf_read(m, p->l3_off, quote_len, a->l4 + ICMP_LEN);
    if (quote == NULL)
        return 0;
    if (quote != a->l4 + ICMP_LEN)
        memcpy(a->l4 + ICMP_LEN, quote, quote_len);
    return 1;
}

static void write_checksums(struct answer *a)
{
    uint32_t l4_len = a->ip_len - (uint32_t)(a->l4 - a->ip);
    uint8_t protocol = a->family == 4 ? a->ip[9] : a->ip[6];
    uint64_t sum = rte_raw_cksum(a->l4, l4_len);
    uint16_t checksum;

    if (protocol != IPPROTO_ICMP) { // RFC 9293, 3.1; RFC 8200, 8.1
        uint32_t pair_len = 2 * address_len(a->family);

        sum += rte_raw_cksum(a->ip + (a->family == 4 ? IP4_SOURCE_OFF : IP6_SOURCE_OFF), pair_len);
        sum += rte_cpu_to_be_32(l4_len) + (uint64_t)rte_cpu_to_be_32(protocol);
    }
    checksum = (uint16_t)~sum_fold(sum);
    memcpy(a->l4 + checksum_off(a->family, protocol), &checksum, sizeof(checksum));
    if (a->family == 4) {
        checksum = (uint16_t)~rte_raw_cksum(a->ip, sizeof(struct rte_ipv4_hdr));
        memcpy(a->ip + IP4_CHECKSUM_OFF, &checksum, sizeof(checksum));
    }
}

// 0: the buffer is too small, m is as it was.
static int take_place(const struct answer *a, struct rte_mbuf *m)
{
    uint16_t len = (uint16_t)(a->l2_len + a->ip_len);
    struct packet *p = packet_of(m);

    if (m->buf_len < len)
        return 0;
    rte_pktmbuf_free(m->next); // NULL too
    m->next = NULL;
    m->nb_segs = 1;
    m->data_off = (uint16_t)RTE_MIN(m->data_off, m->buf_len - len);
    m->data_len = len;
    m->pkt_len = len;
    memcpy(rte_pktmbuf_mtod(m, uint8_t *), a->bytes, len);

    p->in_port = API_MAX_PORTS;
    p->offload = 0;
    p->gso_size = 0;
    p->flags = (uint16_t)((a->family == 4 ? PACKET_IP4 : PACKET_IP6) | PACKET_L4);
    p->l4_proto = a->family == 4 ? a->ip[9] : a->ip[6];
    p->l4_off = (uint16_t)(a->l4 - a->bytes);
    p->payload_off = (uint16_t)(p->l4_off + (p->l4_proto == IPPROTO_TCP ? 20 : ICMP_LEN));
    p->l3_end = len;
    p->out = p->in;
    p->verdict = PACKET_FORWARD;
    p->drop = API_DROP_NONE;
    return 1;
}

int chain_reject(const struct walk_context *ctx, struct rte_mbuf *m, enum chain_answer answer)
{
    const struct packet *p = packet_of(m);
    struct answer a;

    if (!may_answer(m, p) || !is_admitted(ctx))
        return 0;
    if (p->l4_proto == IPPROTO_TCP && answer == CHAIN_RESET)
        write_reset(&a, m, p);
    else if (!write_error(&a, m, answer, ++limits[ctx->worker].n_errors))
        return 0;
    write_checksums(&a);
    return take_place(&a, m);
}
