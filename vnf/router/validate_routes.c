// SPDX-License-Identifier: BSD-3-Clause
// Do a router's static routes make sense: groups with next hops where they belong, references that
// stay inside the router, prefixes once? Called by validate.c on the main thread before anything is
// made. Which interface a next hop is behind, route_plan.c finds out.

#include "vnf/router/validate.h"

#include <errno.h>
#include <stdlib.h>

#include "vnf/router/address.h"

#define MAX_ROUTES_OF_PREFIX 8 // static ones: with all their next hops they fit one answer

// What next hops of a group are there.
enum group_flag {
    GROUP_IP4 = 1 << 0,
    GROUP_IP6 = 1 << 1,
};

static int is_own_address(const struct validation *v, uint8_t family, const uint8_t *address)
{
    uint32_t n;
    const struct api_interface_address *all = model_items(v->model, API_INTERFACE_ADDRESS, &n);

    for (uint32_t i = 0; i < v->n_addresses; i++) {
        const struct api_interface_address *own = &all[v->first_address + i];

        if (own->family == family && memcmp(own->address, address, sizeof(own->address)) == 0)
            return 1;
    }
    return 0;
}

static int check_next_hop(const struct validation *v, const struct api_next_hop *hop)
{
    char text[ROUTER_ADDRESS_TEXT];

    // Below the first one the difference wraps around and is too large as well.
    if (hop->interface != API_NONE && hop->interface - v->first_interface >= v->n_interfaces)
        return validate_refuse(v, "a next hop is at an interface of another router");
    if (hop->family == 0) {
        if (!router_address_is_prefix(hop->address, 0))
            return validate_refuse(v, "a next hop has an address without a family");
        if (hop->interface == API_NONE)
            return validate_refuse(v, "a next hop has neither an address nor an interface");
        return 0;
    }
    if (!router_address_has_family(hop->address, hop->family))
        return validate_refuse(v, "a next hop is neither IPv4 nor IPv6");
    (void)router_address_text(text, hop->family, hop->address);
    if (!router_address_is_unicast(hop->family, hop->address))
        return validate_refuse(v, "next hop %s is not the address of a host", text);
    if (is_own_address(v, hop->family, hop->address))
        return validate_refuse(v, "next hop %s is an address of the router itself", text);
    if (hop->interface == API_NONE && router_address_is_link_local(hop->family, hop->address))
        return validate_refuse(v, "next hop %s is link-local: add outgoing-interface", text);
    return 0;
}

static int is_same_hop(const struct api_next_hop *a, const struct api_next_hop *b)
{
    return a->interface == b->interface && a->family == b->family &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

static int check_group(const struct validation *v, const struct api_next_hop_group *group,
                       uint32_t index, uint8_t *flags)
{
    uint32_t first, n;
    const struct api_next_hop *hops = model_owned(v->model, API_NEXT_HOP, index, &first, &n);
    int rc = 0;

    if (group->type != API_ROUTE_UNICAST && n > 0)
        return validate_refuse(v, "a blackhole or unreachable route has next hops");
    if (group->type == API_ROUTE_UNICAST && n == 0)
        return validate_refuse(v, "a route has no next hop");
    if (n > API_MAX_PATHS)
        return validate_refuse(v, "a route has %u next hops, at most %d", n, API_MAX_PATHS);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = check_next_hop(v, &hops[i]);
        for (uint32_t j = 0; rc == 0 && j < i; j++)
            if (is_same_hop(&hops[i], &hops[j]))
                rc = validate_refuse(v, "a route has the same next hop twice");
        *flags |= hops[i].family == 4 ? GROUP_IP4 : 0;
        *flags |= hops[i].family == 6 ? GROUP_IP6 : 0;
    }
    return rc;
}

static int check_route(const struct validation *v, const struct api_route *route, uint8_t flags)
{
    char text[ROUTER_ADDRESS_TEXT];

    if (!router_address_has_family(route->address, route->family) ||
        (route->family == 4 && route->prefix_len > 32))
        return validate_refuse(v, "a route's prefix is neither IPv4 nor IPv6");
    (void)router_address_text(text, route->family, route->address);
    if (!router_address_is_prefix(route->address, route->prefix_len))
        return validate_refuse(v, "route %s/%u has bits set beyond its prefix", text,
                               route->prefix_len);
    // The other way round is fine (RFC 8950).
    if (route->family == 6 && (flags & GROUP_IP4))
        return validate_refuse(v, "route %s/%u has an IPv4 next hop", text, route->prefix_len);
    return 0;
}

static int compare_routes(const void *a, const void *b)
{
    const struct api_route *const *x = a, *const *y = b;

    return memcmp(&(*x)->family, &(*y)->family,
                  sizeof(struct api_route) - offsetof(struct api_route, family));
}

static int is_same_prefix(const struct api_route *a, const struct api_route *b)
{
    return a->family == b->family && a->prefix_len == b->prefix_len &&
           memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

// Routes of one prefix differ in preference. Sorted by all but owner and group, those with one
// preference are side by side; how many a prefix has is counted once they are sorted by that.
static int check_twice(const struct validation *v, const struct api_route **sorted, uint32_t n)
{
    char text[ROUTER_ADDRESS_TEXT];

    qsort(sorted, n, sizeof(*sorted), compare_routes);
    for (uint32_t i = 1; i < n; i++)
        if (compare_routes(&sorted[i - 1], &sorted[i]) == 0)
            return validate_refuse(v, "route %s/%u is there twice with preference %u",
                                   router_address_text(text, sorted[i]->family, sorted[i]->address),
                                   sorted[i]->prefix_len, sorted[i]->preference);
    return 0;
}

static int compare_prefixes(const void *a, const void *b)
{
    const struct api_route *const *x = a, *const *y = b;

    if ((*x)->family != (*y)->family)
        return (*x)->family < (*y)->family ? -1 : 1;
    if ((*x)->prefix_len != (*y)->prefix_len)
        return (*x)->prefix_len < (*y)->prefix_len ? -1 : 1;
    return memcmp((*x)->address, (*y)->address, sizeof((*x)->address));
}

static int check_many(const struct validation *v, const struct api_route **sorted, uint32_t n)
{
    char text[ROUTER_ADDRESS_TEXT];
    uint32_t n_same = 0;

    qsort(sorted, n, sizeof(*sorted), compare_prefixes);
    for (uint32_t i = 1; i < n; i++) {
        n_same = is_same_prefix(sorted[i - 1], sorted[i]) ? n_same + 1 : 0;
        if (n_same >= MAX_ROUTES_OF_PREFIX)
            return validate_refuse(v, "more than %d routes to %s/%u", MAX_ROUTES_OF_PREFIX,
                                   router_address_text(text, sorted[i]->family, sorted[i]->address),
                                   sorted[i]->prefix_len);
    }
    return 0;
}

static int check_limit(const struct validation *v, const struct api_route *routes, uint32_t n)
{
    uint32_t n_all, n_of_side[2] = {0};
    const struct api_interface_address *all = model_items(v->model, API_INTERFACE_ADDRESS, &n_all);

    for (uint32_t i = 0; i < n; i++)
        n_of_side[routes[i].family == 6]++;
    for (uint32_t i = 0; i < v->n_addresses; i++) {
        const struct api_interface_address *a = &all[v->first_address + i];

        n_of_side[a->family == 6] += a->prefix_len < (a->family == 4 ? 32 : 128);
    }
    for (unsigned side = 0; side < 2; side++)
        if (n_of_side[side] > v->router->route_limit)
            return validate_refuse(v,
                                   "%u %s routes, those of interfaces included, and its "
                                   "route-limit is %u",
                                   n_of_side[side], side == 0 ? "IPv4" : "IPv6",
                                   v->router->route_limit);
    return 0;
}

static int check_routes(const struct validation *v, uint32_t first_group, uint32_t n_groups,
                        const uint8_t *flags)
{
    uint32_t first, n;
    const struct api_route *routes = model_owned(v->model, API_ROUTE, v->index, &first, &n);
    const struct api_route **sorted = calloc((size_t)n + 1, sizeof(*sorted));
    int rc;

    if (sorted == NULL)
        return error_set(v->e, -ENOMEM, v->path, "out of memory");
    rc = check_limit(v, routes, n);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        sorted[i] = &routes[i];
        if (routes[i].group - first_group >= n_groups)
            rc = validate_refuse(v, "a route's next hops are those of another router");
        else
            rc = check_route(v, &routes[i], flags[routes[i].group - first_group]);
    }
    if (rc == 0)
        rc = check_twice(v, sorted, n);
    if (rc == 0)
        rc = check_many(v, sorted, n);
    free(sorted);
    return rc;
}

int validate_routes(const struct validation *v)
{
    uint32_t first, n;
    const struct api_next_hop_group *groups =
        model_owned(v->model, API_NEXT_HOP_GROUP, v->index, &first, &n);
    uint8_t *flags = calloc((size_t)n + 1, sizeof(*flags));
    int rc = 0;

    if (flags == NULL)
        return error_set(v->e, -ENOMEM, v->path, "out of memory");
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = check_group(v, &groups[i], first + i, &flags[i]);
    if (rc == 0)
        rc = check_routes(v, first, n, flags);
    free(flags);
    return rc;
}
