// SPDX-License-Identifier: BSD-3-Clause
// Is a function found by its full name, wherever it stands? Kind, tenant and name each tell some
// apart that have the other two in common.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/walk/generation.h"

static const char *const texts[] = {"gw", "lan", "a", "gw1", "z", "lam", "g"};
static const struct function_ops kinds[] = {{.name = "switch"}, {.name = "router"}};

#define N_TEXTS (sizeof(texts) / sizeof(texts[0]))
#define N_FUNCTIONS (2 * N_TEXTS * N_TEXTS)

static struct function functions[N_FUNCTIONS];
static struct generation generation = {.functions = functions};

static struct function *add(unsigned kind, const char *tenant, const char *name)
{
    struct function *f = &functions[generation.n_functions++];

    f->ops = &kinds[kind];
    snprintf(f->tenant, sizeof(f->tenant), "%s", tenant);
    snprintf(f->name, sizeof(f->name), "%s", name);
    return f;
}

static int setup(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned i = 0; i < N_TEXTS; i++)
            for (unsigned j = 0; j < N_TEXTS; j++)
                if ((kind + i + j) % 5 != 0) // these are not there
                    add(kind, texts[i], texts[j]);
    return generation_sort(&generation);
}

static int teardown(void **state)
{
    (void)state;
    free(generation.by_name);
    return 0;
}

static void test_found_by_all_three(void **state)
{
    struct function *next = functions;

    (void)state;
    for (unsigned kind = 0; kind < 2; kind++)
        for (unsigned i = 0; i < N_TEXTS; i++)
            for (unsigned j = 0; j < N_TEXTS; j++)
                assert_ptr_equal(generation_find(&generation, kinds[kind].name, texts[i], texts[j]),
                                 (kind + i + j) % 5 != 0 ? next++ : NULL);
    assert_ptr_equal(next, &functions[generation.n_functions]);
}

static void test_not_there(void **state)
{
    struct generation none = {0};

    (void)state;
    assert_null(generation_find(&generation, "nat", "a", "lan"));
    assert_null(generation_find(&generation, "switch", "", ""));
    assert_null(generation_find(NULL, "switch", "a", "lan"));
    assert_int_equal(generation_sort(&none), 0);
    assert_null(generation_find(&none, "switch", "a", "lan"));
    free(none.by_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_by_all_three),
        cmocka_unit_test(test_not_there),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
