// SPDX-License-Identifier: BSD-3-Clause
// When does a guest come and go? Callbacks of librte_vhost, on its message thread, its dialling
// thread, or the main thread while that opens and closes a port; never two at a time for one port.
// What a guest negotiated is published before its vid; a vid is withdrawn, then every worker waited
// for, before the library frees what is behind it. Next: vhost_fence.c, what a message may say.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/port/vhost.h"

// Connections of one port: three at once, then one a second. A peer that stalls the library's
// thread for a socket timeout (200 ms) each time costs others a fifth of that thread.
#define CONNECT_PERIOD_NS 1000000000U
#define CONNECT_BURST 3U

const char vhost_too_many_connects[] = "the guest connects more than once a second";

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vhost_device *registry[API_MAX_PORTS];      // by slot; guarded by registry_lock
static struct vhost_device *by_vid[RTE_MAX_VHOST_DEVICE]; // atomic

uint64_t vhost_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static struct vhost_device *find_by_path(const char *path)
{
    for (unsigned i = 0; i < API_MAX_PORTS; i++)
        if (registry[i] != NULL && strcmp(registry[i]->port->path, path) == 0)
            return registry[i];
    return NULL;
}

int vhost_events_add(struct vhost_device *device)
{
    int rc = -EADDRINUSE;

    pthread_mutex_lock(&registry_lock);
    if (find_by_path(device->port->path) == NULL) {
        registry[device->port->slot] = device;
        rc = 0;
    }
    pthread_mutex_unlock(&registry_lock);
    return rc;
}

void vhost_events_del(struct vhost_device *device)
{
    pthread_mutex_lock(&registry_lock);
    registry[device->port->slot] = NULL;
    pthread_mutex_unlock(&registry_lock);
}

struct vhost_device *vhost_events_device(int vid)
{
    if (vid < 0 || vid >= RTE_MAX_VHOST_DEVICE)
        return NULL;
    return __atomic_load_n(&by_vid[vid], __ATOMIC_ACQUIRE);
}

static ino_t inode_of(int fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 && S_ISSOCK(stat.st_mode) ? stat.st_ino : 0;
}

// A connected UNIX stream socket that is not our standard output (the journal's, say), nor known as
// another port's connection. Writes the name at the library's or the peer's end.
static int is_new_connection(int fd, int is_server, struct sockaddr_un *name)
{
    socklen_t size = sizeof(*name) - 1, option_size = sizeof(int);
    int type = 0, has_peer;

    memset(name, 0, sizeof(*name));
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &option_size) < 0 || type != SOCK_STREAM)
        return 0;
    has_peer = getpeername(fd, (struct sockaddr *)name, &size) == 0;
    if (!has_peer || name->sun_family != AF_UNIX)
        return 0;
    if (is_server) {
        memset(name, 0, sizeof(*name)); // a socket without a name leaves it so
        size = sizeof(*name) - 1;
        if (getsockname(fd, (struct sockaddr *)name, &size) < 0)
            return 0;
    }
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (inode_of(fd) == inode_of(i))
            return 0;
    for (unsigned i = 0; i < API_MAX_PORTS; i++)
        if (registry[i] != NULL && registry[i]->connection_inode == inode_of(fd))
            return 0;
    return 1;
}

// The library does not tell which descriptor a connection has. When it listens, the name is ours.
// When it dials, the peer may have bound its socket under another name (relative, or seen from its
// own mounts), so one that is nobody else's will do if there is just one. The registry lock is
// held. -errno.
static int find_connection(const struct vhost_device *device)
{
    int is_server = (device->port->config.flags & API_PORT_SERVER) != 0;
    int n_others = 0, other = -1, named = -1;
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;

    if (dir == NULL)
        return -errno;
    while (named < 0 && (entry = readdir(dir)) != NULL) {
        int fd = (int)strtol(entry->d_name, NULL, 10);
        struct sockaddr_un name;

        if (entry->d_name[0] == '.' || !is_new_connection(fd, is_server, &name))
            continue;
        if (strcmp(name.sun_path, device->port->path) == 0) {
            named = fd;
        } else if (!is_server && find_by_path(name.sun_path) == NULL) {
            other = fd;
            n_others++;
        }
    }
    closedir(dir);
    if (named >= 0)
        return named;
    return n_others == 1 ? other : -ENOENT;
}

void vhost_events_note(struct vhost_device *device, const char *reason)
{
    const char *none = NULL;

    __atomic_compare_exchange_n(&device->refusal, &none, reason, 0, __ATOMIC_RELEASE,
                                __ATOMIC_RELAXED);
}

static int refuse(struct vhost_device *device, const char *reason)
{
    vhost_events_note(device, reason);
    // Having connected, the library does not dial again by itself.
    if (!(device->port->config.flags & API_PORT_SERVER))
        __atomic_store_n(&device->wants_redial, 1, __ATOMIC_RELEASE);
    return -1;
}

int vhost_take_token(uint64_t *empty_ns, uint64_t period_ns, unsigned burst)
{
    uint64_t now = vhost_now_ns();

    if (*empty_ns > now + (burst - 1) * period_ns)
        return -EAGAIN;
    *empty_ns = RTE_MAX(*empty_ns, now) + period_ns;
    return 0;
}

// Take the library's new connection in. The registry lock is held.
static int accept_connection(struct vhost_device *device, int vid)
{
    int fd;

    if (device->connection >= 0)
        return refuse(device, "a second connection to the socket was refused");
    if (vhost_take_token(&device->connects_ns, CONNECT_PERIOD_NS, CONNECT_BURST) < 0)
        return refuse(device, vhost_too_many_connects);
    fd = find_connection(device);
    if (fd < 0)
        return refuse(device, "the connection's descriptor was not found");
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return refuse(device, "no file descriptor left for the guest's connection");
    if (vhost_fence_enter(device, vid, fd) < 0) {
        close(fd);
        return refuse(device, "the guest's socket takes no timeouts");
    }
    pthread_mutex_lock(&device->lifetime);
    device->connection = fd;
    pthread_mutex_unlock(&device->lifetime);
    device->connection_inode = inode_of(fd);
    __atomic_store_n(&by_vid[vid], device, __ATOMIC_RELEASE);
    __atomic_fetch_add(&device->n_connects, 1, __ATOMIC_RELAXED);
    return 0;
}

static int new_connection(int vid)
{
    struct vhost_device *device;
    char path[PATH_MAX];
    int rc = -1;

    if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0)
        return -1;
    pthread_mutex_lock(&registry_lock);
    device = find_by_path(path);
    if (device != NULL)
        rc = accept_connection(device, vid);
    pthread_mutex_unlock(&registry_lock);
    return rc;
}

void vhost_events_disconnect(struct vhost_device *device)
{
    vhost_memory_set(device, VHOST_NO_VID);
    for (unsigned vid = 0; vid < RTE_MAX_VHOST_DEVICE; vid++)
        if (__atomic_load_n(&by_vid[vid], __ATOMIC_ACQUIRE) == device)
            __atomic_store_n(&by_vid[vid], NULL, __ATOMIC_RELEASE);
    memset(device->ring, 0, sizeof(device->ring));
    __atomic_store_n(&device->is_remapping, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&device->features, 0, __ATOMIC_RELAXED);
    pthread_mutex_lock(&device->lifetime);
    if (device->connection >= 0)
        close(device->connection);
    device->connection = -1;
    pthread_mutex_unlock(&device->lifetime);
    pthread_mutex_lock(&registry_lock);
    device->connection_inode = 0;
    pthread_mutex_unlock(&registry_lock);
}

static void destroy_connection(int vid)
{
    struct vhost_device *device = vhost_events_device(vid);

    if (device != NULL)
        vhost_events_disconnect(device);
}

// Queues that the guest has switched on, from the first without a gap: a guest that wants fewer
// than it could have switches off the last.
static void publish_queues(struct vhost_device *device)
{
    struct port *port = device->port;
    unsigned n_rx = 0, n_tx = 0;

    while (n_rx < port->config.n_queues && device->ring[2 * n_rx + 1].is_ready)
        n_rx++;
    while (n_tx < port->config.n_queues && device->ring[2 * n_tx].is_ready)
        n_tx++;
    __atomic_store_n(&port->n_rx_queues, (uint8_t)n_rx, __ATOMIC_RELAXED);
    __atomic_store_n(&port->n_tx_queues, (uint8_t)n_tx, __ATOMIC_RELAXED);
}

// The library's ring locks are held: see vhost.h.
static int vring_state_changed(int vid, uint16_t ring, int enable)
{
    struct vhost_device *device = vhost_events_device(vid);

    if (device == NULL || ring >= VHOST_MAX_RINGS)
        return 0;
    device->ring[ring].is_ready = enable != 0;
    if (enable)
        __atomic_store_n(&device->queue[ring / 2].restart, 1, __ATOMIC_RELAXED);
    publish_queues(device);
    return 0;
}

static uint32_t capability_of(uint64_t features)
{
    uint32_t capability = PORT_TX_MULTI_SEG;

    if (!(features & VHOST_BIT(VIRTIO_NET_F_GUEST_CSUM)))
        return capability;
    capability |= PORT_TX_CSUM;
    if (features & VHOST_BIT(VIRTIO_NET_F_GUEST_TSO4))
        capability |= PORT_TX_TSO4;
    if (features & VHOST_BIT(VIRTIO_NET_F_GUEST_TSO6))
        capability |= PORT_TX_TSO6;
    return capability;
}

static uint8_t rx_offloads_of(uint64_t features)
{
    const uint64_t tso = VHOST_BIT(VIRTIO_NET_F_HOST_TSO4) | VHOST_BIT(VIRTIO_NET_F_HOST_TSO6);
    uint8_t offloads = 0;

    if (features & VHOST_BIT(VIRTIO_NET_F_CSUM))
        offloads |= PACKET_CSUM_PARTIAL;
    if (features & tso)
        offloads |= PACKET_TSO;
    return offloads;
}

static int new_device(int vid)
{
    struct vhost_device *device = vhost_events_device(vid);
    uint64_t features;

    if (device == NULL || rte_vhost_get_negotiated_features(vid, &features) < 0)
        return -1;
    // No worker is inside: none has had a vid since the last one was withdrawn.
    device->is_packed = (features & VHOST_BIT(VIRTIO_F_RING_PACKED)) != 0;
    device->rx_offloads = rx_offloads_of(features);
    for (unsigned i = 0; i < device->port->config.n_queues; i++)
        __atomic_store_n(&device->queue[i].restart, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&device->features, features, __ATOMIC_RELAXED);
    __atomic_store_n(&device->port->capability, capability_of(features), __ATOMIC_RELEASE);
    publish_queues(device);
    pthread_mutex_lock(&device->lifetime);
    device->running_vid = vid;
    __atomic_store_n(&device->vid, vid, __ATOMIC_RELEASE);
    __atomic_store_n(&device->port->state, API_PORT_LINK_UP, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&device->lifetime);
    return 0;
}

static void destroy_device(int vid)
{
    struct vhost_device *device = vhost_events_device(vid);

    if (device == NULL)
        return;
    pthread_mutex_lock(&device->lifetime);
    device->running_vid = VHOST_NO_VID;
    __atomic_store_n(&device->vid, VHOST_NO_VID, __ATOMIC_RELEASE);
    __atomic_store_n(&device->port->state, API_PORT_LINK_DOWN, __ATOMIC_RELEASE);
    // What is made ready from now on is complete: right for whoever comes next.
    __atomic_store_n(&device->port->capability, 0, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&device->lifetime);
    qsbr_wait();
}

const struct rte_vhost_device_ops vhost_events_ops = {
    .new_device = new_device,
    .destroy_device = destroy_device,
    .vring_state_changed = vring_state_changed,
    .new_connection = new_connection,
    .destroy_connection = destroy_connection,
};
