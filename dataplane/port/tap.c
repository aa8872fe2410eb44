// SPDX-License-Identifier: BSD-3-Clause
// How is a kernel interface a port? A tap whose frames carry virtio_net headers, so that checksum
// and TSO work is left to whoever is at the end. Here: opening and closing (main thread) and the
// rings' worker side. The interface itself is tap_kernel.c's, reading and writing tap_io.c's.

#include "dataplane/port/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"

#define N_BUFFERS (2 * TAP_RING_SIZE) // half a ring to read into, one received, the rest on the way
#define MAX_TSO_SIZE (UINT16_MAX - RTE_PKTMBUF_HEADROOM - 64) // a buffer's size is 16 bits
#define WATCHES_PER_SEC 10

static struct rte_ring *ring_create(const struct port *port, const char *kind, unsigned i,
                                    unsigned flags)
{
    char name[RTE_RING_NAMESIZE];

    snprintf(name, sizeof(name), "tap%u_%s%u", port->slot, kind, i);
    return rte_ring_create(name, TAP_RING_SIZE, SOCKET_ID_ANY, RING_F_SP_ENQ | flags);
}

static int make_rings(struct tap *tap)
{
    for (unsigned i = 0; i < tap->n_queues; i++) {
        tap->queue[i].empty = ring_create(tap->port, "e", i, RING_F_SC_DEQ);
        tap->queue[i].received = ring_create(tap->port, "r", i, RING_F_SC_DEQ);
        if (tap->queue[i].empty == NULL || tap->queue[i].received == NULL)
            return -ENOMEM;
    }
    for (unsigned i = 0; i < tap->n_lanes; i++) {
        tap->lane[i].to_kernel = ring_create(tap->port, "t", i, RING_F_SC_DEQ);
        tap->lane[i].sent = ring_create(tap->port, "s", i, 0);
        if (tap->lane[i].to_kernel == NULL || tap->lane[i].sent == NULL)
            return -ENOMEM;
    }
    return 0;
}

static void free_ring(struct rte_ring *ring)
{
    void *m;

    while (ring != NULL && rte_ring_dequeue(ring, &m) == 0)
        rte_pktmbuf_free(m);
    rte_ring_free(ring);
}

static void destroy(struct tap *tap)
{
    for (unsigned i = 0; i < tap->n_queues; i++) {
        if (tap->queue[i].fd >= 0)
            close(tap->queue[i].fd);
        free_ring(tap->queue[i].empty);
        free_ring(tap->queue[i].received);
    }
    for (unsigned i = 0; i < tap->n_lanes; i++) {
        free_ring(tap->lane[i].to_kernel);
        free_ring(tap->lane[i].sent);
    }
    if (tap->netns_fd >= 0)
        close(tap->netns_fd);
    pool_retire(tap->pool);
    free(tap);
}

// Give the thread buffers to read into: those that came back empty and new ones. Worker.
static void refill(struct tap *tap, struct tap_queue *queue)
{
    struct rte_mbuf *m[BURST_SIZE];
    unsigned n = rte_ring_free_count(queue->empty);

    // Half a ring at the most, so that what is read always fits into `received`.
    if (n < TAP_RING_SIZE / 2)
        return;
    n = RTE_MIN(n - TAP_RING_SIZE / 2 + 1, (unsigned)BURST_SIZE);
    if (rte_pktmbuf_alloc_bulk(tap->pool, m, n) == 0)
        rte_ring_sp_enqueue_bulk(queue->empty, (void **)m, n, NULL);
}

static int make_buffers(struct port *port, struct tap *tap, struct error *e)
{
    unsigned data_size = port->config.flags & API_PORT_TSO ? MAX_TSO_SIZE : port->max_frame_len;

    tap->pool = pool_create(port->config.name, tap->n_queues * N_BUFFERS, data_size);
    if (tap->pool == NULL || make_rings(tap) < 0)
        return error_set(e, -ENOMEM, NULL,
                         "no memory for the tap's buffers: give the dataplane more "
                         "with -- -m MEGABYTES");
    return 0;
}

static void free_sent(struct tap_lane *lane)
{
    void *m[BURST_SIZE];
    unsigned n = rte_ring_mc_dequeue_burst(lane->sent, m, BURST_SIZE, NULL);

    if (n > 0)
        rte_pktmbuf_free_bulk((struct rte_mbuf **)m, n);
}

static void follow_link(struct port *port, struct tap *tap, enum tap_link_state link)
{
    char text[API_TEXT_SIZE];

    if (link == TAP_LINK_UP && port->state != API_PORT_LINK_UP)
        port_set_state(port, API_PORT_LINK_UP, NULL);
    if (link == TAP_LINK_UP)
        return;
    if (port->state != API_PORT_LINK_DOWN || counters_stats->port[port->slot].text[0] == '\0') {
        snprintf(text, sizeof(text), "the interface is set down: ip link set %.15s up", port->path);
        port_set_state(port, API_PORT_LINK_DOWN, text);
    }
    // No worker polls it now: other ports' buffers must not wait here.
    for (unsigned i = 0; i < tap->n_lanes; i++)
        while (!rte_ring_empty(tap->lane[i].sent))
            free_sent(&tap->lane[i]);
}

static void tap_watch(struct port *port)
{
    struct tap *tap = port->device;
    enum tap_link_state link = tap_link_state(tap);
    struct api_stats_port *row;

    if (link == TAP_LINK_GONE || __atomic_load_n(&tap->is_gone, __ATOMIC_ACQUIRE)) {
        port_lose(port, "the interface was deleted; it is made anew");
        return;
    }
    if (tap->n_watches++ % WATCHES_PER_SEC == 0 && tap_is_stranded(tap)) {
        port_lose(port, "its network namespace was deleted");
        return;
    }
    follow_link(port, tap, link);
    row = counters_port_write(port->slot);
    row->pool_size = tap->pool->size;
    row->pool_used = rte_mempool_in_use_count(tap->pool);
    counters_port_done(row);
}

static int tap_open(struct port *port, struct error *e)
{
    struct tap *tap = calloc(1, sizeof(*tap));
    uint32_t capability = PORT_TX_MULTI_SEG | PORT_TX_CSUM | PORT_TX_TSO4 | PORT_TX_TSO6;
    int rc;

    if (tap == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    tap->port = port;
    tap->netns_fd = -1;
    tap->n_queues = port->config.n_queues;
    tap->n_lanes = counters_stats->n_workers;
    for (unsigned i = 0; i < tap->n_queues; i++)
        tap->queue[i].fd = -1;
    rc = make_buffers(port, tap, e);
    if (rc == 0)
        rc = tap_attach(tap, e);
    if (rc == 0)
        rc = tap_io_add(tap, e);
    if (rc < 0) {
        destroy(tap);
        return rc;
    }
    if (!(port->config.flags & API_PORT_CSUM))
        capability = PORT_TX_MULTI_SEG;
    else if (!(port->config.flags & API_PORT_TSO))
        capability = PORT_TX_MULTI_SEG | PORT_TX_CSUM;
    __atomic_store_n(&port->capability, capability, __ATOMIC_RELAXED);
    port->device = tap;
    port->n_rx_queues = (uint8_t)tap->n_queues;
    port->n_tx_queues = (uint8_t)tap->n_lanes;
    port_set_state(port, API_PORT_LINK_DOWN, NULL);
    tap_watch(port);
    return 0;
}

static void tap_close(struct port *port)
{
    struct tap *tap = port->device;

    tap_io_remove(tap);
    destroy(tap);
}

static unsigned tap_rx_burst(struct port *port, unsigned queue_number, unsigned worker,
                             struct rte_mbuf **m, unsigned n)
{
    struct tap *tap = port->device;
    struct tap_queue *queue = &tap->queue[queue_number];
    unsigned n_taken = rte_ring_sc_dequeue_burst(queue->received, (void **)m, n, NULL);
    unsigned n_frames = 0;

    (void)worker;
    // Buffers of a guest that only sends here, and now waits for them, come back by this poll.
    for (unsigned i = 0; i < tap->n_lanes; i++)
        free_sent(&tap->lane[i]);
    for (unsigned i = 0; i < n_taken; i++) {
        if (m[i]->pkt_len == 0)
            rte_pktmbuf_free(m[i]); // an unused buffer, see read_queue
        else
            m[n_frames++] = m[i];
    }
    refill(tap, queue);
    return n_frames;
}

static unsigned tap_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    struct tap *tap = port->device;
    struct tap_lane *lane = &tap->lane[queue];

    free_sent(lane);
    n = rte_ring_sp_enqueue_burst(lane->to_kernel, (void **)m, n, NULL);
    if (n > 0)
        tap_io_kick();
    return n;
}

const struct port_ops port_tap_ops = {
    .name = "tap",
    .open = tap_open,
    .close = tap_close,
    .rx_burst = tap_rx_burst,
    .tx_burst = tap_tx_burst,
    .watch = tap_watch,
    .forget = tap_forget,
    .sweep = tap_sweep,
    .set_carrier = tap_set_carrier,
};
