// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_API_API_FIREWALL_H
#define DATAPLANE_API_API_FIREWALL_H

// A part of culvert_api.h, included by it only: firewalls, their rules and groups (RFC 8519).

enum api_action {
    API_ACTION_ALLOW = 1,
    API_ACTION_DENY,   // without a word
    API_ACTION_REJECT, // TCP: a RST, else ICMP: administratively prohibited
    API_ACTION_N_KINDS,
};

enum api_direction {
    API_DIRECTION_OUT = 1, // from inside to outside
    API_DIRECTION_IN,
    API_DIRECTION_N_KINDS,
};

struct api_firewall {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint8_t default_in; // enum api_action: what no rule matches
    uint8_t default_out;
    uint8_t is_default_logged;
    uint8_t reserved;
};

// Named lists that rules refer to.
struct api_address_group {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
};

struct api_group_prefix {
    uint32_t owner; // address group
    uint8_t family;
    uint8_t prefix_len;
    uint8_t reserved[2];
    uint8_t address[16]; // no bit set beyond prefix_len
};

struct api_port_group {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
};

struct api_group_ports {
    uint32_t owner; // port group
    uint16_t first; // host order, as all ports of this border
    uint16_t last;
};

enum api_rule_flag {
    API_RULE_PROTOCOL = 1 << 0,  // protocol is given
    API_RULE_ICMP_TYPE = 1 << 1, // with protocol icmp or icmpv6; and so the code
    API_RULE_ICMP_CODE = 1 << 2,
    API_RULE_STATELESS = 1 << 3, // what it allows has no session: answers want a rule of their own
    API_RULE_LOG = 1 << 4,
    API_RULE_FLAGS = (1 << 5) - 1,
};

// Rules of a firewall arrive in ascending order of seq, the first that matches decides.
struct api_rule {
    uint32_t owner; // firewall
    uint32_t seq;
    uint8_t direction; // enum api_direction, of who begins
    uint8_t action;    // enum api_action
    uint16_t flags;    // enum api_rule_flag
    uint8_t family;    // 0: both; else that of the prefixes
    uint8_t protocol;
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint8_t tcp_flags_mask; // of SYN, ACK, FIN, RST, PSH, URG as in the header; 0: any
    uint8_t tcp_flags;      // within the mask
    uint8_t source_len;     // prefix lengths, with a family
    uint8_t destination_len;
    uint16_t source_port_first; // 0 to 65535: any; protocols with ports only
    uint16_t source_port_last;
    uint16_t destination_port_first;
    uint16_t destination_port_last;
    uint32_t source_group; // address groups of the tenant, API_NONE: none
    uint32_t destination_group;
    uint32_t source_port_group; // port groups, API_NONE: none
    uint32_t destination_port_group;
    uint32_t connection_limit; // sessions at a time by this rule; 0: no limit
    uint32_t rate_limit;       // new sessions (stateless: packets) a second; 0: no limit
    uint32_t rate_burst;       // at once; 0: a second's
    uint8_t source[16];
    uint8_t destination[16];
};

// Change rules of the running configuration, beside transactions: all items of a datagram take
// effect together before it is answered, or none does. All name one firewall. Groups are named by
// their index in the running configuration; rule.owner is 0.
struct api_rule_change {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE]; // firewall
    uint64_t config_id;       // what the running configuration is called afterwards
    uint8_t is_delete;        // of rule.seq, the rest of rule then counts nothing
    uint8_t reserved[7];
    struct api_rule rule;
};

struct api_show_firewall {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

struct api_firewall_state {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t n_rules;
    uint32_t reserved;
    uint64_t rule_memory; // bytes
    uint64_t allowed;     // sessions and stateless packets; judged again they count no second time
    uint64_t denied;      // packets, those of reject too
    uint64_t limited;     // packets above a connection or rate limit
    uint64_t default_in_hits;
    uint64_t default_out_hits;
};

struct api_list_rules {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t cursor; // the seq to begin behind, 0 first
    uint32_t reserved;
};

// An answer without rules has one item with seq 0.
struct api_rule_hits {
    uint32_t seq;
    uint32_t n_sessions; // now
    uint64_t hits;       // sessions, stateless packets, packets denied
    uint64_t packets;    // of its sessions too, as of some seconds ago
    uint64_t bytes;
    uint32_t has_more; // in the last item: there are rules behind it
    uint32_t reserved;
};

#endif
