// SPDX-License-Identifier: BSD-3-Clause
// What does the dataplane have to know of a configuration? Turns the validated tree into the
// datagrams of one transaction, names into indices. Called by apply.c off the event loop; reads the
// tree only and decides nothing: whoever refuses a configuration did so before. Next:
// transaction.c.

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/node.h"
#include "control/failure.h"
#include "control/southbound/datagrams.h"
#include "control/southbound/encoding.h"
#include "control/southbound/member_index.h"
#include "control/southbound/port_index.h"

struct encoding {
    uint64_t config_id;
    struct datagrams datagrams;
};

// What the pieces share while one configuration is encoded.
struct encoder {
    struct item_list tenants, ports, addresses, switches, members, static_macs;
    struct port_index *port_index;
    struct config_error *e;
};

static bool is_named(const struct lyd_node *node, const char *name)
{
    return strcmp(node_name(node), name) == 0;
}

static uint32_t uint_of(const struct lyd_node *parent, const char *name)
{
    return (uint32_t)node_number(parent, name);
}

static uint32_t flag_of(const struct lyd_node *parent, const char *name, enum api_port_flag flag)
{
    return node_number(parent, name) != 0 ? (uint32_t)flag : 0;
}

static int copy_text(struct encoder *c, char *to, size_t size, const char *text)
{
    if (strlen(text) >= size)
        return failure(c->e, -EINVAL, NULL, "%s is longer than %zu characters", text, size - 1);
    memcpy(to, text, strlen(text)); // the item is zeroed
    return 0;
}

static int no_memory(struct encoder *c)
{
    return failure(c->e, -ENOMEM, NULL, "out of memory");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

// The schema has checked the form: six pairs of hexadecimal digits and colons.
static void read_mac(uint8_t mac[6], const char *text)
{
    for (unsigned i = 0; i < 6 && strlen(text) >= 2; i++) {
        mac[i] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += text[2] == ':' ? 3 : 2;
    }
}

static int encode_address(struct encoder *c, uint32_t port, const char *text)
{
    struct api_port_address *address = item_list_add(&c->addresses);
    const char *slash = strchr(text, '/');
    char host[INET6_ADDRSTRLEN + 1] = {0};
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);

    if (address == NULL)
        return no_memory(c);
    address->owner = port;
    if (len < sizeof(host))
        memcpy(host, text, len);
    if (inet_pton(AF_INET, host, address->address) == 1) {
        address->family = 4;
        address->prefix_len = 32;
    } else if (inet_pton(AF_INET6, host, address->address) == 1) {
        address->family = 6;
        address->prefix_len = 128;
    } else {
        return failure(c->e, -EINVAL, NULL, "%s is no address", text);
    }
    if (slash != NULL)
        address->prefix_len = (uint8_t)strtoul(slash + 1, NULL, 10);
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
    };
    const char *type = node_value(node, "type");
    int rc;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i].name) != 0)
            continue;
        port->type = (uint8_t)kinds[i].type;
        rc = copy_text(c, port->device, sizeof(port->device), node_value(node, kinds[i].device));
        if (rc < 0)
            return rc;
        return copy_text(c, port->device_out, sizeof(port->device_out),
                         node_value(node, kinds[i].device_out));
    }
    return failure(c->e, -ENOTSUP, NULL, "this dataplane has no ports of type %s", type);
}

static int encode_port(struct encoder *c, uint32_t tenant, const struct lyd_node *node)
{
    struct api_port *port = item_list_add(&c->ports);
    const struct lyd_node *storm = node_child(node, "storm-control"),
                          *offloads = node_child(node, "offloads");
    const struct lyd_node *leaf;
    int rc;

    if (port == NULL)
        return no_memory(c);
    port->owner = tenant;
    port->n_queues = (uint16_t)uint_of(node, "queues");
    port->mtu = (uint16_t)uint_of(node, "mtu");
    port->queue_size = (uint16_t)uint_of(node, "queue-size");
    port->mac_limit = uint_of(node, "mac-limit");
    port->storm_broadcast_pps = uint_of(storm, "broadcast");
    port->storm_multicast_pps = uint_of(storm, "multicast");
    port->storm_unknown_pps = uint_of(storm, "unknown-unicast");
    port->flags =
        flag_of(node, "guard", API_PORT_GUARD) | flag_of(node, "packed-ring", API_PORT_PACKED) |
        flag_of(offloads, "checksum", API_PORT_CSUM) | flag_of(offloads, "tso", API_PORT_TSO);
    if (strcmp(node_value(node, "mode"), "server") == 0)
        port->flags |= API_PORT_SERVER;
    read_mac(port->mac, node_value(node, "mac-address"));
    rc = copy_text(c, port->name, sizeof(port->name), node_value(node, "name"));
    if (rc == 0)
        rc = encode_device(c, port, node);
    if (rc == 0)
        rc = copy_text(c, port->netns, sizeof(port->netns), node_value(node, "network-namespace"));
    for (leaf = node_first(node); leaf != NULL; leaf = node_next(leaf))
        if (rc == 0 && is_named(leaf, "addresses"))
            rc = encode_address(c, c->ports.n - 1, node_text(leaf));
    return rc;
}

static int encode_member(struct encoder *c, uint32_t sw, const char *tenant, const char *text)
{
    struct api_member *member = item_list_add(&c->members);

    if (member == NULL)
        return no_memory(c);
    member->owner = sw;
    return port_index_resolve(c->port_index, tenant, text, member, c->e);
}

// `members` are those of the switch.
static int encode_static_mac(struct encoder *c, const struct member_index *members,
                             const char *tenant, const struct lyd_node *node)
{
    struct api_static_mac *mac = item_list_add(&c->static_macs);
    struct api_member wanted = {.owner = c->switches.n - 1};
    const char *text = node_value(node, "member");
    int64_t index;
    int rc;

    if (mac == NULL)
        return no_memory(c);
    mac->owner = wanted.owner;
    read_mac(mac->mac, node_value(node, "mac-address"));
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
    members = member_index_create(&c->members, first_member);
    if (members == NULL)
        return no_memory(c);
    for (; rc == 0 && n != NULL && is_named(n, "static-macs"); n = node_next(n))
        rc = encode_static_mac(c, members, tenant, n);
    member_index_destroy(members);
    return rc;
}

static int encode_switch(struct encoder *c, uint32_t tenant, const char *tenant_name,
                         const struct lyd_node *node)
{
    struct api_switch *sw = item_list_add(&c->switches);
    uint32_t index = c->switches.n - 1, first_member = c->members.n;
    const struct lyd_node *n;
    int rc;

    if (sw == NULL)
        return no_memory(c);
    sw->owner = tenant;
    sw->ageing_sec = uint_of(node, "ageing-time");
    sw->mac_table_size = uint_of(node, "mac-table-size");
    rc = copy_text(c, sw->name, sizeof(sw->name), node_value(node, "name"));
    for (n = node_first(node); n != NULL; n = node_next(n))
        if (rc == 0 && is_named(n, "members"))
            rc = encode_member(c, index, tenant_name, node_text(n));
    return rc < 0 ? rc : encode_static_macs(c, first_member, tenant_name, node);
}

// Tenants and their ports first: members may name any tenant's port.
static int encode_tenants(struct encoder *c, const struct lyd_node *tree)
{
    const struct lyd_node *t, *n;
    struct api_tenant *tenant;
    int rc = 0;

    for (t = tree; t != NULL; t = node_next(t)) {
        if (!is_named(t, "tenants"))
            continue;
        tenant = item_list_add(&c->tenants);
        if (tenant == NULL)
            return no_memory(c);
        tenant->neighbor_limit = uint_of(t, "neighbor-limit");
        rc = copy_text(c, tenant->name, sizeof(tenant->name), node_value(t, "name"));
        for (n = node_first(t); n != NULL; n = node_next(n))
            if (rc == 0 && is_named(n, "ports"))
                rc = encode_port(c, c->tenants.n - 1, n);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int encode_switches(struct encoder *c, const struct lyd_node *tree)
{
    const struct lyd_node *t, *n;
    uint32_t tenant = 0;
    int rc = 0;

    for (t = tree; t != NULL; t = node_next(t)) {
        if (!is_named(t, "tenants"))
            continue;
        for (n = node_first(t); n != NULL; n = node_next(n))
            if (rc == 0 && is_named(n, "switches"))
                rc = encode_switch(c, tenant, node_value(t, "name"), n);
        tenant++;
    }
    return rc;
}

static int write_datagrams(const struct encoder *c, struct encoding *encoding)
{
    const struct item_list *lists[] = {&c->tenants,  &c->ports,   &c->addresses,
                                       &c->switches, &c->members, &c->static_macs};
    struct api_begin begin = {.config_id = encoding->config_id};
    int rc = datagrams_add(&encoding->datagrams, API_BEGIN, &begin, 1);

    for (unsigned i = 0; rc == 0 && i < sizeof(lists) / sizeof(lists[0]); i++)
        rc = datagrams_add_list(&encoding->datagrams, lists[i]);
    if (rc == 0)
        rc = datagrams_add(&encoding->datagrams, API_COMMIT, NULL, 0);
    return rc < 0 ? failure(c->e, rc, NULL, "out of memory") : 0;
}

static void encoder_init(struct encoder *c, struct config_error *e)
{
    *c = (struct encoder){.e = e};
    item_list_init(&c->tenants, API_TENANT);
    item_list_init(&c->ports, API_PORT);
    item_list_init(&c->addresses, API_PORT_ADDRESS);
    item_list_init(&c->switches, API_SWITCH);
    item_list_init(&c->members, API_MEMBER);
    item_list_init(&c->static_macs, API_STATIC_MAC);
}

static void encoder_fini(struct encoder *c)
{
    item_list_fini(&c->tenants);
    item_list_fini(&c->ports);
    item_list_fini(&c->addresses);
    item_list_fini(&c->switches);
    item_list_fini(&c->members);
    item_list_fini(&c->static_macs);
    port_index_destroy(c->port_index);
}

int encoding_create(const struct config *config, struct encoding **encoding, struct config_error *e)
{
    const struct lyd_node *tree = config_tree(config);
    struct encoding *result = calloc(1, sizeof(*result));
    struct encoder c;
    int rc;

    if (result == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    result->config_id = config_id(config);
    encoder_init(&c, e);
    rc = encode_tenants(&c, tree);
    if (rc == 0) {
        c.port_index = port_index_create(&c.tenants, &c.ports);
        rc = c.port_index == NULL ? no_memory(&c) : encode_switches(&c, tree);
    }
    if (rc == 0)
        rc = write_datagrams(&c, result);
    encoder_fini(&c);
    if (rc < 0) {
        encoding_destroy(result);
        return rc;
    }
    *encoding = result;
    return 0;
}

void encoding_destroy(struct encoding *encoding)
{
    if (encoding == NULL)
        return;
    free(encoding->datagrams.bytes);
    free(encoding);
}

uint64_t encoding_config_id(const struct encoding *encoding)
{
    return encoding->config_id;
}

const struct api_header *encoding_next(const struct encoding *encoding, size_t *cursor)
{
    const struct api_header *h;

    if (*cursor >= encoding->datagrams.size)
        return NULL;
    h = (const void *)(encoding->datagrams.bytes + *cursor);
    *cursor += (h->len + 7U) & ~7U;
    return h;
}

const void *encoding_item(const struct encoding *encoding, unsigned type, uint32_t index)
{
    const struct api_header *h;
    size_t cursor = 0;

    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        if (h->type != type)
            continue;
        if (index < h->n_items)
            return (const char *)(h + 1) + index * (size_t)api_message(type)->item_size;
        index -= h->n_items;
    }
    return NULL;
}
