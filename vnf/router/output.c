// SPDX-License-Identifier: BSD-3-Clause
// How does a packet leave by an interface? TTL, MTU, MSS, the neighbour's MAC: what process.c does
// in line for a plain packet, here for all. Worker; called for packets that are off the plain way,
// for those made here, and for what has waited for a neighbour. Allocates buffers only in
// fragment.c. Next: neighbor.h if the MAC is not known, fragment.c, icmp_error.c, walk/egress.h.

#include <netinet/in.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/offload.h"
#include "dataplane/walk/egress.h"
#include "vnf/router/note.h"

#define MIN_GSO_SIZE 8 // below it headers are all there is

void router_trim(struct rte_mbuf *m, uint32_t len)
{
    struct rte_mbuf *last = m, *rest;
    uint32_t left = len;
    uint16_t n = 1;

    if (m->pkt_len <= len)
        return;
    while (left > last->data_len) {
        left -= last->data_len;
        last = last->next;
        n++;
    }
    last->data_len = (uint16_t)left;
    rest = last->next;
    last->next = NULL;
    m->nb_segs = n;
    m->pkt_len = len;
    while (rest != NULL) {
        struct rte_mbuf *next = rest->next;

        rte_pktmbuf_free_seg(rest);
        rest = next;
    }
}

void router_set_header(const struct router_interface *out, struct rte_mbuf *m, const uint8_t *mac,
                       uint16_t ether_type)
{
    struct rte_ether_hdr *header = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
    struct packet *p = packet_of(m);

    memcpy(header->dst_addr.addr_bytes, mac, RTE_ETHER_ADDR_LEN);
    memcpy(header->src_addr.addr_bytes, out->mac, RTE_ETHER_ADDR_LEN);
    header->ether_type = rte_cpu_to_be_16(ether_type);
    p->ether_type = ether_type;
    router_forward(p, out->attachment);
}

void router_discard(const struct router_scene *s, struct rte_mbuf *m, enum api_drop reason)
{
    counters_drop(packet_of(m)->in_port, s->ctx->worker, reason, 1);
    s->counters->dropped += !packet_is_own(packet_of(m));
    rte_pktmbuf_free(m);
}

void router_carry_out(const struct router_scene *s, struct rte_mbuf *m)
{
    struct packet *p;

    if (m == NULL)
        return;
    p = packet_of(m);
    p->trace = 0; // walk.c does not see it
    if (p->verdict == PACKET_FORWARD)
        egress_forward(s->ctx, m, p->out);
    else
        router_discard(s, m, p->drop);
}

// Headers from IP on, and a segment's payload.
static unsigned segment_len(const struct packet *p)
{
    return (unsigned)(p->payload_off - p->l3_off) + p->gso_size;
}

// A TSO frame is judged by what will come of it.
static int fits(const struct packet *p, const struct router_interface *out)
{
    unsigned len = packet_ip_len(p);

    if (p->offload & PACKET_TSO)
        len = RTE_MIN(len, segment_len(p));
    return len <= out->mtu;
}

static int may_fragment(const struct rte_mbuf *m, const struct packet *p)
{
    return (p->flags & PACKET_IP4) &&
           !(packet_ip4(m)->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG));
}

// A TSO frame is no packet yet, so instead of fragments of its segments there are smaller segments:
// the same bytes of the stream. 0: too many of them.
static int shrink_segments(struct packet *p, const struct router_interface *out)
{
    unsigned header_len = (unsigned)(p->payload_off - p->l3_off);
    unsigned payload_len = (unsigned)(p->l3_end - p->payload_off);
    unsigned size = out->mtu > header_len ? out->mtu - header_len : 0;

    if (size < MIN_GSO_SIZE || payload_len > size * OFFLOAD_MAX_SEGMENTS)
        return 0;
    p->gso_size = (uint16_t)size;
    return 1;
}

// Whether it can go, whole or in pieces.
static int can_go(const struct rte_mbuf *m, struct packet *p, const struct router_interface *out)
{
    if (fits(p, out))
        return 1;
    return may_fragment(m, p) && (!(p->offload & PACKET_TSO) || shrink_segments(p, out));
}

static uint8_t ttl_of(const struct rte_mbuf *m, const struct packet *p)
{
    return p->flags & PACKET_IP4 ? packet_ip4(m)->time_to_live : packet_ip6(m)->hop_limits;
}

// May it go on with this TTL and size? If not its fate is sealed.
static int admit(const struct router_scene *s, struct rte_mbuf **m,
                 const struct router_interface *out, const struct router_interface *in)
{
    static const struct icmp_fault expired = {DROP_ROUTER_TTL_EXCEEDED, 11, 0, 3, 0, 0};
    struct icmp_fault too_big = {DROP_ROUTER_TOO_BIG, 3, 4, 2, 0, out->mtu};
    struct packet *p = packet_of(*m);

    if (in != NULL && ttl_of(*m, p) <= 1) {
        router_icmp_error(s, m, in, &expired);
        return 0;
    }
    if (can_go(*m, p, out))
        return 1;
    if (may_fragment(*m, p))
        router_drop(p, DROP_ROUTER_TOO_BIG);
    else
        router_icmp_error(s, m, in, &too_big);
    return 0;
}

// The MAC is known: header, or fragments. 0: m has its verdict, 1: it is gone.
static int finish(const struct router_scene *s, struct rte_mbuf *m,
                  const struct router_interface *out, const uint8_t *mac)
{
    struct packet *p = packet_of(m);
    int is_own = packet_is_own(p);

    if (likely(fits(p, out))) {
        router_set_header(out, m, mac, p->ether_type);
    } else if (router_fragment(s, m, out, mac) < 0) {
        router_drop(p, DROP_ROUTER_NO_BUFFER);
        return 0;
    } else {
        m = NULL;
    }
    s->counters->forwarded += !is_own;
    return m == NULL;
}

static void decrement_ttl(struct rte_mbuf *m, const struct packet *p)
{
    if (p->flags & PACKET_IP4)
        ip4_decrement_ttl(packet_ip4(m));
    else
        packet_ip6(m)->hop_limits--;
}

// All but the MAC. 0: its fate is sealed.
static int prepare(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_interface *out, const struct router_interface *in)
{
    struct packet *p = packet_of(*m);

    if (!admit(s, m, out, in))
        return 0;
    router_trim(*m, p->l3_end);
    if (in != NULL) {
        decrement_ttl(*m, p);
        if (packet_is_syn(*m, p))
            router_clamp_mss(*m, in, out);
    }
    return 1;
}

// Whether it goes on as others of its flow will; it has been prepared and its MAC is known.
static int is_plain(const struct rte_mbuf *m, const struct packet *p,
                    const struct router_interface *out, const struct router_interface *in)
{
    return in != NULL && fits(p, out) && !packet_is_clamped(m, p, in, out);
}

void router_output_to(const struct router_scene *s, struct rte_mbuf **m,
                      const struct router_interface *out, const uint8_t *mac,
                      const struct router_interface *in)
{
    if (!prepare(s, m, out, in))
        return;
    if (is_plain(*m, packet_of(*m), out, in))
        router_note_way(s, *m, out, NULL);
    if (finish(s, *m, out, mac))
        *m = NULL;
}

void router_output(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_path *path, const struct router_interface *in)
{
    const struct router_interface *out = router_interface_of(s->config, path->slot);
    struct packet *p = packet_of(*m);
    const uint8_t *next_hop = path->address;
    uint8_t family = path->family;
    uint64_t mac;

    if (unlikely(out == NULL)) { // the route is on its way out with its interface
        router_drop(p, DROP_ROUTER_NO_ROUTE);
        return;
    }
    if (!prepare(s, m, out, in))
        return;
    if (family != 0) {
        mac = neighbor_mac(s->state, path->neighbor);
    } else {
        family = packet_family(p);
        next_hop = packet_destination(*m, family);
        mac = neighbor_find_mac(s->state, out->slot, family, next_hop);
    }
    if (unlikely(mac == 0)) {
        neighbor_hold(s, m, out, family, next_hop);
        return;
    }
    if (is_plain(*m, p, out, in))
        router_note_way(s, *m, out, path);
    if (finish(s, *m, out, (const uint8_t *)&mac))
        *m = NULL;
}

void router_resume(const struct router_scene *s, struct rte_mbuf *m,
                   const struct router_interface *out, const uint8_t *mac)
{
    // The MTU may have become smaller while it waited; the next packet's source is told.
    if (!can_go(m, packet_of(m), out))
        router_discard(s, m, DROP_ROUTER_TOO_BIG);
    else if (!finish(s, m, out, mac))
        router_carry_out(s, m);
}
