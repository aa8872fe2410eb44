// SPDX-License-Identifier: BSD-3-Clause
// A worker looks up while the main thread changes a table. A value says which prefix it stands for,
// so each answer proves itself: it covers the address, and is no shorter than what never went.
// Tables grow through all kinds of index and back meanwhile, and memory is used again as soon as it
// may.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/qsbr.h"
#include "vnf/lib/prefix_table.h"

#define N_FLAPS 100000
#define N_COVERS 256 // /8, of them every other has a /16 that stays too

static unsigned n_bits;
static struct prefix_table *table;
static int is_over;

struct reader {
    uint64_t random_state;
    uint64_t n_bursts, n_wrong;
};

static uint64_t draw_word(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

// Few enough addresses that what changes is looked up.
static void draw_address(uint8_t *address, uint64_t *state)
{
    uint64_t word = draw_word(state);

    memset(address, 0, 16);
    address[0] = (uint8_t)word;
    address[1] = word >> 8 & 1 ? 7 : (uint8_t)(word >> 16);
    address[2] = (uint8_t)(word >> 24);
    address[3] = (uint8_t)(word >> 32 & 0x3);
    if (n_bits == 128 && (word >> 40 & 1))
        address[15] = 9;
}

// Length, and of the address the 24 bits before it.
static uint32_t value_of(const uint8_t *address, unsigned len)
{
    uint32_t word;

    memcpy(&word, address, 4);
    word = __builtin_bswap32(word);
    if (len < 32)
        word >>= 32 - len;
    return len << 24 | (word & 0xffffff);
}

static int is_right(const uint8_t *address, uint32_t value)
{
    unsigned len = value >> 24;
    unsigned least = address[0] % 2 == 0 && address[1] == 7 ? 16 : 8;

    return len >= least && len <= n_bits && value == value_of(address, len);
}

static void *read_on(void *argument)
{
    struct reader *r = argument;

    qsbr_online(0);
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        uint8_t addresses[64][16];
        uint32_t packed[64], values[64];

        for (unsigned i = 0; i < 64; i++) {
            draw_address(addresses[i], &r->random_state);
            memcpy(&packed[i], addresses[i], 4);
        }
        if (r->n_bursts % 8 == 0)
            for (unsigned i = 0; i < 64; i++)
                values[i] = prefix_table_lookup(table, addresses[i]);
        else if (n_bits == 32)
            prefix_table_lookup4(table, packed, values, 64);
        else
            prefix_table_lookup6(table, (const uint8_t(*)[16])addresses, values, 64);
        for (unsigned i = 0; i < 64; i++)
            r->n_wrong += !is_right(addresses[i], values[i]);
        r->n_bursts++;
        if (r->n_bursts % 1000 == 0) {
            qsbr_offline(0);
            qsbr_online(0);
        }
        qsbr_quiescent(0);
    }
    qsbr_offline(0);
    return NULL;
}

static void add(const uint8_t *address, unsigned len)
{
    assert_int_equal(prefix_table_add(table, address, len, value_of(address, len), NULL), 0);
}

// Lengths between those that stay and that of hosts.
static void flap(uint64_t *state)
{
    for (unsigned i = 0; i < N_FLAPS; i++) {
        uint8_t address[16];
        unsigned len = 9 + (unsigned)(draw_word(state) % (n_bits - 8));

        draw_address(address, state);
        if (len == 16)
            len = 17;
        add(address, len);
        if (draw_word(state) % 4 == 0)
            prefix_tables_reclaim();
        if (draw_word(state) % 4 != 0)
            prefix_table_del(table, address, len);
    }
}

// Many more prefixes, elsewhere in the same covers, come and go: other indexes.
static void swell(uint32_t n)
{
    for (int is_there = 0; is_there < 2; is_there++) {
        for (uint32_t i = 0; i < n; i++) {
            uint8_t address[16] = {(uint8_t)(i >> 12), (uint8_t)(16 + (i >> 4)), (uint8_t)(i << 4)};

            if (is_there)
                prefix_table_del(table, address, 28);
            else
                add(address, 28);
        }
        prefix_tables_reclaim();
    }
}

static void read_and_change(unsigned bits)
{
    struct reader reader = {.random_state = 1};
    pthread_t thread;
    uint64_t state = 3;

    n_bits = bits;
    is_over = 0;
    assert_int_equal(qsbr_init(1), 0);
    assert_int_equal(prefix_table_create(bits, &table), 0);
    for (unsigned i = 0; i < N_COVERS; i++) {
        uint8_t address[16] = {(uint8_t)i, 7};

        add(address, 8);
        if (i % 2 == 0)
            add(address, 16);
    }
    assert_int_equal(pthread_create(&thread, NULL, read_on, &reader), 0);
    flap(&state);
    swell(400000);
    flap(&state);
    swell(30000);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_true(reader.n_bursts > 0);
    assert_int_equal(reader.n_wrong, 0);
    prefix_table_destroy(table);
    prefix_tables_reclaim();
    qsbr_fini();
}

static void readers_of_32_bits(void **unused)
{
    (void)unused;
    read_and_change(32);
}

static void readers_of_128_bits(void **unused)
{
    (void)unused;
    read_and_change(128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_of_32_bits),
        cmocka_unit_test(readers_of_128_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
