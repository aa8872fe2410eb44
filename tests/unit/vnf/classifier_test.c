// SPDX-License-Identifier: BSD-3-Clause
// The classifier where it has edges: the highest number, prefixes of all lengths, rules that share
// one hash, more kinds of rules than there are tables, ranges of ports without end, rules too much
// alike, and groups too large for boxes of their own.

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

static const struct classifier_rule *look_up(const struct classifier_key *key)
{
    const struct classifier_rule *rule;
    int is_over;

    rule = classifier_lookup(current, key, &is_over);
    assert_false(is_over);
    return rule;
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
    assert_null(look_up(&key4));
    assert_null(look_up(&key6));
}

static void highest_number_is_found(void **unused)
{
    struct classifier_rule *r = any_rule(UINT32_MAX);
    struct classifier_key key6 = key4, other = key4;

    (void)unused;
    key6.family = 6;
    other.zone = 2;
    change(&r, 1, 0);
    assert_ptr_equal(look_up(&key4), r);
    assert_ptr_equal(look_up(&key6), r);
    assert_null(look_up(&other));
    forget(&r, 1);
    assert_null(look_up(&key4));
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
            assert_ptr_equal(look_up(&key), rules[len]);
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
        assert_ptr_equal(look_up(&key), rules[i]);
    }
    key.protocol = 17;
    assert_null(look_up(&key));
    forget(rules, 500);
}

#define N_ALIKE 13 // one more than may share a hash
#define N_LENS 5
#define N_KINDS 3

static const uint8_t kind_lens[N_LENS] = {128, 64, 48, 32, 0};
static const uint16_t kind_ports[N_KINDS][2] = {{80, 80}, {256, 511}, {0, UINT16_MAX}};

static void set_lens(struct classifier_rule *r, unsigned source, unsigned destination)
{
    r->family = 6;
    r->source_len = kind_lens[source];
    r->destination_len = kind_lens[destination];
}

// Each kind would have a table of its own, were there as many. They come so that what is there
// already fits none of the next.
static void more_kinds_than_tables(void **unused)
{
    static struct classifier_rule *rules[N_LENS * N_LENS * N_KINDS * N_ALIKE];
    unsigned n = 0;

    (void)unused;
    for (unsigned i = 0; i < N_LENS * N_LENS * N_KINDS * N_ALIKE; i++) {
        unsigned kind = i / N_ALIKE % N_KINDS, lens = i / N_ALIKE / N_KINDS;

        rules[n] = any_rule(n + 1);
        set_lens(rules[n], lens / N_LENS, lens % N_LENS);
        if (kind < 2) {
            rules[n]->flags = CLASSIFIER_PROTOCOL;
            rules[n]->protocol = 6;
        }
        rules[n]->destination_port_first = kind_ports[kind][0];
        rules[n]->destination_port_last = kind_ports[kind][1];
        n++;
    }
    change(rules, n, 0);
    assert_int_equal(classifier_n_tables(current, 6), 48);
    for (unsigned i = 0; i < n; i += N_ALIKE) {
        struct classifier_key key = key4;

        key.family = 6;
        memset(key.source, 0, 16);
        memset(key.destination, 0, 16);
        if (rules[i]->source_len < 128) // no longer prefix has it
            key.source[rules[i]->source_len / 8] = 0x80;
        if (rules[i]->destination_len < 128)
            key.destination[rules[i]->destination_len / 8] = 0x80;
        key.destination_port = (uint16_t[]){80, 300, 3}[i / N_ALIKE % N_KINDS];
        assert_ptr_equal(look_up(&key), rules[i]);
    }
    forget(rules, n);
}

// However many rules are alike but for one range of ports, few steps tell which is the first. They
// are narrow and wide, in one another and apart, and two of each.
static void ranges_of_ports(void **unused)
{
    enum { N = 20000 };
    static struct classifier_rule *rules[N];
    static uint32_t first_of[65536]; // number of the rule, 0: none
    struct classifier_key key = key4;

    (void)unused;
    memset(first_of, 0, sizeof(first_of));
    for (unsigned i = 0; i < N; i++) {
        uint32_t from = i % 3 == 0 ? 32767 - i : i * 7919U % 60000 + 2, to = from + i % 500 + 1;

        if (i % 3 == 0)
            to = 32768 + i / 2;
        rules[i] = any_rule(N - i);
        rules[i]->flags = CLASSIFIER_PROTOCOL;
        rules[i]->protocol = 6;
        rules[i]->destination_port_first = (uint16_t)from;
        rules[i]->destination_port_last = (uint16_t)to;
        for (uint32_t port = from; port <= to; port++)
            first_of[port] = N - i;
    }
    change(rules, N, 0);
    for (uint32_t port = 0; port < 65536; port++) {
        const struct classifier_rule *found;

        key.destination_port = (uint16_t)port;
        found = look_up(&key);
        assert_int_equal(found != NULL ? found->seq : 0, first_of[port]);
    }
    forget(rules, N);
}

// The same in few numbers: flags, types and codes.
static void flags_and_types(void **unused)
{
    enum { N = 20000 };
    static struct classifier_rule *rules[N];

    (void)unused;
    for (unsigned i = 0; i < N; i++) {
        rules[i] = any_rule(i + 1);
        rules[i]->flags = CLASSIFIER_PROTOCOL;
        if (i % 2 == 0) {
            rules[i]->protocol = 6;
            rules[i]->tcp_flags_mask = i / 2 % 64 | 1;
            rules[i]->tcp_flags = rules[i]->tcp_flags_mask & (uint8_t)(i / 128);
            continue;
        }
        rules[i]->protocol = 1;
        rules[i]->flags |= CLASSIFIER_ICMP_TYPE | (i % 4 == 1 ? CLASSIFIER_ICMP_CODE : 0);
        rules[i]->icmp_type = (uint8_t)(1 + i / 512 % 100);
        rules[i]->icmp_code = (uint8_t)(i / 4);
    }
    change(rules, N, 0);
    for (unsigned i = 0; i < 1024; i++) {
        struct classifier_key key = key4;
        const struct classifier_rule *found;

        key.source_port = key.destination_port = key.tcp_flags = 0;
        key.protocol = i % 2 ? 1 : 6;
        if (i % 2 == 0)
            key.tcp_flags = i / 2 % 64;
        else
            key.icmp_type = (uint8_t)(i / 4 % 110);
        key.icmp_code = i % 2 ? (uint8_t)i : 0;
        found = look_up(&key);
        for (unsigned r = 0; r < N && (found == NULL || r + 1 < found->seq); r++)
            assert_false(rules[r]->protocol == key.protocol &&
                         (key.tcp_flags & rules[r]->tcp_flags_mask) == rules[r]->tcp_flags &&
                         rules[r]->icmp_type == key.icmp_type &&
                         (rules[r]->icmp_code == key.icmp_code ||
                          !(rules[r]->flags & CLASSIFIER_ICMP_CODE)));
    }
    forget(rules, N);
}

// Ranges at both ends that all packets are in or near: given up, but where the first ones match.
static void too_many_alike_are_given_up(void **unused)
{
    static struct classifier_rule *rules[2 * CLASSIFIER_MAX_STEPS];
    struct classifier_key key = key4;
    int is_over;

    (void)unused;
    for (unsigned i = 0; i < 2 * CLASSIFIER_MAX_STEPS; i++) {
        rules[i] = any_rule(i + 1);
        rules[i]->flags = CLASSIFIER_PROTOCOL;
        rules[i]->protocol = 6;
        rules[i]->destination_port_first = 81;
        rules[i]->destination_port_last = 83;
        rules[i]->source_port_first = (uint16_t)(20000 - i);
        rules[i]->source_port_last = (uint16_t)(50000 + i);
    }
    key.destination_port = 82;
    key.source_port = 7;
    change(rules, CLASSIFIER_MAX_STEPS / 2, 0);
    assert_null(look_up(&key));
    change(rules + CLASSIFIER_MAX_STEPS / 2, 3 * CLASSIFIER_MAX_STEPS / 2, 0);
    assert_null(classifier_lookup(current, &key, &is_over));
    assert_true(is_over);
    key.source_port = 30000;
    assert_ptr_equal(look_up(&key), rules[0]);
    key.source_port = 7;
    key.destination_port = 80;
    assert_null(look_up(&key));
    forget(rules, 2 * CLASSIFIER_MAX_STEPS);
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
            assert_ptr_equal(look_up(&key), i < n ? r : NULL);
        }
        change(&r, 1, 1);
        classifier_forget(r);
        classifier_set_put(r->source_set);
        classifier_set_put(r->destination_set);
        free(prefixes);
    }
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(empty_has_none, setup, teardown),
        cmocka_unit_test_setup_teardown(highest_number_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(prefixes_of_all_lengths, setup, teardown),
        cmocka_unit_test_setup_teardown(rules_under_one_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(more_kinds_than_tables, setup, teardown),
        cmocka_unit_test_setup_teardown(ranges_of_ports, setup, teardown),
        cmocka_unit_test_setup_teardown(flags_and_types, setup, teardown),
        cmocka_unit_test_setup_teardown(too_many_alike_are_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(groups_large_and_small, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
