// SPDX-License-Identifier: BSD-3-Clause
// Who owns which buffers? One pool for each receiving port, retired when the port closes and freed
// once receivers have given all its buffers back. Main thread; may take some milliseconds in a
// tick, no more. Next: port/port.c.

#include "dataplane/core/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf_pool_ops.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/qsbr.h"

// The element behind a full buffer: see pool_create in the header.
#define SPARE_SIZE 8
// DPDK zeroes what it frees, many megabytes of it: so much time for that in one call of pool_reap.
#define REAP_NS 5000000U

struct retired {
    struct rte_mempool *pool;
    int was_full; // when it was last looked at
    LIST_ENTRY(retired) entry;
};

static LIST_HEAD(, retired) graveyard = LIST_HEAD_INITIALIZER(graveyard);

// Free complete pools until `budget` cycles are spent. Returns how many are left. A pool may look
// complete a moment before a worker is done with putting the last buffers back, so it must look so
// twice, with a grace period in between.
static unsigned reap(uint64_t budget)
{
    uint64_t begin = rte_rdtsc();
    struct retired *retired, *next;
    unsigned n_left = 0;

    if (!LIST_EMPTY(&graveyard))
        qsbr_wait();
    for (retired = LIST_FIRST(&graveyard); retired != NULL; retired = next) {
        next = LIST_NEXT(retired, entry);
        int is_full = rte_mempool_full(retired->pool);

        if (rte_rdtsc() - begin > budget || !is_full || !retired->was_full) {
            retired->was_full = is_full;
            n_left++;
            continue;
        }
        LIST_REMOVE(retired, entry);
        rte_mempool_free(retired->pool);
        free(retired);
    }
    return n_left;
}

// How much of the data room an mbuf may use, such that the rest of the element's last line is
// spare.
static uint16_t usable_room(unsigned data_size)
{
    unsigned room = RTE_CACHE_LINE_ROUNDUP(data_size + RTE_PKTMBUF_HEADROOM + SPARE_SIZE);

    if (room - SPARE_SIZE > UINT16_MAX)
        room = UINT16_MAX + 1U; // the length of an mbuf's buffer is 16 bits
    return (uint16_t)(room - SPARE_SIZE);
}

// As rte_pktmbuf_pool_create does it, with more room for what is kept of the pool. NULL: rte_errno.
static struct rte_mempool *create(const char *name, unsigned n, unsigned data_size)
{
    struct pool_private private = {.dpdk = {.mbuf_data_room_size = usable_room(data_size),
                                            .mbuf_priv_size = sizeof(struct packet)}};
    unsigned size = (unsigned)(sizeof(struct rte_mbuf) + sizeof(struct packet)) +
                    private.dpdk.mbuf_data_room_size;
    struct rte_mempool *pool =
        rte_mempool_create_empty(name, n, size, POOL_CACHE_SIZE, sizeof(private), SOCKET_ID_ANY, 0);
    int rc;

    if (pool == NULL)
        return NULL;
    rc = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
    if (rc == 0) {
        rte_pktmbuf_pool_init(pool, &private);
        memcpy(rte_mempool_get_priv(pool), &private, sizeof(private));
        rc = rte_mempool_populate_default(pool);
    }
    if (rc < 0) {
        rte_mempool_free(pool);
        rte_errno = -rc;
        return NULL;
    }
    rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
    return pool;
}

struct rte_mempool *pool_create(const char *name, unsigned n, unsigned data_size)
{
    static unsigned n_created; // names must differ although a retired namesake may wait
    char unique[RTE_MEMPOOL_NAMESIZE];
    struct rte_mempool *pool;

    snprintf(unique, sizeof(unique), "%.12s_%u", name, n_created++);
    pool = create(unique, n, data_size);
    if (pool != NULL || LIST_EMPTY(&graveyard))
        return pool;
    reap(UINT64_MAX);
    reap(UINT64_MAX); // see there
    return create(unique, n, data_size);
}

void pool_retire(struct rte_mempool *pool)
{
    struct retired *retired;

    if (pool == NULL)
        return;
    retired = malloc(sizeof(*retired));
    if (retired == NULL)
        return; // a leak of one pool is better than buffers freed under a reader
    retired->pool = pool;
    retired->was_full = 0;
    LIST_INSERT_HEAD(&graveyard, retired, entry);
}

unsigned pool_reap(void)
{
    return reap(REAP_NS * rte_get_tsc_hz() / 1000000000U);
}
