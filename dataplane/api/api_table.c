// SPDX-License-Identifier: BSD-3-Clause
// What is a well-formed message? The one table of every field that crosses the border: its place,
// size and range. Read by api_check.c on both sides and by the fuzzer; constant data.
// Next: api_table_chain.c.

#include "dataplane/api/api_table.h"

#define MAX_PORTS (API_MAX_PORTS - 1)

static const struct api_field hello_fields[] = {
    UINT(api_hello, schema_hash, 0, ANY64),
    UINT(api_hello, generation, 0, ANY64),
    UINT(api_hello, config_id, 0, ANY64),
};

static const struct api_field reply_fields[] = {
    BYTES(api_reply, error),
    UINT(api_reply, index, 0, ANY32),
    UINT(api_reply, generation, 0, ANY64),
    STRING(api_reply, path),
    STRING(api_reply, sentence),
};

static const struct api_field begin_fields[] = {
    UINT(api_begin, config_id, 1, ANY64),
};

#define MAX_TIMEOUT_SEC 604800 // session clocks wrap in 24 days
#define TIMEOUT(name, seconds, text) \
    UINT(api_tenant, timeout_sec[API_TIMEOUT_##name], 1, MAX_TIMEOUT_SEC),

static const struct api_field tenant_fields[] = {NAME(api_tenant, name),
                                                 UINT(api_tenant, neighbor_limit, 1, ANY32),
                                                 UINT(api_tenant, session_limit, 1, ANY32),
                                                 UINT(api_tenant, half_open_limit, 1, ANY32),
                                                 UINT(api_tenant, source_session_limit, 1, ANY32),
                                                 UINT(api_tenant, fragment_limit, 1, ANY32),
                                                 API_TIMEOUTS(TIMEOUT)};

static const struct api_field port_fields[] = {
    UINT(api_port, owner, 0, ANY32),
    NAME(api_port, name),
    UINT(api_port, type, API_PORT_VHOST_USER, API_PORT_N_TYPES - 1),
    BYTES(api_port, mac),
    ZERO(api_port, reserved0),
    FLAGS(api_port, flags, API_PORT_FLAGS),
    UINT(api_port, n_queues, 1, 16),
    UINT(api_port, mtu, 68, 9216),
    UINT(api_port, queue_size, 0, 32768),
    ZERO(api_port, reserved1),
    UINT(api_port, mac_limit, 1, 65535),
    UINT(api_port, storm_broadcast_pps, 0, ANY32),
    UINT(api_port, storm_multicast_pps, 0, ANY32),
    UINT(api_port, storm_unknown_pps, 0, ANY32),
    STRING(api_port, device),
    STRING(api_port, device_out),
    STRING(api_port, netns),
};

static const struct api_field port_address_fields[] = {
    UINT(api_port_address, owner, 0, MAX_PORTS),
    UINT(api_port_address, family, 4, 6),
    UINT(api_port_address, prefix_len, 0, 128),
    ZERO(api_port_address, reserved),
    BYTES(api_port_address, address),
};

static const struct api_field switch_fields[] = {
    UINT(api_switch, owner, 0, ANY32),
    NAME(api_switch, name),
    UINT(api_switch, ageing_sec, 0, 1000000),
    UINT(api_switch, mac_table_size, 16, 1048576),
};

static const struct api_field member_fields[] = {
    UINT(api_member, owner, 0, ANY32),
    UINT(api_member, port, 0, MAX_PORTS),
    UINT(api_member, outer_vlan, 0, 4094),
    UINT(api_member, inner_vlan, 0, 4094),
};

static const struct api_field static_mac_fields[] = {
    UINT(api_static_mac, owner, 0, ANY32),
    UINT(api_static_mac, member, 0, ANY32),
    BYTES(api_static_mac, mac),
    ZERO(api_static_mac, reserved),
};

static const struct api_field list_macs_fields[] = {
    NAME(api_list_macs, tenant),
    NAME(api_list_macs, name),
    UINT(api_list_macs, cursor, 0, ANY32),
    ZERO(api_list_macs, reserved),
};

static const struct api_field mac_fields[] = {
    BYTES(api_mac, mac),
    UINT(api_mac, is_static, 0, 1),
    UINT(api_mac, is_chain, 0, 1),
    UINT(api_mac, age_sec, 0, ANY32),
    STRING(api_mac, port_tenant),
    STRING(api_mac, port),
    UINT(api_mac, outer_vlan, 0, 4094),
    UINT(api_mac, inner_vlan, 0, 4094),
    UINT(api_mac, next, 0, ANY32),
};

static const struct api_field router_fields[] = {
    UINT(api_router, owner, 0, ANY32),
    NAME(api_router, name),
    UINT(api_router, neighbor_limit, 1, 1048576),
    UINT(api_router, route_limit, 1, 16777216),
    UINT(api_router, dynamic_preference, 1, 255),
    ZERO(api_router, reserved),
};

static const struct api_field interface_fields[] = {
    UINT(api_interface, owner, 0, ANY32),
    NAME(api_interface, name),
    BYTES(api_interface, mac),
    UINT(api_interface, mtu, 68, 9216),
    UINT(api_interface, tcp_mss, 0, 65535),
    FLAGS(api_interface, flags, API_INTERFACE_FLAGS),
    UINT(api_interface, kernel_port, 0, ANY32),
};

static const struct api_field interface_address_fields[] = {
    UINT(api_interface_address, owner, 0, ANY32),    UINT(api_interface_address, family, 4, 6),
    UINT(api_interface_address, prefix_len, 0, 128), ZERO(api_interface_address, reserved),
    BYTES(api_interface_address, address),
};

static const struct api_field neighbor_fields[] = {
    UINT(api_neighbor, owner, 0, ANY32), UINT(api_neighbor, family, 4, 6),
    ZERO(api_neighbor, reserved),        BYTES(api_neighbor, mac),
    BYTES(api_neighbor, address),
};

static const struct api_field next_hop_group_fields[] = {
    UINT(api_next_hop_group, owner, 0, ANY32),
    UINT(api_next_hop_group, type, API_ROUTE_UNICAST, API_ROUTE_N_CONFIGURABLE - 1),
    ZERO(api_next_hop_group, reserved),
};

static const struct api_field next_hop_fields[] = {
    UINT(api_next_hop, owner, 0, ANY32), UINT(api_next_hop, interface, 0, ANY32),
    UINT(api_next_hop, family, 0, 6),    UINT(api_next_hop, weight, 1, 255),
    ZERO(api_next_hop, reserved),        BYTES(api_next_hop, address),
};

static const struct api_field route_fields[] = {
    UINT(api_route, owner, 0, ANY32),    UINT(api_route, group, 0, ANY32),
    UINT(api_route, family, 4, 6),       UINT(api_route, prefix_len, 0, 128),
    UINT(api_route, preference, 1, 255), ZERO(api_route, reserved),
    BYTES(api_route, address),
};

static const struct api_field route_target_fields[] = {
    NAME(api_route_target, tenant),
    NAME(api_route_target, name),
    UINT(api_route_target, epoch, 1, ANY32),
    ZERO(api_route_target, reserved),
};

static const struct api_field dynamic_next_hop_fields[] = {
    UINT(api_dynamic_next_hop, group, 1, ANY32 - 1),
    UINT(api_dynamic_next_hop, interface, 0, ANY32),
    UINT(api_dynamic_next_hop, type, API_ROUTE_UNICAST, API_ROUTE_N_CONFIGURABLE - 1),
    UINT(api_dynamic_next_hop, family, 0, 6),
    UINT(api_dynamic_next_hop, weight, 0, 255),
    ZERO(api_dynamic_next_hop, reserved),
    BYTES(api_dynamic_next_hop, address),
};

static const struct api_field route_change_fields[] = {
    UINT(api_route_change, group, 0, ANY32 - 1),
    UINT(api_route_change, family, 4, 6),
    UINT(api_route_change, prefix_len, 0, 128),
    ZERO(api_route_change, reserved),
    BYTES(api_route_change, address),
};

static const struct api_field neighbor_change_fields[] = {
    UINT(api_neighbor_change, interface, 0, ANY32),
    UINT(api_neighbor_change, family, 4, 6),
    UINT(api_neighbor_change, is_delete, 0, 1),
    BYTES(api_neighbor_change, mac),
    BYTES(api_neighbor_change, address),
};

static const struct api_field show_router_fields[] = {
    NAME(api_show_router, tenant),
    NAME(api_show_router, name),
};

#define ROUTER_COUNTER(counter, text) UINT(api_router_state, counter, 0, ANY64),

static const struct api_field router_state_fields[] = {
    NAME(api_router_state, tenant),
    NAME(api_router_state, name),
    UINT(api_router_state, n_routes4, 0, ANY32),
    UINT(api_router_state, n_routes6, 0, ANY32),
    UINT(api_router_state, n_neighbors, 0, ANY32),
    UINT(api_router_state, n_neighbors_refused, 0, ANY32),
    UINT(api_router_state, route_memory, 0, ANY64),
    API_ROUTER_COUNTERS(ROUTER_COUNTER)};

static const struct api_field list_interfaces_fields[] = {
    NAME(api_list_interfaces, tenant),
    NAME(api_list_interfaces, name),
    UINT(api_list_interfaces, cursor, 0, ANY32),
    ZERO(api_list_interfaces, reserved),
};

static const struct api_field interface_state_fields[] = {
    STRING(api_interface_state, name),         BYTES(api_interface_state, mac),
    UINT(api_interface_state, is_up, 0, 1),    UINT(api_interface_state, is_plugged, 0, 1),
    UINT(api_interface_state, mtu, 0, 65535),  ZERO(api_interface_state, reserved),
    UINT(api_interface_state, next, 0, ANY32),
};

static const struct api_field list_routes_fields[] = {
    NAME(api_list_routes, tenant),
    NAME(api_list_routes, name),
    UINT(api_list_routes, family, 4, 6),
    UINT(api_list_routes, mode, API_LIST_FIRST, API_LIST_N_MODES - 1),
    UINT(api_list_routes, prefix_len, 0, 128),
    ZERO(api_list_routes, reserved),
    BYTES(api_list_routes, address),
};

static const struct api_field route_entry_fields[] = {
    UINT(api_route_entry, family, 0, 6),
    UINT(api_route_entry, prefix_len, 0, 128),
    UINT(api_route_entry, type, 0, API_ROUTE_N_TYPES - 1),
    UINT(api_route_entry, source, 0, API_SOURCE_N_SOURCES - 1),
    UINT(api_route_entry, preference, 0, 255),
    UINT(api_route_entry, is_active, 0, 1),
    UINT(api_route_entry, weight, 0, 255),
    UINT(api_route_entry, next_hop_family, 0, 6),
    BYTES(api_route_entry, address),
    BYTES(api_route_entry, next_hop),
    STRING(api_route_entry, interface),
    UINT(api_route_entry, position, 0, API_MAX_PATHS),
    UINT(api_route_entry, n_next_hops, 0, API_MAX_PATHS),
    UINT(api_route_entry, is_up, 0, 1),
    UINT(api_route_entry, has_more, 0, 1),
};

static const struct api_field list_neighbors_fields[] = {
    NAME(api_list_neighbors, tenant),
    NAME(api_list_neighbors, name),
    UINT(api_list_neighbors, cursor, 0, ANY32),
    ZERO(api_list_neighbors, reserved),
};

static const struct api_field neighbor_entry_fields[] = {
    UINT(api_neighbor_entry, family, 0, 6),
    UINT(api_neighbor_entry, state, 0, API_NEIGHBOR_N_STATES - 1),
    BYTES(api_neighbor_entry, mac),
    BYTES(api_neighbor_entry, address),
    STRING(api_neighbor_entry, interface),
    UINT(api_neighbor_entry, age_sec, 0, ANY32),
    UINT(api_neighbor_entry, n_held, 0, ANY32),
    UINT(api_neighbor_entry, next, 0, ANY32),
    ZERO(api_neighbor_entry, reserved),
};

static const struct api_field ping_fields[] = {
    NAME(api_ping, tenant),       NAME(api_ping, name),
    UINT(api_ping, id, 0, ANY32), UINT(api_ping, payload_len, 0, 1400),
    UINT(api_ping, family, 4, 6), UINT(api_ping, ttl, 0, 255),
    BYTES(api_ping, address),     BYTES(api_ping, source),
};

static const struct api_field ping_state_fields[] = {
    UINT(api_ping_state, id, 0, ANY32),
    UINT(api_ping_state, result, API_PING_WAITING, API_PING_N_RESULTS - 1),
    UINT(api_ping_state, family, 4, 6),
    UINT(api_ping_state, icmp_type, 0, 255),
    UINT(api_ping_state, icmp_code, 0, 255),
    UINT(api_ping_state, ttl, 0, 255),
    ZERO(api_ping_state, reserved),
    UINT(api_ping_state, rtt_ns, 0, ANY64),
    BYTES(api_ping_state, from),
};

static const struct api_field xdp_fields[] = {
    NAME(api_xdp, tenant),          NAME(api_xdp, port),
    STRING(api_xdp, interface),     UINT(api_xdp, n_queues, 1, 64),
    UINT(api_xdp, is_native, 0, 1), UINT(api_xdp, is_zero_copy, 0, 1),
    ZERO(api_xdp, reserved),
};

static const struct api_message messages[API_N_TYPES] = {
    [API_HELLO] = MESSAGE("hello", api_hello, hello_fields, 1, 1),
    [API_REPLY] = MESSAGE("reply", api_reply, reply_fields, 1, 1),
    [API_BEGIN] = MESSAGE("begin", api_begin, begin_fields, 1, 1),
    [API_COMMIT] = {.name = "commit"},
    [API_ABORT] = {.name = "abort"},
    [API_TENANT] = MESSAGE("tenant", api_tenant, tenant_fields, 1, MANY),
    [API_PORT] = MESSAGE("port", api_port, port_fields, 1, MANY),
    [API_PORT_ADDRESS] = MESSAGE("port-address", api_port_address, port_address_fields, 1, MANY),
    [API_SWITCH] = MESSAGE("switch", api_switch, switch_fields, 1, MANY),
    [API_MEMBER] = MESSAGE("member", api_member, member_fields, 1, MANY),
    [API_STATIC_MAC] = MESSAGE("static-mac", api_static_mac, static_mac_fields, 1, MANY),
    [API_LIST_MACS] = MESSAGE("list-macs", api_list_macs, list_macs_fields, 1, 1),
    [API_MACS] = MESSAGE("macs", api_mac, mac_fields, 1, MANY),
    [API_ROUTER] = MESSAGE("router", api_router, router_fields, 1, MANY),
    [API_INTERFACE] = MESSAGE("interface", api_interface, interface_fields, 1, MANY),
    [API_INTERFACE_ADDRESS] =
        MESSAGE("interface-address", api_interface_address, interface_address_fields, 1, MANY),
    [API_NEIGHBOR] = MESSAGE("neighbor", api_neighbor, neighbor_fields, 1, MANY),
    [API_NEXT_HOP_GROUP] =
        MESSAGE("next-hop-group", api_next_hop_group, next_hop_group_fields, 1, MANY),
    [API_NEXT_HOP] = MESSAGE("next-hop", api_next_hop, next_hop_fields, 1, MANY),
    [API_ROUTE] = MESSAGE("route", api_route, route_fields, 1, MANY),
    [API_ROUTE_TARGET] = MESSAGE("route-target", api_route_target, route_target_fields, 1, 1),
    [API_DYNAMIC_NEXT_HOP] =
        MESSAGE("dynamic-next-hop", api_dynamic_next_hop, dynamic_next_hop_fields, 1, MANY),
    [API_ROUTE_CHANGE] = MESSAGE("route-change", api_route_change, route_change_fields, 1, MANY),
    [API_NEIGHBOR_CHANGE] =
        MESSAGE("neighbor-change", api_neighbor_change, neighbor_change_fields, 1, MANY),
    [API_ROUTE_SWEEP] = {.name = "route-sweep"},
    [API_SHOW_ROUTER] = MESSAGE("show-router", api_show_router, show_router_fields, 1, 1),
    [API_ROUTER_STATE] = MESSAGE("router-state", api_router_state, router_state_fields, 1, 1),
    [API_LIST_INTERFACES] =
        MESSAGE("list-interfaces", api_list_interfaces, list_interfaces_fields, 1, 1),
    [API_INTERFACES] = MESSAGE("interfaces", api_interface_state, interface_state_fields, 1, MANY),
    [API_LIST_ROUTES] = MESSAGE("list-routes", api_list_routes, list_routes_fields, 1, 1),
    [API_ROUTES] = MESSAGE("routes", api_route_entry, route_entry_fields, 1, MANY),
    [API_LIST_NEIGHBORS] =
        MESSAGE("list-neighbors", api_list_neighbors, list_neighbors_fields, 1, 1),
    [API_NEIGHBORS] = MESSAGE("neighbors", api_neighbor_entry, neighbor_entry_fields, 1, MANY),
    [API_PING] = MESSAGE("ping", api_ping, ping_fields, 1, 1),
    [API_PING_STATE] = MESSAGE("ping-state", api_ping_state, ping_state_fields, 1, 1),
    [API_XDP] = MESSAGE("xdp", api_xdp, xdp_fields, 1, 1),
};

static const char *const drop_names[] = {
#define DROP_NAME(name, text) #name,
    API_DROP_REASONS(DROP_NAME)};

static const char *const drop_texts[] = {
#define DROP_TEXT(name, text) text,
    API_DROP_REASONS(DROP_TEXT)};

const struct api_message *api_message(unsigned type)
{
    const struct api_message *const parts[] = {messages, api_chain_messages, api_firewall_messages,
                                               api_nat_messages};

    for (unsigned i = 0; type < API_N_TYPES && i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i][type].name != NULL)
            return &parts[i][type];
    return NULL;
}

const char *api_drop_name(unsigned reason)
{
    return reason < API_N_DROPS ? drop_names[reason] : "?";
}

const char *api_drop_text(unsigned reason)
{
    return reason < API_N_DROPS ? drop_texts[reason] : "?";
}
