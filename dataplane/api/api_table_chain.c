// SPDX-License-Identifier: BSD-3-Clause
// The table's part of api_session.h: what stands on a chain, its sessions and those who ask for
// them. Constant data, read by way of api_message() in api_table.c on both sides and by the
// fuzzer. Next: api_table_firewall.c.

#include "dataplane/api/api_table.h"

static const struct api_field guest_function_fields[] = {
    UINT(api_guest_function, owner, 0, ANY32),
    NAME(api_guest_function, name),
    UINT(api_guest_function, inside, 0, API_MAX_PORTS - 1),
    UINT(api_guest_function, outside, 0, API_MAX_PORTS - 1),
    UINT(api_guest_function, on_failure, API_ON_FAILURE_BLOCK, API_ON_FAILURE_N_KINDS - 1),
    ZERO(api_guest_function, reserved),
};

#define END(s, end)                                                              \
    UINT(s, end.kind, API_END_PORT, API_END_N_KINDS - 1), ZERO(s, end.reserved), \
        UINT(s, end.index, 0, ANY32), UINT(s, end.outer_vlan, 0, 4094),          \
        UINT(s, end.inner_vlan, 0, 4094)

static const struct api_field chain_fields[] = {
    UINT(api_chain, owner, 0, ANY32),
    NAME(api_chain, name),
    FLAGS(api_chain, flags, API_CHAIN_FLAGS),
    END(api_chain, inside),
    END(api_chain, outside),
};

static const struct api_field chain_function_fields[] = {
    UINT(api_chain_function, owner, 0, ANY32),
    UINT(api_chain_function, kind, API_FUNCTION_FIREWALL, API_FUNCTION_N_KINDS - 1),
    UINT(api_chain_function, further, 0, API_MAX_FURTHER),
    ZERO(api_chain_function, reserved),
    UINT(api_chain_function, index, 0, ANY32),
};

static const struct api_field show_chain_fields[] = {
    NAME(api_show_chain, tenant),
    NAME(api_show_chain, name),
};

#define CHAIN_COUNTER(counter, text) UINT(api_chain_state, counter, 0, ANY64),

static const struct api_field chain_state_fields[] = {
    NAME(api_chain_state, tenant),
    NAME(api_chain_state, name),
    UINT(api_chain_state, n_sessions, 0, ANY32),
    UINT(api_chain_state, n_half_open, 0, ANY32),
    UINT(api_chain_state, is_inside_up, 0, 1),
    UINT(api_chain_state, is_outside_up, 0, 1),
    UINT(api_chain_state, n_functions, 0, 2 * API_MAX_CHAIN_FUNCTIONS),
    UINT(api_chain_state, n_guests_down, 0, API_MAX_CHAIN_FUNCTIONS),
    UINT(api_chain_state, n_bypassed, 0, API_MAX_CHAIN_FUNCTIONS),
    ZERO(api_chain_state, reserved),
    API_CHAIN_COUNTERS(CHAIN_COUNTER)};

#define FILTER(s)                                                                         \
    STRING(s, filter.tenant), STRING(s, filter.chain), UINT(s, filter.family, 0, 6),      \
        UINT(s, filter.protocol, 0, 255), UINT(s, filter.prefix_len, 0, 128),             \
        FLAGS(s, filter.flags, API_SESSION_FILTER_FLAGS), UINT(s, filter.port, 0, ANY16), \
        ZERO(s, filter.reserved), BYTES(s, filter.address), UINT(s, cursor, 0, ANY32),    \
        ZERO(s, reserved)

static const struct api_field list_sessions_fields[] = {FILTER(api_list_sessions)};

static const struct api_field clear_sessions_fields[] = {FILTER(api_clear_sessions)};

static const struct api_field cleared_fields[] = {
    UINT(api_cleared, n_cleared, 0, ANY32),
    UINT(api_cleared, next, 0, ANY32),
};

static const struct api_field session_fields[] = {
    STRING(api_session_entry, tenant),
    STRING(api_session_entry, chain),
    UINT(api_session_entry, id, 0, ANY32),
    UINT(api_session_entry, family, 0, 6),
    UINT(api_session_entry, protocol, 0, 255),
    UINT(api_session_entry, state, 0, API_SESSION_N_STATES - 1),
    UINT(api_session_entry, is_inside, 0, 1),
    UINT(api_session_entry, is_turned, 0, 1),
    UINT(api_session_entry, icmp_type, 0, 255),
    ZERO(api_session_entry, reserved),
    BYTES(api_session_entry, source_port),
    BYTES(api_session_entry, destination_port),
    UINT(api_session_entry, age_sec, 0, ANY32),
    UINT(api_session_entry, expires_sec, 0, ANY32),
    UINT(api_session_entry, next, 0, ANY32),
    BYTES(api_session_entry, source),
    BYTES(api_session_entry, destination),
    BYTES(api_session_entry, packets),
    BYTES(api_session_entry, bytes),
};

const struct api_message api_chain_messages[API_N_TYPES] = {
    [API_GUEST_FUNCTION] =
        MESSAGE("guest-function", api_guest_function, guest_function_fields, 1, MANY),
    [API_CHAIN] = MESSAGE("chain", api_chain, chain_fields, 1, MANY),
    [API_CHAIN_FUNCTION] =
        MESSAGE("chain-function", api_chain_function, chain_function_fields, 1, MANY),
    [API_SHOW_CHAIN] = MESSAGE("show-chain", api_show_chain, show_chain_fields, 1, 1),
    [API_CHAIN_STATE] = MESSAGE("chain-state", api_chain_state, chain_state_fields, 1, 1),
    [API_LIST_SESSIONS] = MESSAGE("list-sessions", api_list_sessions, list_sessions_fields, 1, 1),
    [API_SESSIONS] = MESSAGE("sessions", api_session_entry, session_fields, 1, MANY),
    [API_CLEAR_SESSIONS] =
        MESSAGE("clear-sessions", api_clear_sessions, clear_sessions_fields, 1, 1),
    [API_CLEARED] = MESSAGE("cleared", api_cleared, cleared_fields, 1, 1),
};
