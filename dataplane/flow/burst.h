// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_BURST_H
#define DATAPLANE_FLOW_BURST_H

// What is known of a burst between its look-up and compose.c: a worker's own. Private to this
// folder.

#include "dataplane/flow/table.h"

struct flow_scratch {
    struct walk_traces traces;
    uint8_t place[BURST_SIZE]; // in the burst, of each trace
    struct flow_key keys[BURST_SIZE];
    uint32_t hashes[BURST_SIZE];
    uint8_t tcp_flags[BURST_SIZE];
} __attribute__((aligned(64)));

extern struct flow_scratch flow_scratches[API_MAX_WORKERS];

#endif
