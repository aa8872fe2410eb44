// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_NEIGHBOR_TABLE_H
#define VNF_ROUTER_NEIGHBOR_TABLE_H

// How the neighbours of a router lie in memory, for the files neighbor*.c; others include
// neighbor.h.
//
// Entries and buckets lie in address space that is reserved once and touched as it is used, so a
// router with five neighbours costs five pages and one with a million never moves them. Buckets
// grow one by one (linear hashing: Litwin 1980), so that no insertion does more than a few splits.
//
// Readers take no lock. Where they may err they only miss, and who misses asks again under the
// lock: an entry's sequence is odd while it gets another key, the table's while a bucket is split.
// Writers (workers that learn, worker 0's tick, the main thread) hold `lock` for some instructions;
// a worker that doesn't get it soon gives up.
//
// Each state has a list of its entries in the order of their deadlines: all that enter a state wait
// equally long, so the newest is the last, timers look at the front only, and eviction takes the
// oldest.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

#include "dataplane/api/culvert_api.h"
#include "dataplane/core/meter.h"
#include "dataplane/walk/version.h"

#define NEIGHBOR_NONE UINT32_MAX
#define NEIGHBOR_MAC UINT64_C(0xffffffffffff)    // the address itself, in neighbor_entry.mac
#define NEIGHBOR_STALE (UINT64_C(1) << 48)       // the next user begins the probing
#define NEIGHBOR_IDLE 0                          // beside enum api_neighbor_state: kept for a path
#define NEIGHBOR_N_LISTS API_NEIGHBOR_N_STATES   // by state
#define NEIGHBOR_MAX_ENTRIES (UINT32_C(1) << 21) // of them at most half learned (api_table.c)
#define NEIGHBOR_MAX_STATIC (NEIGHBOR_MAX_ENTRIES / 8)
#define NEIGHBOR_MAX_HELD_ROUTER 512 // packets that wait for neighbours of a router
#define NEIGHBOR_SOLICITS 3          // RFC 4861, 10: MAX_MULTICAST_SOLICIT, _UNICAST_

// The first line is what readers look at, the second only who holds the lock.
struct neighbor_entry {
    uint64_t mac; // atomic: NEIGHBOR_MAC | NEIGHBOR_STALE; 0: not known
    uint64_t address[2];
    uint32_t tag; // interface's slot and family; 0: a free entry
    uint32_t hash;
    uint32_t next;     // in its bucket, or of the free ones; 0: the last
    uint32_t sequence; // atomic: odd while the key changes
    uint64_t unused[3];

    uint64_t deadline_tsc;
    uint64_t static_mac;  // of the configuration, 0: none; comes first
    uint64_t dynamic_mac; // of a daemon, 0: none; comes second, what was learned last
    uint32_t epoch;       // of dynamic_mac
    uint32_t list_next, list_prev;
    uint32_t n_references;  // paths
    uint32_t confirmed_sec; // clock_sec()
    uint16_t held_first, held_last;
    uint8_t n_held;
    uint8_t state;
    uint8_t n_sent;     // solicitations
    uint8_t is_counted; // in n_learned
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct neighbor_entry) == 128, "two lines");
_Static_assert(offsetof(struct neighbor_entry, deadline_tsc) == 64, "readers need the first only");

struct neighbor_list {
    uint32_t first, last, n;
};

// A packet that waits.
struct neighbor_held {
    struct rte_mbuf *m;
    uint16_t next;    // of the same neighbour, or of the free ones; 0: the last
    uint16_t in_slot; // interface it came by; SLOT_NONE: made here
};

// What all routers of a tenant have learned. The main thread writes, but for the count.
struct router_tenant {
    uint32_t n_learned; // atomic
    uint32_t limit;     // atomic
    unsigned n_references;
    struct router_tenant *next;
    char name[API_NAME_SIZE];
};

struct neighbor_table {
    // Readers. Constant, but for n_buckets and moves.
    struct neighbor_entry *entries; // [NEIGHBOR_MAX_ENTRIES], number 0 is none
    uint32_t *buckets;              // first entry
    uint64_t seed[3];
    uint32_t n_buckets; // atomic
    uint32_t moves;     // atomic: odd while a bucket is split

    // All from here on belongs to who holds the lock.
    uint32_t lock __attribute__((aligned(64)));
    uint32_t limit; // of n_learned
    uint32_t n_learned;
    uint32_t n_unresolved; // of them, those asked for because of traffic, and not known
    uint32_t n_refused;
    uint32_t n_ever; // entries in use have numbers up to this
    uint32_t n_used;
    uint32_t free_entry;
    struct neighbor_list lists[NEIGHBOR_N_LISTS];
    struct router_tenant *tenant;
    uint64_t now_tsc; // of who had the lock last
    uint64_t second_tsc;
    uint64_t reachable_tsc;     // how long a confirmation holds
    uint64_t redraw_tsc;        // when that is drawn anew
    struct neighbor_held *held; // [NEIGHBOR_MAX_HELD_ROUTER + 1], number 0 is none
    uint16_t free_held, n_held_ever, n_held;
    // Worker 0's tick: which announcement is next.
    uint64_t announce_tsc;
    const void *announce_config;
    uint32_t announce_interface, announce_address;
    struct meter_limit solicit_limit; // constant
    struct meter_limit defend_limit;  // constant
};

// A key as the table has it.
struct neighbor_id {
    uint64_t address[2];
    uint32_t tag;
    uint32_t hash;
};

static inline struct neighbor_id neighbor_id(const struct neighbor_table *t, uint16_t slot,
                                             uint8_t family, const uint8_t *address)
{
    struct neighbor_id id = {.tag = (uint32_t)family << 16 | slot};
    unsigned __int128 product;
    uint64_t mixed;

    memcpy(id.address, address, family == 4 ? 4 : 16);
    product = (unsigned __int128)(id.address[0] ^ t->seed[0]) *
              ((id.address[1] + id.tag * UINT64_C(0x9e3779b97f4a7c15)) ^ t->seed[1]);
    mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    id.hash = (uint32_t)((mixed * t->seed[2]) >> 32);
    return id;
}

// Buckets 0 to n_buckets - 1; those that were not split yet hold what belongs to their other half.
static inline uint32_t neighbor_bucket(uint32_t hash, uint32_t n_buckets)
{
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(n_buckets));
    uint32_t bucket = hash & (2 * base - 1);

    return bucket < n_buckets ? bucket : hash & (base - 1);
}

// Where the number is of what flows rely on (walk/version.h): the MAC of a neighbour, and whether
// it is to be probed. By its key's hash. Any thread.
static inline uint16_t neighbor_place(const struct neighbor_table *t, uint32_t hash)
{
    return walk_version_of(t, hash);
}

static inline uint16_t neighbor_slot(const struct neighbor_entry *e)
{
    return (uint16_t)e->tag;
}

static inline uint8_t neighbor_family(const struct neighbor_entry *e)
{
    return (uint8_t)(e->tag >> 16);
}

static inline uint64_t neighbor_word(const uint8_t *mac)
{
    uint64_t word = 0;

    memcpy(&word, mac, 6);
    return word;
}

// A MAC that a neighbour may have.
static inline int neighbor_is_unicast_mac(const uint8_t *mac)
{
    return !(mac[0] & 1) && neighbor_word(mac) != 0;
}

struct router_scene;
struct router_interface;

// neighbor_held.c: send what waited, now that the MAC is known; tell its source that nobody
// answers; or drop it. Without the lock. Worker.
struct neighbor_waiter {
    struct rte_mbuf *m;
    uint64_t mac;
    uint16_t in_slot;
    uint16_t out_slot;
};
unsigned neighbor_held_take_all(struct neighbor_table *t, struct neighbor_entry *e,
                                struct neighbor_waiter *waiters); // with the lock
void neighbor_send_waiter(const struct router_scene *s, const struct neighbor_waiter *waiter);
void neighbor_fail_waiter(const struct router_scene *s, const struct neighbor_waiter *waiter);
// Make an ICMP error of *m, a packet for a neighbour that does not answer; `in`: neighbor_arrival.
void neighbor_unreachable(const struct router_scene *s, struct rte_mbuf **m,
                          const struct router_interface *in);
// The interface that a packet came by; NULL: it was made here.
const struct router_interface *neighbor_arrival(const struct router_scene *s, struct rte_mbuf *m);

// neighbor.c: ask for an address, in the way of its family: everybody, or (mac not NULL) the
// neighbour itself. Worker.
void neighbor_ask(const struct router_scene *s, const struct router_interface *out, uint8_t family,
                  const uint8_t *address, const uint8_t *mac);

// neighbor_config.c: may a neighbour have this address and MAC (NULL: any)? 0, or -EINVAL with the
// rest of a sentence. Main thread.
int neighbor_check(uint8_t family, const uint8_t *address, const uint8_t *mac, const char **fault);

// neighbor.c: a reader met a stale entry. Worker.
void neighbor_use(struct neighbor_table *t, struct neighbor_entry *e);

// neighbor_table.c. A worker may only try; whoever has the lock gives it back within microseconds.
int neighbor_try_lock(struct neighbor_table *t);
void neighbor_lock(struct neighbor_table *t); // main thread
void neighbor_unlock(struct neighbor_table *t);

// All the following: who calls holds the lock.

// NULL: there is none.
struct neighbor_entry *neighbor_find(const struct neighbor_table *t, const struct neighbor_id *id);
// A new entry, NEIGHBOR_IDLE. NULL: the table is full.
struct neighbor_entry *neighbor_add(struct neighbor_table *t, const struct neighbor_id *id);
// Give it another state, until now + deadline; counts follow. At the front: what the next tick has
// to do with it can't wait.
void neighbor_set_state(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state,
                        uint64_t deadline_tsc);
void neighbor_set_front(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state);
// Give it another MAC, 0: none. All that changes one comes by here: flows may rely on it.
void neighbor_set_mac(const struct neighbor_table *t, struct neighbor_entry *e, uint64_t word);
// What was learned is forgotten: the entry goes, or waits idle for its path. Nothing may be held.
void neighbor_forget(struct neighbor_table *t, struct neighbor_entry *e);
// The same, but what is held is left to the next tick. Not for static and dynamic ones.
void neighbor_give_up(struct neighbor_table *t, struct neighbor_entry *e);
// static_mac or dynamic_mac has changed.
void neighbor_settle(struct neighbor_table *t, struct neighbor_entry *e);
// n_references has changed.
void neighbor_recount(struct neighbor_table *t, struct neighbor_entry *e);

// neighbor_quota.c: make room for one more that is learned, by forgetting others (at most two). A
// neighbour that spoke may take the place of one that was long not needed; one that is only asked
// for not. What was held for those goes to `lost`, which has room for 2 * NEIGHBOR_MAX_HELD.
// Returns 0: there is none.
int neighbor_make_room(struct neighbor_table *t, int has_spoken, struct rte_mbuf **lost,
                       unsigned *n_lost);
// By name; the first caller makes it. -ENOMEM. Main thread.
int neighbor_tenant_get(const char *name, struct router_tenant **tenant);
void neighbor_tenant_put(struct router_tenant *tenant);

// neighbor_held.c: 1, or 0: there is no room for m. *oldest: who had to go for it, or NULL.
int neighbor_held_add(struct neighbor_table *t, struct neighbor_entry *e, struct rte_mbuf *m,
                      uint16_t in_slot, struct rte_mbuf **oldest);
// Take the oldest; NULL: there is none.
struct rte_mbuf *neighbor_held_take(struct neighbor_table *t, struct neighbor_entry *e,
                                    uint16_t *in_slot);

// Calls `visit` for each entry in use, with the lock in between. Main thread.
void neighbor_each(struct neighbor_table *t,
                   void (*visit)(struct neighbor_table *t, struct neighbor_entry *e,
                                 const void *arg),
                   const void *arg);

#endif
