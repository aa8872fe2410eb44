// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_FLOW_H
#define DATAPLANE_FLOW_FLOW_H

// One lookup: what a walk has decided for a packet is kept as a flow, and the packets that follow
// are carried out by it. README.md has the whole.

#include "dataplane/core/error.h"
#include "dataplane/walk/generation.h"

#define FLOW_MAX ((1U << 25) - 1)

// Room for max_flows flows (address space; memory comes with use); 0: none, each packet walks.
// After session_init. -ENOMEM with a sentence. Main thread.
int flow_init(unsigned n_workers, uint32_t max_flows, struct error *e);
void flow_fini(void);

// Carry out those of n parsed packets (at most BURST_SIZE) of one port that have a flow: they are
// in ctx->tx then. Returns how many are left in m, in order, to be walked with this context, which
// has traces for them from now on. Worker.
unsigned flow_burst(struct walk_context *ctx, struct rte_mbuf **m, unsigned n);

// After their walk: make flows of what it noted. Worker.
void flow_compose(struct walk_context *ctx);

// Once a loop: forget what nobody has used for half a minute. Bounded work. Worker.
void flow_age(unsigned worker, uint32_t now_sec, int is_idle);

// Some hundred times a second: memory ahead of need. Main thread.
void flow_tend(void);

// Some ten times a second: counts into functions, ways that nobody uses. Main thread.
void flow_tick(void);

// Functions may decide otherwise than before, and each worker has passed a quiescent state since:
// flows that have passed one of these walk again, and so do packets that were denied. When it
// returns workers do nothing by the old decision. Main thread.
void flow_revalidate(void);

// Packets that went by flows, or were dropped without a walk, into the counters of the functions
// they have passed. Main thread.
void flow_count(void);
// Only the latter: what rules and NATs count.
void flow_count_denied(void);

// Flows there are, roughly. Any thread.
uint32_t flow_n_used(void);

#endif
