// SPDX-License-Identifier: BSD-3-Clause
// Which port and VLAN does a member mean? Called by check.c and southbound/port_index.c, off
// the event loop. Takes the text apart and looks nothing up: whether there is such a port is for
// its callers to find out. Next: check.c.

#include "control/datastore/attachment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int copy_name(char name[32], const char *text, size_t len)
{
    if (len == 0 || len > 31)
        return -EINVAL;
    memcpy(name, text, len);
    name[len] = 0;
    return 0;
}

// "" gives 0: no VLAN; else one dot and a VLAN ID.
static int parse_vlan(const char **text, uint16_t *vlan)
{
    unsigned long id;
    char *end;

    *vlan = 0;
    if (!**text)
        return 0;
    if (**text != '.' || (*text)[1] < '1' || (*text)[1] > '9')
        return -EINVAL;
    id = strtoul(*text + 1, &end, 10);
    if (id > 4094)
        return -EINVAL;
    *text = end;
    *vlan = (uint16_t)id;
    return 0;
}

int attachment_parse(const char *text, const char *own, struct attachment *a)
{
    const char *slash = strchr(text, '/');
    int r;

    memset(a, 0, sizeof(*a));
    r = slash ? copy_name(a->tenant, text, (size_t)(slash - text))
              : copy_name(a->tenant, own, strlen(own));
    if (r < 0)
        return r;
    if (slash)
        text = slash + 1;
    r = copy_name(a->port, text, strcspn(text, "./"));
    if (r < 0)
        return r;
    text += strlen(a->port);
    r = parse_vlan(&text, &a->outer_vlan);
    if (r < 0)
        return r;
    r = parse_vlan(&text, &a->inner_vlan);
    return r < 0 || *text ? -EINVAL : 0;
}
