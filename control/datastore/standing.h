// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_STANDING_H
#define CONTROL_DATASTORE_STANDING_H

// A place on a chain as the user writes it: NAME of a function, or NAME:2 to NAME:9 where the same
// one stands once more. For check_function.c and southbound/encode_chain.c.

#include <stdio.h>
#include <string.h>

#include "dataplane/api/culvert_api.h"

// name: API_NAME_SIZE bytes. Returns the number, 0: there is none. The schema has seen to the rest.
static inline unsigned standing_parse(const char *text, char *name)
{
    size_t len = strcspn(text, ":");

    (void)snprintf(name, API_NAME_SIZE, "%.*s", (int)len, text);
    return text[len] == ':' ? (unsigned)(text[len + 1] - '0') : 0;
}

#endif
