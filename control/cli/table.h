// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_TABLE_H
#define CONTROL_CLI_TABLE_H

// A table for people: a JSON array of objects, one row each.

#include <jansson.h>
#include <stdio.h>

enum cell {
    CELL_TEXT,
    CELL_COUNT,   // 1234, 12.3k, 4.56M
    CELL_SECONDS, // 59s, 1m05s, 3h02m, 5d04h
    CELL_FLAG,    // the column's title if it is true
    CELL_LIST,    // texts with commas between
};

struct column {
    const char *title;
    const char *key; // of the object; "tenant/name" joins two of them
    enum cell cell;
};

// Columns ends with a title of NULL. A value that is not there, or empty, shows as "-". The last
// column is not padded.
void table_print(FILE *out, const struct column *columns, const json_t *rows);

// A value as a cell shows it.
void table_format(char *to, size_t size, enum cell cell, const char *title, const json_t *value);

#endif
