// SPDX-License-Identifier: BSD-3-Clause
// Does the configuration make sense as a whole? What YANG can't say, or can't say well: references
// across tenants, things of the host that two ports would fight for, limits, and what this version
// can't do yet. Called by parse.c on a tree that is valid after the schema; linear in its size.
// Changes nothing. Next: identity.c.

#include "control/datastore/attachment.h"
#include "control/datastore/error.h"
#include "control/datastore/index.h"
#include "dataplane/api/culvert_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TENANTS 4096
#define KEY_SIZE 320

struct checker {
    struct config_error *e;
    struct index ports; // tenant/port → the port
    struct index taken; // what may be there once on this host → who has it
    unsigned n_ports, n_tenants;
};

static int out_of_memory(struct checker *s)
{
    return error_say(s->e, -ENOMEM, "out of memory while the configuration is checked");
}

static int is_list(const struct lyd_node *node, const char *name)
{
    return node->schema->nodetype == LYS_LIST && strcmp(node->schema->name, name) == 0;
}

// What the schema has and the dataplane has not. A line leaves with the work that brings the thing.
static int check_supported(struct checker *s, const struct lyd_node *object)
{
    static const char *const lists[] = {"routers", "firewalls", "nats", "guest-functions",
                                        "chains"};
    size_t i;

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (is_list(object, lists[i]))
            return error_at(s->e, -ENOTSUP, object, "%s are not yet supported", lists[i]);
    if (is_list(object, "ports") && strcmp(node_value(object, "type"), "af-xdp") == 0)
        return error_at(s->e, -ENOTSUP, node_child(object, "type"),
                        "ports of type af-xdp are not yet supported");
    if (is_list(object, "switches") && node_number(object, "shared"))
        return error_at(s->e, -ENOTSUP, node_child(object, "shared"),
                        "shared switches are not yet supported");
    return 0;
}

// Something of the host that two ports would fight for.
static int check_once(struct checker *s, const struct lyd_node *port, const char *field,
                      const char *kind, const char *value)
{
    char key[KEY_SIZE], quoted[ERROR_QUOTE_SIZE], holder[160];
    const void *first = NULL;
    int r;

    (void)snprintf(key, sizeof(key), "%s %s", kind, value);
    r = index_add(&s->taken, key, port, &first);
    if (r != -EEXIST)
        return r < 0 ? out_of_memory(s) : 0;
    node_path(first, NULL, holder, sizeof(holder));
    return error_below(s->e, -EINVAL,
                       node_line(node_child(port, field) ? node_child(port, field) : port), port,
                       field, "%s is taken by %s on line %u", error_quote(value, quoted), holder,
                       node_line(first));
}

static int check_host(struct checker *s, const struct lyd_node *port, const char *tenant)
{
    const char *type = node_value(port, "type");
    char value[API_DEVICE_SIZE];

    if (strcmp(type, "tap") == 0)
        return check_once(s, port, "interface", "interface", node_value(port, "interface"));
    if (strcmp(type, "ethdev") == 0) {
        // The device's name ends where its arguments begin.
        (void)snprintf(value, sizeof(value), "%s", node_value(port, "device"));
        value[strcspn(value, ",")] = 0;
        return check_once(s, port, "device", "device", value);
    }
    if (strcmp(type, "pcap") == 0)
        return node_child(port, "output-file")
                   ? check_once(s, port, "output-file", "file", node_value(port, "output-file"))
                   : 0;
    if (node_child(port, "socket"))
        return check_once(s, port, "socket", "socket", node_value(port, "socket"));
    // Tenant a-b's port c and tenant a's port b-c would share <run-dir>/vhost/a-b-c.sock.
    (void)snprintf(value, sizeof(value), "%s-%s.sock", tenant, node_value(port, "name"));
    return check_once(s, port, "socket", "socket", value);
}

static int check_port(struct checker *s, const struct lyd_node *port, const char *tenant)
{
    const void *first = NULL;
    char key[KEY_SIZE];

    if (++s->n_ports > API_MAX_PORTS)
        return error_at(s->e, -E2BIG, port, "more than %u ports in all tenants", API_MAX_PORTS);
    (void)snprintf(key, sizeof(key), "%s/%s", tenant, node_value(port, "name"));
    if (index_add(&s->ports, key, port, &first) < 0)
        return out_of_memory(s);
    return check_host(s, port, tenant);
}

static int attachment_key(const char *text, const char *tenant, struct attachment *a,
                          char key[KEY_SIZE])
{
    int r = attachment_parse(text, tenant, a);

    if (r == 0)
        (void)snprintf(key, KEY_SIZE, "member %s/%s.%u.%u", a->tenant, a->port, a->outer_vlan,
                       a->inner_vlan);
    return r;
}

static int check_reference(struct checker *s, const struct lyd_node *member, const char *tenant,
                           const struct attachment *a)
{
    char key[KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    const struct lyd_node *port;

    error_quote(lyd_get_value(member), quoted);
    (void)snprintf(key, sizeof(key), "%s/%s", a->tenant, a->port);
    port = index_find(&s->ports, key);
    if (!port)
        return error_at(s->e, -EINVAL, member, "%s: tenant %s has no port %s", quoted, a->tenant,
                        a->port);
    if (strcmp(a->tenant, tenant) != 0 && !node_number(port, "shared"))
        return error_at(s->e, -EINVAL, member, "%s: port %s of tenant %s is not shared", quoted,
                        a->port, a->tenant);
    return 0;
}

static int check_member(struct checker *s, const struct lyd_node *member, const char *tenant)
{
    char key[KEY_SIZE], quoted[ERROR_QUOTE_SIZE], holder[160];
    const void *first = NULL;
    struct attachment a;
    int r;

    error_quote(lyd_get_value(member), quoted);
    if (attachment_key(lyd_get_value(member), tenant, &a, key) < 0)
        return error_at(s->e, -EINVAL, member, "%s is no attachment", quoted);
    r = check_reference(s, member, tenant, &a);
    if (r < 0)
        return r;
    r = index_add(&s->taken, key, member, &first);
    if (r != -EEXIST)
        return r < 0 ? out_of_memory(s) : 0;
    node_path(lyd_parent((const struct lyd_node *)first), NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, member, "%s is a member of %s already, on line %u", quoted,
                    holder, node_line(first));
}

// The members of the switch have been seen by now: they come first in the schema.
static int check_static_mac(struct checker *s, const struct lyd_node *entry, const char *tenant)
{
    const struct lyd_node *leaf = node_child(entry, "member"), *member;
    char key[KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct attachment a;

    if (attachment_key(lyd_get_value(leaf), tenant, &a, key) < 0)
        return error_at(s->e, -EINVAL, leaf, "is no attachment");
    member = index_find(&s->taken, key);
    if (!member || lyd_parent(member) != lyd_parent(entry))
        return error_at(s->e, -EINVAL, leaf, "%s is no member of this switch",
                        error_quote(lyd_get_value(leaf), quoted));
    return 0;
}

static int check_switch(struct checker *s, const struct lyd_node *sw, const char *tenant)
{
    unsigned long room = node_number(sw, "mac-table-size"), n_static = 0;
    const struct lyd_node *child;
    int r = 0;

    for (child = lyd_child(sw); child && r == 0; child = child->next) {
        if (child->schema->nodetype == LYS_LEAFLIST)
            r = check_member(s, child, tenant);
        if (!is_list(child, "static-macs"))
            continue;
        r = check_static_mac(s, child, tenant);
        if (r == 0 && ++n_static > room)
            r = error_at(s->e, -EINVAL, child, "more static-macs than mac-table-size, %lu", room);
    }
    return r;
}

// One pass over all tenants' objects.
static int for_each(struct checker *s, const struct lyd_node *tree,
                    int (*check)(struct checker *s, const struct lyd_node *object,
                                 const char *tenant))
{
    const struct lyd_node *tenant, *object;
    int r;

    for (tenant = tree; tenant; tenant = tenant->next) {
        for (object = lyd_child(tenant); object; object = object->next) {
            r = check(s, object, node_value(tenant, "name"));
            if (r < 0)
                return r;
        }
    }
    return 0;
}

// Ports first: what names them may stand before them, and in another tenant.
static int first_pass(struct checker *s, const struct lyd_node *object, const char *tenant)
{
    int r = check_supported(s, object);

    return r < 0 || !is_list(object, "ports") ? r : check_port(s, object, tenant);
}

static int second_pass(struct checker *s, const struct lyd_node *object, const char *tenant)
{
    return is_list(object, "switches") ? check_switch(s, object, tenant) : 0;
}

int tree_check(const struct lyd_node *tree, struct config_error *e)
{
    struct checker s = {.e = e};
    const struct lyd_node *tenant;
    int r = 0;

    for (tenant = tree; tenant && r == 0; tenant = tenant->next)
        if (++s.n_tenants > MAX_TENANTS)
            r = error_at(e, -E2BIG, tenant, "more than %u tenants", MAX_TENANTS);
    if (r == 0)
        r = for_each(&s, tree, first_pass);
    if (r == 0)
        r = for_each(&s, tree, second_pass);
    index_fini(&s.ports);
    index_fini(&s.taken);
    return r;
}
