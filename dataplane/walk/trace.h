// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_TRACE_H
#define DATAPLANE_WALK_TRACE_H

// What a walk notes of a packet while it decides, so that flow/compose.c can make a flow of it. A
// packet has a trace if the flow stage gave it one; all that follows does nothing for others.
//
// Nothing is cached that nobody vouches for: a function that forwards a packet calls
// walk_trace_plain() if the next packet with the same key would go the same way, but for what it
// has noted here. Whoever stays silent (an answer, an error, a flood, a packet that waits) makes
// the trace worthless, and each such packet walks.
//
// The key has: port, VLANs, MACs, addresses, protocol; and the ports if a packet's port may lead to
// a chain with functions. What a function reads beside that it notes:
//   - an object that may change without a commit: walk_trace_depend(), before it is read
//   - ports: walk_trace_ports()
//   - TTL, total length: walk_trace_route()
// What it writes needs no note, if it follows from all that: the headers are compared before and
// after.
//
// Who drops a packet may vouch for that, too: walk_trace_deny(), if the next packet with the same
// key and TCP flags would be dropped as this one, but for what has been noted; and if what else it
// did can be told of many packets at once (function_ops.count_denied). That something was not there
// is noted by walk_trace_opening(), before one looks for it.

#include "dataplane/core/packet.h"
#include "dataplane/session/opening.h"
#include "dataplane/walk/function.h"
#include "dataplane/walk/version.h"

#define TRACE_MAX_HOPS 8
#define TRACE_MAX_SESSIONS 2
#define TRACE_MAX_OWN 6     // objects that this flow alone depends on
#define TRACE_MAX_SHARED 12 // those of all flows that go the same way
#define TRACE_MAX_COMMON 8  // those that all flows of the way look at, each for itself
#define TRACE_MAX_OPENINGS 2

struct session;
struct session_tenant;

struct trace_hop {
    uint32_t in, out;     // attachments of the generation
    uint8_t is_learned;   // `out` is where the next hop was seen last, and may move
    uint64_t fingerprint; // of the function, before it decided
};

struct trace_session {
    uint32_t number; // session_id
    uint32_t incarnation;
    uint8_t direction;   // enum session_direction
    uint8_t track_flags; // enum session_track_flag
    const struct session_tenant *tenant;
};

struct trace_depends {
    uint8_t n;
    uint16_t places[TRACE_MAX_SHARED];
    uint32_t sum; // of their numbers when they were noted
};

// The headers as the packet leaves.
struct trace_end {
    uint8_t macs[12];
    uint8_t source[16], destination[16]; // IPv4 in the first four
    uint16_t source_port, destination_port;
    uint8_t ttl;
};

struct walk_trace {
    const struct rte_mbuf *m;
    uint8_t is_broken;      // worth nothing
    uint8_t is_done;        // the packet is on its way out of attachment `hops[n_hops - 1].out`
    uint8_t is_denied;      // it has been dropped: see `denial`
    uint8_t has_read_ports; // TCP, UDP: ports, of the packet as it came or as it became
    uint8_t n_hops;
    uint8_t n_routers;
    uint8_t n_sessions;
    uint8_t n_translated; // of them: two on one way are not kept as one
    uint16_t mtu;         // smallest of the routers' interfaces: of an IP packet
    uint16_t life_sec;    // then it should walk again, for the sake of what learns from packets
    uint64_t next_hop;    // of the last router; or the destination MAC of switches before one
    struct trace_hop hops[TRACE_MAX_HOPS];
    struct trace_session sessions[TRACE_MAX_SESSIONS];
    struct trace_depends own, shared, common;
    struct trace_depends openings; // places of session/opening.h
    struct trace_end end;
    struct walk_denial denial;
    uint32_t denied_in; // attachment it came by to who dropped it
};

// Of one burst. A worker's own.
struct walk_traces {
    unsigned n;
    struct walk_trace t[BURST_SIZE];
};

// NULL: it has none.
static inline struct walk_trace *walk_trace_of(const struct walk_context *ctx, struct rte_mbuf *m)
{
    unsigned i;

    if (ctx->traces == NULL)
        return NULL;
    i = packet_of(m)->trace;
    // A packet that has waited since another burst has the number of one that is over.
    if (i == 0 || i > ctx->traces->n || ctx->traces->t[i - 1].m != m)
        return NULL;
    return &ctx->traces->t[i - 1];
}

// The function vouches for what it decided about the packet. `p` is of that packet.
static inline void walk_trace_plain(struct packet *p)
{
    p->plain = PACKET_PLAIN;
}

// The same of a switch: by which side it goes out depends on nothing but where the next hop is.
static inline void walk_trace_learned(struct packet *p)
{
    p->plain = PACKET_PLAIN_LEARNED;
}

static inline void walk_trace_add(struct walk_trace *t, struct trace_depends *d, unsigned max,
                                  uint16_t place, uint32_t number)
{
    if (d->n == max) {
        t->is_broken = 1;
        return;
    }
    d->places[d->n++] = place;
    d->sum += number;
}

// The decision depends on an object: of this flow alone (the source's MAC, its prefix), or of all
// flows that go this way to the same next hop (the next hop's MAC, and where that is). Before the
// object is read. t may be NULL, here and below.
static inline void walk_trace_depend_own(struct walk_trace *t, uint16_t place)
{
    if (t != NULL)
        walk_trace_add(t, &t->own, TRACE_MAX_OWN, place, walk_version(place));
}

static inline void walk_trace_depend_shared(struct walk_trace *t, uint16_t place)
{
    if (t != NULL)
        walk_trace_add(t, &t->shared, TRACE_MAX_SHARED, place, walk_version(place));
}

// The same of an object that each packet that goes this way looks at, but that may tell one flow
// otherwise and leave the next one as it is: which of a router's links are up. That another flow
// still goes this way says nothing about this one then.
static inline void walk_trace_depend_common(struct walk_trace *t, uint16_t place)
{
    if (t != NULL)
        walk_trace_add(t, &t->common, TRACE_MAX_COMMON, place, walk_version(place));
}

// There is nothing behind this place (session/opening.h); before one makes sure of it.
static inline void walk_trace_opening(struct walk_trace *t, uint16_t place)
{
    if (t != NULL)
        walk_trace_add(t, &t->openings, TRACE_MAX_OPENINGS, place, opening_number(place));
}

// Who is to get it is known from here on: this next hop, whatever its MAC is and wherever it is.
static inline void walk_trace_next_hop(struct walk_trace *t, uint64_t next_hop)
{
    if (t != NULL)
        t->next_hop = next_hop;
}

// What is learned from this packet is forgotten after age_sec without another one; 0: never.
static inline void walk_trace_learn(struct walk_trace *t, uint32_t age_sec)
{
    uint32_t life_sec = age_sec > 8 ? age_sec / 8 : 1; // up to twice that, and one walk may fail

    if (age_sec > 0 && life_sec < t->life_sec)
        t->life_sec = (uint16_t)life_sec;
}

static inline void walk_trace_ports(struct walk_trace *t)
{
    if (t != NULL)
        t->has_read_ports = 1;
}

// A router has passed it on by an interface with this MTU, the TTL less one.
static inline void walk_trace_route(struct walk_trace *t, uint16_t mtu)
{
    if (t == NULL)
        return;
    t->n_routers++;
    if (mtu < t->mtu)
        t->mtu = mtu;
}

// It has been accepted as one of this session; walk/trace.c, with the session's incarnation.
void walk_trace_session(struct walk_trace *t, const struct session *s, unsigned direction,
                        unsigned track_flags, const struct session_tenant *tenant);

// It is dropped for the denial's reason, and the function vouches for that. Nothing is noted behind
// it.
void walk_trace_deny(struct walk_trace *t, const struct packet *p,
                     const struct walk_denial *denial);

// walk.c: the function behind packet.in has forwarded it to packet.out.
void walk_trace_hop(struct walk_trace *t, struct packet *p, uint64_t fingerprint);
// egress.c: it leaves by a port, with these headers.
void walk_trace_end(struct walk_trace *t, const struct rte_mbuf *m);

#endif
