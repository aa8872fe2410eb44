// SPDX-License-Identifier: BSD-3-Clause
// What is this packet that process.c does not know at a glance, and may it go on? Worker; called
// for each one before anything is looked up. Frames of kernel twins, ARP, packets to groups and to
// link-local addresses are decided here or handed on; the rest is checked to the letter and goes
// back to process.c to be routed. Next: arp.c, local.c, icmp_error.c, or process.c.

#include <netinet/in.h>

#include "vnf/router/admit.h"
#include "vnf/router/packet.h"

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_LSRR 131 // RFC 791, 3.1
#define OPTION_SSRR 137
#define ROUTING_TYPE_0 0

// Bytes that can't be a routed packet: a fault of parse, other than in its L4 header, which is no
// business of a router.
static int has_fault(const struct packet *p)
{
    return p->l3_error != API_DROP_NONE &&
           (p->l3_error < DROP_TCP_TRUNCATED || p->l3_error > DROP_SCTP_TRUNCATED);
}

static void from_kernel(const struct router_scene *s, struct rte_mbuf *m,
                        const struct router_interface *interface)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

    if (memcmp(frame + RTE_ETHER_ADDR_LEN, interface->mac, RTE_ETHER_ADDR_LEN) != 0) {
        router_drop(packet_of(m), DROP_ROUTER_OTHER_MAC);
        return;
    }
    s->counters->kernel++;
    router_forward(packet_of(m), interface->attachment);
}

static int is_group_frame(const struct rte_mbuf *m)
{
    return *rte_pktmbuf_mtod(m, const uint8_t *) & 1;
}

// The offset of the length in the first option whose length can't be (parse found one), or of the
// options.
static uint32_t bad_option(const struct rte_mbuf *m)
{
    const uint8_t *ip = (const uint8_t *)packet_ip4(m);
    unsigned len = ip4_header_len(packet_ip4(m)), i = sizeof(struct rte_ipv4_hdr);

    while (i + 1 < len && ip[i] != OPTION_END) {
        if (ip[i] != OPTION_NOP && (ip[i + 1] < 2 || ip[i + 1] > len - i))
            return i + 1;
        i += ip[i] == OPTION_NOP ? 1 : ip[i + 1];
    }
    return i < len ? i : (uint32_t)sizeof(struct rte_ipv4_hdr);
}

static int has_source_route(const struct rte_mbuf *m)
{
    const uint8_t *ip = (const uint8_t *)packet_ip4(m);
    unsigned len = ip4_header_len(packet_ip4(m));

    for (unsigned i = sizeof(struct rte_ipv4_hdr); i < len && ip[i] != OPTION_END;) {
        if (ip[i] == OPTION_LSRR || ip[i] == OPTION_SSRR)
            return 1;
        i += ip[i] == OPTION_NOP ? 1 : ip[i + 1];
    }
    return 0;
}

static int is_ip4_group(const uint8_t *a) // multicast, or the limited broadcast
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};

    return (a[0] & 0xf0) == 224 || memcmp(a, broadcast, sizeof(broadcast)) == 0;
}

// RFC 1812, 5.3.7; RFC 6890. Who has no address yet speaks to groups only (RFC 1122, 3.2.1.3).
static int is_bad_source4(const struct router_scene *s, const struct rte_mbuf *m,
                          const struct router_interface *in)
{
    static const uint8_t zero[4];
    const uint8_t *source = packet_source(m, 4);

    if (source[0] == 0)
        return memcmp(source, zero, sizeof(zero)) != 0 || !is_ip4_group(packet_destination(m, 4));
    if (source[0] == 127 || source[0] >= 224)
        return 1;
    // A host behind us, as the NAT on the interface's chain shows it to another one (hairpin). The
    // NAT lets nobody outside say that.
    return router_has_address(s, NULL, 4, source) && !router_is_outside(in, source);
}

static int is_sound4(const struct router_scene *s, struct rte_mbuf **m,
                     const struct router_interface *in)
{
    struct icmp_fault bad = {DROP_IP4_BAD_OPTION, 12, 0, 0, 0, 0};
    struct packet *p = packet_of(*m);

    if (has_fault(p) && p->l3_error != DROP_IP4_BAD_OPTION) {
        router_drop(p, p->l3_error);
        return 0;
    }
    if (ip4_checksum(packet_ip4(*m)) != 0) {
        router_drop(p, DROP_ROUTER_BAD_CHECKSUM);
        return 0;
    }
    if (has_fault(p)) { // RFC 1812, 4.3.3.5
        bad.value = bad_option(*m);
        router_icmp_error(s, m, in, &bad);
        return 0;
    }
    return 1;
}

static int admit4(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in, uint8_t *scope)
{
    struct packet *p = packet_of(*m);
    const uint8_t *destination = packet_destination(*m, 4);
    int is_group = is_ip4_group(destination);

    if (!is_sound4(s, m, in))
        return 0;
    if (has_source_route(*m)) {
        router_drop(p, DROP_ROUTER_SOURCE_ROUTE);
        return 0;
    }
    if (is_bad_source4(s, *m, in)) {
        router_drop(p, DROP_ROUTER_BAD_SOURCE);
        return 0;
    }
    if (is_group) {
        router_local(s, m, in);
        return 0;
    }
    if (destination[0] == 0 || destination[0] == 127 || destination[0] >= 240) {
        router_drop(p, DROP_ROUTER_BAD_DESTINATION);
        return 0;
    }
    if (is_group_frame(*m)) // RFC 1812, 5.3.4: left are broadcasts of a subnet
        *scope = DROP_ROUTER_BAD_FRAME;
    else if (ip4_is_link_local(packet_source(*m, 4))) // RFC 3927, 2.7
        *scope = DROP_ROUTER_BAD_SOURCE;
    else if (ip4_is_link_local(destination))
        *scope = DROP_ROUTER_BAD_DESTINATION;
    return 1;
}

// For us any that is not used up (RFC 8200, 4.4: no type is known here; RFC 5095, 3); on its way
// through, type 0 (RFC 5095, 4.2).
static int is_refused_routing(const uint8_t *header, int is_for_us)
{
    return is_for_us ? header[3] != 0 : header[2] == ROUTING_TYPE_0;
}

// The offset of a routing header that is refused, in the IP packet; 0: none. Parse has walked the
// extension headers: they are whole and in the first segment.
static uint32_t find_routing(const struct rte_mbuf *m, int is_for_us)
{
    const uint8_t *ip = (const uint8_t *)packet_ip6(m);
    uint32_t at = sizeof(struct rte_ipv6_hdr);
    uint8_t proto = packet_ip6(m)->proto;

    for (unsigned n = 0; n < PARSE_MAX_EXTENSIONS && extension_is(proto); n++) {
        if (proto == IPPROTO_ROUTING && is_refused_routing(ip + at, is_for_us))
            return at;
        if (proto == IPPROTO_FRAGMENT && ((ip[at + 2] << 8 | ip[at + 3]) & 0xfff8) != 0)
            return 0; // what is behind it is somewhere in the middle
        extension_step(ip, &proto, &at);
    }
    return 0;
}

// RFC 4291, 2.5 and 2.7. Who has no address yet speaks to groups only.
static int is_bad_source6(const struct router_scene *s, const struct rte_mbuf *m,
                          const struct router_interface *in)
{
    const uint8_t *source = packet_source(m, 6);

    if (ip6_is_unspecified(source))
        return !ip6_is_multicast(packet_destination(m, 6));
    return ip6_is_multicast(source) || ip6_is_internal(source) ||
           router_has_address(s, in, 6, source);
}

static int is_sound6(const struct router_scene *s, struct rte_mbuf **m,
                     const struct router_interface *in)
{
    struct icmp_fault bad = {DROP_ROUTER_SOURCE_ROUTE, 0, 0, 4, 0, 0};
    struct packet *p = packet_of(*m);
    int is_for_us;
    uint32_t routing;

    if (has_fault(p)) {
        router_drop(p, p->l3_error);
        return 0;
    }
    if (is_group_frame(*m) && !ip6_is_multicast(packet_destination(*m, 6))) {
        router_drop(p, DROP_ROUTER_BAD_FRAME);
        return 0;
    }
    if (is_bad_source6(s, *m, in)) {
        router_drop(p, DROP_ROUTER_BAD_SOURCE);
        return 0;
    }
    if (!(p->flags & PACKET_IP_OPTIONS))
        return 1;
    is_for_us = router_has_address(s, in, 6, packet_destination(*m, 6));
    routing = find_routing(*m, is_for_us);
    if (routing == 0)
        return 1;
    bad.value = routing + 2;
    if (is_for_us) // only its destination says so
        router_icmp_error(s, m, in, &bad);
    else
        router_drop(p, DROP_ROUTER_SOURCE_ROUTE);
    return 0;
}

static int admit6(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in, uint8_t *scope)
{
    struct packet *p = packet_of(*m);
    const uint8_t *destination = packet_destination(*m, 6);

    if (!is_sound6(s, m, in))
        return 0;
    if (ip6_is_multicast(destination) ||
        (ip6_is_link_local(destination) && router_is_own(in, 6, destination))) {
        router_local(s, m, in);
        return 0;
    }
    if (ip6_is_link_local(destination) || ip6_is_internal(destination)) {
        router_drop(p, DROP_ROUTER_BAD_DESTINATION);
        return 0;
    }
    if (ip6_is_link_local(packet_source(*m, 6)))
        *scope = DROP_ROUTER_BAD_SOURCE;
    return 1;
}

int router_admit(const struct router_scene *s, struct rte_mbuf **m, uint8_t *scope)
{
    const struct router_interface *in = router_interface_at(s, packet_of(*m)->in);
    struct packet *p = packet_of(*m);

    if (p->in != in->attachment) {
        from_kernel(s, *m, in);
        return 0;
    }
    if (!is_group_frame(*m) &&
        memcmp(rte_pktmbuf_mtod(*m, const uint8_t *), in->mac, RTE_ETHER_ADDR_LEN) != 0) {
        router_drop(p, DROP_ROUTER_OTHER_MAC);
        return 0;
    }
    if (p->n_tags > 0) {
        router_drop(p, DROP_ROUTER_BAD_FRAME);
        return 0;
    }
    if (p->flags & PACKET_IP4)
        return admit4(s, m, in, scope);
    if (p->flags & PACKET_IP6)
        return admit6(s, m, in, scope);
    if (p->flags & PACKET_ARP)
        router_arp(s, m, in);
    else
        router_drop(p, p->l3_error != API_DROP_NONE ? p->l3_error : DROP_ROUTER_BAD_FRAME);
    return 0;
}
