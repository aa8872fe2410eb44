// SPDX-License-Identifier: BSD-3-Clause
// How does the router speak neighbour discovery (RFC 4861, 4.3 and 4.4)? Called by nd.c for
// answers, by neighbor_tick.c and announce.c for what the router asks and announces; on workers.
// An answer takes the place of its question in the same buffer; others take one of the dataplane's
// own. Next: walk/egress.h.

#include <netinet/in.h>

#include "dataplane/parse/parse.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"
#include "vnf/router/nd.h"

#define MESSAGE_LEN (sizeof(struct nd_header) + ND_OPTION_LEN)
#define FRAME_LEN (RTE_ETHER_HDR_LEN + sizeof(struct rte_ipv6_hdr) + MESSAGE_LEN)

static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};

struct letter {
    uint8_t type;
    uint8_t flags;
    uint8_t source[16];
    uint8_t destination[16];
    uint8_t target[16];
};

static void group_mac(const uint8_t *group, uint8_t *mac) // RFC 2464, 7
{
    mac[0] = 0x33;
    mac[1] = 0x33;
    memcpy(mac + 2, group + 12, 4);
}

// Write all of the frame, whose FRAME_LEN bytes are there. `mac`: to whom; NULL: to the group.
static void fill_in(struct rte_mbuf *m, const struct router_interface *out,
                    const struct letter *letter, const uint8_t *mac)
{
    struct rte_ipv6_hdr *ip = packet_ip6(m);
    struct nd_header *nd = (struct nd_header *)(ip + 1);
    uint8_t *option = (uint8_t *)(nd + 1);
    uint8_t to[RTE_ETHER_ADDR_LEN];

    if (mac != NULL)
        memcpy(to, mac, sizeof(to));
    else
        group_mac(letter->destination, to);
    *ip = (struct rte_ipv6_hdr){
        .vtc_flow = RTE_BE32(0x60000000 | TOS_CONTROL << 20),
        .payload_len = RTE_BE16(MESSAGE_LEN),
        .proto = IPPROTO_ICMPV6,
        .hop_limits = ND_HOP_LIMIT,
    };
    memcpy(ip->src_addr, letter->source, 16);
    memcpy(ip->dst_addr, letter->destination, 16);
    *nd = (struct nd_header){.type = letter->type, .flags = letter->flags};
    memcpy(nd->target, letter->target, 16);
    option[0] = letter->type == ND_ADVERTISEMENT ? ND_OPTION_TARGET : ND_OPTION_SOURCE;
    option[1] = 1;
    memcpy(option + 2, out->mac, RTE_ETHER_ADDR_LEN);
    nd->checksum = (uint16_t)~sum_fold((uint64_t)sum_pseudo6(ip, IPPROTO_ICMPV6, MESSAGE_LEN) +
                                       rte_raw_cksum(nd, MESSAGE_LEN));
    packet_set_icmp(packet_of(m), 6, sizeof(*ip) + MESSAGE_LEN);
    router_set_header(out, m, to, RTE_ETHER_TYPE_IPV6);
}

static void send_new(const struct router_scene *s, const struct router_interface *out,
                     const struct letter *letter, const uint8_t *mac)
{
    struct rte_mbuf *m = walk_alloc(s->ctx);

    if (m == NULL)
        return;
    memset(rte_pktmbuf_append(m, FRAME_LEN), 0, FRAME_LEN);
    fill_in(m, out, letter, mac);
    egress_forward(s->ctx, m, out->attachment);
}

void router_nd_solicit(const struct router_scene *s, const struct router_interface *out,
                       const uint8_t *address, const uint8_t *mac)
{
    static const uint8_t solicited_node[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
    struct meter *meter = &s->state->slots[out->slot].solicit_meter;
    const uint8_t *source = router_source_for(s, out, 6, address);
    struct letter letter = {.type = ND_SOLICITATION};

    // Probes of neighbours that are known must not suffer from a scan (RFC 6583, 7.1).
    if (source == NULL || (mac == NULL && !meter_admit(&s->state->neighbors->solicit_limit, meter,
                                                       s->ctx->now_tsc, 1)))
        return;
    memcpy(letter.source, source, 16);
    memcpy(letter.target, address, 16);
    memcpy(letter.destination, address, 16);
    if (mac == NULL)
        memcpy(letter.destination, solicited_node, sizeof(solicited_node));
    s->counters->solicited++;
    send_new(s, out, &letter, mac);
}

void router_nd_announce(const struct router_scene *s, const struct router_interface *out,
                        const uint8_t *address)
{
    struct letter letter = {.type = ND_ADVERTISEMENT, .flags = ND_ROUTER | ND_OVERRIDE};

    memcpy(letter.source, address, 16);
    memcpy(letter.target, address, 16);
    memcpy(letter.destination, all_nodes, 16);
    send_new(s, out, &letter, NULL);
}

void nd_defend(const struct router_scene *s, const struct router_interface *in,
               const uint8_t *address)
{
    if (meter_admit(&s->state->neighbors->defend_limit, &s->state->slots[in->slot].defend_meter,
                    s->ctx->now_tsc, 1))
        router_nd_announce(s, in, address);
}

// RFC 4861, 7.2.4.
void nd_answer(const struct router_scene *s, struct rte_mbuf *m, const struct router_interface *in,
               const uint8_t *mac)
{
    const struct rte_ipv6_hdr *ip = packet_ip6(m);
    const struct nd_header *nd = (const struct nd_header *)(ip + 1);
    int is_probe = ip6_is_unspecified(ip->src_addr);
    struct letter letter = {.type = ND_ADVERTISEMENT, .flags = ND_ROUTER | ND_OVERRIDE};
    uint8_t to[RTE_ETHER_ADDR_LEN];

    memcpy(to, mac, sizeof(to)); // it may lie in what is overwritten
    memcpy(letter.source, nd->target, 16);
    memcpy(letter.target, nd->target, 16);
    memcpy(letter.destination, is_probe ? all_nodes : ip->src_addr, 16);
    if (!is_probe)
        letter.flags |= ND_SOLICITED;
    // The message is in the first segment, so that is all that is left. The question may be without
    // the option that the answer has.
    router_trim(m, RTE_MIN((uint32_t)packet_of(m)->l3_end, (uint32_t)FRAME_LEN));
    if (m->pkt_len < FRAME_LEN &&
        rte_pktmbuf_append(m, (uint16_t)(FRAME_LEN - m->pkt_len)) == NULL) {
        router_drop(packet_of(m), DROP_ROUTER_NO_BUFFER);
        return;
    }
    fill_in(m, in, &letter, is_probe ? NULL : to);
    s->counters->local++;
}
