// SPDX-License-Identifier: BSD-3-Clause
// What a firewall tells: rules page by page, and lines of the log, which workers only note. The log
// itself is stood in for, to read the lines.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/log.h"
#include "tests/unit/firewall/lab.h"

#define HOST "10.0.0.5"
#define SERVER "192.0.2.1"

extern const struct function_ops firewall_ops;

static char lines[16][300];
static unsigned n_lines;

void log_info(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    assert_true(n_lines < 16);
    vsnprintf(lines[n_lines++], sizeof(lines[0]), format, arguments);
    va_end(arguments);
}

void log_warn(const char *format, ...)
{
    (void)format;
}

static void next_second(void)
{
    n_lines = 0;
    clock_sec_now++;
    firewall_ops.age(lab_function(), NULL);
}

static unsigned list(uint32_t cursor, struct api_rule_hits *answer, unsigned n)
{
    struct api_list_rules wanted = {.tenant = "blue", .name = "fw", .cursor = cursor};
    struct function_request request = {.type = API_LIST_RULES,
                                       .items = &wanted,
                                       .n_items = 1,
                                       .answer = answer,
                                       .answer_size = n * sizeof(*answer)};

    assert_int_equal(firewall_ops.request(lab_function(), &request, NULL), 0);
    assert_int_equal(request.answer_type, API_RULES);
    return request.n_answers;
}

static void rules_are_listed_by_pages(void **unused)
{
    struct api_rule_hits answer[4];
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_start(&spec);
    assert_int_equal(list(0, answer, 4), 1);
    assert_int_equal(answer[0].seq, 0);
    assert_int_equal(answer[0].has_more, 0);
    for (uint32_t i = 1; i <= 5; i++)
        lab_rule(&spec, i * 10, API_DIRECTION_OUT, API_ACTION_ALLOW);
    lab_start(&spec);
    assert_int_equal(list(0, answer, 4), 4);
    assert_int_equal(answer[0].seq, 10);
    assert_int_equal(answer[3].seq, 40);
    assert_int_equal(answer[2].has_more, 0);
    assert_int_equal(answer[3].has_more, 1);
    assert_int_equal(list(40, answer, 4), 1);
    assert_int_equal(answer[0].seq, 50);
    assert_int_equal(answer[0].has_more, 0);
    assert_int_equal(list(15, answer, 1), 1);
    assert_int_equal(answer[0].seq, 20);
    assert_int_equal(list(50, answer, 4), 1);
    assert_int_equal(answer[0].seq, 0);
    assert_true(lab_show().rule_memory > 5 * 200);
}

static void other_questions_are_refused(void **unused)
{
    struct function_request request = {.type = API_LIST_ROUTES};
    struct error e = {0};
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_start(&spec);
    assert_int_equal(firewall_ops.request(lab_function(), &request, &e), -EPROTO);
    assert_string_equal(e.path, "blue/fw");
    assert_string_equal(e.sentence, "not what a firewall can be asked");
}

static void lines_tell_what_was_decided(void **unused)
{
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    spec.firewall.is_default_logged = 1;
    lab_ports(lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW), 80, 80);
    spec.rules[0].flags |= API_RULE_LOG;
    lab_ports(lab_rule(&spec, 20, API_DIRECTION_OUT, API_ACTION_ALLOW), 81, 81);
    lab_start(&spec);
    next_second();
    assert_int_equal(n_lines, 0);
    assert_int_equal(lab_ask(HOST, SERVER, 80), FUNCTION_ALLOW);
    assert_int_equal(lab_ask(HOST, SERVER, 81), FUNCTION_ALLOW);
    assert_int_equal(lab_ask_inward("2001:db8::1", "2001:db8::2", 80), FUNCTION_DENY);
    next_second();
    assert_int_equal(n_lines, 2);
    assert_string_equal(lines[0], "firewall=blue/fw rule=10 verdict=allow direction=out protocol=6 "
                                  "source=10.0.0.5 source-port=40000 destination=192.0.2.1 "
                                  "destination-port=80 icmp-type=0 lost=0");
    assert_string_equal(lines[1], "firewall=blue/fw rule=default verdict=deny direction=in "
                                  "protocol=6 source=2001:db8::1 source-port=40000 "
                                  "destination=2001:db8::2 destination-port=80 icmp-type=0 lost=0");
}

static void judged_again_is_not_logged(void **unused)
{
    struct function_case c;
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_ALLOW)->flags = API_RULE_LOG;
    lab_start(&spec);
    lab_case(&c, HOST, SERVER, 80);
    c.occasion = FUNCTION_AGAIN;
    assert_int_equal(lab_judge(&c), FUNCTION_ALLOW);
    next_second();
    assert_int_equal(n_lines, 0);
}

// 64 are kept for the main thread, of these five are written in a second. The rest is told.
static void what_is_too_much_is_counted(void **unused)
{
    struct lab_spec spec;

    (void)unused;
    lab_spec_init(&spec);
    lab_rule(&spec, 10, API_DIRECTION_OUT, API_ACTION_DENY)->flags = API_RULE_LOG;
    lab_start(&spec);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(lab_ask(HOST, SERVER, (uint16_t)(1000 + i)), FUNCTION_DENY);
    next_second();
    assert_int_equal(n_lines, 5);
    assert_non_null(strstr(lines[0], "destination-port=1000 icmp-type=0 lost=36"));
    assert_non_null(strstr(lines[4], "destination-port=1004 icmp-type=0 lost=0"));
    firewall_ops.age(lab_function(), NULL); // the same second
    assert_int_equal(n_lines, 5);
    assert_int_equal(lab_ask(HOST, SERVER, 2000), FUNCTION_DENY);
    next_second();
    assert_int_equal(n_lines, 1);
    assert_non_null(strstr(lines[0], "destination-port=2000 icmp-type=0 lost=59"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, lab_teardown)
    const struct CMUnitTest tests[] = {
        CASE(rules_are_listed_by_pages),   CASE(other_questions_are_refused),
        CASE(lines_tell_what_was_decided), CASE(judged_again_is_not_logged),
        CASE(what_is_too_much_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
