// SPDX-License-Identifier: BSD-3-Clause
// When is a denied packet dropped without a walk, and when not? One remote host outside sends to
// what a firewall or a NAT has nothing for; then something comes to be that the packet belongs to.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "dataplane/flow/denied.h"
#include "tests/unit/flow/plain.h"

#define REMOTE "203.0.113.5" // whom plain.c speaks to
#define OTHER "203.0.113.77"
#define INSIDE "10.0.0.11"
#define POOL "198.51.100.2"
#define TYPE_IP4 0x0800
#define DENY_IN 2        // of GENE_DEFAULTS
#define EDGE_NAT 1       // of GENE_EDGE
#define THREE_PORTS 0x80 // of GENE_NAT_KIND: 1024 to 1026
#define ALLOW_8080 4     // of GENE_RULES: a SYN from outside
#define ALLOW_UDP 3      // number of a rule: from outside, to high ports

static const uint8_t firewall[N_GENES] = {
    [GENE_EDGE] = PLAIN_EDGE_FIREWALL, [GENE_DEFAULTS] = DENY_IN};

struct come {
    const char *source, *destination;
    uint16_t from, to;
    uint8_t protocol, flags;
};

static const struct come datagram = {
    .source = REMOTE,
    .destination = INSIDE,
    .from = PLAIN_DESTINATION_PORT,
    .to = PLAIN_SOURCE_PORT,
    .protocol = IPPROTO_UDP,
};

// A packet from outside, in a burst of its own. 1: no walk was needed.
static int come(const struct come *c)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    struct wire_ip ip = {.family = 4, .protocol = c->protocol, .ttl = 64};
    struct wire_link link = {.outer_vlan = 0};
    uint8_t family;

    genes_host_mac(HOST_W1, link.source);
    genes_gateway(firewall, HOST_W1, link.destination);
    genes_parse(c->source, ip.source, &family);
    genes_parse(c->destination, ip.destination, &family);
    wire_begin(&w, &link, TYPE_IP4);
    wire_add_ip(&w, &ip);
    if (c->protocol == IPPROTO_TCP) {
        wire_add_tcp(&w, c->from, c->to, c->flags);
        wire_put32(&w, w.l4 + 8U, 1001); // of plain_open_tcp's SYN
    } else {
        wire_add_udp(&w, c->from, c->to);
    }
    wire_seal(&w);
    world_forget();
    world_add(PORT_W, &frame);
    world_receive();
    return world_carried() == 1;
}

static void flood(const struct come *c)
{
    assert_false(come(c));
    assert_false(come(c)); // the second one is worth keeping
    assert_true(come(c));
    assert_true(come(c));
    assert_int_equal(world_n_sent(), 0);
}

static unsigned n_sent_by(unsigned port)
{
    unsigned n = 0;

    for (unsigned i = 0; i < world_n_sent(); i++)
        n += world_sent_at(i).port == port;
    return n;
}

// ICMP errors to who is outside.
static unsigned n_errors(void)
{
    static struct wire w;
    unsigned n = 0;

    for (unsigned i = 0; i < world_n_sent(); i++) {
        const struct world_sent sent = world_sent_at(i);

        w.len = sent.len;
        memcpy(w.bytes, sent.bytes, sent.len);
        wire_scan(&w);
        n += sent.port == PORT_W && w.family == 4 && w.protocol == IPPROTO_ICMP;
    }
    return n;
}

static void expect_counted(uint64_t n)
{
    struct function_request request = {.type = API_SHOW_FIREWALL};
    struct world_answer answer;
    const struct api_firewall_state *s;

    assert_int_equal(world_request("firewall", "fw", &request, &answer), 0);
    s = answer.items;
    assert_int_equal(s->denied, n);
    assert_int_equal(s->default_in_hits, n);
    assert_int_equal(world_drops(PORT_W, DROP_FIREWALL_DENIED), n);
}

static void test_lives_two_seconds(void **state)
{
    struct come other = datagram;

    (void)state;
    other.to++;
    plain_begin(firewall, 4096);
    flood(&datagram);
    expect_counted(4);
    world_pass(DENIED_LIFE_MS - 100);
    flood(&other); // lives longer
    assert_true(come(&datagram));
    world_pass(100);
    assert_false(come(&datagram));
    assert_true(come(&datagram));
    expect_counted(11);
}

// Groups end with a turn every now and then; nothing of what they have counted is lost.
static void test_turns(void **state)
{
    uint32_t turn;

    (void)state;
    plain_begin(firewall, 4096);
    flood(&datagram);
    turn = denied_this_turn;
    for (unsigned sec = 0; sec < 40; sec++) {
        world_pass(1000);
        (void)come(&datagram);
    }
    assert_in_range(denied_this_turn - turn, 1, 4);
    expect_counted(44);
}

// Behind the answer no packet is denied by what was before; and all that were have been counted.
static void test_edit(void **state)
{
    struct api_rule_change change = {.tenant = WORLD_TENANT, .name = "fw", .config_id = 1};
    struct function_request request = {.type = API_RULE_CHANGE, .items = &change, .n_items = 1};
    struct world_answer answer;

    (void)state;
    plain_begin(firewall, 4096);
    flood(&datagram);
    genes_rule(ALLOW_UDP, &change.rule);
    assert_int_equal(world_request("firewall", "fw", &request, &answer), 0);
    assert_false(come(&datagram));
    assert_int_equal(n_sent_by(PORT_A), 1);
    expect_counted(4);
}

static struct denied *find_entry(void)
{
    for (unsigned i = 0; i < DENIED_N; i++)
        if (denied_tables[0]->entries[i].turn == denied_this_turn)
            return &denied_tables[0]->entries[i];
    fail();
    return NULL;
}

// One that differs in anything of the key is another's.
static void test_key(void **state)
{
    (void)state;
    plain_begin(firewall, 4096);
    flood(&datagram);
    for (unsigned i = 0; i < FLOW_KEY4_WORDS; i++) {
        assert_true(come(&datagram));
        find_entry()->key.words[i] ^= UINT64_C(1) << (7 * i);
        assert_false(come(&datagram)); // and is kept anew
    }
}

// Nobody outside may have the answer to a connection dropped by sending look-alikes first.
static void test_datagram_answer(void **state)
{
    (void)state;
    plain_begin(firewall, 4096);
    flood(&datagram);
    (void)plain_send(firewall);
    assert_false(come(&datagram));
    assert_int_equal(n_sent_by(PORT_A), 1);
}

static void test_segment_answer(void **state)
{
    struct come c = datagram;

    (void)state;
    c.protocol = IPPROTO_TCP;
    c.flags = WIRE_SYN | WIRE_ACK;
    plain_begin(firewall, 4096);
    flood(&c);
    plain_open_tcp(firewall);
    assert_false(come(&c));
    assert_int_equal(n_sent_by(PORT_A), 1);
}

static void send_syn(uint16_t from)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};

    plain_packet(&w, firewall, 4, IPPROTO_TCP, 0);
    w.len = w.payload;
    wire_put16(&w, w.l4, from);
    w.bytes[w.l4 + 13U] = WIRE_SYN;
    wire_seal(&w);
    world_add(PORT_A, &frame);
    world_receive();
}

// No session of its own, but a binding that it may come by.
static void test_binding(void **state)
{
    const uint8_t genes[N_GENES] = {
        [GENE_DEFAULTS] = DENY_IN, [GENE_RULES] = ALLOW_8080, [GENE_NAT_KIND] = THREE_PORTS};
    struct come c = {OTHER, POOL, 5000, 0, IPPROTO_TCP, WIRE_SYN};
    unsigned n = 0;

    (void)state;
    plain_begin(genes, 4096);
    for (c.to = 1024; c.to <= 1026; c.to++)
        flood(&c);
    send_syn(8080);
    for (c.to = 1024; c.to <= 1026; c.to++) {
        (void)come(&c);
        n += n_sent_by(PORT_A);
    }
    assert_int_equal(n, 1);
}

// Flags decide, too.
static void test_flags(void **state)
{
    const uint8_t genes[N_GENES] = {
        [GENE_EDGE] = PLAIN_EDGE_FIREWALL, [GENE_DEFAULTS] = DENY_IN, [GENE_RULES] = ALLOW_8080};
    struct come c = {REMOTE, INSIDE, 5000, 8080, IPPROTO_TCP, WIRE_ACK};

    (void)state;
    plain_begin(genes, 4096);
    flood(&c);
    c.flags = WIRE_SYN;
    assert_false(come(&c));
    assert_int_equal(n_sent_by(PORT_A), 1);
    // His connection now: the number of its first packets' key has grown.
    c.flags = WIRE_ACK;
    assert_false(come(&c));
}

// What is told of it later each packet asks for (RFC 5382, REQ-4).
static void test_told_late(void **state)
{
    const uint8_t genes[N_GENES] = {[GENE_EDGE] = EDGE_NAT};
    struct come c = {REMOTE, POOL, 5000, 81, IPPROTO_TCP, WIRE_SYN | WIRE_FIN};

    (void)state;
    plain_begin(genes, 4096);
    for (unsigned i = 0; i < 4; i++)
        assert_false(come(&c));
    c.flags = WIRE_ACK;
    for (unsigned i = 0; i < 4; i++)
        (void)come(&c);
    world_forget();
    world_pass(7000);
    assert_int_equal(n_errors(), 4);
}

static int setup_world(void **state)
{
    (void)state;
    world_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_lives_two_seconds, plain_end),
        cmocka_unit_test_teardown(test_turns, plain_end),
        cmocka_unit_test_teardown(test_edit, plain_end),
        cmocka_unit_test_teardown(test_key, plain_end),
        cmocka_unit_test_teardown(test_datagram_answer, plain_end),
        cmocka_unit_test_teardown(test_segment_answer, plain_end),
        cmocka_unit_test_teardown(test_binding, plain_end),
        cmocka_unit_test_teardown(test_flags, plain_end),
        cmocka_unit_test_teardown(test_told_late, plain_end),
    };

    return cmocka_run_group_tests_name("flow-denied", tests, setup_world, NULL);
}
