// SPDX-License-Identifier: BSD-3-Clause
// Which value do so many not exceed? Called by report.c when a trial is over; values are added by
// receive.c. Next: report.c.
#include "tests/bench/generator/histogram.h"

#include <math.h>

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    h->n += other->n;
    h->sum += other->sum;
    h->max = other->max > h->max ? other->max : h->max;
    for (uint32_t i = 0; i < HISTOGRAM_PLACES; i++)
        h->counts[i] += other->counts[i];
}

static uint64_t largest_of(uint32_t place)
{
    uint32_t octave = place / HISTOGRAM_STEPS;
    uint64_t step = place % HISTOGRAM_STEPS;

    if (octave == 0)
        return step;
    return ((HISTOGRAM_STEPS + step + 1) << (octave - 1)) - 1;
}

uint64_t histogram_quantile(const struct histogram *h, double share)
{
    uint64_t n_wanted = (uint64_t)ceil(share * (double)h->n);
    uint64_t n = 0;

    if (n_wanted == 0)
        n_wanted = 1;
    for (uint32_t i = 0; i < HISTOGRAM_PLACES; i++) {
        uint64_t largest = largest_of(i);

        n += h->counts[i];
        if (n >= n_wanted)
            return largest < h->max ? largest : h->max;
    }
    return h->max;
}
