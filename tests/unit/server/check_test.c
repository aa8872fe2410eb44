// SPDX-License-Identifier: BSD-3-Clause
// Does check_model find every way in which the objects of a transaction can fail to fit together?
// One good model, then one fault at a time, each with the sentence it must give.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/server/check.h"

struct world {
    struct api_tenant tenants[2];
    struct api_port ports[3];
    struct api_port_address addresses[2];
    struct api_switch switches[2];
    struct api_member members[4];
    struct api_static_mac macs[1];
    struct api_router routers[1];
    struct api_interface interfaces[2];
    struct api_chain chains[2];
};

static const struct world good = {
    .tenants = {{.name = "blue"}, {.name = "red"}},
    .ports =
        {
            {.owner = 0,
             .name = "vm1",
             .type = API_PORT_VHOST_USER,
             .mac = {0x52, 0, 0, 0, 0, 1},
             .flags = API_PORT_GUARD,
             .n_queues = 1,
             .mtu = 1500,
             .mac_limit = 8},
            {.owner = 0,
             .name = "trunk0",
             .type = API_PORT_ETHDEV,
             .n_queues = 1,
             .mtu = 1500,
             .mac_limit = 8,
             .device = "net_null0"},
            {.owner = 1,
             .name = "vm1",
             .type = API_PORT_TAP,
             .n_queues = 1,
             .mtu = 1500,
             .mac_limit = 8,
             .device = "tap1"},
        },
    .addresses =
        {
            {.owner = 0, .family = 4, .prefix_len = 32, .address = {10, 0, 0, 11}},
            {.owner = 0, .family = 6, .prefix_len = 128, .address = {0xfd, [15] = 1}},
        },
    .switches =
        {
            {.owner = 0, .name = "lan", .ageing_sec = 300, .mac_table_size = 64},
            {.owner = 1, .name = "lan", .ageing_sec = 300, .mac_table_size = 64},
        },
    .members = {{0, 0, 0, 0}, {0, 1, 10, 0}, {0, 1, 10, 20}, {1, 2, 0, 0}},
    .macs = {{.owner = 0, .member = 1, .mac = {0x52, 0, 0, 0, 0, 9}}},
    .routers = {{.owner = 0, .name = "gw"}},
    .interfaces = {{.owner = 0, .name = "lan", .kernel_port = API_NONE},
                   {.owner = 0, .name = "wan", .kernel_port = API_NONE}},
    .chains = {{.owner = 0,
                .name = "inside",
                .inside = {.kind = API_END_SWITCH, .index = 0},
                .outside = {.kind = API_END_INTERFACE, .index = 0}},
               {.owner = 0,
                .name = "edge",
                .inside = {.kind = API_END_INTERFACE, .index = 1},
                .outside = {.kind = API_END_PORT, .index = 1, .outer_vlan = 30}}},
};

static int check(const struct world *w, struct error *e)
{
    struct model model;
    int rc;

    memset(e, 0, sizeof(*e));
    model_init(&model);
    assert_int_equal(model_add(&model, API_TENANT, w->tenants, 2), 0);
    assert_int_equal(model_add(&model, API_PORT, w->ports, 3), 0);
    assert_int_equal(model_add(&model, API_PORT_ADDRESS, w->addresses, 2), 0);
    assert_int_equal(model_add(&model, API_SWITCH, w->switches, 2), 0);
    assert_int_equal(model_add(&model, API_MEMBER, w->members, 4), 0);
    assert_int_equal(model_add(&model, API_STATIC_MAC, w->macs, 1), 0);
    assert_int_equal(model_add(&model, API_ROUTER, w->routers, 1), 0);
    assert_int_equal(model_add(&model, API_INTERFACE, w->interfaces, 2), 0);
    assert_int_equal(model_add(&model, API_CHAIN, w->chains, 2), 0);
    rc = check_model(&model, e);
    model_fini(&model);
    return rc;
}

static void good_one_passes(void **state)
{
    struct error e;

    (void)state;
    assert_int_equal(check(&good, &e), 0);
}

static void expect(const struct world *w, const char *path, const char *sentence)
{
    struct error e;

    assert_int_equal(check(w, &e), -EINVAL);
    assert_string_equal(e.path, path);
    assert_string_equal(e.sentence, sentence);
}

static void owners_are_checked(void **state)
{
    struct world w = good;

    (void)state;
    w.ports[2].owner = 2;
    expect(&w, "port", "port 2 belongs to tenant 2 of 2");
    w = good;
    w.addresses[1].owner = 3;
    expect(&w, "port-address", "port-address 1 belongs to port 3 of 3");
    w = good;
    w.members[3].owner = 2;
    expect(&w, "member", "member 3 belongs to switch 2 of 2");
    w = good;
    w.members[0].owner = 1;
    expect(&w, "member", "member 1 is not in ascending order of its owner");
    w = good;
    w.macs[0].owner = 2;
    expect(&w, "static-mac", "static-mac 0 belongs to switch 2 of 2");
}

static void names_are_unique(void **state)
{
    struct world w = good;

    (void)state;
    memcpy(w.tenants[1].name, "blue", 5);
    expect(&w, "blue/blue", "two objects of one kind have this name");
    w = good;
    memcpy(w.ports[1].name, "vm1\0\0\0", 7);
    expect(&w, "blue/vm1", "two objects of one kind have this name");
    w = good;
    w.switches[1].owner = 0;
    expect(&w, "blue/lan", "two objects of one kind have this name");
}

static void ports_make_sense(void **state)
{
    struct world w = good;

    (void)state;
    w.ports[0].mac[0] = 1;
    expect(&w, "blue/vm1", "the MAC address is not a unicast one");
    w = good;
    memset(w.ports[0].mac, 0, 6);
    expect(&w, "blue/vm1", "guard needs the port's MAC address");
    w = good;
    w.ports[0].flags = API_PORT_TSO;
    expect(&w, "blue/vm1", "TSO needs checksum offload");
    w = good;
    w.ports[2].device[0] = '\0';
    expect(&w, "red/vm1", "a tap needs its interface's name");
    w = good;
    w.ports[1].device[0] = '\0';
    expect(&w, "blue/trunk0", "an ethdev needs its device arguments");
    w = good;
    w.addresses[0].prefix_len = 33;
    expect(&w, "blue/vm1", "an address is neither IPv4 nor IPv6");
    w = good;
    w.addresses[0].family = 5;
    expect(&w, "blue/vm1", "an address is neither IPv4 nor IPv6");
    w = good;
    w.addresses[0].address[4] = 1;
    expect(&w, "blue/vm1", "an address is neither IPv4 nor IPv6");
}

static void members_fit(void **state)
{
    struct world w = good;

    (void)state;
    w.members[3].port = 3;
    expect(&w, "red/lan", "a member's port does not exist");
    w = good;
    w.members[2] = (struct api_member){0, 1, 0, 20};
    expect(&w, "blue/lan", "a member has an inner VLAN without an outer one");
    w = good;
    w.members[2] = w.members[1];
    expect(&w, "blue/trunk0", "the same attachment of this port is plugged in twice");
    w = good;
    w.members[3].port = 0;
    expect(&w, "blue/vm1", "the same attachment of this port is plugged in twice");
    w = good;
    w.macs[0].member = 3;
    expect(&w, "blue/lan", "a static MAC names a member of another switch");
    w = good;
    w.macs[0].member = 4;
    expect(&w, "blue/lan", "a static MAC names a member of another switch");
    w = good;
    w.macs[0].mac[0] = 0xff;
    expect(&w, "blue/lan", "a static MAC is not a unicast one");
}

static void chains_fit(void **state)
{
    struct world w = good;

    (void)state;
    w.interfaces[1].owner = 1;
    expect(&w, "interface", "interface 1 belongs to router 1 of 1");
    w = good;
    memcpy(w.chains[1].name, "inside", 7);
    expect(&w, "blue/inside", "two objects of one kind have this name");
    w = good;
    w.chains[1].outside = w.chains[1].inside;
    expect(&w, "blue/edge", "both ends of the chain are the same");
    w = good;
    w.chains[1].inside.index = 2;
    expect(&w, "blue/edge", "an end of the chain does not exist");
    w = good;
    w.chains[1].inside.index = 0;
    expect(&w, "lan", "two chains end at this router interface");
    w = good;
    w.chains[0].inside.outer_vlan = 10;
    expect(&w, "blue/inside", "only an end at a port has VLANs");
    w = good;
    w.chains[1].outside.outer_vlan = 0;
    w.chains[1].outside.inner_vlan = 30;
    expect(&w, "blue/edge", "an end has an inner VLAN but no outer one");
    w = good;
    w.chains[1].outside.outer_vlan = 10;
    expect(&w, "blue/trunk0", "the same attachment of this port is plugged in twice");
}

static void twins_are_taps_of_their_own(void **state)
{
    struct world w = good;

    (void)state;
    w.interfaces[0].kernel_port = 1;
    expect(&w, "lan", "the interface's kernel twin is no tap");
    w = good;
    w.interfaces[0].kernel_port = 3;
    expect(&w, "lan", "the interface's kernel twin is no tap");
    w = good;
    w.interfaces[0].kernel_port = 2;
    expect(&w, "red/vm1", "the same attachment of this port is plugged in twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_one_passes),
        cmocka_unit_test(owners_are_checked),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(ports_make_sense),
        cmocka_unit_test(members_fit),
        cmocka_unit_test(chains_fit),
        cmocka_unit_test(twins_are_taps_of_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
