// SPDX-License-Identifier: BSD-3-Clause
// How does an IPv4 packet become several smaller ones (RFC 791, 3.2)? Worker; called by output.c
// where the MTU asks for it and DF allows it. The pieces are copies, from the sender's own pool:
// librte_ip_frag would have them share the payload, but who comes next on the walk may write to
// it. All are made before the first is sent. Next: walk/egress.h.

#include <errno.h>

#include "dataplane/port/offload.h"
#include "dataplane/walk/egress.h"
#include "vnf/router/packet.h"

#define MAX_FRAGMENTS 256 // of one packet
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_COPIED 0x80 // the option goes into every fragment
#define MAX_HEADER 60
#define MIN_HEADER 20

// What all fragments of a packet share.
struct cut {
    struct rte_mbuf *m;
    const struct router_interface *out;
    const uint8_t *mac;
    uint32_t payload_len;      // of the whole
    uint16_t offset;           // of its first byte, in eight bytes
    uint16_t more;             // RTE_IPV4_HDR_MF_FLAG if the whole is a fragment but not the last
    unsigned first_len;        // IPv4 header of the first fragment
    unsigned later_len;        // and of the others: with the copied options only
    uint8_t first[MAX_HEADER]; // those headers
    uint8_t later[MAX_HEADER];
};

// Options of later fragments; their lengths are proven. Returns bytes, padded to four.
static unsigned copy_options(const uint8_t *options, unsigned len, uint8_t *copied)
{
    unsigned n = 0;

    for (unsigned i = 0; i < len && options[i] != OPTION_END;) {
        unsigned option_len = options[i] == OPTION_NOP ? 1 : options[i + 1];

        if (options[i] & OPTION_COPIED) {
            memcpy(copied + n, options + i, option_len);
            n += option_len;
        }
        i += option_len;
    }
    while (n % 4 != 0)
        copied[n++] = OPTION_END;
    return n;
}

static void prepare(struct cut *c, struct rte_mbuf *m)
{
    const struct rte_ipv4_hdr *ip = packet_ip4(m);
    uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);

    c->m = m;
    c->offset = field & RTE_IPV4_HDR_OFFSET_MASK;
    c->more = field & RTE_IPV4_HDR_MF_FLAG;
    c->first_len = ip4_header_len(ip);
    c->payload_len = packet_ip_len(packet_of(m)) - c->first_len;
    memcpy(c->first, ip, c->first_len);
    memcpy(c->later, ip, MIN_HEADER);
    c->later_len = MIN_HEADER + copy_options(c->first + MIN_HEADER, c->first_len - MIN_HEADER,
                                             c->later + MIN_HEADER);
    c->later[0] = (uint8_t)(IPVERSION << 4 | c->later_len / RTE_IPV4_IHL_MULTIPLIER);
}

static void set_metadata(const struct cut *c, struct rte_mbuf *fragment, uint32_t at, unsigned len)
{
    struct packet *p = packet_of(fragment);

    *p = *packet_of(c->m);
    p->l3_end = (uint16_t)(RTE_ETHER_HDR_LEN + len);
    p->flags |= PACKET_FRAGMENT;
    if (at > 0) {
        p->flags |= PACKET_LATER_FRAGMENT;
        if (c->later_len == MIN_HEADER)
            p->flags &= (uint16_t)~PACKET_IP_OPTIONS;
    }
    if (at > 0 || p->payload_off > p->l3_end) {
        p->flags &= (uint16_t)~PACKET_L4;
        p->l4_off = 0;
        p->payload_off = 0;
    }
}

// The fragment with `len` bytes of payload from `at` on. NULL: no buffer.
static struct rte_mbuf *make(const struct cut *c, uint32_t at, uint32_t len)
{
    const uint8_t *from = at == 0 ? c->first : c->later;
    unsigned header_len = at == 0 ? c->first_len : c->later_len;
    struct rte_mbuf *fragment =
        rte_pktmbuf_copy(c->m, c->m->pool, RTE_ETHER_HDR_LEN + c->first_len + at, len);
    int is_last = at + len == c->payload_len;
    struct rte_ipv4_hdr *ip;

    if (fragment == NULL)
        return NULL;
    if (rte_pktmbuf_prepend(fragment, (uint16_t)(RTE_ETHER_HDR_LEN + header_len)) == NULL) {
        rte_pktmbuf_free(fragment);
        return NULL;
    }
    ip = packet_ip4(fragment);
    memcpy(ip, from, header_len);
    ip->total_length = rte_cpu_to_be_16((uint16_t)(header_len + len));
    ip->fragment_offset = rte_cpu_to_be_16(
        (uint16_t)((c->offset + at / 8) | (is_last ? c->more : RTE_IPV4_HDR_MF_FLAG)));
    ip->hdr_checksum = 0;
    ip->hdr_checksum = ip4_checksum(ip);
    set_metadata(c, fragment, at, header_len + len);
    router_set_header(c->out, fragment, c->mac, RTE_ETHER_TYPE_IPV4);
    return fragment;
}

// All of them. Returns how many, 0: no buffer, or too many.
static unsigned make_all(const struct cut *c, struct rte_mbuf **fragments)
{
    unsigned n = 0;

    for (uint32_t at = 0, len; at < c->payload_len; at += len) {
        unsigned room = c->out->mtu - (at == 0 ? c->first_len : c->later_len);
        uint32_t rest = c->payload_len - at;

        len = rest <= room ? rest : room & ~7U;
        if (n == MAX_FRAGMENTS || (fragments[n] = make(c, at, len)) == NULL) {
            rte_pktmbuf_free_bulk(fragments, n);
            return 0;
        }
        n++;
    }
    return n;
}

int router_fragment(const struct router_scene *s, struct rte_mbuf *m,
                    const struct router_interface *out, const uint8_t *mac)
{
    struct rte_mbuf *fragments[MAX_FRAGMENTS];
    struct cut c = {.out = out, .mac = mac};
    unsigned n;

    if (packet_of(m)->offload & PACKET_CSUM_PARTIAL) // for the whole
        offload_complete_checksum(m, packet_of(m));
    prepare(&c, m);
    n = make_all(&c, fragments);
    if (n == 0)
        return -ENOMEM;
    s->counters->fragmented++;
    s->counters->fragments += n;
    for (unsigned i = 0; i < n; i++)
        egress_forward(s->ctx, fragments[i], out->attachment);
    rte_pktmbuf_free(m);
    return 0;
}
