// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_ROUTE_H
#define VNF_ROUTER_ROUTE_H

// Where does a destination lead? Two prefix tables (IPv4, IPv6) whose values are groups; a group is
// shared by all routes that lead the same way and says what happens: paths, or one of the special
// types. Routes come from interfaces (connected, local, broadcast), the configuration and daemons;
// of one prefix the lowest preference that has a next hop which is up is in the table, the others
// wait aside. Of equal ones a connected route goes before a static one, that before a dynamic one.
//
// Groups and paths are immutable once workers can see them, except that buckets are rewritten when
// a link goes up or down, and that the neighbour behind a path is found through neighbor.h, so that
// a new MAC changes no route.

#include "vnf/router/neighbor.h"
#include "vnf/router/state.h"

#define ROUTE_N_BUCKETS 256 // of a group with several paths: their shares by weight

// One next hop.
struct router_path {
    uint16_t slot;  // interface
    uint8_t family; // of the next hop; 0: the destination is a neighbour on the interface
    uint8_t weight; // 1 to 255
    uint32_t
        neighbor; // entry of the next hop, kept while the path lives; NEIGHBOR_NONE with family 0
    uint8_t address[16];
};

// A connected route has one path, without an address; a local or broadcast one has one that names
// the interface with the address.
struct route_group {
    uint8_t type;       // enum api_route_type
    uint8_t source;     // enum api_route_source; main thread
    uint8_t preference; // main thread
    uint8_t is_usable;  // atomic: a path is up, or the type needs none
    uint16_t n_paths;
    uint16_t bucket_mask; // 0: one path at most; else ROUTE_N_BUCKETS - 1
    uint8_t *buckets;     // path by flow hash, only paths that are up; rewritten in place
    struct router_path *paths;
};

// What flows rely on (walk/version.h): where addresses with the same first bits lead, and what
// concerns so many of them that all look again. Any thread.

#define ROUTE_PLACE_BITS4 16
#define ROUTE_PLACE_BITS6 32

// `bits`: the first ones of an address, as a number.
static inline uint16_t route_place_at(const struct route_table *routes, uint8_t family,
                                      uint32_t bits)
{
    return walk_version_of(routes, (uint64_t)family << 32 | bits);
}

static inline uint16_t route_place_of_all(const struct route_table *routes)
{
    return walk_version_of(routes, 0);
}

static inline uint32_t route_place_bits(uint8_t family, const uint8_t *address)
{
    uint32_t word;

    memcpy(&word, address, sizeof(word));
    word = rte_be_to_cpu_32(word);
    return family == 4 ? word >> (32 - ROUTE_PLACE_BITS4) : word;
}

static inline uint16_t route_place(const struct route_table *routes, uint8_t family,
                                   const uint8_t *address)
{
    return route_place_at(routes, family, route_place_bits(family, address));
}

// Lookup, on a worker.

// Fetch what the lookup of this destination, soon, will read first.
void route_prefetch4(const struct router_state *state, uint32_t address);

// The groups of n (at most BURST_SIZE) IPv4 destinations, in network order as a uint32_t; NULL
// where there is no route.
void route_lookup4(const struct router_state *state, const uint32_t *addresses,
                   const struct route_group **groups, unsigned n);
void route_lookup6(const struct router_state *state, const uint8_t (*addresses)[16],
                   const struct route_group **groups, unsigned n);

// The same for one address of 4 or 16 bytes.
static inline const struct route_group *route_lookup(const struct router_state *state,
                                                     uint8_t family, const uint8_t *address)
{
    const struct route_group *group = NULL;
    uint8_t address6[1][16];
    uint32_t address4;

    if (family == 4) {
        memcpy(&address4, address, sizeof(address4));
        route_lookup4(state, &address4, &group, 1);
    } else {
        memcpy(address6[0], address, sizeof(address6[0]));
        route_lookup6(state, (const uint8_t(*)[16])address6, &group, 1);
    }
    return group;
}

// The path for a packet with this flow hash: by weight, only of those that are up, if there is one.
// NULL: the group has no path.
static inline const struct router_path *route_path(const struct route_group *group, uint32_t hash)
{
    if (__builtin_expect(group->bucket_mask == 0, 1))
        return group->n_paths > 0 ? &group->paths[0] : NULL;
    return &group->paths[__atomic_load_n(&group->buckets[hash & group->bucket_mask],
                                         __ATOMIC_RELAXED)];
}

// Main thread.

// -ENOMEM. Before the table is destroyed all plans are, and after it the neighbours.
int route_table_create(struct route_table **table);
void route_table_destroy(struct route_table *table);

// Free what routers gave up since the last call: waits for a grace period if there is something.
// Some ten times a second.
void route_reclaim(void);

// What a configuration wants in the table: made by config_create. Workers see nothing of it.
// -EINVAL, -ENOMEM with path and sentence.
int route_plan_create(const struct model *model, uint32_t index, struct router_state *state,
                      const struct router_config *config, struct route_plan **plan,
                      struct error *e);
void route_plan_destroy(struct route_plan *plan);

// Make it so: only what differs from the plan in effect changes, more and better routes first, so
// that no packet is dropped on the way. Dynamic routes over interfaces that are gone go.
void route_apply(struct router_state *state, const struct router_config *config);

// An interface's link went up or down (router_slot.is_up is written already).
void route_link(struct router_state *state, const struct router_config *config, uint16_t slot);

// The dynamic requests; see culvert_api.h. 0 or -errno with a sentence, then e->index is the first
// item that is refused: those before it are in effect, and those behind it too if it was refused
// for want of room or of its group (-ENOSPC, -ENOENT).
int route_dynamic_next_hops(struct router_state *state, const struct router_config *config,
                            const struct function_request *request, struct error *e);
int route_dynamic_change(struct router_state *state, const struct router_config *config,
                         const struct function_request *request, struct error *e);
void route_dynamic_sweep(struct router_state *state, uint32_t epoch);

// Fill request->answer for API_LIST_ROUTES.
int route_list(struct router_state *state, const struct router_config *config,
               struct function_request *request, struct error *e);

uint32_t route_count(const struct router_state *state, uint8_t family); // without local ones
size_t route_memory(const struct router_state *state);                  // bytes, of both families

#endif
