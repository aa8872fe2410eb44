// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_VHOST_H
#define DATAPLANE_PORT_VHOST_H

// What the files of the vhost-user port share. Three kinds of threads meet in a struct
// vhost_device: workers (vhost_rx_tx.c), the main thread (vhost.c) and the library's own
// (vhost_events.c and vhost_fence.c; "events" below: its message thread and the one that dials
// again). A guest may have been taken over, and whoever listens or dials at the socket may be
// another program altogether: nothing from there is trusted.
//
// Locks: the library calls the message hooks and vring_state_changed while it holds its ring locks,
// on which a worker may spin. So there: no waiting for workers, no lock of ours that is held by
// anyone who calls the library, no log line.

#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <sys/types.h>

#include <rte_common.h>
#include <rte_vhost.h>

#include "dataplane/port/port.h"

#define VHOST_BIT(feature) (1ULL << (feature))
#define VHOST_MAX_RINGS (2 * PORT_MAX_QUEUES)
#define VHOST_NO_VID (-1)

// What one worker keeps of the queue it polls.
struct vhost_queue {
    uint8_t restart;   // set by events: the ring began anew; cleared by the worker
    uint16_t next;     // the library's index after the last burst
    uint16_t ask;      // packed: how many buffers to ask for
    uint32_t n_empty;  // bursts that gave nothing
    uint32_t n_frames; // frames taken
} __rte_cache_aligned;

// What a front end has said of a ring; events only.
struct vhost_ring {
    uint16_t size; // 0: not said since the start or the last stop
    uint8_t has_address;
    uint8_t is_started; // has been given its kick descriptor
    uint8_t is_ready;   // as the library says
};

// Main thread: how the receive rings looked last time.
struct vhost_glance {
    uint32_t n_empty;
    uint32_t n_frames;
    uint64_t since_ns; // when frames were last taken, or the ring was seen empty
};

struct vhost_device {
    // Read by workers; written by events (vid also by the SIGBUS handler).
    int vid; // atomic; VHOST_NO_VID: no guest, stay out
    uint8_t is_packed;
    uint8_t rx_offloads; // enum packet_offload that this guest may ask for
    struct rte_mempool *pool;
    struct port *port;
    struct vhost_queue queue[PORT_MAX_QUEUES];

    // Held while a vid is taken from or given to others than workers, so that it stays valid. Never
    // taken while the library holds a ring lock.
    pthread_mutex_t lifetime;
    int running_vid; // guarded by lifetime; the vid between new_device and destroy_device

    // Events, one at a time. Atomic where the main thread reads them.
    struct vhost_ring ring[VHOST_MAX_RINGS];
    int connection;         // our duplicate of the connected socket, -1: none; guarded by lifetime
    ino_t connection_inode; // of it, 0: none; guarded by the registry's lock
    uint64_t connects_ns;   // budgets for vhost_take_token: connections,
    uint64_t messages_ns;   // messages,
    uint64_t tables_ns;     // memory tables
    uint64_t n_connects;    // atomic
    uint64_t features;      // negotiated; atomic
    const char *refusal;  // why a connection was ended or refused; atomic, taken by the main thread
    uint8_t is_remapping; // atomic; a memory table was let through, its end was not seen
    uint8_t wants_redial; // atomic; the library has given up dialling

    // Main thread.
    uint64_t redial_ns;
    uint64_t remapping_ns;
    const char *last_refusal; // shown until a guest is up
    struct vhost_glance glance[PORT_MAX_QUEUES];
};

// vhost_rx_tx.c; struct port_ops.
unsigned vhost_rx_burst(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                        unsigned n);
unsigned vhost_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n);

// vhost_events.c. Make a device known to the callbacks by its port's path, and forget it (when the
// library has let go of the path). -EADDRINUSE: another port has this path.
int vhost_events_add(struct vhost_device *device);
void vhost_events_del(struct vhost_device *device);
extern const struct rte_vhost_device_ops vhost_events_ops;

// Why a connection ends or is refused, for the main thread to tell: the first reason stays until it
// is taken. `reason` is not copied. Any thread.
void vhost_events_note(struct vhost_device *device, const char *reason);

// A refusal that often follows another, which then says more.
extern const char vhost_too_many_connects[];

// The device of a connection, NULL if it is not ours. Events.
struct vhost_device *vhost_events_device(int vid);

// Let go of the connection, with everything known of its rings. Events, or the main thread when the
// library has ended all its work for this path.
void vhost_events_disconnect(struct vhost_device *device);

// vhost_fence.c. Stand between a new connection and the library: socket timeouts, message checks.
// 0 or -errno. Events.
int vhost_fence_enter(struct vhost_device *device, int vid, int fd);

// vhost_memory.c. A fault on guest memory that its owner has cut short must not end the process.
// Install the handler, once. -errno. Main thread.
int vhost_memory_init(void);

// Faults on this thread in memory not known yet belong to `device`, until vhost_memory_set. Events.
void vhost_memory_expect(struct vhost_device *device);

// What is mapped now for a device: its library's table if vid is a valid one, nothing if it is
// VHOST_NO_VID. Events, or the main thread as for vhost_events_disconnect.
void vhost_memory_set(struct vhost_device *device, int vid);

// Has the memory failed? Then its pages are zeros now, and the connection should end. Main thread.
int vhost_memory_has_failed(const struct vhost_device *device);

// Spend one of `burst` tokens that grow back one in a period. *empty_ns is 0 at first. -EAGAIN:
// none is left.
int vhost_take_token(uint64_t *empty_ns, uint64_t period_ns, unsigned burst);

uint64_t vhost_now_ns(void); // CLOCK_MONOTONIC

#endif
