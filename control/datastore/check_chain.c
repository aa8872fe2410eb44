// SPDX-License-Identifier: BSD-3-Clause
// What is a chain plugged into? Each end has to name one thing, which may be plugged in once unless
// it is a switch, and another tenant's only if that tenant shares it. Called by check.c once every
// object is in the indices. Changes nothing but the index of what is taken. Next: identity.c.

#include "control/datastore/cable_end.h"
#include "control/datastore/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// What an end may mean: at most one of them is there in a good configuration.
struct meaning {
    const struct lyd_node *sw, *port, *interface;
};

static void look_up(const struct checker *s, const struct cable_end *end, struct meaning *found)
{
    char key[CHECK_KEY_SIZE];

    memset(found, 0, sizeof(*found));
    (void)snprintf(key, sizeof(key), "%s/%s", end->tenant, end->name);
    if (end->is_bare)
        found->sw = index_find(&s->switches, key);
    if (end->is_attachment)
        found->port = index_find(&s->ports, key);
    if (end->interface[0]) {
        (void)snprintf(key, sizeof(key), "%s/%s.%s", end->tenant, end->name, end->interface);
        found->interface = index_find(&s->interfaces, key);
    }
}

static int refuse_unknown(struct checker *s, const struct lyd_node *leaf,
                          const struct cable_end *end)
{
    char quoted[ERROR_QUOTE_SIZE];

    error_quote(lyd_get_value(leaf), quoted);
    if (end->is_bare)
        return error_at(s->e, -EINVAL, leaf, "%s: tenant %s has no switch and no port %s", quoted,
                        end->tenant, end->name);
    if (end->interface[0] && end->is_attachment)
        return error_at(s->e, -EINVAL, leaf,
                        "%s: tenant %s has no port %s, and no router %s with an interface %s",
                        quoted, end->tenant, end->name, end->name, end->interface);
    if (end->interface[0])
        return error_at(s->e, -EINVAL, leaf, "%s: tenant %s has no router %s with an interface %s",
                        quoted, end->tenant, end->name, end->interface);
    if (end->is_attachment)
        return error_at(s->e, -EINVAL, leaf, "%s: tenant %s has no port %s", quoted, end->tenant,
                        end->name);
    return error_at(s->e, -EINVAL, leaf, "%s: VLAN IDs are 1 to 4094", quoted);
}

static int check_may_use(struct checker *s, const struct lyd_node *leaf,
                         const struct cable_end *end, const struct meaning *found)
{
    char quoted[ERROR_QUOTE_SIZE];

    error_quote(lyd_get_value(leaf), quoted);
    if (found->interface)
        return error_at(s->e, -EINVAL, leaf,
                        "%s: a router interface is its own tenant's; end at a shared switch or "
                        "port of tenant %s",
                        quoted, end->tenant);
    if (node_number(found->sw ? found->sw : found->port, "shared"))
        return 0;
    return error_at(s->e, -EINVAL, leaf, "%s: %s %s of tenant %s is not shared", quoted,
                    found->sw ? "switch" : "port", end->name, end->tenant);
}

// *found is what is plugged in there.
static int check_end(struct checker *s, const struct lyd_node *leaf, const char *tenant,
                     struct meaning *found)
{
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];
    struct cable_end end;
    int r;

    error_quote(lyd_get_value(leaf), quoted);
    if (cable_end_parse(lyd_get_value(leaf), tenant, &end) < 0)
        return error_at(s->e, -EINVAL, leaf, "%s is no end of a chain", quoted);
    look_up(s, &end, found);
    if (!found->sw && !found->port && !found->interface)
        return refuse_unknown(s, leaf, &end);
    if (found->port && (found->sw || found->interface))
        return error_at(s->e, -EINVAL, leaf,
                        "%s is ambiguous: tenant %s has a %s and a port of that name: rename one",
                        quoted, end.tenant, found->sw ? "switch" : "router interface");
    r = strcmp(end.tenant, tenant) == 0 ? 0 : check_may_use(s, leaf, &end, found);
    if (r < 0 || found->sw)
        return r;
    if (found->port) {
        check_attachment_key(&end.port, key);
        r = check_not_of_guest(s, leaf, &end.port);
    } else {
        (void)snprintf(key, sizeof(key), "end %s/%s.%s", end.tenant, end.name, end.interface);
    }
    return r < 0 ? r : check_plug(s, leaf, key);
}

// What is longer than the port takes would vanish there without an ICMP error.
static int check_mtu(struct checker *s, const struct lyd_node *chain,
                     const struct lyd_node *interface, const struct lyd_node *port)
{
    unsigned long mtu = node_number(interface, "mtu"), limit = node_number(port, "mtu");

    if (mtu <= limit)
        return 0;
    return error_at(s->e, -EINVAL, chain,
                    "router interface %s has an MTU of %lu, port %s one of %lu: lower the first or "
                    "raise the second",
                    node_value(interface, "name"), mtu, node_value(port, "name"), limit);
}

int check_chain(struct checker *s, const struct lyd_node *chain, const char *tenant)
{
    const struct lyd_node *outside = node_child(chain, "outside");
    struct meaning ends[2];
    int r;

    r = check_end(s, node_child(chain, "inside"), tenant, &ends[0]);
    if (r == 0)
        r = check_end(s, outside, tenant, &ends[1]);
    if (r == 0 && ends[0].sw && ends[0].sw == ends[1].sw)
        return error_at(s->e, -EINVAL, outside, "inside and outside must be two ends");
    for (unsigned i = 0; r == 0 && i < 2; i++)
        if (ends[i].interface && ends[1 - i].port)
            r = check_mtu(s, chain, ends[i].interface, ends[1 - i].port);
    return r < 0 ? r : check_chain_functions(s, chain, tenant);
}
