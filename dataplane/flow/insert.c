// SPDX-License-Identifier: BSD-3-Clause
// How does a flow come into the table, and out of it again? A record is written before anybody can
// find it and not changed afterwards, but for the two words that say how long it holds; another
// decision is another record in its place. What was taken out is used again once each worker has
// passed a quiescent state. Worker; called by compose.c and once a loop by worker.c. Next: find.c.

#include <rte_prefetch.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/table.h"
#include "dataplane/session/session.h"

#define LIMBO 2048 // records that wait, of a worker
#define BLOCK 64   // records
#define ROUND_SEC 8
#define MAX_BUSY 16 // records in one loop
#define MAX_IDLE 512
#define FETCH_AHEAD 8
#define PORT_SHARE 4 // of all flows, what packets of one port may have: a quarter

struct list {
    unsigned n;
    uint32_t numbers[LIMBO];
};

// Its worker.
static struct flow_worker {
    struct list lists[2];
    struct list *growing, *waiting;
    uint64_t token; // of `waiting`
    uint32_t at;    // the number that is next
    uint32_t due;   // visits, times ROUND_SEC
    uint32_t last_sec;
} __attribute__((aligned(64))) workers[API_MAX_WORKERS];

static uint32_t n_of_port[API_MAX_PORTS]; // atomic

void flow_insert_init(void)
{
    memset(n_of_port, 0, sizeof(n_of_port));
    memset(workers, 0, sizeof(workers));
    for (unsigned i = 0; i < API_MAX_WORKERS; i++) {
        workers[i].growing = &workers[i].lists[0];
        workers[i].waiting = &workers[i].lists[1];
    }
}

// The token says that nobody who comes now finds what is in the list.
static void free_some(struct flow_worker *w, unsigned worker)
{
    struct list *list = w->waiting;

    if (list->n > 0 && !qsbr_has_passed(w->token))
        return;
    while (list->n > 0)
        numbers_give(&flow_table.numbers, worker, list->numbers[--list->n]);
    if (w->growing->n == 0)
        return;
    w->waiting = w->growing;
    w->growing = list;
    w->token = qsbr_token();
}

static int has_room(const struct flow_worker *w)
{
    return w->growing->n < LIMBO;
}

// Whoever makes up addresses at one port uses up that port's flows, and nobody else's.
static int has_share(const struct flow *draft)
{
    return __atomic_load_n(&n_of_port[draft->in_port], __ATOMIC_RELAXED) <
           flow_table.max / PORT_SHARE + BLOCK;
}

static void let_go(struct flow_worker *w, uint32_t number)
{
    __atomic_fetch_sub(&n_of_port[flow_at(number)->in_port], 1, __ATOMIC_RELAXED);
    w->growing->numbers[w->growing->n++] = number;
}

// Whose key this is. The bucket is locked.
static uint32_t find_locked(const struct index_line *line, uint32_t hash,
                            const struct flow_key *key)
{
    struct index_cursor cursor = index_begin(&flow_table.index, line);
    uint32_t number;

    while ((number = index_next(&cursor, hash)) != 0)
        if (flow_has_key(flow_at(number), key))
            return number;
    return 0;
}

// Whether it says the same, but for how long.
static int is_alike(struct flow *f, struct flow *draft)
{
    struct flow_action *a = flow_action(draft);
    const struct flow_action *old = flow_action(f);

    a->stamp = old->stamp;
    a->until_sec = old->until_sec;
    return memcmp(f, draft, sizeof(*f)) == 0;
}

static void prolong(struct flow *f, uint32_t stamp, uint16_t until_sec)
{
    struct flow_action *a = flow_action(f);

    __atomic_store_n(&a->until_sec, until_sec, __ATOMIC_RELAXED);
    __atomic_store_n(&a->stamp, stamp, __ATOMIC_RELEASE);
}

int flow_insert(struct flow *draft, uint32_t hash, unsigned worker)
{
    struct flow_worker *w = &workers[worker];
    const struct flow_key *key = (const struct flow_key *)(const void *)draft;
    const uint32_t stamp = flow_action(draft)->stamp;
    const uint16_t until_sec = flow_action(draft)->until_sec;
    uint32_t number = 0, old;
    struct index_line *line;
    int rc = -1;

    line = index_lock(&flow_table.index, hash);
    old = find_locked(line, hash, key);
    if (old != 0 && is_alike(flow_at(old), draft)) {
        prolong(flow_at(old), stamp, until_sec);
        rc = 0;
    } else if (has_room(w) && (old != 0 || has_share(draft))) {
        number = numbers_take(&flow_table.numbers, worker);
    }
    if (number != 0) {
        *flow_at(number) = *draft;
        prolong(flow_at(number), stamp, until_sec);
        if (old != 0) {
            index_del(&flow_table.index, line, hash, old);
            let_go(w, old);
        }
        __atomic_fetch_add(&n_of_port[draft->in_port], 1, __ATOMIC_RELAXED);
        rc = index_add(&flow_table.index, line, hash, number);
        if (rc < 0)
            let_go(w, number);
    }
    index_unlock(line);
    return rc;
}

static void forget(struct flow_worker *w, uint32_t number)
{
    uint32_t hash = flow_hash((const struct flow_key *)(const void *)flow_at(number));
    struct index_line *line = index_lock(&flow_table.index, hash);

    // Or somebody else was faster.
    if (index_has(&flow_table.index, line, hash, number)) {
        index_del(&flow_table.index, line, hash, number);
        let_go(w, number);
    }
    index_unlock(line);
}

// A record may be written anew meanwhile: what is read here is a hint. NULL: none.
static const struct session *session_of(const struct flow_action *a)
{
    uint32_t number = __atomic_load_n(&a->session, __ATOMIC_RELAXED);

    return number != 0 && number <= SESSION_MAX ? &session_records()[number] : NULL;
}

// Nobody has walked for it since long, or its session has ended.
static int is_over(struct flow *f, uint32_t now_sec)
{
    const struct flow_action *a = flow_action(f);
    const struct session *session = session_of(a);
    uint16_t until_sec = __atomic_load_n(&a->until_sec, __ATOMIC_RELAXED);

    if (f->kind == 0)
        return 0;
    if (session != NULL && session_incarnation(session) != a->incarnation)
        return 1;
    return (int16_t)((uint16_t)now_sec - until_sec) > FLOW_GRACE_SEC;
}

// Records that are looked at soon, and the sessions of those that are looked at sooner.
static void fetch(uint32_t at, uint32_t last)
{
    if (at + FETCH_AHEAD <= last)
        rte_prefetch0(flow_at(at + FETCH_AHEAD));
    if (at + FETCH_AHEAD / 2 <= last) {
        const struct session *s = session_of(flow_action(flow_at(at + FETCH_AHEAD / 2)));

        if (s != NULL)
            rte_prefetch0(&s->incarnation);
    }
}

static uint32_t next_of(uint32_t at, unsigned worker)
{
    uint32_t n_workers = flow_table.n_workers;

    at++;
    if (at / BLOCK % n_workers != worker)
        at = (at / BLOCK + n_workers - 1) * BLOCK;
    return at;
}

static void visit_some(struct flow_worker *w, unsigned worker, uint32_t n, uint32_t now_sec)
{
    uint32_t last = numbers_n_ever(&flow_table.numbers);

    while (n-- > 0 && has_room(w)) {
        if (w->at > last || w->at / BLOCK % flow_table.n_workers != worker)
            w->at = worker * BLOCK;
        if (w->at > last)
            return;
        fetch(w->at, last);
        if (w->at != 0 && is_over(flow_at(w->at), now_sec))
            forget(w, w->at);
        w->at = next_of(w->at, worker);
    }
}

void flow_age(unsigned worker, uint32_t now_sec, int is_idle)
{
    struct flow_worker *w = &workers[worker];
    uint32_t share, n;

    if (flow_table.max == 0)
        return;
    if (now_sec != w->last_sec) {
        share = numbers_n_ever(&flow_table.numbers) / flow_table.n_workers + BLOCK;
        w->due = RTE_MIN(w->due + share * RTE_MIN(now_sec - w->last_sec, (uint32_t)ROUND_SEC),
                         share * ROUND_SEC);
        w->last_sec = now_sec;
    }
    n = RTE_MIN(w->due / ROUND_SEC, (uint32_t)(is_idle ? MAX_IDLE : MAX_BUSY));
    w->due -= n * ROUND_SEC;
    visit_some(w, worker, n, now_sec);
    free_some(w, worker);
    index_grow(&flow_table.index, numbers_n_used(&flow_table.numbers));
}
