// SPDX-License-Identifier: BSD-3-Clause
// Can people read it? Values become cells, rows become an aligned table.
// Rows are built here as culvertd answers them; no culvertd runs. What a user sees of a running one
// is for the system tests.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/table.h"

static void test_cells(void **state)
{
    static const struct {
        enum cell cell;
        const char *json, *text;
    } cases[] = {
        {CELL_COUNT, "0", "0"},
        {CELL_COUNT, "9999", "9999"},
        {CELL_COUNT, "10000", "10.0k"},
        {CELL_COUNT, "99949", "99.9k"},
        {CELL_COUNT, "999499", "999k"},
        {CELL_COUNT, "999500", "1.00M"},
        {CELL_COUNT, "1234567", "1.23M"},
        {CELL_COUNT, "9223372036854775807", "9.22E"},
        {CELL_COUNT, "null", "-"},
        {CELL_SECONDS, "0", "0s"},
        {CELL_SECONDS, "59.9", "59s"},
        {CELL_SECONDS, "65", "1m05s"},
        {CELL_SECONDS, "10920", "3h02m"},
        {CELL_SECONDS, "446400", "5d04h"},
        {CELL_TEXT, "\"vm1\"", "vm1"},
        {CELL_TEXT, "\"\"", "-"},
        {CELL_TEXT, "7", "-"},
        {CELL_FLAG, "true", "title"},
        {CELL_FLAG, "false", "-"},
        {CELL_LIST, "[\"a\",\"b.10\"]", "a,b.10"},
        {CELL_LIST, "[]", "-"},
    };
    char text[64];

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *value = json_loads(cases[i].json, JSON_DECODE_ANY, NULL);

        table_format(text, sizeof(text), cases[i].cell, "title", value);
        assert_string_equal(text, cases[i].text);
        json_decref(value);
    }
}

static void test_a_long_list_is_cut(void **state)
{
    json_t *list = json_array();
    char text[16];

    (void)state;
    for (int i = 0; i < 100; i++)
        json_array_append_new(list, json_string("vm1"));
    table_format(text, sizeof(text), CELL_LIST, "", list);
    assert_string_equal(text, "vm1,vm1,vm1,...");
    json_decref(list);
}

static void test_a_table_is_aligned(void **state)
{
    static const struct column columns[] = {
        {"PORT", "tenant/name", CELL_TEXT},
        {"RX", "rx", CELL_COUNT},
        {"TEXT", "text", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    json_t *rows = json_loads("[{\"tenant\":\"blue\",\"name\":\"vm1\",\"rx\":12345,\"text\":\"x\"},"
                              "{\"tenant\":\"b\",\"name\":\"v\",\"rx\":1}]",
                              0, NULL);
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    (void)state;
    table_print(out, columns, rows);
    fclose(out);
    assert_string_equal(text, "PORT         RX  TEXT\n"
                              "blue/vm1  12.3k  x\n"
                              "b/v           1  -\n");
    free(text);
    json_decref(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_a_long_list_is_cut),
        cmocka_unit_test(test_a_table_is_aligned),
    };

    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
