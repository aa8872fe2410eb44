// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_PORT_H
#define DATAPLANE_PORT_PORT_H

// A port: where packets enter and leave. One struct port_ops per kind of port; a kind is one file
// here. The main thread opens and closes; workers call rx_burst and tx_burst.
//
// A port lives as long as a generation or a caller holds a reference. Its device is opened after
// the generation that names it is published, and closed after the last generation that named it is
// gone and every worker has passed a quiescent state, so the two never race.

#include <rte_mbuf.h>

#include "dataplane/core/error.h"
#include "dataplane/core/packet.h"

#define PORT_MAX_QUEUES 16

struct port;

struct port_ops {
    const char *name; // as the configuration calls it
    // Open the device of port->config; on success port->device is set and the state is LINK_DOWN or
    // LINK_UP. -errno with a sentence in *e that says what to do; nothing is left open then.
    // -EAGAIN: what it takes is not there yet, port_wait has said what.
    int (*open)(struct port *port, struct error *e);
    void (*close)(struct port *port);
    // Up to n packets of a queue. Writes in_port, offload, gso_size of each; the mbufs are the
    // caller's. At most BURST_SIZE. Never blocks.
    unsigned (*rx_burst)(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                         unsigned n);
    // Send a burst; returns how many were taken, from the front. Those are no longer the caller's.
    // Offloads are done already (offload_prepare): mbuf ol_flags hold what the receiver is to do.
    unsigned (*tx_burst)(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n);
    // Main thread, ten times a second: link state, features, what to tell in the counter segment.
    void (*watch)(struct port *port);

    // The rest may be NULL.
    // The port is given up, its device closed: let go of port->kept.
    void (*put_kept)(struct port *port);
    // For kinds with something that outlives the process:
    // No committed configuration has this open port any more: when it closes next, nothing stays.
    void (*forget)(struct port *port);
    // Remove what earlier ports left behind and no port of the registry claims. After a commit, if
    // it is the first one or a port went that was not open.
    void (*sweep)(void);
    // Show the carrier to who is behind an open port; port->is_carrier_off is set already.
    void (*set_carrier)(struct port *port);
};

// What the peer behind a port can take; read by offload_prepare. One atomic word.
enum port_capability {
    PORT_TX_CSUM = 1 << 0, // completes TCP and UDP checksums
    PORT_TX_TSO4 = 1 << 1, // cuts TCP over IPv4
    PORT_TX_TSO6 = 1 << 2,
    PORT_TX_MULTI_SEG = 1 << 3, // takes chained mbufs
};

struct port {
    // Read by workers, written by the main thread (and by the vhost thread for its own ports).
    const struct port_ops *ops;
    void *device;        // of the kind; NULL while not open
    uint32_t slot;       // in the counter segment; stable for the port's life
    uint32_t capability; // enum port_capability, atomic
    uint8_t state;       // enum api_port_state, atomic; rx and tx only in LINK_UP
    uint8_t n_rx_queues; // queues that rx_burst takes, atomic; 0 while not open
    uint8_t n_tx_queues;
    uint16_t mtu;
    uint16_t max_frame_len; // bytes of a frame to or from it with all tags, TSO frames excepted
    uint8_t rx_worker[PORT_MAX_QUEUES]; // who polls a queue; fixed at creation

    // Main thread only.
    struct api_port config;
    char tenant[API_NAME_SIZE];
    char path[API_DEVICE_SIZE]; // device, defaults filled in
    void *kept;                 // of the kind, over several lives of the device
    unsigned n_references;
    uint64_t retry_ns;   // when to try open again, CLOCK_MONOTONIC
    unsigned n_failures; // of open, in a row
    int is_carrier_off;  // what port_set_carrier asked for
    struct port *next;   // in the registry, or among those that leave
};

extern const struct port_ops port_vhost_ops, port_tap_ops, port_pcap_ops, port_ethdev_ops,
    port_af_xdp_ops;

// Prepare the registry. `run_dir` is kept; n_workers is what rx queues are spread over.
// -errno with a sentence.
int port_init(const char *run_dir, unsigned n_workers, struct error *e);
void port_fini(void); // closes all

// The port that fits a configuration: an existing one whose configuration is the same, else a new
// one, not open yet. Takes a reference. -ENOSPC (no slot), -ENOMEM.
int port_get(const char *tenant, const struct api_port *config, struct port **port,
             struct error *e);

// Drop a reference. The last one ends the port: only after qsbr_wait(). One with something that
// outlives the process (forget) is closed by the next port_watch or port_fini: only the first says
// that the dataplane goes on without it.
void port_put(struct port *port);

// Open what is not open and is due; watch the others; fill the counter segment. Main thread.
// `all_now`: do not wait for the retry time (after a commit).
void port_watch(int all_now);

// What the kernel or guest behind the port is to see of its link, up until the first call; kept
// while the device is closed. For a port that a commit made anew (port_get) it begins at up again.
// Kinds that can't show it ignore it. Cheap if nothing changes. Main thread.
void port_set_carrier(struct port *port, int is_up);

// The run directory as port_init got it.
const char *port_run_dir(void);

// Is there a port in the registry for which `fits` is true? Main thread.
int port_any(int (*fits)(const struct port *port, const void *arg), const void *arg);

static inline int port_is_up(const struct port *port)
{
    return __atomic_load_n(&port->state, __ATOMIC_ACQUIRE) == API_PORT_LINK_UP;
}

// The device of an open port is gone: close it, say why, try to open it again later. Main thread;
// port->device is NULL then.
void port_lose(struct port *port, const char *text);

// From struct port_ops' open: what it takes is not there yet. The state and what is waited for;
// tried again by each port_watch. Main thread.
void port_wait(struct port *port, enum api_port_state state, const char *text);

// Try to open it by the next port_watch. Main thread.
void port_retry(struct port *port);

// The port of that name that was made last, NULL if there is none. Main thread.
struct port *port_find(const char *tenant, const char *name);

// Set state and, for API_PORT_ERROR or oddities, the text in the counter segment. Main thread.
void port_set_state(struct port *port, enum api_port_state state, const char *text);

#endif
