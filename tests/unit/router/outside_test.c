// SPDX-License-Identifier: BSD-3-Clause
// Does the router give outside addresses of a NAT to the chain they belong to, take what comes
// back, and answer ARP for those of its subnet only?

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rte_byteorder.h>

#include "tests/unit/router/lab.h"
#include "vnf/router/outside.h"

static uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};

// 10.0.1.1, the address of if1, is one of a NAT on its chain.
static int natted(void **state)
{
    struct router_interface *interface;

    (void)state;
    lab_start(NULL);
    interface = (struct router_interface *)(uintptr_t)lab_interface(1);
    interface->outside = malloc(sizeof(*interface->outside));
    assert_non_null(interface->outside);
    interface->outside[0] = (struct router_range){0x0a000101, 0x0a000101};
    interface->n_outside = 1;
    return 0;
}

static void goes_to_the_chain(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 0, "10.0.0.9", "10.0.1.1", 20);
    lab_receive(0, &f);
    lab_sent_on(&f, 1);
    memcpy(f.bytes, own_mac, sizeof(own_mac));
    lab_expect(1, 0, &f);
    assert_int_equal(lab_n_sent_all(), 1);
    assert_int_equal(lab_is_plain(0), 1);
    assert_int_equal(lab_trace(0)->n_routers, 1);
    assert_int_equal(lab_trace(0)->shared.n, 0); // no neighbour
    assert_int_equal(lab_trace(0)->common.n, 1);
}

static void comes_back_as_ours(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 1, "10.0.0.2", "10.0.1.1", 20);
    lab_receive(1, &f);
    assert_int_equal(lab_n_sent(1), 0);
    assert_int_equal(lab_n_sent(0), 1); // port unreachable, to who asked
    lab_expect_sound(0);
    assert_int_equal(lab_is_plain(0), 0);
}

// A hairpin: who is behind us is seen with our address.
static void own_source_comes_in(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 1, "10.0.1.1", "10.0.0.2", 20);
    lab_receive(1, &f);
    lab_sent_on(&f, 0);
    lab_expect(0, 0, &f);
}

static void own_source_elsewhere_does_not(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 2, "10.0.1.1", "10.0.0.2", 20);
    lab_receive(2, &f);
    lab_expect_drop(2, DROP_ROUTER_BAD_SOURCE);
}

static void collects_what_a_chain_has(void **state)
{
    const struct api_nat nats[2] = {{.name = "other"}, {.name = "nat"}};
    const struct api_nat_source source = {.owner = 1, .seq = 1};
    const struct api_nat_pool pool = {
        .owner = 0, .first = {198, 51, 100, 3}, .last = {198, 51, 100, 9}};
    const struct api_nat_static rule = {
        .owner = 1, .prefix_len = 30, .outside = {198, 51, 100, 12}};
    const struct api_nat_forward forwards[2] = {{.owner = 0, .address = {198, 51, 100, 99}},
                                                {.owner = 1, .address = {198, 51, 100, 10}}};
    const struct api_chain chains[2] = {
        {.inside = {.kind = API_END_PORT, .index = 5}},
        {.inside = {.kind = API_END_INTERFACE, .index = 5}},
    };
    const struct api_chain_function functions[2] = {
        {.owner = 0, .kind = API_FUNCTION_NAT, .index = 0},
        {.owner = 1, .kind = API_FUNCTION_NAT, .index = 1},
    };
    struct router_address subnet = {4, 29, {198, 51, 100, 1}};
    struct router_interface interface = {.addresses = &subnet, .n_addresses = 1};
    struct model model;

    (void)state;
    model_init(&model);
    assert_int_equal(model_add(&model, API_NAT, nats, 2), 0);
    assert_int_equal(model_add(&model, API_NAT_SOURCE, &source, 1), 0);
    assert_int_equal(model_add(&model, API_NAT_POOL, &pool, 1), 0);
    assert_int_equal(model_add(&model, API_NAT_STATIC, &rule, 1), 0);
    assert_int_equal(model_add(&model, API_NAT_FORWARD, forwards, 2), 0);
    assert_int_equal(model_add(&model, API_CHAIN, chains, 2), 0);
    assert_int_equal(model_add(&model, API_CHAIN_FUNCTION, functions, 2), 0);
    assert_int_equal(router_outside_collect(&model, 5, &interface), 0);
    assert_int_equal(interface.n_outside, 2);
    assert_int_equal(interface.outside[0].first, 0xc6336403);
    assert_int_equal(interface.outside[0].last, 0xc633640a);
    assert_int_equal(interface.outside[1].first, 0xc633640c);
    assert_int_equal(interface.outside[1].last, 0xc633640f);
    assert_true(router_claims(&interface, (const uint8_t[]){198, 51, 100, 1}));
    assert_true(router_claims(&interface, (const uint8_t[]){198, 51, 100, 3}));
    assert_false(router_claims(&interface, (const uint8_t[]){198, 51, 100, 2}));
    assert_false(router_claims(&interface, (const uint8_t[]){198, 51, 100, 9})); // not of the link
    assert_true(router_is_outside(&interface, (const uint8_t[]){198, 51, 100, 9}));
    assert_false(router_is_outside(&interface, (const uint8_t[]){198, 51, 100, 11}));
    free(interface.outside);
    model_fini(&model);
}

static void prefixes_make_up_a_range(void **state)
{
    const struct router_range range = {0xc6336403, 0xc6336410}, all = {0, UINT32_MAX};
    static const uint8_t lens[] = {32, 30, 29, 32};
    uint32_t at = range.first;

    (void)state;
    for (unsigned i = 0; i < sizeof(lens); i++) {
        assert_int_equal(router_outside_step(&range, at), lens[i]);
        at += UINT32_C(1) << (32 - lens[i]);
    }
    assert_int_equal(at, range.last + 1);
    assert_int_equal(router_outside_step(&all, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_to_the_chain, natted, lab_teardown),
        cmocka_unit_test_setup_teardown(comes_back_as_ours, natted, lab_teardown),
        cmocka_unit_test_setup_teardown(own_source_comes_in, natted, lab_teardown),
        cmocka_unit_test_setup_teardown(own_source_elsewhere_does_not, natted, lab_teardown),
        cmocka_unit_test(collects_what_a_chain_has),
        cmocka_unit_test(prefixes_make_up_a_range),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
