// SPDX-License-Identifier: BSD-3-Clause
// Who takes a packet that is for the router itself? Worker; called by admit.c and process.c. The
// router answers pings, and nd.c neighbour discovery; answers to its own pings go to ping.c. All
// else is for the kernel twin of the interface it came by, as it is; without a twin UDP and unknown
// protocols are refused by ICMP, as a host does, and the rest is dropped: a RST is the business of
// who speaks TCP. Fragments are for the twin only, nobody puts them together here.

#include "dataplane/parse/parse.h"
#include "vnf/router/packet.h"

#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_ND_FIRST 133 // RFC 4861, 4
#define ICMP6_ND_LAST 137
#define NEXT_HEADER_OFF 6 // in the IPv6 header
#define TOS_DSCP 0xfc     // without the ECN bits (RFC 3168)
#define OPTION_PAD1 0
#define OPTION_ACTION(type) ((type) >> 6) // RFC 8200, 4.2; 0: skip it if it is not known
#define OPTION_TELL 2                     // from here on: drop the packet and say so

static void take_by_router(const struct router_scene *s, struct rte_mbuf **m,
                           const struct router_interface *in)
{
    router_send_via(s, m, in);
    if (*m != NULL && packet_of(*m)->verdict == PACKET_DROP)
        s->counters->dropped++; // there is no way back
    else
        s->counters->local++;
}

static uint16_t read16(const uint8_t *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof(value));
    return value;
}

static void replace_type(uint8_t *icmp, uint8_t type, uint16_t address_from, uint16_t address_to)
{
    uint16_t from = read16(icmp), checksum = read16(icmp + 2);

    icmp[0] = type;
    checksum = sum_update(checksum, from, read16(icmp));
    checksum = sum_update(checksum, address_from, address_to);
    memcpy(icmp + 2, &checksum, sizeof(checksum));
}

// RFC 792, RFC 1812, 4.3.3.6: the same data and options, addresses exchanged.
static void echo4(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in)
{
    struct rte_ipv4_hdr *ip = packet_ip4(*m);
    struct packet *p = packet_of(*m);
    rte_be32_t source = ip->src_addr;

    router_trim(*m, p->l3_end);
    ip->src_addr = ip->dst_addr;
    ip->dst_addr = source;
    ip->type_of_service &= TOS_DSCP;
    ip->fragment_offset = 0;
    ip->time_to_live = ROUTER_TTL;
    ip->hdr_checksum = 0;
    ip->hdr_checksum = ip4_checksum(ip);
    replace_type(rte_pktmbuf_mtod_offset(*m, uint8_t *, p->l4_off), ICMP_ECHO_REPLY, 0, 0);
    p->in_port = API_MAX_PORTS;
    p->in = ATTACHMENT_NONE;
    p->offload = 0;
    take_by_router(s, m, in);
}

// Extension headers were for us and are not part of the answer.
static void strip_extensions(struct rte_mbuf *m)
{
    struct packet *p = packet_of(m);
    uint16_t end = RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr);
    uint16_t len = (uint16_t)(p->l4_off - end);
    uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

    memmove(frame + len, frame, end);
    (void)rte_pktmbuf_adj(m, len);
    p->l4_off = (uint16_t)(p->l4_off - len);
    p->payload_off = (uint16_t)(p->payload_off - len);
    p->l3_end = (uint16_t)(p->l3_end - len);
    p->flags &= (uint16_t)~PACKET_IP_OPTIONS;
    packet_ip6(m)->proto = IPPROTO_ICMPV6;
    packet_ip6(m)->payload_len = rte_cpu_to_be_16((uint16_t)(p->l3_end - p->l4_off));
}

// RFC 4443, 4.2: what went to a group is answered from an address of the interface.
static void echo6(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in)
{
    struct rte_ipv6_hdr *ip = packet_ip6(*m);
    struct packet *p = packet_of(*m);
    const uint8_t *from = ip->dst_addr;
    uint8_t to[16], asked[16];
    uint32_t traffic_class = rte_be_to_cpu_32(ip->vtc_flow) >> 20 & TOS_DSCP;

    if (ip6_is_multicast(ip->dst_addr))
        from = router_source_for(s, in, 6, ip->src_addr);
    if (from == NULL) {
        router_drop(p, DROP_ROUTER_LOCAL_UNWANTED);
        return;
    }
    router_trim(*m, p->l3_end);
    memcpy(to, ip->src_addr, sizeof(to));
    memcpy(asked, ip->dst_addr, sizeof(asked));
    memmove(ip->src_addr, from, sizeof(ip->src_addr));
    memcpy(ip->dst_addr, to, sizeof(ip->dst_addr));
    ip->vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28 | traffic_class << 20);
    ip->hop_limits = ROUTER_TTL;
    replace_type(rte_pktmbuf_mtod_offset(*m, uint8_t *, p->l4_off), ICMP6_ECHO_REPLY,
                 rte_raw_cksum(asked, sizeof(asked)), rte_raw_cksum(ip->src_addr, sizeof(asked)));
    if (p->flags & PACKET_IP_OPTIONS)
        strip_extensions(*m);
    p->in_port = API_MAX_PORTS;
    p->in = ATTACHMENT_NONE;
    p->offload = 0;
    take_by_router(s, m, in);
}

// Where the number of the last header stands in the IPv6 packet.
static uint32_t last_next_header(const struct rte_mbuf *m)
{
    const uint8_t *ip = (const uint8_t *)packet_ip6(m);
    uint32_t at = sizeof(struct rte_ipv6_hdr), field = NEXT_HEADER_OFF;
    uint8_t proto = ip[NEXT_HEADER_OFF];

    for (unsigned n = 0; n < PARSE_MAX_EXTENSIONS && extension_is(proto); n++) {
        field = at;
        extension_step(ip, &proto, &at);
    }
    return field;
}

// The offset of the first option in a header, from `at` to `end`, that can't be skipped; 0: none.
static uint32_t bad_option_in(const uint8_t *ip, uint32_t at, uint32_t end)
{
    while (at < end && OPTION_ACTION(ip[at]) == 0) {
        uint32_t len = ip[at] == OPTION_PAD1 ? 1 : at + 1 < end ? 2U + ip[at + 1] : end;

        if (len > end - at)
            return at;
        at += len;
    }
    return at < end ? at : 0;
}

// The same of all options of the packet. None but padding is known here. Parse has walked the
// extension headers: they are whole and in the first segment.
static uint32_t bad_option(const struct rte_mbuf *m)
{
    const uint8_t *ip = (const uint8_t *)packet_ip6(m);
    uint32_t at = sizeof(struct rte_ipv6_hdr), found = 0;
    uint8_t proto = ip[NEXT_HEADER_OFF];

    for (unsigned n = 0; found == 0 && n < PARSE_MAX_EXTENSIONS && extension_is(proto); n++) {
        if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_DSTOPTS)
            found = bad_option_in(ip, at + 2, at + extension_len(proto, ip + at));
        if (proto == IPPROTO_FRAGMENT && ((ip[at + 2] << 8 | ip[at + 3]) & 0xfff8) != 0)
            break; // what is behind it is somewhere in the middle
        extension_step(ip, &proto, &at);
    }
    return found;
}

static int has_bad_option(const struct rte_mbuf *m, const struct packet *p)
{
    return (p->flags & PACKET_IP6) && (p->flags & PACKET_IP_OPTIONS) && bad_option(m) != 0;
}

// RFC 8200, 4.2; RFC 4443, 3.4.
static void refuse_option(const struct router_scene *s, struct rte_mbuf **m,
                          const struct router_interface *in)
{
    struct icmp_fault fault = {DROP_ROUTER_LOCAL_UNWANTED, 0, 0, 4, 2, bad_option(*m)};

    if (OPTION_ACTION(((const uint8_t *)packet_ip6(*m))[fault.value]) >= OPTION_TELL)
        router_icmp_error(s, m, in, &fault);
    else
        router_drop(packet_of(*m), DROP_ROUTER_LOCAL_UNWANTED);
}

// Nobody here wants it. RFC 1122, 3.2.2.1; RFC 4443, 3.1 and 3.4.
static void refuse(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_interface *in, int is_unicast)
{
    static const struct icmp_fault no_port = {DROP_ROUTER_LOCAL_UNWANTED, 3, 3, 1, 4, 0};
    struct icmp_fault no_protocol = {DROP_ROUTER_LOCAL_UNWANTED, 3, 2, 4, 1, 0};
    struct packet *p = packet_of(*m);

    if (p->l3_error != API_DROP_NONE) {
        router_drop(p, p->l3_error);
        return;
    }
    if (has_bad_option(*m, p)) {
        refuse_option(s, m, in);
        return;
    }
    switch (p->l4_proto) {
    case IPPROTO_UDP:
        if (!is_unicast)
            break;
        router_icmp_error(s, m, in, &no_port);
        return;
    case IPPROTO_TCP:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
    case IPPROTO_NONE:
        break;
    default:
        if (!is_unicast || (p->flags & PACKET_LATER_FRAGMENT))
            break;
        if (p->flags & PACKET_IP6)
            no_protocol.value = last_next_header(*m);
        router_icmp_error(s, m, in, &no_protocol);
        return;
    }
    router_drop(p, DROP_ROUTER_LOCAL_UNWANTED);
}

// 1: the message is the router's business and decided.
static int take_icmp4(const struct router_scene *s, struct rte_mbuf **m,
                      const struct router_interface *in, int is_unicast)
{
    const struct packet *p = packet_of(*m);
    uint8_t type = *rte_pktmbuf_mtod_offset(*m, const uint8_t *, p->l4_off);

    if (!is_unicast) // RFC 1122, 3.2.2.6
        return 0;
    if (type == ICMP_ECHO_REQUEST) {
        echo4(s, m, in);
        return 1;
    }
    return router_ping_answer(s, *m) ? -1 : 0;
}

static int take_icmp6(const struct router_scene *s, struct rte_mbuf **m,
                      const struct router_interface *in, int is_unicast)
{
    const struct packet *p = packet_of(*m);
    uint8_t type = *rte_pktmbuf_mtod_offset(*m, const uint8_t *, p->l4_off);

    if (type >= ICMP6_ND_FIRST && type <= ICMP6_ND_LAST) {
        router_nd(s, m, in);
        return 1;
    }
    if (has_bad_option(*m, p)) // which the twin may know
        return 0;
    if (type == ICMP6_ECHO_REQUEST) {
        if (!is_unicast && (!router_is_own_group(in, packet_destination(*m, 6)) ||
                            ip6_is_unspecified(packet_source(*m, 6))))
            return 0;
        echo6(s, m, in);
        return 1;
    }
    return is_unicast && router_ping_answer(s, *m) ? -1 : 0;
}

// 1: decided or gone.
static int take_icmp(const struct router_scene *s, struct rte_mbuf **m,
                     const struct router_interface *in, int is_unicast)
{
    const struct packet *p = packet_of(*m);
    int rc;

    if (!(p->flags & PACKET_L4) || (p->flags & PACKET_FRAGMENT))
        return 0;
    if (p->l4_proto == IPPROTO_ICMP)
        rc = take_icmp4(s, m, in, is_unicast);
    else if (p->l4_proto == IPPROTO_ICMPV6)
        rc = take_icmp6(s, m, in, is_unicast);
    else
        return 0;
    if (rc < 0) { // the answer to a ping has told what it had to tell
        s->counters->local++;
        rte_pktmbuf_free(*m);
        *m = NULL;
    }
    return rc != 0;
}

void router_local(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in)
{
    struct packet *p = packet_of(*m);
    uint8_t family = packet_family(p);
    int is_unicast = router_has_address(s, in, family, packet_destination(*m, family));

    if (take_icmp(s, m, in, is_unicast))
        return;
    if (in->kernel_attachment == ATTACHMENT_NONE) {
        refuse(s, m, in, is_unicast);
        return;
    }
    s->counters->local++;
    router_forward(p, in->kernel_attachment);
}
