// SPDX-License-Identifier: BSD-3-Clause
// Where does a neighbour's entry lie, and in which list? Called by the other neighbor files with
// the table's lock held, on workers and the main thread; create and destroy on the main thread. No
// allocation but in create: entries and buckets are reserved memory. What readers see while
// entries come and go is told in neighbor_table.h. Next: neighbor.c, which learns.

#include "vnf/router/neighbor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#define MIN_BUCKETS 64
#define BUCKETS_PER_ENTRY 2
#define MAX_BUCKETS (BUCKETS_PER_ENTRY * NEIGHBOR_MAX_ENTRIES)
#define MAX_TRIES 64
#define EACH_AT_ONCE 64
#define SOLICITS_PER_SEC 1000 // of one interface, to all: asking must not be a flood
#define SOLICITS_AT_ONCE 256
#define DEFEND_SEC 10 // RFC 5227, 1.1: DEFEND_INTERVAL

static size_t entries_size(void)
{
    return NEIGHBOR_MAX_ENTRIES * sizeof(struct neighbor_entry);
}

static void *reserve(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

int neighbor_table_create(const char *tenant, struct neighbor_table **table)
{
    size_t buckets_size = MAX_BUCKETS * sizeof(uint32_t);
    size_t held_size = (NEIGHBOR_MAX_HELD_ROUTER + 1) * sizeof(struct neighbor_held);
    struct neighbor_table *t = aligned_alloc(_Alignof(struct neighbor_table), sizeof(*t));
    int rc = -ENOMEM;

    if (t == NULL)
        return rc;
    memset(t, 0, sizeof(*t));
    t->entries = reserve(entries_size());
    t->buckets = reserve(buckets_size);
    t->held = calloc(1, held_size);
    if (t->entries == NULL || t->buckets == NULL || t->held == NULL)
        goto destroy;
    if (getrandom(t->seed, sizeof(t->seed), 0) != (ssize_t)sizeof(t->seed))
        goto destroy;
    rc = neighbor_tenant_get(tenant, &t->tenant);
    if (rc != 0)
        goto destroy;
    t->seed[2] |= 1; // a factor of 0 would map all to one bucket
    t->n_buckets = MIN_BUCKETS;
    t->limit = UINT32_MAX;
    t->second_tsc = rte_get_tsc_hz();
    t->reachable_tsc = 30 * t->second_tsc; // until the first tick
    meter_limit_init(&t->solicit_limit, SOLICITS_PER_SEC, SOLICITS_AT_ONCE, t->second_tsc);
    t->defend_limit = (struct meter_limit){DEFEND_SEC * t->second_tsc, DEFEND_SEC * t->second_tsc};
    *table = t;
    return 0;

destroy:
    neighbor_table_destroy(t);
    return rc;
}

static void free_all_held(struct neighbor_table *t)
{
    uint16_t in_slot;
    struct rte_mbuf *m;

    for (uint32_t i = 1; i <= t->n_ever && t->n_held > 0; i++)
        while ((m = neighbor_held_take(t, &t->entries[i], &in_slot)) != NULL)
            rte_pktmbuf_free(m);
}

void neighbor_table_destroy(struct neighbor_table *table)
{
    if (table == NULL)
        return;
    if (table->tenant != NULL) {
        free_all_held(table);
        __atomic_fetch_sub(&table->tenant->n_learned, table->n_learned, __ATOMIC_RELAXED);
        neighbor_tenant_put(table->tenant);
    }
    if (table->entries != NULL)
        munmap(table->entries, entries_size());
    if (table->buckets != NULL)
        munmap(table->buckets, MAX_BUCKETS * sizeof(uint32_t));
    free(table->held);
    free(table);
}

int neighbor_try_lock(struct neighbor_table *t)
{
    for (unsigned i = 0; i < MAX_TRIES; i++) {
        if (__atomic_load_n(&t->lock, __ATOMIC_RELAXED) == 0 &&
            __atomic_exchange_n(&t->lock, 1, __ATOMIC_ACQUIRE) == 0)
            return 1;
        rte_pause();
    }
    return 0;
}

void neighbor_lock(struct neighbor_table *t)
{
    while (!neighbor_try_lock(t))
        rte_pause();
}

void neighbor_unlock(struct neighbor_table *t)
{
    __atomic_store_n(&t->lock, 0, __ATOMIC_RELEASE);
}

static uint32_t number_of(const struct neighbor_table *t, const struct neighbor_entry *e)
{
    return (uint32_t)(e - t->entries);
}

static int is_same(const struct neighbor_entry *e, const struct neighbor_id *id)
{
    return e->address[0] == id->address[0] && e->address[1] == id->address[1] && e->tag == id->tag;
}

struct neighbor_entry *neighbor_find(const struct neighbor_table *t, const struct neighbor_id *id)
{
    uint32_t number = t->buckets[neighbor_bucket(id->hash, t->n_buckets)];

    while (number != 0 && !is_same(&t->entries[number], id))
        number = t->entries[number].next;
    return number != 0 ? &t->entries[number] : NULL;
}

// Split one bucket: what belongs to the new one, at the end, goes there.
static void grow(struct neighbor_table *t)
{
    uint32_t added = t->n_buckets;
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(added));
    uint32_t *link = &t->buckets[added - base], *tail = &t->buckets[added];

    __atomic_store_n(&t->moves, t->moves + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (*link != 0) {
        struct neighbor_entry *e = &t->entries[*link];

        if ((e->hash & (2 * base - 1)) != added) {
            link = &e->next;
            continue;
        }
        __atomic_store_n(tail, *link, __ATOMIC_RELEASE);
        __atomic_store_n(link, e->next, __ATOMIC_RELEASE);
        __atomic_store_n(&e->next, 0, __ATOMIC_RELEASE);
        tail = &e->next;
    }
    __atomic_store_n(&t->n_buckets, added + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&t->moves, t->moves + 1, __ATOMIC_RELEASE);
}

// Readers that hold on to the entry from its former life see that the sequence has moved.
static void set_key(struct neighbor_entry *e, const struct neighbor_id *id)
{
    __atomic_store_n(&e->sequence, e->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&e->mac, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&e->address[0], id->address[0], __ATOMIC_RELAXED);
    __atomic_store_n(&e->address[1], id->address[1], __ATOMIC_RELAXED);
    __atomic_store_n(&e->tag, id->tag, __ATOMIC_RELAXED);
    e->hash = id->hash;
    __atomic_store_n(&e->sequence, e->sequence + 1, __ATOMIC_RELEASE);
}

static void list_del(struct neighbor_table *t, struct neighbor_entry *e)
{
    struct neighbor_list *list = &t->lists[e->state];

    if (e->list_prev != 0)
        t->entries[e->list_prev].list_next = e->list_next;
    else
        list->first = e->list_next;
    if (e->list_next != 0)
        t->entries[e->list_next].list_prev = e->list_prev;
    else
        list->last = e->list_prev;
    list->n--;
}

static void list_add(struct neighbor_table *t, struct neighbor_entry *e, uint32_t prev)
{
    struct neighbor_list *list = &t->lists[e->state];
    uint32_t next = prev != 0 ? t->entries[prev].list_next : list->first;
    uint32_t number = number_of(t, e);

    e->list_prev = prev;
    e->list_next = next;
    if (prev != 0)
        t->entries[prev].list_next = number;
    else
        list->first = number;
    if (next != 0)
        t->entries[next].list_prev = number;
    else
        list->last = number;
    list->n++;
}

struct neighbor_entry *neighbor_add(struct neighbor_table *t, const struct neighbor_id *id)
{
    struct neighbor_entry *e;
    uint32_t *bucket;

    if (t->free_entry != 0) {
        e = &t->entries[t->free_entry];
        t->free_entry = e->next;
    } else if (t->n_ever < NEIGHBOR_MAX_ENTRIES - 1) {
        e = &t->entries[++t->n_ever];
    } else {
        return NULL;
    }
    set_key(e, id);
    for (unsigned i = 0; i < BUCKETS_PER_ENTRY && t->n_buckets < MAX_BUCKETS &&
                         t->n_buckets < BUCKETS_PER_ENTRY * (t->n_used + 1);
         i++)
        grow(t);
    bucket = &t->buckets[neighbor_bucket(id->hash, t->n_buckets)];
    __atomic_store_n(&e->next, *bucket, __ATOMIC_RELAXED);
    __atomic_store_n(bucket, number_of(t, e), __ATOMIC_RELEASE);
    t->n_used++;
    e->state = NEIGHBOR_IDLE;
    e->confirmed_sec = 0;
    list_add(t, e, t->lists[NEIGHBOR_IDLE].last);
    return e;
}

static void del(struct neighbor_table *t, struct neighbor_entry *e)
{
    uint32_t *link = &t->buckets[neighbor_bucket(e->hash, t->n_buckets)];
    uint32_t number = number_of(t, e);

    list_del(t, e);
    while (*link != number)
        link = &t->entries[*link].next;
    __atomic_store_n(link, e->next, __ATOMIC_RELEASE);
    __atomic_store_n(&e->tag, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&e->next, t->free_entry, __ATOMIC_RELAXED);
    t->free_entry = number;
    t->n_used--;
}

static int is_learned(const struct neighbor_entry *e)
{
    return e->state != NEIGHBOR_IDLE && e->state != API_NEIGHBOR_STATIC &&
           e->state != API_NEIGHBOR_DYNAMIC;
}

static int is_unresolved(const struct neighbor_entry *e)
{
    return e->state == API_NEIGHBOR_INCOMPLETE || e->state == API_NEIGHBOR_FAILED;
}

static void discount(struct neighbor_table *t, struct neighbor_entry *e)
{
    if (!e->is_counted)
        return;
    e->is_counted = 0;
    t->n_learned--;
    t->n_unresolved -= (uint32_t)is_unresolved(e);
    __atomic_fetch_sub(&t->tenant->n_learned, 1, __ATOMIC_RELAXED);
}

void neighbor_recount(struct neighbor_table *t, struct neighbor_entry *e)
{
    discount(t, e);
    if (!is_learned(e) || e->n_references > 0)
        return;
    e->is_counted = 1;
    t->n_learned++;
    t->n_unresolved += (uint32_t)is_unresolved(e);
    __atomic_fetch_add(&t->tenant->n_learned, 1, __ATOMIC_RELAXED);
}

static void enter(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state)
{
    discount(t, e);
    list_del(t, e);
    e->state = state;
}

void neighbor_set_state(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state,
                        uint64_t deadline_tsc)
{
    enter(t, e, state);
    e->deadline_tsc = deadline_tsc;
    list_add(t, e, t->lists[state].last);
    neighbor_recount(t, e);
}

void neighbor_set_front(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state)
{
    enter(t, e, state);
    e->deadline_tsc = 0;
    list_add(t, e, 0);
    neighbor_recount(t, e);
}

void neighbor_set_mac(const struct neighbor_table *t, struct neighbor_entry *e, uint64_t word)
{
    uint64_t old = e->mac;

    __atomic_store_n(&e->mac, word, __ATOMIC_RELEASE);
    if (old != 0 && old != word) // nothing goes to one without a MAC
        walk_version_bump(neighbor_place(t, e->hash));
}

void neighbor_forget(struct neighbor_table *t, struct neighbor_entry *e)
{
    neighbor_set_mac(t, e, 0);
    neighbor_set_state(t, e, NEIGHBOR_IDLE, 0);
    if (e->n_references == 0)
        del(t, e);
}

void neighbor_give_up(struct neighbor_table *t, struct neighbor_entry *e)
{
    if (e->n_held == 0) {
        neighbor_forget(t, e);
        return;
    }
    neighbor_set_mac(t, e, 0);
    neighbor_set_front(t, e, API_NEIGHBOR_FAILED);
}

void neighbor_settle(struct neighbor_table *t, struct neighbor_entry *e)
{
    uint8_t state = e->static_mac != 0 ? API_NEIGHBOR_STATIC : API_NEIGHBOR_DYNAMIC;
    uint64_t mac = e->static_mac != 0 ? e->static_mac : e->dynamic_mac;

    if (mac != 0) {
        neighbor_set_mac(t, e, mac);
        if (e->n_held > 0)
            neighbor_set_front(t, e, state);
        else
            neighbor_set_state(t, e, state, 0);
    } else if (!is_learned(e)) {
        neighbor_give_up(t, e);
    }
}

void neighbor_each(struct neighbor_table *t,
                   void (*visit)(struct neighbor_table *t, struct neighbor_entry *e,
                                 const void *arg),
                   const void *arg)
{
    uint32_t number = 1, end;

    do {
        neighbor_lock(t);
        end = RTE_MIN(t->n_ever + 1, number + EACH_AT_ONCE);
        for (; number < end; number++)
            if (t->entries[number].tag != 0)
                visit(t, &t->entries[number], arg);
        end = t->n_ever;
        neighbor_unlock(t);
    } while (number <= end);
}
