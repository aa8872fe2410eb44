// SPDX-License-Identifier: BSD-3-Clause
// Where do a router's static routes lead? Each next hop has to be behind an interface of the
// router, and be somebody else. Called by check_router.c once all interfaces are known, for each of
// perhaps 100k routes: a few look-ups each, no walk. Changes nothing. Next: check_chain.c.

#include "control/datastore/address.h"
#include "control/datastore/check.h"
#include "dataplane/api/culvert_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int check_outgoing(struct checker *s, const struct router_scope *scope,
                          const struct lyd_node *leaf)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];

    (void)snprintf(key, sizeof(key), "interface %s", node_text(leaf));
    if (index_find(&scope->names, key))
        return 0;
    return error_at(s->e, -EINVAL, leaf, "the router has no interface %s",
                    error_quote(lyd_get_value(leaf), quoted));
}

const struct lyd_node *check_find_subnet(const struct router_scope *scope, const struct address *a,
                                         unsigned len)
{
    struct address subnet = *a;
    char key[CHECK_KEY_SIZE];

    if (!(a->family == 4 ? scope->has_subnet4 : scope->has_subnet6)[len])
        return NULL;
    address_mask(&subnet, len);
    check_address_key("subnet", &subnet, key);
    return index_find(&scope->names, key);
}

static bool is_in_subnet(const struct router_scope *scope, const struct address *a)
{
    unsigned len;

    for (len = 1; len <= address_size(a); len++)
        if (check_find_subnet(scope, a, len))
            return true;
    return false;
}

int check_count_route(struct checker *s, struct router_scope *scope, const struct lyd_node *node,
                      unsigned family)
{
    if (++*(family == 4 ? &scope->n_routes4 : &scope->n_routes6) <= scope->limit)
        return 0;
    return error_at(s->e, -EINVAL, node,
                    "more IPv%u routes, those of interfaces included, than the router's "
                    "route-limit, %lu",
                    family, scope->limit);
}

// `outgoing` is the leaf beside it, or NULL.
static int check_next_hop(struct checker *s, const struct router_scope *scope,
                          const struct lyd_node *leaf, const struct lyd_node *outgoing,
                          unsigned family)
{
    const char *text = lyd_get_value(leaf);
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct address a;

    error_quote(text, quoted);
    if (address_parse(text, &a) < 0 || !address_is_host(&a))
        return error_at(s->e, -EINVAL, leaf, "%s can't be a next hop", quoted);
    if (a.family == 4 && family == 6) // the other way round is RFC 8950
        return error_at(s->e, -EINVAL, leaf, "%s is IPv4, the prefix is IPv6", quoted);
    check_address_key("address", &a, key);
    if (index_find(&scope->names, key))
        return error_at(s->e, -EINVAL, leaf, "%s is the router's own address", quoted);
    if (outgoing)
        return 0;
    if (address_is_link_local(&a))
        return error_at(s->e, -EINVAL, leaf,
                        "%s is link-local, there may be one on each interface: add "
                        "outgoing-interface",
                        quoted);
    if (is_in_subnet(scope, &a))
        return 0;
    return error_at(s->e, -EINVAL, leaf,
                    "%s is in no subnet of the router's interfaces: add outgoing-interface, or an "
                    "address to an interface",
                    quoted);
}

// Of a route, or of one entry of its next-hops.
static int check_path(struct checker *s, const struct router_scope *scope,
                      const struct lyd_node *parent, const char *field, unsigned family)
{
    const struct lyd_node *next_hop = node_child(parent, field);
    const struct lyd_node *outgoing = node_child(parent, "outgoing-interface");
    int r = 0;

    if (outgoing && node_text(outgoing)[0] == 0) // a key that was left out
        outgoing = NULL;
    if (outgoing)
        r = check_outgoing(s, scope, outgoing);
    if (r == 0 && next_hop)
        r = check_next_hop(s, scope, next_hop, outgoing, family);
    return r;
}

static bool has_interface(const struct lyd_node *next_hop)
{
    return node_value(next_hop, "outgoing-interface")[0] != 0;
}

static bool is_same_address(const struct lyd_node *a, const struct lyd_node *b)
{
    return strcmp(node_value(a, "address"), node_value(b, "address")) == 0;
}

// One address on several interfaces is one next hop on each, all of them with their interface.
// `first` is the first of next-hops.
static int check_same_address(struct checker *s, const struct lyd_node *first)
{
    const struct lyd_node *a, *b;
    unsigned n = 0, n_with = 0;

    for (a = first; a && check_is_list(a, "next-hops"); a = node_next(a), n++)
        n_with += has_interface(a);
    if (n_with == 0 || n_with == n)
        return 0;
    for (a = first; a && check_is_list(a, "next-hops"); a = node_next(a))
        for (b = first; b && check_is_list(b, "next-hops") && !has_interface(a); b = node_next(b))
            if (b != a && is_same_address(a, b))
                return error_at(s->e, -EINVAL, a,
                                "is there once more, on interface %s: add outgoing-interface",
                                node_value(b, "outgoing-interface"));
    return 0;
}

int check_route(struct checker *s, struct router_scope *scope, const struct lyd_node *route)
{
    const struct lyd_node *child;
    unsigned n_paths = 0;
    struct address prefix;
    int r;

    if (address_parse(node_value(route, "prefix"), &prefix) < 0)
        return error_at(s->e, -EINVAL, route, "is no prefix");
    r = check_count_route(s, scope, route, prefix.family);
    if (r < 0)
        return r;
    r = check_path(s, scope, route, "next-hop", prefix.family);
    for (child = lyd_child(route); child && r == 0; child = child->next) {
        if (!check_is_list(child, "next-hops"))
            continue;
        if (++n_paths > API_MAX_PATHS)
            return error_at(s->e, -EINVAL, child, "more than %d next-hops", API_MAX_PATHS);
        r = check_path(s, scope, child, "address", prefix.family);
    }
    return r < 0 ? r : check_same_address(s, node_child(route, "next-hops"));
}
