// SPDX-License-Identifier: BSD-3-Clause
// How is any DPDK device a port? Probed by its arguments when the port opens and removed when it
// closes; bursts on workers, all else on the main thread. Checksums are left to a device that
// offers that. TSO is not: devices want another pseudo-header sum than virtio's, segment.c cuts.

#include "dataplane/port/ethdev.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_pci.h>
#include <rte_spinlock.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/pool.h"

#define DEFAULT_QUEUE_SIZE 1024
#define MAX_TRIES 1000 // for a transmit queue that workers share
#define NUMA_NODE_ANY ((unsigned)SOCKET_ID_ANY)
#define TX_CSUM (RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define RX_SCATTER (RTE_ETH_RX_OFFLOAD_SCATTER)
#define RSS_FIELDS (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP)
// Many devices count a buffer's size in KiB and take two buffers for a frame that does not fit what
// is left of it after rounding down.
#define BUFFER_UNIT 1024U

struct ethdev {
    uint16_t port_id;
    int is_shared; // fewer transmit queues than workers: a lock for each
    int is_gone;   // atomic; set by the EAL's interrupt thread: it was unplugged
    struct rte_mempool *pool;
    rte_spinlock_t tx_lock[PORT_MAX_QUEUES];
};

// The name under which the device will be known: what stands before the first comma, without a bus,
// a PCI address in full.
static int device_name(const char *devargs, char *name, size_t size, struct error *e)
{
    size_t len = strcspn(devargs, ",");
    struct rte_pci_addr address;

    if (len > 4 && strncmp(devargs, "pci:", 4) == 0) {
        devargs += 4;
        len -= 4;
    } else if (len > 5 && strncmp(devargs, "vdev:", 5) == 0) {
        devargs += 5;
        len -= 5;
    }
    if (len == 0 || len >= size || strcspn(devargs, "=/") < len)
        return error_set(e, -EINVAL, NULL,
                         "%s: a device is a PCI address or a driver's name with a number, then "
                         "arguments behind a comma",
                         devargs);
    memcpy(name, devargs, len);
    name[len] = '\0';
    if (rte_pci_addr_parse(name, &address) == 0)
        rte_pci_device_name(&address, name, size);
    return 0;
}

static int probe(const char *devargs, uint16_t *port_id, struct error *e)
{
    char name[RTE_ETH_NAME_MAX_LEN];
    int rc = device_name(devargs, name, sizeof(name), e);

    if (rc < 0)
        return rc;
    // One that is there is another port's: probing it again would look like success.
    if (rte_eth_dev_get_port_by_name(name, port_id) == 0)
        return error_set(e, -EBUSY, NULL, "device %s is in use by another port", name);
    rc = rte_dev_probe(devargs);
    if (rc < 0)
        return error_set(e, rc, NULL,
                         "no driver could open device %s: %s; is it there, and bound to a driver "
                         "for user space?",
                         devargs, strerror(-rc));
    if (rte_eth_dev_get_port_by_name(name, port_id) < 0)
        return error_set(e, -ENODEV, NULL, "device %s is no Ethernet device", devargs);
    return 0;
}

static void set_capability(struct port *port, const struct rte_eth_conf *conf)
{
    uint64_t offloads = conf->txmode.offloads;
    uint32_t capability = 0;

    if ((offloads & TX_CSUM) == TX_CSUM)
        capability |= PORT_TX_CSUM;
    if (offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
        capability |= PORT_TX_MULTI_SEG;
    __atomic_store_n(&port->capability, capability, __ATOMIC_RELAXED);
}

// What rte_eth_dev_configure will let through: some devices say how long a frame may be, and not
// which MTU that makes.
static unsigned largest_mtu(const struct rte_eth_dev_info *info)
{
    unsigned overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

    if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
        overhead = info->max_rx_pktlen - info->max_mtu;
    return RTE_MIN((unsigned)info->max_mtu, info->max_rx_pktlen - overhead);
}

static void spread_receive(struct rte_eth_conf *conf, const struct rte_eth_dev_info *info)
{
    uint64_t fields = RSS_FIELDS & info->flow_type_rss_offloads;

    if (fields == 0) // it spreads as it likes, or uses its first queue only
        return;
    conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf->rx_adv_conf.rss_conf.rss_hf = fields;
}

static int configure(struct port *port, struct ethdev *device, struct error *e)
{
    unsigned n_workers = counters_stats->n_workers;
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf = {0};
    uint16_t n_rx, n_tx;
    int rc = rte_eth_dev_info_get(device->port_id, &info);

    if (rc < 0)
        return error_set(e, rc, NULL, "the device does not answer");
    n_rx = port->config.n_queues;
    if (n_rx > info.max_rx_queues)
        return error_set(e, -EINVAL, NULL, "%u queues asked for, the device has %u", n_rx,
                         info.max_rx_queues);
    if (port->mtu < info.min_mtu || port->mtu > largest_mtu(&info))
        return error_set(e, -EINVAL, NULL, "an MTU of %u asked for, the device takes %u to %u",
                         port->mtu, info.min_mtu, largest_mtu(&info));
    n_tx = (uint16_t)RTE_MIN(RTE_MIN(n_workers, (unsigned)PORT_MAX_QUEUES),
                             (unsigned)info.max_tx_queues);
    if (n_tx == 0)
        n_tx = 1;
    device->is_shared = n_tx < n_workers;
    conf.txmode.offloads = info.tx_offload_capa & (TX_CSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
    conf.rxmode.offloads = info.rx_offload_capa & RX_SCATTER;
    conf.rxmode.mtu = port->mtu;
    conf.intr_conf.rmv = (*info.dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
    if (n_rx > 1)
        spread_receive(&conf, &info);
    rc = rte_eth_dev_configure(device->port_id, n_rx, n_tx, &conf);
    if (rc < 0)
        return error_set(e, rc, NULL, "the device refuses %u receive and %u transmit queues: %s",
                         n_rx, n_tx, strerror(-rc));
    port->n_rx_queues = (uint8_t)n_rx;
    port->n_tx_queues = (uint8_t)n_tx;
    set_capability(port, &conf);
    return 0;
}

static int setup_queues(struct port *port, struct ethdev *device, struct error *e)
{
    uint16_t n_rx = port->config.queue_size != 0 ? port->config.queue_size : DEFAULT_QUEUE_SIZE;
    uint16_t n_tx = n_rx;
    unsigned n_buffers, size = port->max_frame_len + RTE_ETHER_CRC_LEN;
    int rc = rte_eth_dev_adjust_nb_rx_tx_desc(device->port_id, &n_rx, &n_tx);

    // Receive rings full, twice as many on their way through receivers' rings, and worker caches.
    n_buffers = port->n_rx_queues * (3U * n_rx) + rte_lcore_count() * 2 * POOL_CACHE_SIZE;
    device->pool = pool_create(port->config.name, n_buffers, RTE_ALIGN_CEIL(size, BUFFER_UNIT));
    if (device->pool == NULL)
        return error_set(e, -ENOMEM, NULL,
                         "no memory for %u buffers: give the dataplane more with -m", n_buffers);
    for (uint16_t q = 0; rc == 0 && q < port->n_rx_queues; q++)
        rc = rte_eth_rx_queue_setup(device->port_id, q, n_rx, NUMA_NODE_ANY, NULL, device->pool);
    for (uint16_t q = 0; rc == 0 && q < port->n_tx_queues; q++)
        rc = rte_eth_tx_queue_setup(device->port_id, q, n_tx, NUMA_NODE_ANY, NULL);
    if (rc < 0)
        return error_set(e, rc, NULL, "the device refuses rings of %u and %u descriptors: %s", n_rx,
                         n_tx, strerror(-rc));
    return 0;
}

static int start(struct port *port, struct ethdev *device, struct error *e)
{
    int rc = rte_eth_dev_set_mtu(device->port_id, port->mtu);

    if (rc < 0 && rc != -ENOTSUP)
        return error_set(e, rc, NULL, "the device refuses an MTU of %u: %s", port->mtu,
                         strerror(-rc));
    rc = rte_eth_dev_start(device->port_id);
    if (rc < 0)
        return error_set(e, rc, NULL, "the device does not start: %s", strerror(-rc));
    // A switch needs frames for all MACs; a device that can't (a virtual one) gives them anyway.
    rte_eth_promiscuous_enable(device->port_id);
    return 0;
}

// On the EAL's interrupt thread; ethdev_watch does what there is to do.
static int note_removal(uint16_t port_id, enum rte_eth_event_type event, void *arg, void *result)
{
    struct ethdev *device = arg;

    (void)port_id;
    (void)event;
    (void)result;
    __atomic_store_n(&device->is_gone, 1, __ATOMIC_RELEASE);
    return 0;
}

static void forget_removal(struct ethdev *device)
{
    while (rte_eth_dev_callback_unregister(device->port_id, RTE_ETH_EVENT_INTR_RMV, note_removal,
                                           device) == -EAGAIN)
        rte_pause(); // it is being told just now
}

static void remove_device(struct ethdev *device)
{
    struct rte_eth_dev_info info;
    int rc = rte_eth_dev_info_get(device->port_id, &info);

    forget_removal(device);
    rte_eth_dev_stop(device->port_id);
    rte_eth_dev_close(device->port_id);
    if (rc == 0)
        rte_dev_remove(info.device);
    pool_retire(device->pool);
    free(device);
}

int ethdev_open(struct port *port, const char *devargs, struct error *e)
{
    struct ethdev *device = calloc(1, sizeof(*device));
    int rc;

    if (device == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    rc = probe(devargs, &device->port_id, e);
    if (rc < 0) {
        free(device);
        return rc;
    }
    rte_eth_dev_callback_register(device->port_id, RTE_ETH_EVENT_INTR_RMV, note_removal, device);
    rc = configure(port, device, e);
    if (rc == 0)
        rc = setup_queues(port, device, e);
    if (rc == 0)
        rc = start(port, device, e);
    if (rc < 0) {
        remove_device(device);
        return rc;
    }
    port->device = device;
    port_set_state(port, API_PORT_LINK_DOWN, NULL);
    ethdev_watch(port);
    return 0;
}

void ethdev_close(struct port *port)
{
    remove_device(port->device);
}

unsigned ethdev_rx_burst(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                         unsigned n)
{
    const struct ethdev *device = port->device;
    unsigned n_received = rte_eth_rx_burst(device->port_id, (uint16_t)queue, m, (uint16_t)n);

    (void)worker;
    for (unsigned i = 0; i < n_received; i++) {
        struct packet *p = packet_of(m[i]);

        p->in_port = (uint16_t)port->slot;
        p->gso_size = 0;
        p->offload = 0;
    }
    return n_received;
}

unsigned ethdev_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n)
{
    struct ethdev *device = port->device;
    unsigned n_sent;

    if (likely(!device->is_shared))
        return rte_eth_tx_burst(device->port_id, (uint16_t)queue, m, (uint16_t)n);
    // Nobody waits: what another worker is in the way of counts as a full ring.
    for (unsigned n_tries = 0; !rte_spinlock_trylock(&device->tx_lock[queue]); n_tries++) {
        if (n_tries == MAX_TRIES)
            return 0;
        rte_pause();
    }
    n_sent = rte_eth_tx_burst(device->port_id, (uint16_t)queue, m, (uint16_t)n);
    rte_spinlock_unlock(&device->tx_lock[queue]);
    return n_sent;
}

void ethdev_watch(struct port *port)
{
    const struct ethdev *device = port->device;
    struct rte_eth_link link = {0};
    struct api_stats_port *row;
    uint8_t state;

    rte_eth_link_get_nowait(device->port_id, &link);
    if (__atomic_load_n(&device->is_gone, __ATOMIC_ACQUIRE) ||
        (!link.link_status && rte_eth_dev_is_removed(device->port_id))) {
        port_lose(port, "the device was unplugged");
        return;
    }
    state = link.link_status ? API_PORT_LINK_UP : API_PORT_LINK_DOWN;
    if (state != port->state)
        port_set_state(port, state, NULL);
    row = counters_port_write(port->slot);
    row->pool_size = device->pool->size;
    row->pool_used = rte_mempool_in_use_count(device->pool);
    counters_port_done(row);
}

static int device_open(struct port *port, struct error *e)
{
    return ethdev_open(port, port->path, e);
}

const struct port_ops port_ethdev_ops = {
    .name = "ethdev",
    .open = device_open,
    .close = ethdev_close,
    .rx_burst = ethdev_rx_burst,
    .tx_burst = ethdev_tx_burst,
    .watch = ethdev_watch,
};
