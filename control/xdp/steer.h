// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_STEER_H
#define CONTROL_XDP_STEER_H

// What the XDP program and its loader share: keys, values and sizes of the maps. Compiled for both,
// so no more than fixed-width types.

#include <linux/types.h>

#define STEER_MAX_QUEUES 64
#define STEER_MAX_VLANS 4096
#define STEER_MAX_MACS 4096
#define STEER_MAX_ADDRESSES 1024 // of the kernel on one interface
#define STEER_MAX_PREFIXES 65536 // of each list

enum steer_counter {
    STEER_REDIRECTED, // given to the dataplane
    STEER_PASSED,     // left to the kernel: its own, or nobody had a socket
    STEER_DENIED,     // dropped: source in the drop-prefixes
    STEER_MALFORMED,  // dropped: ends inside a header that says whose it is
    STEER_N_COUNTERS,
};

enum steer_flag {
    STEER_EXPLICIT = 1 << 0,  // the dataplane has what is listed; else all but the kernel's own
    STEER_BROADCAST = 1 << 1, // broadcast and multicast that is nobody's own goes to the dataplane
};

struct steer_settings {
    __u64 owner; // which Culvert: steer_owner()
    __u8 mac[6]; // of the kernel interface
    __u8 flags;  // enum steer_flag
    __u8 reserved;
};

// Key of a longest match. The bits of `family` count: prefix_len is 32 + the prefix's own.
struct steer_prefix {
    __u32 prefix_len;
    __u32 family; // 4 or 6
    __u8 address[16];
};

struct steer_address {
    __u32 family;
    __u8 address[16]; // IPv4 in the first four, the rest 0
};

struct steer_mac {
    __u8 bytes[6];
    __u8 zero[2];
};

enum steer_vlan {
    STEER_VLAN_KERNEL = 1 << 0,    // the kernel has an interface in it, the configuration nothing
    STEER_VLAN_DATAPLANE = 1 << 1, // listed in steering
};

#endif
