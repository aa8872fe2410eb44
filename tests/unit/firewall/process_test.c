// SPDX-License-Identifier: BSD-3-Clause
// What the firewall says of first packets, and what it counts.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>

#include "tests/unit/firewall/lab.h"

#define HOST "10.0.0.5"
#define SERVER "192.0.2.1"

extern const struct function_ops firewall_ops;

static void release(uint64_t slot)
{
    firewall_ops.release(lab_state(), 1, IPPROTO_TCP, slot);
}

static void the_first_rule_decides(void **unused)
{
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_source(lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_DENY), "10.0.0.6/32");
    lab_ports(lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW), 80, 90);
    lab_rule(&spec, 30, API_DIRECTION_OUT, API_ACTION_REJECT)->family = 4;
    lab_ports(lab_rule(&spec, 40, API_DIRECTION_IN, API_ACTION_ALLOW), 22, 22);
    lab_start(&spec);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
    assert_int_equal(lab_ask(HOST, SERVER, 90), FUNCTION_ALLOW);
    assert_int_equal(lab_ask(HOST, SERVER, 91), FUNCTION_REJECT);
    assert_int_equal(lab_ask("10.0.0.6", SERVER, 80), FUNCTION_DENY);
    assert_int_equal(lab_ask(HOST, SERVER, 22), FUNCTION_REJECT);
    assert_int_equal(lab_ask_inward(SERVER, HOST, 22), FUNCTION_ALLOW);
    assert_int_equal(lab_ask_inward(SERVER, HOST, 80), FUNCTION_DENY);
    assert_int_equal(lab_ask("2001:db8::1", "2001:db8::2", 80), FUNCTION_ALLOW);
    assert_int_equal(lab_ask("2001:db8::1", "2001:db8::2", 91), FUNCTION_DENY);
    assert_int_equal(lab_hits(10).hits, 1);
    assert_int_equal(lab_hits(20).hits, 3);
    assert_int_equal(lab_hits(30).hits, 2);
    assert_int_equal(lab_hits(30).packets, 2);
    assert_int_equal(lab_hits(30).bytes, 2 * 140);
    assert_int_equal(lab_hits(20).packets, 0); // its sessions will tell
    assert_int_equal(lab_show().allowed, 4);
    assert_int_equal(lab_show().denied, 5);
    assert_int_equal(lab_show().default_in_hits, 1);
    assert_int_equal(lab_show().default_out_hits, 1);
    assert_int_equal(lab_show().n_rules, 4);
}

static void reasons_name_the_action(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    spec.firewall.default_in = API_ACTION_REJECT;
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    assert_int_equal(c.drop, DROP_FIREWALL_DENIED);
    c.is_inward = 1;
    assert_int_equal(lab_judge(&c), FUNCTION_REJECT);
    assert_int_equal(c.drop, DROP_FIREWALL_REJECTED);
    assert_int_equal(lab_slot, 0);
}

static void a_session_counts_for_its_rule(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(c.is_stateless, 0);
    assert_int_equal(lab_slot, UINT64_C(0x02) << 32 | 7); // SYN
    assert_int_equal(lab_hits(7).n_sessions, 1);
    firewall_ops.credit(lab_state(), lab_slot, 5, 700);
    firewall_ops.credit(lab_state(), lab_slot, 1, 60);
    assert_int_equal(lab_hits(7).packets, 6);
    assert_int_equal(lab_hits(7).bytes, 760);
    release(lab_slot);
    assert_int_equal(lab_hits(7).n_sessions, 0);
    release(lab_slot); // never below none
    assert_int_equal(lab_hits(7).n_sessions, 0);
    release(99); // of a rule that is not there
    release(FIREWALL_SLOT_DEFAULT);
}

static void defaults_have_slots(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    spec.firewall.default_out = API_ACTION_ALLOW;
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(lab_slot, FIREWALL_SLOT_DEFAULT | UINT64_C(0x02) << 32);
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    release(lab_slot);
    assert_int_equal(lab_show().default_out_hits, 1);
}

static void stateless_wants_no_session(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW)->flags = API_RULE_STATELESS;
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(c.is_stateless, 1);
    assert_int_equal(lab_slot, 0);
    assert_int_equal(lab_hits(7).n_sessions, 0);
    assert_int_equal(lab_hits(7).packets, 1);
    assert_int_equal(lab_hits(7).bytes, 140);
}

// One packet alone is no session: it counts by itself.
static void what_is_alone_counts_at_once(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW)->connection_limit = 1;
    lab_start(&spec);
    for (unsigned i = 1; i <= 3; i++) {
        lab_case(&c, HOST, "239.1.1.1", 80);
        c.is_alone = 1;
        assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
        assert_int_equal(lab_slot, 0);
        assert_int_equal(c.is_stateless, 0);
        assert_int_equal(lab_hits(7).n_sessions, 0);
        assert_int_equal(lab_hits(7).hits, i);
        assert_int_equal(lab_hits(7).packets, i);
        assert_int_equal(lab_hits(7).bytes, i * 140);
    }
}

static void on_the_way_back_nothing_is_kept(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_IN, API_ACTION_ALLOW)->connection_limit = 1;
    lab_start(&spec);
    for (unsigned i = 0; i < 3; i++) {
        lab_case(&c, HOST, SERVER, 80);
        c.is_inward = c.is_turned = 1;
        assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
        assert_int_equal(lab_slot, 0);
    }
    assert_int_equal(lab_hits(7).n_sessions, 0);
    assert_int_equal(lab_hits(7).hits, 3);
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(lab_hits(7).n_sessions, 0);
}

static void tcp_flags_are_of_the_first_packet(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    struct api_rule *rule;

    (void)unused;
    lab_spec_init(&spec);
    rule = lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_protocol(rule, IPPROTO_TCP);
    rule->tcp_flags_mask = 0x12;
    rule->tcp_flags = 0x10; // ACK without SYN
    lab_start(&spec);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_DENY);
    lab_case(&c, HOST, SERVER, 80);
    lab_flags(0x18);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(lab_slot, UINT64_C(0x18) << 32 | 7);
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_RESTORE;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    lab_slot = 0; // nothing known of it: as if begun with a SYN
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
}

static void icmp_types_and_codes(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    struct api_rule *rule;

    (void)unused;
    lab_spec_init(&spec);
    rule = lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_protocol(rule, IPPROTO_ICMP);
    rule->flags |= API_RULE_ICMP_TYPE | API_RULE_ICMP_CODE;
    rule->icmp_type = 8;
    rule = lab_rule(&spec, 8, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_protocol(rule, IPPROTO_ICMPV6);
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 0);
    lab_icmp(&c, 8, 0);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_FIRST;
    lab_icmp(&c, 8, 1);
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    lab_icmp(&c, 13, 0);
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    lab_case(&c, "2001:db8::1", "2001:db8::2", 0);
    lab_icmp(&c, 128, 3);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(lab_slot, UINT64_C(3) << 32 | 8);
}

static void connection_limit_is_for_newcomers(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    uint64_t slots[3];

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW)->connection_limit = 2;
    lab_start(&spec);
    for (unsigned i = 0; i < 3; i++) {
        lab_case(&c, HOST, SERVER, 80);
        assert_int_equal(lab_judge(&c), i < 2 ? FUNCTION_ALLOW : FUNCTION_DENY);
        slots[i] = lab_slot;
    }
    assert_int_equal(c.drop, DROP_FIREWALL_CONNECTION_LIMIT);
    assert_int_equal(lab_slot, 0);
    assert_int_equal(lab_hits(7).n_sessions, 2);
    assert_int_equal(lab_show().limited, 1);
    spec.rules[0].connection_limit = 1;
    lab_start(&spec);
    assert_int_equal(lab_hits(7).n_sessions, 2);
    lab_slot = slots[0];
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    release(slots[0]);
    release(slots[1]);
    assert_int_equal(lab_hits(7).n_sessions, 0);
    c.occasion = FUNCTION_FIRST;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    release(lab_slot);
}

// The cycles a second are not known here: one event costs one cycle, the least there is.
static void rate_limit_counts_new_sessions(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    struct api_rule *rule;

    (void)unused;
    lab_spec_init(&spec);
    rule = lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW);
    rule->rate_limit = 10;
    rule->rate_burst = 2;
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_AGAIN;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    release(lab_slot);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    assert_int_equal(c.drop, DROP_FIREWALL_RATE_LIMIT);
    assert_int_equal(lab_hits(7).n_sessions, 0);
    assert_int_equal(lab_hits(7).hits, 2);
    lab_context()->now_tsc += 2;
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, lab_teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_first_rule_decides),
        CASE(reasons_name_the_action),
        CASE(a_session_counts_for_its_rule),
        CASE(defaults_have_slots),
        CASE(stateless_wants_no_session),
        CASE(what_is_alone_counts_at_once),
        CASE(on_the_way_back_nothing_is_kept),
        CASE(tcp_flags_are_of_the_first_packet),
        CASE(icmp_types_and_codes),
        CASE(connection_limit_is_for_newcomers),
        CASE(rate_limit_counts_new_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
