// SPDX-License-Identifier: BSD-3-Clause
// Which sessions have been silent for too long? Each worker goes round its share of the records
// (every n-th block of them), a few with each loop, paced so that a round takes two seconds. It
// hands counters over on the way, and lets the chain look at each session. Called by worker.c once
// a loop. Next: session_open.c, which ends them.

#include "dataplane/session/table.h"

#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/session/clock.h"

#define BLOCK 64 // records
#define ROUND_MS 2000
#define MAX_VISITS_PER_MS 512 // a large table takes longer
#define MAX_BUSY 32           // records in one loop
#define MAX_IDLE 1024
#define MAX_LIMBO 128 // closed records that go back to use in one loop
#define FETCH_AHEAD 8 // records
#define LINE 64

// Its worker.
static struct round {
    uint32_t at;      // the number that is next
    uint32_t last_ms; // when `parts` was counted
    uint64_t parts;   // visits that are due, times ROUND_MS
    int has_begun;
} __attribute__((aligned(64))) rounds[API_MAX_WORKERS];

void age_init(void)
{
    memset(rounds, 0, sizeof(rounds));
}

// Visits that are due by now. Never more than one round.
static uint32_t count_due(struct round *r, uint32_t now_ms)
{
    uint32_t passed = now_ms - r->last_ms;
    uint64_t share = numbers_n_ever(&session_table.numbers) / session_table.n_workers + BLOCK;
    uint64_t round = share * ROUND_MS;

    if (!r->has_begun) {
        r->has_begun = 1;
        r->last_ms = now_ms;
        r->parts = round;
    } else if (session_clock_has_passed(r->last_ms, now_ms) && passed > 0) {
        r->last_ms = now_ms;
        r->parts += passed * RTE_MIN(share, (uint64_t)MAX_VISITS_PER_MS * ROUND_MS);
    }
    r->parts = RTE_MIN(r->parts, round);
    return (uint32_t)(r->parts / ROUND_MS);
}

static void fetch(uint32_t number)
{
    const char *record = (const char *)table_record(number);

    rte_prefetch0(record);
    rte_prefetch0(record + 2 * LINE);
    rte_prefetch0(record + 3 * LINE);
    rte_prefetch0(record + 4 * LINE); // slots: who is credited
}

static void visit(struct session *s, unsigned worker, uint32_t now_ms)
{
    int is_over = 0;

    if (!session_is_valid(s) || table_is_orphan(s))
        return;
    table_credit(s, worker);
    if (session_hooks.on_visit != NULL)
        is_over = session_hooks.on_visit(s, worker);
    if (!is_over)
        is_over =
            session_clock_has_passed(__atomic_load_n(&s->expires_ms, __ATOMIC_RELAXED), now_ms);
    if (is_over)
        session_close(s, worker);
}

// The number behind `at` in this worker's share.
static uint32_t next_of(uint32_t at, unsigned worker)
{
    uint32_t n_workers = session_table.n_workers;

    at++;
    if (at / BLOCK % n_workers != worker)
        at = (at / BLOCK + n_workers - 1) * BLOCK;
    return at;
}

static void visit_some(struct round *r, unsigned worker, uint32_t n, uint32_t now_ms)
{
    uint32_t last = numbers_n_ever(&session_table.numbers);

    while (n-- > 0) {
        if (r->at > last || r->at / BLOCK % session_table.n_workers != worker)
            r->at = worker * BLOCK;
        if (r->at > last)
            return;
        if (r->at + FETCH_AHEAD <= last)
            fetch(r->at + FETCH_AHEAD);
        if (r->at != 0)
            visit(table_record(r->at), worker, now_ms);
        r->at = next_of(r->at, worker);
    }
}

void session_age(unsigned worker, uint32_t now_ms, int is_idle)
{
    struct round *r = &rounds[worker];
    uint32_t n = RTE_MIN(count_due(r, now_ms), (uint32_t)(is_idle ? MAX_IDLE : MAX_BUSY));

    r->parts -= (uint64_t)n * ROUND_MS;
    visit_some(r, worker, n, now_ms);
    limbo_tend(worker, MAX_LIMBO);
    index_grow(&session_table.index, 2 * numbers_n_used(&session_table.numbers));
}
