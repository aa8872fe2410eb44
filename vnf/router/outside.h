// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_OUTSIDE_H
#define VNF_ROUTER_OUTSIDE_H

// Outside addresses of NATs as a router sees them. Private to this folder. Main thread.

#include "vnf/router/state.h"

// Fill outside and n_outside of the interface that has this index in the model. -ENOMEM.
int router_outside_collect(const struct model *model, uint32_t index,
                           struct router_interface *interface);

// The length of the widest prefix that begins at `at` and ends in the range: of the prefixes that
// make up a range the next one begins behind it.
uint8_t router_outside_step(const struct router_range *range, uint32_t at);

#endif
