// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_MESSAGE_H
#define CONTROL_KERNEL_MESSAGE_H

// rtnetlink messages, taken apart. Each reader returns 0; -ENOENT if the message is none of ours to
// care about (another table, the kernel's own routes, …); -EINVAL if it is malformed. Pure.

#include <linux/netlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "dataplane/api/culvert_api.h"

struct kernel_hop {
    uint32_t ifindex;
    uint8_t family; // of the gateway, 4 or 6; 0: none
    uint8_t weight; // 1 to 255
    uint8_t address[16];
};

struct kernel_prefix {
    uint8_t family, len;
    uint8_t address[16];
};

struct kernel_route {
    bool is_new;     // else deleted
    bool is_replace; // what was there of the same prefix and metric is gone
    bool is_append;  // beside another one of the same prefix and metric
    uint8_t type;    // enum api_route_type
    struct kernel_prefix prefix;
    uint32_t metric;
    uint32_t nexthop_id; // 0: none
    uint32_t n_hops;     // alive; those beyond API_MAX_PATHS are left out
    struct kernel_hop hop[API_MAX_PATHS];
};

struct kernel_nexthop {
    bool is_new;
    uint32_t id;
    uint8_t type;       // enum api_route_type: UNICAST or BLACKHOLE
    uint32_t n_members; // 0: no group
    bool is_alive;      // `hop` is valid
    struct kernel_hop hop;
    struct {
        uint32_t id;
        uint8_t weight;
    } member[API_MAX_PATHS];
};

struct kernel_neighbor {
    bool is_installed; // by somebody: to be given to the router. Else not, or not any more
    uint32_t ifindex;
    uint8_t family;
    uint8_t mac[6];
    uint8_t address[16];
};

struct kernel_link {
    bool is_new;
    bool is_up; // set up by the administrator
    bool is_tap;
    uint32_t ifindex;
    uint8_t mac[6];
    char name[IF_NAMESIZE];
};

struct kernel_address {
    bool is_new;
    bool is_ours;      // bears MESSAGE_ADDRESS_PROTOCOL
    bool is_automatic; // a link-local one that the kernel made
    uint32_t ifindex;
    struct kernel_prefix prefix;
};

#define MESSAGE_ADDRESS_PROTOCOL 67 // IFA_PROTO of the addresses that we give to twins

int message_read_route(struct nlmsghdr *h, struct kernel_route *route);
int message_read_nexthop(struct nlmsghdr *h, struct kernel_nexthop *nexthop);
int message_read_neighbor(struct nlmsghdr *h, struct kernel_neighbor *neighbor);
int message_read_link(struct nlmsghdr *h, struct kernel_link *link);
int message_read_address(struct nlmsghdr *h, struct kernel_address *address);

#endif
