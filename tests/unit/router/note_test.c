// SPDX-License-Identifier: BSD-3-Clause
// What does a router note of its decisions? Which packets' way may be kept and what it depends on,
// what is told of the configuration by a fingerprint, and what becomes of counts. That a change is
// told is told_test.c's.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/clock.h"
#include "tests/unit/router/note_lab.h"
#include "vnf/router/neighbor.h"

static void check_noted(const char *dst, unsigned out, const char *next_hop)
{
    const struct walk_trace *t = lab_trace(0);

    assert_int_equal(lab_is_plain(0), 1);
    assert_int_equal(t->n_hops, 1);
    assert_int_equal(t->n_routers, 1);
    assert_int_equal(t->mtu, lab_interface(out)->mtu);
    assert_int_equal(t->has_read_ports, 0);
    assert_int_equal(t->own.n, 1);
    assert_int_equal(t->own.places[0], note_route(dst));
    assert_int_equal(t->own.sum, walk_version(t->own.places[0]));
    // Not one of those that another flow's walk to the same next hop brings up to date.
    assert_int_equal(t->common.n, 1);
    assert_int_equal(t->common.places[0], route_place_of_all(lab_state()->routes));
    assert_int_equal(t->common.sum, walk_version(t->common.places[0]));
    assert_int_equal(t->shared.n, 1);
    assert_int_equal(t->shared.places[0], note_neighbor(out, next_hop));
    assert_int_equal(t->shared.sum, walk_version(t->shared.places[0]));
}

static void a_plain_way_is_noted(void **state)
{
    struct lab_spec spec;
    uint64_t next_hop;

    (void)state;
    walk_version_bump(note_route(FAR4));
    walk_version_bump(note_neighbor(1, "10.0.1.2"));
    walk_version_bump(route_place_of_all(lab_state()->routes));
    note_send(HOST4, FAR4);
    check_noted(FAR4, 1, "10.0.1.2");
    next_hop = lab_trace(0)->next_hop;
    note_send(HOST4, "192.0.3.1"); // the same one
    check_noted("192.0.3.1", 1, "10.0.1.2");
    assert_true(lab_trace(0)->next_hop == next_hop);
    note_send(HOST4, "10.0.1.2"); // itself
    check_noted("10.0.1.2", 1, "10.0.1.2");
    assert_true(lab_trace(0)->next_hop == next_hop);
    note_send(HOST4, "10.0.1.7");
    assert_true(lab_trace(0)->next_hop != next_hop);
    note_send(HOST4, "10.0.2.2");
    check_noted("10.0.2.2", 2, "10.0.2.2");
    assert_true(lab_trace(0)->next_hop != next_hop);
    note_send(HOST6, FAR6);
    check_noted(FAR6, 1, "fd00:1::2");
    next_hop = lab_trace(0)->next_hop;
    note_send(HOST6, "fd00:1::2");
    check_noted("fd00:1::2", 1, "fd00:1::2");
    assert_true(lab_trace(0)->next_hop == next_hop);
    note_send(HOST6, "fd00:1::7");
    assert_true(lab_trace(0)->next_hop != next_hop);
    note_send(HOST6, "fd00:2::2");
    check_noted("fd00:2::2", 2, "fd00:2::2");
    assert_true(lab_trace(0)->next_hop != next_hop);
    // Two ways that part before this router do not meet behind it.
    next_hop = lab_trace(0)->next_hop;
    lab_past.next_hop = 1;
    note_send(HOST6, "fd00:2::2");
    assert_true(lab_trace(0)->next_hop != next_hop);
    // With strict uRPF the route back to the source is asked for, too.
    note_spec(&spec);
    spec.interfaces[0].flags = API_INTERFACE_STRICT_URPF;
    lab_start(&spec);
    assert_int_equal(note_send(HOST4, FAR4), 1);
    assert_int_equal(lab_trace(0)->own.n, 2);
    assert_int_equal(lab_trace(0)->own.places[1], note_route(HOST4));
}

// Packets that output.c sees to: too large as they are, to an interface that clamps.
static void what_is_off_the_plain_way_is_noted(void **state)
{
    static struct frame f;
    struct lab_spec spec;

    (void)state;
    lab_ip(&f, 0, HOST4, FAR4);
    frame_tcp(&f, 1000, 80, 0x10, 0);
    frame_payload(&f, 20000);
    frame_end(&f);
    lab_port(1)->capability |= PORT_TX_CSUM | PORT_TX_TSO4;
    lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1360);
    check_noted(FAR4, 1, "10.0.1.2");
    note_spec(&spec);
    spec.interfaces[1].tcp_mss = 1300;
    lab_start(&spec);
    for (uint8_t flags = 0x10; flags <= 0x12; flags += 2) {
        lab_ip(&f, 0, HOST4, FAR4);
        frame_tcp(&f, 1000, 80, flags, 4);
        frame_end(&f);
        lab_receive(0, &f);
        assert_int_equal(lab_is_plain(0), flags == 0x10); // a SYN is looked into
    }
}

static void ports_choose_among_several(void **state)
{
    (void)state;
    assert_int_equal(note_send(HOST4, TWO4), 1);
    assert_int_equal(lab_trace(0)->has_read_ports, 1);
    assert_int_equal(note_send(HOST4, FAR4), 1);
    assert_int_equal(lab_trace(0)->has_read_ports, 0);
}

static void answers_and_errors_are_not_plain(void **state)
{
    static const char *const to[] = {
        "10.0.0.1",    // us: port unreachable
        "10.0.1.255",  // a broadcast
        "203.0.113.1", // blackhole
        "203.0.112.1", // unreachable
        "99.0.0.1",    // no route
        "10.0.3.1",    // us, by the twin
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(to); i++)
        assert_int_equal(note_send(HOST4, to[i]), 0);
    lab_ip(&f, 0, HOST4, "10.0.0.1"); // ping
    frame_icmp(&f, 8, 0);
    frame_end(&f);
    lab_receive(0, &f);
    assert_int_equal(lab_n_sent(0), 1);
    assert_int_equal(lab_is_plain(0), 0);
    lab_udp(&f, 3, "10.0.3.2", "10.0.3.1", 20);
    lab_receive(3, &f);
    assert_int_equal(lab_n_sent(LAB_TWIN), 1);
    assert_int_equal(lab_is_plain(0), 0);
    lab_udp(&f, 3, "10.0.3.1", "10.0.3.2", 20); // from the twin
    memcpy(f.bytes + 6, lab_interface(3)->mac, 6);
    lab_receive(LAB_TWIN, &f);
    assert_int_equal(lab_n_sent(3), 1);
    assert_int_equal(lab_is_plain(0), 0);
}

static void what_has_no_ttl_or_is_too_large_is_not_plain(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        const char *src = i < 3 ? HOST4 : HOST6, *dst = i < 3 ? FAR4 : FAR6;

        lab_ip(&f, 0, src, dst);
        if (i == 0) // TTL 1
            f.bytes[f.ip4_off + 8] = 1;
        if (i == 1) // don't fragment
            frame_put16(&f, f.ip4_off + 6, 0x4000);
        frame_udp(&f, 1000, 2000);
        frame_payload(&f, i == 0 ? 10 : 2000);
        frame_end(&f);
        lab_receive(0, &f);
        assert_int_equal(lab_n_sent_all(), i == 2 ? 2 : 1); // two fragments, else an error
        assert_int_equal(lab_is_plain(0), 0);
        lab_clear();
    }
}

// A packet that waits leaves its trace behind, even if it goes on before the burst is over.
static void what_waits_is_not_plain(void **state)
{
    struct walk_traces traces = {.n = 1};
    struct walk_context ctx = lab_context();
    struct router_scene s = lab_scene(&ctx);
    uint8_t address[16], mac[6] = {0x52, 0x54, 0, 0, 0, 9};
    const struct neighbor_news news = {.slot = lab_interface(1)->slot,
                                       .family = lab_parse("10.0.1.9", address),
                                       .is_solicited = 1,
                                       .address = address,
                                       .mac = mac};

    (void)state;
    assert_int_equal(note_send(HOST4, "10.0.1.9"), 0);
    assert_int_equal(lab_counters()->held, 1);
    traces.t[0] = *lab_trace(0);
    traces.t[0].n_hops = 1; // a switch has sent it to the router
    ctx.traces = &traces;
    neighbor_learn(&s, &news);
    lab_flush();
    assert_int_equal(lab_n_sent(1), 1);
    assert_int_equal(traces.t[0].is_done, 0);
    lab_clear();
    assert_int_equal(note_send(HOST4, "10.0.1.9"), 1);
}

static uint64_t fingerprint_of(const struct lab_spec *spec)
{
    lab_start(spec);
    return lab_function()->ops->fingerprint(lab_function());
}

static void what_is_configured_has_a_fingerprint(void **state)
{
    struct lab_spec spec;
    uint64_t before, after;

    (void)state;
    note_spec(&spec);
    before = fingerprint_of(&spec);
    lab_route(&spec, "55.0.0.0", 8, 1, "10.0.1.2");
    lab_neighbor(&spec, 1, "10.0.1.77", "52:54:00:00:00:77");
    assert_int_equal(fingerprint_of(&spec), before); // these have numbers of their own
    for (unsigned i = 0; i < 8; i++) {
        note_spec(&spec);
        spec.interfaces[1].mtu = i == 0 ? 1499 : 1500;
        spec.interfaces[1].tcp_mss = i == 1 ? 1400 : 0;
        spec.interfaces[1].flags = i == 2 ? API_INTERFACE_STRICT_URPF : 0;
        spec.interfaces[2].mac[4] = i == 3;
        if (i == 4)
            lab_address(&spec, 2, "10.9.9.1", 24);
        if (i == 5)
            spec.addresses[0].prefix_len++;
        if (i == 6)
            spec.interfaces[3].kernel_port = API_NONE;
        if (i == 7)
            snprintf(spec.interfaces[3].name, sizeof(spec.interfaces[3].name), "other");
        after = fingerprint_of(&spec);
        if (after == before)
            fail_msg("change %u is not seen", i);
        note_spec(&spec);
        // Its number among the interfaces may be another after the last one.
        assert_true(fingerprint_of(&spec) == before || i == 7);
    }
    // Another router of the same name has other routes and neighbours at the same places.
    for (unsigned i = 0; i < 4; i++) {
        before = fingerprint_of(&spec);
        lab_stop();
        assert_int_not_equal(fingerprint_of(&spec), before);
    }
}

static void flows_are_counted(void **state)
{
    const struct api_show_router show = {.tenant = "blue", .name = "gw"};
    struct api_router_state answer;
    struct function_request r = {.generation = generation_current(),
                                 .type = API_SHOW_ROUTER,
                                 .items = &show,
                                 .n_items = 1,
                                 .answer = &answer,
                                 .answer_size = sizeof(answer)};
    struct error e;

    (void)state;
    note_send(HOST4, FAR4);
    lab_function()->ops->count(lab_function(), 0, 2, 41);
    lab_function()->ops->count(lab_function(), 2, 0, 100);
    assert_int_equal(lab_function()->ops->request(lab_function(), &r, &e), 0);
    assert_int_equal(answer.received, 142);
    assert_int_equal(answer.forwarded, 142);
    assert_int_equal(answer.dropped, 0);
    assert_int_equal(lab_counters()->received, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, note_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_plain_way_is_noted),
        TEST(what_is_off_the_plain_way_is_noted),
        TEST(ports_choose_among_several),
        TEST(answers_and_errors_are_not_plain),
        TEST(what_has_no_ttl_or_is_too_large_is_not_plain),
        TEST(what_waits_is_not_plain),
        TEST(what_is_configured_has_a_fingerprint),
        TEST(flows_are_counted),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
