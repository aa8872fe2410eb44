// SPDX-License-Identifier: BSD-3-Clause
// Does each faulty configuration give exactly the line, path and sentence that the table says? The
// table, tests/system/config_errors/cases.txt, is the first argument. Also: a text that breaks off
// at any byte gives an error or a configuration, nothing else.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/datastore.h"

#define MIN_CASES 140

struct error_case {
    char title[80];
    enum config_format format;
    const char *text;
    size_t size;
    int code;
    unsigned line;
    char path[256];
    char sentence[256];
};

static const char *table_path;
static struct schema *schema;
static char *table;
static struct error_case cases[512];
static size_t n_cases;

static char *read_table(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(f);
    assert_non_null(text);
    assert_in_range(fread(text, 1, (1 << 20) - 1, f), 1, (1 << 20) - 2);
    assert_int_equal(fclose(f), 0);
    return text;
}

static int code_of(const char *name)
{
    if (strcmp(name, "EINVAL") == 0)
        return -EINVAL;
    if (strcmp(name, "E2BIG") == 0)
        return -E2BIG;
    fail_msg("the table has an error %s that this test does not know", name);
    return 0;
}

// Take the case whose title begins at `p`; returns what follows it.
static char *take_case(char *p)
{
    struct error_case *c = &cases[n_cases++];
    char code[16], *end = strchr(p, '\n');

    assert_true(n_cases < sizeof(cases) / sizeof(cases[0]));
    assert_non_null(end);
    (void)snprintf(c->title, sizeof(c->title), "%.*s", (int)(end - p), p);
    c->format = strstr(c->title, "[json]") ? CONFIG_JSON : CONFIG_YAML;
    c->text = end + 1;
    end = strstr(end, "\n=> ");
    assert_non_null(end);
    c->size = (size_t)(end + 1 - c->text);
    if (sscanf(end, "\n=> %15s %u %255s\n%255[^\n]", code, &c->line, c->path, c->sentence) != 4)
        fail_msg("the table is faulty at %s", c->title);
    c->code = code_of(code);
    if (strcmp(c->path, "-") == 0)
        c->path[0] = 0;
    return end + 1;
}

static int read_cases(void **state)
{
    struct config_error e;
    char *p;

    (void)state;
    table = read_table(table_path);
    for (p = strstr(table, "\n## "); p; p = strstr(p, "\n## "))
        p = take_case(p + strlen("\n## "));
    return schema_create(&schema, &e);
}

static int free_cases(void **state)
{
    (void)state;
    schema_destroy(schema);
    free(table);
    return 0;
}

static int check_case(const struct error_case *c)
{
    struct config *config = NULL;
    struct config_error e;
    int code = config_parse(schema, c->text, c->size, c->format, &config, &e);

    if (code == c->code && e.code == code && e.line == c->line && strcmp(e.path, c->path) == 0 &&
        strcmp(e.sentence, c->sentence) == 0)
        return 0;
    print_error(
        "%s\n  wanted %d, line %u, path \"%s\": %s\n  got    %d, line %u, path \"%s\": %s\n",
        c->title, c->code, c->line, c->path, c->sentence, code, e.line, e.path, e.sentence);
    if (code == 0)
        config_destroy(config);
    return 1;
}

static void test_every_row_of_the_table(void **state)
{
    size_t i;
    int n_failed = 0;

    (void)state;
    assert_true(n_cases >= MIN_CASES);
    for (i = 0; i < n_cases; i++)
        n_failed += check_case(&cases[i]);
    assert_int_equal(n_failed, 0);
}

static void test_titles_are_unique(void **state)
{
    size_t i, j;

    (void)state;
    for (i = 0; i < n_cases; i++)
        for (j = 0; j < i; j++)
            assert_string_not_equal(cases[i].title, cases[j].title);
}

static void parse_any(const char *text, size_t size, enum config_format format)
{
    struct config *config = NULL;
    struct config_error e;
    // A copy of exactly this size, so that a read beyond it is seen.
    char *copy = malloc(size ? size : 1);
    int code;

    assert_non_null(copy);
    memcpy(copy, text, size);
    code = config_parse(schema, copy, size, format, &config, &e);
    if (code == 0)
        config_destroy(config);
    else
        assert_true(code == e.code && code < 0 && e.sentence[0]);
    free(copy);
}

static void test_every_cut_of_every_text(void **state)
{
    size_t i, size;

    (void)state;
    for (i = 0; i < n_cases; i++)
        for (size = 0; size < cases[i].size; size++)
            parse_any(cases[i].text, size, cases[i].format);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_table),
        cmocka_unit_test(test_titles_are_unique),
        cmocka_unit_test(test_every_cut_of_every_text),
    };

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s cases.txt\n", argv[0]);
        return 2;
    }
    table_path = argv[1];
    return cmocka_run_group_tests(tests, read_cases, free_cases);
}
