// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_NEIGHBOR_H
#define VNF_ROUTER_NEIGHBOR_H

// Which MAC address has a neighbour? One table for all interfaces of a router, IPv4 (ARP, RFC 826)
// and IPv6 (neighbour discovery, RFC 4861) alike, with the states and timers of RFC 4861, 7.3 for
// both. Readers take no lock; whoever adds or removes holds the table's spinlock for a few
// instructions, so that workers may learn.

#include "vnf/router/neighbor_table.h"
#include "vnf/router/state.h"

#define NEIGHBOR_MAX_HELD 8 // packets that wait for one neighbour; the oldest goes

// RFC 4861, 10, for ARP as well.
#define NEIGHBOR_REACHABLE_MS 30000 // times 0.5 to 1.5
#define NEIGHBOR_DELAY_SEC 5
#define NEIGHBOR_RETRANSMIT_SEC 1
// Ours.
#define NEIGHBOR_FAILED_SEC 1   // who did not answer is not asked again so long
#define NEIGHBOR_FORGET_SEC 600 // an entry that nobody needed

// Readers. A MAC is one word: six bytes in memory order in the low 48 bits; 0: not known. A use of
// a stale entry begins its probing (RFC 4861, 7.3.3). Worker.

// The MAC of entry `neighbor`, kept by a path. One cache line, which neighbor_prefetch asks for.
static inline uint64_t neighbor_mac(const struct router_state *state, uint32_t neighbor)
{
    struct neighbor_entry *entry = &state->neighbors->entries[neighbor];
    uint64_t word = __atomic_load_n(&entry->mac, __ATOMIC_RELAXED);

    if (__builtin_expect((word & NEIGHBOR_STALE) != 0, 0))
        neighbor_use(state->neighbors, entry);
    return word & NEIGHBOR_MAC;
}

static inline void neighbor_prefetch(const struct router_state *state, uint32_t neighbor)
{
    __builtin_prefetch(&state->neighbors->entries[neighbor]);
}

// The same for an address on an interface.
uint64_t neighbor_find_mac(const struct router_state *state, uint16_t slot, uint8_t family,
                           const uint8_t *address);

// The same for n (at most BURST_SIZE) of them: cache misses overlap.
struct neighbor_key {
    const uint8_t *address; // 4 or 16 bytes
    uint16_t slot;
    uint8_t family;
};
void neighbor_find_macs(const struct router_state *state, const struct neighbor_key *keys,
                        uint64_t *macs, unsigned n);

// There is no MAC for this next hop: hold the packet (whose IP header is final, TTL and all; only
// the Ethernet header is missing, and m begins where that will be) until there is, and ask. Takes
// *m (counted as held, given to router_resume once the MAC is known, which may be at once), or sets
// a drop: NEIGHBOR_QUEUE_FULL, NEIGHBOR_LIMIT, NEIGHBOR_UNRESOLVED with its ICMP error. Worker.
void neighbor_hold(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_interface *out, uint8_t family, const uint8_t *address);

// What ARP or ND says of an address on an interface.
struct neighbor_news {
    uint16_t slot;
    uint8_t family;
    uint8_t is_solicited; // an answer to us: confirms it
    uint8_t is_override;  // may replace another MAC (RFC 4861, 7.2.5)
    uint8_t may_create;   // a request of it to us: it wants to talk
    const uint8_t *address;
    const uint8_t *mac; // NULL: it does not say (RFC 4861, 4.4)
};
// Learn, and send what was held for it. Never changes static and dynamic entries. Worker.
void neighbor_learn(const struct router_scene *s, const struct neighbor_news *news);

// Timers: announce own addresses (router_slot.n_announcements), ask again, probe, give up (held
// packets get their ICMP error), forget what is not used. Bounded work. Worker 0's tick.
void neighbor_tick(const struct router_scene *s);

// Main thread.

// -ENOMEM. What it learns counts for `tenant` (a name), too.
int neighbor_table_create(const char *tenant, struct neighbor_table **table);
void neighbor_table_destroy(struct neighbor_table *table); // frees what is held

// An entry that a path refers to, made if need be (not counted as learned). Each get wants its put,
// after the grace period. NEIGHBOR_NONE: -ENOMEM.
uint32_t neighbor_get(struct router_state *state, uint16_t slot, uint8_t family,
                      const uint8_t *address);
void neighbor_put(struct router_state *state, uint32_t neighbor);

// Make the static entries those of the configuration, drop entries of slots that it has not.
// `model` and `index` are those of config_create: called there, in effect by neighbor_apply, which
// also makes the limits of router and tenant those of the configuration. -EINVAL, -ENOMEM with path
// and sentence.
struct neighbor_plan;
int neighbor_plan_create(const struct model *model, uint32_t index,
                         const struct router_config *config, struct neighbor_plan **plan,
                         struct error *e);
void neighbor_plan_destroy(struct neighbor_plan *plan);
void neighbor_apply(struct router_state *state, const struct router_config *config,
                    const struct neighbor_plan *plan);

// What daemons install (API_NEIGHBOR_CHANGE); sweep forgets those of other epochs. -EINVAL: nothing
// was changed; -ENOSPC: those before the one that is named were. A static entry stays in effect.
int neighbor_dynamic_change(struct router_state *state, const struct router_config *config,
                            const struct function_request *request, struct error *e);
void neighbor_dynamic_sweep(struct router_state *state, uint32_t epoch);

// Learn what the process before this one knew. After the first neighbor_apply.
void neighbor_take(struct router_state *state, const struct router_config *config);

// An interface went down: what was learned there is forgotten. Main thread.
void neighbor_link_down(struct router_state *state, uint16_t slot);

// Fill request->answer for API_LIST_NEIGHBORS.
int neighbor_list(struct router_state *state, const struct router_config *config,
                  struct function_request *request, struct error *e);
// Known and asked for, of all kinds; and those not learned for want of room.
void neighbor_count(const struct router_state *state, uint32_t *n, uint32_t *n_refused);

#endif
