// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_FUZZ_LAB_H
#define TESTS_FUZZ_LAB_H

// What fuzz targets share: bytes of the input, buffers without EAL and without huge pages, and sums
// over packets. Each segment of a buffer lies in a heap block that ends where its room ends, so
// that ASan sees who reads or writes beside it.

#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "dataplane/core/packet.h"

#define FUZZ_ROOM 2048 // of a buffer that the pool gives, behind its headroom
#define FUZZ_MAX_WIRE 65536

// Input: what is left of it. Zeros behind its end.
struct input {
    const uint8_t *data;
    size_t size;
};

static inline uint8_t take(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

static inline void take_bytes(struct input *in, void *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = take(in);
}

// The pool, made by the first call; as large as `size` for who takes a share of it. It gives
// buffers only if may_give; who asks all the same ends the process.
struct rte_mempool *fuzz_heap(unsigned size, int may_give);
unsigned fuzz_n_live(void);    // segments that are not back
unsigned fuzz_n_waiting(void); // pool_private.n_waiting

// A segment with these bytes (NULL: any) and so much room around them; metadata all zero.
struct rte_mbuf *fuzz_segment(const uint8_t *bytes, uint32_t len, uint32_t headroom,
                              uint32_t tailroom);
// A frame: segment i has lens[i] bytes, if there are as many, and the last one what is left. Room
// is around the first one.
struct rte_mbuf *fuzz_segments(const uint8_t *bytes, uint32_t len, const uint32_t *lens,
                               unsigned n_cuts, uint32_t headroom, uint32_t tailroom);
// All bytes of a frame in `to`, of FUZZ_MAX_WIRE bytes. Returns `to`.
const uint8_t *fuzz_flatten(const struct rte_mbuf *m, uint8_t *to);

// Whether a sum over the packet's L4 part says anything: it has a checksum, and is whole.
int fuzz_is_summed(const uint8_t *bytes, const struct packet *p);
// What it comes to: 0 if it is right, another number if it is not.
uint32_t fuzz_remainder(const uint8_t *bytes, const struct packet *p);
// The same of an IPv4 header.
uint32_t fuzz_remainder_ip4(const uint8_t *ip);

#endif
