// SPDX-License-Identifier: BSD-3-Clause
// How rules come into force: by a configuration, of which only the difference is applied, and
// beside it; what is refused, with the sentence; and that a refusal leaves all as it was.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "tests/unit/firewall/lab.h"

#define HOST "10.0.0.5"
#define SERVER "192.0.2.1"
#define N_MANY 6000

extern const struct function_ops firewall_ops;

static uint32_t version(void)
{
    return firewall_ops.version(lab_function());
}

static struct firewall_rule *rule_at(uint32_t index)
{
    return lab_state()->policy->entries[index].rule;
}

static void only_the_difference_is_applied(void **unused)
{
    struct firewall_rule *before[3];
    struct lab_spec spec;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    for (uint32_t i = 1; i <= 3; i++)
        lab_ports(lab_rule(&spec, i * 10, API_DIRECTION_OUT, API_ACTION_ALLOW), (uint16_t)i,
                  (uint16_t)i);
    lab_start(&spec);
    first = version();
    for (uint32_t i = 0; i < 3; i++)
        before[i] = rule_at(i);
    lab_start(&spec);
    assert_int_equal(version(), first);
    spec.rules[1].rate_limit = 100;
    lab_start(&spec);
    assert_int_not_equal(version(), first);
    assert_ptr_equal(rule_at(0), before[0]);
    assert_ptr_not_equal(rule_at(1), before[1]);
    assert_ptr_equal(rule_at(2), before[2]);
    assert_int_equal(lab_ask(HOST, SERVER, 2), FUNCTION_ALLOW);
    spec.rules[1] = spec.rules[2];
    spec.n_rules = 2;
    lab_start(&spec);
    assert_int_equal(lab_ask(HOST, SERVER, 1), FUNCTION_ALLOW);
    assert_int_equal(lab_ask(HOST, SERVER, 2), FUNCTION_DENY);
    assert_int_equal(lab_ask(HOST, SERVER, 3), FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_rules, 2);
}

static void defaults_change_the_version(void **unused)
{
    struct lab_spec spec;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    lab_start(&spec);
    first = version();
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_DENY);
    spec.firewall.default_out = API_ACTION_ALLOW;
    lab_start(&spec);
    assert_int_equal(version(), first + 1);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
    assert_int_equal(lab_ask_inward(SERVER, HOST, 80), FUNCTION_DENY);
}

static void groups_are_what_rules_match(void **unused)
{
    struct api_rule *rule;
    struct lab_spec spec;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    rule = lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    rule->source_group = lab_group(0);
    rule->destination_port_group = lab_group(1);
    lab_protocol(rule, IPPROTO_TCP);
    lab_prefix(&spec, 0, "10.0.0.0/30");
    lab_prefix(&spec, 0, "2001:db8::/64");
    spec.ports[1][0] = (struct api_group_ports){.first = 80, .last = 81};
    spec.n_ports[1] = 1;
    lab_start(&spec);
    first = version();
    assert_int_equal(lab_ask("10.0.0.3", SERVER, 81), FUNCTION_ALLOW);
    assert_int_equal(lab_ask("10.0.0.3", SERVER, 82), FUNCTION_DENY);
    assert_int_equal(lab_ask(HOST, SERVER, 81), FUNCTION_DENY);
    assert_int_equal(lab_ask("2001:db8::7", "2001:db8:1::1", 80), FUNCTION_ALLOW);
    lab_start(&spec);
    assert_int_equal(version(), first);
    lab_prefix(&spec, 0, "10.0.0.4/31");
    lab_start(&spec);
    assert_int_equal(version(), first + 1);
    assert_int_equal(lab_ask(HOST, SERVER, 81), FUNCTION_ALLOW);
    spec.n_prefixes[0] = 0; // an empty group matches nothing
    lab_start(&spec);
    assert_int_equal(lab_ask(HOST, SERVER, 81), FUNCTION_DENY);
}

static void given_up_is_as_if_never_made(void **unused)
{
    struct lab_spec spec;
    struct error e = {0};
    struct firewall_rule *before;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    first = version();
    before = rule_at(0);
    spec.rules[0].action = API_ACTION_DENY;
    lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW);
    assert_int_equal(lab_try(&spec, &e), 0);
    assert_int_equal(version(), first);
    assert_ptr_equal(rule_at(0), before);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_rules, 1);
}

// Sessions of the process before are judged by the first rules while a generation is built.
static void first_rules_are_in_force_at_once(void **unused)
{
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_build(&spec);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
}

static void state_outlives_the_configuration(void **unused)
{
    struct lab_spec spec;
    void *state;
    struct function_case c;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    state = lab_state();
    firewall_ops.state_get(state);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    lab_teardown(NULL);
    firewall_ops.release(state, 1, IPPROTO_TCP, lab_slot);
    lab_start(&spec); // finds it
    assert_ptr_equal(lab_state(), state);
    firewall_ops.state_put(state);
}

struct fault {
    void (*spoil)(struct lab_spec *spec, struct api_rule *rule);
    const char *sentence;
};

#define SPOIL(name, statement)                                     \
    static void name(struct lab_spec *spec, struct api_rule *rule) \
    {                                                              \
        (void)spec, (void)rule;                                    \
        statement;                                                 \
    }
SPOIL(order, rule->seq = 5)
SPOIL(no_number, rule->seq = 0)
SPOIL(family, rule->family = 5)
SPOIL(prefix_without_family, rule->source_len = 8)
SPOIL(long_prefix, rule->family = 4; rule->destination_len = 33)
SPOIL(host_bits, lab_source(rule, "10.0.0.1/31"))
SPOIL(range, lab_ports(rule, 80, 79))
SPOIL(ports, lab_protocol(rule, IPPROTO_ICMP); rule->destination_port_last = 80)
SPOIL(port_group, rule->source_port_group = lab_group(0))
SPOIL(icmp_type, lab_protocol(rule, IPPROTO_TCP); rule->flags |= API_RULE_ICMP_TYPE)
SPOIL(icmp_code, lab_protocol(rule, IPPROTO_ICMP); rule->flags |= API_RULE_ICMP_CODE)
SPOIL(hidden_flags, lab_protocol(rule, IPPROTO_TCP); rule->tcp_flags = 2)
SPOIL(flags_of_udp, lab_protocol(rule, IPPROTO_UDP); rule->tcp_flags_mask = 2)
SPOIL(foreign_group, rule->source_group = 0)
SPOIL(no_group, rule->destination_group = lab_group(2))
SPOIL(bad_group, lab_prefix(spec, 0, "10.0.0.1/8"))
SPOIL(bad_port_group, spec->n_ports[0] = 1; spec->ports[0][0].first = 1)

static const struct fault faults[] = {
    {order, "rule 5: rules come in ascending order, each number once"},
    {no_number, "rule 0: numbers begin with 1"},
    {family, "rule 20: is neither of IPv4 nor of IPv6"},
    {prefix_without_family, "rule 20: has a prefix and no family"},
    {long_prefix, "rule 20: has a prefix with bits behind its length"},
    {host_bits, "rule 20: has a prefix with bits behind its length"},
    {range, "rule 20: a range of ports ends before it begins"},
    {ports, "rule 20: only TCP, UDP and SCTP have ports"},
    {port_group, "rule 20: only TCP, UDP and SCTP have ports"},
    {icmp_type, "rule 20: only ICMP and ICMPv6 have types"},
    {icmp_code, "rule 20: an ICMP code belongs to a type"},
    {hidden_flags, "rule 20: wants TCP flags that its mask hides"},
    {flags_of_udp, "rule 20: only TCP has TCP flags"},
    {foreign_group, "rule 20: names a group that the tenant does not have"},
    {no_group, "rule 20: names a group that the tenant does not have"},
    {bad_group, "group a: prefix 0 is none"},
    {bad_port_group, "group a: a range of ports ends before it begins"},
};

static void what_makes_no_sense_is_refused(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct lab_spec spec;
        struct error e = {0};

        lab_spec_init(&spec);
        lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
        faults[i].spoil(&spec, lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW));
        assert_int_equal(lab_try(&spec, &e), -EINVAL);
        assert_string_equal(e.path, "blue/fw");
        assert_string_equal(e.sentence, faults[i].sentence);
    }
}

static struct api_rule_change items[3];

static struct api_rule_change *item_of(unsigned i, uint32_t seq, enum api_action action)
{
    struct lab_spec spec;

    lab_spec_init(&spec);
    items[i] = (struct api_rule_change){
        .tenant = "blue",
        .name = "fw",
        .config_id = 7,
        .is_delete = action == 0,
        .rule = *lab_rule(&spec, seq, API_DIRECTION_OUT, action != 0 ? action : API_ACTION_DENY)};
    items[i].rule.owner = 0;
    return &items[i];
}

static int change(unsigned n, struct error *e)
{
    struct function_request request = {.type = API_RULE_CHANGE, .items = items, .n_items = n};

    *e = (struct error){0};
    return firewall_ops.request(lab_function(), &request, e);
}

static void rules_change_beside_transactions(void **unused)
{
    struct lab_spec spec;
    struct error e;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    lab_ports(lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW), 80, 80);
    lab_prefix(&spec, 0, "10.0.0.5/32");
    lab_start(&spec);
    first = version();
    item_of(0, 30, API_ACTION_REJECT)->rule.source_group = lab_group(0);
    item_of(1, 20, API_ACTION_ALLOW)->rule.destination_len = 0;
    lab_ports(&items[1].rule, 443, 443);
    item_of(2, 10, 0);
    assert_int_equal(change(3, &e), 0);
    assert_int_equal(version(), first + 1); // all at once
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_REJECT);
    assert_int_equal(lab_ask("10.0.0.6", SERVER, 80), FUNCTION_DENY);
    assert_int_equal(lab_ask(HOST, SERVER, 443), FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_rules, 2);
    // The transaction that brings the same is no difference.
    spec.n_rules = 0;
    lab_ports(lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW), 443, 443);
    lab_rule(&spec, 30, API_DIRECTION_OUT, API_ACTION_REJECT)->source_group = lab_group(0);
    lab_start(&spec);
    assert_int_equal(version(), first + 1);
}

static void a_change_is_refused_whole(void **unused)
{
    struct lab_spec spec;
    struct error e;
    uint32_t first;

    (void)unused;
    lab_spec_init(&spec);
    lab_start(&spec);
    first = version();
    item_of(0, 10, API_ACTION_ALLOW);
    item_of(1, 11, 0);
    assert_int_equal(change(2, &e), -ENOENT);
    assert_string_equal(e.sentence, "there is no rule 11");
    assert_string_equal(e.path, "blue/fw");
    item_of(1, 10, API_ACTION_DENY);
    assert_int_equal(change(2, &e), -EINVAL);
    assert_string_equal(e.sentence, "rule 10: is named twice");
    snprintf(item_of(1, 11, API_ACTION_ALLOW)->name, API_NAME_SIZE, "other");
    assert_int_equal(change(2, &e), -EINVAL);
    assert_string_equal(e.sentence, "rule 11: is of another firewall than the first one");
    assert_int_equal(e.index, 1);
    item_of(1, 11, API_ACTION_ALLOW)->config_id = 8;
    assert_int_equal(change(2, &e), -EINVAL);
    assert_string_equal(e.sentence, "rule 11: names another configuration than the first one");
    item_of(1, 11, API_ACTION_ALLOW)->rule.source_group = 0;
    assert_int_equal(change(2, &e), -EINVAL);
    item_of(1, 11, API_ACTION_ALLOW)->rule.tcp_flags = 1;
    assert_int_equal(change(2, &e), -EINVAL);
    assert_int_equal(version(), first);
    assert_int_equal(lab_show().n_rules, 0);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_DENY);
}

// Numbers come and go for ever: what they counted is forgotten at times, but for those with
// sessions. Memory is that of the rules.
static void numbers_without_rules_are_forgotten(void **unused)
{
    struct function_case c;
    struct lab_spec spec;
    struct error e;
    uint64_t slot, memory;

    (void)unused;
    lab_spec_init(&spec);
    lab_start(&spec);
    item_of(0, 1, API_ACTION_ALLOW);
    assert_int_equal(change(1, &e), 0);
    lab_case(&c, HOST, SERVER, 80);
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    slot = lab_slot;
    memory = lab_show().rule_memory;
    for (uint32_t i = 1; i < N_MANY; i++) {
        item_of(0, i, 0);
        item_of(1, i + 1, API_ACTION_ALLOW);
        assert_int_equal(change(2, &e), 0);
    }
    assert_true(lab_state()->n_idle < N_MANY / 2);
    assert_true(lab_show().rule_memory < memory + N_MANY / 2 * 200);
    item_of(0, 1, API_ACTION_ALLOW);
    assert_int_equal(change(1, &e), 0);
    assert_int_equal(lab_hits(1).n_sessions, 1);
    firewall_ops.release(lab_state(), 1, IPPROTO_TCP, slot);
    assert_int_equal(lab_hits(1).n_sessions, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, lab_teardown)
    const struct CMUnitTest tests[] = {
        CASE(only_the_difference_is_applied),   CASE(defaults_change_the_version),
        CASE(groups_are_what_rules_match),      CASE(given_up_is_as_if_never_made),
        CASE(first_rules_are_in_force_at_once), CASE(state_outlives_the_configuration),
        CASE(what_makes_no_sense_is_refused),   CASE(rules_change_beside_transactions),
        CASE(a_change_is_refused_whole),        CASE(numbers_without_rules_are_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
