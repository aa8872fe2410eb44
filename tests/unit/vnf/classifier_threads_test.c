// SPDX-License-Identifier: BSD-3-Clause
// A worker looks up while the main thread edits. Each edit turns all rules from one generation to
// the next, so what a burst finds must be all of one: an answer mixed of two is wrong, and so is
// memory that was freed too early.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "dataplane/core/qsbr.h"
#include "vnf/lib/classifier.h"

#define N_RULES 64   // that each edit replaces
#define N_OTHERS 500 // that come and go around them
#define N_EDITS 500

// What the classifier finds is the rule, the first member.
struct marked_rule {
    struct classifier_rule match;
    uint32_t generation;
};

static struct classifier *current;
static int is_over;
static uint64_t n_bursts, n_wrong;

static struct classifier_key key_of(uint32_t number)
{
    return (struct classifier_key){.source = {10, 0, 0, 1},
                                   .destination = {10, 1, 0, (uint8_t)number},
                                   .destination_port = 80,
                                   .family = 4,
                                   .zone = 1,
                                   .protocol = 6};
}

static void *read_on(void *unused)
{
    (void)unused;
    qsbr_online(0);
    while (!__atomic_load_n(&is_over, __ATOMIC_ACQUIRE)) {
        const struct classifier *c = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
        uint32_t generation = 0;
        int is_given_up;

        for (uint32_t i = 0; i < N_RULES; i++) {
            const struct classifier_key key = key_of(i);
            const struct marked_rule *found =
                (const struct marked_rule *)(const void *)classifier_lookup(c, &key, &is_given_up);

            if (found == NULL || found->match.seq != 10000 + i) {
                n_wrong++;
                continue;
            }
            n_wrong += i > 0 && found->generation != generation;
            generation = found->generation;
        }
        n_bursts++;
        qsbr_quiescent(0);
    }
    qsbr_offline(0);
    return NULL;
}

static struct marked_rule *make_rule(uint32_t seq, uint32_t generation, uint32_t number)
{
    struct marked_rule *r = calloc(1, sizeof(*r));

    r->generation = generation;
    r->match.seq = seq;
    r->match.zone = 1;
    r->match.family = 4;
    // Another length each time, so that rules move from table to table.
    r->match.source[0] = 10;
    r->match.source_len = (uint8_t)(8 + (generation + number) % 15);
    r->match.destination[0] = 10;
    r->match.destination[1] = 1;
    r->match.destination[3] = (uint8_t)number;
    r->match.destination_len = 32;
    r->match.source_port_last = r->match.destination_port_last = UINT16_MAX;
    return r;
}

// Somewhere else, with lower numbers.
static struct marked_rule *make_other(uint32_t number, uint32_t generation)
{
    struct marked_rule *r = make_rule(1 + number, generation, number);

    r->match.destination[1] = (uint8_t)(2 + generation % 5);
    r->match.destination[2] = (uint8_t)(number >> 8);
    return r;
}

static void replace(struct classifier *next, struct trie_edit *e, struct marked_rule **slot,
                    struct marked_rule *rule)
{
    if (*slot != NULL)
        assert_int_equal(classifier_del(next, e, &(*slot)->match), 0);
    *slot = rule;
    assert_int_equal(classifier_add(next, e, &rule->match), 0);
}

static void forget(struct marked_rule *rule)
{
    if (rule == NULL)
        return;
    classifier_forget(&rule->match);
    rule->generation = UINT32_MAX; // who still sees it has a wrong answer
    free(rule);
}

static struct marked_rule *rules[N_RULES], *others[N_OTHERS];

static void edit(uint32_t generation)
{
    struct classifier *next = classifier_edit(current), *old = current;
    struct marked_rule *gone[N_RULES + 20];
    struct trie_edit e;
    unsigned n = 0;

    trie_edit_init(&e);
    for (uint32_t i = 0; i < N_RULES; i++) {
        gone[n++] = rules[i];
        replace(next, &e, &rules[i], make_rule(10000 + i, generation, i));
    }
    for (uint32_t i = 0; i < 20; i++) {
        uint32_t at = (generation * 20 + i) % N_OTHERS;

        gone[n++] = others[at];
        replace(next, &e, &others[at], make_other(at, generation));
    }
    classifier_finish(next);
    __atomic_store_n(&current, next, __ATOMIC_RELEASE);
    qsbr_wait();
    trie_edit_commit(&e);
    classifier_release(old);
    while (n > 0)
        forget(gone[--n]);
}

static void each_answer_is_of_one_version(void **unused)
{
    pthread_t thread;

    (void)unused;
    assert_int_equal(qsbr_init(1), 0);
    current = classifier_create();
    edit(0);
    assert_int_equal(pthread_create(&thread, NULL, read_on, NULL), 0);
    for (uint32_t i = 1; i <= N_EDITS; i++)
        edit(i);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    assert_true(n_bursts > 0);
    assert_int_equal(n_wrong, 0);
    classifier_destroy(current);
    for (unsigned i = 0; i < N_RULES; i++)
        forget(rules[i]);
    for (unsigned i = 0; i < N_OTHERS; i++)
        forget(others[i]);
    qsbr_fini();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_answer_is_of_one_version)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
