// SPDX-License-Identifier: BSD-3-Clause
// What is plugged into what? Called by encode.c for each tenant, once everything that a chain may
// end at is known. That an end means one thing only was checked by the datastore. Reads the tree
// only. Next: transaction.c, which sends it all.

#include <errno.h>

#include "control/datastore/cable_end.h"
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

static int encode_chain(struct encoder *c, const struct encode_owner *tenant,
                        const struct lyd_node *node)
{
    struct api_chain *chain = encode_add(c, API_CHAIN);
    int rc;

    if (chain == NULL)
        return encode_no_memory(c);
    chain->owner = tenant->index;
    rc = encode_text(c, chain->name, sizeof(chain->name), node_value(node, "name"));
    if (rc == 0)
        rc = encode_end(c, &chain->inside, tenant->name, node_value(node, "inside"));
    if (rc == 0)
        rc = encode_end(c, &chain->outside, tenant->name, node_value(node, "outside"));
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
