// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_SESSION_TCP_LAB_H
#define TESTS_UNIT_SESSION_TCP_LAB_H

// A TCP connection as a list of segments, with what becomes of each and the state behind it. All
// run with several initial sequence numbers, so that each comparison meets the wrap.

#include "tests/unit/session/track_lab.h"

#define F 0x01
#define S 0x02
#define R 0x04
#define P 0x08
#define A 0x10
#define U 0x20

#define OK API_DROP_NONE
#define OVER LAB_IS_OVER
#define BEYOND DROP_TCP_OUT_OF_WINDOW
#define BAD_RST DROP_TCP_BAD_RESET
#define BAD_SYN DROP_TCP_BAD_SYN
#define KEPT API_N_TIMEOUTS // the segment prolongs nothing
#define OPENING API_TIMEOUT_tcp_opening
#define UNSOLICITED API_TIMEOUT_tcp_unsolicited
#define OPEN API_TIMEOUT_tcp_established
#define CLOSING API_TIMEOUT_tcp_closing
#define SCALE(n) (1 + (n)) // 0: no option

// Numbers count from the initial ones of whose they are.
struct step {
    char way;
    uint8_t flags;
    uint32_t seq, ack;
    uint32_t window, len;
    uint8_t outcome;
    const char *state;
    uint8_t timeout;
    uint8_t scale;
};

extern uint8_t begin_side; // of '>'
extern uint8_t is_piece;   // the next frame is a first fragment

// With lab.flags. The first step begins the session.
void play(const struct step *steps, unsigned n);
void take_step(const struct step *step, unsigned number, const uint32_t bases[2]);
#define PLAY(steps) play(steps, RTE_DIM(steps))

int set_up(void **state);

// A connection as most are: each peer has sent its SYN, number 0, and offers 64000 bytes.
#define HANDSHAKE                                                     \
    {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},             \
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0}, \
    {                                                                 \
        '>', A, 1, 1, 64000, 0, OK, "ESTABLISHED", OPEN, 0            \
    }
#define STAYS "ESTABLISHED", KEPT, 0
#define GOES_ON "ESTABLISHED", OPEN, 0

#endif
