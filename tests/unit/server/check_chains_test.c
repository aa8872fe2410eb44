// SPDX-License-Identifier: BSD-3-Clause
// Does check_model find every way in which what stands on chains can fail to fit? One good model,
// then one fault at a time, each with the sentence it must give.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/server/check.h"

#define MAX_FUNCTIONS 20

enum { INSIDE, OUTSIDE, LEFT, RIGHT, LEFT2, RIGHT2, N_PORTS };

struct world {
    struct api_tenant tenants[2];
    struct api_port ports[N_PORTS];
    struct api_switch switches[1];
    struct api_member members[1];
    struct api_guest_function guests[2];
    struct api_address_group groups[1];
    struct api_group_prefix prefixes[1];
    struct api_firewall firewalls[2];
    struct api_rule rules[1];
    struct api_nat nats[1];
    struct api_nat_source sources[1];
    struct api_nat_pool pools[1];
    struct api_chain chains[2];
    struct api_chain_function functions[MAX_FUNCTIONS];
    unsigned n_functions;
};

static struct world good;

static int make_world(void **state)
{
    (void)state;
    good = (struct world){
        .tenants = {{.name = "blue"}, {.name = "red"}},
        .switches = {{.name = "lan"}},
        .members = {{.port = INSIDE, .outer_vlan = 10}},
        .guests = {{.name = "dpi", .inside = LEFT, .outside = RIGHT},
                   {.name = "ids", .inside = LEFT2, .outside = RIGHT2}},
        .groups = {{.name = "servers"}},
        .prefixes = {{.family = 4}},
        .firewalls = {{.name = "fw"}, {.owner = 1, .name = "fw"}},
        .rules = {{.seq = 10}},
        .nats = {{.name = "nat"}},
        .sources = {{.seq = 10}},
        .pools = {{.first = {198, 51, 100, 2}}},
        .chains = {{.name = "edge",
                    .inside = {.kind = API_END_PORT, .index = INSIDE},
                    .outside = {.kind = API_END_PORT, .index = OUTSIDE}},
                   {.name = "other",
                    .inside = {.kind = API_END_SWITCH},
                    .outside = {.kind = API_END_PORT, .index = OUTSIDE, .outer_vlan = 5}}},
        .functions = {{.kind = API_FUNCTION_FIREWALL},
                      {.kind = API_FUNCTION_GUEST},
                      {.kind = API_FUNCTION_NAT},
                      {.kind = API_FUNCTION_FIREWALL, .further = 2},
                      {.owner = 1, .kind = API_FUNCTION_GUEST, .index = 1}},
        .n_functions = 5,
    };
    for (unsigned i = 0; i < N_PORTS; i++) {
        good.ports[i] = (struct api_port){.type = API_PORT_TAP, .device = "tap"};
        snprintf(good.ports[i].name, sizeof(good.ports[i].name), "p%u", i);
    }
    return 0;
}

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    assert_int_equal(model_add(model, type, items, n), 0);
}

static int check(const struct world *w, struct error *e)
{
    struct model model;
    int rc;

    memset(e, 0, sizeof(*e));
    model_init(&model);
    add(&model, API_TENANT, w->tenants, 2);
    add(&model, API_PORT, w->ports, N_PORTS);
    add(&model, API_SWITCH, w->switches, 1);
    add(&model, API_MEMBER, w->members, 1);
    add(&model, API_GUEST_FUNCTION, w->guests, 2);
    add(&model, API_ADDRESS_GROUP, w->groups, 1);
    add(&model, API_GROUP_PREFIX, w->prefixes, 1);
    add(&model, API_FIREWALL, w->firewalls, 2);
    add(&model, API_RULE, w->rules, 1);
    add(&model, API_NAT, w->nats, 1);
    add(&model, API_NAT_SOURCE, w->sources, 1);
    add(&model, API_NAT_POOL, w->pools, 1);
    add(&model, API_CHAIN, w->chains, 2);
    add(&model, API_CHAIN_FUNCTION, w->functions, w->n_functions);
    rc = check_model(&model, e);
    model_fini(&model);
    return rc;
}

static void expect(const struct world *w, const char *path, const char *sentence)
{
    struct error e;

    assert_int_equal(check(w, &e), -EINVAL);
    assert_string_equal(e.sentence, sentence);
    assert_string_equal(e.path, path);
}

static void good_one_passes(void **state)
{
    struct error e;

    (void)state;
    if (check(&good, &e) != 0)
        fail_msg("%s: %s", e.path, e.sentence);
}

static void owners_are_checked(void **state)
{
    struct world w = good;

    (void)state;
    w.functions[4].owner = 2;
    expect(&w, "chain-function", "chain-function 4 belongs to chain 2 of 2");
    w = good;
    w.rules[0].owner = 2;
    expect(&w, "rule", "rule 0 belongs to firewall 2 of 2");
    w = good;
    w.pools[0].owner = 1;
    expect(&w, "nat-pool", "nat-pool 0 belongs to nat-source 1 of 1");
    w = good;
    w.firewalls[1].owner = 0;
    expect(&w, "blue/fw", "two objects of one kind have this name");
    w = good;
    memcpy(w.guests[1].name, "dpi", 4);
    expect(&w, "blue/dpi", "two objects of one kind have this name");
}

static void functions_are_there(void **state)
{
    struct world w = good;

    (void)state;
    w.functions[2].index = 1;
    expect(&w, "blue/edge", "a function of the chain does not exist");
    w = good;
    w.functions[0].index = 1;
    expect(&w, "blue/edge", "a function of the chain belongs to another tenant");
}

static void there_are_not_too_many(void **state)
{
    struct world w = good;

    (void)state;
    memset(w.functions, 0, sizeof(w.functions));
    for (w.n_functions = 0; w.n_functions < 9; w.n_functions++) {
        w.functions[w.n_functions].kind = API_FUNCTION_FIREWALL;
        w.functions[w.n_functions].further = (uint8_t)(w.n_functions == 0 ? 0 : w.n_functions + 1);
    }
    expect(&w, "blue/edge", "more than 8 functions on the chain");
    w.functions[8].kind = API_FUNCTION_GUEST;
    assert_int_equal(check(&w, &(struct error){0}), 0);
}

static void a_place_has_its_own_number(void **state)
{
    struct world w = good;

    (void)state;
    w.functions[3].further = 0;
    expect(&w, "blue/edge", "a function stands on the chain twice with one number");
    w.functions[3] = (struct api_chain_function){.kind = API_FUNCTION_NAT};
    expect(&w, "blue/edge", "a function stands on the chain twice with one number");
    w.functions[3].further = API_MAX_FURTHER;
    assert_int_equal(check(&w, &(struct error){0}), 0);
}

static void a_guest_stands_once(void **state)
{
    struct world w = good;

    (void)state;
    w.functions[4].index = 0;
    expect(&w, "blue/other", "a guest on the chain stands on a chain already");
}

static void a_guest_has_its_ports_to_itself(void **state)
{
    static const char elsewhere[] = "the same attachment of this port is plugged in twice";
    struct world w = good;

    (void)state;
    w.guests[0].outside = N_PORTS;
    expect(&w, "blue/dpi", "a port of the guest does not exist");
    w = good;
    w.guests[0].outside = LEFT;
    expect(&w, "blue/p2", elsewhere);
    w = good;
    w.guests[1].inside = RIGHT;
    expect(&w, "blue/p3", elsewhere);
    w = good;
    w.members[0] = (struct api_member){.port = RIGHT, .outer_vlan = 7};
    expect(&w, "blue/p3", elsewhere);
    w = good;
    w.members[0] = (struct api_member){.port = RIGHT};
    expect(&w, "blue/p3", elsewhere);
    w = good;
    w.chains[1].outside.index = LEFT2; // a VLAN on a guest's port
    expect(&w, "blue/p4", elsewhere);
}

static void a_name_has_room_for_segments(void **state)
{
    struct world w = good;

    (void)state;
    memset(w.chains[0].name, 'e', 30);
    expect(&w, "blue/eeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
           "the name of a chain with guests has 29 characters at most");
    w.chains[0].name[29] = '\0';
    assert_int_equal(check(&w, &(struct error){0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_one_passes),
        cmocka_unit_test(owners_are_checked),
        cmocka_unit_test(functions_are_there),
        cmocka_unit_test(there_are_not_too_many),
        cmocka_unit_test(a_place_has_its_own_number),
        cmocka_unit_test(a_guest_stands_once),
        cmocka_unit_test(a_guest_has_its_ports_to_itself),
        cmocka_unit_test(a_name_has_room_for_segments),
    };

    return cmocka_run_group_tests(tests, make_world, NULL);
}
