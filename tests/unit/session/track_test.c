// SPDX-License-Identifier: BSD-3-Clause
// Are protocols without states answered by a reply, and kept alive by whom it may be?

#include "tests/unit/session/track_lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up(void **state)
{
    (void)state;
    lab_start();
    return 0;
}

static const struct frame *udp(char way)
{
    static struct frame f;

    lab_ip4(&f, way);
    frame_udp(&f, 1000, 53);
    frame_payload(&f, 20);
    frame_end(&f);
    return &f;
}

static const struct frame *icmp(char way, int is_ip6, uint8_t type)
{
    static struct frame f;

    lab_ip4(&f, way);
    if (is_ip6) {
        frame_ether(&f, "52:54:00:00:00:22", "52:54:00:00:00:11");
        frame_ip6(&f, "fd00::1", "fd00::2");
    }
    frame_icmp(&f, type, 0);
    frame_end(&f);
    return &f;
}

static const struct frame *other(char way)
{
    static struct frame f;

    lab_ip4(&f, way);
    frame_proto(&f, 47);
    frame_payload(&f, 20);
    frame_end(&f);
    return &f;
}

static void begin(const struct frame *f, uint8_t side, uint8_t timeout)
{
    assert_int_equal(lab_begin(f, side), API_DROP_NONE);
    assert_int_equal(lab.s.timeout, timeout);
    assert_int_equal(lab.s.state, API_SESSION_OPENING);
    assert_int_equal(lab.s.is_half_open, 1);
    lab_assert_state("OPENING");
}

static void track(const struct frame *f, char way, int is_prolonged)
{
    uint32_t expires_ms = lab.s.expires_ms;

    assert_int_equal(lab_track(f, way), API_DROP_NONE);
    if (is_prolonged)
        expires_ms = lab.now_ms + session_timeout_ms(NULL, lab.s.timeout);
    assert_int_equal(lab.s.expires_ms, expires_ms);
}

static void assert_confirmed(unsigned n)
{
    assert_int_equal(lab.n_confirmed, n);
    assert_int_equal(lab.s.state, n ? API_SESSION_ESTABLISHED : API_SESSION_OPENING);
    lab_assert_state(n ? "ESTABLISHED" : "OPENING");
}

static void rfc4787_req5_udp_lives_by_its_packets(void **state)
{
    (void)state;
    begin(udp('>'), SESSION_INSIDE, API_TIMEOUT_udp);
    assert_int_equal(session_timeout_ms(NULL, API_TIMEOUT_udp), 5 * 60 * 1000);
    track(udp('>'), '>', 1);
    assert_confirmed(0);
    track(udp('<'), '<', 1);
    assert_confirmed(1);
    track(udp('<'), '<', 1);
    track(udp('>'), '>', 1);
    assert_confirmed(1);
    lab_stop();
}

static void rfc4787_req6_only_packets_from_inside_prolong(void **state)
{
    (void)state;
    lab.flags = SESSION_TRACK_OUT_REFRESH;
    begin(udp('>'), SESSION_INSIDE, API_TIMEOUT_udp);
    track(udp('<'), '<', 0);
    assert_confirmed(1); // it is an answer all the same
    track(udp('>'), '>', 1);
    track(udp('<'), '<', 0);
    lab_stop();
}

static void rfc4787_req6_begun_from_outside_the_reply_prolongs(void **state)
{
    (void)state;
    lab.flags = SESSION_TRACK_OUT_REFRESH;
    begin(udp('>'), SESSION_OUTSIDE, API_TIMEOUT_udp);
    track(udp('>'), '>', 0);
    track(udp('<'), '<', 1);
    track(udp('>'), '>', 0);
    lab_stop();
}

static void rfc4787_req9_hairpin_is_prolonged_by_both(void **state)
{
    (void)state;
    lab.flags = SESSION_TRACK_OUT_REFRESH;
    begin(udp('>'), SESSION_INSIDE, API_TIMEOUT_udp);
    lab.s.side[SESSION_REPLY] = SESSION_INSIDE;
    track(udp('<'), '<', 1);
    track(udp('>'), '>', 1);
    lab_stop();
}

static void rfc5508_req2_a_query_is_answered(void **state)
{
    static const struct {
        uint8_t is_ip6, query, reply;
    } cases[] = {{0, 8, 0}, {0, 13, 14}, {0, 15, 16}, {0, 17, 18}, {1, 128, 129}};

    (void)state;
    lab.flags = SESSION_TRACK_OUT_REFRESH; // means UDP only
    assert_int_equal(session_timeout_ms(NULL, API_TIMEOUT_icmp), 60 * 1000);
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        lab.n_confirmed = 0;
        begin(icmp('>', cases[i].is_ip6, cases[i].query), SESSION_INSIDE, API_TIMEOUT_icmp);
        track(icmp('>', cases[i].is_ip6, cases[i].query), '>', 1);
        assert_confirmed(0);
        track(icmp('<', cases[i].is_ip6, cases[i].reply), '<', 1);
        assert_confirmed(1);
        assert_int_equal(lab_begin(icmp('>', cases[i].is_ip6, cases[i].reply), SESSION_INSIDE),
                         DROP_ICMP_NO_SESSION);
    }
    lab_stop();
}

static void other_protocols_by_address_pair(void **state)
{
    (void)state;
    begin(other('>'), SESSION_OUTSIDE, API_TIMEOUT_other);
    track(other('>'), '>', 1);
    assert_confirmed(0);
    track(other('<'), '<', 1);
    assert_confirmed(1);
    lab_stop();
}

// A line that all workers share is not written for each packet.
static void expiry_is_written_when_it_moves(void **state)
{
    uint32_t expires_ms;

    (void)state;
    begin(udp('>'), SESSION_INSIDE, API_TIMEOUT_udp);
    expires_ms = lab.s.expires_ms;
    lab.now_ms -= 501; // lab_track adds a second
    assert_int_equal(lab_track(udp('>'), '>'), API_DROP_NONE);
    assert_int_equal(lab.s.expires_ms, expires_ms);
    lab.now_ms -= 998;
    assert_int_equal(lab_track(udp('>'), '>'), API_DROP_NONE);
    assert_int_equal(lab.s.expires_ms, expires_ms + 501);
    // A shorter timeout takes effect as well.
    lab.s.expires_ms += 3600 * 1000;
    assert_int_equal(lab_track(udp('>'), '>'), API_DROP_NONE);
    assert_int_equal(lab.s.expires_ms, expires_ms + 501 + 1000);
    lab_stop();
}

static void a_damaged_state_has_a_name(void **state)
{
    (void)state;
    lab.s.key_original.protocol = 17;
    lab.s.state = 200;
    lab_assert_state("UNKNOWN");
    lab.s.state = 0;
    lab_assert_state("UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rfc4787_req5_udp_lives_by_its_packets, set_up),
        cmocka_unit_test_setup(rfc4787_req6_only_packets_from_inside_prolong, set_up),
        cmocka_unit_test_setup(rfc4787_req6_begun_from_outside_the_reply_prolongs, set_up),
        cmocka_unit_test_setup(rfc4787_req9_hairpin_is_prolonged_by_both, set_up),
        cmocka_unit_test_setup(rfc5508_req2_a_query_is_answered, set_up),
        cmocka_unit_test_setup(other_protocols_by_address_pair, set_up),
        cmocka_unit_test_setup(expiry_is_written_when_it_moves, set_up),
        cmocka_unit_test_setup(a_damaged_state_has_a_name, set_up),
    };

    return cmocka_run_group_tests_name("track", tests, NULL, NULL);
}
