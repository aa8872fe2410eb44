// SPDX-License-Identifier: BSD-3-Clause
// What stands behind a next-hop object? A group names others that can be replaced alone, so it is
// resolved when it is asked for. Called by events.c on the mirror's thread, which knows what to do
// with routes whose object is not here. Next: groups.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/kernel/nexthops.h"

// A group has member[], else `hop` says all.
struct nexthop_entry {
    struct nexthop_entry *next;
    uint32_t id;
    uint8_t type;
    bool is_alive;
    uint32_t n_members;
    struct kernel_hop hop;
    struct {
        uint32_t id;
        uint8_t weight;
    } member[];
};

void nexthops_reset(struct nexthops *t)
{
    struct nexthop_entry *e, *next;

    for (uint32_t i = 0; i < t->n_chains; i++) {
        for (e = t->chains[i]; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    }
    free(t->chains);
    *t = (struct nexthops){0};
}

static struct nexthop_entry **find(const struct nexthops *t, uint32_t id)
{
    struct nexthop_entry **e = &t->chains[id & (t->n_chains - 1)];

    while (*e != NULL && (*e)->id != id)
        e = &(*e)->next;
    return e;
}

static int grow(struct nexthops *t)
{
    uint32_t n = t->n_chains == 0 ? 16 : 2 * t->n_chains;
    struct nexthop_entry **chains, *e, *next;

    if (t->n < t->n_chains)
        return 0;
    chains = calloc(n, sizeof(struct nexthop_entry *));
    if (chains == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->n_chains; i++) {
        for (e = t->chains[i]; e != NULL; e = next) {
            next = e->next;
            e->next = chains[e->id & (n - 1)];
            chains[e->id & (n - 1)] = e;
        }
    }
    free(t->chains);
    t->chains = chains;
    t->n_chains = n;
    return 0;
}

static int del(struct nexthops *t, uint32_t id)
{
    struct nexthop_entry **link, *e;

    if (t->n_chains == 0)
        return 0;
    link = find(t, id);
    e = *link;
    if (e == NULL)
        return 0;
    *link = e->next;
    free(e);
    t->n--;
    return 1;
}

int nexthops_change(struct nexthops *t, const struct kernel_nexthop *nexthop)
{
    struct nexthop_entry *e, **link;
    int was_there = del(t, nexthop->id);

    if (!nexthop->is_new)
        return was_there;
    e = calloc(1, sizeof(*e) + nexthop->n_members * sizeof(e->member[0]));
    if (e == NULL || grow(t) < 0) {
        free(e);
        return -ENOMEM;
    }
    e->id = nexthop->id;
    e->type = nexthop->type;
    e->is_alive = nexthop->is_alive;
    e->hop = nexthop->hop;
    e->n_members = nexthop->n_members;
    for (uint32_t i = 0; i < e->n_members; i++) {
        e->member[i].id = nexthop->member[i].id;
        e->member[i].weight = nexthop->member[i].weight;
    }
    link = find(t, e->id);
    e->next = *link;
    *link = e;
    t->n++;
    return was_there;
}

static void add_hop(struct kernel_route *route, const struct nexthop_entry *e, uint8_t weight)
{
    if (!e->is_alive || route->n_hops == API_MAX_PATHS)
        return;
    route->hop[route->n_hops] = e->hop;
    route->hop[route->n_hops++].weight = weight;
}

bool nexthops_resolve(const struct nexthops *t, uint32_t id, struct kernel_route *route)
{
    const struct nexthop_entry *e = t->n_chains == 0 ? NULL : *find(t, id), *member;

    if (e == NULL)
        return false;
    route->n_hops = 0;
    route->type = e->type;
    if (e->n_members == 0)
        add_hop(route, e, 1);
    for (uint32_t i = 0; i < e->n_members; i++) {
        member = *find(t, e->member[i].id);
        if (member == NULL)
            continue; // deleted; the kernel tells of the group next
        if (member->type != API_ROUTE_UNICAST)
            route->type = member->type; // a group has no other beside a blackhole
        add_hop(route, member, e->member[i].weight);
    }
    return true;
}

bool nexthops_involves(const struct nexthops *t, uint32_t id, uint32_t other)
{
    const struct nexthop_entry *e = id == other || t->n_chains == 0 ? NULL : *find(t, id);

    for (uint32_t i = 0; e != NULL && i < e->n_members; i++)
        if (e->member[i].id == other)
            return true;
    return id == other;
}
