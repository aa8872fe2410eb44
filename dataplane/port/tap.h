// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_TAP_H
#define DATAPLANE_PORT_TAP_H

// What the two halves of a tap port share. Reading and writing a tap are system calls, so a thread
// of its own makes them (tap_io.c); workers meet it only in rings with one producer and one
// consumer each (any worker may take sent buffers back). That thread never touches a mempool: a
// worker gives it empty buffers and takes the sent ones back, so it may be preempted anywhere
// without a worker waiting for it.

#include <linux/virtio_net.h>

#include <rte_ring.h>

#include "dataplane/port/port.h"

#define TAP_RING_SIZE 512 // packets

// One file descriptor of the tap; filled by the worker that polls the queue, drained by it.
struct tap_queue {
    int fd;
    struct rte_ring *empty;    // worker → thread: buffers to read into
    struct rte_ring *received; // thread → worker
};

// One worker's way out.
struct tap_lane {
    struct rte_ring *to_kernel; // worker → thread
    struct rte_ring *sent;      // thread → any worker: to be freed
};

struct tap {
    struct port *port;
    unsigned n_queues, n_lanes;
    int is_gone; // atomic; set by the thread: the kernel deleted the interface
    struct rte_mempool *pool;
    struct tap_queue queue[PORT_MAX_QUEUES];
    struct tap_lane lane[API_MAX_WORKERS];
};

// Let the thread serve a tap, or stop it: on return it does not touch the tap any more. The thread
// starts with the first one and ends with the last. -errno with a sentence. Main thread.
int tap_io_add(struct tap *tap, struct error *e);
void tap_io_remove(struct tap *tap);

// There is something in a lane: wake the thread if it sleeps. Worker.
void tap_io_kick(void);

#endif
