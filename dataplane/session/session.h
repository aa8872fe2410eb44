// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_SESSION_H
#define DATAPLANE_SESSION_SESSION_H

// Sessions: one record for one connection through one chain, found by the packets of both
// directions with one look-up each. One table for the whole dataplane.
//
// Records lie in the segment that outlives the process (state.h) and never move. The index is
// private memory of the process, made anew from the records at a restart. Readers take no lock; who
// opens or closes locks one bucket for some instructions. A record that is closed is used again
// only when each worker has passed a quiescent state, so what session_find gave to a worker stays
// what it is until the end of its burst; a closed one has `valid` 0 then.
//
// Nothing here knows what a function is: dataplane/chain/ opens sessions, fills the slots and hears
// of each end by session_set_on_close.

#include <stddef.h>

#include <rte_mbuf.h>

#include "dataplane/api/culvert_api.h"
#include "dataplane/core/error.h"
#include "dataplane/session/tuple.h"

#define SESSION_VALID 0x5e551041U
#define SESSION_N_SLOTS API_MAX_CHAIN_FUNCTIONS
#define SESSION_MAX_CHAINS 65536     // session_chain_id gives 1 to that, less one
#define SESSION_MAX ((1U << 24) - 1) // for session_init
#define SESSION_MAIN API_MAX_WORKERS // in place of a worker: the main thread

enum session_side {
    SESSION_INSIDE = 0,
    SESSION_OUTSIDE = 1,
};

// Of who began (the initiator), and of who answers.
enum session_direction {
    SESSION_ORIGINAL = 0,
    SESSION_REPLY = 1,
};

// One direction of a TCP connection, as its sender showed itself. Under the session's lock.
struct session_tcp_peer {
    uint32_t end;     // highest sequence number sent, + 1
    uint32_t max_end; // highest that the other side has offered to take, + 1
    uint32_t max_window;
    uint32_t acked; // highest acknowledgment sent
    uint8_t scale;  // of its window field
    uint8_t flags;  // session/tcp.h
    uint16_t reserved;
};

// A segment that changed nothing, but what comes next may answer it: session/tcp.h.
struct session_tcp_asked {
    uint32_t number;
    uint16_t window;
    uint8_t scale;
    uint8_t kind;
};

struct session_tenant;

// 320 bytes. Times are session_clock milliseconds, modulo 2^32.
struct session {
    // Constant from open to close, but for `valid`.
    uint32_t valid; // atomic: SESSION_VALID or 0
    uint32_t chain; // session_chain_id
    struct session_tuple key_original;
    uint8_t side[2];       // enum session_side where the packets of each direction arrive
    uint8_t is_translated; // key_reply is not the plain reverse of key_original
    uint8_t reserved0;
    uint32_t opened_ms;
    uint32_t tenant; // number of its session_tenant
    uint32_t source; // session/quota.c

    // Constant likewise.
    struct session_tuple key_reply;
    uint32_t list_next, list_prev; // of the tenant's half-open ones, under the tenant's lock
    uint32_t hash[2];              // of each key, by the seed of the segment: also tells damage
    uint64_t reserved1;

    // What every packet of it needs, and writes: one line.
    uint32_t lock;          // session_lock
    uint32_t incarnation;   // atomic: another one once it has ended; private to a process
    uint32_t stamp;         // atomic: of the chain's configuration that judged it last
    uint32_t expires_ms;    // atomic
    uint8_t state;          // atomic, enum api_session_state
    uint8_t timeout;        // atomic, enum api_timeout in force
    uint8_t is_half_open;   // counted as such
    uint8_t protocol_state; // session/tcp.c, sctp.c: under the lock
    uint32_t reserved2;
    // By direction; workers add (relaxed atomics), ageing takes it over into the totals.
    uint32_t packets[2];
    uint64_t bytes[2];
    uint64_t total_packets[2]; // the owner's ageing

    // TCP: a second one.
    struct session_tcp_peer tcp[2]; // by direction, under the lock
    struct session_tcp_asked asked; // likewise
    uint64_t total_bytes[2];        // the owner's ageing

    // What each function on the chain keeps for it, by the slot that the chain gave to the
    // function. Under the lock once others can see the session.
    uint64_t slots[SESSION_N_SLOTS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct session) == 320, "five lines");
_Static_assert(offsetof(struct session, lock) == 128 && offsetof(struct session, tcp) == 192,
               "what packets write");

static inline const struct session_tuple *session_key(const struct session *s, unsigned direction)
{
    return direction == SESSION_ORIGINAL ? &s->key_original : &s->key_reply;
}

static inline int session_is_valid(const struct session *s)
{
    return __atomic_load_n(&s->valid, __ATOMIC_ACQUIRE) == SESSION_VALID;
}

// With a session's number it names this one session: when it ends there is another. A flow holds
// both. Any thread.
static inline uint32_t session_incarnation(const struct session *s)
{
    return __atomic_load_n(&s->incarnation, __ATOMIC_ACQUIRE);
}

// Whether several workers may count at once. By session_init.
extern int session_is_shared;

// One packet more. Worker. Who takes the counts meanwhile is this worker too, or ends the session.
static inline void session_count(struct session *s, unsigned direction, uint32_t n_bytes)
{
    if (__builtin_expect(session_is_shared, 0)) {
        __atomic_fetch_add(&s->packets[direction], 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&s->bytes[direction], n_bytes, __ATOMIC_RELAXED);
        return;
    }
    __atomic_store_n(&s->packets[direction], s->packets[direction] + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&s->bytes[direction], s->bytes[direction] + n_bytes, __ATOMIC_RELAXED);
}

// For some instructions. A worker that finds it taken spins: the holder is a running thread.
void session_lock(struct session *s);
void session_unlock(struct session *s);

// Start and end.

// Map or make the records for at most `max_sessions` (address space; memory comes with use) in the
// segment of state.h, opened before. Records that were valid there are checked, each on its own:
// what can't be is dropped and counted in the log. They are found again once their chain and tenant
// are configured (session_adopt). -ENOMEM, -EINVAL with a sentence.
int session_init(unsigned n_workers, uint32_t max_sessions, struct error *e);
void session_fini(void);

// Main thread: the number of a chain, given once by name and kept over restarts. 0: no room.
uint32_t session_chain_id(const char *tenant, const char *name);
// The chain is gone: its number may be another's when none is left. Main thread.
void session_chain_forget(uint32_t chain);
// NULL: there is no such chain. The strings live until the chain is forgotten.
const char *session_chain_name(uint32_t chain, const char **tenant);

// What all chains of a tenant share. Main thread.
// Find it by name or make it; takes a reference. NULL: out of memory.
struct session_tenant *session_tenant_get(const char *name);
void session_tenant_put(struct session_tenant *tenant);
// Limits and timeouts of its configuration, in force from now on.
void session_tenant_configure(struct session_tenant *tenant, const struct api_tenant *item);
// Worker: milliseconds.
uint32_t session_timeout_ms(const struct session_tenant *tenant, enum api_timeout timeout);

// Look-up. Worker, for packets of one burst.

struct session_query {
    uint32_t chain;
    uint8_t side; // where the packet arrived
    struct session_tuple tuple;
};

struct session_hit {
    struct session *session; // NULL: none
    unsigned direction;
    uint32_t hash; // of the query's key
};

// n at most BURST_SIZE. Memory is fetched for all before it is read.
void session_find_burst(const struct session_query *const *queries, struct session_hit *hits,
                        unsigned n);

// Open and close.

struct session_draft {
    uint32_t chain;
    struct session_tenant *tenant;
    struct session_tuple key[2]; // by direction, as its packets arrive
    uint8_t side[2];
    uint8_t timeout; // enum api_timeout to begin with
    uint8_t is_half_open;
    uint8_t state; // enum api_session_state
    uint8_t protocol_state;
    uint32_t stamp;
    struct session_tcp_peer tcp[2];
    uint64_t slots[SESSION_N_SLOTS];
    uint8_t is_placed; // session_place has been called, and nothing above been changed since
    uint32_t hash[2];  // of each key, by session_place
};

// Find out where both keys will lie, and fetch that: some hundred instructions before session_open,
// which does it else. `hash` is session_hit.hash of key[0]. Worker.
void session_place(struct session_draft *draft, uint32_t hash);

// Make a session that packets find from now on. Its quota source is the address that key[0] comes
// from. Returns it with *is_new 1; or, if another thread has just opened one with the same key[0],
// that one with *is_new 0, and the draft's slots are the caller's to release; or NULL with *drop.
//
// Where the tenant's half-open limit is reached, its oldest half-open session ends for the new one;
// where the session limit is reached, too, if there is a half-open one. An established session
// never ends for a newcomer, one of another tenant never at all. Worker.
struct session *session_open(const struct session_draft *draft, unsigned worker, uint32_t now_ms,
                             int *is_new, uint8_t *drop);

// It has been answered: no longer half open. Worker or main, without the session's lock.
void session_confirm(struct session *s);

// Fetch what session_open will read for packets of such sources. Worker; n at most BURST_SIZE.
void session_foresee(const struct session_tenant *tenant,
                     const struct session_query *const *queries, unsigned n);

// End it: 1 if this call did, 0 if it had ended. Calls on_close first, in this thread, without the
// session's lock. `worker` may be SESSION_MAIN.
int session_close(struct session *s, unsigned worker);

// What hears of each end, and takes over counters at times (ageing: packets and bytes since the
// last call; at the end what is left). Set once, before workers start.
struct session_hooks {
    void (*on_close)(struct session *s, unsigned worker);
    void (*on_credit)(struct session *s, unsigned worker, const uint32_t packets[2],
                      const uint64_t bytes[2]);
    // The session's timeout has passed, or at times while it lives: 1: end it. May change
    // expires_ms. Where policy has changed this judges idle sessions again. May be NULL.
    int (*on_visit)(struct session *s, unsigned worker);
    // Packets of one burst for which there is no session, so it seems: fetch what they will begin
    // one with. May be NULL.
    void (*on_miss)(const struct session_query *const *queries, unsigned n);
    // It has been ended for a newcomer: on_close has been called. May be NULL.
    void (*on_evict)(const struct session *s, unsigned worker);
};
void session_set_hooks(const struct session_hooks *hooks);

// Worker, once a loop: end what has timed out. Bounded: some dozens of records while there is
// traffic, more when idle, so that all are visited within some seconds. Grows the index ahead.
void session_age(unsigned worker, uint32_t now_ms, int is_idle);

// Main thread, a hundred times a second: memory ahead of need, closed records back to use.
void session_tend(void);

// Take the sessions of the last process that belong to a chain into the index: of those the chain
// says yes to (`accept`; it may write stamp and slots). Returns how many; the others end without
// hooks. Once for each chain after a restart, before workers see the chain. Main thread.
uint32_t session_adopt(uint32_t chain, struct session_tenant *tenant,
                       int (*accept)(struct session *s, void *context), void *context);
// End all that nobody adopted: called some seconds after the first configuration. Returns how many.
uint32_t session_forget_orphans(void);

// Bounded listing for the main thread: visit up to n records from *cursor on, those that are valid.
// *cursor becomes 0 at the end.
void session_visit(uint32_t *cursor, uint32_t n, void (*visit)(struct session *s, void *context),
                   void *context);
uint32_t session_id(const struct session *s);
// By what session_id said; NULL: there is none of that number. It may have ended, or be another
// one by now: see `valid` and opened_ms. Worker, or main thread in session_visit.
struct session *session_at(uint32_t id);

// Records by number, for who holds a number with its incarnation: what lies there may have ended or
// be another session by now, which the incarnation tells. The same for the whole life of the
// process.
struct session *session_records(void);

// Sessions and half-open ones now: of a chain; of the tenant. Main thread (a worker may too).
void session_chain_counts(uint32_t chain, uint32_t *n_sessions, uint32_t *n_half_open);
void session_tenant_counts(const struct session_tenant *tenant, uint32_t *n_sessions,
                           uint32_t *n_half_open);

#endif
