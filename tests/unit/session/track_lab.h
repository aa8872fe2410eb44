// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_SESSION_TRACK_LAB_H
#define TESTS_UNIT_SESSION_TRACK_LAB_H

// One session without a table around it: frames in, what became of it out. The lab stands in for
// the session's lock, its confirmation and the tenant's timeouts, which are the defaults.

#include "dataplane/session/track.h"
#include "tests/lib/packet_builder.h"

#define LAB_IS_OVER 254 // in place of a drop reason: the session is over

struct lab {
    struct session s;
    uint32_t now_ms;
    unsigned n_confirmed;
    unsigned n_locked; // now
    unsigned flags;    // enum session_track_flag
};

extern struct lab lab;

void lab_start(void);
void lab_stop(void); // no buffer is lost

// Ethernet and IPv4, in the direction '>' (10.0.0.1 to 10.0.0.2) or '<'. Next comes L4.
void lab_ip4(struct frame *f, char direction);
// A TCP header with these sequence and acknowledgment numbers and 40 bytes of options, all NOP.
void lab_tcp(struct frame *f, char direction, uint8_t flags, const uint32_t numbers[2]);

// What the frame would begin, from this side. A session is open afterwards if API_DROP_NONE.
uint8_t lab_begin(const struct frame *f, uint8_t side);
// What it means to the open session: API_DROP_NONE, a reason or LAB_IS_OVER. A second passes
// before.
uint8_t lab_track(const struct frame *f, char direction);

#define lab_assert_state(name) assert_string_equal(session_track_state_name(&lab.s), name)

#endif
