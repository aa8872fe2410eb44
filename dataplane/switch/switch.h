// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SWITCH_SWITCH_H
#define DATAPLANE_SWITCH_SWITCH_H

// The learning switch: one broadcast domain, a function under walk/function.h (IEEE 802.1Q, 8.6
// forwarding and 8.7 learning, without spanning tree).

#include "dataplane/walk/generation.h"

extern const struct function_ops switch_ops;

// How many MACs lie behind each port, learned and static, in all switches together: adds to
// n_macs[0..API_MAX_PORTS), by slot. Main thread.
void switch_count_macs(const struct generation *generation, uint32_t *n_macs);

#endif
