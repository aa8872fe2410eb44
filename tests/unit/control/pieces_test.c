// SPDX-License-Identifier: BSD-3-Clause
// What the datastore stands on, each by itself: names of attachments, the index of texts. What it
// makes of them is in datastore_test.c.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "control/datastore/attachment.h"
#include "control/datastore/index.h"

static void test_attachments_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *tenant, *port;
        unsigned outer, inner;
    } good[] = {
        {"vm1", "blue", "vm1", 0, 0},
        {"vm1.1", "blue", "vm1", 1, 0},
        {"vm1.4094.10", "blue", "vm1", 4094, 10},
        {"provider/up_link-1.7", "provider", "up_link-1", 7, 0},
        {"a234567890123456789012345678901/b234567890123456789012345678901.4094.4094",
         "a234567890123456789012345678901", "b234567890123456789012345678901", 4094, 4094},
    };
    static const char *const bad[] = {"",
                                      "/",
                                      "a/",
                                      "/a",
                                      "a/b/c",
                                      "vm1.",
                                      "vm1.0",
                                      "vm1.4095",
                                      "vm1.1.2.3",
                                      "vm1.1.",
                                      "vm1.x",
                                      ".1",
                                      "vm1.-1",
                                      "vm1.01x",
                                      "vm1.1x",
                                      "vm1..1",
                                      "vm1. 1",
                                      "vm1.99999999999999999999",
                                      "a2345678901234567890123456789012",
                                      "a2345678901234567890123456789012/b"};
    struct attachment a;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(attachment_parse(good[i].text, "blue", &a), 0);
        assert_string_equal(a.tenant, good[i].tenant);
        assert_string_equal(a.port, good[i].port);
        assert_int_equal(a.outer_vlan, good[i].outer);
        assert_int_equal(a.inner_vlan, good[i].inner);
    }
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (attachment_parse(bad[i], "blue", &a) != -EINVAL)
            fail_msg("%s was taken", bad[i]);
}

static void test_index_finds_the_first(void **state)
{
    struct index index = {0};
    const void *first = NULL;
    static char values[5000];
    char key[16];
    size_t i;

    (void)state;
    assert_null(index_find(&index, "0"));
    for (i = 0; i < sizeof(values); i++) {
        (void)snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(index_add(&index, key, &values[i], &first), 0);
    }
    for (i = 0; i < sizeof(values); i++) {
        (void)snprintf(key, sizeof(key), "%zu", i);
        assert_ptr_equal(index_find(&index, key), &values[i]);
        assert_int_equal(index_add(&index, key, &values[0], &first), -EEXIST);
        assert_ptr_equal(first, &values[i]);
    }
    assert_null(index_find(&index, "5000"));
    index_fini(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attachments_are_taken_apart),
        cmocka_unit_test(test_index_finds_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
