// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_MIRROR_H
#define CONTROL_KERNEL_MIRROR_H

// The thread that keeps routers like the kernel: twins get their addresses, and what the kernel
// tells of routes and neighbours goes into the feed. The functions may be called from the event
// loop only; none waits for the thread but mirror_destroy.

#include "control/kernel/feed.h"
#include "control/kernel/plan.h"

struct mirror;

// Starts the thread; it sleeps until it is given a plan. -errno.
int mirror_create(struct feed *feed, struct mirror **mirror);
// Close the feed before. Twins and routes stay as they are.
void mirror_destroy(struct mirror *mirror);

// From now on this plan; takes it over. Routers of a new session or of another layout than before
// are given everything anew.
void mirror_give(struct mirror *mirror, struct plan *plan, uint64_t session);

// The dataplane did not take something: give everything of this router anew.
void mirror_resync(struct mirror *mirror, const char *tenant, const char *name);

#endif
