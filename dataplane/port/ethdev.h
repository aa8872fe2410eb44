// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_ETHDEV_H
#define DATAPLANE_PORT_ETHDEV_H

// Any DPDK Ethernet device as a port; what the other kinds that stand on one share.

#include "dataplane/port/port.h"

// Probe the device that `devargs` names (a PCI address or a virtual device with its arguments),
// set it up and start it; port->device is set. -errno with a sentence.
int ethdev_open(struct port *port, const char *devargs, struct error *e);
void ethdev_close(struct port *port);
unsigned ethdev_rx_burst(struct port *port, unsigned queue, unsigned worker, struct rte_mbuf **m,
                         unsigned n);
unsigned ethdev_tx_burst(struct port *port, unsigned queue, struct rte_mbuf **m, unsigned n);
void ethdev_watch(struct port *port);

#endif
