// SPDX-License-Identifier: BSD-3-Clause
// How does the route table follow a new configuration, or a link? The plan in effect and the new
// one are walked side by side: what is in both is not touched, what is new comes before what is
// gone goes. Main thread, called by activate.c; workers look up all the while. Next: route_table.c.

#include "dataplane/core/log.h"
#include "dataplane/core/qsbr.h"
#include "vnf/router/route_table.h"

static const struct route_plan no_plan;

// Order of two items; a plan that has ended (NULL) comes last.
static int order_of(const struct route_item *a, const struct route_item *b)
{
    if (a == NULL || b == NULL)
        return a == NULL ? 1 : -1;
    return memcmp(a, b, offsetof(struct route_item, value));
}

static const struct route_item *item_at(const struct route_plan *plan, uint32_t i)
{
    return i < plan->n_items ? &plan->items[i] : NULL;
}

// Add and replace. Returns how many items changed something.
static uint32_t add_new(struct router_state *state, const struct route_plan *old,
                        const struct route_plan *new, uint32_t *n_failed)
{
    uint32_t i = 0, j = 0, n_changed = 0;

    while (j < new->n_items) {
        const struct route_item *from = item_at(old, i), *to = item_at(new, j);
        int order = order_of(from, to), rc = 0;

        if (order < 0) {
            i++;
            continue;
        }
        if (order > 0)
            rc = route_add(state, &to->prefix, to->value);
        else if (from->value != to->value)
            rc = route_replace(state, &to->prefix, from->value, to->value);
        n_changed += order > 0 || from->value != to->value;
        *n_failed += rc < 0;
        i += order == 0;
        j++;
    }
    return n_changed;
}

// `is_seen`: nothing was added before that a worker may not have seen.
static void del_old(struct router_state *state, const struct route_plan *old,
                    const struct route_plan *new, int is_seen)
{
    uint32_t i = 0, j = 0;

    while (i < old->n_items) {
        const struct route_item *from = item_at(old, i), *to = item_at(new, j);
        int order = order_of(from, to);

        if (order < 0) {
            if (!is_seen)
                qsbr_wait(); // a look-up that began before all was added is over
            is_seen = 1;
            route_del(state, &from->prefix, from->value);
        }
        i += order <= 0;
        j += order >= 0;
    }
}

// The paths of a dynamic group that the configuration has an interface for.
static void keep_paths(const struct router_config *config, const struct route_group *group,
                       struct route_draft *draft)
{
    uint16_t n = 0;

    route_group_to_draft(group, draft);
    for (unsigned i = 0; i < draft->n_paths; i++)
        if (router_interface_of(config, draft->paths[i].slot) != NULL)
            draft->paths[n++] = draft->paths[i];
    draft->n_paths = n;
}

// Dynamic groups lose their paths over interfaces that are gone. Those without any left are marked
// by an epoch of 0.
static void drop_paths(struct router_state *state, const struct router_config *config)
{
    struct route_table *t = state->routes;
    struct route_draft draft;

    for (uint32_t value = 1; value < t->n_values; value++) {
        struct route_entry *entry = &t->entries[value];
        int was_usable;

        if (!entry->is_live || entry->dynamic_id == 0)
            continue;
        keep_paths(config, route_group_of(t, value), &draft);
        if (draft.n_paths == route_group_of(t, value)->n_paths)
            continue;
        was_usable = route_is_usable(t, value);
        if (draft.n_paths == 0 || route_group_replace(state, value, &draft) < 0)
            entry->epoch = 0;
        else
            entry->is_marked = was_usable != route_is_usable(t, value);
    }
    route_walk_choose(state);
}

static void drop_groups(struct router_state *state)
{
    struct route_table *t = state->routes;

    for (uint32_t value = 1; value < t->n_values; value++)
        t->entries[value].is_marked = t->entries[value].is_live &&
                                      t->entries[value].dynamic_id != 0 &&
                                      t->entries[value].epoch == 0;
    route_walk_delete(state); // a group goes with its last route
    for (uint32_t value = 1; value < t->n_values; value++)
        if (t->entries[value].is_live && t->entries[value].dynamic_id != 0 &&
            t->entries[value].epoch == 0)
            route_group_forget(state, value);
}

static void set_preference(struct router_state *state, uint8_t preference)
{
    struct route_table *t = state->routes;

    if (t->dynamic_preference == preference)
        return;
    t->dynamic_preference = preference;
    for (uint32_t value = 1; value < t->n_values; value++)
        if (t->entries[value].is_live && t->entries[value].dynamic_id != 0) {
            t->array->groups[value]->preference = preference;
            t->entries[value].is_marked = 1;
        }
    route_walk_choose(state);
}

void route_apply(struct router_state *state, const struct router_config *config)
{
    struct route_table *t = state->routes;
    struct route_plan *new = config->plan;
    const struct route_plan *old = t->plan != NULL ? t->plan : &no_plan;
    uint32_t n_failed = 0, n_changed;

    if (new == t->plan)
        return;
    set_preference(state, config->dynamic_preference);
    n_changed = add_new(state, old, new, &n_failed);
    del_old(state, old, new, n_changed == 0);
    if (t->n_dynamic_groups > 0) {
        drop_paths(state, config);
        drop_groups(state);
    }
    new->n_references++;
    route_plan_destroy(t->plan);
    t->plan = new;
    if (n_failed > 0)
        log_warn("router %s/%s: no memory for %u routes of its configuration", state->tenant_name,
                 state->name, n_failed);
}

static int has_slot(const struct route_group *group, uint16_t slot)
{
    for (unsigned i = 0; i < group->n_paths; i++)
        if (group->paths[i].slot == slot)
            return 1;
    return 0;
}

void route_link(struct router_state *state, const struct router_config *config, uint16_t slot)
{
    struct route_table *t = state->routes;
    int has_turned = 0, has_moved = 0;

    (void)config;
    for (uint32_t value = 1; value < t->n_values; value++) {
        int was_usable;

        if (!t->entries[value].is_live || !has_slot(route_group_of(t, value), slot))
            continue;
        was_usable = route_is_usable(t, value);
        route_bucket_update(route_object_of(t, value), state);
        has_moved |= route_group_of(t, value)->bucket_mask != 0 && t->entries[value].n_routes > 0;
        if (route_is_usable(t, value) != was_usable && t->entries[value].n_routes > 0) {
            t->entries[value].is_marked = 1;
            has_turned = 1;
        }
    }
    if (has_moved) // flows over several paths, of whichever prefix
        walk_version_bump(route_place_of_all(t));
    if (has_turned)
        route_walk_choose(state);
}
