// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_STEPS_H
#define TESTS_UNIT_FLOW_STEPS_H

// A sequence: a configuration and what is done then, step by step. Any bytes are a sequence.

#include <stdint.h>
#include <stdio.h>

#include "tests/unit/flow/genes.h"

#define MAX_STEPS 512

enum step_kind {
    STEP_NEW,    // a host sends
    STEP_REPLY,  // who got a frame answers it
    STEP_AGAIN,  // what was sent is sent on
    STEP_PASS,   // time
    STEP_EDIT,   // another byte of the configuration, committed
    STEP_RULE,   // one rule of a firewall, beside transactions
    STEP_ROUTE,  // a daemon's route comes or goes
    STEP_STATIC, // a daemon's neighbour
    STEP_LINK,   // of a port, up or down
    STEP_MOVE,   // a host is somewhere else, and says so
    STEP_RENEW,  // a host has another MAC, and says so
    STEP_CLEAR,  // sessions
    STEP_CHECK,  // all counters
    STEP_COMMIT, // the same once more
    STEP_ASK,    // a host asks for a neighbour
    STEP_SPOOF,  // what looks like the answer comes before the question, then both
    N_STEP_KINDS,
};

struct step {
    uint8_t kind; // see step_kind
    uint8_t who, where, ports, size, copies;
    uint8_t change, arg, arg2; // of a frame: traffic.c
    uint8_t form;
    uint8_t index, extra;
};

_Static_assert(sizeof(struct step) == 12, "no padding");

struct sequence {
    uint8_t genes[N_GENES];
    uint32_t n;
    struct step steps[MAX_STEPS];
};

// The kind of a step, by the weights that make conversations of random bytes.
enum step_kind step_kind(const struct step *step);
uint8_t step_of_kind(enum step_kind kind); // a byte that stands for it
// To which step before it refers, 0 is the last one; as is the index where it is at most this.
#define STEP_MAX_DISTANCE 63
unsigned step_distance(const struct step *step);
// How many times a packet is sent.
unsigned step_copies(const struct step *step);

// What may be done to a frame before it is sent, `change`: from CHANGE_NONE on half of all bytes.
enum change {
    CHANGE_NONE,
    CHANGE_TTL,
    CHANGE_OPTIONS,
    CHANGE_FRAGMENTS,
    CHANGE_PADDING,
    CHANGE_IP_CHECKSUM,
    CHANGE_L4_CHECKSUM,
    CHANGE_NO_CHECKSUM,
    CHANGE_SEQ,
    CHANGE_ACK,
    CHANGE_WINDOW,
    CHANGE_FLAGS,
    CHANGE_PROTOCOL,
    CHANGE_TRUNCATE,
    CHANGE_LENGTH,
    CHANGE_VLAN,
    CHANGE_DESTINATION_MAC,
    CHANGE_SOURCE_MAC,
    CHANGE_PORT,
    CHANGE_PARTIAL,
    CHANGE_TSO,
    CHANGE_DF,
    CHANGE_UDP_LENGTH,
    CHANGE_BYTE,
    CHANGE_TCP_OPTIONS,
    CHANGE_CUT,
    CHANGE_TO_EDGE,
    N_CHANGES,
};
enum change step_change(const struct step *step);

// Bytes of a sequence: genes, then steps. What is left over counts nothing.
void sequence_read(struct sequence *s, const uint8_t *bytes, size_t size);
// `n_steps` of them, by chance. `masked`: bits of kinds of steps, of changes that do not occur.
struct sequence_mask {
    uint32_t kinds, changes;
    uint64_t genes;
};
void sequence_draw(struct sequence *s, uint64_t seed, const struct sequence_mask *masked);
void sequence_print(const struct sequence *s, FILE *out);

#endif
