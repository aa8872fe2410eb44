// SPDX-License-Identifier: BSD-3-Clause
// What is one queue of an af-xdp port? Memory registered with the kernel, cut into chunks: some lie
// in the fill ring from the beginning and come back to it, the others are sent and come back by the
// completion ring. Opening and closing, main thread. Next: af_xdp_rx_tx.c.

#include <errno.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/port/af_xdp.h"

#define N_CHUNKS (AF_XDP_RX_CHUNKS + AF_XDP_TX_CHUNKS)
#define MEMORY_SIZE ((size_t)N_CHUNKS * AF_XDP_CHUNK_SIZE)
#define BIND_MULTI_CHUNK (1U << 4) // XDP_USE_SG of Linux 6.6, which older headers don't have

static int register_memory(struct af_xdp_queue *queue, struct error *e)
{
    const struct xsk_umem_config config = {
        .fill_size = AF_XDP_RX_CHUNKS,
        .comp_size = AF_XDP_TX_CHUNKS,
        .frame_size = AF_XDP_CHUNK_SIZE,
    };
    int rc;

    rc = xsk_umem__create(&queue->umem, queue->memory, MEMORY_SIZE, &queue->fill, &queue->completed,
                          &config);
    if (rc == 0)
        return 0;
    queue->umem = NULL;
    return error_set(e, rc, NULL, "can't share %zu bytes with the kernel for AF_XDP: %s%s",
                     MEMORY_SIZE, strerror(-rc),
                     rc == -ENOBUFS || rc == -ENOMEM ? "; raise the locked memory limit (ulimit -l)"
                     : rc == -EPERM                  ? "; it takes CAP_NET_RAW"
                                                     : "");
}

// One way to bind. The memory's rings belong to its first socket: a failed try takes both along.
static int try_bind(const struct af_xdp *device, struct af_xdp_queue *queue, unsigned number,
                    unsigned flags, struct error *e)
{
    struct xsk_socket_config config = {
        .rx_size = AF_XDP_RX_CHUNKS,
        .tx_size = AF_XDP_TX_CHUNKS,
        .libxdp_flags = XSK_LIBXDP_FLAGS__INHIBIT_PROG_LOAD,
        .bind_flags = (uint16_t)(flags | XDP_USE_NEED_WAKEUP),
    };
    int rc = register_memory(queue, e);

    if (rc < 0)
        return rc;
    if (device->is_multi_chunk)
        config.bind_flags |= BIND_MULTI_CHUNK;
    rc = xsk_socket__create(&queue->socket, device->port->path, number, queue->umem, &queue->rx,
                            &queue->tx, &config);
    if (rc == 0)
        return 0;
    queue->socket = NULL;
    xsk_umem__delete(queue->umem);
    queue->umem = NULL;
    return rc;
}

static int refuse(const struct af_xdp *device, unsigned number, int rc, struct error *e)
{
    const char *interface = device->port->path;

    if (rc == -EBUSY)
        return error_set(e, rc, NULL,
                         "receive queue %u of %s has another AF_XDP socket: end the program that "
                         "holds it",
                         number, interface);
    if (rc == -EINVAL && device->is_multi_chunk)
        return error_set(
            e, rc, NULL,
            "MTU %u: more than %d bytes take XDP multi-buffer, which %s or this kernel "
            "(before 6.6) has not",
            device->port->mtu, AF_XDP_CHUNK_ROOM - 22, interface);
    if (rc == -EINVAL)
        return error_set(e, rc, NULL,
                         "%s has no queue %u: queues must be its receive queues or "
                         "fewer (ethtool -l %s)",
                         interface, number, interface);
    return error_set(e, rc, NULL, "no AF_XDP socket on queue %u of %s: %s%s", number, interface,
                     strerror(-rc), rc == -EPERM ? "; it takes CAP_NET_RAW" : "");
}

static void place_chunks(struct af_xdp_queue *queue)
{
    uint32_t first;

    // The ring is as large as this and empty.
    if (xsk_ring_prod__reserve(&queue->fill, AF_XDP_RX_CHUNKS, &first) == AF_XDP_RX_CHUNKS) {
        for (uint32_t i = 0; i < AF_XDP_RX_CHUNKS; i++)
            *xsk_ring_prod__fill_addr(&queue->fill, first + i) = (uint64_t)i * AF_XDP_CHUNK_SIZE;
        xsk_ring_prod__submit(&queue->fill, AF_XDP_RX_CHUNKS);
    }
    for (uint32_t i = 0; i < AF_XDP_TX_CHUNKS; i++)
        queue->free_chunk[i] = (AF_XDP_RX_CHUNKS + i) * AF_XDP_CHUNK_SIZE;
    queue->n_free = AF_XDP_TX_CHUNKS;
}

int af_xdp_queue_init(struct af_xdp *device, unsigned i, const struct af_xdp_grant *grant,
                      struct error *e)
{
    struct af_xdp_queue *queue = &device->queue[i];
    int rc = -EOPNOTSUPP;

    queue->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (queue->memory == MAP_FAILED) {
        queue->memory = NULL;
        return error_set(e, -ENOMEM, NULL, "no memory for AF_XDP: %zu bytes a queue", MEMORY_SIZE);
    }
    rte_spinlock_init(&queue->tx_lock);
    if (grant->is_zero_copy && (i == 0 || device->is_zero_copy))
        rc = try_bind(device, queue, i, XDP_ZEROCOPY, e);
    if (i == 0)
        device->is_zero_copy = rc == 0;
    if (rc < 0 && e->sentence[0] == '\0')
        rc = try_bind(device, queue, i, XDP_COPY, e);
    if (rc < 0)
        return e->sentence[0] != '\0' ? rc : refuse(device, i, rc, e);
    queue->fd = xsk_socket__fd(queue->socket);
    place_chunks(queue);
    return 0;
}

void af_xdp_queue_fini(struct af_xdp_queue *queue)
{
    if (queue->socket != NULL)
        xsk_socket__delete(queue->socket);
    if (queue->umem != NULL)
        xsk_umem__delete(queue->umem);
    if (queue->memory != NULL)
        munmap(queue->memory, MEMORY_SIZE);
    rte_pktmbuf_free(queue->partial);
}
