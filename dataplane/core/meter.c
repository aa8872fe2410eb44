// SPDX-License-Identifier: BSD-3-Clause
// Is this event within its limit? Called on workers with the time of their burst, by the switch for
// each frame that is about to be flooded and by the router for what it sends of its own; the limit
// is made by the main thread.

#include "dataplane/core/meter.h"

#include <rte_common.h>

#define MAX_TRIES 8

void meter_limit_init(struct meter_limit *limit, uint32_t rate, uint32_t depth, uint64_t tsc_hz)
{
    limit->event_cycles = rate != 0 ? RTE_MAX(tsc_hz / rate, UINT64_C(1)) : 0;
    limit->depth_cycles = depth * limit->event_cycles;
}

int meter_admit(const struct meter_limit *limit, struct meter *meter, uint64_t now_tsc, unsigned n)
{
    uint64_t cost = limit->event_cycles * n;
    uint64_t full = __atomic_load_n(&meter->full_tsc, __ATOMIC_RELAXED);

    if (cost == 0)
        return 1;
    for (unsigned i = 0; i < MAX_TRIES; i++) {
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
