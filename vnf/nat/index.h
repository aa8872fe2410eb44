// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_NAT_INDEX_H
#define VNF_NAT_INDEX_H

// A hash index over records in an array, by number; number 0 is none. Private to this folder. Each
// record holds a link for each index it is in. It grows by one bucket at a time (linear hashing),
// so no call is ever long. Who calls holds the lock of whose it is.

#include <stddef.h>
#include <stdint.h>

struct nat_link {
    uint32_t next;
    uint32_t hash;
};

struct nat_index {
    uint32_t *buckets; // [max_buckets], backed by memory as they are used; all 0 at first
    uint32_t n_buckets, max_buckets;
    uint32_t n;  // records
    char *links; // where the link of record 0 is
    size_t stride;
};

// links: where the link of record 0 would be, the next one `stride` bytes behind it.
void nat_index_init(struct nat_index *index, uint32_t *buckets, uint32_t max_buckets, void *links,
                    size_t stride);

static inline struct nat_link *nat_index_link(const struct nat_index *index, uint32_t number)
{
    return (struct nat_link *)(void *)(index->links + number * index->stride);
}

static inline uint32_t nat_index_bucket(const struct nat_index *index, uint32_t hash)
{
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(index->n_buckets));
    uint32_t bucket = hash & (2 * base - 1);

    return bucket < index->n_buckets ? bucket : hash & (base - 1);
}

// The records with this hash, one after the other. 0: no more.
static inline uint32_t nat_index_from(const struct nat_index *index, uint32_t hash, uint32_t number)
{
    while (number != 0 && nat_index_link(index, number)->hash != hash)
        number = nat_index_link(index, number)->next;
    return number;
}

static inline uint32_t nat_index_first(const struct nat_index *index, uint32_t hash)
{
    return nat_index_from(index, hash, index->buckets[nat_index_bucket(index, hash)]);
}

static inline uint32_t nat_index_next(const struct nat_index *index, uint32_t number)
{
    const struct nat_link *link = nat_index_link(index, number);

    return nat_index_from(index, link->hash, link->next);
}

void nat_index_add(struct nat_index *index, uint32_t number, uint32_t hash);
void nat_index_del(struct nat_index *index, uint32_t number);

// A hash of three words that nobody outside can foresee.
static inline uint32_t nat_hash(const uint64_t seed[4], uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 product = (unsigned __int128)(a ^ seed[0]) * (b ^ seed[1]);
    uint64_t mixed = (uint64_t)product ^ (uint64_t)(product >> 64);

    product = (unsigned __int128)(mixed ^ seed[2]) * (c ^ seed[3]);
    mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    return (uint32_t)(mixed ^ mixed >> 32);
}

#endif
