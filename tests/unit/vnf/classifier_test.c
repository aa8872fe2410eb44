// SPDX-License-Identifier: BSD-3-Clause
// The classifier where it has edges: the highest number, prefixes of all lengths, rules that share
// one hash, more kinds of rules than there are tables, groups too large for boxes of their own, and
// an item of a trie under a hash that many share.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "vnf/lib/classifier.h"

static struct classifier *current;

static struct classifier_rule *any_rule(uint32_t seq)
{
    struct classifier_rule *r = calloc(1, sizeof(*r));

    r->seq = seq;
    r->zone = 1;
    r->source_port_last = r->destination_port_last = UINT16_MAX;
    return r;
}

static void change(struct classifier_rule *const *rules, unsigned n, int is_removal)
{
    struct classifier *next = classifier_edit(current);
    struct trie_edit e;

    trie_edit_init(&e);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(is_removal ? classifier_del(next, &e, rules[i])
                                    : classifier_add(next, &e, rules[i]),
                         0);
    classifier_finish(next);
    trie_edit_commit(&e);
    classifier_release(current);
    current = next;
}

static void forget(struct classifier_rule **rules, unsigned n)
{
    change(rules, n, 1);
    for (unsigned i = 0; i < n; i++) {
        classifier_forget(rules[i]);
        free(rules[i]);
    }
}

static int setup(void **unused)
{
    (void)unused;
    current = classifier_create();
    return current == NULL;
}

static int teardown(void **unused)
{
    (void)unused;
    classifier_destroy(current);
    return 0;
}

static const struct classifier_key key4 = {.source = {10, 1, 2, 3},
                                           .destination = {192, 0, 2, 77},
                                           .source_port = 40000,
                                           .destination_port = 443,
                                           .family = 4,
                                           .zone = 1,
                                           .protocol = 6,
                                           .tcp_flags = 2};

static void empty_has_none(void **unused)
{
    struct classifier_key key6 = key4;

    (void)unused;
    key6.family = 6;
    assert_null(classifier_lookup(current, &key4));
    assert_null(classifier_lookup(current, &key6));
}

static void highest_number_is_found(void **unused)
{
    struct classifier_rule *r = any_rule(UINT32_MAX);
    struct classifier_key key6 = key4, other = key4;

    (void)unused;
    key6.family = 6;
    other.zone = 2;
    change(&r, 1, 0);
    assert_ptr_equal(classifier_lookup(current, &key4), r);
    assert_ptr_equal(classifier_lookup(current, &key6), r);
    assert_null(classifier_lookup(current, &other));
    forget(&r, 1);
    assert_null(classifier_lookup(current, &key4));
}

static void prefixes_of_all_lengths(void **unused)
{
    (void)unused;
    for (unsigned family = 4; family <= 6; family += 2) {
        unsigned n_bits = family == 4 ? 32 : 128;
        struct classifier_rule *rules[129];
        struct classifier_key key = key4;

        key.family = (uint8_t)family;
        memset(key.destination, family == 4 ? 0 : 0xff, 16);
        memset(key.destination, 0xff, 4);
        for (unsigned len = 0; len <= n_bits; len++) {
            rules[len] = any_rule(1000 - len); // the longest is the first
            rules[len]->family = (uint8_t)family;
            rules[len]->destination_len = (uint8_t)len;
            for (unsigned bit = 0; bit < len; bit++)
                rules[len]->destination[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
        }
        change(rules, n_bits + 1, 0);
        for (unsigned len = n_bits;; len--) {
            assert_ptr_equal(classifier_lookup(current, &key), rules[len]);
            if (len == 0)
                break;
            key.destination[(len - 1) / 8] ^= (uint8_t)(0x80 >> (len - 1) % 8);
        }
        forget(rules, n_bits + 1);
    }
}

// All that tells them apart is a range of ports.
static void rules_under_one_hash(void **unused)
{
    struct classifier_rule *rules[500];
    struct classifier_key key = key4;

    (void)unused;
    for (unsigned i = 0; i < 500; i++) {
        rules[i] = any_rule(i + 1);
        rules[i]->flags = CLASSIFIER_PROTOCOL;
        rules[i]->protocol = 6;
        rules[i]->destination_port_first = (uint16_t)(32767 - i);
        rules[i]->destination_port_last = (uint16_t)(32768 + i);
    }
    change(rules, 500, 0);
    for (unsigned i = 0; i < 500; i++) {
        key.destination_port = (uint16_t)(32768 + i);
        assert_ptr_equal(classifier_lookup(current, &key), rules[i]);
    }
    key.protocol = 17;
    assert_null(classifier_lookup(current, &key));
    forget(rules, 500);
}

// Each pair of lengths would have a table of its own, were there as many.
static void more_kinds_than_tables(void **unused)
{
    static struct classifier_rule *rules[20 * 20 * 16];
    struct classifier_key key = key4;
    unsigned n = 0;

    (void)unused;
    for (unsigned source_len = 1; source_len <= 20; source_len++)
        for (unsigned destination_len = 1; destination_len <= 20; destination_len++)
            for (unsigned i = 0; i < 16; i++) {
                struct classifier_rule *r = rules[n] = any_rule(n + 1);

                r->family = 4;
                r->source_len = (uint8_t)source_len;
                r->destination_len = (uint8_t)destination_len;
                r->flags = CLASSIFIER_PROTOCOL;
                r->protocol = 1;
                r->flags |= CLASSIFIER_ICMP_TYPE;
                r->icmp_type = (uint8_t)(n % 16);
                n++;
            }
    change(rules, n, 0);
    assert_int_equal(classifier_n_tables(current, 4), 47); // and one for what fits nowhere
    memset(key.source, 0, 4);
    memset(key.destination, 0, 4);
    key.protocol = 1;
    for (unsigned i = 0; i < 16; i++) {
        key.icmp_type = (uint8_t)i;
        assert_ptr_equal(classifier_lookup(current, &key), rules[i]);
    }
    change(rules, n - 16, 1); // but for the last kind
    for (unsigned i = 0; i < 16; i++) {
        key.icmp_type = (uint8_t)i;
        assert_ptr_equal(classifier_lookup(current, &key), rules[n - 16 + i]);
    }
    key.source[2] = 0x10; // bit 20
    assert_null(classifier_lookup(current, &key));
    for (unsigned i = 0; i < n - 16; i++)
        classifier_forget(rules[i]);
    change(rules, n - 16, 0);
    forget(rules, n);
}

static void groups_large_and_small(void **unused)
{
    struct classifier_rule *r = any_rule(1);
    const struct classifier_set *same;
    struct classifier_key key = key4;

    (void)unused;
    for (uint32_t n = 0; n <= 1000; n = n == 0 ? 1 : n * 10) {
        struct classifier_prefix *prefixes = calloc(n + 1, sizeof(*prefixes));

        for (uint32_t i = 0; i < n; i++)
            prefixes[i] = (struct classifier_prefix){
                .family = 4, .len = 32, .address = {172, 16, (uint8_t)(i >> 8), (uint8_t)i}};
        r->source_set = classifier_address_set(prefixes, n);
        r->destination_set = classifier_address_set(prefixes, n);
        assert_ptr_equal(r->source_set, r->destination_set);
        same = classifier_address_set(prefixes, n);
        assert_ptr_equal(same, r->source_set);
        classifier_set_put(same);
        change(&r, 1, 0);
        for (uint32_t i = 0; i < n + 1; i++) {
            memcpy(key.source, (uint8_t[]){172, 16, (uint8_t)(i >> 8), (uint8_t)i}, 4);
            memcpy(key.destination, (uint8_t[]){172, 16, 0, 0}, 4);
            assert_ptr_equal(classifier_lookup(current, &key), i < n ? r : NULL);
        }
        change(&r, 1, 1);
        classifier_forget(r);
        classifier_set_put(r->source_set);
        classifier_set_put(r->destination_set);
        free(prefixes);
    }
    free(r);
}

static void a_trie_keeps_items_of_one_hash_in_order(void **unused)
{
    struct trie_node *root = NULL;
    const struct trie_leaf *leaf;
    struct trie_edit e;
    int values[100];

    (void)unused;
    trie_edit_init(&e);
    for (unsigned i = 0; i < 100; i++) {
        const struct trie_item item = {
            .order = 1000 - i, .hash = i % 2 == 0 ? 7 : 7 + (i << 25), .value = &values[i]};

        assert_int_equal(trie_add(&e, &root, &item), 0);
    }
    leaf = trie_leaf(root, 7, UINT64_MAX);
    assert_non_null(leaf);
    assert_true(leaf->node.n >= 50);
    for (uint32_t i = 1; i < leaf->node.n; i++)
        assert_true(leaf->items[i - 1].order < leaf->items[i].order);
    assert_null(trie_leaf(root, 7, leaf->node.best));
    assert_int_equal(trie_del(&e, &root, 7, &values[1]), -2);
    assert_int_equal(root->best, 901);
    assert_int_equal(trie_del(&e, &root, 7 + (99U << 25), &values[99]), 0);
    assert_int_equal(root->best, 902);
    for (unsigned i = 0; i < 99; i++)
        assert_int_equal(trie_del(&e, &root, i % 2 == 0 ? 7 : 7 + (i << 25), &values[i]), 0);
    assert_null(root);
    assert_int_equal(e.memory, 0);
    trie_edit_commit(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(highest_number_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(prefixes_of_all_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_under_one_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(more_kinds_than_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_large_and_small, setup, teardown),
        cmocka_unit_test(a_trie_keeps_items_of_one_hash_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
