// SPDX-License-Identifier: BSD-3-Clause
// What time is it for sessions? Workers ask with the time stamp counter that they have read anyway;
// the main thread compares it with CLOCK_MONOTONIC now and then (session_clock_update), because a
// counter whose rate is known to a thousandth is wrong by a minute a day. Tests of long timers let
// it jump ahead. Next: age.c, which lives by it.

#include "dataplane/session/clock.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>

#define UPDATE_NS 1000000000U
#define GUESSED_HZ 2000000000U

// Where the counter stood when, and how fast it goes. Two take turns: number n is in place n % 2,
// so that a worker never waits for a main thread that has lost its core while it writes.
static struct {
    uint64_t tsc;
    uint64_t ms;
    uint64_t ms_per_tsc; // as a fraction of 2^64
} anchors[2];
static uint32_t n_anchors; // atomic

// Main thread.
static const char *jumps; // where tests write; NULL: time is the kernel's
static uint64_t ahead_ms; // all jumps together
static uint64_t first_tsc, first_ns, last_ns;

static uint64_t monotonic_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t scale(uint64_t a, uint64_t b, uint64_t divisor)
{
    __extension__ typedef unsigned __int128 wide;

    return (uint64_t)((wide)a * b / divisor);
}

static void write_anchor(uint64_t tsc, uint64_t ns, uint64_t hz)
{
    uint64_t ms = ns / 1000000 + ahead_ms;
    uint64_t ms_per_tsc = UINT64_MAX / hz * 1000; // 2^64 * 1000 / hz, without leaving 64 bits
    uint32_t next = n_anchors + 1;

    __atomic_store_n(&anchors[next % 2].tsc, tsc, __ATOMIC_RELAXED);
    __atomic_store_n(&anchors[next % 2].ms, ms, __ATOMIC_RELAXED);
    __atomic_store_n(&anchors[next % 2].ms_per_tsc, ms_per_tsc, __ATOMIC_RELAXED);
    __atomic_store_n(&n_anchors, next, __ATOMIC_RELEASE);
}

void session_clock_init(const char *jump_file)
{
    jumps = jump_file;
    ahead_ms = 0;
    first_tsc = rte_rdtsc();
    first_ns = last_ns = monotonic_ns();
    // Without the EAL (tests) the rate is a guess till the first update.
    write_anchor(first_tsc, first_ns, rte_get_tsc_hz() > 0 ? rte_get_tsc_hz() : GUESSED_HZ);
}

// A test writes a file and moves it there; once it is gone the time is another.
static unsigned long read_jump(void)
{
    FILE *file = jumps != NULL ? fopen(jumps, "re") : NULL;
    unsigned long ms = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%lu", &ms) != 1)
        ms = 0;
    fclose(file);
    return ms;
}

void session_clock_update(void)
{
    uint64_t tsc = rte_rdtsc(), ns = monotonic_ns();
    unsigned long jump_ms;

    // As long a time as there is tells the counter's rate best.
    if (first_ns == 0 || ns - first_ns < UPDATE_NS)
        return;
    jump_ms = read_jump();
    if (jump_ms == 0 && ns - last_ns < UPDATE_NS)
        return;
    last_ns = ns;
    ahead_ms += jump_ms;
    write_anchor(tsc, ns, scale(tsc - first_tsc, 1000000000U, ns - first_ns));
    if (jump_ms > 0)
        (void)unlink(jumps);
}

uint32_t session_clock_ms(uint64_t tsc)
{
    __extension__ typedef unsigned __int128 wide;
    uint32_t number;
    uint64_t ms;

    do {
        int64_t passed;
        uint64_t rate;

        number = __atomic_load_n(&n_anchors, __ATOMIC_ACQUIRE);
        passed = (int64_t)(tsc - __atomic_load_n(&anchors[number % 2].tsc, __ATOMIC_RELAXED));
        rate = __atomic_load_n(&anchors[number % 2].ms_per_tsc, __ATOMIC_RELAXED);
        ms = __atomic_load_n(&anchors[number % 2].ms, __ATOMIC_RELAXED);
        // A burst's time may lie before the anchor.
        if (passed >= 0)
            ms += (uint64_t)((wide)(uint64_t)passed * rate >> 64);
        else
            ms -= (uint64_t)((wide)(uint64_t)-passed * rate >> 64);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        // Else the writer may have come round to this place.
    } while (__atomic_load_n(&n_anchors, __ATOMIC_RELAXED) != number);
    return (uint32_t)ms;
}
