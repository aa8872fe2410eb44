// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_OFFLOAD_H
#define DATAPLANE_PORT_OFFLOAD_H

// What a sender left to the receiver (a partial checksum, a TCP frame to be cut), checked against
// the parsed packet at ingress and completed in software at egress where the receiver lacks it.

#include "dataplane/port/port.h"

// At most so many segments come from one frame; one that asks for more is not sound.
#define OFFLOAD_MAX_SEGMENTS 128

// Does what the sender asked fit the parsed packet? A partial checksum only on TCP or UDP that
// parse has proven and that is no fragment, UDP with a length that fills the packet (RFC 768);
// PACKET_TSO only on TCP in one segment of memory, together with a partial checksum
// (virtio 1.2, 5.1.6.2), with 0 < gso_size and a payload that makes no more than
// OFFLOAD_MAX_SEGMENTS. Called after parse for packets with offload set. 1 or 0; 0 means drop
// OFFLOAD_MISMATCH. Worker.
int offload_is_sound(const struct rte_mbuf *m, const struct packet *p);

// Make m fit for `port`: set ol_flags, l2_len, l3_len, l4_len, tso_segsz for what the receiver does
// itself, complete checksums and cut segments otherwise. The result is one packet or several in
// out[0..n_out), their metadata a copy of m's with lengths, offsets and `offload` (what is left to
// the receiver) as they are now; m is consumed. Returns how many, at most n_out; 0: dropped, the
// reason in *drop (OFFLOAD_NO_BUFFER, OVERSIZE_FRAME). m may be shared (refcnt > 1) or chained only
// if it has no offload set. A packet behind IPv6 extension headers is always completed here, for
// receivers differ in what they find there. Worker.
unsigned offload_prepare(struct rte_mbuf *m, const struct port *port, struct rte_mbuf **out,
                         unsigned n_out, uint8_t *drop);

// Complete a partial L4 checksum in the frame (RFC 1071, over the pseudo-header's sum that is in
// the field already). For a sound packet with PACKET_CSUM_PARTIAL; clears it. UDP 0 becomes 0xffff
// (RFC 768).
void offload_complete_checksum(struct rte_mbuf *m, struct packet *p);

#endif
