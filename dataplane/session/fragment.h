// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_FRAGMENT_H
#define DATAPLANE_SESSION_FRAGMENT_H

// Virtual reassembly: later fragments have no ports, so they follow what was decided for the first
// one, and those that come before it wait. No packet is put together: what is kept is the decision,
// and which bytes have been seen (RFC 5722: an overlap ends the whole packet; RFC 6946: an atomic
// fragment is no fragment and does not come here; RFC 7112, RFC 1858: a first fragment has the
// whole chain of headers and its L4 header).
//
// A packet is named by chain, side, addresses, identification and protocol (IPv6: not by the
// protocol). Each worker keeps its own table: all fragments of a packet come by one queue. Bounded:
// packets under way for each tenant, 16 waiting fragments for each packet, 64 for each tenant, 256
// for each worker and no more than a quarter of a port's buffers (core/pool.h).

#include "dataplane/core/packet.h"
#include "dataplane/session/session.h"

#define FRAGMENT_MAX_WAITING 16 // for one first fragment

enum fragment_answer {
    FRAGMENT_FOLLOW, // *follow says whom
    FRAGMENT_WAIT,   // m is taken: until the first fragment comes
    FRAGMENT_DROP,   // with *drop
};

// What was decided for a first fragment.
struct fragment_decision {
    uint32_t session;   // session_id; UINT32_MAX: none, forwarded as it came
    uint32_t opened_ms; // of that session, so that another one in its place is not taken for it
    uint8_t direction;
    uint8_t drop;            // API_DROP_NONE: forwarded; else all later ones are dropped like it
    uint16_t identification; // what the packet is called where it goes on; 0: as it came
};

int fragment_init(unsigned n_workers, struct error *e);
void fragment_fini(void);

// A later fragment (PACKET_LATER_FRAGMENT). Worker.
enum fragment_answer fragment_later(unsigned worker, uint32_t chain, unsigned side,
                                    struct session_tenant *tenant, struct rte_mbuf *m,
                                    uint32_t now_ms, struct fragment_decision *follow,
                                    uint8_t *drop);

// A first fragment, before it is judged: may it be one, and does it fit what was seen?
// API_DROP_NONE, or why it is dropped. Worker.
uint8_t fragment_first(unsigned worker, uint32_t chain, unsigned side,
                       struct session_tenant *tenant, struct rte_mbuf *m, uint32_t now_ms);

// It was judged. Returns how many waiting fragments are the caller's now, in m (room for
// FRAGMENT_MAX_WAITING), in order. Worker. p is still that of the packet as it arrived: called
// before addresses are rewritten.
unsigned fragment_decided(unsigned worker, uint32_t chain, unsigned side, struct rte_mbuf *first,
                          const struct fragment_decision *decision, struct rte_mbuf **m);

// Free what has waited too long, counted as FRAGMENT_LOST at its port. Bounded. Worker, once a
// loop.
void fragment_age(unsigned worker, uint32_t now_ms);

#endif
