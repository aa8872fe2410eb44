// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_FAILURE_H
#define CONTROL_FAILURE_H

// Fill struct config_error, the one form in which an error travels to the user.

#include "control/datastore/datastore.h"

// Sets code, path (NULL: none) and sentence; the line becomes 0. `e` may be NULL. Returns `code`,
// so that a check reads `return failure(e, -EINVAL, …)`.
int failure(struct config_error *e, int code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
