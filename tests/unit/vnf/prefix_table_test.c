// SPDX-License-Identifier: BSD-3-Clause
// A prefix table's edges: every length, borders of strides, paths that split and join, full nodes,
// memory that comes back or runs out, listings of a table that changes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "vnf/lib/prefix_arena.h"
#include "vnf/lib/prefix_table.h"

static const unsigned families[] = {32, 128};
#define FOR_FAMILIES(f) for (unsigned f = 0; f < 2; f++)

static const uint8_t pattern[16] = {0xa5, 0x3c, 0x96, 0xf1, 0x0e, 0x77, 0x81, 0x5a,
                                    0xc3, 0x69, 0x18, 0xee, 0x42, 0xbd, 0x24, 0x7b};

static struct prefix_table *make(unsigned n_bits)
{
    struct prefix_table *t;

    assert_int_equal(prefix_table_create(n_bits, &t), 0);
    return t;
}

static void add(struct prefix_table *t, const uint8_t *prefix, unsigned len, uint32_t value)
{
    uint32_t old = 77;

    assert_int_equal(prefix_table_add(t, prefix, len, value, &old), 0);
    assert_int_equal(old, 0);
}

static void flip(uint8_t *address, unsigned bit)
{
    address[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

// The first or last address of a prefix.
static void border(uint8_t *address, const uint8_t *prefix, unsigned len, int is_last)
{
    memcpy(address, prefix, 16);
    for (unsigned bit = len; bit < 128; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> bit % 8);

        address[bit / 8] = (uint8_t)(is_last ? address[bit / 8] | mask : address[bit / 8] & ~mask);
    }
}

// All ways of asking agree.
static void check_value(const struct prefix_table *t, unsigned n_bits, const uint8_t *address,
                        uint32_t expected)
{
    uint8_t wide[1][16];
    uint32_t narrow, value = 99;

    memcpy(wide[0], address, 16);
    memcpy(&narrow, address, 4);
    if (n_bits == 32)
        prefix_table_lookup4(t, &narrow, &value, 1);
    else
        prefix_table_lookup6(t, (const uint8_t(*)[16])wide, &value, 1);
    assert_int_equal(value, expected);
    assert_int_equal(prefix_table_lookup(t, address), expected);
}

static void refuses_what_is_none(void **unused)
{
    struct prefix_table *t;
    uint32_t old = 77;

    (void)unused;
    assert_int_equal(prefix_table_create(0, &t), -EINVAL);
    assert_int_equal(prefix_table_create(33, &t), -EINVAL);
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];

        t = make(n_bits);
        assert_int_equal(prefix_table_add(t, pattern, n_bits + 1, 1, &old), -EINVAL);
        assert_int_equal(prefix_table_add(t, pattern, 8, 0, &old), -EINVAL);
        assert_int_equal(old, 77);
        assert_int_equal(prefix_table_del(t, pattern, 8), 0);
        assert_int_equal(prefix_table_del(t, pattern, n_bits + 1), 0);
        assert_int_equal(prefix_table_get(t, pattern, n_bits + 1), 0);
        assert_int_equal(prefix_table_count(t), 0);
        check_value(t, n_bits, pattern, 0);
        prefix_table_destroy(t);
    }
    prefix_table_destroy(NULL);
}

// Each length alone: its first and last address, and those beside it.
static void one_prefix(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];
        struct prefix_table *t = make(n_bits);
        size_t empty = prefix_table_memory(t);

        for (unsigned len = 0; len <= n_bits; len++) {
            uint8_t first[16], last[16], other[16];

            border(first, pattern, len, 0);
            border(last, pattern, len, 1);
            add(t, pattern, len, 1000 + len); // with bits behind the length
            check_value(t, n_bits, first, 1000 + len);
            check_value(t, n_bits, last, 1000 + len);
            for (unsigned bit = 0; bit < len; bit++) {
                memcpy(other, pattern, 16);
                flip(other, bit);
                check_value(t, n_bits, other, 0);
            }
            assert_int_equal(prefix_table_get(t, first, len), 1000 + len);
            if (len > 0)
                assert_int_equal(prefix_table_get(t, first, len - 1), 0);
            if (len < n_bits)
                assert_int_equal(prefix_table_get(t, first, len + 1), 0);
            assert_in_range(prefix_table_memory(t), empty + 24, empty + 64);
            assert_int_equal(prefix_table_del(t, last, len), 1000 + len);
            check_value(t, n_bits, first, 0);
            assert_int_equal(prefix_table_memory(t), empty);
        }
        prefix_table_destroy(t);
    }
}

// The prefix that an address has which leaves the pattern at a bit.
static void check_nested(const struct prefix_table *t, unsigned n_bits, const uint8_t *is_there)
{
    for (unsigned leaves = 0; leaves <= n_bits; leaves++) {
        uint8_t address[16];
        uint32_t expected = 0;

        memcpy(address, pattern, 16);
        if (leaves < n_bits)
            flip(address, leaves);
        for (unsigned len = 0; len <= leaves; len++)
            if (is_there[len])
                expected = 1000 + len;
        check_value(t, n_bits, address, expected);
    }
}

// All lengths at once, added and removed in orders that split and join paths everywhere.
static void nested_prefixes(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];

        for (unsigned factor = 1; factor < n_bits; factor += 2) { // n_bits + 1 is 33 or 129
            struct prefix_table *t;
            uint8_t is_there[129] = {0};
            size_t empty;

            if ((n_bits + 1) % 3 == 0 && factor % 3 == 0)
                continue; // would not reach all
            if ((n_bits == 32 && factor % 11 == 0) || (n_bits == 128 && factor % 43 == 0))
                continue;
            t = make(n_bits);
            empty = prefix_table_memory(t);
            for (unsigned i = 0; i <= n_bits; i++) {
                unsigned len = i * factor % (n_bits + 1);

                add(t, pattern, len, 1000 + len);
                is_there[len] = 1;
                check_nested(t, n_bits, is_there);
            }
            for (unsigned i = 0; i <= n_bits; i++) {
                unsigned len = (i * (factor + 2) + 5) % (n_bits + 1);

                if (is_there[len])
                    assert_int_equal(prefix_table_del(t, pattern, len), 1000 + len);
                is_there[len] = 0;
                check_nested(t, n_bits, is_there);
            }
            for (unsigned len = 0; len <= n_bits; len++)
                prefix_table_del(t, pattern, len);
            assert_int_equal(prefix_table_count(t), 0);
            if (factor == 1) // else too small an index may wait for a change to come
                assert_true(prefix_table_memory(t) >= empty);
            prefix_table_destroy(t);
            prefix_tables_reclaim();
        }
    }
}

// Two hosts that differ in one bit: the path splits there and is whole again without one of them.
static void paths_split_and_join(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];
        struct prefix_table *t = make(n_bits);
        size_t alone;

        add(t, pattern, n_bits, 1);
        alone = prefix_table_memory(t);
        for (unsigned bit = 0; bit < n_bits; bit++) {
            for (unsigned len = bit + 1; len <= n_bits; len += 5) {
                uint8_t other[16];

                memcpy(other, pattern, 16);
                flip(other, bit);
                add(t, other, len, 2);
                check_value(t, n_bits, pattern, 1);
                check_value(t, n_bits, other, 2);
                assert_true(prefix_table_memory(t) >= alone);
                assert_int_equal(prefix_table_del(t, other, len), 2);
                check_value(t, n_bits, pattern, 1);
                check_value(t, n_bits, other, 0);
                assert_int_equal(prefix_table_memory(t), alone);
            }
        }
        prefix_table_destroy(t);
    }
}

// Everything that two bytes in the middle can say, of 8 lengths: all nodes there are full.
static void full_nodes(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];
        struct prefix_table *t = make(n_bits);
        uint8_t address[16];
        uint32_t value;
        int len = -1;
        size_t empty = prefix_table_memory(t);

        memcpy(address, pattern, 16);
        for (unsigned n = 8; n <= 16; n++)
            for (unsigned i = 0; i < 1U << n; i++) {
                address[1] = (uint8_t)(i << (16 - n) >> 8);
                address[2] = (uint8_t)(i << (16 - n));
                add(t, address, 8 + n, n << 16 | i);
            }
        for (unsigned i = 0; i < 65536; i++) {
            address[1] = (uint8_t)(i >> 8);
            address[2] = (uint8_t)i;
            assert_int_equal(prefix_table_lookup(t, address), 16U << 16 | i);
        }
        assert_int_equal(prefix_table_count(t), 131072 - 256);
        assert_in_range(prefix_table_memory(t), 4 * 131072 - 1024, 10 * 131072);
        for (unsigned n = 0; prefix_table_next(t, address, &len, &value); n++)
            assert_int_equal(prefix_table_del(t, address, (unsigned)len), value);
        assert_int_equal(prefix_table_count(t), 0);
        assert_int_equal(prefix_table_memory(t), empty);
        prefix_table_destroy(t);
        prefix_tables_reclaim();
    }
}

static void a_value_is_replaced(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        unsigned n_bits = families[f];
        const unsigned lens[] = {0, 1, 2, 7, 8, 24, n_bits - 1, n_bits};
        struct prefix_table *t = make(n_bits);
        uint32_t old;

        for (unsigned i = 0; i < 8; i++)
            add(t, pattern, lens[i], 10 + i);
        for (unsigned i = 0; i < 8; i++) {
            size_t memory = prefix_table_memory(t);

            assert_int_equal(prefix_table_add(t, pattern, lens[i], UINT32_MAX - i, &old), 0);
            assert_int_equal(old, 10 + i);
            assert_int_equal(prefix_table_add(t, pattern, lens[i], 100 + i, NULL), 0);
            assert_int_equal(prefix_table_get(t, pattern, lens[i]), 100 + i);
            assert_int_equal(prefix_table_memory(t), memory);
        }
        assert_int_equal(prefix_table_count(t), 8);
        for (unsigned i = 8; i-- > 0;) {
            check_value(t, n_bits, pattern, 100 + i);
            assert_int_equal(prefix_table_del(t, pattern, lens[i]), 100 + i);
        }
        check_value(t, n_bits, pattern, 0);
        prefix_table_destroy(t);
    }
}

// Bursts of any size say what single look-ups say, and write no further.
static void bursts(void **unused)
{
    static const unsigned sizes[] = {0, 1, 31, 32, 63, 64, 65, 128, 200};

    (void)unused;
    FOR_FAMILIES(f)
    {
        struct prefix_table *t = make(families[f]);
        uint8_t addresses[200][16];
        uint32_t packed[200], values[201];

        for (unsigned i = 0; i < 200; i++) {
            memcpy(addresses[i], pattern, 16);
            addresses[i][i % 4] ^= (uint8_t)i;
            memcpy(&packed[i], addresses[i], 4);
            (void)prefix_table_add(t, addresses[i], i % 33, i + 1, NULL);
        }
        for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            unsigned n = sizes[s];

            memset(values, 0xee, sizeof(values));
            if (families[f] == 32)
                prefix_table_lookup4(t, packed, values, n);
            else
                prefix_table_lookup6(t, (const uint8_t(*)[16])addresses, values, n);
            for (unsigned i = 0; i < n; i++)
                assert_int_equal(values[i], prefix_table_lookup(t, addresses[i]));
            assert_int_equal(values[n], 0xeeeeeeee);
        }
        prefix_table_destroy(t);
    }
}

// A page ends; its last prefix goes, others come before and behind: the next page goes on.
static void a_listing_goes_on(void **unused)
{
    struct prefix_table *t = make(32);
    uint8_t address[4] = {10, 0, 0, 0}, cursor[4];
    uint32_t value;
    int len = -1;

    (void)unused;
    assert_int_equal(prefix_table_next(t, cursor, &len, &value), 0);
    for (unsigned i = 0; i < 200; i++) {
        address[1] = (uint8_t)i;
        add(t, address, 16, i + 1);
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(prefix_table_next(t, cursor, &len, &value), 1);
        assert_int_equal(value, i + 1);
        assert_int_equal(cursor[1], i);
        assert_int_equal(len, 16);
    }
    assert_int_equal(prefix_table_del(t, cursor, 16), 100);
    add(t, (const uint8_t[]){10, 98, 128, 0}, 17, 1001);
    add(t, (const uint8_t[]){10, 99, 0, 0}, 15 + 2, 1002); // the cursor's address, longer
    add(t, (const uint8_t[]){10, 99, 0, 0}, 32, 1003);
    add(t, (const uint8_t[]){0, 0, 0, 0}, 0, 1004);
    assert_int_equal(prefix_table_del(t, (const uint8_t[]){10, 100, 0, 0}, 16), 101);
    assert_int_equal(prefix_table_next(t, cursor, &len, &value), 1);
    assert_int_equal(value, 1002);
    assert_int_equal(prefix_table_next(t, cursor, &len, &value), 1);
    assert_int_equal(value, 1003);
    assert_int_equal(prefix_table_next(t, cursor, &len, &value), 1);
    assert_int_equal(value, 102);
    memset(cursor, 255, 4);
    len = 32;
    assert_int_equal(prefix_table_next(t, cursor, &len, &value), 0);
    prefix_table_destroy(t);
}

static void scatter(uint8_t *address, uint32_t i)
{
    uint64_t word = (i + 1) * 0x9e3779b97f4a7c15U;

    memset(address, 0, 16);
    memcpy(address, &word, 8);
}

// Routes that come and go for ever, of ever other lengths, use the same memory again.
static void memory_is_used_again(void **unused)
{
    (void)unused;
    FOR_FAMILIES(f)
    {
        struct prefix_table *t = make(families[f]);
        size_t empty = prefix_table_memory(t), all, most = 0;

        prefix_tables_reclaim();
        all = prefix_tables_memory();
        for (unsigned round = 0; round < 6; round++) {
            uint8_t address[16];

            for (uint32_t i = 0; i < 20000; i++) {
                scatter(address, i * (round + 1));
                (void)prefix_table_add(t, address, round % 2 ? 32 : 8 + i % 24, i + 1, NULL);
            }
            prefix_tables_reclaim();
            if (round == 1)
                most = prefix_tables_memory();
            if (round > 1)
                assert_in_range(prefix_tables_memory(), all, most + most / 4);
            for (uint32_t i = 0; i < 20000; i++) {
                scatter(address, i * (round + 1));
                prefix_table_del(t, address, round % 2 ? 32 : 8 + i % 24);
            }
            prefix_tables_reclaim();
            assert_int_equal(prefix_table_count(t), 0);
            assert_int_equal(prefix_table_memory(t), empty);
            assert_in_range(prefix_tables_memory(), all, all + 8192);
        }
        prefix_table_destroy(t);
    }
}

static void check_scattered(const struct prefix_table *t, const uint8_t *is_there, uint32_t n)
{
    uint8_t address[16];

    for (uint32_t i = 0; i < n; i++) {
        scatter(address, i);
        assert_int_equal(prefix_table_get(t, address, 24 + i % 9), is_there[i] ? i + 1 : 0);
    }
}

// With all memory taken: what is refused changes nothing, and all can be removed.
static void memory_runs_out(void **unused)
{
    enum { N = 4000 };
    static uint8_t is_there[N];

    (void)unused;
    FOR_FAMILIES(f)
    {
        struct prefix_table *t = make(families[f]);
        size_t empty = prefix_table_memory(t);
        uint32_t n = 0, n_refused = 0;
        uint8_t address[16];

        prefix_tables_limit(prefix_tables_memory() + 160 * 1024);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t old = 77;
            size_t memory = prefix_table_memory(t);
            int rc;

            scatter(address, i);
            rc = prefix_table_add(t, address, 24 + i % 9, i + 1, &old);
            is_there[i] = rc == 0;
            n += rc == 0;
            if (rc != 0) {
                assert_int_equal(rc, -ENOMEM);
                assert_int_equal(old, 77);
                assert_int_equal(prefix_table_memory(t), memory);
                n_refused++;
            }
        }
        assert_int_equal(prefix_table_count(t), n);
        assert_in_range(n, 200, N - 200);
        check_scattered(t, is_there, N);
        for (uint32_t i = 0; i < N; i++) { // in a scattered order as well
            uint32_t j = i * 1237 % N;

            scatter(address, j);
            assert_int_equal(prefix_table_del(t, address, 24 + j % 9), is_there[j] ? j + 1 : 0);
            is_there[j] = 0;
            if (i % 256 == 0)
                check_scattered(t, is_there, N);
        }
        assert_int_equal(prefix_table_count(t), 0);
        prefix_tables_limit(SIZE_MAX);
        for (unsigned i = 0; i < 1030; i++) { // the index follows some changes later
            add(t, pattern, 8, 1);
            prefix_table_del(t, pattern, 8);
        }
        assert_int_equal(prefix_table_memory(t), empty);
        prefix_table_destroy(t);
        prefix_tables_reclaim();
    }
}

// Not one block is left of any size, not even of those that were just removed: removing still
// works, again and again.
static void removing_needs_no_memory(void **unused)
{
    enum { N = 300 };
    static uint32_t taken[1 << 16];

    (void)unused;
    FOR_FAMILIES(f)
    {
        struct prefix_table *t = make(families[f]);
        uint8_t address[16];
        size_t before;
        unsigned n = 0;

        for (uint32_t i = 0; i < N; i++) {
            scatter(address, i / 3);
            add(t, address, 20 + i % 3 * 4, i + 1);
        }
        prefix_tables_reclaim();
        prefix_tables_limit(0);
        for (uint32_t i = 0; i < N; i++) {
            for (unsigned size = 1; size <= PREFIX_ARENA_MAX_UNITS; size++)
                for (uint32_t ref; (ref = prefix_arena_alloc(size)) != 0; n++)
                    taken[n] = ref;
            before = prefix_tables_memory();
            scatter(address, i / 3);
            assert_int_equal(prefix_table_del(t, address, 20 + i % 3 * 4), i + 1);
            assert_true(prefix_tables_memory() <= before);
            for (uint32_t j = 0; j < N; j++) {
                scatter(address, j / 3);
                assert_int_equal(prefix_table_get(t, address, 20 + j % 3 * 4), j > i ? j + 1 : 0);
                assert_int_equal(prefix_table_lookup(t, address),
                                 j / 3 * 3 + 2 >= i + 1 ? j / 3 * 3 + 3 : 0);
            }
        }
        prefix_tables_limit(SIZE_MAX);
        while (n > 0)
            prefix_arena_free(taken[--n]);
        prefix_table_destroy(t);
    }
}

// Many small tables take little, and none knows of another.
static void small_tables(void **unused)
{
    enum { N = 1000 };
    static struct prefix_table *tables[N];
    uint8_t address[16];
    size_t before;

    (void)unused;
    prefix_tables_reclaim();
    before = prefix_tables_memory();
    for (uint32_t i = 0; i < N; i++) {
        tables[i] = make(families[i % 2]);
        for (uint32_t n = 0; n < 10; n++) {
            scatter(address, n);
            add(tables[i], address, 24, i * 10 + n + 1);
        }
        assert_in_range(prefix_table_memory(tables[i]), 200, 1024);
    }
    prefix_tables_reclaim();
    assert_in_range(prefix_tables_memory() - before, 200 * N, 1024 * N);
    for (uint32_t i = 0; i < N; i++)
        for (uint32_t n = 0; n < 10; n++) {
            scatter(address, n);
            check_value(tables[i], families[i % 2], address, i * 10 + n + 1);
        }
    for (uint32_t i = 0; i < N; i++)
        prefix_table_destroy(tables[i]);
    assert_int_equal(prefix_tables_memory(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_is_none),
        cmocka_unit_test(one_prefix),
        cmocka_unit_test(nested_prefixes),
        cmocka_unit_test(paths_split_and_join),
        cmocka_unit_test(full_nodes),
        cmocka_unit_test(a_value_is_replaced),
        cmocka_unit_test(bursts),
        cmocka_unit_test(a_listing_goes_on),
        cmocka_unit_test(memory_is_used_again),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(removing_needs_no_memory),
        cmocka_unit_test(small_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
