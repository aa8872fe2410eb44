// SPDX-License-Identifier: BSD-3-Clause
// Does the table hold when several workers use it at once? They open, find and end sessions of the
// same few keys, and of thousands of others so that the index grows; the main thread lists and
// tends. What a worker finds has the key it asked for, till its quiescent state; of two who open
// the same key one is the first; no record is two sessions.

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>

#include "dataplane/core/qsbr.h"
#include "tests/unit/session/table_lab.h"

#define N_WORKERS 3
#define N_SHARED 64 // keys that all fight for
#define N_ROUNDS 3000
#define BURST 16
#define N_OWN 4096

struct result {
    uint64_t n_found, n_opened, n_second, n_closed, n_wrong, n_lost;
};

struct worker {
    unsigned id;
    uint64_t seed;
    struct session *own[N_OWN];
    struct result r;
};

static struct worker workers[N_WORKERS];
static unsigned n_running;
static uint32_t n_closed;

static void on_close(struct session *s, unsigned worker)
{
    (void)s;
    (void)worker;
    __atomic_fetch_add(&n_closed, 1, __ATOMIC_RELAXED);
}

static uint32_t draw(struct worker *w, uint32_t n)
{
    w->seed = w->seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (uint32_t)(w->seed >> 33) % n;
}

static void find_or_open(struct worker *w, uint32_t source)
{
    struct session_draft draft = lab_draft(0, source, 7);
    struct session *s;
    uint8_t drop;
    unsigned direction;
    int is_new;

    draft.is_half_open = (uint8_t)draw(w, 2);
    draft.slots[0] = source;
    s = lab_find(draft.chain, draft.side[0], &draft.key[0], &direction);
    if (s == NULL) {
        s = session_open(&draft, w->id, 1000, &is_new, &drop);
        if (s == NULL) {
            w->r.n_lost++;
            return;
        }
        w->r.n_opened += (uint64_t)is_new;
        w->r.n_second += (uint64_t)!is_new;
    } else {
        w->r.n_found++;
        w->r.n_wrong += direction != SESSION_ORIGINAL;
    }
    // Nobody uses the record for something else while we look, closed or not.
    for (unsigned i = 0; i < 3; i++)
        w->r.n_wrong += !session_tuple_is_equal(&s->key_original, &draft.key[0]) ||
                        !session_tuple_is_equal(&s->key_reply, &draft.key[1]) ||
                        s->slots[0] != source;
    __atomic_fetch_add(&s->packets[0], 1, __ATOMIC_RELAXED);
    if (draw(w, 4) == 0)
        session_confirm(s);
    if (draw(w, 3) == 0)
        w->r.n_closed += (uint64_t)session_close(s, w->id);
}

// Sessions that only this worker has: they must be found whatever others do.
static void keep_own(struct worker *w)
{
    uint32_t i = draw(w, N_OWN), source = 0x100000 * (w->id + 1) + i;
    struct session_draft draft = lab_draft(1, source, 9);
    unsigned direction;
    uint8_t drop;
    int is_new;

    if (w->own[i] == NULL) {
        w->own[i] = session_open(&draft, w->id, 1000, &is_new, &drop);
        w->r.n_lost += w->own[i] == NULL;
        return;
    }
    w->r.n_wrong += lab_find(draft.chain, draft.side[1], &draft.key[1], &direction) != w->own[i] ||
                    direction != SESSION_REPLY;
    if (draw(w, 8) == 0) {
        w->r.n_wrong += !session_close(w->own[i], w->id);
        w->own[i] = NULL;
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;

    qsbr_online(w->id);
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        for (unsigned i = 0; i < BURST; i++) {
            find_or_open(w, draw(w, N_SHARED));
            keep_own(w);
        }
        session_age(w->id, 2000, round % 2 == 0);
        qsbr_quiescent(w->id);
    }
    qsbr_offline(w->id);
    __atomic_fetch_sub(&n_running, 1, __ATOMIC_RELEASE);
    return NULL;
}

// What the main thread looks at stays what it is during the visit.
static void look(struct session *s, void *context)
{
    struct session_tuple key = s->key_original;
    uint64_t *n_wrong = context;

    for (unsigned i = 0; i < 20; i++)
        *n_wrong += !session_tuple_is_equal(&s->key_original, &key);
}

static void workers_do_not_disturb_each_other(void **state)
{
    static const struct session_hooks hooks = {.on_close = on_close};
    struct result sum = {0};
    pthread_t threads[N_WORKERS];
    uint64_t n_own = 0, n_wrong = 0;
    uint32_t cursor = 0, n_sessions, n_half_open;

    (void)state;
    assert_int_equal(qsbr_init(N_WORKERS), 0);
    lab_open(NULL, N_WORKERS, 100000);
    session_set_hooks(&hooks);
    lab_configure();
    n_running = N_WORKERS;
    for (unsigned i = 0; i < N_WORKERS; i++) {
        workers[i] = (struct worker){.id = i, .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
    }
    while (__atomic_load_n(&n_running, __ATOMIC_ACQUIRE) > 0) {
        session_visit(&cursor, 100, look, &n_wrong);
        session_tend();
    }
    for (unsigned i = 0; i < N_WORKERS; i++) {
        pthread_join(threads[i], NULL);
        sum.n_found += workers[i].r.n_found;
        sum.n_opened += workers[i].r.n_opened;
        sum.n_second += workers[i].r.n_second;
        sum.n_closed += workers[i].r.n_closed;
        sum.n_wrong += workers[i].r.n_wrong;
        sum.n_lost += workers[i].r.n_lost;
        for (unsigned k = 0; k < N_OWN; k++)
            n_own += workers[i].own[k] != NULL;
    }
    assert_int_equal(sum.n_wrong + n_wrong, 0);
    assert_int_equal(sum.n_lost, 0);
    assert_true(sum.n_found > 1000 && sum.n_opened > 1000 && sum.n_closed > 1000);
    session_chain_counts(lab.chain[0], &n_sessions, &n_half_open);
    assert_int_equal(n_sessions, sum.n_opened - sum.n_closed);
    assert_in_range(n_half_open, 0, n_sessions);
    session_chain_counts(lab.chain[1], &n_sessions, &n_half_open);
    assert_int_equal(n_sessions, n_own);
    // Index and counts agree: closing all leaves nothing.
    for (uint32_t id = 1; id <= numbers_n_ever(&session_table.numbers); id++)
        if (session_is_valid(session_at(id)))
            session_close(session_at(id), SESSION_MAIN);
    lab_assert_empty();
    lab_close();
    qsbr_fini();
}

#define N_RACERS 2
#define N_RACES 5000

static struct race {
    struct session *s[N_RACERS];
    int is_new[N_RACERS];
} races[N_RACES];
static unsigned at_start[N_RACES];

static void *race(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg;

    qsbr_online(id);
    for (unsigned i = 0; i < N_RACES; i++) {
        struct session_draft draft = lab_draft(0, i, 1);
        uint8_t drop;

        __atomic_fetch_add(&at_start[i], 1, __ATOMIC_ACQ_REL);
        while (__atomic_load_n(&at_start[i], __ATOMIC_ACQUIRE) < N_RACERS)
            rte_pause();
        races[i].s[id] = session_open(&draft, id, 1000, &races[i].is_new[id], &drop);
        qsbr_quiescent(id);
    }
    qsbr_offline(id);
    return NULL;
}

static void of_two_who_open_one_is_first(void **state)
{
    pthread_t threads[N_RACERS];

    (void)state;
    assert_int_equal(qsbr_init(N_RACERS), 0);
    lab_open(NULL, N_RACERS, 100000);
    lab_configure();
    for (unsigned i = 0; i < N_RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, (void *)(uintptr_t)i), 0);
    for (unsigned i = 0; i < N_RACERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < N_RACES; i++) {
        assert_non_null(races[i].s[0]);
        assert_ptr_equal(races[i].s[0], races[i].s[1]);
        assert_int_equal(races[i].is_new[0] + races[i].is_new[1], 1);
    }
    assert_int_equal(lab.tenant[0]->n_sessions, N_RACES);
    lab_close();
    qsbr_fini();
}

#define N_BUSY 2000 // openings that would use a record again if they might

static int comes_back(uint32_t id)
{
    static struct session *s[N_BUSY];
    int is_back = 0;

    for (unsigned i = 0; i < N_BUSY; i++) {
        struct session_draft draft = lab_draft(1, i, 1);

        session_age(0, 1000, 1);
        qsbr_quiescent(0);
        s[i] = lab_session(&draft);
        is_back |= session_id(s[i]) == id;
    }
    for (unsigned i = 0; i < N_BUSY; i++)
        session_close(s[i], 0);
    return is_back;
}

// A visitor of the main thread: closed meanwhile or not, the record stays.
static void expect_it_stays(struct session *s, void *context)
{
    const struct session_draft *draft = context;

    if (s->chain != draft->chain)
        return;
    session_close(s, 0);
    assert_false(comes_back(session_id(s)));
    assert_true(session_tuple_is_equal(&s->key_original, &draft->key[0]));
}

static void a_record_waits_for_all_who_may_look(void **state)
{
    struct session_draft draft;
    struct session *s;
    uint32_t cursor = 0;

    (void)state;
    assert_int_equal(qsbr_init(2), 0);
    lab_open(NULL, 2, 100000);
    lab_configure();
    qsbr_online(0);
    qsbr_online(1);
    draft = lab_draft(0, 1, 1);
    s = lab_session(&draft);
    session_close(s, 0);
    assert_false(comes_back(session_id(s)));
    assert_true(session_tuple_is_equal(&s->key_original, &draft.key[0]));
    qsbr_quiescent(1);
    qsbr_offline(1);
    assert_true(comes_back(session_id(s)));
    s = lab_session(&draft);
    session_visit(&cursor, 100000, expect_it_stays, &draft);
    assert_true(comes_back(session_id(s)));
    qsbr_offline(0);
    lab_close();
    qsbr_fini();
}

static struct session *found;
static unsigned n_begun, n_done;

static void *find_one(void *arg)
{
    const struct session_draft *draft = arg;
    unsigned direction;

    __atomic_store_n(&n_begun, 1, __ATOMIC_RELEASE);
    found = lab_find(draft->chain, draft->side[0], &draft->key[0], &direction);
    __atomic_store_n(&n_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

// In the middle of a split an entry is in neither bucket: a reader must not believe it.
static void a_miss_while_entries_move_is_asked_again(void **state)
{
    struct session_draft draft;
    struct session *s;
    struct index_line *line;
    pthread_t thread;

    (void)state;
    lab_open(NULL, 1, 100000);
    lab_configure();
    draft = lab_draft(0, 1, 1);
    s = lab_session(&draft);
    line = index_lock(&session_table.index, s->hash[0]);
    index_del(&session_table.index, line, s->hash[0], session_id(s) << 1);
    assert_int_equal(pthread_create(&thread, NULL, find_one, &draft), 0);
    // One that errs is done by then, and caught below.
    for (unsigned i = 0; i < 10000; i++)
        if (__atomic_load_n(&n_done, __ATOMIC_ACQUIRE) == 0)
            sched_yield();
    while (__atomic_load_n(&n_begun, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    index_add(&session_table.index, line, s->hash[0], session_id(s) << 1);
    index_unlock(line);
    pthread_join(thread, NULL);
    assert_ptr_equal(found, s);
    lab_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_waits_for_all_who_may_look),
        cmocka_unit_test(a_miss_while_entries_move_is_asked_again),
        cmocka_unit_test(workers_do_not_disturb_each_other),
        cmocka_unit_test(of_two_who_open_one_is_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
