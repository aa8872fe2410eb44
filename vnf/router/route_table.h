// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_ROUTE_TABLE_H
#define VNF_ROUTER_ROUTE_TABLE_H

// What the route_*.c files share. All of it belongs to the main thread but for what says otherwise.
//
// A prefix table's value is a number that stands for a group: array->groups[value]. So a group can
// be replaced for all its routes by one store. A route is a prefix with a value; of those with one
// prefix the best one that is usable is in the active table, the others in lists that the waiting
// table leads to. What workers may still see becomes garbage and is freed by route_reclaim.

#include <rte_common.h>

#include "vnf/router/route.h"

// Something that waits for a grace period; at its start.
struct route_garbage {
    struct route_garbage *next;
    struct router_state *state;
    struct route_group *group; // NULL: an array
    uint32_t value;            // free again after it; 0: none
};

// A group with its paths and buckets behind it.
struct route_object {
    struct route_garbage garbage;
    struct route_group group;
    uint8_t *base; // buckets as they are while all paths are up
};

// Groups by value, [0] is NULL. Workers read; replaced as a whole when it gets too small.
struct route_array {
    struct route_garbage garbage;
    struct route_group *groups[];
};

// What is known of a value.
struct route_entry {
    uint32_t n_routes;   // prefixes with it, active and waiting
    uint32_t n_plans;    // that name it
    uint32_t next;       // of its chain, or of the free ones; 0: the last
    uint32_t hash;       // of a configured group's content, of a dynamic one's name
    uint32_t dynamic_id; // 0: not dynamic
    uint32_t epoch;      // dynamic: when it was last given
    uint8_t is_live;     // else free, or garbage
    uint8_t is_marked;   // for a walk over all routes
};

// A route that waits.
struct route_waiter {
    uint32_t next; // of the same prefix, or of the free ones; 0: the last
    uint32_t value;
};

struct route_table {
    // Workers read.
    struct prefix_table *active[2]; // IPv4, IPv6
    struct route_array *array;

    struct prefix_table *waiting[2]; // first waiter by prefix; NULL until there is one
    struct route_waiter *waiters;    // 0 is none
    uint32_t n_waiters, waiters_capacity, free_waiter;
    uint32_t n_waiting[2];

    struct route_entry *entries; // by value
    uint32_t n_values, capacity, free_value;
    uint32_t *chains; // first value by hash
    uint32_t n_chains;
    uint32_t n_live;           // groups
    uint32_t n_dynamic_groups; // of them
    size_t group_memory;       // bytes

    uint32_t n_routes[2]; // without local and broadcast ones
    uint32_t epoch;       // of the last dynamic request
    uint8_t dynamic_preference;
    struct route_plan *plan; // in effect; NULL: none yet
};

// A group to be. Zero what is not set, `neighbor` of paths too.
struct route_draft {
    uint8_t type;
    uint8_t source;
    uint8_t preference;
    uint16_t n_paths;
    struct router_path paths[API_MAX_PATHS];
};

struct route_prefix {
    uint8_t family;
    uint8_t len;
    uint8_t address[16]; // zero beyond len
};

struct route_item {
    struct route_prefix prefix;
    uint8_t source;
    uint8_t preference;
    uint8_t type; // of a connected one; else 0
    uint8_t reserved[3];
    uint32_t value;
};

// What route_apply makes come true. Owned by its configuration, and by the table while in effect.
struct route_plan {
    struct router_state *state;
    unsigned n_references;
    struct route_item *items; // ascending, all but the value being the key
    uint32_t n_items, items_capacity;
    uint32_t *values; // groups that it holds
    uint32_t n_values, values_capacity;
};

static inline unsigned route_side(uint8_t family)
{
    return family == 6;
}

static inline const struct route_group *route_group_of(const struct route_table *t, uint32_t value)
{
    return t->array->groups[value];
}

static inline int route_is_usable(const struct route_table *t, uint32_t value)
{
    return route_group_of(t, value)->is_usable;
}

// route_group.c. The value of a configured group with this content, made if need be, held for a
// plan. -ENOMEM.
int route_group_hold(struct router_state *state, const struct route_draft *draft, uint32_t *value);
void route_group_put(struct router_state *state, uint32_t value);
// A prefix uses the value, or no longer.
void route_group_use(struct router_state *state, uint32_t value);
void route_group_unuse(struct router_state *state, uint32_t value);
// The dynamic group of this name; 0: none.
uint32_t route_group_find(const struct route_table *t, uint32_t dynamic_id);
// Make or replace it. *has_turned: it became usable or unusable, and has routes. -ENOMEM.
int route_group_give(struct router_state *state, uint32_t dynamic_id,
                     const struct route_draft *draft, int *has_turned);
// Replace the content of a dynamic group by a draft. -ENOMEM: it is as it was.
int route_group_replace(struct router_state *state, uint32_t value,
                        const struct route_draft *draft);
// Forget a dynamic group that has no routes.
void route_group_forget(struct router_state *state, uint32_t value);
void route_group_to_draft(const struct route_group *group, struct route_draft *draft);
void route_group_free_all(struct router_state *state);

// route_bucket.c. Fill base and buckets of a new group; flows of paths that `old` (may be NULL) has
// too stay on them as far as the shares allow.
void route_bucket_init(struct route_object *object, const struct route_object *old);
// A path's link has changed: its flows move, and no others. Sets is_usable.
void route_bucket_update(struct route_object *object, const struct router_state *state);

static inline struct route_object *route_object_of(const struct route_table *t, uint32_t value)
{
    return container_of(t->array->groups[value], struct route_object, group);
}

// route_table.c. -ENOMEM: nothing has changed.
int route_add(struct router_state *state, const struct route_prefix *prefix, uint32_t value);
void route_del(struct router_state *state, const struct route_prefix *prefix, uint32_t value);
int route_replace(struct router_state *state, const struct route_prefix *prefix, uint32_t from,
                  uint32_t to);
// The dynamic route of a prefix; 0: none.
uint32_t route_find_dynamic(const struct route_table *t, const struct route_prefix *prefix);
// The active value; 0: none.
uint32_t route_active(const struct route_table *t, const struct route_prefix *prefix);
// Whether `a` goes before `b` where both are usable.
int route_is_better(const struct route_table *t, uint32_t a, uint32_t b);
// The first waiter of a prefix; 0: none.
uint32_t route_first_waiter(const struct route_table *t, const struct route_prefix *prefix);

// route_walk.c. Choose again which route of a prefix is active, wherever a marked value is among
// them; or delete all routes of marked values. Marks are taken off.
void route_walk_choose(struct router_state *state);
void route_walk_delete(struct router_state *state);
// The next prefix in order, active or not, behind *prefix (len 0xff: the first of its family).
int route_walk_next(const struct route_table *t, struct route_prefix *prefix);
void route_choose(struct router_state *state, const struct route_prefix *prefix);

#endif
