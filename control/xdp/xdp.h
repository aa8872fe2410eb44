// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_XDP_H
#define CONTROL_XDP_XDP_H

// The XDP programs of all af-xdp ports: kept on their interfaces, in step with the configuration
// and with what the kernel has there, and given to the dataplane. Event loop only.

#include <uv.h>

#include "control/southbound/apply.h"
#include "control/southbound/southbound.h"
#include "control/xdp/steer.h"

struct xdp;

// Follows `southbound` and `apply` from now on; both must outlive it. `run_dir` names this Culvert
// among others on the host. Nothing of the kernel is touched without an af-xdp port.
int xdp_create(uv_loop_t *loop, const char *run_dir, struct southbound *southbound,
               struct apply *apply, struct xdp **xdp, struct config_error *e);

// The programs stay where the dataplane has them. Run the loop once more for libuv's handles.
void xdp_destroy(struct xdp *xdp);

// What the program of a port has counted since it was loaded. 0, or -ENOENT: there is none.
int xdp_counters(const struct xdp *xdp, const char *tenant, const char *port,
                 uint64_t counters[STEER_N_COUNTERS]);

#endif
