// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_FLOW_TABLE_H
#define DATAPLANE_FLOW_TABLE_H

// How flows and ways lie in memory. Private to this folder and its tests.
//
// A flow says what becomes of the packets with its key; it is never changed, but for the two words
// that say until when it holds. A way is what many flows share: the functions they pass, and the
// end of the road, which may move while the flows stay.

#include <string.h>

#include "dataplane/session/index.h"
#include "dataplane/walk/generation.h"
#include "dataplane/walk/trace.h"

#define FLOW_LIFE_SEC 64 // a flow walks once in so many seconds and up to as many more
#define FLOW_GRACE_SEC 8 // then it has been silent
#define WAY_WALK_SEC 16  // so often walks some flow of a way
#define WAY_LIFE_SEC 180 // longer than all its flows
#define WAY_MAX 65535

// What a packet's fate may depend on, if no walk says more: words that are made in registers.
//
//   0      port, protocol (0 where ports are not looked at), kind, outer and inner VLAN
//   1, 2   destination and source MAC, ports
//   3...   source and destination address: one word for IPv4, four for IPv6
#define FLOW_KEY_WORDS 7
#define FLOW_KEY4_WORDS 4

struct flow_key {
    uint64_t words[FLOW_KEY_WORDS];
};

// Of the kind: family, how many tags, and
#define FLOW_KIND_TAGS 4        // their shift
#define FLOW_KIND_NO_PORTS 0x80 // of a port whose packets' ports nobody reads

// What becomes of it.
struct flow_action {
    uint32_t stamp; // atomic: the way's version, its common objects' numbers and those of the
                    // flow's own when this was decided
    uint32_t session, incarnation; // session 0: none
    uint16_t way;                  // 0: a free record
    uint16_t until_sec; // atomic, modulo 2^16: walks again, so that what is learned stays learned
    uint16_t own[2];    // places of objects (walk/version.h), the first two
    uint16_t ports[2];  // new ones
};

struct flow_second { // session
    uint32_t session, incarnation;
};

#define FLOW_MORE (TRACE_MAX_OWN - 2)

// A record begins with its key.
struct flow {
    uint16_t in_port;
    uint8_t protocol, kind;
    uint16_t vlans[2]; // outer, inner
    uint8_t macs[12];  // destination, source
    uint16_t ports[2];
    union {
        struct { // one line, but for what only long ways have
            uint8_t addresses[8];
            struct flow_action action;
            uint8_t to[8];
            uint16_t more[FLOW_MORE];
            struct flow_second second;
        } ip4;
        struct {
            uint8_t addresses[32];
            uint16_t more[FLOW_MORE];
            struct flow_action action;
            uint8_t to[32];
            struct flow_second second;
        } ip6;
    };
} __attribute__((aligned(128)));

_Static_assert(sizeof(struct flow_action) == 24, "fits");
_Static_assert(sizeof(struct flow) == 128, "two lines");
_Static_assert(offsetof(struct flow, ip4.more) == 64, "IPv4: one line");
_Static_assert(offsetof(struct flow, ip6.action) == 64, "IPv6: a line to compare, one to act");

static inline int flow_is_ip4(const struct flow *f)
{
    return (f->kind & 0xf) == 4;
}

static inline struct flow_action *flow_action(struct flow *f)
{
    return flow_is_ip4(f) ? &f->ip4.action : &f->ip6.action;
}

struct way_session {
    const struct session_tenant *tenant;
    uint32_t track_flags;
    uint32_t direction;
};

struct way_hop {
    uint64_t in_id, out_id; // attachments
    uint64_t fingerprint;
    uint32_t in_side, out_side;
};

// Written under its bucket's lock.
struct way {
    // Read for each packet. What is the end of the road changes between two odd sequences.
    uint32_t sequence;
    uint32_t version; // atomic; grows whenever flows by it must walk again
    uint32_t sum;     // of the numbers of `shared`, when the end was seen last
    uint8_t n_shared, n_own, n_routers, n_sessions;
    uint16_t mtu;
    uint8_t n_tags;
    uint8_t is_used;
    uint8_t macs[12]; // that it leaves with, behind routers
    uint16_t outer_vlan, inner_vlan;
    struct port *port;
    uint16_t shared[TRACE_MAX_SHARED]; // the first eight in this line
    struct port *guest_port;
    struct way_session sessions[TRACE_MAX_SESSIONS];
    uint16_t common[TRACE_MAX_COMMON]; // their numbers are in each flow's stamp
    uint32_t next;                     // in its bucket, 0: the last
    uint32_t used_sec;
    uint64_t identity;

    uint8_t n_hops;
    uint64_t n_counted; // main thread: packets that functions know of
    struct way_hop hops[TRACE_MAX_HOPS];
} __attribute__((aligned(64)));

_Static_assert(offsetof(struct way, shared) == 48, "most ways have no more in the second line");

struct flow_table {
    struct flow *records; // [0] is not used
    struct numbers numbers;
    struct index index; // value: number
    unsigned n_workers;
    uint32_t max;                 // 0: there are no flows
    uint8_t masks[API_MAX_PORTS]; // enum flow_mask by port's slot; atomic
};

// What of a port's packets is in the key.
enum flow_mask {
    FLOW_MASK_NONE,      // they meet switches and one router, whose look-up is the one
    FLOW_MASK_ADDRESSES, // several routers, but no chain with functions
    FLOW_MASK_PORTS,
};

extern struct flow_table flow_table;

static inline struct flow *flow_at(uint32_t number)
{
    return &flow_table.records[number];
}

static inline unsigned flow_key_words(uint8_t kind)
{
    return (kind & 0xf) == 4 ? FLOW_KEY4_WORDS : FLOW_KEY_WORDS;
}

static inline uint8_t flow_key_kind(const struct flow_key *key)
{
    return (uint8_t)(key->words[0] >> 24);
}

// key.c: draws the secrets of this process.
#define FLOW_N_SECRETS (FLOW_KEY_WORDS + 1 + 3)
extern uint64_t flow_secret[FLOW_N_SECRETS]; // main thread, before workers start
void flow_hash_init(void);

static inline uint32_t flow_hash(const struct flow_key *key)
{
    __extension__ typedef unsigned __int128 wide;
    const uint64_t *w = key->words, *secret = flow_secret;
    uint64_t low, high;
    wide sum;

    sum = (wide)(w[0] + secret[0]) * (w[1] + secret[1]);
    sum += (wide)(w[2] + secret[2]) * (w[3] + secret[3]);
    if ((flow_key_kind(key) & 0xf) != 4) {
        sum += (wide)(w[4] + secret[4]) * (w[5] + secret[5]);
        sum += (wide)(w[6] + secret[6]) * secret[7];
    }
    low = (uint64_t)sum + secret[8];
    high = (uint64_t)(sum >> 64) + secret[9];
    sum = (wide)low * (high | 1);
    low = ((uint64_t)sum ^ (uint64_t)(sum >> 64)) * (secret[10] | 1);
    return (uint32_t)(low >> 32);
}

static inline int flow_has_key(const struct flow *f, const struct flow_key *key)
{
    const uint64_t *words = (const uint64_t *)(const void *)f;
    uint64_t difference = 0;

    for (unsigned i = 0; i < FLOW_KEY4_WORDS; i++)
        difference |= words[i] ^ key->words[i];
    if ((flow_key_kind(key) & 0xf) == 4)
        return difference == 0;
    for (unsigned i = FLOW_KEY4_WORDS; i < FLOW_KEY_WORDS; i++)
        difference |= words[i] ^ key->words[i];
    return difference == 0;
}

// insert.c, worker: from now on packets with its key are carried out by it, in place of another one
// there may be. `draft` is copied, and spoilt. Returns 0, or less: there is no room.
int flow_insert(struct flow *draft, uint32_t hash, unsigned worker);
void flow_insert_init(void);

// find.c, worker: the first record whose hash this is; 0: none. Fetches it.
extern uint32_t (*flow_find)(const struct index_line *line, uint32_t hash);
void flow_find_init(void);

// way.c.
extern struct way *ways;                      // [WAY_MAX + 1], 0 is not used
extern uint64_t *way_counts[API_MAX_WORKERS]; // [WAY_MAX + 1] packets; each worker's own

int ways_init(unsigned n_workers);
void ways_fini(void);
// The way of a trace that is done, made anew or brought up to date; *version is that of the flow to
// be. 0: there is none left. Worker.
uint32_t way_intern(const struct walk_context *ctx, const struct walk_trace *t, uint32_t *version);
// Call visit for each way in use, under its lock. Main thread.
void ways_visit(void (*visit)(struct way *way, uint32_t number));
// Give back those that no flow can name any more. Main thread.
void ways_tend(void);

// publish.c: generation_on_publish.
void flow_publish(const struct generation *generation);

// The sum of objects' numbers now. Four at once: who has fewer of them has place 0, which says 0.
static inline uint32_t flow_sum(const uint16_t *places, unsigned n)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < n; i += 4)
        sum += walk_version(places[i]) + walk_version(places[i + 1]) + walk_version(places[i + 2]) +
               walk_version(places[i + 3]);
    return sum;
}

#endif
