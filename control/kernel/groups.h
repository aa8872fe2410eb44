// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_GROUPS_H
#define CONTROL_KERNEL_GROUPS_H

// The groups of next hops that one router was given in this epoch, by what they hold, or by the
// kernel's next-hop object that they stand for. A number is never given twice, in other epochs
// neither: the dataplane sweeps the routes of a group that was not named in this epoch. Pure; one
// thread.

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/api/culvert_api.h"

// What a group holds. Only of type API_ROUTE_UNICAST has it next hops.
struct group_content {
    uint8_t type; // enum api_route_type
    uint32_t n;
    struct {
        uint32_t interface; // position
        uint8_t family, weight;
        uint8_t address[16];
    } hop[API_MAX_PATHS];
};

// The kernel's next-hop object that a group stands for, of one namespace.
struct group_origin {
    uint32_t space; // which namespace
    uint32_t id;    // 0: no object
};

struct group {
    uint32_t id; // 1 to 2^32-2
    uint32_t hash;
    uint32_t next;
    uint32_t space, nexthop_id;
    uint32_t n_items;
    struct api_dynamic_next_hop *items;
};

struct groups {
    uint32_t n, n_allocated;
    struct group *all;
    uint32_t n_chains; // a power of two
    uint32_t *chains;  // by hash; UINT32_MAX ends one
    uint32_t last_id;
};

// Zeros are an empty table; numbers begin behind last_id. Forgets all groups but which numbers were
// used.
void groups_reset(struct groups *g);

// Find or add the group. *is_changed: it is new or holds something else than before, so the router
// is to be told. Valid until the next call. NULL: out of memory.
const struct group *groups_intern(struct groups *g, const struct group_origin *origin,
                                  const struct group_content *content, bool *is_changed);

#endif
