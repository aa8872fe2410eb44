// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_OFFLOAD_H
#define DATAPLANE_PORT_OFFLOAD_H

// What a sender left to the receiver (a partial checksum, a TCP frame to be cut), checked against
// the parsed packet at ingress and completed in software at egress where the receiver lacks it.

#include "dataplane/port/port.h"

// Make and free the pools for segments, one set a worker. -ENOMEM. Main thread.
int offload_init(unsigned n_workers);
void offload_fini(void);

// Does what the sender asked fit the parsed packet (PACKET_CSUM_PARTIAL only on TCP or UDP that
// parse has proven and that is no fragment; PACKET_TSO only on TCP, with 0 < gso_size, a payload)?
// Called after parse for packets with offload set. 1 or 0; 0 means drop OFFLOAD_MISMATCH.
int offload_is_sound(const struct rte_mbuf *m, const struct packet *p);

// Make m fit for `port`: set ol_flags, l2_len, l3_len, l4_len, tso_segsz for what the receiver does
// itself, complete checksums and cut segments otherwise. The result is one packet or several in
// out[0..n_out); m is consumed. Returns how many, at most n_out; 0: dropped, the reason in *drop
// (OFFLOAD_NO_BUFFER, OVERSIZE_FRAME). m may be shared (refcnt > 1) or chained only if it has no
// offload set.
unsigned offload_prepare(struct rte_mbuf *m, const struct port *port, unsigned worker,
                         struct rte_mbuf **out, unsigned n_out, uint8_t *drop);

// At most so many segments come from one frame: 64 KiB cut to the smallest gso_size that is taken.
#define OFFLOAD_MAX_SEGMENTS 128
#define OFFLOAD_MIN_GSO_SIZE 512

// Complete a partial L4 checksum in the frame (RFC 1071, over the pseudo-header's sum that is in the
// field already). For a packet with PACKET_CSUM_PARTIAL; clears it. UDP 0 becomes 0xffff (RFC 768).
void offload_complete_checksum(struct rte_mbuf *m, struct packet *p);

#endif
