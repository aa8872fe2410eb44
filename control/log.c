// SPDX-License-Identifier: BSD-3-Clause
// What does the operator read on culvertd's stderr? Called from the event loop and from its worker
// threads; a line is one write(2), so lines never mix. Nothing of a packet passes here, and nothing
// that is written here is an answer to a user: those go through northbound/. Next: main.c.

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static enum log_level threshold = LOG_INFO;

int log_level_set(const char *name)
{
    for (unsigned i = 0; i <= LOG_DEBUG; i++) {
        if (strcmp(name, level_names[i]) == 0) {
            threshold = (enum log_level)i;
            return 0;
        }
    }
    return -EINVAL;
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;
    int prefix, n;
    size_t len;

    if (level > threshold)
        return;
    prefix = snprintf(line, sizeof(line), "culvertd: %s: ", level_names[level]);
    va_start(args, format);
    n = vsnprintf(line + prefix, sizeof(line) - (size_t)prefix, format, args);
    va_end(args);
    if (n < 0)
        return;
    len = strlen(line);
    if (len > sizeof(line) - 2)
        len = sizeof(line) - 2;
    line[len] = '\n';
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return; // nobody to tell
}
