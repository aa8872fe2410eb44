// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_REPORT_H
#define TESTS_BENCH_GENERATOR_REPORT_H

#include "tests/bench/generator/run.h"

// A few lines for a reader, on stderr.
void report_text(const struct run *r);

// Everything, as one JSON object. `path` "-" is stdout. 0 or -errno.
int report_json(const struct run *r, const char *path);

#endif
