// SPDX-License-Identifier: BSD-3-Clause
// Does the dataplane get the firewalls, NATs, guests and session limits that the user wrote? Texts
// go through the real schema and come out as datagrams, each checked against the table of the
// border. Also: 100k rules arrive in the order of seq. Refusals are the datastore's, in
// tests/unit/control/.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/southbound/encode_lab.h"

// A tenant before the one in question, so that owners and indices are seen to move on.
static const char sample[] =
    "tenants:\n"
    "- name: red\n"
    "  address-groups: [{name: hosts}]\n"
    "  port-groups: [{name: web, ports: [1]}]\n"
    "  firewalls: [{name: fw, default: reject, rules: [{seq: 1, direction: in, action: deny}]}]\n"
    "  nats: [{name: n1, source: [{seq: 1, prefix: 10.0.0.0/8, exempt: true}]}]\n"
    "- name: blue\n"
    "  sessions: {limit: 10, half-open-limit: 9, source-limit: 8, fragment-limit: 7,\n"
    "             timeouts: {udp: 1, tcp-unsolicited: 2, tcp-opening: 3, tcp-established: 4,\n"
    "                        tcp-closing: 5, icmp: 6, sctp-opening: 7, sctp: 8, other: 9,\n"
    "                        fragment: 11}}\n"
    "  ports: [{name: vm1, type: vhost-user}, {name: vm2, type: vhost-user},\n"
    "          {name: a, type: vhost-user}, {name: b, type: vhost-user}]\n"
    "  address-groups: [{name: hosts, prefixes: [192.0.2.1, 10.0.0.0/8, \"fd00::/8\"]}]\n"
    "  port-groups: [{name: web, ports: [80, 8000-8099]}]\n"
    "  guest-functions: [{name: ids, inside: b, outside: a, on-failure: bypass}]\n"
    "  firewalls:\n"
    "  - name: empty\n"
    "  - name: fw\n"
    "    default: allow\n"
    "    default-in: deny\n"
    "    log-default: true\n"
    "    rules:\n"
    "    - {seq: 30, direction: out, action: allow}\n"
    "    - {seq: 10, direction: in, protocol: tcp, source-network: 10.1.0.0/16,\n"
    "       destination-network: 10.2.0.7/32, source-port: 1024-65535, destination-port: 443,\n"
    "       tcp-flags: \"syn/syn,ack\", action: allow, log: true, connection-limit: 5,\n"
    "       rate-limit: 6, rate-burst: 7}\n"
    "    - {seq: 20, direction: in, protocol: udp, source-group: hosts,\n"
    "       destination-port-group: web, action: reject}\n"
    "    - {seq: 25, direction: out, protocol: icmpv6, destination-network: \"fd00::/64\",\n"
    "       icmp-type: 128, icmp-code: 0, action: allow, stateless: true}\n"
    "  nats:\n"
    "  - name: nat\n"
    "    mapping: address-dependent\n"
    "    filtering: address-and-port-dependent\n"
    "    paired: false\n"
    "    parity: false\n"
    "    inbound-refresh: false\n"
    "    ports: 2000-2999\n"
    "    host-limit: 3\n"
    "    source:\n"
    "    - {seq: 20, prefix: 10.0.0.0/8, pool: [192.0.2.9, 192.0.2.16/29, 192.0.2.64-192.0.2.70]}\n"
    "    - {seq: 10, prefix: 10.0.0.0/8, destination: 10.9.0.0/16, exempt: true}\n"
    "    static: [{inside: 10.0.0.8/29, outside: 198.51.100.8/29}]\n"
    "    forward:\n"
    "    - {protocol: udp, address: 192.0.2.9, port: 5000-5009, to: 10.0.0.1, to-port: 6000}\n"
    "    - {protocol: tcp, address: 192.0.2.9, port: 22, to: 10.0.0.2}\n"
    "    - {protocol: any, address: 192.0.2.99, port: any, to: 10.0.0.3}\n"
    "  chains:\n"
    "  - {name: plain, inside: vm1.1, outside: vm2.1}\n"
    "  - {name: full, inside: vm1, outside: vm2, functions: [fw, ids, nat, \"fw:2\"],\n"
    "     window-check: false,\n"
    "     pickup: false}\n";

static void test_sessions(void **state)
{
    static const uint32_t defaults[API_N_TIMEOUTS] = {
#define DEFAULT(name, seconds, text) seconds,
        API_TIMEOUTS(DEFAULT)};
    static const uint32_t given[API_N_TIMEOUTS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 11};
    struct encoding *encoding = lab_encode(sample);
    const struct api_tenant *t = encoding_item(encoding, API_TENANT, 0);

    (void)state;
    assert_memory_equal(t[0].timeout_sec, defaults, sizeof(defaults));
    assert_int_equal(t[0].session_limit, 1000000);
    assert_int_equal(t[0].half_open_limit, 100000);
    assert_int_equal(t[0].source_session_limit, 65536);
    assert_int_equal(t[0].fragment_limit, 4096);
    assert_memory_equal(t[1].timeout_sec, given, sizeof(given));
    assert_int_equal(t[1].session_limit, 10);
    assert_int_equal(t[1].half_open_limit, 9);
    assert_int_equal(t[1].source_session_limit, 8);
    assert_int_equal(t[1].fragment_limit, 7);
    encoding_destroy(encoding);
}

static void test_groups(void **state)
{
    static const uint8_t ten[16] = {10}, fd00[16] = {0xfd};
    struct encoding *encoding = lab_encode(sample);
    const struct api_address_group *a = encoding_item(encoding, API_ADDRESS_GROUP, 0);
    const struct api_group_prefix *p = encoding_item(encoding, API_GROUP_PREFIX, 0);
    const struct api_port_group *g = encoding_item(encoding, API_PORT_GROUP, 0);
    const struct api_group_ports *r = encoding_item(encoding, API_GROUP_PORTS, 0);

    (void)state;
    assert_int_equal(a[1].owner, 1);
    assert_string_equal(a[1].name, "hosts");
    assert_int_equal(p[0].owner, 1);
    assert_int_equal(p[0].prefix_len, 32);
    assert_int_equal(p[1].prefix_len, 8);
    assert_memory_equal(p[1].address, ten, 16);
    assert_int_equal(p[2].family, 6);
    assert_memory_equal(p[2].address, fd00, 16);
    assert_int_equal(g[1].owner, 1);
    assert_string_equal(g[1].name, "web");
    assert_int_equal(r[1].owner, 1);
    assert_int_equal(r[1].first, 80);
    assert_int_equal(r[1].last, 80);
    assert_int_equal(r[2].first, 8000);
    assert_int_equal(r[2].last, 8099);
    encoding_destroy(encoding);
}

static void test_firewalls(void **state)
{
    struct encoding *encoding = lab_encode(sample);
    const struct api_firewall *f = encoding_item(encoding, API_FIREWALL, 0);

    (void)state;
    assert_int_equal(f[0].owner, 0);
    assert_int_equal(f[0].default_in, API_ACTION_REJECT);
    assert_int_equal(f[0].default_out, API_ACTION_REJECT);
    assert_int_equal(f[0].is_default_logged, 0);
    assert_int_equal(f[1].default_in, API_ACTION_DENY);
    assert_int_equal(f[2].owner, 1);
    assert_string_equal(f[2].name, "fw");
    assert_int_equal(f[2].default_in, API_ACTION_DENY);
    assert_int_equal(f[2].default_out, API_ACTION_ALLOW);
    assert_int_equal(f[2].is_default_logged, 1);
    encoding_destroy(encoding);
}

static void test_rules_in_the_order_of_seq(void **state)
{
    const struct api_rule expected[] = {
        {.owner = 2,
         .seq = 10,
         .direction = API_DIRECTION_IN,
         .action = API_ACTION_ALLOW,
         .flags = API_RULE_PROTOCOL | API_RULE_LOG,
         .family = 4,
         .protocol = 6,
         .tcp_flags_mask = 0x12,
         .tcp_flags = 0x02,
         .source_len = 16,
         .destination_len = 32,
         .source_port_first = 1024,
         .source_port_last = 65535,
         .destination_port_first = 443,
         .destination_port_last = 443,
         .source_group = API_NONE,
         .destination_group = API_NONE,
         .source_port_group = API_NONE,
         .destination_port_group = API_NONE,
         .connection_limit = 5,
         .rate_limit = 6,
         .rate_burst = 7,
         .source = {10, 1},
         .destination = {10, 2, 0, 7}},
        {.owner = 2,
         .seq = 20,
         .direction = API_DIRECTION_IN,
         .action = API_ACTION_REJECT,
         .flags = API_RULE_PROTOCOL,
         .protocol = 17,
         .source_port_last = 65535,
         .destination_port_last = 65535,
         .source_group = 1,
         .destination_group = API_NONE,
         .source_port_group = API_NONE,
         .destination_port_group = 1},
        {.owner = 2,
         .seq = 25,
         .direction = API_DIRECTION_OUT,
         .action = API_ACTION_ALLOW,
         .flags = API_RULE_PROTOCOL | API_RULE_ICMP_TYPE | API_RULE_ICMP_CODE | API_RULE_STATELESS,
         .family = 6,
         .protocol = 58,
         .icmp_type = 128,
         .destination_len = 64,
         .source_port_last = 65535,
         .destination_port_last = 65535,
         .source_group = API_NONE,
         .destination_group = API_NONE,
         .source_port_group = API_NONE,
         .destination_port_group = API_NONE,
         .destination = {0xfd}},
    };
    struct encoding *encoding = lab_encode(sample);
    const struct api_rule *r = encoding_item(encoding, API_RULE, 0);

    (void)state;
    assert_int_equal(r[0].owner, 0);
    assert_int_equal(r[0].seq, 1);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_equal(&r[i + 1], &expected[i], sizeof(expected[i]));
    assert_int_equal(r[4].seq, 30);
    assert_int_equal(r[4].flags, 0);
    assert_null(encoding_item(encoding, API_RULE, 5));
    encoding_destroy(encoding);
}

static void test_nats(void **state)
{
    static const uint8_t ends[3][2] = {{9, 9}, {16, 23}, {64, 70}};
    struct encoding *encoding = lab_encode(sample);
    const struct api_nat *n = encoding_item(encoding, API_NAT, 0);
    const struct api_nat_source *s = encoding_item(encoding, API_NAT_SOURCE, 0);
    const struct api_nat_pool *p = encoding_item(encoding, API_NAT_POOL, 0);

    (void)state;
    assert_int_equal(n[0].mapping, API_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(n[0].filtering, API_NAT_ENDPOINT_INDEPENDENT);
    assert_int_equal(n[0].flags,
                     API_NAT_PAIRED | API_NAT_HAIRPIN | API_NAT_PARITY | API_NAT_INBOUND_REFRESH);
    assert_int_equal(n[0].port_first, 1024);
    assert_int_equal(n[0].port_last, 65535);
    assert_int_equal(n[0].host_limit, 4096);
    assert_int_equal(n[1].owner, 1);
    assert_int_equal(n[1].mapping, API_NAT_ADDRESS_DEPENDENT);
    assert_int_equal(n[1].filtering, API_NAT_ADDRESS_AND_PORT_DEPENDENT);
    assert_int_equal(n[1].flags, API_NAT_HAIRPIN);
    assert_int_equal(n[1].port_first, 2000);
    assert_int_equal(n[1].port_last, 2999);
    assert_int_equal(n[1].host_limit, 3);
    assert_int_equal(s[1].owner, 1);
    assert_int_equal(s[1].seq, 10);
    assert_int_equal(s[1].flags, API_NAT_EXEMPT);
    assert_int_equal(s[1].destination_len, 16);
    assert_int_equal(s[1].destination[1], 9);
    assert_int_equal(s[2].seq, 20);
    assert_int_equal(s[2].prefix_len, 8);
    assert_int_equal(s[2].destination_len, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(p[i].owner, 2);
        assert_int_equal(p[i].first[3], ends[i][0]);
        assert_int_equal(p[i].last[3], ends[i][1]);
    }
    assert_null(encoding_item(encoding, API_NAT_POOL, 3));
    encoding_destroy(encoding);
}

static void test_statics_and_forwards(void **state)
{
    struct encoding *encoding = lab_encode(sample);
    const struct api_nat_static *s = encoding_item(encoding, API_NAT_STATIC, 0);
    const struct api_nat_forward *f = encoding_item(encoding, API_NAT_FORWARD, 0);

    (void)state;
    assert_int_equal(s->owner, 1);
    assert_int_equal(s->prefix_len, 29);
    assert_int_equal(s->inside[3], 8);
    assert_int_equal(s->outside[0], 198);
    assert_int_equal(f[0].protocol, 17);
    assert_int_equal(f[0].port_first, 5000);
    assert_int_equal(f[0].port_last, 5009);
    assert_int_equal(f[0].to_port, 6000);
    assert_int_equal(f[0].to[3], 1);
    assert_int_equal(f[1].protocol, 6);
    assert_int_equal(f[1].to_port, 22);
    assert_int_equal(f[2].protocol, 0);
    assert_int_equal(f[2].port_last, 0);
    assert_int_equal(f[2].to_port, 0);
    assert_int_equal(f[2].address[3], 99);
    encoding_destroy(encoding);
}

static void test_functions_of_a_chain(void **state)
{
    static const struct api_chain_function expected[] = {
        {1, API_FUNCTION_FIREWALL, 0, {0}, 2},
        {1, API_FUNCTION_GUEST, 0, {0}, 0},
        {1, API_FUNCTION_NAT, 0, {0}, 1},
        {1, API_FUNCTION_FIREWALL, 2, {0}, 2},
    };
    struct encoding *encoding = lab_encode(sample);
    const struct api_guest_function *g = encoding_item(encoding, API_GUEST_FUNCTION, 0);
    const struct api_chain *c = encoding_item(encoding, API_CHAIN, 0);

    (void)state;
    assert_int_equal(c[0].flags, 0);
    assert_int_equal(c[1].flags, API_CHAIN_NO_WINDOW_CHECK | API_CHAIN_NO_PICKUP);
    assert_memory_equal(encoding_item(encoding, API_CHAIN_FUNCTION, 0), expected, sizeof(expected));
    assert_null(encoding_item(encoding, API_CHAIN_FUNCTION, 4));
    assert_int_equal(g->owner, 1);
    assert_string_equal(g->name, "ids");
    assert_int_equal(g->inside, 3);
    assert_int_equal(g->outside, 2);
    assert_int_equal(g->on_failure, API_ON_FAILURE_BYPASS);
    encoding_destroy(encoding);
}

static void test_many_rules(void **state)
{
    const uint32_t n = 100000;
    size_t size = n * 160 + 256, len;
    char *text = malloc(size);
    const struct api_header *h;
    struct encoding *encoding;
    uint32_t expected = 1;
    size_t cursor = 0;

    (void)state;
    assert_non_null(text);
    len = (size_t)snprintf(text, size, "tenants: [{name: a, firewalls: [{name: f, rules: [\n");
    for (uint32_t i = n; i > 0; i--) // backwards: the order is seq's
        len += (size_t)snprintf(text + len, size - len,
                                "{seq: %u, direction: in, protocol: tcp, source-network: "
                                "10.%u.%u.0/24, destination-port: 80, action: allow},\n",
                                i, i >> 8 & 255, i & 255);
    snprintf(text + len, size - len, "]}]}]\n");
    encoding = lab_encode(text);
    free(text);
    while ((h = encoding_next(encoding, &cursor)) != NULL)
        for (uint32_t i = 0; h->type == API_RULE && i < h->n_items; i++)
            assert_int_equal(((const struct api_rule *)(h + 1))[i].seq, expected++);
    assert_int_equal(expected, n + 1);
    encoding_destroy(encoding);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_firewalls),
        cmocka_unit_test(test_rules_in_the_order_of_seq),
        cmocka_unit_test(test_nats),
        cmocka_unit_test(test_statics_and_forwards),
        cmocka_unit_test(test_functions_of_a_chain),
        cmocka_unit_test(test_many_rules),
    };

    return cmocka_run_group_tests_name("encode-firewall", tests, lab_setup, lab_teardown);
}
