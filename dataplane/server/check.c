// SPDX-License-Identifier: BSD-3-Clause
// Do the objects of a transaction fit together? Each field is in range already (api_check); here
// are the references. Main thread, called by transaction.c before anything is built; changes
// nothing. Next: check_chains.c, check_cables.c, build.c.

#include "dataplane/server/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *check_tenant_name(const struct model *model, uint32_t tenant)
{
    uint32_t n;
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n);

    return tenant < n ? tenants[tenant].name : "?";
}

int check_refuse(struct error *e, const char *tenant, const char *name, const char *sentence)
{
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", tenant, name);
    return error_set(e, -EINVAL, path, "%s", sentence);
}

// Names of a tenant's objects of one kind are sorted by hand: (owner, name), then neighbours
// differ.
struct name_key {
    uint32_t owner;
    const char *name;
};

static int compare_names(const void *a, const void *b)
{
    const struct name_key *x = a, *y = b;

    if (x->owner != y->owner)
        return x->owner < y->owner ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int check_unique(const struct model *model, struct name_key *keys, uint32_t n,
                        struct error *e)
{
    qsort(keys, n, sizeof(*keys), compare_names);
    for (uint32_t i = 1; i < n; i++)
        if (compare_names(&keys[i - 1], &keys[i]) == 0)
            return check_refuse(e, check_tenant_name(model, keys[i].owner), keys[i].name,
                                "two objects of one kind have this name");
    return 0;
}

static int check_names(const struct model *model, enum api_type type, size_t name_offset,
                       int has_owner, struct error *e)
{
    uint32_t n;
    const char *items = model_items(model, type, &n);
    size_t item_size = api_message(type)->item_size;
    struct name_key *keys = calloc(n + 1, sizeof(*keys));
    int rc;

    if (keys == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        const char *item = items + i * item_size;

        if (has_owner)
            memcpy(&keys[i].owner, item, sizeof(keys[i].owner));
        keys[i].name = item + name_offset;
    }
    rc = check_unique(model, keys, n, e);
    free(keys);
    return rc;
}

// Owners exist and ascend.
static int check_owners(const struct model *model, enum api_type type, enum api_type owner_type,
                        struct error *e)
{
    uint32_t n, n_owners, owner, last = 0;
    const char *items = model_items(model, type, &n);
    size_t item_size = api_message(type)->item_size;

    model_items(model, owner_type, &n_owners);
    for (uint32_t i = 0; i < n; i++) {
        memcpy(&owner, items + i * item_size, sizeof(owner));
        if (owner >= n_owners)
            return error_set(e, -EINVAL, api_message(type)->name, "%s %u belongs to %s %u of %u",
                             api_message(type)->name, i, api_message(owner_type)->name, owner,
                             n_owners);
        if (owner < last)
            return error_set(e, -EINVAL, api_message(type)->name,
                             "%s %u is not in ascending order of its owner",
                             api_message(type)->name, i);
        last = owner;
    }
    return 0;
}

static int is_unicast(const uint8_t *mac)
{
    static const uint8_t zero[6];

    return (mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0;
}

static int check_ports(const struct model *model, struct error *e)
{
    static const uint8_t zero[6];
    uint32_t n;
    const struct api_port *ports = model_items(model, API_PORT, &n);

    if (n > API_MAX_PORTS)
        return error_set(e, -ENOSPC, NULL, "%u ports, no more than %d", n, API_MAX_PORTS);
    for (uint32_t i = 0; i < n; i++) {
        const struct api_port *port = &ports[i];
        const char *tenant = check_tenant_name(model, port->owner);
        int has_mac = memcmp(port->mac, zero, sizeof(zero)) != 0;

        if (has_mac && !is_unicast(port->mac))
            return check_refuse(e, tenant, port->name, "the MAC address is not a unicast one");
        if ((port->flags & API_PORT_GUARD) && !has_mac)
            return check_refuse(e, tenant, port->name, "guard needs the port's MAC address");
        if ((port->flags & API_PORT_TSO) && !(port->flags & API_PORT_CSUM))
            return check_refuse(e, tenant, port->name, "TSO needs checksum offload");
        if (port->type == API_PORT_TAP && port->device[0] == '\0')
            return check_refuse(e, tenant, port->name, "a tap needs its interface's name");
        if (port->type == API_PORT_ETHDEV && port->device[0] == '\0')
            return check_refuse(e, tenant, port->name, "an ethdev needs its device arguments");
    }
    return 0;
}

static int check_addresses(const struct model *model, struct error *e)
{
    static const uint8_t zero[12];
    uint32_t n, n_ports;
    const struct api_port_address *addresses = model_items(model, API_PORT_ADDRESS, &n);
    const struct api_port *ports = model_items(model, API_PORT, &n_ports);

    for (uint32_t i = 0; i < n; i++) {
        const struct api_port_address *a = &addresses[i];
        const struct api_port *port = &ports[a->owner];
        int is_good = a->family == 6 || (a->family == 4 && a->prefix_len <= 32 &&
                                         memcmp(a->address + 4, zero, 12) == 0);

        if (!is_good)
            return check_refuse(e, check_tenant_name(model, port->owner), port->name,
                                "an address is neither IPv4 nor IPv6");
    }
    return 0;
}

static int check_static_macs(const struct model *model, struct error *e)
{
    uint32_t n, n_members, n_switches;
    const struct api_static_mac *macs = model_items(model, API_STATIC_MAC, &n);
    const struct api_member *members = model_items(model, API_MEMBER, &n_members);
    const struct api_switch *switches = model_items(model, API_SWITCH, &n_switches);

    for (uint32_t i = 0; i < n; i++) {
        const struct api_switch *sw = &switches[macs[i].owner];

        if (macs[i].member >= n_members || members[macs[i].member].owner != macs[i].owner)
            return check_refuse(e, check_tenant_name(model, sw->owner), sw->name,
                                "a static MAC names a member of another switch");
        if (!is_unicast(macs[i].mac))
            return check_refuse(e, check_tenant_name(model, sw->owner), sw->name,
                                "a static MAC is not a unicast one");
    }
    return 0;
}

int check_model(const struct model *model, struct error *e)
{
    static const enum api_type owners[][2] = {
        {API_PORT, API_TENANT},
        {API_PORT_ADDRESS, API_PORT},
        {API_SWITCH, API_TENANT},
        {API_MEMBER, API_SWITCH},
        {API_STATIC_MAC, API_SWITCH},
        {API_ROUTER, API_TENANT},
        {API_INTERFACE, API_ROUTER},
        {API_INTERFACE_ADDRESS, API_INTERFACE},
        {API_NEIGHBOR, API_INTERFACE},
        {API_NEXT_HOP_GROUP, API_ROUTER},
        {API_NEXT_HOP, API_NEXT_HOP_GROUP},
        {API_ROUTE, API_ROUTER},
        {API_GUEST_FUNCTION, API_TENANT},
        {API_ADDRESS_GROUP, API_TENANT},
        {API_GROUP_PREFIX, API_ADDRESS_GROUP},
        {API_PORT_GROUP, API_TENANT},
        {API_GROUP_PORTS, API_PORT_GROUP},
        {API_FIREWALL, API_TENANT},
        {API_RULE, API_FIREWALL},
        {API_NAT, API_TENANT},
        {API_NAT_SOURCE, API_NAT},
        {API_NAT_POOL, API_NAT_SOURCE},
        {API_NAT_STATIC, API_NAT},
        {API_NAT_FORWARD, API_NAT},
        {API_CHAIN, API_TENANT},
        {API_CHAIN_FUNCTION, API_CHAIN},
    };
    static const struct {
        enum api_type type;
        uint32_t name_offset;
        int has_owner;
    } names[] = {
        {API_TENANT, offsetof(struct api_tenant, name), 0},
        {API_PORT, offsetof(struct api_port, name), 1},
        {API_SWITCH, offsetof(struct api_switch, name), 1},
        {API_ROUTER, offsetof(struct api_router, name), 1},
        {API_GUEST_FUNCTION, offsetof(struct api_guest_function, name), 1},
        {API_ADDRESS_GROUP, offsetof(struct api_address_group, name), 1},
        {API_PORT_GROUP, offsetof(struct api_port_group, name), 1},
        {API_FIREWALL, offsetof(struct api_firewall, name), 1},
        {API_NAT, offsetof(struct api_nat, name), 1},
        {API_CHAIN, offsetof(struct api_chain, name), 1},
    };
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < sizeof(owners) / sizeof(owners[0]); i++)
        rc = check_owners(model, owners[i][0], owners[i][1], e);
    for (unsigned i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        rc = check_names(model, names[i].type, names[i].name_offset, names[i].has_owner, e);
    if (rc == 0)
        rc = check_ports(model, e);
    if (rc == 0)
        rc = check_addresses(model, e);
    if (rc == 0)
        rc = check_chains(model, e);
    if (rc == 0)
        rc = check_cables(model, e);
    if (rc == 0)
        rc = check_static_macs(model, e);
    return rc;
}
