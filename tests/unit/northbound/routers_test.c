// SPDX-License-Identifier: BSD-3-Clause
// What does a client see of routers? culvertd runs in a thread as in http_test.c, this time with a
// dataplane: tests/lib/fake_dataplane.c, which has one router whose tables are made here. A real
// one is for the system tests.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/fake_dataplane.h"
#include "tests/unit/northbound/http_lab.h"

#define N_ROUTES 2500 // of IPv4, in pages of 700
#define PAGE 700
#define N_NEIGHBORS 5

static const char text[] =
    "tenants:\n"
    "- name: blue\n"
    "  ports: [{name: vm1, type: vhost-user}, {name: up, type: vhost-user}]\n"
    "  switches: [{name: lan, members: [vm1]}]\n"
    "  routers:\n"
    "  - name: gw\n"
    "    interfaces:\n"
    "    - {name: lan, addresses: [10.0.0.1/24, \"fd00::1/64\"], tcp-mss: 1400}\n"
    "    - {name: wan, addresses: [192.0.2.1/24], kernel: true, network-namespace: frr}\n"
    "  - name: gone\n"
    "  chains:\n"
    "  - {name: inside, inside: lan, outside: gw.lan}\n"
    "  - {name: uplink, inside: gw.wan, outside: up}\n";

static struct fake_dataplane dataplane;
static struct api_ping last_ping;

static void answer_state(const struct api_show_router *show, struct fake_answer *answer)
{
    struct api_router_state state = {.n_routes4 = N_ROUTES,
                                     .n_routes6 = 1,
                                     .n_neighbors = N_NEIGHBORS,
                                     .n_neighbors_refused = 3,
                                     .route_memory = 123456,
                                     .forwarded = 77,
                                     .held = 2};

    memcpy(state.tenant, show->tenant, API_NAME_SIZE);
    memcpy(state.name, show->name, API_NAME_SIZE);
    memcpy(answer->items, &state, sizeof(state));
    answer->type = API_ROUTER_STATE;
    answer->n = 1;
}

static void answer_interfaces(const struct api_list_interfaces *list, struct fake_answer *answer)
{
    struct api_interface_state *item = answer->items;

    // One a page, so that the pages are seen to come together.
    *item = (struct api_interface_state){.mac = {2, 0, 0, 0, 0, 1}, .mtu = 1500, .is_plugged = 1};
    strcpy(item->name, list->cursor == 0 ? "lan" : "wan");
    item->is_up = list->cursor == 0;
    item->next = list->cursor == 0 ? 1 : 0;
    answer->type = API_INTERFACES;
    answer->n = 1;
}

// Route i is 1.x.y.0/24; number 999 has two next hops and a second source behind it.
static uint32_t put_route(struct api_route_entry *to, uint32_t i)
{
    static const struct api_route_entry route = {.family = 4,
                                                 .prefix_len = 24,
                                                 .type = API_ROUTE_UNICAST,
                                                 .source = API_SOURCE_STATIC,
                                                 .preference = 1,
                                                 .is_active = 1,
                                                 .weight = 1,
                                                 .next_hop_family = 4,
                                                 .next_hop = {192, 0, 2, 9},
                                                 .interface = "wan",
                                                 .n_next_hops = 1,
                                                 .is_up = 1};
    uint32_t n = i == 999 ? 3 : 1;

    for (uint32_t j = 0; j < n; j++) {
        to[j] = route;
        to[j].address[0] = 1;
        to[j].address[1] = (uint8_t)(i >> 8);
        to[j].address[2] = (uint8_t)i;
    }
    if (n == 1)
        return 1;
    to[0].n_next_hops = to[1].n_next_hops = 2;
    to[1].position = 1;
    to[1].weight = 5;
    to[1].is_up = 0;
    to[2].source = API_SOURCE_DYNAMIC;
    to[2].preference = 20;
    to[2].is_active = 0;
    return n;
}

static void answer_routes(const struct api_list_routes *list, struct fake_answer *answer)
{
    struct api_route_entry *items = answer->items;
    uint32_t at = 0, n = N_ROUTES;

    answer->type = API_ROUTES;
    if (list->mode == API_LIST_AFTER)
        at = (uint32_t)(list->address[1] << 8 | list->address[2]) + 1;
    if (list->mode == API_LIST_MATCH) {
        at = list->address[0] == 1 ? (uint32_t)(list->address[1] << 8 | list->address[2]) : n;
        n = at < n ? at + 1 : n;
    }
    if (list->family == 6)
        at = n;
    for (; at < n && answer->n < PAGE; at++)
        answer->n += put_route(items + answer->n, at);
    if (answer->n == 0)
        answer->n = 1;
    items[answer->n - 1].has_more = at < n;
}

static void answer_neighbors(const struct api_list_neighbors *list, struct fake_answer *answer)
{
    struct api_neighbor_entry *items = answer->items;
    uint32_t at = list->cursor;

    answer->type = API_NEIGHBORS;
    for (; at < N_NEIGHBORS && answer->n < 2; at++, answer->n++) {
        items[answer->n] = (struct api_neighbor_entry){.family = 4,
                                                       .state = (uint8_t)(at + 1),
                                                       .mac = {0, 0, 0, 0, 0, (uint8_t)at},
                                                       .address = {10, 0, 0, (uint8_t)at},
                                                       .interface = "lan",
                                                       .age_sec = at * 10,
                                                       .n_held = at};
    }
    items[answer->n - 1].next = at < N_NEIGHBORS ? at : 0;
}

// What becomes of a ping is in the last byte of its address.
static void answer_ping(const struct api_ping *ping, struct fake_answer *answer)
{
    struct api_ping_state state = {.id = 7, .result = API_PING_WAITING, .family = ping->family};

    last_ping = *ping;
    if (ping->id != 0)
        state.result = ping->address[3];
    if (state.result == API_PING_ERROR)
        state.icmp_type = 3;
    if (state.result == API_PING_ERROR)
        state.icmp_code = 13;
    state.ttl = 61;
    state.rtt_ns = 1234567;
    memcpy(state.from, ping->address, sizeof(state.from));
    memcpy(answer->items, &state, sizeof(state));
    answer->type = API_PING_STATE;
    answer->n = 1;
}

static void answer_macs(struct fake_answer *answer)
{
    struct api_mac *macs = answer->items;

    macs[0] = (struct api_mac){
        .mac = {2, 0, 0, 0, 0, 1}, .is_chain = 1, .port_tenant = "blue", .port = "inside"};
    macs[1] = (struct api_mac){.mac = {2, 0, 0, 0, 0, 2}, .port_tenant = "blue", .port = "vm1"};
    answer->type = API_MACS;
    answer->n = 2;
}

static int answer(void *arg, const struct api_header *request, const void *item,
                  struct fake_answer *out)
{
    const struct api_show_router *named = item; // all of them begin with the names

    (void)arg;
    if (request->type != API_LIST_MACS && strcmp(named->name, "gw") != 0)
        fake_refuse(out, -ENOENT, "there is no such switch or router");
    else if (request->type == API_SHOW_ROUTER)
        answer_state(item, out);
    else if (request->type == API_LIST_INTERFACES)
        answer_interfaces(item, out);
    else if (request->type == API_LIST_ROUTES)
        answer_routes(item, out);
    else if (request->type == API_LIST_NEIGHBORS)
        answer_neighbors(item, out);
    else if (request->type == API_PING)
        answer_ping(item, out);
    else
        answer_macs(out);
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

static const char *dumped(const json_t *json, const char *key)
{
    static char *kept;

    free(kept);
    kept = json_dumps(json_object_get(json, key), JSON_COMPACT | JSON_ENCODE_ANY);
    return kept == NULL ? "" : kept;
}

static void test_routers(void **state)
{
    json_t *json = get("GET", STATE "routers");
    json_t *list = json_object_get(json, "culvert:routers"), *router, *interface;

    (void)state;
    assert_int_equal(json_array_size(list), 1); // "gone" is not there any more
    router = json_array_get(list, 0);
    assert_string_equal(dumped(router, "name"), "\"gw\"");
    assert_string_equal(dumped(router, "ipv4-routes"), "2500");
    assert_string_equal(dumped(router, "ipv6-routes"), "1");
    assert_string_equal(dumped(router, "route-limit"), "2000000");
    assert_string_equal(dumped(router, "route-memory"), "123456");
    assert_string_equal(dumped(router, "neighbors"), "5");
    assert_string_equal(dumped(router, "neighbor-limit"), "4096");
    assert_string_equal(dumped(router, "neighbors-refused"), "3");
    assert_string_equal(dumped(router, "kernel-preference"), "20");
    assert_string_equal(dumped(json_object_get(router, "counters"), "forwarded"), "77");
    assert_string_equal(dumped(json_object_get(router, "counters"), "held"), "2");
    list = json_object_get(router, "interfaces");
    assert_int_equal(json_array_size(list), 2);
    interface = json_array_get(list, 0);
    assert_string_equal(dumped(interface, "name"), "\"lan\"");
    assert_string_equal(dumped(interface, "link"), "\"up\"");
    assert_string_equal(dumped(interface, "mac-address"), "\"02:00:00:00:00:01\"");
    assert_string_equal(dumped(interface, "addresses"), "[\"10.0.0.1/24\",\"fd00::1/64\"]");
    assert_string_equal(dumped(interface, "tcp-mss"), "1400");
    assert_null(json_object_get(interface, "kernel-interface"));
    interface = json_array_get(list, 1);
    assert_string_equal(dumped(interface, "link"), "\"down\"");
    assert_string_equal(dumped(interface, "kernel-interface"), "\"gw.wan\"");
    assert_string_equal(dumped(interface, "network-namespace"), "\"frr\"");
    json_decref(json);
}

// The routes of one page are checked, `first` of them were before it.
static void check_page(const json_t *list, unsigned first)
{
    char prefix[32];

    for (unsigned i = 0; i < json_array_size(list); i++) {
        unsigned route = first + i > 999 ? first + i - 1 : first + i; // 999 has two sources

        snprintf(prefix, sizeof(prefix), "\"1.%u.%u.0/24\"", route >> 8, route & 255);
        assert_string_equal(dumped(json_array_get(list, i), "prefix"), prefix);
    }
}

// Each page is followed by the next, and together they are the table: none twice, none missing.
static void test_routes_page_by_page(void **state)
{
    static const unsigned sizes[] = {800, 800, 800, N_ROUTES + 1 - 3 * 800};
    char path[160] = STATE "routes?router=blue/gw&limit=800";
    unsigned n = 0;
    json_t *json;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        json = get("GET", path);
        assert_int_equal(json_array_size(json_object_get(json, "culvert:routes")), sizes[i]);
        check_page(json_object_get(json, "culvert:routes"), n);
        n += sizes[i];
        assert_int_equal(json_object_get(json, "culvert:next") == NULL, i == 3);
        snprintf(path, sizeof(path), STATE "routes?router=blue/gw&limit=800&after=%s",
                 i == 3 ? "" : json_string_value(json_object_get(json, "culvert:next")));
        json_decref(json);
    }
}

// A limit in the midst of a prefix does not cut it: the next page begins behind the prefix.
static void test_a_prefix_is_not_cut(void **state)
{
    json_t *json = get("GET", STATE "routes?router=blue/gw&limit=1&after=1.3.230.0/24");
    json_t *list = json_object_get(json, "culvert:routes");

    (void)state;
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(dumped(json_array_get(list, 0), "next-hops"),
                        "[{\"address\":\"192.0.2.9\",\"outgoing-interface\":\"wan\",\"weight\":1,"
                        "\"up\":true},{\"address\":\"192.0.2.9\",\"outgoing-interface\":\"wan\","
                        "\"weight\":5,\"up\":false}]");
    assert_string_equal(dumped(json_array_get(list, 0), "active"), "true");
    assert_string_equal(dumped(json_array_get(list, 0), "source"), "\"static\"");
    assert_string_equal(dumped(json_array_get(list, 1), "source"), "\"kernel\"");
    assert_string_equal(dumped(json_array_get(list, 1), "preference"), "20");
    assert_string_equal(dumped(json_array_get(list, 1), "active"), "false");
    assert_string_equal(dumped(json, "culvert:next"), "\"1.3.231.0/24\"");
    json_decref(json);
}

static void test_longest_match(void **state)
{
    json_t *json = get("GET", STATE "routes?router=blue/gw&match=1.2.3.4");

    (void)state;
    assert_int_equal(json_array_size(json_object_get(json, "culvert:routes")), 1);
    assert_string_equal(
        dumped(json_array_get(json_object_get(json, "culvert:routes"), 0), "prefix"),
        "\"1.2.3.0/24\"");
    assert_null(json_object_get(json, "culvert:next"));
    json_decref(json);
    json = get("GET", STATE "routes?router=blue/gw&match=9.9.9.9");
    assert_string_equal(dumped(json, "culvert:routes"), "[]");
    json_decref(json);
    json = get("GET", STATE "routes?router=blue/gw&family=6");
    assert_string_equal(dumped(json, "culvert:routes"), "[]");
    json_decref(json);
}

static void test_neighbors(void **state)
{
    static const char *const states[] = {"\"incomplete\"", "\"reachable\"", "\"stale\"",
                                         "\"delay\"", "\"probe\""};
    json_t *json = get("GET", STATE "neighbors?router=blue/gw");
    json_t *list = json_object_get(json, "culvert:neighbors");

    (void)state;
    assert_int_equal(json_array_size(list), N_NEIGHBORS);
    for (size_t i = 0; i < N_NEIGHBORS; i++)
        assert_string_equal(dumped(json_array_get(list, i), "state"), states[i]);
    assert_null(json_object_get(json_array_get(list, 0), "mac-address")); // not known yet
    assert_string_equal(dumped(json_array_get(list, 4), "mac-address"), "\"00:00:00:00:00:04\"");
    assert_string_equal(dumped(json_array_get(list, 4), "address"), "\"10.0.0.4\"");
    assert_string_equal(dumped(json_array_get(list, 4), "age"), "40");
    assert_string_equal(dumped(json_array_get(list, 4), "router"), "\"gw\"");
    json_decref(json);
    json = get("GET", STATE "neighbors?router=blue/gw&limit=1&after=2");
    assert_int_equal(json_array_size(json_object_get(json, "culvert:neighbors")), 2); // a page
    assert_string_equal(dumped(json, "culvert:next"), "4");
    json_decref(json);
}

#define PING "/restconf/operations/culvert:ping?router=blue/gw&address="

static void test_ping(void **state)
{
    static const uint8_t source[16] = {10, 0, 0, 1};
    json_t *json = get("POST", PING "10.0.0.2&size=100&ttl=9&source=10.0.0.1"), *output;

    (void)state;
    output = json_object_get(json, "culvert:output");
    assert_string_equal(dumped(output, "id"), "7");
    assert_string_equal(dumped(output, "result"), "\"waiting\"");
    assert_int_equal(last_ping.id, 0);
    assert_int_equal(last_ping.payload_len, 100);
    assert_int_equal(last_ping.ttl, 9);
    assert_memory_equal(last_ping.source, source, sizeof(source));
    json_decref(json);
    json = get("POST", PING "10.0.0.2&id=7");
    output = json_object_get(json, "culvert:output");
    assert_int_equal(last_ping.id, 7);
    assert_string_equal(dumped(output, "result"), "\"reply\"");
    assert_string_equal(dumped(output, "from"), "\"10.0.0.2\"");
    assert_string_equal(dumped(output, "ttl"), "61");
    assert_string_equal(dumped(output, "rtt-ns"), "1234567");
    json_decref(json);
    json = get("POST", PING "10.0.0.3&id=7");
    output = json_object_get(json, "culvert:output");
    assert_string_equal(dumped(output, "result"), "\"error\"");
    assert_string_equal(dumped(output, "text"), "\"administratively prohibited\"");
    json_decref(json);
    json = get("POST", PING "10.0.0.4&id=7");
    assert_string_equal(dumped(json_object_get(json, "culvert:output"), "result"), "\"no-route\"");
    json_decref(json);
}

static void test_macs_behind_a_chain(void **state)
{
    json_t *json = get("GET", STATE "macs?switch=blue/lan"), *list;

    (void)state;
    list = json_object_get(json, "culvert:macs");
    assert_string_equal(dumped(json_array_get(list, 0), "member"), "\"chain blue/inside\"");
    assert_string_equal(dumped(json_array_get(list, 0), "chain"), "true");
    assert_string_equal(dumped(json_array_get(list, 1), "member"), "\"vm1\"");
    assert_string_equal(dumped(json_array_get(list, 1), "chain"), "false");
    json_decref(json);
    json = get("GET", STATE "switches");
    list = json_object_get(json, "culvert:switches");
    assert_string_equal(dumped(json_array_get(list, 0), "chains"), "[\"blue/inside\"]");
    json_decref(json);
}

static void test_metrics(void **state)
{
    const char *said = http_ask("GET", "/metrics", "", "");

    (void)state;
    http_check(said, "200", "culvert_dataplane_up 1\n");
    http_check(said, "200", "culvert_router_ipv4_routes{tenant=\"blue\",router=\"gw\"} 2500\n");
    http_check(said, "200",
               "# TYPE culvert_router_forwarded_total counter\n"
               "culvert_router_forwarded_total{tenant=\"blue\",router=\"gw\"} 77\n");
    assert_null(strstr(said, "router=\"gone\""));
}

static void test_refusals(void **state)
{
    static const struct {
        const char *method, *path, *status, *part;
    } cases[] = {
        {"GET", STATE "routes", "400", "the query must be router=TENANT/ROUTER"},
        {"GET", STATE "routes?router=blue/gx", "404",
         "there is no router blue/gx; there is blue/gw, blue/gone"},
        {"GET", STATE "neighbors?router=red/gw", "404", "there is no router red/gw"},
        {"GET", STATE "routes?router=blue/gone", "404", "there is no such switch or router"},
        {"GET", STATE "routes?router=blue/gw&family=5", "400", "family must be 4 or 6"},
        {"GET", STATE "routes?router=blue/gw&limit=0", "400",
         "limit must be a number from 1 to 10000"},
        {"GET", STATE "routes?router=blue/gw&limit=7x", "400",
         "limit must be a number from 1 to 10000"},
        {"GET", STATE "routes?router=blue/gw&match=1.2.3", "400",
         "match must be an IPv4 or IPv6 address"},
        {"GET", STATE "routes?router=blue/gw&after=x", "400",
         "after must be an IPv4 or IPv6 prefix"},
        {"GET", STATE "routes?router=blue/gw&after=1.2.3.0/33", "400",
         "after must be an IPv4 or IPv6 prefix"},
        {"GET", STATE "routes?router=blue/gw&match=1.2.3.4&after=1.2.3.0/24", "400",
         "match and after do not go together"},
        {"GET", STATE "routes?router=blue/gw&family=6&match=1.2.3.4", "400",
         "1.2.3.4 is not of family 6"},
        {"POST", PING "x", "400", "address must be an IPv4 or IPv6 address"},
        {"POST", PING "10.0.0.0/8", "400", "address must be an IPv4 or IPv6 address"},
        {"POST", PING "10.0.0.2&size=1401", "400", "size must be a number from 0 to 1400"},
        {"POST", PING "10.0.0.2&ttl=256", "400", "ttl must be a number from 1 to 255"},
        {"POST", PING "10.0.0.2&source=fd00::1", "400", "both be IPv4, or both IPv6"},
        {"POST", PING "10.0.0.2&source=10.0.0.7", "400", "10.0.0.7 is no address of blue/gw"},
        {"GET", PING "10.0.0.2", "405", "Allow: POST"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        http_check(http_ask(cases[i].method, cases[i].path, "", ""), cases[i].status,
                   cases[i].part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routers),
        cmocka_unit_test(test_routes_page_by_page),
        cmocka_unit_test(test_a_prefix_is_not_cut),
        cmocka_unit_test(test_longest_match),
        cmocka_unit_test(test_neighbors),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_macs_behind_a_chain),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests_name("routers", tests, setup, teardown);
}
