// SPDX-License-Identifier: BSD-3-Clause
// How do learned neighbours outlive the process? Main thread: keep() writes them about once a
// second, take() puts those of the process before this one into a router that is new. They come
// back as stale: packets go at once, and the first one begins the probing (RFC 4861, 7.3.3). A
// record is distrusted like a neighbour's own word. Next: session/keep.c.

#include "dataplane/session/keep.h"

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "vnf/router/neighbor.h"

struct kept_neighbor {
    uint8_t family;
    uint8_t reserved;
    uint8_t mac[6];
    uint8_t address[16];
    char interface[API_NAME_SIZE];
};

_Static_assert(sizeof(struct kept_neighbor) <= KEEP_MAX_RECORD, "a record fits");

static void keep_one(struct neighbor_table *t, struct neighbor_entry *e, const void *arg)
{
    const struct router_interface *interface = router_interface_of(arg, neighbor_slot(e));
    uint64_t mac = e->mac & NEIGHBOR_MAC;
    struct kept_neighbor record = {.family = neighbor_family(e)};

    (void)t;
    if (mac == 0 || interface == NULL || e->state == API_NEIGHBOR_STATIC ||
        e->state == API_NEIGHBOR_DYNAMIC || e->state == NEIGHBOR_IDLE)
        return;
    memcpy(record.mac, &mac, sizeof(record.mac));
    memcpy(record.address, e->address, sizeof(record.address));
    memcpy(record.interface, interface->name, sizeof(record.interface));
    keep_add(&record, sizeof(record));
}

void router_keep(const struct function *f)
{
    const struct router_state *state = f->state;

    keep_owner("router", f->tenant, f->name);
    neighbor_each(state->neighbors, keep_one, f->config);
}

struct taking {
    struct router_state *state;
    const struct router_config *config;
};

static const struct router_interface *interface_by_name(const struct router_config *config,
                                                        const char *name)
{
    for (uint32_t i = 0; i < config->n_interfaces; i++)
        if (strncmp(config->interfaces[i].name, name, API_NAME_SIZE) == 0)
            return &config->interfaces[i];
    return NULL;
}

static void learn_stale(struct neighbor_table *t, const struct router_interface *interface,
                        const struct kept_neighbor *record)
{
    struct neighbor_id id = neighbor_id(t, interface->slot, record->family, record->address);
    struct rte_mbuf *lost[2 * NEIGHBOR_MAX_HELD];
    struct neighbor_entry *e;
    unsigned n_lost = 0;

    neighbor_lock(t);
    t->now_tsc = rte_rdtsc();
    e = neighbor_find(t, &id);
    if (e == NULL && t->n_learned < t->limit && neighbor_make_room(t, 1, lost, &n_lost))
        e = neighbor_add(t, &id);
    if (e != NULL && e->mac == 0 && e->static_mac == 0 && e->dynamic_mac == 0) {
        e->confirmed_sec = clock_sec();
        neighbor_set_mac(t, e, neighbor_word(record->mac) | NEIGHBOR_STALE);
        neighbor_set_state(t, e, API_NEIGHBOR_STALE,
                           t->now_tsc + NEIGHBOR_FORGET_SEC * t->second_tsc);
    }
    neighbor_unlock(t);
    rte_pktmbuf_free_bulk(lost, n_lost); // nothing is held yet in a router that is new
}

static void take_one(const void *data, size_t size, void *context)
{
    const struct taking *taking = context;
    const struct router_interface *interface;
    struct kept_neighbor record;
    const char *fault;

    if (size != sizeof(record))
        return;
    memcpy(&record, data, sizeof(record));
    interface = interface_by_name(taking->config, record.interface);
    if (interface == NULL || (record.family != 4 && record.family != 6) ||
        neighbor_check(record.family, record.address, record.mac, &fault) != 0 ||
        router_is_own(interface, record.family, record.address))
        return;
    learn_stale(taking->state->neighbors, interface, &record);
}

void neighbor_take(struct router_state *state, const struct router_config *config)
{
    struct taking taking = {.state = state, .config = config};

    keep_take("router", state->tenant_name, state->name, take_one, &taking);
}
