// SPDX-License-Identifier: BSD-3-Clause
// Which configurations are refused, with which sentence, and what is listed of one that is not?

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include <netinet/in.h>

#include "tests/unit/nat/lab.h"

#define REMOTE "203.0.113.1"
#define OUTSIDE "198.51.100.2"

static struct lab_spec spec;

static void add_static(void)
{
    lab_static(&spec, "10.0.0.64", "198.51.100.64", 26);
}

static void add_forward(void)
{
    lab_forward(&spec, IPPROTO_TCP, OUTSIDE, 8000, 8009);
    lab_forward_to(&spec, "10.0.0.11", 80);
}

// Show.

static uint32_t list(uint32_t cursor, struct api_binding *items, uint32_t n_max)
{
    struct api_list_bindings wanted = {.cursor = cursor};
    struct function_request request = {.type = API_LIST_BINDINGS,
                                       .items = &wanted,
                                       .answer = items,
                                       .answer_size = n_max * sizeof(*items)};
    struct error e;

    assert_int_equal(nat_ops.request(lab_function(), &request, &e), 0);
    assert_int_equal(request.answer_type, API_BINDINGS);
    return request.n_answers;
}

static void test_list(void **state)
{
    struct api_binding items[2];
    struct session_case s[5];
    uint32_t cursor = 0, n_seen = 0, n_static = 0;

    (void)state;
    assert_int_equal(list(0, items, 2), 1);
    assert_int_equal(items[0].protocol, 0);
    assert_int_equal(items[0].next, 0);
    lab_spec_init(&spec);
    add_forward();
    lab_start(&spec);
    for (unsigned i = 0; i < 5; i++) {
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.5:%u", 100 + i);
        s[i] = lab_out(IPPROTO_UDP, source, REMOTE ":9");
    }
    lab_close(&s[2]);
    do {
        uint32_t n = list(cursor, items, 2);

        for (uint32_t i = 0; i < n; i++) {
            n_static += items[i].is_static;
            n_seen += items[i].protocol == IPPROTO_UDP && items[i].n_sessions == 1 &&
                      items[i].inside_port >= 100 && items[i].outside_port >= 1024;
        }
        cursor = items[n - 1].next;
    } while (cursor != 0);
    assert_int_equal(n_seen, 4);
    assert_int_equal(n_static, 1);
}

// Configurations that make no sense.

static void no_pool(void)
{
    spec.n_pools = 0;
}

static void host_bits(void)
{
    spec.sources[0].prefix[3] = 1;
}

static void reversed_pool(void)
{
    spec.pools[0].last[3] = 1;
}

static void huge_pool(void)
{
    spec.pools[0].last[1] = 60;
}

static void many_pools(void)
{
    for (unsigned i = 1; i <= 256; i++)
        lab_pool(&spec, "198.51.100.2", "198.51.100.2");
}

static void many_rules(void)
{
    for (unsigned i = 1; i <= 256; i++) {
        lab_source(&spec, 10 + i, "10.1.0.0", 16);
        lab_pool(&spec, "198.51.100.2", "198.51.100.2");
    }
}

static void static_in_pool(void)
{
    lab_static(&spec, "10.0.0.0", "198.51.100.0", 30);
}

static void static_twice(void)
{
    add_static();
    lab_static(&spec, "10.0.0.64", "198.51.101.64", 27);
}

static void overlapping_forwards(void)
{
    add_forward();
    lab_forward(&spec, IPPROTO_TCP, OUTSIDE, 8009, 8020);
    lab_forward_to(&spec, "10.0.0.12", 80);
}

static void forward_beyond_the_last_port(void)
{
    add_forward();
    lab_forward_to(&spec, "10.0.0.11", 65527);
}

static void all_with_ports(void)
{
    lab_forward(&spec, 0, OUTSIDE, 1, 1);
    lab_forward_to(&spec, "10.0.0.12", 1);
}

static void test_refused(void **state)
{
    static const struct {
        void (*change)(void);
        const char *sentence;
    } cases[] = {
        {no_pool, "source rule 10 has no pool"},
        {host_bits, "source rule 10: a prefix has bits beyond its length"},
        {reversed_pool, "a pool of source rule 10 is no range of hosts' addresses"},
        {huge_pool, "its pools have more than 65536 addresses"},
        {many_pools, "source rule 10 has more than 256 pools"},
        {many_rules, "it has more than 256 source rules"},
        {static_in_pool, "an outside address of a static rule is in a pool"},
        {static_twice, "inside prefixes of two static rules overlap"},
        {overlapping_forwards, "two forwards of one protocol and port overlap"},
        {forward_beyond_the_last_port, "the ports that a forward leads to are no range"},
        {all_with_ports, "a forward of all protocols has ports"},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error e = {0};

        lab_spec_init(&spec);
        cases[i].change();
        assert_int_equal(lab_try(&spec, &e), -EINVAL);
        assert_string_equal(e.path, "blue/nat");
        assert_string_equal(e.sentence, cases[i].sentence);
    }
}

// Pools out of order, alone, side by side and overlapping: each address is handed out, and no
// other.
static void test_pools(void **state)
{
    static const char *const outside[] = {"198.51.100.1", "198.51.100.3", "198.51.100.4",
                                          "198.51.100.5", "198.51.100.6", "198.51.100.9"};
    struct api_nat_state s;
    unsigned n_of[6] = {0}, n_known = 0;

    (void)state;
    lab_spec_init(&spec);
    spec.n_pools = 0;
    lab_pool(&spec, "198.51.100.9", "198.51.100.9");
    lab_pool(&spec, "198.51.100.4", "198.51.100.6");
    lab_pool(&spec, "198.51.100.1", "198.51.100.1");
    lab_pool(&spec, "198.51.100.3", "198.51.100.5");
    lab_start(&spec);
    s = lab_show();
    assert_int_equal(s.n_addresses, 6);
    for (unsigned i = 1; i <= 200; i++) {
        struct session_case session;
        char source[32];

        snprintf(source, sizeof(source), "10.0.0.%u:1000", i);
        session = lab_out(IPPROTO_UDP, source, REMOTE ":9");
        for (unsigned k = 0; k < 6; k++) {
            size_t len = strlen(outside[k]);
            const char *got = lab_source_of(&session);

            if (strncmp(got, outside[k], len) == 0 && got[len] == ':') {
                n_of[k]++;
                n_known++;
            }
        }
    }
    assert_int_equal(n_known, 200);
    for (unsigned k = 0; k < 6; k++)
        assert_true(n_of[k] > 0);
}

#define N_ALONE 256

// So many pools of one address with one port, none beside another.
static void start_alone(unsigned last_byte)
{
    lab_spec_init(&spec);
    spec.n_pools = 0;
    spec.nat.flags = 0;
    spec.nat.port_first = spec.nat.port_last = 4000;
    for (unsigned i = 0; i < N_ALONE; i++) {
        char address[32];

        snprintf(address, sizeof(address), "198.51.%u.%u", i / 64, i % 64 * 4 + last_byte);
        lab_pool(&spec, address, address);
    }
    lab_start(&spec);
}

static uint32_t n_spans(void)
{
    return ((const struct nat_config *)lab_function()->config)->sources[0].n_spans;
}

// To find out that all of 256 addresses are full, or which one is not, takes no more steps than of
// one or two: their numbers lie in so many pieces, also after pools have come and gone.
static void test_exhausted(void **state)
{
    static struct session_case sessions[N_ALONE];

    (void)state;
    for (unsigned round = 0; round < 6; round++) {
        struct session_case one_more;
        const char *freed;
        char source[32];

        start_alone(1 + round % 3);
        nat_ops.age(lab_function(), NULL);
        assert_true(n_spans() <= 2); // the picture's address had a number, too
        assert_true(lab_state()->n_addresses_ever <= 3 * N_ALONE);
        for (unsigned i = 0; i < N_ALONE; i++) {
            snprintf(source, sizeof(source), "10.0.0.%u:%u", i % 250 + 1, 1000 + i);
            sessions[i] = lab_out(IPPROTO_UDP, source, REMOTE ":9");
            assert_int_equal(sessions[i].verdict, FUNCTION_ALLOW); // until the last port
        }
        one_more = lab_out(IPPROTO_UDP, "10.0.0.254:1", REMOTE ":9");
        lab_expect_denied(&one_more, FUNCTION_REJECT, DROP_NAT_NO_FREE_PORT);
        freed = lab_source_of(&sessions[77 + round]);
        lab_close(&sessions[77 + round]);
        one_more = lab_out(IPPROTO_UDP, "10.0.0.254:1", REMOTE ":9");
        lab_expect_allowed(&one_more, freed, REMOTE ":9");
        lab_close(&one_more);
        for (unsigned i = 0; i < N_ALONE; i++)
            lab_close(&sessions[i]);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(test_##name, lab_setup, lab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(list), CASE(refused), CASE(pools), CASE(exhausted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
