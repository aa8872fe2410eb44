// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TRACK_PARTS_H
#define DATAPLANE_SESSION_TRACK_PARTS_H

// What track.c shares with the protocols that have states. Only for this folder.

#include "dataplane/session/track.h"

// One packet of an open session, under the session's lock. A protocol changes what it keeps in the
// session, and says here what that means.
struct track_packet {
    struct session *s;
    const struct rte_mbuf *m;
    const struct packet *p;
    unsigned direction;
    unsigned flags; // enum session_track_flag
    // Out; before: not over, in the timeout and state that the session has.
    uint8_t is_over;
    uint8_t is_unchanged; // it passes, but says nothing of the session: prolongs nothing
    uint8_t is_answered;  // half open no longer
    uint8_t timeout;      // enum api_timeout
    uint8_t state;        // enum api_session_state
};

// tcp.c, sctp.c. Fill a draft; judge a packet. API_DROP_NONE or why it is dropped.
uint8_t track_tcp_begin(struct session_draft *draft, const struct rte_mbuf *m,
                        const struct packet *p, unsigned flags);
uint8_t track_tcp(struct track_packet *t);
const char *track_tcp_state_name(uint8_t protocol_state);

uint8_t track_sctp_begin(struct session_draft *draft, const struct rte_mbuf *m,
                         const struct packet *p);
uint8_t track_sctp(struct track_packet *t);
const char *track_sctp_state_name(uint8_t protocol_state);

#endif
