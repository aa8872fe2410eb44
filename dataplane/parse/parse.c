// SPDX-License-Identifier: BSD-3-Clause
// Where are the headers of these packets, and are they well formed? Called by the workers for each
// burst that a port received. Most packets are Ethernet, IPv4 without options and TCP or UDP in one
// piece: they are done here in one go. All others take the general way through l2.c, ip4.c or
// ip6.c, and l4.c. It never changes a byte of the frame, and drops nothing: that is for the walk.

#include "dataplane/parse/parse.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/parse/steps.h"

#define PREFETCH_AHEAD 4

// Ethernet + IPv4 + the smallest TCP header: what the short way reads without looking twice.
#define COMMON_SIZE (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_tcp_hdr))

// The short way. Returns 0 with p filled half if the packet is not of the common kind, or has a
// fault: the general way finds out which.
static inline int parse_common(const struct rte_mbuf *m, struct packet *p)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    if (unlikely(m->data_len < COMMON_SIZE || m->pkt_len > UINT16_MAX))
        return 0;
    const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(frame + RTE_ETHER_HDR_LEN);
    uint32_t type_version_ihl; // EtherType, version and IHL, type of service
    memcpy(&type_version_ihl, frame + 2 * RTE_ETHER_ADDR_LEN, sizeof(type_version_ihl));
    if ((type_version_ihl & RTE_BE32(0xffffff00)) != RTE_BE32(0x08004500) ||
        (ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
        return 0;

    const uint32_t l4_off = RTE_ETHER_HDR_LEN + sizeof(*ip);
    uint32_t end = RTE_ETHER_HDR_LEN + rte_be_to_cpu_16(ip->total_length);
    uint32_t l4_len = end - l4_off; // wraps if the total length is too small: then end is, too
    uint32_t header_len;
    if (ip->next_proto_id == IPPROTO_TCP) {
        header_len = (frame[l4_off + 12] >> 4) * 4U;
        if (header_len < sizeof(struct rte_tcp_hdr))
            return 0;
    } else if (ip->next_proto_id == IPPROTO_UDP) {
        header_len = sizeof(struct rte_udp_hdr);
        uint32_t udp_len = read_be16(frame + l4_off + 4);
        if (udp_len < header_len || udp_len > l4_len)
            return 0;
    } else {
        return 0;
    }
    uint32_t payload_off = l4_off + header_len;
    if (unlikely(end > m->pkt_len || payload_off > end || payload_off > m->data_len))
        return 0;

    p->n_tags = 0;
    p->outer_vlan = 0;
    p->inner_vlan = 0;
    p->ether_type = RTE_ETHER_TYPE_IPV4;
    p->l3_off = RTE_ETHER_HDR_LEN;
    p->l4_off = (uint16_t)l4_off;
    p->payload_off = (uint16_t)payload_off;
    p->l3_end = (uint16_t)end;
    p->flags = PACKET_IP4 | PACKET_L4;
    p->l4_proto = ip->next_proto_id;
    p->l2_error = API_DROP_NONE;
    p->l3_error = API_DROP_NONE;
    return 1;
}

// Bring the first `size` bytes of a frame, or as many as there is room for, into its first segment.
// Work is bounded: each turn moves a byte at least or frees an empty segment, and there are at most
// as many turns as bytes are wanted.
static void gather(struct rte_mbuf *m, uint32_t size)
{
    if (!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
        return;
    size = RTE_MIN(size, (uint32_t)m->data_len + rte_pktmbuf_tailroom(m));
    for (uint32_t turn = 0; turn < size && m->data_len < size && m->next; turn++) {
        struct rte_mbuf *next = m->next;
        uint32_t n = RTE_MIN(size - m->data_len, (uint32_t)next->data_len);
        if (rte_mbuf_refcnt_read(next) != 1)
            return;
        memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, m->data_len),
               rte_pktmbuf_mtod(next, const uint8_t *), n);
        m->data_len = (uint16_t)(m->data_len + n);
        next->data_len = (uint16_t)(next->data_len - n);
        next->data_off = (uint16_t)(next->data_off + n);
        if (next->data_len)
            return;
        m->next = next->next;
        m->nb_segs--;
        rte_pktmbuf_free_seg(next);
    }
}

// The general way.
static void __rte_noinline parse_any(struct rte_mbuf *m, struct packet *p)
{
    if (m->nb_segs > 1 && m->data_len < PARSE_GATHER_SIZE) // next is in another cache line
        gather(m, PARSE_GATHER_SIZE);

    p->n_tags = 0;
    p->outer_vlan = 0;
    p->inner_vlan = 0;
    p->ether_type = 0;
    p->l3_off = 0;
    p->l4_off = 0;
    p->payload_off = 0;
    p->l3_end = 0;
    p->flags = 0;
    p->l4_proto = 0;
    p->l2_error = API_DROP_NONE;
    p->l3_error = API_DROP_NONE;
    if (m->pkt_len > UINT16_MAX) { // offsets are 16 bits, and so is the largest MTU
        p->l2_error = DROP_OVERSIZE_FRAME;
        return;
    }
    struct view v = {
        .data = rte_pktmbuf_mtod(m, const uint8_t *),
        .limit = RTE_MIN(m->pkt_len, (uint32_t)m->data_len),
        .end = m->pkt_len,
    };
    parse_l2(&v, p);
}

static inline void parse_packet(struct rte_mbuf *m)
{
    struct packet *p = packet_of(m);
    if (!parse_common(m, p))
        parse_any(m, p);
}

void parse_burst(struct rte_mbuf **m, unsigned n)
{
    unsigned n_ahead = RTE_MIN(n, (unsigned)PREFETCH_AHEAD);
    for (unsigned i = 0; i < n_ahead; i++)
        rte_prefetch0(rte_pktmbuf_mtod(m[i], const void *));
    unsigned i = 0;
    for (; i < n - n_ahead; i++) {
        rte_prefetch0(rte_pktmbuf_mtod(m[i + PREFETCH_AHEAD], const void *));
        parse_packet(m[i]);
    }
    for (; i < n; i++)
        parse_packet(m[i]);
}
