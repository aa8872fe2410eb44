// SPDX-License-Identifier: BSD-3-Clause
// Where do sessions begin and end as a whole? Maps the records of the last process, makes the index
// beside them, and keeps memory ahead of need. Main thread; called by main.c and server.c. Next:
// adopt.c, which looks at what was mapped, then session_open.c.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_common.h>

#include "dataplane/core/log.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/state.h"

#define LAYOUT_VERSION 2
#define RESERVE_AT_ONCE 8192 // records: what one step asks the file system for
#define MAIN_LIMBO 65536     // records that go back to use in one session_tend

int session_is_shared;

static size_t region_size(void)
{
    return ((size_t)SESSION_MAX + 1) * sizeof(struct session);
}

// Whatever changes the meaning of a record's bytes.
static uint64_t layout(void)
{
    const uint64_t parts[HASH_WORDS] = {
        LAYOUT_VERSION,
        sizeof(struct session),
        offsetof(struct session, lock) << 32 | offsetof(struct session, slots),
        API_N_TIMEOUTS << 16 | API_SESSION_N_STATES,
    };
    uint64_t hash = 0;

    for (unsigned i = 0; i < HASH_WORDS; i++)
        hash = (hash ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
    return hash;
}

static int map_records(uint32_t max_sessions, uint32_t *n_held, struct error *e)
{
    int was_there, rc;
    size_t held;

    session_table.records = state_region("sessions", region_size(), layout(), &was_there, e);
    if (session_table.records == NULL)
        return e != NULL ? e->code : -ENOMEM;
    held = state_held(session_table.records);
    rc = state_reserve(session_table.records, 0, held);
    if (rc < 0) {
        // To start goes before to remember: nobody looks at what is not held.
        log_warn("no memory for the sessions of the process before: %s", strerror(-rc));
        held = 0;
    }
    held /= sizeof(struct session);
    *n_held = held > 0 ? (uint32_t)held - 1 : 0;
    // Fewer are allowed now: those beyond must not come back another day.
    for (; *n_held > max_sessions; (*n_held)--)
        __atomic_store_n(&table_record(*n_held)->valid, 0, __ATOMIC_RELAXED);
    return 0;
}

int session_init(unsigned n_workers, uint32_t max_sessions, struct error *e)
{
    uint32_t n_held = 0;
    int rc;

    if (n_workers == 0 || n_workers > API_MAX_WORKERS || max_sessions == 0 ||
        max_sessions > SESSION_MAX)
        return error_set(e, -EINVAL, NULL, "1 to %u sessions", SESSION_MAX);
    hash_init();
    rc = map_records(max_sessions, &n_held, e);
    if (rc < 0)
        return rc;
    rc = chain_names_init(e);
    if (rc < 0)
        return rc;
    limbo_init();
    age_init();
    session_table.n_workers = n_workers;
    session_is_shared = n_workers > 1;
    session_table.max = max_sessions;
    rc = numbers_init(&session_table.numbers, max_sessions, n_held);
    if (rc == 0)
        rc = index_init(&session_table.index, 2 * max_sessions, 2 * n_held);
    if (rc == 0)
        rc = quota_init(max_sessions);
    if (rc < 0) {
        session_fini();
        return error_set(e, rc, NULL, "no addresses for %u sessions", max_sessions);
    }
    adopt_scan(n_held);
    session_tend();
    return 0;
}

void session_fini(void)
{
    quota_fini();
    index_fini(&session_table.index);
    numbers_fini(&session_table.numbers);
    tenant_fini();
    session_table.records = NULL;
}

static int reserve_records(uint32_t first, uint32_t n)
{
    return state_reserve(session_table.records, (size_t)first * sizeof(struct session),
                         (size_t)n * sizeof(struct session));
}

// 1: there is more to be reserved.
static int reserve_some(uint32_t wanted)
{
    struct numbers *numbers = &session_table.numbers;
    uint32_t n = RTE_MIN((uint32_t)RESERVE_AT_ONCE, wanted - numbers->n_ready);

    // The index first: it must never be what lacks.
    index_tend(&session_table.index, 2 * (numbers->n_ready + n));
    if (n == 0)
        return 0;
    // Its end may lie in the page behind: that is asked for again, which does no harm.
    if (reserve_records(numbers->n_ready + 1, n) < 0) {
        if (!session_table.is_short)
            log_warn("no memory for more than %u sessions: is the run directory's file "
                     "system full?",
                     numbers->n_ready);
        session_table.is_short = 1;
        return 0;
    }
    numbers_set_ready(numbers, numbers->n_ready + n);
    session_table.is_short = 0;
    return 1;
}

// What workers need first is there first.
static void reserve_ahead(void)
{
    uint32_t wanted = numbers_wanted(&session_table.numbers), sources = quota_wanted();
    int is_more;

    do {
        quota_back(sources, RESERVE_AT_ONCE);
        is_more = reserve_some(wanted);
    } while (is_more);
    quota_back(sources, UINT32_MAX);
}

void session_tend(void)
{
    session_clock_update();
    reserve_ahead();
    limbo_tend(SESSION_MAIN, MAIN_LIMBO);
}

void session_visit(uint32_t *cursor, uint32_t n, void (*visit)(struct session *s, void *context),
                   void *context)
{
    uint32_t end = numbers_n_ever(&session_table.numbers) + 1;
    uint32_t at = *cursor > 0 ? *cursor : 1;

    table_main_enter();
    for (; n > 0 && at < end; n--, at++) {
        struct session *s = table_record(at);

        if (session_is_valid(s) && !table_is_orphan(s))
            visit(s, context);
    }
    table_main_leave();
    *cursor = at < end ? at : 0;
}

uint32_t session_id(const struct session *s)
{
    return table_number(s);
}

struct session *session_records(void)
{
    return session_table.records;
}

struct session *session_at(uint32_t id)
{
    if (id == 0 || id > numbers_n_ever(&session_table.numbers) || table_is_orphan(table_record(id)))
        return NULL;
    return table_record(id);
}

void session_lock(struct session *s)
{
    spin_lock(&s->lock);
}

void session_unlock(struct session *s)
{
    spin_unlock(&s->lock);
}
