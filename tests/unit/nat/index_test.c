// SPDX-License-Identifier: BSD-3-Clause
// Property: the index finds what is in it and nothing else, while it grows and records come and go.
// Hashes of few bits, so that many records share one, and more than fit share a bucket.
// CULVERT_TEST_SEED=n plays another sequence.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vnf/nat/index.h"

#define N_RECORDS 6000U
#define N_OPERATIONS 60000U
#define MAX_BUCKETS 1024U // fewer than it would like at last

struct record {
    struct nat_link link;
    uint32_t hash; // what the test knows
    int is_in;
};

static struct nat_bucket *buckets;
static struct record records[N_RECORDS + 1];
static struct nat_index lookup;
static uint64_t random_state;

static uint32_t draw(uint32_t n)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static int setup(void **state)
{
    const char *text = getenv("CULVERT_TEST_SEED");

    (void)state;
    random_state = text != NULL ? strtoull(text, NULL, 10) : 1;
    memset(records, 0, sizeof(records));
    buckets = aligned_alloc(64, MAX_BUCKETS * sizeof(*buckets));
    if (buckets == NULL)
        return -1;
    memset(buckets, 0, MAX_BUCKETS * sizeof(*buckets));
    nat_index_init(&lookup, buckets, MAX_BUCKETS, &records[0].link, sizeof(records[0]));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(buckets);
    return 0;
}

static void add(uint32_t number, uint32_t hash)
{
    records[number].hash = hash;
    records[number].is_in = 1;
    nat_index_add(&lookup, number, hash);
}

static void del(uint32_t number)
{
    records[number].is_in = 0;
    nat_index_del(&lookup, number);
}

// Each record with this hash is found once.
static void check_hash(uint32_t hash)
{
    static uint8_t is_seen[N_RECORDS + 1];
    uint32_t n_found = 0, n_wanted = 0;

    memset(is_seen, 0, sizeof(is_seen));
    for (uint32_t at = nat_index_first(&lookup, hash); at != 0; at = nat_index_next(&lookup, at)) {
        assert_in_range(at, 1, N_RECORDS);
        assert_false(is_seen[at]);
        assert_true(records[at].is_in);
        assert_int_equal(records[at].hash, hash);
        is_seen[at] = 1;
        n_found++;
    }
    for (uint32_t i = 1; i <= N_RECORDS; i++)
        n_wanted += records[i].is_in && records[i].hash == hash;
    assert_int_equal(n_found, n_wanted);
}

static uint32_t is_found(uint32_t number)
{
    uint32_t at = nat_index_first(&lookup, records[number].hash);

    while (at != 0 && at != number)
        at = nat_index_next(&lookup, at);
    return at == number;
}

static void play(uint32_t n_hashes)
{
    uint32_t n_in = 0;

    for (uint32_t i = 0; i < N_OPERATIONS; i++) {
        uint32_t number = 1 + draw(N_RECORDS);
        // First more come, then more go.
        int is_growing = i < N_OPERATIONS * 2 / 3;

        if (!records[number].is_in && (is_growing || draw(4) == 0)) {
            add(number, draw(n_hashes) * 0x01000193U);
            n_in++;
        } else if (records[number].is_in && (!is_growing || draw(4) == 0)) {
            del(number);
            n_in--;
        }
        assert_int_equal(lookup.n, n_in);
        if (draw(2) == 0) // what has just come may go before anybody has asked for it
            number = 1 + draw(N_RECORDS);
        if (draw(2) == 0)
            assert_int_equal(is_found(number), records[number].is_in);
        if (draw(8) == 0 && records[number].is_in) {
            del(number);
            n_in--;
        }
        if (i % 64 == 0)
            check_hash(draw(n_hashes) * 0x01000193U);
    }
    for (uint32_t i = 1; i <= N_RECORDS; i++) {
        assert_int_equal(is_found(i), records[i].is_in);
        if (records[i].is_in)
            del(i);
    }
    assert_int_equal(lookup.n, 0);
    for (uint32_t i = 0; i < lookup.n_buckets; i++)
        assert_true(buckets[i].n == 0 && buckets[i].more == 0);
}

static void test_hardly_two_share_a_hash(void **state)
{
    (void)state;
    play(UINT32_MAX);
    assert_int_equal(lookup.n_buckets, MAX_BUCKETS);
}

static void test_many_share_a_hash(void **state)
{
    (void)state;
    play(300);
}

static void test_all_share_a_few(void **state)
{
    (void)state;
    play(5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_hardly_two_share_a_hash),
        TEST(test_many_share_a_hash),
        TEST(test_all_share_a_few),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
