// SPDX-License-Identifier: BSD-3-Clause
// Does a model hold what it was given, in order and by owner, be it nothing? Built with UBSan: who
// adds nothing to nothing must not hand NULL to memcpy.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/model.h"

static struct model model;

static int set_up(void **state)
{
    (void)state;
    model_init(&model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_fini(&model);
    return 0;
}

static void add_pools(uint32_t owner, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct api_nat_pool pool = {.owner = owner, .first = {10, 0, (uint8_t)owner, (uint8_t)i}};

        assert_int_equal(model_add(&model, API_NAT_POOL, &pool, 1), 0);
    }
}

static void nothing_is_added_to_nothing(void **state)
{
    uint32_t n = 7;

    (void)state;
    assert_int_equal(model_add(&model, API_NAT_POOL, NULL, 0), 0);
    assert_null(model_items(&model, API_NAT_POOL, &n));
    assert_int_equal(n, 0);
}

static void nothing_is_added_to_some(void **state)
{
    const struct api_nat_pool *pools;
    uint32_t n;

    (void)state;
    add_pools(1, 2);
    assert_int_equal(model_add(&model, API_NAT_POOL, NULL, 0), 0);
    pools = model_items(&model, API_NAT_POOL, &n);
    assert_int_equal(n, 2);
    assert_int_equal(pools[1].first[3], 1);
}

static void owners_have_their_own(void **state)
{
    const struct api_nat_pool *pools;
    uint32_t first, n;

    (void)state;
    add_pools(1, 100);
    add_pools(3, 5);
    pools = model_owned(&model, API_NAT_POOL, 3, &first, &n);
    assert_int_equal(first, 100);
    assert_int_equal(n, 5);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(pools[i].first[3], i);
    assert_null(model_owned(&model, API_NAT_POOL, 2, &first, &n));
    assert_int_equal(n, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_added_to_nothing),
        TEST(nothing_is_added_to_some),
        TEST(owners_have_their_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
