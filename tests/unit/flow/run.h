// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_RUN_H
#define TESTS_UNIT_FLOW_RUN_H

// A sequence is run, in a world of its own. What follows of it is a function of the sequence and of
// what the dataplane sends.

#include "tests/unit/flow/steps.h"
#include "tests/unit/flow/world.h"

#define RUN_RING 128      // frames that are remembered
#define RUN_MAX_OF_STEP 4 // of these, that came of one step

struct run_frame {
    unsigned port;
    uint32_t step;
    struct wire *wire; // NULL: none yet
};

struct run_host {
    uint8_t mac[6];
    uint8_t at; // enum genes_host: at whose place it is
};

struct run {
    uint8_t genes[N_GENES]; // in force
    struct transcript *transcript;
    struct run_host hosts[N_HOSTS];
    struct run_frame got[RUN_RING], sent[RUN_RING]; // by hosts, the last is at n - 1
    unsigned n_got, n_sent;
    uint32_t mark;     // of the next packet
    uint32_t short_ms; // passed since all that was learned has gone
};

// run.c. `order` is written with flows (max_flows > 0), else read; NULL: as they come.
void run_sequence(const struct sequence *s, int has_flows, struct world_order *order,
                  struct transcript *t);

// traffic.c: the steps that send.
void run_new(struct run *run, const struct step *step);
void run_reply(struct run *run, const struct step *step);
void run_again(struct run *run, const struct step *step);
// Make a packet as run_new sends it; returns who sends it.
struct wire;
enum genes_host run_make(struct run *run, const struct step *step, struct wire *w);
// Make what answers it of a frame; sound TCP, UDP, SCTP or ICMP.
void run_turn(const struct step *step, struct wire *w);
int run_is_outside(unsigned host);
// Send it, as the step says how often.
void run_send(struct run *run, const struct step *step, unsigned port, const struct wire *w);
// spoof.c
void run_spoof(struct run *run, const struct step *step);

// react.c
void run_remember(struct run_frame *ring, unsigned *n, const struct run_frame *frame);
// One that came of the step that `step` names, or of the nearest one before. NULL: there is none.
const struct run_frame *run_recall(const struct run *run, const struct run_frame *ring, unsigned n,
                                   const struct step *step);
void run_begin_frame(const struct run *run, struct wire *w, enum genes_host host, const uint8_t *to,
                     uint16_t type);
// For world_setup.
int run_answer(void *run, unsigned port, const struct wire *question, struct wire *answer);
void run_ask(struct run *run, const struct step *step);
// Tell others where `host` is and what its MAC is.
void run_announce(struct run *run, enum genes_host host);
// Receive what was gathered; then guests and neighbours answer, and hosts remember what they got.
void run_receive(struct run *run);
void run_react(struct run *run);

// changes.c: what is done to a frame before it is sent. `frame` is what world_add gets.
struct run_change {
    struct wire *wire;
    struct world_frame frame;
    unsigned port;
    struct wire *second; // a later fragment; its len is 0 if there is none
};
void run_change(struct run *run, const struct step *step, struct run_change *c);

// observe.c: all counters, sessions and what was learned, into the transcript.
void run_observe(struct run *run);
// A host's location.
struct genes_place run_place(const struct run *run, enum genes_host host);

#endif
