// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_ROUTED_H
#define TESTS_BENCH_GENERATOR_ROUTED_H

#include <stdint.h>

#include "tests/bench/generator/frame.h"
#include "tests/bench/generator/options.h"

// What a frame of the other side's, received at the side of this template, shows of not having been
// routed as it should be: a sentence, or NULL. *path is set if it is NULL: which of the n_paths
// next hops of this side the frame was sent to. All `len` bytes lie at `data`. `flow` is the one
// that it belongs to as this side sends it, and NULL if that is not known or not IPv4.
const char *routed_fault(const void *data, uint16_t len, const struct frame_template *t,
                         const struct flow *flow, uint32_t n_paths, uint32_t *path);

#endif
