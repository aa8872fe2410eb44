// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SWITCH_STATE_H
#define DATAPLANE_SWITCH_STATE_H

// What a switch keeps. Private to this folder and its tests.
//
// The state is found again by the names of tenant and switch. It outlives generations, so an entry
// of the MAC table can't name a member by its place in one of them. It names a slot: a number that
// belongs to (port's tenant, port, VLANs), or to a chain, from the first configuration that has
// this member until the last one is gone. Each configuration holds a reference on the slots of its
// members; one that never ran has learned nothing, so giving back its references undoes it.

#include "dataplane/core/meter.h"
#include "dataplane/switch/mac_table.h"
#include "dataplane/walk/generation.h"

#define SLOT_NONE UINT16_MAX
#define SLOT_CHAIN UINT32_MAX // in place of VLANs: not a port is there, but a chain of this name
#define SIDE_NONE UINT16_MAX
#define STATE_N_CHAINS 256

// What a port may flood only so much of in a second.
enum storm_class {
    STORM_CLASS_BROADCAST,
    STORM_CLASS_MULTICAST,
    STORM_CLASS_UNKNOWN, // unicast
    STORM_N_CLASSES,
};

// What is kept of a port, by name, whatever its VLANs: members on one port share limits.
struct switch_port {
    struct meter storm[STORM_N_CLASSES]; // workers
    // Main thread.
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    int is_chain;     // not a port but a chain has this name
    uint16_t id;      // in the MAC table's counts
    uint32_t n_slots; // that are on it
} __attribute__((aligned(64)));

// Main thread.
struct switch_slot {
    struct switch_port *port; // NULL: a free slot
    uint32_t vlans;           // inner << 16 | outer; SLOT_CHAIN
    uint16_t next;            // in its chain, or of the free ones; SLOT_NONE: the last
    uint32_t n_references;    // configurations with this member
};

struct switch_state {
    // Workers read it once a burst; activate() replaces it if the size changes.
    struct mac_table *table;
    // Sources not learned because the table, or the port's limit, was full. Workers add.
    uint64_t n_table_full;
    uint64_t n_port_full;

    // Main thread.
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    unsigned n_references;              // configurations
    const struct switch_config *active; // that workers run
    struct switch_slot *slots;
    uint32_t n_slots; // ever used at once
    uint32_t slots_capacity;
    uint16_t free_slot;
    uint16_t chain[STATE_N_CHAINS];
    struct switch_port *ports[MAC_TABLE_MAX_PORTS]; // by id
    uint32_t age_cursor;
    uint64_t n_full_told; // n_table_full + n_port_full, as last logged
    uint32_t told_sec;
    struct switch_state *next;
    uint64_t life; // number of this state among all that there were
};

// A member, by side. Constant in a generation, but for what port points to.
struct switch_member {
    struct switch_port *port;
    uint32_t mac_limit;
    uint16_t slot;
    struct meter_limit storm[STORM_N_CLASSES];
};

struct switch_config {
    struct switch_member *members; // by side
    uint16_t *side_of_slot;        // SIDE_NONE: not in this generation
    uint32_t n_members;
    uint32_t n_slots; // of side_of_slot; later slots are not in this generation
    uint32_t ageing_sec;
    uint32_t n_statics;
    uint64_t *statics;            // entries, ascending
    struct mac_table *next_table; // of the new size, until activate() takes it; else NULL
};

// The side of an entry's member in this generation, or SIDE_NONE.
static inline uint16_t switch_side_of(const struct switch_config *config, uint64_t entry)
{
    uint32_t slot = entry & MAC_MEMBER;

    return slot < config->n_slots ? config->side_of_slot[slot] : SIDE_NONE;
}

// The order of config.statics, for qsort and bsearch.
static inline int switch_compare_entries(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static inline struct mac_table *switch_table(const struct switch_state *state)
{
    return __atomic_load_n(&state->table, __ATOMIC_ACQUIRE);
}

// state.c: find the state by name or make it, with a table of this size. Takes a reference.
// -ENOMEM.
int switch_state_get(const char *tenant, const char *name, uint32_t mac_table_size,
                     struct switch_state **state);
void switch_state_put(struct switch_state *state);

// state.c: the slot of a member, with a reference: of a port with these VLANs, or of a chain.
// -ENOMEM; -ENOSPC: too many members.
int switch_slot_get(struct switch_state *state, const char *tenant, const char *name,
                    uint32_t vlans, uint16_t *slot);
void switch_slot_put(struct switch_state *state, uint16_t slot);

// validate.c: does switch number `index` of the model make sense? 0, or -EINVAL with path and
// sentence.
int switch_validate(const struct model *model, uint32_t index, struct error *e);

// keep.c: learn what the process before this one knew. Main thread.
void switch_take(struct switch_state *state, const struct switch_config *config);

// The members of switch_ops: see walk/function.h.
uint32_t switch_n_instances(const struct model *model);
void switch_identify(const struct model *model, uint32_t index, const char **tenant,
                     const char **name, uint32_t *n_sides);
int switch_config_create(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e);
void switch_config_destroy(struct function *f);
void switch_activate(struct function *f, const struct generation *generation);
void switch_age(struct function *f, const struct generation *generation);
void switch_keep(const struct function *f);
int switch_request(struct function *f, struct function_request *request, struct error *e);
uint64_t switch_fingerprint(const struct function *f);

#endif
