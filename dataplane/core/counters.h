// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_COUNTERS_H
#define DATAPLANE_CORE_COUNTERS_H

// The counter segment <run-dir>/stats (struct api_stats) and the cheap ways to count in it.

#include "dataplane/api/culvert_api.h"

extern struct api_stats *counters_stats; // mapped by counters_init, or plain memory in tests

// Create and map the segment, replacing an old one. `run_dir` NULL: private memory, for tests.
// -errno of open, ftruncate or mmap.
int counters_init(const char *run_dir, unsigned n_workers);
void counters_fini(void);

// The row of a port and a writer; row n_workers belongs to the thread behind taps.
static inline struct api_counters *counters_of(unsigned port, unsigned worker)
{
    return &counters_stats->counters[port][worker];
}

static inline void counters_drop(unsigned port, unsigned worker, unsigned reason, unsigned n)
{
    counters_of(port, worker)->drops[reason] += n;
}

// Begin and end a change of a port's description by the main thread: readers retry in between.
struct api_stats_port *counters_port_write(unsigned port);
void counters_port_done(struct api_stats_port *p);

#endif
