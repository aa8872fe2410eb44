// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane have to know of a switch? Called by encode.c for each tenant, off the
// event loop, once all ports are known: a member may be any tenant's port. Reads the tree only.
// Next: encode_router.c.

#include <errno.h>

#include "control/southbound/encoder.h"
#include "control/southbound/member_index.h"

static int encode_member(struct encoder *c, uint32_t sw, const char *tenant, const char *text)
{
    struct api_member *member = encode_add(c, API_MEMBER);

    if (member == NULL)
        return encode_no_memory(c);
    member->owner = sw;
    return port_index_resolve(c->port_index, tenant, text, member, c->e);
}

// `members` are those of the switch.
static int encode_static_mac(struct encoder *c, const struct member_index *members,
                             const char *tenant, const struct lyd_node *node)
{
    struct api_static_mac *mac = encode_add(c, API_STATIC_MAC);
    struct api_member wanted = {.owner = encode_count(c, API_SWITCH) - 1};
    const char *text = node_value(node, "member");
    int64_t index;
    int rc;

    if (mac == NULL)
        return encode_no_memory(c);
    mac->owner = wanted.owner;
    encode_mac(mac->mac, node_value(node, "mac-address"));
    rc = port_index_resolve(c->port_index, tenant, text, &wanted, c->e);
    if (rc < 0)
        return rc;
    index = member_index_find(members, &wanted);
    if (index < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no member of this switch", text);
    mac->member = (uint32_t)index;
    return 0;
}

// All of the last switch, whose members begin at first_member.
static int encode_static_macs(struct encoder *c, uint32_t first_member, const char *tenant,
                              const struct lyd_node *sw)
{
    const struct lyd_node *n = node_child(sw, "static-macs");
    struct member_index *members;
    int rc = 0;

    if (n == NULL)
        return 0;
    members = member_index_create(&c->lists[API_MEMBER], first_member);
    if (members == NULL)
        return encode_no_memory(c);
    for (; rc == 0 && n != NULL && encode_is_named(n, "static-macs"); n = node_next(n))
        rc = encode_static_mac(c, members, tenant, n);
    member_index_destroy(members);
    return rc;
}

static int encode_switch(struct encoder *c, const struct encode_owner *tenant,
                         const struct lyd_node *node)
{
    struct api_switch *sw = encode_add(c, API_SWITCH);
    uint32_t index = encode_count(c, API_SWITCH) - 1, first_member = encode_count(c, API_MEMBER);
    const struct lyd_node *n;
    int rc;

    if (sw == NULL)
        return encode_no_memory(c);
    sw->owner = tenant->index;
    sw->ageing_sec = encode_uint(node, "ageing-time");
    sw->mac_table_size = encode_uint(node, "mac-table-size");
    rc = encode_text(c, sw->name, sizeof(sw->name), node_value(node, "name"));
    if (rc == 0)
        rc = encode_remember(c, "switch", tenant->name, sw->name, NULL, index);
    for (n = node_first(node); n != NULL; n = node_next(n))
        if (rc == 0 && encode_is_named(n, "members"))
            rc = encode_member(c, index, tenant->name, node_text(n));
    return rc < 0 ? rc : encode_static_macs(c, first_member, tenant->name, node);
}

int encode_switches(struct encoder *c, const struct encode_owner *tenant,
                    const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "switches"))
            rc = encode_switch(c, tenant, n);
    return rc;
}
