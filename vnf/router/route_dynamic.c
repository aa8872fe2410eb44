// SPDX-License-Identifier: BSD-3-Clause
// What do daemons want routed? Groups that they name, routes to them, and sweeps of what was given
// in another epoch. Each datagram is in effect when it is answered; a bad item ends it, those
// before it stay. One that there is no room for ends nothing: what is behind it may delete. Main
// thread, called by show.c with what api_check has passed. Next: route_table.c.

#include <errno.h>
#include <stdio.h>

#include "dataplane/core/qsbr.h"
#include "vnf/router/address.h"
#include "vnf/router/route_table.h"

static int refuse(const struct router_state *state, struct error *e, uint32_t index, int code,
                  const char *sentence)
{
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
    e->index = index;
    return error_set(e, code, path, "%s", sentence);
}

static const char *check_hop(const struct router_config *config,
                             const struct api_dynamic_next_hop *hop, uint32_t n)
{
    static const uint8_t zero[16];

    if (hop->type != API_ROUTE_UNICAST) {
        if (n > 1 || hop->interface != 0 || hop->family != 0 || hop->weight != 0 ||
            memcmp(hop->address, zero, sizeof(zero)) != 0)
            return "only a unicast group has next hops";
        return NULL;
    }
    if (n > API_MAX_PATHS)
        return "a group has more than 64 next hops";
    if (hop->interface >= config->n_interfaces)
        return "the router has no interface of this number";
    if (hop->weight == 0)
        return "a next hop has a weight of 1 to 255";
    if (hop->family == 0)
        return memcmp(hop->address, zero, sizeof(zero)) != 0 ? "an address without a family" : NULL;
    if (!router_address_has_family(hop->address, hop->family))
        return "a next hop's address is neither IPv4 nor IPv6";
    if (!router_address_is_unicast(hop->family, hop->address))
        return "a next hop is not the address of a host";
    return NULL;
}

// The items of one group in a datagram.
struct run {
    struct router_state *state;
    const struct router_config *config;
    const char *items;
    uint32_t first, n;
    int has_turned; // a group that routes have became usable, or no longer is
    struct error *e;
};

static void item_at(const struct run *run, uint32_t i, struct api_dynamic_next_hop *hop)
{
    memcpy(hop, run->items + i * sizeof(*hop), sizeof(*hop));
}

static int read_group(const struct run *run, struct route_draft *draft)
{
    struct api_dynamic_next_hop hop;

    memset(draft, 0, sizeof(*draft));
    draft->source = API_SOURCE_DYNAMIC;
    draft->preference = run->config->dynamic_preference;
    for (uint32_t i = 0; i < run->n; i++) {
        struct router_path *path = &draft->paths[draft->n_paths];
        const char *sentence;

        item_at(run, run->first + i, &hop);
        sentence = check_hop(run->config, &hop, run->n);
        if (sentence == NULL && i > 0 && hop.type != draft->type)
            sentence = "the items of one group have one type";
        if (sentence != NULL)
            return refuse(run->state, run->e, run->first + i, -EINVAL, sentence);
        draft->type = hop.type;
        if (hop.type != API_ROUTE_UNICAST)
            break;
        path->slot = run->config->interfaces[hop.interface].slot;
        path->family = hop.family;
        path->weight = hop.weight;
        memcpy(path->address, hop.address, sizeof(path->address));
        draft->n_paths++;
    }
    return 0;
}

static int give_group(struct run *run, uint32_t id)
{
    struct route_table *t = run->state->routes;
    struct route_draft draft;
    int has_turned, rc = read_group(run, &draft);

    if (rc < 0)
        return rc;
    if (route_group_find(t, id) == 0 && t->n_dynamic_groups / 2 >= run->config->route_limit)
        return refuse(run->state, run->e, run->first, -ENOSPC,
                      "more than two groups of next hops for each route of the route-limit");
    rc = route_group_give(run->state, id, &draft, &has_turned);
    if (rc < 0)
        return refuse(run->state, run->e, run->first, rc, "out of memory for next hops");
    run->has_turned |= has_turned;
    return 0;
}

int route_dynamic_next_hops(struct router_state *state, const struct router_config *config,
                            const struct function_request *request, struct error *e)
{
    struct run run = {.state = state, .config = config, .items = request->items, .e = e};
    struct error rest;
    int rc = 0, full = 0;

    state->routes->epoch = request->epoch;
    for (; rc == 0 && run.first < request->n_items; run.first += run.n) {
        struct api_dynamic_next_hop first, hop;

        item_at(&run, run.first, &first);
        for (run.n = 1; run.first + run.n < request->n_items; run.n++) {
            item_at(&run, run.first + run.n, &hop);
            if (hop.group != first.group)
                break;
        }
        rc = give_group(&run, first.group);
        if (rc == -ENOSPC) {
            full = rc;
            rc = 0;
            run.e = &rest; // the first refusal is the answer
        }
    }
    // One walk over all routes for all groups: it may take a second.
    if (run.has_turned)
        route_walk_choose(state);
    return full < 0 ? full : rc;
}

// What the items of a datagram have done so far.
struct batch {
    struct router_state *state;
    const struct router_config *config;
    struct error *e;
    uint32_t index;
    uint32_t group, value; // the last one found
    int has_added;         // something that a worker may not have seen
};

static int change(struct batch *b, const struct route_prefix *prefix, uint32_t value)
{
    struct route_table *t = b->state->routes;
    uint32_t old = route_find_dynamic(t, prefix);
    int rc;

    if (value == 0) {
        if (old == 0)
            return 0;
        if (b->has_added) {
            qsbr_wait(); // no look-up may miss both what was added and this
            b->has_added = 0;
        }
        route_del(b->state, prefix, old);
        return 0;
    }
    if (old != 0) {
        rc = route_replace(b->state, prefix, old, value);
    } else {
        if (t->n_routes[route_side(prefix->family)] >= b->config->route_limit)
            return refuse(b->state, b->e, b->index, -ENOSPC,
                          prefix->family == 4
                              ? "the router has as many IPv4 routes as its route-limit allows"
                              : "the router has as many IPv6 routes as its route-limit allows");
        rc = route_add(b->state, prefix, value);
        b->has_added = 1;
    }
    return rc < 0 ? refuse(b->state, b->e, b->index, rc, "out of memory for routes") : 0;
}

static int change_item(struct batch *b, const struct api_route_change *item)
{
    struct route_prefix prefix = {.family = item->family, .len = item->prefix_len};

    memcpy(prefix.address, item->address, sizeof(prefix.address));
    if (item->family == 5 || (item->family == 4 && item->prefix_len > 32) ||
        !router_address_is_prefix(item->address, item->prefix_len))
        return refuse(b->state, b->e, b->index, -EINVAL,
                      "not a prefix: other family, too long, or bits set beyond its length");
    if (item->group != b->group) {
        b->group = item->group;
        b->value = item->group != 0 ? route_group_find(b->state->routes, item->group) : 0;
    }
    if (item->group != 0 && b->value == 0) {
        b->group = 0;
        return refuse(b->state, b->e, b->index, -ENOENT, "its group of next hops was not given");
    }
    return change(b, &prefix, b->value);
}

int route_dynamic_change(struct router_state *state, const struct router_config *config,
                         const struct function_request *request, struct error *e)
{
    struct batch b = {.state = state, .config = config, .e = e};
    const char *items = request->items;
    struct api_route_change item;
    struct error rest;
    int rc = 0, full = 0;

    state->routes->epoch = request->epoch;
    for (; rc == 0 && b.index < request->n_items; b.index++) {
        memcpy(&item, items + b.index * sizeof(item), sizeof(item));
        rc = change_item(&b, &item);
        if (rc == -ENOSPC || rc == -ENOENT) { // its group may have found no room
            full = full == 0 ? rc : full;
            rc = 0;
            b.e = &rest;
        }
    }
    return full < 0 ? full : rc;
}

void route_dynamic_sweep(struct router_state *state, uint32_t epoch)
{
    struct route_table *t = state->routes;

    t->epoch = epoch;
    for (uint32_t value = 1; value < t->n_values; value++)
        t->entries[value].is_marked = t->entries[value].is_live &&
                                      t->entries[value].dynamic_id != 0 &&
                                      t->entries[value].epoch != epoch;
    route_walk_delete(state); // a group goes with its last route
    for (uint32_t value = 1; value < t->n_values; value++)
        if (t->entries[value].is_live && t->entries[value].dynamic_id != 0 &&
            t->entries[value].epoch != epoch)
            route_group_forget(state, value);
}
