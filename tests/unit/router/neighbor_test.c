// SPDX-License-Identifier: BSD-3-Clause
// Does the neighbour table keep the states, timers and quotas of RFC 4861 and its own word on
// packets that wait? Time stands still between the steps of a test.

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <errno.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
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

static void resolves_and_sends_in_order(void **state)
{
    (void)state;
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    assert_int_equal(nlab_hold(HOST, 0, -1), API_DROP_NONE);
    expect_state(HOST, API_NEIGHBOR_INCOMPLETE, NULL);
    assert_int_equal(nlab.n_sent, 1); // one request for both
    assert_int_equal(nlab.counters.held, 2);
    assert_int_equal(nlab_find(HOST, 0), 0);
    nlab_learn(HOST, 0, MAC_A, NLAB_SOLICITED | NLAB_OVERRIDE);
    expect_state(HOST, API_NEIGHBOR_REACHABLE, MAC_A);
    assert_int_equal(nlab.n_resumed, 2);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(nlab.sent[i].attachment, 10);
        assert_memory_equal(nlab.sent[i].bytes, "\x52\x54\0\0\0\x0a\x02\0\0\0\0\x03\x08\0", 14);
    }
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
    assert_int_equal(nlab_find(HOST, 1), 0); // another interface
    // Known meanwhile: it goes at once.
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_resumed, 3);
    assert_int_equal(nlab.state.neighbors->n_held, 0);
}

static void gives_up_after_three(void **state)
{
    (void)state;
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    assert_int_equal(nlab_hold(HOST, 0, -1), API_DROP_NONE);
    nlab_pass_ms(900);
    assert_int_equal(nlab.n_sent, 1);
    nlab_pass_ms(200);
    assert_int_equal(nlab.n_sent, 2);
    nlab_pass_ms(1000);
    assert_int_equal(nlab.n_sent, 3);
    assert_int_equal(nlab.counters.solicited, 3);
    assert_int_equal(nlab.n_errors, 0);
    nlab_pass_ms(1000);
    assert_int_equal(nlab.n_sent, 3);
    expect_state(HOST, API_NEIGHBOR_FAILED, NULL);
    assert_int_equal(nlab.n_errors, 2);
    assert_null(nlab.error_in); // the last one was made here
    assert_int_equal(nlab.error.type4, 3);
    assert_int_equal(nlab.error.code4, 1);
    assert_int_equal(nlab.error.type6, 1);
    assert_int_equal(nlab.error.code6, 3);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_UNRESOLVED), 1);
    assert_int_equal(nlab_drops(API_MAX_PORTS, DROP_NEIGHBOR_UNRESOLVED), 1);
    // Remembered for a second: not asked again, the packet is told so.
    assert_int_equal(nlab_hold(HOST, 0, 1), DROP_NEIGHBOR_UNRESOLVED);
    assert_int_equal(nlab.n_errors, 3);
    assert_ptr_equal(nlab.error_in, &nlab.interfaces[1]);
    assert_int_equal(nlab.n_sent, 3);
    nlab_pass_ms(1100);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 4);
}

static void probes_who_is_used(void **state)
{
    uint64_t reachable_ms;

    (void)state;
    nlab_tick(); // draws the reachable time
    reachable_ms =
        nlab.state.neighbors->reachable_tsc * 1000 / nlab.state.neighbors->second_tsc;
    assert_in_range(reachable_ms, 14999, 45000);
    nlab_hold(HOST6, 0, 1);
    nlab_learn(HOST6, 0, MAC_A, NLAB_SOLICITED);
    nlab.n_sent = 0;
    nlab_pass_ms(reachable_ms - 200);
    expect_state(HOST6, API_NEIGHBOR_REACHABLE, MAC_A);
    nlab_pass_ms(400);
    expect_state(HOST6, API_NEIGHBOR_STALE, MAC_A);
    nlab_pass_ms(20000);
    assert_int_equal(nlab.n_sent, 0); // nobody needs it, nobody asks
    assert_int_equal(nlab_find(HOST6, 0), nlab_mac(MAC_A));
    expect_state(HOST6, API_NEIGHBOR_DELAY, MAC_A);
    nlab_pass_ms(4900);
    assert_int_equal(nlab.n_sent, 0);
    nlab_pass_ms(300);
    expect_state(HOST6, API_NEIGHBOR_PROBE, MAC_A);
    assert_int_equal(nlab.n_sent, 1);
    assert_memory_equal(nlab.sent[0].bytes, "\x52\x54\0\0\0\x0a", 6); // to the neighbour itself
    assert_int_equal(nlab_find(HOST6, 0), nlab_mac(MAC_A));
    nlab_learn(HOST6, 0, NULL, NLAB_SOLICITED);
    expect_state(HOST6, API_NEIGHBOR_REACHABLE, MAC_A);
    assert_int_equal(nlab_entry(HOST6, 0)->confirmed_sec, clock_sec());
}

static void forgets_who_does_not_answer_probes(void **state)
{
    (void)state;
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE | NLAB_OVERRIDE);
    expect_state(HOST, API_NEIGHBOR_STALE, MAC_A);
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
    nlab_pass_ms(5000 + 3 * 1000 - 200);
    assert_int_equal(nlab.n_sent, 3);
    expect_state(HOST, API_NEIGHBOR_PROBE, MAC_A);
    nlab_pass_ms(500);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab.n_sent, 3);
}

static void forgets_the_unused(void **state)
{
    (void)state;
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    nlab_pass_ms(NEIGHBOR_FORGET_SEC * 1000 - 500);
    expect_state(HOST, API_NEIGHBOR_STALE, MAC_A);
    nlab_pass_ms(1000);
    assert_null(nlab_entry(HOST, 0));
    assert_int_equal(nlab.state.neighbors->n_learned, 0);
    assert_int_equal(nlab.state.neighbors->tenant->n_learned, 0);
}

// RFC 4861, appendix C: what was, what is said, what is then. MAC_A was there before.
static void follows_appendix_c(void **state)
{
    static const struct {
        uint8_t before;
        uint8_t flags;
        const char *mac;
        uint8_t after;
        const char *mac_after;
    } rows[] = {
        {API_NEIGHBOR_INCOMPLETE, 0, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {API_NEIGHBOR_INCOMPLETE, NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {API_NEIGHBOR_INCOMPLETE, NLAB_SOLICITED, MAC_B, API_NEIGHBOR_REACHABLE, MAC_B},
        {API_NEIGHBOR_INCOMPLETE, NLAB_SOLICITED, NULL, API_NEIGHBOR_INCOMPLETE, NULL},
        {API_NEIGHBOR_REACHABLE, NLAB_SOLICITED, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_REACHABLE, NLAB_SOLICITED, MAC_B, API_NEIGHBOR_STALE, MAC_A},
        {API_NEIGHBOR_REACHABLE, 0, MAC_B, API_NEIGHBOR_STALE, MAC_A},
        {API_NEIGHBOR_REACHABLE, 0, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_REACHABLE, 0, NULL, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_REACHABLE, NLAB_OVERRIDE, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_REACHABLE, NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {API_NEIGHBOR_REACHABLE, NLAB_OVERRIDE | NLAB_SOLICITED, MAC_B, API_NEIGHBOR_REACHABLE,
         MAC_B},
        {API_NEIGHBOR_STALE, NLAB_SOLICITED, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_STALE, NLAB_SOLICITED, MAC_B, API_NEIGHBOR_STALE, MAC_A},
        {API_NEIGHBOR_STALE, NLAB_SOLICITED | NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_REACHABLE, MAC_B},
        {API_NEIGHBOR_STALE, 0, MAC_B, API_NEIGHBOR_STALE, MAC_A},
        {API_NEIGHBOR_STALE, NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {API_NEIGHBOR_STALE, NLAB_SOLICITED, NULL, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_DELAY, 0, MAC_B, API_NEIGHBOR_DELAY, MAC_A},
        {API_NEIGHBOR_DELAY, NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {API_NEIGHBOR_DELAY, NLAB_SOLICITED, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_PROBE, 0, MAC_A, API_NEIGHBOR_PROBE, MAC_A},
        {API_NEIGHBOR_PROBE, NLAB_SOLICITED, MAC_A, API_NEIGHBOR_REACHABLE, MAC_A},
        {API_NEIGHBOR_PROBE, NLAB_SOLICITED, MAC_B, API_NEIGHBOR_PROBE, MAC_A},
        {API_NEIGHBOR_PROBE, NLAB_OVERRIDE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {0, NLAB_OVERRIDE | NLAB_SOLICITED, MAC_B, 0, NULL}, // nobody asked
        {0, NLAB_CREATE, MAC_B, API_NEIGHBOR_STALE, MAC_B},
        {0, NLAB_CREATE, NULL, 0, NULL},
    };

    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        nlab_teardown(state);
        nlab_setup(state);
        if (rows[i].before == API_NEIGHBOR_REACHABLE)
            nlab_hold(HOST, 0, 1);
        if (rows[i].before == API_NEIGHBOR_INCOMPLETE)
            nlab_entry(HOST, 0) == NULL ? (void)nlab_hold(HOST, 0, 1) : (void)0;
        else if (rows[i].before != 0)
            nlab_learn(HOST, 0, MAC_A,
                       NLAB_CREATE |
                           (rows[i].before == API_NEIGHBOR_REACHABLE ? NLAB_SOLICITED : 0U));
        if (rows[i].before == API_NEIGHBOR_DELAY || rows[i].before == API_NEIGHBOR_PROBE)
            nlab_find(HOST, 0);
        if (rows[i].before == API_NEIGHBOR_PROBE)
            nlab_pass_ms(5200);
        assert_int_equal(nlab_state(HOST, 0), rows[i].before);
        nlab_learn(HOST, 0, rows[i].mac, rows[i].flags);
        // What was held is sent, and that is a use (7.3.3).
        expect_state(HOST,
                     rows[i].before == API_NEIGHBOR_INCOMPLETE &&
                             rows[i].after == API_NEIGHBOR_STALE
                         ? API_NEIGHBOR_DELAY
                         : rows[i].after,
                     rows[i].mac_after);
    }
}

static void holds_so_many(void **state)
{
    char host[32];
    unsigned n_full = 0;

    (void)state;
    for (unsigned i = 0; i < NEIGHBOR_MAX_HELD + 3; i++)
        assert_int_equal(nlab_hold(HOST, 0, i < 2 ? -1 : 1), API_DROP_NONE);
    // The oldest went: two that were made here and one of the port's.
    assert_int_equal(nlab_drops(API_MAX_PORTS, DROP_NEIGHBOR_QUEUE_FULL), 2);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_QUEUE_FULL), 1);
    assert_int_equal(nlab_entry(HOST, 0)->n_held, NEIGHBOR_MAX_HELD);
    // All neighbours of a router together.
    for (unsigned i = 0; i < 80; i++) {
        snprintf(host, sizeof(host), "10.0.0.%u", 10 + i);
        for (unsigned k = 0; k < NEIGHBOR_MAX_HELD; k++)
            n_full += nlab_hold(host, 0, 1) == DROP_NEIGHBOR_QUEUE_FULL;
    }
    assert_int_equal(nlab.state.neighbors->n_held, NEIGHBOR_MAX_HELD_ROUTER);
    assert_int_equal(n_full, NEIGHBOR_MAX_HELD * 81 - NEIGHBOR_MAX_HELD_ROUTER);
    // Whoever holds some gives the oldest for the new one.
    assert_int_equal(nlab_hold("10.0.0.10", 0, 1), API_DROP_NONE);
    assert_int_equal(nlab.state.neighbors->n_held, NEIGHBOR_MAX_HELD_ROUTER);
    nlab_pass_ms(5000);
    assert_int_equal(nlab.state.neighbors->n_held, 0);
    assert_int_equal(nlab.n_errors, NEIGHBOR_MAX_HELD_ROUTER);
}

static void scan(unsigned from, unsigned to)
{
    char host[32];

    for (unsigned i = from; i < to; i++) {
        snprintf(host, sizeof(host), "fd00::%x", i);
        nlab_hold(host, 0, 1);
    }
}

// RFC 6583: who asks for all addresses of a subnet takes nobody's place but his own.
static void survives_a_scan(void **state)
{
    const struct neighbor_table *t = nlab.state.neighbors;
    char host[32];

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        snprintf(host, sizeof(host), "10.0.0.%u", i); // wraps into other names below
        snprintf(host, sizeof(host), "fd00::1:%x", i);
        nlab_learn(host, 0, MAC_A, NLAB_CREATE);
    }
    assert_int_equal(t->n_learned, 600);
    scan(0x1000, 0x1000 + 900);
    assert_int_equal(t->n_unresolved, NLAB_LIMIT / 4);
    assert_int_equal(t->n_learned, 600 + NLAB_LIMIT / 4);
    assert_null(nlab_entry("fd00::1000", 0)); // the oldest went
    assert_int_equal(nlab_state("fd00::1383", 0), API_NEIGHBOR_INCOMPLETE);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_LIMIT) +
                         nlab_drops(IN_PORT, DROP_NEIGHBOR_QUEUE_FULL),
                     900 - NLAB_LIMIT / 4);
    // All the time only so many questions.
    assert_in_range(nlab.counters.solicited, 1, 256);
    // A neighbour that speaks takes the place of one that is only asked for.
    for (unsigned i = 600; i < NLAB_LIMIT; i++) {
        snprintf(host, sizeof(host), "fd00::1:%x", i);
        nlab_learn(host, 0, MAC_A, NLAB_CREATE);
        assert_int_equal(nlab_state(host, 0), API_NEIGHBOR_STALE);
    }
    assert_int_equal(t->n_learned, NLAB_LIMIT);
    assert_int_equal(t->n_unresolved, 0);
    assert_int_equal(t->n_refused, 0);
    // Full of known ones: no traffic changes that.
    assert_int_equal(nlab_hold("fd00::5555", 0, 1), DROP_NEIGHBOR_LIMIT);
    nlab_learn("fd00::5556", 0, MAC_A, NLAB_CREATE);
    assert_null(nlab_entry("fd00::5556", 0));
    assert_int_equal(t->n_refused, 2);
    // Who was not needed for long goes for one that speaks.
    nlab_pass_ms(31000);
    assert_int_equal(nlab_hold("fd00::5555", 0, 1), DROP_NEIGHBOR_LIMIT);
    nlab_learn("fd00::5556", 0, MAC_A, NLAB_CREATE);
    assert_int_equal(nlab_state("fd00::5556", 0), API_NEIGHBOR_STALE);
    assert_null(nlab_entry("fd00::1:0", 0));
    assert_int_equal(t->n_learned, NLAB_LIMIT);
}

static void counts_for_the_tenant(void **state)
{
    struct neighbor_table *mine = nlab.state.neighbors, *other;
    uint8_t address[16] = {0xfd};
    char host[32];

    (void)state;
    assert_int_equal(neighbor_table_create("blue", &other), 0);
    assert_ptr_equal(other->tenant, mine->tenant);
    mine->tenant->limit = 30;
    nlab.state.neighbors = other;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(host, sizeof(host), "fd00::1:%x", i);
        nlab_learn(host, 0, MAC_A, NLAB_CREATE);
    }
    nlab.state.neighbors = mine;
    for (unsigned i = 0; i < 20; i++) {
        snprintf(host, sizeof(host), "fd00::1:%x", i);
        nlab_learn(host, 0, MAC_A, NLAB_CREATE);
    }
    assert_int_equal(other->n_learned, 20);
    assert_int_equal(mine->n_learned, 10);
    assert_int_equal(mine->tenant->n_learned, 30);
    assert_int_equal(nlab_hold("fd00::77", 0, 1), DROP_NEIGHBOR_LIMIT);
    // What a path needs counts for nobody.
    address[15] = 0x78;
    assert_int_not_equal(neighbor_get(&nlab.state, 3, 6, address), NEIGHBOR_NONE);
    assert_int_equal(nlab_hold("fd00::78", 0, 1), API_DROP_NONE);
    assert_int_equal(mine->tenant->n_learned, 30);
    neighbor_table_destroy(other);
    assert_int_equal(mine->tenant->n_learned, 10);
    assert_int_equal(neighbor_table_create("red", &other), 0);
    assert_ptr_not_equal(other->tenant, mine->tenant);
    neighbor_table_destroy(other);
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
    number = neighbor_get(&nlab.state, 3, 6, (const uint8_t *)"\xfd" "123456789012345");
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
        {"224.0.0.5", MAC_A, "no host may have"}, {"127.0.0.1", MAC_A, "no host may have"},
        {"0.0.0.0", MAC_A, "no host may have"},   {"255.255.255.255", MAC_A, "no host may have"},
        {"ff02::1", MAC_A, "no host may have"},   {"::1", MAC_A, "no host may have"},
        {HOST, "01:00:5e:00:00:05", "MAC"},       {HOST, "00:00:00:00:00:00", "MAC"},
        {"10.0.0.1", MAC_A, "interface itself"},  {"fe80::1", MAC_A, "interface itself"},
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
    assert_null(nlab_entry("fd00::d", 0)); // nothing of a bad datagram
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

static void grows(void **state)
{
    struct neighbor_table *t = nlab.state.neighbors;
    static struct neighbor_key keys[BURST_SIZE];
    static uint8_t addresses[BURST_SIZE][16];
    uint64_t macs[BURST_SIZE];
    struct neighbor_news news = {.slot = 3, .family = 6, .may_create = 1};

    (void)state;
    t->limit = UINT32_MAX;
    t->tenant->limit = UINT32_MAX;
    assert_int_equal(t->n_buckets, 64);
    for (uint32_t i = 0; i < 100000; i++) {
        uint8_t address[16] = {0xfd}, mac[6] = {2};

        memcpy(address + 12, &i, sizeof(i));
        memcpy(mac + 2, &i, sizeof(i));
        news.address = address;
        news.mac = mac;
        neighbor_learn(&nlab.scene, &news);
    }
    assert_int_equal(t->n_used, 100000);
    assert_in_range(t->n_buckets, 199990, 200010);
    for (uint32_t i = 0; i < 100000; i += BURST_SIZE) {
        for (uint32_t k = 0; k < BURST_SIZE; k++) {
            uint32_t number = i + k;

            addresses[k][0] = 0xfd;
            memcpy(addresses[k] + 12, &number, sizeof(number));
            keys[k] = (struct neighbor_key){addresses[k], 3, 6};
        }
        neighbor_find_macs(&nlab.state, keys, macs, BURST_SIZE);
        for (uint32_t k = 0; k < BURST_SIZE; k++)
            assert_int_equal(macs[k],
                             i + k < 100000 ? (uint64_t)(i + k) << 16 | 2 : 0);
    }
    neighbor_link_down(&nlab.state, 3);
    assert_int_equal(t->n_used, 0);
    assert_int_equal(t->n_learned, 0);
}

// A reader beside a writer that adds, removes and reuses entries never sees another's MAC.
struct race {
    int is_over;
    uint64_t n_found, n_wrong;
};

static void race_key(uint32_t i, uint8_t *address, uint8_t *mac)
{
    memset(address, 0, 16);
    address[0] = 0xfd;
    memcpy(address + 12, &i, sizeof(i));
    memset(mac, 0, 6);
    mac[0] = 2;
    memcpy(mac + 2, &i, sizeof(i));
}

static void *read_on(void *arg)
{
    struct race *race = arg;
    uint8_t address[16], mac[6];
    uint32_t i = 0;

    while (!__atomic_load_n(&race->is_over, __ATOMIC_RELAXED)) {
        uint64_t word;

        race_key(i++ % 512, address, mac);
        word = neighbor_find_mac(&nlab.state, 3, 6, address);
        race->n_found += word != 0;
        race->n_wrong += word != 0 && word != neighbor_word(mac);
    }
    return NULL;
}

static void is_read_while_it_changes(void **state)
{
    struct race race = {0};
    pthread_t reader;
    struct neighbor_news news = {.slot = 3, .family = 6, .may_create = 1};
    uint64_t end;
    unsigned seed = 1;

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, read_on, &race), 0);
    end = rte_rdtsc() + rte_get_tsc_hz();
    // Long enough for the reader to have found many.
    while (rte_rdtsc() < end || __atomic_load_n(&race.n_found, __ATOMIC_RELAXED) < 10000) {
        uint8_t address[16], mac[6];
        uint32_t i = (uint32_t)rand_r(&seed) % 512;

        race_key(i, address, mac);
        news.address = address;
        news.mac = mac;
        neighbor_learn(&nlab.scene, &news);
        if (rand_r(&seed) % 256 == 0)
            neighbor_link_down(&nlab.state, 3);
    }
    __atomic_store_n(&race.is_over, 1, __ATOMIC_RELAXED);
    pthread_join(reader, NULL);
    assert_int_equal(race.n_wrong, 0);
}

static void gives_way_to_a_busy_table(void **state)
{
    (void)state;
    neighbor_lock(nlab.state.neighbors);
    assert_int_equal(nlab_hold(HOST, 0, 1), DROP_NEIGHBOR_QUEUE_FULL);
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    nlab_tick();
    neighbor_unlock(nlab.state.neighbors);
    assert_null(nlab_entry(HOST, 0));
}

// Thousands of routers with a few neighbours each must cost little.
static void costs_little(void **state)
{
    struct neighbor_table *tables[200];
    long before = 0, after = 0, page;

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        FILE *f = fopen("/proc/self/statm", "r");

        assert_int_equal(fscanf(f, "%ld %ld", &page, round == 0 ? &before : &after), 2);
        fclose(f);
        for (unsigned i = 0; i < RTE_DIM(tables) && round == 0; i++) {
            struct neighbor_table *mine = nlab.state.neighbors;

            assert_int_equal(neighbor_table_create("blue", &tables[i]), 0);
            nlab.state.neighbors = tables[i];
            nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
            nlab_learn(HOST6, 0, MAC_A, NLAB_CREATE);
            nlab.state.neighbors = mine;
        }
    }
    for (unsigned i = 0; i < RTE_DIM(tables); i++)
        neighbor_table_destroy(tables[i]);
    assert_in_range(after - before, 0, RTE_DIM(tables) * 8); // pages
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, nlab_setup, nlab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(resolves_and_sends_in_order),
        CASE(gives_up_after_three),
        CASE(probes_who_is_used),
        CASE(forgets_who_does_not_answer_probes),
        CASE(forgets_the_unused),
        CASE(follows_appendix_c),
        CASE(holds_so_many),
        CASE(survives_a_scan),
        CASE(counts_for_the_tenant),
        CASE(keeps_what_a_path_needs),
        CASE(has_static_ones),
        CASE(refuses_bad_configurations),
        CASE(has_dynamic_ones),
        CASE(forgets_with_the_link),
        CASE(forgets_with_the_interface),
        CASE(lists_in_pages),
        CASE(grows),
        CASE(is_read_while_it_changes),
        CASE(gives_way_to_a_busy_table),
        CASE(costs_little),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
