// SPDX-License-Identifier: BSD-3-Clause
// How does a packet leave? Gathered by port, made fit for that receiver (offload.c), handed over in
// one burst. A full ring drops here, at this port only; nobody waits. Called by the walk and the
// worker's loop; the end of a packet's way.

#include "dataplane/port/tx.h"

#include <rte_malloc.h>

#include "dataplane/core/counters.h"
#include "dataplane/port/offload.h"

struct tx_buffer {
    struct port *port;
    unsigned n;
    struct rte_mbuf *m[BURST_SIZE];
};

struct port_tx {
    unsigned worker;
    unsigned n_pending;
    uint16_t pending[API_MAX_PORTS]; // slots with packets
    struct tx_buffer buffer[API_MAX_PORTS];
};

struct port_tx *port_tx_create(unsigned worker)
{
    struct port_tx *tx = rte_zmalloc("port_tx", sizeof(*tx), RTE_CACHE_LINE_SIZE);

    if (tx != NULL)
        tx->worker = worker;
    return tx;
}

void port_tx_destroy(struct port_tx *tx)
{
    rte_free(tx);
}

static void drop_all(struct port_tx *tx, const struct port *port, struct rte_mbuf **m, unsigned n,
                     enum api_drop reason)
{
    counters_drop(port->slot, tx->worker, reason, n);
    rte_pktmbuf_free_bulk(m, n);
}

static void send_burst(struct port_tx *tx, struct port *port, struct rte_mbuf **m, unsigned n)
{
    struct api_counters *c = counters_of(port->slot, tx->worker);
    unsigned n_queues = __atomic_load_n(&port->n_tx_queues, __ATOMIC_RELAXED);
    uint32_t len[BURST_SIZE];
    unsigned n_sent;

    if (!port_is_up(port) || n_queues == 0) {
        drop_all(tx, port, m, n, DROP_PORT_DOWN);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        len[i] = m[i]->pkt_len; // what is sent is no longer ours to read
    n_sent = port->ops->tx_burst(port, tx->worker % n_queues, m, n);
    c->tx_packets += n_sent;
    for (unsigned i = 0; i < n_sent; i++)
        c->tx_bytes += len[i];
    if (unlikely(n_sent < n))
        drop_all(tx, port, m + n_sent, n - n_sent, DROP_PORT_TX_FULL);
}

// A packet that needs work before this receiver can take it: it may become many.
static void send_prepared(struct port_tx *tx, struct port *port, struct rte_mbuf *m)
{
    struct rte_mbuf *out[OFFLOAD_MAX_SEGMENTS];
    uint8_t reason = API_DROP_NONE;
    unsigned n = offload_prepare(m, port, out, OFFLOAD_MAX_SEGMENTS, &reason);

    if (n == 0)
        counters_drop(port->slot, tx->worker, reason, 1);
    for (unsigned i = 0; i < n; i += BURST_SIZE)
        send_burst(tx, port, out + i, RTE_MIN(n - i, (unsigned)BURST_SIZE));
}

static int is_ready(const struct port *port, const struct rte_mbuf *m)
{
    return packet_of((struct rte_mbuf *)(uintptr_t)m)->offload == 0 &&
           m->pkt_len <= port->max_frame_len &&
           (m->nb_segs == 1 ||
            (__atomic_load_n(&port->capability, __ATOMIC_RELAXED) & PORT_TX_MULTI_SEG));
}

static void flush_buffer(struct port_tx *tx, struct tx_buffer *buffer)
{
    struct rte_mbuf *ready[BURST_SIZE];
    unsigned n_ready = 0;

    for (unsigned i = 0; i < buffer->n; i++) {
        struct rte_mbuf *m = buffer->m[i];

        if (likely(is_ready(buffer->port, m))) {
            m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
            ready[n_ready++] = m;
            continue;
        }
        // Keep the order: what was ready before goes first.
        if (n_ready > 0)
            send_burst(tx, buffer->port, ready, n_ready);
        n_ready = 0;
        send_prepared(tx, buffer->port, m);
    }
    if (n_ready > 0)
        send_burst(tx, buffer->port, ready, n_ready);
    buffer->n = 0;
}

void port_tx_add(struct port_tx *tx, struct port *port, struct rte_mbuf *m)
{
    struct tx_buffer *buffer = &tx->buffer[port->slot];

    if (buffer->n == 0) {
        buffer->port = port;
        tx->pending[tx->n_pending++] = (uint16_t)port->slot;
    } else if (unlikely(buffer->n == BURST_SIZE)) {
        flush_buffer(tx, buffer);
    }
    buffer->m[buffer->n++] = m;
}

void port_tx_flush(struct port_tx *tx)
{
    for (unsigned i = 0; i < tx->n_pending; i++)
        flush_buffer(tx, &tx->buffer[tx->pending[i]]);
    tx->n_pending = 0;
}
