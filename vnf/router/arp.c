// SPDX-License-Identifier: BSD-3-Clause
// What does ARP tell of an IPv4 neighbour, and what do we tell it (RFC 826, RFC 5227)? Called by
// admit.c for ARP packets from the network, by neighbor_tick.c and announce.c for our own; on
// workers. parse has proven the 28 bytes. Answers are written over the request. It believes nobody
// about an address of ours and answers for no address but ours and
// those of NATs on the chain. Next: neighbor.c, which learns.

#include <rte_arp.h>

#include "dataplane/parse/parse.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"
#include "vnf/router/address.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/packet.h"

#define FRAME_LEN (RTE_ETHER_HDR_LEN + sizeof(struct rte_arp_hdr))

static const uint8_t broadcast_mac[RTE_ETHER_ADDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t no_address[4];

static struct rte_arp_hdr *arp_of(const struct rte_mbuf *m)
{
    return rte_pktmbuf_mtod_offset(m, struct rte_arp_hdr *, RTE_ETHER_HDR_LEN);
}

// The last address of a subnet of the interface; /31 and /32 have none (RFC 3021).
static int is_subnet_broadcast(const struct router_interface *in, const uint8_t *address)
{
    uint32_t asked, own;

    memcpy(&asked, address, sizeof(asked));
    for (uint32_t i = 0; i < in->n_addresses; i++) {
        const struct router_address *a = &in->addresses[i];
        uint32_t host_bits = a->family == 4 && a->prefix_len < 31
                                 ? (uint32_t)((UINT64_C(1) << (32 - a->prefix_len)) - 1)
                                 : 0;

        memcpy(&own, a->bytes, sizeof(own));
        if (host_bits != 0 && asked == (own | rte_cpu_to_be_32(host_bits)))
            return 1;
    }
    return 0;
}

// Does the sender speak for itself, and as a host can?
static int is_sound(const struct router_interface *in, const struct rte_mbuf *m, int is_probe)
{
    const struct rte_ether_hdr *ether = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
    const struct rte_arp_hdr *arp = arp_of(m);
    const uint8_t *mac = arp->arp_data.arp_sha.addr_bytes;
    const uint8_t *address = (const uint8_t *)&arp->arp_data.arp_sip;

    if (arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REQUEST) &&
        arp->arp_opcode != RTE_BE16(RTE_ARP_OP_REPLY))
        return 0;
    if (!neighbor_is_unicast_mac(mac) || memcmp(mac, ether->src_addr.addr_bytes, 6) != 0 ||
        memcmp(mac, in->mac, 6) == 0)
        return 0;
    return is_probe || (router_address_is_unicast(4, address) && !is_subnet_broadcast(in, address));
}

static void send_new(const struct router_scene *s, struct rte_mbuf *m,
                     const struct router_interface *out)
{
    parse_burst(&m, 1);
    egress_forward(s->ctx, m, out->attachment);
}

// A frame of ours, to be filled: the caller has asked the meter. NULL: no buffer.
static struct rte_mbuf *new_frame(const struct router_scene *s, const struct router_interface *out,
                                  const uint8_t *mac)
{
    struct rte_mbuf *m = walk_alloc(s->ctx);
    struct rte_arp_hdr *arp;

    if (m == NULL)
        return NULL;
    memset(rte_pktmbuf_append(m, FRAME_LEN), 0, FRAME_LEN);
    router_set_header(out, m, mac, RTE_ETHER_TYPE_ARP);
    arp = arp_of(m);
    arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
    arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
    arp->arp_hlen = RTE_ETHER_ADDR_LEN;
    arp->arp_plen = sizeof(arp->arp_data.arp_sip);
    arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REQUEST);
    memcpy(arp->arp_data.arp_sha.addr_bytes, out->mac, RTE_ETHER_ADDR_LEN);
    return m;
}

void router_arp_request(const struct router_scene *s, const struct router_interface *out,
                        const uint8_t *address, const uint8_t *mac)
{
    struct meter *meter = &s->state->slots[out->slot].solicit_meter;
    const uint8_t *source = router_source_for(s, out, 4, address);
    struct rte_mbuf *m;
    struct rte_arp_hdr *arp;

    // Probes of neighbours that are known must not suffer from a scan (RFC 6583, 7.1).
    if (source == NULL || (mac == NULL && !meter_admit(&s->state->neighbors->solicit_limit, meter,
                                                       s->ctx->now_tsc, 1)))
        return;
    m = new_frame(s, out, mac != NULL ? mac : broadcast_mac);
    if (m == NULL)
        return;
    arp = arp_of(m);
    memcpy(&arp->arp_data.arp_sip, source, 4);
    memcpy(&arp->arp_data.arp_tip, address, 4);
    s->counters->solicited++;
    send_new(s, m, out);
}

// RFC 5227, 2.3: a request for the address by itself.
void router_arp_announce(const struct router_scene *s, const struct router_interface *out,
                         const uint8_t *address)
{
    struct rte_mbuf *m = new_frame(s, out, broadcast_mac);

    if (m == NULL)
        return;
    memcpy(&arp_of(m)->arp_data.arp_sip, address, 4);
    memcpy(&arp_of(m)->arp_data.arp_tip, address, 4);
    send_new(s, m, out);
}

// Somebody else claims an address of ours: nobody shall believe it for long (RFC 5227, 2.4).
static void defend(const struct router_scene *s, const struct router_interface *in,
                   const uint8_t *address)
{
    if (meter_admit(&s->state->neighbors->defend_limit, &s->state->slots[in->slot].defend_meter,
                    s->ctx->now_tsc, 1))
        router_arp_announce(s, in, address);
}

// Turn the request in m into its answer.
static void answer(const struct router_scene *s, struct rte_mbuf *m,
                   const struct router_interface *in)
{
    struct rte_arp_hdr *arp = arp_of(m);
    struct packet *p = packet_of(m);
    uint32_t own = arp->arp_data.arp_tip;

    arp->arp_opcode = RTE_BE16(RTE_ARP_OP_REPLY);
    arp->arp_data.arp_tip = arp->arp_data.arp_sip;
    arp->arp_data.arp_sip = own;
    memcpy(arp->arp_data.arp_tha.addr_bytes, arp->arp_data.arp_sha.addr_bytes, 6);
    memcpy(arp->arp_data.arp_sha.addr_bytes, in->mac, 6);
    router_trim(m, FRAME_LEN); // what pads it is not ours to send
    p->in_port = API_MAX_PORTS;
    p->offload = 0;
    router_set_header(in, m, arp->arp_data.arp_tha.addr_bytes, RTE_ETHER_TYPE_ARP);
    s->counters->local++;
}

static void consume(struct rte_mbuf **m)
{
    rte_pktmbuf_free(*m);
    *m = NULL;
}

static void take_request(const struct router_scene *s, struct rte_mbuf **m,
                         const struct router_interface *in, int is_for_us)
{
    if (is_for_us)
        answer(s, *m, in);
    else
        consume(m); // RFC 826: heard, no more
}

// The kernel resolves for itself from the same addresses, so an answer to us is one to it as well.
static void take_reply(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, int is_for_us)
{
    if (!is_for_us || in->kernel_attachment == ATTACHMENT_NONE) {
        s->counters->local += (uint64_t)is_for_us;
        consume(m);
        return;
    }
    s->counters->local++;
    router_forward(packet_of(*m), in->kernel_attachment);
}

void router_arp(const struct router_scene *s, struct rte_mbuf **m,
                const struct router_interface *in)
{
    const struct rte_arp_hdr *arp = arp_of(*m);
    int is_request = arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REQUEST);
    const uint8_t *sender = (const uint8_t *)&arp->arp_data.arp_sip;
    const uint8_t *target = (const uint8_t *)&arp->arp_data.arp_tip;
    int is_probe = is_request && memcmp(sender, no_address, sizeof(no_address)) == 0;
    int is_for_us = router_claims(in, target);
    struct neighbor_news news = {.slot = in->slot, .family = 4, .is_override = 1};

    if (!(packet_of(*m)->flags & PACKET_ARP) || !is_sound(in, *m, is_probe)) {
        router_drop(packet_of(*m), DROP_ROUTER_BAD_ARP);
        return;
    }
    if (!is_probe && router_claims(in, sender)) {
        defend(s, in, sender);
        router_drop(packet_of(*m), DROP_ROUTER_BAD_ARP);
        return;
    }
    if (!is_probe) {
        const uint8_t *to = rte_pktmbuf_mtod(*m, const struct rte_ether_hdr *)->dst_addr.addr_bytes;

        news.address = sender;
        news.mac = arp->arp_data.arp_sha.addr_bytes;
        news.is_solicited = !is_request && is_for_us && memcmp(to, in->mac, 6) == 0;
        news.may_create = is_request && is_for_us && router_is_on_link(s, in, 4, sender);
        neighbor_learn(s, &news);
    }
    if (is_request)
        take_request(s, m, in, is_for_us);
    else
        take_reply(s, m, in, news.is_solicited);
}
