// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_DISTANCE_H
#define TESTS_BENCH_GENERATOR_DISTANCE_H

#include <stdint.h>

// TSC cycles for a cache line to travel from one CPU to another and back. 0 or -errno.
int distance_measure(unsigned cpu, unsigned other_cpu, uint64_t *cycles);

#endif
