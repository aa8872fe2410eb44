// SPDX-License-Identifier: BSD-3-Clause
// How does an error get its reason? Called wherever control/ refuses something, on any thread. Cuts
// what is too long and never fails itself; logs nothing, since the caller knows who is to read it.
// Next: northbound/exchange.c, which shows it to the user.

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
