// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_QUEUE_H
#define DATAPLANE_WALK_QUEUE_H

// Packets that have left one function and go on to the next: a worker's own, empty between two
// bursts. What is put in is counted, so that no loop of cables and floods keeps a worker for ever.

#include "dataplane/walk/generation.h"

#define WALK_QUEUE_SIZE 1024 // packets put in while one burst is walked
#define WALK_MAX_HOPS 16     // functions on one packet's way

struct walk_queue {
    struct rte_mempool *pool; // for packets of the dataplane's own (walk_alloc)
    unsigned head, tail;      // of m; tail only grows while a burst is walked
    struct rte_mbuf *m[WALK_QUEUE_SIZE];
};

// One for each worker and a pool of buffers for all. -ENOMEM with a sentence. Main thread.
int walk_queue_init(unsigned n_workers, struct error *e);
void walk_queue_fini(void);
struct walk_queue *walk_queue_of(unsigned worker);

// Let m go on from attachment `in`, the side of a function that it enters. Takes m; drops it if it
// has come too far or the queue is full (WALK_TOO_LONG). Worker.
void walk_queue_add(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t in);

// Whether walk_queue_add would take a packet that has come so far. Worker.
static inline int walk_queue_has_room(const struct walk_queue *queue, const struct packet *p)
{
    return queue->tail < WALK_QUEUE_SIZE && p->n_hops < WALK_MAX_HOPS;
}

// Take up to n of them in order. Worker.
unsigned walk_queue_take(struct walk_queue *queue, struct rte_mbuf **m, unsigned n);

// A buffer for a packet of the dataplane's own, its metadata zero but for in_port, which is
// API_MAX_PORTS: nobody's. NULL: none left. Worker.
struct rte_mbuf *walk_alloc(const struct walk_context *ctx);

#endif
