// SPDX-License-Identifier: BSD-3-Clause
// Which neighbours has a daemon installed, and what goes with a link? Main thread: requests of the
// control socket for the running configuration, and links that went down. Such entries lie beside a
// static one of the same address, which comes first, and above what was learned. Next:
// neighbor_show.c.

#include "vnf/router/neighbor.h"

#include <errno.h>

static int check_change(const struct router_config *config,
                        const struct api_neighbor_change *change, uint32_t index, struct error *e)
{
    const char *fault;

    if (change->interface >= config->n_interfaces)
        return error_set(e, -EINVAL, NULL, "neighbour %u is at interface %u, there are %u", index,
                         change->interface, config->n_interfaces);
    if (neighbor_check(change->family, change->address, change->is_delete ? NULL : change->mac,
                       &fault) != 0)
        return error_set(e, -EINVAL, NULL, "neighbour %u %s", index, fault);
    if (!change->is_delete &&
        router_is_own(&config->interfaces[change->interface], change->family, change->address))
        return error_set(e, -EINVAL, NULL, "neighbour %u has an address of the interface itself",
                         index);
    return 0;
}

static int carry_out(struct neighbor_table *t, const struct router_config *config,
                     const struct api_neighbor_change *change, uint32_t epoch)
{
    struct neighbor_id id =
        neighbor_id(t, config->interfaces[change->interface].slot, change->family, change->address);
    uint64_t mac = change->is_delete ? 0 : neighbor_word(change->mac);
    struct neighbor_entry *e;
    int rc = 0;

    neighbor_lock(t);
    e = neighbor_find(t, &id);
    if (e == NULL && !change->is_delete) {
        // As many places are left for those that are learned.
        e = t->n_used < NEIGHBOR_MAX_ENTRIES / 2 + t->n_learned ? neighbor_add(t, &id) : NULL;
        rc = e == NULL ? -ENOSPC : 0;
    }
    if (e != NULL) {
        uint64_t old = e->dynamic_mac;

        e->dynamic_mac = mac;
        e->epoch = epoch;
        if (old != mac)
            neighbor_settle(t, e);
    }
    neighbor_unlock(t);
    return rc;
}

int neighbor_dynamic_change(struct router_state *state, const struct router_config *config,
                            const struct function_request *request, struct error *e)
{
    const uint8_t *items = request->items;
    struct api_neighbor_change change;
    int rc;

    for (uint32_t i = 0; i < request->n_items; i++) {
        memcpy(&change, items + i * sizeof(change), sizeof(change));
        rc = check_change(config, &change, i, e);
        if (rc != 0)
            return rc;
    }
    for (uint32_t i = 0; i < request->n_items; i++) {
        memcpy(&change, items + i * sizeof(change), sizeof(change));
        rc = carry_out(state->neighbors, config, &change, request->epoch);
        if (rc != 0)
            return error_set(e, rc, NULL, "no room for neighbour %u", i);
    }
    return 0;
}

static void sweep_one(struct neighbor_table *t, struct neighbor_entry *e, const void *arg)
{
    const uint32_t *epoch = arg;

    if (e->dynamic_mac == 0 || e->epoch == *epoch)
        return;
    e->dynamic_mac = 0;
    neighbor_settle(t, e);
}

void neighbor_dynamic_sweep(struct router_state *state, uint32_t epoch)
{
    neighbor_each(state->neighbors, sweep_one, &epoch);
}

static void forget_at(struct neighbor_table *t, struct neighbor_entry *e, const void *arg)
{
    const uint16_t *slot = arg;

    if (neighbor_slot(e) == *slot && e->state != API_NEIGHBOR_STATIC &&
        e->state != API_NEIGHBOR_DYNAMIC && e->state != NEIGHBOR_IDLE)
        neighbor_give_up(t, e);
}

void neighbor_link_down(struct router_state *state, uint16_t slot)
{
    neighbor_each(state->neighbors, forget_at, &slot);
}
