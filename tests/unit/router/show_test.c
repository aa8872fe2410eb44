// SPDX-License-Identifier: BSD-3-Clause
// What is a router asked over the control socket, and what does it say: its state, interfaces,
// routes page by page and by longest match, pings; and that the server passes on where a datagram
// was refused.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "dataplane/core/clock.h"
#include "dataplane/server/transaction.h"
#include "tests/unit/router/lab.h"
#include "vnf/router/route.h"

#define ROUTER .tenant = "blue", .name = "gw"

static int ask(unsigned type, const void *item, void *answer, size_t size, uint32_t *n,
               struct error *e)
{
    struct function_request r = {.generation = generation_current(),
                                 .type = type,
                                 .items = item,
                                 .n_items = 1,
                                 .epoch = 1,
                                 .answer = answer,
                                 .answer_size = size};
    int rc;

    memset(e, 0, sizeof(*e));
    rc = lab_function()->ops->request(lab_function(), &r, e);
    *n = r.n_answers;
    return rc;
}

static void shows_its_state(void **state)
{
    const struct api_show_router show = {ROUTER};
    struct api_router_state answer;
    struct lab_spec spec;
    struct error e;
    uint32_t n;

    (void)state;
    lab_spec_init(&spec);
    lab_route(&spec, "20.0.0.0", 8, 1, "10.0.1.2");
    lab_route(&spec, "20.0.0.0", 8, 2, "10.0.2.2");
    spec.routes[1].preference = 9;
    lab_start(&spec);
    lab_state()->counters[0].forwarded = 7;
    lab_state()->counters[0].held = 3;
    assert_int_equal(ask(API_SHOW_ROUTER, &show, &answer, sizeof(answer), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(answer.tenant, "blue");
    assert_string_equal(answer.name, "gw");
    assert_int_equal(answer.n_routes4, 6);
    assert_int_equal(answer.n_routes6, 4);
    assert_int_equal(answer.n_neighbors, 8);
    assert_int_equal(answer.route_memory, route_memory(lab_state()));
    assert_in_range(answer.route_memory, 1000, 20000);
    assert_int_equal(answer.forwarded, 7);
    assert_int_equal(answer.held, 3);
    assert_int_equal(answer.dropped, 0);
    lab_stop();
}

static void lists_interfaces(void **state)
{
    struct api_list_interfaces list = {ROUTER};
    struct api_interface_state items[3];
    struct error e;
    uint32_t n;

    (void)state;
    lab_start(NULL);
    lab_link(1, 0);
    lab_function()->ops->age(lab_function(), generation_current());
    assert_int_equal(ask(API_LIST_INTERFACES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 3);
    assert_string_equal(items[1].name, "if1");
    assert_memory_equal(items[1].mac, lab_interface(1)->mac, 6);
    assert_int_equal(items[1].is_up, 0);
    assert_int_equal(items[1].is_plugged, 1);
    assert_int_equal(items[1].mtu, 1500);
    assert_int_equal(items[2].is_up, 1);
    assert_int_equal(items[1].next, 0);
    assert_int_equal(items[2].next, 3);
    list.cursor = items[2].next;
    assert_int_equal(ask(API_LIST_INTERFACES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].name, "if3");
    assert_int_equal(items[0].next, 0);
    list.cursor = UINT32_MAX;
    assert_int_equal(ask(API_LIST_INTERFACES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_string_equal(items[0].name, "");
    lab_stop();
}

static void start_routes(void)
{
    struct lab_spec spec;
    uint32_t group;

    lab_spec_init(&spec);
    group = lab_group(&spec, API_ROUTE_UNICAST);
    lab_next_hop(&spec, group, 1, "10.0.1.2", 3);
    lab_next_hop(&spec, group, 2, "10.0.2.2", 1);
    lab_route_to(&spec, "20.0.0.0", 8, group);
    lab_route(&spec, "20.0.0.0", 8, 3, "10.0.3.2");
    spec.routes[1].preference = 9;
    group = lab_group(&spec, API_ROUTE_BLACKHOLE);
    lab_route_to(&spec, "20.5.0.0", 16, group);
    lab_route_to(&spec, "0.0.0.0", 0, group);
    lab_start(&spec);
}

static struct api_list_routes list_of(enum api_list_mode mode, const char *address)
{
    struct api_list_routes list = {ROUTER, .mode = (uint8_t)mode};

    list.family = lab_parse(address, list.address);
    return list;
}

static void routes_match(void **state)
{
    struct api_list_routes list;
    struct api_route_entry items[8];
    uint8_t address[16];
    struct error e;
    uint32_t n;

    (void)state;
    start_routes();
    lab_link(2, 0);
    lab_function()->ops->age(lab_function(), generation_current());
    list = list_of(API_LIST_MATCH, "20.9.9.9");
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 2);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(items[i].family, 4);
        assert_int_equal(items[i].prefix_len, 8);
        assert_int_equal(items[i].type, API_ROUTE_UNICAST);
        assert_int_equal(items[i].source, API_SOURCE_STATIC);
        assert_int_equal(items[i].preference, 1);
        assert_int_equal(items[i].is_active, 1);
        assert_int_equal(items[i].position, i);
        assert_int_equal(items[i].n_next_hops, 2);
        assert_int_equal(items[i].is_up, i == 0);
        assert_int_equal(items[i].weight, i == 0 ? 3 : 1);
        assert_int_equal(items[i].next_hop_family, 4);
        assert_int_equal(items[i].has_more, 0);
    }
    (void)lab_parse("20.0.0.0", address);
    assert_memory_equal(items[0].address, address, 16);
    (void)lab_parse("10.0.2.2", address);
    assert_memory_equal(items[1].next_hop, address, 16);
    assert_string_equal(items[1].interface, "if2");
    list = list_of(API_LIST_MATCH, "20.5.9.9");
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(items[0].type, API_ROUTE_BLACKHOLE);
    assert_int_equal(items[0].n_next_hops, 0);
    assert_string_equal(items[0].interface, "");
    list = list_of(API_LIST_MATCH, "10.0.1.1");
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(items[0].type, API_ROUTE_LOCAL);
    assert_string_equal(items[0].interface, "if1");
    list = list_of(API_LIST_MATCH, "2001:db8::");
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(items[0].family, 0); // no route
    lab_stop();
}

// Pages of a few, with routes that go while it is listed.
static void routes_are_listed_by_page(void **state)
{
    struct api_list_routes list = list_of(API_LIST_FIRST, "0.0.0.0");
    struct api_route_entry items[4], seen[64];
    struct error e;
    uint32_t n, n_seen = 0, n_inactive = 0, n_pages = 0;

    (void)state;
    start_routes();
    do {
        assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
        assert_in_range(n, 1, 4);
        memcpy(&seen[n_seen], items, n * sizeof(items[0]));
        n_seen += n;
        list.mode = API_LIST_AFTER;
        list.prefix_len = items[n - 1].prefix_len;
        memcpy(list.address, items[n - 1].address, 16);
        for (uint32_t i = 0; i + 1 < n; i++)
            assert_int_equal(items[i].has_more, 0);
        if (n_pages++ == 1) // another prefix is the last one told: it is gone now
            lab_start(NULL);
    } while (items[n - 1].has_more);
    // Before the commit 0.0.0.0/0 and the first interface; after it no static route.
    assert_int_equal(seen[0].type, API_ROUTE_BLACKHOLE);
    assert_int_equal(seen[0].prefix_len, 0);
    assert_int_equal(n_seen, 1 + 4 * 4);
    lab_stop();

    start_routes();
    n_seen = 0;
    list = list_of(API_LIST_AFTER, "20.0.0.0");
    list.prefix_len = 7;
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), 0);
    assert_int_equal(n, 4); // both routes of 20/8 with three next hops, and 20.5/16
    for (uint32_t i = 0; i < n; i++)
        n_inactive += !items[i].is_active;
    assert_int_equal(n_inactive, 1);
    assert_int_equal(items[2].is_active, 0);
    assert_int_equal(items[2].preference, 9);
    assert_int_equal(items[3].has_more, 0);
    // A prefix is not cut: not even its first next hops fit without the others.
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, 2 * sizeof(items[0]), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(items[0].family, 0);
    list.family = 5;
    assert_int_equal(ask(API_LIST_ROUTES, &list, items, sizeof(items), &n, &e), -EINVAL);
    assert_string_equal(e.sentence, "neither an IPv4 nor an IPv6 prefix");
    lab_stop();
}

static struct api_ping ping_of(const char *address)
{
    struct api_ping ping = {ROUTER, .payload_len = 56};

    ping.family = lab_parse(address, ping.address);
    return ping;
}

static void pings_come_and_go(void **state)
{
    struct api_ping ping = ping_of("10.0.1.2");
    struct api_ping_state answer;
    struct error e;
    uint32_t n, id;

    (void)state;
    lab_start(NULL);
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(answer.result, API_PING_WAITING);
    assert_int_equal(answer.family, 4);
    id = answer.id;
    assert_int_not_equal(id, 0);
    assert_int_equal(lab_state()->pings[0].state, PING_TO_SEND);
    ping.id = id;
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), 0);
    assert_int_equal(answer.result, API_PING_WAITING);
    // What a worker does when the answer comes.
    lab_state()->pings[0].result.result = API_PING_REPLY;
    lab_state()->pings[0].result.rtt_ns = 1234;
    lab_state()->pings[0].state = PING_DONE;
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), 0);
    assert_int_equal(answer.id, id);
    assert_int_equal(answer.result, API_PING_REPLY);
    assert_int_equal(answer.rtt_ns, 1234);
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), -ENOENT);
    assert_string_equal(e.sentence, "there is no such echo request, or no longer");
    lab_stop();
}

static void pings_are_few_and_end(void **state)
{
    struct api_ping ping = ping_of("10.0.1.2");
    struct api_ping_state answer;
    struct error e;
    uint32_t n;

    (void)state;
    lab_start(NULL);
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++)
        assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), 0);
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), -EBUSY);
    assert_string_equal(e.sentence, "too many echo requests are under way: try again");
    lab_state()->pings[3].state = PING_FINISHING; // a worker is at it
    clock_sec_now += ROUTER_PING_SEC - 1;
    lab_function()->ops->age(lab_function(), generation_current());
    assert_int_equal(lab_state()->pings[0].state, PING_TO_SEND);
    clock_sec_now += 1;
    lab_function()->ops->age(lab_function(), generation_current());
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++)
        assert_int_equal(lab_state()->pings[i].state, i == 3 ? PING_FINISHING : PING_FREE);
    ping = ping_of("224.0.0.1");
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), -EINVAL);
    assert_string_equal(e.sentence, "only the address of a host can be pinged");
    ping = ping_of("10.0.1.2");
    ping.source[9] = 1;
    assert_int_equal(ask(API_PING, &ping, &answer, sizeof(answer), &n, &e), -EINVAL);
    assert_string_equal(e.sentence, "the source address is of another family");
    lab_stop();
}

// One datagram to the server; the answer's first item.
static void send(struct transaction *t, uint16_t type, const void *items, uint32_t n,
                 struct api_reply *reply)
{
    static uint8_t datagram[API_DATAGRAM_SIZE], answer[API_DATAGRAM_SIZE];
    size_t size = n > 0 ? n * api_message(type)->item_size : 0;
    struct api_header header = {API_MAGIC, API_VERSION, type, (uint32_t)(sizeof(header) + size),
                                n,         1,           0};

    memcpy(datagram, &header, sizeof(header));
    if (size > 0)
        memcpy(datagram + sizeof(header), items, size);
    (void)transaction_handle(t, datagram, header.len, answer);
    memcpy(reply, answer + sizeof(header), sizeof(*reply));
}

static void the_refused_item_is_named(void **state)
{
    const struct api_hello hello = {.schema_hash = api_schema_hash()};
    const struct api_route_target target = {ROUTER, .epoch = 1};
    struct api_dynamic_next_hop hop = {.group = 1, .type = API_ROUTE_BLACKHOLE};
    struct api_route_change changes[3] = {{.group = 1, .family = 4, .prefix_len = 8},
                                          {.group = 1, .family = 4, .prefix_len = 9},
                                          {.group = 9, .family = 4, .prefix_len = 10}};
    struct transaction t;
    struct api_reply reply;

    (void)state;
    lab_start(NULL);
    transaction_init(&t);
    send(&t, API_HELLO, &hello, 1, &reply);
    send(&t, API_ROUTE_TARGET, &target, 1, &reply);
    assert_int_equal(reply.error, 0);
    send(&t, API_DYNAMIC_NEXT_HOP, &hop, 1, &reply);
    assert_int_equal(reply.error, 0);
    send(&t, API_ROUTE_CHANGE, changes, 3, &reply);
    assert_int_equal(reply.error, -ENOENT);
    assert_int_equal(reply.index, 2);
    assert_string_equal(reply.path, "blue/gw");
    assert_string_equal(reply.sentence, "its group of next hops was not given");
    assert_int_equal(route_count(lab_state(), 4), 4 + 2);
    send(&t, API_ROUTE_SWEEP, NULL, 0, &reply);
    assert_int_equal(reply.error, 0);
    transaction_fini(&t);
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_its_state),
        cmocka_unit_test(lists_interfaces),
        cmocka_unit_test(routes_match),
        cmocka_unit_test(routes_are_listed_by_page),
        cmocka_unit_test(pings_come_and_go),
        cmocka_unit_test(pings_are_few_and_end),
        cmocka_unit_test(the_refused_item_is_named),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
