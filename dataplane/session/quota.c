// SPDX-License-Identifier: BSD-3-Clause
// May this tenant have one session more, and this source? Counts sessions by tenant and by (tenant,
// source address), keeps the half-open ones of a tenant in order of age, and ends the oldest where
// a new one needs its place. Called by session_open.c on workers, by adopt.c on the main thread;
// waits for nobody but the holder of a lock for some dozen instructions. Next: session_open.c.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "dataplane/core/packet.h"

#define EVICT_TRIES 4

// How many sessions an address has begun. Under the lock of its bucket; the number is the one
// that struct session keeps.
struct source {
    uint8_t address[16];
    uint32_t tenant;
    uint32_t hash;
    uint32_t n_sessions;
    uint32_t reserved;
};

static struct source *sources; // [0] is not used
static uint32_t max_sources;
static struct numbers numbers;
static struct index source_index;

static size_t sources_size(void)
{
    return ((size_t)max_sources + 1) * sizeof(sources[0]);
}

int quota_init(uint32_t max_sessions)
{
    int rc;

    max_sources = max_sessions;
    sources = memory_reserve(sources_size());
    if (sources == NULL)
        return -ENOMEM;
    rc = numbers_init(&numbers, max_sources, 0);
    if (rc == 0)
        rc = index_init(&source_index, max_sources, 0);
    if (rc < 0)
        quota_fini();
    return rc;
}

void quota_fini(void)
{
    index_fini(&source_index);
    numbers_fini(&numbers);
    memory_release(sources, sources_size());
    sources = NULL;
}

uint32_t quota_wanted(void)
{
    return numbers_wanted(&numbers);
}

void quota_back(uint32_t wanted, uint32_t n_at_once)
{
    uint32_t n_ready = numbers.n_ready, n = RTE_MIN(n_at_once, wanted - n_ready);

    index_tend(&source_index, n_ready + n);
    if (n == 0)
        return;
    memory_touch(sources, (n_ready + 1) * sizeof(sources[0]), n * sizeof(sources[0]));
    numbers_set_ready(&numbers, n_ready + n);
}

static int is_source(uint32_t number, uint32_t tenant, const uint8_t address[16])
{
    return sources[number].tenant == tenant && memcmp(sources[number].address, address, 16) == 0;
}

// The bucket is locked. 0: this address has no session yet.
static uint32_t find_source(const struct index_line *line, uint32_t hash, uint32_t tenant,
                            const uint8_t address[16])
{
    struct index_cursor cursor = index_begin(&source_index, line);
    uint32_t number = index_look(&source_index, line, hash);

    if (number == 0 || likely(is_source(number, tenant, address)))
        return number;
    while ((number = index_next(&cursor, hash)) != 0)
        if (is_source(number, tenant, address))
            return number;
    return 0;
}

static uint32_t add_source(struct index_line *line, uint32_t hash, uint32_t tenant,
                           const uint8_t address[16], unsigned thread)
{
    uint32_t number = numbers_take(&numbers, thread);

    if (number == 0)
        return 0;
    sources[number] = (struct source){.tenant = tenant, .hash = hash};
    memcpy(sources[number].address, address, 16);
    if (index_add(&source_index, line, hash, number) == 0)
        return number;
    numbers_give(&numbers, thread, number);
    return 0;
}

static uint32_t hash_source(const struct session_tenant *tenant, const uint8_t source[16])
{
    uint64_t words[HASH_WORDS] = {tenant->number};

    memcpy(&words[1], source, 16);
    return hash_words(words);
}

// In stages, as find.c does.
void session_foresee(const struct session_tenant *tenant,
                     const struct session_query *const *queries, unsigned n)
{
    uint32_t hashes[BURST_SIZE];

    for (unsigned i = 0; i < n; i++) {
        hashes[i] = hash_source(tenant, queries[i]->tuple.source);
        rte_prefetch0(index_line(&source_index, hashes[i]));
    }
    for (unsigned i = 0; i < n; i++) {
        const struct index_line *line = index_line(&source_index, hashes[i]);

        rte_prefetch0(&sources[index_look(&source_index, line, hashes[i])]);
    }
}

uint8_t quota_source_take(struct session_tenant *tenant, const uint8_t source[16], unsigned thread,
                          int is_forced, uint32_t *number)
{
    uint32_t hash = hash_source(tenant, source);
    uint32_t limit = __atomic_load_n(&tenant->source_limit, __ATOMIC_RELAXED);
    uint8_t drop = API_DROP_NONE;
    struct index_line *line;

    index_grow(&source_index, numbers_n_used(&numbers));
    line = index_lock(&source_index, hash);
    *number = find_source(line, hash, tenant->number, source);
    if (!is_forced && (*number != 0 ? sources[*number].n_sessions : 0) >= limit)
        drop = DROP_SESSION_SOURCE_LIMIT;
    else if (*number == 0)
        *number = add_source(line, hash, tenant->number, source, thread);
    if (*number == 0 && drop == API_DROP_NONE)
        drop = DROP_SESSION_NO_MEMORY;
    if (drop == API_DROP_NONE)
        sources[*number].n_sessions++;
    index_unlock(line);
    return drop;
}

void quota_source_give(uint32_t number, unsigned thread)
{
    struct source *source = &sources[number];
    uint32_t hash = source->hash;
    struct index_line *line = index_lock(&source_index, hash);
    int is_gone = --source->n_sessions == 0;

    if (is_gone)
        index_del(&source_index, line, hash, number);
    index_unlock(line);
    if (is_gone)
        numbers_give(&numbers, thread, number);
}

static struct session *oldest_half_open(struct session_tenant *tenant)
{
    uint32_t number;

    spin_lock(&tenant->lock);
    number = tenant->first;
    spin_unlock(&tenant->lock);
    // It may be closed by now: session_close tells. It is not used again while we look at it.
    return number != 0 ? table_record(number) : NULL;
}

// 1: there was one, and this thread has ended it.
static int evict(struct session_tenant *tenant, unsigned thread)
{
    for (unsigned i = 0; i < EVICT_TRIES; i++) {
        struct session *s = oldest_half_open(tenant);

        if (s == NULL)
            return 0;
        if (!session_close(s, thread))
            continue;
        if (session_hooks.on_evict != NULL)
            session_hooks.on_evict(s, thread);
        return 1;
    }
    return 0;
}

static int is_above(const uint32_t *count, const uint32_t *limit)
{
    return __atomic_load_n(count, __ATOMIC_RELAXED) > __atomic_load_n(limit, __ATOMIC_RELAXED);
}

uint8_t quota_take(struct session_tenant *tenant, int is_half_open, unsigned thread)
{
    uint8_t drop = API_DROP_NONE;

    quota_take_forced(tenant, is_half_open);
    if (is_half_open && is_above(&tenant->n_half_open, &tenant->half_open_limit) &&
        !evict(tenant, thread))
        drop = DROP_SESSION_HALF_OPEN_LIMIT;
    else if (is_above(&tenant->n_sessions, &tenant->session_limit) && !evict(tenant, thread))
        drop = DROP_SESSION_LIMIT;
    if (drop != API_DROP_NONE)
        quota_give(tenant, is_half_open);
    return drop;
}

void quota_take_forced(struct session_tenant *tenant, int is_half_open)
{
    __atomic_fetch_add(&tenant->counts, COUNTS(1, is_half_open != 0), __ATOMIC_RELAXED);
}

void quota_give(struct session_tenant *tenant, int is_half_open)
{
    __atomic_fetch_sub(&tenant->counts, COUNTS(1, is_half_open != 0), __ATOMIC_RELEASE);
}

void quota_list_add(struct session_tenant *tenant, struct session *s)
{
    uint32_t number = table_number(s);

    spin_lock(&tenant->lock);
    s->list_next = 0;
    s->list_prev = tenant->last;
    if (tenant->last != 0)
        table_record(tenant->last)->list_next = number;
    else
        tenant->first = number;
    tenant->last = number;
    __atomic_store_n(&s->is_half_open, 1, __ATOMIC_RELAXED);
    spin_unlock(&tenant->lock);
}

int quota_list_del(struct session_tenant *tenant, struct session *s)
{
    int was_half_open;

    if (__atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED) == 0)
        return 0;
    spin_lock(&tenant->lock);
    was_half_open = s->is_half_open;
    if (was_half_open) {
        if (s->list_prev != 0)
            table_record(s->list_prev)->list_next = s->list_next;
        else
            tenant->first = s->list_next;
        if (s->list_next != 0)
            table_record(s->list_next)->list_prev = s->list_prev;
        else
            tenant->last = s->list_prev;
        __atomic_store_n(&s->is_half_open, 0, __ATOMIC_RELAXED);
    }
    spin_unlock(&tenant->lock);
    if (was_half_open)
        __atomic_fetch_sub(&tenant->n_half_open, 1, __ATOMIC_RELAXED);
    return was_half_open;
}
