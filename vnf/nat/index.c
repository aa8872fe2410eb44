// SPDX-License-Identifier: BSD-3-Clause
// Where is a record by its hash? Called by binding.c, host.c and address.c with the NAT's lock
// held, on workers and the main thread. Allocates nothing: buckets are reserved memory. Growing
// splits one bucket for every few records that come. Next: back to who asked.

#include "vnf/nat/index.h"

#define MIN_BUCKETS 16
#define SPLITS 4 // at once

void nat_index_init(struct nat_index *index, struct nat_bucket *buckets, uint32_t max_buckets,
                    void *links, size_t stride)
{
    *index = (struct nat_index){.buckets = buckets,
                                .n_buckets = MIN_BUCKETS,
                                .max_buckets = max_buckets,
                                .links = links,
                                .stride = stride};
}

static void put(const struct nat_index *index, struct nat_bucket *b, uint32_t number, uint32_t hash)
{
    struct nat_link *l = nat_index_link(index, number);

    l->hash = hash;
    if (b->n < NAT_INDEX_ENTRIES) {
        b->hashes[b->n] = hash;
        b->numbers[b->n++] = number;
        return;
    }
    l->next = b->more;
    b->more = number;
}

// Entry i is free: the last one goes there, or one of those that hang on.
static void close_gap(const struct nat_index *index, struct nat_bucket *b, unsigned i)
{
    unsigned last = b->n - 1;

    if (b->more != 0) {
        b->numbers[i] = b->more;
        b->hashes[i] = nat_index_link(index, b->more)->hash;
        b->more = nat_index_link(index, b->more)->next;
        return;
    }
    b->numbers[i] = b->numbers[last];
    b->hashes[i] = b->hashes[last];
    b->n = last;
}

// Entries that have the bit go; `to` is empty.
static void move(struct nat_bucket *from, struct nat_bucket *to, uint32_t bit)
{
    unsigned n_kept = 0, n_gone = 0;

    for (unsigned i = 0; i < from->n; i++) {
        uint32_t hash = from->hashes[i], number = from->numbers[i];
        unsigned is_gone = (hash & bit) != 0;

        from->hashes[n_kept] = to->hashes[n_gone] = hash;
        from->numbers[n_kept] = to->numbers[n_gone] = number;
        n_kept += !is_gone;
        n_gone += is_gone;
    }
    from->n = n_kept;
    to->n = n_gone;
}

// What belongs to the new bucket, at the end, goes there.
static void split_one(struct nat_index *index)
{
    uint32_t added = index->n_buckets;
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(added));
    struct nat_bucket *from = &index->buckets[added - base], *to = &index->buckets[added];
    uint32_t more = from->more;

    // For the next time.
    __builtin_prefetch(from + SPLITS, 1);
    __builtin_prefetch(to + SPLITS, 1);
    move(from, to, base);
    from->more = to->more = 0;
    while (more != 0) {
        const struct nat_link *l = nat_index_link(index, more);
        uint32_t next = l->next;

        put(index, l->hash & base ? to : from, more, l->hash);
        more = next;
    }
    index->n_buckets = added + 1;
}

static __attribute__((noinline)) void split(struct nat_index *index)
{
    for (unsigned i = 0; i < SPLITS && index->n_buckets < index->max_buckets; i++)
        split_one(index);
}

void nat_index_settle(struct nat_index *index)
{
    uint32_t hash = nat_index_link(index, index->late)->hash;

    put(index, nat_index_bucket(index, hash), index->late, hash);
    index->late = 0;
}

void nat_index_add(struct nat_index *index, uint32_t number, uint32_t hash)
{
    if (index->late != 0)
        nat_index_settle(index);
    index->n++;
    if (index->n >= NAT_INDEX_LOAD * (index->n_buckets + SPLITS))
        split(index);
    __builtin_prefetch(nat_index_bucket(index, hash), 1);
    nat_index_link(index, number)->hash = hash;
    index->late = number;
}

uint32_t nat_index_next(const struct nat_index *index, uint32_t number)
{
    const struct nat_link *l = nat_index_link(index, number);
    const struct nat_bucket *b = nat_index_bucket(index, l->hash);

    for (uint32_t bits = nat_bucket_match(b, l->hash); bits != 0;) {
        unsigned i = (unsigned)__builtin_ctz(bits);

        bits &= bits - 1;
        if (b->numbers[i] != number)
            continue;
        return bits != 0 ? b->numbers[__builtin_ctz(bits)]
                         : nat_index_from(index, b->more, l->hash);
    }
    return nat_index_from(index, l->next, l->hash);
}

void nat_index_del(struct nat_index *index, uint32_t number)
{
    const struct nat_link *l = nat_index_link(index, number);
    struct nat_bucket *b = nat_index_bucket(index, l->hash);
    uint32_t *link = &b->more;

    if (index->late != 0)
        nat_index_settle(index);
    index->n--;
    for (unsigned i = 0; i < b->n; i++) {
        if (b->numbers[i] == number) {
            close_gap(index, b, i);
            return;
        }
    }
    while (*link != number)
        link = &nat_index_link(index, *link)->next;
    *link = l->next;
}
