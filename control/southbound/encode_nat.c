// SPDX-License-Identifier: BSD-3-Clause
// Which addresses become which? Called by encode.c for each tenant: NATs with their source rules by
// ascending seq, 1:1 entries and forwards. What overlaps was refused by the datastore. Reads the
// tree only. Next: encode_chain.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/southbound/encoder.h"

static void put_address(uint8_t to[4], uint32_t address)
{
    to[0] = (uint8_t)(address >> 24);
    to[1] = (uint8_t)(address >> 16);
    to[2] = (uint8_t)(address >> 8);
    to[3] = (uint8_t)address;
}

static int take_prefix(struct encoder *c, const char *text, uint8_t to[4], uint8_t *len)
{
    struct address a;

    if (address_parse(text, &a) < 0 || a.family != 4)
        return failure(c->e, -EINVAL, NULL, "%s is no IPv4 prefix", text);
    memcpy(to, a.bytes, 4);
    if (len != NULL)
        *len = a.prefix_len;
    return 0;
}

static int encode_pool(struct encoder *c, uint32_t source, const char *text)
{
    struct api_nat_pool *item = encode_add(c, API_NAT_POOL);
    uint32_t first, last;

    if (item == NULL)
        return encode_no_memory(c);
    if (address_range_parse(text, &first, &last) < 0)
        return failure(c->e, -EINVAL, NULL, "%s are no IPv4 addresses", text);
    item->owner = source;
    put_address(item->first, first);
    put_address(item->last, last);
    return 0;
}

static int encode_source(struct encoder *c, uint32_t nat, const struct lyd_node *node)
{
    struct api_nat_source *item = encode_add(c, API_NAT_SOURCE);
    const char *destination = node_value(node, "destination");
    uint32_t index = encode_count(c, API_NAT_SOURCE) - 1;
    const struct lyd_node *n;
    int rc;

    if (item == NULL)
        return encode_no_memory(c);
    item->owner = nat;
    item->seq = encode_uint(node, "seq");
    item->flags = node_number(node, "exempt") ? API_NAT_EXEMPT : 0;
    rc = take_prefix(c, node_value(node, "prefix"), item->prefix, &item->prefix_len);
    if (rc == 0 && destination[0] != '\0')
        rc = take_prefix(c, destination, item->destination, &item->destination_len);
    for (n = node_child(node, "pool"); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "pool"))
            rc = encode_pool(c, index, node_text(n));
    return rc;
}

static int compare_sources(const void *a, const void *b)
{
    unsigned long x = node_number(*(const struct lyd_node *const *)a, "seq");
    unsigned long y = node_number(*(const struct lyd_node *const *)b, "seq");

    return x < y ? -1 : x > y;
}

// In the order of seq: their pools refer to them by their place.
static int encode_sources(struct encoder *c, uint32_t nat, const struct lyd_node *node)
{
    const struct lyd_node **sources, *child;
    size_t n = 0, n_sources = 0;
    int rc = 0;

    for (child = node_first(node); child != NULL; child = node_next(child))
        n += encode_is_named(child, "source");
    sources = calloc(n + 1, sizeof(const struct lyd_node *));
    if (sources == NULL)
        return encode_no_memory(c);
    for (child = node_first(node); child != NULL; child = node_next(child))
        if (encode_is_named(child, "source"))
            sources[n_sources++] = child;
    qsort(sources, n, sizeof(sources[0]), compare_sources);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = encode_source(c, nat, sources[i]);
    free(sources);
    return rc;
}

static int encode_static(struct encoder *c, uint32_t nat, const struct lyd_node *node)
{
    struct api_nat_static *item = encode_add(c, API_NAT_STATIC);
    int rc;

    if (item == NULL)
        return encode_no_memory(c);
    item->owner = nat;
    rc = take_prefix(c, node_value(node, "inside"), item->inside, &item->prefix_len);
    return rc < 0 ? rc : take_prefix(c, node_value(node, "outside"), item->outside, NULL);
}

static int encode_forward(struct encoder *c, uint32_t nat, const struct lyd_node *node)
{
    struct api_nat_forward *item = encode_add(c, API_NAT_FORWARD);
    const char *protocol = node_value(node, "protocol"), *port = node_value(node, "port");
    int rc;

    if (item == NULL)
        return encode_no_memory(c);
    item->owner = nat;
    if (strcmp(protocol, "any") != 0) {
        item->protocol = protocol_number(protocol);
        if (port_range_parse(port, &item->port_first, &item->port_last) < 0)
            return failure(c->e, -EINVAL, NULL, "%s are no ports", port);
        item->to_port = (uint16_t)node_number(node, "to-port");
        if (item->to_port == 0)
            item->to_port = item->port_first;
    }
    rc = take_prefix(c, node_value(node, "address"), item->address, NULL);
    return rc < 0 ? rc : take_prefix(c, node_value(node, "to"), item->to, NULL);
}

static uint8_t dependence_of(const struct lyd_node *node, const char *name)
{
    const char *text = node_value(node, name);

    if (strcmp(text, "address-dependent") == 0)
        return API_NAT_ADDRESS_DEPENDENT;
    return strcmp(text, "address-and-port-dependent") == 0 ? API_NAT_ADDRESS_AND_PORT_DEPENDENT
                                                           : API_NAT_ENDPOINT_INDEPENDENT;
}

static int fill_nat(struct encoder *c, struct api_nat *nat, const struct lyd_node *node)
{
    unsigned flags = 0;

    nat->mapping = dependence_of(node, "mapping");
    nat->filtering = dependence_of(node, "filtering");
    flags |= node_number(node, "paired") ? API_NAT_PAIRED : 0;
    flags |= node_number(node, "hairpin") ? API_NAT_HAIRPIN : 0;
    flags |= node_number(node, "parity") ? API_NAT_PARITY : 0;
    flags |= node_number(node, "inbound-refresh") ? API_NAT_INBOUND_REFRESH : 0;
    nat->flags = (uint16_t)flags;
    nat->host_limit = encode_uint(node, "host-limit");
    if (port_range_parse(node_value(node, "ports"), &nat->port_first, &nat->port_last) < 0)
        return failure(c->e, -EINVAL, NULL, "%s are no ports", node_value(node, "ports"));
    return encode_text(c, nat->name, sizeof(nat->name), node_value(node, "name"));
}

static int encode_nat(struct encoder *c, const struct encode_owner *tenant,
                      const struct lyd_node *node)
{
    struct api_nat *nat = encode_add(c, API_NAT);
    uint32_t index = encode_count(c, API_NAT) - 1;
    const struct lyd_node *n;
    int rc;

    if (nat == NULL)
        return encode_no_memory(c);
    nat->owner = tenant->index;
    rc = fill_nat(c, nat, node);
    if (rc == 0)
        rc = encode_remember(c, "nat", tenant->name, node_value(node, "name"), NULL, index);
    if (rc == 0)
        rc = encode_sources(c, index, node);
    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n)) {
        if (encode_is_named(n, "static"))
            rc = encode_static(c, index, n);
        else if (encode_is_named(n, "forward"))
            rc = encode_forward(c, index, n);
    }
    return rc;
}

int encode_nats(struct encoder *c, const struct encode_owner *tenant, const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "nats"))
            rc = encode_nat(c, tenant, n);
    return rc;
}
