// SPDX-License-Identifier: BSD-3-Clause
// What is plugged into what, and what stands on the cable? Called by encode.c for each tenant, once
// everything that a chain may end at or name is known. That an end and a function mean one thing
// only was checked by the datastore. Reads the tree only. Next: transaction.c, which sends it all.

#include <errno.h>
#include <string.h>

#include "control/datastore/cable_end.h"
#include "control/datastore/standing.h"
#include "control/southbound/encoder.h"

static int encode_end(struct encoder *c, struct api_end *to, const char *tenant, const char *text)
{
    struct api_member member = {0};
    struct cable_end end;
    int64_t index = -1;
    int rc;

    if (cable_end_parse(text, tenant, &end) < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no end of a chain", text);
    if (end.is_bare) {
        to->kind = API_END_SWITCH;
        index = encode_find(c, "switch", end.tenant, end.name, NULL);
    } else if (end.interface[0] != '\0') {
        to->kind = API_END_INTERFACE;
        index = encode_find(c, "interface", end.tenant, end.name, end.interface);
    }
    if (index >= 0) {
        to->index = (uint32_t)index;
        return 0;
    }
    rc = port_index_resolve(c->port_index, tenant, text, &member, c->e);
    to->kind = API_END_PORT;
    to->index = member.port;
    to->outer_vlan = member.outer_vlan;
    to->inner_vlan = member.inner_vlan;
    return rc;
}

// Firewalls, NATs and guests of a tenant share their names.
static int encode_function(struct encoder *c, uint32_t chain, const char *tenant, const char *text)
{
    static const char *const kinds[API_FUNCTION_N_KINDS] = {[API_FUNCTION_FIREWALL] = "firewall",
                                                            [API_FUNCTION_NAT] = "nat",
                                                            [API_FUNCTION_GUEST] = "guest"};
    struct api_chain_function *item = encode_add(c, API_CHAIN_FUNCTION);
    char name[API_NAME_SIZE];

    if (item == NULL)
        return encode_no_memory(c);
    item->owner = chain;
    item->further = (uint8_t)standing_parse(text, name);
    for (uint8_t kind = API_FUNCTION_FIREWALL; kind < API_FUNCTION_N_KINDS; kind++) {
        int64_t index = encode_find(c, kinds[kind], tenant, name, NULL);

        if (index < 0)
            continue;
        item->kind = kind;
        item->index = (uint32_t)index;
        return 0;
    }
    return failure(c->e, -EINVAL, NULL, "there is no function %s", name);
}

static int encode_chain(struct encoder *c, const struct encode_owner *tenant,
                        const struct lyd_node *node)
{
    struct api_chain *chain = encode_add(c, API_CHAIN);
    uint32_t index = encode_count(c, API_CHAIN) - 1;
    const struct lyd_node *n;
    int rc;

    if (chain == NULL)
        return encode_no_memory(c);
    chain->owner = tenant->index;
    chain->flags |= node_number(node, "window-check") ? 0 : API_CHAIN_NO_WINDOW_CHECK;
    chain->flags |= node_number(node, "pickup") ? 0 : API_CHAIN_NO_PICKUP;
    rc = encode_text(c, chain->name, sizeof(chain->name), node_value(node, "name"));
    if (rc == 0)
        rc = encode_end(c, &chain->inside, tenant->name, node_value(node, "inside"));
    if (rc == 0)
        rc = encode_end(c, &chain->outside, tenant->name, node_value(node, "outside"));
    for (n = node_child(node, "functions"); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "functions"))
            rc = encode_function(c, index, tenant->name, node_text(n));
    return rc;
}

static int encode_guest(struct encoder *c, const struct encode_owner *tenant,
                        const struct lyd_node *node)
{
    struct api_guest_function *guest = encode_add(c, API_GUEST_FUNCTION);
    const char *name = node_value(node, "name");
    uint32_t index = encode_count(c, API_GUEST_FUNCTION) - 1;
    struct api_member inside = {0}, outside = {0};
    int rc;

    if (guest == NULL)
        return encode_no_memory(c);
    guest->owner = tenant->index;
    guest->on_failure = strcmp(node_value(node, "on-failure"), "bypass") == 0
                            ? API_ON_FAILURE_BYPASS
                            : API_ON_FAILURE_BLOCK;
    rc = encode_text(c, guest->name, sizeof(guest->name), name);
    if (rc == 0)
        rc = port_index_resolve(c->port_index, tenant->name, node_value(node, "inside"), &inside,
                                c->e);
    if (rc == 0)
        rc = port_index_resolve(c->port_index, tenant->name, node_value(node, "outside"), &outside,
                                c->e);
    guest->inside = inside.port;
    guest->outside = outside.port;
    return rc < 0 ? rc : encode_remember(c, "guest", tenant->name, name, NULL, index);
}

int encode_guests(struct encoder *c, const struct encode_owner *tenant, const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "guest-functions"))
            rc = encode_guest(c, tenant, n);
    return rc;
}

int encode_chains(struct encoder *c, const struct encode_owner *tenant, const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "chains"))
            rc = encode_chain(c, tenant, n);
    return rc;
}
