// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TABLE_H
#define DATAPLANE_SESSION_TABLE_H

// How sessions lie in memory, for the files of this folder; others include session.h.
//
// A record is named by its number, 1 to the most there may be. Numbers that are free come from
// `struct numbers`; who has one may write what it stands for. `struct index` finds numbers by a
// hash. Both lie in address space that is reserved once and backed by memory ahead of need, by the
// main thread (session_tend); a worker touches only what is backed.

#include "dataplane/session/index.h"
#include "dataplane/session/session.h"

#define TABLE_ORPHAN UINT32_MAX // in session.tenant: not adopted yet

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
// How far memory for sources should reach; and back some of it, up to there. Main thread.
uint32_t quota_wanted(void);
void quota_back(uint32_t wanted, uint32_t n_at_once);
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
