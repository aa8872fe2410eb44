// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_ROUTER_STATE_H
#define VNF_ROUTER_STATE_H

// What a router keeps, and what its files share. Private to this folder and its tests.
//
// The state is found again by the names of tenant and router and outlives generations, so nothing
// in it names an interface by its place in one of them. It names a slot: a small number that
// belongs to an interface's name from the first configuration that has it until the last one is
// gone. A configuration says which of its interfaces has a slot (interface_of_slot), and which
// attachment.
//
// A packet's way: process.c (what is it, whose is it), route.h (prefix → group → path), neighbor.h
// (path → MAC), output.c (TTL, MTU, header), and off by an attachment. What is for the router
// itself goes to local.c, arp.c and nd.c; what can't go on to icmp_error.c.

#include "dataplane/core/meter.h"
#include "dataplane/walk/generation.h"
#include "vnf/lib/prefix_table.h"

#define ROUTER_MAX_SLOTS 4096 // interfaces of one router, those being replaced included
#define SLOT_NONE UINT16_MAX
#define ROUTER_MAX_PINGS 32 // echo requests under way from one router
#define ROUTER_PING_SEC 4   // one that nobody asked for again is given up
#define ROUTER_OWN_BITS 4096

struct neighbor_table;
struct route_table;

// An address, IPv4 in the first four bytes and zeros behind it, in network order.
struct router_address {
    uint8_t family; // 4 or 6
    uint8_t prefix_len;
    uint8_t bytes[16];
};

// Addresses in host order.
struct router_range {
    uint32_t first, last;
};

// An interface in one configuration; immutable.
struct router_interface {
    char name[API_NAME_SIZE];
    uint16_t slot;
    uint16_t mtu; // of an IP packet
    uint16_t tcp_mss;
    uint16_t flags; // enum api_interface_flag
    uint8_t mac[6];
    uint8_t has_ip4, has_ip6;
    uint32_t attachment;              // network side
    uint32_t kernel_attachment;       // ATTACHMENT_NONE: no twin in the kernel
    struct router_address *addresses; // configured ones
    uint32_t n_addresses;
    uint8_t link_local[16]; // fe80::/64 with an EUI-64 of the MAC (RFC 4291, 2.5.1), if has_ip6
    struct router_range *outside; // of NATs on its chain (outside.c); sorted
    uint32_t n_outside;
};

struct router_config {
    struct router_interface *interfaces; // in the model's order
    uint32_t n_interfaces;
    uint16_t *interface_of_slot; // [n_slots]; UINT16_MAX: not in this configuration
    uint32_t n_slots;
    uint32_t neighbor_limit;
    uint32_t route_limit;
    uint8_t dynamic_preference;
    uint64_t fingerprint;                      // of what process() reads of all this
    struct meter_limit error_limit;            // ICMP errors of one interface
    uint64_t own_filter[ROUTER_OWN_BITS / 64]; // packet.c: may an address be one of ours?
    struct route_plan *plan;                   // route.h: routes of the configuration, for activate
    struct neighbor_plan *neighbor_plan;       // neighbor.h: static neighbours, for activate
};

// What is kept of an interface, by slot; workers read, the main thread writes.
struct router_slot {
    char name[API_NAME_SIZE]; // main thread
    unsigned n_references;    // configurations; main thread
    uint8_t is_up;            // link, atomic; main thread
    uint8_t n_announcements;  // gratuitous ARP and unsolicited NA still to be sent; atomic
    struct meter error_meter; // workers
    struct meter solicit_meter;
    struct meter defend_meter; // announcements against who claims an address of ours
};

// One echo request of `culvert ping`. The main thread fills it and sets `state`, a worker's tick
// sends it, the worker that gets the answer finishes it.
struct router_ping {
    uint32_t state; // enum ping_state, atomic
    uint32_t id;    // of API_PING; 0: free
    struct api_ping request;
    struct api_ping_state result;
    uint64_t sent_tsc;
    uint32_t started_sec; // main thread: given up and free after ROUTER_PING_SEC
};

enum ping_state {
    PING_FREE = 0,
    PING_TO_SEND,   // main thread → worker
    PING_SENT,      // only by compare and exchange from here on: an answer may come at any time
    PING_FINISHING, // a worker writes the result
    PING_DONE,      // worker → main thread
};

// A worker's counters of one router.
struct router_counters {
#define ROUTER_COUNTER_FIELD(name, text) uint64_t name;
    API_ROUTER_COUNTERS(ROUTER_COUNTER_FIELD)
#undef ROUTER_COUNTER_FIELD
} __attribute__((aligned(64)));

struct router_state {
    struct route_table *routes;       // route.h
    struct neighbor_table *neighbors; // neighbor.h
    struct router_counters *counters; // of each worker, then of the main thread
    struct router_slot *slots;        // [ROUTER_MAX_SLOTS], reserved, touched as used
    struct router_ping *pings;        // [ROUTER_MAX_PINGS]
    uint32_t hash_seed;               // of flows over equal paths; random
    uint64_t life;                    // number of this state among all that there were

    // Main thread.
    uint32_t n_slots;      // ever used at once
    unsigned n_references; // configurations
    const struct router_config *active;
    uint32_t next_ping_id;
    char tenant_name[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    struct router_state *next;
};

// What is the same for all packets of a burst.
struct router_scene {
    const struct walk_context *ctx;
    const struct function *f;
    const struct router_config *config;
    struct router_state *state;
    struct router_counters *counters; // this worker's
};

static inline struct router_scene router_scene(const struct function *f,
                                               const struct walk_context *ctx)
{
    struct router_state *state = (struct router_state *)f->state;

    return (struct router_scene){ctx, f, (const struct router_config *)f->config, state,
                                 &state->counters[ctx->worker]};
}

// The interface with a slot in this configuration, or NULL.
static inline const struct router_interface *router_interface_of(const struct router_config *config,
                                                                 uint16_t slot)
{
    uint16_t index = slot < config->n_slots ? config->interface_of_slot[slot] : UINT16_MAX;

    return index != UINT16_MAX ? &config->interfaces[index] : NULL;
}

// The interface that a side of the router belongs to (2i: network, 2i + 1: kernel twin).
static inline const struct router_interface *router_interface_at(const struct router_scene *s,
                                                                 uint32_t attachment)
{
    return &s->config->interfaces[(attachment - s->f->first_attachment) / 2];
}

static inline void router_drop(struct packet *p, enum api_drop reason)
{
    p->verdict = PACKET_DROP;
    p->drop = (uint8_t)reason;
}

static inline void router_forward(struct packet *p, uint32_t attachment)
{
    p->verdict = PACKET_FORWARD;
    p->out = attachment;
}

// Each of the following decides one packet: it sets a verdict in packet_of(*m), or takes the packet
// (freed, held, sent by egress_forward) and sets *m to NULL. Worker.

// process.c: route an IP packet whose header has been checked and that is not from the network, or
// was made here (an echo reply, an ICMP error, a ping): from the route lookup on, without TTL.
void router_send(const struct router_scene *s, struct rte_mbuf **m);

// output.c: send an IP packet to neighbour `neighbor` of `out`, or to the one that an unresolved
// path needs: MTU (fragments or an ICMP error), MSS clamp, TTL (if `is_forwarded`), Ethernet
// header. `in`: interface it came by, NULL if made here.
struct router_path;
void router_output(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_path *path, const struct router_interface *in);

// output.c: the same to a MAC that is known.
void router_output_to(const struct router_scene *s, struct rte_mbuf **m,
                      const struct router_interface *out, const uint8_t *mac,
                      const struct router_interface *in);

// output.c: the same below the MTU and TTL: put the header on and set the verdict. For arp.c, nd.c
// and fragment.c, which know the MAC; `m` begins with room for an Ethernet header.
void router_set_header(const struct router_interface *out, struct rte_mbuf *m, const uint8_t *mac,
                       uint16_t ether_type);

// output.c: what neighbor_hold took goes out now that the MAC is known: cut into fragments if it is
// larger than the MTU, and counted as forwarded if a port brought it. Takes m.
void router_resume(const struct router_scene *s, struct rte_mbuf *m,
                   const struct router_interface *out, const uint8_t *mac);

// output.c: carry out the verdict in a packet that is not in the array of process(), such as one
// made in tick(). Takes m; NULL is fine.
void router_carry_out(const struct router_scene *s, struct rte_mbuf *m);

// output.c: drop a packet that is not in the array of process(), such as a held one: counted at the
// port that brought it and in `dropped`. Takes m.
void router_discard(const struct router_scene *s, struct rte_mbuf *m, enum api_drop reason);

// output.c: cut the frame behind its first `len` bytes (padding).
void router_trim(struct rte_mbuf *m, uint32_t len);

// packet.c: fill own_filter from the interfaces. Called by config_create once they are there.
// Main thread.
void router_own_init(struct router_config *config);

// local.c: a packet to an address of the router, or to a group that it listens to: echo, pings'
// answers, the kernel twin, port or protocol unreachable.
void router_local(const struct router_scene *s, struct rte_mbuf **m,
                  const struct router_interface *in);
// ping.c: an ICMP error or echo reply may belong to a ping of ours. 1: it did and is finished; m
// is still the caller's.
int router_ping_answer(const struct router_scene *s, const struct rte_mbuf *m);
// ping.c: send what `culvert ping` asked for. tick().
void router_ping_tick(const struct router_scene *s);

// own.c: whether an address (unicast) is the router's own on this interface; ARP and ND answer for
// it and believe nobody else who claims it.
int router_is_own(const struct router_interface *in, uint8_t family, const uint8_t *address);
// own.c: whether an IPv4 address is an outside one of a NAT on the interface's chain. What comes
// from elsewhere to such an address goes out to the chain; what the chain sends back is ours or
// nobody's.
int router_is_outside(const struct router_interface *in, const uint8_t *address);
// own.c: whether ARP answers for it on this interface: an own address, or an outside one of a NAT
// that lies in a subnet of the interface.
int router_claims(const struct router_interface *in, const uint8_t *address);
// own.c: the interface to whose chain a packet to an outside address goes, or NULL.
const struct router_interface *router_outside_of(const struct router_config *config,
                                                 const uint8_t *address);
// own.c: whether the neighbour may have this address on this interface: it is in a subnet of the
// interface, link-local, or routed to the interface without a next hop.
int router_is_on_link(const struct router_scene *s, const struct router_interface *in,
                      uint8_t family, const uint8_t *address);
// own.c: whether the interface listens to this IPv6 group: all nodes, all routers of the link and
// the site, the solicited-node groups of its own addresses (RFC 4291, 2.8).
int router_is_own_group(const struct router_interface *in, const uint8_t *group);
// own.c: the source address for what the router itself sends to `address` by `out`: of the subnet
// that holds it, else of the interface, else of any; IPv6: link-local to link-local. NULL: it has
// none of this family.
const uint8_t *router_source_for(const struct router_scene *s, const struct router_interface *out,
                                 uint8_t family, const uint8_t *address);

// arp.c, nd.c: an ARP packet, or ICMPv6 133 to 137, that came by `in`. Learn, answer, hand to the
// kernel twin what it needs.
void router_arp(const struct router_scene *s, struct rte_mbuf **m,
                const struct router_interface *in);
void router_nd(const struct router_scene *s, struct rte_mbuf **m,
               const struct router_interface *in);
// arp.c, nd.c: ask for an address, by broadcast or (mac not NULL) of a neighbour that is to be
// confirmed; or announce an own address. Best effort, within the interface's rate.
void router_arp_request(const struct router_scene *s, const struct router_interface *out,
                        const uint8_t *address, const uint8_t *mac);
void router_nd_solicit(const struct router_scene *s, const struct router_interface *out,
                       const uint8_t *address, const uint8_t *mac);
void router_arp_announce(const struct router_scene *s, const struct router_interface *out,
                         const uint8_t *address);
void router_nd_announce(const struct router_scene *s, const struct router_interface *out,
                        const uint8_t *address);

// announce.c: announce what is to be announced (router_slot.n_announcements). neighbor_tick.
void router_announce_tick(const struct router_scene *s);

// icmp_error.c: turn the packet (an IP packet at packet.l3_off, as it came or before TTL and header
// were changed) into an ICMP or ICMPv6 error to its source and route that; or drop it with `reason`
// where none may be sent (RFC 1812, 4.3.2.7; RFC 4443, 2.4) or the limit is reached. `value`: MTU
// or pointer. `in`: where the packet came by, for the error's source address and limit.
struct icmp_fault {
    enum api_drop reason;
    uint8_t type4, code4; // type 0: no error for this family
    uint8_t type6, code6;
    uint32_t value;
};
void router_icmp_error(const struct router_scene *s, struct rte_mbuf **m,
                       const struct router_interface *in, const struct icmp_fault *fault);

// fragment.c: cut an IPv4 packet that is larger than `mtu` and send the pieces out by `out`, which
// knows the neighbour's MAC. Returns 0, or -ENOMEM: nothing was sent, m is the caller's.
int router_fragment(const struct router_scene *s, struct rte_mbuf *m,
                    const struct router_interface *out, const uint8_t *mac);

// state.c: find the state by name or make it. Takes a reference. -ENOMEM. Main thread, as all
// below.
int router_state_get(const char *tenant, const char *name, struct router_state **state);
void router_state_put(struct router_state *state);

// state.c: the slot of an interface by name, with a reference. *is_new: nothing is known of it yet.
// -ENOSPC: too many.
int router_slot_get(struct router_state *state, const char *name, uint16_t *slot, int *is_new);
void router_slot_put(struct router_state *state, uint16_t slot);

// state.c: rows of state->counters.
unsigned router_n_rows(void);

// activate.c: give up echo requests that nobody asked for again. age().
void router_ping_expire(struct router_state *state);

// The members of router_ops: see walk/function.h.
uint32_t router_n_instances(const struct model *model);
void router_identify(const struct model *model, uint32_t index, const char **tenant,
                     const char **name, uint32_t *n_sides);
int router_config_create(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e);
void router_config_destroy(struct function *f);
void router_activate(struct function *f, const struct generation *generation);
void router_process(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                    unsigned n);
void router_tick(const struct function *f, const struct walk_context *ctx);
void router_age(struct function *f, const struct generation *generation);
void router_keep(const struct function *f);
uint64_t router_fingerprint(const struct function *f);
void router_count(const struct function *f, uint32_t in_side, uint32_t out_side, uint64_t n);
int router_request(struct function *f, struct function_request *request, struct error *e);

// validate.c: does router number `index` of the model make sense? -EINVAL with path and sentence.
int router_validate(const struct model *model, uint32_t index, struct error *e);

#endif
