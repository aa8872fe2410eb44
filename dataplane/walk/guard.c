// SPDX-License-Identifier: BSD-3-Clause
// Does this guarded port speak for itself only? Called by ingress.c on a worker for each packet of
// a guarded port, after parse and before any function. It writes nothing: neither the frame nor its
// metadata. Guards are made and freed on the main thread with their generation. Next: guard_ip6.c
// for IPv6 and neighbour discovery, then back to ingress.c.

#include "dataplane/walk/guard.h"

#include <stdlib.h>

#include <netinet/in.h>

#include <rte_ip.h>

#include "dataplane/walk/guard_parts.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define ICMP_REDIRECT 5
#define ICMP_ROUTER_ADVERTISEMENT 9

// Offsets in the ARP packet of RFC 826 that parse has proven to be for Ethernet and IPv4.
#define ARP_OPERATION 6
#define ARP_SENDER_MAC 8
#define ARP_SENDER_IP 14
#define ARP_TARGET_IP 24
#define ARP_REQUEST 1

// RFC 4291 appendix A: the modified EUI-64 link-local address.
static struct api_port_address link_local(const uint8_t *mac)
{
    return (struct api_port_address){
        .family = 6,
        .prefix_len = 128,
        .address = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3],
                    mac[4], mac[5]},
    };
}

struct guard *guard_create(const struct model *model, uint32_t port)
{
    uint32_t first, n;
    const struct api_port *api_port = model_items(model, API_PORT, &n);
    const struct api_port_address *items = model_owned(model, API_PORT_ADDRESS, port, &first, &n);
    struct guard *guard = calloc(1, sizeof(*guard));
    struct api_port_address *own = calloc(n + 1, sizeof(*own));
    if (!guard || !own)
        goto free_both;
    memcpy(guard->mac, api_port[port].mac, sizeof(guard->mac));
    guard->is_bound = n > 0;
    if (n)
        memcpy(own, items, n * sizeof(*own));
    own[n] = link_local(guard->mac);
    if (guard_addresses_init(&guard->ip4, own, n + 1, 4))
        goto free_both;
    if (guard_addresses_init(&guard->ip6, own, n + 1, 6))
        goto fini_ip4;
    free(own);
    return guard;

fini_ip4:
    guard_addresses_fini(&guard->ip4);
free_both:
    free(own);
    free(guard);
    return NULL;
}

void guard_destroy(struct guard *guard)
{
    if (!guard)
        return;
    guard_addresses_fini(&guard->ip4);
    guard_addresses_fini(&guard->ip6);
    free(guard);
}

static int is_unspecified(const uint8_t *ip4)
{
    static const uint8_t unspecified[4];
    return memcmp(ip4, unspecified, sizeof(unspecified)) == 0;
}

// RFC 2131 section 4.1: a client without an address sends from 0.0.0.0.
static int is_dhcp_request(const uint8_t *frame, const struct packet *p)
{
    return p->flags & PACKET_L4 && p->l4_proto == IPPROTO_UDP &&
           guard_has_ports(frame + p->l4_off, DHCP_CLIENT_PORT, DHCP_SERVER_PORT);
}

// RFC 792 and RFC 1256: where hosts learn their way from.
static int is_router_icmp(const uint8_t *frame, const struct packet *p)
{
    return p->flags & PACKET_L4 && p->l4_proto == IPPROTO_ICMP &&
           (frame[p->l4_off] == ICMP_REDIRECT || frame[p->l4_off] == ICMP_ROUTER_ADVERTISEMENT);
}

static uint8_t check_ip4(const struct guard *guard, const uint8_t *frame, const struct packet *p)
{
    const uint8_t *src = frame + p->l3_off + offsetof(struct rte_ipv4_hdr, src_addr);
    if (guard->is_bound) {
        int is_own = is_unspecified(src) ? is_dhcp_request(frame, p) : guard_has_ip4(guard, src);
        if (!is_own)
            return DROP_GUARD_IP4_SOURCE;
    }
    if (guard_is_dhcp_answer(frame, p, DHCP_SERVER_PORT, DHCP_CLIENT_PORT) ||
        is_router_icmp(frame, p))
        return DROP_GUARD_ROUTER;
    return API_DROP_NONE;
}

// RFC 5227 section 2.1.1: a probe asks, from the unspecified address, for the one that it is about
// to use; asking so for another's would keep that one from taking it.
static int is_own_probe(const struct guard *guard, const uint8_t *arp)
{
    return arp[ARP_OPERATION] == 0 && arp[ARP_OPERATION + 1] == ARP_REQUEST &&
           guard_has_ip4(guard, arp + ARP_TARGET_IP);
}

static uint8_t check_arp(const struct guard *guard, const uint8_t *arp)
{
    if (!guard_has_mac(guard, arp + ARP_SENDER_MAC))
        return DROP_GUARD_ARP;
    if (!guard->is_bound)
        return API_DROP_NONE;
    const uint8_t *sender = arp + ARP_SENDER_IP;
    int is_own = is_unspecified(sender) ? is_own_probe(guard, arp) : guard_has_ip4(guard, sender);
    return is_own ? API_DROP_NONE : DROP_GUARD_ARP;
}

uint8_t guard_check(const struct guard *guard, const struct rte_mbuf *m, const struct packet *p)
{
    if (unlikely(p->l2_error != API_DROP_NONE))
        return p->l2_error;
    if (unlikely(p->l3_error != API_DROP_NONE)) // it can't be judged
        return p->l3_error;
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    if (unlikely(!guard_has_mac(guard, frame + RTE_ETHER_ADDR_LEN)))
        return DROP_GUARD_MAC;
    if (likely(p->flags & PACKET_IP4))
        return check_ip4(guard, frame, p);
    if (p->flags & PACKET_IP6)
        return guard_check_ip6(guard, m, p);
    if (p->flags & PACKET_ARP)
        return check_arp(guard, frame + p->l3_off);
    return DROP_GUARD_ETHERTYPE;
}
