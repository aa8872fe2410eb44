// SPDX-License-Identifier: BSD-3-Clause
// What does a change mean that concerns many routes at once: a link, a group, an epoch? Whoever
// knows marks groups; a walk over all prefixes finds their routes. Main thread, called by
// route_apply.c and route_dynamic.c; workers look up all the while.

#include "vnf/router/route_table.h"

#define LEN_FIRST UINT8_MAX // of a prefix before all others

// One step in a table; *prefix stays as it is at the end.
static uint32_t step(const struct prefix_table *table, struct route_prefix *prefix)
{
    int len = prefix->len == LEN_FIRST ? -1 : prefix->len;
    uint32_t value;

    if (table == NULL || !prefix_table_next(table, prefix->address, &len, &value))
        return 0;
    prefix->len = (uint8_t)len;
    return value;
}

int route_walk_next(const struct route_table *t, struct route_prefix *prefix)
{
    unsigned side = route_side(prefix->family);
    struct route_prefix active = *prefix, waiting = *prefix;
    int has_active = step(t->active[side], &active) != 0;
    int has_waiting = t->n_waiting[side] > 0 && step(t->waiting[side], &waiting) != 0;
    int order = memcmp(active.address, waiting.address, sizeof(active.address));

    if (!has_active && !has_waiting)
        return 0;
    if (order == 0)
        order = (int)active.len - (int)waiting.len;
    *prefix = has_active && (!has_waiting || order <= 0) ? active : waiting;
    return 1;
}

// Whether a group with routes is marked that is usable, or that is not.
static int has_marked(const struct route_table *t, int is_usable)
{
    for (uint32_t value = 1; value < t->n_values; value++)
        if (t->entries[value].is_marked && t->entries[value].n_routes > 0 &&
            route_is_usable(t, value) == is_usable)
            return 1;
    return 0;
}

static void unmark(struct route_table *t)
{
    for (uint32_t value = 1; value < t->n_values; value++)
        t->entries[value].is_marked = 0;
}

// The first waiter with a marked value, from one on. Returns the value; 0: there is none.
static uint32_t marked_waiter(const struct route_table *t, uint32_t waiter)
{
    for (; waiter != 0; waiter = t->waiters[waiter].next)
        if (t->entries[t->waiters[waiter].value].is_marked)
            return t->waiters[waiter].value;
    return 0;
}

static struct route_prefix first_of(unsigned side)
{
    return (struct route_prefix){.family = side == 0 ? 4 : 6, .len = LEN_FIRST};
}

// Active routes that can't be used must go; of prefixes with several another one may be the best.
static void choose_side(struct router_state *state, unsigned side)
{
    struct route_table *t = state->routes;
    struct route_prefix prefix = first_of(side);
    int has_lost = has_marked(t, 0), has_won = has_marked(t, 1);
    uint32_t value;

    while (has_lost && (value = step(t->active[side], &prefix)) != 0)
        if (t->entries[value].is_marked)
            route_choose(state, &prefix);
    prefix = first_of(side);
    while (has_won && t->n_waiting[side] > 0 && (value = step(t->waiting[side], &prefix)) != 0)
        if (marked_waiter(t, value) != 0 || t->entries[route_active(t, &prefix)].is_marked)
            route_choose(state, &prefix);
}

// Only dynamic routes are deleted so: a prefix has one at most.
static void delete_side(struct router_state *state, unsigned side)
{
    struct route_table *t = state->routes;
    struct route_prefix prefix = first_of(side);
    uint32_t value;

    while ((value = step(t->active[side], &prefix)) != 0)
        if (t->entries[value].is_marked)
            route_del(state, &prefix, value);
    prefix = first_of(side);
    while (t->n_waiting[side] > 0 && (value = step(t->waiting[side], &prefix)) != 0) {
        value = marked_waiter(t, value);
        if (value != 0)
            route_del(state, &prefix, value);
    }
}

void route_walk_choose(struct router_state *state)
{
    for (unsigned side = 0; side < 2; side++)
        choose_side(state, side);
    unmark(state->routes);
}

void route_walk_delete(struct router_state *state)
{
    if (has_marked(state->routes, 0) || has_marked(state->routes, 1))
        for (unsigned side = 0; side < 2; side++)
            delete_side(state, side);
    unmark(state->routes);
}
