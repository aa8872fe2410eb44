// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_FUNCTION_H
#define DATAPLANE_WALK_FUNCTION_H

// The contract of everything a packet can walk through: a switch, a router, a chain and the
// functions on it. This header is the manual.
//
// An instance is a struct function. Its config is immutable and belongs to one generation: it is
// made by config_create while the next generation is built and freed by config_destroy when no
// worker can see that generation any more. Its state (what it learned) belongs to the instance by
// name: config_create finds it again for the next generation, or makes it; config_destroy lets go
// of it.
//
// Packets enter and leave by sides. Side i of an instance is generation.attachments[
// first_attachment + i]; what is plugged in there (a port, another function's side, nothing) is not
// the function's business, but for whether its link is up (attachment_is_up).
//
// process(), tick(), judge(), release() and credit() run on a worker: no allocation, log, waiting
// lock or system call; bounded work.
//
// A function on a chain (firewall, NAT) has no sides and no process(): it never sees a packet of an
// open session. The chain (dataplane/chain/) finds a packet's session; where there is none it asks
// each function in order, from where the packet comes, with judge(). What they say together is the
// session: two tuples and a slot of 64 bits for each function. A slot's value means the same in
// another process, after a restart: a rule's number, an address and a port, never a pointer or an
// index.

#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/core/error.h"
#include "dataplane/core/model.h"
#include "dataplane/core/packet.h"
#include "dataplane/session/tuple.h"

struct generation;
struct function;
struct port_tx;
struct walk_queue;
struct session_query;
struct walk_traces;

// What a function is told of the walk it is part of.
struct walk_context {
    const struct generation *generation;
    unsigned worker;  // counters row, per-worker state
    uint32_t now_sec; // clock_sec() at the burst's start
    uint64_t now_tsc; // rte_rdtsc() at the burst's start
    struct port_tx *tx;
    struct walk_queue *queue;   // walk/queue.h: what goes on after this function
    struct walk_traces *traces; // walk/trace.h; NULL: nobody wants to know
};

// A request of the control socket to one instance, and where its answer goes.
struct function_request {
    const struct generation *generation; // the running one
    unsigned type;                       // enum api_type
    const void *items;                   // checked against the table, aligned to nothing
    uint32_t n_items;
    uint32_t epoch; // of the connection's API_ROUTE_TARGET, for what follows it
    // The answer: 0 items of type 0 mean a plain API_REPLY without an error.
    unsigned answer_type;
    void *answer; // room for answer_size bytes of items, aligned to eight
    size_t answer_size;
    uint32_t n_answers;
};

// What a drop was made of: the reason, and what the functions asked have said they count for it, in
// order; the last one has dropped it.
#define WALK_MAX_ACCOUNTS 2

struct walk_denial {
    uint8_t drop; // enum api_drop
    uint8_t n_accounts;
    uint64_t accounts[WALK_MAX_ACCOUNTS];
};

enum function_verdict {
    FUNCTION_ALLOW,  // to the next one on the chain
    FUNCTION_DENY,   // with case.drop
    FUNCTION_REJECT, // likewise, and the sender is told
    FUNCTION_TURN,   // outward only: back to where it came from (hairpin), the functions that it
                     // has passed are asked again, inward
};

enum function_occasion {
    FUNCTION_FIRST,   // a first packet
    FUNCTION_AGAIN,   // an open session after a commit; the slot says what was kept for it
    FUNCTION_RESTORE, // a session of the process before this one: make anew what the slot stands
                      // for
};

// A session to be, or to stay, as one function on the chain sees it.
struct function_case {
    // Of who begins, in the direction that he sends. A NAT writes the translated one. In the
    // occasions AGAIN and RESTORE what it writes must be what it wrote then, or it denies: the
    // session ends.
    struct session_tuple tuple;
    const struct session_tuple *last; // AGAIN, RESTORE: what it was behind the whole chain; or NULL
    uint64_t *slot;                   // 0 at first
    const struct rte_mbuf *m;         // FIRST: the packet; else NULL
    const struct packet *p;
    uint32_t chain;   // session_chain_id: inside addresses of two chains are not the same hosts
    uint32_t now_ms;  // session clock
    uint8_t occasion; // enum function_occasion
    uint8_t
        is_alone; // no session comes of it: a NAT keeps nothing, and denies what it would change
    uint8_t is_inward;
    uint8_t is_turned;    // asked again on the way back of a hairpin: its slot is not kept
    uint8_t is_stateless; // out: it wants no session, answers are judged on their own
    uint8_t is_told_late; // out, with ALLOW and DENY: nobody wants this SYN, it seems; if nothing
                          // comes of it the sender is told, but in six seconds (RFC 5382, REQ-4)
    uint8_t drop;         // out: why, with DENY and REJECT
    // out, FIRST, ALLOW and DENY: not 0: it keeps nothing for this packet, and for a while would
    // say the same of the next one with the same addresses, ports and TCP flags: until its version
    // changes, or something that it has noted (walk/trace.h). What the packet counted is told of
    // the others by account().
    uint64_t account;
};

struct function_ops {
    const char *name; // "switch"

    // How many instances `model` holds.
    uint32_t (*n_instances)(const struct model *model);

    // What instance number `index` is called, and how many sides it has, by the model. The first
    // sides of a switch are its members, then come chains that end at it. Sides 2i and 2i+1 of a
    // router are its i-th interface and that one's kernel twin. server/wire.c plugs them in.
    void (*identify)(const struct model *model, uint32_t index, const char **tenant,
                     const char **name, uint32_t *n_sides);

    // Build instance number `index` of the model: fill f->config and f->state. f's attachments are
    // in the generation already.
    // 0, or -errno with path and sentence in *e and nothing kept. Main thread.
    int (*config_create)(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e);

    // The generation of f is the one that workers run (after publish and grace): forget state that
    // its configuration no longer holds, such as the MACs of a member that is gone. Main thread.
    void (*activate)(struct function *f, const struct generation *generation);

    // Free f->config and let go of f->state. Main thread, after the grace period.
    void (*config_destroy)(struct function *f);

    // Decide n packets (at most BURST_SIZE) that entered by attachments of this instance, named in
    // packet.in. Sets verdict and what belongs to it in each. May write the frame: nobody shares
    // it. A packet that the function frees, holds or gives to egress_forward itself it takes out of
    // the array: m[i] = NULL. Worker.
    void (*process)(const struct function *f, const struct walk_context *ctx, struct rte_mbuf **m,
                    unsigned n);

    // A number that changes whenever process() may decide a packet in another way than before for a
    // reason that it has not noted as an object (walk/trace.h): MACs, addresses and MTUs of
    // interfaces, the functions on a chain and what they say. The same in two generations that
    // decide alike. Any thread. NULL: attachments say it all.
    uint64_t (*fingerprint)(const struct function *f);

    // n packets have gone from one side to another by flows, without process(): count them. Main
    // thread. May be NULL.
    void (*count)(const struct function *f, uint32_t in_side, uint32_t out_side, uint64_t n);

    // `packets` packets with `bytes` bytes from IP on, which came by `in_side`, have been dropped
    // without process(), as one was that it had vouched for (walk_trace_deny). Main thread; NULL
    // for who vouches for no drop.
    void (*count_denied)(const struct function *f, uint32_t in_side,
                         const struct walk_denial *denial, uint64_t packets, uint64_t bytes);

    // Timers that send packets, by egress_forward: called on worker 0 with the running generation,
    // at least every 100 ms while it is not overloaded. Bounded work. May be NULL.
    void (*tick)(const struct function *f, const struct walk_context *ctx);

    // Bounded ageing work; called some ten times a second with the running generation. Main thread.
    void (*age)(struct function *f, const struct generation *generation);

    // Back with memory what workers will need next: called some hundred times a second after one of
    // them has set function_is_short. Main thread. May be NULL.
    void (*tend)(const struct function *f);

    // Carry out a request that names this instance. 0 or -errno with path and sentence in *e. The
    // server knows which types go to which kind. Main thread. May be NULL.
    int (*request)(struct function *f, struct function_request *request, struct error *e);

    // Write what is learned into the segment that outlives the process: keep_owner, keep_add
    // (session/keep.h). About once a second, main thread. May be NULL. What a process before this
    // one has kept a function takes in its first activate.
    void (*keep)(const struct function *f);

    // Functions on a chain only, else NULL.

    // Decide a case. Worker; main thread for RESTORE (ctx->worker is no worker's then). If a later
    // function denies, the chain gives the slot back by release().
    enum function_verdict (*judge)(const struct function *f, const struct walk_context *ctx,
                                   struct function_case *c);

    // n first packets of one burst, as they come to the chain, are about to be judged: fetch what
    // judge() will read. Only a hint: others on the chain may translate or deny them. Worker. May
    // be NULL.
    void (*foresee)(const struct function *f, const struct session_query *const *queries,
                    unsigned n);

    // The session with this slot, which is not 0, has been answered for the first time: on chains
    // where packets from outside prolong nothing. May write the slot. Called again does no harm.
    // Takes f->state, like release(). Worker. May be NULL.
    void (*answered)(void *state, uint32_t chain, uint8_t protocol, uint64_t *slot);

    // The session with this slot has ended, or never came to be: let go of what the slot stands
    // for. Not called for 0. Takes f->state, for f may be of a generation that is gone; any
    // thread.
    void (*release)(void *state, uint32_t chain, uint8_t protocol, uint64_t slot);

    // Packets and bytes of a session with this slot, since the last call. Any thread. May be NULL.
    void (*credit)(void *state, uint64_t slot, uint64_t packets, uint64_t bytes);

    // Packets and bytes that were dropped without judge(), as one was that it had an account for.
    // Main thread; NULL for who has none.
    void (*account)(const struct function *f, uint64_t account, uint64_t packets, uint64_t bytes);

    // A number that changes whenever the same case may be answered in another way than before:
    // open sessions are then judged again.
    uint32_t (*version)(const struct function *f);

    // Hold f->state beyond f, for slots that may still be released. Main thread.
    void (*state_get)(void *state);
    void (*state_put)(void *state);
};

struct function {
    const struct function_ops *ops;
    void *config; // immutable while the generation lives
    void *state;  // shared by generations
    uint32_t first_attachment;
    uint32_t n_attachments;
    uint32_t n_chained; // of them, those that no port is plugged into
    char tenant[API_NAME_SIZE];
    char name[API_NAME_SIZE];
};

// All kinds of functions, NULL behind the last; set once by main.c before anything is built. The
// order is that of instances in a generation.
extern const struct function_ops *const *function_kinds;

// Atomic. 1: a function sees the end of the memory that tend() has made ready. Set by a worker,
// cleared by the main thread.
extern uint32_t function_is_short;

#endif
