// SPDX-License-Identifier: BSD-3-Clause
// What changes once workers run the new configuration of a chain? Main thread, after the grace
// period: nobody judges by the old one any more, so nothing is put into the slots of functions that
// have left. Sessions are judged again by their next packet or by ageing. Next: process.c.

#include "dataplane/chain/state.h"

uint32_t chain_stamp(const struct chain_config *config)
{
    uint32_t stamp = config->stamp_base;

    // Odd factors: one version that changes makes another stamp for sure.
    for (uint32_t i = 0; i < config->n_stages; i++) {
        const struct function *f = config->stages[i].f;

        stamp = stamp * 0x9e3779b1U + f->ops->version(f);
    }
    return stamp;
}

void chain_activate(struct function *f, const struct generation *generation)
{
    struct chain_config *config = f->config;
    struct chain_state *state = f->state;

    (void)generation;
    session_tenant_configure(config->tenant, &config->tenant_item);
    __atomic_store_n(&state->active, f, __ATOMIC_RELEASE);
    chain_slots_release_others(state, config);
    chain_slots_save(state);
}
