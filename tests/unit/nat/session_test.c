// SPDX-License-Identifier: BSD-3-Clause
// What becomes of sessions by rules of each kind, when the configuration changes under them, and
// when the process is another?

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <stdio.h>

#include "tests/unit/nat/lab.h"

#define REMOTE "203.0.113.1"
#define OUTSIDE "198.51.100.2"
#define GRE 47

static struct lab_spec spec;

static void start_with(void (*change)(void))
{
    lab_spec_init(&spec);
    change();
    lab_start(&spec);
}

static const char *outside_of(const struct session_case *s)
{
    static char text[32];

    snprintf(text, sizeof(text), "%s", lab_source_of(s));
    return text;
}

static void add_static(void)
{
    lab_static(&spec, "10.0.0.64", "198.51.100.64", 26);
}

static void test_static(void **state)
{
    struct session_case out, in, gre;

    (void)state;
    start_with(add_static);
    out = lab_out(IPPROTO_TCP, "10.0.0.70:5000", REMOTE ":80");
    lab_expect_allowed(&out, "198.51.100.70:5000", REMOTE ":80");
    in = lab_in(IPPROTO_TCP, REMOTE ":80", "198.51.100.127:5000");
    lab_expect_allowed(&in, REMOTE ":80", "10.0.0.127:5000");
    gre = lab_in(GRE, REMOTE ":0", "198.51.100.64:0");
    lab_expect_allowed(&gre, REMOTE ":0", "10.0.0.64:0");
    assert_int_equal(lab_show().n_bindings, 0);
    lab_start(NULL);
    lab_judge(&out, FUNCTION_AGAIN);
    lab_expect_denied(&out, FUNCTION_DENY, DROP_NAT_FILTERED);
    lab_judge(&in, FUNCTION_AGAIN);
    lab_expect_denied(&in, FUNCTION_DENY, DROP_NAT_FILTERED);
}

static void add_forward(void)
{
    lab_forward(&spec, IPPROTO_TCP, OUTSIDE, 8000, 8009);
    lab_forward_to(&spec, "10.0.0.11", 80);
}

static void test_forward(void **state)
{
    struct session_case in, out, turned;

    (void)state;
    start_with(add_forward);
    in = lab_in(IPPROTO_TCP, REMOTE ":9", OUTSIDE ":8003");
    lab_expect_allowed(&in, REMOTE ":9", "10.0.0.11:83");
    in = lab_in(IPPROTO_TCP, REMOTE ":9", OUTSIDE ":8010");
    lab_expect_allowed(&in, REMOTE ":9", OUTSIDE ":8010");
    in = lab_in(IPPROTO_UDP, REMOTE ":9", OUTSIDE ":8003");
    lab_expect_allowed(&in, REMOTE ":9", OUTSIDE ":8003");
    out = lab_out(IPPROTO_TCP, "10.0.0.11:89", REMOTE ":9"); // a binding both ways
    lab_expect_allowed(&out, OUTSIDE ":8009", REMOTE ":9");
    turned = lab_out(IPPROTO_TCP, "10.0.0.5:4000", OUTSIDE ":8003");
    assert_int_equal(turned.verdict, FUNCTION_TURN);
    assert_string_equal(lab_destination_of(&turned), "10.0.0.11:83");
    lab_judge(&turned, FUNCTION_AGAIN);
    assert_int_equal(turned.verdict, FUNCTION_TURN);
}

static void add_narrow_forward(void)
{
    spec.nat.port_first = 8000;
    spec.nat.port_last = 8010;
    add_forward();
}

// Ports of forwards are not handed out, and are again when the forward has gone.
static void test_forward_ports_are_reserved(void **state)
{
    struct session_case a, b;

    (void)state;
    start_with(add_narrow_forward);
    a = lab_out(IPPROTO_TCP, "10.0.0.5:4000", REMOTE ":9");
    b = lab_out(IPPROTO_TCP, "10.0.0.5:4001", REMOTE ":9");
    lab_expect_allowed(&a, OUTSIDE ":8010", REMOTE ":9");
    lab_expect_denied(&b, FUNCTION_REJECT, DROP_NAT_NO_FREE_PORT);
    spec.n_forwards = 0;
    lab_start(&spec);
    b = lab_out(IPPROTO_TCP, "10.0.0.5:4001", REMOTE ":9");
    assert_int_equal(b.verdict, FUNCTION_ALLOW);
    add_forward();
    lab_start(&spec);
    lab_judge(&b, FUNCTION_AGAIN);
    assert_int_equal(b.verdict, FUNCTION_ALLOW); // its outside port leads elsewhere, but only for
    lab_judge(&a, FUNCTION_AGAIN);               // others: its own answers are its session's
    assert_int_equal(a.verdict, FUNCTION_ALLOW);
}

static void add_whole_forward(void)
{
    lab_forward(&spec, 0, OUTSIDE, 0, 0);
    lab_forward_to(&spec, "10.0.0.11", 0);
    lab_forward(&spec, 0, "198.51.100.9", 0, 0);
    lab_forward_to(&spec, "10.0.0.12", 0);
}

// Of an address of its own, both ways; of one that a pool has, what nobody else gets.
static void test_forward_of_all(void **state)
{
    struct session_case out, in;

    (void)state;
    start_with(add_whole_forward);
    out = lab_out(IPPROTO_UDP, "10.0.0.12:7", REMOTE ":9");
    lab_expect_allowed(&out, "198.51.100.9:7", REMOTE ":9");
    in = lab_in(IPPROTO_UDP, REMOTE ":9", OUTSIDE ":700");
    lab_expect_allowed(&in, REMOTE ":9", "10.0.0.11:700");
    out = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");
    in = lab_in(IPPROTO_UDP, REMOTE ":9", outside_of(&out));
    lab_expect_allowed(&in, REMOTE ":9", "10.0.0.5:7");
}

static void add_exemption(void)
{
    memmove(&spec.sources[1], &spec.sources[0], sizeof(spec.sources[0]));
    spec.n_sources = 0;
    lab_exempt(&spec, 5, "10.0.0.0", 24, "192.168.0.0", 16);
    spec.n_sources = 2;
    spec.pools[0].owner = 1;
}

static void test_exempt_and_unmatched(void **state)
{
    struct session_case s, v6 = {.tuple.family = 6};

    (void)state;
    start_with(add_exemption);
    s = lab_out(IPPROTO_UDP, "10.0.0.5:7", "192.168.3.4:9");
    lab_expect_allowed(&s, "10.0.0.5:7", "192.168.3.4:9");
    assert_int_equal(s.slot, 0);
    s = lab_out(IPPROTO_UDP, "10.0.1.5:7", REMOTE ":9");
    lab_expect_allowed(&s, "10.0.1.5:7", REMOTE ":9");
    s = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");
    assert_int_not_equal(s.slot, 0);
    lab_judge(&v6, FUNCTION_FIRST);
    assert_int_equal(v6.verdict, FUNCTION_ALLOW);
    assert_int_equal(v6.slot, 0);
}

static void by_address(void)
{
    spec.nat.mapping = API_NAT_ADDRESS_DEPENDENT;
}

static void by_address_and_port(void)
{
    spec.nat.mapping = API_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

static void test_dependent_mapping(void **state)
{
    struct session_case a, b, c;

    (void)state;
    start_with(by_address);
    a = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");
    b = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":10");
    c = lab_out(IPPROTO_UDP, "10.0.0.5:7", "203.0.113.2:9");
    assert_int_equal(lab_port_of(&a), lab_port_of(&b));
    assert_int_not_equal(lab_port_of(&a), lab_port_of(&c));
    lab_close(&a);
    lab_close(&b);
    lab_close(&c);
    start_with(by_address_and_port);
    a = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");
    b = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":10");
    assert_int_not_equal(lab_port_of(&a), lab_port_of(&b));
}

static void test_without_ports(void **state)
{
    struct session_case a = lab_out(GRE, "10.0.0.5:0", REMOTE ":0");
    struct session_case b = lab_out(GRE, "10.0.0.6:0", REMOTE ":0");
    struct session_case c = lab_out(GRE, "10.0.0.6:0", "203.0.113.2:0"), in;

    (void)state;
    lab_expect_allowed(&a, OUTSIDE ":0", REMOTE ":0");
    lab_expect_denied(&b, FUNCTION_REJECT, DROP_NAT_NOT_TRANSLATABLE);
    lab_expect_allowed(&c, OUTSIDE ":0", "203.0.113.2:0");
    in = lab_in(GRE, "203.0.113.2:0", OUTSIDE ":0");
    lab_expect_allowed(&in, "203.0.113.2:0", "10.0.0.6:0");
    lab_close(&in);
    lab_close(&a);
    b = lab_out(GRE, "10.0.0.6:0", REMOTE ":0");
    lab_expect_allowed(&b, OUTSIDE ":0", REMOTE ":0");
    lab_close(&b);
    lab_close(&c);
    assert_int_equal(lab_show().n_bindings, 0);
}

// Inside addresses of two chains are not the same hosts.
static void test_chains_apart(void **state)
{
    struct session_case a = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), in;
    struct session_case b = lab_case(0, IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");

    (void)state;
    b.chain = LAB_CHAIN + 1;
    lab_judge(&b, FUNCTION_FIRST);
    assert_int_not_equal(lab_port_of(&a), lab_port_of(&b));
    in = lab_in(IPPROTO_UDP, REMOTE ":1", outside_of(&b));
    assert_int_equal(in.slot, 0);
    assert_int_equal(lab_show().n_hosts, 2);
}

// To the router that owns a pool address: back unchanged.
static void test_turned_unchanged(void **state)
{
    struct session_case s = lab_out(IPPROTO_UDP, "10.0.0.5:7", OUTSIDE ":9");

    (void)state;
    assert_int_equal(s.verdict, FUNCTION_TURN);
    assert_string_equal(lab_source_of(&s), "10.0.0.5:7");
    assert_int_equal(s.slot, 0);
    lab_judge(&s, FUNCTION_AGAIN);
    assert_int_equal(s.verdict, FUNCTION_TURN);
}

static void test_no_spoofed_outside(void **state)
{
    struct session_case s = lab_in(IPPROTO_UDP, OUTSIDE ":7", "10.0.0.5:9");

    (void)state;
    lab_expect_denied(&s, FUNCTION_DENY, DROP_NAT_FILTERED);
}

// What begins no session keeps nothing, and goes on only if nothing is to be translated.
static void test_alone(void **state)
{
    static const struct {
        const char *source, *destination;
        enum function_verdict verdict;
    } cases[] = {{"10.0.0.5:7", "224.0.0.5:9", FUNCTION_DENY},
                 {"10.0.1.5:7", "224.0.0.5:9", FUNCTION_ALLOW}};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct session_case s = lab_case(0, IPPROTO_UDP, cases[i].source, cases[i].destination);
        struct function_case c = {
            .tuple = s.tuple, .slot = &s.slot, .chain = LAB_CHAIN, .is_alone = 1};

        assert_int_equal(nat_judge(lab_function(), NULL, &c), cases[i].verdict);
        assert_int_equal(s.slot, 0);
        assert_memory_equal(&c.tuple, &s.tuple, sizeof(c.tuple));
    }
    assert_int_equal(lab_show().n_bindings, 0);
}

// A commit.

static void test_again_stays(void **state)
{
    struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), in;

    (void)state;
    in = lab_in(IPPROTO_UDP, "203.0.113.2:1", outside_of(&out));
    lab_spec_init(&spec);
    spec.pools[0].last[3] = 9;
    spec.nat.host_limit = 1;
    lab_start(&spec);
    lab_judge(&out, FUNCTION_AGAIN);
    assert_int_equal(out.verdict, FUNCTION_ALLOW);
    lab_judge(&in, FUNCTION_AGAIN);
    assert_int_equal(in.verdict, FUNCTION_ALLOW);
    lab_close(&out);
    lab_close(&in);
    assert_int_equal(lab_show().n_bindings, 0);
}

static void other_pool(void)
{
    spec.pools[0].first[3] = spec.pools[0].last[3] = 3;
}

static void other_prefix(void)
{
    spec.sources[0].prefix[2] = 1;
}

static void other_range(void)
{
    spec.nat.port_first = spec.nat.port_last = 1024;
}

static void strict(void)
{
    spec.nat.filtering = API_NAT_ADDRESS_AND_PORT_DEPENDENT;
}

static void test_again_ends(void **state)
{
    static void (*const changes[])(void) = {other_pool, other_prefix, other_range};
    static uint32_t versions[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), again = out;

        versions[i] = nat_ops.version(lab_function());
        start_with(changes[i]);
        assert_int_not_equal(nat_ops.version(lab_function()), versions[i]);
        lab_judge(&again, FUNCTION_AGAIN);
        lab_expect_denied(&again, FUNCTION_DENY, DROP_NAT_FILTERED);
        lab_close(&out);
        assert_int_equal(lab_show().n_bindings, 0);
        lab_start(NULL);
        assert_int_equal(nat_ops.version(lab_function()), versions[0]);
    }
}

static void test_again_filters_inward(void **state)
{
    struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), in;

    (void)state;
    in = lab_in(IPPROTO_UDP, "203.0.113.2:1", outside_of(&out));
    start_with(strict);
    lab_judge(&in, FUNCTION_AGAIN);
    lab_expect_denied(&in, FUNCTION_DENY, DROP_NAT_FILTERED);
    lab_judge(&out, FUNCTION_AGAIN);
    assert_int_equal(out.verdict, FUNCTION_ALLOW);
}

// The address of a binding leaves the pool: new sessions of its endpoint get another one, and each
// ends by itself.
static void test_retired(void **state)
{
    struct session_case old = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), in, new;

    (void)state;
    in = lab_in(IPPROTO_UDP, "203.0.113.2:1", outside_of(&old));
    start_with(other_pool);
    new = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":10");
    assert_memory_equal(new.final.source, ((uint8_t[]){198, 51, 100, 3}), 4);
    assert_int_equal(lab_show().n_bindings, 2);
    lab_close(&old);
    lab_close(&in);
    assert_int_equal(lab_show().n_bindings, 1);
    lab_judge(&new, FUNCTION_AGAIN);
    assert_int_equal(new.verdict, FUNCTION_ALLOW);
    assert_int_equal(lab_state()->n_left, 1);
    nat_ops.age(lab_function(), NULL);
    assert_int_equal(lab_state()->n_left, 0);
}

// Another process.

static void test_restore(void **state)
{
    struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9");
    struct session_case more = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":10"), in, other;

    (void)state;
    in = lab_in(IPPROTO_UDP, "203.0.113.2:1", outside_of(&out));
    lab_restart();
    assert_int_equal(lab_show().n_bindings, 0);
    lab_judge(&in, FUNCTION_RESTORE); // whichever comes first
    assert_int_equal(in.verdict, FUNCTION_ALLOW);
    lab_judge(&out, FUNCTION_RESTORE);
    assert_int_equal(out.verdict, FUNCTION_ALLOW);
    lab_judge(&more, FUNCTION_RESTORE);
    assert_int_equal(more.verdict, FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_bindings, 1);
    assert_int_equal(lab_show().n_ports_udp, 1);
    other = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":11");
    assert_string_equal(lab_source_of(&other), lab_source_of(&out));
    lab_close(&other);
    lab_close(&in);
    lab_close(&out);
    assert_int_equal(lab_show().n_bindings, 1);
    lab_close(&more);
    assert_int_equal(lab_show().n_bindings, 0);
    assert_int_equal(lab_show().n_ports_udp, 0);
}

// A slot is distrusted: one outside endpoint has one owner.
static void test_restore_refuses(void **state)
{
    struct session_case a = lab_out(IPPROTO_UDP, "10.0.0.5:7", REMOTE ":9"), b = a;

    (void)state;
    b.tuple.source[3] = 6;
    lab_restart();
    lab_judge(&a, FUNCTION_RESTORE);
    assert_int_equal(a.verdict, FUNCTION_ALLOW);
    lab_judge(&b, FUNCTION_RESTORE);
    lab_expect_denied(&b, FUNCTION_DENY, DROP_NAT_FILTERED);
    b = a;
    b.slot = nat_slot(NAT_SOURCE, a.slot & UINT32_MAX, htons(80)); // not in the range
    lab_judge(&b, FUNCTION_RESTORE);
    lab_expect_denied(&b, FUNCTION_DENY, DROP_NAT_FILTERED);
    b.slot = nat_slot(NAT_N_DEEDS, 1, 1);
    lab_judge(&b, FUNCTION_RESTORE);
    lab_expect_denied(&b, FUNCTION_DENY, DROP_NAT_FILTERED);
    assert_int_equal(lab_show().n_bindings, 1);
}

// A slot that can't be leaves nothing behind, whichever end of a hairpin it names.
static void test_restore_hairpin_refused(void **state)
{
    struct session_case b = lab_out(IPPROTO_UDP, "10.0.0.6:7", REMOTE ":9"), a;
    uint64_t slot;

    (void)state;
    a = lab_out(IPPROTO_UDP, "10.0.0.5:7", outside_of(&b));
    slot = nat_slot(NAT_TARGET, htonl(0x0a000006), htons(7));
    lab_restart();
    for (unsigned i = 0; i < 2; i++) {
        a.slot = i == 0 ? slot : slot | NAT_HAIRPIN;
        lab_judge(&a, FUNCTION_RESTORE);
        lab_expect_denied(&a, FUNCTION_DENY, DROP_NAT_FILTERED);
        assert_int_equal(lab_show().n_bindings, 0);
        assert_int_equal(lab_show().n_ports_udp, 0);
    }
}

static void test_restore_hairpin(void **state)
{
    struct session_case b = lab_out(IPPROTO_UDP, "10.0.0.6:7", REMOTE ":9"), a;

    (void)state;
    a = lab_out(IPPROTO_UDP, "10.0.0.5:7", outside_of(&b));
    lab_restart();
    lab_judge(&a, FUNCTION_RESTORE);
    assert_int_equal(a.verdict, FUNCTION_TURN);
    lab_judge(&b, FUNCTION_RESTORE);
    assert_int_equal(b.verdict, FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_bindings, 2);
    lab_close(&a);
    lab_close(&b);
    assert_int_equal(lab_show().n_bindings, 0);
}

// The end of the memory that is ready: the main thread is told before, and makes more.
static void test_memory_comes_in_time(void **state)
{
    const uint32_t n_before = lab_state()->backed_bindings.n;
    uint32_t n = 0;

    (void)state;
    function_is_short = 0;
    for (; n < n_before && !function_is_short; n++) {
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.%u:%u", 1 + n % 8, 2000 + n / 8);
        lab_out(IPPROTO_UDP, source, REMOTE ":53");
    }
    assert_int_equal(lab_state()->n_bindings_ever, n);
    assert_in_range(n_before - n, NAT_SHORT / 2, NAT_SHORT);
    nat_ops.tend(lab_function());
    assert_true(lab_state()->backed_bindings.n >= n + NAT_SHORT);
    assert_true(lab_state()->backed_hosts.n >= lab_state()->n_hosts_ever + NAT_SHORT);
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, lab_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(static),
        CASE(alone),
        CASE(forward),
        CASE(forward_ports_are_reserved),
        CASE(forward_of_all),
        CASE(exempt_and_unmatched),
        CASE(dependent_mapping),
        CASE(without_ports),
        CASE(chains_apart),
        CASE(turned_unchanged),
        CASE(no_spoofed_outside),
        CASE(again_stays),
        CASE(again_ends),
        CASE(again_filters_inward),
        CASE(retired),
        CASE(restore),
        CASE(restore_refuses),
        CASE(restore_hairpin),
        CASE(restore_hairpin_refused),
        CASE(memory_comes_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
