// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_DELIVERY_H
#define CONTROL_SOUTHBOUND_DELIVERY_H

// Routes and neighbours for one router, beside its configuration. Short, so that what a user asks
// gets its turn. Event loop only.

#include "control/datastore/datastore.h"
#include "control/southbound/link.h"

#define DELIVERY_SIZE 16 // datagrams at most

struct delivery {
    struct api_route_target target;
    const struct api_header *datagrams[DELIVERY_SIZE]; // the caller's; live until `done`
    unsigned n;
};

struct delivery_result {
    // The first refusal: code, and whose it is. What was not refused is in effect.
    struct config_error refusal;
    // Datagrams that were sent, from the first. The rest was not: another configuration is
    // running by now, for which it may be wrong, or the router is not in this one.
    unsigned n_sent;
    bool is_lost; // the connection was, and what became of those that were sent is not known
};

// Deliver while the number that `generation` points to, that of the running generation, stays as it
// is. `done` is called once. -ENOTCONN, -ENOMEM: it is not called.
int delivery_start(struct link *link, const struct delivery *delivery, const uint64_t *generation,
                   void (*done)(void *arg, const struct delivery_result *result), void *arg);

#endif
