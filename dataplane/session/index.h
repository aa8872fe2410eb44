// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_INDEX_H
#define DATAPLANE_SESSION_INDEX_H

// Tables that grow while workers use them: memory that is there before it is touched, numbers of
// records, an index from hashes to numbers. Sessions and flows are made of them.

#include <stddef.h>
#include <stdint.h>

#include <emmintrin.h>
#include <rte_branch_prediction.h>
#include <rte_pause.h>

#include "dataplane/api/culvert_api.h"

#define TABLE_N_THREADS (API_MAX_WORKERS + 1) // with the main thread, SESSION_MAIN

static inline void spin_lock(uint32_t *lock)
{
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
        while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0)
            rte_pause();
}

static inline int spin_trylock(uint32_t *lock)
{
    return __atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_unlock(uint32_t *lock)
{
    __atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

// memory.c: addresses without memory behind them. Main thread.
// NULL: out of addresses.
void *memory_reserve(size_t size);
void memory_release(void *memory, size_t size);
// Back [from, from + len) now, so that who touches it later takes no page fault.
void memory_touch(void *memory, size_t from, size_t len);

// numbers.c: which numbers are free? Each thread has a small cache; what is beyond goes over one
// stack for all, in bulk, under a lock of some dozen instructions.

#define NUMBERS_CACHE 128

struct numbers_cache { // its thread
    uint32_t n;
    uint32_t numbers[NUMBERS_CACHE];
} __attribute__((aligned(64)));

struct numbers {
    uint32_t lock;
    uint32_t n_free;  // in the stack; under the lock, read without
    uint32_t n_ever;  // 1 to n_ever were given at least once; likewise
    uint32_t n_ready; // up to here there is memory; atomic, main thread
    uint32_t max;
    uint32_t n_stack_ready; // main thread
    // Main thread: how fast numbers go, see numbers_wanted.
    uint32_t n_ever_before; // when this window of calls began
    uint32_t n_last;        // numbers that the window before took
    uint32_t n_calls;       // in this window
    uint32_t *stack;
    struct numbers_cache caches[TABLE_N_THREADS];
};

// Numbers 1 to max; those to n_used count as given already. -ENOMEM. Main thread.
int numbers_init(struct numbers *n, uint32_t max, uint32_t n_used);
void numbers_fini(struct numbers *n);
// 0: none is free, or none that has memory. `thread`: a worker or SESSION_MAIN.
uint32_t numbers_take(struct numbers *n, unsigned thread);
// What numbers_take will most likely give next, 0: not known.
static inline uint32_t numbers_next(const struct numbers *n, unsigned thread)
{
    const struct numbers_cache *cache = &n->caches[thread];

    return cache->n > 0 ? cache->numbers[cache->n - 1] : 0;
}

void numbers_give(struct numbers *n, unsigned thread, uint32_t number);
// How far memory should reach, by what was used lately. Main thread, a hundred times a second.
uint32_t numbers_wanted(struct numbers *n);
// There is memory up to this number now. Main thread.
void numbers_set_ready(struct numbers *n, uint32_t n_ready);

// Roughly: those that wait in caches count.
static inline uint32_t numbers_n_used(const struct numbers *n)
{
    uint32_t n_free = __atomic_load_n(&n->n_free, __ATOMIC_RELAXED);
    uint32_t n_ever = __atomic_load_n(&n->n_ever, __ATOMIC_RELAXED);

    return n_ever > n_free ? n_ever - n_free : 0;
}

static inline uint32_t numbers_n_ever(const struct numbers *n)
{
    return __atomic_load_n(&n->n_ever, __ATOMIC_ACQUIRE);
}

// index.c: buckets of one cache line, each found by some bits of a hash; what doesn't fit hangs
// on overflow lines. Buckets are added one by one, each by a split of one other (linear hashing:
// Litwin 1980), so that no insertion does more than a few.
//
// Who writes a bucket locks it: `sequence` is odd then. Who reads takes no lock. He may miss what
// is being moved, so a miss holds only if the sequence has stayed the same and even and the hash
// still leads to this bucket; else he asks again, at last under the lock. Whether an entry is
// meant is told by the record that it names, so a hit needs no more.

#define INDEX_ENTRIES 7
#define INDEX_LOAD 3 // entries of a bucket, on average

// An entry: the hash, then a value of 32 bits (a number, and for sessions a direction). 0: free.
struct index_line {
    uint32_t sequence; // of the bucket; unused in overflow lines
    uint32_t next;     // overflow line, 0: none
    uint64_t entries[INDEX_ENTRIES];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct index_line) == 64, "one line");

struct index {
    struct index_line *buckets;
    struct index_line *overflow; // number 0 is not used
    uint32_t n_buckets;          // atomic, written under grow_lock
    uint32_t n_ready;            // of them have memory; atomic, main thread
    uint32_t max_buckets;
    uint32_t max_overflow;
    uint32_t grow_lock __attribute__((aligned(64)));
    uint32_t overflow_lock __attribute__((aligned(64)));
    uint32_t overflow_free;  // first of a list by `next`
    uint32_t overflow_ever;  // lines 1 to this one were used at least once
    uint32_t overflow_ready; // atomic, main thread
};

// For at most max_entries; n_entries are about to come. -ENOMEM. Main thread.
int index_init(struct index *x, uint32_t max_entries, uint32_t n_entries);
void index_fini(struct index *x);
// Memory for n_entries, and some overflow lines. Main thread.
void index_tend(struct index *x, uint32_t n_entries);

// Buckets 0 to n_buckets - 1; those that were not split yet hold what belongs to their other half.
static inline uint32_t index_bucket(uint32_t hash, uint32_t n_buckets)
{
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(n_buckets));
    uint32_t bucket = hash & (2 * base - 1);

    return bucket < n_buckets ? bucket : hash & (base - 1);
}

static inline struct index_line *index_line(const struct index *x, uint32_t hash)
{
    uint32_t n_buckets = __atomic_load_n(&x->n_buckets, __ATOMIC_ACQUIRE);

    return &x->buckets[index_bucket(hash, n_buckets)];
}

struct index_line *index_lock(struct index *x, uint32_t hash);
// Two at once, in one order everywhere; lines[0] == lines[1] where both are the same.
void index_lock_two(struct index *x, const uint32_t hashes[2], struct index_line *lines[2]);
void index_unlock(struct index_line *line);
void index_unlock_two(struct index_line *const lines[2]);

// Walks over the entries with this hash. The bucket is locked, or the walk is a reader's.
struct index_cursor {
    const struct index *index;
    const struct index_line *line;
    uint32_t slot;
    uint32_t n_lines; // passed
};

// A reader gives up where the lines have no end because somebody moves them.
#define INDEX_MAX_LINES 64

static inline struct index_cursor index_begin(const struct index *x, const struct index_line *line)
{
    return (struct index_cursor){x, line, 0, 0};
}

// Which entries of a line have this in their upper half (1: the hash) or lower one (0: the value),
// a bit for each. A hint where others write: each entry is loaded again.
static inline unsigned index_match(const struct index_line *line, uint32_t word, int half)
{
    const __m128i wanted = _mm_set1_epi32((int)word);
    const __m128i *pairs = (const __m128i *)(const void *)line->entries;
    __m128 pair[4] = {
        _mm_castsi128_ps(_mm_loadu_si128(&pairs[0])), _mm_castsi128_ps(_mm_loadu_si128(&pairs[1])),
        _mm_castsi128_ps(_mm_loadu_si128(&pairs[2])), _mm_castsi128_ps(_mm_loadl_epi64(&pairs[3]))};
    __m128 low, high;

    if (half == 1) {
        low = _mm_shuffle_ps(pair[0], pair[1], _MM_SHUFFLE(3, 1, 3, 1));
        high = _mm_shuffle_ps(pair[2], pair[3], _MM_SHUFFLE(3, 1, 3, 1));
    } else {
        low = _mm_shuffle_ps(pair[0], pair[1], _MM_SHUFFLE(2, 0, 2, 0));
        high = _mm_shuffle_ps(pair[2], pair[3], _MM_SHUFFLE(2, 0, 2, 0));
    }
    low = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_castps_si128(low), wanted));
    high = _mm_castsi128_ps(_mm_cmpeq_epi32(_mm_castps_si128(high), wanted));
    return ((unsigned)_mm_movemask_ps(low) | (unsigned)_mm_movemask_ps(high) << 4) &
           ((1U << INDEX_ENTRIES) - 1);
}

// The first value with this hash in a line, from entry *slot on, which becomes the one behind it.
// 0: none.
static inline uint32_t index_first(const struct index_line *line, uint32_t hash, uint32_t *slot)
{
    unsigned bits = index_match(line, hash, 1) >> *slot << *slot;

    for (; bits != 0; bits &= bits - 1) {
        unsigned i = (unsigned)__builtin_ctz(bits);
        uint64_t entry = __atomic_load_n(&line->entries[i], __ATOMIC_RELAXED);

        *slot = i + 1;
        if (entry >> 32 == hash && (uint32_t)entry != 0)
            return (uint32_t)entry;
    }
    return 0;
}

// The next value with this hash; 0: no more.
uint32_t index_next(struct index_cursor *cursor, uint32_t hash);

// The first value with this hash in a bucket; 0: none. Mostly its own line is all there is.
static inline uint32_t index_look(const struct index *x, const struct index_line *line,
                                  uint32_t hash)
{
    struct index_cursor cursor = index_begin(x, line);
    uint32_t value = index_first(line, hash, &cursor.slot);

    if (likely(value != 0 || __atomic_load_n(&line->next, __ATOMIC_RELAXED) == 0))
        return value;
    return index_next(&cursor, hash);
}

// Of a reader: begin, and whether what he missed is not there.
static inline const struct index_line *index_read_begin(const struct index *x, uint32_t hash,
                                                        uint32_t *sequence)
{
    const struct index_line *line = index_line(x, hash);

    *sequence = __atomic_load_n(&line->sequence, __ATOMIC_ACQUIRE);
    return line;
}

static inline int index_read_is_sure(const struct index *x, uint32_t hash,
                                     const struct index_line *line, uint32_t sequence)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return (sequence & 1) == 0 && __atomic_load_n(&line->sequence, __ATOMIC_RELAXED) == sequence &&
           index_line(x, hash) == line;
}

// The bucket is locked. 0, or -ENOMEM: no overflow line.
int index_add(struct index *x, struct index_line *line, uint32_t hash, uint32_t value);
void index_del(struct index *x, struct index_line *line, uint32_t hash, uint32_t value);
// Whether `value` is there with this hash. The bucket is locked.
int index_has(const struct index *x, const struct index_line *line, uint32_t hash, uint32_t value);
// At least INDEX_SPLITS buckets are too few for n_entries: split so many. No bucket is locked by
// the caller.
#define INDEX_SPLITS 8
void index_split(struct index *x, uint32_t n_entries);

static inline void index_grow(struct index *x, uint32_t n_entries)
{
    uint32_t n_buckets = __atomic_load_n(&x->n_buckets, __ATOMIC_RELAXED);

    if (unlikely(n_entries / INDEX_LOAD >= n_buckets + INDEX_SPLITS))
        index_split(x, n_entries);
}

#endif
