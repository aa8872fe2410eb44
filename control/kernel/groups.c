// SPDX-License-Identifier: BSD-3-Clause
// By which number does the dataplane know these next hops? Equal ones are one group. Called by
// events.c for each route, on the mirror's thread. Never forgets until groups_reset: what is used
// only the dataplane knows. Next: batch.c.

#include <stdlib.h>
#include <string.h>

#include "control/kernel/groups.h"
#include "control/kernel/plan.h"

#define END UINT32_MAX

void groups_reset(struct groups *g)
{
    for (uint32_t i = 0; i < g->n; i++)
        free(g->all[i].items);
    free(g->all);
    free(g->chains);
    *g = (struct groups){.last_id = g->last_id};
}

static uint32_t hash_of(const struct group_origin *origin, const struct group_content *content)
{
    uint64_t hash = plan_hash(PLAN_HASH, &content->type, 1);

    if (origin->id != 0) {
        hash = plan_hash(PLAN_HASH, &origin->space, sizeof(origin->space));
        hash = plan_hash(hash, &origin->id, sizeof(origin->id));
    }
    for (uint32_t i = 0; origin->id == 0 && i < content->n; i++) {
        hash = plan_hash(hash, &content->hop[i].interface, sizeof(uint32_t));
        hash = plan_hash(hash, &content->hop[i].family, 1);
        hash = plan_hash(hash, &content->hop[i].weight, 1);
        hash = plan_hash(hash, content->hop[i].address, 16);
    }
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t n_items(const struct group_content *content)
{
    return content->type == API_ROUTE_UNICAST ? content->n : 1;
}

static void make_item(struct api_dynamic_next_hop *item, uint32_t id,
                      const struct group_content *content, uint32_t i)
{
    *item = (struct api_dynamic_next_hop){.group = id, .type = content->type};
    if (content->type != API_ROUTE_UNICAST)
        return;
    item->interface = content->hop[i].interface;
    item->family = content->hop[i].family;
    item->weight = content->hop[i].weight;
    memcpy(item->address, content->hop[i].address, sizeof(item->address));
}

static bool holds(const struct group *group, const struct group_content *content)
{
    struct api_dynamic_next_hop item;

    if (group->n_items != n_items(content))
        return false;
    for (uint32_t i = 0; i < group->n_items; i++) {
        make_item(&item, group->id, content, i);
        if (memcmp(&item, &group->items[i], sizeof(item)) != 0)
            return false;
    }
    return true;
}

static int fill(struct group *group, const struct group_content *content)
{
    struct api_dynamic_next_hop *items = calloc(n_items(content), sizeof(*items));

    if (items == NULL)
        return -1;
    free(group->items);
    group->items = items;
    group->n_items = n_items(content);
    for (uint32_t i = 0; i < group->n_items; i++)
        make_item(&items[i], group->id, content, i);
    return 0;
}

static int grow(struct groups *g)
{
    uint32_t n = g->n_allocated == 0 ? 16 : 2 * g->n_allocated;
    struct group *all;
    uint32_t *chains;

    if (g->n < g->n_allocated)
        return 0;
    all = realloc(g->all, n * sizeof(*all));
    if (all == NULL)
        return -1;
    g->all = all;
    chains = malloc(n * sizeof(*chains));
    if (chains == NULL)
        return -1;
    memset(chains, 0xff, n * sizeof(*chains));
    for (uint32_t i = 0; i < g->n; i++) {
        all[i].next = chains[all[i].hash & (n - 1)];
        chains[all[i].hash & (n - 1)] = i;
    }
    free(g->chains);
    g->chains = chains;
    g->n_chains = n;
    g->n_allocated = n;
    return 0;
}

static bool is_meant(const struct group *group, const struct group_origin *origin,
                     const struct group_content *content)
{
    if (origin->id != 0)
        return group->nexthop_id == origin->id && group->space == origin->space;
    return group->nexthop_id == 0 && holds(group, content);
}

static struct group *find(const struct groups *g, uint32_t hash, const struct group_origin *origin,
                          const struct group_content *content)
{
    uint32_t i = g->n_chains == 0 ? END : g->chains[hash & (g->n_chains - 1)];

    while (i != END && (g->all[i].hash != hash || !is_meant(&g->all[i], origin, content)))
        i = g->all[i].next;
    return i == END ? NULL : &g->all[i];
}

static struct group *add(struct groups *g, uint32_t hash, const struct group_origin *origin,
                         const struct group_content *content)
{
    uint32_t id = g->last_id >= API_NONE - 1 ? 1 : g->last_id + 1;
    struct group *group;

    if (grow(g) < 0)
        return NULL;
    group = &g->all[g->n];
    *group = (struct group){.id = id,
                            .hash = hash,
                            .next = g->chains[hash & (g->n_chains - 1)],
                            .space = origin->space,
                            .nexthop_id = origin->id};
    if (fill(group, content) < 0)
        return NULL;
    g->last_id = id;
    g->chains[hash & (g->n_chains - 1)] = g->n++;
    return group;
}

const struct group *groups_intern(struct groups *g, const struct group_origin *origin,
                                  const struct group_content *content, bool *is_changed)
{
    uint32_t hash = hash_of(origin, content);
    struct group *group = find(g, hash, origin, content);

    *is_changed = group == NULL || !holds(group, content);
    if (group == NULL)
        return add(g, hash, origin, content);
    if (*is_changed && fill(group, content) < 0)
        return NULL;
    return group;
}
