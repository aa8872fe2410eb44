// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_VALIDATE_H
#define VNF_ROUTER_VALIDATE_H

// What validate.c and validate_routes.c share.

#include "vnf/router/state.h"

// One router of the model that is looked at. Main thread.
struct validation {
    const struct model *model;
    uint32_t index;
    const struct api_router *router;
    const struct api_interface *interfaces; // its own; the first is first_interface in the model
    uint32_t first_interface, n_interfaces;
    uint32_t first_address, n_addresses; // of all its interfaces
    const char *path;                    // tenant/router
    struct error *e;
};

// -EINVAL with the path and a sentence.
int validate_refuse(const struct validation *v, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Groups, next hops and static routes.
int validate_routes(const struct validation *v);

#endif
