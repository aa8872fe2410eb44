// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_CLOCK_H
#define DATAPLANE_SESSION_CLOCK_H

// The time that sessions live by: milliseconds of CLOCK_MONOTONIC, modulo 2^32, the same after a
// restart of the process. Tests of long timers let it jump ahead (--session-clock-jumps), as far as
// they like: whatever else they do takes as long as it takes.

#include <stdint.h>

// jump_file: the milliseconds it holds pass at once, and it is taken away then; again whenever it
// is there. NULL: none. The string stays the caller's. Main thread, before workers start.
void session_clock_init(const char *jump_file);
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
