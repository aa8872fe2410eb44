// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_VLAN_H
#define DATAPLANE_WALK_VLAN_H

// VLAN tags on and off (IEEE 802.1Q, 802.1ad), with the offsets in struct packet kept right.

#include "dataplane/walk/generation.h"

#define VLAN_TAG_SIZE 4

// Take the first n tags off a frame in which parse has found at least n. In place.
void vlan_pop(struct rte_mbuf *m, struct packet *p, unsigned n);

// Put the tags of attachment `a` (1 or 2) in front of the frame, priority 0: one tag has EtherType
// 0x8100, of two the outer has 0x88a8. Returns the frame to send, which is another mbuf chain if m
// is shared or has no headroom, then m's reference went into it. NULL: no buffer left in m's pool,
// m is untouched and still the caller's.
struct rte_mbuf *vlan_push(struct rte_mbuf *m, const struct attachment *a);

#endif
