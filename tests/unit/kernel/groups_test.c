// SPDX-License-Identifier: BSD-3-Clause
// Equal groups are one, objects keep their number when they change, and no number is given twice.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "control/kernel/groups.h"

static const struct group_origin nobody = {0};

static struct group_content content(uint32_t interface, uint8_t last)
{
    struct group_content c;

    memset(&c, 0, sizeof(c));
    c.type = API_ROUTE_UNICAST;
    c.n = 1;
    c.hop[0].interface = interface;
    c.hop[0].family = 4;
    c.hop[0].weight = 1;
    c.hop[0].address[3] = last;
    return c;
}

static void equal_groups_are_one(void **state)
{
    struct groups g = {.last_id = API_NONE - 3}; // the numbers wrap
    struct group_content c = content(1, 7);
    const struct group *group;
    uint32_t first, id, seen = 0;
    bool is_changed;

    (void)state;
    group = groups_intern(&g, &nobody, &c, &is_changed);
    assert_true(is_changed);
    first = group->id;
    assert_int_equal(group->n_items, 1);
    assert_int_equal(group->items[0].group, first);
    assert_int_equal(group->items[0].interface, 1);
    assert_int_equal(group->items[0].address[3], 7);
    for (uint32_t i = 0; i < 1000; i++) {
        c = content(i, 0);
        id = groups_intern(&g, &nobody, &c, &is_changed)->id;
        assert_true(is_changed);
        assert_in_range(id, 1, API_NONE - 1);
        assert_int_not_equal(id, first);
        seen++;
        assert_int_equal(groups_intern(&g, &nobody, &c, &is_changed)->id, id);
        assert_false(is_changed);
    }
    assert_int_equal(g.n, seen + 1);
    c = content(1, 7);
    assert_int_equal(groups_intern(&g, &nobody, &c, &is_changed)->id, first);
    groups_reset(&g);
    assert_int_not_equal(groups_intern(&g, &nobody, &c, &is_changed)->id, first);
    assert_true(is_changed);
    groups_reset(&g);
}

static void an_object_keeps_its_number(void **state)
{
    struct group_origin five = {.space = 1, .id = 5}, elsewhere = {.space = 2, .id = 5};
    struct group_content c = content(1, 7), other = content(1, 8);
    struct groups g = {0};
    bool is_changed;
    uint32_t id;

    (void)state;
    id = groups_intern(&g, &five, &c, &is_changed)->id;
    assert_int_not_equal(groups_intern(&g, &nobody, &c, &is_changed)->id, id);
    assert_int_not_equal(groups_intern(&g, &elsewhere, &c, &is_changed)->id, id);
    assert_int_equal(groups_intern(&g, &five, &other, &is_changed)->id, id);
    assert_true(is_changed);
    assert_int_equal(groups_intern(&g, &five, &other, &is_changed)->items[0].address[3], 8);
    assert_false(is_changed);
    other.type = API_ROUTE_BLACKHOLE;
    other.n = 0;
    assert_int_equal(groups_intern(&g, &five, &other, &is_changed)->n_items, 1);
    assert_true(is_changed);
    groups_reset(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_groups_are_one),
        cmocka_unit_test(an_object_keeps_its_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
