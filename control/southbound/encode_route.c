// SPDX-License-Identifier: BSD-3-Clause
// Where do a router's static routes lead? Routes with the same next hops share one group, so that
// 100k routes over two next hops are 100k prefixes and two groups. Called by encode_router.c for
// the router that was added last; linear in the routes. Reads the tree only. Next: encode_chain.c.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/southbound/encoder.h"

// An address, an interface, a weight, and what stands between them.
#define HOP_TEXT_SIZE 96

// The routes of one router.
struct route_encoder {
    struct encoder *c;
    const char *tenant, *router;
    uint32_t router_index;
    struct index groups; // what the group says, as text → its index, plus 1
};

static int encode_hop(struct route_encoder *r, uint32_t group, const struct lyd_node *node,
                      const char *field)
{
    struct api_next_hop *hop = encode_add(r->c, API_NEXT_HOP);
    const char *text = node_value(node, field), *name = node_value(node, "outgoing-interface");
    uint32_t weight = encode_uint(node, "weight");
    struct address a = {0};
    int64_t interface;

    if (hop == NULL)
        return encode_no_memory(r->c);
    hop->owner = group;
    hop->interface = API_NONE;
    hop->weight = (uint8_t)(weight == 0 ? 1 : weight);
    if (name[0] != '\0') {
        interface = encode_find(r->c, "interface", r->tenant, r->router, name);
        if (interface < 0)
            return failure(r->c->e, -EINVAL, NULL, "router %s has no interface %s", r->router,
                           name);
        hop->interface = (uint32_t)interface;
    }
    if (text[0] != '\0' && address_parse(text, &a) < 0)
        return failure(r->c->e, -EINVAL, NULL, "%s is no address", text);
    hop->family = a.family;
    memcpy(hop->address, a.bytes, sizeof(hop->address));
    return 0;
}

static enum api_route_type type_of(const struct lyd_node *route)
{
    const char *type = node_value(route, "type");

    if (strcmp(type, "blackhole") == 0)
        return API_ROUTE_BLACKHOLE;
    return strcmp(type, "unreachable") == 0 ? API_ROUTE_UNREACHABLE : API_ROUTE_UNICAST;
}

static size_t describe_hop(char *to, const struct lyd_node *node, const char *field)
{
    int n = snprintf(to, HOP_TEXT_SIZE, " %s %s %s", node_value(node, field),
                     node_value(node, "outgoing-interface"), node_value(node, "weight"));

    return n < 0 || n >= HOP_TEXT_SIZE ? 0 : (size_t)n;
}

// Equal texts mean equal groups: the values in it are canonical.
static void describe(char text[(API_MAX_PATHS + 1) * HOP_TEXT_SIZE], const struct lyd_node *route)
{
    size_t len = (size_t)snprintf(text, HOP_TEXT_SIZE, "%u", type_of(route));
    const struct lyd_node *n = node_child(route, "next-hops");
    unsigned n_hops = 0;

    if (n == NULL)
        len += describe_hop(text + len, route, "next-hop");
    for (; n != NULL && n_hops < API_MAX_PATHS; n = node_next(n), n_hops++)
        len += describe_hop(text + len, n, "address");
}

static int add_group(struct route_encoder *r, const struct lyd_node *route)
{
    struct api_next_hop_group *group = encode_add(r->c, API_NEXT_HOP_GROUP);
    uint32_t index = encode_count(r->c, API_NEXT_HOP_GROUP) - 1;
    const struct lyd_node *n = node_child(route, "next-hops");
    int rc = 0;

    if (group == NULL)
        return encode_no_memory(r->c);
    group->owner = r->router_index;
    group->type = (uint8_t)type_of(route);
    if (group->type != API_ROUTE_UNICAST)
        return 0;
    if (n == NULL)
        return encode_hop(r, index, route, "next-hop");
    for (; n != NULL && rc == 0; n = node_next(n))
        rc = encode_hop(r, index, n, "address");
    return rc;
}

static int find_group(struct route_encoder *r, const struct lyd_node *route, uint32_t *group)
{
    char text[(API_MAX_PATHS + 1) * HOP_TEXT_SIZE];
    uintptr_t next = (uintptr_t)encode_count(r->c, API_NEXT_HOP_GROUP) + 1;
    const void *found = NULL;
    int rc;

    describe(text, route);
    rc = index_add(&r->groups, text, (const void *)next, &found);
    if (rc == -ENOMEM)
        return encode_no_memory(r->c);
    *group = (uint32_t)((rc < 0 ? (uintptr_t)found : next) - 1);
    return rc < 0 ? 0 : add_group(r, route);
}

static int encode_route(struct route_encoder *r, const struct lyd_node *node)
{
    const char *text = node_value(node, "prefix");
    struct api_route *route;
    struct address prefix;
    uint32_t group = 0;
    int rc = find_group(r, node, &group);

    if (rc < 0)
        return rc;
    if (address_parse(text, &prefix) < 0)
        return failure(r->c->e, -EINVAL, NULL, "%s is no prefix", text);
    route = encode_add(r->c, API_ROUTE);
    if (route == NULL)
        return encode_no_memory(r->c);
    route->owner = r->router_index;
    route->group = group;
    route->family = prefix.family;
    route->prefix_len = prefix.prefix_len;
    route->preference = (uint8_t)encode_uint(node, "preference");
    memcpy(route->address, prefix.bytes, sizeof(route->address));
    return 0;
}

int encode_routes(struct encoder *c, const char *tenant, const struct lyd_node *router)
{
    struct route_encoder r = {.c = c,
                              .tenant = tenant,
                              .router = node_value(router, "name"),
                              .router_index = encode_count(c, API_ROUTER) - 1};
    const struct lyd_node *n = node_child(router, "routes");
    int rc = 0;

    for (; n != NULL && rc == 0 && encode_is_named(n, "routes"); n = node_next(n))
        rc = encode_route(&r, n);
    index_fini(&r.groups);
    return rc;
}
