// SPDX-License-Identifier: BSD-3-Clause
// Who keeps a packet's way is told when it is another: routes, groups, links, neighbours; and is
// not told of what does not concern it. The models (route_model_test.c, neighbor_model_test.c) play
// all changes at random.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/router/note_lab.h"
#include "vnf/router/neighbor.h"

// What was noted of one packet, and whether it still is so.
struct noted {
    struct trace_depends own, shared, common;
};

static uint32_t sum_of(const struct trace_depends *d)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < d->n; i++)
        sum += walk_version(d->places[i]);
    return sum;
}

static int has_own_changed(const struct noted *n)
{
    return sum_of(&n->own) != n->own.sum;
}

static int has_shared_changed(const struct noted *n)
{
    return sum_of(&n->shared) != n->shared.sum || sum_of(&n->common) != n->common.sum;
}

static struct noted note(const char *src, const char *dst)
{
    struct noted n;

    assert_int_equal(note_send(src, dst), 1);
    n.own = lab_trace(0)->own;
    n.shared = lab_trace(0)->shared;
    n.common = lab_trace(0)->common;
    assert_false(has_own_changed(&n) || has_shared_changed(&n));
    return n;
}

static int is_noted(const struct noted *n, uint16_t place)
{
    for (unsigned i = 0; i < n->own.n; i++)
        if (n->own.places[i] == place)
            return 1;
    for (unsigned i = 0; i < n->shared.n; i++)
        if (n->shared.places[i] == place)
            return 1;
    for (unsigned i = 0; i < n->common.n; i++)
        if (n->common.places[i] == place)
            return 1;
    return 0;
}

static void delete_route(const char *prefix, uint8_t len)
{
    route_lab_route(0, prefix, len);
}

// Give a route and take it back: both concern who is under it, by its own number or by that of all.
static void check_route(const char *prefix, uint8_t len, int is_own)
{
    int is_ip4 = strchr(prefix, ':') == NULL;
    const char *src = is_ip4 ? HOST4 : HOST6, *dst = is_ip4 ? FAR4 : FAR6;
    int has_many = is_own && len < (is_ip4 ? ROUTE_PLACE_BITS4 : ROUTE_PLACE_BITS6);
    struct noted n = note(src, dst);

    route_lab_give(7, 2, is_ip4 ? "10.0.2.2" : "fd00:2::2");
    route_lab_route(7, prefix, len);
    assert_int_equal(has_own_changed(&n), is_own);
    assert_true(has_many || has_shared_changed(&n) == !is_own);
    n = note(src, dst);
    delete_route(prefix, len);
    assert_int_equal(has_own_changed(&n), is_own);
    assert_true(has_many || has_shared_changed(&n) == !is_own);
    n = note(src, dst);
    route_lab_give(7, 2, is_ip4 ? "10.0.2.3" : "fd00:2::3"); // nobody's
    assert_false(has_own_changed(&n) || has_shared_changed(&n));
}

static void a_route_is_told_to_those_under_it(void **state)
{
    static const struct {
        const char *prefix;
        uint8_t len;
        int is_own;
    } cases[] = {
        {"192.0.2.77", 32, 1}, {"192.0.2.64", 26, 1}, {"192.0.0.0", 17, 1},
        {"192.0.0.0", 16, 1},  {"192.0.0.0", 15, 1},  {"192.0.0.0", 8, 1},
        {"192.0.0.0", 7, 0},   {"0.0.0.0", 0, 0},     {"2001:db8:1::77", 128, 1},
        {"2001:db8::", 33, 1}, {"2001:db8::", 32, 1}, {"2001:db8::", 31, 1},
        {"2001:d00::", 24, 1}, {"2001:c00::", 23, 0}, {"::", 0, 0},
    };

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++)
        check_route(cases[i].prefix, cases[i].len, cases[i].is_own);
}

// A thousand routes come and go, and flows under others are not told.
static void a_flapping_route_is_told_to_nobody_else(void **state)
{
    struct noted n4 = note(HOST4, FAR4), n6 = note(HOST6, FAR6);

    (void)state;
    route_lab_give(7, 2, "10.0.2.2");
    for (unsigned i = 0; i < 1000; i++) {
        char prefix[64];

        snprintf(prefix, sizeof(prefix), i % 2 ? "20.%u.0.0" : "2001:%x::", i / 2 % 250);
        if (is_noted(&n4, note_route(prefix)) || is_noted(&n6, note_route(prefix)))
            continue;
        route_lab_route(7, prefix, i % 2 ? 16 : 32);
        delete_route(prefix, i % 2 ? 16 : 32);
    }
    assert_false(has_own_changed(&n4) || has_shared_changed(&n4));
    assert_false(has_own_changed(&n6) || has_shared_changed(&n6));
}

static void a_group_in_use_is_told_to_all(void **state)
{
    struct noted n;

    (void)state;
    route_lab_give(7, 1, "10.0.1.2");
    route_lab_route(7, "192.0.2.0", 26);
    delete_route("192.0.2.0", 26);
    route_lab_route(7, "192.0.2.64", 26);
    n = note(HOST4, FAR4);
    route_lab_give(7, 1, "10.0.1.2"); // the same
    assert_false(has_shared_changed(&n));
    route_lab_give(7, 2, "10.0.2.2");
    assert_true(has_shared_changed(&n));
    assert_int_equal(route_lab_way(FAR4, 0), 2);
}

static void a_link_is_told_to_who_goes_there(void **state)
{
    struct noted n, two;

    (void)state;
    lab_start(NULL); // 10.0.1.0/24 is all
    n = note(HOST4, "10.0.1.2");
    route_lab_link(2, 0);
    if (!is_noted(&n, note_route("10.0.2.0")))
        assert_false(has_own_changed(&n));
    assert_false(has_shared_changed(&n));
    route_lab_link(1, 0);
    assert_true(has_own_changed(&n));
    route_lab_link(1, 1);
    route_lab_link(2, 1);
    // One of two paths: flows are moved that no prefix stands for.
    (void)note_setup(NULL);
    two = note(HOST4, TWO4);
    route_lab_link(2, 0);
    assert_true(has_shared_changed(&two));
    two = note(HOST4, TWO4);
    route_lab_link(2, 1);
    assert_true(has_shared_changed(&two));
    two = note(HOST4, TWO4);
    route_lab_link(3, 0);
    assert_false(has_shared_changed(&two));
}

static void hear(const char *mac, uint16_t operation)
{
    static struct frame f;

    frame_ether(&f, "02:00:00:00:00:01", mac);
    frame_arp(&f, operation, mac, "10.0.1.9", "02:00:00:00:00:01", "10.0.1.1");
    lab_receive(1, &f);
    lab_clear();
}

static void a_neighbour_is_told(void **state)
{
    struct noted n, other;

    (void)state;
    other = note(HOST4, FAR4);
    note_send(HOST4, "10.0.1.9");
    hear("52:54:00:00:00:99", 2);
    n = note(HOST4, "10.0.1.9");
    hear("52:54:00:00:00:99", 1); // nothing new
    hear("52:54:00:00:00:99", 2); // nor this
    assert_false(has_shared_changed(&n));
    hear("52:54:00:00:00:98", 1);
    assert_true(has_shared_changed(&n));
    assert_false(has_own_changed(&n));
    // Unconfirmed: the first packet begins the probing, the next one's way may be kept.
    assert_int_equal(note_send(HOST4, "10.0.1.9"), 1);
    n.shared = lab_trace(0)->shared;
    n.common = lab_trace(0)->common;
    assert_true(has_shared_changed(&n));
    n = note(HOST4, "10.0.1.9");
    if (!is_noted(&other, note_neighbor(1, "10.0.1.9")))
        assert_false(has_shared_changed(&other));
    // Nobody answers the probes.
    lab_pass_ms(12000);
    assert_true(has_shared_changed(&n));
    lab_clear();
    note_send(HOST4, "10.0.1.9");
    hear("52:54:00:00:00:99", 2);
    n = note(HOST4, "10.0.1.9");
    route_lab_link(1, 0);
    assert_true(has_shared_changed(&n));
}

// A confirmed neighbour has to be probed one day, however many packets go by flows.
static void a_confirmation_runs_out(void **state)
{
    struct noted n;

    (void)state;
    note_send(HOST4, "10.0.1.9");
    hear("52:54:00:00:00:99", 2);
    n = note(HOST4, "10.0.1.9");
    lab_pass_ms(1000);
    assert_false(has_shared_changed(&n));
    lab_pass_ms(46000);
    assert_true(has_shared_changed(&n));
    lab_clear();
    (void)note_send(HOST4, "10.0.1.9");
    n = note(HOST4, "10.0.1.9");
    lab_pass_ms(5500); // RFC 4861, 7.3.3: five seconds later
    assert_int_equal(lab_n_sent(1), 1);
}

// Whoever can't begin the probing leaves it to the next packet, so there must be one.
static void a_probe_that_could_not_begin_is_told(void **state)
{
    struct neighbor_table *t = lab_state()->neighbors;
    struct noted n;

    (void)state;
    note_send(HOST4, "10.0.1.9");
    hear("52:54:00:00:00:99", 2);
    lab_pass_ms(46000);
    t->lock = 1;
    (void)note_send(HOST4, "10.0.1.9");
    t->lock = 0;
    n.shared = lab_trace(0)->shared;
    n.common = lab_trace(0)->common;
    assert_true(has_shared_changed(&n));
    (void)note_send(HOST4, "10.0.1.9");
    n = note(HOST4, "10.0.1.9");
}

static void a_static_neighbour_is_told(void **state)
{
    struct lab_spec spec;
    struct noted n = note(HOST4, FAR4);

    (void)state;
    note_spec(&spec);
    lab_start(&spec);
    assert_false(has_own_changed(&n) || has_shared_changed(&n));
    for (uint32_t i = 0; i < spec.n_neighbors; i++)
        if (spec.neighbors[i].owner == 1)
            spec.neighbors[i].mac[4] = 7;
    lab_start(&spec);
    assert_true(has_shared_changed(&n));
    n = note(HOST4, FAR4);
    spec.n_neighbors = 0;
    lab_start(&spec);
    assert_true(has_shared_changed(&n));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, note_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_route_is_told_to_those_under_it),
        TEST(a_flapping_route_is_told_to_nobody_else),
        TEST(a_group_in_use_is_told_to_all),
        TEST(a_link_is_told_to_who_goes_there),
        TEST(a_neighbour_is_told),
        TEST(a_confirmation_runs_out),
        TEST(a_probe_that_could_not_begin_is_told),
        TEST(a_static_neighbour_is_told),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
