// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WORKER_IDLE_H
#define DATAPLANE_WORKER_IDLE_H

// Adaptive polling: an idle worker spins for a moment, then sleeps in growing steps, so that it
// costs little and is back within IDLE_MAX_SLEEP_NS of a packet.

#include <stdint.h>

#define IDLE_SPIN_NS 50000        // polled without sleep after the last packet
#define IDLE_MIN_SLEEP_NS 10000   // the first sleep; each is twice the last
#define IDLE_MAX_SLEEP_NS 1000000 // the longest: also how late a timer of walk_tick may be

struct idle {
    unsigned worker_id;
    int busy_poll;
    uint64_t since_tsc; // of the first empty poll in a row, 0: the last poll was not empty
    uint64_t spin_tsc;
    uint32_t sleep_ns; // the next
};

// On the worker's own thread: also makes its sleeps exact (timer slack).
void idle_init(struct idle *idle, unsigned worker_id, int busy_poll);

// A poll found packets.
static inline void idle_reset(struct idle *idle)
{
    idle->since_tsc = 0;
}

// A poll found nothing: maybe sleep, off line for qsbr. Returns 1 if it slept.
unsigned idle_wait(struct idle *idle);

#endif
