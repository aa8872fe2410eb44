// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_NEIGHBOR_H
#define VNF_ROUTER_NEIGHBOR_H

// Which MAC address has a neighbour? One table for all interfaces of a router, IPv4 (ARP, RFC 826)
// and IPv6 (neighbour discovery, RFC 4861) alike, with the states and timers of RFC 4861, 7.3 for
// both. Readers take no lock; whoever adds or removes holds the table's spinlock for a few
// instructions, so that workers may learn.

#include "vnf/router/state.h"

#define NEIGHBOR_NONE UINT32_MAX
#define NEIGHBOR_MAX_HELD 8          // packets that wait for one neighbour; the oldest goes
#define NEIGHBOR_MAX_HELD_ROUTER 512 // and for all neighbours of a router

// How a lookup ends.
enum neighbor_verdict {
    NEIGHBOR_KNOWN = 0, // the MAC is valid
    NEIGHBOR_UNKNOWN,   // there is no entry, or none that is resolved
};

// The MAC of entry `neighbor` (kept by a path) as one word: six bytes in the low 48 bits in memory
// order; 0: not known. A use marks a stale entry for probing. Worker.
uint64_t neighbor_mac(const struct router_state *state, uint32_t neighbor);

// The same for an address on an interface. Worker.
uint64_t neighbor_find_mac(const struct router_state *state, uint16_t slot, uint8_t family,
                           const uint8_t *address);

// There is no MAC for this next hop: hold the packet (whose IP header is final, TTL and all; only
// the Ethernet header is missing) until there is, and ask. Takes *m or sets a drop
// (NEIGHBOR_QUEUE_FULL, NEIGHBOR_LIMIT). Worker.
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
    const uint8_t *mac;
};
// Learn, and send what was held for it. Never changes static and dynamic entries. Worker.
void neighbor_learn(const struct router_scene *s, const struct neighbor_news *news);

// Timers: ask again, probe, give up (held packets get their ICMP error), forget what is not used.
// Bounded work. Worker 0's tick.
void neighbor_tick(const struct router_scene *s);

// Main thread.

// -ENOMEM. `tenant` is counted for.
int neighbor_table_create(const char *tenant, struct neighbor_table **table);
void neighbor_table_destroy(struct neighbor_table *table); // frees what is held

// An entry that a path refers to, made if need be (not counted as learned). NEIGHBOR_NONE: -ENOMEM.
uint32_t neighbor_get(struct router_state *state, uint16_t slot, uint8_t family,
                      const uint8_t *address);
void neighbor_put(struct router_state *state, uint32_t neighbor);

// Make the static entries those of the configuration, drop entries of slots that it has not.
// `model` and `index` are those of config_create: called there, in effect by neighbor_apply.
struct neighbor_plan;
int neighbor_plan_create(const struct model *model, uint32_t index,
                         const struct router_config *config, struct neighbor_plan **plan,
                         struct error *e);
void neighbor_plan_destroy(struct neighbor_plan *plan);
void neighbor_apply(struct router_state *state, const struct router_config *config,
                    const struct neighbor_plan *plan);

// What daemons install (API_NEIGHBOR_CHANGE); sweep forgets those of other epochs.
int neighbor_dynamic_change(struct router_state *state, const struct router_config *config,
                            const struct function_request *request, struct error *e);
void neighbor_dynamic_sweep(struct router_state *state, uint32_t epoch);

// An interface went down: what was learned there is forgotten. Main thread.
void neighbor_link_down(struct router_state *state, uint16_t slot);

int neighbor_list(struct router_state *state, const struct router_config *config,
                  struct function_request *request, struct error *e);
void neighbor_count(const struct router_state *state, uint32_t *n, uint32_t *n_refused);

#endif
