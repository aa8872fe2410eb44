// SPDX-License-Identifier: BSD-3-Clause
// How does a list look to people? Called by show.c with what culvertd answered, in the one thread
// there is. Aligns and rounds, adds nothing of its own; programs ask for --json instead. Next:
// show.c, which names the columns.

#include <stdbool.h>
#include <string.h>

#include "control/cli/table.h"

#define MAX_COLUMNS 16
#define CELL_SIZE 512

static void format_count(char *to, size_t size, json_int_t n)
{
    static const char units[] = "kMGTPE";
    double value = (double)n;
    int unit = -1;

    if (n < 10000) {
        snprintf(to, size, "%lld", (long long)n);
        return;
    }
    while (value >= 999.5) {
        value /= 1000;
        unit++;
    }
    snprintf(to, size, "%.*f%c", value < 9.995 ? 2 : (value < 99.95 ? 1 : 0), value, units[unit]);
}

static void format_seconds(char *to, size_t size, long long sec)
{
    if (sec < 60)
        snprintf(to, size, "%llds", sec);
    else if (sec < 3600)
        snprintf(to, size, "%lldm%02llds", sec / 60, sec % 60);
    else if (sec < 86400)
        snprintf(to, size, "%lldh%02lldm", sec / 3600, sec / 60 % 60);
    else
        snprintf(to, size, "%lldd%02lldh", sec / 86400, sec / 3600 % 24);
}

static void format_list(char *to, size_t size, const json_t *list)
{
    size_t len = 0;

    to[0] = '\0';
    for (size_t i = 0; i < json_array_size(list) && len < size; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        int n = snprintf(to + len, size - len, "%s%s", i == 0 ? "" : ",", text ? text : "?");

        len += n < 0 ? 0 : (size_t)n;
    }
    if (len >= size)
        memcpy(to + size - 4, "...", 4);
}

void table_format(char *to, size_t size, enum cell cell, const char *title, const json_t *value)
{
    to[0] = '\0';
    if (cell == CELL_COUNT && json_is_number(value))
        format_count(to, size, json_integer_value(value));
    else if (cell == CELL_SECONDS && json_is_number(value))
        format_seconds(to, size, (long long)json_number_value(value));
    else if (cell == CELL_FLAG && json_is_true(value))
        snprintf(to, size, "%s", title);
    else if (cell == CELL_LIST && json_is_array(value))
        format_list(to, size, value);
    else if (cell == CELL_TEXT && json_is_string(value))
        snprintf(to, size, "%s", json_string_value(value));
    if (to[0] == '\0')
        snprintf(to, size, "-");
}

static void format_cell(char *to, const struct column *column, const json_t *row)
{
    const char *slash = strchr(column->key, '/');
    char first_key[32];
    const char *first, *second;

    if (slash == NULL) {
        table_format(to, CELL_SIZE, column->cell, column->title, json_object_get(row, column->key));
        return;
    }
    snprintf(first_key, sizeof(first_key), "%.*s", (int)(slash - column->key), column->key);
    first = json_string_value(json_object_get(row, first_key));
    second = json_string_value(json_object_get(row, slash + 1));
    snprintf(to, CELL_SIZE, "%s/%s", first ? first : "?", second ? second : "?");
}

static bool is_right(enum cell cell)
{
    return cell == CELL_COUNT || cell == CELL_SECONDS;
}

static void print_cell(FILE *out, const struct column *column, int width, const char *text)
{
    const char *gap = column[1].title == NULL ? "\n" : "  ";

    if (is_right(column->cell))
        fprintf(out, "%*s%s", width, text, gap);
    else
        fprintf(out, "%-*s%s", column[1].title == NULL ? 0 : width, text, gap);
}

void table_print(FILE *out, const struct column *columns, const json_t *rows)
{
    int widths[MAX_COLUMNS] = {0};
    char text[CELL_SIZE];
    size_t n_rows = json_array_size(rows);

    for (unsigned c = 0; columns[c].title != NULL && c < MAX_COLUMNS; c++) {
        widths[c] = (int)strlen(columns[c].title);
        for (size_t i = 0; i < n_rows; i++) {
            format_cell(text, &columns[c], json_array_get(rows, i));
            if ((int)strlen(text) > widths[c])
                widths[c] = (int)strlen(text);
        }
    }
    for (unsigned c = 0; columns[c].title != NULL && c < MAX_COLUMNS; c++)
        print_cell(out, &columns[c], widths[c], columns[c].title);
    for (size_t i = 0; i < n_rows; i++) {
        for (unsigned c = 0; columns[c].title != NULL && c < MAX_COLUMNS; c++) {
            format_cell(text, &columns[c], json_array_get(rows, i));
            print_cell(out, &columns[c], widths[c], text);
        }
    }
}
