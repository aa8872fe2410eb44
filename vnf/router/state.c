// SPDX-License-Identifier: BSD-3-Clause
// Which state belongs to a router, and which slot to an interface? Called by config.c on the main
// thread while a generation is built and when one is freed. Changes nothing that a running
// generation uses: slots are only added until no configuration holds them. Next: config.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/mman.h>
#include <sys/random.h>

#include "dataplane/core/counters.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/route_table.h"

#define N_CHAINS 1024

static struct router_state *chains[N_CHAINS]; // by names
static uint64_t n_lives;

// What is rarely touched lies behind the slots in one piece, backed by memory as it is used.
#define SLOTS_SIZE (ROUTER_MAX_SLOTS * sizeof(struct router_slot))
#define SPARSE_SIZE (SLOTS_SIZE + ROUTER_MAX_PINGS * sizeof(struct router_ping))
_Static_assert(SLOTS_SIZE % _Alignof(struct router_ping) == 0, "pings are aligned");

unsigned router_n_rows(void)
{
    return 1 + (counters_stats != NULL && counters_stats->n_workers > 0 ? counters_stats->n_workers
                                                                        : 1);
}

static struct router_state **chain_of(const char *tenant, const char *name)
{
    uint32_t hash = 0;

    for (const char *c = tenant; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    for (const char *c = name; *c != '\0'; c++)
        hash = hash * 31 + (uint8_t)*c;
    return &chains[(hash ^ hash >> 10 ^ hash >> 20) % N_CHAINS];
}

static int init_memory(struct router_state *s)
{
    size_t size = router_n_rows() * sizeof(*s->counters);

    s->slots = mmap(NULL, SPARSE_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (s->slots == MAP_FAILED)
        return -ENOMEM;
    s->pings = (struct router_ping *)(void *)(s->slots + ROUTER_MAX_SLOTS);
    s->counters = aligned_alloc(_Alignof(struct router_counters), size);
    if (s->counters == NULL) {
        munmap(s->slots, SPARSE_SIZE);
        return -ENOMEM;
    }
    memset(s->counters, 0, size);
    return 0;
}

static void free_memory(struct router_state *s)
{
    free(s->counters);
    munmap(s->slots, SPARSE_SIZE);
}

static int make_state(const char *tenant, const char *name, struct router_state **state)
{
    struct router_state *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return -ENOMEM;
    rc = init_memory(s);
    if (rc < 0)
        goto free_state;
    rc = route_table_create(&s->routes);
    if (rc < 0)
        goto free_memory;
    rc = neighbor_table_create(tenant, &s->neighbors);
    if (rc < 0)
        goto destroy_routes;
    if (getrandom(&s->hash_seed, sizeof(s->hash_seed), 0) != sizeof(s->hash_seed)) {
        rc = -errno;
        goto destroy_neighbors;
    }
    s->life = ++n_lives;
    snprintf(s->tenant_name, sizeof(s->tenant_name), "%s", tenant);
    snprintf(s->name, sizeof(s->name), "%s", name);
    *state = s;
    return 0;

destroy_neighbors:
    neighbor_table_destroy(s->neighbors);
destroy_routes:
    route_group_free_all(s);
    route_table_destroy(s->routes);
free_memory:
    free_memory(s);
free_state:
    free(s);
    return rc;
}

int router_state_get(const char *tenant, const char *name, struct router_state **state)
{
    struct router_state **chain = chain_of(tenant, name), *s = *chain;
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

void router_state_put(struct router_state *state)
{
    struct router_state **link = chain_of(state->tenant_name, state->name);

    if (--state->n_references > 0)
        return;
    while (*link != state)
        link = &(*link)->next;
    *link = state->next;
    route_plan_destroy(state->routes->plan);
    route_group_free_all(state);
    route_table_destroy(state->routes);
    neighbor_table_destroy(state->neighbors);
    free_memory(state);
    free(state);
}

int router_slot_get(struct router_state *state, const char *name, uint16_t *slot, int *is_new)
{
    uint32_t free_slot = state->n_slots;

    *is_new = 0;
    for (uint32_t i = 0; i < state->n_slots; i++) {
        struct router_slot *s = &state->slots[i];

        if (s->n_references == 0) {
            free_slot = i;
        } else if (strcmp(s->name, name) == 0) {
            s->n_references++;
            *slot = (uint16_t)i;
            return 0;
        }
    }
    if (free_slot == ROUTER_MAX_SLOTS)
        return -ENOSPC;
    if (free_slot == state->n_slots)
        state->n_slots++;
    memset(&state->slots[free_slot], 0, sizeof(state->slots[free_slot]));
    snprintf(state->slots[free_slot].name, sizeof(state->slots[free_slot].name), "%s", name);
    state->slots[free_slot].n_references = 1;
    *slot = (uint16_t)free_slot;
    *is_new = 1;
    return 0;
}

void router_slot_put(struct router_state *state, uint16_t slot)
{
    state->slots[slot].n_references--;
}
