// SPDX-License-Identifier: BSD-3-Clause
// Is this a sound IPv4 header, and where does its packet end? Third step of the general parse, on
// a worker, after l2.c (RFC 791). Options are walked for their lengths, not for their meaning; the
// header checksum is left to a router. Next: l4.c, if an L4 header follows.

#include "dataplane/parse/steps.h"

#include <rte_ip.h>

#define OPTION_END 0 // end of option list
#define OPTION_NOP 1

// RFC 791 section 3.1: an option is one byte (end, no operation), or type, length and data, where
// the length counts all of them.
static int has_sound_options(const uint8_t *options, uint32_t len)
{
    uint32_t i = 0;
    while (i < len && options[i] != OPTION_END) {
        if (options[i] == OPTION_NOP) {
            i++;
            continue;
        }
        if (len - i < 2 || options[i + 1] < 2 || options[i + 1] > len - i)
            return 0;
        i += options[i + 1];
    }
    return 1;
}

// The lengths in the header at `off`, checked against the frame and each other. Narrows the view to
// the packet. Returns the header's length, 0 with l3_error set.
static uint32_t check_lengths(struct view *v, struct packet *p, uint32_t off)
{
    uint32_t header_len = (v->data[off] & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
    uint32_t total_len = read_be16(v->data + off + 2);
    if (header_len < sizeof(struct rte_ipv4_hdr) || header_len > v->end - off) {
        p->l3_error = DROP_IP4_BAD_IHL;
        return 0;
    }
    if (total_len < header_len || total_len > v->end - off) {
        p->l3_error = DROP_IP4_BAD_LENGTH;
        return 0;
    }
    v->end = off + total_len;
    v->limit = RTE_MIN(v->limit, v->end);
    p->l3_end = (uint16_t)v->end;
    if (header_len > v->limit - off) { // the rest is in a segment that could not be gathered
        p->l3_error = DROP_IP4_TRUNCATED;
        return 0;
    }
    return header_len;
}

// RFC 791 section 3.2: fragments but the last carry multiples of 8 bytes, and all of them fit a
// datagram of 65535 bytes. None is empty.
static int is_possible_fragment(uint32_t offset, uint32_t payload_len, uint32_t header_len,
                                int more)
{
    return payload_len && !(more && payload_len % 8) &&
           offset + header_len + payload_len <= UINT16_MAX;
}

void parse_ip4(struct view *v, struct packet *p, uint32_t off)
{
    if (v->limit - off < sizeof(struct rte_ipv4_hdr)) {
        p->l3_error = DROP_IP4_TRUNCATED;
        return;
    }
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(v->data + off);
    if (ip->version_ihl >> 4 != IPVERSION) {
        p->l3_error = DROP_IP4_BAD_VERSION;
        return;
    }
    p->flags = PACKET_IP4;
    p->l3_off = (uint16_t)off;
    p->l4_proto = ip->next_proto_id;
    uint32_t header_len = check_lengths(v, p, off);
    if (!header_len)
        return;
    if (header_len > sizeof(*ip)) {
        p->flags |= PACKET_IP_OPTIONS;
        if (!has_sound_options(v->data + off + sizeof(*ip), header_len - (uint32_t)sizeof(*ip))) {
            p->l3_error = DROP_IP4_BAD_OPTION;
            return;
        }
    }

    uint16_t fragment = rte_be_to_cpu_16(ip->fragment_offset);
    uint32_t offset = (fragment & RTE_IPV4_HDR_OFFSET_MASK) * RTE_IPV4_HDR_OFFSET_UNITS;
    int more = (fragment & RTE_IPV4_HDR_MF_FLAG) != 0;
    uint32_t l4_off = off + header_len;
    if (offset || more) {
        p->flags |= PACKET_FRAGMENT;
        if (offset)
            p->flags |= PACKET_LATER_FRAGMENT;
        if (!is_possible_fragment(offset, v->end - l4_off, header_len, more)) {
            p->l3_error = DROP_IP4_BAD_FRAGMENT;
            return;
        }
    }
    if (!offset)
        parse_l4(v, p, l4_off);
}
