// SPDX-License-Identifier: BSD-3-Clause
// Does the neighbour table keep the states, timers and quotas of RFC 4861 and its own word on
// packets that wait? Time stands still between the steps of a test.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/pool.h"
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
    reachable_ms = nlab.state.neighbors->reachable_tsc * 1000 / nlab.state.neighbors->second_tsc;
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

// The buffers are a port's, and packets that other routers hold take its share as well. A
// neighbour is asked for all the same.
static void holds_no_more_than_the_pool_can_spare(void **state)
{
    struct rte_mempool *pool = rte_mempool_lookup("neighbors");
    struct rte_mbuf *other = rte_pktmbuf_alloc(pool);
    unsigned n = 0;

    (void)state;
    while (pool_begin_wait(other))
        n++;
    assert_int_equal(n, pool->size / POOL_WAITING_SHARE);
    assert_int_equal(nlab_hold(HOST, 0, 1), DROP_NEIGHBOR_QUEUE_FULL);
    assert_int_equal(nlab.n_sent, 1);
    assert_int_equal(nlab_entry(HOST, 0)->n_held, 0);
    pool_end_wait(other);
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    // The second gets the place of the first; of another neighbour's packet it does not.
    assert_int_equal(nlab_hold(HOST, 0, 1), API_DROP_NONE);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_QUEUE_FULL), 1);
    assert_int_equal(nlab_hold("10.0.0.99", 0, 1), DROP_NEIGHBOR_QUEUE_FULL);
    assert_int_equal(nlab.state.neighbors->n_held, 1);
    for (unsigned i = 1; i < n; i++)
        pool_end_wait(other);
    nlab_learn(HOST, 0, MAC_A, NLAB_SOLICITED);
    assert_int_equal(nlab.n_resumed, 1);
    n = 0;
    while (pool_begin_wait(other)) // all of it is free again
        n++;
    assert_int_equal(n, pool->size / POOL_WAITING_SHARE);
    for (unsigned i = 0; i < n; i++)
        pool_end_wait(other);
    rte_pktmbuf_free(other);
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
        CASE(holds_no_more_than_the_pool_can_spare),
        CASE(survives_a_scan),
        CASE(counts_for_the_tenant),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
