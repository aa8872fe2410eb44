// SPDX-License-Identifier: BSD-3-Clause
// Which rules are there, in which order? Called by encode.c for each tenant: groups, then firewalls
// with their rules by ascending seq, wherever they stand in the text. encode_rule also serves the
// edit of a single rule. Reads the tree only. Next: encode_nat.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/southbound/encoder.h"

static int encode_prefix(struct encoder *c, uint32_t group, const char *text)
{
    struct api_group_prefix *item = encode_add(c, API_GROUP_PREFIX);
    struct address a;

    if (item == NULL)
        return encode_no_memory(c);
    if (address_parse(text, &a) < 0)
        return failure(c->e, -EINVAL, NULL, "%s is no prefix", text);
    item->owner = group;
    item->family = a.family;
    item->prefix_len = a.prefix_len;
    memcpy(item->address, a.bytes, sizeof(item->address));
    return 0;
}

static int encode_ports_of_group(struct encoder *c, uint32_t group, const char *text)
{
    struct api_group_ports *item = encode_add(c, API_GROUP_PORTS);

    if (item == NULL)
        return encode_no_memory(c);
    item->owner = group;
    if (port_range_parse(text, &item->first, &item->last) < 0)
        return failure(c->e, -EINVAL, NULL, "%s are no ports", text);
    return 0;
}

static int encode_group(struct encoder *c, const struct encode_owner *tenant,
                        const struct lyd_node *node, bool is_ports)
{
    enum api_type type = is_ports ? API_PORT_GROUP : API_ADDRESS_GROUP;
    struct api_address_group *group = encode_add(c, type); // both are an owner and a name
    const char *name = node_value(node, "name");
    uint32_t index = encode_count(c, type) - 1;
    const struct lyd_node *n;
    int rc;

    if (group == NULL)
        return encode_no_memory(c);
    group->owner = tenant->index;
    rc = encode_text(c, group->name, sizeof(group->name), name);
    if (rc == 0)
        rc = encode_remember(c, is_ports ? "port-group" : "address-group", tenant->name, name, NULL,
                             index);
    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n)) {
        if (encode_is_named(n, "prefixes"))
            rc = encode_prefix(c, index, node_text(n));
        else if (encode_is_named(n, "ports"))
            rc = encode_ports_of_group(c, index, node_text(n));
    }
    return rc;
}

static uint8_t action_of(const char *text)
{
    if (strcmp(text, "allow") == 0)
        return API_ACTION_ALLOW;
    return strcmp(text, "reject") == 0 ? API_ACTION_REJECT : API_ACTION_DENY;
}

static void rule_network(struct api_rule *item, const char *text, uint8_t *len, uint8_t address[16])
{
    struct address a;

    if (text == NULL || address_parse(text, &a) < 0)
        return;
    item->family = a.family;
    *len = a.prefix_len;
    memcpy(address, a.bytes, 16);
}

static void rule_ports(const char *text, uint16_t *first, uint16_t *last)
{
    *first = 0;
    *last = UINT16_MAX;
    if (text != NULL)
        port_range_parse(text, first, last);
}

static uint16_t rule_flags(const struct rule *rule)
{
    unsigned flags = 0;

    flags |= rule->field[RULE_PROTOCOL] ? API_RULE_PROTOCOL : 0;
    flags |= rule->field[RULE_ICMP_TYPE] ? API_RULE_ICMP_TYPE : 0;
    flags |= rule->field[RULE_ICMP_CODE] ? API_RULE_ICMP_CODE : 0;
    flags |= rule_number(rule, RULE_STATELESS) ? API_RULE_STATELESS : 0;
    flags |= rule_number(rule, RULE_LOG) ? API_RULE_LOG : 0;
    return (uint16_t)flags;
}

void encode_rule(const struct rule *rule, struct api_rule *item)
{
    const char *tcp_flags = rule_text(rule, RULE_TCP_FLAGS);

    item->seq = rule_number(rule, RULE_SEQ);
    item->direction =
        strcmp(rule_text(rule, RULE_DIRECTION), "in") == 0 ? API_DIRECTION_IN : API_DIRECTION_OUT;
    item->action = action_of(rule_text(rule, RULE_ACTION));
    item->flags = rule_flags(rule);
    if (rule->field[RULE_PROTOCOL])
        item->protocol = protocol_number(rule_text(rule, RULE_PROTOCOL));
    item->icmp_type = (uint8_t)rule_number(rule, RULE_ICMP_TYPE);
    item->icmp_code = (uint8_t)rule_number(rule, RULE_ICMP_CODE);
    if (tcp_flags != NULL)
        tcp_flags_parse(tcp_flags, &item->tcp_flags, &item->tcp_flags_mask);
    rule_network(item, rule_text(rule, RULE_SOURCE_NETWORK), &item->source_len, item->source);
    rule_network(item, rule_text(rule, RULE_DESTINATION_NETWORK), &item->destination_len,
                 item->destination);
    rule_ports(rule_text(rule, RULE_SOURCE_PORT), &item->source_port_first,
               &item->source_port_last);
    rule_ports(rule_text(rule, RULE_DESTINATION_PORT), &item->destination_port_first,
               &item->destination_port_last);
    item->source_group = item->destination_group = API_NONE;
    item->source_port_group = item->destination_port_group = API_NONE;
    item->connection_limit = rule_number(rule, RULE_CONNECTION_LIMIT);
    item->rate_limit = rule_number(rule, RULE_RATE_LIMIT);
    item->rate_burst = rule_number(rule, RULE_RATE_BURST);
}

// The group that a field of the rule names, API_NONE if it names none.
static int find_group(struct encoder *c, const char *tenant, const char *kind, const char *name,
                      uint32_t *index)
{
    int64_t found;

    if (name == NULL)
        return 0;
    found = encode_find(c, kind, tenant, name, NULL);
    if (found < 0)
        return failure(c->e, -EINVAL, NULL, "there is no %s %s", kind, name);
    *index = (uint32_t)found;
    return 0;
}

static int add_rule(struct encoder *c, const char *tenant, uint32_t firewall,
                    const struct rule *rule)
{
    struct api_rule *item = encode_add(c, API_RULE);
    int rc;

    if (item == NULL)
        return encode_no_memory(c);
    encode_rule(rule, item);
    item->owner = firewall;
    rc = find_group(c, tenant, "address-group", rule_text(rule, RULE_SOURCE_GROUP),
                    &item->source_group);
    if (rc == 0)
        rc = find_group(c, tenant, "address-group", rule_text(rule, RULE_DESTINATION_GROUP),
                        &item->destination_group);
    if (rc == 0)
        rc = find_group(c, tenant, "port-group", rule_text(rule, RULE_SOURCE_PORT_GROUP),
                        &item->source_port_group);
    if (rc == 0)
        rc = find_group(c, tenant, "port-group", rule_text(rule, RULE_DESTINATION_PORT_GROUP),
                        &item->destination_port_group);
    return rc;
}

static int compare_rules(const void *a, const void *b)
{
    const struct api_rule *x = a, *y = b;

    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int encode_rules(struct encoder *c, const char *tenant, uint32_t firewall,
                        const struct lyd_node *node)
{
    uint32_t first = encode_count(c, API_RULE), n;
    const struct lyd_node *child;
    struct api_rule *rules;
    struct rule rule;
    int rc = 0;

    for (child = node_first(node); child != NULL && rc == 0; child = node_next(child)) {
        if (!encode_is_named(child, "rules"))
            continue;
        rule_read(child, &rule);
        rc = add_rule(c, tenant, firewall, &rule);
    }
    n = encode_count(c, API_RULE) - first;
    if (rc < 0 || n == 0)
        return rc;
    rules = (struct api_rule *)(void *)c->lists[API_RULE].items + first;
    qsort(rules, n, sizeof(*rules), compare_rules);
    return 0;
}

static int encode_firewall(struct encoder *c, const struct encode_owner *tenant,
                           const struct lyd_node *node)
{
    struct api_firewall *firewall = encode_add(c, API_FIREWALL);
    const char *name = node_value(node, "name"), *all = node_value(node, "default");
    const char *in = node_value(node, "default-in"), *out = node_value(node, "default-out");
    uint32_t index = encode_count(c, API_FIREWALL) - 1;
    int rc;

    if (firewall == NULL)
        return encode_no_memory(c);
    firewall->owner = tenant->index;
    firewall->default_in = action_of(in[0] == '\0' ? all : in);
    firewall->default_out = action_of(out[0] == '\0' ? all : out);
    firewall->is_default_logged = node_number(node, "log-default") != 0;
    rc = encode_text(c, firewall->name, sizeof(firewall->name), name);
    if (rc == 0)
        rc = encode_remember(c, "firewall", tenant->name, name, NULL, index);
    return rc < 0 ? rc : encode_rules(c, tenant->name, index, node);
}

int encode_firewalls(struct encoder *c, const struct encode_owner *tenant,
                     const struct lyd_node *node)
{
    const struct lyd_node *n;
    int rc = 0;

    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n)) {
        if (encode_is_named(n, "address-groups"))
            rc = encode_group(c, tenant, n, false);
        else if (encode_is_named(n, "port-groups"))
            rc = encode_group(c, tenant, n, true);
    }
    for (n = node_first(node); n != NULL && rc == 0; n = node_next(n))
        if (encode_is_named(n, "firewalls"))
            rc = encode_firewall(c, tenant, n);
    return rc;
}
