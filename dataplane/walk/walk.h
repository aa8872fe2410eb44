// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_WALK_H
#define DATAPLANE_WALK_WALK_H

// The hop-by-hop way of packets through attachments and functions.

#include "dataplane/port/tx.h"
#include "dataplane/walk/generation.h"

// Walk n parsed packets (at most BURST_SIZE) that one port received. Takes all mbufs: they are
// queued in tx, or dropped and counted at the receiving port. Worker.
void walk_burst(const struct walk_context *ctx, struct rte_mbuf **m, unsigned n,
                struct port_tx *tx);

#endif
