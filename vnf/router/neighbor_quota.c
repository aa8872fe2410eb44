// SPDX-License-Identifier: BSD-3-Clause
// Who may have a place in the table? Called with the lock held when a worker learns a new
// neighbour, and on the main thread for the tenant's count. What traffic merely asks for gets a
// quarter of the room and never the place of a neighbour that is known, so that somebody who scans
// a subnet harms only those who are not known yet (RFC 6583, 4 and 7). It looks at a few entries
// only. Next: back to neighbor.c.

#include "vnf/router/neighbor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define UNRESOLVED_SHARE 4 // one in so many places
#define UNRESOLVED_MIN 16
#define MAX_LOOKED_AT 8
#define STALE_MIN_SEC 30 // a neighbour that was not needed so long may go for another

static struct router_tenant *tenants; // main thread

int neighbor_tenant_get(const char *name, struct router_tenant **tenant)
{
    struct router_tenant *found = tenants;

    while (found != NULL && strcmp(found->name, name) != 0)
        found = found->next;
    if (found == NULL) {
        found = calloc(1, sizeof(*found));
        if (found == NULL)
            return -ENOMEM;
        snprintf(found->name, sizeof(found->name), "%s", name);
        found->limit = UINT32_MAX;
        found->next = tenants;
        tenants = found;
    }
    found->n_references++;
    *tenant = found;
    return 0;
}

void neighbor_tenant_put(struct router_tenant *tenant)
{
    struct router_tenant **link = &tenants;

    if (--tenant->n_references > 0)
        return;
    while (*link != tenant)
        link = &(*link)->next;
    *link = tenant->next;
    free(tenant);
}

// The oldest of a state that has a place of its own, among the first few.
static struct neighbor_entry *oldest(struct neighbor_table *t, uint8_t state)
{
    uint32_t number = t->lists[state].first;

    for (unsigned i = 0; i < MAX_LOOKED_AT && number != 0; i++) {
        if (t->entries[number].is_counted)
            return &t->entries[number];
        number = t->entries[number].list_next;
    }
    return NULL;
}

static struct neighbor_entry *oldest_unresolved(struct neighbor_table *t)
{
    struct neighbor_entry *e = oldest(t, API_NEIGHBOR_FAILED);

    return e != NULL ? e : oldest(t, API_NEIGHBOR_INCOMPLETE);
}

static struct neighbor_entry *oldest_stale(struct neighbor_table *t)
{
    struct neighbor_entry *e = oldest(t, API_NEIGHBOR_STALE);
    uint64_t latest = t->now_tsc + (NEIGHBOR_FORGET_SEC - STALE_MIN_SEC) * t->second_tsc;

    return e != NULL && (int64_t)(latest - e->deadline_tsc) >= 0 ? e : NULL;
}

static int evict(struct neighbor_table *t, struct neighbor_entry *e, struct rte_mbuf **lost,
                 unsigned *n_lost)
{
    uint16_t in_slot;

    if (e == NULL)
        return 0;
    while (e->n_held > 0)
        lost[(*n_lost)++] = neighbor_held_take(t, e, &in_slot);
    neighbor_forget(t, e);
    return 1;
}

static int is_full(const struct neighbor_table *t)
{
    const struct router_tenant *tenant = t->tenant;

    return t->n_learned >= t->limit || __atomic_load_n(&tenant->n_learned, __ATOMIC_RELAXED) >=
                                           __atomic_load_n(&tenant->limit, __ATOMIC_RELAXED);
}

int neighbor_make_room(struct neighbor_table *t, int has_spoken, struct rte_mbuf **lost,
                       unsigned *n_lost)
{
    uint32_t limit = RTE_MIN(t->limit, __atomic_load_n(&t->tenant->limit, __ATOMIC_RELAXED));
    uint32_t share = RTE_MAX(limit / UNRESOLVED_SHARE, (uint32_t)UNRESOLVED_MIN);

    if (!has_spoken && t->n_unresolved >= share)
        (void)evict(t, oldest_unresolved(t), lost, n_lost);
    if (is_full(t) && !evict(t, oldest_unresolved(t), lost, n_lost) && has_spoken)
        (void)evict(t, oldest_stale(t), lost, n_lost);
    if (!is_full(t) && (has_spoken || t->n_unresolved < share))
        return 1;
    t->n_refused++;
    return 0;
}
