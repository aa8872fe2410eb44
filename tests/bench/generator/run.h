// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_RUN_H
#define TESTS_BENCH_GENERATOR_RUN_H

// A trial: wait for the DUT, learn, warm up, measure, drain.

#include <signal.h>
#include <stdint.h>

#include "tests/bench/generator/options.h"
#include "tests/bench/generator/side.h"

// What the loop itself did while frames were sent. Cycles are of the TSC.
struct run_loop {
    uint64_t cycles;
    uint64_t cpu_ns; // that the thread had its core: less than the time means it was taken away
    uint64_t busy_cycles; // of iterations that moved a frame
    uint64_t busy_frames; // sent or received in them
    uint64_t full_cycles; // of iterations that moved at least 3/4 of what one can move
    uint64_t full_frames;
};

struct run {
    const struct options *options;
    struct side sides[N_SIDES];
    volatile sig_atomic_t *is_stopping; // set by a signal
    struct run_loop loop;
    uint64_t n_rx_sending[N_SIDES]; // received while sending: what the rate is made of
    uint64_t cycles_per_sec;
};

// 0, -EINTR if a signal ended it, -ETIMEDOUT if the DUT passed nothing, the reason is printed.
int run_trial(struct run *r);

#endif
