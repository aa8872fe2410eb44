// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_GUARD_H
#define DATAPLANE_WALK_GUARD_H

// A guarded port may speak for its own MAC and addresses only: IPv4, ARP, IPv6 and neighbour
// discovery, behind VLAN tags too. Judged where a packet enters the walk, before any function.

#include "dataplane/core/model.h"
#include "dataplane/core/packet.h"

struct guard;

// The guard of the model's port number `port` (API_PORT with API_PORT_GUARD, its MAC and its
// API_PORT_ADDRESS items). NULL if out of memory. Main thread.
struct guard *guard_create(const struct model *model, uint32_t port);
void guard_destroy(struct guard *guard);

// Why this packet from the guarded port must go no further (enum api_drop), or API_DROP_NONE. The
// packet is parsed; the frame is only read, within what parse has proven, longer reads are checked
// against the data in the first segment here. Worker.
uint8_t guard_check(const struct guard *guard, const struct rte_mbuf *m, const struct packet *p);

#endif
