// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane have to know of a port? Called by encode.c for each tenant, ports before
// all that names one; the twins of router interfaces are ports, too, and follow the tenant's own.
// Reads the tree only. Next: encode_switch.c.

#include <errno.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/southbound/encoder.h"

static uint32_t flag_of(const struct lyd_node *parent, const char *name, enum api_port_flag flag)
{
    return node_number(parent, name) != 0 ? (uint32_t)flag : 0;
}

static int encode_port_address(struct encoder *c, uint32_t port, const char *text)
{
    struct api_port_address *item = encode_add(c, API_PORT_ADDRESS);
    struct address a;

    if (item == NULL)
        return encode_no_memory(c);
    if (address_parse(text, &a) < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no address", text);
    item->owner = port;
    item->family = a.family;
    item->prefix_len = a.prefix_len;
    memcpy(item->address, a.bytes, sizeof(item->address));
    return 0;
}

static int encode_device(struct encoder *c, struct api_port *port, const struct lyd_node *node)
{
    static const struct {
        const char *name, *device, *device_out;
        enum api_port_type type;
    } kinds[] = {
        {"vhost-user", "socket", "", API_PORT_VHOST_USER},
        {"tap", "interface", "", API_PORT_TAP},
        {"pcap", "input-file", "output-file", API_PORT_PCAP},
        {"ethdev", "device", "", API_PORT_ETHDEV},
        {"af-xdp", "interface", "", API_PORT_AF_XDP},
    };
    const char *type = node_value(node, "type");
    int rc;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i].name) != 0)
            continue;
        port->type = (uint8_t)kinds[i].type;
        rc = encode_text(c, port->device, sizeof(port->device), node_value(node, kinds[i].device));
        if (rc < 0)
            return rc;
        rc = encode_text(c, port->device_out, sizeof(port->device_out),
                         node_value(node, kinds[i].device_out));
        if (rc < 0)
            return rc;
        return encode_text(c, port->netns, sizeof(port->netns),
                           node_value(node, "network-namespace"));
    }
    return failure(c->e, -ENOTSUP, NULL, "this dataplane has no ports of type %s", type);
}

static int encode_port(struct encoder *c, const struct encode_owner *tenant,
                       const struct lyd_node *node)
{
    struct api_port *port = encode_add(c, API_PORT);
    const struct lyd_node *storm = node_child(node, "storm-control"),
                          *offloads = node_child(node, "offloads");
    const struct lyd_node *leaf;
    int rc;

    if (port == NULL)
        return encode_no_memory(c);
    port->owner = tenant->index;
    port->n_queues = (uint16_t)encode_uint(node, "queues");
    port->mtu = (uint16_t)encode_uint(node, "mtu");
    port->queue_size = (uint16_t)encode_uint(node, "queue-size");
    port->mac_limit = encode_uint(node, "mac-limit");
    port->storm_broadcast_pps = encode_uint(storm, "broadcast");
    port->storm_multicast_pps = encode_uint(storm, "multicast");
    port->storm_unknown_pps = encode_uint(storm, "unknown-unicast");
    port->flags =
        flag_of(node, "guard", API_PORT_GUARD) | flag_of(node, "packed-ring", API_PORT_PACKED) |
        flag_of(offloads, "checksum", API_PORT_CSUM) | flag_of(offloads, "tso", API_PORT_TSO);
    if (strcmp(node_value(node, "mode"), "server") == 0)
        port->flags |= API_PORT_SERVER;
    encode_mac(port->mac, node_value(node, "mac-address"));
    rc = encode_text(c, port->name, sizeof(port->name), node_value(node, "name"));
    if (rc == 0)
        rc = encode_device(c, port, node);
    for (leaf = node_first(node); leaf != NULL; leaf = node_next(leaf))
        if (rc == 0 && encode_is_named(leaf, "addresses"))
            rc = encode_port_address(c, encode_count(c, API_PORT) - 1, node_text(leaf));
    return rc;
}

int encode_ports(struct encoder *c, const struct encode_owner *tenant, const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n)) {
        if (encode_is_named(n, "ports"))
            rc = encode_port(c, tenant, n);
        else if (encode_is_named(n, "routers"))
            rc = encode_twins(c, tenant, n);
    }
    return rc;
}
