// SPDX-License-Identifier: BSD-3-Clause
// See lab.h.
#include "tests/fuzz/lab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_mempool.h>

#include "dataplane/core/pool.h"

struct segment {
    struct rte_mbuf m;
    struct packet p;
};

// A pool is followed by its private data.
static struct {
    struct rte_mempool pool;
    struct pool_private private;
} heap;
static unsigned n_live;

static int heap_alloc(struct rte_mempool *mp)
{
    (void)mp;
    return 0;
}

static unsigned heap_count(const struct rte_mempool *mp)
{
    return mp->size; // n_live tells what is not back
}

static int heap_give(struct rte_mempool *mp, void **objects, unsigned n)
{
    (void)mp;
    for (unsigned i = 0; i < n; i++)
        objects[i] = fuzz_segment(NULL, 0, RTE_PKTMBUF_HEADROOM, FUZZ_ROOM);
    return 0;
}

static int heap_refuse(struct rte_mempool *mp, void **objects, unsigned n)
{
    (void)mp, (void)objects, (void)n;
    abort(); // nothing here may allocate
}

static int heap_take_back(struct rte_mempool *mp, void *const *objects, unsigned n)
{
    (void)mp;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = objects[i];

        free(m->buf_addr);
        free(m);
        n_live--;
    }
    return 0;
}

struct rte_mempool *fuzz_heap(unsigned size, int may_give)
{
    struct rte_mempool_ops ops = {
        .name = "heap",
        .alloc = heap_alloc,
        .enqueue = heap_take_back,
        .dequeue = may_give ? heap_give : heap_refuse,
        .get_count = heap_count,
    };

    if (heap.pool.size != 0)
        return &heap.pool;
    heap.pool.ops_index = rte_mempool_register_ops(&ops);
    assert(heap.pool.ops_index >= 0 && rte_mempool_get_priv(&heap.pool) == &heap.private);
    heap.pool.size = size;
    heap.private.dpdk.mbuf_data_room_size = RTE_PKTMBUF_HEADROOM + FUZZ_ROOM;
    heap.private.dpdk.mbuf_priv_size = sizeof(struct packet);
    return &heap.pool;
}

unsigned fuzz_n_live(void)
{
    return n_live;
}

unsigned fuzz_n_waiting(void)
{
    return heap.private.n_waiting;
}

struct rte_mbuf *fuzz_segment(const uint8_t *bytes, uint32_t len, uint32_t headroom,
                              uint32_t tailroom)
{
    struct segment *s = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*s));
    uint8_t *buffer = malloc(headroom + len + tailroom);

    assert(s != NULL && buffer != NULL && headroom + len + tailroom <= UINT16_MAX);
    memset(s, 0, sizeof(*s));
    s->m.priv_size = sizeof(s->p);
    s->m.buf_addr = buffer;
    s->m.buf_len = (uint16_t)(headroom + len + tailroom);
    s->m.data_off = (uint16_t)headroom;
    s->m.data_len = (uint16_t)len;
    s->m.pkt_len = len;
    s->m.nb_segs = 1;
    s->m.pool = &heap.pool;
    rte_mbuf_refcnt_set(&s->m, 1);
    if (bytes != NULL)
        memcpy(buffer + headroom, bytes, len);
    n_live++;
    return &s->m;
}

struct rte_mbuf *fuzz_segments(const uint8_t *bytes, uint32_t len, const uint32_t *lens,
                               unsigned n_cuts, uint32_t headroom, uint32_t tailroom)
{
    struct rte_mbuf *first = NULL, **link = &first;
    uint32_t at = 0;

    for (unsigned i = 0; i <= n_cuts; i++) {
        uint32_t n = i < n_cuts ? RTE_MIN(lens[i], len - at) : len - at;

        *link = fuzz_segment(bytes + at, n, i == 0 ? headroom : 0, i == 0 ? tailroom : 0);
        link = &(*link)->next;
        at += n;
    }
    first->pkt_len = len;
    first->nb_segs = (uint16_t)(n_cuts + 1);
    return first;
}

const uint8_t *fuzz_flatten(const struct rte_mbuf *m, uint8_t *to)
{
    uint32_t at = 0, n = 0;

    assert(m->pkt_len <= FUZZ_MAX_WIRE);
    for (const struct rte_mbuf *s = m; s != NULL; s = s->next, n++) {
        assert(s->data_len <= m->pkt_len - at);
        memcpy(to + at, rte_pktmbuf_mtod(s, const uint8_t *), s->data_len);
        at += s->data_len;
    }
    assert(at == m->pkt_len && n == m->nb_segs);
    return to;
}

int fuzz_is_summed(const uint8_t *bytes, const struct packet *p)
{
    if (!(p->flags & PACKET_L4) || p->l4_proto == IPPROTO_SCTP || (p->flags & PACKET_FRAGMENT))
        return 0;
    if ((p->flags & PACKET_IP6) && (p->flags & PACKET_IP_OPTIONS)) // a routing header, perhaps
        return 0;
    return p->l4_proto != IPPROTO_UDP || (bytes[p->l4_off + 6] | bytes[p->l4_off + 7]) != 0;
}

uint32_t fuzz_remainder(const uint8_t *bytes, const struct packet *p)
{
    int is_ip4 = (p->flags & PACKET_IP4) != 0;
    const uint8_t *addresses = bytes + p->l3_off + (is_ip4 ? 12 : 8);
    uint64_t sum = 0;

    if (p->l4_proto != IPPROTO_ICMP) { // RFC 9293, 3.1; RFC 8200, 8.1
        for (uint32_t i = 0; i < (is_ip4 ? 8 : 32); i++)
            sum += (uint32_t)addresses[i] << (i % 2 ? 0 : 8);
        sum += p->l4_proto + (uint64_t)(p->l3_end - p->l4_off);
    }
    for (uint32_t i = p->l4_off; i < p->l3_end; i++)
        sum += (uint32_t)bytes[i] << ((i - p->l4_off) % 2 ? 0 : 8);
    return (uint32_t)(sum % 0xffff);
}

uint32_t fuzz_remainder_ip4(const uint8_t *ip)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < (ip[0] & 15U) * 4; i += 2)
        sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
    return sum % 0xffff;
}
