// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_SEGMENT_H
#define DATAPLANE_CHAIN_SEGMENT_H

// Guests cut a chain into segments, each an instance of kind "chain" with two sides. A chain
// without guests is one segment; one without functions is no segment but a plain cable.
//
// Sessions belong to a segment by its name, so the name must stay when a guest comes or goes: the
// segment with the first NAT (else the first firewall, else the first of all) is called like the
// chain, its neighbours "name<1" and "name>1", inside and outside of it. Main thread.

#include <string.h>

#include "dataplane/core/model.h"

#define CHAIN_SUFFIX_LEN 2

struct chain_segment {
    uint32_t chain;         // index of the api_chain
    uint32_t first, n;      // api_chain_functions on it, guests not among them
    uint32_t outside_guest; // index of the api_guest_function behind it; API_NONE: the chain's end
    uint32_t number;        // from inside
};

// The segment behind *segment, the first if all of it is 0 but outside_guest, API_NONE. 0: there is
// none.
int chain_segment_next(const struct model *model, struct chain_segment *segment);

uint32_t chain_segment_count(const struct model *model);

// Segment number `index` of the model, after chain_segment_count. Cheap if asked for in ascending
// order.
struct chain_segment chain_segment_find(const struct model *model, uint32_t index);

// name: API_NAME_SIZE bytes.
void chain_segment_name(const struct model *model, const struct chain_segment *segment, char *name);

// How many characters of a segment's name are the chain's.
static inline int chain_segment_base_len(const char *name)
{
    return (int)strcspn(name, "<>");
}

#endif
