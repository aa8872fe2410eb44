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
#define MAX_BUCKETS (2 * NAT_MAX_BINDINGS)
#define MAX_ADDRESS_BUCKETS (2 * NAT_MAX_ADDRESSES)
#define MIN_MARGIN 16384U
#define MAX_MARGIN 262144U

static struct nat_state *chains[N_CHAINS]; // by names

// What lies in the reserved range, in this order.
struct room {
    void **at;
    size_t size;
};

#define N_ROOMS 9

static void list_rooms(struct nat_state *s, uint32_t **buckets, struct room *rooms)
{
    const struct room all[N_ROOMS] = {
        {(void **)&s->bindings, NAT_MAX_BINDINGS * sizeof(*s->bindings)},
        {(void **)&s->remotes, NAT_MAX_BINDINGS * sizeof(*s->remotes)},
        {(void **)&s->hosts, NAT_MAX_BINDINGS * sizeof(*s->hosts)},
        {(void **)&s->addresses, (NAT_MAX_ADDRESSES + 1) * sizeof(*s->addresses)},
        {(void **)&s->maps, NAT_MAX_ADDRESSES * NAT_N_CLASSES * sizeof(*s->maps)},
        {(void **)&buckets[0], MAX_BUCKETS * sizeof(uint32_t)},
        {(void **)&buckets[1], MAX_BUCKETS * sizeof(uint32_t)},
        {(void **)&buckets[2], MAX_BUCKETS * sizeof(uint32_t)},
        {(void **)&buckets[3], MAX_ADDRESS_BUCKETS * sizeof(uint32_t)},
    };

    memcpy(rooms, all, sizeof(all));
}

static size_t page_align(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (size + page - 1) / page * page;
}

static size_t rooms_size(const struct room *rooms)
{
    size_t size = 0;

    for (unsigned i = 0; i < N_ROOMS; i++)
        size += page_align(rooms[i].size);
    return size;
}

static int init_memory(struct nat_state *s)
{
    uint32_t *buckets[4];
    struct room rooms[N_ROOMS];
    char *at;

    list_rooms(s, buckets, rooms);
    s->memory = mmap(NULL, rooms_size(rooms), PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->memory == MAP_FAILED)
        return -ENOMEM;
    (void)madvise(s->memory, rooms_size(rooms), MADV_NOHUGEPAGE);
    at = s->memory;
    for (unsigned i = 0; i < N_ROOMS; i++) {
        *rooms[i].at = at;
        at += page_align(rooms[i].size);
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
    uint32_t *buckets[4];
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
        (void)madvise((void *)first, page_align(last - first), MADV_POPULATE_WRITE);
}

void nat_state_back(struct nat_state *state, const struct nat_config *config)
{
    uint32_t n = __atomic_load_n(&state->n_bindings_ever, __ATOMIC_RELAXED);
    uint32_t margin = RTE_MIN(RTE_MAX(MIN_MARGIN, n / 4), MAX_MARGIN), from = state->n_backed;
    uint32_t to = RTE_MIN(n + margin, NAT_MAX_BINDINGS);

    if (to <= from || (from > 0 && to < NAT_MAX_BINDINGS && to - from < margin / 4))
        return;
    back(state->bindings, sizeof(*state->bindings), from, to);
    back(state->hosts, sizeof(*state->hosts), from, to);
    back(state->by_inside.buckets, 2 * sizeof(uint32_t), from, to);
    back(state->by_outside.buckets, 2 * sizeof(uint32_t), from, to);
    back(state->by_host.buckets, 2 * sizeof(uint32_t), from, to);
    if (config != NULL && config->filtering == API_NAT_ADDRESS_DEPENDENT)
        back(state->remotes, sizeof(*state->remotes), from, to);
    state->n_backed = to;
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
