// SPDX-License-Identifier: BSD-3-Clause
// Which number has an outside address, and which of its ports are not handed out? Called by
// config.c and activate.c on the main thread; workers use the numbers at the same time, so the lock
// is taken, for some ports or one address at a time. Next: config.c.

#include <errno.h>

#include <sys/mman.h>
#include <unistd.h>

#include <rte_byteorder.h>
#include <rte_common.h>

#include "vnf/nat/state.h"

#define PORTS_AT_ONCE 64

static uint32_t hash_of(const struct nat_state *state, uint32_t address)
{
    return nat_hash(state->seed, address, 0, 4);
}

static uint32_t find(struct nat_state *state, uint32_t outside, uint32_t hash)
{
    uint32_t at = nat_index_first(&state->by_address, hash);

    while (at != 0 && state->addresses[at].outside != outside)
        at = nat_index_next(&state->by_address, at);
    return at;
}

int nat_address_get(struct nat_state *state, uint32_t address, uint32_t *number)
{
    uint32_t outside = rte_cpu_to_be_32(address), hash = hash_of(state, outside);
    uint32_t at = find(state, outside, hash);

    if (at == 0) {
        int lowest = port_set_find(&state->numbered, 0, NAT_MAX_ADDRESSES - 1);

        if (lowest < 0)
            return -ENOSPC;
        port_set_fill(&state->numbered, (uint32_t)lowest);
        at = (uint32_t)lowest + 1;
        state->n_addresses_ever = RTE_MAX(state->n_addresses_ever, at);
        state->addresses[at] = (struct nat_address){.outside = outside};
        nat_index_add(&state->by_address, at, hash);
    } else if (state->addresses[at].n_references == 0) {
        state->n_left--;
    }
    state->addresses[at].n_references++;
    *number = at - 1;
    return 0;
}

void nat_address_put(struct nat_state *state, uint32_t number)
{
    if (--state->addresses[number + 1].n_references == 0)
        state->n_left++;
}

// Nobody has the number now: its maps are empty again.
static void forget(struct nat_state *state, uint32_t at)
{
    struct port_map *maps = nat_map(state, at - 1, 0);

    nat_lock(state);
    memset(maps, 0, NAT_N_CLASSES * sizeof(*maps));
    for (unsigned k = 0; k < NAT_N_CLASSES; k++)
        port_set_clear(&state->full[k], at - 1);
    nat_unlock(state);
    nat_index_del(&state->by_address, at);
    state->addresses[at].outside = 0;
    port_set_clear(&state->numbered, at - 1);
    state->n_left--;
}

void nat_address_sweep(struct nat_state *state)
{
    for (uint32_t at = 1; state->n_left > 0 && at <= state->n_addresses_ever; at++) {
        const struct nat_address *a = &state->addresses[at];

        if (a->outside != 0 && a->n_references == 0 &&
            __atomic_load_n(&a->n_bindings, __ATOMIC_RELAXED) == 0)
            forget(state, at);
    }
}

static int is_forwarded(const struct nat_config *config, const struct nat_forward *key)
{
    uint32_t to;
    uint16_t to_port;

    return config != NULL &&
           nat_forward_find(config->forwards_in, config->n_forwards, key, &to, &to_port);
}

// One port of a forward, if its address is in a pool.
static void set_reserved(struct nat_state *state, const struct nat_forward *key, int is_reserved)
{
    uint32_t outside = rte_cpu_to_be_32(key->from);
    uint32_t at = find(state, outside, hash_of(state, outside));
    int class = nat_class_of(key->protocol);
    struct port_map *map;

    if (at == 0)
        return;
    map = nat_map(state, at - 1, class);
    if (is_reserved) {
        port_map_reserve(map, key->first);
        return;
    }
    port_map_unreserve(
        map, key->first,
        nat_binding_outside(state, key->protocol, outside, rte_cpu_to_be_16(key->first)) != NULL);
    port_set_clear(&state->full[class], at - 1);
}

static void each_port(struct nat_state *state, const struct nat_config *config,
                      const struct nat_config *keep, int is_reserved)
{
    for (uint32_t i = 0; i < config->n_forwards; i++) {
        struct nat_forward key = config->forwards_in[i];

        for (uint32_t port = config->forwards_in[i].first; port <= config->forwards_in[i].last;) {
            nat_lock(state);
            for (unsigned n = 0; n < PORTS_AT_ONCE && port <= config->forwards_in[i].last; n++) {
                key.first = (uint16_t)port++;
                if (is_reserved || !is_forwarded(keep, &key))
                    set_reserved(state, &key, is_reserved);
            }
            nat_unlock(state);
        }
    }
}

void nat_reserve(struct nat_state *state, const struct nat_config *config)
{
    each_port(state, config, NULL, 1);
}

void nat_unreserve(struct nat_state *state, const struct nat_config *config,
                   const struct nat_config *keep)
{
    each_port(state, config, keep, 0);
}
