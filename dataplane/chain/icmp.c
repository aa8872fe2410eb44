// SPDX-License-Identifier: BSD-3-Clause
// Which packet is this ICMP error about, and how does the error follow it through a translation?
// Called by the chain, on a worker. Nobody has parsed the quoted packet: it may end at any byte and
// lie in any segment, so each range is proven to be quoted before it is read (quote_read), and none
// is written that was not read. Next: session_find_burst, then the chain lets the error out.

#include "dataplane/chain/packet.h"

#include <errno.h>

#include "dataplane/chain/parts.h"
#include "dataplane/core/checksum.h"
#include "dataplane/parse/extension.h"
#include "dataplane/parse/parse.h"

// Of the L4 header: ports, UDP whole, identifier. Any host quotes that many (RFC 792).
#define MIN_QUOTED 8
#define MAX_IP4_HEADER 60

#define ROUTING_SEGMENTS_LEFT 3
#define IP6_FRAGMENT_OFFSET_MASK 0xfff8
#define IP6_FRAGMENT_MORE 1

// A quoted packet. Offsets from the frame's first byte.
struct quote {
    const struct rte_mbuf *m;
    uint32_t off; // of its IP header
    uint32_t end; // behind the last byte that is quoted of it
    uint32_t l4_off;
    uint32_t l4_len; // as it was sent: more than is quoted, perhaps
    uint8_t family;
    uint8_t protocol;
    uint8_t is_fragment;       // the first one
    uint8_t has_segments_left; // IPv6: of a routing header (RFC 8200, 8.1)
    uint8_t l4[MIN_QUOTED];    // where the protocol has a header we know
};

static int quote_has(const struct quote *q, uint32_t off, uint32_t len)
{
    return off <= q->end && len <= q->end - off;
}

// 0: not all of it is quoted.
static int quote_read(const struct quote *q, uint32_t off, uint32_t len, void *to)
{
    const void *from;

    if (!quote_has(q, off, len))
        return 0;
    from = rte_pktmbuf_read(q->m, off, len, to);
    if (from == NULL)
        return 0;
    if (from != to)
        memcpy(to, from, len);
    return 1;
}

// Behind the quoted packet there may be extensions: then a byte of the ICMP header says how long
// the quote is (RFC 4884, 4.1 and 4.2), in words of 4 or 8 bytes.
static uint32_t quote_end(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    uint32_t len = 0;

    if (p->flags & PACKET_IP4 && (icmp[0] == 3 || icmp[0] == 11 || icmp[0] == 12))
        len = icmp[5] * 4U;
    else if (p->flags & PACKET_IP6 && (icmp[0] == 1 || icmp[0] == 3))
        len = icmp[4] * 8U;
    if (len == 0)
        return p->l3_end;
    return RTE_MIN((uint32_t)p->l3_end, p->payload_off + len);
}

static int is_header_sound(const struct quote *q, uint32_t header_len)
{
    uint8_t header[MAX_IP4_HEADER];

    return quote_read(q, q->off, header_len, header) && rte_raw_cksum(header, header_len) == 0xffff;
}

static int read_ip4(struct quote *q)
{
    struct rte_ipv4_hdr ip;
    uint32_t header_len, total_len;
    uint16_t fragment;

    if (!quote_read(q, q->off, sizeof(ip), &ip) || ip.version_ihl >> 4 != IPVERSION)
        return 0;
    header_len = (ip.version_ihl & RTE_IPV4_HDR_IHL_MASK) * (uint32_t)RTE_IPV4_IHL_MULTIPLIER;
    total_len = rte_be_to_cpu_16(ip.total_length);
    if (header_len < sizeof(ip))
        return 0;
    q->end = RTE_MIN(q->end, q->off + total_len);
    if (!quote_has(q, q->off, header_len)) // so it is within total_len, too
        return 0;
    if (!is_header_sound(q, header_len)) // RFC 5508, REQ-3 a
        return 0;
    fragment = rte_be_to_cpu_16(ip.fragment_offset);
    if (fragment & RTE_IPV4_HDR_OFFSET_MASK)
        return 0;
    q->is_fragment = (fragment & RTE_IPV4_HDR_MF_FLAG) != 0;
    q->protocol = ip.next_proto_id;
    q->l4_off = q->off + header_len;
    q->l4_len = total_len - header_len;
    return 1;
}

// Extension headers, as far as parse walks them. 0: one is not quoted whole, or it is a later
// fragment.
static int walk_extensions(struct quote *q)
{
    uint8_t header[EXTENSION_UNIT];

    for (unsigned n = 0; extension_is(q->protocol); n++) {
        uint16_t fragment;
        uint32_t len;

        if (n == PARSE_MAX_EXTENSIONS || !quote_read(q, q->l4_off, sizeof(header), header))
            return 0;
        len = extension_len(q->protocol, header);
        if (!quote_has(q, q->l4_off, len))
            return 0;
        if (q->protocol == IPPROTO_FRAGMENT) {
            fragment = rte_be_to_cpu_16(read_word(header + 2));
            if (fragment & IP6_FRAGMENT_OFFSET_MASK)
                return 0;
            q->is_fragment |= fragment & IP6_FRAGMENT_MORE;
        }
        if (q->protocol == IPPROTO_ROUTING && header[ROUTING_SEGMENTS_LEFT] != 0)
            q->has_segments_left = 1;
        q->protocol = header[0];
        q->l4_off += len;
    }
    return 1;
}

static int read_ip6(struct quote *q)
{
    struct rte_ipv6_hdr ip;
    uint32_t len;

    if (!quote_read(q, q->off, sizeof(ip), &ip) || (rte_be_to_cpu_32(ip.vtc_flow) >> 28) != 6)
        return 0;
    len = (uint32_t)sizeof(ip) + rte_be_to_cpu_16(ip.payload_len);
    q->end = RTE_MIN(q->end, q->off + len);
    q->protocol = ip.proto;
    q->l4_off = q->off + (uint32_t)sizeof(ip);
    if (!walk_extensions(q))
        return 0;
    q->l4_len = q->off + len - q->l4_off; // the walk has not left the packet
    return 1;
}

static int quote_parse(struct quote *q, const struct rte_mbuf *m, const struct packet *p)
{
    *q = (struct quote){
        .m = m,
        .off = p->payload_off,
        .end = quote_end(m, p),
        .family = packet_family(p),
    };
    if (!(q->family == 4 ? read_ip4(q) : read_ip6(q)))
        return 0;
    if (has_ports(q->protocol) || is_icmp(q->family, q->protocol))
        return quote_read(q, q->l4_off, sizeof(q->l4), q->l4);
    return 1;
}

static uint32_t quote_source_off(const struct quote *q)
{
    return q->off + (q->family == 4 ? IP4_SOURCE_OFF : IP6_SOURCE_OFF);
}

// 0: an ICMP message that no session has.
static int read_ports(const struct quote *q, struct session_tuple *t)
{
    int is_reply;

    if (has_ports(q->protocol)) {
        t->source_port = read_word(q->l4);
        t->destination_port = read_word(q->l4 + 2);
    } else if (is_icmp(q->family, q->protocol)) {
        uint16_t identifier = read_word(q->l4 + ICMP_IDENTIFIER_OFF);

        t->icmp_type = icmp_query(q->family, q->l4[0], &is_reply);
        if (t->icmp_type == 0)
            return 0;
        t->source_port = is_reply ? 0 : identifier;
        t->destination_port = is_reply ? identifier : 0;
    }
    return 1;
}

// RFC 5508, REQ-3. All of it was read from a wire or made by us: nobody leaves the checksum of an
// error to others.
static int is_error_sound(const struct rte_mbuf *m, const struct packet *p)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off);
    uint32_t len = (uint32_t)(p->l3_end - p->l4_off);
    uint64_t sum = sum_range(m, p->l4_off, len);

    if (packet_family(p) == 6) {
        sum += rte_raw_cksum(ip + IP6_SOURCE_OFF, 2 * address_len(6));
        sum += rte_cpu_to_be_32(len) + (uint64_t)rte_cpu_to_be_32(IPPROTO_ICMPV6);
    }
    return sum_fold(sum) == 0xffff;
}

int chain_icmp_inner(const struct rte_mbuf *m, const struct packet *p, struct session_tuple *inner,
                     uint8_t *drop)
{
    const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off);
    uint32_t len = address_len(packet_family(p));
    struct quote q;

    *drop = DROP_ICMP_BAD_INNER;
    memset(inner, 0, sizeof(*inner));
    if (!quote_parse(&q, m, p))
        return -EINVAL;
    inner->family = q.family;
    inner->protocol = q.protocol;
    if (!quote_read(&q, quote_source_off(&q), len, inner->source) ||
        !quote_read(&q, quote_source_off(&q) + len, len, inner->destination) ||
        !read_ports(&q, inner))
        return -EINVAL;
    // An error goes to who sent what it quotes (RFC 792; RFC 4443, 2.2).
    ip += (q.family == 4 ? IP4_SOURCE_OFF : IP6_SOURCE_OFF) + len;
    if (memcmp(ip, inner->source, len) != 0)
        return -EINVAL;
    if (!is_error_sound(m, p)) {
        *drop = DROP_ICMP_BAD_CHECKSUM;
        return -EINVAL;
    }
    *drop = API_DROP_NONE;
    return 0;
}

// `len` bytes at `off`, which the frame has, become others: an even number at an even distance from
// the ICMP header. Returns what the sum over them changes by.
static uint64_t replace(struct rte_mbuf *m, uint32_t off, const void *bytes, uint32_t len)
{
    const uint8_t *from = bytes;
    uint8_t old[16] = {0};

    for (; m != NULL && off >= m->data_len; m = m->next)
        off -= m->data_len;
    for (uint32_t i = 0; m != NULL && i < len; off = 0, m = m->next)
        for (; i < len && off < m->data_len; i++, off++) {
            uint8_t *at = rte_pktmbuf_mtod_offset(m, uint8_t *, off);

            old[i] = *at;
            *at = from[i];
        }
    return sum_change(old, bytes, len);
}

// A checksum in the quoted packet after its sum has changed. Returns what the sum over the field
// itself changes by.
static uint64_t replace_checksum(struct rte_mbuf *m, const struct quote *q, uint32_t off,
                                 uint64_t change, int is_udp)
{
    uint16_t checksum;

    if (!quote_read(q, off, sizeof(checksum), &checksum) || (is_udp && checksum == 0))
        return 0;
    checksum = sum_apply(checksum, change);
    if (is_udp && checksum == 0)
        checksum = 0xffff;
    return replace(m, off, &checksum, sizeof(checksum));
}

static uint64_t replace_sctp(struct rte_mbuf *m, const struct quote *q, const uint16_t ports[2])
{
    uint32_t off = q->l4_off + SCTP_CHECKSUM_OFF, checksum;
    uint16_t from[2];

    memcpy(from, q->l4, sizeof(from));
    if (q->is_fragment || memcmp(from, ports, sizeof(from)) == 0 ||
        !quote_read(q, off, sizeof(checksum), &checksum))
        return 0;
    checksum = sctp_update(checksum, from, ports, q->l4_len);
    return replace(m, off, &checksum, sizeof(checksum));
}

// Ports or identifier of the quoted packet, and its L4 checksum, which counts `addresses` too.
// Returns what the sum over all that changes by.
static uint64_t rewrite_l4(struct rte_mbuf *m, const struct quote *q,
                           const struct session_tuple *inner, uint64_t addresses)
{
    uint16_t ports[2] = {inner->source_port, inner->destination_port};
    uint64_t change = 0;
    int is_reply;

    if (has_ports(q->protocol))
        change = replace(m, q->l4_off, ports, sizeof(ports));
    else if (!is_icmp(q->family, q->protocol))
        return 0;
    else if (icmp_query(q->family, q->l4[0], &is_reply) != 0)
        change =
            replace(m, q->l4_off + ICMP_IDENTIFIER_OFF, &ports[is_reply], sizeof(ports[is_reply]));
    if (q->protocol == IPPROTO_SCTP)
        return change + replace_sctp(m, q, ports);
    if (q->protocol == IPPROTO_ICMP)
        addresses = 0;
    return change + replace_checksum(m, q, q->l4_off + checksum_off(q->family, q->protocol),
                                     change + addresses, q->protocol == IPPROTO_UDP);
}

// The quoted packet. Returns what the sum over it changes by.
static uint64_t rewrite_quote(struct rte_mbuf *m, const struct quote *q,
                              const struct session_tuple *inner)
{
    uint32_t off = quote_source_off(q), len = address_len(q->family);
    uint64_t source = replace(m, off, inner->source, len);
    uint64_t destination = replace(m, off + len, inner->destination, len);
    uint64_t change = source + destination;

    if (q->family == 4)
        change += replace_checksum(m, q, q->off + IP4_CHECKSUM_OFF, source + destination, 0);
    return change + rewrite_l4(m, q, inner, q->has_segments_left ? source : source + destination);
}

void chain_icmp_rewrite(struct rte_mbuf *m, const struct packet *p,
                        const struct session_tuple *inner, const uint8_t *source,
                        const uint8_t *destination)
{
    struct session_tuple to = {0};
    uint8_t *field = rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_off + 2);
    uint32_t len = address_len(packet_family(p));
    struct quote q;
    uint64_t change;
    uint16_t checksum;

    // ICMPv6 counts its own addresses: rewrite.c does that, and finds no identifier in an error.
    memcpy(to.source, source, len);
    memcpy(to.destination, destination, len);
    chain_packet_rewrite(m, p, &to);
    if (!quote_parse(&q, m, p))
        return;
    change = rewrite_quote(m, &q, inner);
    checksum = sum_apply(read_word(field), change);
    memcpy(field, &checksum, sizeof(checksum));
}
