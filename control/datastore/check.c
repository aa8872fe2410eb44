// SPDX-License-Identifier: BSD-3-Clause
// Does the configuration make sense as a whole? What YANG can't say, or can't say well: references
// across tenants, things of the host that two ports would fight for, limits. Called by parse.c on a
// tree that is valid after the schema; linear in its size. Changes nothing. Next: check_router.c,
// check_function.c, check_chain.c.

#include "control/datastore/check.h"
#include "dataplane/api/culvert_api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TENANTS 4096
#define MAX_PREFIXES 65536 // of each list of an af-xdp port; its program's maps hold no more
#define MAX_STEERED_MACS 4096

int check_no_memory(struct checker *s)
{
    return error_say(s->e, -ENOMEM, "out of memory while the configuration is checked");
}

bool check_is_list(const struct lyd_node *node, const char *name)
{
    return node->schema->nodetype == LYS_LIST && strcmp(node->schema->name, name) == 0;
}

int check_claim(struct checker *s, const struct claim *claim)
{
    const struct lyd_node *field = node_child(claim->object, claim->field);
    char quoted[ERROR_QUOTE_SIZE], holder[CHECK_PATH_SIZE];
    const void *first = NULL;
    int r = index_add(&s->taken, claim->key, claim->object, &first);

    if (r != -EEXIST)
        return r < 0 ? check_no_memory(s) : 0;
    node_path(first, NULL, holder, sizeof(holder));
    return error_below(s->e, -EINVAL, node_line(field ? field : claim->object), claim->object,
                       claim->field, "%s is taken by %s on line %u",
                       error_quote(claim->value, quoted), holder, node_line(first));
}

// Something of the host that two ports would fight for.
static int check_once(struct checker *s, const struct lyd_node *port, const char *field,
                      const char *kind, const char *value)
{
    char key[CHECK_KEY_SIZE];
    struct claim claim = {port, field, key, value};

    (void)snprintf(key, sizeof(key), "%s %s", kind, value);
    return check_claim(s, &claim);
}

int check_kernel_interface(struct checker *s, const struct lyd_node *object, const char *field,
                           const char *netns, const char *name)
{
    char key[CHECK_KEY_SIZE];
    struct claim claim = {object, field, key, name};

    (void)snprintf(key, sizeof(key), "interface %s/%s", netns, name);
    return check_claim(s, &claim);
}

static int check_host(struct checker *s, const struct lyd_node *port, const char *tenant)
{
    const char *type = node_value(port, "type");
    char value[API_DEVICE_SIZE];

    if (strcmp(type, "tap") == 0 || strcmp(type, "af-xdp") == 0)
        return check_kernel_interface(s, port, "interface", node_value(port, "network-namespace"),
                                      node_value(port, "interface"));
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

int check_count_port(struct checker *s, const struct lyd_node *node)
{
    if (++s->n_ports > API_MAX_PORTS)
        return error_at(s->e, -E2BIG, node, "more than %u ports in all tenants", API_MAX_PORTS);
    return 0;
}

static int add_object(struct checker *s, struct index *index, const struct lyd_node *object,
                      const char *tenant)
{
    const void *first = NULL;
    char key[CHECK_KEY_SIZE];

    (void)snprintf(key, sizeof(key), "%s/%s", tenant, node_value(object, "name"));
    return index_add(index, key, object, &first) < 0 ? check_no_memory(s) : 0;
}

// The leaf-list `name` of `parent`, which may be NULL.
static int check_length(struct checker *s, const struct lyd_node *parent, const char *name,
                        unsigned max)
{
    const struct lyd_node *child = parent ? lyd_child(parent) : NULL;
    unsigned n = 0;

    for (; child; child = child->next)
        if (strcmp(child->schema->name, name) == 0 && ++n > max)
            return error_at(s->e, -E2BIG, child, "more than %u %s", max, name);
    return 0;
}

static int check_port(struct checker *s, const struct lyd_node *port, const char *tenant)
{
    const struct lyd_node *steering = node_child(port, "steering");
    int r = check_count_port(s, port);

    if (r == 0)
        r = add_object(s, &s->ports, port, tenant);
    if (r == 0)
        r = check_length(s, port, "drop-prefixes", MAX_PREFIXES);
    if (r == 0)
        r = check_length(s, steering, "addresses", MAX_PREFIXES);
    if (r == 0)
        r = check_length(s, steering, "mac-addresses", MAX_STEERED_MACS);
    return r < 0 ? r : check_host(s, port, tenant);
}

void check_attachment_key(const struct attachment *a, char key[CHECK_KEY_SIZE])
{
    (void)snprintf(key, CHECK_KEY_SIZE, "member %s/%s.%u.%u", a->tenant, a->port, a->outer_vlan,
                   a->inner_vlan);
}

int check_plug(struct checker *s, const struct lyd_node *node, const char *key)
{
    char quoted[ERROR_QUOTE_SIZE], holder[CHECK_PATH_SIZE];
    const struct lyd_node *other;
    const void *first = NULL;
    int r = index_add(&s->taken, key, node, &first);

    if (r != -EEXIST)
        return r < 0 ? check_no_memory(s) : 0;
    other = first;
    node_path(lyd_parent(other), NULL, holder, sizeof(holder));
    return error_at(s->e, -EINVAL, node, "%s is %s of %s already, on line %u",
                    error_quote(lyd_get_value(node), quoted),
                    other->schema->nodetype == LYS_LEAFLIST ? "a member" : "an end", holder,
                    node_line(other));
}

static int check_reference(struct checker *s, const struct lyd_node *member, const char *tenant,
                           const struct attachment *a)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
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
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct attachment a;
    int r;

    if (attachment_parse(lyd_get_value(member), tenant, &a) < 0)
        return error_at(s->e, -EINVAL, member, "%s is no attachment",
                        error_quote(lyd_get_value(member), quoted));
    r = check_reference(s, member, tenant, &a);
    if (r < 0)
        return r;
    r = check_not_of_guest(s, member, &a);
    if (r < 0)
        return r;
    check_attachment_key(&a, key);
    return check_plug(s, member, key);
}

// The members of the switch have been seen by now: they come first in the schema.
static int check_static_mac(struct checker *s, const struct lyd_node *entry, const char *tenant)
{
    const struct lyd_node *leaf = node_child(entry, "member"), *member;
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct attachment a;

    if (attachment_parse(lyd_get_value(leaf), tenant, &a) < 0)
        return error_at(s->e, -EINVAL, leaf, "is no attachment");
    check_attachment_key(&a, key);
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
        if (!check_is_list(child, "static-macs"))
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

// What has a name first: what names it may stand before it, and in another tenant.
static int first_pass(struct checker *s, const struct lyd_node *object, const char *tenant)
{
    if (check_is_list(object, "ports"))
        return check_port(s, object, tenant);
    if (check_is_list(object, "switches"))
        return add_object(s, &s->switches, object, tenant);
    if (check_is_list(object, "routers"))
        return check_router(s, object, tenant);
    if (check_is_list(object, "address-groups") || check_is_list(object, "port-groups"))
        return check_group(s, object, tenant);
    if (check_is_list(object, "firewalls") || check_is_list(object, "nats") ||
        check_is_list(object, "guest-functions"))
        return check_add_function(s, object, tenant);
    return 0;
}

// Before anything that may want the same port.
static int guest_pass(struct checker *s, const struct lyd_node *object, const char *tenant)
{
    return check_is_list(object, "guest-functions") ? check_guest_function(s, object, tenant) : 0;
}

static int second_pass(struct checker *s, const struct lyd_node *object, const char *tenant)
{
    if (check_is_list(object, "switches"))
        return check_switch(s, object, tenant);
    if (check_is_list(object, "firewalls"))
        return check_firewall(s, object, tenant);
    if (check_is_list(object, "nats"))
        return check_nat(s, object);
    return check_is_list(object, "chains") ? check_chain(s, object, tenant) : 0;
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
        r = for_each(&s, tree, guest_pass);
    if (r == 0)
        r = for_each(&s, tree, second_pass);
    index_fini(&s.ports);
    index_fini(&s.switches);
    index_fini(&s.interfaces);
    index_fini(&s.functions);
    index_fini(&s.groups);
    index_fini(&s.taken);
    return r;
}
