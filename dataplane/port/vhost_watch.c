// SPDX-License-Identifier: BSD-3-Clause
// How is a guest doing? Ten times a second on the main thread: what the counter segment says of the
// port, connections to be ended or dialled again, rings that are stuck. Works while the library's
// threads do theirs; `lifetime` keeps the vid valid. Called by port.c.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/log.h"
#include "dataplane/port/vhost.h"
#include "dataplane/port/vhost_watch.h"

#define STUCK_NS 1000000000U
#define REMAPPING_NS 500000000U
#define REDIAL_NS 1000000000U

// Has frames waiting, is polled, gives none: the library does not get past the first descriptor.
// Split rings only: the library can't count the entries of a packed one.
static int is_stuck(struct vhost_device *device, int vid, unsigned queue, uint64_t now)
{
    struct vhost_queue *q = &device->queue[queue];
    struct vhost_glance *glance = &device->glance[queue];
    uint32_t n_empty = __atomic_load_n(&q->n_empty, __ATOMIC_RELAXED);
    uint32_t n_frames = __atomic_load_n(&q->n_frames, __ATOMIC_RELAXED);
    int is_polled = n_empty != glance->n_empty;

    glance->n_empty = n_empty;
    if (n_frames != glance->n_frames || !is_polled || device->is_packed ||
        rte_vhost_rx_queue_count(vid, (uint16_t)(2 * queue + 1)) == 0) {
        glance->n_frames = n_frames;
        glance->since_ns = now;
        return 0;
    }
    return now - glance->since_ns > STUCK_NS;
}

// A call descriptor that the front end has made blocking again could hold up a worker.
static int is_blocking(int vid, unsigned ring)
{
    struct rte_vhost_vring vring;
    int flags;

    if (rte_vhost_get_vhost_vring(vid, (uint16_t)ring, &vring) < 0 || vring.callfd < 0)
        return 0;
    flags = fcntl(vring.callfd, F_GETFL);
    return flags >= 0 && !(flags & O_NONBLOCK);
}

// What is odd about a running guest. Sets *end if its connection is to be ended for it.
static const char *judge_running(struct vhost_device *device, int vid, uint64_t now, int *end)
{
    unsigned n_queues = device->port->config.n_queues;

    for (unsigned ring = 0; ring < 2 * n_queues; ring++) {
        if (is_blocking(vid, ring)) {
            *end = 1;
            return "the guest's call descriptor would block";
        }
    }
    for (unsigned queue = 0; queue < n_queues; queue++) {
        if (!is_stuck(device, vid, queue, now))
            continue;
        return rte_mempool_avail_count(device->pool) == 0
                   ? "the guest's buffers are all held by slow receivers"
                   : "the guest's transmit ring is stuck: bad descriptor";
    }
    return NULL;
}

static const char *judge_connection(struct vhost_device *device, uint64_t now, int *end)
{
    if (vhost_memory_has_failed(device)) {
        *end = 1;
        return "the guest's memory was cut short";
    }
    if (!__atomic_load_n(&device->is_remapping, __ATOMIC_ACQUIRE)) {
        device->remapping_ns = now;
    } else if (now - device->remapping_ns > REMAPPING_NS) {
        *end = 1;
        return "a memory table that could not be mapped";
    }
    return NULL;
}

static const char *describe_down(const struct vhost_device *device)
{
    if (device->last_refusal != NULL)
        return device->last_refusal;
    if (device->connection >= 0)
        return "connected; the guest's driver is not ready";
    if (device->port->config.flags & API_PORT_SERVER)
        return "no guest has connected to the socket";
    if (access(device->port->path, W_OK) < 0 && errno == EACCES)
        return "no permission to connect to the guest's socket";
    return "no guest listens at the socket";
}

static void write_row(const struct vhost_device *device, uint8_t state, const char *text)
{
    const struct port *port = device->port;
    struct api_stats_port *row = counters_port_write(port->slot);

    row->state = state;
    row->n_queues = __atomic_load_n(&port->n_rx_queues, __ATOMIC_RELAXED);
    row->features = __atomic_load_n(&device->features, __ATOMIC_RELAXED);
    row->n_connects = __atomic_load_n(&device->n_connects, __ATOMIC_RELAXED);
    row->pool_size = device->pool->size;
    row->pool_used = rte_mempool_in_use_count(device->pool);
    memset(row->text, 0, sizeof(row->text));
    strncpy(row->text, text != NULL ? text : "", sizeof(row->text) - 1);
    counters_port_done(row);
}

static void note_refusal(struct vhost_device *device)
{
    const char *refusal = __atomic_exchange_n(&device->refusal, NULL, __ATOMIC_ACQ_REL);

    if (refusal == NULL || (refusal == vhost_too_many_connects && device->last_refusal != NULL))
        return;
    if (refusal != device->last_refusal)
        log_warn("port %s/%s: %s", device->port->tenant, device->port->config.name, refusal);
    device->last_refusal = refusal;
}

int vhost_watch_redial_is_due(struct vhost_device *device)
{
    uint64_t now = vhost_now_ns();

    if (!__atomic_load_n(&device->wants_redial, __ATOMIC_ACQUIRE)) {
        device->redial_ns = now + REDIAL_NS;
        return 0;
    }
    return now >= device->redial_ns;
}

void vhost_watch(struct vhost_device *device)
{
    uint64_t now = vhost_now_ns();
    const char *fault = NULL, *text;
    int end = 0;

    note_refusal(device);
    pthread_mutex_lock(&device->lifetime);
    if (device->connection >= 0)
        fault = judge_connection(device, now, &end);
    if (fault == NULL && device->running_vid != VHOST_NO_VID)
        fault = judge_running(device, device->running_vid, now, &end);
    if (end)
        shutdown(device->connection, SHUT_RDWR); // events see the end of it
    if (device->running_vid != VHOST_NO_VID && !end)
        device->last_refusal = NULL;
    text = fault;
    if (text == NULL && device->running_vid == VHOST_NO_VID)
        text = describe_down(device);
    write_row(device, __atomic_load_n(&device->port->state, __ATOMIC_ACQUIRE), text);
    pthread_mutex_unlock(&device->lifetime);
    if (end)
        vhost_events_note(device, fault);
}
