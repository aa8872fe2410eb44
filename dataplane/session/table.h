// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TABLE_H
#define DATAPLANE_SESSION_TABLE_H

// How sessions lie in memory, for the files of this folder; others include session.h.
//
// A record is named by its number, 1 to the most there may be. Numbers that are free come from
// `struct numbers`; who has one may write what it stands for. `struct index` finds numbers by a
// hash. Both lie in address space that is reserved once and backed by memory ahead of need, by the
// main thread (session_tend); a worker touches only what is backed.

#include <stddef.h>

#include <rte_pause.h>

#include "dataplane/session/session.h"

#define TABLE_N_THREADS (API_MAX_WORKERS + 1) // with the main thread
#define TABLE_ORPHAN UINT32_MAX               // in session.tenant: not adopted yet

static inline void spin_lock(uint32_t *lock)
{
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
        while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0)
            rte_pause();
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
    uint32_t n_ever_before; // main thread, at the last numbers_tend
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
// How far memory should reach, by what was used since the last call. Main thread.
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

// The next value with this hash; 0: no more.
uint32_t index_next(struct index_cursor *cursor, uint32_t hash);

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

// hash.c: of a key of eight byte words, by the seed of the state segment. Nobody who does not know
// the seed finds keys that collide by anything better than trying.
void hash_init(void);
#define HASH_WORDS 6
uint32_t hash_words(const uint64_t words[HASH_WORDS]);

// Of a session's key.
static inline uint32_t hash_key(uint32_t chain, uint8_t side, const struct session_tuple *t)
{
    uint64_t words[HASH_WORDS];

    memcpy(words, t, sizeof(*t));
    words[5] = (uint64_t)chain << 8 | side;
    return hash_words(words);
}

// The records themselves; written by session.c.
struct table {
    struct session *records; // [0] is not used
    struct numbers numbers;
    struct index index; // value: number << 1 | direction
    unsigned n_workers;
    uint32_t max; // sessions
    int is_short; // main thread: there is no memory ahead
};

extern struct table session_table;

static inline struct session *table_record(uint32_t number)
{
    return &session_table.records[number];
}

static inline uint32_t table_number(const struct session *s)
{
    return (uint32_t)(s - session_table.records);
}

static inline uint32_t hash_of_key(const struct session *s, unsigned direction)
{
    return hash_key(s->chain, s->side[direction], session_key(s, direction));
}

static inline int table_is_key(const struct session *s, unsigned direction, uint32_t chain,
                               uint8_t side, const struct session_tuple *t)
{
    return s->chain == chain && s->side[direction] == side &&
           session_tuple_is_equal(session_key(s, direction), t) && session_is_valid(s);
}

// A session of the last process that no chain has taken over yet: not in the index.
static inline int table_is_orphan(const struct session *s)
{
    return __atomic_load_n(&s->tenant, __ATOMIC_ACQUIRE) == TABLE_ORPHAN;
}

// session_open.c. A record that is filled, counted by quota_source_take and quota_take: into lists
// and index. 0, or what table_add says; then all counts are undone and the record is gone.
int table_open(struct session *s, int is_half_open, unsigned thread, struct session **other,
               unsigned *which);
// Hand over what its counters gained.
void table_credit(struct session *s, unsigned worker);

// table.c. Both keys into the index, and `valid`: a record that is filled. -ENOMEM; -EINVAL: its
// keys are one; -EEXIST: *other has one of them, *which tells which: TABLE_SAME, or else.
#define TABLE_SAME 0 // key_original is the other's key_original
int table_add(struct session *s, struct session **other, unsigned *which);
void table_del(const struct session *s);
// Who has this key? Worker, or the main thread between table_main_enter and _leave.
struct session *table_find(const struct session_query *q, uint32_t hash, unsigned *direction);

// limbo.c: closed records, until each worker has passed a quiescent state.
void limbo_init(void);
void limbo_add(unsigned thread, struct session *s);
// Give back what is free by now, at most n. Worker, once a loop; main thread in session_tend.
void limbo_tend(unsigned thread, unsigned n);
// The main thread looks at records: none is used again until it leaves. May be nested.
void table_main_enter(void);
void table_main_leave(void);

// So many sessions, and of them half-open ones, to be added or subtracted at once.
#define COUNTS(n_sessions, n_half_open) ((uint64_t)(n_sessions) + ((uint64_t)(n_half_open) << 32))

// tenant.c, quota.c: what all chains of a tenant share.
struct session_tenant {
    union { // atomic, changed together: COUNTS
        struct {
            uint32_t n_sessions;
            uint32_t n_half_open;
        };
        uint64_t counts;
    };
    uint32_t n_fragments; // atomic: session/fragment.c; and so the next
    uint32_t n_held_fragments;
    uint32_t lock;        // of the list
    uint32_t first, last; // half-open sessions, the oldest first; under the lock
    // What follows is written by the main thread, read by all (atomic).
    uint32_t session_limit __attribute__((aligned(64)));
    uint32_t half_open_limit;
    uint32_t source_limit;
    uint32_t fragment_limit;
    uint32_t timeout_ms[API_N_TIMEOUTS];
    uint32_t number;
    uint32_t n_references; // main thread
    char name[API_NAME_SIZE];
};

struct session_tenant *tenant_at(uint32_t number);
void tenant_fini(void);

int quota_init(uint32_t max_sessions);
void quota_fini(void);
void quota_tend(void);
// Count a session of `tenant` whose originator is *source: API_DROP_NONE and the number to be kept
// in session.source, or SESSION_SOURCE_LIMIT or _NO_MEMORY. is_forced: limits don't count.
uint8_t quota_source_take(struct session_tenant *tenant, const uint8_t source[16], unsigned thread,
                          int is_forced, uint32_t *number);
void quota_source_give(uint32_t number, unsigned thread);
// Count one session (and one half-open one) more; where a limit says no, the tenant's oldest
// half-open session is ended. API_DROP_NONE, SESSION_LIMIT, SESSION_HALF_OPEN_LIMIT.
uint8_t quota_take(struct session_tenant *tenant, int is_half_open, unsigned thread);
// The same without limits. Main thread.
void quota_take_forced(struct session_tenant *tenant, int is_half_open);
// The draft that quota_take was for did not become a session.
void quota_give(struct session_tenant *tenant, int is_half_open);
// A session that was counted by quota_take as half open: in the list of those from now on.
void quota_list_add(struct session_tenant *tenant, struct session *s);
// It is half open no more. 1: it was till now.
int quota_list_del(struct session_tenant *tenant, struct session *s);

// chain_names.c: numbers and names of chains.
struct chain_counts {
    union { // atomic, changed together: COUNTS
        struct {
            uint32_t n_sessions;
            uint32_t n_half_open;
        };
        uint64_t counts;
    };
} __attribute__((aligned(64)));

int chain_names_init(struct error *e);
int chain_names_has(uint32_t chain);
struct chain_counts *chain_names_counts(uint32_t chain);
// Sessions of the last process that wait for session_adopt, linked by list_next.
uint32_t *chain_names_orphans(uint32_t chain);
// Forget names without sessions that nobody has asked for in this process, or has since given up.
void chain_names_sweep(void);

// adopt.c: what of the last process's records can be? Up to number n. Main thread, by
// session_init.
void adopt_scan(uint32_t n);

// age.c
void age_init(void);
extern struct session_hooks session_hooks; // session_open.c

#endif
