// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_REPORT_H
#define TESTS_BENCH_GENERATOR_REPORT_H

#include "tests/bench/generator/run.h"

// A few lines to stderr for a reader, and a line of JSON to r->json if there is one. `command` is
// what they tell of. 0 or -errno.
int report_setup(const struct run *r, const char *command);
int report_trial(const struct run *r, const char *command);

#endif
