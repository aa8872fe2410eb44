// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_NAT_INDEX_H
#define VNF_NAT_INDEX_H

// A hash index over records in an array, by number; number 0 is none. Private to this folder. A
// bucket is one cache line with the hashes of its records, so neither a look-up nor a split touches
// a record that is not meant; what doesn't fit hangs on by the links in the records. It grows by
// one bucket at a time (linear hashing), so no call is ever long. Who calls holds the lock of whose
// it is. A record that comes gets into its bucket with the next call, so that none waits for
// memory.

#include <stddef.h>
#include <stdint.h>

#include <emmintrin.h>

#define NAT_INDEX_ENTRIES 7
#define NAT_INDEX_LOAD 3 // records of a bucket, on average

struct nat_link {
    uint32_t next; // what hangs on in the same bucket
    uint32_t hash;
};

struct nat_bucket {
    uint32_t hashes[NAT_INDEX_ENTRIES]; // the first n
    uint32_t numbers[NAT_INDEX_ENTRIES];
    uint32_t n;
    uint32_t more; // a record, if there are more than that
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct nat_bucket) == 64, "one line");

struct nat_index {
    struct nat_bucket *buckets; // [max_buckets], backed by memory as they are used; all 0 at first
    uint32_t n_buckets, max_buckets;
    uint32_t n;    // records
    uint32_t late; // one that is not in its bucket yet, whose line is on the way; 0: none
    char *links;   // where the link of record 0 is
    size_t stride;
};

// links: where the link of record 0 would be, the next one `stride` bytes behind it.
void nat_index_init(struct nat_index *index, struct nat_bucket *buckets, uint32_t max_buckets,
                    void *links, size_t stride);

static inline struct nat_link *nat_index_link(const struct nat_index *index, uint32_t number)
{
    return (struct nat_link *)(void *)(index->links + number * index->stride);
}

static inline struct nat_bucket *nat_index_bucket(const struct nat_index *index, uint32_t hash)
{
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(index->n_buckets));
    uint32_t bucket = hash & (2 * base - 1);

    return &index->buckets[bucket < index->n_buckets ? bucket : hash & (base - 1)];
}

// Which of a bucket's entries have this hash, a bit for each.
static inline uint32_t nat_bucket_match(const struct nat_bucket *b, uint32_t hash)
{
    const __m128i wanted = _mm_set1_epi32((int)hash);
    __m128i low = _mm_loadu_si128((const __m128i *)(const void *)&b->hashes[0]);
    __m128i high = _mm_loadu_si128((const __m128i *)(const void *)&b->hashes[3]);
    int bits = _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(low, wanted)));

    bits |= _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(high, wanted))) << 3;
    return (uint32_t)bits & ((1U << b->n) - 1);
}

// Put the late one into its bucket.
void nat_index_settle(struct nat_index *index);

// From a record on, the first of those that hang on with this hash.
static inline uint32_t nat_index_from(const struct nat_index *index, uint32_t number, uint32_t hash)
{
    while (number != 0 && nat_index_link(index, number)->hash != hash)
        number = nat_index_link(index, number)->next;
    return number;
}

// The records with this hash, one after the other. 0: no more.
static inline uint32_t nat_index_first(struct nat_index *index, uint32_t hash)
{
    const struct nat_bucket *b = nat_index_bucket(index, hash);
    uint32_t bits;

    if (index->late != 0)
        nat_index_settle(index);
    bits = nat_bucket_match(b, hash);
    return bits != 0 ? b->numbers[__builtin_ctz(bits)] : nat_index_from(index, b->more, hash);
}

uint32_t nat_index_next(const struct nat_index *index, uint32_t number);

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
