// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_NAT_STATE_H
#define VNF_NAT_STATE_H

// What a NAT keeps, and what its files share. Private to this folder and its tests.
//
// A binding is an endpoint inside (chain, protocol, address, port) and its endpoint outside. It is
// made by the first session that needs it, held by each session over it, and ends with the last.
// Static rules (1:1, forwards) are configuration and have no bindings.
//
// Protocols without ports (GRE, ESP) are told apart by who is spoken to: a digest of the remote
// address stands in place of the outside port, and only one binding of an outside address and
// protocol may have it.
//
// All of a NAT's state is under one lock that is held for some hundred instructions; what needs
// only the configuration is decided without. Records lie in reserved memory that the main thread
// backs ahead of need (activate.c). The state is found again by the names of tenant and NAT and
// outlives generations; over a restart the sessions' slots make it anew (FUNCTION_RESTORE).
//
// In this folder addresses and ports of bindings and tuples are in network order, those of rules,
// pools and port maps in host order.

#include <string.h>

#include "dataplane/session/tuple.h"
#include "dataplane/walk/function.h"
#include "vnf/lib/port_map.h"
#include "vnf/nat/index.h"

#define NAT_MAX_BINDINGS (UINT32_C(1) << 22) // of one NAT
#define NAT_MAX_ADDRESSES 65536U             // in pools of one NAT, those that go included
#define NAT_MAX_SOURCES 256U                 // rules: a first packet tries one after the other
#define NAT_MAX_POOLS 256U                   // of one rule
#define NAT_N_REMOTES 16                     // a binding knows so many, the last ones
#define NAT_REST_SEC 120                     // RFC 6888, REQ-8

// Protocols that have ports of their own.
enum nat_class {
    NAT_TCP,
    NAT_UDP,
    NAT_SCTP,
    NAT_ICMP, // identifiers
    NAT_N_CLASSES,
};

struct nat_binding {
    struct nat_link by_inside; // its `next` joins free ones, too
    struct nat_link by_outside;
    uint32_t inside, outside;
    uint32_t chain;
    uint32_t remote; // whom it is for; 0: all (endpoint-independent mapping)
    uint16_t inside_port, outside_port;
    uint16_t remote_port;
    uint16_t address; // number of `outside`
    uint32_t host;
    uint32_t n_sessions; // 0: free
    uint8_t protocol;
    uint8_t n_remotes; // known, see nat_state.remotes
    uint8_t next_remote;
    uint8_t reserved;
    uint32_t n_inward; // of n_sessions, those that hold it as NAT_TARGET
    uint32_t reserved1[2];
};

_Static_assert(sizeof(struct nat_binding) == 64, "one line");

// Whom a binding has spoken to, as far as its filter asks: with address-dependent filtering all,
// with address- and port-dependent filtering other inside hosts that did not hear it.
struct nat_remote {
    uint32_t address;
    uint16_t port; // 0: all
    uint16_t reserved;
};

// An inside host with bindings.
struct nat_host {
    struct nat_link link; // its `next` joins free ones, too
    uint32_t chain;
    uint32_t inside;
    uint32_t n_bindings;
    uint32_t outside; // paired with it
};

// An outside address of pools, by number. Number + 1 in its index, where 0 is none.
struct nat_address {
    struct nat_link link;
    uint32_t outside;
    uint32_t n_references; // configurations; main thread
    uint32_t n_bindings;
};

struct nat_counters {
#define NAT_COUNTER_FIELD(name, text) uint64_t name;
    API_NAT_COUNTERS(NAT_COUNTER_FIELD)
#undef NAT_COUNTER_FIELD
};

// Records that there is memory for.
struct nat_backed {
    uint32_t n;             // atomic
    uint32_t n_ever_before; // that were used, at the last nat_age
};

#define NAT_SHORT 12288U // records left with memory: the main thread is to hurry

struct nat_state {
    uint32_t lock;

    // Under the lock.
    uint64_t seed[4]; // random; constant
    uint64_t n_drawn; // random numbers
    struct nat_index by_inside, by_outside, by_host, by_address;
    struct nat_binding *bindings;                // [NAT_MAX_BINDINGS]
    struct nat_remote (*remotes)[NAT_N_REMOTES]; // by binding
    struct nat_host *hosts;                      // [NAT_MAX_BINDINGS]
    struct nat_address *addresses;               // [NAT_MAX_ADDRESSES + 1]
    struct port_map *maps;                       // [NAT_MAX_ADDRESSES][NAT_N_CLASSES]
    uint32_t free_binding, n_bindings_ever;
    uint32_t free_host, n_hosts_ever;
    struct port_set full[NAT_N_CLASSES]; // addresses by number: no port is left
    uint32_t n_used[NAT_N_CLASSES];      // ports
    struct nat_counters counters;

    uint32_t epoch; // atomic, main thread: of random places in port maps

    // Main thread.
    void *memory;
    struct port_set numbered; // addresses that have a number: those in use
    uint32_t n_addresses_ever;
    uint32_t n_left; // addresses that no configuration has, but bindings
    unsigned n_references;
    const struct nat_config *newest; // made last
    const struct nat_config *active;
    struct nat_backed backed_bindings, backed_hosts; // workers read `n`
    uint32_t n_backed_maps;                          // addresses
    uint32_t rotate_sec, rotate_address;
    uint64_t logged_no_port;
    uint32_t logged_sec;
    char tenant_name[API_NAME_SIZE];
    char name[API_NAME_SIZE];
    struct nat_state *next;
};

// Configuration; immutable.

// Consecutive addresses of a pool with consecutive numbers.
struct nat_run {
    uint32_t first; // address
    uint32_t n;
    uint32_t number; // of the first
};

// Consecutive numbers of a rule's addresses.
struct nat_span {
    uint32_t first, n;
    uint32_t before; // addresses of the spans before it
};

struct nat_source {
    uint32_t seq;
    uint32_t prefix, mask;
    uint32_t destination, destination_mask;
    uint16_t is_exempt;
    struct nat_run *runs;   // ascending; none: exempt
    struct nat_span *spans; // ascending
    uint32_t n_runs, n_spans;
    uint32_t n_addresses;
};

// Addresses [from, from + n) on one side are [to, to + n) on the other.
struct nat_static {
    uint32_t from, n, to;
};

struct nat_forward {
    uint8_t protocol;
    uint32_t from; // address where packets arrive
    uint16_t first, last;
    uint32_t to; // where they lead
    uint16_t to_first;
};

// [first, last] are outside addresses of this NAT.
struct nat_range {
    uint32_t first, last;
};

struct nat_config {
    uint8_t mapping, filtering; // enum api_nat_dependence
    uint16_t flags;             // enum api_nat_flag
    uint16_t port_first, port_last;
    uint32_t host_limit;
    uint32_t version;                            // a hash of all of it
    struct nat_source *sources;                  // by seq
    struct nat_static *statics_in, *statics_out; // sorted by `from`: outside; inside
    struct nat_static *rest;                     // sorted: what an address gets if nobody else does
    struct nat_forward *forwards_in, *forwards_out; // sorted by protocol, `from`, first
    struct nat_range *outside;                      // sorted
    uint32_t n_sources, n_statics_in, n_statics_out, n_rest, n_forwards, n_outside;
    uint32_t n_addresses; // of all pools
};

// rules.c: what the configuration says of an address. Pure. Addresses and ports in host order.

// The first rule for this source and destination, or NULL.
const struct nat_source *nat_source_find(const struct nat_config *config, uint32_t source,
                                         uint32_t destination);
// 1: *to is what `address` is on the other side.
int nat_static_find(const struct nat_static *statics, uint32_t n, uint32_t address, uint32_t *to);
// 1: *to and *to_port.
int nat_forward_find(const struct nat_forward *forwards, uint32_t n, const struct nat_forward *key,
                     uint32_t *to, uint16_t *to_port);
int nat_is_outside(const struct nat_config *config, uint32_t address);
// The number of a pool address of this rule, or -1.
int nat_source_number(const struct nat_source *source, uint32_t address);
// enum nat_class, or -1: a protocol without ports.
int nat_class_of(uint8_t protocol);
// What stands for the outside port of a protocol without: the same in another process.
uint16_t nat_digest(uint32_t remote);

// binding.c: with the lock held.

// An endpoint inside that wants one outside, and to whom it speaks.
struct nat_wish {
    const struct nat_config *config;
    const struct nat_source *source;
    uint32_t chain;
    uint32_t inside, remote;
    uint16_t inside_port, remote_port;
    uint8_t protocol;
};

// The binding of this endpoint, made if there is none. NULL with *drop. Nobody holds it yet.
struct nat_binding *nat_binding_get(struct nat_state *state, const struct nat_wish *wish,
                                    uint8_t *drop);
// The same with exactly this endpoint outside. NULL: it is another's, or not in the rule's pool.
struct nat_binding *nat_binding_restore(struct nat_state *state, const struct nat_wish *wish,
                                        uint32_t outside, uint16_t outside_port);
// NULL: there is none; inside: none with an address of the wish's pool.
struct nat_binding *nat_binding_outside(struct nat_state *state, uint8_t protocol, uint32_t outside,
                                        uint16_t outside_port);
struct nat_binding *nat_binding_inside(struct nat_state *state, const struct nat_wish *wish);
// Whose number (session/opening.h) grows when there is one with this endpoint outside.
uint16_t nat_binding_place(const struct nat_state *state, uint8_t protocol, uint32_t outside,
                           uint16_t outside_port);
// One that is begun from outside names it by the endpoint inside (NAT_TARGET): `is_inward`.
void nat_binding_hold(struct nat_binding *b, int is_inward);
// One session less; the last one ends it. A binding that was made and that nobody holds ends, too.
void nat_binding_release(struct nat_state *state, struct nat_binding *b);
void nat_binding_release_inward(struct nat_state *state, const struct nat_wish *wish);

// One that was begun from outside holds from now on the one with this endpoint inside, for all
// remotes. 0: there is none.
int nat_binding_hold_inward(struct nat_state *state, const struct nat_wish *wish);

// binding.c: whom the binding has spoken to.
void nat_remote_add(struct nat_state *state, struct nat_binding *b, struct nat_remote remote);
int nat_remote_is_known(const struct nat_state *state, const struct nat_binding *b,
                        struct nat_remote remote);

// host.c: with the lock held.
uint32_t nat_host_hash(const struct nat_state *state, uint32_t chain, uint32_t inside);
// 0: it is not known.
uint32_t nat_host_find(struct nat_state *state, uint32_t chain, uint32_t inside);
// One that is not known, without bindings yet. 0: no memory.
uint32_t nat_host_make(struct nat_state *state, uint32_t chain, uint32_t inside);
// It has one binding less.
void nat_host_put(struct nat_state *state, uint32_t number);

// choose.c: take an outside address and port for the wish of a host (0: not known yet). 0 with
// *number and *port (network order), or -1 with *drop. With the lock held.
int nat_choose(struct nat_state *state, const struct nat_wish *wish, uint32_t host,
               uint32_t *number, uint16_t *port, uint8_t *drop);
// Fetch what nat_choose will read for a host that is known. Without the lock.
void nat_choose_foresee(const struct nat_state *state, const struct nat_wish *wish, uint32_t host);

// address.c: numbers of outside addresses. Main thread.
// The number of this address, with a reference. -ENOSPC: too many.
int nat_address_get(struct nat_state *state, uint32_t address, uint32_t *number);
void nat_address_put(struct nat_state *state, uint32_t number);
// Let go of those that are no longer configured and have no binding any more.
void nat_address_sweep(struct nat_state *state);
static inline struct port_map *nat_map(const struct nat_state *state, uint32_t number, int class)
{
    return &state->maps[number * NAT_N_CLASSES + (unsigned)class];
}
// Take the ports of forwards out of what is handed out; put back those that `keep` (may be NULL)
// does not have.
void nat_reserve(struct nat_state *state, const struct nat_config *config);
void nat_unreserve(struct nat_state *state, const struct nat_config *config,
                   const struct nat_config *keep);

// state.c.
void nat_lock(struct nat_state *state);
void nat_unlock(struct nat_state *state);
// 32 bits that nobody outside can foresee. With the lock held.
uint32_t nat_draw(struct nat_state *state);
// Find the state by name or make it. Takes a reference. -ENOMEM. Main thread.
int nat_state_get(const char *tenant, const char *name, struct nat_state **state);
void nat_state_put(struct nat_state *state);
// Back the records that workers may need until the next call. Main thread.
void nat_state_back(struct nat_state *state, const struct nat_config *config);

// A slot: what this NAT does to a session.
enum nat_deed {
    NAT_NOTHING = 0,
    NAT_SOURCE,         // the slot has the outside endpoint of a binding, which is held
    NAT_SOURCE_STATIC,  // outside address and port
    NAT_SOURCE_FORWARD, // outside end of a forward
    NAT_TARGET,         // the slot has the inside endpoint of a binding, which is held
    NAT_TARGET_LOOSE,   // likewise, but not held: of a binding for one remote end only, or that
                        // who is outside does not prolong
    NAT_TARGET_STATIC,  // inside address and port
    NAT_TARGET_FORWARD, // inside end of a forward
    NAT_N_DEEDS,
};

#define NAT_HAIRPIN (UINT64_C(1) << 56) // the target is translated, too

// Of what it allowed, but another one denies: without a binding, so nothing is held.
#define NAT_ACCOUNT_UNCHANGED 1 // or translated by configuration: nothing is counted
#define NAT_ACCOUNT_UNMATCHED 2

static inline uint64_t nat_slot(enum nat_deed deed, uint32_t address, uint16_t port)
{
    return (uint64_t)deed << 48 | (uint64_t)port << 32 | address;
}

static inline enum nat_deed nat_slot_deed(uint64_t slot)
{
    return (enum nat_deed)(slot >> 48 & 0xff);
}

static inline uint32_t nat_slot_address(uint64_t slot)
{
    return (uint32_t)slot;
}

static inline uint16_t nat_slot_port(uint64_t slot)
{
    return (uint16_t)(slot >> 32);
}

// validate.c: does NAT number `index` of the model make sense? -EINVAL with path and sentence.
int nat_validate(const struct model *model, uint32_t index, struct error *e);

// The members of nat_ops: see walk/function.h.
uint32_t nat_n_instances(const struct model *model);
void nat_identify(const struct model *model, uint32_t index, const char **tenant, const char **name,
                  uint32_t *n_sides);
int nat_config_create(struct function *f, const struct model *model, uint32_t index,
                      const struct generation *generation, struct error *e);
void nat_config_destroy(struct function *f);
void nat_activate(struct function *f, const struct generation *generation);
void nat_age(struct function *f, const struct generation *generation);
void nat_tend(const struct function *f);
int nat_request(struct function *f, struct function_request *request, struct error *e);
enum function_verdict nat_judge(const struct function *f, const struct walk_context *ctx,
                                struct function_case *c);
void nat_foresee(const struct function *f, const struct session_query *const *queries, unsigned n);
void nat_answered(void *state, uint32_t chain, uint8_t protocol, uint64_t *slot);
void nat_release(void *state, uint32_t chain, uint8_t protocol, uint64_t slot);

extern const struct function_ops nat_ops;

#endif
