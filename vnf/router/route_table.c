// SPDX-License-Identifier: BSD-3-Clause
// Which of the routes of a prefix is used, and where do the others wait? Routes come and go one by
// one; workers see each change as one store. A prefix with one usable route, which is nearly every
// one, takes no memory beside the prefix table. Main thread, called by route_apply.c and
// route_dynamic.c. Next: route_walk.c, for changes that concern many routes.

#include <errno.h>
#include <stdlib.h>

#include "vnf/router/route_table.h"

#define MAX_PLACES 256 // of one prefix; a shorter one concerns all

int route_table_create(struct route_table **table)
{
    struct route_table *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return -ENOMEM;
    rc = prefix_table_create(32, &t->active[0]);
    if (rc < 0)
        goto free_table;
    rc = prefix_table_create(128, &t->active[1]);
    if (rc < 0)
        goto destroy_ip4;
    t->array = calloc(1, sizeof(*t->array) + sizeof(t->array->groups[0]));
    if (t->array == NULL) {
        rc = -ENOMEM;
        goto destroy_ip6;
    }
    t->n_values = 1;
    t->capacity = 1;
    *table = t;
    return 0;

destroy_ip6:
    prefix_table_destroy(t->active[1]);
destroy_ip4:
    prefix_table_destroy(t->active[0]);
free_table:
    free(t);
    return rc;
}

void route_table_destroy(struct route_table *table)
{
    for (unsigned side = 0; side < 2; side++) {
        prefix_table_destroy(table->active[side]);
        prefix_table_destroy(table->waiting[side]);
    }
    free(table->waiters);
    free(table);
}

uint32_t route_count(const struct router_state *state, uint8_t family)
{
    return state->routes->n_routes[route_side(family)];
}

size_t route_memory(const struct router_state *state)
{
    const struct route_table *t = state->routes;
    size_t size = sizeof(*t) + t->group_memory + t->n_chains * sizeof(t->chains[0]) +
                  t->capacity * (sizeof(t->entries[0]) + sizeof(t->array->groups[0])) +
                  t->waiters_capacity * sizeof(t->waiters[0]);

    for (unsigned side = 0; side < 2; side++) {
        size += prefix_table_memory(t->active[side]);
        size += t->waiting[side] != NULL ? prefix_table_memory(t->waiting[side]) : 0;
    }
    if (t->plan != NULL)
        size += sizeof(*t->plan) + t->plan->items_capacity * sizeof(t->plan->items[0]) +
                t->plan->values_capacity * sizeof(t->plan->values[0]);
    return size;
}

uint32_t route_active(const struct route_table *t, const struct route_prefix *prefix)
{
    return prefix_table_get(t->active[route_side(prefix->family)], prefix->address, prefix->len);
}

// Flows to this prefix look again where it leads.
static void tell(const struct route_table *t, const struct route_prefix *prefix)
{
    unsigned n_bits = prefix->family == 4 ? ROUTE_PLACE_BITS4 : ROUTE_PLACE_BITS6;
    unsigned n_free = n_bits > prefix->len ? n_bits - prefix->len : 0;
    uint32_t first = route_place_bits(prefix->family, prefix->address);

    if (n_free >= 32 || 1U << n_free > MAX_PLACES) {
        walk_version_bump(route_place_of_all(t));
        return;
    }
    for (uint32_t i = 0; i < 1U << n_free; i++)
        walk_version_bump(route_place_at(t, prefix->family, first + i));
}

static int set_active(struct route_table *t, const struct route_prefix *prefix, uint32_t value)
{
    int rc = prefix_table_add(t->active[route_side(prefix->family)], prefix->address, prefix->len,
                              value, NULL);

    if (rc == 0)
        tell(t, prefix);
    return rc;
}

static void del_active(struct route_table *t, const struct route_prefix *prefix)
{
    (void)prefix_table_del(t->active[route_side(prefix->family)], prefix->address, prefix->len);
    tell(t, prefix);
}

uint32_t route_first_waiter(const struct route_table *t, const struct route_prefix *prefix)
{
    unsigned side = route_side(prefix->family);

    if (t->n_waiting[side] == 0)
        return 0;
    return prefix_table_get(t->waiting[side], prefix->address, prefix->len);
}

static uint32_t new_waiter(struct route_table *t)
{
    uint32_t waiter = t->free_waiter, capacity = RTE_MAX(2 * t->waiters_capacity, 16U);
    struct route_waiter *waiters;

    if (waiter != 0) {
        t->free_waiter = t->waiters[waiter].next;
        return waiter;
    }
    if (t->n_waiters + 1 >= t->waiters_capacity) {
        waiters = realloc(t->waiters, capacity * sizeof(*waiters));
        if (waiters == NULL)
            return 0;
        t->waiters = waiters;
        t->waiters_capacity = capacity;
    }
    return ++t->n_waiters;
}

static void free_waiter(struct route_table *t, uint32_t waiter)
{
    t->waiters[waiter].next = t->free_waiter;
    t->free_waiter = waiter;
}

static int wait_add(struct route_table *t, const struct route_prefix *prefix, uint32_t value)
{
    unsigned side = route_side(prefix->family);
    uint32_t first, waiter;
    int rc = 0;

    if (t->waiting[side] == NULL)
        rc = prefix_table_create(side == 0 ? 32 : 128, &t->waiting[side]);
    if (rc < 0)
        return rc;
    first = route_first_waiter(t, prefix);
    waiter = new_waiter(t);
    if (waiter == 0)
        return -ENOMEM;
    t->waiters[waiter] = (struct route_waiter){.value = value};
    if (first != 0) {
        t->waiters[waiter].next = t->waiters[first].next;
        t->waiters[first].next = waiter;
    } else {
        rc = prefix_table_add(t->waiting[side], prefix->address, prefix->len, waiter, NULL);
        if (rc < 0) {
            free_waiter(t, waiter);
            return rc;
        }
    }
    t->n_waiting[side]++;
    return 0;
}

// No router has as many waiting routes again soon: give the memory back.
static void forget_waiters(struct route_table *t)
{
    free(t->waiters);
    t->waiters = NULL;
    t->waiters_capacity = 0;
    t->n_waiters = 0;
    t->free_waiter = 0;
}

// Returns whether it was there.
static int wait_del(struct route_table *t, const struct route_prefix *prefix, uint32_t value)
{
    unsigned side = route_side(prefix->family);
    uint32_t first = route_first_waiter(t, prefix), waiter = first, before = 0, next;

    while (waiter != 0 && t->waiters[waiter].value != value) {
        before = waiter;
        waiter = t->waiters[waiter].next;
    }
    if (waiter == 0)
        return 0;
    next = t->waiters[waiter].next;
    if (before != 0) {
        t->waiters[before].next = next;
    } else if (next != 0) { // the table goes on naming the same place
        t->waiters[waiter] = t->waiters[next];
        waiter = next;
    } else {
        (void)prefix_table_del(t->waiting[side], prefix->address, prefix->len);
    }
    free_waiter(t, waiter);
    t->n_waiting[side]--;
    if (t->n_waiting[0] + t->n_waiting[1] == 0)
        forget_waiters(t);
    return 1;
}

// One waits in the place of another.
static void wait_swap(struct route_table *t, const struct route_prefix *prefix, uint32_t from,
                      uint32_t to)
{
    uint32_t waiter = route_first_waiter(t, prefix);

    while (t->waiters[waiter].value != from)
        waiter = t->waiters[waiter].next;
    t->waiters[waiter].value = to;
}

int route_is_better(const struct route_table *t, uint32_t a, uint32_t b)
{
    static const uint8_t order[API_ROUTE_N_TYPES] = {
        [API_ROUTE_BROADCAST] = 1, [API_ROUTE_CONNECTED] = 2}; // local goes first
    const struct route_group *x = route_group_of(t, a), *y = route_group_of(t, b);

    if (x->preference != y->preference)
        return x->preference < y->preference;
    if (x->source != y->source)
        return x->source < y->source;
    return order[x->type] < order[y->type];
}

// The best one that waits and is usable; 0: none.
static uint32_t best_waiter(const struct route_table *t, const struct route_prefix *prefix)
{
    uint32_t best = 0;

    for (uint32_t i = route_first_waiter(t, prefix); i != 0; i = t->waiters[i].next) {
        uint32_t value = t->waiters[i].value;

        if (route_is_usable(t, value) && (best == 0 || route_is_better(t, value, best)))
            best = value;
    }
    return best;
}

static void count(struct route_table *t, const struct route_prefix *prefix, uint32_t value, int n)
{
    uint8_t type = route_group_of(t, value)->type;

    if (type != API_ROUTE_LOCAL && type != API_ROUTE_BROADCAST)
        t->n_routes[route_side(prefix->family)] += (uint32_t)n;
}

int route_add(struct router_state *state, const struct route_prefix *prefix, uint32_t value)
{
    struct route_table *t = state->routes;
    uint32_t active = route_active(t, prefix);
    int rc;

    if (route_is_usable(t, value) && (active == 0 || route_is_better(t, value, active))) {
        rc = active != 0 ? wait_add(t, prefix, active) : 0;
        if (rc == 0)
            rc = set_active(t, prefix, value);
        if (rc < 0 && active != 0)
            (void)wait_del(t, prefix, active);
    } else {
        rc = wait_add(t, prefix, value);
    }
    if (rc < 0)
        return rc;
    route_group_use(state, value);
    count(t, prefix, value, 1);
    return 0;
}

void route_del(struct router_state *state, const struct route_prefix *prefix, uint32_t value)
{
    struct route_table *t = state->routes;
    uint32_t best;

    if (route_active(t, prefix) == value) {
        best = best_waiter(t, prefix);
        if (best != 0 && set_active(t, prefix, best) == 0)
            (void)wait_del(t, prefix, best);
        else
            del_active(t, prefix);
    } else if (!wait_del(t, prefix, value)) {
        return; // for want of memory it never came in
    }
    count(t, prefix, value, -1);
    route_group_unuse(state, value);
}

int route_replace(struct router_state *state, const struct route_prefix *prefix, uint32_t from,
                  uint32_t to)
{
    struct route_table *t = state->routes;
    int rc;

    if (from == to)
        return 0;
    // Both have one preference: what waited for the one waits for the other.
    if (route_active(t, prefix) == from && route_is_usable(t, to)) {
        rc = set_active(t, prefix, to);
        if (rc < 0)
            return rc;
        route_group_use(state, to);
        count(t, prefix, to, 1);
        count(t, prefix, from, -1);
        route_group_unuse(state, from);
        return 0;
    }
    rc = route_add(state, prefix, to);
    if (rc == 0)
        route_del(state, prefix, from);
    return rc;
}

uint32_t route_find_dynamic(const struct route_table *t, const struct route_prefix *prefix)
{
    uint32_t active = route_active(t, prefix);

    if (active != 0 && route_group_of(t, active)->source == API_SOURCE_DYNAMIC)
        return active;
    for (uint32_t i = route_first_waiter(t, prefix); i != 0; i = t->waiters[i].next)
        if (route_group_of(t, t->waiters[i].value)->source == API_SOURCE_DYNAMIC)
            return t->waiters[i].value;
    return 0;
}

void route_choose(struct router_state *state, const struct route_prefix *prefix)
{
    struct route_table *t = state->routes;
    uint32_t active = route_active(t, prefix), best = best_waiter(t, prefix);

    if (active == 0) {
        if (best != 0 && set_active(t, prefix, best) == 0)
            (void)wait_del(t, prefix, best);
        return;
    }
    if (best != 0 && (!route_is_usable(t, active) || route_is_better(t, best, active))) {
        if (set_active(t, prefix, best) == 0)
            wait_swap(t, prefix, best, active);
    } else if (!route_is_usable(t, active)) {
        // Without memory it stays: its packets are dropped at the port that is down.
        if (wait_add(t, prefix, active) == 0)
            del_active(t, prefix);
    }
}
