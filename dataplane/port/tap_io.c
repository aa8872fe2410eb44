// SPDX-License-Identifier: BSD-3-Clause
// Who reads and writes the taps? This thread: frames with their virtio_net header go between the
// kernel and the rings of tap.c, so that no worker makes a system call for a packet. It sleeps in
// epoll until a tap is readable or a worker kicks.

#include "dataplane/port/tap.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dataplane/core/counters.h"

#define BATCH 32
#define MAX_SEGMENTS 16
#define STARVED_US 100 // how long a tap without empty buffers waits
#define ID_KICK UINT64_MAX

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // taps[] and what it points to
static struct tap *taps[API_MAX_PORTS];                  // by slot
static unsigned n_taps;
static pthread_t thread;
static int epoll_fd = -1, kick_fd = -1;
static int is_ending;
static int is_asleep; // atomic: a worker must kick

// What the sender left to do, for our metadata.
static void take_header(const struct virtio_net_hdr *header, struct packet *p)
{
    uint8_t gso = header->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;

    p->offload = 0;
    p->gso_size = 0;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        p->offload |= PACKET_CSUM_PARTIAL;
    if (gso == VIRTIO_NET_HDR_GSO_TCPV4 || gso == VIRTIO_NET_HDR_GSO_TCPV6) {
        p->offload |= PACKET_TSO;
        p->gso_size = header->gso_size;
    }
}

// What is left to the kernel, as offload_prepare has noted it in the mbuf.
static void give_header(const struct rte_mbuf *m, struct virtio_net_hdr *header)
{
    uint64_t l4 = m->ol_flags & RTE_MBUF_F_TX_L4_MASK;

    memset(header, 0, sizeof(*header));
    if (l4 == 0 && !(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
        return;
    header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    header->csum_start = (uint16_t)(m->l2_len + m->l3_len);
    header->csum_offset = l4 == RTE_MBUF_F_TX_UDP_CKSUM ? 6 : 16; // RFC 768, RFC 9293
    if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
        header->gso_type =
            m->ol_flags & RTE_MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
        header->gso_size = m->tso_segsz;
        header->hdr_len = (uint16_t)(m->l2_len + m->l3_len + m->l4_len);
    }
}

// The interface was deleted: without this its descriptor would wake us for ever. tap_watch tells.
static void lose_queue(struct tap *tap, const struct tap_queue *queue)
{
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, queue->fd, NULL);
    __atomic_store_n(&tap->is_gone, 1, __ATOMIC_RELEASE);
}

// What the kernel sent before the interface was set down, and no worker polls for: it would keep us
// awake.
static void discard(const struct tap *tap, const struct tap_queue *queue)
{
    struct virtio_net_hdr header;

    if (port_is_up(tap->port) || tap_link_state(tap) != TAP_LINK_DOWN)
        return;
    for (unsigned i = 0; i < BATCH; i++) // a short read takes the whole frame
        if (read(queue->fd, &header, sizeof(header)) < 0 && errno == EAGAIN)
            return;
}

// Read up to a batch. Returns 1 if frames are left but no buffer is there for them.
static int read_queue(struct tap *tap, struct tap_queue *queue)
{
    for (unsigned i = 0; i < BATCH; i++) {
        struct virtio_net_hdr header;
        struct iovec parts[2] = {{&header, sizeof(header)}};
        struct rte_mbuf *m;
        void *buffer;
        ssize_t size;

        if (rte_ring_full(queue->received) || rte_ring_sc_dequeue(queue->empty, &buffer) < 0) {
            discard(tap, queue);
            return 1;
        }
        m = buffer;
        parts[1].iov_base = rte_pktmbuf_mtod(m, void *);
        parts[1].iov_len = rte_pktmbuf_tailroom(m);
        size = readv(queue->fd, parts, 2);
        if (size < (ssize_t)sizeof(header)) {
            if (size < 0 && errno != EAGAIN && errno != EINTR)
                lose_queue(tap, queue);
            // Nothing left. The buffer goes back by the other ring, as a packet of no bytes.
            m->data_len = 0;
            m->pkt_len = 0;
            rte_ring_sp_enqueue(queue->received, m);
            return 0;
        }
        m->data_len = (uint16_t)(size - (ssize_t)sizeof(header));
        m->pkt_len = m->data_len;
        packet_of(m)->in_port = (uint16_t)tap->port->slot;
        take_header(&header, packet_of(m));
        rte_ring_sp_enqueue(queue->received, m);
    }
    return 0;
}

// A worker has counted the frame as sent. The row behind the workers' is this thread's; a reader
// sums the rows.
static void take_back(const struct tap *tap, const struct rte_mbuf *m, enum api_drop reason)
{
    struct api_counters *c = counters_of(tap->port->slot, counters_stats->n_workers);

    c->tx_packets--;
    c->tx_bytes -= m->pkt_len;
    c->drops[reason]++;
}

static void write_frame(const struct tap *tap, int fd, struct rte_mbuf *m)
{
    struct virtio_net_hdr header;
    struct iovec parts[1 + MAX_SEGMENTS] = {{&header, sizeof(header)}};
    int n_parts = 1;

    give_header(m, &header);
    if (m->nb_segs > MAX_SEGMENTS) {
        take_back(tap, m, DROP_OFFLOAD_NO_BUFFER);
        return;
    }
    for (const struct rte_mbuf *s = m; s != NULL; s = s->next) {
        parts[n_parts].iov_base = rte_pktmbuf_mtod(s, void *);
        parts[n_parts++].iov_len = s->data_len;
    }
    if (writev(fd, parts, n_parts) < 0)
        take_back(tap, m, errno == EAGAIN ? DROP_PORT_TX_FULL : DROP_PORT_DOWN);
}

// Write a batch of what each worker queued for one tap.
static void write_lanes(struct tap *tap)
{
    for (unsigned i = 0; i < tap->n_lanes; i++) {
        struct tap_lane *lane = &tap->lane[i];
        void *m[BATCH];
        unsigned n = RTE_MIN(rte_ring_free_count(lane->sent), (unsigned)BATCH);

        n = rte_ring_sc_dequeue_burst(lane->to_kernel, m, n, NULL);
        for (unsigned j = 0; j < n; j++)
            write_frame(tap, tap->queue[i % tap->n_queues].fd, m[j]);
        rte_ring_sp_enqueue_bulk(lane->sent, m, n, NULL);
    }
}

static int serve(const struct epoll_event *events, int n_events)
{
    int is_starved = 0;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_events; i++) {
        uint64_t id = events[i].data.u64; // slot and queue
        struct tap *tap = id == ID_KICK ? NULL : taps[id >> 8];

        if (tap != NULL && (id & 0xff) < tap->n_queues)
            is_starved |= read_queue(tap, &tap->queue[id & 0xff]);
    }
    pthread_mutex_unlock(&lock);
    // Once: what is left makes the next wait return at once, so that no flood keeps us from
    // reading.
    pthread_mutex_lock(&lock);
    for (unsigned slot = 0; slot < API_MAX_PORTS; slot++)
        if (taps[slot] != NULL)
            write_lanes(taps[slot]);
    pthread_mutex_unlock(&lock);
    return is_starved;
}

static int has_work(void)
{
    int found = 0;

    pthread_mutex_lock(&lock);
    for (unsigned slot = 0; slot < API_MAX_PORTS; slot++)
        for (unsigned i = 0; taps[slot] != NULL && i < taps[slot]->n_lanes; i++)
            found |= !rte_ring_empty(taps[slot]->lane[i].to_kernel);
    pthread_mutex_unlock(&lock);
    return found;
}

static void *tap_io_run(void *arg)
{
    struct epoll_event events[64];
    uint64_t n_kicks;

    (void)arg;
    while (!__atomic_load_n(&is_ending, __ATOMIC_RELAXED)) {
        int n;

        // Say that we sleep, then look once more: a worker does it in the other order.
        __atomic_store_n(&is_asleep, 1, __ATOMIC_SEQ_CST);
        n = epoll_wait(epoll_fd, events, 64, has_work() ? 0 : -1);
        __atomic_store_n(&is_asleep, 0, __ATOMIC_SEQ_CST);
        if (read(kick_fd, &n_kicks, sizeof(n_kicks)) < 0)
            n_kicks = 0;
        if (serve(events, n))
            usleep(STARVED_US);
    }
    return NULL;
}

void tap_io_kick(void)
{
    uint64_t one = 1;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&is_asleep, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&is_asleep, 0, __ATOMIC_RELAXED) &&
        write(kick_fd, &one, sizeof(one)) < 0)
        return; // the counter is full: it is awake
}

static void thread_fini(void)
{
    if (epoll_fd >= 0)
        close(epoll_fd);
    if (kick_fd >= 0)
        close(kick_fd);
    epoll_fd = kick_fd = -1;
}

static int thread_start(struct error *e)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = ID_KICK};
    int rc;

    is_ending = 0;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = epoll_fd < 0 || kick_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, kick_fd, &event) < 0
             ? -errno
             : 0;
    if (rc == 0)
        rc = -pthread_create(&thread, NULL, tap_io_run, NULL);
    if (rc == 0)
        return 0;
    thread_fini();
    return error_set(e, rc, NULL, "no thread for taps: %s", strerror(-rc));
}

static void thread_stop(void)
{
    uint64_t one = 1;

    __atomic_store_n(&is_ending, 1, __ATOMIC_RELAXED);
    if (write(kick_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(thread, NULL);
    thread_fini();
}

int tap_io_add(struct tap *tap, struct error *e)
{
    int rc = n_taps == 0 ? thread_start(e) : 0;

    if (rc < 0)
        return rc;
    n_taps++;
    pthread_mutex_lock(&lock);
    taps[tap->port->slot] = tap;
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; rc == 0 && i < tap->n_queues; i++) {
        struct epoll_event event = {.events = EPOLLIN,
                                    .data.u64 = (uint64_t)tap->port->slot << 8 | i};

        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, tap->queue[i].fd, &event) < 0)
            rc = error_set(e, -errno, NULL, "can't wait for the tap: %s", strerror(errno));
    }
    if (rc < 0)
        tap_io_remove(tap);
    return rc;
}

void tap_io_remove(struct tap *tap)
{
    for (unsigned i = 0; i < tap->n_queues; i++)
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, tap->queue[i].fd, NULL);
    pthread_mutex_lock(&lock);
    taps[tap->port->slot] = NULL;
    pthread_mutex_unlock(&lock);
    if (--n_taps == 0)
        thread_stop();
}
