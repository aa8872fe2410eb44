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
// to others by their position (index) in the same transaction, so the order of datagrams is:
// tenants, ports, port addresses, switches, members, static MACs. Children (structs that begin with
// `owner`) arrive in ascending order of their owner.
//
// Counters: <run-dir>/stats, a file to be mapped read-only: struct api_stats, see below.

#include <stddef.h>
#include <stdint.h>

#define API_MAGIC 0x54564c43U // "CLVT"
#define API_VERSION 1
#define API_NAME_SIZE 32    // bytes with the NUL: names are [A-Za-z0-9_-]+, padded with zeros
#define API_DEVICE_SIZE 256 // bytes with the NUL
#define API_NETNS_SIZE 64
#define API_TEXT_SIZE 256
#define API_PATH_SIZE 160
#define API_DATAGRAM_SIZE 65536 // no datagram is longer
#define API_MAX_PORTS 1024
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

struct api_tenant {
    char name[API_NAME_SIZE];
};

enum api_port_type {
    API_PORT_VHOST_USER = 1,
    API_PORT_TAP,
    API_PORT_PCAP,
    API_PORT_ETHDEV,
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
    // vhost-user: socket path, empty for the default. tap: kernel interface. pcap: file to read,
    // may be empty. ethdev: DPDK device arguments.
    char device[API_DEVICE_SIZE];
    char device_out[API_DEVICE_SIZE]; // pcap: file to write, may be empty
    char netns[API_NETNS_SIZE];       // tap: network namespace by name; empty: the dataplane's own
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
    uint8_t reserved;
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
    X(VHOST_CHAIN_REFUSED, "descriptor chain that is no frame, or longer than one")

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
    uint64_t drops[60]; // by enum api_drop; rx side reasons at the receiving port, tx side at the
                        // sending
} __attribute__((aligned(64)));

_Static_assert(API_N_DROPS <= 60, "drops[] holds every reason");

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
};

struct api_stats_worker {
    uint64_t loops;       // grows while the worker lives
    uint64_t busy_cycles; // in loops that moved a packet
    uint64_t sleeps;
    uint64_t n_bursts; // receive calls that returned packets
    uint32_t cpu;
    uint32_t reserved[7];
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
    // [port][worker]; the row n_workers is the tap thread's
    struct api_counters counters[API_MAX_PORTS][API_MAX_WORKERS + 1];
};

// One field of an item, for checking and for the schema hash.
enum api_field_kind {
    API_FIELD_UINT,   // min to max
    API_FIELD_FLAGS,  // no bit outside max
    API_FIELD_ZERO,   // padding
    API_FIELD_NAME,   // [A-Za-z0-9_-]+, NUL, zeros
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
