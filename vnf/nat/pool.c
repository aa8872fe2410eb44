// SPDX-License-Identifier: BSD-3-Clause
// Which outside addresses does a source rule have, and in how many pieces do their numbers lie?
// Called by config.c while a generation is built or freed, main thread. Pools are many where each
// address is a pool of its own, but numbers are given in the order of asking, so that a rule's are
// one piece, or a few after pools have changed: what a search for a port goes through. Next:
// address.c.

#include <errno.h>
#include <stdlib.h>

#include "vnf/nat/model.h"

static int compare_ranges(const void *a, const void *b)
{
    const struct nat_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

uint32_t nat_ranges_merge(struct nat_range *ranges, uint32_t n)
{
    uint32_t n_left = 0;

    if (n == 0)
        return 0;
    qsort(ranges, n, sizeof(*ranges), compare_ranges);
    for (uint32_t i = 1; i < n; i++) {
        struct nat_range *last = &ranges[n_left];

        if (ranges[i].first <= last->last || ranges[i].first == last->last + 1)
            last->last = ranges[i].last > last->last ? ranges[i].last : last->last;
        else
            ranges[++n_left] = ranges[i];
    }
    return n_left + 1;
}

static void add_address(struct nat_source *source, uint32_t address, uint32_t number)
{
    struct nat_run *last = source->n_runs > 0 ? &source->runs[source->n_runs - 1] : NULL;

    if (last != NULL && address == last->first + last->n && number == last->number + last->n)
        last->n++;
    else
        source->runs[source->n_runs++] = (struct nat_run){address, 1, number};
    source->n_addresses++;
}

static int add_range(struct nat_state *state, struct nat_source *source,
                     const struct nat_range *range)
{
    for (uint64_t address = range->first; address <= range->last; address++) {
        uint32_t number;
        int rc = nat_address_get(state, (uint32_t)address, &number);

        if (rc < 0)
            return rc;
        add_address(source, (uint32_t)address, number);
    }
    return 0;
}

static int compare_spans(const void *a, const void *b)
{
    const struct nat_span *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

// Runs whose numbers follow each other are one span, wherever their addresses lie.
static int add_spans(struct nat_source *source)
{
    uint32_t n = 0, before = 0;

    source->spans = calloc((size_t)source->n_runs + 1, sizeof(*source->spans));
    if (source->spans == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < source->n_runs; i++)
        source->spans[i] =
            (struct nat_span){.first = source->runs[i].number, .n = source->runs[i].n};
    if (source->n_runs > 1)
        qsort(source->spans, source->n_runs, sizeof(*source->spans), compare_spans);
    for (uint32_t i = 0; i < source->n_runs; i++) {
        struct nat_span *last = n > 0 ? &source->spans[n - 1] : NULL, next = source->spans[i];

        if (last != NULL && next.first == last->first + last->n)
            last->n += next.n;
        else
            source->spans[n++] = (struct nat_span){next.first, next.n, before};
        before += next.n;
    }
    source->n_spans = n;
    return 0;
}

int nat_pool_fill(struct nat_state *state, struct nat_source *source,
                  const struct api_nat_pool *pools, uint32_t n)
{
    struct nat_range ranges[NAT_MAX_POOLS];
    uint32_t n_max = 0;
    int rc = 0;

    for (uint32_t i = 0; i < n; i++)
        ranges[i] =
            (struct nat_range){nat_address_of(pools[i].first), nat_address_of(pools[i].last)};
    n = nat_ranges_merge(ranges, n);
    for (uint32_t i = 0; i < n; i++)
        n_max += ranges[i].last - ranges[i].first + 1;
    source->runs = calloc((size_t)n_max + 1, sizeof(*source->runs));
    if (source->runs == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_range(state, source, &ranges[i]);
    return rc < 0 ? rc : add_spans(source);
}

void nat_pool_empty(struct nat_state *state, struct nat_source *source)
{
    for (uint32_t i = 0; i < source->n_runs; i++)
        for (uint32_t n = 0; n < source->runs[i].n; n++)
            nat_address_put(state, source->runs[i].number + n);
    free(source->runs);
    free(source->spans);
}
