// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_STATS_H
#define CONTROL_SOUTHBOUND_STATS_H

// The dataplane's counters, read from its shared segment. What stands there is another process's
// word: sizes and numbers are checked, texts are made printable.

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/api/culvert_api.h"

struct stats; // one mapping, of one life of the dataplane

// What culvertd knows of a port goes over what the dataplane says: may change state and text of a
// row that is read.
struct stats_overlay {
    void (*port)(void *arg, struct api_stats_port *row); // NULL: nothing is known
    void *arg;
};

// Map <run_dir>/stats. -errno; -EPROTO: not a segment of this version. Unmap when the dataplane is
// gone.
int stats_open(const char *run_dir, struct stats **stats);
void stats_set_overlay(struct stats *stats, const struct stats_overlay *overlay); // copied
void stats_close(struct stats *stats);

struct stats_summary {
    uint64_t generation, started_ns, cycles_hz;
    uint32_t pid, n_workers;
};
void stats_summary(const struct stats *stats, struct stats_summary *summary);

// A consistent copy of a port's row. False: the row is unused, or the dataplane died while it
// wrote.
bool stats_port(const struct stats *stats, unsigned port, struct api_stats_port *row);

// A port's counters, over all workers and the main thread.
void stats_counters(const struct stats *stats, unsigned port, struct api_counters *sum);

// All drops in a sum.
uint64_t stats_drops(const struct api_counters *sum);

// worker < n_workers.
void stats_worker(const struct stats *stats, unsigned worker, struct api_stats_worker *row);

#endif
