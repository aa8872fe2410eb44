// SPDX-License-Identifier: BSD-3-Clause
// What a configuration asks of the kernel mirror, and which changes ask for something else.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/kernel/plan.h"
#include "tests/unit/southbound/encode_lab.h"

#define LAN                                                                                        \
    "tenants: [{name: blue, switches: [{name: lan}], routers: [{name: gw, interfaces: [{name: a, " \
    "kernel: true, addresses: ["
#define REST "]}, {name: b}]}], firewalls: [{name: fw, rules: ["
#define END "]}]}]"

static struct plan *plan_of(const char *text)
{
    struct encoding *encoding = lab_encode(text);
    struct plan *plan;

    assert_int_equal(plan_create(encoding, &plan), 0);
    encoding_destroy(encoding);
    return plan;
}

static void it_names_twins_and_addresses(void **unused)
{
    struct plan *plan = plan_of(LAN "10.0.0.1/24, \"fd00::1/64\"" REST END);
    const struct plan_router *router = plan_find(plan, "blue", "gw");

    (void)unused;
    assert_non_null(router);
    assert_true(router->has_twins);
    assert_null(plan_find(plan, "blue", "other"));
    assert_int_equal(plan->n_twins, 1);
    assert_int_equal(plan->n_addresses, 2);
    assert_int_equal(plan->twins[0].n_addresses, 2);
    plan_destroy(plan);
}

static void others_changes_ask_for_the_same(void **unused)
{
    static const char *const texts[] = {
        LAN "10.0.0.1/24" REST "{seq: 1, direction: out, action: deny}" END,
        LAN "10.0.0.2/24" REST END, // an address
        LAN "10.0.0.1/24, 10.0.1.1/24" REST END,
        "tenants: [{name: blue, routers: [{name: gw, interfaces: [{name: a}]}]}]", // no twin
    };
    struct plan *plan = plan_of(LAN "10.0.0.1/24" REST END);

    (void)unused;
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct plan *other = plan_of(texts[i]);

        assert_int_equal(plan_is_same(plan, other), i == 0);
        plan_destroy(other);
    }
    plan_destroy(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_names_twins_and_addresses),
        cmocka_unit_test(others_changes_ask_for_the_same),
    };

    return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
