// SPDX-License-Identifier: BSD-3-Clause
// Which neighbours do configurations, daemons and paths make, what goes with a link or an
// interface, and what is told of them?

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/router/neighbor_lab.h"

#define HOST "10.0.0.9"
#define HOST6 "fd00::9"
#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"
#define IN_PORT 7

static void expect_state(const char *host, uint8_t state, const char *mac)
{
    const struct neighbor_entry *e = nlab_entry(host, 0);

    assert_int_equal(nlab_state(host, 0), state);
    assert_int_equal(e != NULL ? e->mac & NEIGHBOR_MAC : 0, mac != NULL ? nlab_mac(mac) : 0);
}

static void keeps_what_a_path_needs(void **state)
{
    uint8_t address[16];
    uint8_t family = nlab_parse(HOST, address);
    uint32_t number = neighbor_get(&nlab.state, 3, family, address);

    (void)state;
    assert_int_equal(neighbor_get(&nlab.state, 3, family, address), number);
    assert_int_equal(neighbor_mac(&nlab.state, number), 0);
    nlab_learn(HOST, 0, MAC_A, NLAB_OVERRIDE); // nobody asked
    assert_int_equal(neighbor_mac(&nlab.state, number), 0);
    nlab_hold(HOST, 0, 1);
    nlab_learn(HOST, 0, MAC_A, NLAB_SOLICITED);
    assert_int_equal(neighbor_mac(&nlab.state, number), nlab_mac(MAC_A));
    assert_int_equal(nlab.state.neighbors->n_learned, 0);
    nlab_pass_ms(46000);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
    assert_int_equal(neighbor_mac(&nlab.state, number), nlab_mac(MAC_A));
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_DELAY);
    nlab_pass_ms(9000);
    assert_int_equal(neighbor_mac(&nlab.state, number), 0);
    assert_ptr_equal(nlab_entry(HOST, 0), &nlab.state.neighbors->entries[number]);
    nlab_learn(HOST, 0, MAC_B, NLAB_CREATE);
    neighbor_put(&nlab.state, number);
    assert_int_equal(nlab.state.neighbors->n_learned, 0);
    neighbor_put(&nlab.state, number);
    assert_int_equal(nlab.state.neighbors->n_learned, 1); // now it is only learned
    number = neighbor_get(&nlab.state, 3, 6,
                          (const uint8_t *)"\xfd"
                                           "123456789012345");
    neighbor_put(&nlab.state, number);
    assert_int_equal(nlab.state.neighbors->n_used, 1);
}

static struct api_neighbor item(uint32_t interface, const char *text, const char *mac)
{
    struct api_neighbor n = {.owner = interface};

    n.family = nlab_parse(text, n.address);
    frame_mac(mac, n.mac);
    return n;
}

static void has_static_ones(void **state)
{
    struct api_neighbor items[3] = {item(1, HOST, MAC_B), item(0, HOST, MAC_A),
                                    item(0, HOST6, MAC_A)};

    (void)state;
    nlab_hold(HOST, 0, 1);
    nlab.n_sent = 0;
    assert_int_equal(nlab_apply(items, 3, NULL), 0);
    expect_state(HOST, API_NEIGHBOR_STATIC, MAC_A);
    assert_int_equal(nlab_find(HOST, 1), nlab_mac(MAC_B));
    nlab_tick();
    assert_int_equal(nlab.n_resumed, 1); // what waited goes with the next tick
    nlab_learn(HOST, 0, MAC_B, NLAB_SOLICITED | NLAB_OVERRIDE | NLAB_CREATE);
    nlab_pass_ms(700000);
    expect_state(HOST, API_NEIGHBOR_STATIC, MAC_A);
    assert_int_equal(nlab.n_sent, 1);
    assert_int_equal(nlab.state.neighbors->n_learned, 0);
    frame_mac(MAC_B, items[1].mac);
    assert_int_equal(nlab_apply(&items[1], 1, NULL), 0);
    expect_state(HOST, API_NEIGHBOR_STATIC, MAC_B);
    assert_null(nlab_entry(HOST, 1));
    assert_null(nlab_entry(HOST6, 0));
    assert_int_equal(nlab_apply(NULL, 0, NULL), 0);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void refuses_bad_configurations(void **state)
{
    static const struct {
        const char *address, *mac, *word;
    } rows[] = {
        {"224.0.0.5", MAC_A, "no host may have"},
        {"127.0.0.1", MAC_A, "no host may have"},
        {"0.0.0.0", MAC_A, "no host may have"},
        {"255.255.255.255", MAC_A, "no host may have"},
        {"ff02::1", MAC_A, "no host may have"},
        {"::1", MAC_A, "no host may have"},
        {HOST, "01:00:5e:00:00:05", "MAC"},
        {HOST, "00:00:00:00:00:00", "MAC"},
        {"10.0.0.1", MAC_A, "interface itself"},
        {"fe80::1", MAC_A, "interface itself"},
        {"10.0.0.8", MAC_A, "twice"},
    };
    struct error e;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct api_neighbor items[2] = {item(0, "10.0.0.8", MAC_A),
                                        item(0, rows[i].address, rows[i].mac)};

        memset(&e, 0, sizeof(e));
        assert_int_equal(nlab_apply(items, 2, &e), -EINVAL);
        assert_string_equal(e.path, "blue/gw");
        assert_non_null(strstr(e.sentence, rows[i].word));
        assert_non_null(strstr(e.sentence, "if0"));
        assert_null(nlab_entry("10.0.0.8", 0));
    }
}

static int change(uint32_t interface, const char *text, const char *mac, int is_delete,
                  uint32_t epoch, struct error *e)
{
    struct api_neighbor_change items[2] = {{.interface = 0}};
    struct function_request request = {.items = items, .n_items = 2, .epoch = epoch};

    items[0].family = nlab_parse("fd00::d", items[0].address);
    frame_mac(MAC_A, items[0].mac);
    items[1].interface = interface;
    items[1].is_delete = (uint8_t)is_delete;
    items[1].family = nlab_parse(text, items[1].address);
    frame_mac(mac, items[1].mac);
    return neighbor_dynamic_change(&nlab.state, &nlab.config, &request, e);
}

static void has_dynamic_ones(void **state)
{
    struct api_neighbor conf = item(0, HOST, MAC_B);
    struct error e;

    (void)state;
    assert_int_equal(change(2, HOST, MAC_A, 0, 1, &e), -EINVAL);
    assert_non_null(strstr(e.sentence, "interface 2"));
    assert_int_equal(change(0, "224.0.0.1", MAC_A, 0, 1, &e), -EINVAL);
    assert_int_equal(change(0, HOST, "01:00:00:00:00:00", 0, 1, &e), -EINVAL);
    assert_int_equal(change(0, "10.0.0.1", MAC_A, 0, 1, &e), -EINVAL); // our own
    assert_null(nlab_entry("fd00::d", 0));                             // nothing of a bad datagram
    nlab_learn(HOST, 0, MAC_B, NLAB_CREATE);
    assert_int_equal(change(0, HOST, MAC_A, 0, 1, &e), 0);
    expect_state(HOST, API_NEIGHBOR_DYNAMIC, MAC_A);
    assert_int_equal(nlab.state.neighbors->n_learned, 0);
    nlab_learn(HOST, 0, MAC_B, NLAB_SOLICITED | NLAB_OVERRIDE);
    expect_state(HOST, API_NEIGHBOR_DYNAMIC, MAC_A);
    // The configuration comes first, and leaves it there when it goes.
    assert_int_equal(nlab_apply(&conf, 1, NULL), 0);
    expect_state(HOST, API_NEIGHBOR_STATIC, MAC_B);
    assert_int_equal(nlab_apply(NULL, 0, NULL), 0);
    expect_state(HOST, API_NEIGHBOR_DYNAMIC, MAC_A);
    assert_int_equal(change(0, "fd00::e", MAC_A, 0, 2, &e), 0); // and fd00::d again
    neighbor_dynamic_sweep(&nlab.state, 2);
    assert_null(nlab_entry(HOST, 0));
    expect_state("fd00::d", API_NEIGHBOR_DYNAMIC, MAC_A);
    expect_state("fd00::e", API_NEIGHBOR_DYNAMIC, MAC_A);
    assert_int_equal(change(0, "fd00::e", MAC_A, 1, 2, &e), 0);
    assert_null(nlab_entry("fd00::e", 0));
    assert_int_equal(change(0, "fd00::f", MAC_A, 1, 2, &e), 0); // was never there
    assert_null(nlab_entry("fd00::f", 0));
}

static void forgets_with_the_link(void **state)
{
    struct api_neighbor conf = item(0, "10.0.0.8", MAC_A);

    (void)state;
    assert_int_equal(nlab_apply(&conf, 1, NULL), 0);
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    nlab_learn("10.0.1.9", 1, MAC_A, NLAB_CREATE);
    nlab_hold(HOST6, 0, 1);
    neighbor_link_down(&nlab.state, 3);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab_state("10.0.1.9", 1), API_NEIGHBOR_STALE);
    expect_state("10.0.0.8", API_NEIGHBOR_STATIC, MAC_A);
    nlab_tick(); // ends what was held
    assert_null(nlab_entry(HOST6, 0));
    assert_int_equal(nlab.n_errors, 1);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_UNRESOLVED), 1);
}

static void forgets_with_the_interface(void **state)
{
    struct error e;

    (void)state;
    nlab_learn("10.0.1.9", 1, MAC_A, NLAB_CREATE);
    assert_int_equal(change(1, "10.0.1.10", MAC_A, 0, 1, &e), 0);
    nlab_hold("10.0.1.11", 1, 0); // from the other
    nlab_hold(HOST, 0, 1);        // and to it
    nlab.config.interface_of_slot[7] = UINT16_MAX;
    nlab.config.n_interfaces = 1;
    assert_int_equal(nlab_apply(NULL, 0, NULL), 0);
    assert_null(nlab_entry("10.0.1.9", 1));
    assert_null(nlab_entry("10.0.1.10", 1));
    nlab_tick();
    assert_null(nlab_entry("10.0.1.11", 1));
    assert_int_equal(nlab.n_errors, 1);
    nlab_pass_ms(4000); // the one whose arrival is gone gets no error
    assert_int_equal(nlab.n_errors, 1);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_UNRESOLVED), 2);
}

static void forgets_who_has_become_itself(void **state)
{
    (void)state;
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    nlab_learn("10.0.0.8", 0, MAC_A, NLAB_CREATE);
    nlab_parse(HOST, nlab.addresses[0][0].bytes);
    assert_int_equal(nlab_apply(NULL, 0, NULL), 0);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab_state("10.0.0.8", 0), API_NEIGHBOR_STALE);
}

static void lists_in_pages(void **state)
{
    struct api_neighbor conf = item(1, HOST, MAC_B);
    uint64_t answer[3 * sizeof(struct api_neighbor_entry) / 8];
    const struct api_neighbor_entry *items = (const struct api_neighbor_entry *)answer;
    struct api_list_neighbors list = {.cursor = 0};
    struct function_request request = {
        .items = &list, .n_items = 1, .answer = answer, .answer_size = sizeof(answer)};
    uint32_t n = 0, n_refused, n_seen = 0;
    char host[32];

    (void)state;
    assert_int_equal(neighbor_list(&nlab.state, &nlab.config, &request, NULL), 0);
    assert_int_equal(request.n_answers, 1);
    assert_int_equal(items[0].family, 0);
    assert_int_equal(items[0].next, 0);
    assert_int_equal(nlab_apply(&conf, 1, NULL), 0);
    for (unsigned i = 0; i < 200; i++) {
        snprintf(host, sizeof(host), "fd00::%x", 0x100 + i);
        if (i % 2)
            nlab_learn(host, 0, MAC_A, NLAB_CREATE);
    }
    (void)neighbor_get(&nlab.state, 3, 4, (const uint8_t *)"\x0a\0\0\x4d"); // idle: not shown
    nlab_pass_ms(12000);
    do {
        assert_int_equal(neighbor_list(&nlab.state, &nlab.config, &request, NULL), 0);
        assert_int_equal(request.answer_type, API_NEIGHBORS);
        for (uint32_t i = 0; i < request.n_answers; i++) {
            n_seen++;
            if (items[i].state == API_NEIGHBOR_STATIC) {
                assert_string_equal(items[i].interface, "if1");
                assert_int_equal(items[i].family, 4);
                assert_int_equal(items[i].age_sec, 0);
                assert_memory_equal(items[i].mac, "\x52\x54\0\0\0\x0b", 6);
            } else if (items[i].family != 0) {
                assert_string_equal(items[i].interface, "if0");
                assert_int_equal(items[i].state, API_NEIGHBOR_STALE);
                assert_int_equal(items[i].age_sec, 12);
                assert_memory_equal(items[i].mac, "\x52\x54\0\0\0\x0a", 6);
            }
        }
        list.cursor = items[request.n_answers - 1].next;
    } while (list.cursor != 0);
    assert_int_equal(n_seen, 101);
    neighbor_count(&nlab.state, &n, &n_refused);
    assert_int_equal(n, 101);
    assert_int_equal(n_refused, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, nlab_setup, nlab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(keeps_what_a_path_needs),       CASE(has_static_ones),
        CASE(refuses_bad_configurations),    CASE(has_dynamic_ones),
        CASE(forgets_with_the_link),         CASE(forgets_with_the_interface),
        CASE(forgets_who_has_become_itself), CASE(lists_in_pages),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
