// SPDX-License-Identifier: BSD-3-Clause
// Which routes are there, and which one would a packet take? A page of them at a time, in order of
// prefixes, the active one of a prefix first; a prefix is never cut. Main thread, called by show.c;
// the table may change between two pages. Next: server/transaction.c, which sends it.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vnf/router/address.h"
#include "vnf/router/route_table.h"

struct page {
    const struct router_state *state;
    struct api_route_entry *items;
    uint32_t n, n_max;
};

// Returns whether there was room for all next hops of the route.
static int put_route(struct page *page, const struct route_prefix *prefix, uint32_t value,
                     int is_active)
{
    const struct route_group *group = route_group_of(page->state->routes, value);
    uint32_t n = RTE_MAX((uint32_t)group->n_paths, 1U);

    if (page->n + n > page->n_max)
        return 0;
    for (uint32_t i = 0; i < n; i++) {
        struct api_route_entry *item = &page->items[page->n++];

        *item = (struct api_route_entry){.family = prefix->family,
                                         .prefix_len = prefix->len,
                                         .type = group->type,
                                         .source = group->source,
                                         .preference = group->preference,
                                         .is_active = (uint8_t)is_active,
                                         .position = i,
                                         .n_next_hops = group->n_paths};
        memcpy(item->address, prefix->address, sizeof(item->address));
        if (group->n_paths > 0) {
            const struct router_path *path = &group->paths[i];
            const struct router_slot *slot = &page->state->slots[path->slot];

            item->weight = path->weight;
            item->next_hop_family = path->family;
            memcpy(item->next_hop, path->address, sizeof(item->next_hop));
            memcpy(item->interface, slot->name, sizeof(item->interface));
            item->is_up = slot->is_up;
        }
    }
    return 1;
}

// All routes of a prefix, or none and 0.
static int put_prefix(struct page *page, const struct route_prefix *prefix)
{
    const struct route_table *t = page->state->routes;
    uint32_t n_before = page->n, active = route_active(t, prefix);
    int has_room = active == 0 || put_route(page, prefix, active, 1);

    for (uint32_t i = route_first_waiter(t, prefix); has_room && i != 0; i = t->waiters[i].next)
        has_room = put_route(page, prefix, t->waiters[i].value, 0);
    if (!has_room)
        page->n = n_before;
    return has_room;
}

static void list_from(struct page *page, struct route_prefix *prefix)
{
    while (route_walk_next(page->state->routes, prefix))
        if (!put_prefix(page, prefix)) {
            if (page->n > 0)
                page->items[page->n - 1].has_more = 1;
            return;
        }
}

static void list_match(struct page *page, const struct api_list_routes *list)
{
    struct route_prefix prefix = {.family = list->family};
    int full = list->family == 4 ? 32 : 128;

    for (int len = full; len >= 0; len--) {
        uint32_t active;

        prefix.len = (uint8_t)len;
        router_address_mask(prefix.address, list->address, (unsigned)len);
        active = route_active(page->state->routes, &prefix);
        if (active != 0) {
            (void)put_route(page, &prefix, active, 1);
            return;
        }
    }
}

int route_list(struct router_state *state, const struct router_config *config,
               struct function_request *request, struct error *e)
{
    struct page page = {.state = state,
                        .items = request->answer,
                        .n_max = (uint32_t)(request->answer_size / sizeof(struct api_route_entry))};
    struct route_prefix prefix = {0};
    struct api_list_routes list;

    (void)config;
    memcpy(&list, request->items, sizeof(list));
    if (!router_address_has_family(list.address, list.family) ||
        (list.family == 4 && list.prefix_len > 32))
        return error_set(e, -EINVAL, "list-routes", "neither an IPv4 nor an IPv6 prefix");
    prefix.family = list.family;
    prefix.len = UINT8_MAX;
    if (list.mode == API_LIST_AFTER) {
        prefix.len = list.prefix_len;
        memcpy(prefix.address, list.address, sizeof(prefix.address));
    }
    if (list.mode == API_LIST_MATCH)
        list_match(&page, &list);
    else
        list_from(&page, &prefix);
    if (page.n == 0)
        memset(&page.items[page.n++], 0, sizeof(*page.items));
    request->answer_type = API_ROUTES;
    request->n_answers = page.n;
    return 0;
}
