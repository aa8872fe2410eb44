// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_WALK_H
#define DATAPLANE_WALK_WALK_H

// The hop-by-hop way of packets through attachments and functions.

#include "dataplane/walk/generation.h"

// Walk n parsed packets (at most BURST_SIZE) that one port received, to the end. Takes all mbufs:
// they are queued in ctx->tx, or dropped and counted at the receiving port. Worker.
void walk_burst(const struct walk_context *ctx, struct rte_mbuf **m, unsigned n);

// Let functions that have timers do what is due (function_ops.tick): some of them with each call,
// all within 100 ms if it is called every millisecond. What they send is walked to the end. Worker
// 0 only, each loop.
void walk_tick(const struct walk_context *ctx);

#endif
