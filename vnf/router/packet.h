// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_PACKET_H
#define VNF_ROUTER_PACKET_H

// What the files on a packet's way share: its headers, addresses and what may be done with them,
// checksums. Private to this folder. All of it runs on workers.

#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include "dataplane/core/checksum.h"
#include "dataplane/parse/extension.h"
#include "vnf/router/state.h"

#define ROUTER_TTL 64 // of packets that begin here (RFC 1700)
#define ICMP_LEN 8    // ICMP and ICMPv6: type, code, checksum and four bytes more
// Internetwork control, as ICMP errors have it (RFC 1812, 4.3.2.5); the same for ICMPv6.
#define TOS_CONTROL 0xc0

// A packet has no tags here: the IP header is behind the Ethernet header.
static inline struct rte_ipv4_hdr *packet_ip4(const struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
}

static inline struct rte_ipv6_hdr *packet_ip6(const struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, RTE_ETHER_HDR_LEN);
}

static inline unsigned ip4_header_len(const struct rte_ipv4_hdr *ip)
{
    return (unsigned)(ip->version_ihl & RTE_IPV4_HDR_IHL_MASK) * RTE_IPV4_IHL_MULTIPLIER;
}

static inline uint8_t packet_family(const struct packet *p)
{
    return p->flags & PACKET_IP4 ? 4 : 6;
}

// Bytes of the IP packet, without the frame's padding.
static inline unsigned packet_ip_len(const struct packet *p)
{
    return (unsigned)(p->l3_end - p->l3_off);
}

static inline const uint8_t *packet_source(const struct rte_mbuf *m, uint8_t family)
{
    return family == 4 ? (const uint8_t *)&packet_ip4(m)->src_addr : packet_ip6(m)->src_addr;
}

static inline const uint8_t *packet_destination(const struct rte_mbuf *m, uint8_t family)
{
    return family == 4 ? (const uint8_t *)&packet_ip4(m)->dst_addr : packet_ip6(m)->dst_addr;
}

// It was made here (an ICMP error, an echo reply, a ping) and came by no side of this router.
// Another router on its way takes it as it takes all: that no port has brought it (in_port) is not
// enough.
static inline int packet_is_own(const struct packet *p)
{
    return p->in == ATTACHMENT_NONE;
}

// Addresses, in network order.

static inline int ip4_is_link_local(const uint8_t *a) // RFC 3927
{
    return a[0] == 169 && a[1] == 254;
}

static inline int ip6_is_multicast(const uint8_t *a)
{
    return a[0] == 0xff;
}

static inline int ip6_is_link_local(const uint8_t *a) // RFC 4291, 2.5.6
{
    return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

static inline int ip6_is_unspecified(const uint8_t *a)
{
    static const uint8_t zero[16];

    return memcmp(a, zero, sizeof(zero)) == 0;
}

// ::, ::1 and ::ffff:0:0/96: in no packet between hosts (RFC 4291, 2.5; RFC 6890, 2.2.3).
static inline int ip6_is_internal(const uint8_t *a)
{
    static const uint8_t zero[15], mapped[12] = {[10] = 0xff, 0xff};

    return (memcmp(a, zero, sizeof(zero)) == 0 && a[15] <= 1) ||
           memcmp(a, mapped, sizeof(mapped)) == 0;
}

// 2000::/3 and fc00::/7: global unicast, nothing to think about.
static inline int ip6_is_ordinary(const uint8_t *a)
{
    return (a[0] & 0xe0) == 0x20 || (a[0] & 0xfe) == 0xfc;
}

// Whether an address may be one of the router's own: never a false no.
static inline unsigned own_filter_bit(uint32_t word)
{
    return (word * UINT32_C(0x9e3779b1)) >> 20; // ROUTER_OWN_BITS
}

static inline int own_filter_has(const struct router_config *config, uint32_t word)
{
    unsigned bit = own_filter_bit(word);

    return (config->own_filter[bit / 64] >> bit % 64 & 1) != 0;
}

static inline uint32_t ip6_last_word(const uint8_t *a)
{
    uint32_t word;

    memcpy(&word, a + 12, sizeof(word));
    return word;
}

// packet.c. Is it an address of the router, on whichever interface? Link-local ones belong to
// their interface, so only those of `in` count.
int router_has_address(const struct router_scene *s, const struct router_interface *in,
                       uint8_t family, const uint8_t *address);

// IPv6 extension headers that parse walks: `proto` and `at` go from one to the next, whose length
// parse has proven.
static inline void extension_step(const uint8_t *ip, uint8_t *proto, uint32_t *at)
{
    uint32_t len = extension_len(*proto, ip + *at);

    *proto = ip[*at];
    *at += len;
}

// What an ICMPv6 checksum counts beside the message (RFC 8200, 8.1): addresses, length, protocol.
uint16_t sum_pseudo6(const struct rte_ipv6_hdr *ip, uint8_t proto, uint32_t len);

// Of a header without options, as it is on the wire: 0xffff if its checksum is right.
static inline uint16_t ip4_sum(const struct rte_ipv4_hdr *ip)
{
    uint32_t words[5];

    memcpy(words, ip, sizeof(words));
    return sum_fold((uint64_t)words[0] + words[1] + words[2] + words[3] + words[4]);
}

static inline uint16_t ip4_checksum(const struct rte_ipv4_hdr *ip)
{
    return (uint16_t)~rte_raw_cksum(ip, ip4_header_len(ip));
}

// TTL less one, the checksum by difference: the TTL is the high byte of its word (RFC 1141 as
// corrected by RFC 1624).
static inline void ip4_decrement_ttl(struct rte_ipv4_hdr *ip)
{
    uint32_t sum = (uint32_t)ip->hdr_checksum + RTE_BE16(0x0100);

    ip->time_to_live--;
    ip->hdr_checksum = (uint16_t)(sum + (sum >= 0xffff));
}

// What a packet's metadata says after a header of a family was written in front: an ICMP message
// of the router's own, `ip_len` bytes from the IP header on.
void packet_set_icmp(struct packet *p, uint8_t family, unsigned ip_len);

// process.c. The same as router_send, but link-local destinations are looked for on `via`.
void router_send_via(const struct router_scene *s, struct rte_mbuf **m,
                     const struct router_interface *via);

// process.c. Of the flow that a packet belongs to: the same for all its fragments.
uint32_t router_flow_hash(const struct router_scene *s, const struct rte_mbuf *m);

// clamp.c. Lower the MSS that a TCP SYN offers to what both interfaces allow (NULL: no such).
void router_clamp_mss(struct rte_mbuf *m, const struct router_interface *in,
                      const struct router_interface *out);

static inline int packet_is_syn(const struct rte_mbuf *m, const struct packet *p)
{
    return (p->flags & PACKET_L4) && p->l4_proto == IPPROTO_TCP &&
           (*rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off + 13) & 0x02) != 0;
}

// Whether its MSS option is looked at on its way from one interface to the other.
static inline int packet_is_clamped(const struct rte_mbuf *m, const struct packet *p,
                                    const struct router_interface *in,
                                    const struct router_interface *out)
{
    return (in->tcp_mss | out->tcp_mss) != 0 && packet_is_syn(m, p);
}

#endif
