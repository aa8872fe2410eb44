// SPDX-License-Identifier: BSD-3-Clause
// The table's part of api_nat.h: address translation, its pools and bindings. Constant data,
// read by way of api_message() in api_table.c on both sides and by the fuzzer. Next:
// api_check.c.

#include "dataplane/api/api_table.h"

static const struct api_field nat_fields[] = {
    UINT(api_nat, owner, 0, ANY32),
    NAME(api_nat, name),
    UINT(api_nat, mapping, API_NAT_ENDPOINT_INDEPENDENT, API_NAT_N_DEPENDENCES - 1),
    UINT(api_nat, filtering, API_NAT_ENDPOINT_INDEPENDENT, API_NAT_N_DEPENDENCES - 1),
    FLAGS(api_nat, flags, API_NAT_FLAGS),
    UINT(api_nat, port_first, 1, ANY16),
    UINT(api_nat, port_last, 1, ANY16),
    UINT(api_nat, host_limit, 1, ANY32),
};

static const struct api_field nat_source_fields[] = {
    UINT(api_nat_source, owner, 0, ANY32),
    UINT(api_nat_source, seq, 1, ANY32),
    FLAGS(api_nat_source, flags, API_NAT_SOURCE_FLAGS),
    UINT(api_nat_source, prefix_len, 0, 32),
    UINT(api_nat_source, destination_len, 0, 32),
    BYTES(api_nat_source, prefix),
    BYTES(api_nat_source, destination),
};

static const struct api_field nat_pool_fields[] = {
    UINT(api_nat_pool, owner, 0, ANY32),
    BYTES(api_nat_pool, first),
    BYTES(api_nat_pool, last),
};

static const struct api_field nat_static_fields[] = {
    UINT(api_nat_static, owner, 0, ANY32), UINT(api_nat_static, prefix_len, 0, 32),
    ZERO(api_nat_static, reserved),        BYTES(api_nat_static, inside),
    BYTES(api_nat_static, outside),
};

static const struct api_field nat_forward_fields[] = {
    UINT(api_nat_forward, owner, 0, ANY32),
    UINT(api_nat_forward, protocol, 0, 255),
    ZERO(api_nat_forward, reserved),
    BYTES(api_nat_forward, address),
    BYTES(api_nat_forward, to),
    UINT(api_nat_forward, port_first, 0, ANY16),
    UINT(api_nat_forward, port_last, 0, ANY16),
    UINT(api_nat_forward, to_port, 0, ANY16),
    ZERO(api_nat_forward, reserved1),
};

static const struct api_field show_nat_fields[] = {
    NAME(api_show_nat, tenant),
    NAME(api_show_nat, name),
};

#define NAT_COUNTER(counter, text) UINT(api_nat_state, counter, 0, ANY64),

static const struct api_field nat_state_fields[] = {NAME(api_nat_state, tenant),
                                                    NAME(api_nat_state, name),
                                                    UINT(api_nat_state, n_bindings, 0, ANY32),
                                                    UINT(api_nat_state, n_hosts, 0, ANY32),
                                                    UINT(api_nat_state, n_addresses, 0, ANY32),
                                                    UINT(api_nat_state, n_ports_tcp, 0, ANY32),
                                                    UINT(api_nat_state, n_ports_udp, 0, ANY32),
                                                    UINT(api_nat_state, n_identifiers, 0, ANY32),
                                                    API_NAT_COUNTERS(NAT_COUNTER)};

static const struct api_field list_bindings_fields[] = {
    NAME(api_list_bindings, tenant),
    NAME(api_list_bindings, name),
    UINT(api_list_bindings, cursor, 0, ANY32),
    ZERO(api_list_bindings, reserved),
};

static const struct api_field binding_fields[] = {
    UINT(api_binding, protocol, 0, 255),
    UINT(api_binding, is_static, 0, 1),
    UINT(api_binding, inside_port, 0, ANY16),
    UINT(api_binding, outside_port, 0, ANY16),
    ZERO(api_binding, reserved),
    BYTES(api_binding, inside),
    BYTES(api_binding, outside),
    UINT(api_binding, n_sessions, 0, ANY32),
    UINT(api_binding, next, 0, ANY32),
};

const struct api_message api_nat_messages[API_N_TYPES] = {
    [API_NAT] = MESSAGE("nat", api_nat, nat_fields, 1, MANY),
    [API_NAT_SOURCE] = MESSAGE("nat-source", api_nat_source, nat_source_fields, 1, MANY),
    [API_NAT_POOL] = MESSAGE("nat-pool", api_nat_pool, nat_pool_fields, 1, MANY),
    [API_NAT_STATIC] = MESSAGE("nat-static", api_nat_static, nat_static_fields, 1, MANY),
    [API_NAT_FORWARD] = MESSAGE("nat-forward", api_nat_forward, nat_forward_fields, 1, MANY),
    [API_SHOW_NAT] = MESSAGE("show-nat", api_show_nat, show_nat_fields, 1, 1),
    [API_NAT_STATE] = MESSAGE("nat-state", api_nat_state, nat_state_fields, 1, 1),
    [API_LIST_BINDINGS] = MESSAGE("list-bindings", api_list_bindings, list_bindings_fields, 1, 1),
    [API_BINDINGS] = MESSAGE("bindings", api_binding, binding_fields, 1, MANY),
};
