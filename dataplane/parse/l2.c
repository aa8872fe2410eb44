// SPDX-License-Identifier: BSD-3-Clause
// How many VLAN tags stand in front, and what do they carry? Second step of the general parse, on a
// worker, after parse.c. Faults here are l2_error: such a frame goes nowhere. 802.3 frames, whose
// type is a length (IEEE 802.3 section 3.2.6), and types that we don't know end here without
// one: a switch carries them. Next: ip4.c, ip6.c, or ARP below.

#include "dataplane/parse/steps.h"

#include <rte_arp.h>
#include <rte_ether.h>

#include "dataplane/parse/parse.h"

#define ETHER_TYPE_QINQ_OLD 0x9100 // what QinQ used before IEEE 802.1ad
#define TAG_LEN 4                  // two bytes of tag control, two of the next type
#define VLAN_ID_MASK 0x0fff

static int is_tag(uint16_t ether_type)
{
    return ether_type == RTE_ETHER_TYPE_VLAN || ether_type == RTE_ETHER_TYPE_QINQ ||
           ether_type == ETHER_TYPE_QINQ_OLD;
}

void parse_arp(struct view *v, struct packet *p, uint32_t off)
{
    // RFC 826: hardware and protocol space, their address lengths, operation, four addresses.
    static const uint8_t ether_ip4[6] = {0, RTE_ARP_HRD_ETHER, 8, 0, 6, 4};
    if (v->limit - off < sizeof(struct rte_arp_hdr)) {
        p->l3_error = DROP_ARP_TRUNCATED;
        return;
    }
    if (memcmp(v->data + off, ether_ip4, sizeof(ether_ip4)) != 0) {
        p->l3_error = DROP_ARP_BAD_FORMAT;
        return;
    }
    p->flags = PACKET_ARP;
    p->l3_off = (uint16_t)off;
    p->l3_end = (uint16_t)(off + sizeof(struct rte_arp_hdr));
}

static void parse_l3(struct view *v, struct packet *p, uint32_t off)
{
    switch (p->ether_type) {
    case RTE_ETHER_TYPE_IPV4:
        parse_ip4(v, p, off);
        break;
    case RTE_ETHER_TYPE_IPV6:
        parse_ip6(v, p, off);
        break;
    case RTE_ETHER_TYPE_ARP:
        parse_arp(v, p, off);
        break;
    default:
        break;
    }
}

void parse_l2(struct view *v, struct packet *p)
{
    uint32_t off = RTE_ETHER_HDR_LEN;
    if (v->limit < off) {
        p->l2_error = DROP_RUNT_FRAME;
        return;
    }
    p->ether_type = read_be16(v->data + off - 2);
    while (is_tag(p->ether_type) && p->n_tags < PARSE_MAX_TAGS) {
        if (v->limit - off < TAG_LEN) {
            p->l2_error = DROP_VLAN_TRUNCATED;
            return;
        }
        uint16_t vlan = read_be16(v->data + off) & VLAN_ID_MASK;
        if (p->n_tags == 0)
            p->outer_vlan = vlan;
        else if (p->n_tags == 1)
            p->inner_vlan = vlan;
        p->n_tags++;
        off += TAG_LEN;
        p->ether_type = read_be16(v->data + off - 2);
    }
    parse_l3(v, p, off);
}
