// SPDX-License-Identifier: BSD-3-Clause
// Can a rule be like this? Fields that must agree with each other, and the groups that it names;
// here and not in the schema, where each would be an XPath evaluated for each of 100000 rules.
// Called by check.c once all groups are in the indices. Changes nothing. Next: check_nat.c.

#include "control/datastore/address.h"
#include "control/datastore/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int check_refuse_ports(struct checker *s, const struct lyd_node *leaf)
{
    char quoted[ERROR_QUOTE_SIZE];

    return error_at(s->e, -EINVAL, leaf,
                    "must be ports from 1 to 65535, the lower one first, not %s",
                    error_quote(lyd_get_value(leaf), quoted));
}

static int needs(struct checker *s, const struct rule *rule, enum rule_field field,
                 const char *sentence)
{
    return error_at(s->e, -EINVAL, rule->field[field], "%s needs %s",
                    rule->field[field]->schema->name, sentence);
}

static int check_ports(struct checker *s, const struct rule *rule, bool has_ports)
{
    static const enum rule_field fields[][2] = {
        {RULE_SOURCE_PORT, RULE_SOURCE_PORT_GROUP},
        {RULE_DESTINATION_PORT, RULE_DESTINATION_PORT_GROUP},
    };
    uint16_t first, last;

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned j = 0; j < 2; j++)
            if (rule->field[fields[i][j]] && !has_ports)
                return needs(s, rule, fields[i][j], "protocol: tcp, udp or sctp");
        if (!rule->field[fields[i][0]])
            continue;
        if (port_range_parse(rule_text(rule, fields[i][0]), &first, &last) < 0)
            return check_refuse_ports(s, rule->field[fields[i][0]]);
    }
    return 0;
}

// Two ways to say one thing.
static int check_choices(struct checker *s, const struct rule *rule)
{
    static const enum rule_field fields[][2] = {
        {RULE_SOURCE_NETWORK, RULE_SOURCE_GROUP},
        {RULE_DESTINATION_NETWORK, RULE_DESTINATION_GROUP},
        {RULE_SOURCE_PORT, RULE_SOURCE_PORT_GROUP},
        {RULE_DESTINATION_PORT, RULE_DESTINATION_PORT_GROUP},
    };

    for (unsigned i = 0; i < 4; i++) {
        const struct lyd_node *one = rule->field[fields[i][0]], *other = rule->field[fields[i][1]];

        if (one && other)
            return error_at(s->e, -EINVAL, other, "a rule has %s or %s, not both",
                            one->schema->name, other->schema->name);
    }
    return 0;
}

static int check_groups(struct checker *s, const struct rule *rule, const char *tenant)
{
    static const struct {
        enum rule_field field;
        const char *kind;
    } groups[] = {{RULE_SOURCE_GROUP, "address-group"},
                  {RULE_DESTINATION_GROUP, "address-group"},
                  {RULE_SOURCE_PORT_GROUP, "port-group"},
                  {RULE_DESTINATION_PORT_GROUP, "port-group"}};
    char key[CHECK_KEY_SIZE], quoted[ERROR_QUOTE_SIZE];

    for (unsigned i = 0; i < 4; i++) {
        const char *name = rule_text(rule, groups[i].field);

        if (!name)
            continue;
        (void)snprintf(key, sizeof(key), "%s %s/%s", groups[i].kind, tenant, name);
        if (!index_find(&s->groups, key))
            return error_at(s->e, -EINVAL, rule->field[groups[i].field],
                            "%s: tenant %s has no %s of that name", error_quote(name, quoted),
                            tenant, groups[i].kind);
    }
    return 0;
}

// 4 or 6 of a network, 0 if it is not given.
static unsigned family_of(const struct rule *rule, enum rule_field field)
{
    const char *text = rule_text(rule, field);

    return !text ? 0 : strchr(text, ':') ? 6 : 4;
}

static int check_families(struct checker *s, const struct rule *rule, int protocol)
{
    unsigned source = family_of(rule, RULE_SOURCE_NETWORK);
    unsigned destination = family_of(rule, RULE_DESTINATION_NETWORK);
    unsigned family = source ? source : destination;

    if (source && destination && source != destination)
        return error_at(s->e, -EINVAL, rule->field[RULE_DESTINATION_NETWORK],
                        "source-network and destination-network must be of one IP version");
    if ((protocol == 1 && family == 6) || (protocol == 58 && family == 4))
        return error_at(s->e, -EINVAL, rule->field[RULE_PROTOCOL],
                        "an IPv%u network has %s, not %s", family, family == 6 ? "icmpv6" : "icmp",
                        rule_text(rule, RULE_PROTOCOL));
    return 0;
}

static int check_details(struct checker *s, const struct rule *rule, int protocol)
{
    uint8_t set, mask;

    if (rule->field[RULE_ICMP_TYPE] && protocol != 1 && protocol != 58)
        return needs(s, rule, RULE_ICMP_TYPE, "protocol: icmp or icmpv6");
    if (rule->field[RULE_ICMP_CODE] && !rule->field[RULE_ICMP_TYPE])
        return needs(s, rule, RULE_ICMP_CODE, "icmp-type");
    if (!rule->field[RULE_TCP_FLAGS])
        return 0;
    if (protocol != 6)
        return needs(s, rule, RULE_TCP_FLAGS, "protocol: tcp");
    if (tcp_flags_parse(rule_text(rule, RULE_TCP_FLAGS), &set, &mask) < 0)
        return error_at(s->e, -EINVAL, rule->field[RULE_TCP_FLAGS],
                        "a flag that is set must be one of those behind the slash, too");
    return 0;
}

// What bounds or forms what a rule lets through.
static int check_allowance(struct checker *s, const struct rule *rule)
{
    static const enum rule_field fields[] = {RULE_STATELESS, RULE_CONNECTION_LIMIT, RULE_RATE_LIMIT,
                                             RULE_RATE_BURST};

    for (unsigned i = 0; strcmp(rule_text(rule, RULE_ACTION), "allow") != 0 && i < 4; i++)
        if (rule_number(rule, fields[i]))
            return needs(s, rule, fields[i], "action: allow");
    if (rule_number(rule, RULE_STATELESS) && rule->field[RULE_CONNECTION_LIMIT])
        return error_at(s->e, -EINVAL, rule->field[RULE_CONNECTION_LIMIT],
                        "a stateless rule has no sessions to limit: use rate-limit");
    if (rule->field[RULE_RATE_BURST] && !rule->field[RULE_RATE_LIMIT])
        return needs(s, rule, RULE_RATE_BURST, "rate-limit");
    return 0;
}

static int check_rule(struct checker *s, const struct lyd_node *node, const char *tenant)
{
    struct rule rule;
    int protocol = -1, r;

    rule_read(node, &rule);
    if (rule.field[RULE_PROTOCOL])
        protocol = protocol_number(rule_text(&rule, RULE_PROTOCOL));
    r = check_ports(s, &rule, protocol == 6 || protocol == 17 || protocol == 132);
    if (r == 0)
        r = check_choices(s, &rule);
    if (r == 0)
        r = check_families(s, &rule, protocol);
    if (r == 0)
        r = check_details(s, &rule, protocol);
    if (r == 0)
        r = check_allowance(s, &rule);
    return r < 0 ? r : check_groups(s, &rule, tenant);
}

int check_firewall(struct checker *s, const struct lyd_node *firewall, const char *tenant)
{
    const struct lyd_node *child;
    int r = 0;

    for (child = lyd_child(firewall); child && r == 0; child = child->next)
        if (check_is_list(child, "rules"))
            r = check_rule(s, child, tenant);
    return r;
}
