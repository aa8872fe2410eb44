// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_PING_REPORT_H
#define CONTROL_CLI_PING_REPORT_H

// What ping tells: a line for each request, and a summary.

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct ping_report {
    FILE *out;
    const char *to; // the address as the user wrote it
    unsigned n_sent, n_received, n_errors;
    int64_t min_ns, max_ns, sum_ns;
};

// What became of request number `sequence`: culvertd's last word on it, with the result "waiting"
// if there was no answer.
void ping_report_add(struct ping_report *r, unsigned sequence, const json_t *state);

void ping_report_end(const struct ping_report *r);

#endif
