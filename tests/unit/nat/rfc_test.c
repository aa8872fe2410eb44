// SPDX-License-Identifier: BSD-3-Clause
// Does the NAT behave as RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP), 6888 (host limits) and 7857 ask,
// as far as a NAT alone can show it? Timers, ICMP errors and fragments are the chain's, and so are
// their tests. Cases are named by RFC and requirement.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <netinet/in.h>

#include "dataplane/core/clock.h"
#include "tests/unit/nat/lab.h"

#define REMOTE "203.0.113.1"
#define OUTSIDE "198.51.100.2"

static struct lab_spec spec;

// One binding for all who are spoken to.
static void is_endpoint_independent(uint8_t protocol)
{
    struct session_case a = lab_out(protocol, "10.0.0.5:5000", REMOTE ":53");
    struct session_case b = lab_out(protocol, "10.0.0.5:5000", "203.0.113.9:99");
    char source[32];

    snprintf(source, sizeof(source), OUTSIDE ":%u", lab_port_of(&a));
    lab_expect_allowed(&a, source, REMOTE ":53");
    lab_expect_allowed(&b, source, "203.0.113.9:99");
    assert_int_equal(lab_show().n_bindings, 1);
    lab_close(&a);
    assert_int_equal(lab_show().n_bindings, 1);
    lab_close(&b);
    assert_int_equal(lab_show().n_bindings, 0);
}

static void test_4787_req1_mapping(void **state)
{
    (void)state;
    is_endpoint_independent(IPPROTO_UDP);
}

static void test_5382_req1_mapping(void **state)
{
    (void)state;
    is_endpoint_independent(IPPROTO_TCP);
}

static void test_7857_sctp_mapping(void **state)
{
    (void)state;
    is_endpoint_independent(IPPROTO_SCTP);
}

// RFC 5508, 3.1.
static void test_5508_req1_mapping(void **state)
{
    struct session_case a = lab_out(IPPROTO_ICMP, "10.0.0.5:77", REMOTE ":0");
    struct session_case b = lab_out(IPPROTO_ICMP, "10.0.0.5:77", "203.0.113.9:0");
    struct session_case c = lab_out(IPPROTO_ICMP, "10.0.0.6:77", REMOTE ":0");

    (void)state;
    assert_int_equal(a.verdict, FUNCTION_ALLOW);
    assert_int_equal(lab_port_of(&a), lab_port_of(&b));
    assert_int_not_equal(lab_port_of(&a), lab_port_of(&c));
    assert_int_equal(a.final.destination_port, 0);
    assert_int_equal(lab_show().n_identifiers, 2);
}

// RFC 7857, 5: each protocol has its own.
static void test_7857_protocols_apart(void **state)
{
    struct session_case a, b;

    (void)state;
    lab_spec_init(&spec);
    spec.nat.port_first = spec.nat.port_last = 4000;
    lab_start(&spec);
    a = lab_out(IPPROTO_UDP, "10.0.0.5:5000", REMOTE ":53");
    b = lab_out(IPPROTO_TCP, "10.0.0.5:5000", REMOTE ":53");
    lab_expect_allowed(&a, OUTSIDE ":4000", REMOTE ":53");
    lab_expect_allowed(&b, OUTSIDE ":4000", REMOTE ":53");
}

static void start_pool(uint16_t flags)
{
    lab_spec_init(&spec);
    spec.pools[0].last[3] = 33;
    spec.nat.flags = flags;
    lab_start(&spec);
}

// Of 100 bindings of one host, how many have the address of the first?
static unsigned count_same_address(void)
{
    struct session_case first = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    unsigned n = 0;

    for (unsigned i = 1; i < 100; i++) {
        char source[32];
        struct session_case s;

        snprintf(source, sizeof(source), "10.0.0.5:%u", 2000 + i);
        s = lab_out(i & 1 ? IPPROTO_UDP : IPPROTO_TCP, source, REMOTE ":53");
        n += memcmp(s.final.source, first.final.source, 4) == 0;
    }
    return n;
}

static void test_4787_req2_paired(void **state)
{
    (void)state;
    start_pool(API_NAT_FLAGS);
    assert_int_equal(count_same_address(), 99);
}

static void test_4787_req2_arbitrary(void **state)
{
    (void)state;
    start_pool(0);
    assert_in_range(count_same_address(), 0, 50);
}

// The address of a host stays paired with it though another would do.
static void test_4787_req2_paired_when_full(void **state)
{
    struct session_case a, b, c;

    (void)state;
    lab_spec_init(&spec);
    spec.nat.port_first = spec.nat.port_last = 4000;
    spec.pools[0].last[3] = 3;
    lab_start(&spec);
    a = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    b = lab_out(IPPROTO_UDP, "10.0.0.5:2001", REMOTE ":53");
    c = lab_out(IPPROTO_UDP, "10.0.0.6:2001", REMOTE ":53"); // whatever its hash says
    assert_int_equal(a.verdict, FUNCTION_ALLOW);
    lab_expect_denied(&b, FUNCTION_REJECT, DROP_NAT_NO_FREE_PORT);
    assert_int_equal(c.verdict, FUNCTION_ALLOW);
    assert_memory_not_equal(c.final.source, a.final.source, 4);
}

// No two endpoints have one outside port at a time, whoever they speak to.
static void test_4787_req3_no_overloading(void **state)
{
    struct session_case a, b;

    (void)state;
    lab_spec_init(&spec);
    spec.nat.port_first = spec.nat.port_last = 4000;
    lab_start(&spec);
    a = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    b = lab_out(IPPROTO_UDP, "10.0.0.6:2000", "203.0.113.9:99");
    assert_int_equal(a.verdict, FUNCTION_ALLOW);
    lab_expect_denied(&b, FUNCTION_REJECT, DROP_NAT_NO_FREE_PORT);
    assert_int_equal(lab_show().no_port, 1);
    lab_close(&a);
    b = lab_out(IPPROTO_UDP, "10.0.0.6:2000", "203.0.113.9:99");
    lab_expect_allowed(&b, OUTSIDE ":4000", "203.0.113.9:99");
}

static void test_4787_req3a_port_ranges(void **state)
{
    (void)state;
    lab_spec_init(&spec);
    spec.nat.port_first = 512;
    lab_start(&spec);
    for (unsigned i = 0; i < 200; i++) {
        struct session_case low, high;
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.5:%u", 1 + i);
        low = lab_out(IPPROTO_UDP, source, REMOTE ":53");
        snprintf(source, sizeof(source), "10.0.0.5:%u", 1024 + i);
        high = lab_out(IPPROTO_UDP, source, REMOTE ":53");
        assert_in_range(lab_port_of(&low), 512, 1023);
        assert_in_range(lab_port_of(&high), 1024, 65535);
    }
}

static void test_4787_req4_parity(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200; i++) {
        char source[32];
        struct session_case s;

        snprintf(source, sizeof(source), "10.0.0.5:%u", 2000 + i);
        s = lab_out(IPPROTO_UDP, source, REMOTE ":53");
        assert_int_equal(lab_port_of(&s) & 1, i & 1);
    }
}

// A binding lives as long as a session holds it: sessions of both directions (their timers are the
// chain's).
static void test_4787_req5_req6_held_by_sessions(void **state)
{
    struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53"), in;
    char outside[32];

    (void)state;
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    in = lab_in(IPPROTO_UDP, "203.0.113.9:99", outside);
    lab_close(&out);
    assert_int_equal(lab_show().n_bindings, 1);
    out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    assert_string_equal(lab_source_of(&out), outside);
    lab_close(&out);
    lab_close(&in);
    assert_int_equal(lab_show().n_bindings, 0);
    assert_int_equal(lab_show().released, 1);
}

static void test_4787_req8_filtering_independent(void **state)
{
    struct session_case out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53"), in;
    char outside[32];

    (void)state;
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    in = lab_in(IPPROTO_UDP, "203.0.113.9:99", outside);
    lab_expect_allowed(&in, "203.0.113.9:99", "10.0.0.5:2000");
}

static void start_filtering(uint8_t filtering)
{
    lab_spec_init(&spec);
    spec.nat.filtering = filtering;
    lab_start(&spec);
}

static void test_4787_req8_filtering_by_address(void **state)
{
    struct session_case out, in;
    char outside[32];

    (void)state;
    start_filtering(API_NAT_ADDRESS_DEPENDENT);
    out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    in = lab_in(IPPROTO_UDP, REMOTE ":99", outside);
    lab_expect_allowed(&in, REMOTE ":99", "10.0.0.5:2000");
    in = lab_in(IPPROTO_UDP, "203.0.113.9:53", outside);
    lab_expect_denied(&in, FUNCTION_DENY, DROP_NAT_FILTERED);
    assert_int_equal(lab_show().filtered, 1);
}

static void test_4787_req8_filtering_by_address_and_port(void **state)
{
    struct session_case out, in;
    char outside[32];

    (void)state;
    start_filtering(API_NAT_ADDRESS_AND_PORT_DEPENDENT);
    out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    in = lab_in(IPPROTO_UDP, REMOTE ":99", outside);
    lab_expect_denied(&in, FUNCTION_DENY, DROP_NAT_FILTERED);
}

// A host inside speaks to another by its outside endpoint, and is seen by its own.
static void hairpins(uint8_t protocol)
{
    struct session_case b = lab_out(protocol, "10.0.0.6:3000", REMOTE ":53"), a;
    char outside[32];

    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&b));
    a = lab_out(protocol, "10.0.0.5:2000", outside);
    assert_int_equal(a.verdict, FUNCTION_TURN);
    assert_string_equal(lab_destination_of(&a), "10.0.0.6:3000");
    assert_memory_equal(a.final.source, ((uint8_t[]){198, 51, 100, 2}), 4);
    assert_int_not_equal(lab_port_of(&a), 2000);
    assert_int_equal(lab_show().hairpinned, 1);
    assert_int_equal(lab_show().n_bindings, 2);
    lab_judge(&a, FUNCTION_AGAIN);
    assert_int_equal(a.verdict, FUNCTION_TURN);
    lab_close(&b); // though its binding has gone, what was turned to it goes on
    lab_judge(&a, FUNCTION_AGAIN);
    assert_int_equal(a.verdict, FUNCTION_TURN);
    lab_close(&a);
    assert_int_equal(lab_show().n_bindings, 0);
}

static void test_4787_req9_hairpin(void **state)
{
    (void)state;
    hairpins(IPPROTO_UDP);
}

static void test_5382_req8_hairpin(void **state)
{
    (void)state;
    hairpins(IPPROTO_TCP);
}

static void test_4787_req9_hairpin_is_filtered(void **state)
{
    struct session_case b, a;
    char outside[32];

    (void)state;
    start_filtering(API_NAT_ADDRESS_DEPENDENT);
    b = lab_out(IPPROTO_UDP, "10.0.0.6:3000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&b));
    a = lab_out(IPPROTO_UDP, "10.0.0.5:2000", outside);
    lab_expect_denied(&a, FUNCTION_DENY, DROP_NAT_FILTERED);
    assert_int_equal(lab_show().n_bindings, 1); // none is left behind for it
}

// Both have a filter: what the one of them sends in vain opens the way for the other's endpoint,
// not for another one of that host.
static void opens_the_way(uint8_t protocol, uint8_t filtering)
{
    struct session_case a, b, c, other;
    char outside_a[32], outside_b[32];

    start_filtering(filtering);
    a = lab_out(protocol, "10.0.0.5:2000", REMOTE ":53");
    b = lab_out(protocol, "10.0.0.6:3000", REMOTE ":53");
    snprintf(outside_a, sizeof(outside_a), OUTSIDE ":%u", lab_port_of(&a));
    snprintf(outside_b, sizeof(outside_b), OUTSIDE ":%u", lab_port_of(&b));
    c = lab_out(protocol, "10.0.0.5:2000", outside_b);
    lab_expect_denied(&c, FUNCTION_DENY, DROP_NAT_FILTERED);
    other = lab_out(protocol, "10.0.0.6:3001", outside_a);
    assert_int_equal(other.verdict,
                     filtering == API_NAT_ADDRESS_DEPENDENT ? FUNCTION_TURN : FUNCTION_DENY);
    c = lab_out(protocol, "10.0.0.6:3000", outside_a);
    assert_int_equal(c.verdict, FUNCTION_TURN);
    assert_string_equal(lab_source_of(&c), outside_b);
    assert_string_equal(lab_destination_of(&c), "10.0.0.5:2000");
}

static void test_4787_req9_hairpin_two_filters(void **state)
{
    (void)state;
    opens_the_way(IPPROTO_UDP, API_NAT_ADDRESS_DEPENDENT);
    opens_the_way(IPPROTO_UDP, API_NAT_ADDRESS_AND_PORT_DEPENDENT);
    opens_the_way(IPPROTO_TCP, API_NAT_ADDRESS_AND_PORT_DEPENDENT);
}

static void test_4787_req9_no_hairpin(void **state)
{
    struct session_case b, a;
    char outside[32];

    (void)state;
    lab_spec_init(&spec);
    spec.nat.flags = API_NAT_PAIRED;
    lab_start(&spec);
    b = lab_out(IPPROTO_UDP, "10.0.0.6:3000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&b));
    a = lab_out(IPPROTO_UDP, "10.0.0.5:2000", outside);
    lab_expect_denied(&a, FUNCTION_DENY, DROP_NAT_FILTERED);
}

static void test_5508_req7_hairpin_to_static(void **state)
{
    struct session_case a;

    (void)state;
    lab_spec_init(&spec);
    lab_static(&spec, "10.0.0.64", "198.51.100.64", 26);
    lab_start(&spec);
    a = lab_out(IPPROTO_ICMP, "10.0.0.5:77", "198.51.100.70:0");
    assert_int_equal(a.verdict, FUNCTION_TURN);
    assert_string_equal(lab_destination_of(&a), "10.0.0.70:0");
    assert_memory_equal(a.final.source, ((uint8_t[]){198, 51, 100, 2}), 4);
}

// To the outside identifier of another host: that one is asked, by the identifier of who asks.
static void test_7857_12_hairpin_query(void **state)
{
    struct session_case b = lab_out(IPPROTO_ICMP, "10.0.0.6:77", REMOTE ":0"), a, reply;
    char identifier[32], outside[32];

    (void)state;
    snprintf(identifier, sizeof(identifier), "10.0.0.5:%u", lab_port_of(&b));
    a = lab_out(IPPROTO_ICMP, identifier, OUTSIDE ":0");
    assert_int_equal(a.verdict, FUNCTION_TURN);
    assert_string_equal(lab_destination_of(&a), "10.0.0.6:0");
    assert_memory_equal(a.final.source, ((uint8_t[]){198, 51, 100, 2}), 4);
    assert_int_not_equal(lab_port_of(&a), lab_port_of(&b));
    lab_judge(&a, FUNCTION_AGAIN);
    assert_int_equal(a.verdict, FUNCTION_TURN);
    // Who is outside finds no host by a query (RFC 5508, REQ-3), only by the answer to one.
    snprintf(outside, sizeof(outside), REMOTE ":%u", lab_port_of(&b));
    reply = lab_in(IPPROTO_ICMP, outside, OUTSIDE ":0");
    assert_int_equal(reply.slot, 0);
}

// REQ-6: who is outside does not hold the mapping, if that is so configured; who is answered does.
static void test_4787_req6_no_inbound_refresh(void **state)
{
    struct session_case out, in[2], tcp;
    char outside[32];

    (void)state;
    lab_spec_init(&spec);
    spec.nat.flags &= (uint16_t)~API_NAT_INBOUND_REFRESH;
    lab_start(&spec);
    out = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    for (unsigned i = 0; i < 2; i++)
        in[i] = lab_in(IPPROTO_UDP, i == 0 ? REMOTE ":99" : REMOTE ":98", outside);
    lab_expect_allowed(&in[0], REMOTE ":99", "10.0.0.5:2000");
    lab_answer(&in[0]);
    lab_answer(&in[0]);
    lab_close(&out);
    assert_int_equal(lab_show().n_bindings, 1);
    lab_judge(&in[0], FUNCTION_AGAIN);
    assert_int_equal(in[0].verdict, FUNCTION_ALLOW);
    lab_close(&in[0]);
    assert_int_equal(lab_show().n_bindings, 0);
    lab_answer(&in[1]); // too late
    lab_close(&in[1]);
    assert_int_equal(lab_show().n_bindings, 0);
    // A connection has to be answered, whoever began.
    out = lab_out(IPPROTO_TCP, "10.0.0.5:2000", REMOTE ":53");
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    tcp = lab_in(IPPROTO_TCP, REMOTE ":99", outside);
    lab_close(&out);
    assert_int_equal(lab_show().n_bindings, 1);
    lab_close(&tcp);
}

// Told so late, by the chain: a SYN that no filter admits, or to no mapping. No other packet, none
// that somebody wants.
static void test_5382_req4_told_late(void **state)
{
    struct session_case out, in;
    char outside[32];

    (void)state;
    start_filtering(API_NAT_ADDRESS_AND_PORT_DEPENDENT);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t protocol = i == 0 ? IPPROTO_TCP : IPPROTO_UDP;

        out = lab_out(protocol, "10.0.0.5:2000", REMOTE ":53");
        assert_int_equal(out.is_told_late, 0);
        snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
        in = lab_in(protocol, REMOTE ":99", outside);
        lab_expect_denied(&in, FUNCTION_DENY, DROP_NAT_FILTERED);
        assert_int_equal(in.is_told_late, i == 0);
        in = lab_in(protocol, REMOTE ":99", OUTSIDE ":1");
        assert_int_equal(in.verdict, FUNCTION_ALLOW); // the router may own it
        assert_int_equal(in.is_told_late, i == 0);
        in = lab_in(protocol, REMOTE ":99", "198.51.100.77:1");
        assert_int_equal(in.is_told_late, 0);
    }
}

// A binding is a function of what is configured and bound, not of what came before (REQ-7, and 11:
// deterministic): the same endpoint and remote, the same answer, while it lives.
static void test_4787_req11_deterministic(void **state)
{
    struct session_case a = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");

    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        char destination[32];
        struct session_case b;

        snprintf(destination, sizeof(destination), "203.0.%u.%u:53", i % 250, i / 250);
        b = lab_out(IPPROTO_UDP, "10.0.0.5:2000", destination);
        assert_string_equal(lab_source_of(&b), lab_source_of(&a));
    }
}

// RFC 5382, REQ-4, 5, 10; RFC 5508, REQ-2: a SYN from outside to a binding is let in (who answers,
// and when it ends, is the chain's).
static void test_5382_req3_inbound_syn(void **state)
{
    struct session_case out = lab_out(IPPROTO_TCP, "10.0.0.5:2000", REMOTE ":80"), in;
    char outside[32];

    (void)state;
    snprintf(outside, sizeof(outside), OUTSIDE ":%u", lab_port_of(&out));
    in = lab_in(IPPROTO_TCP, REMOTE ":81", outside);
    lab_expect_allowed(&in, REMOTE ":81", "10.0.0.5:2000");
}

// RFC 5508, REQ-3: a query from outside finds no host behind a shared address.
static void test_5508_req3_query_from_outside(void **state)
{
    struct session_case in = lab_in(IPPROTO_ICMP, REMOTE ":77", OUTSIDE ":0");

    (void)state;
    lab_expect_allowed(&in, REMOTE ":77", OUTSIDE ":0");
    assert_int_equal(in.slot, 0);
    assert_int_equal(lab_show().unmatched, 1);
}

static void test_6888_req4_host_limit(void **state)
{
    struct session_case s, other;

    (void)state;
    lab_spec_init(&spec);
    spec.nat.host_limit = 3;
    lab_start(&spec);
    for (unsigned i = 0; i < 4; i++) {
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.5:%u", 2000 + i);
        s = lab_out(IPPROTO_UDP, source, REMOTE ":53");
        assert_int_equal(s.verdict, i < 3 ? FUNCTION_ALLOW : FUNCTION_REJECT);
    }
    assert_int_equal(s.drop, DROP_NAT_HOST_LIMIT);
    assert_int_equal(lab_show().host_limited, 1);
    s = lab_out(IPPROTO_UDP, "10.0.0.5:2000", "203.0.113.9:99"); // by a binding that is there
    assert_int_equal(s.verdict, FUNCTION_ALLOW);
    other = lab_out(IPPROTO_UDP, "10.0.0.6:2000", REMOTE ":53");
    assert_int_equal(other.verdict, FUNCTION_ALLOW);
    assert_int_equal(lab_show().n_hosts, 2);
}

// A port that was given back is not the next one that is handed out.
static void test_6888_req8_rest(void **state)
{
    struct session_case s;
    uint16_t port;

    (void)state;
    lab_spec_init(&spec);
    spec.nat.port_first = 4000;
    spec.nat.port_last = 4002;
    spec.nat.flags = 0;
    lab_start(&spec);
    s = lab_out(IPPROTO_UDP, "10.0.0.5:2000", REMOTE ":53");
    port = lab_port_of(&s);
    lab_close(&s);
    for (unsigned i = 0; i < 2; i++) {
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.6:%u", 2000 + i);
        s = lab_out(IPPROTO_UDP, source, REMOTE ":53");
        assert_int_equal(s.verdict, FUNCTION_ALLOW);
        assert_int_not_equal(lab_port_of(&s), port);
    }
    s = lab_out(IPPROTO_UDP, "10.0.0.6:2002", REMOTE ":53");
    assert_int_equal(lab_port_of(&s), port); // the last one: rested or not
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, lab_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(4787_req1_mapping),
        CASE(5382_req1_mapping),
        CASE(7857_sctp_mapping),
        CASE(5508_req1_mapping),
        CASE(7857_protocols_apart),
        CASE(4787_req2_paired),
        CASE(4787_req2_arbitrary),
        CASE(4787_req2_paired_when_full),
        CASE(4787_req3_no_overloading),
        CASE(4787_req3a_port_ranges),
        CASE(4787_req4_parity),
        CASE(4787_req5_req6_held_by_sessions),
        CASE(4787_req6_no_inbound_refresh),
        CASE(4787_req8_filtering_independent),
        CASE(4787_req8_filtering_by_address),
        CASE(4787_req8_filtering_by_address_and_port),
        CASE(4787_req9_hairpin),
        CASE(5382_req8_hairpin),
        CASE(4787_req9_hairpin_is_filtered),
        CASE(4787_req9_hairpin_two_filters),
        CASE(4787_req9_no_hairpin),
        CASE(5508_req7_hairpin_to_static),
        CASE(7857_12_hairpin_query),
        CASE(4787_req11_deterministic),
        CASE(5382_req3_inbound_syn),
        CASE(5382_req4_told_late),
        CASE(5508_req3_query_from_outside),
        CASE(6888_req4_host_limit),
        CASE(6888_req8_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
