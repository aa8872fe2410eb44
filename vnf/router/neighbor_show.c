// SPDX-License-Identifier: BSD-3-Clause
// What does the router know of its neighbours? Main thread: answers API_LIST_NEIGHBORS page by
// page. The cursor is an entry's number. The table changes while it is read: a listing is no
// snapshot. Next: show.c, which asks.

#include "vnf/router/neighbor.h"

#include <stdio.h>

#include "dataplane/core/clock.h"

#define AT_ONCE 64 // entries with the lock held

// Fill one item. Returns 0: it is none that is shown.
static int describe(const struct neighbor_entry *e, const struct router_config *config,
                    struct api_neighbor_entry *item)
{
    const struct router_interface *interface = router_interface_of(config, neighbor_slot(e));
    int32_t age_sec = (int32_t)(clock_sec() - e->confirmed_sec);
    uint64_t mac = e->mac & NEIGHBOR_MAC;

    if (e->tag == 0 || e->state == NEIGHBOR_IDLE || interface == NULL)
        return 0;
    memset(item, 0, sizeof(*item));
    item->family = neighbor_family(e);
    item->state = e->state;
    memcpy(item->mac, &mac, sizeof(item->mac));
    memcpy(item->address, e->address, sizeof(item->address));
    snprintf(item->interface, sizeof(item->interface), "%s", interface->name);
    // A worker's second may be ahead of ours.
    if (mac != 0 && e->state < API_NEIGHBOR_STATIC && age_sec > 0)
        item->age_sec = (uint32_t)age_sec;
    item->n_held = e->n_held;
    return 1;
}

int neighbor_list(struct router_state *state, const struct router_config *config,
                  struct function_request *request, struct error *e)
{
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(struct api_neighbor_entry)), n = 0;
    struct neighbor_table *t = state->neighbors;
    struct api_neighbor_entry *items = request->answer;
    struct api_list_neighbors list;
    uint32_t number, end, last;

    (void)e;
    memcpy(&list, request->items, sizeof(list));
    number = RTE_MAX(list.cursor, 1U);
    do {
        neighbor_lock(t);
        last = t->n_ever;
        end = number <= last ? RTE_MIN(last + 1, number + AT_ONCE) : number;
        for (; number < end && n < n_max; number++)
            n += (uint32_t)describe(&t->entries[number], config, &items[n]);
        neighbor_unlock(t);
    } while (number <= last && n < n_max);
    if (n == 0)
        memset(&items[n++], 0, sizeof(*items));
    items[n - 1].next = number <= last ? number : 0;
    request->answer_type = API_NEIGHBORS;
    request->n_answers = n;
    return 0;
}

void neighbor_count(const struct router_state *state, uint32_t *n, uint32_t *n_refused)
{
    struct neighbor_table *t = state->neighbors;

    neighbor_lock(t);
    *n = t->n_used - t->lists[NEIGHBOR_IDLE].n;
    *n_refused = t->n_refused;
    neighbor_unlock(t);
}
