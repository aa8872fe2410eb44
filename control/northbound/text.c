// SPDX-License-Identifier: BSD-3-Clause
// How does a long text come together? Called by metrics.c, line after line, on the event loop.
// Short of memory it adds nothing more and says so; it writes nowhere but into its own buffer.
// Next: metrics.c.

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/northbound/text.h"

void text_add(struct text *t, const char *format, ...)
{
    char line[1024];
    char *bytes;
    size_t n_allocated;
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(line))
        n = 0; // no line of ours is so long
    if (t->is_short_of_memory)
        return;
    if (t->len + (size_t)n + 1 > t->n_allocated) {
        n_allocated = (t->len + (size_t)n + 1) * 2;
        bytes = realloc(t->bytes, n_allocated);
        if (bytes == NULL) {
            t->is_short_of_memory = true;
            return;
        }
        t->bytes = bytes;
        t->n_allocated = n_allocated;
    }
    for (int i = 0; i < n; i++)
        t->bytes[t->len++] = line[i];
    t->bytes[t->len] = '\0';
}
