// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_PORT_OFFLOAD_LAB_H
#define TESTS_UNIT_PORT_OFFLOAD_LAB_H

// What the offload tests share: frames of many kinds as a guest leaves them, and the judge of what
// came out. Sums are made by tests/lib/packet_builder.c, independent of the code under test.

#include "dataplane/port/offload.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"

#define LAB_MAX_FRAME 1522
#define LAB_IP_ID 0xfff0 // wraps within a few segments
#define LAB_SEQUENCE 0xfffff000U

struct lab_kind {
    const char *name;
    void (*headers)(struct frame *f); // up to the L4 header
    int is_tcp;
    int is_ip6;
    int has_extensions; // IPv6: no receiver is trusted with it
};

extern const struct lab_kind lab_kinds[];
extern const unsigned n_lab_kinds;
extern struct rte_mempool *lab_pool;

// EAL, pools of one worker, counters.
int lab_init(void **state);
int lab_fini(void **state);

// The whole frame with a payload of so many bytes and a complete checksum.
void lab_build(const struct lab_kind *kind, struct frame *f, size_t payload_size);

// The pseudo-header's sum of the frame whose L4 part is l4_len bytes, as the field holds it.
uint16_t lab_pseudo_sum(const struct frame *f, uint32_t l4_len);

// In an mbuf, parsed, with the offload asked for; a partial checksum is put in the field. f then
// has those bytes too.
struct rte_mbuf *lab_packet(struct frame *f, uint8_t offload, uint16_t gso_size,
                            const uint32_t *cuts, unsigned n_cuts);

// Copy m's bytes to `out`, with the offsets of `like`.
void lab_read(const struct rte_mbuf *m, const struct frame *like, struct frame *out);

// All pools are full: nothing leaked.
void lab_assert_no_leak(void);

#endif
