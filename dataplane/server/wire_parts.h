// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_WIRE_PARTS_H
#define DATAPLANE_SERVER_WIRE_PARTS_H

// What wire.c and wire_chains.c share. Private to these two. Main thread.

#include "dataplane/server/wire.h"

struct wiring {
    struct generation *g;
    const struct model *model;
    uint32_t first_switch, first_router, first_chain; // functions
    uint32_t *n_plugged;                              // of a switch: sides that are taken
    uint32_t n_attachments;                           // laid out so far
    uint32_t n_segments;                              // of chains, plugged in so far
};

// wire.c: plug port number `port` into an attachment, for frames with these VLAN IDs. -ENOMEM.
int wire_port(struct generation *g, uint32_t attachment, uint32_t port, uint16_t outer,
              uint16_t inner);
// wire.c: the side where a chain's end is, ATTACHMENT_NONE for a port. Takes it: once for each end.
uint32_t wire_end_side(struct wiring *w, const struct api_end *end);
int wire_has_functions(const struct wiring *w, uint32_t chain);

// wire_chains.c: plug in the segments of a chain with functions, in ascending order of chains.
// ends: by wire_end_side, of its inside and outside. *sides: the segments' outermost. -ENOMEM.
int wire_chain(struct wiring *w, uint32_t chain, const uint32_t ends[2], uint32_t sides[2]);

#endif
