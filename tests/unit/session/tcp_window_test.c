// SPDX-License-Identifier: BSD-3-Clause
// Does a middle tell numbers of a TCP connection from others: windows and their scale, options, and
// connections whose beginning it has not seen?

#include "tests/unit/session/tcp_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void rfc9293_3_10_7_4_windows(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 1000, 0, OK, "SYN_SENT", OPENING, 0},
        {'<', S | A, 0, 1, 2000, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 1, 1000, 0, OK, "ESTABLISHED", OPEN, 0},
        {'>', A, 2002, 1, 1000, 10, BEYOND, STAYS},
        {'<', A, 1002, 1, 2000, 10, BEYOND, STAYS},
        {'>', A, 1, 1, 1000, 2000, OK, GOES_ON},
        {'<', A, 1, 2001, 2000, 1000, OK, GOES_ON},
        {'>', A, 2001, 1001, 1000, 2000, OK, GOES_ON}, // the window has moved
        {'<', A, 1001, 4002, 2000, 0, BEYOND, STAYS},  // acknowledges what was not sent
        {'<', A, 1001, 4001, 2000, 0, OK, GOES_ON},
        {'<', A, 1001, 4001U - 66000, 2000, 0, OK, GOES_ON},
        {'<', A, 1001, 4001U - 66001, 2000, 0, OK, STAYS}, // late, but possible
        {'<', A, 1001, 4001U - 132001, 2000, 0, BEYOND, STAYS},
        {'>', A, 4001, 1001, 65535, 0, OK, GOES_ON},
        {'<', A, 1001, 4001, 2000, 60000, OK, GOES_ON}, // a TSO frame
        {'<', A, 1001, 4001, 2000, 60000, OK, GOES_ON}, // retransmitted
        {'>', A, 4001, 61001, 65535, 0, OK, GOES_ON},
        {'>', A, 2001, 61001, 65535, 100, OK, GOES_ON}, // within what the other had offered
        {'>', A, 1900, 61001, 65535, 100, OK, STAYS},   // older: seen before
        {'>', A, 4001U - 70000, 61001, 65535, 100, BEYOND, STAYS},
    };

    (void)state;
    PLAY(steps);
}

static void rfc9293_3_8_6_1_zero_window_and_its_probes(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', A, 1, 1, 64000, 64000, OK, GOES_ON},
        {'<', A, 1, 64001, 0, 0, OK, GOES_ON},
        {'>', A, 64001, 1, 64000, 1, OK, GOES_ON}, // one byte
        {'<', A, 1, 64001, 0, 0, OK, GOES_ON},
        {'>', A, 64001, 1, 64000, 1, OK, GOES_ON},
        {'>', A, 64000, 1, 64000, 0, OK, GOES_ON}, // or an old number
        {'>', A, 64003, 1, 64000, 1, BEYOND, STAYS},
        {'<', A, 1, 64002, 500, 0, OK, GOES_ON},
        {'>', A, 64002, 1, 64000, 500, OK, GOES_ON},
    };

    (void)state;
    PLAY(steps);
}

static void rfc9293_3_8_4_keep_alives(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 1, 0, OK, "SYN_SENT", OPENING, 0}, // the smallest windows
        {'<', S | A, 0, 1, 1, 0, OK, "SYN_RECEIVED", OPENING, 0},
        {'>', A, 1, 1, 1, 0, OK, "ESTABLISHED", OPEN, 0},
        {'>', A, 0, 1, 1, 0, OK, GOES_ON},
        {'<', A, 1, 1, 1, 0, OK, GOES_ON},
        {'>', A, 0, 1, 1, 1, OK, GOES_ON}, // with a byte of garbage
        {'<', A, 0, 1, 1, 0, OK, GOES_ON},
    };

    (void)state;
    PLAY(steps);
}

#define WITH_SCALES(first, second, outcome, late)                            \
    {                                                                        \
        {'>', S, 0, 0, 100, 0, OK, "SYN_SENT", OPENING, first},              \
            {'<', S | A, 0, 1, 100, 0, OK, "SYN_RECEIVED", OPENING, second}, \
            {'>', A, 1, 1, 100, 0, OK, "ESTABLISHED", OPEN, late},           \
            {'<', A, 1, 1, 100, 0, OK, GOES_ON},                             \
        {                                                                    \
            '>', A, 1 + (100 << 3), 1, 100, 1, outcome, "ESTABLISHED",       \
                (outcome) == OK ? OPEN : KEPT, 0                             \
        }                                                                    \
    }

static void rfc7323_2_2_scale_counts_if_both_have_it(void **state)
{
    static const struct step both[] = WITH_SCALES(SCALE(0), SCALE(3), OK, 0);
    static const struct step lower[] = WITH_SCALES(SCALE(0), SCALE(2), BEYOND, 0);
    static const struct step first[] = WITH_SCALES(SCALE(3), 0, BEYOND, 0);
    static const struct step second[] = WITH_SCALES(0, SCALE(3), BEYOND, 0);
    static const struct step late[] = WITH_SCALES(0, SCALE(3), BEYOND, SCALE(3));
    static const struct step none[] = WITH_SCALES(0, 0, BEYOND, 0);

    (void)state;
    PLAY(both);
    PLAY(lower);
    PLAY(first);
    PLAY(second);
    PLAY(late);
    PLAY(none);
}

static void rfc7323_2_3_scale_is_fourteen_at_most(void **state)
{
    static const struct step steps[] = {
        {'>', S, 0, 0, 100, 0, OK, "SYN_SENT", OPENING, SCALE(0)},
        {'<', S | A, 0, 1, 100, 0, OK, "SYN_RECEIVED", OPENING, SCALE(15)},
        {'>', A, 1, 1, 100, 0, OK, "ESTABLISHED", OPEN, 0},
        {'<', A, 1, 1, 1, 0, OK, GOES_ON},
        {'>', A, 1 + (1 << 14), 1, 100, 1, OK, GOES_ON},
        {'>', A, 2 + (1 << 14), 1, 100, 1, BEYOND, STAYS},
    };

    (void)state;
    PLAY(steps);
}

static void pickup_in_the_middle(void **state)
{
    static const struct step steps[] = {
        {'>', A, 5000, 7000, 10, 100, OK, "PICKED_UP", OPENING, 0},
        {'>', A, 5100, 7000, 10, 100, OK, "PICKED_UP", OPENING, 0},
        {'<', A, 0x70000000, 5200, 10, 0, BEYOND, "PICKED_UP", KEPT, 0},
        {'<', A, 7000, 0x70000000, 10, 0, BEYOND, "PICKED_UP", KEPT, 0},
        {'<', A, 90000, 5200, 10, 1000, OK, "ESTABLISHED", OPEN, 0},
        // Scales are not known: the largest, in both directions.
        {'>', A, 5200 + (10 << 14), 91000, 10, 100, OK, GOES_ON},
        {'<', A, 91000 + (10 << 14), 5300 + (10 << 14), 10, 100, OK, GOES_ON},
        {'<', A, 91101 + (20 << 14), 5300 + (10 << 14), 10, 100, BEYOND, STAYS},
        {'<', R, 50000, 0, 0, 0, BAD_RST, STAYS},
        {'<', R, 91000, 0, 0, 0, OK, "RESET", CLOSING, 0},
    };

    (void)state;
    PLAY(steps);
    assert_int_equal(lab.n_confirmed, 1);
}

static void pickup_is_half_open_and_gives_way(void **state)
{
    static const struct step outside[] = {
        {'>', A, 5000, 7000, 10, 0, OK, "PICKED_UP", UNSOLICITED, 0},
        {'>', A, 5000, 7000, 10, 0, OK, "PICKED_UP", UNSOLICITED, 0},
        {'<', S | A, 6999, 5000, 10, 0, BAD_SYN, "PICKED_UP", KEPT, 0},
        {'<', R, 7001, 0, 0, 0, BAD_RST, "PICKED_UP", KEPT, 0},
        {'<', S, 1, 0, 10, 0, OVER, "PICKED_UP", KEPT, 0},
        {'>', S, 1, 0, 10, 0, OVER, "PICKED_UP", KEPT, 0},
        {'<', R, 7000, 0, 0, 0, OK, "RESET", UNSOLICITED, 0},
    };

    (void)state;
    begin_side = SESSION_OUTSIDE;
    PLAY(outside);
    assert_int_equal(lab.n_confirmed, 0);
    assert_int_equal(lab.s.is_half_open, 1);
}

static void nothing_else_begins_a_session(void **state)
{
    static const uint32_t numbers[2] = {1, 1};
    static struct frame f;

    (void)state;
    for (unsigned flags = 0; flags < 64; flags++) {
        for (unsigned no_pickup = 0; no_pickup < 2; no_pickup++) {
            unsigned known = flags & (F | S | R | A);
            uint8_t expected = DROP_TCP_BAD_FLAGS;

            if (known == S || (known == A && !no_pickup))
                expected = OK;
            else if (known == A || known == (S | A) || known == R || known == (R | A) ||
                     known == (F | A))
                expected = DROP_TCP_NO_SESSION;
            lab.flags = no_pickup ? SESSION_TRACK_NO_PICKUP : 0;
            lab_tcp(&f, '>', (uint8_t)flags, numbers);
            frame_end(&f);
            assert_int_equal(lab_begin(&f, SESSION_INSIDE), expected);
        }
    }
    lab_stop();
}

// RFC 9293, 3.10.7.4: SYN with FIN or RST, FIN with RST, nothing, and all without ACK.
static void impossible_flags_change_nothing(void **state)
{
    static const struct step steps[] = {HANDSHAKE};
    static const uint32_t numbers[2] = {1, 1};
    static struct frame f;
    unsigned n_bad = 0;

    (void)state;
    PLAY(steps);
    for (unsigned flags = 0; flags < 64; flags++) {
        unsigned known = flags & (F | S | R | A);
        struct session before = lab.s;

        if (known == S || known == (S | A) || known == R || known == (R | A) || known == A ||
            known == (F | A))
            continue;
        lab_tcp(&f, '>', (uint8_t)flags, numbers);
        frame_end(&f);
        assert_int_equal(lab_track(&f, '>'), DROP_TCP_BAD_FLAGS);
        assert_memory_equal(&before, &lab.s, sizeof(before));
        n_bad++;
    }
    assert_int_equal(n_bad, 40);
    lab_stop();
}

static void without_the_window_check_states_go_on(void **state)
{
    static const struct step steps[] = {
        HANDSHAKE,
        {'>', A, 0x60000000, 0x60000000, 64000, 10, OK, GOES_ON},
        {'<', A, 0x60000000, 0x50000000, 64000, 10, OK, GOES_ON},
        {'<', R, 0x30000000, 0, 0, 0, OK, "RESET", CLOSING, 0},
    };

    (void)state;
    lab.flags = SESSION_TRACK_NO_WINDOW;
    PLAY(steps);
}

// How long a fragmented segment is its first fragment does not say.
static void acknowledgment_of_a_fragmented_segment(void **state)
{
    static const struct step before[] = {HANDSHAKE};
    static const uint32_t bases[2] = {0, 0};
    static const struct step steps[] = {
        {'>', A, 1, 1, 64000, 996, OK, GOES_ON},
        {'<', A, 1, 3001, 64000, 0, OK, GOES_ON},
        {'<', A, 1, 3001 + 65536, 64000, 0, BEYOND, STAYS},
        {'>', A, 3001, 1, 64000, 10, OK, GOES_ON},
    };
    static const struct step whole[] = {
        HANDSHAKE,
        {'>', A, 1, 1, 64000, 1000, OK, GOES_ON},
        {'<', A, 1, 3001, 64000, 0, BEYOND, STAYS},
    };

    (void)state;
    PLAY(whole);
    lab_start();
    for (unsigned i = 0; i < RTE_DIM(before); i++)
        take_step(&before[i], i, bases);
    for (unsigned i = 0; i < RTE_DIM(steps); i++) {
        is_piece = i == 0;
        take_step(&steps[i], i + 1, bases);
    }
    lab_stop();
}

// What a session in the segment of another process may hold.
static void any_state_has_a_name(void **state)
{
    (void)state;
    lab.s.key_original.protocol = 6;
    for (unsigned i = 0; i < 256; i++) {
        lab.s.protocol_state = (uint8_t)i;
        assert_non_null(session_track_state_name(&lab.s));
    }
    lab_assert_state("UNKNOWN");
}

static void with_options(const uint8_t *options, unsigned len, unsigned expected_scale)
{
    static const uint32_t numbers[2] = {0, 0};
    static struct frame f;

    lab_start();
    lab_tcp(&f, '>', S, numbers);
    memcpy(f.bytes + f.l4_off + 60 - len, options, len); // at the header's end
    frame_bytes(&f, (uint8_t[]){3, 9}, 2);               // what is behind the header is no option
    frame_end(&f);
    assert_int_equal(lab_begin(&f, SESSION_INSIDE), OK);
    assert_int_equal(lab.s.tcp[0].scale, expected_scale);
    lab_stop();
}

static void rfc9293_3_1_hostile_options(void **state)
{
    static const struct {
        unsigned len, scale;
        uint8_t bytes[8];
    } cases[] = {
        {3, 9, {3, 3, 9}},
        {1, 0, {3}},
        {2, 0, {3, 3}},
        {4, 0, {3, 4, 9, 9}},
        {3, 0, {3, 2, 9}},
        {3, 0, {3, 0, 9}},
        {3, 0, {3, 1, 9}},
        {6, 0, {2, 0, 1, 3, 3, 9}},
        {6, 0, {2, 1, 1, 3, 3, 9}},
        {7, 9, {2, 4, 1, 1, 3, 3, 9}},
        {7, 0, {2, 7, 1, 1, 3, 3, 9}},
        {7, 0, {2, 8, 1, 1, 3, 3, 9}},
        {7, 0, {2, 255, 1, 1, 3, 3, 9}},
        {4, 0, {0, 3, 3, 9}},
        {4, 9, {1, 3, 3, 9}},
        {5, 9, {8, 2, 3, 3, 9}},
    };

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++)
        with_options(cases[i].bytes, cases[i].len, cases[i].scale);
}

// Connection tracking of Linux has stumbled over these; its own tests have them as scripts.

// Connection tracking of Linux has stumbled over this; its own tests have it as a script.
static void linux_retransmission_of_what_is_acknowledged(void **state)
{
    static struct step steps[3 + 2 * 46 + 2] = {HANDSHAKE};
    unsigned n = 3;

    (void)state;
    for (uint32_t i = 0; i < 46; i++) {
        uint32_t at = 1 + 1460 * i;

        steps[n++] = (struct step){'>', A | P, at, 1, 257, 1460, OK, GOES_ON};
        steps[n++] = (struct step){'<', A, 1, at + 1460, 65535, 0, OK, GOES_ON};
    }
    // All acknowledgments were lost behind us. The receiver must see this, to tell again.
    steps[n++] = (struct step){'>', A | P, 1, 1, 257, 1460, OK, STAYS};
    steps[n++] = (struct step){'<', A, 1, 67161, 65535, 0, OK, GOES_ON};
    play(steps, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rfc9293_3_10_7_4_windows, set_up),
        cmocka_unit_test_setup(rfc9293_3_8_6_1_zero_window_and_its_probes, set_up),
        cmocka_unit_test_setup(rfc9293_3_8_4_keep_alives, set_up),
        cmocka_unit_test_setup(rfc7323_2_2_scale_counts_if_both_have_it, set_up),
        cmocka_unit_test_setup(rfc7323_2_3_scale_is_fourteen_at_most, set_up),
        cmocka_unit_test_setup(pickup_in_the_middle, set_up),
        cmocka_unit_test_setup(pickup_is_half_open_and_gives_way, set_up),
        cmocka_unit_test_setup(nothing_else_begins_a_session, set_up),
        cmocka_unit_test_setup(impossible_flags_change_nothing, set_up),
        cmocka_unit_test_setup(without_the_window_check_states_go_on, set_up),
        cmocka_unit_test_setup(acknowledgment_of_a_fragmented_segment, set_up),
        cmocka_unit_test_setup(any_state_has_a_name, set_up),
        cmocka_unit_test_setup(rfc9293_3_1_hostile_options, set_up),
        cmocka_unit_test_setup(linux_retransmission_of_what_is_acknowledged, set_up),
    };

    return cmocka_run_group_tests_name("tcp window", tests, NULL, NULL);
}
