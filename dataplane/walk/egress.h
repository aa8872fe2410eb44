// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_EGRESS_H
#define DATAPLANE_WALK_EGRESS_H

// Where a packet leaves the walk: out by one attachment, or by all of a function but its own.

#include "dataplane/walk/generation.h"

// Send the frame out by attachment `out`: with its tags to its port, or on to the function behind
// the cable. The metadata must be right (parse_burst makes it so). Takes m. Worker.
void egress_forward(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t out);

// The same for every attachment of f but packet.in. Ports share the payload. Takes m. Worker.
void egress_flood(const struct walk_context *ctx, const struct function *f, struct rte_mbuf *m);

#endif
