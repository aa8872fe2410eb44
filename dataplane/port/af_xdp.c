// SPDX-License-Identifier: BSD-3-Clause
// How is a network interface of the kernel a port, without being taken from it? By AF_XDP sockets:
// an XDP program, which the control process loads (control/xdp/), hands us what is ours and leaves
// the rest to the kernel. Here: opening, closing and watching the interface, main thread. Next:
// af_xdp_grant.c, af_xdp_queue.c, then af_xdp_rx_tx.c.

#include "dataplane/port/af_xdp.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <rte_lcore.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"

#define BUFFERS_PER_QUEUE 3072 // on their way through receivers' rings

// What the kernel says of the interface.
struct interface {
    int ifindex, flags, mtu;
};

static int control_fd = -1; // any socket, for ioctl; open from the first port on

// 0, -ENODEV: there is no such interface, or what socket() says.
static int read_interface(const struct port *port, struct interface *interface)
{
    struct ifreq request = {0};

    if (control_fd < 0)
        control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (control_fd < 0)
        return -errno;
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->path);
    if (ioctl(control_fd, SIOCGIFINDEX, &request) < 0)
        return -ENODEV;
    interface->ifindex = request.ifr_ifindex;
    if (ioctl(control_fd, SIOCGIFFLAGS, &request) < 0)
        return -ENODEV;
    interface->flags = request.ifr_flags;
    if (ioctl(control_fd, SIOCGIFMTU, &request) < 0)
        return -ENODEV;
    interface->mtu = request.ifr_mtu;
    return 0;
}

static int is_veth(const struct port *port)
{
    struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->path);
    request.ifr_data = (char *)&info;
    return ioctl(control_fd, SIOCETHTOOL, &request) == 0 && strcmp(info.driver, "veth") == 0;
}

static unsigned count_rx_queues(const struct port *port)
{
    struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", port->path);
    request.ifr_data = (char *)&channels;
    if (ioctl(control_fd, SIOCETHTOOL, &request) < 0)
        return 1; // a driver that has no other number
    return channels.rx_count + channels.combined_count;
}

// What is odd about the interface, for the port's text. Empty: nothing.
static void describe(const struct port *port, const struct interface *interface, char *text,
                     size_t size)
{
    unsigned n = count_rx_queues(port);

    text[0] = '\0';
    if (!(interface->flags & IFF_UP))
        snprintf(text, size, "%.15s is down: ip link set %.15s up", port->path, port->path);
    else if (interface->mtu < port->mtu)
        snprintf(text, size,
                 "%.15s has an MTU of %d, less than the port's %u: longer frames are lost",
                 port->path, interface->mtu, port->mtu);
    else if (n > port->config.n_queues)
        snprintf(
            text, size,
            "%.15s has %u receive queues, the port %u: what comes by the others is the kernel's",
            port->path, n, port->config.n_queues);
}

// Frames for all MACs, for there are many machines behind us. Ends with the descriptor.
static int set_promiscuous(struct af_xdp *device, struct error *e)
{
    struct packet_mreq request = {.mr_ifindex = device->ifindex, .mr_type = PACKET_MR_PROMISC};

    device->promiscuous_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); // protocol 0: no frames
    if (device->promiscuous_fd < 0 ||
        setsockopt(device->promiscuous_fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request,
                   sizeof(request)) < 0)
        return error_set(e, -errno, NULL, "can't make %s promiscuous: %s%s", device->port->path,
                         strerror(errno), errno == EPERM ? "; it takes CAP_NET_RAW" : "");
    return 0;
}

static void destroy(struct af_xdp *device)
{
    for (unsigned i = 0; i < device->n_queues; i++)
        af_xdp_queue_fini(&device->queue[i]);
    if (device->promiscuous_fd >= 0)
        close(device->promiscuous_fd);
    pool_retire(device->pool);
    free(device);
}

static int open_queues(struct af_xdp *device, const struct af_xdp_grant *grant, struct error *e)
{
    unsigned n_buffers =
        device->n_queues * BUFFERS_PER_QUEUE + rte_lcore_count() * 2 * POOL_CACHE_SIZE;
    int rc = 0;

    device->pool = pool_create(device->port->config.name, n_buffers, device->port->max_frame_len);
    if (device->pool == NULL)
        return error_set(e, -ENOMEM, NULL,
                         "no memory for %u buffers: give the dataplane more with -- -m MEGABYTES",
                         n_buffers);
    for (unsigned i = 0; rc == 0 && i < device->n_queues; i++)
        rc = af_xdp_queue_init(device, i, grant, e);
    return rc < 0 ? rc : set_promiscuous(device, e);
}

// From here on the program finds the sockets.
static int enter_sockets(const struct af_xdp *device, const struct af_xdp_grant *grant,
                         struct error *e)
{
    for (uint32_t i = 0; i < device->n_queues; i++) {
        int fd = device->queue[i].fd;
        int rc = bpf_map_update_elem(grant->map_fd, &i, &fd, BPF_ANY);

        if (rc < 0)
            return error_set(e, rc, NULL, "can't enter the socket into the XDP program's map: %s%s",
                             strerror(-rc),
                             rc == -EPERM ? "; it takes CAP_BPF and CAP_NET_ADMIN" : "");
    }
    return 0;
}

static struct af_xdp *device_create(struct port *port, const struct interface *interface,
                                    const struct af_xdp_grant *grant)
{
    unsigned n_queues = port->config.n_queues;
    size_t size = sizeof(struct af_xdp) + n_queues * sizeof(struct af_xdp_queue);
    struct af_xdp *device = aligned_alloc(64, size);

    if (device == NULL)
        return NULL;
    memset(device, 0, size);
    device->port = port;
    device->n_queues = n_queues;
    device->is_shared = counters_stats->n_workers > n_queues;
    device->has_partial_sums = is_veth(port) || !grant->is_native;
    device->is_multi_chunk = port->max_frame_len > AF_XDP_CHUNK_ROOM;
    device->ifindex = interface->ifindex;
    device->promiscuous_fd = -1;
    return device;
}

static int open_device(struct port *port, const struct interface *interface,
                       const struct af_xdp_grant *grant, struct error *e)
{
    struct af_xdp *device = device_create(port, interface, grant);
    int rc;

    if (device == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    rc = open_queues(device, grant, e);
    if (rc == 0)
        rc = af_xdp_io_add(device, e);
    if (rc == 0)
        rc = enter_sockets(device, grant, e);
    if (rc < 0) {
        af_xdp_io_remove(device);
        destroy(device);
        return rc;
    }
    port->device = device;
    port->n_rx_queues = (uint8_t)device->n_queues;
    port->n_tx_queues = (uint8_t)device->n_queues;
    __atomic_store_n(&port->capability, PORT_TX_MULTI_SEG, __ATOMIC_RELAXED);
    return 0;
}

static void follow_link(struct port *port, const struct interface *interface)
{
    int is_up = (interface->flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
    enum api_port_state state = is_up ? API_PORT_LINK_UP : API_PORT_LINK_DOWN;
    char text[API_TEXT_SIZE];

    if (state == port->state)
        return;
    describe(port, interface, text, sizeof(text));
    port_set_state(port, state, text);
}

// Tell the readers of the counter segment.
static void show(const struct port *port)
{
    const struct af_xdp *device = port->device;
    const struct af_xdp_grant *grant = port->kept;
    struct api_stats_port *row;

    row = counters_port_write(port->slot);
    row->pool_size = device->pool->size;
    row->pool_used = rte_mempool_in_use_count(device->pool);
    row->xdp_mode = (uint8_t)((grant->is_native ? API_XDP_NATIVE : 0) |
                              (device->is_zero_copy ? API_XDP_ZERO_COPY : 0));
    counters_port_done(row);
}

static int af_xdp_open(struct port *port, struct error *e)
{
    const struct af_xdp_grant *grant;
    struct interface interface;
    int rc;

    if (strlen(port->path) >= IFNAMSIZ)
        return error_set(e, -ENAMETOOLONG, NULL,
                         "%s: an interface's name has at most %d characters", port->path,
                         IFNAMSIZ - 1);
    rc = read_interface(port, &interface);
    if (rc < 0) {
        af_xdp_forget(port); // its program went with the interface
        return error_set(e, rc, NULL, "there is no interface %s", port->path);
    }
    grant = af_xdp_grant_of(port, interface.ifindex);
    if (grant == NULL) {
        port_wait(port, API_PORT_OPENING, "waits for culvertd to load its XDP program");
        return -EAGAIN;
    }
    if (!(interface.flags & IFF_UP)) {
        char text[API_TEXT_SIZE];

        describe(port, &interface, text, sizeof(text));
        port_wait(port, API_PORT_LINK_DOWN, text);
        return -EAGAIN;
    }
    rc = open_device(port, &interface, grant, e);
    if (rc < 0)
        return rc;
    show(port);
    follow_link(port, &interface);
    return 0;
}

static void af_xdp_close(struct port *port)
{
    struct af_xdp *device = port->device;

    af_xdp_io_remove(device);
    destroy(device);
}

// Frames that the kernel had for us and nowhere to put them. The last row is ours alone: no thread
// counts at an af-xdp port.
static void count_lost(const struct port *port, struct af_xdp_queue *queue)
{
    struct xdp_statistics seen = {0};
    socklen_t size = sizeof(seen);
    uint64_t n_lost;

    if (getsockopt(queue->fd, SOL_XDP, XDP_STATISTICS, &seen, &size) < 0)
        return;
    n_lost = seen.rx_dropped + seen.rx_ring_full;
    if (n_lost > queue->n_lost)
        counters_drop(port->slot, counters_stats->n_workers, DROP_XDP_LOST,
                      (unsigned)(n_lost - queue->n_lost));
    queue->n_lost = n_lost;
}

static void af_xdp_watch(struct port *port)
{
    struct af_xdp *device = port->device;
    struct interface interface;

    if (read_interface(port, &interface) < 0 || interface.ifindex != device->ifindex) {
        port_lose(port, "the interface was deleted");
        port_retry(port);
        return;
    }
    follow_link(port, &interface);
    for (unsigned i = 0; i < device->n_queues; i++)
        count_lost(port, &device->queue[i]);
    show(port);
}

const struct port_ops port_af_xdp_ops = {
    .name = "af-xdp",
    .open = af_xdp_open,
    .close = af_xdp_close,
    .rx_burst = af_xdp_rx_burst,
    .tx_burst = af_xdp_tx_burst,
    .watch = af_xdp_watch,
    .put_kept = af_xdp_forget,
};
