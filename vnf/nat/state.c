// SPDX-License-Identifier: BSD-3-Clause
// Which state belongs to a NAT, and where does its memory come from? Found and made by config.c on
// the main thread; the lock and the random numbers are for workers, too. One reserved range for
// each NAT, of which nat_state_back backs what workers will need soon. Next: config.c, binding.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_pause.h>

#include "vnf/nat/state.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // Linux 5.14
#endif

#define N_CHAINS 1024
#define HUGE_PAGE ((size_t)1 << 21)
#define MAX_BUCKETS (NAT_MAX_BINDINGS / NAT_INDEX_LOAD)
#define MAX_ADDRESS_BUCKETS (NAT_MAX_ADDRESSES / NAT_INDEX_LOAD)
// Records ahead: a small NAT shall stay small, a busy one take no page fault. By what was new since
// the last nat_age, a tenth of a second ago.
#define MIN_AHEAD 16384U
#define AHEAD_FACTOR 4U
#define BACK_AT_ONCE 16384U
// Records that lie in small pages, as all of a small NAT do.
#define SMALL (NAT_MAX_BINDINGS / 32)
#define BACKED_MAPS 256U // addresses; twelve kilobytes of each map

static struct nat_state *chains[N_CHAINS]; // by names

// What lies in the reserved range, in this order.
struct room {
    void **at;
    size_t size;
};

#define N_ROOMS 9

static void list_rooms(struct nat_state *s, struct nat_bucket **buckets, struct room *rooms)
{
    const struct room all[N_ROOMS] = {
        {(void **)&s->bindings, NAT_MAX_BINDINGS * sizeof(*s->bindings)},
        {(void **)&s->remotes, NAT_MAX_BINDINGS * sizeof(*s->remotes)},
        {(void **)&s->hosts, NAT_MAX_BINDINGS * sizeof(*s->hosts)},
        {(void **)&s->addresses, (NAT_MAX_ADDRESSES + 1) * sizeof(*s->addresses)},
        {(void **)&s->maps, NAT_MAX_ADDRESSES * NAT_N_CLASSES * sizeof(*s->maps)},
        {(void **)&buckets[0], MAX_BUCKETS * sizeof(struct nat_bucket)},
        {(void **)&buckets[1], MAX_BUCKETS * sizeof(struct nat_bucket)},
        {(void **)&buckets[2], MAX_BUCKETS * sizeof(struct nat_bucket)},
        {(void **)&buckets[3], MAX_ADDRESS_BUCKETS * sizeof(struct nat_bucket)},
    };

    memcpy(rooms, all, sizeof(all));
}

// Of addresses, with what is lost to have all of them begin with a huge page.
static size_t rooms_size(const struct room *rooms)
{
    size_t size = HUGE_PAGE;

    for (unsigned i = 0; i < N_ROOMS; i++)
        size += RTE_ALIGN_CEIL(rooms[i].size, HUGE_PAGE);
    return size;
}

static int init_memory(struct nat_state *s)
{
    struct nat_bucket *buckets[4];
    struct room rooms[N_ROOMS];
    char *at;

    list_rooms(s, buckets, rooms);
    s->memory = mmap(NULL, rooms_size(rooms), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED)
        return -ENOMEM;
    (void)madvise(s->memory, rooms_size(rooms), MADV_NOHUGEPAGE);
    at = RTE_PTR_ALIGN_CEIL(s->memory, HUGE_PAGE);
    for (unsigned i = 0; i < N_ROOMS; i++) {
        *rooms[i].at = at;
        at += RTE_ALIGN_CEIL(rooms[i].size, HUGE_PAGE);
    }
    nat_index_init(&s->by_inside, buckets[0], MAX_BUCKETS, &s->bindings[0].by_inside,
                   sizeof(*s->bindings));
    nat_index_init(&s->by_outside, buckets[1], MAX_BUCKETS, &s->bindings[0].by_outside,
                   sizeof(*s->bindings));
    nat_index_init(&s->by_host, buckets[2], MAX_BUCKETS, &s->hosts[0].link, sizeof(*s->hosts));
    nat_index_init(&s->by_address, buckets[3], MAX_ADDRESS_BUCKETS, &s->addresses[0].link,
                   sizeof(*s->addresses));
    return 0;
}

static void free_memory(struct nat_state *s)
{
    struct nat_bucket *buckets[4];
    struct room rooms[N_ROOMS];

    list_rooms(s, buckets, rooms);
    munmap(s->memory, rooms_size(rooms));
}

static int make_state(const char *tenant, const char *name, struct nat_state **state)
{
    struct nat_state *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return -ENOMEM;
    rc = init_memory(s);
    if (rc < 0)
        goto free_state;
    if (getrandom(s->seed, sizeof(s->seed), 0) != (ssize_t)sizeof(s->seed)) {
        rc = -errno;
        goto free_memory;
    }
    snprintf(s->tenant_name, sizeof(s->tenant_name), "%s", tenant);
    snprintf(s->name, sizeof(s->name), "%s", name);
    nat_state_back(s, NULL);
    *state = s;
    return 0;

free_memory:
    free_memory(s);
free_state:
    free(s);
    return rc;
}

static struct nat_state **chain_of(const char *tenant, const char *name)
{
    uint32_t hash = 0;

    for (const char *c = tenant; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    return &chains[(hash ^ hash >> 10 ^ hash >> 20) % N_CHAINS];
}

int nat_state_get(const char *tenant, const char *name, struct nat_state **state)
{
    struct nat_state **chain = chain_of(tenant, name), *s = *chain;
    int rc;

    while (s != NULL && (strcmp(s->tenant_name, tenant) != 0 || strcmp(s->name, name) != 0))
        s = s->next;
    if (s == NULL) {
        rc = make_state(tenant, name, &s);
        if (rc < 0)
            return rc;
        s->next = *chain;
        *chain = s;
    }
    s->n_references++;
    *state = s;
    return 0;
}

void nat_state_put(struct nat_state *state)
{
    struct nat_state **link = chain_of(state->tenant_name, state->name);

    if (--state->n_references > 0)
        return;
    while (*link != state)
        link = &(*link)->next;
    *link = state->next;
    free_memory(state);
    free(state);
}

// Best effort: what is not backed yet costs a worker the time of a page fault.
static void back(const void *array, size_t size, uint32_t from, uint32_t to)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = (uintptr_t)array + from * size, last = (uintptr_t)array + to * size;

    first -= first % page;
    if (first < last)
        (void)madvise((void *)first, RTE_ALIGN_CEIL(last - first, page), MADV_POPULATE_WRITE);
}

// Behind the first records in huge pages, for new bindings go all over them: fewer entries of the
// TLB. Only what is backed at once: a worker that came too early would have to clear one.
static void thicken(const void *array, size_t size, uint32_t from, uint32_t to)
{
    uintptr_t first = RTE_ALIGN_FLOOR((uintptr_t)array + from * size, HUGE_PAGE);
    uintptr_t last = RTE_ALIGN_CEIL((uintptr_t)array + to * size, HUGE_PAGE);

    (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
}

static void back_buckets(const struct nat_index *index, uint32_t from, uint32_t to)
{
    uint32_t first = from / NAT_INDEX_LOAD;
    uint32_t end = RTE_MIN(to / NAT_INDEX_LOAD + 1, index->max_buckets);

    if (from >= SMALL)
        thicken(index->buckets, sizeof(*index->buckets), first, end);
    back(index->buckets, sizeof(*index->buckets), first, end);
}

// Ports in use, of the classes that there most likely are.
static void back_maps(const struct nat_state *state, uint32_t number)
{
    static const int classes[] = {NAT_TCP, NAT_UDP, NAT_ICMP};

    for (unsigned i = 0; i < RTE_DIM(classes); i++)
        back(nat_map(state, number, classes[i]), offsetof(struct port_map, resting), 0, 1);
}

static void back_bindings(const struct nat_state *state, const struct nat_config *config,
                          uint32_t from, uint32_t to)
{
    if (from >= SMALL)
        thicken(state->bindings, sizeof(*state->bindings), from, to);
    back(state->bindings, sizeof(*state->bindings), from, to);
    back_buckets(&state->by_inside, from, to);
    back_buckets(&state->by_outside, from, to);
    if (config != NULL && config->filtering == API_NAT_ADDRESS_DEPENDENT)
        back(state->remotes, sizeof(*state->remotes), from, to);
}

static void back_hosts(const struct nat_state *state, uint32_t from, uint32_t to)
{
    if (from >= SMALL)
        thicken(state->hosts, sizeof(*state->hosts), from, to);
    back(state->hosts, sizeof(*state->hosts), from, to);
    back_buckets(&state->by_host, from, to);
}

// How far memory should reach now; not for a few records: a call of the system has its price.
static uint32_t wanted(struct nat_backed *backed, const uint32_t *n_ever)
{
    uint32_t n = __atomic_load_n(n_ever, __ATOMIC_RELAXED);
    uint32_t ahead = RTE_MAX(AHEAD_FACTOR * (n - backed->n_ever_before), MIN_AHEAD);
    uint32_t to = RTE_MIN(n + ahead, NAT_MAX_BINDINGS);

    return to < NAT_MAX_BINDINGS && to < backed->n + MIN_AHEAD / 4 ? backed->n : to;
}

void nat_state_back(struct nat_state *state, const struct nat_config *config)
{
    uint32_t n_bindings = wanted(&state->backed_bindings, &state->n_bindings_ever);
    uint32_t n_hosts = wanted(&state->backed_hosts, &state->n_hosts_ever), from, to;

    while (state->n_backed_maps < RTE_MIN(state->n_addresses_ever, BACKED_MAPS))
        back_maps(state, state->n_backed_maps++);
    // What comes first is there first.
    for (from = state->backed_bindings.n; from < n_bindings; from = to) {
        to = RTE_MIN(from + BACK_AT_ONCE, n_bindings);
        back_bindings(state, config, from, to);
    }
    if (state->backed_hosts.n < n_hosts)
        back_hosts(state, state->backed_hosts.n, n_hosts);
    __atomic_store_n(&state->backed_bindings.n, n_bindings, __ATOMIC_RELAXED);
    __atomic_store_n(&state->backed_hosts.n, n_hosts, __ATOMIC_RELAXED);
}

void nat_lock(struct nat_state *state)
{
    while (__atomic_exchange_n(&state->lock, 1, __ATOMIC_ACQUIRE) != 0)
        while (__atomic_load_n(&state->lock, __ATOMIC_RELAXED) != 0)
            rte_pause();
}

void nat_unlock(struct nat_state *state)
{
    __atomic_store_n(&state->lock, 0, __ATOMIC_RELEASE);
}

uint32_t nat_draw(struct nat_state *state)
{
    state->n_drawn++;
    return nat_hash(state->seed, state->n_drawn, ~state->n_drawn, state->n_drawn);
}
