// SPDX-License-Identifier: BSD-3-Clause
// Does the session table do what a naive one does? A list of sessions searched from end to end,
// next to the real table; random openings, look-ups, ends, answers, packets, changes of limits and
// time. After each step both agree in who is there, who had to go, counts and counters.

#include <stdio.h>

#include "tests/unit/session/table_lab.h"

#define MAX_NAIVE 64
#define N_SOURCES 5
#define N_PORTS 6
#define N_STEPS 200000

struct naive {
    struct session_draft draft;
    uint32_t id; // of the real one
    uint32_t expires_ms;
    uint64_t order; // among half-open ones
    uint8_t is_half_open;
    uint8_t is_there;
};

static struct naive table[MAX_NAIVE];
static uint64_t n_opened, n_evicted, n_conflicts, n_refused, n_aged, n_second;
static uint32_t limits[LAB_N_CHAINS][3]; // sessions, half open, of one source
static unsigned n_ended;
static uint64_t packets, bytes;

static int is_of(const struct naive *n, unsigned chain)
{
    return n->is_there && n->draft.chain == lab.chain[chain];
}

static uint32_t count(unsigned chain, int only_half_open)
{
    uint32_t c = 0;

    for (unsigned i = 0; i < MAX_NAIVE; i++)
        c += is_of(&table[i], chain) && (!only_half_open || table[i].is_half_open);
    return c;
}

static uint32_t count_source(const struct session_draft *draft)
{
    uint32_t c = 0;

    for (unsigned i = 0; i < MAX_NAIVE; i++)
        c += table[i].is_there && table[i].draft.tenant == draft->tenant &&
             memcmp(table[i].draft.key[0].source, draft->key[0].source, 16) == 0;
    return c;
}

static struct naive *find(uint32_t chain, uint8_t side, const struct session_tuple *t,
                          unsigned *direction)
{
    for (unsigned i = 0; i < MAX_NAIVE; i++) {
        for (unsigned d = 0; table[i].is_there && d < 2; d++) {
            if (table[i].draft.chain != chain || table[i].draft.side[d] != side ||
                !session_tuple_is_equal(&table[i].draft.key[d], t))
                continue;
            *direction = d;
            return &table[i];
        }
    }
    return NULL;
}

static void end(struct naive *n)
{
    n->is_there = 0;
    n_ended++;
}

static int evict(unsigned chain)
{
    struct naive *oldest = NULL;

    for (unsigned i = 0; i < MAX_NAIVE; i++)
        if (is_of(&table[i], chain) && table[i].is_half_open &&
            (oldest == NULL || table[i].order < oldest->order))
            oldest = &table[i];
    if (oldest == NULL)
        return 0;
    end(oldest);
    n_evicted++;
    return 1;
}

// What should come of a draft: API_DROP_NONE with *other NULL: a new session.
static uint8_t decide(unsigned chain, const struct session_draft *draft, struct naive **other)
{
    unsigned direction;

    *other = NULL;
    if (count_source(draft) >= limits[chain][2])
        return DROP_SESSION_SOURCE_LIMIT;
    if (draft->is_half_open && count(chain, 1) >= limits[chain][1] && !evict(chain))
        return DROP_SESSION_HALF_OPEN_LIMIT;
    if (count(chain, 0) >= limits[chain][0] && !evict(chain))
        return DROP_SESSION_LIMIT;
    if (draft->side[0] == draft->side[1] && session_tuple_is_equal(&draft->key[0], &draft->key[1]))
        return DROP_SESSION_CONFLICT;
    *other = find(draft->chain, draft->side[0], &draft->key[0], &direction);
    if (*other != NULL && direction == SESSION_ORIGINAL)
        return API_DROP_NONE;
    if (*other != NULL || find(draft->chain, draft->side[1], &draft->key[1], &direction) != NULL)
        return DROP_SESSION_CONFLICT;
    return API_DROP_NONE;
}

static struct session_draft draw_draft(unsigned chain)
{
    struct session_draft draft =
        lab_draft(chain, lab_draw(N_SOURCES), (uint16_t)(50 + lab_draw(N_PORTS)));

    draft.is_half_open = (uint8_t)lab_draw(2);
    if (lab_draw(3) == 0) { // begun from outside
        draft.side[0] = SESSION_OUTSIDE;
        draft.side[1] = SESSION_INSIDE;
        draft.key[0] = session_tuple_reverse(&draft.key[0]);
        draft.key[1] = session_tuple_reverse(&draft.key[0]);
    }
    if (lab_draw(3) == 0) // translated
        draft.key[1].destination_port = (uint16_t)lab_draw(4);
    if (lab_draw(8) == 0) // hairpin
        draft.side[1] = draft.side[0];
    if (lab_draw(16) == 0)
        draft.key[1] = draft.key[0];
    draft.timeout = (uint8_t)lab_draw(3);
    return draft;
}

static void remember(const struct session_draft *draft, const struct session *s)
{
    static uint64_t order;
    unsigned i = 0;

    while (table[i].is_there)
        i++;
    assert_true(i < MAX_NAIVE);
    table[i] = (struct naive){.draft = *draft,
                              .id = session_id(s),
                              .order = order++,
                              .is_half_open = draft->is_half_open,
                              .is_there = 1,
                              .expires_ms = lab.now_ms + UINT32_C(10000) * (draft->timeout + 1)};
    n_opened++;
}

static void open_one(void)
{
    unsigned chain = lab_draw(LAB_N_CHAINS);
    struct session_draft draft = draw_draft(chain);
    struct naive *other;
    uint8_t expected = decide(chain, &draft, &other), drop = API_DROP_NONE;
    int is_new = 9;
    struct session *s = session_open(&draft, 0, lab.now_ms, &is_new, &drop);

    if (expected != API_DROP_NONE) {
        assert_null(s);
        assert_int_equal(drop, expected);
        n_conflicts += expected == DROP_SESSION_CONFLICT;
        n_refused += expected != DROP_SESSION_CONFLICT;
        return;
    }
    assert_int_equal(drop, API_DROP_NONE);
    assert_non_null(s);
    assert_int_equal(is_new, other == NULL);
    if (other == NULL) {
        remember(&draft, s);
        return;
    }
    assert_int_equal(session_id(s), other->id);
    n_second++;
}

static void look_up(void)
{
    struct session_draft draft = draw_draft(lab_draw(LAB_N_CHAINS));
    unsigned which = lab_draw(2), direction = 9, expected;
    const struct naive *n = find(draft.chain, draft.side[which], &draft.key[which], &expected);
    const struct session *s =
        lab_find(draft.chain, draft.side[which], &draft.key[which], &direction);

    assert_int_equal(s != NULL, n != NULL);
    if (n == NULL)
        return;
    assert_int_equal(session_id(s), n->id);
    assert_int_equal(direction, expected);
}

static struct naive *draw_session(void)
{
    unsigned first = lab_draw(MAX_NAIVE);

    for (unsigned i = 0; i < MAX_NAIVE; i++)
        if (table[(first + i) % MAX_NAIVE].is_there)
            return &table[(first + i) % MAX_NAIVE];
    return NULL;
}

static void do_with_one(void)
{
    struct naive *n = draw_session();
    struct session *s = n != NULL ? session_at(n->id) : NULL;
    unsigned direction = lab_draw(2);

    if (s == NULL)
        return;
    switch (lab_draw(4)) {
    case 0:
        assert_int_equal(session_close(s, lab_draw(2) ? 0 : SESSION_MAIN), 1);
        end(n);
        break;
    case 1:
        session_confirm(s);
        n->is_half_open = 0;
        break;
    default: // a packet
        s->packets[direction]++;
        s->bytes[direction] += 100 + direction;
        packets++;
        bytes += 100 + direction;
        n->expires_ms = lab.now_ms + 5000;
        s->expires_ms = n->expires_ms;
    }
}

static void pass_time(void)
{
    lab_pass(2000 + lab_draw(8000)); // a whole round at least
    for (unsigned i = 0; i < MAX_NAIVE; i++) {
        if (table[i].is_there && table[i].expires_ms <= lab.now_ms) {
            end(&table[i]);
            n_aged++;
        }
    }
}

static void change_limits(void)
{
    unsigned chain = lab_draw(LAB_N_CHAINS);

    limits[chain][0] = 4 + lab_draw(20);
    limits[chain][1] = lab_draw(10);
    limits[chain][2] = 1 + lab_draw(10);
    lab_limit(chain, limits[chain][0], limits[chain][1], limits[chain][2]);
}

static void compare(void)
{
    uint32_t n_sessions, n_half_open;

    assert_int_equal(lab.n_closed, n_ended);
    for (unsigned i = 0; i < LAB_N_CHAINS; i++) {
        session_chain_counts(lab.chain[i], &n_sessions, &n_half_open);
        assert_int_equal(n_sessions, count(i, 0));
        assert_int_equal(n_half_open, count(i, 1));
        session_tenant_counts(lab.tenant[i], &n_sessions, &n_half_open);
        assert_int_equal(n_sessions, count(i, 0));
        assert_int_equal(n_half_open, count(i, 1));
    }
    for (unsigned i = 0; i < MAX_NAIVE; i++)
        if (table[i].is_there)
            assert_true(session_is_valid(session_at(table[i].id)));
}

static void it_does_what_a_naive_one_does(void **state)
{
    (void)state;
    lab_open(NULL, 1, 10000);
    lab_configure();
    change_limits();
    for (unsigned i = 0; i < LAB_N_CHAINS; i++)
        while (limits[i][0] == 0)
            change_limits();
    for (unsigned i = 0; i < N_STEPS; i++) {
        switch (lab_draw(16)) {
        case 0:
            if (lab_draw(16) == 0)
                pass_time();
            break;
        case 1:
            if (lab_draw(16) == 0)
                change_limits();
            break;
        case 2:
        case 3:
        case 4:
            do_with_one();
            break;
        case 5:
            session_tend();
            session_age(0, lab.now_ms, 0);
            break;
        case 6:
        case 7:
        case 8:
        case 9:
            look_up();
            break;
        default:
            open_one();
        }
        compare();
    }
    for (unsigned i = 0; i < MAX_NAIVE; i++)
        if (table[i].is_there)
            session_close(session_at(table[i].id), 0);
    lab_assert_empty();
    assert_int_equal(lab.packets[0] + lab.packets[1], packets);
    assert_int_equal(lab.bytes[0] + lab.bytes[1], bytes);
    assert_true(n_opened > 5000 && n_evicted > 1000 && n_conflicts > 1000 && n_refused > 1000 &&
                n_aged > 500 && n_second > 1000);
    lab_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_does_what_a_naive_one_does)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
