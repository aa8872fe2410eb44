// SPDX-License-Identifier: BSD-3-Clause
// How does an error get its reason? Called wherever control/ refuses something, on any thread; cuts
// what is too long and never fails itself.

#include <stdarg.h>
#include <stdio.h>

#include "control/failure.h"

int failure(struct config_error *e, int code, const char *path, const char *format, ...)
{
    va_list args;

    if (e == NULL)
        return code;
    e->code = code;
    e->line = 0;
    snprintf(e->path, sizeof(e->path), "%s", path == NULL ? "" : path);
    va_start(args, format);
    vsnprintf(e->sentence, sizeof(e->sentence), format, args);
    va_end(args);
    return code;
}
