// SPDX-License-Identifier: BSD-3-Clause
// Where are packets in a test that looks at each byte? Called by world.c and loop.c, and by DPDK
// through the operations of a memory pool.

#include "tests/unit/flow/buffers.h"

#include <stdlib.h>
#include <string.h>

#include <rte_mbuf_pool_ops.h>

#include "dataplane/core/packet.h"
#include "dataplane/core/pool.h"

#define ROOM_SIZE (RTE_PKTMBUF_HEADROOM + 2048U) // of buffers that the dataplane asks for
#define POOL_SIZE 4096                           // of which a part may wait for something
#define TAILROOM 64

// As objects of a pool lie in memory: the pool's header in front, the buffer behind, where a clone
// looks for the mbuf that it belongs to.
struct segment {
    struct rte_mempool_objhdr header;
    struct rte_mbuf m;
    struct packet p;
    uint8_t buffer[];
};

// A pool is followed by its private data.
static struct {
    struct rte_mempool pool;
    struct pool_private private;
} heap;
static unsigned n_used;

static struct rte_mbuf *segment(uint32_t len, uint32_t tailroom)
{
    struct segment *s;

    if (posix_memalign((void **)&s, RTE_CACHE_LINE_SIZE,
                       sizeof(*s) + RTE_PKTMBUF_HEADROOM + len + tailroom) != 0)
        abort();
    memset(s, 0, sizeof(*s));
    s->m.priv_size = sizeof(s->p);
    s->m.buf_addr = s->buffer;
    s->m.buf_len = (uint16_t)(RTE_PKTMBUF_HEADROOM + len + tailroom);
    s->m.data_off = RTE_PKTMBUF_HEADROOM;
    s->m.data_len = (uint16_t)len;
    s->m.pkt_len = len;
    s->m.nb_segs = 1;
    s->m.port = RTE_MBUF_PORT_INVALID;
    s->m.pool = &heap.pool;
    rte_mbuf_refcnt_set(&s->m, 1);
    n_used++;
    return &s->m;
}

static int heap_alloc(struct rte_mempool *mp)
{
    (void)mp;
    return 0;
}

static unsigned heap_count(const struct rte_mempool *mp)
{
    return mp->size;
}

static int heap_dequeue(struct rte_mempool *mp, void **objects, unsigned n)
{
    (void)mp;
    for (unsigned i = 0; i < n; i++)
        objects[i] = segment(0, ROOM_SIZE - RTE_PKTMBUF_HEADROOM);
    return 0;
}

static int heap_enqueue(struct rte_mempool *mp, void *const *objects, unsigned n)
{
    (void)mp;
    for (unsigned i = 0; i < n; i++) {
        free(RTE_PTR_SUB(objects[i], offsetof(struct segment, m)));
        n_used--;
    }
    return 0;
}

void buffers_init(void)
{
    static const struct rte_mempool_ops ops = {
        .name = "heap",
        .alloc = heap_alloc,
        .enqueue = heap_enqueue,
        .dequeue = heap_dequeue,
        .get_count = heap_count,
    };

    heap.pool.ops_index = rte_mempool_register_ops(&ops);
    heap.pool.size = POOL_SIZE;
    heap.private.dpdk.mbuf_data_room_size = ROOM_SIZE;
    heap.private.dpdk.mbuf_priv_size = sizeof(struct packet);
    if (rte_mempool_get_priv(&heap.pool) != &heap.private)
        abort();
}

struct rte_mempool *buffers_pool(void)
{
    return &heap.pool;
}

unsigned buffers_n_used(void)
{
    return n_used;
}

struct rte_mbuf *buffers_frame(const uint8_t *bytes, uint32_t len, uint32_t cut)
{
    uint32_t first = cut > 0 && cut < len ? cut : len;
    struct rte_mbuf *m = segment(first, TAILROOM);

    memcpy(rte_pktmbuf_mtod(m, uint8_t *), bytes, first);
    if (first == len)
        return m;
    m->next = segment(len - first, 0);
    memcpy(rte_pktmbuf_mtod(m->next, uint8_t *), bytes + first, len - first);
    m->next->pkt_len = 0;
    m->nb_segs = 2;
    m->pkt_len = len;
    return m;
}
