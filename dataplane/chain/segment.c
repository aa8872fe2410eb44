// SPDX-License-Identifier: BSD-3-Clause
// Which parts does a chain have, and what are they called? Main thread, called by
// server/wire_chains.c, which plugs them together, and config.c, on a checked model. Changes
// nothing. Next: config.c.

#include <stdio.h>
#include <string.h>

#include "dataplane/chain/segment.h"

// The segment that was asked for last. A transaction's model may lie where another was: who asks
// for its segments has counted them before.
static struct {
    const struct model *model;
    uint32_t index;
    struct chain_segment segment;
} last;

int chain_segment_next(const struct model *model, struct chain_segment *segment)
{
    uint32_t n, i = segment->first + segment->n;
    const struct api_chain_function *items = model_items(model, API_CHAIN_FUNCTION, &n);
    int is_same_chain = segment->outside_guest != API_NONE;

    i += (uint32_t)is_same_chain; // the guest
    if (!is_same_chain && i >= n)
        return 0;
    segment->number = is_same_chain ? segment->number + 1 : 0;
    if (!is_same_chain)
        segment->chain = items[i].owner;
    segment->first = i;
    while (i < n && items[i].owner == segment->chain && items[i].kind != API_FUNCTION_GUEST)
        i++;
    segment->n = i - segment->first;
    segment->outside_guest = i < n && items[i].owner == segment->chain ? items[i].index : API_NONE;
    return 1;
}

uint32_t chain_segment_count(const struct model *model)
{
    struct chain_segment segment = {.outside_guest = API_NONE};
    uint32_t n = 0;

    last.model = NULL;
    while (chain_segment_next(model, &segment))
        n++;
    return n;
}

struct chain_segment chain_segment_find(const struct model *model, uint32_t index)
{
    if (last.model != model || index < last.index) {
        last.model = model;
        last.index = 0;
        last.segment = (struct chain_segment){.outside_guest = API_NONE};
        (void)chain_segment_next(model, &last.segment);
    }
    for (; last.index < index; last.index++)
        (void)chain_segment_next(model, &last.segment);
    return last.segment;
}

// The number of the segment that is called like its chain.
static uint32_t main_segment(const struct model *model, uint32_t chain)
{
    uint32_t n, first, number = 0, firewall = UINT32_MAX;
    const struct api_chain_function *items =
        model_owned(model, API_CHAIN_FUNCTION, chain, &first, &n);

    for (uint32_t i = 0; i < n; i++) {
        if (items[i].kind == API_FUNCTION_NAT)
            return number;
        if (items[i].kind == API_FUNCTION_FIREWALL && firewall == UINT32_MAX)
            firewall = number;
        number += items[i].kind == API_FUNCTION_GUEST;
    }
    return firewall != UINT32_MAX ? firewall : 0;
}

void chain_segment_name(const struct model *model, const struct chain_segment *segment, char *name)
{
    uint32_t n, middle = main_segment(model, segment->chain);
    const struct api_chain *chain =
        (const struct api_chain *)model_items(model, API_CHAIN, &n) + segment->chain;
    int is_inside = segment->number < middle;
    uint32_t distance = is_inside ? middle - segment->number : segment->number - middle;

    if (distance == 0)
        snprintf(name, API_NAME_SIZE, "%s", chain->name);
    else // check_chains.c has seen to the length
        snprintf(name, API_NAME_SIZE, "%.29s%c%u", chain->name, is_inside ? '<' : '>',
                 distance % 10);
}
