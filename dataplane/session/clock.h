// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_CLOCK_H
#define DATAPLANE_SESSION_CLOCK_H

// The time that sessions live by: milliseconds of CLOCK_MONOTONIC, modulo 2^32, the same after a
// restart of the process. Tests of long timers make it run faster (--session-clock-rate).

#include <stdint.h>

#define SESSION_CLOCK_MAX_RATE 3600

// rate: 1 is real time. Main thread, before workers start.
void session_clock_init(unsigned rate);
unsigned session_clock_rate(void);
// Compare with the kernel's clock, at most once a second. Main thread (session_tend).
void session_clock_update(void);

// From a worker's rte_rdtsc().
uint32_t session_clock_ms(uint64_t tsc);

// Whether `time` is at or before `now`, less than 24 days apart.
static inline int session_clock_has_passed(uint32_t time_ms, uint32_t now_ms)
{
    return (int32_t)(now_ms - time_ms) >= 0;
}

#endif
