// SPDX-License-Identifier: BSD-3-Clause
// Which flows survive a change? A way is looked at: if its attachments are in the generation that
// runs now and its functions decide as they did, it and its flows stay; else its version grows, and
// each of its flows walks once. Counts that went by ways come into the functions here too. Main
// thread, called by walk/generation.c at each commit and by server/. Next: way.c.

#include "dataplane/core/qsbr.h"
#include "dataplane/flow/denied.h"
#include "dataplane/flow/flow.h"

#include <stdlib.h>

#include <rte_common.h>

struct place {
    uint64_t id;
    uint32_t attachment;
};

// Attachments of a generation, by id.
struct map {
    const struct generation *generation;
    struct place *places;
    uint32_t n;
};

static struct map running;

static int compare(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static struct map make_map(const struct generation *g)
{
    struct map map = {.generation = g, .n = g != NULL ? g->n_attachments : 0};

    map.places = calloc(map.n + 1, sizeof(map.places[0]));
    if (map.places == NULL)
        map.n = 0; // no way survives that
    for (uint32_t i = 0; i < map.n; i++)
        map.places[i] = (struct place){g->attachments[i].id, i};
    if (map.n > 0)
        qsort(map.places, map.n, sizeof(map.places[0]), compare);
    return map;
}

// ATTACHMENT_NONE: it is gone.
static uint32_t find_place(const struct map *map, uint64_t id)
{
    const struct place key = {id, 0};
    const struct place *found =
        map->n > 0 ? bsearch(&key, map->places, map->n, sizeof(key), compare) : NULL;

    return found != NULL ? found->attachment : ATTACHMENT_NONE;
}

// NULL: it is gone, or a cable's side is another one.
static const struct function *function_of(const struct map *map, const struct way_hop *hop)
{
    uint32_t in = find_place(map, hop->in_id), out = find_place(map, hop->out_id);
    const struct function *f;

    if (in == ATTACHMENT_NONE || out == ATTACHMENT_NONE)
        return NULL;
    f = &map->generation->functions[map->generation->attachments[in].function];
    return f->first_attachment + hop->in_side == in && f->first_attachment + hop->out_side == out
               ? f
               : NULL;
}

static int decides_alike(const struct map *map, const struct way_hop *hop)
{
    const struct function *f = function_of(map, hop);

    if (f == NULL)
        return 0;
    return f->ops->fingerprint == NULL || f->ops->fingerprint(f) == hop->fingerprint;
}

static void count(struct way *way, uint32_t number)
{
    uint64_t n = 0, n_new;

    for (unsigned i = 0; i < flow_table.n_workers; i++)
        n += __atomic_load_n(&way_counts[i][number], __ATOMIC_RELAXED);
    n_new = n - way->n_counted;
    way->n_counted = n;
    for (unsigned i = 0; n_new > 0 && i < way->n_hops; i++) {
        const struct function *f = function_of(&running, &way->hops[i]);

        if (f != NULL && f->ops->count != NULL)
            f->ops->count(f, way->hops[i].in_side, way->hops[i].out_side, n_new);
    }
}

static const struct map *map_to_come; // while ways are looked at

// The fingerprint stays as it was: the next walk brings it up to date.
static void revalidate(struct way *way, uint32_t number)
{
    int is_alike = 1;

    (void)number;
    for (unsigned i = 0; is_alike && i < way->n_hops; i++)
        is_alike = decides_alike(map_to_come, &way->hops[i]);
    if (!is_alike)
        __atomic_fetch_add(&way->version, 1, __ATOMIC_RELEASE);
}

void flow_count(void)
{
    if (flow_table.max == 0)
        return;
    ways_visit(count);
    denied_count();
}

void flow_count_denied(void)
{
    denied_count();
}

// When this returns no worker does anything by what was decided before.
static void revalidate_by(const struct map *map)
{
    map_to_come = map;
    ways_visit(revalidate);
    denied_turn();
    qsbr_wait();
    denied_settle();
}

void flow_revalidate(void)
{
    if (flow_table.max > 0)
        revalidate_by(&running);
}

static enum flow_mask mask_of(const struct function *f)
{
    if (strcmp(f->ops->name, "switch") == 0)
        return FLOW_MASK_NONE;
    return strcmp(f->ops->name, "router") == 0 ? FLOW_MASK_ADDRESSES : FLOW_MASK_PORTS;
}

// Functions that cables join to `first`, in `members` (room for all); returns how many and the most
// that any of them looks at. Where there is but one router its prefix table is the one look-up: a
// flow would be a second one, of more memory than the prefixes have.
static uint32_t collect(const struct generation *g, uint32_t first, uint8_t *is_seen,
                        uint32_t *members, enum flow_mask *mask)
{
    uint32_t n = 1, n_routers = 0;

    members[0] = first;
    is_seen[first] = 1;
    *mask = FLOW_MASK_NONE;
    for (uint32_t k = 0; k < n; k++) {
        const struct function *f = &g->functions[members[k]];

        *mask = RTE_MAX(*mask, mask_of(f));
        n_routers += mask_of(f) == FLOW_MASK_ADDRESSES;
        for (uint32_t i = 0; i < f->n_attachments; i++) {
            uint32_t peer = g->attachments[f->first_attachment + i].peer, next;

            if (peer == ATTACHMENT_NONE)
                continue;
            next = g->attachments[peer].function;
            if (next != FUNCTION_NONE && !is_seen[next]) {
                is_seen[next] = 1;
                members[n++] = next;
            }
        }
    }
    if (*mask == FLOW_MASK_ADDRESSES && n_routers == 1)
        *mask = FLOW_MASK_NONE;
    return n;
}

// A guard reads ports. What is not known is looked at whole.
static void mask_port(const struct generation *g, const struct attachment *a, enum flow_mask mask)
{
    uint8_t *of_port = &flow_table.masks[a->port->slot];

    if (mask != FLOW_MASK_NONE && g->ports[a->port->slot].guard != NULL)
        mask = FLOW_MASK_PORTS;
    if (mask > *of_port)
        __atomic_store_n(of_port, (uint8_t)mask, __ATOMIC_RELAXED);
}

static void set_masks(const struct generation *g)
{
    uint32_t n_functions = g->n_functions + 1, n;
    uint8_t *is_seen = calloc(n_functions, 1);
    uint32_t *members = calloc(n_functions, sizeof(*members));
    enum flow_mask mask;

    memset(flow_table.masks, FLOW_MASK_NONE, sizeof(flow_table.masks));
    for (uint32_t i = 0; is_seen != NULL && members != NULL && i < g->n_functions; i++) {
        n = is_seen[i] ? 0 : collect(g, i, is_seen, members, &mask);
        for (uint32_t k = 0; k < n; k++) {
            const struct function *f = &g->functions[members[k]];

            for (uint32_t side = 0; side < f->n_attachments; side++) {
                const struct attachment *a = &g->attachments[f->first_attachment + side];

                if (a->port != NULL)
                    mask_port(g, a, mask);
            }
        }
    }
    free(is_seen);
    free(members);
}

// What is counted by ways of the generation before is complete once no worker goes by them.
void flow_publish(const struct generation *g)
{
    struct map map = make_map(g);

    if (g != NULL)
        set_masks(g);
    revalidate_by(&map);
    ways_visit(count);
    free(running.places);
    running = map;
}
