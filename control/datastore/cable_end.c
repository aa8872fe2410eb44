// SPDX-License-Identifier: BSD-3-Clause
// What may the end of a chain mean? Called by check_chain.c and southbound/encode_chain.c, off the
// event loop. Takes the text apart and looks nothing up: which of the meanings it has is for its
// callers to find out. Next: check_chain.c.

#include "control/datastore/cable_end.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int cable_end_parse(const char *text, const char *own, struct cable_end *end)
{
    const char *slash = strchr(text, '/');
    const char *name = slash ? slash + 1 : text;
    size_t n_tenant = slash ? (size_t)(slash - text) : strlen(own), n_name = strcspn(name, ".");
    const char *rest = name + n_name;

    memset(end, 0, sizeof(*end));
    if (n_tenant == 0 || n_tenant >= sizeof(end->tenant) || n_name == 0 ||
        n_name >= sizeof(end->name))
        return -EINVAL;
    memcpy(end->tenant, slash ? text : own, n_tenant);
    memcpy(end->name, name, n_name);
    end->is_bare = !*rest;
    if (*rest && !strchr(rest + 1, '.') && strlen(rest + 1) < sizeof(end->interface))
        memcpy(end->interface, rest + 1, strlen(rest + 1));
    end->is_attachment = attachment_parse(text, own, &end->port) == 0;
    return 0;
}
