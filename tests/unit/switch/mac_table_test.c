// SPDX-License-Identifier: BSD-3-Clause
// The MAC table alone: places, second buckets, counts, limits, and two threads that learn at once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "dataplane/switch/mac_table.h"

#define NO_LIMIT UINT32_MAX

static uint64_t number_key(uint64_t number)
{
    return (number + 1) << 25; // above the group bit
}

// Member i is on port i / 2.
static struct mac_table *make(uint32_t size)
{
    static const char owner;
    struct mac_table *t;

    assert_int_equal(mac_table_create(size, &owner, &t), 0);
    for (uint16_t member = 0; member < 8; member++)
        mac_table_set_port(t, member, member / 2);
    return t;
}

static uint64_t find(const struct mac_table *t, uint64_t key)
{
    return mac_table_find(t, key, mac_hash(t, key));
}

static uint32_t seen_of(const struct mac_table *t, uint64_t key)
{
    uint32_t cursor = 0, seen_sec;
    uint64_t entry;

    while ((entry = mac_table_next(t, &cursor, mac_table_end(t), &seen_sec)) != 0)
        if ((entry & MAC_ADDRESS) == key)
            return seen_sec;
    fail_msg("not in the table");
    return 0;
}

// Counts agree with what is there, no MAC is there twice, and all that is there is found.
static void check_sound(const struct mac_table *t)
{
    static uint32_t n_learned[MAC_TABLE_MAX_PORTS], n_static[MAC_TABLE_MAX_PORTS];
    uint32_t n = 0, n_in_second = 0, n_spilled = 0, cursor = 0;
    uint64_t entry;

    memset(n_learned, 0, sizeof(n_learned));
    memset(n_static, 0, sizeof(n_static));
    while ((entry = mac_table_next(t, &cursor, mac_table_end(t), NULL)) != 0) {
        uint64_t hash = mac_hash(t, entry & MAC_ADDRESS);

        n++;
        n_in_second += mac_bucket_first(t, hash) != &t->buckets[(cursor - 1) / MAC_BUCKET_SIZE];
        (entry & MAC_STATIC ? n_static : n_learned)[t->port_of_member[entry & MAC_MEMBER]]++;
        assert_int_equal(mac_table_find(t, entry & MAC_ADDRESS, hash), entry);
        for (uint32_t other = cursor; other < mac_table_end(t); other++) {
            uint64_t e = t->buckets[other / MAC_BUCKET_SIZE].entry[other % MAC_BUCKET_SIZE];

            assert_true(((e ^ entry) & MAC_ADDRESS) != 0);
        }
    }
    for (uint32_t i = 0; i <= t->mask; i++) {
        n_spilled += t->buckets[i].n_spilled;
        assert_int_equal(t->buckets[i].lock, 0);
    }
    assert_int_equal(t->n_entries, n);
    assert_int_equal(n_spilled, n_in_second);
    assert_memory_equal(t->n_learned, n_learned, sizeof(n_learned));
    assert_memory_equal(t->n_static, n_static, sizeof(n_static));
}

// Keys 0 to n - 1 that have the same first and second bucket as `like`.
static void find_colliding(const struct mac_table *t, uint64_t like, uint64_t *keys, unsigned n)
{
    uint64_t hash = mac_hash(t, like);
    unsigned found = 0;

    for (uint64_t number = 1; found < n; number++) {
        uint64_t other = mac_hash(t, number_key(number));

        if (mac_bucket_first(t, other) == mac_bucket_first(t, hash) &&
            mac_bucket_second(t, other) == mac_bucket_second(t, hash))
            keys[found++] = number_key(number);
    }
}

static void keys_come_from_frames(void **unused)
{
    static const uint8_t frame[] = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};

    (void)unused;
    assert_int_equal(mac_key_destination(frame), 0x0605040302010000U);
    assert_int_equal(mac_key_source(frame), 0x100f0e0d0c0b0000U);
    assert_int_equal(mac_key(frame), mac_key_destination(frame));
    assert_int_equal(mac_key(frame + 6), mac_key_source(frame));
    assert_true(mac_key_destination(frame) & MAC_GROUP);
}

static void holds_what_it_is_made_for(void **unused)
{
    const uint32_t size = 3000;
    struct mac_table *t = make(size);
    uint32_t n = 0, cursor = 0;
    uint64_t entry;

    (void)unused;
    for (uint32_t i = 0; i < size; i++)
        n += mac_table_learn(t, number_key(i), i % 8, NO_LIMIT, 7) == MAC_LEARNED;
    assert_in_range(n, size - size / 500, size);
    assert_int_equal(t->n_entries, n);
    check_sound(t);
    for (uint32_t i = 0; i < size; i++)
        assert_true(find(t, number_key(size + i)) == 0);
    while ((entry = mac_table_next(t, &cursor, mac_table_end(t), NULL)) != 0)
        mac_table_del(t, entry);
    assert_int_equal(t->n_entries, 0);
    check_sound(t);
    mac_table_destroy(t);
}

static void size_and_limits_are_exact(void **unused)
{
    struct mac_table *t = make(10);

    (void)unused;
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(mac_table_learn(t, number_key(i), 0, 4, 1), MAC_LEARNED);
    assert_int_equal(mac_table_learn(t, number_key(4), 1, 4, 1), MAC_PORT_FULL); // the same port
    for (uint32_t i = 4; i < 10; i++)
        assert_int_equal(mac_table_learn(t, number_key(i), 2, NO_LIMIT, 1), MAC_LEARNED);
    assert_int_equal(mac_table_learn(t, number_key(10), 2, NO_LIMIT, 1), MAC_TABLE_FULL);
    assert_int_equal(mac_table_learn(t, number_key(9), 0, 4, 1), MAC_PORT_FULL); // moves count
    assert_int_equal(find(t, number_key(9)), number_key(9) | 2);
    assert_int_equal(mac_table_learn(t, number_key(0), 2, 6, 1), MAC_PORT_FULL);
    assert_int_equal(mac_table_learn(t, number_key(0), 1, 0, 1), MAC_LEARNED); // within the port
    assert_int_equal(mac_table_learn(t, number_key(0), 2, 7, 1), MAC_LEARNED);
    assert_int_equal(mac_table_n_of_port(t, 0), 3);
    assert_int_equal(mac_table_n_of_port(t, 1), 7);
    check_sound(t);
    mac_table_destroy(t);
}

static void a_full_bucket_spills(void **unused)
{
    struct mac_table *t = make(100);
    uint64_t keys[9];
    struct mac_bucket *first;

    (void)unused;
    find_colliding(t, number_key(0), keys, 9);
    first = mac_bucket_first(t, mac_hash(t, keys[0]));
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(mac_table_learn(t, keys[i], 0, NO_LIMIT, i), MAC_LEARNED);
    assert_int_equal(first->n_spilled, 4);
    assert_int_equal(mac_table_learn(t, keys[8], 0, NO_LIMIT, 1), MAC_TABLE_FULL);
    assert_int_equal(first->n_spilled, 4);
    assert_int_equal(find(t, keys[8]), 0);
    check_sound(t);
    // What lives in its second bucket moves, is seen and goes like any other.
    assert_int_equal(mac_table_learn(t, keys[7], 2, NO_LIMIT, 19), MAC_LEARNED);
    assert_int_equal(mac_table_learn(t, keys[7], 2, NO_LIMIT, 20), MAC_KNOWN);
    assert_int_equal(find(t, keys[7]), keys[7] | 2);
    assert_int_equal(seen_of(t, keys[7]), 20);
    mac_table_del(t, keys[7] | 0); // is another entry by now
    assert_int_equal(find(t, keys[7]), keys[7] | 2);
    mac_table_del(t, keys[7] | 2);
    assert_int_equal(find(t, keys[7]), 0);
    assert_int_equal(first->n_spilled, 3);
    check_sound(t);
    mac_table_destroy(t);
}

static void a_static_entry_finds_room(void **unused)
{
    struct mac_table *t = make(100);
    uint64_t keys[9];

    (void)unused;
    find_colliding(t, number_key(0), keys, 9);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(mac_table_learn(t, keys[i], 0, NO_LIMIT, 1), MAC_LEARNED);
    assert_int_equal(mac_table_add_static(t, keys[8], 3), 0);
    assert_int_equal(find(t, keys[8]), keys[8] | MAC_STATIC | 3);
    assert_int_equal(t->n_entries, 8);
    check_sound(t);
    assert_int_equal(mac_table_learn(t, keys[8], 3, 0, 1), MAC_KNOWN);
    assert_int_equal(mac_table_learn(t, keys[8], 2, NO_LIMIT, 1), MAC_STATIC_ELSEWHERE);
    assert_int_equal(mac_table_add_static(t, keys[8], 5), 0); // another member
    assert_int_equal(mac_table_n_of_port(t, 1), 0);
    assert_int_equal(mac_table_n_of_port(t, 2), 1);
    // Learned ones turn static; then there is no more room.
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(mac_table_add_static(t, keys[i], 0), 0);
    assert_int_equal(find(t, keys[0]), 0); // had to go
    assert_int_equal(mac_table_add_static(t, keys[0], 0), -ENOSPC);
    check_sound(t);
    mac_table_destroy(t);
}

static void a_taken_lock_is_not_waited_for(void **unused)
{
    struct mac_table *t = make(100);
    struct mac_bucket *b = mac_bucket_first(t, mac_hash(t, number_key(1)));

    (void)unused;
    b->lock = 1;
    assert_int_equal(mac_table_learn(t, number_key(1), 0, NO_LIMIT, 1), MAC_BUSY);
    assert_int_equal(find(t, number_key(1)), 0);
    b->lock = 0;
    assert_int_equal(mac_table_learn(t, number_key(1), 0, NO_LIMIT, 1), MAC_LEARNED);
    check_sound(t);
    mac_table_destroy(t);
}

static void refresh_takes_exactly_this_entry(void **unused)
{
    struct mac_table *t = make(100);
    uint64_t key = number_key(1), hash = mac_hash(t, key);

    (void)unused;
    assert_int_equal(mac_table_refresh(t, key | 0, hash, 5), 0);
    mac_table_learn(t, key, 0, NO_LIMIT, 5);
    assert_int_equal(mac_table_refresh(t, key | 0, hash, 6), 1);
    assert_int_equal(seen_of(t, key), 6);
    assert_int_equal(mac_table_refresh(t, key | 1, hash, 7), 0);
    assert_int_equal(seen_of(t, key), 6);
    mac_table_add_static(t, key, 0);
    assert_int_equal(mac_table_refresh(t, key | 0, hash, 8), 0);
    mac_table_destroy(t);
}

// MACs of regular patterns, and those that met in one bucket of another table, spread like any.
static void nobody_crafts_collisions(void **unused)
{
    static const uint64_t steps[] = {1, 256, 65536, UINT64_C(1) << 24, UINT64_C(0x100010001)};
    struct mac_table *t = make(1024), *other = make(1024);
    static uint64_t crafted[64];
    unsigned at_most = 0, n_met = 0;

    (void)unused;
    for (unsigned s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
        unsigned load[1024] = {0};

        for (uint64_t i = 0; i < 1024; i++) {
            uint64_t key = (i * steps[s]) << 17;
            unsigned *n = &load[mac_hash(t, key) & t->mask];

            if (++*n > at_most)
                at_most = *n;
        }
    }
    assert_in_range(at_most, 2, 12);

    for (uint64_t number = 0, n = 0; n < 64; number++)
        if ((mac_hash(other, number_key(number)) & other->mask) == 0)
            crafted[n++] = number_key(number);
    for (unsigned i = 1; i < 64; i++)
        n_met += ((mac_hash(t, crafted[i]) ^ mac_hash(t, crafted[0])) & t->mask) == 0;
    assert_in_range(n_met, 0, 4);
    mac_table_destroy(t);
    mac_table_destroy(other);
}

#define N_SHARED 600 // MACs that all threads use
#define N_ROUNDS 150000

struct learner {
    struct mac_table *table;
    uint16_t member;
    uint32_t random;
    unsigned n_bad; // entries that nobody can have written
    int is_done;
};

static void *learn_and_look(void *argument)
{
    struct learner *l = argument;

    for (unsigned i = 0; i < N_ROUNDS; i++) {
        uint64_t key, entry;

        l->random = l->random * 1664525 + 1013904223;
        key = number_key((l->random >> 8) % N_SHARED);
        mac_table_learn(l->table, key, (uint16_t)(l->member + (i & 1)), 400, i);
        key = number_key((l->random >> 16) % N_SHARED);
        entry = find(l->table, key);
        l->n_bad += entry != 0 && ((entry & MAC_ADDRESS) != key || (entry & MAC_MEMBER) > 3);
    }
    __atomic_store_n(&l->is_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static int both_done(const struct learner *l)
{
    return __atomic_load_n(&l[0].is_done, __ATOMIC_ACQUIRE) &&
           __atomic_load_n(&l[1].is_done, __ATOMIC_ACQUIRE);
}

// Two workers learn the same MACs at two ports, the main thread removes some and makes some static.
static void threads_agree(void **unused)
{
    struct mac_table *t = make(500);
    struct learner learners[2] = {{t, 0, 1, 0, 0}, {t, 2, 99, 0, 0}};
    pthread_t threads[2];

    (void)unused;
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, learn_and_look, &learners[i]), 0);
    for (unsigned i = 0; !both_done(learners); i++) {
        uint64_t key = number_key(i % N_SHARED);
        uint64_t entry = find(t, key);

        if (entry != 0)
            mac_table_del(t, entry);
        if (i % 7 == 0)
            mac_table_add_static(t, key, i % 4);
    }
    for (unsigned i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(learners[i].n_bad, 0);
    }
    check_sound(t);
    assert_in_range(t->n_learned[0], 0, 400);
    assert_in_range(t->n_learned[1], 0, 400);
    mac_table_destroy(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_come_from_frames),
        cmocka_unit_test(holds_what_it_is_made_for),
        cmocka_unit_test(size_and_limits_are_exact),
        cmocka_unit_test(a_full_bucket_spills),
        cmocka_unit_test(a_static_entry_finds_room),
        cmocka_unit_test(a_taken_lock_is_not_waited_for),
        cmocka_unit_test(refresh_takes_exactly_this_entry),
        cmocka_unit_test(nobody_crafts_collisions),
        cmocka_unit_test(threads_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
