// SPDX-License-Identifier: BSD-3-Clause
// Can this receiver do what the sender has left undone, and if not, who does? Then we do: sum the
// checksum, cut the TCP frame (segment.c). Worker; called by tx.c for packets with an offload, and
// by the walk before a flood. May not touch a frame that others share: such a one has no offload.
// Next: segment.c, then tx.c again.

#include "dataplane/port/offload.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/core/checksum.h"
#include "dataplane/port/segment.h"

#define TO_DO (PACKET_CSUM_PARTIAL | PACKET_TSO)
#define KEPT_FLAGS (RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL)

static unsigned payload_len(const struct packet *p)
{
    return (unsigned)(p->l3_end - p->payload_off);
}

static int is_tso_sound(const struct rte_mbuf *m, const struct packet *p)
{
    if (p->l4_proto != IPPROTO_TCP || !(p->offload & PACKET_CSUM_PARTIAL) || m->nb_segs != 1)
        return 0;
    if (payload_len(p) == 0)
        return 0;
    // Not with a gso_size of 0 either.
    return payload_len(p) <= (unsigned)p->gso_size * OFFLOAD_MAX_SEGMENTS;
}

static int is_udp_sound(const struct rte_mbuf *m, const struct packet *p)
{
    rte_be16_t len;

    memcpy(&len, rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off + 4), sizeof(len));
    return rte_be_to_cpu_16(len) == p->l3_end - p->l4_off;
}

int offload_is_sound(const struct rte_mbuf *m, const struct packet *p)
{
    if (!(p->offload & TO_DO))
        return 1;
    if (!(p->flags & PACKET_L4) || (p->flags & PACKET_FRAGMENT))
        return 0;
    if (p->offload & PACKET_TSO)
        return is_tso_sound(m, p);
    if (p->l4_proto == IPPROTO_UDP)
        return is_udp_sound(m, p);
    return p->l4_proto == IPPROTO_TCP;
}

void offload_complete_checksum(struct rte_mbuf *m, struct packet *p)
{
    uint16_t field_off = p->l4_proto == IPPROTO_UDP ? offsetof(struct rte_udp_hdr, dgram_cksum)
                                                    : offsetof(struct rte_tcp_hdr, cksum);
    uint16_t sum = (uint16_t)~sum_range(m, p->l4_off, (uint32_t)(p->l3_end - p->l4_off));

    p->offload &= (uint8_t)~PACKET_CSUM_PARTIAL;
    if (sum == 0 && p->l4_proto == IPPROTO_UDP)
        sum = 0xffff;
    memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, p->l4_off + field_off), &sum, sizeof(sum));
}

int offload_is_left(const struct packet *p, uint32_t capability)
{
    if ((p->flags & PACKET_IP6) && (p->flags & PACKET_IP_OPTIONS))
        return 0;
    return (capability & PORT_TX_CSUM) != 0;
}

static int is_tso_left(const struct packet *p, uint32_t capability)
{
    uint32_t wanted = p->flags & PACKET_IP4 ? PORT_TX_TSO4 : PORT_TX_TSO6;

    return offload_is_left(p, capability) && (capability & wanted) != 0;
}

void offload_leave(struct rte_mbuf *m, const struct packet *p)
{
    uint16_t segment_size = p->offload & PACKET_TSO ? p->gso_size : 0;

    m->tx_offload =
        rte_mbuf_tx_offload(p->l3_off, (uint64_t)(p->l4_off - p->l3_off),
                            (uint64_t)(p->payload_off - p->l4_off), segment_size, 0, 0, 0);
    m->ol_flags |= p->flags & PACKET_IP4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    m->ol_flags |= p->l4_proto == IPPROTO_UDP ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
    if (segment_size > 0)
        m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
}

static unsigned drop_packet(struct rte_mbuf *m, enum api_drop reason, uint8_t *drop)
{
    rte_pktmbuf_free(m);
    *drop = (uint8_t)reason;
    return 0;
}

// Into one segment, for a receiver that takes no chains: a flooded frame with tags of its own has
// room for it in front.
static int gather(struct rte_mbuf *m)
{
    return rte_mbuf_refcnt_read(m) == 1 && rte_pktmbuf_linearize(m) == 0;
}

static unsigned prepare_tso(struct rte_mbuf *m, const struct port *port, uint32_t capability,
                            const struct segment_job *job, uint8_t *drop)
{
    struct packet *p = packet_of(m);
    unsigned n;

    // What comes out of it, here or at the receiver, must fit the receiver.
    if ((unsigned)p->payload_off + p->gso_size > port->max_frame_len)
        return drop_packet(m, DROP_OVERSIZE_FRAME, drop);
    if (is_tso_left(p, capability)) {
        offload_leave(m, p);
        job->out[0] = m;
        return 1;
    }
    n = segment_frame(m, job);
    if (n == 0)
        return drop_packet(m, DROP_OFFLOAD_NO_BUFFER, drop);
    rte_pktmbuf_free(m);
    return n;
}

unsigned offload_prepare(struct rte_mbuf *m, const struct port *port, struct rte_mbuf **out,
                         unsigned n_out, uint8_t *drop)
{
    uint32_t capability = __atomic_load_n(&port->capability, __ATOMIC_ACQUIRE);
    struct packet *p = packet_of(m);

    m->ol_flags &= KEPT_FLAGS;
    if (m->nb_segs > 1 && !(capability & PORT_TX_MULTI_SEG) && !gather(m))
        return drop_packet(m, DROP_OFFLOAD_NO_BUFFER, drop);
    if (p->offload & PACKET_TSO) {
        if (payload_len(p) > p->gso_size) {
            struct segment_job job = {.capability = capability, .out = out, .n_out = n_out};

            return prepare_tso(m, port, capability, &job, drop);
        }
        p->offload &= (uint8_t)~PACKET_TSO; // one segment already
    }
    if (m->pkt_len > port->max_frame_len)
        return drop_packet(m, DROP_OVERSIZE_FRAME, drop);
    if (p->offload & PACKET_CSUM_PARTIAL) {
        if (offload_is_left(p, capability))
            offload_leave(m, p);
        else
            offload_complete_checksum(m, p);
    }
    out[0] = m;
    return 1;
}
