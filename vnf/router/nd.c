// SPDX-License-Identifier: BSD-3-Clause
// What does neighbour discovery tell of an IPv6 neighbour, and what do we tell it (RFC 4861)?
// Called by local.c for ICMPv6 133 to 137 from the network, on workers. nd_check.c has judged the
// message before it is believed. Answers are written over the solicitation. Redirects are not
// followed, and what routers and hosts say to routers is for the kernel twin. Next: neighbor.c,
// which learns; nd_send.c, which writes.

#include "vnf/router/nd.h"

static void consume(struct rte_mbuf **m)
{
    rte_pktmbuf_free(*m);
    *m = NULL;
}

// RFC 4861, 7.2.3 and 7.2.4. A solicitation from :: is a probe whether the address is free
// (RFC 4862, 5.4.3): all must hear that it is not.
static void take_solicitation(const struct router_scene *s, struct rte_mbuf **m,
                              const struct router_interface *in, const struct nd_message *nd)
{
    struct neighbor_news news = {.slot = in->slot, .family = 6, .is_override = 1, .may_create = 1};
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(*m, const struct rte_ether_hdr *);

    if (!router_is_own(in, 6, nd->target)) {
        consume(m);
        return;
    }
    if (!ip6_is_unspecified(nd->source) && nd->mac != NULL) {
        news.address = nd->source;
        news.mac = nd->mac;
        news.may_create = (uint8_t)router_is_on_link(s, in, 6, nd->source);
        neighbor_learn(s, &news);
    }
    nd_answer(s, *m, in, nd->mac != NULL ? nd->mac : ether->src_addr.addr_bytes);
}

// RFC 4861, 7.2.5.
static void take_advertisement(const struct router_scene *s, struct rte_mbuf **m,
                               const struct router_interface *in, const struct nd_message *nd)
{
    struct neighbor_news news = {
        .slot = in->slot,
        .family = 6,
        .is_solicited = (nd->flags & ND_SOLICITED) != 0,
        .is_override = (nd->flags & ND_OVERRIDE) != 0,
        .address = nd->target,
        .mac = nd->mac,
    };
    int is_for_us = router_is_own(in, 6, nd->destination);

    // An answer to somebody else confirms nothing to us.
    news.is_solicited = news.is_solicited && is_for_us;
    neighbor_learn(s, &news);
    s->counters->local += (uint64_t)is_for_us;
    // The kernel resolves for itself from the same addresses, so what is said to us is said to it.
    if (is_for_us && in->kernel_attachment != ATTACHMENT_NONE)
        router_forward(packet_of(*m), in->kernel_attachment);
    else
        consume(m);
}

static void give_to_kernel(const struct router_scene *s, struct rte_mbuf *m,
                           const struct router_interface *in)
{
    if (in->kernel_attachment == ATTACHMENT_NONE) {
        router_drop(packet_of(m), DROP_ROUTER_LOCAL_UNWANTED);
        return;
    }
    s->counters->local++;
    router_forward(packet_of(m), in->kernel_attachment);
}

void router_nd(const struct router_scene *s, struct rte_mbuf **m, const struct router_interface *in)
{
    struct nd_message nd;
    int is_claim;

    if (!nd_check(*m, in, &nd)) {
        router_drop(packet_of(*m), DROP_ROUTER_BAD_ND);
        return;
    }
    is_claim = nd.type == ND_ADVERTISEMENT && router_is_own(in, 6, nd.target);
    if (is_claim || router_is_own(in, 6, nd.source)) {
        if (is_claim)
            nd_defend(s, in, nd.target);
        router_drop(packet_of(*m), DROP_ROUTER_BAD_ND);
        return;
    }
    switch (nd.type) {
    case ND_SOLICITATION:
        take_solicitation(s, m, in, &nd);
        break;
    case ND_ADVERTISEMENT:
        take_advertisement(s, m, in, &nd);
        break;
    case ND_REDIRECT: // RFC 4861, 8.2 is for hosts
        router_drop(packet_of(*m), DROP_ROUTER_LOCAL_UNWANTED);
        break;
    default:
        give_to_kernel(s, *m, in);
        break;
    }
}
