// SPDX-License-Identifier: BSD-3-Clause
// Is everything plugged in once, and into something that is there? Members of switches, both ends
// of chains, guests on chains, kernel twins of router interfaces. Main thread, called by check.c;
// changes nothing. Next: wire.c.

#include "dataplane/server/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// In place of VLANs: the port is a guest's on a chain, and attached to nothing else at all.
#define VLANS_OF_GUEST UINT32_MAX
#define MAX_MEMBERS 4096 // of one switch: a flood takes so many references to one buffer

// What may be plugged in once only: an attachment of a port, or (kind) an interface.
struct cable_key {
    uint32_t kind; // enum api_end_kind
    uint32_t index;
    uint32_t vlans;
};

struct cables {
    const struct model *model;
    struct cable_key *keys;
    uint32_t n;
    uint32_t *n_of_switch; // members and chains
    struct error *e;
};

static uint32_t count(const struct model *model, enum api_type type)
{
    uint32_t n;

    (void)model_items(model, type, &n);
    return n;
}

static void add_key(struct cables *c, uint32_t kind, uint32_t index, uint32_t vlans)
{
    c->keys[c->n++] = (struct cable_key){kind, index, vlans};
}

static int add_member(struct cables *c, const struct api_member *member)
{
    uint32_t n;
    const struct api_switch *sw =
        (const struct api_switch *)model_items(c->model, API_SWITCH, &n) + member->owner;
    const char *tenant = check_tenant_name(c->model, sw->owner);

    if (member->port >= count(c->model, API_PORT))
        return check_refuse(c->e, tenant, sw->name, "a member's port does not exist");
    if (member->inner_vlan != 0 && member->outer_vlan == 0)
        return check_refuse(c->e, tenant, sw->name,
                            "a member has an inner VLAN without an outer one");
    if (++c->n_of_switch[member->owner] > MAX_MEMBERS)
        return check_refuse(c->e, tenant, sw->name, "more than 4096 members and chains");
    add_key(c, API_END_PORT, member->port, (uint32_t)member->outer_vlan << 16 | member->inner_vlan);
    return 0;
}

static int add_end(struct cables *c, const struct api_chain *chain, const struct api_end *end)
{
    static const enum api_type types[API_END_N_KINDS] = {
        [API_END_PORT] = API_PORT,
        [API_END_SWITCH] = API_SWITCH,
        [API_END_INTERFACE] = API_INTERFACE,
    };
    const char *tenant = check_tenant_name(c->model, chain->owner);

    if (end->index >= count(c->model, types[end->kind]))
        return check_refuse(c->e, tenant, chain->name, "an end of the chain does not exist");
    if (end->kind != API_END_PORT && (end->outer_vlan != 0 || end->inner_vlan != 0))
        return check_refuse(c->e, tenant, chain->name, "only an end at a port has VLANs");
    if (end->inner_vlan != 0 && end->outer_vlan == 0)
        return check_refuse(c->e, tenant, chain->name, "an end has an inner VLAN but no outer one");
    if (end->kind == API_END_SWITCH) {
        if (++c->n_of_switch[end->index] > MAX_MEMBERS)
            return check_refuse(c->e, tenant, chain->name,
                                "its switch has more than 4096 members and chains");
        return 0;
    }
    add_key(c, end->kind, end->index, (uint32_t)end->outer_vlan << 16 | end->inner_vlan);
    return 0;
}

static int add_chain(struct cables *c, const struct api_chain *chain)
{
    int rc;

    if (memcmp(&chain->inside, &chain->outside, sizeof(chain->inside)) == 0)
        return check_refuse(c->e, check_tenant_name(c->model, chain->owner), chain->name,
                            "both ends of the chain are the same");
    rc = add_end(c, chain, &chain->inside);
    return rc < 0 ? rc : add_end(c, chain, &chain->outside);
}

static int add_twin(struct cables *c, const struct api_interface *interface)
{
    uint32_t n;
    const struct api_port *ports = model_items(c->model, API_PORT, &n);

    if (interface->kernel_port == API_NONE)
        return 0;
    if (interface->kernel_port >= n || ports[interface->kernel_port].type != API_PORT_TAP)
        return error_set(c->e, -EINVAL, interface->name, "the interface's kernel twin is no tap");
    add_key(c, API_END_PORT, interface->kernel_port, 0);
    return 0;
}

static int add_guest(struct cables *c, const struct api_guest_function *guest)
{
    uint32_t n_ports = count(c->model, API_PORT);

    if (guest->inside >= n_ports || guest->outside >= n_ports)
        return check_refuse(c->e, check_tenant_name(c->model, guest->owner), guest->name,
                            "a port of the guest does not exist");
    add_key(c, API_END_PORT, guest->inside, VLANS_OF_GUEST);
    add_key(c, API_END_PORT, guest->outside, VLANS_OF_GUEST);
    return 0;
}

static int add_all(struct cables *c)
{
    uint32_t n;
    const struct api_guest_function *guests;
    const struct api_member *members = model_items(c->model, API_MEMBER, &n);
    const struct api_interface *interfaces;
    const struct api_chain *chains;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_member(c, &members[i]);
    chains = model_items(c->model, API_CHAIN, &n);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_chain(c, &chains[i]);
    guests = model_items(c->model, API_GUEST_FUNCTION, &n);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_guest(c, &guests[i]);
    interfaces = model_items(c->model, API_INTERFACE, &n);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_twin(c, &interfaces[i]);
    return rc;
}

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct cable_key)); // any order will do
}

// Whether a guest has the port of this key, and something else has it too. Among the keys of a port
// the guest's is the last.
static int is_beside_guest(const struct cable_key *key)
{
    return key->kind == API_END_PORT && key->vlans == VLANS_OF_GUEST &&
           key[-1].kind == API_END_PORT && key[-1].index == key->index;
}

static int check_keys(const struct cables *c)
{
    uint32_t n;
    const struct api_port *ports = model_items(c->model, API_PORT, &n);
    const struct api_interface *interfaces = model_items(c->model, API_INTERFACE, &n);

    qsort(c->keys, c->n, sizeof(*c->keys), compare_keys);
    for (uint32_t i = 1; i < c->n; i++) {
        const struct cable_key *key = &c->keys[i];

        if (compare_keys(key - 1, key) != 0 && !is_beside_guest(key))
            continue;
        if (key->kind == API_END_INTERFACE)
            return error_set(c->e, -EINVAL, interfaces[key->index].name,
                             "two chains end at this router interface");
        return check_refuse(c->e, check_tenant_name(c->model, ports[key->index].owner),
                            ports[key->index].name,
                            "the same attachment of this port is plugged in twice");
    }
    return 0;
}

int check_cables(const struct model *model, struct error *e)
{
    struct cables c = {.model = model, .e = e};
    size_t n_keys = count(model, API_MEMBER) + 2 * (size_t)count(model, API_CHAIN) +
                    2 * (size_t)count(model, API_GUEST_FUNCTION) + count(model, API_INTERFACE) + 1;
    int rc;

    c.keys = calloc(n_keys, sizeof(*c.keys));
    c.n_of_switch = calloc((size_t)count(model, API_SWITCH) + 1, sizeof(*c.n_of_switch));
    if (c.keys == NULL || c.n_of_switch == NULL)
        rc = error_set(e, -ENOMEM, NULL, "out of memory");
    else
        rc = add_all(&c);
    if (rc == 0)
        rc = check_keys(&c);
    free(c.keys);
    free(c.n_of_switch);
    return rc;
}
