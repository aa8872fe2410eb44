// SPDX-License-Identifier: BSD-3-Clause
// What does the operator read? Lines on stderr, at most ten a second, so that a hostile guest can't
// fill a disk by making us talk. Main thread and librte_vhost's thread, never a worker: it takes a
// lock and writes.

#include "dataplane/core/log.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define LINES_PER_SEC 10

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // guards the three below
static time_t second;
static unsigned n_lines, n_left_out;

static void log_line(const char *level, const char *format, va_list args)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&lock);
    if (now.tv_sec != second) {
        second = now.tv_sec;
        n_lines = 0;
    }
    if (n_lines++ < LINES_PER_SEC) {
        if (n_left_out > 0)
            fprintf(stderr, "culvert-dataplane: warning: %u lines left out\n", n_left_out);
        n_left_out = 0;
        fprintf(stderr, "culvert-dataplane: %s", level);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
    } else {
        n_left_out++;
    }
    pthread_mutex_unlock(&lock);
}

void log_info(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line("", format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    log_line("warning: ", format, args);
    va_end(args);
}
