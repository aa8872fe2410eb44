// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_ROUTERS_H
#define CONTROL_NORTHBOUND_ROUTERS_H

// The state of all routers, collected from the dataplane for those who show it.

#include "control/northbound/exchange.h"

struct router_report {
    struct api_router_state state;
    struct api_interface_state *interfaces;
    size_t n_interfaces;
};

struct router_reports {
    struct config_error error; // code 0: all were asked
    struct router_report *reports;
    size_t n;
};

// Ask the dataplane for each router of the running configuration, one after the other; those that
// went in the meantime are left out. `done` is called once, at once or later; the reports are gone
// when it returns.
void routers_collect(struct exchange *x, bool with_interfaces,
                     void (*done)(struct exchange *x, const struct router_reports *reports));

#endif
