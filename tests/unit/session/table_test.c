// SPDX-License-Identifier: BSD-3-Clause
// Does each operation on sessions do what session.h says, one by one?

#include <stdio.h>

#include "dataplane/core/packet.h"
#include "tests/unit/session/table_lab.h"

static int open_lab(void **state)
{
    (void)state;
    lab_open(NULL, 1, 100000);
    lab_configure();
    lab_limit(0, 1000, 1000, 1000);
    lab_limit(1, 1000, 1000, 1000);
    return 0;
}

static int close_lab(void **state)
{
    (void)state;
    lab_close();
    return 0;
}

static struct session *refuse(const struct session_draft *draft, uint8_t reason)
{
    uint8_t drop = API_DROP_NONE;
    int is_new = 1;
    struct session *s = session_open(draft, 0, lab.now_ms, &is_new, &drop);

    assert_null(s);
    assert_int_equal(drop, reason);
    assert_int_equal(is_new, 0);
    return s;
}

static void both_directions_find_it(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s;
    unsigned direction = 9;

    (void)state;
    draft.stamp = 77;
    draft.slots[3] = UINT64_C(0x123456789abcdef0);
    draft.tcp[1].max_window = 5;
    s = lab_session(&draft);
    assert_ptr_equal(lab_find(lab.chain[0], SESSION_INSIDE, &draft.key[0], &direction), s);
    assert_int_equal(direction, SESSION_ORIGINAL);
    assert_ptr_equal(lab_find(lab.chain[0], SESSION_OUTSIDE, &draft.key[1], &direction), s);
    assert_int_equal(direction, SESSION_REPLY);
    assert_int_equal(s->is_translated, 0);
    assert_int_equal(s->stamp, 77);
    assert_int_equal(s->slots[3], UINT64_C(0x123456789abcdef0));
    assert_int_equal(s->tcp[1].max_window, 5);
    assert_int_equal(s->opened_ms, lab.now_ms);
    assert_int_equal(s->expires_ms, lab.now_ms + 10000);
    assert_ptr_equal(session_at(session_id(s)), s);
    assert_null(session_at(0));
    assert_null(session_at(UINT32_MAX));
}

// Other chain, other side, any other byte of the tuple: another connection.
static void nothing_else_finds_it(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    unsigned direction;

    (void)state;
    lab_session(&draft);
    assert_null(lab_find(lab.chain[1], SESSION_INSIDE, &draft.key[0], &direction));
    assert_null(lab_find(lab.chain[0], SESSION_OUTSIDE, &draft.key[0], &direction));
    assert_null(lab_find(lab.chain[0], SESSION_INSIDE, &draft.key[1], &direction));
    for (unsigned i = 0; i < sizeof(draft.key[0]); i++) {
        struct session_tuple t = draft.key[0];

        ((uint8_t *)&t)[i] ^= 1;
        assert_null(lab_find(lab.chain[0], SESSION_INSIDE, &t, &direction));
    }
}

// Another's entry with the same hash, before the right one.
static void hashes_that_collide_are_told_apart(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000), other = lab_draft(0, 2, 2000);
    struct session *s = lab_session(&draft), *wrong = lab_session(&other);
    struct index *x = &session_table.index;
    struct index_line *line = index_lock(x, s->hash[0]);
    unsigned direction;

    (void)state;
    index_del(x, line, s->hash[0], session_id(s) << 1);
    assert_int_equal(index_add(x, line, s->hash[0], session_id(wrong) << 1), 0);
    assert_int_equal(index_add(x, line, s->hash[0], session_id(s) << 1), 0);
    index_unlock(line);
    assert_ptr_equal(lab_find(lab.chain[0], SESSION_INSIDE, &draft.key[0], &direction), s);
    session_close(s, 0);
    assert_null(lab_find(lab.chain[0], SESSION_INSIDE, &draft.key[0], &direction));
}

static void a_burst_of_any_size_is_found(void **state)
{
    static const unsigned sizes[] = {0, 1, 31, 32, 64};
    struct session_query query[64];
    const struct session_query *queries[64];
    struct session_hit hits[64];

    (void)state;
    for (uint16_t i = 0; i < 64; i++) {
        struct session_draft draft = lab_draft(0, 1, i);

        query[i] = (struct session_query){lab.chain[0], SESSION_INSIDE, draft.key[0]};
        queries[i] = &query[i];
        if (i % 3 != 0)
            lab_session(&draft);
    }
    for (unsigned k = 0; k < 5; k++) {
        unsigned n = sizes[k] < BURST_SIZE ? sizes[k] : BURST_SIZE;

        lab.n_missed = 0;
        session_find_burst(queries, hits, n);
        assert_int_equal(lab.n_missed,
                         n > 1 ? (n + 2) / 3 : 0); // of one there is nothing to be fetched
        for (unsigned i = 0; i < n; i++) {
            if (i % 3 == 0)
                assert_null(hits[i].session);
            else
                assert_true(
                    session_tuple_is_equal(&hits[i].session->key_original, &query[i].tuple));
        }
    }
}

static void the_second_to_open_gets_the_first(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s = lab_session(&draft);
    uint8_t drop;
    int is_new = 1;

    (void)state;
    draft.is_half_open = 1;
    assert_ptr_equal(session_open(&draft, 0, lab.now_ms, &is_new, &drop), s);
    assert_int_equal(is_new, 0);
    assert_int_equal(lab.tenant[0]->n_sessions, 1);
    assert_int_equal(lab.tenant[0]->n_half_open, 0);
}

static void keys_of_others_are_conflicts(void **state)
{
    struct session_draft first = lab_draft(0, 1, 1000), draft;

    (void)state;
    lab_session(&first);
    // The reply of another.
    draft = lab_draft(0, 2, 2000);
    draft.key[1] = first.key[1];
    refuse(&draft, DROP_SESSION_CONFLICT);
    // Begun from the other side: its first packet looks like an answer.
    draft.key[0] = first.key[1];
    draft.key[1] = session_tuple_reverse(&draft.key[0]);
    draft.side[0] = SESSION_OUTSIDE;
    draft.side[1] = SESSION_INSIDE;
    refuse(&draft, DROP_SESSION_CONFLICT);
    // Both directions look the same.
    draft = lab_draft(0, 3, 53);
    draft.key[1] = draft.key[0];
    draft.side[1] = SESSION_INSIDE;
    refuse(&draft, DROP_SESSION_CONFLICT);
    assert_int_equal(lab.tenant[0]->n_sessions, 1);
    // In another chain it is another connection.
    draft = lab_draft(1, 1, 1000);
    lab_session(&draft);
}

static void an_end_happens_once(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s;
    unsigned direction;

    (void)state;
    draft.is_half_open = 1;
    s = lab_session(&draft);
    s->packets[0] = 3;
    s->bytes[0] = 300;
    s->packets[1] = 2;
    s->bytes[1] = 222;
    assert_int_equal(session_close(s, 0), 1);
    assert_int_equal(session_close(s, 0), 0);
    assert_int_equal(lab.n_closed, 1);
    assert_int_equal(lab.n_evicted, 0);
    assert_int_equal(lab.packets[0], 3);
    assert_int_equal(lab.bytes[1], 222);
    assert_int_equal(s->total_bytes[0], 300);
    assert_null(lab_find(lab.chain[0], SESSION_INSIDE, &draft.key[0], &direction));
    assert_null(lab_find(lab.chain[0], SESSION_OUTSIDE, &draft.key[1], &direction));
    lab_assert_empty();
    lab_session(&draft);
}

static void the_main_thread_may_end_one(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s = lab_session(&draft);

    (void)state;
    assert_int_equal(session_close(s, SESSION_MAIN), 1);
    lab_assert_empty();
    session_tend();
}

static void the_oldest_half_open_one_goes_for_another(void **state)
{
    struct session *s[4];
    struct session_draft draft;

    (void)state;
    lab_limit(0, 100, 3, 100);
    for (uint16_t i = 0; i < 4; i++) {
        draft = lab_draft(0, 1, i);
        draft.is_half_open = 1;
        if (i == 3)
            session_confirm(s[0]); // the oldest is not half open any more
        s[i] = lab_session(&draft);
    }
    assert_int_equal(lab.n_closed, 0);
    draft = lab_draft(0, 1, 9);
    draft.is_half_open = 1;
    lab_session(&draft);
    assert_int_equal(lab.n_closed, 1);
    assert_int_equal(lab.last_evicted, session_id(s[1]));
    assert_int_equal(lab.n_evicted, 1);
    assert_true(session_is_valid(s[0]));
    assert_int_equal(lab.tenant[0]->n_half_open, 3);
}

static void an_established_one_never_goes(void **state)
{
    struct session_draft draft, other = lab_draft(1, 1, 1);
    struct session *s;

    (void)state;
    other.is_half_open = 1;
    lab_session(&other); // of another tenant: never
    lab_limit(0, 2, 2, 100);
    draft = lab_draft(0, 1, 1);
    lab_session(&draft);
    draft = lab_draft(0, 1, 2);
    draft.is_half_open = 1;
    s = lab_session(&draft);
    draft = lab_draft(0, 1, 3);
    lab_session(&draft); // in the place of the half-open one
    assert_int_equal(lab.last_closed, session_id(s));
    draft = lab_draft(0, 1, 4);
    refuse(&draft, DROP_SESSION_LIMIT);
    draft.is_half_open = 1;
    refuse(&draft, DROP_SESSION_LIMIT);
    assert_int_equal(lab.tenant[0]->n_sessions, 2);
    assert_int_equal(lab.tenant[0]->n_half_open, 0);
    assert_int_equal(lab.tenant[1]->n_sessions, 1);
    assert_int_equal(lab.n_closed, 1);
    assert_int_equal(lab.n_evicted, 1);
}

static void without_half_open_ones_the_limit_refuses(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1);

    (void)state;
    lab_limit(0, 100, 0, 100);
    draft.is_half_open = 1;
    refuse(&draft, DROP_SESSION_HALF_OPEN_LIMIT);
    lab_assert_empty();
}

static void a_source_has_its_share(void **state)
{
    struct session_draft draft;
    struct session *s = NULL;

    (void)state;
    lab_limit(0, 100, 100, 2);
    for (uint16_t i = 0; i < 2; i++) {
        draft = lab_draft(0, 1, i);
        s = lab_session(&draft);
    }
    draft = lab_draft(0, 1, 7);
    refuse(&draft, DROP_SESSION_SOURCE_LIMIT);
    draft = lab_draft(0, 2, 7);
    lab_session(&draft); // another host
    session_close(s, 0);
    draft = lab_draft(0, 1, 7);
    lab_session(&draft);
    // The same address of another tenant.
    draft = lab_draft(1, 1, 7);
    lab_session(&draft);
    draft = lab_draft(0, 1, 8);
    refuse(&draft, DROP_SESSION_SOURCE_LIMIT);
}

static void silence_ends_a_session(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s = lab_session(&draft);

    (void)state;
    s->packets[0] = 1;
    s->bytes[0] = 60;
    lab_pass(9999);
    assert_true(session_is_valid(s));
    assert_int_equal(lab.packets[0], 1);
    assert_int_equal(s->packets[0], 0);
    assert_int_equal(s->total_packets[0], 1);
    s->expires_ms = lab.now_ms + 5000; // a packet
    lab_pass(4000);
    assert_true(session_is_valid(s));
    lab_pass(4000);
    assert_false(session_is_valid(s));
    assert_int_equal(lab.n_closed, 1);
    lab_assert_empty();
}

static void the_chain_may_end_it_at_a_visit(void **state)
{
    struct session_draft draft = lab_draft(0, 1, 1000);
    struct session *s = lab_session(&draft);

    (void)state;
    lab_pass(2000);
    assert_true(lab.n_visits > 0);
    assert_true(session_is_valid(s));
    lab.end_at_visit = session_id(s);
    lab_pass(2000);
    assert_false(session_is_valid(s));
}

// Work in one call is bounded, and all get their turn.
static void ageing_is_paced(void **state)
{
    unsigned before;

    (void)state;
    lab_limit(0, 100000, 100000, 100000);
    for (uint16_t i = 0; i < 10000; i++) {
        struct session_draft draft = lab_draft(0, i, i);

        lab_session(&draft);
    }
    lab_pass(0);
    before = lab.n_visits;
    session_age(0, lab.now_ms, 0);
    assert_int_equal(lab.n_visits, before); // the round is done, no time has passed
    lab.now_ms += 5000;
    session_age(0, lab.now_ms, 0);
    assert_in_range(lab.n_visits - before, 1, 32);
    before = lab.n_visits;
    session_age(0, lab.now_ms, 1);
    assert_in_range(lab.n_visits - before, 33, 1024);
    lab_pass(6000);
    lab_pass(1000);
    lab_assert_empty();
}

static void a_closed_record_is_used_again(void **state)
{
    (void)state;
    lab_limit(0, 200000, 200000, 200000);
    for (unsigned i = 0; i < 300000; i++) { // of 100000 that there are
        struct session_draft draft = lab_draft(0, i, 1);

        session_close(lab_session(&draft), 0);
        session_age(0, lab.now_ms, 0);
    }
    lab_assert_empty();
    assert_true(numbers_n_ever(&session_table.numbers) < 1000);
}

static void a_full_table_refuses(void **state)
{
    struct session_draft draft;
    uint8_t drop = API_DROP_NONE;
    uint32_t n = 0, n_free = 0;
    int is_new;

    (void)state;
    lab_limit(0, 200000, 200000, 200000);
    do {
        draft = lab_draft(0, n++, 1);
        if (n % 1000 == 0)
            session_tend();
    } while (session_open(&draft, 0, lab.now_ms, &is_new, &drop) != NULL);
    assert_int_equal(drop, DROP_SESSION_NO_MEMORY);
    assert_int_equal(n, 100001);
    assert_int_equal(lab.tenant[0]->n_sessions, 100000);
    for (uint32_t i = 0; i < n - 1; i++) {
        unsigned direction;

        draft = lab_draft(0, i, 1);
        assert_non_null(lab_find(lab.chain[0], SESSION_OUTSIDE, &draft.key[1], &direction));
    }
    // And none of the index's lines is lost.
    for (uint32_t i = 1; i < n; i++)
        assert_int_equal(session_close(session_at(i), 0), 1);
    assert_true(session_table.index.overflow_ever > 1000);
    for (uint32_t at = session_table.index.overflow_free; at != 0;
         at = session_table.index.overflow[at].next)
        n_free++;
    assert_int_equal(n_free, session_table.index.overflow_ever);
}

static void count_one(struct session *s, void *context)
{
    uint32_t *n = context;

    assert_true(session_is_valid(s));
    (*n)++;
}

static void all_are_listed(void **state)
{
    uint32_t cursor = 0, n = 0;

    (void)state;
    for (uint16_t i = 0; i < 500; i++) {
        struct session_draft draft = lab_draft(i % 2, 1, i);
        struct session *s = lab_session(&draft);

        if (i % 5 == 0)
            session_close(s, 0);
    }
    do {
        session_visit(&cursor, 7, count_one, &n);
    } while (cursor != 0);
    assert_int_equal(n, 400);
}

static void chains_keep_their_numbers(void **state)
{
    const char *tenant;

    (void)state;
    assert_int_equal(session_chain_id("blue", "edge"), lab.chain[0]);
    assert_int_not_equal(session_chain_id("blue", "other"), lab.chain[0]);
    assert_string_equal(session_chain_name(lab.chain[1], &tenant), "edge");
    assert_string_equal(tenant, "red");
    assert_null(session_chain_name(0, &tenant));
    assert_null(session_chain_name(60000, &tenant));
    for (unsigned i = 0; i < 3000; i++) {
        char name[16];
        uint32_t id;

        snprintf(name, sizeof(name), "c%u", i);
        id = session_chain_id("green", name);
        assert_string_equal(session_chain_name(id, &tenant), name);
        assert_int_equal(session_chain_id("green", name), id);
    }
}

static void tenants_are_found_by_name(void **state)
{
    struct session_tenant *t = session_tenant_get("blue"), *other;

    (void)state;
    assert_ptr_equal(t, lab.tenant[0]);
    session_tenant_put(t);
    assert_int_equal(session_timeout_ms(t, API_TIMEOUT_icmp), 10000 * (API_TIMEOUT_icmp + 1));
    other = session_tenant_get("green");
    assert_int_equal(session_timeout_ms(other, API_TIMEOUT_tcp_established), 7440000);
    session_tenant_put(other);
    // The place of one that is gone serves the next.
    assert_ptr_equal(session_tenant_get("white"), other);
    session_tenant_put(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_lab, close_lab)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_directions_find_it),
        TEST(nothing_else_finds_it),
        TEST(hashes_that_collide_are_told_apart),
        TEST(a_burst_of_any_size_is_found),
        TEST(the_second_to_open_gets_the_first),
        TEST(keys_of_others_are_conflicts),
        TEST(an_end_happens_once),
        TEST(the_main_thread_may_end_one),
        TEST(the_oldest_half_open_one_goes_for_another),
        TEST(an_established_one_never_goes),
        TEST(without_half_open_ones_the_limit_refuses),
        TEST(a_source_has_its_share),
        TEST(silence_ends_a_session),
        TEST(the_chain_may_end_it_at_a_visit),
        TEST(ageing_is_paced),
        TEST(a_closed_record_is_used_again),
        TEST(a_full_table_refuses),
        TEST(all_are_listed),
        TEST(chains_keep_their_numbers),
        TEST(tenants_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
