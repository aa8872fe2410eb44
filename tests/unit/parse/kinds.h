// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_PARSE_KINDS_H
#define TESTS_UNIT_PARSE_KINDS_H

// One sound frame of every kind that the parser knows, and what it should find in it.

#include "dataplane/core/packet.h"
#include "tests/lib/packet_builder.h"

struct kind {
    const char *name;
    void (*build)(struct frame *f);
    uint16_t flags; // enum packet_flag
    uint8_t n_tags;
    uint16_t outer_vlan, inner_vlan;
    uint16_t ether_type;
    uint8_t l4_proto; // where the builder has no L4 header
    uint32_t padding; // bytes behind the packet
};

extern const struct kind kinds[];
extern const unsigned n_kinds;

// Build it, and what parse must say of the whole frame in one segment.
void kind_build(const struct kind *kind, struct frame *f, struct packet *expected);

// What parse must say if it can read the first `have` of the frame's `len` bytes, f being cut to
// those without a change of its length fields: expected fault fields only.
void kind_fault(const struct kind *kind, const struct frame *f, uint32_t have, uint32_t len,
                uint8_t *l2_error, uint8_t *l3_error);

#endif
