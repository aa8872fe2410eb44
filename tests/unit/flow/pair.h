// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_PAIR_H
#define TESTS_UNIT_FLOW_PAIR_H

// The same sequence with flows and without.

#include "tests/unit/flow/run.h"

// The transcripts stay until the next call.
struct pair {
    struct world_order order;
    struct transcript with, without;
};

// 1: nobody can tell the two apart.
int pair_is_equal(struct pair *pair, const struct sequence *s);
// Make the sequence as short and plain as it can be while the two still differ, within so many
// seconds.
void pair_shrink(struct pair *pair, struct sequence *s, unsigned seconds);
// Tell what differs, and where.
void pair_print(struct pair *pair, const struct sequence *s, FILE *out);
void pair_fini(struct pair *pair);

#endif
