// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_PAGES_H
#define CONTROL_CLI_PAGES_H

// A list that culvertd gives a page at a time, printed as it comes: neither side ever holds a
// million entries.

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "control/cli/commands.h"

#define STATE "/restconf/data/culvert:state/"
#define PATH_SIZE 512

struct pages {
    const struct options *o;
    const char *key; // of the list in an answer
    void (*print)(const json_t *entries);
    size_t n;
    bool is_open; // of --json: the list has been begun
};

// Append KEY=VALUE to a path's query. EXIT_USAGE once the reason has been said.
int pages_add_query(char path[PATH_SIZE], const char *key, const char *value);

// The page that is asked for by `path`, and all behind it. An exit code.
int pages_show(struct pages *p, const char *path);

// One page that was got in another way.
void pages_print(struct pages *p, const json_t *entries);

// Close what --json has opened; `rc` is passed on.
int pages_end(const struct pages *p, int rc);

#endif
