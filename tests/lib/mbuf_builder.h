// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_LIB_MBUF_BUILDER_H
#define TESTS_LIB_MBUF_BUILDER_H

// Frames in mbufs with our private area, in one segment or cut into several. Failures abort.

#include <rte_mbuf.h>

#include "dataplane/core/packet.h"

#define MBUF_TAILROOM_ANY UINT32_MAX // as the buffer has it

// rte_eal_init without huge pages, devices or files.
void mbuf_eal_init(void);

// A pool of n buffers with room for `data_size` bytes behind the headroom.
struct rte_mempool *mbuf_pool(const char *name, unsigned n, unsigned data_size);

// `len` bytes in n_cuts + 1 segments: cuts[i] is the offset where segment i + 1 begins, ascending;
// equal ones make empty segments. The first segment keeps `tailroom` bytes behind its data (data is
// moved up in the buffer). The metadata is filled with 0x5a, in_port 7, no offload.
struct rte_mbuf *mbuf_build(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len,
                            const uint32_t *cuts, unsigned n_cuts, uint32_t tailroom);

// Does the chain hold exactly these bytes, with consistent lengths and no empty segment but the
// first?
int mbuf_holds(const struct rte_mbuf *m, const uint8_t *bytes, uint32_t len);

#endif
