// SPDX-License-Identifier: BSD-3-Clause
// The table's part of api_firewall.h: firewalls, their rules and groups, and changes to single
// rules. Constant data, read by way of api_message() in api_table.c on both sides and by the
// fuzzer. Next: api_table_nat.c.

#include "dataplane/api/api_table.h"

static const struct api_field address_group_fields[] = {
    UINT(api_address_group, owner, 0, ANY32),
    NAME(api_address_group, name),
};

static const struct api_field group_prefix_fields[] = {
    UINT(api_group_prefix, owner, 0, ANY32),    UINT(api_group_prefix, family, 4, 6),
    UINT(api_group_prefix, prefix_len, 0, 128), ZERO(api_group_prefix, reserved),
    BYTES(api_group_prefix, address),
};

static const struct api_field port_group_fields[] = {
    UINT(api_port_group, owner, 0, ANY32),
    NAME(api_port_group, name),
};

static const struct api_field group_ports_fields[] = {
    UINT(api_group_ports, owner, 0, ANY32),
    UINT(api_group_ports, first, 0, ANY16),
    UINT(api_group_ports, last, 0, ANY16),
};

static const struct api_field firewall_fields[] = {
    UINT(api_firewall, owner, 0, ANY32),
    NAME(api_firewall, name),
    UINT(api_firewall, default_in, API_ACTION_ALLOW, API_ACTION_N_KINDS - 1),
    UINT(api_firewall, default_out, API_ACTION_ALLOW, API_ACTION_N_KINDS - 1),
    UINT(api_firewall, is_default_logged, 0, 1),
    ZERO(api_firewall, reserved),
};

// What a rule is in a configuration and in a change to one.
#define RULE(s, at)                                                                              \
    UINT(s, at seq, 1, ANY32),                                                                   \
        UINT(s, at direction, API_DIRECTION_OUT, API_DIRECTION_N_KINDS - 1),                     \
        UINT(s, at action, API_ACTION_ALLOW, API_ACTION_N_KINDS - 1),                            \
        FLAGS(s, at flags, API_RULE_FLAGS), UINT(s, at family, 0, 6),                            \
        UINT(s, at protocol, 0, 255), UINT(s, at icmp_type, 0, 255),                             \
        UINT(s, at icmp_code, 0, 255), FLAGS(s, at tcp_flags_mask, 0x3f),                        \
        FLAGS(s, at tcp_flags, 0x3f), UINT(s, at source_len, 0, 128),                            \
        UINT(s, at destination_len, 0, 128), UINT(s, at source_port_first, 0, ANY16),            \
        UINT(s, at source_port_last, 0, ANY16), UINT(s, at destination_port_first, 0, ANY16),    \
        UINT(s, at destination_port_last, 0, ANY16), UINT(s, at source_group, 0, ANY32),         \
        UINT(s, at destination_group, 0, ANY32), UINT(s, at source_port_group, 0, ANY32),        \
        UINT(s, at destination_port_group, 0, ANY32), UINT(s, at connection_limit, 0, ANY32),    \
        UINT(s, at rate_limit, 0, ANY32), UINT(s, at rate_burst, 0, ANY32), BYTES(s, at source), \
        BYTES(s, at destination)

static const struct api_field rule_fields[] = {
    UINT(api_rule, owner, 0, ANY32),
    RULE(api_rule, ),
};

static const struct api_field rule_change_fields[] = {
    NAME(api_rule_change, tenant),
    NAME(api_rule_change, name),
    UINT(api_rule_change, config_id, 1, ANY64),
    UINT(api_rule_change, is_delete, 0, 1),
    ZERO(api_rule_change, reserved),
    ZERO(api_rule_change, rule.owner),
    RULE(api_rule_change, rule.),
};

static const struct api_field show_firewall_fields[] = {
    NAME(api_show_firewall, tenant),
    NAME(api_show_firewall, name),
};

static const struct api_field firewall_state_fields[] = {
    NAME(api_firewall_state, tenant),
    NAME(api_firewall_state, name),
    UINT(api_firewall_state, n_rules, 0, ANY32),
    ZERO(api_firewall_state, reserved),
    UINT(api_firewall_state, rule_memory, 0, ANY64),
    UINT(api_firewall_state, allowed, 0, ANY64),
    UINT(api_firewall_state, denied, 0, ANY64),
    UINT(api_firewall_state, limited, 0, ANY64),
    UINT(api_firewall_state, default_in_hits, 0, ANY64),
    UINT(api_firewall_state, default_out_hits, 0, ANY64),
};

static const struct api_field list_rules_fields[] = {
    NAME(api_list_rules, tenant),
    NAME(api_list_rules, name),
    UINT(api_list_rules, cursor, 0, ANY32),
    ZERO(api_list_rules, reserved),
};

static const struct api_field rule_hits_fields[] = {
    UINT(api_rule_hits, seq, 0, ANY32),   UINT(api_rule_hits, n_sessions, 0, ANY32),
    UINT(api_rule_hits, hits, 0, ANY64),  UINT(api_rule_hits, packets, 0, ANY64),
    UINT(api_rule_hits, bytes, 0, ANY64), UINT(api_rule_hits, has_more, 0, 1),
    ZERO(api_rule_hits, reserved),
};

const struct api_message api_firewall_messages[API_N_TYPES] = {
    [API_ADDRESS_GROUP] =
        MESSAGE("address-group", api_address_group, address_group_fields, 1, MANY),
    [API_GROUP_PREFIX] = MESSAGE("group-prefix", api_group_prefix, group_prefix_fields, 1, MANY),
    [API_PORT_GROUP] = MESSAGE("port-group", api_port_group, port_group_fields, 1, MANY),
    [API_GROUP_PORTS] = MESSAGE("group-ports", api_group_ports, group_ports_fields, 1, MANY),
    [API_FIREWALL] = MESSAGE("firewall", api_firewall, firewall_fields, 1, MANY),
    [API_RULE] = MESSAGE("rule", api_rule, rule_fields, 1, MANY),
    [API_RULE_CHANGE] = MESSAGE("rule-change", api_rule_change, rule_change_fields, 1, MANY),
    [API_SHOW_FIREWALL] = MESSAGE("show-firewall", api_show_firewall, show_firewall_fields, 1, 1),
    [API_FIREWALL_STATE] =
        MESSAGE("firewall-state", api_firewall_state, firewall_state_fields, 1, 1),
    [API_LIST_RULES] = MESSAGE("list-rules", api_list_rules, list_rules_fields, 1, 1),
    [API_RULES] = MESSAGE("rules", api_rule_hits, rule_hits_fields, 1, MANY),
};
