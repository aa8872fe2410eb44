// SPDX-License-Identifier: BSD-3-Clause
// What is still to be walked, and with which buffers does the dataplane speak for itself? A
// worker's queue between two functions and the pool of buffers for packets that no port brought.
// Made by main.c before workers start; used by egress.c, walk.c and functions. Next: walk.c takes
// from it.

#include "dataplane/walk/queue.h"

#include <errno.h>

#include <rte_malloc.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"

#define N_OWN_BUFFERS 4096
#define OWN_DATA_SIZE 2048 // an echo request, an ARP request: all that is begun here

static struct walk_queue *queues[API_MAX_WORKERS];
static struct rte_mempool *own_pool;

int walk_queue_init(unsigned n_workers, struct error *e)
{
    own_pool = pool_create("own", N_OWN_BUFFERS, OWN_DATA_SIZE);
    for (unsigned i = 0; own_pool != NULL && i < n_workers; i++) {
        queues[i] = rte_zmalloc("walk_queue", sizeof(*queues[i]), RTE_CACHE_LINE_SIZE);
        if (queues[i] == NULL)
            break;
        queues[i]->pool = own_pool;
    }
    if (own_pool != NULL && queues[n_workers - 1] != NULL)
        return 0;
    walk_queue_fini();
    return error_set(e, -ENOMEM, NULL, "no memory for the workers' queues: give more with -- -m");
}

void walk_queue_fini(void)
{
    for (unsigned i = 0; i < API_MAX_WORKERS; i++) {
        rte_free(queues[i]);
        queues[i] = NULL;
    }
    pool_retire(own_pool);
    own_pool = NULL;
}

struct walk_queue *walk_queue_of(unsigned worker)
{
    return queues[worker];
}

void walk_queue_add(const struct walk_context *ctx, struct rte_mbuf *m, uint32_t in)
{
    struct walk_queue *queue = ctx->queue;
    struct packet *p = packet_of(m);
    enum api_drop reason = DROP_WALK_TOO_LONG;

    if (unlikely(in == ATTACHMENT_NONE)) {
        reason = DROP_CABLE_UNPLUGGED;
    } else if (likely(walk_queue_has_room(queue, p))) {
        p->in = in;
        p->n_hops++;
        queue->m[queue->tail++] = m;
        return;
    }
    counters_drop(p->in_port, ctx->worker, reason, 1);
    rte_pktmbuf_free(m);
}

unsigned walk_queue_take(struct walk_queue *queue, struct rte_mbuf **m, unsigned n)
{
    unsigned n_taken = RTE_MIN(n, queue->tail - queue->head);

    for (unsigned i = 0; i < n_taken; i++)
        m[i] = queue->m[queue->head++];
    if (n_taken == 0) {
        queue->head = 0;
        queue->tail = 0;
    }
    return n_taken;
}

struct rte_mbuf *walk_alloc(const struct walk_context *ctx)
{
    struct rte_mbuf *m = rte_pktmbuf_alloc(ctx->queue->pool);

    if (likely(m != NULL)) {
        memset(packet_of(m), 0, sizeof(struct packet));
        packet_of(m)->in_port = API_MAX_PORTS;
        packet_of(m)->l2_error = API_DROP_NONE;
        packet_of(m)->l3_error = API_DROP_NONE;
    }
    return m;
}
