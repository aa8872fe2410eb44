// SPDX-License-Identifier: BSD-3-Clause
// What could poison a cache of flows? Each makes, of a packet that looks like the victim's, one
// that is another to those who decide. Called by poison_test.c, whose table names them.

#include <string.h>

#include "tests/unit/flow/plain.h"
#include "tests/unit/flow/poison_frames.h"

void poison_pad(struct wire *w)
{
    static const uint8_t garbage[46] = {0x0f, 0xa0, 0x1f, 0x90, 1, 2, 3};

    wire_add(w, garbage, sizeof(garbage));
}

// The IP packet ends before its ports: they are padding.
void poison_pad_ports(struct wire *w)
{
    uint32_t sum = 0;

    wire_put16(w, w->l3 + 2U, 20);
    wire_put16(w, w->l3 + 10U, 0);
    for (uint32_t i = 0; i < 20; i += 2)
        sum += wire_get16(w, w->l3 + i);
    sum = (sum & 0xffff) + (sum >> 16);
    wire_put16(w, w->l3 + 10U, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

void poison_pad_ports6(struct wire *w)
{
    wire_put16(w, w->l3 + 4U, 0);
}

static void set_protocol(struct wire *w, uint8_t protocol)
{
    w->protocol = 255; // the L4 checksum stays
    w->bytes[w->l3 + (w->family == 4 ? 9 : 6)] = protocol;
    wire_seal(w);
}

void poison_make_protocol_0(struct wire *w)
{
    set_protocol(w, 0);
}

void poison_make_other_protocol(struct wire *w)
{
    set_protocol(w, 253);
}

static void insert_options(struct wire *w, const uint8_t *options)
{
    wire_insert(w, w->l3 + 20U, options, 4);
    w->bytes[w->l3] = 0x46;
    w->l4 = (uint16_t)(w->l4 + 4);
    wire_seal(w);
}

void poison_add_options(struct wire *w)
{
    static const uint8_t nops[4] = {1, 1, 1, 1};

    insert_options(w, nops);
}

void poison_add_source_route(struct wire *w)
{
    static const uint8_t route[4] = {131, 3, 4, 0};

    insert_options(w, route);
}

// Options where the ports of the victim stand, other ports behind.
void poison_add_options_like_ports(struct wire *w)
{
    static const uint8_t ports[4] = {PLAIN_SOURCE_PORT >> 8, PLAIN_SOURCE_PORT & 0xff,
                                     PLAIN_DESTINATION_PORT >> 8, PLAIN_DESTINATION_PORT & 0xff};

    wire_put16(w, w->l4, 9999);
    insert_options(w, ports);
}

void poison_add_extension(struct wire *w)
{
    const uint8_t header[8] = {w->protocol, 0, 1, 4};

    wire_insert(w, w->l3 + 40U, header, sizeof(header));
    w->bytes[w->l3 + 6U] = 60;
    wire_put16(w, w->l3 + 4U, (uint16_t)(wire_get16(w, w->l3 + 4U) + 8));
}

void poison_make_first_fragment(struct wire *w)
{
    wire_put16(w, w->l3 + 6U, 0x2000);
    w->is_fragment = 1;
    wire_seal(w);
}

// Its payload begins as the victim's ports.
void poison_make_later_fragment(struct wire *w)
{
    wire_put16(w, w->l3 + 6U, 100);
    w->is_fragment = 1;
    wire_seal(w);
}

void poison_make_udp_short(struct wire *w)
{
    wire_put16(w, w->l4 + 4U, 4);
}

void poison_make_udp_long(struct wire *w)
{
    wire_put16(w, w->l4 + 4U, 1000);
}

void poison_cut_header(struct wire *w)
{
    w->len = w->l4 + 4U;
    wire_seal(w);
}

void poison_cut_frame(struct wire *w)
{
    w->len = w->l4 + 2U;
}

void poison_make_tcp_offset_short(struct wire *w)
{
    w->bytes[w->l4 + 12U] = 0x40;
    wire_seal(w);
}

void poison_make_beyond_window(struct wire *w)
{
    wire_put32(w, w->l4 + 4U, 0x70000000);
    wire_seal(w);
}

void poison_make_reset(struct wire *w)
{
    w->bytes[w->l4 + 13U] = WIRE_RST;
    poison_make_beyond_window(w);
}

void poison_make_flagless(struct wire *w)
{
    w->bytes[w->l4 + 13U] = 0;
    wire_seal(w);
}

static void set_ttl(struct wire *w, uint8_t ttl)
{
    w->bytes[w->l3 + (w->family == 4 ? 8 : 7)] = ttl;
    wire_seal(w);
}

void poison_make_ttl_1(struct wire *w)
{
    set_ttl(w, 1);
}

void poison_make_ttl_0(struct wire *w)
{
    set_ttl(w, 0);
}

void poison_break_ip_checksum(struct wire *w)
{
    w->bytes[w->l3 + 10U] ^= 1;
}

void poison_break_l4_checksum(struct wire *w)
{
    w->bytes[w->l4 + 6U] ^= 1;
}

void poison_clear_checksum(struct wire *w)
{
    wire_put16(w, w->l4 + 6U, 0);
}

void poison_set_df_and_size(struct wire *w)
{
    w->bytes[w->l3 + 6U] = 0x40;
    wire_add_payload(w, 1350, POISON_MARK);
    wire_seal(w);
}

void poison_set_other_mac(struct wire *w)
{
    w->bytes[5] ^= 0x7f;
}

void poison_set_broadcast(struct wire *w)
{
    memset(w->bytes, 0xff, 6);
}

// By another host: as if it were the victim, but for its MAC.
void poison_set_source_mac(struct wire *w)
{
    w->bytes[11] = 0x99;
}

void poison_set_vlan(struct wire *w)
{
    poison_set_source_mac(w);
    wire_put16(w, 14, 20);
}

void poison_set_unknown_vlan(struct wire *w)
{
    wire_put16(w, 14, 99);
}

void poison_add_inner_vlan(struct wire *w)
{
    static const uint8_t tag[4] = {0x81, 0, 0, 20};

    wire_insert(w, 16, tag, sizeof(tag));
}

void poison_remove_vlan(struct wire *w)
{
    wire_remove(w, 12, 4);
    poison_set_source_mac(w);
}

void poison_add_priority_tag(struct wire *w)
{
    static const uint8_t tag[4] = {0x81, 0, 0x60, 0};

    wire_insert(w, 12, tag, sizeof(tag));
}

void poison_add_routing_header(struct wire *w)
{
    const uint8_t header[8] = {w->protocol, 0, 0, 1};

    wire_insert(w, w->l3 + 40U, header, sizeof(header));
    w->bytes[w->l3 + 6U] = 43;
    wire_put16(w, w->l3 + 4U, (uint16_t)(wire_get16(w, w->l3 + 4U) + 8));
}

// The VLAN in the VLAN is another's.
void poison_set_inner_vlan(struct wire *w)
{
    poison_set_source_mac(w);
    wire_put16(w, 18, 6);
}

void poison_set_unknown_inner_vlan(struct wire *w)
{
    wire_put16(w, 18, 99);
}
