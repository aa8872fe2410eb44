// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_AF_XDP_H
#define DATAPLANE_PORT_AF_XDP_H

// What the parts of an af-xdp port share. One AF_XDP socket and one memory of its own (UMEM) for
// each queue; frames are copied between it and our buffers, so that nothing of ours is ever the
// kernel's. Workers touch the four rings of a socket only; the system calls that make the kernel
// look at them come from a thread of its own (af_xdp_io.c).

#include <xdp/xsk.h>

#include <rte_spinlock.h>

#include "dataplane/port/af_xdp_grant.h"
#include "dataplane/port/port.h"

#define AF_XDP_CHUNK_SIZE 4096 // of the memory; the kernel's headroom and tailroom in it
#define AF_XDP_CHUNK_ROOM 3520 // leave this for a received frame; longer ones take several chunks
#define AF_XDP_RX_CHUNKS 2048
#define AF_XDP_TX_CHUNKS 1024
#define AF_XDP_CONTINUES 1U // in the options of a descriptor: the frame goes on in the next one

struct af_xdp_queue {
    // The worker that receives.
    struct xsk_ring_cons rx __attribute__((aligned(64)));
    struct xsk_ring_prod fill;
    struct rte_mbuf *partial; // frame of several chunks whose last has not come
    int is_spoilt;            // the frame in `partial` does not fit: it is dropped at its end

    // Whoever has tx_lock, if workers share the queue; else the worker that sends here.
    rte_spinlock_t tx_lock __attribute__((aligned(64)));
    unsigned n_free;
    struct xsk_ring_prod tx;
    struct xsk_ring_cons completed;
    uint32_t free_chunk[AF_XDP_TX_CHUNKS]; // addresses in `memory`

    // The main thread.
    char *memory __attribute__((aligned(64)));
    struct xsk_umem *umem;
    struct xsk_socket *socket;
    int fd;          // of the socket; the thread's too
    uint64_t n_lost; // as the kernel has counted them so far
};

struct af_xdp {
    struct port *port;
    unsigned n_queues;
    int is_shared;        // more workers than queues
    int has_partial_sums; // the peer may leave checksums to us: see af_xdp_csum.c
    int is_multi_chunk;   // frames may be longer than a chunk
    int is_zero_copy;
    int ifindex;
    int promiscuous_fd; // a packet socket: while it is open all MACs are received
    struct rte_mempool *pool;
    struct af_xdp_queue queue[]; // n_queues
};

// af_xdp_queue.c: open queue `i`, its chunks in their rings. -errno with a sentence; what was
// opened is closed by af_xdp_queue_fini.
int af_xdp_queue_init(struct af_xdp *device, unsigned i, const struct af_xdp_grant *grant,
                      struct error *e);
void af_xdp_queue_fini(struct af_xdp_queue *queue);

// af_xdp_rx_tx.c: as struct port_ops says. Worker.
unsigned af_xdp_rx_burst(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                         unsigned n);
unsigned af_xdp_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n);

// af_xdp_csum.c: does the checksum field of this TCP or UDP packet hold no more than the
// pseudo-header's sum? Any frame, in one segment. Worker.
int af_xdp_is_partial(const struct rte_mbuf *m);

// af_xdp_io.c: let the thread serve a device, or stop it: on return it does not touch it any more.
// It starts with the first device and ends with the last. -errno with a sentence. Main thread.
int af_xdp_io_add(struct af_xdp *device, struct error *e);
void af_xdp_io_remove(struct af_xdp *device);

// A ring waits for the kernel: wake the thread if it sleeps. Worker.
void af_xdp_io_kick(void);

#endif
