// SPDX-License-Identifier: BSD-3-Clause
// Is this a sound IPv6 header, and what stands behind its extension headers? Third step of the
// general parse, on a worker, after l2.c (RFC 8200). Extension headers are walked for their
// lengths; options inside them and routing types (RFC 5095) are for a router to judge. Jumbograms
// (RFC 2675) are not taken. Next: l4.c, if an L4 header follows.

#include "dataplane/parse/steps.h"

#include <netinet/in.h>

#include <rte_ip.h>

#include "dataplane/parse/extension.h"
#include "dataplane/parse/parse.h"

#define FRAGMENT_LEN 8
#define FRAGMENT_OFFSET_MASK 0xfff8
#define FRAGMENT_MORE 1

// The length of the extension header at `off`, of the kind p->l4_proto; 0 if it is cut short.
static uint32_t proven_len(const struct view *v, const struct packet *p, uint32_t off)
{
    uint32_t len;

    if (v->limit - off < EXTENSION_UNIT)
        return 0;
    len = extension_len(p->l4_proto, v->data + off);
    return len <= v->limit - off ? len : 0;
}

// The fragment header at `off`. An atomic fragment (RFC 6946) is an ordinary packet. Returns 0 with
// l3_error set if the fragment can't be: RFC 8200 section 4.5 on lengths, for the whole that it
// would be a part of with the same headers in front of the fragment header.
static int check_fragment(const struct view *v, struct packet *p, uint32_t off)
{
    uint16_t field = read_be16(v->data + off + 2);
    uint32_t offset = field & FRAGMENT_OFFSET_MASK;
    int more = field & FRAGMENT_MORE;
    if (!offset && !more)
        return 1;
    p->flags |= PACKET_FRAGMENT;
    if (offset)
        p->flags |= PACKET_LATER_FRAGMENT;
    uint32_t len = v->end - off - FRAGMENT_LEN;
    uint32_t unfragmentable_len = off - p->l3_off - (uint32_t)sizeof(struct rte_ipv6_hdr);
    if (!len || (more && len % 8) || unfragmentable_len + offset + len > UINT16_MAX) {
        p->l3_error = DROP_IP6_BAD_FRAGMENT;
        return 0;
    }
    return 1;
}

// Walk the extension headers from `off` on; p->l4_proto says what the first one is, and at the end
// what follows the last. Returns the offset of that, 0 with l3_error set. In a first fragment the
// whole chain must be there (RFC 7112): the walk ends at the packet's end like everywhere.
static uint32_t walk_extensions(const struct view *v, struct packet *p, uint32_t off)
{
    int has_fragment = 0;
    for (unsigned n = 0; extension_is(p->l4_proto); n++) {
        int is_misplaced = (p->l4_proto == IPPROTO_HOPOPTS && n > 0) || // RFC 8200 section 4.1
                           (p->l4_proto == IPPROTO_FRAGMENT && has_fragment);
        uint32_t len = proven_len(v, p, off);
        p->flags |= PACKET_IP_OPTIONS;
        if (n == PARSE_MAX_EXTENSIONS || is_misplaced || !len) {
            p->l3_error = DROP_IP6_BAD_EXTENSION;
            return 0;
        }
        if (p->l4_proto == IPPROTO_FRAGMENT) {
            has_fragment = 1;
            if (!check_fragment(v, p, off))
                return 0;
        }
        p->l4_proto = v->data[off];
        off += len;
        if (p->flags & PACKET_LATER_FRAGMENT)
            break;
    }
    return off;
}

void parse_ip6(struct view *v, struct packet *p, uint32_t off)
{
    if (v->limit - off < sizeof(struct rte_ipv6_hdr)) {
        p->l3_error = DROP_IP6_TRUNCATED;
        return;
    }
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(v->data + off);
    if (v->data[off] >> 4 != 6) {
        p->l3_error = DROP_IP6_BAD_VERSION;
        return;
    }
    p->flags = PACKET_IP6;
    p->l3_off = (uint16_t)off;
    p->l4_proto = ip->proto;
    uint32_t len = sizeof(*ip) + (uint32_t)rte_be_to_cpu_16(ip->payload_len);
    // RFC 2675 section 2: length 0 with hop-by-hop options is how a jumbogram begins.
    int is_jumbogram = !ip->payload_len && ip->proto == IPPROTO_HOPOPTS;
    if (len > v->end - off || is_jumbogram) {
        p->l3_error = DROP_IP6_BAD_LENGTH;
        return;
    }
    v->end = off + len;
    v->limit = RTE_MIN(v->limit, v->end);
    p->l3_end = (uint16_t)v->end;
    uint32_t l4_off = walk_extensions(v, p, off + (uint32_t)sizeof(*ip));
    if (l4_off && !(p->flags & PACKET_LATER_FRAGMENT))
        parse_l4(v, p, l4_off);
}
