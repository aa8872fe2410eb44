// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_BUFFERS_H
#define TESTS_UNIT_FLOW_BUFFERS_H

// A pool whose buffers lie on the heap, each on its own, so that a sanitizer sees who reads or
// writes beside one, or after it was given back. Never empty.

#include <rte_mbuf.h>

// Once, after the EAL.
void buffers_init(void);
struct rte_mempool *buffers_pool(void);
// Buffers that nobody has given back.
unsigned buffers_n_used(void);

// A frame in one segment or, if `cut` is neither 0 nor the end, in two.
struct rte_mbuf *buffers_frame(const uint8_t *bytes, uint32_t len, uint32_t cut);

#endif
