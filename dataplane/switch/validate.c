// SPDX-License-Identifier: BSD-3-Clause
// Does this switch make sense? Called by config.c on the main thread before anything is made.
// Fields were checked one by one at the border; here is what they say of each other. Next:
// config.c.

#include <errno.h>
#include <stdio.h>

#include "dataplane/switch/state.h"

// A second switch of this name would share the first one's state.
static int check_name(const struct model *model, const struct api_switch *all, uint32_t index,
                      const char *path, struct error *e)
{
    uint32_t first, n;

    (void)model_owned(model, API_SWITCH, all[index].owner, &first, &n);
    for (uint32_t i = first; i < index; i++)
        if (strcmp(all[i].name, all[index].name) == 0)
            return error_set(e, -EINVAL, path, "the tenant has two switches of this name");
    return 0;
}

static int check_members(const struct model *model, uint32_t index, const char *path,
                         struct error *e)
{
    uint32_t first, n, n_ports;
    const struct api_member *members = model_owned(model, API_MEMBER, index, &first, &n);

    (void)model_items(model, API_PORT, &n_ports);
    if (n > MAC_TABLE_MAX_MEMBERS)
        return error_set(e, -EINVAL, path, "%u members, a switch has at most %u", n,
                         MAC_TABLE_MAX_MEMBERS);
    for (uint32_t i = 0; i < n; i++)
        if (members[i].port >= n_ports)
            return error_set(e, -EINVAL, path, "member %u refers to port %u of %u", i,
                             members[i].port, n_ports);
    return 0;
}

static int check_statics(const struct model *model, const struct api_switch *config, uint32_t index,
                         const char *path, struct error *e)
{
    uint32_t first_member, n_members, first, n;
    const struct api_static_mac *statics = model_owned(model, API_STATIC_MAC, index, &first, &n);

    (void)model_owned(model, API_MEMBER, index, &first_member, &n_members);
    if (n > config->mac_table_size)
        return error_set(e, -EINVAL, path, "%u static MACs in a table of %u", n,
                         config->mac_table_size);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t key = mac_key(statics[i].mac);

        if (key == 0 || (key & MAC_GROUP))
            return error_set(e, -EINVAL, path, "static MAC %u is zero or a group's", i);
        // Below first_member the difference wraps around and is too large as well.
        if (statics[i].member - first_member >= n_members)
            return error_set(e, -EINVAL, path, "static MAC %u is at a member of another switch", i);
    }
    return 0;
}

int switch_validate(const struct model *model, uint32_t index, struct error *e)
{
    uint32_t n_switches, n_tenants;
    const struct api_switch *all = model_items(model, API_SWITCH, &n_switches);
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n_tenants);
    char path[API_PATH_SIZE];
    int rc;

    if (index >= n_switches || all[index].owner >= n_tenants)
        return error_set(e, -EINVAL, NULL, "switch %u has no tenant", index);
    snprintf(path, sizeof(path), "%s/%s", tenants[all[index].owner].name, all[index].name);
    rc = check_name(model, all, index, path, e);
    if (rc == 0)
        rc = check_members(model, index, path, e);
    if (rc == 0)
        rc = check_statics(model, &all[index], index, path, e);
    return rc;
}
