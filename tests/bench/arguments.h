// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_ARGUMENTS_H
#define TESTS_BENCH_ARGUMENTS_H

// Words of a command line to numbers in their ranges, for the programs of this folder. No DPDK.

#include <getopt.h>
#include <stdint.h>

#define ARGUMENT_HELP 1000 // what {"help", no_argument, NULL, …} gives

struct arguments {
    const char *program;
    const char *usage;
    const struct option *long_options;
    int (*take)(void *options, int key, const char *text); // 0 or -EINVAL
};

// Give each option to take(). 0, -EINVAL after a message on stderr, or -ECANCELED after --help.
// Then getopt's optind is the first word that is no option.
int arguments_parse(const struct arguments *a, void *options, int argc, char **argv);

// 0, or -EINVAL and *out as it was.
int argument_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out);
int argument_u32(const char *text, uint32_t min, uint32_t max, uint32_t *out);
int argument_u16(const char *text, uint16_t min, uint16_t max, uint16_t *out);
int argument_family(const char *text, unsigned *out); // 4 or 6

#endif
