// SPDX-License-Identifier: BSD-3-Clause
// Can one packet change what another one gets? Flow caches of others could be poisoned by a packet
// that looked like another one to the cache, but not to those who decide: padding taken for ports,
// protocol 0, options and fragments whose ports are elsewhere, ND whose target the key had not,
// the same addresses in another VLAN. Here each is sent by an attacker before, between, beside and
// behind the packets of a victim with the same addresses and ports. What the victim's packets
// become is the same as without him; what his own become is what the walk says. And likewise where
// the victim's are denied.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "dataplane/core/packet.h"
#include "tests/unit/flow/plain.h"
#include "tests/unit/flow/poison_frames.h"

#define TYPE_IP6 0x86dd
#define VICTIM 0x54434956 // marks
#define MAX_SEEN 64
#define DENY_OUT 0x10 // of GENE_DEFAULTS

struct poison {
    const char *name;
    // Makes the attacker's packet of one that looks like the victim's.
    void (*make)(struct wire *w);
    enum api_drop drop; // what it gets, API_DROP_NONE: it leaves, too
    uint8_t family, protocol;
    uint8_t port;  // where he is
    uint8_t lan;   // GENE_LAN
    uint8_t guard; // GENE_GUARD
};

// What came of the victim's packets.
struct outcome {
    unsigned n;
    unsigned port[MAX_SEEN];
    uint32_t len[MAX_SEEN];
    uint8_t bytes[MAX_SEEN][256];
    unsigned n_attacker; // of the attacker's that left
    unsigned n_carried;  // of the victim's last ones, by flows
};

static void add(const struct poison *c, int is_attacker)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    const uint8_t genes[N_GENES] = {[GENE_LAN] = c->lan};

    plain_packet(&w, genes, c->family, c->protocol, is_attacker ? POISON_MARK : VICTIM);
    if (is_attacker)
        c->make(&w);
    world_add(is_attacker ? c->port : PORT_A, &frame);
}

static int has_mark(const struct world_sent *sent, uint32_t mark)
{
    const uint8_t bytes[4] = {(uint8_t)mark, (uint8_t)(mark >> 8), (uint8_t)(mark >> 16),
                              (uint8_t)(mark >> 24)};

    for (uint32_t i = 0; i + 4 <= sent->len; i++)
        if (memcmp(sent->bytes + i, bytes, 4) == 0)
            return 1;
    return 0;
}

// Out by a port on the other side: an error that quotes it goes back.
static void collect(struct outcome *o)
{
    world_receive();
    for (unsigned i = 0; i < world_n_sent(); i++) {
        const struct world_sent sent = world_sent_at(i);

        if (sent.port < PORT_W)
            continue;
        o->n_attacker += (unsigned)has_mark(&sent, POISON_MARK);
        if (!has_mark(&sent, VICTIM))
            continue;
        assert_true(o->n < MAX_SEEN && sent.len <= sizeof(o->bytes[0]));
        o->port[o->n] = sent.port;
        o->len[o->n] = sent.len;
        memcpy(o->bytes[o->n++], sent.bytes, sent.len);
    }
    world_forget();
}

static void send_each(const struct poison *c, int is_attacker, unsigned n, struct outcome *o)
{
    for (unsigned i = 0; i < n; i++) {
        add(c, is_attacker);
        collect(o);
    }
}

enum order { ALONE, BEHIND, BEFORE, BETWEEN, BESIDE, N_ORDERS };

// In one burst if both are at the same port.
static void mix(const struct poison *c, enum order order, struct outcome *o)
{
    if (order == BESIDE)
        add(c, 1);
    add(c, 0);
    if (order == BESIDE)
        add(c, 1);
    add(c, 0);
    collect(o);
}

static void play(const struct poison *c, enum order order, int has_flows, struct outcome *o)
{
    uint8_t genes[N_GENES] = {
        [GENE_LAN] = c->lan, [GENE_GUARD] = c->guard, [GENE_MTU] = PLAIN_WAN_1400};

    genes[GENE_EDGE] = c->protocol == IPPROTO_TCP ? PLAIN_EDGE_FIREWALL : 0;
    memset(o, 0, sizeof(*o));
    plain_begin(genes, has_flows ? 4096 : 0);
    if (c->protocol == IPPROTO_TCP)
        plain_open_tcp(genes);
    send_each(c, 1, order == BEFORE ? 3 : 0, o);
    send_each(c, 0, 1, o);
    send_each(c, 1, order == BETWEEN ? 3 : 0, o);
    send_each(c, 0, 2, o);
    mix(c, order, o);
    send_each(c, 1, order == BEHIND ? 3 : 0, o);
    add(c, 0);
    collect(o);
    o->n_carried = (unsigned)__builtin_popcountll(world_carried());
    if (c->drop == DROP_FRAGMENT_LOST) // it has waited for the first one
        world_pass(3000);
    if (order != ALONE && c->drop != API_DROP_NONE)
        assert_true(world_drops(c->port, c->drop) > 0);
    (void)plain_end(NULL);
}

// The identification of a translated packet counts those before it, whoever has sent them (RFC
// 6864, 5.3.1), and the header's checksum with it.
static void forget_identification(uint8_t *frame)
{
    uint8_t *type = frame + 12;

    while (type[0] == 0x81 || type[0] == 0x88)
        type += 4;
    if (type[0] != 0x08 || type[1] != 0)
        return;
    memset(type + 2 + 4, 0, 2);
    memset(type + 2 + 10, 0, 2);
}

static void expect_same(struct outcome *a, struct outcome *b)
{
    assert_int_equal(a->n, b->n);
    for (unsigned i = 0; i < a->n; i++) {
        assert_int_equal(a->port[i], b->port[i]);
        assert_int_equal(a->len[i], b->len[i]);
        forget_identification(a->bytes[i]);
        forget_identification(b->bytes[i]);
        assert_memory_equal(a->bytes[i], b->bytes[i], a->len[i]);
    }
}

static void test_poison(void **state)
{
    const struct poison *c = *state;
    static struct outcome alone, with, without;

    play(c, ALONE, 1, &alone);
    assert_int_equal(alone.n, 6);
    assert_int_equal(alone.n_carried, 1);
    for (enum order order = BEHIND; order < N_ORDERS; order++) {
        play(c, order, 1, &with);
        expect_same(&with, &alone);
        assert_int_equal(with.n_carried, 1);
        play(c, order, 0, &without);
        expect_same(&without, &alone);
        assert_int_equal(with.n_attacker, without.n_attacker);
        assert_int_equal(with.n_attacker > 0, c->drop == API_DROP_NONE);
    }
}

// The victim's packets are denied: what the attacker's become is still theirs alone. Told are all
// frames and drops. Returns whether the last of the victim's needed no walk.
static int play_denied(const struct poison *c, uint32_t max_flows, struct transcript *t)
{
    const uint8_t genes[N_GENES] = {[GENE_LAN] = c->lan,
                                    [GENE_GUARD] = c->guard,
                                    [GENE_MTU] = PLAIN_WAN_1400,
                                    [GENE_EDGE] = PLAIN_EDGE_FIREWALL,
                                    [GENE_DEFAULTS] = DENY_OUT};
    static struct outcome o;

    plain_begin_with(genes, max_flows, t);
    memset(&o, 0, sizeof(o));
    for (unsigned round = 0; round < 4; round++) {
        send_each(c, 0, 2, &o);
        send_each(c, 1, 2, &o);
        world_tell_drops();
    }
    send_each(c, 0, 3, &o); // where he had its place, it is kept anew
    assert_int_equal(o.n, 0);
    world_pass(3000);
    world_tell_drops();
    (void)plain_end(NULL);
    return world_carried() == 1;
}

static void test_poison_denied(void **state)
{
    const struct poison *c = *state;
    static struct transcript with, without;

    assert_true(play_denied(c, 4096, &with));
    (void)play_denied(c, 0, &without);
    if (transcript_difference(&with, &without) != UINT32_MAX) {
        transcript_print_difference(&without, &with, stderr);
        fail();
    }
}

#define UDP4 .family = 4, .protocol = IPPROTO_UDP
#define UDP6 .family = 6, .protocol = IPPROTO_UDP
#define TCP4 .family = 4, .protocol = IPPROTO_TCP

static struct poison cases[] = {
    {"padding", poison_pad, API_DROP_NONE, UDP4},
    {"padding6", poison_pad, API_DROP_NONE, UDP6},
    {"padding-tcp", poison_pad, API_DROP_NONE, TCP4},
    {"ports-are-padding", poison_pad_ports, DROP_UDP_TRUNCATED, UDP4},
    {"ports-are-padding6", poison_pad_ports6, DROP_UDP_TRUNCATED, UDP6},
    {"ports-are-padding-tcp", poison_pad_ports, DROP_TCP_TRUNCATED, TCP4},
    {"protocol-0", poison_make_protocol_0, API_DROP_NONE, UDP4},
    {"other-protocol", poison_make_other_protocol, API_DROP_NONE, TCP4},
    {"other-protocol6", poison_make_other_protocol, API_DROP_NONE, UDP6},
    {"options", poison_add_options, API_DROP_NONE, UDP4},
    {"source-route", poison_add_source_route, DROP_ROUTER_SOURCE_ROUTE, UDP4},
    {"options-like-ports", poison_add_options_like_ports, DROP_IP4_BAD_OPTION, UDP4},
    {"extension-header", poison_add_extension, API_DROP_NONE, UDP6},
    {"routing-header", poison_add_routing_header, DROP_ROUTER_SOURCE_ROUTE, UDP6},
    {"first-fragment", poison_make_first_fragment, API_DROP_NONE, UDP4},
    {"later-fragment", poison_make_later_fragment, DROP_FRAGMENT_LOST, UDP4},
    {"udp-length-short", poison_make_udp_short, DROP_UDP_BAD_LENGTH, UDP4},
    {"udp-length-long", poison_make_udp_long, DROP_UDP_BAD_LENGTH, UDP4},
    {"udp-cut", poison_cut_header, DROP_UDP_TRUNCATED, UDP4},
    {"udp-cut6", poison_cut_header, DROP_UDP_TRUNCATED, UDP6},
    {"frame-cut", poison_cut_frame, DROP_IP4_BAD_LENGTH, UDP4},
    {"frame-cut6", poison_cut_frame, DROP_IP6_BAD_LENGTH, UDP6},
    {"tcp-cut", poison_cut_header, DROP_TCP_TRUNCATED, TCP4},
    {"tcp-offset-short", poison_make_tcp_offset_short, DROP_TCP_BAD_OFFSET, TCP4},
    {"tcp-beyond-window", poison_make_beyond_window, DROP_TCP_OUT_OF_WINDOW, TCP4},
    {"tcp-blind-reset", poison_make_reset, DROP_TCP_BAD_RESET, TCP4},
    {"tcp-without-flags", poison_make_flagless, DROP_TCP_BAD_FLAGS, TCP4},
    {"ttl-1", poison_make_ttl_1, DROP_ROUTER_TTL_EXCEEDED, UDP4},
    {"ttl-0", poison_make_ttl_0, DROP_ROUTER_TTL_EXCEEDED, UDP4},
    {"hop-limit-1", poison_make_ttl_1, DROP_ROUTER_TTL_EXCEEDED, UDP6},
    {"ip-checksum", poison_break_ip_checksum, DROP_ROUTER_BAD_CHECKSUM, UDP4},
    {"udp-checksum", poison_break_l4_checksum, API_DROP_NONE, UDP4},
    {"udp-without-checksum", poison_clear_checksum, API_DROP_NONE, UDP4},
    {"too-big", poison_set_df_and_size, DROP_ROUTER_TOO_BIG, UDP4},
    {"other-mac", poison_set_other_mac, DROP_ROUTER_OTHER_MAC, UDP4},
    {"broadcast", poison_set_broadcast, DROP_ROUTER_BAD_FRAME, UDP4},
    {"source-mac", poison_set_source_mac, API_DROP_NONE, UDP4},
    {"guarded-source-mac", poison_set_source_mac, DROP_GUARD_MAC, UDP4, .guard = 0xd},
    {"other-port", poison_set_source_mac, DROP_PORT_UNATTACHED, UDP4, .port = PORT_B},
    {"other-port-of-switch", poison_set_source_mac, API_DROP_NONE, UDP4, .port = PORT_B, .lan = 1},
    {"other-vlan", poison_set_vlan, API_DROP_NONE, UDP4, .lan = 3},
    {"unknown-vlan", poison_set_unknown_vlan, DROP_VLAN_UNKNOWN, UDP4, .lan = 3},
    {"inner-vlan", poison_add_inner_vlan, DROP_ROUTER_BAD_FRAME, UDP4, .lan = 3},
    {"other-inner-vlan", poison_set_inner_vlan, API_DROP_NONE, UDP4, .lan = 4},
    {"unknown-inner-vlan", poison_set_unknown_inner_vlan, DROP_VLAN_UNKNOWN, UDP4, .lan = 4},
    {"priority-tag", poison_add_priority_tag, DROP_ROUTER_BAD_FRAME, UDP4},
    {"no-vlan", poison_remove_vlan, DROP_VLAN_UNKNOWN, UDP4, .lan = 3},
};

// A neighbour advertisement of a guarded port: for its own address it may, for another's not,
// however often it did for its own (the key of others had no target).
static void advertise(const char *target)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    struct wire_link link = {.destination = {0x33, 0x33, 0, 0, 0, 1}};
    struct wire_ip ip = {.family = 6, .protocol = IPPROTO_ICMPV6, .ttl = 255};
    const uint8_t option[2] = {2, 1};
    uint8_t bytes[16], family;

    genes_host_mac(HOST_A1, link.source);
    genes_host_address(HOST_A1, 6, ip.source);
    genes_parse("ff02::1", ip.destination, &family);
    genes_parse(target, bytes, &family);
    wire_begin(&w, &link, TYPE_IP6);
    wire_add_ip(&w, &ip);
    wire_add_icmp(&w, 136, 0, 0x20000000);
    wire_add(&w, bytes, 16);
    wire_add(&w, option, sizeof(option));
    wire_add(&w, link.source, 6);
    wire_seal(&w);
    world_add(PORT_A, &frame);
    world_receive();
}

static void test_nd_target(void **state)
{
    uint8_t genes[N_GENES] = {[GENE_LAN] = 1, [GENE_GUARD] = 0xd};

    (void)state;
    plain_begin(genes, 4096);
    for (unsigned i = 0; i < 4; i++)
        advertise("fd00::11");
    assert_int_equal(world_drops(PORT_A, DROP_GUARD_ND), 0);
    advertise("fd00::21");
    assert_int_equal(world_drops(PORT_A, DROP_GUARD_ND), 1);
    (void)plain_end(NULL);
}

static int setup_world(void **state)
{
    (void)state;
    world_init();
    return 0;
}

int main(void)
{
    enum { N_CASES = sizeof(cases) / sizeof(cases[0]) };
    static struct CMUnitTest tests[2 * N_CASES + 1];

    for (unsigned i = 0; i < N_CASES; i++) {
        tests[i] = (struct CMUnitTest){cases[i].name, test_poison, NULL, plain_end, &cases[i]};
        tests[N_CASES + i] = tests[i];
        tests[N_CASES + i].test_func = test_poison_denied;
    }
    tests[2 * N_CASES] = (struct CMUnitTest)cmocka_unit_test_teardown(test_nd_target, plain_end);
    return cmocka_run_group_tests_name("flow-poison", tests, setup_world, NULL);
}
