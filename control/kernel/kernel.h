// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_KERNEL_H
#define CONTROL_KERNEL_KERNEL_H

// The kernel mirror: router interfaces with `kernel: true` have a twin in the kernel, and routes
// and neighbours that daemons install there reach the router. Event loop only; what takes long is
// done on a thread of its own.

#include <uv.h>

#include "control/southbound/apply.h"
#include "control/southbound/southbound.h"

struct kernel;

int kernel_create(uv_loop_t *loop, struct southbound *southbound, struct apply *apply,
                  struct kernel **kernel, struct config_error *e);
// Before the southbound is. Twins and routes stay. Run the loop once more for libuv's handles.
void kernel_destroy(struct kernel *kernel);

// How far the dataplane has got for one router.
struct kernel_status {
    bool is_complete;            // it was given everything that the kernel had, and took it
    uint64_t n_changes;          // routes, groups of next hops and neighbours, in either direction
    uint64_t n_resyncs;          // times that it was given everything
    uint64_t n_refusals;         // datagrams of which the dataplane did not take something
    char refusal[API_TEXT_SIZE]; // the last one's reason; empty: none since it was complete
};
// False: no such router runs, or it has no twins.
bool kernel_status(const struct kernel *kernel, const char *tenant, const char *name,
                   struct kernel_status *status);

#endif
