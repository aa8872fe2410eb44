// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_TAP_H
#define DATAPLANE_PORT_TAP_H

// What the parts of a tap port share. Reading and writing a tap are system calls, so a thread
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
    int is_gone;  // atomic; set by the thread: the kernel deleted the interface
    int is_ours;  // we made the interface, now or in an earlier life: ours to delete
    int netns_fd; // where it was opened, -1: in our own namespace
    unsigned n_watches;
    struct rte_mempool *pool;
    struct tap_queue queue[PORT_MAX_QUEUES];
    struct tap_lane lane[API_MAX_WORKERS];
};

// Is the interface set up (IFF_UP), or gone? Wherever it was moved to and however it is called now.
// One system call.
enum tap_link_state { TAP_LINK_DOWN, TAP_LINK_UP, TAP_LINK_GONE };
enum tap_link_state tap_link_state(const struct tap *tap);

// Open tap->queue[].fd on the interface port->path in its network namespace, with MTU, MAC and
// offloads as configured; made if it is not there, and then set up and to stay when we end. On
// failure -errno with a sentence; descriptors that are open (not -1) are the caller's to close,
// and an interface that was made goes with them. Main thread.
int tap_attach(struct tap *tap, struct error *e);

// Has the namespace where the tap was opened lost its name, or the name changed to another one, and
// is the tap still in it? We would keep it alive where nobody can reach it. Main thread.
int tap_is_stranded(const struct tap *tap);

// See struct port_ops.
void tap_forget(struct port *port);
void tap_sweep(void);
void tap_set_carrier(struct port *port);

// Let the thread serve a tap, or stop it: on return it does not touch the tap any more. The thread
// starts with the first one and ends with the last. -errno with a sentence. Main thread.
int tap_io_add(struct tap *tap, struct error *e);
void tap_io_remove(struct tap *tap);

// There is something in a lane: wake the thread if it sleeps. Worker.
void tap_io_kick(void);

#endif
