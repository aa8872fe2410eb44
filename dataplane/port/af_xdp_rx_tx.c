// SPDX-License-Identifier: BSD-3-Clause
// How do frames get in and out of an af-xdp port? Copied between chunks that the kernel knows and
// our buffers, by way of four rings. On workers: no system call here, a ring that waits for the
// kernel is left to af_xdp_io.c, which is next.

#include <linux/if_xdp.h>

#include <rte_memcpy.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/af_xdp.h"

#define CHUNK_MASK (~(uint64_t)(AF_XDP_CHUNK_SIZE - 1))
#define RX_SIZE ((uint64_t)AF_XDP_RX_CHUNKS * AF_XDP_CHUNK_SIZE)
#define MAX_TRIES 1000 // for a queue that workers share
#define MAX_PREFETCH 4

// Copy one chunk to the end of m. What does not fit is the frame's end.
static void append_chunk(struct af_xdp_queue *queue, const struct xdp_desc *d, struct rte_mbuf *m)
{
    uint64_t off = d->addr & ~CHUNK_MASK;

    if (d->addr >= RX_SIZE || d->len > AF_XDP_CHUNK_SIZE - off ||
        d->len > rte_pktmbuf_tailroom(m)) {
        queue->is_spoilt = 1;
        return;
    }
    rte_memcpy(rte_pktmbuf_mtod_offset(m, char *, m->data_len), queue->memory + d->addr, d->len);
    m->data_len = (uint16_t)(m->data_len + d->len);
    m->pkt_len = m->data_len;
}

// Frames of n descriptors, from `first`, into m[], which are n empty buffers. Returns how many are
// complete, at the front of m[]; the other buffers are freed, but one perhaps for a frame whose end
// has not come.
static unsigned copy_frames(struct af_xdp_queue *queue, uint32_t first, unsigned n,
                            struct rte_mbuf **m)
{
    struct rte_mbuf *done[BURST_SIZE];
    unsigned n_done = 0, next = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct xdp_desc *d = xsk_ring_cons__rx_desc(&queue->rx, first + i);
        struct rte_mbuf *frame = queue->partial;

        if (i + MAX_PREFETCH < n)
            rte_prefetch0(queue->memory +
                          xsk_ring_cons__rx_desc(&queue->rx, first + i + MAX_PREFETCH)->addr %
                              RX_SIZE);
        if (frame == NULL)
            frame = m[next++];
        append_chunk(queue, d, frame);
        queue->partial = frame;
        if (d->options & AF_XDP_CONTINUES)
            continue;
        queue->partial = NULL;
        done[n_done++] = frame;
        if (queue->is_spoilt)
            frame->pkt_len = 0;
        queue->is_spoilt = 0;
    }
    for (unsigned i = next; i < n; i++)
        rte_pktmbuf_free(m[i]);
    for (unsigned i = 0; i < n_done; i++)
        m[i] = done[i];
    return n_done;
}

// The same chunks again, for the kernel to fill: their number never exceeds the ring's size.
static void give_back(struct af_xdp_queue *queue, uint32_t first, unsigned n)
{
    uint32_t to;

    if (xsk_ring_prod__reserve(&queue->fill, n, &to) != n)
        return;
    for (unsigned i = 0; i < n; i++)
        *xsk_ring_prod__fill_addr(&queue->fill, to + i) =
            xsk_ring_cons__rx_desc(&queue->rx, first + i)->addr & CHUNK_MASK;
    xsk_ring_prod__submit(&queue->fill, n);
}

// Describe what came; drop what did not fit.
static unsigned finish(const struct af_xdp *device, unsigned worker, struct rte_mbuf **m,
                       unsigned n)
{
    unsigned n_frames = 0;

    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packet_of(m[i]);

        if (unlikely(m[i]->pkt_len == 0)) {
            counters_drop(device->port->slot, worker, DROP_XDP_BAD_FRAME, 1);
            rte_pktmbuf_free(m[i]);
            continue;
        }
        p->in_port = (uint16_t)device->port->slot;
        p->gso_size = 0;
        p->offload = device->has_partial_sums && af_xdp_is_partial(m[i]) ? PACKET_CSUM_PARTIAL : 0;
        m[n_frames++] = m[i];
    }
    return n_frames;
}

unsigned af_xdp_rx_burst(struct port *port, unsigned queue_number, unsigned worker,
                         struct rte_mbuf **m, unsigned n)
{
    struct af_xdp *device = port->device;
    struct af_xdp_queue *queue = &device->queue[queue_number];
    unsigned n_done;
    uint32_t first;

    if (xsk_ring_prod__needs_wakeup(&queue->fill))
        af_xdp_io_kick(); // the driver has run out of buffers and waits
    n = xsk_ring_cons__peek(&queue->rx, n, &first);
    if (n == 0)
        return 0;
    if (rte_pktmbuf_alloc_bulk(device->pool, m, n) < 0) {
        xsk_ring_cons__cancel(&queue->rx, n); // all buffers are on their way: later
        return 0;
    }
    n_done = copy_frames(queue, first, n, m);
    give_back(queue, first, n);
    xsk_ring_cons__release(&queue->rx, n);
    return finish(device, worker, m, n_done);
}

// What the kernel has sent is free again.
static void reclaim(struct af_xdp_queue *queue)
{
    uint32_t first;
    unsigned n = xsk_ring_cons__peek(&queue->completed, AF_XDP_TX_CHUNKS - queue->n_free, &first);

    for (unsigned i = 0; i < n; i++)
        queue->free_chunk[queue->n_free++] =
            (uint32_t)(*xsk_ring_cons__comp_addr(&queue->completed, first + i) & CHUNK_MASK);
    if (n > 0)
        xsk_ring_cons__release(&queue->completed, n);
}

// Copy m, of any number of segments, to chunks whose descriptors are reserved from `first`.
static void write_frame(struct af_xdp_queue *queue, const struct rte_mbuf *m, uint32_t first)
{
    uint32_t left = m->pkt_len, off = 0;

    for (; left > 0; first++) {
        struct xdp_desc *d = xsk_ring_prod__tx_desc(&queue->tx, first);
        uint32_t len = RTE_MIN(left, (uint32_t)AF_XDP_CHUNK_SIZE);
        char *to = queue->memory + queue->free_chunk[--queue->n_free];
        const char *from = rte_pktmbuf_read(m, off, len, to);

        if (from != to)
            rte_memcpy(to, from, len);
        off += len;
        left -= len;
        d->addr = queue->free_chunk[queue->n_free];
        d->len = len;
        d->options = left > 0 ? AF_XDP_CONTINUES : 0;
    }
}

static unsigned send_frames(struct af_xdp_queue *queue, struct rte_mbuf **m, unsigned n)
{
    unsigned n_sent = 0, n_chunks = 0;
    uint32_t first;

    reclaim(queue);
    for (; n_sent < n; n_sent++) {
        unsigned wanted = (m[n_sent]->pkt_len + AF_XDP_CHUNK_SIZE - 1) / AF_XDP_CHUNK_SIZE;

        if (wanted > queue->n_free || xsk_ring_prod__reserve(&queue->tx, wanted, &first) != wanted)
            break;
        write_frame(queue, m[n_sent], first);
        n_chunks += wanted;
    }
    if (n_chunks > 0)
        xsk_ring_prod__submit(&queue->tx, n_chunks);
    return n_sent;
}

unsigned af_xdp_tx_burst(struct port *port, unsigned queue_number, struct rte_mbuf **m, unsigned n)
{
    struct af_xdp *device = port->device;
    struct af_xdp_queue *queue = &device->queue[queue_number];

    // Nobody waits: what another worker is in the way of counts as a full ring.
    for (unsigned n_tries = 0; device->is_shared && !rte_spinlock_trylock(&queue->tx_lock);
         n_tries++) {
        if (n_tries == MAX_TRIES)
            return 0;
        rte_pause();
    }
    n = send_frames(queue, m, n);
    if (device->is_shared)
        rte_spinlock_unlock(&queue->tx_lock);
    if (n > 0)
        rte_pktmbuf_free_bulk(m, n);
    if (xsk_ring_prod__needs_wakeup(&queue->tx))
        af_xdp_io_kick();
    return n;
}
