// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CHAIN_STATE_H
#define DATAPLANE_CHAIN_STATE_H

// What a segment of a chain is in one generation, and what it keeps. Private to this folder and its
// tests.
//
// A session has one number of 64 bits for each function on the chain, in the slot that belongs to
// the function. Which slot that is must not depend on the order of functions, which a commit may
// change, so the state gives each (kind, name, number of its place) a slot for as long as a
// configuration or a session needs it. The slots outlive the process as the sessions do.

#include "dataplane/api/culvert_api.h"
#include "dataplane/chain/chain.h"
#include "dataplane/core/packet.h"
#include "dataplane/session/session.h"

// A slot and whose it is.
struct chain_slot {
    // Workers read these where a session's slot is not 0.
    const struct function_ops *ops; // NULL: free
    void *state;                    // of the function, held by state_get
    // Main thread.
    char name[API_NAME_SIZE];
    uint8_t kind;          // enum api_function_kind
    uint8_t further;       // as in struct api_chain_function
    uint8_t is_loaded;     // sessions of the process before this one may have something in it
    uint32_t n_references; // configurations
};

// A SYN from outside that nobody wants (RFC 5382, REQ-4), as it came.
#define CHAIN_LATE_MAX 32    // for each chain, within six seconds
#define CHAIN_LATE_BYTES 128 // Ethernet header with tags, IPv4 header, TCP header

struct chain_late_syn {
    struct packet packet;
    uint32_t due_ms; // session clock
    uint16_t len;
    uint8_t bytes[CHAIN_LATE_BYTES];
};

// They wait in the order in which they came. Workers add, worker 0 takes: under the lock, but for a
// glance at `n`.
struct chain_late {
    uint32_t lock;
    uint32_t first, n;
    struct chain_late_syn syns[CHAIN_LATE_MAX];
};

struct chain_counters {
#define CHAIN_COUNTER(name, text) uint64_t name;
    API_CHAIN_COUNTERS(CHAIN_COUNTER)
#undef CHAIN_COUNTER
} __attribute__((aligned(64)));

struct chain_state {
    uint32_t id; // session_chain_id
    struct chain_slot slots[SESSION_N_SLOTS];
    struct function *active; // atomic: of the generation that workers run; NULL: none yet
    struct chain_counters counters[API_MAX_WORKERS + 1]; // each worker's own; the main thread's
    struct chain_late late;

    // Main thread.
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    unsigned n_references; // configurations
    uint32_t last_base;    // of stamps, the newest given out
    int is_adopted;        // the sessions of the process before this one are taken over
    struct chain_state *next;
};

// A function's place on the segment. Constant in a generation.
struct chain_stage {
    const struct function *f;
    uint8_t slot;
    uint8_t kind; // enum api_function_kind
};

struct chain_config {
    uint32_t id; // session_chain_id
    struct session_tenant *tenant;
    uint32_t n_stages;
    struct chain_stage stages[API_MAX_CHAIN_FUNCTIONS]; // from inside to outside
    uint32_t stamp_base;
    uint32_t track_flags; // enum session_track_flag
    uint8_t has_firewall;
    uint8_t home_side; // the side where that is
    // session_chain_id of the segment that may know sessions of this one, if they were opened
    // before; 0: none, or that is long ago. Atomic; the main thread may clear it.
    uint32_t home, home_until_ms;
    struct api_tenant tenant_item;
};

static inline uint32_t chain_home(const struct chain_config *config)
{
    return __atomic_load_n(&config->home, __ATOMIC_RELAXED);
}

// A number that is another one whenever the functions on the chain, their order, or what one of
// them may say has changed: sessions with another stamp are judged again.
uint32_t chain_stamp(const struct chain_config *config);

// The state of a chain with sessions, NULL: there is none. Worker or main thread.
struct chain_state *chain_state_of(uint32_t id);

static inline struct chain_counters *chain_counters_of(struct chain_state *state, unsigned worker)
{
    return &state->counters[worker];
}

// state.c, main thread. Find the state by names or make it; takes a reference. -ENOMEM, -ENOSPC.
int chain_state_get(const char *tenant, const char *name, struct chain_state **state);
void chain_state_put(struct chain_state *state);
void chain_state_end_sessions(struct chain_state *state);

// slot.c, main thread.
int chain_slots_init(struct error *e);
// What the process before this one kept of this chain's slots; keep it for the next. -ENOMEM.
int chain_slots_load(struct chain_state *state);
void chain_slots_save(const struct chain_state *state);
// All at once: the state is about to be freed.
void chain_slots_drop(struct chain_state *state);
// The slot of a function with a reference. -ENOSPC: as many functions are about to leave.
int chain_slot_get(struct chain_state *state, const struct function *f, uint8_t kind,
                   uint8_t further, uint8_t *slot);
void chain_slot_put(struct chain_state *state, uint8_t slot);
// Free those that no function of `config` has; what sessions keep in them is released.
void chain_slots_release_others(struct chain_state *state, const struct chain_config *config);

// The session has been answered: functions may keep more for it from now on. Worker, without the
// session's lock.
void chain_answered(const struct chain_state *state, struct session *s);

// late.c: answer what is due. Worker 0.
void chain_late_tick(const struct function *f, const struct walk_context *ctx);

// Let go of what slots stand for, and clear them. Any thread.
void chain_release(const struct chain_state *state, uint8_t protocol, uint64_t *slots);

void chain_config_destroy(struct function *f);
void chain_activate(struct function *f, const struct generation *generation);
void chain_process(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                   unsigned n);

// restore.c: take over the sessions of the process before this one. Main thread.
void chain_restore(struct function *f, const struct generation *generation);

// session_events.c
void chain_hear_sessions(void);

#endif
