// SPDX-License-Identifier: BSD-3-Clause
// Which endpoint outside belongs to an endpoint inside? Called by process.c with the NAT's lock
// held: judge() and release() on workers, on the main thread after a restart and where sessions are
// cleared. Allocates nothing: records are reserved memory. Next: choose.c, host.c.

#include <rte_byteorder.h>

#include "vnf/nat/state.h"

static uint32_t hash_inside(const struct nat_state *state, const struct nat_wish *w)
{
    return nat_hash(state->seed, (uint64_t)w->chain << 32 | w->inside,
                    (uint64_t)w->remote << 32 | (uint32_t)w->remote_port << 16 | w->inside_port,
                    w->protocol);
}

static uint32_t hash_outside(const struct nat_state *state, uint8_t protocol, uint32_t outside,
                             uint16_t port)
{
    return nat_hash(state->seed, outside, (uint32_t)protocol << 16 | port, 3);
}

static uint32_t number_of(const struct nat_state *state, const struct nat_binding *b)
{
    return (uint32_t)(b - state->bindings);
}

static int is_of(const struct nat_binding *b, const struct nat_wish *w)
{
    return b->inside == w->inside && b->inside_port == w->inside_port && b->chain == w->chain &&
           b->protocol == w->protocol && b->remote == w->remote && b->remote_port == w->remote_port;
}

struct nat_binding *nat_binding_inside(const struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t number = nat_index_first(&state->by_inside, hash_inside(state, wish));

    for (; number != 0; number = nat_index_next(&state->by_inside, number)) {
        struct nat_binding *b = &state->bindings[number];

        // One whose address has left the pool lives as long as its sessions do, without new ones.
        if (is_of(b, wish) && nat_source_number(wish->source, rte_be_to_cpu_32(b->outside)) >= 0)
            return b;
    }
    return NULL;
}

struct nat_binding *nat_binding_outside(const struct nat_state *state, uint8_t protocol,
                                        uint32_t outside, uint16_t outside_port)
{
    uint32_t hash = hash_outside(state, protocol, outside, outside_port);
    uint32_t number = nat_index_first(&state->by_outside, hash);

    for (; number != 0; number = nat_index_next(&state->by_outside, number)) {
        struct nat_binding *b = &state->bindings[number];

        if (b->outside == outside && b->outside_port == outside_port && b->protocol == protocol)
            return b;
    }
    return NULL;
}

static struct nat_binding *new_record(struct nat_state *state)
{
    struct nat_binding *b;

    if (state->free_binding != 0) {
        b = &state->bindings[state->free_binding];
        state->free_binding = b->by_inside.next;
        return b;
    }
    if (state->n_bindings_ever == NAT_MAX_BINDINGS - 1)
        return NULL;
    __atomic_store_n(&state->n_bindings_ever, state->n_bindings_ever + 1, __ATOMIC_RELAXED);
    return &state->bindings[state->n_bindings_ever];
}

static void free_record(struct nat_state *state, struct nat_binding *b)
{
    b->by_inside.next = state->free_binding;
    state->free_binding = number_of(state, b);
}

// The endpoint outside is the wish's now.
static struct nat_binding *make(struct nat_state *state, const struct nat_wish *w, uint32_t number,
                                uint16_t port)
{
    struct nat_binding *b = new_record(state);
    uint32_t host = b != NULL ? nat_host_get(state, w->chain, w->inside) : 0;

    if (host == 0) {
        if (b != NULL)
            free_record(state, b);
        return NULL;
    }
    *b = (struct nat_binding){.inside = w->inside,
                              .outside = state->addresses[number + 1].outside,
                              .chain = w->chain,
                              .remote = w->remote,
                              .inside_port = w->inside_port,
                              .outside_port = port,
                              .remote_port = w->remote_port,
                              .address = (uint16_t)number,
                              .host = host,
                              .protocol = w->protocol};
    nat_index_add(&state->by_inside, number_of(state, b), hash_inside(state, w));
    nat_index_add(&state->by_outside, number_of(state, b),
                  hash_outside(state, b->protocol, b->outside, port));
    if (state->hosts[host].n_bindings == 1)
        state->hosts[host].outside = b->outside;
    state->addresses[number + 1].n_bindings++;
    state->counters.bound++;
    return b;
}

static void give_port_back(struct nat_state *state, uint8_t protocol, uint32_t number,
                           uint16_t port)
{
    int class = nat_class_of(protocol);

    if (class < 0)
        return;
    port_map_release(nat_map(state, number, class), rte_be_to_cpu_16(port));
    port_set_clear(&state->full[class], number);
    state->n_used[class]--;
}

static int has_all_it_may(const struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t host = nat_host_find(state, wish->chain, wish->inside);

    return host != 0 && wish->config->host_limit != 0 &&
           state->hosts[host].n_bindings >= wish->config->host_limit;
}

struct nat_binding *nat_binding_get(struct nat_state *state, const struct nat_wish *wish,
                                    uint8_t *drop)
{
    struct nat_binding *b = nat_binding_inside(state, wish);
    uint32_t number;
    uint16_t port;

    if (b != NULL)
        return b;
    if (has_all_it_may(state, wish)) {
        state->counters.host_limited++;
        *drop = DROP_NAT_HOST_LIMIT;
        return NULL;
    }
    if (nat_choose(state, wish, &number, &port, drop) < 0) {
        state->counters.no_port += *drop == DROP_NAT_NO_FREE_PORT;
        return NULL;
    }
    b = make(state, wish, number, port);
    if (b == NULL) {
        give_port_back(state, wish->protocol, number, port);
        *drop = DROP_SESSION_NO_MEMORY;
    }
    return b;
}

struct nat_binding *nat_binding_restore(struct nat_state *state, const struct nat_wish *wish,
                                        uint32_t outside, uint16_t outside_port)
{
    struct nat_binding *b = nat_binding_outside(state, wish->protocol, outside, outside_port);
    int number = nat_source_number(wish->source, rte_be_to_cpu_32(outside));
    int class = nat_class_of(wish->protocol);

    if (b != NULL)
        return is_of(b, wish) && number >= 0 ? b : NULL;
    if (number < 0 || nat_binding_inside(state, wish) != NULL)
        return NULL;
    if (class >= 0) {
        struct port_map *map = nat_map(state, (uint32_t)number, class);

        if (port_map_take(map, rte_be_to_cpu_16(outside_port)) < 0)
            return NULL;
        state->n_used[class]++;
    }
    b = make(state, wish, (uint32_t)number, outside_port);
    if (b == NULL)
        give_port_back(state, wish->protocol, (uint32_t)number, outside_port);
    return b;
}

void nat_binding_hold(struct nat_binding *b, int is_inward)
{
    b->n_sessions++;
    b->n_inward += is_inward != 0;
}

// Which of several (an address has left the pool) an inward session has held is not known; the sum
// is right.
void nat_binding_release_inward(struct nat_state *state, const struct nat_wish *wish)
{
    uint32_t number = nat_index_first(&state->by_inside, hash_inside(state, wish));

    for (; number != 0; number = nat_index_next(&state->by_inside, number)) {
        struct nat_binding *b = &state->bindings[number];

        if (!is_of(b, wish) || b->n_inward == 0)
            continue;
        b->n_inward--;
        nat_binding_release(state, b);
        return;
    }
}

void nat_binding_release(struct nat_state *state, struct nat_binding *b)
{
    if (b->n_sessions > 0 && --b->n_sessions > 0)
        return;
    nat_index_del(&state->by_inside, number_of(state, b));
    nat_index_del(&state->by_outside, number_of(state, b));
    give_port_back(state, b->protocol, b->address, b->outside_port);
    nat_host_put(state, b->host);
    state->addresses[b->address + 1U].n_bindings--;
    b->inside = 0;
    b->protocol = 0;
    free_record(state, b);
    state->counters.released++;
}

void nat_remote_add(struct nat_state *state, struct nat_binding *b, uint32_t remote)
{
    uint32_t *known = state->remotes[number_of(state, b)];

    if (nat_remote_is_known(state, b, remote))
        return;
    known[b->next_remote] = remote;
    b->next_remote = (uint8_t)((b->next_remote + 1) % NAT_N_REMOTES);
    if (b->n_remotes < NAT_N_REMOTES)
        b->n_remotes++;
}

int nat_remote_is_known(const struct nat_state *state, const struct nat_binding *b, uint32_t remote)
{
    const uint32_t *known = state->remotes[number_of(state, b)];

    for (unsigned i = 0; i < b->n_remotes; i++)
        if (known[i] == remote)
            return 1;
    return 0;
}
