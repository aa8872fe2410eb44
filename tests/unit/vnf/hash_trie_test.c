// SPDX-License-Identifier: BSD-3-Clause
// A trie whose items share hashes: found in order whatever came and went, and freed to the last
// byte.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vnf/lib/hash_trie.h"

#define N 2000

// No two are the same. The highest come last, so that nodes by the order must grow upwards.
static uint32_t order_of(unsigned i)
{
    if (i < 100)
        return i + 1;
    if (i < 1000)
        return 101 + i * 7919U % 65536;
    return i % 7 == 0 ? UINT32_MAX - 1 - i : 200000 + i * 7919U % 65536;
}

static int accept_from(const struct trie_item *item, void *arg)
{
    const uint32_t *order = arg;

    return item->order >= *order;
}

static const struct trie_item *find_from(const struct trie_node *root, uint32_t hash,
                                         uint32_t order)
{
    return trie_find(root, hash, accept_from, &order);
}

// Few items of a hash, then so many that they go by their order, then again others beside them.
static void a_trie_keeps_items_of_one_hash_in_order(void **unused)
{
    static struct trie_item items[N];
    struct trie_node *root = NULL;
    struct trie_edit e;
    static int values[N];

    (void)unused;
    trie_edit_init(&e);
    for (unsigned i = 0; i < N; i++) {
        items[i] = (struct trie_item){.order = order_of(i),
                                      .hash = i % 50 != 0 ? 7 : 7 + (i / 50 << 20),
                                      .value = &values[i]};
        assert_int_equal(trie_add(&e, &root, &items[i]), 0);
    }
    for (unsigned i = 0; i < N; i++) {
        const struct trie_item *found = find_from(root, items[i].hash, items[i].order);

        assert_non_null(found);
        assert_memory_equal(found, &items[i], sizeof(*found));
    }
    for (uint32_t order = 1, n = 0;; n++) {
        const struct trie_item *found = find_from(root, 7, order);

        if (found == NULL) {
            assert_int_equal(n, N - N / 50 + 1);
            break;
        }
        assert_true(n == 0 || found->order >= order);
        order = found->order + 1;
    }
    assert_null(find_from(root, 8, 0));
    for (unsigned i = 0; i < N; i++) {
        struct trie_item other = items[i];

        other.value = &e;
        assert_int_equal(trie_del(&e, &root, &other), -2);
        assert_int_equal(trie_del(&e, &root, &items[i]), 0);
        assert_int_equal(trie_del(&e, &root, &items[i]), -2);
        assert_true(i == N - 1 || root->best > 0);
    }
    assert_null(root);
    assert_int_equal(e.memory, 0);
    trie_edit_commit(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trie_keeps_items_of_one_hash_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
