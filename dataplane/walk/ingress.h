// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_INGRESS_H
#define DATAPLANE_WALK_INGRESS_H

// Where a packet enters the walk: which attachment takes it, and may it come in at all?

#include "dataplane/walk/generation.h"

// Find the attachment for a parsed packet from `entry`'s port, judge offload request and guard,
// take the attachment's VLAN tags off. Returns API_DROP_NONE with packet.in set, or why it is
// dropped.
uint8_t ingress_admit(const struct generation *generation, const struct port_entry *entry,
                      struct rte_mbuf *m);

#endif
