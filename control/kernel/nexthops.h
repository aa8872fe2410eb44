// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_NEXTHOPS_H
#define CONTROL_KERNEL_NEXTHOPS_H

// The next-hop objects of one namespace (ip nexthop), as the kernel told of them. Routes refer to
// them by number. Pure; one thread.

#include "control/kernel/message.h"

struct nexthops {
    uint32_t n, n_chains; // a power of two, or 0
    struct nexthop_entry **chains;
};

// Zeros are an empty table.
void nexthops_reset(struct nexthops *t);

// Add, replace or delete as the message says. 1: there was one of that number; else 0, or -ENOMEM.
int nexthops_change(struct nexthops *t, const struct kernel_nexthop *nexthop);

// What routes with this object do: type and live hops, as if the route itself had them. False:
// there is no such object.
bool nexthops_resolve(const struct nexthops *t, uint32_t id, struct kernel_route *route);

// Whether routes with object `id` are about `other`: it is that one, or a group with it.
bool nexthops_involves(const struct nexthops *t, uint32_t id, uint32_t other);

#endif
