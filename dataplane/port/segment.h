// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_SEGMENT_H
#define DATAPLANE_PORT_SEGMENT_H

// Cutting a large TCP frame into frames that any receiver takes. Used by offload.c alone.

#include "dataplane/port/port.h"

// Where the segments go and for whom they are.
struct segment_job {
    uint32_t capability; // of the receiver: it may complete the segments' checksums
    struct rte_mbuf **out;
    unsigned n_out;
};

// Cut m, sound and with PACKET_TSO, into copies of gso_size bytes of payload each. Returns how
// many; 0: no room in the job or in m's pool,
// which the segments come from. m stays the caller's.
unsigned segment_frame(struct rte_mbuf *m, const struct segment_job *job);

// offload.c: may the checksum be left to this receiver, and how is that said in an mbuf?
int offload_is_left(const struct packet *p, uint32_t capability);
void offload_leave(struct rte_mbuf *m, const struct packet *p);

#endif
