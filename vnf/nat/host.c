// SPDX-License-Identifier: BSD-3-Clause
// How many bindings does an inside host have, and which outside address is paired with it? Called
// by binding.c with the NAT's lock held, on workers and (restore) the main thread. A host is known
// while it has a binding. Next: binding.c.

#include "vnf/nat/state.h"

uint32_t nat_host_hash(const struct nat_state *state, uint32_t chain, uint32_t inside)
{
    return nat_hash(state->seed, chain, inside, 1);
}

uint32_t nat_host_find(struct nat_state *state, uint32_t chain, uint32_t inside)
{
    uint32_t number = nat_index_first(&state->by_host, nat_host_hash(state, chain, inside));

    while (number != 0 &&
           (state->hosts[number].inside != inside || state->hosts[number].chain != chain))
        number = nat_index_next(&state->by_host, number);
    return number;
}

uint32_t nat_host_make(struct nat_state *state, uint32_t chain, uint32_t inside)
{
    uint32_t number = state->free_host;

    if (number != 0) {
        state->free_host = state->hosts[number].link.next;
    } else if (state->n_hosts_ever < NAT_MAX_BINDINGS - 1) {
        number = state->n_hosts_ever + 1;
        __atomic_store_n(&state->n_hosts_ever, number, __ATOMIC_RELAXED);
    } else {
        return 0;
    }
    state->hosts[number] = (struct nat_host){.chain = chain, .inside = inside};
    nat_index_add(&state->by_host, number, nat_host_hash(state, chain, inside));
    return number;
}

void nat_host_put(struct nat_state *state, uint32_t number)
{
    struct nat_host *h = &state->hosts[number];

    if (--h->n_bindings > 0)
        return;
    nat_index_del(&state->by_host, number);
    h->link.next = state->free_host;
    state->free_host = number;
}
