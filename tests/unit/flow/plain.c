// SPDX-License-Identifier: BSD-3-Clause
// One conversation, for tests of one thing. Called by poison_test.c and life_test.c. Next: world.c.

#include "tests/unit/flow/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <netinet/in.h>

#define REMOTE4 "203.0.113.5"
#define REMOTE6 "2001:db8:203::5"
#define TYPE_IP4 0x0800
#define TYPE_IP6 0x86dd
#define PAYLOAD 64
#define FIRST 1000 // sequence numbers
#define REPLY_FIRST 5000

static struct transcript transcript;
static int is_running;

void plain_begin_with(const uint8_t *genes, uint32_t max_flows, struct transcript *t)
{
    const struct world_setup setup = {.seed = 1, .max_flows = max_flows, .transcript = t};
    struct model model;

    transcript_clear(t);
    world_begin(&setup);
    is_running = 1;
    genes_model(genes, &model);
    assert_int_equal(world_commit(&model), 0);
}

void plain_begin(const uint8_t *genes, uint32_t max_flows)
{
    plain_begin_with(genes, max_flows, &transcript);
}

int plain_end(void **state)
{
    (void)state;
    if (is_running)
        world_end();
    is_running = 0;
    return 0;
}

static void add_tcp(struct wire *w, int is_reply, uint8_t flags)
{
    uint32_t numbers[2] = {FIRST, REPLY_FIRST};

    if (is_reply)
        wire_add_tcp(w, PLAIN_DESTINATION_PORT, PLAIN_SOURCE_PORT, flags);
    else
        wire_add_tcp(w, PLAIN_SOURCE_PORT, PLAIN_DESTINATION_PORT, flags);
    wire_put32(w, w->l4 + 4U, numbers[is_reply] + !(flags & WIRE_SYN));
    if (flags & WIRE_ACK)
        wire_put32(w, w->l4 + 8U, numbers[!is_reply] + 1);
}

void plain_packet(struct wire *w, const uint8_t *genes, uint8_t family, uint8_t protocol,
                  uint32_t mark)
{
    struct genes_place place = genes_place(genes, HOST_A1);
    struct wire_link link = {.outer_vlan = place.outer_vlan, .inner_vlan = place.inner_vlan};
    struct wire_ip ip = {.family = family, .protocol = protocol, .ttl = 64};
    uint8_t f;

    genes_host_mac(HOST_A1, link.source);
    genes_gateway(genes, HOST_A1, link.destination);
    genes_host_address(HOST_A1, family, ip.source);
    genes_parse(family == 4 ? REMOTE4 : REMOTE6, ip.destination, &f);
    wire_begin(w, &link, family == 4 ? TYPE_IP4 : TYPE_IP6);
    wire_add_ip(w, &ip);
    if (protocol == IPPROTO_TCP)
        add_tcp(w, 0, WIRE_ACK);
    else
        wire_add_udp(w, PLAIN_SOURCE_PORT, PLAIN_DESTINATION_PORT);
    wire_add_payload(w, PAYLOAD, mark);
    wire_seal(w);
}

void plain_open_tcp(const uint8_t *genes)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    struct wire_ip ip = {.family = 4, .protocol = IPPROTO_TCP, .ttl = 64};
    struct wire_link link = {.outer_vlan = 0};
    uint8_t family;

    plain_packet(&w, genes, 4, IPPROTO_TCP, 0);
    w.len = w.l4;
    add_tcp(&w, 0, WIRE_SYN);
    wire_seal(&w);
    world_add(PORT_A, &frame);
    world_receive();
    genes_host_mac(HOST_W1, link.source);
    genes_gateway(genes, HOST_W1, link.destination);
    genes_parse(REMOTE4, ip.source, &family);
    genes_host_address(HOST_A1, 4, ip.destination);
    wire_begin(&w, &link, TYPE_IP4);
    wire_add_ip(&w, &ip);
    add_tcp(&w, 1, WIRE_SYN | WIRE_ACK);
    wire_seal(&w);
    world_add(PORT_W, &frame);
    world_receive();
    world_forget();
}

int plain_send(const uint8_t *genes)
{
    return plain_send_from(genes, PLAIN_SOURCE_PORT);
}

int plain_send_from(const uint8_t *genes, uint16_t port)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};

    plain_packet(&w, genes, 4, IPPROTO_UDP, 0);
    wire_put16(&w, w.l4, port);
    wire_seal(&w);
    world_add(PORT_A, &frame);
    world_receive();
    world_forget();
    return world_carried() == 1;
}
