// SPDX-License-Identifier: BSD-3-Clause
// What sound frames are there, and which fault is it if one ends early? The table behind the parse
// tests, on their only thread. It shares nothing with dataplane/parse: offsets come from the packet
// builder, faults from the order of headers. Next: parse_test.c and cut_test.c.

#include "tests/unit/parse/kinds.h"

#include <string.h>

#define A_MAC "52:54:00:00:00:11"
#define B_MAC "52:54:00:00:00:22"

static void ip4(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_ip4(f, "10.0.0.11", "10.0.0.22");
}

static void ip6(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_ip6(f, "fd00::11", "fd00::22");
}

static void finish(struct frame *f, size_t payload)
{
    frame_payload(f, payload);
    frame_end(f);
}

static void arp(struct frame *f)
{
    frame_ether(f, "ff:ff:ff:ff:ff:ff", A_MAC);
    frame_arp(f, 1, A_MAC, "10.0.0.11", "00:00:00:00:00:00", "10.0.0.22");
}

static void ip4_udp(struct frame *f)
{
    ip4(f);
    frame_udp(f, 1000, 2000);
    finish(f, 22);
}

static void ip4_udp_tiny(struct frame *f)
{
    ip4(f);
    frame_udp(f, 1000, 2000);
    finish(f, 0);
}

static void ip4_udp_padded(struct frame *f)
{
    ip4_udp_tiny(f);
    frame_payload(f, 18);
}

static void ip4_tcp(struct frame *f)
{
    ip4(f);
    frame_tcp(f, 1000, 80, 0x02, 0);
    finish(f, 6);
}

static void ip4_tcp_options(struct frame *f)
{
    ip4(f);
    frame_tcp(f, 1000, 80, 0x10, 10);
    finish(f, 30);
}

static void ip4_icmp(struct frame *f)
{
    ip4(f);
    frame_icmp(f, 8, 0);
    finish(f, 40);
}

static void ip4_sctp(struct frame *f)
{
    ip4(f);
    frame_sctp(f, 1000, 2000);
    finish(f, 16);
}

static void ip4_other(struct frame *f)
{
    ip4(f);
    frame_proto(f, 47);
    finish(f, 26);
}

static void ip4_empty(struct frame *f)
{
    ip4(f);
    frame_proto(f, 253);
    finish(f, 0);
}

static void ip4_options_udp(struct frame *f)
{
    // Router alert, two no-operations, record route with 31 bytes, end.
    static const uint8_t options[40] = {148, 4, 0, 0, 1, 1, 7, 31, 4};
    frame_ether(f, B_MAC, A_MAC);
    frame_ip4_options(f, "10.0.0.11", "10.0.0.22", options, sizeof(options));
    frame_udp(f, 1000, 2000);
    finish(f, 20);
}

static void ip4_first_fragment(struct frame *f)
{
    ip4(f);
    frame_ip4_fragment(f, 0, 1);
    frame_udp(f, 1000, 2000);
    frame_payload(f, 24);
    frame_end(f);
    frame_put16(f, f->l4_off + 4, 2000); // the length of the whole datagram
}

static void ip4_last_fragment(struct frame *f)
{
    ip4(f);
    frame_proto(f, 17);
    frame_ip4_fragment(f, 1480, 0);
    finish(f, 21);
}

static void vlan_ip4_udp(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_vlan(f, 0x8100, 0xe00a);
    frame_ip4(f, "10.0.0.11", "10.0.0.22");
    frame_udp(f, 1000, 2000);
    finish(f, 20);
}

static void qinq_ip6_tcp(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_vlan(f, 0x88a8, 100);
    frame_vlan(f, 0x8100, 20);
    frame_ip6(f, "fd00::11", "fd00::22");
    frame_tcp(f, 1000, 80, 0x10, 3);
    finish(f, 20);
}

static void four_tags_ip4_tcp(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_vlan(f, 0x9100, 1);
    frame_vlan(f, 0x9100, 2);
    frame_vlan(f, 0x88a8, 3);
    frame_vlan(f, 0x8100, 4);
    frame_ip4(f, "10.0.0.11", "10.0.0.22");
    frame_tcp(f, 1000, 80, 0x10, 0);
    finish(f, 20);
}

static void five_tags(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    for (uint16_t i = 1; i <= 5; i++)
        frame_vlan(f, 0x8100, i);
    frame_ip4(f, "10.0.0.11", "10.0.0.22");
    frame_udp(f, 1000, 2000);
    finish(f, 20);
    f->ip4_off = 0; // behind the tags that are looked behind: not to be found
    f->l4_off = 0;
}

static void vlan_arp(struct frame *f)
{
    frame_ether(f, "ff:ff:ff:ff:ff:ff", A_MAC);
    frame_vlan(f, 0x8100, 0); // priority tag
    frame_arp(f, 2, A_MAC, "10.0.0.11", B_MAC, "10.0.0.22");
}

static void length_frame(struct frame *f)
{
    frame_ether(f, "01:80:c2:00:00:00", A_MAC);
    frame_type(f, 0x05ff);
    frame_payload(f, 46);
}

static void other_type(struct frame *f)
{
    frame_ether(f, B_MAC, A_MAC);
    frame_type(f, 0x0600);
    frame_payload(f, 46);
}

static void ip6_udp(struct frame *f)
{
    ip6(f);
    frame_udp(f, 1000, 2000);
    finish(f, 12);
}

static void ip6_udp_padded(struct frame *f)
{
    ip6_udp(f);
    frame_payload(f, 9);
}

static void ip6_icmp(struct frame *f)
{
    ip6(f);
    frame_icmp(f, 128, 0);
    finish(f, 12);
}

static void ip6_sctp(struct frame *f)
{
    ip6(f);
    frame_sctp(f, 1000, 2000);
    finish(f, 12);
}

static void ip6_none(struct frame *f)
{
    ip6(f);
    finish(f, 0);
}

static void ip6_esp(struct frame *f)
{
    ip6(f);
    frame_ip6_extension(f, 60, 1);
    frame_proto(f, 50);
    finish(f, 40);
}

static void ip6_extensions_tcp(struct frame *f)
{
    ip6(f);
    frame_ip6_extension(f, 0, 1);
    frame_ip6_extension(f, 60, 2);
    frame_ip6_extension(f, 43, 3);
    frame_ip6_extension(f, 51, 3);
    frame_ip6_extension(f, 60, 1);
    frame_tcp(f, 1000, 80, 0x10, 5);
    finish(f, 12);
}

static void ip6_most_extensions(struct frame *f)
{
    ip6(f);
    for (unsigned i = 0; i < 8; i++)
        frame_ip6_extension(f, 60, 1);
    frame_udp(f, 1000, 2000);
    finish(f, 12);
}

static void ip6_atomic_fragment(struct frame *f)
{
    ip6(f);
    frame_ip6_fragment(f, 0, 0);
    frame_udp(f, 1000, 2000);
    finish(f, 12);
}

static void ip6_first_fragment(struct frame *f)
{
    ip6(f);
    frame_ip6_extension(f, 0, 1);
    frame_ip6_fragment(f, 0, 1);
    frame_ip6_extension(f, 60, 2);
    frame_udp(f, 1000, 2000);
    frame_payload(f, 16);
    frame_end(f);
    frame_put16(f, f->l4_off + 4, 2000);
}

static void ip6_last_fragment(struct frame *f)
{
    ip6(f);
    frame_ip6_fragment(f, 1448, 0);
    frame_proto(f, 60); // a destination options header stands in the first fragment
    finish(f, 13);
}

#define L4_IN_IP4 (PACKET_IP4 | PACKET_L4)
#define L4_IN_IP6 (PACKET_IP6 | PACKET_L4)
#define LATER (PACKET_FRAGMENT | PACKET_LATER_FRAGMENT)

// name, build, flags, n_tags, outer, inner, ether_type, l4_proto, padding
const struct kind kinds[] = {
    {"arp", arp, PACKET_ARP, 0, 0, 0, 0x0806, 0, 0},
    {"ip4 udp", ip4_udp, L4_IN_IP4, 0, 0, 0, 0x0800, 17, 0},
    {"ip4 udp tiny", ip4_udp_tiny, L4_IN_IP4, 0, 0, 0, 0x0800, 17, 0},
    {"ip4 udp padded", ip4_udp_padded, L4_IN_IP4, 0, 0, 0, 0x0800, 17, 18},
    {"ip4 tcp", ip4_tcp, L4_IN_IP4, 0, 0, 0, 0x0800, 6, 0},
    {"ip4 tcp options", ip4_tcp_options, L4_IN_IP4, 0, 0, 0, 0x0800, 6, 0},
    {"ip4 icmp", ip4_icmp, L4_IN_IP4, 0, 0, 0, 0x0800, 1, 0},
    {"ip4 sctp", ip4_sctp, L4_IN_IP4, 0, 0, 0, 0x0800, 132, 0},
    {"ip4 gre", ip4_other, PACKET_IP4, 0, 0, 0, 0x0800, 47, 0},
    {"ip4 empty", ip4_empty, PACKET_IP4, 0, 0, 0, 0x0800, 253, 0},
    {"ip4 options udp", ip4_options_udp, L4_IN_IP4 | PACKET_IP_OPTIONS, 0, 0, 0, 0x0800, 17, 0},
    {"ip4 first fragment", ip4_first_fragment, L4_IN_IP4 | PACKET_FRAGMENT, 0, 0, 0, 0x0800, 17, 0},
    {"ip4 last fragment", ip4_last_fragment, PACKET_IP4 | LATER, 0, 0, 0, 0x0800, 17, 0},
    {"vlan ip4 udp", vlan_ip4_udp, L4_IN_IP4, 1, 10, 0, 0x0800, 17, 0},
    {"qinq ip6 tcp", qinq_ip6_tcp, L4_IN_IP6, 2, 100, 20, 0x86dd, 6, 0},
    {"four tags ip4 tcp", four_tags_ip4_tcp, L4_IN_IP4, 4, 1, 2, 0x0800, 6, 0},
    {"five tags", five_tags, 0, 4, 1, 2, 0x8100, 0, 0},
    {"priority tag arp", vlan_arp, PACKET_ARP, 1, 0, 0, 0x0806, 0, 0},
    {"802.3 length", length_frame, 0, 0, 0, 0, 0x05ff, 0, 0},
    {"other type", other_type, 0, 0, 0, 0, 0x0600, 0, 0},
    {"ip6 udp", ip6_udp, L4_IN_IP6, 0, 0, 0, 0x86dd, 17, 0},
    {"ip6 udp padded", ip6_udp_padded, L4_IN_IP6, 0, 0, 0, 0x86dd, 17, 9},
    {"ip6 icmp", ip6_icmp, L4_IN_IP6, 0, 0, 0, 0x86dd, 58, 0},
    {"ip6 sctp", ip6_sctp, L4_IN_IP6, 0, 0, 0, 0x86dd, 132, 0},
    {"ip6 none", ip6_none, PACKET_IP6, 0, 0, 0, 0x86dd, 59, 0},
    {"ip6 esp", ip6_esp, PACKET_IP6 | PACKET_IP_OPTIONS, 0, 0, 0, 0x86dd, 50, 0},
    {"ip6 extensions tcp", ip6_extensions_tcp, L4_IN_IP6 | PACKET_IP_OPTIONS, 0, 0, 0, 0x86dd, 6,
     0},
    {"ip6 most extensions", ip6_most_extensions, L4_IN_IP6 | PACKET_IP_OPTIONS, 0, 0, 0, 0x86dd, 17,
     0},
    {"ip6 atomic fragment", ip6_atomic_fragment, L4_IN_IP6 | PACKET_IP_OPTIONS, 0, 0, 0, 0x86dd, 17,
     0},
    {"ip6 first fragment", ip6_first_fragment, L4_IN_IP6 | PACKET_IP_OPTIONS | PACKET_FRAGMENT, 0,
     0, 0, 0x86dd, 17, 0},
    {"ip6 last fragment", ip6_last_fragment, PACKET_IP6 | PACKET_IP_OPTIONS | LATER, 0, 0, 0,
     0x86dd, 60, 0},
};
const unsigned n_kinds = sizeof(kinds) / sizeof(kinds[0]);

void kind_build(const struct kind *kind, struct frame *f, struct packet *expected)
{
    kind->build(f);
    memset(expected, 0, sizeof(*expected));
    expected->n_tags = kind->n_tags;
    expected->outer_vlan = kind->outer_vlan;
    expected->inner_vlan = kind->inner_vlan;
    expected->ether_type = kind->ether_type;
    expected->flags = kind->flags;
    expected->l4_proto = kind->l4_proto;
    expected->l3_off = (uint16_t)(f->ip4_off + f->ip6_off + f->arp_off); // one of them
    expected->l4_off = (uint16_t)f->l4_off;
    expected->payload_off = f->l4_off ? (uint16_t)f->payload_off : 0;
    if (expected->l3_off)
        expected->l3_end = (uint16_t)(f->len - kind->padding);
    expected->l2_error = API_DROP_NONE;
    expected->l3_error = API_DROP_NONE;
}

static uint8_t l4_fault(const struct frame *f, uint32_t have)
{
    if (!f->l4_off || have >= f->payload_off)
        return API_DROP_NONE;
    switch (f->l4_proto) {
    case 1:
        return DROP_ICMP_TRUNCATED;
    case 6:
        return DROP_TCP_TRUNCATED;
    case 17:
        return DROP_UDP_TRUNCATED;
    case 58:
        return DROP_ICMP6_TRUNCATED;
    default:
        return DROP_SCTP_TRUNCATED;
    }
}

static uint8_t ip4_fault(const struct kind *kind, const struct frame *f, uint32_t have,
                         uint32_t len)
{
    uint32_t header_len = (f->bytes[f->ip4_off] & 15U) * 4;
    if (have < f->ip4_off + 20)
        return DROP_IP4_TRUNCATED;
    if (len < f->ip4_off + header_len)
        return DROP_IP4_BAD_IHL;
    if (len < f->len - kind->padding)
        return DROP_IP4_BAD_LENGTH;
    return have < f->ip4_off + header_len ? DROP_IP4_TRUNCATED : l4_fault(f, have);
}

static uint8_t ip6_fault(const struct kind *kind, const struct frame *f, uint32_t have,
                         uint32_t len)
{
    if (have < f->ip6_off + 40)
        return DROP_IP6_TRUNCATED;
    if (len < f->len - kind->padding)
        return DROP_IP6_BAD_LENGTH;
    uint32_t extensions_end = f->ip6_off + 40;
    if (f->extension_off && f->fragment_off == f->extension_off)
        extensions_end = f->extension_off + 8;
    else if (f->extension_off)
        extensions_end = f->extension_off + (f->bytes[f->extension_off + 1] + 1U) * 8;
    return have < extensions_end ? DROP_IP6_BAD_EXTENSION : l4_fault(f, have);
}

void kind_fault(const struct kind *kind, const struct frame *f, uint32_t have, uint32_t len,
                uint8_t *l2_error, uint8_t *l3_error)
{
    *l2_error = API_DROP_NONE;
    *l3_error = API_DROP_NONE;
    if (have < 14)
        *l2_error = DROP_RUNT_FRAME;
    else if (have < 14U + 4U * kind->n_tags)
        *l2_error = DROP_VLAN_TRUNCATED;
    else if (f->ip4_off)
        *l3_error = ip4_fault(kind, f, have, len);
    else if (f->ip6_off)
        *l3_error = ip6_fault(kind, f, have, len);
    else if (f->arp_off && have < f->arp_off + 28)
        *l3_error = DROP_ARP_TRUNCATED;
}
