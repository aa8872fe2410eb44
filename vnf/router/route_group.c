// SPDX-License-Identifier: BSD-3-Clause
// Which groups are there, by which number, and who needs them? Configured groups are found by what
// they hold, so that equal ones are one; dynamic ones by the name that a daemon gave, and may be
// replaced under their number. Main thread, called by route_plan.c, route_dynamic.c, route_table.c.
// What workers may see is freed by route_reclaim. Next: route_bucket.c.

#include <errno.h>
#include <stdlib.h>

#include <rte_jhash.h>

#include "dataplane/core/qsbr.h"
#include "vnf/router/route_table.h"

#define FIRST_CAPACITY 16

static struct route_garbage *garbage_list; // of all routers

static void add_garbage(struct route_garbage *garbage, uint32_t value)
{
    garbage->value = value;
    garbage->next = garbage_list;
    garbage_list = garbage;
}

static size_t object_size(const struct route_group *group)
{
    return sizeof(struct route_object) + group->n_paths * sizeof(struct router_path) +
           (group->n_paths > 1 ? 2 * ROUTE_N_BUCKETS : 0);
}

static void free_object(struct route_object *object)
{
    struct router_state *state = object->garbage.state;
    const struct route_group *group = &object->group;

    for (unsigned i = 0; i < group->n_paths; i++)
        if (group->paths[i].neighbor != NEIGHBOR_NONE)
            neighbor_put(state, group->paths[i].neighbor);
    state->routes->group_memory -= object_size(group);
    free(object);
}

static void free_garbage(struct route_garbage *garbage)
{
    struct route_table *t = garbage->state->routes;

    if (garbage->value != 0) {
        t->array->groups[garbage->value] = NULL;
        t->entries[garbage->value].next = t->free_value;
        t->free_value = garbage->value;
    }
    if (garbage->group != NULL)
        free_object((struct route_object *)garbage);
    else
        free(garbage);
}

void route_reclaim(void)
{
    struct route_garbage *garbage = garbage_list, *next;

    if (garbage != NULL)
        qsbr_wait();
    garbage_list = NULL;
    for (; garbage != NULL; garbage = next) {
        next = garbage->next;
        free_garbage(garbage);
    }
    prefix_tables_reclaim();
}

// No worker knows this router any more.
void route_group_free_all(struct router_state *state)
{
    struct route_table *t = state->routes;
    struct route_garbage **link = &garbage_list;

    while (*link != NULL) {
        struct route_garbage *garbage = *link;

        if (garbage->state == state) {
            *link = garbage->next;
            free_garbage(garbage);
        } else {
            link = &garbage->next;
        }
    }
    for (uint32_t value = 1; value < t->n_values; value++)
        if (t->entries[value].is_live)
            free_object(route_object_of(t, value));
    free(t->array);
    free(t->entries);
    free(t->chains);
}

static struct route_object *make_object(struct router_state *state, const struct route_draft *draft,
                                        const struct route_object *old)
{
    struct route_group shape = {.type = draft->type,
                                .source = draft->source,
                                .preference = draft->preference,
                                .is_usable = 1,
                                .n_paths = draft->n_paths};
    struct route_object *object = calloc(1, object_size(&shape));

    if (object == NULL)
        return NULL;
    state->routes->group_memory += object_size(&shape);
    object->group = shape;
    object->garbage.state = state;
    object->garbage.group = &object->group;
    object->group.paths = (struct router_path *)(object + 1);
    object->group.n_paths = 0; // those that hold their neighbour
    for (unsigned i = 0; i < draft->n_paths; i++) {
        struct router_path *path = &object->group.paths[i];

        *path = draft->paths[i];
        path->neighbor = NEIGHBOR_NONE;
        if (path->family != 0)
            path->neighbor = neighbor_get(state, path->slot, path->family, path->address);
        if (path->family != 0 && path->neighbor == NEIGHBOR_NONE)
            goto undo;
        object->group.n_paths++;
    }
    if (draft->n_paths > 1) {
        object->group.buckets = (uint8_t *)(object->group.paths + draft->n_paths);
        object->base = object->group.buckets + ROUTE_N_BUCKETS;
        object->group.bucket_mask = ROUTE_N_BUCKETS - 1;
        route_bucket_init(object, old);
    }
    route_bucket_update(object, state);
    return object;

undo:
    state->routes->group_memory -= object_size(&shape) - object_size(&object->group);
    free_object(object);
    return NULL;
}

// Room for one value more.
static int grow(struct router_state *state)
{
    struct route_table *t = state->routes;
    uint32_t capacity = RTE_MAX(2 * t->capacity, (uint32_t)FIRST_CAPACITY);
    struct route_array *array, *old = t->array;
    struct route_entry *entries;

    if (t->free_value != 0 || t->n_values < t->capacity)
        return 0;
    entries = realloc(t->entries, capacity * sizeof(*entries));
    if (entries == NULL)
        return -ENOMEM;
    t->entries = entries;
    array = calloc(1, sizeof(*array) + capacity * sizeof(array->groups[0]));
    if (array == NULL)
        return -ENOMEM;
    array->garbage.state = state;
    memcpy(array->groups, old->groups, t->n_values * sizeof(array->groups[0]));
    __atomic_store_n(&t->array, array, __ATOMIC_RELEASE);
    if (old->garbage.state == NULL)
        old->garbage.state = state; // the first one knows no router
    add_garbage(&old->garbage, 0);
    t->capacity = capacity;
    return 0;
}

// More chains if they get long. Without memory they do.
static void spread_chains(struct route_table *t)
{
    uint32_t n = t->n_chains > 0 ? 2 * t->n_chains : FIRST_CAPACITY, *chains;

    if (t->n_live < t->n_chains)
        return;
    chains = calloc(n, sizeof(*chains));
    if (chains == NULL)
        return;
    for (uint32_t value = 1; value < t->n_values; value++) {
        struct route_entry *entry = &t->entries[value];

        if (!entry->is_live)
            continue;
        entry->next = chains[entry->hash & (n - 1)];
        chains[entry->hash & (n - 1)] = value;
    }
    free(t->chains);
    t->chains = chains;
    t->n_chains = n;
}

// A new value for an object, not in use. 0: no memory.
static uint32_t add_value(struct router_state *state, struct route_object *object, uint32_t hash,
                          uint32_t dynamic_id)
{
    struct route_table *t = state->routes;
    struct route_entry *entry;
    uint32_t value;

    spread_chains(t);
    if (t->n_chains == 0 || grow(state) < 0)
        return 0;
    value = t->free_value;
    if (value != 0)
        t->free_value = t->entries[value].next;
    else
        value = t->n_values++;
    entry = &t->entries[value];
    *entry = (struct route_entry){.hash = hash,
                                  .dynamic_id = dynamic_id,
                                  .epoch = t->epoch,
                                  .next = t->chains[hash & (t->n_chains - 1)],
                                  .is_live = 1};
    t->chains[hash & (t->n_chains - 1)] = value;
    __atomic_store_n(&t->array->groups[value], &object->group, __ATOMIC_RELEASE);
    t->n_live++;
    t->n_dynamic_groups += dynamic_id != 0;
    return value;
}

static void retire(struct router_state *state, uint32_t value)
{
    struct route_table *t = state->routes;
    struct route_entry *entry = &t->entries[value];
    uint32_t *link = &t->chains[entry->hash & (t->n_chains - 1)];

    while (*link != value)
        link = &t->entries[*link].next;
    *link = entry->next;
    entry->is_live = 0;
    t->n_live--;
    t->n_dynamic_groups -= entry->dynamic_id != 0;
    add_garbage(&route_object_of(t, value)->garbage, value);
}

static uint32_t content_hash(const struct router_state *state, const struct route_draft *draft)
{
    const uint32_t kind = (uint32_t)draft->type << 24 | (uint32_t)draft->source << 16 |
                          (uint32_t)draft->preference << 8 | draft->n_paths;

    return rte_jhash(draft->paths, draft->n_paths * (uint32_t)sizeof(draft->paths[0]),
                     state->hash_seed ^ kind);
}

static int has_content(const struct route_group *group, const struct route_draft *draft)
{
    if (group->type != draft->type || group->source != draft->source ||
        group->preference != draft->preference || group->n_paths != draft->n_paths)
        return 0;
    for (unsigned i = 0; i < draft->n_paths; i++) {
        struct router_path path = group->paths[i];

        path.neighbor = 0;
        if (memcmp(&path, &draft->paths[i], sizeof(path)) != 0)
            return 0;
    }
    return 1;
}

int route_group_hold(struct router_state *state, const struct route_draft *draft, uint32_t *value)
{
    struct route_table *t = state->routes;
    uint32_t hash = content_hash(state, draft);
    struct route_object *object;

    *value = t->n_chains > 0 ? t->chains[hash & (t->n_chains - 1)] : 0;
    for (; *value != 0; *value = t->entries[*value].next)
        if (t->entries[*value].hash == hash && t->entries[*value].dynamic_id == 0 &&
            has_content(route_group_of(t, *value), draft))
            break;
    if (*value == 0) {
        object = make_object(state, draft, NULL);
        if (object == NULL)
            return -ENOMEM;
        *value = add_value(state, object, hash, 0);
        if (*value == 0) {
            free_object(object);
            return -ENOMEM;
        }
    }
    t->entries[*value].n_plans++;
    return 0;
}

static void retire_unused(struct router_state *state, uint32_t value)
{
    const struct route_entry *entry = &state->routes->entries[value];

    if (entry->n_routes == 0 && entry->n_plans == 0 &&
        (entry->dynamic_id == 0 || entry->epoch != state->routes->epoch))
        retire(state, value);
}

void route_group_put(struct router_state *state, uint32_t value)
{
    state->routes->entries[value].n_plans--;
    retire_unused(state, value);
}

void route_group_use(struct router_state *state, uint32_t value)
{
    state->routes->entries[value].n_routes++;
}

void route_group_unuse(struct router_state *state, uint32_t value)
{
    state->routes->entries[value].n_routes--;
    retire_unused(state, value);
}

void route_group_forget(struct router_state *state, uint32_t value)
{
    retire(state, value);
}

static uint32_t id_hash(uint32_t dynamic_id)
{
    return rte_jhash_1word(dynamic_id, 0);
}

uint32_t route_group_find(const struct route_table *t, uint32_t dynamic_id)
{
    uint32_t value = t->n_chains > 0 ? t->chains[id_hash(dynamic_id) & (t->n_chains - 1)] : 0;

    while (value != 0 && t->entries[value].dynamic_id != dynamic_id)
        value = t->entries[value].next;
    return value;
}

int route_group_replace(struct router_state *state, uint32_t value, const struct route_draft *draft)
{
    struct route_table *t = state->routes;
    struct route_object *old = route_object_of(t, value);
    struct route_object *object = make_object(state, draft, old);

    if (object == NULL)
        return -ENOMEM;
    __atomic_store_n(&t->array->groups[value], &object->group, __ATOMIC_RELEASE);
    if (t->entries[value].n_routes > 0) // whose prefixes are not known here
        walk_version_bump(route_place_of_all(t));
    add_garbage(&old->garbage, 0);
    return 0;
}

int route_group_give(struct router_state *state, uint32_t dynamic_id,
                     const struct route_draft *draft, int *has_turned)
{
    struct route_table *t = state->routes;
    uint32_t value = route_group_find(t, dynamic_id);
    struct route_object *object;
    int was_usable, rc;

    *has_turned = 0;
    if (value == 0) {
        object = make_object(state, draft, NULL);
        if (object == NULL)
            return -ENOMEM;
        if (add_value(state, object, id_hash(dynamic_id), dynamic_id) == 0) {
            free_object(object);
            return -ENOMEM;
        }
        return 0;
    }
    if (!has_content(route_group_of(t, value), draft)) {
        was_usable = route_is_usable(t, value);
        rc = route_group_replace(state, value, draft);
        if (rc < 0)
            return rc;
        if (was_usable != route_is_usable(t, value) && t->entries[value].n_routes > 0) {
            t->entries[value].is_marked = 1;
            *has_turned = 1;
        }
    }
    t->entries[value].epoch = t->epoch;
    return 0;
}

void route_group_to_draft(const struct route_group *group, struct route_draft *draft)
{
    memset(draft, 0, sizeof(*draft));
    draft->type = group->type;
    draft->source = group->source;
    draft->preference = group->preference;
    draft->n_paths = group->n_paths;
    for (unsigned i = 0; i < group->n_paths; i++) {
        draft->paths[i] = group->paths[i];
        draft->paths[i].neighbor = 0;
    }
}
