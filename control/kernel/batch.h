// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_BATCH_H
#define CONTROL_KERNEL_BATCH_H

// Changes for one router, gathered into datagrams that are as full as may be. Groups go before the
// routes that came after them. One thread.

#include "control/kernel/feed.h"
#include "control/kernel/groups.h"

enum batch_kind {
    BATCH_NEXT_HOPS,
    BATCH_ROUTES,
    BATCH_NEIGHBORS,
    BATCH_N_KINDS,
};

struct batch {
    struct feed *feed;
    uint64_t session, layout; // of all that follows
    struct api_route_target target;
    struct datagram *open[BATCH_N_KINDS];
    bool is_short; // out of memory: something is missing
    uint64_t n_changes;
};

void batch_add_group(struct batch *b, const struct group *group);
void batch_add_route(struct batch *b, const struct api_route_change *change);
void batch_add_neighbor(struct batch *b, const struct api_neighbor_change *change);
// The sweep, after all that was added.
void batch_add_sweep(struct batch *b);

// Put into the feed what there is.
void batch_flush(struct batch *b);
// Forget it.
void batch_discard(struct batch *b);

#endif
