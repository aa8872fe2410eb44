// SPDX-License-Identifier: BSD-3-Clause
// Does the dataplane get what the user wrote? Texts go through the real schema and come out as
// datagrams; each is checked against the table of the border and its values against the text.
// Also: that 100k static MACs on 48k members take less than a second. Refusals are the datastore's,
// in tests/unit/control/.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/southbound/encode_lab.h"

static const char sample[] =
    "tenants:\n"
    "- name: provider\n"
    "  ports:\n"
    "  - {name: uplink, type: tap, interface: up0, shared: true, mtu: 9000}\n"
    "  - {name: nic, type: ethdev, device: '0000:03:00.0', queue-size: 512}\n"
    "- name: blue\n"
    "  ports:\n"
    "  - {name: vm1, type: vhost-user, mac-address: '52:54:00:AB:cd:11', guard: true,\n"
    "     addresses: [10.0.0.11, 10.1.0.0/16, 'fd00::11', 'fd01::/64']}\n"
    "  - {name: vm2, type: vhost-user, queues: 2, mode: server, packed-ring: false, socket: /s/x,\n"
    "     offloads: {tso: false}, mac-limit: 7, storm-control: {broadcast: 1, multicast: 2,\n"
    "     unknown-unicast: 3}}\n"
    "  - {name: cap, type: pcap, input-file: /a.pcap, output-file: /b.pcap}\n"
    "  switches:\n"
    "  - {name: lan, members: [vm1, vm2.10, provider/uplink.10.20], ageing-time: 60,\n"
    "     mac-table-size: 64, static-macs: [{mac-address: '52:54:00:00:00:12', member: vm2.10}]}\n"
    "  - {name: two, members: [vm2, cap], static-macs: [{mac-address: '52:54:00:00:00:13',\n"
    "     member: cap}]}\n";

static void test_datagrams_are_well_formed(void **state)
{
    struct encoding *encoding = lab_encode(sample);
    const struct api_header *h;
    struct api_reply reply;
    unsigned last = API_BEGIN, n = 0;
    size_t cursor = 0;

    (void)state;
    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        if (api_check(h, h->len, &reply) < 0)
            fail_msg("%s: %s", reply.path, reply.sentence);
        assert_int_equal((uintptr_t)h % 8, 0);
        if (n == 0)
            assert_int_equal(h->type, API_BEGIN);
        else if (h->type != API_COMMIT) // objects stand in the order of their types
            assert_true(h->type > last || n == 1);
        last = h->type;
        n++;
    }
    assert_int_equal(last, API_COMMIT);
    assert_int_equal(n, 8);
    encoding_destroy(encoding);
}

static void test_ports(void **state)
{
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0xab, 0xcd, 0x11}, none[6];
    struct encoding *encoding = lab_encode(sample);
    const struct api_port *p = encoding_item(encoding, API_PORT, 0);

    (void)state;
    assert_int_equal(p[0].owner, 0);
    assert_string_equal(p[0].name, "uplink");
    assert_int_equal(p[0].type, API_PORT_TAP);
    assert_string_equal(p[0].device, "up0");
    assert_int_equal(p[0].mtu, 9000);
    assert_int_equal(p[0].flags, API_PORT_CSUM | API_PORT_TSO);
    assert_int_equal(p[0].n_queues, 1);
    assert_memory_equal(p[0].mac, none, 6);
    assert_int_equal(p[1].type, API_PORT_ETHDEV);
    assert_string_equal(p[1].device, "0000:03:00.0");
    assert_int_equal(p[1].queue_size, 512);
    assert_int_equal(p[2].owner, 1);
    assert_int_equal(p[2].type, API_PORT_VHOST_USER);
    assert_memory_equal(p[2].mac, mac, 6);
    assert_int_equal(p[2].flags, API_PORT_GUARD | API_PORT_PACKED | API_PORT_CSUM | API_PORT_TSO);
    assert_string_equal(p[2].device, "");
    assert_int_equal(p[2].mac_limit, 256);
    assert_int_equal(p[3].flags, API_PORT_SERVER | API_PORT_CSUM);
    assert_string_equal(p[3].device, "/s/x");
    assert_int_equal(p[3].n_queues, 2);
    assert_int_equal(p[3].mac_limit, 7);
    assert_int_equal(p[3].storm_broadcast_pps, 1);
    assert_int_equal(p[3].storm_multicast_pps, 2);
    assert_int_equal(p[3].storm_unknown_pps, 3);
    assert_int_equal(p[4].type, API_PORT_PCAP);
    assert_string_equal(p[4].device, "/a.pcap");
    assert_string_equal(p[4].device_out, "/b.pcap");
    assert_null(encoding_item(encoding, API_PORT, 5));
    encoding_destroy(encoding);
}

static void test_addresses(void **state)
{
    static const struct api_port_address expected[] = {
        {.owner = 2, .family = 4, .prefix_len = 32, .address = {10, 0, 0, 11}},
        {.owner = 2, .family = 4, .prefix_len = 16, .address = {10, 1}},
        {.owner = 2, .family = 6, .prefix_len = 128, .address = {0xfd, [15] = 0x11}},
        {.owner = 2, .family = 6, .prefix_len = 64, .address = {0xfd, 0x01}},
    };
    struct encoding *encoding = lab_encode(sample);

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        assert_memory_equal(encoding_item(encoding, API_PORT_ADDRESS, i), &expected[i],
                            sizeof(expected[i]));
    assert_null(encoding_item(encoding, API_PORT_ADDRESS, 4));
    encoding_destroy(encoding);
}

static void test_switches_and_members(void **state)
{
    static const struct api_member expected[] = {
        {0, 2, 0, 0}, {0, 3, 10, 0}, {0, 0, 10, 20}, {1, 3, 0, 0}, {1, 4, 0, 0}};
    struct encoding *encoding = lab_encode(sample);
    const struct api_switch *sw = encoding_item(encoding, API_SWITCH, 0);
    const struct api_static_mac *mac = encoding_item(encoding, API_STATIC_MAC, 0);

    (void)state;
    assert_int_equal(sw[0].owner, 1);
    assert_string_equal(sw[0].name, "lan");
    assert_int_equal(sw[0].ageing_sec, 60);
    assert_int_equal(sw[0].mac_table_size, 64);
    assert_string_equal(sw[1].name, "two");
    assert_int_equal(sw[1].ageing_sec, 300);
    for (uint32_t i = 0; i < 5; i++)
        assert_memory_equal(encoding_item(encoding, API_MEMBER, i), &expected[i],
                            sizeof(expected[i]));
    assert_null(encoding_item(encoding, API_MEMBER, 5));
    assert_int_equal(mac[0].owner, 0);
    assert_int_equal(mac[0].member, 1);
    assert_int_equal(mac[0].mac[5], 0x12);
    assert_int_equal(mac[1].owner, 1);
    assert_int_equal(mac[1].member, 4);
    encoding_destroy(encoding);
}

// A port takes more than six hundred bytes: a thousand of them do not fit in one datagram.
static void test_datagrams_are_full(void **state)
{
    enum { N_PORTS = 1000 };
    char *text = malloc(N_PORTS * 64 + 64), *at = text;
    struct encoding *encoding;
    const struct api_header *h;
    const struct api_port *last;
    uint32_t n_ports = 0, n_datagrams = 0, full;
    size_t cursor = 0;

    (void)state;
    assert_non_null(text);
    full = (API_DATAGRAM_SIZE - sizeof(*h)) / sizeof(struct api_port);
    at += sprintf(at, "tenants:\n- name: big\n  ports:\n");
    for (unsigned i = 0; i < N_PORTS; i++)
        at += sprintf(at, "  - {name: p%u, type: vhost-user}\n", i);
    encoding = lab_encode(text);
    free(text);
    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        assert_int_equal(api_check(h, h->len, NULL), 0);
        if (h->type != API_PORT)
            continue;
        n_ports += h->n_items;
        n_datagrams++;
        assert_true(h->n_items == full || n_ports == N_PORTS);
    }
    assert_int_equal(n_ports, N_PORTS);
    assert_int_equal(n_datagrams, (N_PORTS + full - 1) / full);
    last = encoding_item(encoding, API_PORT, N_PORTS - 1);
    assert_string_equal(last->name, "p999");
    encoding_destroy(encoding);
}

static void test_nothing_is_a_transaction_too(void **state)
{
    struct config *config;
    struct encoding *encoding;
    struct config_error e;
    const struct api_header *h;
    size_t cursor = 0;

    (void)state;
    assert_int_equal(config_empty(lab_schema, &config), 0);
    assert_int_equal(encoding_create(config, &encoding, &e), 0);
    h = encoding_next(encoding, &cursor);
    assert_int_equal(h->type, API_BEGIN);
    assert_int_not_equal(((const struct api_begin *)(h + 1))->config_id, 0);
    h = encoding_next(encoding, &cursor);
    assert_int_equal(h->type, API_COMMIT);
    assert_null(encoding_next(encoding, &cursor));
    config_destroy(config);
    encoding_destroy(encoding);
}

// Comparing each static MAC with each member would take several seconds.
static void test_many_static_macs_are_quick(void **state)
{
    enum { N_MEMBERS = 48000, N_MACS = 100000 };
    size_t size = 64 * (N_MEMBERS + N_MACS) + 256, len;
    char *text = malloc(size);
    const struct api_static_mac *mac;
    const struct api_member *member;
    struct encoding *encoding;
    struct config *config;
    struct config_error e;

    (void)state;
    assert_non_null(text);
    len = (size_t)snprintf(text, size,
                           "tenants: [{name: t, ports: [{name: p, type: vhost-user}],\n"
                           " switches: [{name: s, mac-table-size: 131072, members: [");
    for (unsigned i = 0; i < N_MEMBERS; i++)
        len += (size_t)snprintf(text + len, size - len, "p.%u.%u, ", i / 4000 + 1, i % 4000 + 1);
    len += (size_t)snprintf(text + len, size - len, "], static-macs: [\n");
    for (unsigned i = 0; i < N_MACS; i++)
        len += (size_t)snprintf(text + len, size - len,
                                "{mac-address: '02:00:00:%02x:%02x:%02x', member: t/p.%u.%u},\n",
                                i >> 16, i >> 8 & 0xff, i & 0xff, i % N_MEMBERS / 4000 + 1,
                                i % 4000 + 1);
    snprintf(text + len, size - len, "]}]}]\n");
    if (config_parse(lab_schema, text, strlen(text), CONFIG_YAML, &config, &e) < 0)
        fail_msg("line %u, %s: %s", e.line, e.path, e.sentence);
    assert_int_equal(encoding_create(config, &encoding, &e), 0);
    for (unsigned i = 0; i < N_MACS; i += 997) {
        mac = encoding_item(encoding, API_STATIC_MAC, i);
        assert_int_equal(mac->mac[5], i & 0xff);
        assert_int_equal(mac->member, i % N_MEMBERS);
        member = encoding_item(encoding, API_MEMBER, mac->member);
        assert_int_equal(member->outer_vlan, i % N_MEMBERS / 4000 + 1);
        assert_int_equal(member->inner_vlan, i % 4000 + 1);
    }
    encoding_destroy(encoding);
    config_destroy(config);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_datagrams_are_well_formed),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_switches_and_members),
        cmocka_unit_test(test_datagrams_are_full),
        cmocka_unit_test(test_many_static_macs_are_quick),
        cmocka_unit_test(test_nothing_is_a_transaction_too),
    };

    return cmocka_run_group_tests_name("encode", tests, lab_setup, lab_teardown);
}
