// SPDX-License-Identifier: BSD-3-Clause
// What does a client see of chains, sessions, firewalls and NATs? culvertd runs in a thread as in
// routers_test.c, with tests/lib/fake_dataplane.c, whose answers are made here: their fields have
// to come out under the right names, filters have to go in as they were asked for.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fake_dataplane.h"
#include "tests/unit/northbound/http_lab.h"

#define N_SESSIONS 2300
#define PAGE 200

static const char text[] =
    "tenants:\n"
    "- name: red\n"
    "  switches: [{name: edge, shared: true}]\n"
    "  firewalls: [{name: fw, rules: [{seq: 10, direction: in, action: allow}]}]\n"
    "- name: blue\n"
    "  ports: [{name: vm1, type: vhost-user}, {name: vm2, type: vhost-user},\n"
    "          {name: a, type: vhost-user}, {name: b, type: vhost-user}]\n"
    "  routers: [{name: gw, interfaces: [{name: lan}]}]\n"
    "  address-groups: [{name: hosts}]\n"
    "  port-groups: [{name: web}]\n"
    "  guest-functions: [{name: ids, inside: a, outside: b}]\n"
    "  firewalls:\n"
    "  - {name: fw, default-out: reject, rules: [\n"
    "     {seq: 10, direction: out, protocol: tcp, source-network: 10.0.0.0/8,\n"
    "      destination-group: hosts, source-port: 5-6, destination-port-group: web,\n"
    "      action: allow},\n"
    "     {seq: 20, direction: in, protocol: icmp, icmp-type: 8, icmp-code: 0, action: reject}]}\n"
    "  - {name: gone}\n"
    "  nats: [{name: nat}]\n"
    "  chains:\n"
    "  - {name: cable, inside: vm1, outside: vm2.7}\n"
    "  - {name: edge, inside: gw.lan, outside: red/edge, functions: [fw, ids, nat, \"fw:2\"]}\n";

static struct fake_dataplane dataplane;
static struct api_list_sessions last_list;
static struct api_clear_sessions last_clear;

static void answer_chain(struct fake_answer *answer)
{
    *(struct api_chain_state *)answer->items = (struct api_chain_state){.tenant = "blue",
                                                                        .name = "edge",
                                                                        .n_sessions = 9,
                                                                        .n_half_open = 4,
                                                                        .is_inside_up = 1,
                                                                        .n_functions = 3,
                                                                        .n_guests_down = 1,
                                                                        .n_bypassed = 1,
                                                                        .out = 101,
                                                                        .related = 102};
    answer->type = API_CHAIN_STATE;
    answer->n = 1;
}

static void answer_firewall(struct fake_answer *answer)
{
    *(struct api_firewall_state *)answer->items =
        (struct api_firewall_state){.tenant = "red",
                                    .name = "fw",
                                    .n_rules = 2,
                                    .rule_memory = 3,
                                    .allowed = 4,
                                    .denied = 5,
                                    .limited = 6,
                                    .default_in_hits = 7,
                                    .default_out_hits = 8};
    answer->type = API_FIREWALL_STATE;
    answer->n = 1;
}

static void answer_nat(struct fake_answer *answer)
{
    *(struct api_nat_state *)answer->items = (struct api_nat_state){.tenant = "blue",
                                                                    .name = "nat",
                                                                    .n_bindings = 1,
                                                                    .n_hosts = 2,
                                                                    .n_addresses = 3,
                                                                    .n_ports_tcp = 4,
                                                                    .n_ports_udp = 5,
                                                                    .n_identifiers = 6,
                                                                    .bound = 7,
                                                                    .host_limited = 8};
    answer->type = API_NAT_STATE;
    answer->n = 1;
}

// Rule 20 comes on a page of its own; 30 is not in the configuration (any more).
static void answer_rules(const struct api_list_rules *list, struct fake_answer *answer)
{
    struct api_rule_hits *hits = answer->items;

    memset(hits, 0, 2 * sizeof(*hits));
    answer->type = API_RULES;
    answer->n = list->cursor == 0 ? 1 : 2;
    hits[0] = (struct api_rule_hits){list->cursor == 0 ? 10 : 20, 1, 2, 3, 4, 0, 0};
    hits[1].seq = 30;
    hits[0].has_more = list->cursor == 0;
}

static void answer_sessions(const struct api_list_sessions *list, struct fake_answer *answer)
{
    struct api_session_entry *entries = answer->items;
    uint32_t at = list->cursor;

    last_list = *list;
    memset(entries, 0, PAGE * sizeof(*entries));
    answer->type = API_SESSIONS;
    for (; answer->n < PAGE && at < N_SESSIONS; answer->n++, at++)
        entries[answer->n] =
            (struct api_session_entry){.tenant = "blue",
                                       .chain = "edge",
                                       .id = at,
                                       .family = 4,
                                       .protocol = 17,
                                       .state = API_SESSION_ESTABLISHED,
                                       .is_inside = 1,
                                       .source_port = {1000, 53},
                                       .destination_port = {53, 2000},
                                       .age_sec = 5,
                                       .expires_sec = 6,
                                       .source = {{10, 0, 0, 1}, {8, 8, 8, 8}},
                                       .destination = {{8, 8, 8, 8}, {192, 0, 2, 1}},
                                       .packets = {11, 12},
                                       .bytes = {13, 14}};
    if (at < N_SESSIONS)
        entries[answer->n - 1].next = at;
}

static void answer_clear(const struct api_clear_sessions *clear, struct fake_answer *answer)
{
    last_clear = *clear;
    *(struct api_cleared *)answer->items =
        (struct api_cleared){10, clear->cursor < 30 ? clear->cursor + 10 : 0};
    answer->type = API_CLEARED;
    answer->n = 1;
}

static void answer_bindings(struct fake_answer *answer)
{
    struct api_binding *bindings = answer->items;

    bindings[0] = (struct api_binding){6, 0, 1000, 2000, 0, {10, 0, 0, 1}, {192, 0, 2, 1}, 3, 0};
    bindings[1] = (struct api_binding){0, 1, 0, 0, 0, {10, 0, 0, 2}, {192, 0, 2, 2}, 1, 0};
    answer->type = API_BINDINGS;
    answer->n = 2;
}

static int answer(void *arg, const struct api_header *request, const void *item,
                  struct fake_answer *out)
{
    const struct api_show_chain *named = item; // but for sessions, all begin with the names

    (void)arg;
    if (request->type == API_LIST_SESSIONS)
        answer_sessions(item, out);
    else if (request->type == API_CLEAR_SESSIONS)
        answer_clear(item, out);
    else if (strcmp(named->name, "gone") == 0)
        fake_refuse(out, -ENOENT, "there is no such firewall");
    else if (request->type == API_SHOW_CHAIN && strcmp(named->name, "edge") == 0)
        answer_chain(out);
    else if (request->type == API_SHOW_FIREWALL)
        answer_firewall(out);
    else if (request->type == API_SHOW_NAT)
        answer_nat(out);
    else if (request->type == API_LIST_RULES)
        answer_rules(item, out);
    else if (request->type == API_LIST_BINDINGS)
        answer_bindings(out);
    else
        fake_refuse(out, -EPROTO, "not asked for here");
    return 1;
}

static int setup(void **state)
{
    (void)state;
    dataplane.answer = answer;
    fake_dataplane_start(&dataplane);
    if (http_lab_start(dataplane.dir) != 0)
        return 1;
    http_check(http_ask("PUT", "/restconf/data", YAML, text), "200", "\"changed\": true");
    return 0;
}

static int teardown(void **state)
{
    int rc = http_lab_stop();

    (void)state;
    fake_dataplane_stop(&dataplane);
    return rc;
}

static json_t *get(const char *method, const char *path)
{
    const char *said = http_ask(method, path, "", ""), *body = strstr(said, "\r\n\r\n");
    json_t *json = body == NULL ? NULL : json_loads(body, 0, NULL);

    http_check(said, "200", "");
    assert_non_null(json);
    return json;
}

// The whole answer is this.
static void check(const char *method, const char *path, const char *expected)
{
    json_t *json = get(method, path), *wanted = json_loads(expected, 0, NULL);
    char *said = json_dumps(json, JSON_SORT_KEYS);

    assert_non_null(wanted);
    if (!json_equal(json, wanted))
        fail_msg("%s: %s", path, said);
    free(said);
    json_decref(json);
    json_decref(wanted);
}

static void test_chains(void **state)
{
    (void)state;
    check("GET", STATE "chains",
          "{\"culvert:chains\": [{\"tenant\": \"blue\", \"name\": \"cable\", \"inside\": \"vm1\","
          " \"outside\": \"vm2.7\", \"functions\": []}, {\"tenant\": \"blue\", \"name\": \"edge\","
          " \"inside\": \"gw.lan\", \"outside\": \"red/edge\","
          " \"functions\": [\"fw\", \"ids\", \"nat\", \"fw:2\"], \"inside-up\": true, "
          "\"outside-up\": false,"
          " \"guests-down\": 1, \"bypassed\": 1, \"sessions\": 9, \"half-open\": 4,"
          " \"counters\": {\"out\": 101, \"in\": 0, \"turned\": 0, \"opened\": 0, \"closed\": 0,"
          " \"rejudged\": 0, \"revoked\": 0, \"evicted\": 0, \"related\": 102, \"fragments\": 0, "
          "\"rejected\": 0,"
          " \"dropped\": 0}}]}");
}

static void test_firewalls_and_nats(void **state)
{
    (void)state;
    check(
        "GET", STATE "firewalls",
        "{\"culvert:firewalls\": [{\"tenant\": \"red\", \"name\": \"fw\", \"default-in\":"
        " \"deny\", \"default-out\": \"deny\", \"rules\": 2, \"rule-memory\": 3, \"allowed\": 4,"
        " \"denied\": 5, \"limited\": 6, \"default-in-hits\": 7, \"default-out-hits\": 8},"
        " {\"tenant\": \"blue\", \"name\": \"fw\", \"default-in\":"
        " \"deny\", \"default-out\": \"reject\", \"rules\": 2, \"rule-memory\": 3, \"allowed\": 4,"
        " \"denied\": 5, \"limited\": 6, \"default-in-hits\": 7, \"default-out-hits\": 8},"
        " {\"tenant\": \"blue\", \"name\": \"gone\", \"default-in\": \"deny\","
        " \"default-out\": \"deny\"}]}");
    check("GET", STATE "nats",
          "{\"culvert:nats\": [{\"tenant\": \"blue\", \"name\": \"nat\", \"bindings\": 1,"
          " \"hosts\": 2, \"addresses\": 3, \"tcp-ports\": 4, \"udp-ports\": 5,"
          " \"icmp-identifiers\": 6, \"counters\": {\"bound\": 7, \"released\": 0,"
          " \"hairpinned\": 0, \"no_port\": 0, \"host_limited\": 8, \"filtered\": 0,"
          " \"unmatched\": 0}}]}");
    check("GET", STATE "bindings?nat=blue/nat",
          "{\"culvert:bindings\": [{\"protocol\": \"tcp\", \"inside\": \"10.0.0.1\","
          " \"inside-port\": 1000, \"outside\": \"192.0.2.1\", \"outside-port\": 2000,"
          " \"sessions\": 3, \"static\": false}, {\"protocol\": \"any\", \"inside\": \"10.0.0.2\","
          " \"inside-port\": 0, \"outside\": \"192.0.2.2\", \"outside-port\": 0, \"sessions\": 1,"
          " \"static\": true}]}");
}

static void test_rules_with_their_configuration(void **state)
{
    (void)state;
    check("GET", STATE "rules?firewall=blue/fw",
          "{\"culvert:rules\": [{\"seq\": 10, \"direction\": \"out\", \"action\": \"allow\","
          " \"protocol\": \"tcp\", \"source-network\": \"10.0.0.0/8\", \"destination-group\":"
          " \"hosts\", \"source-port\": \"5-6\", \"destination-port-group\": \"web\","
          " \"sessions\": 1, \"hits\": 2, \"packets\": 3, \"bytes\": 4},"
          " {\"seq\": 20, \"direction\": \"in\", \"action\": \"reject\", \"protocol\": \"icmp\","
          " \"icmp-type\": 8, \"icmp-code\": 0, \"sessions\": 1, \"hits\": 2, \"packets\": 3,"
          " \"bytes\": 4}, {\"seq\": 30, \"sessions\": 0, \"hits\": 0, \"packets\": 0,"
          " \"bytes\": 0}]}");
}

static void test_sessions_page_by_page(void **state)
{
    json_t *json = get("GET", STATE "sessions?limit=1000");
    json_t *list = json_object_get(json, "culvert:sessions");
    json_t *wanted = json_loads(
        "{\"id\": 999, \"tenant\": \"blue\", \"chain\": \"edge\", \"protocol\": \"udp\","
        " \"state\": \"established\", \"begun\": \"inside\", \"hairpin\": false, \"age\": 5,"
        " \"expires\": 6, \"original\": {\"source\": \"10.0.0.1\", \"source-port\": 1000,"
        " \"destination\": \"8.8.8.8\", \"destination-port\": 53, \"packets\": 11, \"bytes\": 13},"
        " \"reply\": {\"source\": \"8.8.8.8\", \"source-port\": 53, \"destination\":"
        " \"192.0.2.1\", \"destination-port\": 2000, \"packets\": 12, \"bytes\": 14}}",
        0, NULL);

    (void)state;
    assert_int_equal(json_array_size(list), 1000);
    assert_true(json_equal(json_array_get(list, 999), wanted));
    assert_int_equal(json_integer_value(json_object_get(json, "culvert:next")), 1000);
    json_decref(wanted);
    json_decref(json);
    json = get("GET", STATE "sessions?limit=1000&after=2000");
    assert_int_equal(json_array_size(json_object_get(json, "culvert:sessions")), 300);
    assert_null(json_object_get(json, "culvert:next"));
    json_decref(json);
}

static void test_filter(void **state)
{
    static const uint8_t prefix[16] = {10, 1};
    const struct api_session_filter *f = &last_list.filter;

    (void)state;
    json_decref(get("GET", STATE "sessions?tenant=blue&chain=edge&protocol=icmp&address=10.1.2.3/16"
                                 "&port=443&limit=1"));
    assert_string_equal(f->tenant, "blue");
    assert_string_equal(f->chain, "edge");
    assert_int_equal(f->protocol, 1);
    assert_int_equal(f->family, 4);
    assert_int_equal(f->prefix_len, 16);
    assert_memory_equal(f->address, prefix, 16);
    assert_int_equal(f->port, 443);
    assert_int_equal(f->flags, API_SESSION_PROTOCOL | API_SESSION_ADDRESS);
    json_decref(get("GET", STATE "sessions?protocol=0&limit=1"));
    assert_int_equal(f->flags, API_SESSION_PROTOCOL);
    assert_int_equal(f->tenant[0], 0);
    json_decref(get("GET", STATE "sessions?limit=1"));
    assert_int_equal(f->flags, 0);
}

static void test_clear_goes_to_the_end(void **state)
{
    uint32_t n = dataplane.n_requests[API_CLEAR_SESSIONS];

    (void)state;
    check("POST", "/restconf/operations/culvert:clear-sessions?tenant=blue&address=fd00::1",
          "{\"culvert:output\": {\"cleared\": 40}}");
    assert_int_equal(dataplane.n_requests[API_CLEAR_SESSIONS] - n, 4);
    assert_string_equal(last_clear.filter.tenant, "blue");
    assert_int_equal(last_clear.filter.family, 6);
    assert_int_equal(last_clear.filter.prefix_len, 128);
    assert_int_equal(last_clear.cursor, 30);
}

static void test_metrics(void **state)
{
    const char *said = http_ask("GET", "/metrics", "", "");

    (void)state;
    http_check(said, "200", "# TYPE culvert_chain_out_total counter\n");
    http_check(said, "200", "culvert_chain_out_total{tenant=\"blue\",chain=\"edge\"} 101\n");
    http_check(said, "200", "culvert_chain_sessions{tenant=\"blue\",chain=\"edge\"} 9\n");
    http_check(said, "200", "culvert_firewall_denied_total{tenant=\"red\",firewall=\"fw\"} 5\n");
    http_check(said, "200", "culvert_firewall_rules{tenant=\"blue\",firewall=\"fw\"} 2\n");
    http_check(said, "200", "culvert_nat_tcp_ports{tenant=\"blue\",nat=\"nat\"} 4\n");
    http_check(said, "200", "culvert_nat_host_limited_total{tenant=\"blue\",nat=\"nat\"} 8\n");
    assert_null(strstr(said, "cable")); // no functions, no state
    assert_null(strstr(said, "gone"));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *method, *path, *status, *part;
    } cases[] = {
        {"GET", STATE "rules?firewall=blue/nat", "404", "there is no firewall blue/nat"},
        {"GET", STATE "rules?firewall=fw", "400", "the query must be firewall=TENANT/FIREWALL"},
        {"GET", STATE "bindings", "400", "the query must be nat=TENANT/NAT"},
        {"GET", STATE "sessions?protocol=tpc", "400", "protocol must be tcp, udp"},
        {"GET", STATE "sessions?protocol=256", "400", "protocol must be tcp, udp"},
        {"GET", STATE "sessions?address=10.0.0", "400", "address must be an IPv4 or IPv6"},
        {"GET", STATE "sessions?port=0", "400", "port must be a number from 1 to 65535"},
        {"GET", STATE "sessions?chain=edge", "400", "chain needs tenant"},
        {"GET", STATE "sessions?tenant=12345678901234567890123456789012", "400",
         "tenant and chain must be names"},
        {"POST", "/restconf/operations/culvert:clear-sessions?port=x", "400",
         "port must be a number"},
        {"GET", "/restconf/operations/culvert:clear-sessions", "405", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        http_check(http_ask(cases[i].method, cases[i].path, "", ""), cases[i].status,
                   cases[i].part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_firewalls_and_nats),
        cmocka_unit_test(test_rules_with_their_configuration),
        cmocka_unit_test(test_sessions_page_by_page),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_clear_goes_to_the_end),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests_name("northbound-chains", tests, setup, teardown);
}
