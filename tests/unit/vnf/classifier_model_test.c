// SPDX-License-Identifier: BSD-3-Clause
// Random rules, edits of one to many of them, some given up half-way, and packets: the classifier
// finds what a plain walk through the list finds first, in the new version and, until it is
// released, in the version before.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/vnf/classifier_lab.h"

#define MAX_RULES 3000

static struct classifier_rule *rules[MAX_RULES], *old_rules[MAX_RULES]; // by seq - 1
static struct classifier *current;
static int64_t memory;

// What is drawn.
static void (*draw_rule)(struct draw *d, uint32_t seq, struct classifier_rule *rule);
static void (*draw_key)(struct draw *d, struct classifier_key *key);

static void check(const struct classifier *c, struct classifier_rule *const *list, struct draw *d,
                  unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const struct classifier_rule *naive = NULL;
        struct classifier_key key;
        int is_over;

        draw_key(d, &key);
        for (uint32_t r = 0; r < MAX_RULES && naive == NULL; r++)
            if (list[r] != NULL && lab_matches(list[r], &key))
                naive = list[r];
        assert_ptr_equal(classifier_lookup(c, &key, &is_over), naive);
        assert_false(is_over);
    }
}

static void forget(struct classifier_rule *rule)
{
    classifier_forget(rule);
    free(rule);
}

// One edit: n numbers get another rule, or none. Given up: all is as it was.
static void edit(struct draw *d, unsigned n, uint32_t n_numbers, int is_given_up)
{
    struct classifier *next = classifier_edit(current);
    struct trie_edit e;

    assert_non_null(next);
    trie_edit_init(&e);
    memcpy(old_rules, rules, sizeof(rules));
    for (unsigned i = 0; i < n; i++) {
        uint32_t at = draw_below(d, n_numbers);

        if (rules[at] != old_rules[at])
            continue;
        if (rules[at] != NULL)
            assert_int_equal(classifier_del(next, &e, rules[at]), 0);
        rules[at] = NULL;
        if (draw_below(d, 3) == 0)
            continue;
        rules[at] = malloc(sizeof(*rules[at]));
        draw_rule(d, at + 1, rules[at]);
        assert_int_equal(classifier_add(next, &e, rules[at]), 0);
    }
    classifier_finish(next);
    check(next, rules, d, 20);
    check(current, old_rules, d, 20);
    for (uint32_t at = 0; at < MAX_RULES; at++) {
        struct classifier_rule *gone = is_given_up ? rules[at] : old_rules[at];

        if (rules[at] != old_rules[at] && gone != NULL && is_given_up) {
            forget(gone);
        } else if (rules[at] != old_rules[at] && gone != NULL) {
            memset(&gone->source_len, 0xff, 1);
            forget(gone);
        }
    }
    if (is_given_up) {
        classifier_abort(next, &e);
        trie_edit_abort(&e);
        memcpy(rules, old_rules, sizeof(rules));
        return;
    }
    memory += e.memory;
    trie_edit_commit(&e);
    classifier_release(current);
    current = next;
}

static void remove_all(void)
{
    struct classifier *next = classifier_edit(current);
    struct trie_edit e;

    trie_edit_init(&e);
    for (uint32_t at = 0; at < MAX_RULES; at++)
        if (rules[at] != NULL)
            assert_int_equal(classifier_del(next, &e, rules[at]), 0);
    classifier_finish(next);
    memory += e.memory;
    trie_edit_commit(&e);
    classifier_release(current);
    current = next;
    for (uint32_t at = 0; at < MAX_RULES; at++) {
        if (rules[at] != NULL)
            forget(rules[at]);
        rules[at] = NULL;
    }
}

static void run(uint32_t n_numbers, uint64_t seed)
{
    struct draw d = {seed};

    memory = 0;
    current = classifier_create();
    assert_non_null(current);
    edit(&d, n_numbers, n_numbers, 0);
    check(current, rules, &d, 3000);
    for (unsigned i = 0; i < 300; i++)
        edit(&d, draw_below(&d, 4) == 0 ? 50 : 1, n_numbers, draw_below(&d, 4) == 0);
    check(current, rules, &d, 3000);
    assert_true(memory > 0);
    remove_all();
    assert_int_equal(memory, 0);
    check(current, rules, &d, 10);
    assert_int_equal(classifier_n_tables(current, 4) + classifier_n_tables(current, 6), 0);
    classifier_destroy(current);
}

static void finds_the_first(void **unused)
{
    static const uint32_t numbers[] = {10, 100, 1000, MAX_RULES};

    (void)unused;
    lab_sets_make();
    draw_rule = lab_draw_rule;
    draw_key = lab_draw_key;
    for (unsigned round = 0; round < 4; round++)
        run(numbers[round], round + 1);
    lab_sets_put();
}

static void finds_the_first_of_those_alike(void **unused)
{
    static const uint32_t numbers[] = {20, 50, 200, 1000, MAX_RULES};

    (void)unused;
    lab_sets_make();
    draw_rule = lab_draw_alike;
    draw_key = lab_draw_alike_key;
    for (unsigned round = 0; round < 5; round++)
        run(numbers[round], round + 1);
    lab_sets_put();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_first),
                                       cmocka_unit_test(finds_the_first_of_those_alike)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
