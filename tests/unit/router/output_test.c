// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOST4 "10.0.0.2"

static void start_ecmp(void)
{
    struct lab_spec spec;
    uint32_t group;

    lab_stop();
    lab_spec_init(&spec);
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_next_hop(&spec, group, 1, "10.0.1.2", 1);
    lab_next_hop(&spec, group, 2, "10.0.2.2", 3);
    lab_route_to(&spec, "0.0.0.0", 0, group);
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_next_hop(&spec, group, 1, "fd00:1::2", 1);
    lab_next_hop(&spec, group, 2, "fd00:2::2", 3);
    lab_route_to(&spec, "::", 0, group);
    lab_start(&spec);
}

// Sends it once and once more; returns by which port it left, always the same.
static unsigned way_of(const struct frame *f)
{
    unsigned port;

    lab_receive(0, f);
    port = lab_n_sent(1) != 0 ? 1 : 2;
    lab_receive(0, f);
    assert_int_equal(lab_n_sent(port), 2);
    lab_clear();
    return port;
}

// What makes the flows differ: a source port, a destination port, a destination, or all of it.
static void make_flow(struct frame *f, unsigned kind, int is_ip6, unsigned i)
{
    char address[64];

    if (is_ip6)
        snprintf(address, sizeof(address), "2001:db8::%x", kind == 2 ? i + 1 : 1);
    else
        snprintf(address, sizeof(address), "192.0.%u.%u", kind == 2 ? 2 + i / 200 : 2,
                 kind == 2 ? 1 + i % 200 : 1);
    lab_udp(f, 0, is_ip6 ? "fd00:0::2" : HOST4, address, 8);
    if (kind == 0)
        frame_put16(f, f->l4_off, (uint16_t)(1000 + i));
    if (kind == 1)
        frame_put16(f, f->l4_off + 2, (uint16_t)(1000 + i));
}

// Shares by weight, whatever the seed, and the same path for all packets of a flow.
static void flows_are_spread_by_weight(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned round = 0; round < 30; round++) { // each with a seed of its own
        unsigned n_first = 0;

        start_ecmp();
        for (unsigned i = 0; i < 800; i++) {
            make_flow(&f, round % 3, round & 1, i);
            n_first += way_of(&f) == 1;
        }
        assert_in_range(n_first, 80, 320); // a quarter; half would be 400
    }
}

// Fragments are hashed without ports, which later ones don't have.
static void fragments_stay_together(void **state)
{
    static struct frame f;

    (void)state;
    start_ecmp();
    for (unsigned i = 0; i < 100; i++) {
        lab_ip(&f, 0, HOST4, "192.0.2.1");
        frame_put16(&f, f.ip4_off + 4, (uint16_t)i);
        frame_ip4_fragment(&f, i < 99 ? 0 : 1480, 1);
        frame_udp(&f, (uint16_t)(1000 + i), 2000);
        frame_payload(&f, 32);
        frame_end(&f);
        lab_receive(0, &f);
    }
    assert_true(lab_n_sent(1) == 100 || lab_n_sent(2) == 100);
}

// Who is not known is asked for; the packet waits with its header done.
static void a_packet_waits_for_its_neighbour(void **state)
{
    static struct frame f, reply;

    (void)state;
    lab_udp(&f, 0, HOST4, "10.0.1.9", 20);
    lab_receive(0, &f);
    assert_int_equal(lab_counters()->held, 1);
    assert_int_equal(lab_counters()->forwarded, 0);
    assert_int_equal(lab_n_sent(1), 1); // the question
    frame_ether(&reply, "02:00:00:00:00:01", "52:54:00:00:00:01");
    frame_arp(&reply, 2, "52:54:00:00:00:01", "10.0.1.9", "02:00:00:00:00:01", "10.0.1.1");
    lab_clear();
    lab_receive(1, &reply);
    lab_sent_on(&f, 1);
    lab_expect(1, 0, &f);
    assert_int_equal(lab_counters()->forwarded, 1);
    assert_int_equal(lab_counters()->dropped, 0);
}

// One that is larger than the MTU is cut when it goes on.
static void a_large_packet_waits_whole(void **state)
{
    static struct frame f, reply;

    (void)state;
    lab_udp(&f, 0, HOST4, "10.0.1.9", 3000);
    lab_receive(0, &f);
    assert_int_equal(lab_counters()->held, 1);
    frame_ether(&reply, "02:00:00:00:00:01", "52:54:00:00:00:01");
    frame_arp(&reply, 2, "52:54:00:00:00:01", "10.0.1.9", "02:00:00:00:00:01", "10.0.1.1");
    lab_clear();
    lab_receive(1, &reply);
    assert_int_equal(lab_n_sent(1), 3);
    lab_expect_sound(1);
    assert_int_equal(lab_counters()->fragmented, 1);
    assert_int_equal(lab_counters()->forwarded, 1);
}

// A commit lowers the MTU under what waits: what may not be cut goes no further.
static void the_mtu_becomes_smaller_meanwhile(void **state)
{
    static struct frame f;
    struct lab_spec spec;

    (void)state;
    lab_udp(&f, 0, "fd00:0::2", "fd00:1::9", 1400);
    lab_receive(0, &f);
    lab_ip(&f, 0, HOST4, "10.0.1.9");
    frame_put16(&f, f.ip4_off + 6, 0x4000);
    frame_udp(&f, 1000, 2000);
    frame_payload(&f, 1400);
    frame_end(&f);
    lab_receive(0, &f);
    assert_int_equal(lab_counters()->held, 2);
    lab_clear();
    lab_spec_init(&spec);
    spec.interfaces[1].mtu = 1280;
    lab_neighbor(&spec, 1, "fd00:1::9", "52:54:00:00:00:09");
    lab_neighbor(&spec, 1, "10.0.1.9", "52:54:00:00:00:09");
    lab_start(&spec);
    lab_pass_ms(200);
    assert_int_equal(lab_drops(0, DROP_ROUTER_TOO_BIG), 2);
    assert_int_equal(lab_counters()->dropped, 2);
    assert_int_equal(lab_counters()->forwarded, 0);
    assert_int_equal(lab_counters()->fragmented, 0);
}

static void who_does_not_answer_is_unreachable(void **state)
{
    static struct frame f;
    uint32_t len;
    const uint8_t *bytes;

    (void)state;
    lab_pass_ms(10000); // own addresses are announced
    lab_udp(&f, 0, HOST4, "10.0.1.9", 20);
    lab_receive(0, &f);
    lab_clear();
    lab_pass_ms(10000);
    assert_int_equal(lab_n_sent(0), 1);
    lab_expect_sound(0);
    bytes = lab_sent_bytes(0, 0, &len);
    assert_int_equal(bytes[34], 3);
    assert_int_equal(bytes[35], 1);
    assert_int_equal(lab_drops(0, DROP_NEIGHBOR_UNRESOLVED), 1);
    assert_int_equal(lab_counters()->dropped, 1);
    assert_int_equal(lab_counters()->forwarded, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flows_are_spread_by_weight, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(fragments_stay_together, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_packet_waits_for_its_neighbour, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_large_packet_waits_whole, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(the_mtu_becomes_smaller_meanwhile, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(who_does_not_answer_is_unreachable, lab_setup,
                                        lab_teardown),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
