// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_CLOCK_H
#define DATAPLANE_CORE_CLOCK_H

// Time for ageing: whole seconds since the dataplane's start, kept by the main thread, read by
// anyone without a system call. Finer time is rte_rdtsc().

#include <stdint.h>

extern uint32_t clock_sec_now; // written by clock_update only

static inline uint32_t clock_sec(void)
{
    return __atomic_load_n(&clock_sec_now, __ATOMIC_RELAXED);
}

// Take the time (CLOCK_MONOTONIC). Main thread, several times a second.
void clock_update(void);

#endif
