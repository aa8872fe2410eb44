// SPDX-License-Identifier: BSD-3-Clause
// What is a vhost-user port? A path handed to librte_vhost, a bounded pool of buffers, features
// from an allow-list. Opened, watched and closed on the main thread. Next: vhost_events.c when a
// guest comes, vhost_rx_tx.c for its packets, vhost_fence.c for its messages.

#include "dataplane/port/vhost.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_log.h>
#include <rte_version.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"
#include "dataplane/port/vhost_watch.h"

// Not offered: dirty logging and what else live migration takes, IOMMU, postcopy, in-flight
// tracking, UFO and ECN offloads.
#define BASE_FEATURES                                                          \
    (VHOST_BIT(VIRTIO_F_VERSION_1) | VHOST_BIT(VIRTIO_NET_F_MRG_RXBUF) |       \
     VHOST_BIT(VIRTIO_F_ANY_LAYOUT) | VHOST_BIT(VIRTIO_RING_F_INDIRECT_DESC) | \
     VHOST_BIT(VIRTIO_RING_F_EVENT_IDX) | VHOST_BIT(VIRTIO_F_IN_ORDER) |       \
     VHOST_BIT(VIRTIO_NET_F_MTU) | VHOST_BIT(VHOST_USER_F_PROTOCOL_FEATURES))
#define QUEUES_FEATURES (VHOST_BIT(VIRTIO_NET_F_MQ) | VHOST_BIT(VIRTIO_NET_F_CTRL_VQ))
#define CSUM_FEATURES (VHOST_BIT(VIRTIO_NET_F_CSUM) | VHOST_BIT(VIRTIO_NET_F_GUEST_CSUM))
#define TSO_FEATURES                                                         \
    (VHOST_BIT(VIRTIO_NET_F_HOST_TSO4) | VHOST_BIT(VIRTIO_NET_F_HOST_TSO6) | \
     VHOST_BIT(VIRTIO_NET_F_GUEST_TSO4) | VHOST_BIT(VIRTIO_NET_F_GUEST_TSO6))
#define PROTOCOL_FEATURES                                                               \
    (VHOST_BIT(VHOST_USER_PROTOCOL_F_MQ) | VHOST_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) | \
     VHOST_BIT(VHOST_USER_PROTOCOL_F_NET_MTU) | VHOST_BIT(VHOST_USER_PROTOCOL_F_STATUS))

// A frame to be cut is 64 KiB and its headers. With the longest buffer that an mbuf can describe, a
// longer chain can't be given an external one either, for the library's limit there is 64 KiB as
// well: EXTBUF, without which it withholds the TSO features, never allocates.
#define TSO_DATA_SIZE (UINT16_MAX - RTE_PKTMBUF_HEADROOM)
// In flight, in the workers' caches, and in the rings of slow receivers. If all are out, this guest
// waits and no other.
#define N_BUFFERS 1024U
#define N_TSO_BUFFERS 256U
#define N_BUFFERS_A_WORKER 256U

static const char *directory_of(const char *path, char *directory, size_t size)
{
    const char *slash = strrchr(path, '/');

    snprintf(directory, size, "%.*s", slash != NULL ? (int)(slash - path) : 1,
             slash != NULL ? path : ".");
    return directory[0] != '\0' ? directory : "/";
}

static int check_directory(const struct port *port, struct error *e)
{
    char buffer[API_DEVICE_SIZE];
    const char *directory = directory_of(port->path, buffer, sizeof(buffer));
    struct stat stat_;

    if (port->config.device[0] == '\0' && mkdir(directory, 0750) < 0 && errno != EEXIST)
        return error_set(e, -errno, NULL, "can't make the socket directory %s: %s", directory,
                         strerror(errno));
    if (stat(directory, &stat_) < 0)
        return error_set(e, -errno, NULL, "the socket's directory %s: %s", directory,
                         strerror(errno));
    if (!S_ISDIR(stat_.st_mode))
        return error_set(e, -ENOTDIR, NULL, "%s is no directory", directory);
    if ((port->config.flags & API_PORT_SERVER) && access(directory, W_OK | X_OK) < 0)
        return error_set(e, -errno, NULL, "no permission to make a socket in %s", directory);
    return 0;
}

// Does anyone listen there? -errno if that can't be said.
static int is_live(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc;

    if (fd < 0)
        return -errno;
    memcpy(name.sun_path, path, strlen(path) + 1); // its length was checked
    rc = connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 || errno == EAGAIN;
    if (rc == 0 && errno != ECONNREFUSED)
        rc = -errno;
    close(fd);
    return rc;
}

// To listen, the path must be free; what a killed process has left there may go.
static int clear_path(const char *path, struct error *e)
{
    struct stat stat_;
    int rc;

    if (lstat(path, &stat_) < 0)
        return errno == ENOENT ? 0 : error_set(e, -errno, NULL, "%s: %s", path, strerror(errno));
    if (!S_ISSOCK(stat_.st_mode))
        return error_set(e, -EEXIST, NULL, "%s exists and is no socket: move it away", path);
    rc = is_live(path);
    if (rc > 0)
        return error_set(e, -EADDRINUSE, NULL, "another process listens at %s", path);
    if (rc < 0)
        return error_set(e, rc, NULL, "can't tell whether %s is in use: %s", path, strerror(-rc));
    if (unlink(path) < 0)
        return error_set(e, -errno, NULL, "can't remove the stale socket %s: %s", path,
                         strerror(errno));
    return 0;
}

static int check_path(const struct port *port, struct error *e)
{
    size_t max_len = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    int rc;

    if (strlen(port->path) > max_len)
        return error_set(e, -ENAMETOOLONG, NULL,
                         "the socket's path has %zu characters, the system takes %zu: %s",
                         strlen(port->path), max_len, port->path);
    rc = check_directory(port, e);
    if (rc == 0 && (port->config.flags & API_PORT_SERVER))
        rc = clear_path(port->path, e);
    return rc;
}

static uint64_t features_of(const struct api_port *config)
{
    uint64_t features = BASE_FEATURES;

    if (config->n_queues > 1)
        features |= QUEUES_FEATURES;
    if (config->flags & API_PORT_PACKED)
        features |= VHOST_BIT(VIRTIO_F_RING_PACKED);
    if (config->flags & API_PORT_CSUM)
        features |= CSUM_FEATURES;
    if ((config->flags & API_PORT_CSUM) && (config->flags & API_PORT_TSO))
        features |= TSO_FEATURES;
    return features;
}

// Hand the path to the library, which begins to listen or to dial.
static int start(const struct port *port)
{
    uint64_t flags = RTE_VHOST_USER_LINEARBUF_SUPPORT | RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;
    uint64_t offered;

    if (!(port->config.flags & API_PORT_SERVER))
        flags |= RTE_VHOST_USER_CLIENT;
    if (port->config.flags & API_PORT_TSO)
        flags |= RTE_VHOST_USER_EXTBUF_SUPPORT;
    if (rte_vhost_driver_register(port->path, flags) < 0)
        return -ENOMEM;
    if (rte_vhost_driver_get_features(port->path, &offered) < 0 ||
        rte_vhost_driver_disable_features(port->path, offered & ~features_of(&port->config)) < 0 ||
        rte_vhost_driver_set_protocol_features(port->path, PROTOCOL_FEATURES) < 0 ||
        rte_vhost_driver_callback_register(port->path, &vhost_events_ops) < 0 ||
        rte_vhost_driver_start(port->path) < 0) {
        rte_vhost_driver_unregister(port->path);
        return -EIO;
    }
    return 0;
}

static struct rte_mempool *make_pool(const struct port *port)
{
    int has_tso = (port->config.flags & API_PORT_TSO) != 0;
    unsigned n =
        (has_tso ? N_TSO_BUFFERS : N_BUFFERS) + N_BUFFERS_A_WORKER * counters_stats->n_workers;

    return pool_create(port->config.name, n, has_tso ? TSO_DATA_SIZE : port->max_frame_len);
}

static struct vhost_device *device_create(struct port *port, struct error *e)
{
    struct vhost_device *device = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*device));

    if (device == NULL) {
        error_set(e, -ENOMEM, NULL, "out of memory");
        return NULL;
    }
    memset(device, 0, sizeof(*device));
    device->vid = VHOST_NO_VID;
    device->running_vid = VHOST_NO_VID;
    device->connection = -1;
    device->port = port;
    pthread_mutex_init(&device->lifetime, NULL);
    device->pool = make_pool(port);
    if (device->pool == NULL) {
        error_set(e, -rte_errno, NULL, "no memory for the port's packet buffers (%s)",
                  rte_strerror(rte_errno));
        pthread_mutex_destroy(&device->lifetime);
        free(device);
        return NULL;
    }
    return device;
}

static void device_destroy(struct vhost_device *device)
{
    pool_retire(device->pool);
    pthread_mutex_destroy(&device->lifetime);
    free(device);
}

// What must be so for all ports: the library's layout is known, faults on guest memory are caught,
// and no line is written for what a guest does, above all not by a worker.
static int prepare(struct error *e)
{
    char built[32];
    int rc;

    snprintf(built, sizeof(built), "%s %d.%02d.", RTE_VER_PREFIX, RTE_VER_YEAR, RTE_VER_MONTH);
    if (strncmp(rte_version(), built, strlen(built)) != 0)
        return error_set(e, -ENOTSUP, NULL, "vhost-user ports need %sx, this is %s", built,
                         rte_version());
    rc = vhost_memory_init();
    if (rc < 0)
        return error_set(e, rc, NULL, "can't catch faults on guest memory: %s", strerror(-rc));
    rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_EMERG);
    return 0;
}

static int vhost_open(struct port *port, struct error *e)
{
    struct vhost_device *device;
    int rc = prepare(e);

    if (rc == 0)
        rc = check_path(port, e);
    if (rc < 0)
        return rc;
    device = device_create(port, e);
    if (device == NULL)
        return -ENOMEM;
    rc = vhost_events_add(device);
    if (rc < 0) {
        error_set(e, rc, NULL, "another port has the socket %s", port->path);
        goto destroy_device;
    }
    port->device = device;
    port_set_state(port, API_PORT_LINK_DOWN, NULL);
    rc = start(port); // a guest that waits already is taken in at once
    if (rc < 0) {
        error_set(e, rc, NULL, "the vhost library does not take the socket %s", port->path);
        goto del_device;
    }
    return 0;

del_device:
    vhost_events_del(device);
destroy_device:
    port->device = NULL;
    device_destroy(device);
    return rc;
}

// The library waits for its own threads; their sockets' timeouts bound that.
static void stop(struct vhost_device *device)
{
    rte_vhost_driver_unregister(device->port->path);
    vhost_events_disconnect(device);
}

static void vhost_close(struct port *port)
{
    struct vhost_device *device = port->device;

    stop(device);
    vhost_events_del(device);
    __atomic_store_n(&port->n_rx_queues, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&port->n_tx_queues, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&port->capability, 0, __ATOMIC_RELEASE);
    device_destroy(device);
}

static void vhost_port_watch(struct port *port)
{
    struct vhost_device *device = port->device;

    vhost_watch(device);
    if (!vhost_watch_redial_is_due(device))
        return;
    stop(device);
    __atomic_store_n(&device->wants_redial, 0, __ATOMIC_RELEASE);
    if (start(port) < 0)
        __atomic_store_n(&device->wants_redial, 1, __ATOMIC_RELEASE);
}

const struct port_ops port_vhost_ops = {
    .name = "vhost-user",
    .open = vhost_open,
    .close = vhost_close,
    .rx_burst = vhost_rx_burst,
    .tx_burst = vhost_tx_burst,
    .watch = vhost_port_watch,
};
