// SPDX-License-Identifier: BSD-3-Clause
// What becomes of open sessions when the chain or a policy on it changes, and when the process
// does? They are judged again by their next packet, keep their slots whatever the order, and end
// where what was decided no longer holds.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_cycles.h>

#include "dataplane/session/clock.h"
#include "tests/unit/chain/chain_lab.h"

static struct frame out, out_translated, in, in_translated;

static void make_frames(void)
{
    lab_udp(&out, 1, "10.0.0.7", 1000, "203.0.113.9", 53);
    lab_udp(&out_translated, 1, "198.51.100.7", 11000, "203.0.113.9", 53);
    lab_udp(&in, 0, "203.0.113.9", 53, "198.51.100.7", 11000);
    lab_udp(&in_translated, 0, "203.0.113.9", 53, "10.0.0.7", 1000);
}

// An open session on a chain with these functions, carried once in both directions.
static void open_on(const char *functions)
{
    make_frames();
    lab_publish(functions);
    lab_receive(LAB_IN, &out);
    assert_int_equal(lab_n_sessions(), 1);
    memset(lab_asked, 0, sizeof(lab_asked));
}

static void forget_asked(void)
{
    memset(lab_asked, 0, sizeof(lab_asked));
}

// A commit that changes nothing here asks nobody.
static void an_unrelated_commit_asks_nobody(void **state)
{
    (void)state;
    open_on("fn");
    lab_publish("fn");
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_string_equal(lab_asked, "");
    assert_int_equal(lab_counters().rejudged, 0);
}

static void a_version_asks_again_once(void **state)
{
    (void)state;
    open_on("fn");
    lab_firewalls[LAB_FW].version++;
    for (unsigned i = 1; i <= 3; i++) {
        lab_receive(LAB_OUT, &in);
        lab_expect(LAB_IN, i, &in_translated);
    }
    assert_string_equal(lab_asked, "fn"); // as the first packet went, not as this one goes
    assert_int_equal(lab_firewalls[LAB_FW].n_asked[FUNCTION_AGAIN], 1);
    assert_int_equal(lab_counters().rejudged, 1);
    assert_int_equal(lab_counters().revoked, 0);
}

static void what_is_denied_now_ends(void **state)
{
    (void)state;
    open_on("fn");
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    lab_receive(LAB_OUT, &in);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_counters().revoked, 1);
    assert_int_equal(lab_counters().closed, 1);
    assert_int_equal(lab_nats[LAB_NAT].released, 77);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_FIREWALL_DENIED), 1);
}

// What ends may begin anew at once, under the new rules: here from outside.
static void a_revoked_session_may_begin_anew(void **state)
{
    (void)state;
    open_on("fn");
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_string_equal(lab_asked, "fNF");
    assert_int_equal(lab_n_sessions(), 1);
    assert_int_equal(lab_counters().opened, 2);
}

// The rule wants no session any more: the session ends, what the rule allows goes on, and what only
// the session allowed does not.
static void a_rule_that_becomes_stateless_ends_it(void **state)
{
    (void)state;
    open_on("f");
    lab_firewalls[LAB_FW].is_stateless = 1;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 2, &out);
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_counters().revoked, 1);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 2); // by the session, and by the packet
    lab_udp(&in, 0, "203.0.113.9", 53, "10.0.0.7", 1000);
    lab_receive(LAB_OUT, &in);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_FIREWALL_DENIED), 1);
}

// For a NAT's sake it stays.
static void what_is_translated_stays_with_a_stateless_rule(void **state)
{
    (void)state;
    open_on("fn");
    lab_firewalls[LAB_FW].is_stateless = 1;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_int_equal(lab_n_sessions(), 1);
    assert_int_equal(lab_counters().revoked, 0);
}

// A NAT that comes would translate: the session can't go on as it was.
static void another_translation_ends_it(void **state)
{
    (void)state;
    open_on("f");
    lab_publish("fn");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 2, &out_translated);
    assert_int_equal(lab_counters().revoked, 1);
    assert_int_equal(lab_n_sessions(), 1);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 1); // taken when asked again
}

// Functions come, go and change places: no packet is lost, no slot is mixed up.
static void edits_lose_nothing(void **state)
{
    static const char *const edits[] = {"gfn", "ngf", "nf", "fng", "fn", "nfg"};
    unsigned n_sent = 1;

    (void)state;
    open_on("fn");
    for (unsigned i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        lab_publish(edits[i]);
        forget_asked();
        lab_receive(LAB_OUT, &in);
        lab_expect(LAB_IN, i + 1, &in_translated);
        assert_string_equal(lab_asked, edits[i]);
        lab_receive(LAB_IN, &out);
        lab_expect(LAB_OUT, ++n_sent, &out_translated);
    }
    assert_int_equal(lab_n_sessions(), 1);
    assert_int_equal(lab_counters().opened, 1);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 0);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 0);
    // fw2 left twice, with what it had kept.
    assert_int_equal(lab_firewalls[LAB_FW2].n_released, 2);
    assert_int_equal(lab_firewalls[LAB_FW2].released, 101);
    lab_publish("");
    assert_int_equal(lab_firewalls[LAB_FW].released, 100);
    assert_int_equal(lab_nats[LAB_NAT].released, 77);
    assert_int_equal(lab_firewalls[LAB_FW2].n_released, 3);
}

static void count_kept(struct session *s, void *context)
{
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        *(unsigned *)context += s->slots[i] != 0;
}

// What a function leaves behind is not found by the next one that gets its slot.
static void who_leaves_takes_all_along(void **state)
{
    uint32_t cursor = 0;
    unsigned n_kept = 0;

    (void)state;
    open_on("fgn");
    lab_publish("fn"); // no packet comes
    assert_int_equal(lab_firewalls[LAB_FW2].n_released, 1);
    assert_int_equal(lab_firewalls[LAB_FW2].n_held, 0);
    session_visit(&cursor, 1000, count_kept, &n_kept);
    assert_int_equal(n_kept, 2);
}

// Without a packet ageing judges it.
static void an_idle_session_is_judged_by_ageing(void **state)
{
    (void)state;
    open_on("fn");
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    for (unsigned i = 0; i < 100000 && lab_n_sessions() > 0; i++)
        session_age(0, session_clock_ms(rte_rdtsc()), 1);
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_counters().revoked, 1);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 1);
}

static void a_restart_keeps_sessions(void **state)
{
    (void)state;
    open_on("fn");
    lab_restart();
    lab_publish("nf"); // the order has changed meanwhile
    assert_int_equal(lab_n_sessions(), 1);
    assert_string_equal(lab_asked, "nf");
    assert_int_equal(lab_nats[LAB_NAT].n_asked[FUNCTION_RESTORE], 1);
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_string_equal(lab_asked, "nf");
    lab_publish("");
    assert_int_equal(lab_nats[LAB_NAT].released, 77); // the slot was told from the other one
    assert_int_equal(lab_firewalls[LAB_FW].released, 100);
}

static void a_restart_drops_what_is_denied(void **state)
{
    (void)state;
    open_on("nf");
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_restart();
    lab_publish("nf");
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_nats[LAB_NAT].n_released, 1); // restored before the firewall was asked
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 0);
}

// Another firewall stands where the NAT's slot was: its value is not handed to it.
static void a_slot_of_another_function_is_not_read(void **state)
{
    (void)state;
    open_on("fn");
    lab_restart();
    lab_publish("fgm");
    assert_int_equal(lab_n_sessions(), 0); // nat2 was given nothing, so it can't restore
    assert_int_equal(lab_nats[LAB_NAT2].n_asked[FUNCTION_RESTORE], 1);
    assert_int_equal(lab_nats[LAB_NAT2].n_released, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_unrelated_commit_asks_nobody),
        TEST(a_version_asks_again_once),
        TEST(what_is_denied_now_ends),
        TEST(a_revoked_session_may_begin_anew),
        TEST(a_rule_that_becomes_stateless_ends_it),
        TEST(what_is_translated_stays_with_a_stateless_rule),
        TEST(another_translation_ends_it),
        TEST(edits_lose_nothing),
        TEST(who_leaves_takes_all_along),
        TEST(an_idle_session_is_judged_by_ageing),
        TEST(a_restart_keeps_sessions),
        TEST(a_restart_drops_what_is_denied),
        TEST(a_slot_of_another_function_is_not_read),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
