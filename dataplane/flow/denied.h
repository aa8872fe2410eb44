// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_DENIED_H
#define DATAPLANE_FLOW_DENIED_H

// Drops that a walk has decided, kept for a moment apart from flows, so that a blocked flood is
// cheap. Private to this folder and its tests.
//
// Each worker has a table of its own, direct-mapped, of fixed size. An entry says that packets with
// its key and TCP flags are dropped, as long as nothing of what the walk noted has changed, and for
// two seconds at most. It counts nothing itself: what its packets count besides their port's drop,
// a group does, that is all drops that were made of the same, by the same way; the main thread
// tells the functions. A turn ends all entries and groups at once: with each commit and each edit
// of a rule, and at times so that groups are free again.

#include "dataplane/flow/packet.h"

#define DENIED_N 16384 // entries of a worker
#define DENIED_LIFE_MS 2000
#define DENIED_MAX_PLACES 8 // objects (walk/version.h) that one depends on, a multiple of four
#define DENIED_N_GROUPS 512 // in one turn
#define DENIED_MAX_HOPS 4

// Its worker's.
struct denied {
    struct flow_key key;
    uint32_t until_ms; // session clock
    uint8_t tcp_flags, drop;
    uint16_t group;
    uint32_t turn; // 0: free
    uint32_t sum;  // of the numbers of places and openings, before the walk looked
    uint16_t places[DENIED_MAX_PLACES];
    uint16_t openings[TRACE_MAX_OPENINGS]; // places in session/opening.h, 0: none
    uint16_t mtu;
    uint8_t n_routers;
} __attribute__((aligned(128)));

_Static_assert(offsetof(struct denied, turn) == 64, "a line to compare, one to prove");

struct denied_hop {
    const struct function *f;
    uint32_t in_side, out_side;
};

struct denied_group {
    uint64_t identity; // atomic: 0: free; written last
    uint64_t packets, bytes;
    uint64_t told_packets, told_bytes; // main thread
    // Functions of a generation that is there until the turn has been settled.
    struct denied_hop hops[DENIED_MAX_HOPS];
    const struct function *f; // that dropped them
    uint32_t in_side;
    uint8_t n_hops;
    struct walk_denial denial;
} __attribute__((aligned(64)));

struct denied_table {
    uint32_t turn;     // as of this burst
    uint32_t until_ms; // of the entry that lives longest
    int is_used;       // 0: there has been none yet
    // Groups of this turn and, till they are settled, of the one before: by the turn's last bit.
    uint32_t n_groups[2]; // atomic
    struct denied_group groups[2][DENIED_N_GROUPS];
    uint32_t seen[DENIED_N]; // what has passed here last: who comes again is worth a trace
    struct denied entries[DENIED_N];
};

extern struct denied_table *denied_tables[API_MAX_WORKERS];
extern uint32_t denied_this_turn; // atomic; main thread

// denied_turn.c. Room for n_workers; -ENOMEM. Main thread, as all up to denied_begin.
int denied_init(unsigned n_workers);
void denied_fini(void);

// What is decided from now on is decided otherwise: all entries end. Workers have let go of them
// when each has passed a quiescent state; then denied_settle().
void denied_turn(void);
// Tell the functions what the turn before has counted; its groups are free then. Functions of its
// generation are still there.
void denied_settle(void);
// Tell what has been counted so far.
void denied_count(void);
// Ten times a second or more: after a while there is another turn, without waiting for it.
void denied_tend(uint32_t now_sec);

// denied.c. Worker.

// At a burst's start, before anything is decided by what may change. NULL: nothing is kept.
struct denied_table *denied_begin(unsigned worker);

// Fetch what denied_drop() reads for those of n packets that have no flow. Nothing if none is kept.
void denied_foresee(const struct denied_table *table, const struct flow_sight *sights, unsigned n,
                    uint32_t now_ms);

// 1: it has been dropped and counted. Else it walks.
int denied_drop(const struct walk_context *ctx, struct denied_table *table, struct rte_mbuf *m,
                const struct flow_key *key, uint32_t hash, uint32_t now_ms);

// Whether a packet like this one has walked shortly before, so it seems; the next one's answer will
// be yes.
int denied_is_repeated(struct denied_table *table, uint32_t hash, uint8_t tcp_flags);

// Keep what has become of a traced packet, if it was dropped and it is worth it.
void denied_keep(const struct walk_context *ctx, const struct walk_trace *t,
                 const struct flow_key *key, uint32_t hash, uint8_t tcp_flags);

#endif
