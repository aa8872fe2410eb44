// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_LOG_H
#define DATAPLANE_CORE_LOG_H

// One line to stderr for the operator: never from a worker. At most ten lines a second; what was
// left out is counted and said with the next line that passes.

#include <stdarg.h>

void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
