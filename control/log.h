// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_LOG_H
#define CONTROL_LOG_H

// Lines to stderr for the operator, from any thread. The service manager adds the time.

enum log_level {
    LOG_ERROR,
    LOG_WARN,
    LOG_INFO,
    LOG_DEBUG,
};

// "error", "warn", "info", "debug". 0 or -EINVAL.
int log_level_set(const char *name);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
