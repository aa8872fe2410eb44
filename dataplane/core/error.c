// SPDX-License-Identifier: BSD-3-Clause
// How does a reason travel from where it is known to the user? In a struct that each caller passes
// up unchanged. Main thread only, called wherever something can be refused; allocates nothing.
// Next: server/transaction.c, which answers with it.

#include "dataplane/core/error.h"

#include <stdarg.h>
#include <stdio.h>

int error_set(struct error *e, int code, const char *path, const char *format, ...)
{
    va_list args;

    if (e == NULL)
        return code;
    e->code = code;
    if (path != NULL)
        snprintf(e->path, sizeof(e->path), "%s", path);
    va_start(args, format);
    vsnprintf(e->sentence, sizeof(e->sentence), format, args);
    va_end(args);
    return code;
}
