// SPDX-License-Identifier: BSD-3-Clause
// Which ports are there, and are their devices open? The registry: a port keeps its slot, counters
// and device over generations as long as its configuration stays. Main thread. The kinds of ports
// are its neighbours here: vhost.c, tap.c, pcap.c, ethdev.c, af_xdp.c.

#include "dataplane/port/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/core/counters.h"
#include "dataplane/core/log.h"
#include "dataplane/core/pool.h"
#include "dataplane/core/qsbr.h"

#define RETRY_NS 1000000000U // after the first failure; twice as long after each, up to
#define MAX_RETRY_SHIFT 3U   // eight seconds
#define L2_HEADER_SIZE 14
#define MAX_TAGS_SIZE 8 // two VLAN tags come on top of the MTU

static const struct port_ops *const kinds[API_PORT_N_TYPES] = {
    [API_PORT_VHOST_USER] = &port_vhost_ops, [API_PORT_TAP] = &port_tap_ops,
    [API_PORT_PCAP] = &port_pcap_ops,        [API_PORT_ETHDEV] = &port_ethdev_ops,
    [API_PORT_AF_XDP] = &port_af_xdp_ops,
};

static struct port *registry;
static struct port *leaving; // out of the registry, open until the next port_watch
static int is_sweep_due = 1;
static char run_directory[API_DEVICE_SIZE];
static unsigned worker_count;
static unsigned worker_load[API_MAX_WORKERS]; // receive queues
static uint8_t slot_used[API_MAX_PORTS];

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

int port_init(const char *run_dir, unsigned n_workers, struct error *e)
{
    if (strlen(run_dir) >= sizeof(run_directory))
        return error_set(e, -ENAMETOOLONG, NULL, "the run directory's name is too long");
    snprintf(run_directory, sizeof(run_directory), "%s", run_dir);
    worker_count = n_workers;
    return 0;
}

// What of a configuration the device depends on; the rest may change under an open one.
static struct api_port device_part(const struct api_port *config)
{
    struct api_port part = *config;

    part.owner = 0;
    part.flags &= ~(uint32_t)API_PORT_GUARD;
    if (part.type != API_PORT_TAP) // elsewhere it is the guard's alone
        memset(part.mac, 0, sizeof(part.mac));
    part.mac_limit = 0;
    part.storm_broadcast_pps = 0;
    part.storm_multicast_pps = 0;
    part.storm_unknown_pps = 0;
    return part;
}

static struct port *find(const char *tenant, const struct api_port *part)
{
    for (struct port *port = registry; port != NULL; port = port->next)
        if (strcmp(port->tenant, tenant) == 0 && memcmp(&port->config, part, sizeof(*part)) == 0)
            return port;
    return NULL;
}

static int take_slot(void)
{
    for (int slot = 0; slot < API_MAX_PORTS; slot++) {
        if (!slot_used[slot]) {
            slot_used[slot] = 1;
            return slot;
        }
    }
    return -ENOSPC;
}

static void spread_queues(struct port *port)
{
    for (unsigned queue = 0; queue < port->config.n_queues; queue++) {
        unsigned best = 0;

        for (unsigned w = 1; w < worker_count; w++)
            if (worker_load[w] < worker_load[best])
                best = w;
        port->rx_worker[queue] = (uint8_t)best;
        worker_load[best]++;
    }
}

static void describe(const struct port *port)
{
    struct api_stats_port *row;

    memset(counters_stats->counters[port->slot], 0,
           (worker_count + 1) * sizeof(struct api_counters));
    row = counters_port_write(port->slot);
    memset((char *)row + sizeof(row->sequence), 0, sizeof(*row) - sizeof(row->sequence));
    row->state = port->state;
    row->type = port->config.type;
    row->mtu = port->mtu;
    row->n_queues = port->config.n_queues;
    memcpy(row->tenant, port->tenant, sizeof(row->tenant));
    memcpy(row->name, port->config.name, sizeof(row->name));
    counters_port_done(row);
}

static int set_path(struct port *port, struct error *e)
{
    int len;

    if (port->config.type == API_PORT_VHOST_USER && port->config.device[0] == '\0')
        len = snprintf(port->path, sizeof(port->path), "%s/%s/%s-%s.sock", run_directory,
                       API_VHOST_DIR, port->tenant, port->config.name);
    else
        len = snprintf(port->path, sizeof(port->path), "%s", port->config.device);
    if (len >= (int)sizeof(port->path))
        return error_set(e, -ENAMETOOLONG, NULL,
                         "the socket's path has %d characters, at most %zu fit", len,
                         sizeof(port->path) - 1);
    return 0;
}

// At the end: devices are opened in the order of the configuration.
static void append(struct port *port)
{
    struct port **link = &registry;

    while (*link != NULL)
        link = &(*link)->next;
    *link = port;
}

int port_get(const char *tenant, const struct api_port *config, struct port **out, struct error *e)
{
    struct api_port part = device_part(config);
    struct port *port = find(tenant, &part);
    int slot;

    if (port != NULL) {
        port->n_references++;
        *out = port;
        return 0;
    }
    port = calloc(1, sizeof(*port));
    if (port == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    port->config = part;
    snprintf(port->tenant, sizeof(port->tenant), "%s", tenant);
    slot = take_slot();
    if (slot < 0) {
        free(port);
        return error_set(e, slot, NULL, "no more than %d ports, those being replaced included",
                         API_MAX_PORTS);
    }
    port->slot = (uint32_t)slot;
    if (set_path(port, e) < 0) {
        slot_used[slot] = 0;
        free(port);
        return -ENAMETOOLONG;
    }
    port->ops = kinds[config->type];
    port->state = API_PORT_OPENING;
    port->mtu = config->mtu;
    port->max_frame_len = (uint16_t)(config->mtu + L2_HEADER_SIZE + MAX_TAGS_SIZE);
    port->n_references = 1;
    spread_queues(port);
    describe(port);
    append(port);
    *out = port;
    return 0;
}

static void close_device(struct port *port)
{
    __atomic_store_n(&port->state, API_PORT_OPENING, __ATOMIC_RELEASE);
    if (port->device != NULL)
        port->ops->close(port);
    port->device = NULL;
}

static void give_up(struct port *port)
{
    close_device(port);
    if (port->ops->put_kept != NULL)
        port->ops->put_kept(port);
}

static void release(struct port *port)
{
    give_up(port);
    slot_used[port->slot] = 0;
    free(port);
}

void port_put(struct port *port)
{
    struct port **link = &registry;
    struct api_stats_port *row;

    if (--port->n_references > 0)
        return;
    while (*link != port)
        link = &(*link)->next;
    *link = port->next;
    for (unsigned queue = 0; queue < port->config.n_queues; queue++)
        worker_load[port->rx_worker[queue]]--;
    row = counters_port_write(port->slot);
    row->state = API_PORT_UNUSED;
    counters_port_done(row);
    if (port->device != NULL && port->ops->forget != NULL) {
        port->next = leaving;
        leaving = port;
        return;
    }
    is_sweep_due |= port->ops->sweep != NULL;
    release(port);
}

// The dataplane goes on without them. What a port in the registry has taken over stays: forget
// looks for that.
static void release_leaving(void)
{
    while (leaving != NULL) {
        struct port *port = leaving;

        leaving = port->next;
        port->ops->forget(port);
        release(port);
    }
}

static void sweep(void)
{
    for (unsigned i = 0; i < API_PORT_N_TYPES; i++)
        if (kinds[i] != NULL && kinds[i]->sweep != NULL)
            kinds[i]->sweep();
    is_sweep_due = 0;
}

void port_fini(void)
{
    for (struct port *port = registry; port != NULL; port = port->next)
        give_up(port);
    for (struct port *port = leaving; port != NULL; port = port->next)
        give_up(port);
    pool_reap();
}

void port_set_carrier(struct port *port, int is_up)
{
    if (port->is_carrier_off == !is_up)
        return;
    port->is_carrier_off = !is_up;
    if (port->device != NULL && port->ops->set_carrier != NULL)
        port->ops->set_carrier(port);
}

const char *port_run_dir(void)
{
    return run_directory;
}

int port_any(int (*fits)(const struct port *port, const void *arg), const void *arg)
{
    for (const struct port *port = registry; port != NULL; port = port->next)
        if (fits(port, arg))
            return 1;
    return 0;
}

void port_set_state(struct port *port, enum api_port_state state, const char *text)
{
    struct api_stats_port *row;

    __atomic_store_n(&port->state, (uint8_t)state, __ATOMIC_RELEASE);
    row = counters_port_write(port->slot);
    row->state = (uint8_t)state;
    memset(row->text, 0, sizeof(row->text));
    snprintf(row->text, sizeof(row->text), "%s", text != NULL ? text : "");
    counters_port_done(row);
}

static void try_open(struct port *port)
{
    struct error e = {0};
    int was_error = port->state == API_PORT_ERROR;
    int rc = port->ops->open(port, &e);

    if (rc == 0) {
        port->n_failures = 0;
        return;
    }
    port->device = NULL;
    if (rc == -EAGAIN)
        return;
    port->retry_ns = now_ns() + ((uint64_t)RETRY_NS << RTE_MIN(port->n_failures, MAX_RETRY_SHIFT));
    port->n_failures++;
    port_set_state(port, API_PORT_ERROR, e.sentence);
    if (!was_error)
        log_warn("port %s/%s: %s", port->tenant, port->config.name, e.sentence);
}

void port_wait(struct port *port, enum api_port_state state, const char *text)
{
    port->n_failures = 0;
    port->retry_ns = 0;
    if (port->state == (uint8_t)state && strcmp(counters_stats->port[port->slot].text, text) == 0)
        return;
    port_set_state(port, state, text);
    log_info("port %s/%s: %s", port->tenant, port->config.name, text);
}

void port_retry(struct port *port)
{
    port->retry_ns = 0;
    port->n_failures = 0;
}

struct port *port_find(const char *tenant, const char *name)
{
    struct port *found = NULL;

    for (struct port *port = registry; port != NULL; port = port->next)
        if (strcmp(port->tenant, tenant) == 0 && strcmp(port->config.name, name) == 0)
            found = port;
    return found;
}

void port_lose(struct port *port, const char *text)
{
    port_set_state(port, API_PORT_ERROR, text); // workers leave it alone from now on
    qsbr_wait();
    port->ops->close(port);
    port->device = NULL;
    port->retry_ns = now_ns() + RETRY_NS;
    log_warn("port %s/%s: %s", port->tenant, port->config.name, text);
}

void port_watch(int all_now)
{
    uint64_t now = now_ns();

    release_leaving();
    if (all_now && is_sweep_due)
        sweep();
    for (struct port *port = registry; port != NULL; port = port->next) {
        if (port->device != NULL)
            port->ops->watch(port);
        else if (all_now || now >= port->retry_ns)
            try_open(port);
    }
    pool_reap();
}
