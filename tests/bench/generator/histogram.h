// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_HISTOGRAM_H
#define TESTS_BENCH_GENERATOR_HISTOGRAM_H

// How often which value? Each power of two has HISTOGRAM_STEPS places, so a value is known to 1.6 %
// whatever its size, without a limit known in advance.

#include <stdint.h>

#define HISTOGRAM_STEP_BITS 6
#define HISTOGRAM_STEPS (1U << HISTOGRAM_STEP_BITS)
#define HISTOGRAM_VALUE_BITS 48
#define HISTOGRAM_PLACES ((HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) * HISTOGRAM_STEPS)

struct histogram {
    uint64_t n;
    uint64_t sum;
    uint64_t max;
    uint64_t counts[HISTOGRAM_PLACES];
};

// Values below HISTOGRAM_STEPS have a place each; `value` is below 2^HISTOGRAM_VALUE_BITS.
static inline uint32_t histogram_place(uint64_t value)
{
    unsigned octave;

    if (value < HISTOGRAM_STEPS)
        return (uint32_t)value;
    octave = 63U - (unsigned)__builtin_clzll(value) - HISTOGRAM_STEP_BITS;
    return (octave + 1) * HISTOGRAM_STEPS + (uint32_t)((value >> octave) - HISTOGRAM_STEPS);
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->n++;
    h->sum += value;
    h->max = value > h->max ? value : h->max;
    h->counts[histogram_place(value)]++;
}

void histogram_merge(struct histogram *h, const struct histogram *other);

// The least value that at least `share` of all are at or below: the largest of its place, never
// above the largest of all. 0 if there are none.
uint64_t histogram_quantile(const struct histogram *h, double share);

#endif
