// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_CHAIN_PACKET_LAB_H
#define TESTS_UNIT_CHAIN_PACKET_LAB_H

// Packets of every protocol a chain translates, made from a tuple and a seed with all checksums
// computed over the whole. A test that makes the same packet from another tuple has what a
// translation must come to, byte by byte. Failures end the running test.

#include "dataplane/core/packet.h"
#include "dataplane/session/tuple.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"

#define LAB_PROTO_OTHER 47 // GRE
#define LAB_MAX_CUTS 128

enum lab_fragment { LAB_WHOLE, LAB_FIRST, LAB_LATER };

struct lab_spec {
    const char *name;
    uint8_t family;
    uint8_t protocol;
    uint8_t icmp_type;   // with ICMP
    uint8_t n_tags;      // VLAN tags in front
    uint8_t has_options; // IPv4 options, or IPv6 extension headers
    uint8_t is_routed;   // IPv6: a routing header with segments left
    uint8_t fragment;    // enum lab_fragment
    uint8_t no_checksum; // UDP: 0
    uint8_t is_partial;  // the field holds the pseudo-header's sum
    uint32_t payload_len;
};

// All of them but TSO.
extern const struct lab_spec lab_specs[];
extern const unsigned n_lab_specs;

// EAL and a pool: a cmocka group setup.
int lab_init(void **state);
struct rte_mempool *lab_pool(void);

uint64_t lab_random(void); // from a fixed seed
// A random tuple that a packet of this kind can have; between hosts. One in eight words of it is 0
// or 0xffff.
struct session_tuple lab_tuple(const struct lab_spec *s);
// Addresses and ports of *t, payload by `seed`. IP identification, TCP numbers likewise.
void lab_frame(struct frame *f, const struct lab_spec *s, const struct session_tuple *t,
               uint64_t seed);
// IPv4 header checksum, after bytes of the header were changed.
void lab_fix_ip4(struct frame *f);
uint32_t lab_crc32c(const uint8_t *bytes, uint32_t len);

// Parsed, with what the spec asks of offloads.
struct rte_mbuf *lab_mbuf(const struct lab_spec *s, const struct frame *f, const uint32_t *cuts,
                          unsigned n_cuts, uint32_t tailroom);
// In pieces of `size` bytes from `first` on; the first one has no room for more.
struct rte_mbuf *lab_pieces(const struct lab_spec *s, const struct frame *f, uint32_t first,
                            uint32_t size);
// Frees m.
void lab_expect(const char *name, struct rte_mbuf *m, const struct frame *expected);
// All buffers are back.
void lab_expect_none(void);

#endif
