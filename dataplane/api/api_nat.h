// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_API_API_NAT_H
#define DATAPLANE_API_API_NAT_H

// A part of culvert_api.h, included by it only: network address translation (RFC 8512), IPv4.
// Addresses are 4 bytes in network order, ports in host order.

enum api_nat_dependence {
    API_NAT_ENDPOINT_INDEPENDENT = 1,
    API_NAT_ADDRESS_DEPENDENT,
    API_NAT_ADDRESS_AND_PORT_DEPENDENT,
    API_NAT_N_DEPENDENCES,
};

enum api_nat_flag {
    API_NAT_PAIRED = 1 << 0,          // one outside address for each inside host (RFC 4787 REQ-2)
    API_NAT_HAIRPIN = 1 << 1,         // RFC 4787 REQ-9
    API_NAT_PARITY = 1 << 2,          // RFC 4787 REQ-4
    API_NAT_INBOUND_REFRESH = 1 << 3, // packets from outside prolong UDP, too (RFC 4787 REQ-6)
    API_NAT_FLAGS = (1 << 4) - 1,
};

struct api_nat {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint8_t mapping;     // enum api_nat_dependence
    uint8_t filtering;   // enum api_nat_dependence
    uint16_t flags;      // enum api_nat_flag
    uint16_t port_first; // outside ports and ICMP identifiers that it hands out
    uint16_t port_last;
    uint32_t host_limit; // bindings of one inside host
};

enum api_nat_source_flag {
    API_NAT_EXEMPT = 1 << 0, // not translated: no pool
    API_NAT_SOURCE_FLAGS = (1 << 1) - 1,
};

// What comes from inside with such a source, to such a destination. The first in order of seq.
struct api_nat_source {
    uint32_t owner; // nat
    uint32_t seq;
    uint16_t flags;
    uint8_t prefix_len;
    uint8_t destination_len; // 0: any
    uint8_t prefix[4];
    uint8_t destination[4];
};

// Outside addresses of a source rule.
struct api_nat_pool {
    uint32_t owner; // api_nat_source
    uint8_t first[4];
    uint8_t last[4];
};

// 1:1, both ways, all protocols and ports: the n-th address of one prefix is the n-th of the other.
struct api_nat_static {
    uint32_t owner; // nat
    uint8_t prefix_len;
    uint8_t reserved[3];
    uint8_t inside[4];
    uint8_t outside[4];
};

// Destination NAT: a port, or a range, of an outside address leads inside.
struct api_nat_forward {
    uint32_t owner;   // nat
    uint8_t protocol; // TCP, UDP or SCTP; 0: all of the address, then ports are 0
    uint8_t reserved[3];
    uint8_t address[4]; // outside
    uint8_t to[4];      // inside
    uint16_t port_first;
    uint16_t port_last;
    uint16_t to_port; // where port_first leads
    uint16_t reserved1;
};

struct api_show_nat {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

#define API_NAT_COUNTERS(X)                                                       \
    X(bound, "bindings made")                                                     \
    X(released, "bindings ended")                                                 \
    X(hairpinned, "sessions between two inside hosts by their outside addresses") \
    X(no_port, "packets for which no outside port was left")                      \
    X(host_limited, "packets of a host with all the bindings it may have")        \
    X(filtered, "packets from outside that no session or filter admits")          \
    X(unmatched, "packets from outside to a pool address without a binding")

struct api_nat_state {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t n_bindings;
    uint32_t n_hosts; // inside hosts with bindings
    uint32_t n_addresses;
    uint32_t n_ports_tcp; // in use
    uint32_t n_ports_udp;
    uint32_t n_identifiers; // ICMP
#define API_NAT_FIELD(name, text) uint64_t name;
    API_NAT_COUNTERS(API_NAT_FIELD)
#undef API_NAT_FIELD
};

struct api_list_bindings {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t cursor; // 0 first
    uint32_t reserved;
};

// An answer without bindings has one item with protocol 0 and no sessions.
struct api_binding {
    uint8_t protocol;
    uint8_t is_static; // of a forward or static rule
    uint16_t inside_port;
    uint16_t outside_port;
    uint16_t reserved;
    uint8_t inside[4];
    uint8_t outside[4];
    uint32_t n_sessions;
    uint32_t next; // in the last item: the cursor to go on, 0: the end
};

#endif
