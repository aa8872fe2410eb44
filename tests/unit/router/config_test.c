// SPDX-License-Identifier: BSD-3-Clause
// What does a router make of its configuration: what is refused, and with which sentence; what
// stays over commits, and what a commit that fails leaves behind: nothing.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/router/lab.h"
#include "vnf/router/route_table.h"

static void refused(const struct lab_spec *spec, const char *sentence)
{
    struct error e = {0};

    assert_int_equal(lab_try(spec, &e), -EINVAL);
    assert_string_equal(e.sentence, sentence);
    assert_string_equal(e.path, "blue/gw");
}

static void passes(const struct lab_spec *spec)
{
    struct error e = {0};

    if (lab_try(spec, &e) < 0)
        fail_msg("%s", e.sentence);
}

static void picture_passes(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_spec_init(&spec);
    passes(&spec);
    spec.n_interfaces = 0; // a router may be empty
    spec.n_addresses = 0;
    spec.n_neighbors = 0;
    passes(&spec);
}

static void interfaces_make_sense(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_spec_init(&spec);
    memcpy(spec.interfaces[2].name, "if0", 4);
    refused(&spec, "two interfaces are called if0");
    lab_spec_init(&spec);
    spec.interfaces[2].mac[0] = 1;
    refused(&spec, "interface if2: the MAC address is not a unicast one");
    lab_spec_init(&spec);
    memset(spec.interfaces[2].mac, 0, 6);
    refused(&spec, "interface if2: the MAC address is not a unicast one");
    lab_spec_init(&spec);
    spec.interfaces[1].mtu = 1279;
    refused(&spec, "interface if1: fd00:1::1/64 needs an MTU of at least 1280");
    spec.interfaces[1].mtu = 1280;
    passes(&spec);
}

static void addresses_make_sense(void **state)
{
    static const struct {
        const char *address, *sentence;
        uint8_t len;
    } cases[] = {
        {"127.0.0.1", "interface if1: 127.0.0.1/8 is not the address of a host", 8},
        {"0.0.0.1", "interface if1: 0.0.0.1/24 is not the address of a host", 24},
        {"224.0.0.1", "interface if1: 224.0.0.1/24 is not the address of a host", 24},
        {"::1", "interface if1: ::1/64 is not the address of a host", 64},
        {"::", "interface if1: ::/64 is not the address of a host", 64},
        {"ff02::1", "interface if1: ff02::1/64 is not the address of a host", 64},
        {"::ffff:10.9.9.9", "interface if1: ::ffff:10.9.9.9/96 is not the address of a host", 96},
        {"fe80::9", "interface if1: fe80::9/64 is link-local: those the router makes itself", 64},
        {"20.0.0.0", "interface if1: 20.0.0.0/24 is a broadcast address of its subnet", 24},
        {"20.0.0.255", "interface if1: 20.0.0.255/24 is a broadcast address of its subnet", 24},
        {"20.0.0.3", "interface if1: 20.0.0.3/30 is a broadcast address of its subnet", 30},
        {"20.0.0.9", "interface if1: 20.0.0.9/33 has a prefix length that no subnet has", 33},
        {"20.0.0.9", "interface if1: 20.0.0.9/0 has a prefix length that no subnet has", 0},
        {"20.0.0.3", NULL, 31},
        {"20.0.0.255", NULL, 32},
        {"10.0.1.9", NULL, 24},
        {"10.0.1.130", NULL, 25}, // within a subnet of its own
        {"10.0.1.1", "interface if1: 10.0.1.1/32 is an address that the router has twice", 32},
        {"10.0.2.1", "interface if2: 10.0.2.1/24 is an address that the router has twice", 25},
        {"10.0.2.9", "interface if2: 10.0.2.1/24 overlaps with a subnet of interface if1", 24},
        {"10.0.2.130", "interface if1: 10.0.2.130/25 overlaps with a subnet of interface if2", 25},
        {"10.9.9.9", "interface if0: 10.0.0.1/24 overlaps with a subnet of interface if1", 8},
        {"fd00:2:0:0:8::1",
         "interface if1: fd00:2::8:0:0:1/80 overlaps with a subnet of "
         "interface if2",
         80},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab_spec spec;

        lab_spec_init(&spec);
        lab_address(&spec, 1, cases[i].address, cases[i].len);
        if (cases[i].sentence != NULL)
            refused(&spec, cases[i].sentence);
        else
            passes(&spec);
    }
}

static void routes_make_sense(void **state)
{
    struct lab_spec spec;
    uint32_t group;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.1", 8, 1, "10.0.1.2");
    refused(&spec, "route 20.0.0.1/8 has bits set beyond its prefix");
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 33, 1, "10.0.1.2");
    refused(&spec, "a route's prefix is neither IPv4 nor IPv6");
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    lab_route(&spec, "20.0.0.0", 8, 2, "10.0.2.2");
    refused(&spec, "route 20.0.0.0/8 is there twice with preference 1");
    spec.routes[1].preference = 2;
    passes(&spec);
    for (unsigned i = 0; i < 7; i++) {
        lab_route_to(&spec, "20.0.0.0", 8, 0);
        spec.routes[2 + i].preference = (uint8_t)(10 + i);
    }
    refused(&spec, "more than 8 routes to 20.0.0.0/8");
    lab_spec_init(&spec);
    lab_route(&spec, "2001:db8::", 32, 1, "10.0.1.2");
    refused(&spec, "route 2001:db8::/32 has an IPv4 next hop");
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "fd00:1::9"); // RFC 8950
    passes(&spec);
    lab_spec_init(&spec);
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_route_to(&spec, "20.0.0.0", 8, group);
    refused(&spec, "a route has no next hop");
    spec.groups[group].type = API_ROUTE_BLACKHOLE;
    passes(&spec);
    lab_next_hop(&spec, group, 1, "10.0.1.2", 1);
    refused(&spec, "a blackhole or unreachable route has next hops");
    lab_spec_init(&spec);
    spec.router.route_limit = 4;
    passes(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    refused(&spec, "5 IPv4 routes, those of interfaces included, and its route-limit is 4");
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    spec.routes[0].group = 1;
    refused(&spec, "a route's next hops are those of another router");
}

static void next_hops_make_sense(void **state)
{
    static const struct {
        uint32_t interface;
        const char *address, *sentence;
    } cases[] = {
        {API_NONE, "10.9.9.9",
         "next hop 10.9.9.9 is in no interface's subnet: add outgoing-interface"},
        {API_NONE, "fd09::9",
         "next hop fd09::9 is in no interface's subnet: add outgoing-interface"},
        {API_NONE, "fe80::9", "next hop fe80::9 is link-local: add outgoing-interface"},
        {API_NONE, NULL, "a next hop has neither an address nor an interface"},
        {4, "10.0.1.2", "a next hop is at an interface of another router"},
        {1, "10.0.1.1", "next hop 10.0.1.1 is an address of the router itself"},
        {1, "10.0.2.1", "next hop 10.0.2.1 is an address of the router itself"},
        {1, "255.255.255.255", "next hop 255.255.255.255 is not the address of a host"},
        {1, "10.9.9.9", NULL}, // on-link there
        {1, "fe80::9", NULL},
        {1, NULL, NULL},
        {API_NONE, "10.0.3.77", NULL},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab_spec spec;

        lab_spec_init(&spec);
        lab_route(&spec, "20.0.0.0", 8, cases[i].interface, cases[i].address);
        if (cases[i].sentence != NULL)
            refused(&spec, cases[i].sentence);
        else
            passes(&spec);
        if (cases[i].sentence == NULL) {
            lab_next_hop(&spec, 0, cases[i].interface, cases[i].address, 9);
            refused(&spec, "a route has the same next hop twice");
        }
    }
}

static void a_next_hop_finds_its_interface(void **state)
{
    struct lab_spec spec;
    const struct route_group *group;
    const uint32_t address = 20;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, API_NONE, "10.0.3.77");
    lab_start(&spec);
    route_lookup4(lab_state(), &address, &group, 1);
    assert_non_null(group);
    assert_int_equal(group->n_paths, 1);
    assert_int_equal(group->paths[0].slot, lab_interface(3)->slot);
    lab_stop();
}

static void interfaces_are_as_configured(void **state)
{
    static const uint8_t link_local[16] = {0xfe, 0x80, 0, 0,    0,    0, 0, 0,
                                           0,    0,    0, 0xff, 0xfe, 0, 0, 3};
    const struct router_interface *interface;
    struct lab_spec spec;

    (void)state;
    lab_spec_init(&spec);
    spec.interfaces[3].mtu = 9000;
    spec.interfaces[3].tcp_mss = 1400;
    spec.interfaces[3].flags = API_INTERFACE_STRICT_URPF;
    lab_start(&spec);
    interface = lab_interface(3);
    assert_string_equal(interface->name, "if3");
    assert_int_equal(interface->mtu, 9000);
    assert_int_equal(interface->tcp_mss, 1400);
    assert_int_equal(interface->flags, API_INTERFACE_STRICT_URPF);
    assert_int_equal(interface->attachment, lab_function()->first_attachment + 6);
    assert_int_equal(interface->kernel_attachment, lab_function()->first_attachment + 7);
    assert_int_equal(lab_interface(2)->kernel_attachment, ATTACHMENT_NONE);
    assert_true(interface->has_ip4 && interface->has_ip6);
    assert_int_equal(interface->n_addresses, 2);
    assert_memory_equal(interface->link_local, link_local, 16); // 02:… has the bit set: cleared
    assert_ptr_equal(router_interface_of(lab_config(), interface->slot), interface);
    assert_null(router_interface_of(lab_config(), 4));
    lab_stop();
}

static void state_belongs_to_the_name(void **state)
{
    struct lab_spec spec;
    struct router_state *before;
    uint16_t slot, slot1;

    (void)state;
    lab_start(NULL);
    before = lab_state();
    slot = lab_interface(0)->slot;
    slot1 = lab_interface(1)->slot;
    lab_spec_init(&spec); // another name at the first place
    memcpy(spec.interfaces[0].name, "new", 4);
    lab_start(&spec);
    assert_ptr_equal(lab_state(), before);
    assert_int_equal(lab_interface(1)->slot, slot1);
    assert_int_not_equal(lab_interface(0)->slot, slot);
    assert_null(router_interface_of(lab_config(), slot));
    lab_start(NULL); // the old one's slot is free again, whoever takes it
    assert_int_equal(before->n_slots, 5);
    assert_int_equal(lab_interface(0)->slot, slot);
    assert_string_equal(before->slots[slot].name, "if0");
    memcpy(spec.router.name, "other", 6);
    lab_try(&spec, &(struct error){0});
    assert_int_equal(before->n_references, 1);
    lab_stop();
}

static void a_failed_commit_leaves_nothing(void **state)
{
    struct lab_spec spec;
    struct route_table *routes;
    uint32_t n_live, n_routes;
    struct error e;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    lab_start(&spec);
    routes = lab_state()->routes;
    n_live = routes->n_live;
    n_routes = route_count(lab_state(), 4);
    memcpy(spec.interfaces[0].name, "new", 4);
    lab_route(&spec, "30.0.0.0", 8, 2, "10.0.2.9");
    lab_route(&spec, "40.0.0.0", 8, API_NONE, "10.9.9.9");
    assert_int_equal(lab_try(&spec, &e), -EINVAL);
    assert_int_equal(routes->n_live, n_live);
    assert_int_equal(route_count(lab_state(), 4), n_routes);
    assert_int_equal(lab_state()->n_references, 1);
    for (uint32_t slot = 0; slot < lab_state()->n_slots; slot++)
        assert_int_equal(lab_state()->slots[slot].n_references, slot < 4);
    spec.n_routes = 2; // and one that was built but never ran
    passes(&spec);
    assert_int_equal(routes->n_live, n_live);
    lab_stop();
}

static void links_are_known_from_the_start(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_start(NULL);
    lab_link(1, 0);
    lab_spec_init(&spec);
    memcpy(spec.interfaces[1].name, "new", 4);
    memcpy(spec.interfaces[2].name, "newer", 6);
    passes(&spec); // before it runs: what it wrote into slots that were free
    assert_string_equal(lab_state()->slots[4].name, "new");
    assert_int_equal(lab_state()->slots[4].is_up, 0);
    assert_string_equal(lab_state()->slots[5].name, "newer");
    assert_int_equal(lab_state()->slots[5].is_up, 1);
    lab_start(&spec);
    assert_int_equal(lab_state()->slots[lab_interface(1)->slot].is_up, 0);
    assert_int_equal(lab_state()->slots[lab_interface(2)->slot].is_up, 1);
    lab_stop();
}

static void neighbours_are_told_of_news(void **state)
{
    struct lab_spec spec;

    (void)state;
    lab_start(NULL);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(lab_state()->slots[lab_interface(i)->slot].n_announcements, 3);
        lab_state()->slots[lab_interface(i)->slot].n_announcements = 0;
    }
    lab_spec_init(&spec);
    spec.interfaces[1].mac[4] = 9;
    lab_address(&spec, 2, "10.0.2.9", 24);
    lab_link(3, 0);
    lab_start(&spec);
    assert_int_equal(lab_state()->slots[lab_interface(0)->slot].n_announcements, 0);
    assert_int_equal(lab_state()->slots[lab_interface(1)->slot].n_announcements, 3);
    assert_int_equal(lab_state()->slots[lab_interface(2)->slot].n_announcements, 3);
    assert_int_equal(lab_state()->slots[lab_interface(3)->slot].n_announcements, 0);
    assert_int_equal(lab_port(LAB_TWIN)->is_carrier_off, 1);
    lab_link(3, 1);
    lab_function()->ops->age(lab_function(), generation_current());
    assert_int_equal(lab_state()->slots[lab_interface(3)->slot].n_announcements, 3);
    assert_int_equal(lab_port(LAB_TWIN)->is_carrier_off, 0);
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_passes),
        cmocka_unit_test(interfaces_make_sense),
        cmocka_unit_test(addresses_make_sense),
        cmocka_unit_test(routes_make_sense),
        cmocka_unit_test(next_hops_make_sense),
        cmocka_unit_test(a_next_hop_finds_its_interface),
        cmocka_unit_test(interfaces_are_as_configured),
        cmocka_unit_test(state_belongs_to_the_name),
        cmocka_unit_test(a_failed_commit_leaves_nothing),
        cmocka_unit_test(links_are_known_from_the_start),
        cmocka_unit_test(neighbours_are_told_of_news),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
