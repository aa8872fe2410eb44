// SPDX-License-Identifier: BSD-3-Clause
// What changes once workers run the new configuration, and what as time goes by? Routes and
// neighbours become those of the configuration; later, links come and go, pings are given up, and
// what workers can't see any more is freed. Main thread. Next: route_apply.c.

#include "dataplane/core/clock.h"
#include "vnf/router/neighbor.h"
#include "vnf/router/route.h"

#define N_ANNOUNCEMENTS 3 // RFC 4861, 10: MAX_NEIGHBOR_ADVERTISEMENT

static void announce(struct router_slot *slot)
{
    __atomic_store_n(&slot->n_announcements, N_ANNOUNCEMENTS, __ATOMIC_RELAXED);
}

static void set_link(struct router_state *state, const struct router_config *config,
                     const struct router_interface *interface, int is_up)
{
    struct router_slot *slot = &state->slots[interface->slot];

    if (slot->is_up == is_up)
        return;
    __atomic_store_n(&slot->is_up, (uint8_t)is_up, __ATOMIC_RELAXED);
    route_link(state, config, interface->slot);
    if (is_up)
        announce(slot);
    else
        neighbor_link_down(state, interface->slot);
}

static void watch_links(struct router_state *state, const struct router_config *config,
                        const struct generation *generation)
{
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        const struct router_interface *interface = &config->interfaces[i];

        int is_up = attachment_is_up(generation, interface->attachment);

        set_link(state, config, interface, is_up);
        if (interface->kernel_attachment != ATTACHMENT_NONE)
            port_set_carrier(generation->attachments[interface->kernel_attachment].port, is_up);
    }
}

static int is_same_face(const struct router_interface *a, const struct router_interface *b)
{
    return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->n_addresses == b->n_addresses &&
           memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(*a->addresses)) == 0;
}

// Neighbours are told of addresses and MACs that are new.
static void announce_changes(struct router_state *state, const struct router_config *config)
{
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        const struct router_interface *new = &config->interfaces[i], *old = NULL;

        if (state->active != NULL)
            old = router_interface_of(state->active, new->slot);
        if (old == NULL || !is_same_face(old, new))
            announce(&state->slots[new->slot]);
    }
}

void router_activate(struct function *f, const struct generation *generation)
{
    struct router_state *state = f->state;
    const struct router_config *config = f->config;

    watch_links(state, config, generation);
    neighbor_apply(state, config, config->neighbor_plan);
    if (state->active == NULL)
        neighbor_take(state, config);
    route_apply(state, config);
    announce_changes(state, config);
    state->active = config;
}

void router_ping_expire(struct router_state *state)
{
    for (unsigned i = 0; i < ROUTER_MAX_PINGS; i++) {
        struct router_ping *ping = &state->pings[i];
        uint32_t ping_state = __atomic_load_n(&ping->state, __ATOMIC_ACQUIRE);

        if (ping_state == PING_FREE || ping_state == PING_FINISHING ||
            clock_sec() - ping->started_sec < ROUTER_PING_SEC)
            continue;
        (void)__atomic_compare_exchange_n(&ping->state, &ping_state, PING_FREE, 0, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED);
    }
}

void router_age(struct function *f, const struct generation *generation)
{
    struct router_state *state = f->state;

    watch_links(state, f->config, generation);
    router_ping_expire(state);
    route_reclaim();
}
