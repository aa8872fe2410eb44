// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_API_CULVERT_API_H
#define DATAPLANE_API_CULVERT_API_H

// The border between the control process and the dataplane: what a message on the control socket
// and the counter segment look like. The only header that both sides share; no DPDK here.
//
// Control socket: <run-dir>/dataplane.sock, SOCK_SEQPACKET. A datagram is one struct api_header and
// n_items items of the one struct that belongs to its type. Each request gets exactly one answer:
// API_REPLY, or API_HELLO / API_MACS where a request asks for data. A transaction is
//   API_HELLO, API_BEGIN, objects in any number of datagrams, API_COMMIT (or API_ABORT)
// and carries a whole configuration: what it does not name is gone after the commit. Objects refer
// to others by their position (index) in the same transaction. Children (structs that begin with
// `owner`) arrive in ascending order of their owner.
//
// Routes and neighbours that daemons learn are no part of a configuration: they are given to one
// router of the running one at a time (API_ROUTE_TARGET and what follows it there), each datagram
// in effect when it is answered, and stay over commits until they are taken back, swept, or their
// router or interface goes. A restarted dataplane has none.
//
// Counters: <run-dir>/stats, a file to be mapped read-only: struct api_stats, see below.

#include <stddef.h>
#include <stdint.h>

#define API_MAGIC 0x54564c43U // "CLVT"
#define API_VERSION 1
#define API_NAME_SIZE 32    // bytes with the NUL: names are [A-Za-z0-9_.-]+, padded with zeros
#define API_DEVICE_SIZE 256 // bytes with the NUL
#define API_NETNS_SIZE 64   // bytes with the NUL: a name below /run/netns
#define API_TEXT_SIZE 256
#define API_PATH_SIZE 160
#define API_DATAGRAM_SIZE 65536 // no datagram is longer
#define API_MAX_PORTS 1024
#define API_MAX_PATHS 64    // next hops of one route
#define API_NONE UINT32_MAX // an index that refers to nothing
#define API_MAX_WORKERS 32
#define API_SOCKET_NAME "dataplane.sock" // in the run directory
#define API_STATS_NAME "stats"
#define API_VHOST_DIR "vhost" // default sockets: <run-dir>/vhost/<tenant>-<port>.sock

enum api_type {
    API_HELLO = 1,
    API_REPLY,
    API_BEGIN,
    API_COMMIT,
    API_ABORT,
    API_TENANT,
    API_PORT,
    API_PORT_ADDRESS,
    API_SWITCH,
    API_MEMBER,
    API_STATIC_MAC,
    API_LIST_MACS,
    API_MACS,
    API_ROUTER,
    API_INTERFACE,
    API_INTERFACE_ADDRESS,
    API_NEIGHBOR,
    API_NEXT_HOP_GROUP,
    API_NEXT_HOP,
    API_ROUTE,
    API_GUEST_FUNCTION,
    API_ADDRESS_GROUP,
    API_GROUP_PREFIX,
    API_PORT_GROUP,
    API_GROUP_PORTS,
    API_FIREWALL,
    API_RULE,
    API_NAT,
    API_NAT_SOURCE,
    API_NAT_POOL,
    API_NAT_STATIC,
    API_NAT_FORWARD,
    API_CHAIN,
    API_CHAIN_FUNCTION,
    API_ROUTE_TARGET,
    API_DYNAMIC_NEXT_HOP,
    API_ROUTE_CHANGE,
    API_NEIGHBOR_CHANGE,
    API_ROUTE_SWEEP,
    API_SHOW_ROUTER,
    API_ROUTER_STATE,
    API_LIST_INTERFACES,
    API_INTERFACES,
    API_LIST_ROUTES,
    API_ROUTES,
    API_LIST_NEIGHBORS,
    API_NEIGHBORS,
    API_PING,
    API_PING_STATE,
    API_XDP,
    API_SHOW_CHAIN,
    API_CHAIN_STATE,
    API_LIST_SESSIONS,
    API_SESSIONS,
    API_CLEAR_SESSIONS,
    API_CLEARED,
    API_RULE_CHANGE,
    API_SHOW_FIREWALL,
    API_FIREWALL_STATE,
    API_LIST_RULES,
    API_RULES,
    API_SHOW_NAT,
    API_NAT_STATE,
    API_LIST_BINDINGS,
    API_BINDINGS,
    API_N_TYPES,
};

struct api_header {
    uint32_t magic;    // API_MAGIC
    uint16_t version;  // API_VERSION
    uint16_t type;     // enum api_type
    uint32_t len;      // of the whole datagram, bytes
    uint32_t n_items;  // len == sizeof(header) + n_items * size of the type's item
    uint32_t sequence; // an answer repeats its request's
    uint32_t reserved; // 0
};

// Both ways. The dataplane answers with what it runs, so that a reconnecting control process knows
// whether its configuration is there already.
struct api_hello {
    uint64_t schema_hash; // api_schema_hash()
    uint64_t generation;  // running generation, 0: none yet; 0 in a request
    uint64_t config_id;   // of the running generation, as given in its API_BEGIN
};

struct api_reply {
    int32_t error;            // 0 or a negative errno
    uint32_t index;           // of the item that is refused, in its datagram
    uint64_t generation;      // running after the request
    char path[API_PATH_SIZE]; // object and field, such as "blue/vm1: mtu"; empty: the whole request
    char sentence[API_TEXT_SIZE]; // what is wrong and what to do
};

struct api_begin {
    uint64_t config_id; // chosen by the control process: names this configuration (a hash of it)
};

#include "dataplane/api/api_firewall.h"
#include "dataplane/api/api_nat.h"
#include "dataplane/api/api_session.h"

struct api_tenant {
    char name[API_NAME_SIZE];
    uint32_t neighbor_limit;              // learned neighbours of all its routers
    uint32_t session_limit;               // sessions of all its chains
    uint32_t half_open_limit;             // of them, those that nobody has answered yet
    uint32_t source_session_limit;        // of them, those that one address has begun
    uint32_t fragment_limit;              // packets whose fragments are known, of all its chains
    uint32_t timeout_sec[API_N_TIMEOUTS]; // by enum api_timeout
};

enum api_port_type {
    API_PORT_VHOST_USER = 1,
    API_PORT_TAP,
    API_PORT_PCAP,
    API_PORT_ETHDEV,
    API_PORT_AF_XDP,
    API_PORT_N_TYPES,
};

enum api_port_flag {
    API_PORT_SERVER = 1 << 0, // vhost-user: listen, the guest dials
    API_PORT_GUARD = 1 << 1,  // tied to its MAC and addresses
    API_PORT_CSUM = 1 << 2,   // offer checksum offloads to the guest
    API_PORT_TSO = 1 << 3,    // offer TCP segmentation offloads to the guest (needs CSUM)
    API_PORT_PACKED = 1 << 4, // offer packed rings
    API_PORT_FLAGS = (1 << 5) - 1,
};

struct api_port {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint8_t type;   // enum api_port_type
    uint8_t mac[6]; // 0: none given
    uint8_t reserved0;
    uint32_t flags;      // enum api_port_flag
    uint16_t n_queues;   // queue pairs
    uint16_t mtu;        // bytes after the Ethernet header and VLAN tags
    uint16_t queue_size; // descriptors, for kinds that let us choose; 0: default
    uint16_t reserved1;
    uint32_t mac_limit;           // MACs a switch may learn on this port
    uint32_t storm_broadcast_pps; // 0: no limit; for this and the next two
    uint32_t storm_multicast_pps;
    uint32_t storm_unknown_pps; // unicast to an unknown MAC
    // vhost-user: socket path, empty for the default. tap, af-xdp: kernel interface. pcap: file to
    // read, may be empty. ethdev: DPDK device arguments.
    char device[API_DEVICE_SIZE];
    char device_out[API_DEVICE_SIZE]; // pcap: file to write, may be empty
    char netns[API_NETNS_SIZE];       // tap: network namespace of the interface; empty: our own
};

// An address that a guarded port may use.
struct api_port_address {
    uint32_t owner;     // port
    uint8_t family;     // 4 or 6
    uint8_t prefix_len; // 0 to 32 or 128
    uint8_t reserved[2];
    uint8_t address[16]; // network order; IPv4 in the first four, the rest 0
};

struct api_switch {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint32_t ageing_sec;     // 0: learned MACs never age
    uint32_t mac_table_size; // MACs, of all members together
};

#define API_VLAN_NONE 0 // no tag; VLAN IDs are 1 to 4094

// An attachment to a switch: a port, or a VLAN (outer), or a VLAN in a VLAN (outer, inner) on it.
struct api_member {
    uint32_t owner; // switch
    uint32_t port;
    uint16_t outer_vlan;
    uint16_t inner_vlan; // only with outer_vlan
};

struct api_static_mac {
    uint32_t owner;  // switch
    uint32_t member; // index of the api_member, of the same switch
    uint8_t mac[6];
    uint8_t reserved[2];
};

// A router: interfaces, addresses, routes and neighbours of its own (RFC 8349).
struct api_router {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint32_t neighbor_limit;    // learned neighbours of all its interfaces
    uint32_t route_limit;       // of a family, all sources together
    uint8_t dynamic_preference; // of what daemons install: the lowest preference wins
    uint8_t reserved[3];
};

enum api_interface_flag {
    API_INTERFACE_STRICT_URPF = 1 << 0, // a source must be routed back by this interface (RFC 3704)
    API_INTERFACE_FLAGS = (1 << 1) - 1,
};

struct api_interface {
    uint32_t owner; // router
    char name[API_NAME_SIZE];
    uint8_t mac[6];   // unicast, and the kernel twin's too
    uint16_t mtu;     // bytes of an IP packet
    uint16_t tcp_mss; // a larger MSS in a TCP SYN in or out is lowered to this; 0: left alone
    uint16_t flags;   // enum api_interface_flag
    // The port (a tap) behind which the kernel's twin of this interface is, or API_NONE. It is
    // attached to nothing else.
    uint32_t kernel_port;
};

struct api_interface_address {
    uint32_t owner;     // interface
    uint8_t family;     // 4 or 6
    uint8_t prefix_len; // of the subnet: 0 to 32 or 128
    uint8_t reserved[2];
    uint8_t address[16]; // network order; IPv4 in the first four, the rest 0. Here and below
};

// A static neighbour.
struct api_neighbor {
    uint32_t owner; // interface
    uint8_t family;
    uint8_t reserved;
    uint8_t mac[6];
    uint8_t address[16];
};

enum api_route_type {
    API_ROUTE_UNICAST = 1, // by its next hops
    API_ROUTE_BLACKHOLE,   // dropped without a word
    API_ROUTE_UNREACHABLE, // dropped with an ICMP error
    API_ROUTE_N_CONFIGURABLE,
    API_ROUTE_CONNECTED = API_ROUTE_N_CONFIGURABLE, // the subnet of an interface
    API_ROUTE_LOCAL,                                // an address of the router
    API_ROUTE_BROADCAST,                            // of a connected subnet
    API_ROUTE_N_TYPES,
};

// What routes of a router share. Only one of type API_ROUTE_UNICAST has next hops, and at least
// one.
struct api_next_hop_group {
    uint32_t owner; // router
    uint8_t type;   // enum api_route_type, up to UNREACHABLE
    uint8_t reserved[3];
};

struct api_next_hop {
    uint32_t owner;     // group
    uint32_t interface; // one of the router's, or API_NONE: whose subnet holds the address
    uint8_t family;     // of the address; 0: none, destinations are neighbours on the interface
    uint8_t weight;     // 1 to 255: its share of the flows
    uint8_t reserved[2];
    uint8_t address[16];
};

struct api_route {
    uint32_t owner; // router
    uint32_t group; // one of the router's
    uint8_t family;
    uint8_t prefix_len;
    uint8_t preference; // RFC 8349 route-preference: of the same prefix the lowest is used
    uint8_t reserved;
    uint8_t address[16]; // no bit set beyond prefix_len
};

enum api_end_kind {
    API_END_PORT = 1, // with VLANs, as in api_member
    API_END_SWITCH,
    API_END_INTERFACE, // of a router
    API_END_N_KINDS,
};

struct api_end {
    uint8_t kind; // enum api_end_kind
    uint8_t reserved[3];
    uint32_t index;
    uint16_t outer_vlan; // 0 unless a port
    uint16_t inner_vlan;
};

// A cable. An attachment of a port and an interface have one end at most.
struct api_chain {
    uint32_t owner; // tenant
    char name[API_NAME_SIZE];
    uint32_t flags; // enum api_chain_flag
    struct api_end inside;
    struct api_end outside;
};

// "Of this router." Of the running generation. Valid on its connection until the next one.
struct api_route_target {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE]; // router
    uint32_t epoch; // routes and neighbours given from now on bear it; see API_ROUTE_SWEEP
    uint32_t reserved;
};

// Groups of the target, named by the sender: the items of one datagram with the same group, side by
// side, replace that group as a whole, for routes that use it already, too. A group lives while a
// route uses it or it was named in this epoch.
struct api_dynamic_next_hop {
    uint32_t group;     // 1 to 2^32-2
    uint32_t interface; // position among the router's interfaces in the running generation
    uint8_t type;       // enum api_route_type; other than UNICAST: one item, the rest of it 0
    uint8_t family;     // of the address; 0: none
    uint8_t weight;     // 1 to 255
    uint8_t reserved;
    uint8_t address[16];
};

// An item that there is no room for, or no group, ends nothing: those behind it are carried out.
// The answer tells of the first.
struct api_route_change {
    uint32_t group; // add or replace; 0: delete
    uint8_t family;
    uint8_t prefix_len;
    uint8_t reserved[2];
    uint8_t address[16];
};

// Permanent entries that a daemon installed.
struct api_neighbor_change {
    uint32_t interface; // position, as above
    uint8_t family;
    uint8_t is_delete;
    uint8_t mac[6];
    uint8_t address[16];
};

// API_ROUTE_SWEEP has no items: forget the target's dynamic routes, groups and neighbours of other
// epochs than the target's.

struct api_show_router {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

#define API_ROUTER_COUNTERS(X)                                            \
    X(received, "packets that came in by its interfaces")                 \
    X(forwarded, "packets sent on by a route")                            \
    X(local, "packets for itself that it answered or gave to the kernel") \
    X(kernel, "frames of kernel twins sent out")                          \
    X(dropped, "packets dropped, for any reason")                         \
    X(fragmented, "packets cut into fragments")                           \
    X(fragments, "fragments made")                                        \
    X(icmp_errors, "ICMP errors sent")                                    \
    X(icmp_limited, "ICMP errors not sent: above the rate limit")         \
    X(solicited, "ARP requests and neighbour solicitations sent")         \
    X(held, "packets that waited for a neighbour's MAC address")

struct api_router_state {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t n_routes4;
    uint32_t n_routes6;
    uint32_t n_neighbors;
    uint32_t n_neighbors_refused; // not learned: the limit of the router or the tenant
    uint64_t route_memory;        // bytes
#define API_ROUTER_FIELD(name, text) uint64_t name;
    API_ROUTER_COUNTERS(API_ROUTER_FIELD)
#undef API_ROUTER_FIELD
};

struct api_list_interfaces {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t cursor; // position to begin with
    uint32_t reserved;
};

struct api_interface_state {
    char name[API_NAME_SIZE];
    uint8_t mac[6];
    uint8_t is_up;      // something is plugged in, and its link is up
    uint8_t is_plugged; // a chain ends here
    uint16_t mtu;
    uint16_t reserved;
    uint32_t next; // in the last item: the cursor to go on, 0: the end
};

// Longest match or listing. The items of one route follow each other, one for each next hop.
struct api_list_routes {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint8_t family;     // 4 or 6
    uint8_t mode;       // enum api_list_mode
    uint8_t prefix_len; // LIST_AFTER: of the last route that was told
    uint8_t reserved;
    uint8_t address[16]; // LIST_AFTER: of that route; LIST_MATCH: what to look up
};

enum api_list_mode {
    API_LIST_FIRST = 1, // from the beginning
    API_LIST_AFTER,     // behind a prefix
    API_LIST_MATCH,     // the route that a packet to this address would take
    API_LIST_N_MODES,
};

enum api_route_source {
    API_SOURCE_CONNECTED = 1, // an interface's address
    API_SOURCE_STATIC,        // the configuration
    API_SOURCE_DYNAMIC,       // a daemon, by way of the kernel
    API_SOURCE_N_SOURCES,
};

// An answer without routes has one item with family 0.
struct api_route_entry {
    uint8_t family;
    uint8_t prefix_len;
    uint8_t type;   // enum api_route_type
    uint8_t source; // enum api_route_source
    uint8_t preference;
    uint8_t is_active;       // used; else a better one of this prefix is, or no next hop is up
    uint8_t weight;          // of the next hop
    uint8_t next_hop_family; // 0: no address
    uint8_t address[16];
    uint8_t next_hop[16];
    char interface[API_NAME_SIZE]; // empty: none
    uint32_t position;             // of the next hop in its route, from 0
    uint32_t n_next_hops;
    uint32_t is_up;    // the next hop's interface
    uint32_t has_more; // in the last item: there are routes behind it
};

struct api_list_neighbors {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t cursor; // 0 first
    uint32_t reserved;
};

// RFC 4861, 7.3.2, for ARP as well.
enum api_neighbor_state {
    API_NEIGHBOR_INCOMPLETE = 1,
    API_NEIGHBOR_REACHABLE,
    API_NEIGHBOR_STALE,
    API_NEIGHBOR_DELAY,
    API_NEIGHBOR_PROBE,
    API_NEIGHBOR_STATIC,  // configured
    API_NEIGHBOR_DYNAMIC, // installed by a daemon
    API_NEIGHBOR_FAILED,  // does not answer
    API_NEIGHBOR_N_STATES,
};

// An answer without neighbours has one item with family 0.
struct api_neighbor_entry {
    uint8_t family;
    uint8_t state; // enum api_neighbor_state
    uint8_t mac[6];
    uint8_t address[16];
    char interface[API_NAME_SIZE];
    uint32_t age_sec; // since it was confirmed
    uint32_t n_held;  // packets that wait for it
    uint32_t next;    // in the last item: the cursor to go on, 0: the end
    uint32_t reserved;
};

// Send one echo request from a router, or ask what became of one. Answered by API_PING_STATE.
struct api_ping {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint32_t id;          // 0: send; else what the answer to that said
    uint16_t payload_len; // bytes, at most 1400
    uint8_t family;
    uint8_t ttl; // 0: 64
    uint8_t address[16];
    uint8_t source[16]; // zero: chosen by the route
};

enum api_ping_result {
    API_PING_WAITING = 1, // no answer yet
    API_PING_REPLY,
    API_PING_ERROR,    // an ICMP error came back
    API_PING_NO_ROUTE, // not sent
    API_PING_N_RESULTS,
};

struct api_ping_state {
    uint32_t id;
    uint8_t result; // enum api_ping_result
    uint8_t family;
    uint8_t icmp_type; // with API_PING_ERROR
    uint8_t icmp_code;
    uint8_t ttl; // of the answer
    uint8_t reserved[7];
    uint64_t rtt_ns;
    uint8_t from[16];
};

// The XDP program of an af-xdp port, loaded by the control process. Two descriptors come along
// (SCM_RIGHTS): the map of sockets by queue, and the link that holds the program on the interface,
// which the dataplane keeps open while the port lives. Without it the port does not open.
struct api_xdp {
    char tenant[API_NAME_SIZE];
    char port[API_NAME_SIZE];
    char interface[API_NAME_SIZE];
    uint32_t n_queues;    // of the map
    uint8_t is_native;    // mode of the program
    uint8_t is_zero_copy; // worth a try
    uint8_t reserved[2];
};

struct api_list_macs {
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE]; // switch
    uint32_t cursor;          // 0 first, then what the last answer's last item says
    uint32_t reserved;
};

// Answer to API_LIST_MACS. The last item of an answer has `next`: the cursor to go on, 0: the end.
// An answer with no entries to show has one item with a zero MAC.
struct api_mac {
    uint8_t mac[6];
    uint8_t is_static;
    uint8_t is_chain; // port_tenant and port name the chain that leads to it
    uint32_t age_sec; // since it was last seen; 0 if static
    char port_tenant[API_NAME_SIZE];
    char port[API_NAME_SIZE];
    uint16_t outer_vlan;
    uint16_t inner_vlan;
    uint32_t next;
};

// Why a packet was dropped: name, the fact. Order is part of the border.
#define API_DROP_REASONS(X)                                                                \
    X(RUNT_FRAME, "frame is shorter than its Ethernet header")                             \
    X(VLAN_TRUNCATED, "frame ends inside a VLAN tag")                                      \
    X(OVERSIZE_FRAME, "frame is longer than the port's MTU allows")                        \
    X(VLAN_UNKNOWN, "no attachment takes this VLAN of the port")                           \
    X(VLAN_NOT_OWN, "on its way out the frame would have the tags of another attachment")  \
    X(PORT_UNATTACHED, "port belongs to no switch")                                        \
    X(ARP_TRUNCATED, "frame ends inside the ARP packet")                                   \
    X(ARP_BAD_FORMAT, "ARP for other than Ethernet and IPv4")                              \
    X(IP4_TRUNCATED, "frame ends inside the IPv4 header")                                  \
    X(IP4_BAD_VERSION, "EtherType IPv4, version not 4")                                    \
    X(IP4_BAD_IHL, "IPv4 header length below 20 or beyond the packet")                     \
    X(IP4_BAD_LENGTH, "IPv4 total length below the header or beyond the frame")            \
    X(IP4_BAD_OPTION, "IPv4 option with a length of 0, 1 or beyond the header")            \
    X(IP4_BAD_FRAGMENT, "IPv4 fragment of a length or an offset that can't be")            \
    X(IP6_TRUNCATED, "frame ends inside the IPv6 header")                                  \
    X(IP6_BAD_VERSION, "EtherType IPv6, version not 6")                                    \
    X(IP6_BAD_LENGTH, "IPv6 payload length beyond the frame")                              \
    X(IP6_BAD_EXTENSION, "IPv6 extension header that is cut, misplaced or one too many")   \
    X(IP6_BAD_FRAGMENT, "IPv6 fragment of a length or an offset that can't be")            \
    X(TCP_TRUNCATED, "packet ends inside the TCP header")                                  \
    X(TCP_BAD_OFFSET, "TCP data offset below 5 or beyond the packet")                      \
    X(UDP_TRUNCATED, "packet ends inside the UDP header")                                  \
    X(UDP_BAD_LENGTH, "UDP length below 8 or beyond the packet")                           \
    X(ICMP_TRUNCATED, "packet ends inside the ICMP header")                                \
    X(ICMP6_TRUNCATED, "packet ends inside the ICMPv6 header")                             \
    X(SCTP_TRUNCATED, "packet ends inside the SCTP header")                                \
    X(OFFLOAD_MISMATCH, "offload request that does not fit the packet's headers")          \
    X(OFFLOAD_NO_BUFFER, "no buffer to segment or copy the frame for this receiver")       \
    X(FLOOD_NO_BUFFER, "no buffer left to give this port its copy or its VLAN tag")        \
    X(SWITCH_SOURCE_NOT_UNICAST, "source MAC is zero, multicast or broadcast")             \
    X(SWITCH_LINK_LOCAL, "destination is a link-local group (01:80:c2:00:00:0x)")          \
    X(SWITCH_SAME_PORT, "destination is behind the port that the frame came from")         \
    X(SWITCH_STATIC_ELSEWHERE, "source MAC is a static entry of another member")           \
    X(SWITCH_ALONE, "flood with no other member")                                          \
    X(STORM_BROADCAST, "above the port's limit of broadcast frames")                       \
    X(STORM_MULTICAST, "above the port's limit of multicast frames")                       \
    X(STORM_UNKNOWN, "above the port's limit of frames to unknown MACs")                   \
    X(GUARD_MAC, "source MAC is not the guarded port's")                                   \
    X(GUARD_MALFORMED, "neighbour discovery of a guarded port that can't be judged")       \
    X(GUARD_ETHERTYPE, "guarded port sends other than IPv4, ARP and IPv6")                 \
    X(GUARD_IP4_SOURCE, "IPv4 source is not an address of the guarded port")               \
    X(GUARD_ARP, "ARP sender is not the guarded port's MAC and address")                   \
    X(GUARD_IP6_SOURCE, "IPv6 source is not an address of the guarded port")               \
    X(GUARD_ND, "neighbour discovery speaks for another MAC or address")                   \
    X(GUARD_ROUTER, "guarded port sends router advertisements, redirects or DHCP answers") \
    X(PORT_DOWN, "receiving port is down")                                                 \
    X(PORT_TX_FULL, "receiver's ring is full")                                             \
    X(VHOST_CHAIN_REFUSED, "descriptor chain that is no frame, or longer than one")        \
    X(CABLE_UNPLUGGED, "nothing is plugged in where the frame would leave")                \
    X(WALK_TOO_LONG, "too many switches, routers and chains on one way, perhaps a loop")   \
    X(ROUTER_OTHER_MAC, "destination MAC is not the router's")                             \
    X(ROUTER_BAD_FRAME, "other than untagged IPv4, IPv6 and ARP, or sent as broadcast")    \
    X(ROUTER_BAD_CHECKSUM, "IPv4 header checksum is wrong")                                \
    X(ROUTER_BAD_SOURCE, "source address that no packet may have here (RFC 1812, 5.3.7)")  \
    X(ROUTER_BAD_DESTINATION, "destination that no router may forward to")                 \
    X(ROUTER_SOURCE_ROUTE, "source route option or header (RFC 7126, 5095)")               \
    X(ROUTER_URPF, "source is not routed back by this interface (strict uRPF)")            \
    X(ROUTER_TTL_EXCEEDED, "TTL or hop limit is used up")                                  \
    X(ROUTER_NO_ROUTE, "no route to the destination")                                      \
    X(ROUTER_BLACKHOLE, "a blackhole or unreachable route")                                \
    X(ROUTER_TOO_BIG, "larger than the MTU and not to be fragmented")                      \
    X(ROUTER_NO_BUFFER, "no buffer for fragments, or for a packet of the router's own")    \
    X(ROUTER_LOCAL_UNWANTED, "for the router itself, which has nobody to take it")         \
    X(ROUTER_BAD_ARP, "ARP that can't be believed")                                        \
    X(ROUTER_BAD_ND, "neighbour discovery that can't be believed (RFC 4861, 7.1)")         \
    X(NEIGHBOR_UNRESOLVED, "the next hop did not tell its MAC address")                    \
    X(NEIGHBOR_QUEUE_FULL, "too many packets wait for the next hop's MAC address")         \
    X(NEIGHBOR_LIMIT, "no room for another neighbour of the router or the tenant")         \
    X(XDP_LOST, "the kernel found no room for the frame in the af-xdp port's rings")       \
    X(XDP_BAD_FRAME, "af-xdp frame that no buffer holds")                                  \
    X(CHAIN_NOT_IP, "other than IP and ARP, which no function on the chain can judge")     \
    X(CHAIN_GUEST_DOWN, "a guest on the chain is down and must not be passed by")          \
    X(SESSION_LIMIT, "the tenant has all the sessions it may have")                        \
    X(SESSION_HALF_OPEN_LIMIT, "the tenant has all the half-open sessions it may have")    \
    X(SESSION_SOURCE_LIMIT, "the source has all the sessions one address may have")        \
    X(SESSION_NO_MEMORY, "no memory for another session")                                  \
    X(SESSION_CONFLICT, "another session has the same addresses and ports behind the NAT") \
    X(TCP_BAD_FLAGS, "TCP flags that can't be together")                                   \
    X(TCP_NO_SESSION, "TCP segment that begins no session and belongs to none")            \
    X(TCP_OUT_OF_WINDOW, "TCP segment outside the window (RFC 9293, 3.10.7.4)")            \
    X(TCP_BAD_RESET, "TCP RST that is not exactly at the window's edge (RFC 5961, 3)")     \
    X(TCP_BAD_SYN, "TCP SYN within an open session (RFC 5961, 4)")                         \
    X(SCTP_NO_SESSION, "SCTP packet that begins no session and belongs to none")           \
    X(SCTP_BAD_TAG, "SCTP verification tag of another association (RFC 9260, 8.5)")        \
    X(ICMP_NO_SESSION, "ICMP error or reply that belongs to no session")                   \
    X(ICMP_BAD_INNER, "ICMP error whose inner packet can't be judged")                     \
    X(ICMP_BAD_CHECKSUM, "ICMP error with a wrong checksum (RFC 5508, REQ-3)")             \
    X(FRAGMENT_LIMIT, "more fragmented packets than the tenant may have under way")        \
    X(FRAGMENT_OVERLAP, "fragments overlap (RFC 5722)")                                    \
    X(FRAGMENT_TINY, "first fragment without its whole L4 header (RFC 1858, 7112)")        \
    X(FRAGMENT_LOST, "fragments whose first one did not come, or was dropped")             \
    X(FIREWALL_DENIED, "a firewall rule, or the default, denies it")                       \
    X(FIREWALL_REJECTED, "a firewall rule, or the default, rejects it")                    \
    X(FIREWALL_CONNECTION_LIMIT, "the rule has all the sessions it may have")              \
    X(FIREWALL_RATE_LIMIT, "above the rule's rate limit")                                  \
    X(FIREWALL_RULES_TOO_ALIKE, "so many rules are alike that the search was given up")    \
    X(NAT_NO_FREE_PORT, "no outside port left in the pool")                                \
    X(NAT_HOST_LIMIT, "the inside host has all the bindings it may have")                  \
    X(NAT_FILTERED, "binding does not admit this outside endpoint")                        \
    X(NAT_NOT_TRANSLATABLE, "protocol without ports, and the address is shared")

enum api_drop {
#define API_DROP_ENUM(name, text) DROP_##name,
    API_DROP_REASONS(API_DROP_ENUM)
#undef API_DROP_ENUM
        API_N_DROPS,
    API_DROP_NONE = 255,
};

// The counter segment. Writers: each worker and the tap thread their own counters; the main thread
// all else. A reader sums a port's rows, modulo 2^64.
struct api_counters {
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint64_t drops[124]; // by enum api_drop; rx side reasons at the receiving port, tx side at the
                         // sending
} __attribute__((aligned(64)));

_Static_assert(API_N_DROPS <= 124, "drops[] holds every reason");

enum api_port_state {
    API_PORT_UNUSED = 0,
    API_PORT_OPENING,
    API_PORT_LINK_DOWN, // open; no guest, or no carrier
    API_PORT_LINK_UP,
    API_PORT_ERROR, // the device can't be opened: see text; tried again each second
};

struct api_stats_port {
    uint32_t sequence; // odd while the main thread writes
    uint8_t state;     // enum api_port_state
    uint8_t type;      // enum api_port_type
    uint16_t mtu;
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    uint16_t n_queues; // in use
    uint16_t reserved;
    uint32_t n_macs;     // learned or static behind it
    uint64_t features;   // vhost-user: negotiated virtio features
    uint64_t n_connects; // vhost-user: times a guest came
    uint32_t pool_size;  // buffers of its receive pool
    uint32_t pool_used;
    char text[API_TEXT_SIZE]; // why it is in API_PORT_ERROR, or what is odd about it
    uint8_t xdp_mode;         // enum api_xdp_mode, of an af-xdp port
    uint8_t reserved1[7];
};

enum api_xdp_mode {
    API_XDP_NATIVE = 1 << 0, // else generic
    API_XDP_ZERO_COPY = 1 << 1,
};

struct api_stats_worker {
    uint64_t loops;       // grows while the worker lives
    uint64_t busy_cycles; // in loops that moved a packet
    uint64_t sleeps;
    uint64_t n_bursts;  // receive calls that returned packets
    uint64_t n_walked;  // packets received that went hop by hop
    uint64_t n_by_flow; // and by one look-up
    uint32_t cpu;
    uint32_t reserved[3];
} __attribute__((aligned(64)));

struct api_stats {
    uint32_t magic; // API_MAGIC, written last
    uint16_t version;
    uint16_t n_workers;
    uint64_t schema_hash;
    uint64_t generation;
    uint64_t started_ns; // CLOCK_REALTIME
    uint64_t cycles_hz;  // of busy_cycles
    uint32_t pid;
    uint32_t reserved[5];
    struct api_stats_worker worker[API_MAX_WORKERS];
    struct api_stats_port port[API_MAX_PORTS];
    // [port][worker]; the row n_workers is the threads' behind taps and af-xdp ports. Port
    // API_MAX_PORTS stands for the dataplane itself: packets that no port has brought.
    struct api_counters counters[API_MAX_PORTS + 1][API_MAX_WORKERS + 1];
};

// One field of an item, for checking and for the schema hash.
enum api_field_kind {
    API_FIELD_UINT,   // min to max
    API_FIELD_FLAGS,  // no bit outside max
    API_FIELD_ZERO,   // padding
    API_FIELD_NAME,   // [A-Za-z0-9_.-]+, NUL, zeros
    API_FIELD_STRING, // printable, NUL, zeros; may be empty
    API_FIELD_BYTES,  // any
};

struct api_field {
    const char *name;
    uint16_t offset;
    uint16_t size;
    uint16_t kind; // enum api_field_kind
    uint64_t min, max;
};

struct api_message {
    const char *name;
    uint16_t item_size;
    uint16_t n_fields;
    uint32_t min_items, max_items; // in one datagram
    const struct api_field *fields;
};

// The description of a message type, NULL if there is no such type.
const struct api_message *api_message(unsigned type);

// Check one datagram against the table: exact length, padding zero, unknown flags refused, ranges,
// names. Returns 0, or a negative errno and fills *reply (may be NULL) with index, path and
// sentence. `data` needs no alignment and is not kept. References are the receiver's business.
int api_check(const void *data, size_t size, struct api_reply *reply);

// A hash over the table (names, offsets, sizes, ranges), the drop reasons and the segment layout:
// equal on both sides or they must not talk.
uint64_t api_schema_hash(void);

// "RUNT_FRAME" and its sentence. Never NULL; "?" beyond the list.
const char *api_drop_name(unsigned reason);
const char *api_drop_text(unsigned reason);

#endif
