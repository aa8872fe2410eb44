// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_RUN_H
#define TESTS_BENCH_GENERATOR_RUN_H

// What is sent when. commands.c takes the words of who drives us, setup.c and tcp.c make a DUT
// ready or measure how fast it gets so, load.c loads it.

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

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

// Two guests that send to each other.
struct pair {
    struct flows flows;
    struct flows learned; // with a NAT: the same as B sees them
    struct side sides[N_SIDES];
};

// How sessions came to be.
struct run_setup {
    uint64_t n_flows;
    uint64_t n_opened;     // whose first packet came through
    uint64_t n_translated; // of those
    uint64_t n_proven;     // whose answer came through, right
    uint64_t n_wrong;      // frames, of those looked at
    const char *fault;     // of the first of those
    double seconds;        // that it took to open them
};

struct run {
    const struct options *options;
    struct pair *pairs;
    uint32_t n_pairs;
    volatile sig_atomic_t *is_stopping; // set by a signal
    struct run_loop loop;
    struct run_setup setup;
    uint64_t rate_pps;               // of the trial, per direction, 0: as fast as possible
    uint64_t n_rx_sending[N_SIDES];  // received while sending: what the rate is made of
    struct side_stats sums[N_SIDES]; // of all pairs, by run_sum
    uint64_t cycles_per_sec;
    FILE *json; // NULL: nobody wants it
};

// Do what commands say, on stdin or by the options. 0, -EINTR if a signal ended it, -ETIMEDOUT if
// the DUT passed too little; the reason is printed.
int run_commands(struct run *r);

// setup.c: a first frame in each direction, then all MACs (--learn) and flows (--nat).
int setup_prove(struct run *r);
// The same, but flows begin as fast as they can.
int setup_open(struct run *r);
// A first frame in each direction, or from A to B alone.
int setup_probe(struct run *r);

// tcp.c: each flow is a TCP connection that begins and ends; r->setup tells how many did.
int tcp_cycles(struct run *r);

// load.c: both directions at r->rate_pps.
void load(struct run *r, double seconds);
// n frames a direction and pair, as fast as they can; ends where a ring is full.
void load_burst(struct run *r, uint32_t n);
// Take in what is under way, until it is quiet.
void load_drain(struct run *r);
// Drain, and start counting anew.
void load_forget(struct run *r);
unsigned load_receive(struct run *r);
// Let another part have the core for a turn.
void load_give_way(const struct run *r);

uint64_t run_cycles_of_ms(const struct run *r, uint64_t ms);
// Stats of all pairs to r->sums.
void run_sum(struct run *r);

#endif
