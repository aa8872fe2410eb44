// SPDX-License-Identifier: BSD-3-Clause
// What the firewall says of sessions after a change, and of those of the process before; and when
// rules are too much alike to say anything.

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

// A session that began under a rule which wants none any more: the chain is told so, and it counts
// no longer. It may stay for another function's sake, and be counted again.
static void a_rule_becomes_stateless_and_back(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 7, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_AGAIN;
    spec.rules[0].flags = API_RULE_STATELESS;
    lab_start(&spec);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
        assert_int_equal(c.is_stateless, 1);
        assert_int_equal(lab_slot, 0);
        assert_int_equal(lab_hits(7).n_sessions, 0);
    }
    c.occasion = FUNCTION_RESTORE;
    lab_slot = UINT64_C(0x02) << 32 | 7; // of the process before, not counted in this one
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(c.is_stateless, 1);
    assert_int_equal(lab_slot, 0);
    assert_int_equal(lab_hits(7).n_sessions, 0);
    c.occasion = FUNCTION_AGAIN;
    spec.rules[0].flags = 0;
    lab_start(&spec);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(c.is_stateless, 0);
    assert_int_equal((uint32_t)lab_slot, 7);
    assert_int_equal(lab_hits(7).n_sessions, 1);
    release(lab_slot);
}

// A search without end is given up, and the packet with it. The rules have two ranges each.
static void rules_too_alike(void **unused)
{
    static struct api_rule_change items[2 * CLASSIFIER_MAX_STEPS];
    struct function_request request = {
        .type = API_RULE_CHANGE, .items = items, .n_items = 2 * CLASSIFIER_MAX_STEPS};
    struct function_case c;
    struct lab_spec spec;
    struct error e = {0};

    (void)unused;
    lab_spec_init(&spec);
    spec.firewall.default_out = API_ACTION_ALLOW;
    lab_start(&spec);
    for (uint32_t i = 0; i < 2 * CLASSIFIER_MAX_STEPS; i++) {
        items[i] = (struct api_rule_change){.tenant = "blue", .name = "fw", .config_id = 1};
        spec.n_rules = 0;
        lab_ports(lab_rule(&spec, i + 1, API_DIRECTION_OUT, API_ACTION_ALLOW), 81, 83);
        items[i].rule = spec.rules[0];
        items[i].rule.source_port_first = 20000;
        items[i].rule.source_port_last = (uint16_t)(39000 - i);
    }
    assert_int_equal(lab_ask(HOST, SERVER, 82), FUNCTION_ALLOW);
    assert_int_equal(firewall_ops.request(lab_function(), &request, &e), 0);
    lab_case(&c, HOST, SERVER, 82);
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    assert_int_equal(c.drop, DROP_FIREWALL_RULES_TOO_ALIKE);
    assert_int_equal(lab_slot, 0);
    c.occasion = FUNCTION_AGAIN;
    lab_slot = FIREWALL_SLOT_DEFAULT;
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    assert_int_equal(c.drop, DROP_FIREWALL_RULES_TOO_ALIKE);
    assert_int_equal(lab_show().default_out_hits, 1);
    assert_int_equal(lab_show().denied, 1);
    assert_int_equal(lab_ask(HOST, SERVER, 84), FUNCTION_ALLOW);
}

static void a_change_moves_sessions_or_ends_them(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    uint32_t version;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    version = firewall_ops.version(lab_function());
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    c.occasion = FUNCTION_AGAIN;
    lab_ports(&spec.rules[0], 443, 443);
    lab_start(&spec);
    assert_int_not_equal(firewall_ops.version(lab_function()), version);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal((uint32_t)lab_slot, 20);
    assert_int_equal(lab_hits(10).n_sessions, 0);
    assert_int_equal(lab_hits(20).n_sessions, 1);
    assert_int_equal(lab_hits(20).hits, 0); // judged again is no hit
    spec.rules[1].action = API_ACTION_REJECT;
    lab_start(&spec);
    assert_int_equal(lab_judge(&c), FUNCTION_REJECT);
    assert_int_equal(c.drop, DROP_FIREWALL_REJECTED);
    assert_int_equal(lab_hits(20).n_sessions, 1); // until the session's end
    release(lab_slot);
    assert_int_equal(lab_hits(20).n_sessions, 0);
    assert_int_equal(lab_show().allowed, 1);
    assert_int_equal(lab_show().denied, 0);
}

static void a_session_outlives_its_rule(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    firewall_ops.credit(lab_state(), lab_slot, 3, 300);
    spec.n_rules = 0;
    lab_start(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    assert_int_equal(lab_hits(10).n_sessions, 1);
    assert_int_equal(lab_hits(10).hits, 0); // a new rule
    assert_int_equal(lab_hits(10).packets, 0);
    release(lab_slot);
    assert_int_equal(lab_hits(10).n_sessions, 0);
}

static void restored_sessions_count(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_ports(lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW), 80, 80);
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    c.occasion = FUNCTION_RESTORE;
    lab_context()->worker = UINT32_MAX; // the main thread has no row
    lab_slot = UINT64_C(0x02) << 32 | 10;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    assert_int_equal(lab_slot, UINT64_C(0x02) << 32 | 10);
    assert_int_equal(lab_hits(10).n_sessions, 1);
    lab_case(&c, HOST, SERVER, 81);
    c.occasion = FUNCTION_RESTORE;
    lab_slot = UINT64_C(0x02) << 32 | 10;
    assert_int_equal(lab_judge(&c), FUNCTION_DENY);
    assert_int_equal(lab_slot, 0); // was not counted, is not to be released
    assert_int_equal(lab_hits(10).n_sessions, 1);
    lab_context()->worker = 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, lab_teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_rule_becomes_stateless_and_back),
        CASE(rules_too_alike),
        CASE(a_change_moves_sessions_or_ends_them),
        CASE(a_session_outlives_its_rule),
        CASE(restored_sessions_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
