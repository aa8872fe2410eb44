// SPDX-License-Identifier: BSD-3-Clause
// What does the user get to read? Turns places in the tree and libyang's findings into line, path
// and sentence. Called by all of this folder, on the thread of the caller of datastore.h. Writes
// nothing but the config_error; the sentences of the schema itself are in control/schema/.
// Next: read.c, where most errors are found.

#include "control/datastore/error.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NEAR_LEN 31

static void make_printable(char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

static int fill(struct config_error *e, int code, unsigned line, const char *format, va_list args)
{
    e->code = code;
    e->line = line;
    (void)vsnprintf(e->sentence, sizeof(e->sentence), format, args);
    make_printable(e->sentence);
    make_printable(e->path);
    return code;
}

int error_say(struct config_error *e, int code, const char *format, ...)
{
    va_list args;

    e->path[0] = 0;
    va_start(args, format);
    fill(e, code, 0, format, args);
    va_end(args);
    return code;
}

int error_below(struct config_error *e, int code, unsigned line, const struct lyd_node *parent,
                const char *name, const char *format, ...)
{
    va_list args;

    node_path(parent, name, e->path, sizeof(e->path));
    va_start(args, format);
    fill(e, code, line, format, args);
    va_end(args);
    return code;
}

int error_at(struct config_error *e, int code, const struct lyd_node *node, const char *format, ...)
{
    va_list args;

    node_path(node, NULL, e->path, sizeof(e->path));
    va_start(args, format);
    fill(e, code, node_line(node), format, args);
    va_end(args);
    return code;
}

const char *error_quote(const char *value, char quoted[ERROR_QUOTE_SIZE])
{
    size_t room = ERROR_QUOTE_SIZE - sizeof("\"...\"");

    if (strlen(value) > room)
        (void)snprintf(quoted, ERROR_QUOTE_SIZE, "\"%.*s...\"", (int)room, value);
    else
        (void)snprintf(quoted, ERROR_QUOTE_SIZE, "\"%s\"", value);
    return quoted;
}

// Levenshtein distance of two short words.
static unsigned distance(const char *a, const char *b)
{
    unsigned row[MAX_NEAR_LEN + 1];
    size_t i, j, n = strlen(b);

    for (j = 0; j <= n; j++)
        row[j] = (unsigned)j;
    for (i = 0; a[i]; i++) {
        unsigned diagonal = row[0];

        row[0] = (unsigned)i + 1;
        for (j = 0; j < n; j++) {
            unsigned best = diagonal + (tolower(a[i]) != tolower(b[j]));

            diagonal = row[j + 1];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (diagonal + 1 < best)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

int error_is_near(const char *a, const char *b)
{
    size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

    if (strlen(a) > MAX_NEAR_LEN || strlen(b) > MAX_NEAR_LEN)
        return 0;
    return distance(a, b) <= (shorter < 5 ? 1U : 2U);
}

// The data path is quoted in libyang's text after these words.
static const struct lyd_node *libyang_node(const struct ly_ctx *ctx, const struct lyd_node *tree)
{
    static const char words[] = "ata location \"";
    const char *where = ly_errpath(ctx);
    const char *start = where ? strstr(where, words) : NULL;
    struct lyd_node *node = NULL;
    const char *end;
    char *path;

    if (!start)
        return NULL;
    start += sizeof(words) - 1;
    end = strstr(start, "\", line ");
    if (!end)
        end = strrchr(start, '"');
    if (!end)
        return NULL;
    path = strndup(start, (size_t)(end - start));
    // This asks libyang again and so would replace the error that we are looking at.
    if (path)
        (void)lyd_find_path(tree, path, 0, &node);
    free(path);
    return node;
}

static const char *failed_when(const struct lyd_node *node)
{
    struct lysc_when **when = lysc_node_when(node->schema);

    return when && LY_ARRAY_COUNT(when) ? when[0]->dsc : NULL;
}

int error_of_libyang(struct config_error *e, LY_ERR failure, const struct lyd_node *tree)
{
    const struct ly_ctx *ctx = tree ? LYD_CTX(tree) : NULL;
    const char *found = ctx ? ly_errmsg(ctx) : NULL;
    const struct lyd_node *node;
    const char *when;
    char sentence[sizeof(e->sentence)];

    if (failure == LY_EMEM || !found)
        return error_say(e, -ENOMEM, "out of memory while the configuration is checked");
    (void)snprintf(sentence, sizeof(sentence), "%s", found);
    node = libyang_node(ctx, tree);
    if (!node)
        return error_say(e, -EINVAL, "%s", sentence);
    when = strncmp(sentence, "When ", 5) == 0 ? failed_when(node) : NULL;
    if (when)
        return error_at(e, -EINVAL, node, "%s", when);
    return error_at(e, -EINVAL, node, "%s", sentence);
}
