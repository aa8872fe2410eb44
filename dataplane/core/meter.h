// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_METER_H
#define DATAPLANE_CORE_METER_H

// How many events a second are allowed: frames that a port may flood, ICMP errors of a router. A
// token bucket, kept as the one time at which it will be full again: each event moves that time on
// by what it costs (the generic cell rate algorithm, ITU-T I.371 annex A).

#include <stdint.h>

// What is allowed: configuration.
struct meter_limit {
    uint64_t event_cycles; // what one event costs; 0: no limit
    uint64_t depth_cycles;
};

// What was used: shared by workers.
struct meter {
    uint64_t full_tsc; // when the bucket will be full again
};

// `rate` events a second, 0: no limit; above tsc_hz it counts as tsc_hz. `depth`: at most so many
// at once.
void meter_limit_init(struct meter_limit *limit, uint32_t rate, uint32_t depth, uint64_t tsc_hz);

// Take the tokens of n events. 1, or 0: above the limit, none is taken. Exact for any number of
// workers, except that one which loses the race for the meter several times in a row is told 0.
// Worker.
int meter_admit(const struct meter_limit *limit, struct meter *meter, uint64_t now_tsc, unsigned n);

#endif
