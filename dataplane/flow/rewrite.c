// SPDX-License-Identifier: BSD-3-Clause
// How does a packet become what the walk would make of it? Tags, addresses, ports, TTL and MACs,
// all at once; checksums change by what the words in them change by, to the same bytes as step by
// step (RFC 1624). Called by burst.c on a worker when all that could say no has said yes. Next:
// port/tx.c.

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/core/checksum.h"
#include "dataplane/flow/packet.h"
#include "dataplane/session/identification.h"
#include "dataplane/walk/vlan.h"

#define IP4_CHECKSUM_OFF offsetof(struct rte_ipv4_hdr, hdr_checksum)
#define IP4_ADDRESSES_OFF offsetof(struct rte_ipv4_hdr, src_addr)
#define IP6_ADDRESSES_OFF offsetof(struct rte_ipv6_hdr, src_addr)

static void update4(struct rte_ipv4_hdr *ip, uint64_t addresses, unsigned n_routers)
{
    if (addresses != 0)
        ip->hdr_checksum = sum_apply(ip->hdr_checksum, addresses);
    for (; n_routers > 0; n_routers--) {
        ip->hdr_checksum = sum_decrement_ttl(ip->hdr_checksum);
        ip->time_to_live--;
    }
}

// A partial checksum counts the addresses only, and is not inverted yet; a UDP packet without one
// (RFC 768; RFC 6936, 5) stays without.
static void update_l4(uint8_t *l4, const struct packet *p, uint64_t addresses, uint64_t ports)
{
    int is_udp = p->l4_proto == IPPROTO_UDP;
    uint8_t *field = l4 + (is_udp ? offsetof(struct rte_udp_hdr, dgram_cksum)
                                  : offsetof(struct rte_tcp_hdr, cksum));
    uint16_t sum;

    memcpy(&sum, field, sizeof(sum));
    if (p->offload & PACKET_CSUM_PARTIAL) {
        sum = sum_fold(sum + addresses);
    } else if (is_udp && sum == 0) {
        return;
    } else {
        sum = sum_apply(sum, addresses + ports);
        if (is_udp && sum == 0)
            sum = 0xffff;
    }
    memcpy(field, &sum, sizeof(sum));
}

// Eight bytes become others; returns what the sum grows by. Words that stay count 0xffff, which is
// nothing, if there are any that don't.
static inline uint64_t write_word(uint8_t *at, const uint8_t *bytes)
{
    uint64_t old, new;

    memcpy(&old, at, sizeof(old));
    memcpy(&new, bytes, sizeof(new));
    if (old == new)
        return 0;
    memcpy(at, &new, sizeof(new));
    return (uint32_t)~old + (~old >> 32) + (uint32_t) new + (new >> 32);
}

static inline uint64_t write_ports(uint8_t *at, const uint16_t ports[2])
{
    uint32_t old, new;

    memcpy(&old, at, sizeof(old));
    memcpy(&new, ports, sizeof(new));
    if (old == new)
        return 0;
    memcpy(at, &new, sizeof(new));
    return (uint64_t)~old + new;
}

void flow_rewrite(struct rte_mbuf *m, const struct flow *f, const struct flow_action *a,
                  const struct flow_end *end)
{
    struct packet *p = packet_of(m);
    uint64_t addresses, ports = 0;
    uint8_t *frame, *ip, *l4;

    if (p->n_tags > 0)
        vlan_pop(m, p, p->n_tags);
    frame = rte_pktmbuf_mtod(m, uint8_t *);
    ip = frame + p->l3_off;
    l4 = frame + p->l4_off;
    if (p->flags & PACKET_IP4) {
        addresses = write_word(ip + IP4_ADDRESSES_OFF, f->ip4.to);
        update4((struct rte_ipv4_hdr *)ip, addresses, end->n_routers);
    } else {
        addresses = 0;
        for (unsigned i = 0; i < sizeof(f->ip6.to); i += 8)
            addresses += write_word(ip + IP6_ADDRESSES_OFF + i, f->ip6.to + i);
        ((struct rte_ipv6_hdr *)ip)->hop_limits =
            (uint8_t)(((struct rte_ipv6_hdr *)ip)->hop_limits - end->n_routers);
    }
    if (!(f->kind & FLOW_KIND_NO_PORTS))
        ports = write_ports(l4, a->ports);
    if ((addresses | ports) != 0) {
        update_l4(l4, p, addresses, ports);
        if (unlikely(identification_is_needed(m, p)))
            identification_write(m, p, identification_next(p, f->ip4.to, f->ip4.to + 4));
    }
    if (end->n_routers == 0)
        return;
    memcpy(frame, &end->macs_first, sizeof(end->macs_first));
    memcpy(frame + sizeof(end->macs_first), &end->macs_last, sizeof(end->macs_last));
    if (m->pkt_len != p->l3_end) // one segment: flow_key_of
        m->data_len = (uint16_t)(m->pkt_len = p->l3_end);
}
