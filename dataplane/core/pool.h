// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_POOL_H
#define DATAPLANE_CORE_POOL_H

// Packet buffers with our private area. Each receiving port has its own, bounded pool, so that one
// guest can't take the buffers of another.

#include <rte_mbuf.h>

#define POOL_CACHE_SIZE 128

// A pool of n buffers (at least 2 * POOL_CACHE_SIZE) whose frames may be data_size bytes long
// (headroom comes on top), under a unique name derived from `name`. NULL with rte_errno set. Main
// thread. The data room is followed by at least 8 spare bytes: librte_vhost's checksum completion
// may write one byte behind the data of a full buffer.
struct rte_mempool *pool_create(const char *name, unsigned n, unsigned data_size);

// The pool is to be freed once all its buffers are back; until then it waits in a list. Costs
// nothing here. NULL is fine.
void pool_retire(struct rte_mempool *pool);

// Free some of what has come back, some milliseconds' worth. Main thread, now and then. Returns how
// many pools still wait.
unsigned pool_reap(void);

#endif
