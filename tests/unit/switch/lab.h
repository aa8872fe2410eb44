// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_SWITCH_LAB_H
#define TESTS_UNIT_SWITCH_LAB_H

// One switch without the rest of the house: a configuration in, a generation with this one function
// out, and frames made by hand as port and parse would leave them.

#include "dataplane/switch/state.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/trace.h"

#define LAB_MAX_PORTS 16
#define LAB_MAX_MEMBERS 320
#define LAB_MAX_STATICS 16
#define LAB_FIRST_ATTACHMENT 3 // so that sides and attachments differ

struct lab_config {
    const char *tenant, *name; // "blue", "lan" where NULL
    uint32_t ageing_sec, mac_table_size;
    uint32_t n_ports, n_members, n_statics;
    int is_twice; // the tenant has another switch of this name, before this one
    struct api_port ports[LAB_MAX_PORTS];
    struct api_member members[LAB_MAX_MEMBERS];
    struct api_static_mac statics[LAB_MAX_STATICS];
};

// A generation of one switch. `generation` is first: container of what it points to.
struct lab_generation {
    struct generation generation;
    struct function function;
    struct attachment attachments[LAB_FIRST_ATTACHMENT + LAB_MAX_MEMBERS];
    struct port ports[LAB_MAX_PORTS];
};

struct lab_frame {
    struct rte_mbuf m;
    struct packet p; // where rte_mbuf_to_priv finds it
    uint8_t data[64];
};

// n ports "p0", "p1", …, each a plain member; limits of 1000 MACs, no storm control; a table for
// 256 MACs that age in 300 s.
struct lab_config lab_plain(uint32_t n);

// Build the next generation. NULL with *e filled.
struct lab_generation *lab_build(const struct lab_config *config, struct error *e);

// Make it the running one, as walk/generation.c does: activate, then destroy the old (may be NULL).
void lab_activate(struct lab_generation *g, struct lab_generation *old);
void lab_destroy(struct lab_generation *g);

// A frame that came in at member `side`.
void lab_frame(struct lab_frame *frame, uint32_t side, const uint8_t *destination,
               const uint8_t *source);

// What frames have noted before they come to the switch; zeros unless a test says so.
extern struct walk_trace lab_past;
// What frame i has noted behind it, until the next lab_process.
const struct walk_trace *lab_trace(unsigned i);

// Let the switch decide n frames.
void lab_process(const struct lab_generation *g, struct lab_frame *frames, unsigned n,
                 uint32_t now_sec, uint64_t now_tsc);

// Age until the whole table was seen once.
void lab_age(struct lab_generation *g);

static inline struct switch_state *lab_state(const struct lab_generation *g)
{
    return g->function.state;
}

// The entry of a MAC, 0: unknown; and the side it is at.
uint64_t lab_entry(const struct lab_generation *g, const uint8_t *mac);
uint16_t lab_side(const struct lab_generation *g, const uint8_t *mac);

// What the verdict was, in one number: lab_verdict_to(side), LAB_FLOODED, or
// lab_verdict_drop(reason).
#define LAB_FLOODED 100000
int lab_verdict(const struct lab_frame *frame);
int lab_verdict_to(uint32_t side);
int lab_verdict_drop(unsigned reason);

#endif
