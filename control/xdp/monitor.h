// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_XDP_MONITOR_H
#define CONTROL_XDP_MONITOR_H

// Tells that something of the kernel's interfaces, addresses or VLANs changed; not what. Event loop
// only.

#include <uv.h>

struct monitor;

// `changed` is called soon after a change, once for many in a row. NULL if the kernel gives no such
// socket: changes are then seen by whoever looks.
struct monitor *monitor_create(uv_loop_t *loop, void (*changed)(void *arg), void *arg);
void monitor_destroy(struct monitor *monitor); // NULL is fine

#endif
