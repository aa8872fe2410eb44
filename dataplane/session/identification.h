// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_IDENTIFICATION_H
#define DATAPLANE_SESSION_IDENTIFICATION_H

// The IPv4 identification of packets that hosts behind one address send. Worker.

#include "dataplane/core/packet.h"

// May routers cut the packet in pieces, or has that happened: would its identification be told
// apart by who puts them together (RFC 6864, 4)? IPv4 only.
int identification_is_needed(const struct rte_mbuf *m, const struct packet *p);
// One that no other packet with these addresses (of four bytes) and protocol has had for long;
// never 0. It stands for as many that follow as the frame will be cut into segments.
uint16_t identification_next(const struct packet *p, const uint8_t *source,
                             const uint8_t *destination);
void identification_write(struct rte_mbuf *m, const struct packet *p, uint16_t identification);
// Begin anew. Main thread.
void identification_init(void);

#endif
