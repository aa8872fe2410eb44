// SPDX-License-Identifier: BSD-3-Clause
// Who is told that a packet went no further? Its source, by ICMP (RFC 792, 1812, 1191) or ICMPv6
// (RFC 4443, 8201), unless the RFCs forbid it or the interface has told enough this second. Worker;
// called with a packet whose fate is sealed, which becomes the error in its own buffer: the new
// headers go in front, so that the quote stays where it is. Next: process.c routes it.

#include <netinet/in.h>

#include "dataplane/core/counters.h"
#include "dataplane/walk/queue.h"
#include "vnf/router/packet.h"
#include "vnf/router/route.h"

#define MAX_ERROR4 576  // bytes of an IPv4 packet with an error (RFC 1812, 4.3.2.3)
#define MAX_ERROR6 1280 // and of an IPv6 packet (RFC 4443, 2.4 (c))
#define DONT_FRAGMENT_CODE 4
#define ICMP_UNREACHABLE 3
#define ICMP_PARAMETER_PROBLEM 12
#define ICMP6_INFORMATIONAL 128 // types from here on are no errors
#define ICMP6_REDIRECT 137

// Only messages that are known to be queries are answered with errors (RFC 1812, 4.3.2.7).
static int is_icmp_query(uint8_t type)
{
    return type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);
}

static uint8_t icmp_type(const struct rte_mbuf *m, const struct packet *p)
{
    return *rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
}

// RFC 1812, 4.3.2.7.
static int may_answer4(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *source = packet_source(m, 4), *destination = packet_destination(m, 4);

    if (destination[0] >= 224 || source[0] == 0 || source[0] == 127 || source[0] >= 224)
        return 0;
    if (p->flags & PACKET_LATER_FRAGMENT) // RFC 4443 has no such exception
        return 0;
    if (p->l4_proto != IPPROTO_ICMP)
        return 1;
    return (p->flags & PACKET_L4) && is_icmp_query(icmp_type(m, p));
}

// RFC 4443, 2.4 (e). Nothing that goes to a group is forwarded, so its exceptions don't come here.
static int may_answer6(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *source = packet_source(m, 6);
    uint8_t type;

    if (ip6_is_multicast(packet_destination(m, 6)) || ip6_is_multicast(source) ||
        ip6_is_internal(source))
        return 0;
    if (p->l4_proto != IPPROTO_ICMPV6)
        return 1;
    if (!(p->flags & PACKET_L4))
        return 0;
    type = icmp_type(m, p);
    return type >= ICMP6_INFORMATIONAL && type != ICMP6_REDIRECT;
}

// The type of the route that an address has, 0: none.
static uint8_t route_type(const struct router_scene *s, uint8_t family, const uint8_t *address)
{
    const struct route_group *group = route_lookup(s->state, family, address);

    return group != NULL ? group->type : 0;
}

// Whether the source is a host that packets are sent to: no broadcast address, none of our own.
static int is_routed(const struct router_scene *s, const uint8_t *source, uint8_t family)
{
    uint8_t type;

    if (family == 6 && ip6_is_link_local(source))
        return 1;
    type = route_type(s, family, source);
    return type == API_ROUTE_UNICAST || type == API_ROUTE_CONNECTED;
}

static int may_answer(const struct router_scene *s, const struct rte_mbuf *m,
                      const struct packet *p)
{
    uint8_t family = packet_family(p);

    if (packet_is_own(p))
        return 0;
    if (*rte_pktmbuf_mtod(m, const uint8_t *) & 1) // to a group of stations
        return 0;
    if (!(family == 4 ? may_answer4(m, p) : may_answer6(m, p)))
        return 0;
    if (family == 4 && route_type(s, 4, packet_destination(m, 4)) == API_ROUTE_BROADCAST)
        return 0;
    return is_routed(s, packet_source(m, family), family);
}

// Cut the packet to `quote_len` bytes behind its Ethernet header and make room for `len` bytes in
// front of them. Where the buffer has none it goes into one of our own. NULL: no buffer; m is as
// it was.
static struct rte_mbuf *make_room(const struct router_scene *s, struct rte_mbuf *m, unsigned len,
                                  unsigned quote_len)
{
    struct rte_mbuf *room;
    uint8_t *to;
    const void *quote;

    if (likely(rte_pktmbuf_headroom(m) >= len)) {
        router_trim(m, RTE_ETHER_HDR_LEN + quote_len);
        (void)rte_pktmbuf_prepend(m, (uint16_t)len);
        return m;
    }
    room = walk_alloc(s->ctx);
    if (room == NULL)
        return NULL;
    to = (uint8_t *)rte_pktmbuf_append(room, (uint16_t)(RTE_ETHER_HDR_LEN + len + quote_len));
    if (to == NULL) {
        rte_pktmbuf_free(room);
        return NULL;
    }
    to += RTE_ETHER_HDR_LEN + len;
    quote = rte_pktmbuf_read(m, RTE_ETHER_HDR_LEN, quote_len, to);
    if (quote != to)
        memcpy(to, quote, quote_len);
    *packet_of(room) = *packet_of(m);
    rte_pktmbuf_free(m);
    return room;
}

static void write_ip4(const struct router_scene *s, struct rte_mbuf *m, const uint8_t *from,
                      const uint8_t *to)
{
    struct rte_ipv4_hdr *ip = packet_ip4(m);

    *ip = (struct rte_ipv4_hdr){
        .version_ihl = RTE_IPV4_VHL_DEF,
        .type_of_service = TOS_CONTROL,
        .total_length = rte_cpu_to_be_16((uint16_t)(m->pkt_len - RTE_ETHER_HDR_LEN)),
        .packet_id = rte_cpu_to_be_16((uint16_t)s->counters->icmp_errors),
        .time_to_live = ROUTER_TTL,
        .next_proto_id = IPPROTO_ICMP,
    };
    memcpy(&ip->src_addr, from, sizeof(ip->src_addr));
    memcpy(&ip->dst_addr, to, sizeof(ip->dst_addr));
    ip->hdr_checksum = ip4_checksum(ip);
}

static void write_ip6(struct rte_mbuf *m, const uint8_t *from, const uint8_t *to)
{
    struct rte_ipv6_hdr *ip = packet_ip6(m);

    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28 | TOS_CONTROL << 20),
        .payload_len = rte_cpu_to_be_16((uint16_t)(m->pkt_len - RTE_ETHER_HDR_LEN - sizeof(*ip))),
        .proto = IPPROTO_ICMPV6,
        .hop_limits = ROUTER_TTL,
    };
    memcpy(ip->src_addr, from, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, to, sizeof(ip->dst_addr));
}

// Four bytes behind the checksum: an MTU in the low half (RFC 1191) or a pointer in the highest
// byte; in ICMPv6 either fills them.
static uint32_t icmp_word(const struct icmp_fault *fault, uint8_t family)
{
    uint32_t value = 0;

    if (family == 6)
        value = fault->value;
    else if (fault->type4 == ICMP_UNREACHABLE && fault->code4 == DONT_FRAGMENT_CODE)
        value = fault->value & 0xffff;
    else if (fault->type4 == ICMP_PARAMETER_PROBLEM)
        value = fault->value << 24;
    return rte_cpu_to_be_32(value);
}

static void write_icmp(struct rte_mbuf *m, const struct icmp_fault *fault, uint8_t family)
{
    const struct packet *p = packet_of(m);
    uint8_t *icmp = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_off);
    uint32_t len = (uint32_t)(p->l3_end - p->l4_off), word = icmp_word(fault, family);
    uint64_t sum;
    uint16_t checksum;

    icmp[0] = family == 4 ? fault->type4 : fault->type6;
    icmp[1] = family == 4 ? fault->code4 : fault->code6;
    icmp[2] = 0;
    icmp[3] = 0;
    memcpy(icmp + 4, &word, sizeof(word));
    sum = sum_range(m, p->l4_off, len);
    if (family == 6)
        sum += sum_pseudo6(packet_ip6(m), IPPROTO_ICMPV6, len);
    checksum = (uint16_t)~sum_fold(sum);
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

// 0, or -1: there is no room for it.
static int build(const struct router_scene *s, struct rte_mbuf **m, const uint8_t *from,
                 const struct icmp_fault *fault)
{
    struct packet *p = packet_of(*m);
    uint8_t family = packet_family(p);
    unsigned header_len = family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
    unsigned max_len = family == 4 ? MAX_ERROR4 : MAX_ERROR6;
    unsigned quote_len = RTE_MIN(packet_ip_len(p), max_len - header_len - ICMP_LEN);
    struct rte_mbuf *error;
    unsigned address_len = family == 4 ? 4 : 16;
    uint8_t to[16], source[16]; // both may lie in m

    memcpy(to, packet_source(*m, family), address_len);
    memcpy(source, from, address_len);
    error = make_room(s, *m, header_len + ICMP_LEN, quote_len);
    if (error == NULL)
        return -1;
    packet_set_icmp(packet_of(error), family, header_len + ICMP_LEN + quote_len);
    if (family == 4)
        write_ip4(s, error, source, to);
    else
        write_ip6(error, source, to);
    write_icmp(error, fault, family);
    *m = error;
    return 0;
}

// Where the error comes from: the interface that the packet came by; RFC 4443, 2.2 (a): the address
// that the packet went to, if it is ours. NULL: there is none.
static const uint8_t *choose_source(const struct router_scene *s, const struct rte_mbuf *m,
                                    const struct router_interface *in)
{
    uint8_t family = packet_family(packet_of((struct rte_mbuf *)(uintptr_t)m));
    const uint8_t *destination = packet_destination(m, family);

    if (family == 6 && router_has_address(s, in, 6, destination))
        return destination;
    return router_source_for(s, in, family, packet_source(m, family));
}

void router_icmp_error(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, const struct icmp_fault *fault)
{
    struct packet *p = packet_of(*m);
    uint8_t family = packet_family(p);
    uint16_t in_port = p->in_port;
    const uint8_t *from;

    router_drop(p, fault->reason); // unless all that follows succeeds
    if (in == NULL || (family == 4 ? fault->type4 : fault->type6) == 0 || !may_answer(s, *m, p))
        return;
    from = choose_source(s, *m, in);
    if (from == NULL)
        return;
    if (!meter_admit(&s->config->error_limit, &s->state->slots[in->slot].error_meter,
                     s->ctx->now_tsc, 1)) {
        s->counters->icmp_limited++;
        return;
    }
    if (build(s, m, from, fault) < 0)
        return;
    counters_drop(in_port, s->ctx->worker, fault->reason, 1);
    s->counters->dropped++;
    router_send_via(s, m, in);
    s->counters->icmp_errors += *m == NULL || packet_of(*m)->verdict != PACKET_DROP;
}
