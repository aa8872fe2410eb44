// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_WORLD_PARTS_H
#define TESTS_UNIT_FLOW_WORLD_PARTS_H

// What world.c and loop.c share; theirs alone.

#include "tests/unit/flow/world.h"

#define WORLD_N_PORTS 8
#define WORLD_MAX_SLOTS 24 // old and new ports of a commit
#define WORLD_MAX_SENT 65536

struct world {
    struct world_setup setup;
    struct generation *generation;
    struct port_tx *tx;
    uint64_t now_tsc;
    uint64_t n_generations;
    uint32_t passed_ms, tended_ms;
    unsigned n_bursts;
    uint8_t port_of_slot[API_MAX_PORTS];
    uint8_t is_down[WORLD_N_PORTS];
    uint32_t capability[WORLD_N_PORTS];
    uint64_t drops[WORLD_MAX_SLOTS + 1][API_N_DROPS]; // as told last
};
extern struct world world;

// A burst to be, then while it is received.
struct world_burst {
    unsigned port, n;
    struct rte_mbuf *m[BURST_SIZE];
    uint64_t stream[BURST_SIZE];
    unsigned left_as[BURST_SIZE]; // the how manieth of all, 0: not yet
    unsigned n_left;
    uint64_t carried; // by flows, a bit for each
};
extern struct world_burst world_burst;
#define WORLD_MARK 0xa5 // in metadata that no stage reads: one of the burst, and which

// Questions for neighbours' MACs that are not answered yet.
#define WORLD_MAX_QUESTIONS 32
struct world_asked {
    unsigned n;
    unsigned port[WORLD_MAX_QUESTIONS];
    struct wire wire[WORLD_MAX_QUESTIONS];
};
extern struct world_asked world_asked;

// share.c
void world_forget_streams(void);
uint64_t world_find_eligible(void); // before the burst is received: which of it may have flows
void world_count_share(uint64_t eligible);
// No flow lets a packet overtake one of its own stream that walks. (A walk may: fragments leave
// before packets that were whole.)
void world_tell_overtaking(void);

// sent.c
void world_record(unsigned port, struct rte_mbuf *m);
// loop.c
void world_advance(uint32_t ms);
void world_tend(void);
// world.c
unsigned world_slot(unsigned i);

#endif
