// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TCP_H
#define DATAPLANE_SESSION_TCP_H

// TCP seen from the middle, in two files: tcp.c knows the states, tcp_window.c the numbers.

#include "dataplane/core/packet.h"
#include "dataplane/session/session.h"

enum tcp_flag {
    TCP_FIN = 0x01,
    TCP_SYN = 0x02,
    TCP_RST = 0x04,
    TCP_ACK = 0x10,
};

// What is known of a peer; the state of the connection follows from both peers' flags.
enum tcp_peer_flag {
    TCP_PEER_SEEN = 1 << 0,      // a segment of it: its numbers are known
    TCP_PEER_ACKED = 1 << 1,     // the other one has acknowledged its SYN: that one's `acked` is
                                 // known
    TCP_PEER_FIN = 1 << 2,       // has sent its FIN
    TCP_PEER_FIN_ACKED = 1 << 3, // and the other one has it
    TCP_PEER_SCALE = 1 << 4,     // its SYN had a window scale
    TCP_PEER_SENT = 1 << 5,      // more than its SYN
    TCP_PEER_RESET = 1 << 6,     // has sent a RST that counts
    TCP_PEER_PIECES = 1 << 7,    // has sent IP fragments: `end` may be too low
};

// session.asked.kind.
enum tcp_asked {
    TCP_ASKED_NOTHING = 0,
    TCP_ASKED_CHALLENGE, // an acknowledgment of nothing we know, of which an old connection may be
                         // the reason: the answer may be a RST with its number
    TCP_ASKED_SYN,       // of who began, in an open session: the answer may be a SYN-ACK
};

// Of protocol_state.
enum tcp_state {
    TCP_STATE_SYN_SENT = 1,
    TCP_STATE_SYN_RECEIVED,
    TCP_STATE_PICKED_UP, // begun in the middle, one direction seen
    TCP_STATE_ESTABLISHED,
    TCP_STATE_FIN_WAIT,   // one FIN
    TCP_STATE_CLOSE_WAIT, // one FIN, acknowledged
    TCP_STATE_LAST_ACK,   // two FINs
    TCP_STATE_TIME_WAIT,  // two FINs, acknowledged
    TCP_STATE_RESET,
    TCP_STATE_N,
};

#define TCP_SCALE_NONE 0xff
#define TCP_MAX_SCALE 14 // RFC 7323, 2.3

struct tcp_segment {
    uint32_t seq;
    uint32_t end; // behind data, SYN and FIN
    uint32_t ack;
    uint16_t window; // as in the header
    uint8_t flags;   // enum tcp_flag
    uint8_t scale;   // of a SYN; TCP_SCALE_NONE: without the option
    uint8_t is_piece;
};

// tcp_window.c.

static inline int tcp_is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

// p has PACKET_L4 for TCP.
void tcp_read(const struct rte_mbuf *m, const struct packet *p, struct tcp_segment *seg);

// `sender` shows itself by a SYN; `receiver` has done so before, or not yet.
void tcp_window_syn(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                    const struct tcp_segment *seg);
// By a segment in the middle of its connection, with ACK.
void tcp_window_pick_up(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                        const struct tcp_segment *seg);

enum tcp_fit {
    TCP_FITS,
    TCP_IS_OLD,    // seen before; the receiver answers it, so it must pass, but it changes nothing
    TCP_IS_BEYOND, // can't be of this connection
};

// A segment with ACK, both peers seen.
enum tcp_fit tcp_window_check(const struct session_tcp_peer *sender,
                              const struct session_tcp_peer *receiver,
                              const struct tcp_segment *seg);
// One that fits, or whose window is not asked for, changes what is known of both.
void tcp_window_update(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                       const struct tcp_segment *seg);

#endif
