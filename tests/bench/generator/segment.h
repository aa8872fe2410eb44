// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_GENERATOR_SEGMENT_H
#define TESTS_BENCH_GENERATOR_SEGMENT_H

// TCP segments without data, of connections that begin and end: SYN, SYN-ACK, ACK, FIN-ACK,
// FIN-ACK, ACK. All that either end has to know stands in the segment that it answers: the initial
// sequence number of a connection is four times the place of its flow.

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "tests/bench/generator/frame.h"

struct segment {
    struct frame_ether ether;
    struct rte_ipv4_hdr ip;
    struct rte_tcp_hdr tcp;
    uint8_t pad[6];
} __attribute__((packed));

_Static_assert(sizeof(struct segment) == FRAME_SIZE_MIN - FCS_LEN, "the shortest frame");

// What a segment is to the end that has received it.
enum segment_kind {
    SEGMENT_OTHER,
    SEGMENT_SYN,      // at B
    SEGMENT_SYN_ACK,  // at A
    SEGMENT_ACK,      // at B: the handshake's
    SEGMENT_FIN,      // at B
    SEGMENT_FIN_ACK,  // at A
    SEGMENT_LAST_ACK, // at B
};

// The kind of a segment received at the template's side, and the place of its flow. `s` lies behind
// the tag, all `len` bytes of it.
enum segment_kind segment_read(const struct segment *s, const struct frame_template *t,
                               uint16_t len, uint32_t *place);

// Is it of this flow, as the template's side sends it, with right checksums?
bool segment_is_right(const struct segment *s, const struct frame_template *t,
                      const struct flow *flow);

// The first one of a connection, with its tag.
void segment_write_syn(uint8_t *data, const struct frame_template *t, const struct flow *flow,
                       uint32_t place);

// Turn a received segment into the answer with these flags. `data` points at its MAC addresses.
void segment_answer(uint8_t *data, const struct frame_template *t, uint8_t flags);

#endif
