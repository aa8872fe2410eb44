// SPDX-License-Identifier: BSD-3-Clause
// Is this flood within the port's limit? Called by process.c on a worker for each frame that is
// about to be flooded, with the time of its burst; the limit is made by config.c on the main
// thread.

#include "dataplane/switch/storm.h"

#include <rte_common.h>

#include "dataplane/core/packet.h"

#define MAX_TRIES 8

void storm_limit_init(struct storm_limit *limit, uint32_t pps, uint64_t tsc_hz)
{
    uint64_t n_frames = RTE_MAX(pps / 10, (uint32_t)BURST_SIZE);

    limit->frame_cycles = pps != 0 ? RTE_MAX(tsc_hz / pps, UINT64_C(1)) : 0;
    limit->depth_cycles = n_frames * limit->frame_cycles;
}

int storm_admit(const struct storm_limit *limit, struct storm_meter *meter, uint64_t now_tsc,
                unsigned n_frames)
{
    uint64_t cost = limit->frame_cycles * n_frames;
    uint64_t full = __atomic_load_n(&meter->full_tsc, __ATOMIC_RELAXED);

    if (cost == 0)
        return 1;
    for (unsigned n = 0; n < MAX_TRIES; n++) {
        // Clocks of workers differ by a little, so the difference is signed.
        uint64_t used = (int64_t)(full - now_tsc) > 0 ? full - now_tsc : 0;
        int has_token = used + cost <= limit->depth_cycles;

        if (!has_token && used <= limit->depth_cycles)
            return 0;
        // More was used than the bucket holds: by an older, lower limit. It is just empty then.
        used = has_token ? used + cost : limit->depth_cycles;
        if (__atomic_compare_exchange_n(&meter->full_tsc, &full, now_tsc + used, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return has_token;
    }
    return 0;
}
