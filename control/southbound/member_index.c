// SPDX-License-Identifier: BSD-3-Clause
// Which member is meant? Members of one switch, sorted, since each of 100k static MACs asks once.
// Called by encode.c for a switch with static MACs, off the event loop. Compares what port_index.c
// made of the texts, never the texts: vm1 and blue/vm1 are one member. Next: encode.c.

#include <stdlib.h>
#include <string.h>

#include "control/southbound/member_index.h"

struct place {
    struct api_member member;
    uint32_t index; // in the list of all members
};

struct member_index {
    uint32_t n;
    struct place places[]; // sorted
};

// Any order will do; members have no padding.
static int compare_places(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct api_member));
}

struct member_index *member_index_create(const struct item_list *members, uint32_t first)
{
    const struct api_member *member = (const void *)members->items;
    uint32_t n = members->n - first;
    struct member_index *index = malloc(sizeof(*index) + n * sizeof(index->places[0]));

    if (index == NULL)
        return NULL;
    index->n = n;
    for (uint32_t i = 0; i < n; i++)
        index->places[i] = (struct place){.member = member[first + i], .index = first + i};
    qsort(index->places, n, sizeof(index->places[0]), compare_places);
    return index;
}

void member_index_destroy(struct member_index *index)
{
    free(index);
}

int64_t member_index_find(const struct member_index *index, const struct api_member *member)
{
    const struct place key = {.member = *member};
    const struct place *found = bsearch(&key, index->places, index->n, sizeof(key), compare_places);

    return found == NULL ? -1 : (int64_t)found->index;
}
