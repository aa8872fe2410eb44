// SPDX-License-Identifier: BSD-3-Clause
// Does the table grow with what is in it and cost no more, and may it be read while it changes?

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "tests/unit/router/neighbor_lab.h"

#define HOST "10.0.0.9"
#define HOST6 "fd00::9"
#define MAC_A "52:54:00:00:00:0a"

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
            assert_int_equal(macs[k], i + k < 100000 ? (uint64_t)(i + k) << 16 | 2 : 0);
    }
    neighbor_link_down(&nlab.state, 3);
    assert_int_equal(t->n_used, 0);
    assert_int_equal(t->n_learned, 0);
}

// A reader beside a writer that adds, removes and reuses entries never sees another's MAC.
struct race {
    int is_over;
    uint32_t n_keys;
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

        race_key(i++ % race->n_keys, address, mac);
        word = neighbor_find_mac(&nlab.state, 3, 6, address);
        race->n_found += word != 0;
        race->n_wrong += word != 0 && word != neighbor_word(mac);
    }
    return NULL;
}

// With two keys and one entry it changes hands all the time; with many, buckets are split.
static void run_race(uint32_t n_keys)
{
    struct race race = {.n_keys = n_keys};
    pthread_t reader;
    struct neighbor_news news = {.slot = 3, .family = 6, .may_create = 1};
    unsigned seed = 1;

    assert_int_equal(pthread_create(&reader, NULL, read_on, &race), 0);
    for (uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 2;
         rte_rdtsc() < end || __atomic_load_n(&race.n_found, __ATOMIC_RELAXED) < 10000;) {
        uint8_t address[16], mac[6];

        race_key((uint32_t)rand_r(&seed) % n_keys, address, mac);
        news.address = address;
        news.mac = mac;
        neighbor_learn(&nlab.scene, &news);
        if (n_keys == 2 || rand_r(&seed) % 256 == 0)
            neighbor_link_down(&nlab.state, 3);
    }
    __atomic_store_n(&race.is_over, 1, __ATOMIC_RELAXED);
    pthread_join(reader, NULL);
    assert_int_equal(race.n_wrong, 0);
}

static void is_read_while_it_changes(void **state)
{
    (void)state;
    run_race(2);
    run_race(512);
}

// As a reader meets it in the middle of a change.
static void is_not_read_while_its_key_changes(void **state)
{
    struct neighbor_entry *e;

    (void)state;
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    e = nlab_entry(HOST, 0);
    e->sequence++;
    assert_int_equal(nlab_find(HOST, 0), 0);
    e->sequence++;
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
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
        CASE(grows),
        CASE(is_read_while_it_changes),
        CASE(is_not_read_while_its_key_changes),
        CASE(gives_way_to_a_busy_table),
        CASE(costs_little),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
