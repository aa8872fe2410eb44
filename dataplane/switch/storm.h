// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SWITCH_STORM_H
#define DATAPLANE_SWITCH_STORM_H

// Storm control: how many frames of a class a port may flood in a second. A token bucket, kept as
// the one time at which it will be full again: each frame moves that time on by what a frame costs
// (the generic cell rate algorithm, ITU-T I.371 annex A).
//
// Its depth is a tenth of a second's frames, but at least BURST_SIZE: all frames of a burst have
// the same time, and a guest that boots sends a handful of broadcasts at once.

#include <stdint.h>

enum storm_class {
    STORM_CLASS_BROADCAST,
    STORM_CLASS_MULTICAST,
    STORM_CLASS_UNKNOWN, // unicast
    STORM_N_CLASSES,
};

// What is allowed: configuration.
struct storm_limit {
    uint64_t frame_cycles; // what one frame costs; 0: no limit
    uint64_t depth_cycles;
};

// What was used: shared by workers.
struct storm_meter {
    uint64_t full_tsc; // when the bucket will be full again
};

// `pps` frames a second, 0: no limit; above tsc_hz it counts as tsc_hz.
void storm_limit_init(struct storm_limit *limit, uint32_t pps, uint64_t tsc_hz);

// Take the tokens of n_frames frames (a TSO frame is as many as it will be cut into). 1, or 0:
// above the limit, none is taken. Exact for any number of workers, except that one which loses the
// race for the meter several times in a row is told 0. Worker.
int storm_admit(const struct storm_limit *limit, struct storm_meter *meter, uint64_t now_tsc,
                unsigned n_frames);

#endif
