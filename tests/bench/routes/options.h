// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_ROUTES_OPTIONS_H
#define TESTS_BENCH_ROUTES_OPTIONS_H

// What the loader is to do, checked.

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *run_dir; // may be NULL with is_print
    const char *tenant;
    const char *router;
    unsigned family; // 4 or 6
    uint32_t first;  // first + n_routes is at most PREFIXES_MAX
    uint32_t n_routes;
    uint32_t n_paths;
    bool is_delete;
    bool is_flap;
    bool is_print;
};

// 0, -EINVAL after a message on stderr, or -ECANCELED after --help.
int options_parse(struct options *o, int argc, char **argv);

#endif
