// SPDX-License-Identifier: BSD-3-Clause
// Who tells the kernel that a ring of an af-xdp port has work for it? This thread: in copy mode the
// kernel sends only inside sendto(), and a driver without buffers looks at the fill ring only when
// told. So no worker makes a system call for a packet. It sleeps in poll until a worker kicks.

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/port/af_xdp.h"

#define MAX_CALLS 8   // for one queue before the next one's turn
#define STUCK_US 50   // how long the kernel gets to make room
#define MAX_STUCK 200 // so often in a row; then only a new kick, or a look once in STUCK_MS
#define STUCK_MS 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // the list and what it points to
static struct af_xdp *devices[API_MAX_PORTS];
static unsigned n_devices;
static pthread_t thread;
static int kick_fd = -1;
static int is_ending;
static int is_asleep; // atomic: a worker must kick

static uint32_t n_waiting(const struct xsk_ring_prod *ring)
{
    return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE) -
           __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

// 1: frames were left that the kernel did not take, 0: all is sent or on its way.
static int send_queue(struct af_xdp_queue *queue)
{
    uint32_t before = n_waiting(&queue->tx);

    for (unsigned i = 0; i < MAX_CALLS && before > 0; i++) {
        uint32_t left;

        if (!xsk_ring_prod__needs_wakeup(&queue->tx))
            return 0;
        // Any error shows in the ring, and is the link's: af_xdp_watch sees that.
        if (sendto(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 && errno != EAGAIN &&
            errno != EBUSY && errno != ENOBUFS)
            return 1;
        left = n_waiting(&queue->tx);
        if (left >= before)
            return 1;
        before = left;
    }
    return 0;
}

static void fill_queue(const struct af_xdp_queue *queue)
{
    if (xsk_ring_prod__needs_wakeup(&queue->fill) && n_waiting(&queue->fill) > 0)
        recvfrom(queue->fd, NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

// One device at a time has the lock, so that the main thread can get a word in.
static int serve(void)
{
    int is_stuck = 0, is_over = 0;

    for (unsigned n = 0; !is_over; n++) {
        pthread_mutex_lock(&lock);
        is_over = n >= n_devices;
        for (unsigned i = 0; !is_over && i < devices[n]->n_queues; i++) {
            fill_queue(&devices[n]->queue[i]);
            is_stuck |= send_queue(&devices[n]->queue[i]);
        }
        pthread_mutex_unlock(&lock);
    }
    return is_stuck;
}

static int has_work(void)
{
    int found = 0;

    pthread_mutex_lock(&lock);
    for (unsigned n = 0; n < n_devices; n++)
        for (unsigned i = 0; i < devices[n]->n_queues; i++)
            found |= n_waiting(&devices[n]->queue[i].tx) > 0 &&
                     xsk_ring_prod__needs_wakeup(&devices[n]->queue[i].tx);
    pthread_mutex_unlock(&lock);
    return found;
}

static void *af_xdp_io_run(void *arg)
{
    struct pollfd kick = {.fd = kick_fd, .events = POLLIN};
    unsigned n_stuck = 0;
    uint64_t n_kicks;

    (void)arg;
    while (!__atomic_load_n(&is_ending, __ATOMIC_RELAXED)) {
        int timeout_ms = n_stuck >= MAX_STUCK ? STUCK_MS : -1;

        // Say that we sleep, then look once more: a worker does it in the other order.
        __atomic_store_n(&is_asleep, 1, __ATOMIC_SEQ_CST);
        if (n_stuck < MAX_STUCK && has_work())
            timeout_ms = 0;
        poll(&kick, 1, timeout_ms);
        __atomic_store_n(&is_asleep, 0, __ATOMIC_SEQ_CST);
        if (read(kick_fd, &n_kicks, sizeof(n_kicks)) < 0)
            n_kicks = 0;
        if (!serve()) {
            n_stuck = 0;
        } else if (n_stuck < MAX_STUCK) {
            n_stuck++;
            usleep(STUCK_US);
        }
    }
    return NULL;
}

void af_xdp_io_kick(void)
{
    uint64_t one = 1;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (__atomic_load_n(&is_asleep, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&is_asleep, 0, __ATOMIC_RELAXED) &&
        write(kick_fd, &one, sizeof(one)) < 0)
        return; // the counter is full: it is awake
}

static int thread_start(struct error *e)
{
    int rc;

    is_ending = 0;
    kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    rc = kick_fd < 0 ? -errno : -pthread_create(&thread, NULL, af_xdp_io_run, NULL);
    if (rc == 0)
        return 0;
    if (kick_fd >= 0)
        close(kick_fd);
    kick_fd = -1;
    return error_set(e, rc, NULL, "no thread for af-xdp ports: %s", strerror(-rc));
}

static void thread_stop(void)
{
    uint64_t one = 1;

    __atomic_store_n(&is_ending, 1, __ATOMIC_RELAXED);
    if (write(kick_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(thread, NULL);
    close(kick_fd);
    kick_fd = -1;
}

int af_xdp_io_add(struct af_xdp *device, struct error *e)
{
    int rc = n_devices == 0 ? thread_start(e) : 0;

    if (rc < 0)
        return rc;
    pthread_mutex_lock(&lock);
    devices[n_devices++] = device; // one for each slot at most
    pthread_mutex_unlock(&lock);
    af_xdp_io_kick(); // some drivers want to be told of their first buffers
    return 0;
}

void af_xdp_io_remove(struct af_xdp *device)
{
    unsigned i = 0;

    while (i < n_devices && devices[i] != device)
        i++;
    if (i == n_devices)
        return; // it was never added
    pthread_mutex_lock(&lock);
    devices[i] = devices[--n_devices];
    pthread_mutex_unlock(&lock);
    if (n_devices == 0)
        thread_stop();
}
