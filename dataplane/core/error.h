// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_CORE_ERROR_H
#define DATAPLANE_CORE_ERROR_H

// An error with its reason, carried up to whoever can tell the user.

#include "dataplane/api/culvert_api.h"

struct error {
    int code;       // negative errno
    uint32_t index; // of the item that is refused, in its datagram
    char path[API_PATH_SIZE];
    char sentence[API_TEXT_SIZE];
};

// Fill *e (may be NULL) and return `code`, so that a check reads `return error_set(e, -EINVAL, …)`.
// `path` may be NULL: unchanged.
int error_set(struct error *e, int code, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
