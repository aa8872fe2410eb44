// SPDX-License-Identifier: BSD-3-Clause
// How do single changes become datagrams? Called by events.c for each one, on the mirror's thread,
// and flushed when the kernel has nothing more to say for now. A datagram that is full goes at
// once, with the groups that its routes use before it. Next: feed.c.

#include <stdlib.h>
#include <string.h>

#include "control/kernel/batch.h"

static const uint16_t types[BATCH_N_KINDS] = {
    [BATCH_NEXT_HOPS] = API_DYNAMIC_NEXT_HOP,
    [BATCH_ROUTES] = API_ROUTE_CHANGE,
    [BATCH_NEIGHBORS] = API_NEIGHBOR_CHANGE,
};

static struct datagram *make(const struct batch *b, uint16_t type, size_t items_size)
{
    struct datagram *d = malloc(sizeof(*d) + items_size);

    if (d == NULL)
        return NULL;
    d->next = NULL;
    d->session = b->session;
    d->layout = b->layout;
    d->target = b->target;
    d->header = (struct api_header){
        .magic = API_MAGIC, .version = API_VERSION, .type = type, .len = sizeof(struct api_header)};
    return d;
}

static void put(struct batch *b, enum batch_kind kind)
{
    struct datagram *d = b->open[kind];

    b->open[kind] = NULL;
    if (d != NULL)
        feed_put(b->feed, d);
}

void batch_flush(struct batch *b)
{
    put(b, BATCH_NEXT_HOPS);
    put(b, BATCH_ROUTES);
    put(b, BATCH_NEIGHBORS);
}

void batch_discard(struct batch *b)
{
    for (unsigned i = 0; i < BATCH_N_KINDS; i++) {
        free(b->open[i]);
        b->open[i] = NULL;
    }
}

// Room for n items more, side by side, in the open datagram of the kind. NULL: out of memory.
static void *extend(struct batch *b, enum batch_kind kind, uint32_t n)
{
    const struct api_message *message = api_message(types[kind]);
    size_t size = message->item_size, room = API_DATAGRAM_SIZE - sizeof(struct api_header);
    struct datagram *d = b->open[kind];
    void *items;

    if (d != NULL && (d->header.len + n * size > API_DATAGRAM_SIZE ||
                      d->header.n_items + n > message->max_items)) {
        if (kind == BATCH_ROUTES) // the groups that they use
            put(b, BATCH_NEXT_HOPS);
        put(b, kind);
        d = NULL;
    }
    if (d == NULL)
        d = b->open[kind] = make(b, types[kind], room);
    if (d == NULL) {
        b->is_short = true;
        return NULL;
    }
    items = d->items + d->header.n_items * size;
    d->header.n_items += n;
    d->header.len += (uint32_t)(n * size);
    b->n_changes++;
    return items;
}

void batch_add_group(struct batch *b, const struct group *group)
{
    const struct datagram *d = b->open[BATCH_NEXT_HOPS];
    const struct api_dynamic_next_hop *last;
    void *items;

    // Two words on one group side by side would be taken for one.
    if (d != NULL) {
        last = (const void *)(d->items + (d->header.n_items - 1) * sizeof(*last));
        if (last->group == group->id)
            put(b, BATCH_NEXT_HOPS);
    }
    items = extend(b, BATCH_NEXT_HOPS, group->n_items);
    if (items != NULL)
        memcpy(items, group->items, group->n_items * sizeof(group->items[0]));
}

void batch_add_route(struct batch *b, const struct api_route_change *change)
{
    void *item = extend(b, BATCH_ROUTES, 1);

    if (item != NULL)
        memcpy(item, change, sizeof(*change));
}

void batch_add_neighbor(struct batch *b, const struct api_neighbor_change *change)
{
    void *item = extend(b, BATCH_NEIGHBORS, 1);

    if (item != NULL)
        memcpy(item, change, sizeof(*change));
}

void batch_add_sweep(struct batch *b)
{
    struct datagram *d = make(b, API_ROUTE_SWEEP, 0);

    batch_flush(b);
    if (d == NULL)
        b->is_short = true;
    else
        feed_put(b->feed, d);
}
