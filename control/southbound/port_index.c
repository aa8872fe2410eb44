// SPDX-License-Identifier: BSD-3-Clause
// Which port is meant, and which VLAN on it? Called by encode.c for every member of a switch and
// every static MAC, off the event loop. The form of an attachment is the datastore's business, and
// whether the tenant may use the port was checked there. Next: member_index.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/attachment.h"
#include "control/failure.h"
#include "control/southbound/port_index.h"

struct port_name {
    char tenant[API_NAME_SIZE], port[API_NAME_SIZE];
    uint32_t index;
};

struct port_index {
    uint32_t n;
    struct port_name names[]; // sorted
};

static int compare_names(const void *a, const void *b)
{
    const struct port_name *x = a, *y = b;
    int order = strcmp(x->tenant, y->tenant);

    return order != 0 ? order : strcmp(x->port, y->port);
}

struct port_index *port_index_create(const struct item_list *tenants, const struct item_list *ports)
{
    const struct api_tenant *tenant = (const void *)tenants->items;
    const struct api_port *port = (const void *)ports->items;
    struct port_index *index = malloc(sizeof(*index) + ports->n * sizeof(index->names[0]));

    if (index == NULL)
        return NULL;
    index->n = ports->n;
    for (uint32_t i = 0; i < ports->n; i++) {
        memcpy(index->names[i].tenant, tenant[port[i].owner].name, API_NAME_SIZE);
        memcpy(index->names[i].port, port[i].name, API_NAME_SIZE);
        index->names[i].index = i;
    }
    qsort(index->names, index->n, sizeof(index->names[0]), compare_names);
    return index;
}

void port_index_destroy(struct port_index *index)
{
    free(index);
}

int port_index_resolve(const struct port_index *index, const char *tenant, const char *text,
                       struct api_member *member, struct config_error *e)
{
    struct port_name key = {0};
    struct attachment a;
    const struct port_name *found;

    _Static_assert(sizeof(a.port) == sizeof(key.port) && sizeof(a.tenant) == sizeof(key.tenant),
                   "names of both sides are of one size");
    if (attachment_parse(text, tenant, &a) < 0)
        return failure(e, -EINVAL, NULL,
                       "%s is no attachment: write port, port.vlan or tenant/port", text);
    memcpy(key.tenant, a.tenant, sizeof(key.tenant));
    memcpy(key.port, a.port, sizeof(key.port));
    found = bsearch(&key, index->names, index->n, sizeof(key), compare_names);
    if (found == NULL)
        return failure(e, -EINVAL, NULL, "%s: there is no such port", text);
    member->port = found->index;
    member->outer_vlan = a.outer_vlan;
    member->inner_vlan = a.inner_vlan;
    return 0;
}
