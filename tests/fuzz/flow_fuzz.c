// SPDX-License-Identifier: BSD-3-Clause
// Can a sequence of packets, edits and time look other with flows than without? libFuzzer with ASan
// and UBSan over the engine of tests/unit/flow: the input is a configuration and what is done then,
// run once with flows and once without, each in a world of its own. Buffers lie on the heap. What
// is too short to be a sequence is a seed that one is drawn from. Next: tests/unit/flow/pair.c.

#include <stdlib.h>

#include "tests/unit/flow/pair.h"

#define SHRINK_SECONDS 5 // an input has ten

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    world_init();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sequence_mask nothing;
    static struct sequence s;
    static struct pair pair;
    uint64_t seed = 0;

    if (size > N_GENES) {
        sequence_read(&s, data, size);
    } else {
        for (size_t i = 0; i < size; i++)
            seed = seed * 257 + data[i] + 1;
        sequence_draw(&s, seed, &nothing);
    }
    if (pair_is_equal(&pair, &s))
        return 0;
    pair_shrink(&pair, &s, SHRINK_SECONDS);
    pair_print(&pair, &s, stderr);
    abort();
}
