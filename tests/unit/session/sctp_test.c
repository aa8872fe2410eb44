// SPDX-License-Identifier: BSD-3-Clause
// Does a middle follow SCTP associations by their chunks, and does the verification tag keep others
// out (RFC 9260)? Each case is a list of packets, with what becomes of each and the state behind
// it.

#include "tests/unit/session/track_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DATA 0
#define INIT 1
#define INIT_ACK 2
#define HEARTBEAT 4
#define ABORT 6
#define SHUTDOWN 7
#define SHUTDOWN_ACK 8
#define COOKIE_ECHO 10
#define COOKIE_ACK 11
#define SHUTDOWN_COMPLETE 14

#define OK API_DROP_NONE
#define BAD_TAG DROP_SCTP_BAD_TAG
#define REFLECTED 1 // the T bit

struct step {
    char way;
    uint8_t type;
    uint32_t tag, init_tag;
    uint8_t outcome;
    const char *state;
    uint8_t flags;
};

static void put32(struct frame *f, uint32_t off, uint32_t value)
{
    frame_put16(f, off, (uint16_t)(value >> 16));
    frame_put16(f, off + 2, (uint16_t)value);
}

static void write_frame(struct frame *f, const struct step *step)
{
    uint8_t chunk[20] = {step->type, step->flags, 0, 20};

    lab_ip4(f, step->way);
    frame_sctp(f, 2905, 2905);
    put32(f, f->l4_off + 4, step->tag);
    frame_bytes(f, chunk, sizeof(chunk));
    put32(f, f->payload_off + 4, step->init_tag);
    frame_end(f);
}

static void play(const struct step *steps, unsigned n)
{
    static struct frame f;

    lab_start();
    for (unsigned i = 0; i < n; i++) {
        uint8_t outcome;

        write_frame(&f, &steps[i]);
        outcome = i == 0 ? lab_begin(&f, SESSION_INSIDE) : lab_track(&f, steps[i].way);
        if (outcome != steps[i].outcome ||
            strcmp(session_track_state_name(&lab.s), steps[i].state) != 0)
            fail_msg("step %u: outcome %u instead of %u, state %s instead of %s", i, outcome,
                     steps[i].outcome, session_track_state_name(&lab.s), steps[i].state);
    }
    lab_stop();
}

#define PLAY(steps) play(steps, RTE_DIM(steps))
#define OPENED                                                                                     \
    {'>', INIT, 0, 0x11, OK, "COOKIE_WAIT", 0}, {'<', INIT_ACK, 0x11, 0x22, OK, "COOKIE_WAIT", 0}, \
        {'>', COOKIE_ECHO, 0x22, 0, OK, "COOKIE_ECHOED", 0},                                       \
    {                                                                                              \
        '<', COOKIE_ACK, 0x11, 0, OK, "ESTABLISHED", 0                                             \
    }

static void assert_session(uint8_t state, uint8_t timeout, unsigned n_confirmed)
{
    assert_int_equal(lab.s.state, state);
    assert_int_equal(lab.s.timeout, timeout);
    assert_int_equal(lab.n_confirmed, n_confirmed);
    assert_int_equal(lab.s.expires_ms, lab.now_ms + session_timeout_ms(NULL, timeout));
}

static void rfc9260_5_1_an_association_is_opened(void **state)
{
    static const struct step half[] = {
        {'>', INIT, 0, 0x11, OK, "COOKIE_WAIT", 0},
        {'>', INIT, 0, 0x11, OK, "COOKIE_WAIT", 0},
        {'<', INIT_ACK, 0x12, 0x22, BAD_TAG, "COOKIE_WAIT", 0},
        {'<', INIT_ACK, 0x11, 0, BAD_TAG, "COOKIE_WAIT", 0},
        {'<', DATA, 0x11, 0, BAD_TAG, "COOKIE_WAIT", 0},
        {'<', INIT_ACK, 0x11, 0x22, OK, "COOKIE_WAIT", 0},
        {'>', COOKIE_ECHO, 0x21, 0, BAD_TAG, "COOKIE_WAIT", 0},
        {'>', COOKIE_ECHO, 0x22, 0, OK, "COOKIE_ECHOED", 0},
    };
    static const struct step whole[] = {
        OPENED,
        {'>', DATA, 0x22, 0, OK, "ESTABLISHED", 0},
        {'<', DATA, 0x11, 0, OK, "ESTABLISHED", 0},
    };

    (void)state;
    PLAY(half);
    assert_session(API_SESSION_OPENING, API_TIMEOUT_sctp_opening, 0);
    PLAY(whole);
    assert_session(API_SESSION_ESTABLISHED, API_TIMEOUT_sctp, 1);
}

static void rfc9260_8_5_a_foreign_tag_is_refused(void **state)
{
    static const struct step steps[] = {
        OPENED,
        {'>', DATA, 0x11, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', DATA, 0x22, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', DATA, 0, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', ABORT, 0x23, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', ABORT, 0x22, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', SHUTDOWN, 0x22, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', SHUTDOWN_COMPLETE, 0x33, 0, BAD_TAG, "ESTABLISHED", REFLECTED},
        {'<', INIT, 0x22, 0x33, BAD_TAG, "ESTABLISHED", 0},
        {'<', INIT, 0, 0, BAD_TAG, "ESTABLISHED", 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.s.timeout, API_TIMEOUT_sctp);
}

static void rfc9260_9_2_shutdown(void **state)
{
    static const struct step steps[] = {
        OPENED,
        {'>', SHUTDOWN_ACK, 0x22, 0, OK, "ESTABLISHED", 0},
        {'>', SHUTDOWN, 0x22, 0, OK, "SHUTDOWN_SENT", 0},
        {'<', DATA, 0x11, 0, OK, "SHUTDOWN_SENT", 0},
        {'<', SHUTDOWN_ACK, 0x11, 0, OK, "SHUTDOWN_ACK_SENT", 0},
        {'>', SHUTDOWN_COMPLETE, 0x22, 0, OK, "CLOSED", 0},
        {'>', INIT, 0, 0x44, LAB_IS_OVER, "CLOSED", 0},
    };

    (void)state;
    play(steps, RTE_DIM(steps) - 1);
    assert_session(API_SESSION_CLOSING, API_TIMEOUT_sctp_opening, 1);
    PLAY(steps);
}

static void rfc9260_9_1_abort(void **state)
{
    static const struct step own[] = {OPENED, {'<', ABORT, 0x11, 0, OK, "CLOSED", 0}};
    static const struct step reflected[] = {OPENED, {'<', ABORT, 0x22, 0, OK, "CLOSED", REFLECTED}};
    static const struct step of_an_init[] = {
        {'>', INIT, 0, 0x11, OK, "COOKIE_WAIT", 0},
        {'<', ABORT, 0x12, 0, BAD_TAG, "COOKIE_WAIT", 0},
        {'<', ABORT, 0x11, 0, OK, "CLOSED", 0},
    };

    (void)state;
    PLAY(own);
    assert_session(API_SESSION_CLOSING, API_TIMEOUT_sctp_opening, 1);
    PLAY(reflected);
    PLAY(of_an_init);
    assert_int_equal(lab.n_confirmed, 0);
}

static void rfc9260_5_2_restart_takes_the_new_tags_with_its_cookie(void **state)
{
    static const struct step steps[] = {
        OPENED,
        {'>', INIT, 0, 0x33, OK, "ESTABLISHED", 0},
        {'<', DATA, 0x33, 0, BAD_TAG, "ESTABLISHED", 0}, // not yet
        {'<', DATA, 0x11, 0, OK, "ESTABLISHED", 0},
        {'<', INIT_ACK, 0x33, 0x44, OK, "ESTABLISHED", 0},
        {'>', DATA, 0x22, 0, OK, "ESTABLISHED", 0},
        {'>', COOKIE_ECHO, 0x44, 0, OK, "ESTABLISHED", 0},
        {'<', COOKIE_ACK, 0x33, 0, OK, "ESTABLISHED", 0},
        {'>', DATA, 0x44, 0, OK, "ESTABLISHED", 0},
        {'>', DATA, 0x22, 0, BAD_TAG, "ESTABLISHED", 0},
        {'<', DATA, 0x11, 0, BAD_TAG, "ESTABLISHED", 0},
    };
    // One that is refused leaves the association as it is.
    static const struct step refused[] = {
        OPENED,
        {'>', INIT, 0, 0x33, OK, "ESTABLISHED", 0},
        {'<', ABORT, 0x33, 0, OK, "ESTABLISHED", 0},
        {'<', DATA, 0x11, 0, OK, "ESTABLISHED", 0},
    };

    (void)state;
    PLAY(steps);
    PLAY(refused);
}

static void rfc9260_5_2_1_both_begin_at_once(void **state)
{
    static const struct step steps[] = {
        {'>', INIT, 0, 0x11, OK, "COOKIE_WAIT", 0},
        {'<', INIT, 0, 0x22, OK, "COOKIE_WAIT", 0},
        {'>', INIT_ACK, 0x22, 0x11, OK, "COOKIE_WAIT", 0},
        {'<', INIT_ACK, 0x11, 0x22, OK, "COOKIE_WAIT", 0},
        {'<', COOKIE_ECHO, 0x11, 0, OK, "COOKIE_ECHOED", 0},
        {'>', COOKIE_ACK, 0x22, 0, OK, "ESTABLISHED", 0},
        {'>', COOKIE_ECHO, 0x22, 0, OK, "ESTABLISHED", 0},
        {'<', DATA, 0x11, 0, OK, "ESTABLISHED", 0},
    };

    (void)state;
    PLAY(steps);
}

static void pickup_in_the_middle(void **state)
{
    static const struct step steps[] = {
        {'>', HEARTBEAT, 0x22, 0, OK, "PICKED_UP", 0},
        {'>', DATA, 0x23, 0, BAD_TAG, "PICKED_UP", 0},
        {'>', DATA, 0x22, 0, OK, "PICKED_UP", 0},
        {'<', DATA, 0x11, 0, OK, "ESTABLISHED", 0},
        {'<', DATA, 0x12, 0, BAD_TAG, "ESTABLISHED", 0},
    };
    static const struct step anew[] = {
        {'>', DATA, 0x22, 0, OK, "PICKED_UP", 0},
        {'<', INIT, 0, 0x11, LAB_IS_OVER, "PICKED_UP", 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 1);
    PLAY(anew);
    assert_int_equal(lab.n_confirmed, 0);
}

static void answers_begin_nothing(void **state)
{
    static const struct step steps[] = {
        {'>', INIT_ACK, 0x22, 0x11, DROP_SCTP_NO_SESSION, "", 0},
        {'>', COOKIE_ACK, 0x22, 0, DROP_SCTP_NO_SESSION, "", 0},
        {'>', ABORT, 0x22, 0, DROP_SCTP_NO_SESSION, "", 0},
        {'>', SHUTDOWN_ACK, 0x22, 0, DROP_SCTP_NO_SESSION, "", 0},
        {'>', SHUTDOWN_COMPLETE, 0x22, 0, DROP_SCTP_NO_SESSION, "", 0},
        {'>', DATA, 0, 0, BAD_TAG, "", 0},
        {'>', INIT, 0x22, 0x11, BAD_TAG, "", 0},
        {'>', INIT, 0, 0, BAD_TAG, "", 0},
    };
    static struct frame f;

    (void)state;
    lab_start();
    for (unsigned i = 0; i < RTE_DIM(steps); i++) {
        write_frame(&f, &steps[i]);
        assert_int_equal(lab_begin(&f, SESSION_INSIDE), steps[i].outcome);
    }
    lab_stop();
}

static void a_chunk_that_is_cut_is_refused(void **state)
{
    static const struct step init = {'>', INIT, 0, 0x11, OK, "", 0};
    static const struct step data = {'>', DATA, 0x22, 0, OK, "", 0};
    static struct frame f, cut;

    (void)state;
    lab_start();
    for (unsigned is_data = 0; is_data < 2; is_data++) {
        write_frame(&f, is_data ? &data : &init);
        for (unsigned len = 0; len <= 20; len++) {
            unsigned least = is_data ? 4 : 20;

            lab_ip4(&cut, '>');
            frame_sctp(&cut, 2905, 2905);
            frame_bytes(&cut, f.bytes + f.payload_off, len);
            memcpy(cut.bytes + cut.l4_off, f.bytes + f.l4_off, 12);
            frame_end(&cut);
            assert_int_equal(lab_begin(&cut, SESSION_INSIDE),
                             len < least ? DROP_SCTP_TRUNCATED : OK);
        }
        for (unsigned len = 0; len <= 20; len++) { // by its own length field
            f.bytes[f.payload_off + 3] = (uint8_t)len;
            assert_int_equal(lab_begin(&f, SESSION_INSIDE),
                             len < (is_data ? 4 : 20) ? DROP_SCTP_TRUNCATED : OK);
        }
    }
    lab_stop();
}

static void any_state_has_a_name(void **state)
{
    (void)state;
    lab.s.key_original.protocol = 132;
    for (unsigned i = 0; i < 256; i++) {
        lab.s.protocol_state = (uint8_t)i;
        assert_non_null(session_track_state_name(&lab.s));
    }
    lab_assert_state("UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc9260_5_1_an_association_is_opened),
        cmocka_unit_test(rfc9260_8_5_a_foreign_tag_is_refused),
        cmocka_unit_test(rfc9260_9_2_shutdown),
        cmocka_unit_test(rfc9260_9_1_abort),
        cmocka_unit_test(rfc9260_5_2_restart_takes_the_new_tags_with_its_cookie),
        cmocka_unit_test(rfc9260_5_2_1_both_begin_at_once),
        cmocka_unit_test(pickup_in_the_middle),
        cmocka_unit_test(answers_begin_nothing),
        cmocka_unit_test(a_chunk_that_is_cut_is_refused),
        cmocka_unit_test(any_state_has_a_name),
    };

    return cmocka_run_group_tests_name("sctp", tests, NULL, NULL);
}
