// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_WORLD_H
#define TESTS_UNIT_FLOW_WORLD_H

// A whole dataplane in one thread: what main.c starts, what a worker does in its loop and the main
// thread in its tick. Ports record what they send. Time and chance come from here and are the same
// in each run. Failures abort.

#include "dataplane/core/model.h"
#include "dataplane/walk/generation.h"
#include "tests/unit/flow/transcript.h"
#include "tests/unit/flow/wire.h"

#define WORLD_TENANT "blue"

// Which packets of each burst were carried out by flows, before the others: who repeats the run
// without flows walks them in this order.
struct world_order {
    uint64_t *carried; // a bit for each packet
    unsigned n, capacity;
};

struct world_setup {
    uint64_t seed;
    uint32_t max_flows;        // 0: each packet walks, in the order that is given
    uint32_t start_sec;        // of clock_sec
    uint32_t start_ms;         // of the session clock
    struct world_order *order; // written with flows, read without; NULL: as they come
    struct transcript *transcript;
    // Not NULL: routers learn who their neighbours are. When they ask is not told, for it depends
    // on when packets walk, which with flows is once in half a minute; `answer` fills what the
    // neighbour says at once, and returns whether it does.
    int (*answer)(void *context, unsigned port, const struct wire *question, struct wire *answer);
    void *context;
};

// What flows were good for, over all runs with flows.
struct world_share {
    uint64_t n_packets;  // received
    uint64_t n_eligible; // of these, those that leave as others of their stream did before
    uint64_t n_carried;  // of these, those that a flow carried out
    uint64_t n_denied;   // dropped without a walk
};
extern struct world_share world_share;
extern int world_tells_input; // in the transcript, too

// EAL, pools, counters. Once.
void world_init(void);

// Begin and end a run: everything new.
void world_begin(const struct world_setup *setup);
void world_end(void);

// Commit a configuration and consume the model. 0, or the error that check or build have found:
// then nothing has changed.
int world_commit(struct model *model);

// A request of the control socket to `name` of WORLD_TENANT, followed by what the server does then.
// NULL: a request about all chains. Returns 0 or the error.
struct world_answer {
    unsigned type;
    uint32_t n;
    const void *items;
};
int world_request(const char *kind, const char *name, struct function_request *request,
                  struct world_answer *answer);

void world_link(unsigned port, int is_up);
void world_capability(unsigned port, uint32_t capability);

// How a frame comes.
struct world_frame {
    const struct wire *wire;
    uint64_t stream; // packets of one stream stay in order; 0: of none
    uint8_t offload; // enum packet_offload
    uint16_t gso_size;
    uint16_t cut; // bytes in the first segment, 0: all
};
// One more packet of a burst; those of another port, or when there are 64, are received first.
void world_add(unsigned port, const struct world_frame *frame);
// Receive what was added. Takes a millisecond.
void world_receive(void);

// Which packets of the last burst flows have carried out, a bit for each.
uint64_t world_carried(void);

// Let time pass, with empty loops.
void world_pass(uint32_t ms);
uint32_t world_now_ms(void);

// What was sent since the last world_forget, in order.
struct world_sent {
    unsigned port;
    uint32_t len;
    uint8_t offload; // that the receiver has to do
    uint16_t gso_size;
    const uint8_t *bytes;
};
unsigned world_n_sent(void);
struct world_sent world_sent_at(unsigned number);
void world_forget(void);

// Tell drops since the last call in the transcript.
void world_tell_drops(void);
uint64_t world_drops(unsigned port, enum api_drop reason);

const struct generation *world_generation(void);

#endif
