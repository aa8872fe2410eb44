// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_TEXT_H
#define CONTROL_NORTHBOUND_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// A text that grows. Initialize with {0}; `bytes` is the owner's to free.
struct text {
    char *bytes;
    size_t len, n_allocated;
    bool is_short_of_memory; // the text is not whole
};

void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
