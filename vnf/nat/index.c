// SPDX-License-Identifier: BSD-3-Clause
// Where is a record by its hash? Called by binding.c and address.c with the NAT's lock held, on
// workers and the main thread. Allocates nothing: buckets are reserved memory. Growing splits one
// bucket for each record that comes. Next: back to who asked.

#include "vnf/nat/index.h"

#define MIN_BUCKETS 64
#define BUCKETS_PER_RECORD 2
// Splits ahead of time that a record is fetched: it is cold, and most of what a split would cost.
#define SPLITS_AHEAD 8

_Static_assert(SPLITS_AHEAD < MIN_BUCKETS, "buckets that exist");

void nat_index_init(struct nat_index *index, uint32_t *buckets, uint32_t max_buckets, void *links,
                    size_t stride)
{
    *index = (struct nat_index){.buckets = buckets,
                                .n_buckets = MIN_BUCKETS,
                                .max_buckets = max_buckets,
                                .links = links,
                                .stride = stride};
}

// What belongs to the new bucket, at the end, goes there.
static void split(struct nat_index *index)
{
    uint32_t added = index->n_buckets;
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(added));
    uint32_t *link = &index->buckets[added - base], *tail = &index->buckets[added];

    __builtin_prefetch(nat_index_link(index, link[SPLITS_AHEAD]), 1);
    while (*link != 0) {
        uint32_t number = *link;
        struct nat_link *l = nat_index_link(index, number);

        if ((l->hash & (2 * base - 1)) != added) {
            link = &l->next;
            continue;
        }
        *link = l->next;
        *tail = number;
        tail = &l->next;
    }
    *tail = 0;
    index->n_buckets = added + 1;
}

void nat_index_add(struct nat_index *index, uint32_t number, uint32_t hash)
{
    struct nat_link *l = nat_index_link(index, number);
    uint32_t *bucket;

    index->n++;
    for (unsigned i = 0; i < BUCKETS_PER_RECORD && index->n_buckets < index->max_buckets &&
                         index->n_buckets < BUCKETS_PER_RECORD * index->n;
         i++)
        split(index);
    bucket = &index->buckets[nat_index_bucket(index, hash)];
    *l = (struct nat_link){*bucket, hash};
    *bucket = number;
}

void nat_index_del(struct nat_index *index, uint32_t number)
{
    struct nat_link *l = nat_index_link(index, number);
    uint32_t *link = &index->buckets[nat_index_bucket(index, l->hash)];

    while (*link != number)
        link = &nat_index_link(index, *link)->next;
    *link = l->next;
    index->n--;
}
