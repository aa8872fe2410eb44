// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_RULE_H
#define CONTROL_DATASTORE_RULE_H

// What stands in the fields of firewalls and NATs, taken apart. For southbound/ as well.

#include <stdint.h>

struct lyd_node;

// The fields of a rule, found in one walk: there are 100000 of them.
#define RULE_FIELDS(X)                                  \
    X(SEQ, "seq")                                       \
    X(DIRECTION, "direction")                           \
    X(PROTOCOL, "protocol")                             \
    X(SOURCE_NETWORK, "source-network")                 \
    X(DESTINATION_NETWORK, "destination-network")       \
    X(SOURCE_GROUP, "source-group")                     \
    X(DESTINATION_GROUP, "destination-group")           \
    X(SOURCE_PORT, "source-port")                       \
    X(DESTINATION_PORT, "destination-port")             \
    X(SOURCE_PORT_GROUP, "source-port-group")           \
    X(DESTINATION_PORT_GROUP, "destination-port-group") \
    X(ICMP_TYPE, "icmp-type")                           \
    X(ICMP_CODE, "icmp-code")                           \
    X(TCP_FLAGS, "tcp-flags")                           \
    X(ACTION, "action")                                 \
    X(STATELESS, "stateless")                           \
    X(LOG, "log")                                       \
    X(CONNECTION_LIMIT, "connection-limit")             \
    X(RATE_LIMIT, "rate-limit")                         \
    X(RATE_BURST, "rate-burst")

enum rule_field {
#define RULE_FIELD_ENUM(name, text) RULE_##name,
    RULE_FIELDS(RULE_FIELD_ENUM)
#undef RULE_FIELD_ENUM
        RULE_N_FIELDS,
};

struct rule {
    const struct lyd_node *field[RULE_N_FIELDS]; // NULL: not given
};

void rule_read(const struct lyd_node *node, struct rule *rule);
// The text of a field, NULL if it is not given.
const char *rule_text(const struct rule *rule, enum rule_field field);
// As a number; "true" is 1. 0 if it is not given.
uint32_t rule_number(const struct rule *rule, enum rule_field field);

// tcp, udp, icmp, icmpv6, sctp, gre, esp or a number.
uint8_t protocol_number(const char *text);
// The same of a text that no schema has seen: -EINVAL if it is none of them.
int protocol_parse(const char *text, uint8_t *protocol);
// NULL if it has no name.
const char *protocol_name(uint8_t protocol);

// PORT or FIRST-LAST. -EINVAL if it does not ascend or goes beyond 65535.
int port_range_parse(const char *text, uint16_t *first, uint16_t *last);

// SET or SET/LOOKED-AT, in the bits of the TCP header. -EINVAL if one that is set is not looked at.
int tcp_flags_parse(const char *text, uint8_t *set, uint8_t *mask);

// ADDRESS, PREFIX or FIRST-LAST of IPv4, in host order. -EINVAL if it does not ascend or is none.
int address_range_parse(const char *text, uint32_t *first, uint32_t *last);

#endif
