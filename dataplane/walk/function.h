// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_FUNCTION_H
#define DATAPLANE_WALK_FUNCTION_H

// The contract of everything a packet can walk through: a switch today, routers and chain functions
// as they come. This header is the manual.
//
// An instance is a struct function. Its config is immutable and belongs to one generation: it is
// made by config_create while the next generation is built and freed by config_destroy when no
// worker can see that generation any more. Its state (what it learned) belongs to the instance by
// name: state_get finds it again for the next generation, or makes it; state_put lets go of it.
//
// process() runs on a worker: no allocation, log, waiting lock or system call; bounded work.

#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/core/error.h"
#include "dataplane/core/model.h"
#include "dataplane/core/packet.h"

struct generation;
struct function;

// What a function is told of the walk it is part of.
struct walk_context {
    const struct generation *generation;
    unsigned worker;  // counters row, per-worker state
    uint32_t now_sec; // clock_sec() at the burst's start
    uint64_t now_tsc; // rte_rdtsc() at the burst's start
};

struct function_ops {
    const char *name; // "switch"

    // How many instances `model` holds.
    uint32_t (*n_instances)(const struct model *model);

    // Build instance number `index` of the model: fill f->config and f->state. f's attachments are
    // in the generation already.
    // 0, or -errno with path and sentence in *e and nothing kept. Main thread.
    int (*config_create)(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e);

    // The generation of f is the one that workers run (after publish and grace): forget state that
    // its configuration no longer holds, such as the MACs of a member that is gone. Main thread.
    void (*activate)(struct function *f);

    // Free f->config and let go of f->state. Main thread, after the grace period.
    void (*config_destroy)(struct function *f);

    // Decide n packets (at most BURST_SIZE) that entered by attachments of this instance, named in
    // packet.in. Sets verdict and what belongs to it in each. May write the frame's headers.
    // Worker.
    void (*process)(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                    unsigned n);

    // Bounded ageing work; called some ten times a second with the running generation. Main thread.
    void (*age)(struct function *f);
};

struct function {
    const struct function_ops *ops;
    void *config; // immutable while the generation lives
    void *state;  // shared by generations
    // The attachments that lead into it: generation.attachments[first_attachment + i] has side i.
    uint32_t first_attachment;
    uint32_t n_attachments;
};

#endif
