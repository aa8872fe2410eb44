// SPDX-License-Identifier: BSD-3-Clause
// What daemons want routed: groups that are replaced for all their routes, epochs and sweeps,
// interfaces that go, what is refused and where a datagram stops, and how much a route costs. What
// the table holds after any sequence of changes, route_model_test.c plays.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include "tests/unit/router/lab.h"
#include "tests/unit/router/route_lab.h"
#include "vnf/router/route_table.h"

static void a_group_is_replaced_for_all_routes(void **state)
{
    (void)state;
    lab_start(NULL);
    route_lab_give(7, 1, "10.0.1.9");
    for (unsigned i = 0; i < 500; i++) {
        char text[32];

        snprintf(text, sizeof(text), "20.%u.%u.0", i / 250, i % 250);
        route_lab_route(7, text, 24);
    }
    assert_int_equal(route_lab_way("20.1.200.9", 0), 1);
    route_lab_give(7, 2, "10.0.2.9");
    assert_int_equal(route_lab_way("20.0.0.9", 0), 2);
    assert_int_equal(route_lab_way("20.1.200.9", 0), 2);
    // Over a link that is down it is as if they were not there.
    route_lab_link(3, 0);
    route_lab_give(7, 3, "10.0.3.9");
    assert_int_equal(route_lab_type("20.1.200.9"), 0);
    assert_int_equal(route_count(lab_state(), 4), 504);
    route_lab_link(3, 1);
    assert_int_equal(route_lab_way("20.1.200.9", 0), 3);
    lab_stop();
}

static void a_sweep_forgets_other_epochs(void **state)
{
    struct error e;
    struct api_route_change item;

    (void)state;
    route_lab_epoch = 1;
    lab_start(NULL);
    route_lab_give(1, 1, "10.0.1.9");
    route_lab_give(2, 2, "10.0.2.9");
    route_lab_give(9, 2, "10.0.2.99"); // nobody's
    route_lab_route(1, "20.0.0.0", 8);
    route_lab_route(2, "30.0.0.0", 8);
    route_lab_route(2, "2001:db8::", 32);
    route_lab_sweep(); // nothing is of another one
    assert_int_equal(route_lab_way("30.1.1.1", 0), 2);
    route_lab_epoch = 2;
    route_lab_give(2, 3, "10.0.3.9");
    route_lab_give(3, 0, "10.0.0.9");
    route_lab_route(1, "40.0.0.0", 8); // a group of the last epoch
    route_lab_route(3, "20.0.0.0", 8); // given anew, by another group
    route_lab_sweep();
    assert_int_equal(route_lab_way("20.1.1.1", 0), 0);
    assert_int_equal(route_lab_way("30.1.1.1", 0), 3);
    assert_int_equal(route_lab_way("2001:db8::1", 0), 3);
    assert_int_equal(route_lab_type("40.1.1.1"), 0);
    assert_int_equal(lab_state()->routes->n_dynamic_groups, 2);
    item = route_lab_change(1, "50.0.0.0", 8);
    assert_int_equal(route_lab_request(API_ROUTE_CHANGE, &item, 1, &e), -ENOENT);
    route_lab_epoch = 3;
    route_lab_sweep();
    assert_int_equal(route_lab_type("20.1.1.1"), 0);
    assert_int_equal(route_lab_type("2001:db8::1"), 0);
    assert_int_equal(lab_state()->routes->n_dynamic_groups, 0);
    assert_int_equal(route_count(lab_state(), 6), 4);
    route_lab_epoch = 1;
    lab_stop();
}

static void routes_go_with_their_interface(void **state)
{
    struct lab_spec spec;
    struct api_dynamic_next_hop items[2] = {route_lab_hop(2, 1, "10.0.1.9"),
                                            route_lab_hop(2, 3, "10.0.3.9")};
    struct error e;

    (void)state;
    lab_start(NULL);
    route_lab_give(1, 3, "10.0.3.9");
    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, items, 2, &e), 0);
    route_lab_route(1, "20.0.0.0", 8);
    route_lab_route(2, "30.0.0.0", 8);
    lab_spec_init(&spec);
    spec.n_interfaces = 3;
    spec.n_addresses -= 2;
    spec.n_neighbors -= 2;
    lab_start(&spec);
    assert_int_equal(route_lab_type("20.1.1.1"), 0);
    assert_int_equal(route_lab_type("10.0.3.1"), 0);
    assert_int_equal(route_lab_lookup("30.1.1.1")->n_paths, 1);
    assert_int_equal(route_lab_way("30.1.1.1", 77), 1);
    lab_start(NULL);
    assert_int_equal(route_lab_type("20.1.1.1"), 0); // not back with the interface
    assert_int_equal(route_lab_lookup("30.1.1.1")->n_paths, 1);
    lab_stop();
}

// Groups lose their link and find it again in one datagram; one walk at its end settles their
// routes, also if it ends in a refusal.
static void groups_turn_in_one_datagram(void **state)
{
    struct api_dynamic_next_hop items[4];
    struct error e;

    (void)state;
    lab_start(NULL);
    route_lab_give(1, 3, "10.0.3.9");
    route_lab_give(2, 3, "10.0.3.8");
    route_lab_route(1, "20.0.0.0", 8);
    route_lab_route(2, "30.0.0.0", 8);
    route_lab_link(1, 0);
    items[0] = route_lab_hop(1, 1, "10.0.1.9");
    items[1] = route_lab_hop(2, 1, "10.0.1.9");
    items[2] = route_lab_hop(1, 3, "10.0.3.9");
    items[3] = route_lab_hop(7, 99, "10.0.3.9");
    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, items, 4, &e), -EINVAL);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 3);
    assert_int_equal(route_lab_type("30.1.1.1"), 0);
    items[1] = route_lab_hop(2, 3, "10.0.3.8");
    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, items, 2, &e), 0);
    assert_int_equal(route_lab_type("20.1.1.1"), 0);
    assert_int_equal(route_lab_way("30.1.1.1", 0), 3);
    route_lab_link(1, 1);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 1);
    lab_stop();
}

static void expect_refusal(unsigned type, const void *items, uint32_t n, int code, uint32_t index,
                           const char *sentence)
{
    struct error e;

    assert_int_equal(route_lab_request(type, items, n, &e), code);
    assert_string_equal(e.sentence, sentence);
    assert_int_equal(e.index, index);
    assert_string_equal(e.path, "blue/gw");
}

static void bad_routes_are_refused(void **state)
{
    struct api_route_change items[3];

    (void)state;
    lab_start(NULL);
    route_lab_give(1, 1, "10.0.1.9");
    items[0] = route_lab_change(1, "20.0.0.0", 8);
    items[1] = route_lab_change(2, "30.0.0.0", 8);
    items[2] = route_lab_change(1, "40.0.0.0", 8);
    expect_refusal(API_ROUTE_CHANGE, items, 3, -ENOENT, 1, "its group of next hops was not given");
    assert_int_equal(route_lab_way("20.1.1.1", 0), 1); // those before it stay,
    assert_int_equal(route_lab_way("40.1.1.1", 0), 1); // and those behind it are carried out
    route_lab_route(0, "40.0.0.0", 8);
    static const char not_a_prefix[] =
        "not a prefix: other family, too long, or bits set beyond its length";
    items[0] = route_lab_change(1, "20.0.0.1", 8);
    expect_refusal(API_ROUTE_CHANGE, items, 1, -EINVAL, 0, not_a_prefix);
    items[0] = route_lab_change(1, "20.0.0.0", 33);
    expect_refusal(API_ROUTE_CHANGE, items, 1, -EINVAL, 0, not_a_prefix);
    items[0] = route_lab_change(1, "20.0.0.0", 8);
    items[0].family = 5;
    expect_refusal(API_ROUTE_CHANGE, items, 1, -EINVAL, 0, not_a_prefix);
    items[0] = route_lab_change(0, "99.0.0.0", 8); // was never there
    route_lab_route(0, "99.0.0.0", 8);
    lab_stop();
}

static void bad_groups_are_refused(void **state)
{
    struct api_dynamic_next_hop items[API_MAX_PATHS + 1];

    (void)state;
    lab_start(NULL);
    items[0] = route_lab_hop(1, 0, "10.0.0.9");
    items[1] = route_lab_hop(2, 4, "10.0.0.9");
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "the router has no interface of this number");
    route_lab_route(1, "20.0.0.0", 8);
    items[1] = route_lab_hop(2, 0, "10.0.0.9");
    items[1].weight = 0;
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "a next hop has a weight of 1 to 255");
    items[1] = route_lab_hop(2, 0, "224.0.0.9");
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "a next hop is not the address of a host");
    items[1] = route_lab_hop(2, 0, "10.0.0.9");
    items[1].address[9] = 1;
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "a next hop's address is neither IPv4 nor IPv6");
    items[1] = route_lab_hop(2, 0, "10.0.0.9");
    items[1].family = 0;
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1, "an address without a family");
    items[1] = route_lab_hop(2, 0, "10.0.0.9");
    items[1].type = API_ROUTE_BLACKHOLE;
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "only a unicast group has next hops");
    items[1] = (struct api_dynamic_next_hop){.group = 1, .type = API_ROUTE_BLACKHOLE};
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, 2, -EINVAL, 1,
                   "only a unicast group has next hops");
    for (unsigned i = 0; i <= API_MAX_PATHS; i++) {
        items[i] = route_lab_hop(1, 0, "10.0.0.9");
        items[i].address[3] = (uint8_t)(9 + i);
    }
    expect_refusal(API_DYNAMIC_NEXT_HOP, items, API_MAX_PATHS + 1, -EINVAL, 0,
                   "a group has more than 64 next hops");
    assert_int_equal(route_lab_lookup("20.1.1.1")->n_paths, 1); // as it was
    lab_stop();
}

static void limits_hold(void **state)
{
    struct lab_spec spec;
    struct api_route_change items[4] = {
        route_lab_change(1, "20.0.0.0", 8), route_lab_change(1, "30.0.0.0", 8),
        route_lab_change(1, "40.0.0.0", 8), route_lab_change(0, "20.0.0.0", 8)};
    struct api_dynamic_next_hop groups[20];

    (void)state;
    lab_spec_init(&spec);
    spec.router.route_limit = 6; // four are connected
    lab_start(&spec);
    route_lab_give(1, 1, "10.0.1.9");
    expect_refusal(API_ROUTE_CHANGE, items, 4, -ENOSPC, 2,
                   "the router has as many IPv4 routes as its route-limit allows");
    assert_int_equal(route_lab_type("20.1.1.1"), 0); // what is behind it was carried out
    route_lab_route(1, "2001:db8::", 32);            // of the other family
    route_lab_route(1, "30.0.0.0", 8);               // there already
    route_lab_route(1, "40.0.0.0", 8);
    assert_int_equal(route_lab_way("40.1.1.1", 0), 1);
    for (unsigned i = 0; i < 20; i++)
        groups[i] = route_lab_hop(2 + i, 0, "10.0.0.9");
    expect_refusal(API_DYNAMIC_NEXT_HOP, groups, 20, -ENOSPC, 11,
                   "more than two groups of next hops for each route of the route-limit");
    lab_stop();
}

#define N_MANY 200000

// As the kernel mirror sends them: full datagrams, few groups.
static void many_routes_are_small(void **state)
{
    static struct api_route_change items[2048];
    struct lab_spec spec;
    struct error e;
    size_t before;
    uint32_t n = 0;

    (void)state;
    lab_spec_init(&spec);
    spec.router.route_limit = 1000000;
    lab_start(&spec);
    before = route_memory(lab_state());
    for (uint32_t group = 1; group <= 16; group++)
        route_lab_give(group, group % 4, "10.0.0.9");
    for (uint32_t i = 0; i < N_MANY; i++) {
        uint32_t prefix = htonl(0x14000000 + (i * 7 % N_MANY << 8));

        items[n] = (struct api_route_change){1 + i % 16, 4, 24, {0}, {0}};
        memcpy(items[n++].address, &prefix, sizeof(prefix));
        if (n == 2048 || i + 1 == N_MANY) {
            assert_int_equal(route_lab_request(API_ROUTE_CHANGE, items, n, &e), 0);
            n = 0;
        }
    }
    assert_int_equal(route_count(lab_state(), 4), N_MANY + 4);
    assert_true(route_memory(lab_state()) - before < (size_t)100 * N_MANY);
    // All of them wait while a link is down, and come back.
    for (unsigned port = 0; port < 4; port++)
        route_lab_link(port, 0);
    assert_int_equal(route_lab_type("20.0.9.9"), 0);
    assert_true(route_memory(lab_state()) - before < (size_t)100 * N_MANY);
    for (unsigned port = 0; port < 4; port++)
        route_lab_link(port, 1);
    assert_int_equal(route_lab_type("20.0.9.9"), API_ROUTE_UNICAST);
    route_lab_epoch = 2;
    route_lab_sweep();
    route_lab_epoch = 1;
    assert_int_equal(route_count(lab_state(), 4), 4);
    route_reclaim();
    assert_true(route_memory(lab_state()) < before + 65536);
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_is_replaced_for_all_routes),
        cmocka_unit_test(a_sweep_forgets_other_epochs),
        cmocka_unit_test(routes_go_with_their_interface),
        cmocka_unit_test(groups_turn_in_one_datagram),
        cmocka_unit_test(bad_routes_are_refused),
        cmocka_unit_test(bad_groups_are_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(many_routes_are_small),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
