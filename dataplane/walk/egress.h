// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_EGRESS_H
#define DATAPLANE_WALK_EGRESS_H

// Where a packet leaves the walk: out by one attachment, or by all of a function but its own.

#include "dataplane/port/tx.h"
#include "dataplane/walk/generation.h"

// Put attachment `out`'s tags on and queue the frame at its port. Takes m.
void egress_forward(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t out,
                    struct port_tx *tx);

// The same for every attachment of f but packet.in. Receivers share the payload. Takes m.
void egress_flood(const struct walk_context *ctx, const struct function *f, struct rte_mbuf *m,
                  struct port_tx *tx);

#endif
