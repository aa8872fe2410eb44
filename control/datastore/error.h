// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_ERROR_H
#define CONTROL_DATASTORE_ERROR_H

// How an error gets its line, its path and its sentence. All return `code`, so that a caller can
// say `return error_at(…)`. What the user wrote is shown cut short, and with a '?' for each byte
// that is not printable ASCII.

#include "control/datastore/config.h"

#define ERROR_QUOTE_SIZE 52 // a quoted value with its NUL

// An error without a place in the text.
int error_say(struct config_error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// An error at a line of the text, below `parent` (may be NULL) at its child `name` (may be NULL).
int error_below(struct config_error *e, int code, unsigned line, const struct lyd_node *parent,
                const char *name, const char *format, ...) __attribute__((format(printf, 6, 7)));

// An error of a node, at its line.
int error_at(struct config_error *e, int code, const struct lyd_node *node, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// What libyang found last when it validated `tree`.
int error_of_libyang(struct config_error *e, LY_ERR failure, const struct lyd_node *tree);

// A value between quotation marks, cut short; returns `quoted`.
const char *error_quote(const char *value, char quoted[ERROR_QUOTE_SIZE]);

// Whether `b` is what somebody who wrote `a` may have meant: a letter or two apart.
int error_is_near(const char *a, const char *b);

#endif
