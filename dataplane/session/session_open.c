// SPDX-License-Identifier: BSD-3-Clause
// How does a session begin and end? Everything that may be lacking (a record, the source's share,
// the tenant's) is taken first, then both keys go into the index at once, then others see it. The
// end is won by one thread, which undoes it all. Called by the chain on workers, by age.c and
// quota.c; on the main thread where sessions are cleared. Next: table.c; limbo.c, where a closed
// record waits.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_prefetch.h>

struct session_hooks session_hooks;

void session_set_hooks(const struct session_hooks *hooks)
{
    session_hooks = *hooks;
}

static void fill(struct session *s, const struct session_draft *draft, uint32_t source,
                 uint32_t now_ms)
{
    struct session_tuple reverse = session_tuple_reverse(&draft->key[0]);

    // `valid` is 0; the links are quota_list_add's.
    s->chain = draft->chain;
    s->key_original = draft->key[0];
    s->key_reply = draft->key[1];
    s->side[0] = draft->side[0];
    s->side[1] = draft->side[1];
    s->is_translated = !session_tuple_is_equal(&reverse, &draft->key[1]);
    s->reserved0 = 0;
    s->opened_ms = now_ms;
    s->tenant = draft->tenant->number;
    s->source = source;
    s->reserved1 = 0;
    s->lock = 0;
    s->stamp = draft->stamp;
    s->expires_ms = now_ms + session_timeout_ms(draft->tenant, (enum api_timeout)draft->timeout);
    s->state = draft->state;
    s->timeout = draft->timeout;
    s->protocol_state = draft->protocol_state;
    memcpy(s->tcp, draft->tcp, sizeof(s->tcp));
    memset(&s->asked, 0, sizeof(s->asked));
    memset(s->bytes, 0, sizeof(s->bytes));
    memset(s->packets, 0, sizeof(s->packets));
    memset(s->total_packets, 0, sizeof(s->total_packets));
    memset(s->total_bytes, 0, sizeof(s->total_bytes));
    s->reserved2 = 0;
    memcpy(s->slots, draft->slots, sizeof(s->slots));
}

// The record of the session after this one.
static void fetch_next(unsigned worker)
{
    uint32_t number = numbers_next(&session_table.numbers, worker);
    const char *record = (const char *)table_record(number);

    for (unsigned i = 0; number != 0 && i < sizeof(struct session); i += RTE_CACHE_LINE_SIZE)
        rte_prefetch0(record + i);
}

static uint64_t *counts_of(const struct session *s)
{
    return &chain_names_counts(s->chain)->counts;
}

int table_open(struct session *s, int is_half_open, unsigned thread, struct session **other,
               unsigned *which)
{
    struct session_tenant *tenant = tenant_at(s->tenant);
    int rc;

    __atomic_fetch_add(counts_of(s), COUNTS(1, is_half_open != 0), __ATOMIC_RELAXED);
    s->is_half_open = 0;
    // Before others can see it: who confirms it at once finds it in the list.
    if (is_half_open)
        quota_list_add(tenant, s);
    rc = table_add(s, other, which);
    if (rc == 0)
        return 0;
    session_confirm(s);
    __atomic_fetch_sub(counts_of(s), COUNTS(1, 0), __ATOMIC_RELAXED);
    quota_source_give(s->source, thread);
    quota_give(tenant, 0);
    // It was in the list, where another thread may look at it still.
    limbo_add(thread, s);
    return rc;
}

static struct session *add(struct session *s, int is_half_open, unsigned worker, int *is_new,
                           uint8_t *drop)
{
    struct session *other = NULL;
    unsigned which = 0;
    int rc = table_open(s, is_half_open, worker, &other, &which);

    *is_new = rc == 0;
    if (rc == 0)
        return s;
    if (rc == -EEXIST && which == TABLE_SAME)
        return other;
    *drop = rc == -ENOMEM ? DROP_SESSION_NO_MEMORY : DROP_SESSION_CONFLICT;
    return NULL;
}

static void place_reply(const struct session_draft *draft, uint32_t *hash)
{
    *hash = hash_key(draft->chain, draft->side[1], &draft->key[1]);
    rte_prefetch0(index_line(&session_table.index, *hash)); // nobody has asked for that yet
}

void session_place(struct session_draft *draft, uint32_t hash)
{
    draft->hash[0] = hash;
    place_reply(draft, &draft->hash[1]);
    draft->is_placed = 1;
}

struct session *session_open(const struct session_draft *draft, unsigned worker, uint32_t now_ms,
                             int *is_new, uint8_t *drop)
{
    struct session_tenant *tenant = draft->tenant;
    uint32_t number = numbers_take(&session_table.numbers, worker), source = 0, hashes[2];
    struct session *s;

    *is_new = 0;
    *drop = DROP_SESSION_NO_MEMORY;
    if (number == 0)
        return NULL;
    memcpy(hashes, draft->hash, sizeof(hashes));
    if (!draft->is_placed) {
        hashes[0] = hash_key(draft->chain, draft->side[0], &draft->key[0]);
        place_reply(draft, &hashes[1]);
    }
    fetch_next(worker);
    *drop = quota_source_take(tenant, draft->key[0].source, worker, 0, &source);
    if (*drop != API_DROP_NONE)
        goto give_number;
    *drop = quota_take(tenant, draft->is_half_open, worker);
    if (*drop != API_DROP_NONE)
        goto give_source;
    index_grow(&session_table.index, 2 * numbers_n_used(&session_table.numbers));
    s = table_record(number);
    fill(s, draft, source, now_ms);
    memcpy(s->hash, hashes, sizeof(s->hash));
    return add(s, draft->is_half_open, worker, is_new, drop);

give_source:
    quota_source_give(source, worker);
give_number:
    numbers_give(&session_table.numbers, worker, number);
    return NULL;
}

void session_confirm(struct session *s)
{
    if (__atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED) == 0)
        return;
    if (quota_list_del(tenant_at(s->tenant), s))
        __atomic_fetch_sub(counts_of(s), COUNTS(0, 1), __ATOMIC_RELAXED);
}

void table_credit(struct session *s, unsigned worker)
{
    uint32_t packets[2];
    uint64_t bytes[2];

    for (unsigned i = 0; i < 2; i++) {
        packets[i] = 0;
        bytes[i] = 0;
        if (__atomic_load_n(&s->packets[i], __ATOMIC_RELAXED) == 0)
            continue;
        packets[i] = __atomic_exchange_n(&s->packets[i], 0, __ATOMIC_RELAXED);
        bytes[i] = __atomic_exchange_n(&s->bytes[i], 0, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->total_packets[i], packets[i], __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->total_bytes[i], bytes[i], __ATOMIC_RELAXED);
    }
    if ((packets[0] | packets[1]) != 0 && session_hooks.on_credit != NULL)
        session_hooks.on_credit(s, worker, packets, bytes);
}

int session_close(struct session *s, unsigned worker)
{
    struct session_tenant *tenant;
    uint32_t valid = SESSION_VALID;

    // Of several threads one wins. From here on packets don't find it.
    if (!__atomic_compare_exchange_n(&s->valid, &valid, 0, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return 0;
    __atomic_fetch_add(&s->incarnation, 1, __ATOMIC_RELEASE); // nor do flows
    tenant = tenant_at(s->tenant);
    table_credit(s, worker);
    if (session_hooks.on_close != NULL)
        session_hooks.on_close(s, worker);
    table_del(s);
    session_confirm(s);
    quota_source_give(s->source, worker);
    __atomic_fetch_sub(counts_of(s), COUNTS(1, 0), __ATOMIC_RELAXED);
    limbo_add(worker, s);
    quota_give(tenant, 0);
    return 1;
}
