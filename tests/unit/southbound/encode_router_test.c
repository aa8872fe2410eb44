// SPDX-License-Identifier: BSD-3-Clause
// Does the dataplane get the routers and chains that the user wrote? Texts go through the real
// schema and come out as datagrams, each checked against the table of the border. Also: that 100k
// routes over two next hops are two groups and take less than a few seconds, schema and all.
// Refusals are the datastore's, in tests/unit/control/.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/southbound/encode_lab.h"

// Two routers of two tenants, so that owners are seen to move on.
static const char sample[] =
    "tenants:\n"
    "- name: provider\n"
    "  ports: [{name: up, type: vhost-user, shared: true}]\n"
    "  switches: [{name: core}, {name: edge, shared: true}]\n"
    "  routers:\n"
    "  - {name: pe, interfaces: [{name: a, kernel: true}], routes: [\n"
    "     {prefix: 0.0.0.0/0, outgoing-interface: a}]}\n"
    "- name: blue\n"
    "  ports: [{name: vm1, type: vhost-user}, {name: t, type: tap, interface: t0,\n"
    "           network-namespace: n.1}]\n"
    "  switches: [{name: lan}]\n"
    "  routers:\n"
    "  - name: gw\n"
    "    neighbor-limit: 5\n"
    "    route-limit: 16\n"
    "    kernel-preference: 7\n"
    "    interfaces:\n"
    "    - {name: lan, addresses: [10.0.0.1/24, \"FD00::1/64\"], mtu: 9000, tcp-mss: 1400,\n"
    "       source-check: strict, neighbors: [{address: \"fd00::9\",\n"
    "       mac-address: \"02:00:00:00:00:09\"}]}\n"
    "    - {name: wan, addresses: [192.0.2.2/31], mac-address: \"02:AB:00:00:00:01\", mtu: 1400,\n"
    "       kernel: true, network-namespace: frr, kernel-interface: wan0,\n"
    "       neighbors: [{address: 192.0.2.3, mac-address: \"02:00:00:00:00:0a\"}]}\n"
    "    routes:\n"
    "    - {prefix: 0.0.0.0/0, next-hop: 192.0.2.3}\n"
    "    - {prefix: 10.1.0.0/16, next-hops: [{address: 192.0.2.3, weight: 3},\n"
    "       {address: 10.9.9.9, outgoing-interface: lan}]}\n"
    "    - {prefix: 10.2.0.0/16, next-hop: 192.0.2.3, preference: 200}\n"
    "    - {prefix: 10.3.0.0/16, type: blackhole}\n"
    "    - {prefix: \"fd01::/48\", next-hop: \"fe80::7\", outgoing-interface: wan}\n"
    "    - {prefix: \"fd02::/48\", type: unreachable}\n"
    "    - {prefix: 10.4.0.0/16, type: blackhole}\n"
    "    - {prefix: 10.5.0.0/16, next-hop: \"fe80::7\", outgoing-interface: wan}\n"
    "  chains:\n"
    "  - {name: inside, inside: lan, outside: gw.lan}\n"
    "  - {name: edge, inside: gw.wan, outside: provider/edge}\n"
    "  - {name: cable, inside: vm1.10.20, outside: provider/up.30}\n"
    "  - {name: plain, inside: blue/vm1, outside: blue/lan}\n";

static void test_routers(void **state)
{
    struct encoding *encoding = lab_encode(sample);
    const struct api_router *r = encoding_item(encoding, API_ROUTER, 0);

    (void)state;
    assert_int_equal(r[0].owner, 0);
    assert_string_equal(r[0].name, "pe");
    assert_int_equal(r[0].neighbor_limit, 4096);
    assert_int_equal(r[0].route_limit, 2000000);
    assert_int_equal(r[0].dynamic_preference, 20);
    assert_int_equal(r[1].owner, 1);
    assert_string_equal(r[1].name, "gw");
    assert_int_equal(r[1].neighbor_limit, 5);
    assert_int_equal(r[1].route_limit, 16);
    assert_int_equal(r[1].dynamic_preference, 7);
    assert_null(encoding_item(encoding, API_ROUTER, 2));
    encoding_destroy(encoding);
}

static void test_interfaces(void **state)
{
    static const uint8_t given[6] = {0x02, 0xab, 0, 0, 0, 1};
    struct encoding *encoding = lab_encode(sample);
    const struct api_interface *i = encoding_item(encoding, API_INTERFACE, 0);

    (void)state;
    assert_int_equal(i[0].owner, 0);
    assert_string_equal(i[0].name, "a");
    assert_int_equal(i[0].mtu, 1500);
    assert_int_equal(i[0].tcp_mss, 0);
    assert_int_equal(i[0].flags, 0);
    assert_int_equal(i[0].kernel_port, 1);
    assert_int_equal(i[1].owner, 1);
    assert_string_equal(i[1].name, "lan");
    assert_int_equal(i[1].mtu, 9000);
    assert_int_equal(i[1].tcp_mss, 1400);
    assert_int_equal(i[1].flags, API_INTERFACE_STRICT_URPF);
    assert_int_equal(i[1].kernel_port, API_NONE);
    assert_string_equal(i[2].name, "wan");
    assert_memory_equal(i[2].mac, given, 6);
    assert_int_equal(i[2].kernel_port, 4);
    assert_null(encoding_item(encoding, API_INTERFACE, 3));
    encoding_destroy(encoding);
}

// A user who writes the MAC of his router down somewhere must not find another one tomorrow.
static void test_derived_macs_stay(void **state)
{
    static const uint8_t pe_a[6] = {0x02, 0xd0, 0xa5, 0xf2, 0x6f, 0x0f},
                         gw_lan[6] = {0x02, 0x3c, 0x32, 0x4d, 0x5c, 0xf6};
    struct encoding *encoding = lab_encode(sample);
    const struct api_interface *i = encoding_item(encoding, API_INTERFACE, 0);

    (void)state;
    assert_memory_equal(i[0].mac, pe_a, 6);
    assert_memory_equal(i[1].mac, gw_lan, 6);
    encoding_destroy(encoding);
}

static void test_twins_are_taps_of_their_tenant(void **state)
{
    struct encoding *encoding = lab_encode(sample);
    const struct api_port *p = encoding_item(encoding, API_PORT, 0);
    const struct api_interface *i = encoding_item(encoding, API_INTERFACE, 0);

    (void)state;
    assert_string_equal(p[0].name, "up");
    assert_int_equal(p[1].owner, 0);
    assert_string_equal(p[1].name, "pe.a");
    assert_string_equal(p[1].device, "pe.a");
    assert_string_equal(p[1].netns, "");
    assert_int_equal(p[1].mtu, 1500);
    assert_memory_equal(p[1].mac, i[0].mac, 6);
    assert_string_equal(p[2].name, "vm1");
    assert_string_equal(p[3].name, "t");
    assert_string_equal(p[3].netns, "n.1");
    assert_int_equal(p[4].owner, 1);
    assert_int_equal(p[4].type, API_PORT_TAP);
    assert_string_equal(p[4].name, "gw.wan");
    assert_string_equal(p[4].device, "wan0");
    assert_string_equal(p[4].netns, "frr");
    assert_int_equal(p[4].mtu, 1400);
    assert_int_equal(p[4].flags, API_PORT_CSUM | API_PORT_TSO);
    assert_int_equal(p[4].n_queues, 1);
    assert_memory_equal(p[4].mac, i[2].mac, 6);
    assert_null(encoding_item(encoding, API_PORT, 5));
    encoding_destroy(encoding);
}

static void test_addresses_and_neighbors(void **state)
{
    static const struct api_interface_address addresses[] = {
        {.owner = 1, .family = 4, .prefix_len = 24, .address = {10, 0, 0, 1}},
        {.owner = 1, .family = 6, .prefix_len = 64, .address = {0xfd, [15] = 1}},
        {.owner = 2, .family = 4, .prefix_len = 31, .address = {192, 0, 2, 2}},
    };
    static const struct api_neighbor neighbors[] = {
        {.owner = 1, .family = 6, .mac = {2, 0, 0, 0, 0, 9}, .address = {0xfd, [15] = 9}},
        {.owner = 2, .family = 4, .mac = {2, 0, 0, 0, 0, 10}, .address = {192, 0, 2, 3}},
    };
    struct encoding *encoding = lab_encode(sample);

    (void)state;
    for (uint32_t i = 0; i < 3; i++)
        assert_memory_equal(encoding_item(encoding, API_INTERFACE_ADDRESS, i), &addresses[i],
                            sizeof(addresses[i]));
    assert_null(encoding_item(encoding, API_INTERFACE_ADDRESS, 3));
    for (uint32_t i = 0; i < 2; i++)
        assert_memory_equal(encoding_item(encoding, API_NEIGHBOR, i), &neighbors[i],
                            sizeof(neighbors[i]));
    assert_null(encoding_item(encoding, API_NEIGHBOR, 2));
    encoding_destroy(encoding);
}

// Groups: 0 of pe; then 192.0.2.3, both of 10.1/16, blackhole, fe80::7, unreachable.
static void test_routes_share_groups(void **state)
{
    static const struct api_next_hop hops[] = {
        {.owner = 0, .interface = 0, .weight = 1},
        {.owner = 1, .interface = API_NONE, .family = 4, .weight = 1, .address = {192, 0, 2, 3}},
        {.owner = 2, .interface = API_NONE, .family = 4, .weight = 3, .address = {192, 0, 2, 3}},
        {.owner = 2, .interface = 1, .family = 4, .weight = 1, .address = {10, 9, 9, 9}},
        {.owner = 4, .interface = 2, .family = 6, .weight = 1, .address = {0xfe, 0x80, [15] = 7}},
    };
    static const uint8_t types[] = {API_ROUTE_UNICAST,   API_ROUTE_UNICAST, API_ROUTE_UNICAST,
                                    API_ROUTE_BLACKHOLE, API_ROUTE_UNICAST, API_ROUTE_UNREACHABLE};
    static const struct api_route routes[] = {
        {.owner = 0, .group = 0, .family = 4, .preference = 1},
        {.owner = 1, .group = 1, .family = 4, .preference = 1},
        {1, 2, 4, 16, 1, 0, {10, 1}},
        {1, 1, 4, 16, 200, 0, {10, 2}},
        {1, 3, 4, 16, 1, 0, {10, 3}},
        {1, 4, 6, 48, 1, 0, {0xfd, 1}},
        {1, 5, 6, 48, 1, 0, {0xfd, 2}},
        {1, 3, 4, 16, 1, 0, {10, 4}},
        {1, 4, 4, 16, 1, 0, {10, 5}},
    };
    struct encoding *encoding = lab_encode(sample);
    const struct api_next_hop_group *group = encoding_item(encoding, API_NEXT_HOP_GROUP, 0);

    (void)state;
    for (uint32_t i = 0; i < sizeof(types); i++) {
        assert_int_equal(group[i].type, types[i]);
        assert_int_equal(group[i].owner, i > 0);
    }
    assert_null(encoding_item(encoding, API_NEXT_HOP_GROUP, sizeof(types)));
    for (uint32_t i = 0; i < sizeof(hops) / sizeof(hops[0]); i++)
        assert_memory_equal(encoding_item(encoding, API_NEXT_HOP, i), &hops[i], sizeof(hops[i]));
    assert_null(encoding_item(encoding, API_NEXT_HOP, sizeof(hops) / sizeof(hops[0])));
    for (uint32_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        assert_memory_equal(encoding_item(encoding, API_ROUTE, i), &routes[i], sizeof(routes[i]));
    assert_null(encoding_item(encoding, API_ROUTE, sizeof(routes) / sizeof(routes[0])));
    encoding_destroy(encoding);
}

// Two sets of next hops that differ in nothing but the last of all that a route may have.
static void test_groups_differ_to_the_last_hop(void **state)
{
    char text[2 * API_MAX_PATHS * 32 + 512];
    size_t len = (size_t)snprintf(text, sizeof(text),
                                  "tenants: [{name: t, routers: [{name: r, interfaces: [\n"
                                  "{name: i, addresses: [10.0.0.1/24]}], routes: [");
    struct encoding *encoding;

    (void)state;
    for (unsigned r = 1; r < 3; r++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "{prefix: 10.%u.0.0/16, next-hops: [", r);
        for (unsigned i = 1; i < API_MAX_PATHS; i++)
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len, "{address: 10.0.0.%u}, ", 1 + i);
        len +=
            (size_t)snprintf(text + len, sizeof(text) - len, "{address: 10.0.0.%u}]},\n", 200 + r);
    }
    snprintf(text + len, sizeof(text) - len, "]}]}]\n");
    encoding = lab_encode(text);
    assert_non_null(encoding_item(encoding, API_NEXT_HOP_GROUP, 1));
    assert_null(encoding_item(encoding, API_NEXT_HOP_GROUP, 2));
    assert_non_null(encoding_item(encoding, API_NEXT_HOP, 2 * API_MAX_PATHS - 1));
    assert_null(encoding_item(encoding, API_NEXT_HOP, 2 * API_MAX_PATHS));
    encoding_destroy(encoding);
}

static void test_chains(void **state)
{
    static const struct api_end ends[][2] = {
        {{.kind = API_END_SWITCH, .index = 2}, {.kind = API_END_INTERFACE, .index = 1}},
        {{.kind = API_END_INTERFACE, .index = 2}, {.kind = API_END_SWITCH, .index = 1}},
        {{API_END_PORT, {0}, 2, 10, 20}, {API_END_PORT, {0}, 0, 30, 0}},
        {{.kind = API_END_PORT, .index = 2}, {.kind = API_END_SWITCH, .index = 2}},
    };
    static const char *const names[] = {"inside", "edge", "cable", "plain"};
    struct encoding *encoding = lab_encode(sample);
    const struct api_chain *chain;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        chain = encoding_item(encoding, API_CHAIN, i);
        assert_non_null(chain);
        assert_int_equal(chain->owner, 1);
        assert_string_equal(chain->name, names[i]);
        assert_memory_equal(&chain->inside, &ends[i][0], sizeof(struct api_end));
        assert_memory_equal(&chain->outside, &ends[i][1], sizeof(struct api_end));
    }
    assert_null(encoding_item(encoding, API_CHAIN, 4));
    encoding_destroy(encoding);
}

static void test_many_routes_share_groups(void **state)
{
    const uint32_t n = 100000;
    size_t size = 64 * n + 512, len;
    char *text = malloc(size);
    struct encoding *encoding;
    const struct api_route *route;

    (void)state;
    assert_non_null(text);
    len = (size_t)snprintf(text, size,
                           "tenants: [{name: t, routers: [{name: r, interfaces: [\n"
                           "{name: i, addresses: [10.0.0.1/24, 10.1.0.1/16]}], routes: [");
    for (uint32_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "{prefix: 20.%u.%u.%u/32, next-hop: 10.%u.0.2},\n", i >> 16,
                                i >> 8 & 255, i & 255, i & 1);
    snprintf(text + len, size - len, "]}]}]\n");
    encoding = lab_encode(text);
    free(text);
    for (uint32_t i = 0; i < n; i += 997) {
        route = encoding_item(encoding, API_ROUTE, i);
        assert_int_equal(route->address[3], i & 255);
        assert_int_equal(route->group, i & 1);
    }
    assert_null(encoding_item(encoding, API_NEXT_HOP_GROUP, 2));
    assert_null(encoding_item(encoding, API_ROUTE, n));
    encoding_destroy(encoding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routers),
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_derived_macs_stay),
        cmocka_unit_test(test_twins_are_taps_of_their_tenant),
        cmocka_unit_test(test_addresses_and_neighbors),
        cmocka_unit_test(test_routes_share_groups),
        cmocka_unit_test(test_groups_differ_to_the_last_hop),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_many_routes_share_groups),
    };

    return cmocka_run_group_tests_name("encode-router", tests, lab_setup, lab_teardown);
}
