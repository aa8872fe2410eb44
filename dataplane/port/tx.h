// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_TX_H
#define DATAPLANE_PORT_TX_H

// The last stage: packets gathered by port during a loop, then sent burst by burst. One struct
// port_tx for each worker, touched by that worker only.

#include "dataplane/port/port.h"

struct port_tx;

// Room for every port slot. NULL if out of memory. Main thread, before the worker starts.
struct port_tx *port_tx_create(unsigned worker);
void port_tx_destroy(struct port_tx *tx);

// Queue m for `port`; sends a burst when one is full. Takes m.
void port_tx_add(struct port_tx *tx, struct port *port, struct rte_mbuf *m);

// Send all that is queued: before the worker reports a quiescent state, for the ports are only
// known to live until then. What a receiver does not take is dropped there and counted.
void port_tx_flush(struct port_tx *tx);

#endif
