// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_PAUSES_H
#define TESTS_BENCH_PAUSES_H

// The longest times of something that is done over and over, without those in which the kernel gave
// the core to another thread. For one thread.

#include <stdint.h>

#define PAUSES_N 8

struct pauses {
    uint64_t longest[PAUSES_N]; // cycles, descending
    long n_preempted;
};

void pauses_add(struct pauses *p, uint64_t cycles);
// In microseconds, and forget them.
void pauses_print(struct pauses *p, const char *what, double tsc_hz);
// What the machine takes from a thread that does nothing: interrupts, a busy host. Three seconds.
void pauses_print_machine(double tsc_hz);

#endif
