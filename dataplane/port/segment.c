// SPDX-License-Identifier: BSD-3-Clause
// How does one large TCP frame become many (TSO in software)? Headers and a piece of the payload
// are copied into each; what differs is lengths, IPv4 identification, sequence number, flags,
// checksums. Any tags and IP options are carried along: headers are bytes up to payload_off. Our
// own, because librte_gso knows no IPv6. Worker; called by offload.c. The segments' buffers are the
// sender's own, so that nobody else runs out of them. Next: tx.c.

#include "dataplane/port/segment.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_memcpy.h>
#include <rte_tcp.h>

#include "dataplane/port/offload.h"

// a + b in one's complement arithmetic (RFC 1071).
static uint16_t add_sum(uint16_t a, uint16_t b)
{
    uint32_t sum = (uint32_t)a + b;

    return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static void set_ip_lengths(uint8_t *l3, const struct packet *p, unsigned index)
{
    uint16_t len = (uint16_t)(p->l3_end - p->l3_off);

    if (p->flags & PACKET_IP4) {
        struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)l3;

        ip->total_length = rte_cpu_to_be_16(len);
        ip->packet_id = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(ip->packet_id) + index));
        ip->hdr_checksum = 0;
        ip->hdr_checksum = rte_ipv4_cksum(ip);
    } else {
        struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)l3;

        ip->payload_len = rte_cpu_to_be_16((uint16_t)(len - sizeof(*ip)));
    }
}

// RFC 9293, 3.1; the pseudo-header's sum in the checksum field is that of the whole frame and
// changes by the length. FIN and PSH belong to the last byte, CWR (RFC 3168, 6.1.2) to the first
// segment.
static void set_tcp(struct rte_tcp_hdr *tcp, unsigned l4_len, unsigned whole_len,
                    uint32_t payload_at, int is_last)
{
    uint16_t change = add_sum(rte_cpu_to_be_16((uint16_t)l4_len),
                              (uint16_t)~rte_cpu_to_be_16((uint16_t)whole_len));

    tcp->sent_seq = rte_cpu_to_be_32(rte_be_to_cpu_32(tcp->sent_seq) + payload_at);
    if (!is_last)
        tcp->tcp_flags &= (uint8_t) ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
    if (payload_at > 0)
        tcp->tcp_flags &= (uint8_t)~RTE_TCP_CWR_FLAG;
    tcp->cksum = add_sum(tcp->cksum, change);
}

// Segment number `index`, with the payload from `at` on.
static void fill_segment(struct rte_mbuf *s, const struct rte_mbuf *m, const struct packet *whole,
                         unsigned index, uint32_t capability)
{
    uint32_t at = index * (uint32_t)whole->gso_size;
    uint32_t rest = (uint32_t)(whole->l3_end - whole->payload_off) - at;
    uint16_t piece = (uint16_t)RTE_MIN(rest, (uint32_t)whole->gso_size);
    const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *);
    uint8_t *to = rte_pktmbuf_mtod(s, uint8_t *);
    struct packet *p = packet_of(s);

    rte_memcpy(to, from, whole->payload_off);
    rte_memcpy(to + whole->payload_off, from + whole->payload_off + at, piece);
    *p = *whole;
    p->l3_end = (uint16_t)(whole->payload_off + piece);
    p->offload = PACKET_CSUM_PARTIAL;
    p->gso_size = 0;
    s->data_len = p->l3_end;
    s->pkt_len = p->l3_end;
    set_ip_lengths(to + p->l3_off, p, index);
    set_tcp((struct rte_tcp_hdr *)(to + p->l4_off), (unsigned)(p->l3_end - p->l4_off),
            (unsigned)(whole->l3_end - whole->l4_off), at, piece == rest);
    if (offload_is_left(p, capability))
        offload_leave(s, p);
    else
        offload_complete_checksum(s, p);
}

unsigned segment_frame(struct rte_mbuf *m, const struct segment_job *job)
{
    const struct packet *p = packet_of(m);
    unsigned payload = (unsigned)(p->l3_end - p->payload_off);
    unsigned n = (payload + p->gso_size - 1) / p->gso_size;

    if (n > job->n_out || RTE_PKTMBUF_HEADROOM + p->payload_off + (unsigned)p->gso_size >
                              rte_pktmbuf_data_room_size(m->pool))
        return 0;
    if (rte_pktmbuf_alloc_bulk(m->pool, job->out, n) != 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        fill_segment(job->out[i], m, p, i, job->capability);
    return n;
}
