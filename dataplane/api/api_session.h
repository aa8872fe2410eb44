// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_API_API_SESSION_H
#define DATAPLANE_API_API_SESSION_H

// A part of culvert_api.h, included by it only: what stands on a chain, and its sessions.

// How long a session lives without a packet, by protocol and state. Name, default in seconds,
// sentence. Of RFC 4787 REQ-5, RFC 5382 REQ-4 and REQ-5, RFC 5508 REQ-2, RFC 7857 2.1 and 2.2.
#define API_TIMEOUTS(X)                                                              \
    X(udp, 300, "UDP")                                                               \
    X(tcp_unsolicited, 6, "TCP, a SYN from outside that nobody inside has answered") \
    X(tcp_opening, 240, "TCP before both SYNs are acknowledged")                     \
    X(tcp_established, 7440, "TCP")                                                  \
    X(tcp_closing, 240, "TCP after a FIN or a RST")                                  \
    X(icmp, 60, "ICMP and ICMPv6 queries")                                           \
    X(sctp_opening, 60, "SCTP before COOKIE ACK, and after SHUTDOWN or ABORT")       \
    X(sctp, 900, "SCTP")                                                             \
    X(other, 600, "GRE and other protocols")                                         \
    X(fragment, 2, "what is known of the fragments of one packet")

enum api_timeout {
#define API_TIMEOUT_ENUM(name, seconds, text) API_TIMEOUT_##name,
    API_TIMEOUTS(API_TIMEOUT_ENUM)
#undef API_TIMEOUT_ENUM
        API_N_TIMEOUTS,
};

#define API_MAX_CHAIN_FUNCTIONS 8 // on one chain, guests not counted; and 8 guests
#define API_MAX_FURTHER 9

enum api_chain_flag {
    API_CHAIN_NO_WINDOW_CHECK = 1 << 0, // TCP: states only
    API_CHAIN_NO_PICKUP = 1 << 1,       // TCP: a session begins with a SYN only
    API_CHAIN_FLAGS = (1 << 2) - 1,
};

enum api_function_kind {
    API_FUNCTION_FIREWALL = 1,
    API_FUNCTION_NAT,
    API_FUNCTION_GUEST,
    API_FUNCTION_N_KINDS,
};

// What stands on a chain, in order from inside to outside.
struct api_chain_function {
    uint32_t owner;  // chain
    uint8_t kind;    // enum api_function_kind
    uint8_t further; // 0: the function's first place on the chain; 2 to 9: a further one
    uint8_t reserved[2];
    uint32_t index; // of the api_firewall, api_nat or api_guest_function, of the same tenant
};

enum api_on_failure {
    API_ON_FAILURE_BLOCK = 1,
    API_ON_FAILURE_BYPASS, // while one of its links is down packets pass it by
    API_ON_FAILURE_N_KINDS,
};

// A guest that stands on a chain with two ports of its own. On one chain at most, and its ports
// are attached to nothing else.
struct api_guest_function {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint32_t inside;  // port
    uint32_t outside; // port
    uint8_t on_failure;
    uint8_t reserved[3];
};

struct api_show_chain {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

#define API_CHAIN_COUNTERS(X)                                             \
    X(out, "packets carried from inside to outside")                      \
    X(in, "packets carried from outside to inside")                       \
    X(turned, "packets from inside sent back in (hairpin)")               \
    X(opened, "sessions begun")                                           \
    X(closed, "sessions ended")                                           \
    X(rejudged, "sessions judged again after a commit")                   \
    X(revoked, "sessions ended by a commit")                              \
    X(evicted, "half-open sessions ended by a limit, for newcomers")      \
    X(related, "ICMP errors that belong to a session")                    \
    X(fragments, "fragments that followed the decision of the first one") \
    X(rejected, "packets answered by a RST or an ICMP error")             \
    X(dropped, "packets dropped, for any reason")

struct api_chain_state {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t n_sessions;
    uint32_t n_half_open;
    uint8_t is_inside_up; // the link of what is plugged in there
    uint8_t is_outside_up;
    uint8_t n_functions; // guests counted
    uint8_t n_guests_down;
    uint8_t n_bypassed; // of them, those that packets pass by
    uint8_t reserved[3];
#define API_CHAIN_FIELD(name, text) uint64_t name;
    API_CHAIN_COUNTERS(API_CHAIN_FIELD)
#undef API_CHAIN_FIELD
};

// Which sessions: those that fit everything that is given.
struct api_session_filter {
    char tenant[API_NAME_SIZE]; // empty: of all
    char chain[API_NAME_SIZE];  // empty: of all
    uint8_t family;             // 0: both
    uint8_t protocol;           // with API_SESSION_PROTOCOL
    uint8_t prefix_len;         // of address, with a family
    uint8_t flags;              // enum api_session_filter_flag
    uint16_t port;              // of either endpoint on either side, in host order; 0: any
    uint16_t reserved;
    uint8_t address[16]; // of either endpoint, on either side
};

enum api_session_filter_flag {
    API_SESSION_PROTOCOL = 1 << 0,
    API_SESSION_ADDRESS = 1 << 1,
    API_SESSION_FILTER_FLAGS = (1 << 2) - 1,
};

// Both are bounded work: go on with the cursor of the answer until that is 0.
struct api_list_sessions {
    struct api_session_filter filter;
    uint32_t cursor; // 0 first
    uint32_t reserved;
};

struct api_clear_sessions {
    struct api_session_filter filter;
    uint32_t cursor; // 0 first
    uint32_t reserved;
};

struct api_cleared {
    uint32_t n_cleared;
    uint32_t next; // 0: the end
};

enum api_session_state {
    API_SESSION_OPENING = 1, // half open; UDP and others: nothing came back yet
    API_SESSION_ESTABLISHED,
    API_SESSION_CLOSING,
    API_SESSION_N_STATES,
};

// [0] is the direction of who began, as it came; [1] the other one, as its packets come. An answer
// without sessions has one item with family 0.
struct api_session_entry {
    char tenant[API_NAME_SIZE];
    char chain[API_NAME_SIZE];
    uint32_t id;
    uint8_t family;
    uint8_t protocol;
    uint8_t state;     // enum api_session_state
    uint8_t is_inside; // begun from inside
    uint8_t is_turned; // both ends are inside (hairpin)
    uint8_t icmp_type; // of an ICMP query
    uint8_t reserved[2];
    uint16_t source_port[2]; // host order; identifier of an ICMP query, in the source of [0]
    uint16_t destination_port[2];
    uint32_t age_sec;
    uint32_t expires_sec; // without another packet
    uint32_t next;        // in the last item: the cursor to go on, 0: the end
    uint8_t source[2][16];
    uint8_t destination[2][16];
    uint64_t packets[2];
    uint64_t bytes[2]; // of IP packets
};

#endif
