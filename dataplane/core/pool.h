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

// What DPDK keeps of a pool, and what we do.
struct pool_private {
    struct rte_pktmbuf_pool_private dpdk;
    uint32_t n_waiting; // atomic: buffers of packets that wait
};

// Packets may wait for something, but not in so many buffers that their port has none left to
// receive into: at most one in POOL_WAITING_SHARE, whoever they wait for. Take m's for waiting.
// Returns 0: too many wait already. Worker.
#define POOL_WAITING_SHARE 4

static inline int pool_begin_wait(const struct rte_mbuf *m)
{
    struct pool_private *private = rte_mempool_get_priv(m->pool);
    uint32_t n = m->nb_segs;

    if (__atomic_add_fetch(&private->n_waiting, n, __ATOMIC_RELAXED) <=
        m->pool->size / POOL_WAITING_SHARE)
        return 1;
    __atomic_fetch_sub(&private->n_waiting, n, __ATOMIC_RELAXED);
    return 0;
}

// It waits no longer; m has as many segments as it had.
static inline void pool_end_wait(const struct rte_mbuf *m)
{
    struct pool_private *private = rte_mempool_get_priv(m->pool);

    __atomic_fetch_sub(&private->n_waiting, (uint32_t)m->nb_segs, __ATOMIC_RELAXED);
}

// Free some of what has come back, some milliseconds' worth. Main thread, now and then. Returns how
// many pools still wait.
unsigned pool_reap(void);

#endif
