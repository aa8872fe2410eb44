// SPDX-License-Identifier: BSD-3-Clause
// What is a well-formed message? The one table of every field that crosses the border: its place,
// size and range. Read by api_check.c on both sides and by the fuzzer; constant data.
// Next: server/transaction.c.

#include "dataplane/api/culvert_api.h"

#define FIELD(s, member, field_kind, lo, hi)                                                    \
    {                                                                                           \
        .name = #member, .offset = offsetof(struct s, member),                                  \
        .size = sizeof(((struct s *)0)->member), .kind = (field_kind), .min = (lo), .max = (hi) \
    }
#define UINT(s, member, lo, hi) FIELD(s, member, API_FIELD_UINT, lo, hi)
#define FLAGS(s, member, mask) FIELD(s, member, API_FIELD_FLAGS, 0, mask)
#define ZERO(s, member) FIELD(s, member, API_FIELD_ZERO, 0, 0)
#define NAME(s, member) FIELD(s, member, API_FIELD_NAME, 1, 0)
#define STRING(s, member) FIELD(s, member, API_FIELD_STRING, 0, 0)
#define BYTES(s, member) FIELD(s, member, API_FIELD_BYTES, 0, 0)

#define MAX_PORTS (API_MAX_PORTS - 1)
#define ANY32 UINT32_MAX
#define ANY64 UINT64_MAX

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

static const struct api_field tenant_fields[] = {
    NAME(api_tenant, name),
};

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
    ZERO(api_mac, reserved),
    UINT(api_mac, age_sec, 0, ANY32),
    STRING(api_mac, port_tenant),
    STRING(api_mac, port),
    UINT(api_mac, outer_vlan, 0, 4094),
    UINT(api_mac, inner_vlan, 0, 4094),
    UINT(api_mac, next, 0, ANY32),
};

#define MANY UINT32_MAX
#define MESSAGE(title, s, list, least, most)                                                     \
    {                                                                                            \
        .name = (title), .item_size = sizeof(struct s),                                          \
        .n_fields = sizeof(list) / sizeof((list)[0]), .min_items = (least), .max_items = (most), \
        .fields = (list)                                                                         \
    }

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
};

static const char *const drop_names[] = {
#define DROP_NAME(name, text) #name,
    API_DROP_REASONS(DROP_NAME)};

static const char *const drop_texts[] = {
#define DROP_TEXT(name, text) text,
    API_DROP_REASONS(DROP_TEXT)};

const struct api_message *api_message(unsigned type)
{
    if (type >= API_N_TYPES || messages[type].name == NULL)
        return NULL;
    return &messages[type];
}

const char *api_drop_name(unsigned reason)
{
    return reason < API_N_DROPS ? drop_names[reason] : "?";
}

const char *api_drop_text(unsigned reason)
{
    return reason < API_N_DROPS ? drop_texts[reason] : "?";
}
