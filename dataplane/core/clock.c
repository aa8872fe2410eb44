// SPDX-License-Identifier: BSD-3-Clause
// What second is it? The main thread takes the time in its tick, so that no worker has to ask the
// kernel. Coarse on purpose: ageing needs no more. Called by server/server.c; read by worker.c for
// each burst.

#include "dataplane/core/clock.h"

#include <time.h>

uint32_t clock_sec_now;

void clock_update(void)
{
    static time_t started;
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (started == 0)
        started = now.tv_sec;
    __atomic_store_n(&clock_sec_now, (uint32_t)(now.tv_sec - started), __ATOMIC_RELAXED);
}
