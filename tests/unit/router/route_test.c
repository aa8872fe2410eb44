// SPDX-License-Identifier: BSD-3-Clause
// Where do destinations lead: interfaces' own routes, preferences, next hops by weight, links that
// go down, and a commit that must not be noticed by a worker that looks up all the while. What the
// table holds after any sequence of changes, route_model_test.c plays.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include "dataplane/core/qsbr.h"
#include "tests/unit/router/lab.h"
#include "tests/unit/router/route_lab.h"
#include "vnf/router/route_table.h"

static void addresses_bring_routes(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_spec_init(&spec);
    lab_address(&spec, 2, "192.0.2.0", 31);
    lab_address(&spec, 2, "192.0.2.9", 32);
    lab_address(&spec, 3, "192.0.2.20", 30 - 1);
    lab_address(&spec, 3, "fd0f::9", 128);
    lab_start(&spec);
    assert_int_equal(route_lab_type("10.0.1.1"), API_ROUTE_LOCAL);
    assert_int_equal(route_lab_type("10.0.1.77"), API_ROUTE_CONNECTED);
    assert_int_equal(route_lab_way("10.0.1.77", 5), 1);
    assert_int_equal(route_lab_way("10.0.1.1", 5), 1); // whose address it is
    assert_int_equal(route_lab_type("10.0.1.0"), API_ROUTE_BROADCAST);
    assert_int_equal(route_lab_type("10.0.1.255"), API_ROUTE_BROADCAST);
    assert_int_equal(route_lab_type("10.0.4.1"), 0);
    assert_int_equal(route_lab_type("fd00:1::1"), API_ROUTE_LOCAL);
    assert_int_equal(route_lab_type("fd00:1::"), API_ROUTE_CONNECTED);
    assert_int_equal(route_lab_type("fd00:1::ffff:ffff:ffff:ffff"), API_ROUTE_CONNECTED);
    assert_int_equal(route_lab_type("fd00:1:0:1::"), 0);
    // Two hosts on a link: no broadcast (RFC 3021). One: nobody but us.
    assert_int_equal(route_lab_type("192.0.2.0"), API_ROUTE_LOCAL);
    assert_int_equal(route_lab_type("192.0.2.1"), API_ROUTE_CONNECTED);
    assert_int_equal(route_lab_type("192.0.2.9"), API_ROUTE_LOCAL);
    assert_int_equal(route_lab_type("192.0.2.16"), API_ROUTE_BROADCAST);
    assert_int_equal(route_lab_type("192.0.2.23"), API_ROUTE_BROADCAST);
    assert_int_equal(route_lab_type("192.0.2.22"), API_ROUTE_CONNECTED);
    assert_int_equal(route_lab_type("fd0f::9"), API_ROUTE_LOCAL);
    assert_int_equal(route_count(lab_state(), 4), 4 + 2); // subnets only
    assert_int_equal(route_count(lab_state(), 6), 4);
    lab_stop();
}

static void lowest_preference_is_used(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    lab_route(&spec, "20.0.0.0", 8, 2, "10.0.2.2");
    spec.routes[0].preference = 5;
    spec.routes[1].preference = 9;
    lab_route(&spec, "10.0.1.0", 24, 2, "10.0.2.2"); // connected goes before
    lab_route(&spec, "10.0.0.0", 8, 3, "10.0.3.2");
    spec.router.dynamic_preference = 7;
    lab_start(&spec);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 1);
    route_lab_give(1, 0, "10.0.0.9");
    route_lab_route(1, "20.0.0.0", 8);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 1);
    route_lab_link(1, 0);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 0); // the daemon's
    assert_int_equal(route_lab_type("10.0.1.1"), API_ROUTE_LOCAL);
    assert_int_equal(route_lab_way("10.0.1.77", 0), 2); // the static one of the same prefix
    route_lab_link(0, 0);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 2);
    route_lab_link(2, 0);
    assert_int_equal(route_lab_type("20.1.1.1"), 0);
    assert_int_equal(route_lab_way("10.0.1.77", 0), 3); // a shorter one
    route_lab_link(1, 1);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 1);
    assert_int_equal(route_lab_type("10.0.1.77"), API_ROUTE_CONNECTED);
    spec.router.dynamic_preference = 1;
    route_lab_link(0, 1);
    lab_start(&spec);
    assert_int_equal(route_lab_way("20.1.1.1", 0), 0);
    assert_int_equal(route_lab_lookup("20.1.1.1")->preference, 1);
    lab_stop();
}

// Which path each bucket has.
static void read_buckets(const char *address, uint8_t *buckets)
{
    const struct route_group *group = route_lab_lookup(address);

    assert_non_null(group);
    for (uint32_t hash = 0; hash < ROUTE_N_BUCKETS; hash++)
        buckets[hash] = (uint8_t)(route_path(group, hash) - group->paths);
}

static unsigned n_of(const uint8_t *buckets, uint8_t path)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++)
        n += buckets[i] == path;
    return n;
}

static void start_weighted(void)
{
    struct lab_spec spec;
    uint32_t group;

    lab_spec_init(&spec);
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_next_hop(&spec, group, 0, "10.0.0.2", 3);
    lab_next_hop(&spec, group, 1, "10.0.1.2", 2);
    lab_next_hop(&spec, group, 2, "10.0.2.2", 1);
    lab_next_hop(&spec, group, 3, "10.0.3.2", 1);
    lab_route_to(&spec, "20.0.0.0", 8, group);
    lab_start(&spec);
}

static void flows_are_shared_by_weight(void **state)
{
    uint8_t buckets[ROUTE_N_BUCKETS];

    (void)state;
    start_weighted();
    read_buckets("20.1.1.1", buckets);
    // 256 * 3 / 7 = 109.7, 73.1, 36.57, 36.57: the largest remainder takes the last ones.
    assert_int_equal(n_of(buckets, 0), 110);
    assert_int_equal(n_of(buckets, 1), 73);
    assert_int_equal(n_of(buckets, 2), 37);
    assert_int_equal(n_of(buckets, 3), 36);
    lab_stop();
}

static void a_lost_link_moves_its_flows_only(void **state)
{
    uint8_t all[ROUTE_N_BUCKETS], one[ROUTE_N_BUCKETS], two[ROUTE_N_BUCKETS], now[ROUTE_N_BUCKETS];

    (void)state;
    start_weighted();
    read_buckets("20.1.1.1", all);
    route_lab_link(1, 0);
    read_buckets("20.1.1.1", one);
    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++)
        assert_true(all[i] == 1 ? one[i] != 1 : one[i] == all[i]);
    assert_in_range(n_of(one, 0), 110 + 43, 110 + 44); // 73 * 3 / 5
    assert_in_range(n_of(one, 2), 37 + 14, 37 + 15);
    route_lab_link(0, 0);
    read_buckets("20.1.1.1", two);
    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++)
        assert_true(one[i] == 0 ? two[i] >= 2 : two[i] == one[i]);
    // Back again: it gets what it had, and nobody else is moved.
    route_lab_link(1, 1);
    read_buckets("20.1.1.1", now);
    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++)
        assert_int_equal(now[i], all[i] == 1 ? 1 : two[i]);
    route_lab_link(0, 1);
    read_buckets("20.1.1.1", now);
    assert_memory_equal(now, all, sizeof(all));
    // All down: the route goes, and comes back as it was.
    for (unsigned port = 0; port < 4; port++)
        route_lab_link(port, 0);
    assert_int_equal(route_lab_type("20.1.1.1"), 0);
    route_lab_link(2, 1);
    read_buckets("20.1.1.1", now);
    assert_int_equal(n_of(now, 2), ROUTE_N_BUCKETS);
    lab_stop();
}

static void a_replaced_group_keeps_flows(void **state)
{
    struct api_dynamic_next_hop items[3] = {route_lab_hop(1, 0, "10.0.0.9"),
                                            route_lab_hop(1, 1, "10.0.1.9"),
                                            route_lab_hop(1, 2, "10.0.2.9")};
    uint8_t before[ROUTE_N_BUCKETS], after[ROUTE_N_BUCKETS];
    struct error e;
    unsigned n_moved = 0;

    (void)state;
    lab_start(NULL);
    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, items, 2, &e), 0);
    route_lab_route(1, "20.0.0.0", 8);
    read_buckets("20.1.1.1", before);
    assert_int_equal(n_of(before, 0), 128);
    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, items, 3, &e), 0);
    read_buckets("20.1.1.1", after);
    for (unsigned i = 0; i < ROUTE_N_BUCKETS; i++) {
        n_moved += before[i] != after[i];
        assert_true(before[i] == after[i] || after[i] == 2);
    }
    assert_int_equal(n_moved, 85);
    lab_stop();
}

static void a_commit_touches_what_differs(void **state)
{
    const struct route_group *kept, *moved;
    struct lab_spec spec;
    uint32_t n_live;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    lab_route(&spec, "30.0.0.0", 8, 2, "10.0.2.2");
    lab_route(&spec, "40.0.0.0", 8, 2, "10.0.2.2");
    lab_start(&spec);
    kept = route_lab_lookup("20.1.1.1");
    moved = route_lab_lookup("30.1.1.1");
    assert_ptr_equal(moved, route_lab_lookup("40.1.1.1")); // equal groups are one
    n_live = lab_state()->routes->n_live;
    spec.next_hops[1].address[3] = 7;
    lab_start(&spec);
    assert_ptr_equal(route_lab_lookup("20.1.1.1"), kept);
    assert_ptr_equal(route_lab_lookup("40.1.1.1"), moved);
    assert_ptr_not_equal(route_lab_lookup("30.1.1.1"), moved);
    assert_int_equal(route_lab_lookup("30.1.1.1")->paths[0].address[3], 7);
    spec.n_routes = 1;
    lab_start(&spec);
    assert_ptr_equal(route_lab_lookup("20.1.1.1"), kept);
    assert_int_equal(route_lab_type("30.1.1.1"), 0);
    assert_int_equal(lab_state()->routes->n_live, n_live - 1);
    assert_int_equal(route_count(lab_state(), 4), 5);
    lab_stop();
}

// A worker that looks up all the while. What it must never see: no route, or a group that is gone.
static struct {
    pthread_t thread;
    int is_over;
    uint64_t n_rounds, n_missed;
    uint16_t default_slot;
} reader;

static void *read_on(void *arg)
{
    const char *const texts[4] = {"20.1.1.1", "20.9.2.2", "30.1.1.1", "40.1.1.1"};
    uint32_t addresses[4];
    cpu_set_t cpus;

    (void)arg;
    memset(&cpus, 0xff, sizeof(cpus)); // not only the EAL's one of the main thread
    (void)pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
    for (unsigned i = 0; i < 4; i++)
        addresses[i] = inet_addr(texts[i]);
    qsbr_online(0);
    while (!__atomic_load_n(&reader.is_over, __ATOMIC_RELAXED)) {
        const struct route_group *groups[4];

        route_lookup4(lab_state(), addresses, groups, 4);
        for (unsigned i = 0; i < 4; i++) {
            const struct router_path *path = groups[i] != NULL ? route_path(groups[i], i) : NULL;

            // The default route is over if3: only the one whose link flaps may take it.
            if (path == NULL || groups[i]->type != API_ROUTE_UNICAST || path->address[0] != 10 ||
                (path->slot == reader.default_slot && i != 3))
                reader.n_missed++;
        }
        qsbr_quiescent(0);
        if (__atomic_add_fetch(&reader.n_rounds, 1, __ATOMIC_RELAXED) % 64 == 0)
            sched_yield(); // others have work on this CPU
    }
    qsbr_offline(0);
    return NULL;
}

static void wait_for_reader(void)
{
    uint64_t n = __atomic_load_n(&reader.n_rounds, __ATOMIC_RELAXED);

    while (__atomic_load_n(&reader.n_rounds, __ATOMIC_RELAXED) < n + 2)
        sched_yield();
}

// One round of changes under the reader: each of its destinations has a route throughout.
static void change_all(struct lab_spec *spec, unsigned round)
{
    struct api_route_change items[2] = {
        route_lab_change(1, "30.1.1.0", (uint8_t)(24 + round % 8)),
        route_lab_change(0, "30.1.1.0", (uint8_t)(24 + (round + 7) % 8))};
    struct error e;

    // A static route with another next hop; a shorter one instead of a longer one; many others,
    // so that it takes a while.
    spec->next_hops[0].address[3] = (uint8_t)(2 + round % 2);
    spec->routes[1].prefix_len = round % 2 ? 15 : 23;
    memcpy(spec->routes[1].address, round % 2 ? "\x14\x08\x00\x00" : "\x14\x09\x02\x00", 4);
    for (uint32_t i = 4; i < spec->n_routes; i++)
        spec->routes[i].address[1] = (uint8_t)(100 * (round % 2) + i);
    lab_start(spec);
    route_lab_give(1, 1 + round % 2, "10.0.1.9");
    assert_int_equal(route_lab_request(API_ROUTE_CHANGE, items, 2, &e), 0);
    route_lab_link(0, (int)(round % 2));
    wait_for_reader();
}

static void no_packet_misses_its_route(void **state)
{
    struct lab_spec spec;

    (void)state;
    assert_int_equal(qsbr_init(1), 0);
    lab_spec_init(&spec);
    lab_route(&spec, "20.1.1.0", 24, 1, "10.0.1.2");
    lab_route(&spec, "20.9.2.0", 23, 2, "10.0.2.2");
    lab_route(&spec, "0.0.0.0", 0, 3, "10.0.3.2");
    lab_route(&spec, "40.0.0.0", 8, 0, "10.0.0.2");
    for (unsigned i = 0; i < 50; i++)
        lab_route_to(&spec, "21.0.0.0", 16, 0);
    spec.next_hops[1].interface = 1;
    for (uint32_t i = 4; i < spec.n_routes; i++)
        spec.routes[i].address[1] = (uint8_t)i;
    lab_start(&spec);
    route_lab_give(1, 1, "10.0.1.9");
    route_lab_route(1, "30.1.1.0", 24 + 7);
    reader.default_slot = lab_interface(3)->slot;
    reader.n_missed = 0;
    reader.is_over = 0;
    assert_int_equal(pthread_create(&reader.thread, NULL, read_on, NULL), 0);
    for (unsigned round = 0; round < 100; round++)
        change_all(&spec, round);
    __atomic_store_n(&reader.is_over, 1, __ATOMIC_RELAXED);
    pthread_join(reader.thread, NULL);
    assert_int_equal(reader.n_missed, 0);
    lab_stop();
    qsbr_fini();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_bring_routes),
        cmocka_unit_test(lowest_preference_is_used),
        cmocka_unit_test(flows_are_shared_by_weight),
        cmocka_unit_test(a_lost_link_moves_its_flows_only),
        cmocka_unit_test(a_replaced_group_keeps_flows),
        cmocka_unit_test(a_commit_touches_what_differs),
        cmocka_unit_test(no_packet_misses_its_route),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
