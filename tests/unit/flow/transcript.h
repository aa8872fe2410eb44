// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_FLOW_TRANSCRIPT_H
#define TESTS_UNIT_FLOW_TRANSCRIPT_H

// All that could be seen of a run from outside, in order: frames that left, counters, sessions. Two
// runs were the same if their transcripts are.

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct transcript {
    uint8_t *bytes;
    size_t len, capacity;
    uint32_t step; // what is being done: written beside each record
};

void transcript_clear(struct transcript *t);
void transcript_fini(struct transcript *t);

// A frame has left by a port; `left` says what the receiver has to do, 0: nothing.
void transcript_frame(struct transcript *t, unsigned port, const uint8_t *frame, uint32_t len,
                      uint64_t left);
void transcript_text(struct transcript *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The step of the first record in which they differ, UINT32_MAX: none.
uint32_t transcript_difference(const struct transcript *a, const struct transcript *b);

// Print that record of both, and some before it.
void transcript_print_difference(const struct transcript *expected, const struct transcript *got,
                                 FILE *out);
void transcript_print(const struct transcript *t, FILE *out);

#endif
