// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TRACK_H
#define DATAPLANE_SESSION_TRACK_H

// What does a packet mean for its session? TCP by the states of RFC 9293 with window checks (van
// Rooij, Real Stateful TCP Packet Filtering in IP Filter, 2001) and RFC 5961's rules for blind
// resets and SYNs; SCTP by its chunks (RFC 9260); the others by having been answered. Pure: reads
// the packet, writes the session.

#include <netinet/in.h>

#include "dataplane/core/packet.h"
#include "dataplane/session/session.h"

enum session_track_flag {
    SESSION_TRACK_NO_WINDOW = 1 << 0, // enum api_chain_flag, translated
    SESSION_TRACK_NO_PICKUP = 1 << 1,
    SESSION_TRACK_OUT_REFRESH = 1 << 2, // only packets from inside prolong UDP (RFC 4787 REQ-6)
};

// May packet m (parsed, PACKET_L4 for TCP, UDP, SCTP, ICMP) begin a session? Fills timeout,
// is_half_open, state, protocol_state and tcp of the draft; draft->side[0] is set. Returns
// API_DROP_NONE, or why not. Worker.
uint8_t session_track_begin(struct session_draft *draft, const struct rte_mbuf *m,
                            const struct packet *p, unsigned flags);

// A packet of an open session.
struct session_packet {
    const struct rte_mbuf *m;
    const struct packet *p;
    unsigned direction;
    unsigned flags; // enum session_track_flag
    uint32_t now_ms;
};

// Judges it, writes state, timeout and expires_ms and
// confirms the session when it has been answered. Takes the session's lock for TCP and SCTP.
// Returns API_DROP_NONE, or why the packet is dropped; the session is unharmed by such a packet.
// *is_over becomes 1 where a SYN begins the connection anew after its end (RFC 9293, 3.6.1; RFC
// 1122, 4.2.2.13): close the session and judge the packet as a first one. Worker.
uint8_t session_track(struct session *s, const struct session_tenant *tenant,
                      const struct session_packet *packet, int *is_over);

// Lines that workers share are not written for less.
#define SESSION_RENEW_MS 500U

// It lives until then, or somewhat less.
static inline void session_renew(struct session *s, uint32_t expires_ms)
{
    uint32_t before_ms = __atomic_load_n(&s->expires_ms, __ATOMIC_RELAXED);

    if (expires_ms - before_ms + SESSION_RENEW_MS > 2 * SESSION_RENEW_MS)
        __atomic_store_n(&s->expires_ms, expires_ms, __ATOMIC_RELAXED);
}

// What session_track would do of a packet of a UDP session that has been answered: no more than
// prolong it. 0: ask session_track.
static inline int session_track_answered(struct session *s, const struct session_tenant *tenant,
                                         unsigned protocol, unsigned flags, uint32_t now_ms)
{
    if (protocol != IPPROTO_UDP || flags & SESSION_TRACK_OUT_REFRESH ||
        __atomic_load_n(&s->state, __ATOMIC_RELAXED) != API_SESSION_ESTABLISHED ||
        __atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED))
        return 0;
    session_renew(
        s, now_ms + session_timeout_ms(tenant, __atomic_load_n(&s->timeout, __ATOMIC_RELAXED)));
    return 1;
}

// "SYN_SENT" or such, for show. Never NULL.
const char *session_track_state_name(const struct session *s);

#endif
