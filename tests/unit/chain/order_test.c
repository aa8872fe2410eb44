// SPDX-License-Identifier: BSD-3-Clause
// Do the functions on a chain see what they must, in order and on the way back; and does a packet
// of an open session ask nobody? Also hairpin, denial, rejection, and rules without sessions.

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/counters.h"
#include "tests/unit/chain/chain_lab.h"

#define INSIDE "10.0.0.7"
#define MAPPED "198.51.100.7"
#define SERVER "203.0.113.9"

static struct frame out, out_translated, in, in_translated;

// A packet from inside and its answer, as they are on both sides of a NAT.
static void make_frames(void)
{
    lab_udp(&out, 1, INSIDE, 1000, SERVER, 53);
    lab_udp(&out_translated, 1, MAPPED, 11000, SERVER, 53);
    lab_udp(&in, 0, SERVER, 53, MAPPED, 11000);
    lab_udp(&in_translated, 0, SERVER, 53, INSIDE, 1000);
}

static void each_is_asked_once_in_order(void **state)
{
    (void)state;
    make_frames();
    lab_publish("fng");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    assert_string_equal(lab_asked, "fng");
    for (unsigned i = 1; i <= 3; i++) {
        lab_receive(LAB_OUT, &in);
        lab_expect(LAB_IN, i, &in_translated);
        lab_receive(LAB_IN, &out);
        lab_expect(LAB_OUT, i + 1, &out_translated);
    }
    assert_string_equal(lab_asked, "fng");
    assert_int_equal(lab_n_sessions(), 1);
    assert_int_equal(lab_counters().out, 4);
    assert_int_equal(lab_counters().in, 3);
    assert_int_equal(lab_counters().opened, 1);
}

static void from_outside_they_are_asked_in_reverse(void **state)
{
    (void)state;
    make_frames();
    lab_publish("fng");
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_string_equal(lab_asked, "GNF");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    assert_string_equal(lab_asked, "GNF");
    assert_int_equal(lab_n_sessions(), 1);
}

static void a_denial_gives_back_what_was_kept(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW2].out = FUNCTION_DENY;
    lab_publish("fng");
    lab_receive(LAB_IN, &out);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_FIREWALL_DENIED), 1);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 1);
    assert_int_equal(lab_firewalls[LAB_FW].released, 100);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 1);
    assert_int_equal(lab_nats[LAB_NAT].released, 77);
    assert_int_equal(lab_firewalls[LAB_FW2].n_released, 0);
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_counters().dropped, 1);
}

static void a_rejection_is_answered(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].out = FUNCTION_REJECT;
    lab_publish("f");
    lab_receive(LAB_IN, &out);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 1); // what it says: reject_test.c
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_FIREWALL_REJECTED), 1);
    assert_int_equal(lab_counters().rejected, 1);
    assert_int_equal(lab_counters().dropped, 1);
}

// Both ends are inside: back with the MACs swapped, and the functions that were passed are asked
// inward.
static void a_hairpin_turns_back(void **state)
{
    static struct frame there, there_sent, back, back_sent;

    (void)state;
    lab_udp(&there, 1, "10.0.0.7", 1000, "198.51.100.8", 12000);
    lab_udp(&there_sent, 0, "198.51.100.7", 11000, "10.0.0.8", 2000);
    lab_udp(&back, 1, "10.0.0.8", 2000, "198.51.100.7", 11000);
    lab_udp(&back_sent, 0, "198.51.100.8", 12000, "10.0.0.7", 1000);
    lab_publish("fng");
    lab_receive(LAB_IN, &there);
    lab_expect(LAB_IN, 1, &there_sent);
    assert_string_equal(lab_asked, "fnF");
    lab_receive(LAB_IN, &back);
    lab_expect(LAB_IN, 2, &back_sent);
    assert_string_equal(lab_asked, "fnF");
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    assert_int_equal(lab_counters().turned, 2);
    assert_int_equal(lab_n_sessions(), 1);
}

static void a_stateless_rule_opens_no_session(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].is_stateless = 1;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("f");
    lab_receive(LAB_IN, &out);
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 2, &out);
    assert_string_equal(lab_asked, "ff");
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 2);
    assert_int_equal(lab_n_sessions(), 0);
    lab_receive(LAB_OUT, &in_translated);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_FIREWALL_DENIED), 1);
}

// One that wants none beside one that does, or beside a translation: a session.
static void stateless_gives_way(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].is_stateless = 1;
    lab_publish("fg");
    lab_receive(LAB_IN, &out);
    assert_int_equal(lab_n_sessions(), 1);
    lab_publish("fn");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 2, &out_translated);
    assert_int_equal(lab_n_sessions(), 1);
}

// The same function at two places has two slots.
static void a_function_may_stand_twice(void **state)
{
    (void)state;
    make_frames();
    lab_publish("fnf");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    assert_string_equal(lab_asked, "fnf");
    lab_publish(""); // a plain cable: the chain's sessions end
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 2);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 1);
    assert_int_equal(lab_n_sessions(), 0);
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 2, &out);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_is_asked_once_in_order),
        TEST(from_outside_they_are_asked_in_reverse),
        TEST(a_denial_gives_back_what_was_kept),
        TEST(a_rejection_is_answered),
        TEST(a_hairpin_turns_back),
        TEST(a_stateless_rule_opens_no_session),
        TEST(stateless_gives_way),
        TEST(a_function_may_stand_twice),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
