// SPDX-License-Identifier: BSD-3-Clause
// Can people read routes and pings? Answers of culvertd go in as text, lines come out. How the
// lists are fetched page by page is for the tests of northbound and the system tests.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/ping_report.h"
#include "control/cli/routes.h"

static void test_routes(void **state)
{
    static const struct {
        const char *json, *text;
    } cases[] = {
        {"{\"prefix\":\"0.0.0.0/0\",\"type\":\"unicast\",\"source\":\"static\",\"preference\":1,"
         "\"active\":true,\"next-hops\":[{\"address\":\"192.0.2.1\",\"outgoing-interface\":\"wan\","
         "\"weight\":1,\"up\":true}]}",
         "* 0.0.0.0/0           static/1     via 192.0.2.1  dev wan\n"},
        {"{\"prefix\":\"10.0.0.0/8\",\"type\":\"unicast\",\"source\":\"kernel\",\"preference\":20,"
         "\"active\":false,\"next-hops\":["
         "{\"address\":\"192.0.2.1\",\"outgoing-interface\":\"wan\",\"weight\":3,\"up\":false},"
         "{\"address\":\"192.0.2.2\",\"outgoing-interface\":\"wan\",\"weight\":1,\"up\":true}]}",
         "  10.0.0.0/8          kernel/20    via 192.0.2.1  dev wan  weight 3  (down)\n"
         "                                   via 192.0.2.2  dev wan  weight 1\n"},
        {"{\"prefix\":\"fd00::/64\",\"type\":\"connected\",\"source\":\"connected\","
         "\"preference\":0,\"active\":true,\"next-hops\":[{\"outgoing-interface\":\"lan\","
         "\"weight\":1,\"up\":true}]}",
         "* fd00::/64                   connected/0  dev lan\n"},
        {"{\"prefix\":\"10.0.0.1/32\",\"type\":\"local\",\"source\":\"connected\","
         "\"preference\":0,\"active\":true,\"next-hops\":[{\"outgoing-interface\":\"lan\","
         "\"weight\":1,\"up\":true}]}",
         "* 10.0.0.1/32         connected/0  local  dev lan\n"},
        {"{\"prefix\":\"10.9.0.0/16\",\"type\":\"blackhole\",\"source\":\"static\","
         "\"preference\":1,\"active\":true,\"next-hops\":[]}",
         "* 10.9.0.0/16         static/1     blackhole\n"},
    };
    char *text;
    size_t size;

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *route = json_loads(cases[i].json, 0, NULL);
        FILE *out = open_memstream(&text, &size);

        assert_non_null(route);
        route_print(out, route);
        fclose(out);
        assert_string_equal(text, cases[i].text);
        free(text);
        json_decref(route);
    }
}

static void test_ping(void **state)
{
    static const char error[] = "{\"result\":\"error\",\"from\":\"192.0.2.1\","
                                "\"text\":\"host unreachable\",\"icmp-type\":3,\"icmp-code\":1}";
    const char *const answers[] = {
        "{\"result\":\"reply\",\"from\":\"10.0.0.9\",\"ttl\":63,\"rtt-ns\":1500000}",
        "{\"result\":\"waiting\"}",
        error,
        "{\"result\":\"no-route\"}",
        "{\"result\":\"reply\",\"from\":\"10.0.0.9\",\"ttl\":63,\"rtt-ns\":500000}",
    };
    char *text;
    size_t size;
    struct ping_report r = {.out = open_memstream(&text, &size), .to = "10.0.0.9"};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        json_t *answer = json_loads(answers[i], 0, NULL);

        ping_report_add(&r, i + 1, answer);
        json_decref(answer);
    }
    ping_report_end(&r);
    fclose(r.out);
    assert_string_equal(text, "reply from 10.0.0.9: seq=1 ttl=63 time=1.500 ms\n"
                              "seq=2 no answer\n"
                              "from 192.0.2.1: seq=3 host unreachable (ICMP type 3, code 1)\n"
                              "seq=4 not sent: the router has no route to 10.0.0.9\n"
                              "reply from 10.0.0.9: seq=5 ttl=63 time=0.500 ms\n"
                              "\n--- 10.0.0.9 ping statistics ---\n"
                              "5 packets transmitted, 2 received, +1 errors, 60% packet loss\n"
                              "rtt min/avg/max = 0.500/1.000/1.500 ms\n");
    free(text);
}

// Interrupted before the first answer.
static void test_ping_without_anything(void **state)
{
    char *text;
    size_t size;
    struct ping_report r = {.out = open_memstream(&text, &size), .to = "fd00::1"};

    (void)state;
    ping_report_end(&r);
    fclose(r.out);
    assert_string_equal(text, "\n--- fd00::1 ping statistics ---\n"
                              "0 packets transmitted, 0 received, 0% packet loss\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_ping_without_anything),
    };

    return cmocka_run_group_tests_name("routes", tests, NULL, NULL);
}
