// SPDX-License-Identifier: BSD-3-Clause
// Does the neighbour table do what a naive one does? A list of forty addresses, each with its state
// written out, next to the real table; random packets, news, configurations, daemons, links and
// time. After each step both must agree in all states, MACs, counts of held packets, quotas and
// everything that was sent, dropped or told.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "tests/unit/router/neighbor_lab.h"

#define N_ADDRESSES 48
#define N_KEPT 5 // the first ones may be kept for paths
#define LIMIT 20
#define SHARE 16 // of it, for those that are only asked for
#define IN_PORT 7

struct naive {
    uint8_t state;
    uint64_t mac, static_mac, dynamic_mac;
    uint32_t epoch, n_held, n_sent, n_references;
    uint64_t deadline;
    int64_t entered; // the order in its state
    uint32_t number; // of the real one, if kept
};

static struct naive table[N_ADDRESSES];
static int64_t last_entered, first_entered;
static uint32_t n_resumed, n_errors, n_limit, n_full, n_refused, n_unresolved_drops;
static uint64_t reachable;

static uint32_t draw(uint32_t n)
{
    static uint64_t seed = 42;

    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % n;
}

static const char *name_of(uint32_t i)
{
    static char text[32];

    snprintf(text, sizeof(text), i % 2 ? "10.0.0.%u" : "fd00::%x", 50 + i);
    return text;
}

static uint64_t sec(uint64_t n)
{
    return n * rte_get_tsc_hz();
}

static void enter(struct naive *a, uint8_t state, uint64_t deadline)
{
    a->state = state;
    a->deadline = deadline;
    a->entered = ++last_entered;
}

static int is_learned(const struct naive *a)
{
    return a->state != 0 && a->state != API_NEIGHBOR_STATIC && a->state != API_NEIGHBOR_DYNAMIC;
}

static int is_counted(const struct naive *a)
{
    return is_learned(a) && a->n_references == 0;
}

static uint32_t count(int is_unresolved_only)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        n += is_counted(&table[i]) &&
             (!is_unresolved_only || table[i].state == API_NEIGHBOR_INCOMPLETE ||
              table[i].state == API_NEIGHBOR_FAILED);
    return n;
}

static void forget(struct naive *a)
{
    a->mac = 0;
    a->state = 0;
}

static void give_up(struct naive *a)
{
    if (a->n_held == 0) {
        forget(a);
        return;
    }
    a->mac = 0;
    a->state = API_NEIGHBOR_FAILED;
    a->deadline = 0;
    a->entered = --first_entered;
}

static int evict(uint8_t state, uint64_t latest)
{
    struct naive *oldest = NULL;

    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        if (is_counted(&table[i]) && table[i].state == state &&
            (oldest == NULL || table[i].entered < oldest->entered))
            oldest = &table[i];
    if (oldest == NULL || oldest->deadline > latest)
        return 0;
    n_limit += oldest->n_held;
    oldest->n_held = 0;
    forget(oldest);
    return 1;
}

static int evict_unresolved(void)
{
    return evict(API_NEIGHBOR_FAILED, UINT64_MAX) || evict(API_NEIGHBOR_INCOMPLETE, UINT64_MAX);
}

static int make_room(int has_spoken)
{
    if (!has_spoken && count(1) >= SHARE)
        evict_unresolved();
    if (count(0) >= LIMIT && !evict_unresolved() && has_spoken)
        evict(API_NEIGHBOR_STALE, nlab.ctx.now_tsc + sec(570));
    if (count(0) < LIMIT && (has_spoken || count(1) < SHARE))
        return 1;
    n_refused++;
    return 0;
}

static void naive_use(struct naive *a)
{
    if (a->state == API_NEIGHBOR_STALE)
        enter(a, API_NEIGHBOR_DELAY, nlab.ctx.now_tsc + sec(5));
}

static void naive_hold(struct naive *a)
{
    int exists = a->state != 0 || a->n_references > 0;

    if (!exists && !make_room(0)) {
        n_limit++;
        return;
    }
    if (a->state == API_NEIGHBOR_FAILED) {
        n_errors++;
        n_unresolved_drops++;
        return;
    }
    if (a->state == 0) {
        a->n_sent = 1;
        enter(a, API_NEIGHBOR_INCOMPLETE, nlab.ctx.now_tsc + sec(1));
    }
    if (a->mac != 0) {
        n_resumed++;
        naive_use(a);
    } else if (a->n_held == NEIGHBOR_MAX_HELD) {
        n_full++;
    } else {
        a->n_held++;
    }
}

static void naive_confirm(struct naive *a, uint64_t mac)
{
    a->mac = mac;
    enter(a, API_NEIGHBOR_REACHABLE, nlab.ctx.now_tsc + reachable);
}

static void naive_stale(struct naive *a, uint64_t mac)
{
    a->mac = mac;
    enter(a, API_NEIGHBOR_STALE, nlab.ctx.now_tsc + sec(600));
}

static void naive_learn(struct naive *a, uint64_t mac, unsigned flags)
{
    int exists = a->state != 0 || a->n_references > 0;

    if (!exists && (!(flags & NLAB_CREATE) || mac == 0 || !make_room(1)))
        return;
    if (a->state == API_NEIGHBOR_STATIC || a->state == API_NEIGHBOR_DYNAMIC)
        return;
    if (a->mac == 0) {
        if (mac == 0 || (a->state == 0 && !(flags & NLAB_CREATE)))
            return;
        if (flags & NLAB_SOLICITED)
            naive_confirm(a, mac);
        else
            naive_stale(a, mac);
        if (a->n_held > 0)
            naive_use(a);
        n_resumed += a->n_held;
        a->n_held = 0;
        return;
    }
    if (mac == 0 || mac == a->mac) {
        if (flags & NLAB_SOLICITED)
            naive_confirm(a, a->mac);
    } else if (flags & NLAB_OVERRIDE) {
        if (flags & NLAB_SOLICITED)
            naive_confirm(a, mac);
        else
            naive_stale(a, mac);
    } else if (a->state == API_NEIGHBOR_REACHABLE) {
        naive_stale(a, a->mac);
    }
}

static void naive_settle(struct naive *a)
{
    uint64_t mac = a->static_mac != 0 ? a->static_mac : a->dynamic_mac;

    if (mac != 0) {
        a->mac = mac;
        a->state = a->static_mac != 0 ? API_NEIGHBOR_STATIC : API_NEIGHBOR_DYNAMIC;
    } else if (a->state == API_NEIGHBOR_STATIC || a->state == API_NEIGHBOR_DYNAMIC) {
        give_up(a);
    }
}

static void naive_fail(struct naive *a)
{
    n_errors += a->n_held;
    n_unresolved_drops += a->n_held;
    a->n_held = 0;
}

static void naive_expire(struct naive *a)
{
    uint64_t now = nlab.ctx.now_tsc;

    if (a->state == API_NEIGHBOR_STATIC || a->state == API_NEIGHBOR_DYNAMIC) {
        n_resumed += a->n_held;
        a->n_held = 0;
        return;
    }
    if (a->state == 0 || a->deadline > now)
        return;
    switch (a->state) {
    case API_NEIGHBOR_INCOMPLETE:
    case API_NEIGHBOR_PROBE:
        if (a->n_sent++ < 3) {
            enter(a, a->state, now + sec(1));
        } else if (a->state == API_NEIGHBOR_PROBE) {
            forget(a);
        } else {
            naive_fail(a);
            enter(a, API_NEIGHBOR_FAILED, now + sec(1));
        }
        break;
    case API_NEIGHBOR_DELAY:
        a->n_sent = 1;
        enter(a, API_NEIGHBOR_PROBE, now + sec(1));
        break;
    case API_NEIGHBOR_REACHABLE:
        enter(a, API_NEIGHBOR_STALE, now + sec(600));
        break;
    default: // FAILED, STALE
        naive_fail(a);
        forget(a);
        break;
    }
}

// Entries of one state expire in the order in which they entered it.
static int compare_entered(const void *left, const void *right)
{
    const struct naive *a = *(struct naive *const *)left, *b = *(struct naive *const *)right;

    return (a->entered > b->entered) - (a->entered < b->entered);
}

static void pass(uint32_t n_ticks)
{
    struct naive *order[N_ADDRESSES];

    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        order[i] = &table[i];
    for (uint32_t n = 0; n < n_ticks; n++) {
        nlab.ctx.now_tsc += rte_get_tsc_hz() / 10 + 1;
        nlab.n_sent = 0;
        nlab_tick();
        // Several may be held by static ones; the table takes one of a kind a tick.
        qsort(order, N_ADDRESSES, sizeof(order[0]), compare_entered);
        for (uint32_t i = 0; i < N_ADDRESSES; i++)
            naive_expire(order[i]);
    }
}

static void configure(void)
{
    struct api_neighbor items[N_ADDRESSES];
    uint32_t n = 0, skip = draw(4);

    for (uint32_t i = 0; i < N_ADDRESSES; i++) {
        uint64_t old = table[i].static_mac;

        table[i].static_mac = 0;
        if (skip == 0 || draw(12) != 0) {
            if (old != 0)
                naive_settle(&table[i]);
            continue;
        }
        items[n] = (struct api_neighbor){.owner = 0, .mac = {2, 2, (uint8_t)draw(2)}};
        items[n].family = nlab_parse(name_of(i), items[n].address);
        table[i].static_mac = neighbor_word(items[n].mac);
        if (old != table[i].static_mac)
            naive_settle(&table[i]);
        n++;
    }
    assert_int_equal(nlab_apply(items, n, NULL), 0);
    nlab.state.neighbors->limit = LIMIT;
    pass(N_ADDRESSES); // so that all that was held for them is gone
}

static void install(uint32_t i)
{
    struct api_neighbor_change change = {.is_delete = draw(3) == 0,
                                         .mac = {2, 3, (uint8_t)draw(2)}};
    struct function_request request = {.items = &change, .n_items = 1, .epoch = draw(3)};
    uint64_t mac = change.is_delete ? 0 : neighbor_word(change.mac);
    struct naive *a = &table[i];

    change.family = nlab_parse(name_of(i), change.address);
    assert_int_equal(neighbor_dynamic_change(&nlab.state, &nlab.config, &request, NULL), 0);
    a->epoch = request.epoch;
    if (a->dynamic_mac != mac) {
        a->dynamic_mac = mac;
        naive_settle(a);
    }
    pass(2);
}

static void sweep(void)
{
    uint32_t epoch = draw(3);

    neighbor_dynamic_sweep(&nlab.state, epoch);
    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        if (table[i].dynamic_mac != 0 && table[i].epoch != epoch) {
            table[i].dynamic_mac = 0;
            naive_settle(&table[i]);
        }
}

static void lose_link(void)
{
    neighbor_link_down(&nlab.state, 3);
    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        if (is_learned(&table[i]))
            give_up(&table[i]);
    pass(1);
}

static void keep(uint32_t i)
{
    struct naive *a = &table[i];
    uint8_t address[16], family = nlab_parse(name_of(i), address);

    if (a->n_references > 0 && draw(2)) {
        a->n_references--;
        neighbor_put(&nlab.state, a->number);
    } else {
        a->n_references++;
        a->number = neighbor_get(&nlab.state, 3, family, address);
    }
}

static void learn(uint32_t i)
{
    static const char *const macs[] = {"52:54:00:00:00:0a", "52:54:00:00:00:0b", NULL};
    const char *mac = macs[draw(3)];
    unsigned flags = draw(8);

    nlab_learn(name_of(i), 0, mac, flags);
    naive_learn(&table[i], mac != NULL ? nlab_mac(mac) : 0, flags);
}

static void step(void)
{
    uint32_t i = draw(N_ADDRESSES), kind = draw(100);

    nlab.n_sent = 0;
    if (kind < 40) {
        for (uint32_t n = draw(8) == 0 ? 1 + draw(12) : 1; n > 0; n--) {
            (void)nlab_hold(name_of(i), 0, 1);
            naive_hold(&table[i]);
        }
    } else if (kind < 70) {
        learn(i);
    } else if (kind < 80) {
        assert_int_equal(nlab_find(name_of(i), 0), table[i].mac);
        naive_use(&table[i]);
    } else if (kind < 93) {
        pass(1 + draw(draw(8) == 0 ? 500 : 8));
    } else if (kind < 95) {
        install(i);
    } else if (kind < 98) {
        keep(draw(N_KEPT));
    } else {
        switch (draw(6)) {
        case 0:
            configure();
            break;
        case 1:
            sweep();
            break;
        case 2:
            lose_link();
            break;
        default:
            pass(draw(7000)); // long enough for entries that nobody needs
            break;
        }
    }
}

static void compare(uint32_t number)
{
    const struct neighbor_table *t = nlab.state.neighbors;

    for (uint32_t i = 0; i < N_ADDRESSES; i++) {
        const struct neighbor_entry *e = nlab_entry(name_of(i), 0);
        const struct naive *a = &table[i];

        if ((e != NULL ? e->state : 0) != a->state ||
            (e != NULL ? e->mac & NEIGHBOR_MAC : 0) != a->mac ||
            (e != NULL ? e->n_held : 0) != a->n_held ||
            (e != NULL) != (a->state != 0 || a->n_references > 0))
            fail_msg("step %u, %s: state %u, held %u, should be %u, %u", number, name_of(i),
                     e != NULL ? e->state : 0, e != NULL ? e->n_held : 0, a->state, a->n_held);
    }
    assert_int_equal(t->n_learned, count(0));
    assert_int_equal(t->tenant->n_learned, count(0));
    assert_int_equal(t->n_unresolved, count(1));
    assert_int_equal(t->n_refused, n_refused);
    assert_int_equal(nlab.n_resumed, n_resumed);
    assert_int_equal(nlab.n_errors, n_errors);
    assert_int_equal(nlab_drops(IN_PORT, DROP_NEIGHBOR_QUEUE_FULL), n_full);
}

// Flows rely on a MAC, and on somebody who probes it: if it is another, a number has changed.
static void compare_told(uint32_t number)
{
    static uint64_t last[N_ADDRESSES];
    static uint32_t versions[N_ADDRESSES];
    const struct neighbor_table *t = nlab.state.neighbors;

    for (uint32_t i = 0; i < N_ADDRESSES; i++) {
        const struct neighbor_entry *e = nlab_entry(name_of(i), 0);
        uint8_t address[16], family = nlab_parse(name_of(i), address);
        uint32_t version = walk_version(neighbor_place(t, neighbor_id(t, 3, family, address).hash));
        uint64_t mac = e != NULL ? e->mac : 0;

        if (last[i] != 0 && last[i] != mac && version == versions[i])
            fail_msg("step %u, %s: another MAC, and nobody is told", number, name_of(i));
        last[i] = mac;
        versions[i] = version;
    }
}

static void does_what_a_naive_one_does(void **state)
{
    (void)state;
    nlab.state.neighbors->limit = LIMIT;
    nlab_tick();
    nlab.state.neighbors->redraw_tsc = UINT64_MAX / 2; // one reachable time for all of the test
    reachable = nlab.state.neighbors->reachable_tsc;
    for (uint32_t i = 0; i < 60000; i++) {
        step();
        compare(i);
        compare_told(i);
    }
    print_message("%u sent late, %u errors, %u queues full, %u at the limit, %u refused\n",
                  n_resumed, n_errors, n_full, n_limit, n_refused);
    assert_true(n_resumed > 100 && n_errors > 100 && n_full > 10 && n_limit > 10 && n_refused > 10);
    for (uint32_t i = 0; i < N_KEPT; i++)
        while (table[i].n_references-- > 0)
            neighbor_put(&nlab.state, table[i].number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(does_what_a_naive_one_does, nlab_setup, nlab_teardown),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
