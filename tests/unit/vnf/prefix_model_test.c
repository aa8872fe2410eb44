// SPDX-License-Identifier: BSD-3-Clause
// Property: a prefix table does what a naive model of it does. The model is a hash table of
// prefixes that is asked for every length in turn. Tables grow through every kind of index and
// shrink to nothing again; memory runs out now and then, which must change nothing. After each
// operation addresses at the prefix' borders and elsewhere are looked up one by one and in bursts;
// now and then the whole listing is compared. CULVERT_TEST_SEED=n plays another sequence.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnf/lib/prefix_table.h"

#define MAX_PLACES (1U << 20)
#define N_LOOK_UPS 12
#define NO_LIMIT SIZE_MAX

struct route {
    uint8_t address[16];
    uint8_t len;
    uint8_t is_used; // also by one that went: the chain goes on behind it
    uint32_t value;  // 0: went
};

static struct {
    struct route routes[MAX_PLACES];
    uint32_t n_places; // a power of two; two thirds may be taken
    uint32_t count, n_used;
    uint32_t n_of_len[129];
} model;

static struct {
    struct prefix_table *table;
    unsigned n_bits, n_bytes;
    uint64_t mask[2]; // address bits that vary
    uint64_t base[2];
    unsigned min_len;
} lab;

static uint64_t seed, random_state;
static unsigned operation; // number
static const char *kind;
static unsigned n_refused;
static int can_run_short; // of memory

#define check(what)                                                                              \
    do {                                                                                         \
        if (!(what))                                                                             \
            fail_msg("seed %lu, %s, operation %u, line %d: %s", seed, kind, operation, __LINE__, \
                     #what);                                                                     \
    } while (0)

static uint64_t draw_word(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

static uint32_t draw(uint32_t n)
{
    return (uint32_t)(draw_word() % n);
}

static void mask_to(uint8_t *address, unsigned len)
{
    for (unsigned bit = len; bit < 128; bit++)
        address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static struct route *find(const uint8_t *address, unsigned len)
{
    uint64_t word[2];
    uint32_t i;

    memcpy(word, address, 16);
    i = (uint32_t)(((word[0] ^ len * 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U ^
                    word[1] * 0x94d049bb133111ebU) >>
                   40);
    for (;; i++) {
        struct route *r = &model.routes[i % model.n_places];

        if (!r->is_used || (r->len == len && memcmp(r->address, address, 16) == 0))
            return r;
    }
}

static uint32_t model_lookup(const uint8_t *address)
{
    uint8_t masked[16];

    memcpy(masked, address, 16);
    for (unsigned len = lab.n_bits + 1; len-- > 0;) {
        const struct route *r;

        mask_to(masked, len);
        r = model.n_of_len[len] != 0 ? find(masked, len) : NULL;
        if (r != NULL && r->value != 0)
            return r->value;
    }
    return 0;
}

static void draw_address(uint8_t *address)
{
    uint64_t word[2];

    for (unsigned i = 0; i < 2; i++)
        word[i] = (draw_word() & lab.mask[i]) | lab.base[i];
    memcpy(address, word, 16);
    mask_to(address, lab.n_bits);
}

static unsigned draw_len(void)
{
    unsigned span = lab.n_bits - lab.min_len + 1;

    if (draw(40) == 0)
        return draw(lab.n_bits + 1);
    if (draw(8) == 0)
        return lab.n_bits;
    return lab.min_len + draw(draw(2) == 0 ? span : span / 2 + 1);
}

// An address inside, or one beside the prefix.
static void draw_near(uint8_t *near, const uint8_t *prefix, unsigned len)
{
    unsigned bit = draw(lab.n_bits);

    draw_address(near);
    for (unsigned i = 0; i < len; i++) {
        uint8_t mask = (uint8_t)(0x80 >> i % 8);

        near[i / 8] = (uint8_t)((near[i / 8] & ~mask) | (prefix[i / 8] & mask));
    }
    if (draw(3) == 0)
        near[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}

static void check_look_ups(const uint8_t *prefix, unsigned len)
{
    uint8_t addresses[N_LOOK_UPS][16];
    uint32_t packed[N_LOOK_UPS], values[N_LOOK_UPS];
    unsigned n = draw(N_LOOK_UPS + 1);

    for (unsigned i = 0; i < n; i++) {
        if (draw(3) == 0)
            draw_address(addresses[i]);
        else
            draw_near(addresses[i], prefix, len);
        memcpy(&packed[i], addresses[i], 4);
    }
    if (lab.n_bits == 32)
        prefix_table_lookup4(lab.table, packed, values, n);
    else
        prefix_table_lookup6(lab.table, (const uint8_t(*)[16])addresses, values, n);
    for (unsigned i = 0; i < n; i++) {
        uint32_t expected = model_lookup(addresses[i]);

        check(values[i] == expected);
        check(prefix_table_lookup(lab.table, addresses[i]) == expected);
    }
}

static int compare_routes(const void *a, const void *b)
{
    const struct route *x = a, *y = b;
    int order = memcmp(x->address, y->address, 16);

    return order != 0 ? order : x->len - y->len;
}

static void check_listing(void)
{
    struct route *sorted = calloc(model.count + 1, sizeof(*sorted));
    uint8_t address[16] = {0};
    uint32_t n = 0, value, i = 0;
    int len = -1;

    assert_non_null(sorted);
    for (uint32_t place = 0; place < model.n_places; place++)
        if (model.routes[place].value != 0)
            sorted[n++] = model.routes[place];
    check(n == model.count);
    qsort(sorted, n, sizeof(*sorted), compare_routes);
    while (prefix_table_next(lab.table, address, &len, &value)) {
        check(i < n);
        check(memcmp(address, sorted[i].address, 16) == 0);
        check(len == sorted[i].len);
        check(value == sorted[i].value);
        i++;
    }
    check(i == n);
    free(sorted);
}

// What follows a prefix that may not be there.
static void check_next(const uint8_t *prefix, unsigned prefix_len)
{
    struct route start = {.len = (uint8_t)prefix_len};
    const struct route *expected = NULL;
    uint8_t address[16] = {0};
    int len = (int)prefix_len;
    uint32_t value;

    memcpy(start.address, prefix, 16);
    mask_to(start.address, prefix_len);
    for (uint32_t i = 0; i < model.n_places; i++) {
        const struct route *r = &model.routes[i];

        if (r->value != 0 && compare_routes(r, &start) > 0 &&
            (expected == NULL || compare_routes(r, expected) < 0))
            expected = r;
    }
    memcpy(address, start.address, 16);
    check(prefix_table_next(lab.table, address, &len, &value) == (expected != NULL));
    if (expected != NULL) {
        check(memcmp(address, expected->address, 16) == 0);
        check(len == expected->len);
        check(value == expected->value);
    }
}

static void add(uint8_t *address, unsigned len)
{
    uint32_t value = draw(UINT32_MAX) + 1, old = 77;
    uint8_t masked[16];
    struct route *r;
    int rc;

    memcpy(masked, address, 16);
    mask_to(masked, len);
    r = find(masked, len);
    rc = prefix_table_add(lab.table, draw(2) == 0 ? address : masked, len, value, &old);
    if (rc != 0) {
        check(rc == -ENOMEM);
        check(old == 77);
        n_refused++;
        return;
    }
    check(old == r->value);
    model.count += r->value == 0;
    model.n_of_len[len] += r->value == 0;
    model.n_used += !r->is_used;
    memcpy(r->address, masked, 16);
    r->len = (uint8_t)len;
    r->is_used = 1;
    r->value = value;
}

static void del(const uint8_t *address, unsigned len)
{
    uint8_t masked[16];
    struct route *r;

    memcpy(masked, address, 16);
    mask_to(masked, len);
    r = find(masked, len);
    check(prefix_table_get(lab.table, address, len) == r->value);
    check(prefix_table_del(lab.table, address, len) == r->value);
    check(prefix_table_del(lab.table, address, len) == 0);
    model.count -= r->value != 0;
    model.n_of_len[len] -= r->value != 0;
    r->value = 0;
}

// A prefix that is there, or may be.
static unsigned draw_known(uint8_t *address)
{
    for (unsigned i = draw(model.n_places), n = 0; n < model.n_places; i++, n++) {
        const struct route *r = &model.routes[i % model.n_places];

        if (r->value != 0) {
            memcpy(address, r->address, 16);
            return r->len;
        }
    }
    draw_address(address);
    return draw_len();
}

static void operate(unsigned add_percent)
{
    uint8_t address[16];
    unsigned len = draw_len();

    draw_address(address);
    if (can_run_short && draw(64) == 0)
        prefix_tables_limit(draw(2) == 0 ? NO_LIMIT : prefix_tables_memory() + draw(3) * 4096);
    if (draw(100) < add_percent) {
        if (draw(10) == 0)
            len = draw_known(address); // another value
        add(address, len);
    } else {
        if (draw(10) != 0)
            len = draw_known(address);
        del(address, len);
    }
    check(prefix_table_count(lab.table) == model.count);
    if (model.count < 20000 || draw(16) == 0)
        check_look_ups(address, len);
    if (draw(model.n_places / 128) == 0)
        check_next(address, len);
    if (draw(500) == 0)
        prefix_tables_reclaim();
    operation++;
}

// Fill up to a number of prefixes, stay a while, and remove them all.
static void play(const char *name, unsigned n_bits, uint32_t size, uint32_t list_every)
{
    uint8_t address[16];
    size_t empty;

    kind = name;
    operation = 0;
    n_refused = 0;
    can_run_short = 1;
    memset(&model, 0, sizeof(model));
    for (model.n_places = 8192; model.n_places < 3 * size; model.n_places *= 2)
        ;
    lab.n_bits = n_bits;
    assert_int_equal(prefix_table_create(n_bits, &lab.table), 0);
    empty = prefix_table_memory(lab.table);
    while (model.count < size && model.n_used < model.n_places / 3 * 2) {
        operate(90);
        if (operation % list_every == 0)
            check_listing();
    }
    for (unsigned i = 0; i < 3000; i++)
        operate(50);
    check_listing();
    check(size < 1000 || n_refused > 0);
    can_run_short = 0;
    prefix_tables_limit(NO_LIMIT);
    while (model.count > 0) {
        if (model.count > 2000) { // as draw_known would be slow in a model that empties
            for (uint32_t i = 0; i < model.n_places && model.count > 2000; i++)
                if (model.routes[i].value != 0) {
                    memcpy(address, model.routes[i].address, 16);
                    del(address, model.routes[i].len);
                    if (draw(32) == 0)
                        check_look_ups(address, model.routes[i].len);
                }
            check_listing();
        } else {
            operate(20);
        }
    }
    // An index that could not follow when memory was short does so some changes later.
    draw_address(address);
    for (unsigned i = 0; i < 600; i++) {
        add(address, lab.n_bits);
        del(address, lab.n_bits);
    }
    check_listing();
    check(prefix_table_memory(lab.table) == empty);
    prefix_table_destroy(lab.table);
    prefix_tables_reclaim();
}

static void vary(uint64_t mask0, uint64_t mask1, unsigned min_len)
{
    uint64_t base[2] = {draw_word(), draw_word()};

    lab.mask[0] = __builtin_bswap64(mask0);
    lab.mask[1] = __builtin_bswap64(mask1);
    lab.base[0] = base[0] & ~lab.mask[0];
    lab.base[1] = base[1] & ~lab.mask[1];
    lab.min_len = min_len;
}

static void small_tables(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 20; i++) {
        vary(draw_word() & draw_word(), 0, draw(20));
        play("a small table, 32 bits", 32, 20 + draw(20), 7);
        vary(draw_word() & draw_word() & draw_word(), draw_word() & draw_word() & draw_word(),
             draw(100));
        play("a small table, 128 bits", 128, 20 + draw(20), 7);
    }
}

static void clusters(void **unused)
{
    (void)unused;
    vary(UINT64_C(0x0000ffff00000000), 0, 8);
    play("one /16, 32 bits", 32, 3000, 2000);
    vary(UINT64_C(0xc1000fff00000000), 0, 0);
    play("a few /20, 32 bits", 32, 3000, 2000);
    vary(UINT64_C(0x00000f0f0000ffff), UINT64_C(0x00000000000000ff), 20);
    play("clusters, 128 bits", 128, 3000, 2000);
    vary(0, UINT64_C(0xffff), 112);
    play("one /112, 128 bits", 128, 2000, 2000);
}

static void wide_tables(void **unused)
{
    (void)unused;
    vary(UINT64_MAX, 0, 16);
    play("random, 32 bits", 32, 12000, 10000);
    vary(UINT64_MAX, UINT64_MAX, 16);
    play("random, 128 bits", 128, 12000, 10000);
}

static void the_biggest_index(void **unused)
{
    (void)unused;
    vary(UINT64_MAX, 0, 14);
    play("big, 32 bits", 32, 270000, 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_tables),
        cmocka_unit_test(clusters),
        cmocka_unit_test(wide_tables),
        cmocka_unit_test(the_biggest_index),
    };
    const char *text = getenv("CULVERT_TEST_SEED");

    seed = text != NULL ? strtoul(text, NULL, 0) : 1;
    random_state = seed;
    printf("seed %lu\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
