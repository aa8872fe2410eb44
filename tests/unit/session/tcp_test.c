// SPDX-License-Identifier: BSD-3-Clause
// Does a middle follow TCP connections as RFC 9293, 5961, 7857 and 5382 want it?

#include "tests/unit/session/tcp_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void rfc9293_3_5_three_way_handshake(void **state)
{
    static const struct step steps[] = {HANDSHAKE};

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 1);
    assert_int_equal(lab.s.state, API_SESSION_ESTABLISHED);
    assert_int_equal(lab.s.is_half_open, 0);
}

static void rfc9293_3_5_half_open_until_the_third_segment(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', S, 0, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        // An acknowledgment of less, or of more, than the SYN opens nothing.
        {'>', A, 1, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 2, 64000, 0, BEYOND, "SYN_RECEIVED", KEPT, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 0);
    assert_int_equal(lab.s.state, API_SESSION_OPENING);
}

static void rfc9293_3_6_close_by_who_began(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', A | P, 1, 1, 64000, 100, OK, GOES_ON},
        {'<', A, 1, 101, 64000, 0, OK, GOES_ON},
        {'>', F | A, 101, 1, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
        {'<', A, 1, 101, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
        {'<', A, 1, 102, 64000, 0, OK, "CLOSE_WAIT", CLOSING, 0},
        {'<', A, 1, 102, 64000, 1000, OK, "CLOSE_WAIT", CLOSING, 0},
        {'>', A, 102, 1001, 64000, 0, OK, "CLOSE_WAIT", CLOSING, 0},
        {'<', F | A, 1001, 102, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'>', A, 102, 1001, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'>', A, 102, 1002, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
        {'<', F | A, 1001, 102, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
        {'>', A, 102, 1002, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.s.state, API_SESSION_CLOSING);
    assert_int_equal(lab.n_confirmed, 1);
}

static void rfc9293_3_6_close_by_who_answers(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'<', F | A, 1, 1, 64000, 10, OK, "FIN_WAIT", CLOSING, 0},
        {'>', F | A, 1, 12, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'<', A, 12, 2, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
}

static void rfc9293_3_6_simultaneous_close(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', F | A, 1, 1, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
        {'<', F | A, 1, 1, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'>', A, 2, 2, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'<', A, 2, 2, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
}

static void rfc9293_3_6_fin_with_the_third_segment(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', F | A, 1, 1, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 1);
}

static void rfc1122_4_2_2_13_syn_after_the_end_begins_anew(void **state)
{
    static const struct step after_fin[] = {
        HANDSHAKE,
        {'>', F | A, 1, 1, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
        {'>', S, 9000, 0, 64000, 0, OK, "FIN_WAIT", KEPT, 0}, // not yet
        {'<', F | A, 1, 2, 64000, 0, OK, "LAST_ACK", CLOSING, 0},
        {'>', S, 9000, 0, 64000, 0, OK, "LAST_ACK", KEPT, 0},
        {'>', A, 2, 2, 64000, 0, OK, "TIME_WAIT", CLOSING, 0},
        {'>', S, 9000, 0, 64000, 0, OVER, "TIME_WAIT", KEPT, 0},
        {'<', S, 9000, 0, 64000, 0, OVER, "TIME_WAIT", KEPT, 0},
    };
    static const struct step after_reset[] = {
        HANDSHAKE,
        {'<', R, 1, 0, 0, 0, OK, "RESET", CLOSING, 0},
        {'>', S, 9000, 0, 64000, 0, OVER, "RESET", KEPT, 0},
    };

    (void)state;
    PLAY(after_fin);
    PLAY(after_reset);
}

static void rfc5382_req2_simultaneous_open(void **state)
{
    static const struct step with_syn_acks[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, SCALE(7)},
        {'<', S, 0, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, SCALE(7)},
        {'<', S, 0, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, SCALE(7)},
        {'>', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, SCALE(7)},
        {'<', S | A, 0, 1, 64000, 0, OK, "ESTABLISHED", OPEN, SCALE(7)},
        {'<', A, 64100, 1, 500, 1, BEYOND, STAYS}, // the window of a SYN is not scaled
        {'>', A, 1, 1, 500, 0, OK, GOES_ON},
        {'<', A, 1, 1, 500, 60000, OK, GOES_ON},
        {'>', S | A, 0, 1, 64000, 0, OK, STAYS},
    };
    static const struct step with_acks[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S, 0, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'<', A, 1, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 1, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
    };

    (void)state;
    PLAY(with_syn_acks);
    assert_int_equal(lab.n_confirmed, 1);
    PLAY(with_acks);
    assert_int_equal(lab.n_confirmed, 1);
}

static void rfc5382_req4_unsolicited_syn_is_forgotten_soon(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", UNSOLICITED, 0},
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", UNSOLICITED, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 1, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
    };
    static const struct step refused[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", UNSOLICITED, 0},
        {'<', R | A, 0, 1, 0, 0, OK, "RESET", UNSOLICITED, 0},
    };
    static const struct step both_want_it[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", UNSOLICITED, 0},
        {'<', S, 0, 0, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
    };

    (void)state;
    begin_side = SESSION_OUTSIDE;
    PLAY(steps);
    PLAY(refused);
    assert_int_equal(lab.n_confirmed, 0);
    PLAY(both_want_it);
}

static void rfc5382_req5_timeouts_by_state(void **state)
{
    (void)state;
    assert_int_equal(session_timeout_ms(NULL, UNSOLICITED), 6000);
    assert_int_equal(session_timeout_ms(NULL, OPENING), 4 * 60 * 1000);
    assert_int_equal(session_timeout_ms(NULL, CLOSING), 4 * 60 * 1000);
    assert_int_equal(session_timeout_ms(NULL, OPEN), (2 * 60 + 4) * 60 * 1000);
}

static void rfc7857_2_2_reset_waits_four_minutes(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', R, 1, 0, 0, 0, OK, "RESET", CLOSING, 0},
        {'>', R, 1, 0, 0, 0, OK, "RESET", CLOSING, 0},
        // The RST was lost behind us: what still comes passes, and keeps it for so long again.
        {'<', A, 1, 1, 64000, 500, OK, "RESET", CLOSING, 0},
        {'<', A, 900001, 1, 64000, 500, BEYOND, "RESET", KEPT, 0},
    };

    (void)state;
    PLAY(steps);
}

static void rfc5961_3_2_only_an_exact_reset_ends_it(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'<', A, 1, 1, 64000, 1000, OK, GOES_ON},
        {'>', A, 1, 1001, 64000, 0, OK, GOES_ON},
        {'>', A, 1, 501, 64000, 0, OK, GOES_ON},         // late
        {'<', R, 1000, 0, 0, 0, BAD_RST, STAYS},         // one before
        {'<', R, 1001 + 64001, 0, 0, 0, BAD_RST, STAYS}, // behind the window
        {'<', R, 0x40000000, 0, 0, 0, BAD_RST, STAYS},
        {'<', R, 0xc0000000, 0, 0, 0, BAD_RST, STAYS},
        {'<', R, 1001 + 64000, 0, 0, 0, OK, STAYS}, // the receiver challenges these
        {'<', R | A, 1002, 1, 0, 0, OK, STAYS},
        {'>', A, 1, 1001, 64000, 0, OK, GOES_ON}, // and so it does
        {'<', R, 1001, 0, 0, 0, OK, "RESET", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
}

// Whether the receiver has what is on the way nobody knows here.
static void rfc5961_3_2_a_reset_behind_data_on_the_way(void **state)
{
    static const struct step behind[] = {
        HANDSHAKE,
        {'<', A, 1, 1, 64000, 1000, OK, GOES_ON},
        {'<', R | A, 1001, 1, 0, 0, OK, "RESET", CLOSING, 0},
    };
    static const struct step before[] = {
        HANDSHAKE,
        {'<', A, 1, 1, 64000, 1000, OK, GOES_ON},
        {'<', R | A, 500, 1, 0, 0, OK, STAYS},
        {'<', R | A, 1, 1, 0, 0, OK, "RESET", CLOSING, 0},
    };

    (void)state;
    PLAY(behind);
    PLAY(before);
}

static void rfc9293_3_10_7_3_reset_of_a_syn(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', R, 0, 0, 0, 0, BAD_RST, "SYN_SENT", KEPT, 0},
        {'<', R | A, 0, 0, 0, 0, BAD_RST, "SYN_SENT", KEPT, 0},
        {'<', R | A, 0, 2, 0, 0, BAD_RST, "SYN_SENT", KEPT, 0},
        {'>', R, 2, 0, 0, 0, BAD_RST, "SYN_SENT", KEPT, 0},
        {'<', R | A, 0, 1, 0, 0, OK, "RESET", OPENING, 0},
        {'>', S, 77, 0, 64000, 0, OVER, "RESET", KEPT, 0},
    };
    static const struct step given_up[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'>', R, 1, 0, 0, 0, OK, "RESET", OPENING, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.s.is_half_open, 1);
    PLAY(given_up);
}

static void rfc5961_4_2_syn_in_an_open_session_is_challenged(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', A, 1, 1, 64000, 100, OK, GOES_ON},
        {'<', A, 1, 101, 64000, 0, OK, GOES_ON},
        {'>', S, 0x50000000, 0, 64000, 0, OK, STAYS}, // any number
        {'<', A, 1, 101, 64000, 0, OK, GOES_ON},      // the challenge
        {'>', S, 101, 0, 64000, 0, OK, STAYS},        // in the window
        {'<', A, 1, 101, 64000, 0, OK, GOES_ON},
        {'<', S, 1, 0, 64000, 0, OK, STAYS}, // from the other side
        {'>', A, 101, 1, 64000, 0, OK, GOES_ON},
        {'>', A, 101, 1, 64000, 100, OK, GOES_ON},
    };

    (void)state;
    PLAY(steps);
}

// The host behind us has forgotten the connection and takes the SYN.
static void rfc9293_3_5_1_half_open_connection_is_replaced(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {
            '>',
            S,
            0x50000000,
            0,
            64000,
            0,
            OK,
            STAYS,
        },
        {'<', S | A, 0x20000000, 0x50000002, 64000, 0, BAD_SYN, STAYS},
        {'<', S | A, 0x20000000, 0x50000001, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 0x50000001, 0x20000001, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
        {'>', A, 0x50000001, 0x20000001, 64000, 9, OK, GOES_ON},
        {'>', A, 1, 1, 64000, 9, BEYOND, STAYS},
    };
    static const struct step refused[] = {
        HANDSHAKE,
        {'>', S, 0x50000000, 0, 64000, 0, OK, STAYS},
        {'<', R | A, 0, 0x50000001, 0, 0, OK, "RESET", CLOSING, 0},
    };
    // Who was let in as an answer must not begin by it.
    static const struct step from_the_other_side[] = {
        HANDSHAKE,
        {'<', S, 0x50000000, 0, 64000, 0, OK, STAYS},
        {'>', S | A, 0x20000000, 0x50000001, 64000, 0, BAD_SYN, STAYS},
        {'<', S | A, 0x20000000, 0x50000001, 64000, 0, BAD_SYN, STAYS},
        {'>', S, 0x50000000, 0, 64000, 0, OK, STAYS},
        {'>', S | A, 0x20000000, 0x50000001, 64000, 0, BAD_SYN, STAYS},
    };

    (void)state;
    PLAY(steps);
    PLAY(refused);
    PLAY(from_the_other_side);
}

static void rfc7413_data_in_the_syn(void **state)
{
    static const struct step taken[] = {
        {'>', S, 0, 0, 64000, 500, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 501, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'<', A, 1, 501, 64000, 1000, OK, "SYN_RECEIVED", OPENING, 0}, // at once
        {'>', A, 501, 1, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
    };
    static const struct step left[] = {
        {'>', S, 0, 0, 64000, 500, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 502, 64000, 0, OK, "SYN_SENT", KEPT, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 1, 64000, 500, OK, "ESTABLISHED", OPEN, 0},
    };

    (void)state;
    PLAY(taken);
    PLAY(left);
}

// RFC 4987, 3.6: a SYN cookie made anew is another number.
static void another_answer_counts_until_it_is_acknowledged(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'<', S | A, 0x30000000, 1, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 0x30000001, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
        {'<', S | A, 0, 1, 64000, 0, BAD_SYN, STAYS},
        {'<', S | A, 0x30000000, 1, 64000, 0, OK, STAYS}, // the third segment was lost
    };

    (void)state;
    PLAY(steps);
}

static void a_second_try_with_another_number_counts(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'>', S, 0x10000000, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 0x10000001, 64000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 0x10000001, 1, 64000, 0, OK, "ESTABLISHED", OPEN, 0},
    };

    (void)state;
    PLAY(steps);
}

static void data_before_an_answer_is_refused(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 64000, 0, OK, "SYN_SENT", OPENING, 0},
        {'>', A, 1, 1, 64000, 0, BEYOND, "SYN_SENT", KEPT, 0},
        {'>', S | A, 0, 1, 64000, 0, BAD_SYN, "SYN_SENT", KEPT, 0},
        {'<', A, 1, 1, 64000, 10, BEYOND, "SYN_SENT", KEPT, 0},
        {'<', F | A, 1, 1, 64000, 0, BEYOND, "SYN_SENT", KEPT, 0},
    };

    (void)state;
    PLAY(steps);
}

// Connection tracking of Linux has stumbled over these; its own tests have them as scripts.

static void linux_inexact_reset_while_closing(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'<', A, 1, 1, 64000, 3000, OK, GOES_ON},
        {'>', A, 1, 3001, 64000, 0, OK, GOES_ON},
        {'>', A | P, 1, 3001, 64000, 1000, OK, GOES_ON},
        {'<', F | A, 3001, 1001, 64000, 0, OK, "FIN_WAIT", CLOSING, 0},
        {'<', R, 2001, 0, 0, 0, OK, "FIN_WAIT", KEPT, 0},
        {'>', A, 1001, 3002, 64000, 0, OK, "CLOSE_WAIT", CLOSING, 0},
        {'<', R, 2001, 0, 0, 0, OK, "CLOSE_WAIT", KEPT, 0},
        {'>', R | A, 1001, 3002, 64000, 0, OK, "RESET", CLOSING, 0},
        {'<', R, 2001, 0, 0, 0, OK, "RESET", KEPT, 0},
    };

    (void)state;
    PLAY(steps);
}

static void linux_invalid_resets(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'<', A, 1, 1, 65535, 1000, OK, GOES_ON},
        {'<', A, 1001, 1, 65535, 1000, OK, GOES_ON},
        {'<', A, 2001, 1, 65535, 1000, OK, GOES_ON},
        {'>', A, 1, 1001, 65535, 0, OK, GOES_ON},
        {'>', A, 1, 2001, 65535, 0, OK, GOES_ON},
        {'>', A, 1, 3001, 65535, 0, OK, GOES_ON},
        {'<', R, 0, 0, 0, 0, BAD_RST, STAYS},
        {'<', R, 1000000, 0, 0, 0, BAD_RST, STAYS},
        {'<', R, 42, 0, 0, 0, BAD_RST, STAYS},
        {'>', A | P, 1, 3001, 65535, 1000, OK, GOES_ON},
        {'<', A, 3001, 1001, 65535, 0, OK, GOES_ON},
        {'<', R | A, 3000, 1001, 0, 0, BAD_RST, STAYS},
        {'<', R | A, 3001, 1001, 0, 0, OK, "RESET", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
}

static void linux_challenge_of_an_old_connection(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 65535, 0, OK, "SYN_SENT", OPENING, SCALE(8)},
        {'<', A, 145824453, 643160523, 240, 0, OK, "SYN_SENT", KEPT, 0},
        {'>', R, 643160524, 0, 0, 0, BAD_RST, "SYN_SENT", KEPT, 0},
        {'>', R, 643160523, 0, 0, 0, OK, "SYN_SENT", KEPT, 0},
        {'>', S, 0, 0, 65535, 0, OK, "SYN_SENT", OPENING, SCALE(8)},
        {'<', S | A, 0, 1, 250, 0, OK, "SYN_RECEIVED", OPENING, SCALE(0)},
        {'>', A, 1, 1, 256, 0, OK, "ESTABLISHED", OPEN, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 1);
}

static void linux_syn_ack_of_an_old_connection(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 65535, 0, OK, "SYN_SENT", OPENING, SCALE(8)},
        {'<', S | A, 145824453, 643160523, 240, 0, OK, "SYN_SENT", KEPT, SCALE(0)},
        {'>', S, 0, 0, 65535, 0, OK, "SYN_SENT", OPENING, SCALE(8)},
        {'<', S | A, 145758918, 1, 250, 0, OK, "SYN_RECEIVED", OPENING, SCALE(0)},
        {'>', A | P, 1, 145758919, 256, 1, OK, "ESTABLISHED", OPEN, 0},
    };

    (void)state;
    PLAY(steps);
}

static void linux_reuse_of_ports_in_an_open_session(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 32792, 0, OK, "SYN_SENT", OPENING, SCALE(7)},
        {'<', S | A, 0, 1, 65535, 0, OK, "SYN_RECEIVED", OPENING, SCALE(8)},
        {'>', A, 1, 1, 257, 0, OK, "ESTABLISHED", OPEN, 0},
        {'>', A | P, 1, 1, 257, 100, OK, GOES_ON},
        {'<', A, 1, 101, 256, 0, OK, GOES_ON},
        {'>', S, 2000, 0, 32792, 0, OK, "ESTABLISHED", KEPT, SCALE(7)},
        {'<', A, 1, 101, 256, 0, OK, GOES_ON},
        {'>', R | A, 101, 1, 257, 0, OK, "RESET", CLOSING, 0},
        {'>', S, 2000, 0, 32792, 0, OVER, "RESET", KEPT, SCALE(0)},
    };

    (void)state;
    PLAY(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rfc9293_3_5_three_way_handshake, set_up),
        cmocka_unit_test_setup(rfc9293_3_5_half_open_until_the_third_segment, set_up),
        cmocka_unit_test_setup(rfc9293_3_6_close_by_who_began, set_up),
        cmocka_unit_test_setup(rfc9293_3_6_close_by_who_answers, set_up),
        cmocka_unit_test_setup(rfc9293_3_6_simultaneous_close, set_up),
        cmocka_unit_test_setup(rfc9293_3_6_fin_with_the_third_segment, set_up),
        cmocka_unit_test_setup(rfc1122_4_2_2_13_syn_after_the_end_begins_anew, set_up),
        cmocka_unit_test_setup(rfc5382_req2_simultaneous_open, set_up),
        cmocka_unit_test_setup(rfc5382_req4_unsolicited_syn_is_forgotten_soon, set_up),
        cmocka_unit_test_setup(rfc5382_req5_timeouts_by_state, set_up),
        cmocka_unit_test_setup(rfc7857_2_2_reset_waits_four_minutes, set_up),
        cmocka_unit_test_setup(rfc5961_3_2_only_an_exact_reset_ends_it, set_up),
        cmocka_unit_test_setup(rfc5961_3_2_a_reset_behind_data_on_the_way, set_up),
        cmocka_unit_test_setup(rfc9293_3_10_7_3_reset_of_a_syn, set_up),
        cmocka_unit_test_setup(rfc5961_4_2_syn_in_an_open_session_is_challenged, set_up),
        cmocka_unit_test_setup(rfc9293_3_5_1_half_open_connection_is_replaced, set_up),
        cmocka_unit_test_setup(rfc7413_data_in_the_syn, set_up),
        cmocka_unit_test_setup(another_answer_counts_until_it_is_acknowledged, set_up),
        cmocka_unit_test_setup(a_second_try_with_another_number_counts, set_up),
        cmocka_unit_test_setup(data_before_an_answer_is_refused, set_up),
        cmocka_unit_test_setup(linux_inexact_reset_while_closing, set_up),
        cmocka_unit_test_setup(linux_invalid_resets, set_up),
        cmocka_unit_test_setup(linux_challenge_of_an_old_connection, set_up),
        cmocka_unit_test_setup(linux_syn_ack_of_an_old_connection, set_up),
        cmocka_unit_test_setup(linux_reuse_of_ports_in_an_open_session, set_up),
    };

    return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
