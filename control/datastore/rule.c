// SPDX-License-Identifier: BSD-3-Clause
// What do the words of firewalls and NATs mean? Called by check_firewall.c, check_nat.c and
// southbound/encode_firewall.c, off the event loop. Takes texts apart that the schema has let
// through; knows nothing of what they refer to. Next: check_firewall.c.

#include "control/datastore/rule.h"
#include "control/datastore/address.h"
#include "control/datastore/node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const field_names[] = {
#define FIELD_NAME(name, text) text,
    RULE_FIELDS(FIELD_NAME)};

void rule_read(const struct lyd_node *node, struct rule *rule)
{
    const struct lyd_node *n;

    memset(rule, 0, sizeof(*rule));
    for (n = node_first(node); n; n = node_next(n)) {
        const char *name = node_name(n);

        for (unsigned i = 0; i < RULE_N_FIELDS; i++) {
            if (name[0] != field_names[i][0] || strcmp(name, field_names[i]) != 0)
                continue;
            rule->field[i] = n;
            break;
        }
    }
}

const char *rule_text(const struct rule *rule, enum rule_field field)
{
    return rule->field[field] ? node_text(rule->field[field]) : NULL;
}

uint32_t rule_number(const struct rule *rule, enum rule_field field)
{
    const char *text = rule_text(rule, field);

    if (!text)
        return 0;
    return strcmp(text, "true") == 0 ? 1 : (uint32_t)strtoul(text, NULL, 10);
}

static const struct {
    const char *name;
    uint8_t number;
} protocols[] = {{"icmp", 1}, {"tcp", 6},     {"udp", 17},  {"gre", 47},
                 {"esp", 50}, {"icmpv6", 58}, {"sctp", 132}};

#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

uint8_t protocol_number(const char *text)
{
    for (unsigned i = 0; i < N_PROTOCOLS; i++)
        if (strcmp(text, protocols[i].name) == 0)
            return protocols[i].number;
    return (uint8_t)strtoul(text, NULL, 10);
}

int protocol_parse(const char *text, uint8_t *protocol)
{
    unsigned long number;
    char *end;

    *protocol = protocol_number(text);
    if (protocol_name(*protocol) && strcmp(text, protocol_name(*protocol)) == 0)
        return 0;
    number = strtoul(text, &end, 10);
    return text[0] < '0' || text[0] > '9' || *end || number > UINT8_MAX ? -EINVAL : 0;
}

const char *protocol_name(uint8_t protocol)
{
    for (unsigned i = 0; i < N_PROTOCOLS; i++)
        if (protocol == protocols[i].number)
            return protocols[i].name;
    return NULL;
}

int port_range_parse(const char *text, uint16_t *first, uint16_t *last)
{
    unsigned long low, high;
    char *end;

    low = high = strtoul(text, &end, 10);
    if (*end == '-')
        high = strtoul(end + 1, &end, 10);
    if (*end || low == 0 || low > high || high > UINT16_MAX)
        return -EINVAL;
    *first = (uint16_t)low;
    *last = (uint16_t)high;
    return 0;
}

// Up to the slash or the end; *text is moved there.
static uint8_t take_flags(const char **text)
{
    static const char names[] = "finsynrstpshackurg"; // in the order of their bits
    uint8_t flags = 0;

    for (; **text && **text != '/'; *text += **text == ',' ? 1 : 3)
        for (unsigned i = 0; **text != ',' && i < 6; i++)
            if (strncmp(*text, names + i * 3, 3) == 0)
                flags |= (uint8_t)(1 << i);
    return flags;
}

int tcp_flags_parse(const char *text, uint8_t *set, uint8_t *mask)
{
    *set = take_flags(&text);
    *mask = *set;
    if (*text == '/') {
        text++;
        *mask = take_flags(&text);
    }
    return *text || (*set & ~*mask) ? -EINVAL : 0;
}

static uint32_t host_order(const struct address *a)
{
    return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 | (uint32_t)a->bytes[2] << 8 |
           a->bytes[3];
}

int address_range_parse(const char *text, uint32_t *first, uint32_t *last)
{
    const char *dash = strchr(text, '-');
    size_t n = dash ? (size_t)(dash - text) : strlen(text);
    struct address low, high;
    char part[64];

    if (n >= sizeof(part))
        return -EINVAL;
    memcpy(part, text, n);
    part[n] = 0;
    if (address_parse(part, &low) < 0 || low.family != 4)
        return -EINVAL;
    if (dash && (address_parse(dash + 1, &high) < 0 || high.family != 4))
        return -EINVAL;
    *first = host_order(&low);
    *last = dash ? host_order(&high) : *first | (uint32_t)(0xffffffffULL >> low.prefix_len);
    return *first <= *last ? 0 : -EINVAL;
}
