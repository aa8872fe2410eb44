// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane have to know of a router and its interfaces? Called by encode.c for each
// tenant, once all ports are known, and by encode_port.c for the twins, which are ports. Reads the
// tree only. Next: encode_route.c.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/southbound/encoder.h"

// Without one of its own, an interface has a MAC address that stays the same as long as its name
// does: locally administered, and 40 bits of a hash (FNV-1a, folded) of "tenant/router/interface".
static void derive_mac(uint8_t mac[6], const char *tenant, const char *router, const char *name)
{
    uint64_t hash = 0xcbf29ce484222325ULL;
    char text[3 * API_NAME_SIZE];

    snprintf(text, sizeof(text), "%s/%s/%s", tenant, router, name);
    for (const char *p = text; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3ULL;
    hash ^= hash >> 40;
    mac[0] = 0x02;
    for (unsigned i = 1; i < 6; i++)
        mac[i] = (uint8_t)(hash >> 8 * (5 - i));
}

static void interface_mac(uint8_t mac[6], const char *tenant, const char *router,
                          const struct lyd_node *node)
{
    const char *given = node_value(node, "mac-address");

    if (given[0] != '\0')
        encode_mac(mac, given);
    else
        derive_mac(mac, tenant, router, node_value(node, "name"));
}

static int encode_twin(struct encoder *c, const struct encode_owner *tenant, const char *router,
                       const struct lyd_node *node)
{
    const char *name = node_value(node, "name"), *given = node_value(node, "kernel-interface");
    struct api_port *port = encode_add(c, API_PORT);
    char full[2 * API_NAME_SIZE];
    int rc;

    if (port == NULL)
        return encode_no_memory(c);
    snprintf(full, sizeof(full), "%s.%s", router, name);
    port->owner = tenant->index;
    port->type = API_PORT_TAP;
    port->flags = API_PORT_CSUM | API_PORT_TSO;
    port->n_queues = 1;
    port->mtu = (uint16_t)encode_uint(node, "mtu");
    port->mac_limit = 1; // no switch is behind it
    interface_mac(port->mac, tenant->name, router, node);
    rc = encode_text(c, port->name, sizeof(port->name), full);
    if (rc == 0)
        rc = encode_text(c, port->device, sizeof(port->device), given[0] == '\0' ? full : given);
    if (rc == 0)
        rc =
            encode_text(c, port->netns, sizeof(port->netns), node_value(node, "network-namespace"));
    return rc < 0 ? rc
                  : encode_remember(c, "twin", tenant->name, router, name,
                                    encode_count(c, API_PORT) - 1);
}

int encode_twins(struct encoder *c, const struct encode_owner *tenant,
                 const struct lyd_node *router)
{
    const struct lyd_node *n = node_child(router, "interfaces");
    int rc = 0;

    for (; n != NULL && rc == 0 && encode_is_named(n, "interfaces"); n = node_next(n))
        if (node_number(n, "kernel") != 0)
            rc = encode_twin(c, tenant, node_value(router, "name"), n);
    return rc;
}

static int encode_interface_address(struct encoder *c, uint32_t interface, const char *text)
{
    struct api_interface_address *item = encode_add(c, API_INTERFACE_ADDRESS);
    struct address a;

    if (item == NULL)
        return encode_no_memory(c);
    if (address_parse(text, &a) < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no address", text);
    item->owner = interface;
    item->family = a.family;
    item->prefix_len = a.prefix_len;
    memcpy(item->address, a.bytes, sizeof(item->address));
    return 0;
}

static int encode_neighbor(struct encoder *c, uint32_t interface, const struct lyd_node *node)
{
    struct api_neighbor *item = encode_add(c, API_NEIGHBOR);
    const char *text = node_value(node, "address");
    struct address a;

    if (item == NULL)
        return encode_no_memory(c);
    if (address_parse(text, &a) < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no address", text);
    item->owner = interface;
    item->family = a.family;
    encode_mac(item->mac, node_value(node, "mac-address"));
    memcpy(item->address, a.bytes, sizeof(item->address));
    return 0;
}

static int encode_interface(struct encoder *c, const struct encode_owner *tenant,
                            const char *router, const struct lyd_node *node)
{
    struct api_interface *interface = encode_add(c, API_INTERFACE);
    const char *name = node_value(node, "name");
    uint32_t index = encode_count(c, API_INTERFACE) - 1;
    const struct lyd_node *n;
    int64_t twin;
    int rc;

    if (interface == NULL)
        return encode_no_memory(c);
    interface->owner = encode_count(c, API_ROUTER) - 1;
    interface_mac(interface->mac, tenant->name, router, node);
    interface->mtu = (uint16_t)encode_uint(node, "mtu");
    interface->tcp_mss = (uint16_t)encode_uint(node, "tcp-mss");
    if (strcmp(node_value(node, "source-check"), "strict") == 0)
        interface->flags = API_INTERFACE_STRICT_URPF;
    twin = encode_find(c, "twin", tenant->name, router, name);
    interface->kernel_port = twin < 0 ? API_NONE : (uint32_t)twin;
    rc = encode_text(c, interface->name, sizeof(interface->name), name);
    if (rc == 0)
        rc = encode_remember(c, "interface", tenant->name, router, name, index);
    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n)) {
        if (encode_is_named(n, "addresses"))
            rc = encode_interface_address(c, index, node_text(n));
        else if (encode_is_named(n, "neighbors"))
            rc = encode_neighbor(c, index, n);
    }
    return rc;
}

static int encode_router(struct encoder *c, const struct encode_owner *tenant,
                         const struct lyd_node *node)
{
    struct api_router *router = encode_add(c, API_ROUTER);
    const char *name = node_value(node, "name");
    const struct lyd_node *n;
    int rc;

    if (router == NULL)
        return encode_no_memory(c);
    router->owner = tenant->index;
    router->neighbor_limit = encode_uint(node, "neighbor-limit");
    router->route_limit = encode_uint(node, "route-limit");
    router->dynamic_preference = (uint8_t)encode_uint(node, "kernel-preference");
    rc = encode_text(c, router->name, sizeof(router->name), name);
    n = node_child(node, "interfaces");
    for (; n != NULL && rc == 0 && encode_is_named(n, "interfaces"); n = node_next(n))
        rc = encode_interface(c, tenant, name, n);
    return rc < 0 ? rc : encode_routes(c, tenant->name, node);
}

int encode_routers(struct encoder *c, const struct encode_owner *tenant,
                   const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "routers"))
            rc = encode_router(c, tenant, n);
    return rc;
}
