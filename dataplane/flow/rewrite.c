// SPDX-License-Identifier: BSD-3-Clause
// How does a packet become what the walk would make of it? Tags, addresses, ports, TTL and MACs,
// all at once; checksums change by what the words in them change by, to the same bytes as step by
// step (RFC 1624). Called by burst.c on a worker when all that could say no has said yes. Next:
// port/tx.c.

#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/core/checksum.h"
#include "dataplane/flow/packet.h"
#include "dataplane/session/identification.h"
#include "dataplane/walk/vlan.h"

#define IP4_ADDRESSES_OFF offsetof(struct rte_ipv4_hdr, src_addr)
#define IP6_ADDRESSES_OFF offsetof(struct rte_ipv6_hdr, src_addr)

// TTL less n: its word's high byte, so the checksum grows by as much (RFC 1141 as corrected by RFC
// 1624), and what it is the complement of becomes less. Several changes at once give the bytes that
// one after the other would: neither ends at 0xffff unless nothing changes.
static inline void update4(struct rte_ipv4_hdr *ip, uint64_t change, unsigned n_routers)
{
    if (n_routers > 0) {
        ip->time_to_live = (uint8_t)(ip->time_to_live - n_routers);
        change += 0xffff - n_routers * RTE_BE16(0x0100);
    }
    if (change != 0)
        ip->hdr_checksum = sum_apply(ip->hdr_checksum, change);
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

static inline uint64_t write_addresses6(uint8_t *at, const struct flow *f)
{
    uint64_t change = 0;

    for (unsigned i = 0; i < sizeof(f->ip6.to); i += 8)
        change += write_word(at + i, f->ip6.to + i);
    return change;
}

// Returns what the header's sum grows by.
static inline uint64_t identify(struct rte_mbuf *m, const struct packet *p, const struct flow *f)
{
    if (likely(!identification_is_needed(m, p)))
        return 0;
    return identification_set(m, p, identification_next(p, f->ip4.to, f->ip4.to + 4));
}

void flow_rewrite(struct rte_mbuf *m, const struct flow *f, const struct flow_action *a,
                  unsigned n_routers, const uint8_t *macs)
{
    struct packet *p = packet_of(m);
    int is_ip4 = (p->flags & PACKET_IP4) != 0;
    uint64_t addresses, ports = 0, more = 0;
    uint8_t *frame, *ip, *l4;

    if (unlikely(p->n_tags > 0))
        vlan_pop(m, p, p->n_tags);
    frame = rte_pktmbuf_mtod(m, uint8_t *);
    ip = frame + p->l3_off;
    l4 = frame + p->l4_off;
    addresses = likely(is_ip4) ? write_word(ip + IP4_ADDRESSES_OFF, f->ip4.to)
                               : write_addresses6(ip + IP6_ADDRESSES_OFF, f);
    if (!(f->kind & FLOW_KIND_NO_PORTS))
        ports = write_ports(l4, a->ports);
    if ((addresses | ports) != 0) {
        update_l4(l4, p, addresses, ports);
        more = identify(m, p, f);
    }
    if (likely(is_ip4))
        update4((struct rte_ipv4_hdr *)ip, addresses + more, n_routers);
    else
        ((struct rte_ipv6_hdr *)ip)->hop_limits =
            (uint8_t)(((struct rte_ipv6_hdr *)ip)->hop_limits - n_routers);
    if (n_routers == 0)
        return;
    memcpy(frame, macs, 2 * RTE_ETHER_ADDR_LEN);
    if (m->pkt_len != p->l3_end) // one segment: flow_key_of
        m->data_len = (uint16_t)(m->pkt_len = p->l3_end);
}
