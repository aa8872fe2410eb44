// SPDX-License-Identifier: BSD-3-Clause
// What is in the XDP program's maps? First what is to be there is written, then what is not to be
// there is deleted, so that frames under way meet the old entry or the new, never none, as long as
// a map has room for both; the maps of an adopted program are set right the same way. Called by
// xdp.c on the event loop. Next: culvert_xdp.bpf.c, which reads them.

#include "control/xdp/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "control/failure.h"

static int write_settings(const struct program *program, const struct settings *s,
                          const struct interface *interface, uint64_t owner)
{
    struct steer_settings value = {.owner = owner, .flags = s->flags};
    uint32_t zero = 0;

    memcpy(value.mac, interface->mac, sizeof(value.mac));
    return bpf_map_update_elem(program->map_fd[MAP_SETTINGS], &zero, &value, BPF_ANY);
}

static int write_vlans(const struct program *program, const struct settings *s,
                       const struct interface *interface)
{
    int rc = 0;

    for (uint32_t id = 1; rc == 0 && id < STEER_MAX_VLANS; id++) {
        uint8_t value = 0, before;

        if (s->is_listed[id])
            value |= STEER_VLAN_DATAPLANE;
        if (interface->has_vlan[id] && !s->is_attached[id])
            value |= STEER_VLAN_KERNEL;
        rc = bpf_map_lookup_elem(program->map_fd[MAP_VLANS], &id, &before);
        if (rc == 0 && before != value)
            rc = bpf_map_update_elem(program->map_fd[MAP_VLANS], &id, &value, BPF_ANY);
    }
    return rc;
}

// The keys that are in the map and not in the list. The caller frees list->keys.
static int find_stale(int fd, const struct key_list *wanted, struct key_list *stale)
{
    size_t n_allocated = 0;
    unsigned char key[sizeof(struct steer_prefix)];
    void *before = NULL;

    *stale = (struct key_list){.key_size = wanted->key_size};
    while (bpf_map_get_next_key(fd, before, key) == 0) {
        before = key;
        if (key_list_has(wanted, key))
            continue;
        if (stale->n == n_allocated) {
            void *keys;

            n_allocated = n_allocated == 0 ? 64 : 2 * n_allocated;
            keys = realloc(stale->keys, n_allocated * stale->key_size);
            if (keys == NULL)
                return -ENOMEM;
            stale->keys = keys;
        }
        memcpy((char *)stale->keys + stale->n++ * stale->key_size, key, stale->key_size);
    }
    return 0;
}

static int add_keys(int fd, const struct key_list *wanted)
{
    const char *keys = wanted->keys;
    uint8_t value = 1;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < wanted->n; i++)
        rc = bpf_map_update_elem(fd, keys + i * wanted->key_size, &value, BPF_ANY);
    return rc;
}

static int delete_stale(int fd, const struct key_list *wanted)
{
    struct key_list stale;
    int rc = find_stale(fd, wanted, &stale);

    for (size_t i = 0; i < stale.n; i++)
        bpf_map_delete_elem(fd, (const char *)stale.keys + i * stale.key_size);
    free(stale.keys);
    return rc;
}

static int write_keys(int fd, const struct key_list *wanted)
{
    int rc = add_keys(fd, wanted);

    if (rc == -ENOSPC || rc == -E2BIG) { // both do not fit: then the old ones go first
        rc = delete_stale(fd, wanted);
        return rc < 0 ? rc : add_keys(fd, wanted);
    }
    return rc < 0 ? rc : delete_stale(fd, wanted);
}

static int write_own(const struct program *program, const struct interface *interface)
{
    struct steer_address *copy = calloc(interface->n_addresses + 1, sizeof(*copy));
    struct key_list wanted = {copy, interface->n_addresses, sizeof(*copy)};
    int rc;

    if (copy == NULL)
        return -ENOMEM;
    memcpy(copy, interface->addresses, interface->n_addresses * sizeof(*copy));
    key_list_sort(&wanted);
    rc = write_keys(program->map_fd[MAP_OWN], &wanted);
    free(copy);
    return rc;
}

// The lists first: when `flags` says that they count, they are there.
int maps_write(const struct program *program, const struct settings *settings,
               const struct interface *interface, uint64_t owner, struct config_error *e)
{
    int rc = write_keys(program->map_fd[MAP_DENIED], &settings->denied);

    if (rc == 0)
        rc = write_keys(program->map_fd[MAP_MACS], &settings->macs);
    if (rc == 0)
        rc = write_keys(program->map_fd[MAP_PREFIXES], &settings->prefixes);
    if (rc == 0)
        rc = write_own(program, interface);
    if (rc == 0)
        rc = write_vlans(program, settings, interface);
    if (rc == 0)
        rc = write_settings(program, settings, interface, owner);
    if (rc == -ENOSPC || rc == -E2BIG)
        return failure(e, rc, NULL,
                       "too long a list: at most %d drop-prefixes and addresses, %d mac-addresses",
                       STEER_MAX_PREFIXES, STEER_MAX_MACS);
    if (rc < 0)
        return failure(e, rc, NULL, "can't write the XDP program's maps: %s", strerror(-rc));
    return 0;
}
