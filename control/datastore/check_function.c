// SPDX-License-Identifier: BSD-3-Clause
// What stands on a chain? Firewalls, NATs and guests share their names in a tenant, a guest has its
// two ports and its chain for itself. Called by check.c: first for all names, then for guests, last
// for chains. Changes nothing but the indices. Next: check_firewall.c, check_nat.c.

#include "control/datastore/check.h"
#include "control/datastore/standing.h"
#include "dataplane/api/culvert_api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// As a reader says it: "firewall", "nat", "guest-function".
static int kind_len(const struct lyd_node *function)
{
    return (int)strlen(function->schema->name) - 1;
}

int check_add_function(struct checker *s, const struct lyd_node *function, const char *tenant)
{
    const char *name = node_value(function, "name");
    const struct lyd_node *other;
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    const void *first = NULL;
    int r;

    (void)snprintf(key, sizeof(key), "%s/%s", tenant, name);
    r = index_add(&s->functions, key, function, &first);
    if (r != -EEXIST)
        return r < 0 ? check_no_memory(s) : 0;
    other = first;
    return error_at(s->e, -EINVAL, node_child(function, "name"),
                    "%s is the name of the %.*s on line %u: firewalls, nats and guest-functions of "
                    "a tenant have names of their own",
                    error_quote(name, quoted), kind_len(other), other->schema->name,
                    node_line(other));
}

static int check_ports_ascend(struct checker *s, const struct lyd_node *group)
{
    const struct lyd_node *child;
    uint16_t first, last;

    for (child = lyd_child(group); child; child = child->next)
        if (child->schema->nodetype == LYS_LEAFLIST &&
            port_range_parse(lyd_get_value(child), &first, &last) < 0)
            return check_refuse_ports(s, child);
    return 0;
}

int check_group(struct checker *s, const struct lyd_node *group, const char *tenant)
{
    bool is_ports = check_is_list(group, "port-groups");
    char key[CHECK_KEY_SIZE];
    const void *first = NULL;

    (void)snprintf(key, sizeof(key), "%s %s/%s", is_ports ? "port-group" : "address-group", tenant,
                   node_value(group, "name"));
    if (index_add(&s->groups, key, group, &first) == -ENOMEM)
        return check_no_memory(s);
    return is_ports ? check_ports_ascend(s, group) : 0;
}

static int check_guest_port(struct checker *s, const struct lyd_node *leaf, const char *tenant)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE], holder[CHECK_PATH_SIZE];
    const char *name = lyd_get_value(leaf);
    const void *first = NULL;
    int r;

    error_quote(name, quoted);
    (void)snprintf(key, sizeof(key), "%s/%s", tenant, name);
    if (!index_find(&s->ports, key))
        return error_at(s->e, -EINVAL, leaf, "%s: tenant %s has no port %s", quoted, tenant, name);
    (void)snprintf(key, sizeof(key), "guest %s/%s", tenant, name);
    r = index_add(&s->taken, key, leaf, &first);
    if (r != -EEXIST)
        return r < 0 ? check_no_memory(s) : 0;
    node_path(lyd_parent((const struct lyd_node *)first), NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, leaf, "%s is a port of %s already, on line %u", quoted, holder,
                    node_line(first));
}

int check_guest_function(struct checker *s, const struct lyd_node *guest, const char *tenant)
{
    int r = check_guest_port(s, node_child(guest, "inside"), tenant);

    return r < 0 ? r : check_guest_port(s, node_child(guest, "outside"), tenant);
}

int check_not_of_guest(struct checker *s, const struct lyd_node *node, const struct attachment *a)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE], holder[CHECK_PATH_SIZE];
    const struct lyd_node *leaf;

    (void)snprintf(key, sizeof(key), "guest %s/%s", a->tenant, a->port);
    leaf = index_find(&s->taken, key);
    if (!leaf)
        return 0;
    node_path(lyd_parent(leaf), NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, node, "%s is a port of %s, on line %u, and of nothing else",
                    error_quote(lyd_get_value(node), quoted), holder, node_line(leaf));
}

// A guest is one machine with two cables: it stands on one chain.
static int check_guest_is_free(struct checker *s, const struct lyd_node *leaf, const char *tenant)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE], holder[CHECK_PATH_SIZE];
    const void *first = NULL;
    int r;

    (void)snprintf(key, sizeof(key), "guest on chain %s/%s", tenant, lyd_get_value(leaf));
    r = index_add(&s->taken, key, leaf, &first);
    if (r != -EEXIST)
        return r < 0 ? check_no_memory(s) : 0;
    node_path(lyd_parent((const struct lyd_node *)first), NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, leaf,
                    "%s stands on %s already, on line %u: a guest has one chain",
                    error_quote(lyd_get_value(leaf), quoted), holder, node_line(first));
}

int check_chain_functions(struct checker *s, const struct lyd_node *chain, const char *tenant)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE], name[API_NAME_SIZE];
    const struct lyd_node *child, *function;
    unsigned n[2] = {0};
    int r = 0;

    for (child = lyd_child(chain); child && r == 0; child = child->next) {
        unsigned further;
        bool is_guest;

        if (child->schema->nodetype != LYS_LEAFLIST)
            continue;
        further = standing_parse(lyd_get_value(child), name);
        (void)snprintf(key, sizeof(key), "%s/%s", tenant, name);
        function = index_find(&s->functions, key);
        if (!function)
            return error_at(s->e, -EINVAL, child,
                            "%s: tenant %s has no firewall, nat or guest-function of that name",
                            error_quote(lyd_get_value(child), quoted), tenant);
        is_guest = check_is_list(function, "guest-functions");
        if (is_guest && further)
            return error_at(s->e, -EINVAL, child, "%s: a guest stands on one chain, once: as %s",
                            error_quote(lyd_get_value(child), quoted), name);
        if (++n[is_guest] > API_MAX_CHAIN_FUNCTIONS)
            return error_at(s->e, -E2BIG, child, "more than %d %s on one chain",
                            API_MAX_CHAIN_FUNCTIONS,
                            is_guest ? "guest-functions" : "firewalls and nats");
        r = is_guest ? check_guest_is_free(s, child, tenant) : 0;
    }
    return r;
}
