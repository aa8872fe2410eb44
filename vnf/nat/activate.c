// SPDX-License-Identifier: BSD-3-Clause
// What changes once workers run the new configuration, and what as time goes by? Ports that rest
// become free, memory is backed ahead of need, addresses that are no longer configured are let go
// of, exhaustion is told to the operator. Main thread, some ten times a second. Next: state.c.

#include "dataplane/core/clock.h"
#include "dataplane/core/log.h"
#include "vnf/nat/state.h"

#define ADDRESSES_AT_ONCE 256 // whose ports are looked at in one go
#define LOG_SEC 10            // between lines on exhaustion

// Ports may be there now that were not in the range.
static void forget_full(struct nat_state *state)
{
    nat_lock(state);
    memset(state->full, 0, sizeof(state->full));
    nat_unlock(state);
}

void nat_activate(struct function *f, const struct generation *generation)
{
    struct nat_state *state = f->state;

    (void)generation;
    state->active = f->config;
    forget_full(state);
    nat_address_sweep(state);
    nat_state_back(state, f->config);
}

static void rotate_address(struct nat_state *state, uint32_t number)
{
    for (int k = 0; k < NAT_N_CLASSES; k++) {
        nat_lock(state);
        port_map_rotate(nat_map(state, number, k));
        nat_unlock(state);
    }
}

// Each period all maps in turn, some in each call.
static void rotate(struct nat_state *state)
{
    uint32_t now_sec = clock_sec();

    if (state->rotate_address >= state->n_addresses_ever) {
        if (now_sec - state->rotate_sec < NAT_REST_SEC)
            return;
        state->rotate_sec = now_sec;
        state->rotate_address = 0;
    }
    for (unsigned i = 0; i < ADDRESSES_AT_ONCE && state->rotate_address < state->n_addresses_ever;
         i++)
        rotate_address(state, state->rotate_address++);
}

static void tell_exhaustion(struct nat_state *state)
{
    uint64_t n = __atomic_load_n(&state->counters.no_port, __ATOMIC_RELAXED);

    if (n == state->logged_no_port ||
        (state->logged_no_port != 0 && clock_sec() - state->logged_sec < LOG_SEC))
        return;
    log_warn("nat %s/%s: no outside port left for %lu packets", state->tenant_name, state->name,
             n - state->logged_no_port);
    state->logged_no_port = n;
    state->logged_sec = clock_sec();
}

static uint32_t n_used(const uint32_t *n_ever)
{
    return __atomic_load_n(n_ever, __ATOMIC_RELAXED);
}

void nat_tend(const struct function *f)
{
    nat_state_back(f->state, f->config);
}

void nat_age(struct function *f, const struct generation *generation)
{
    struct nat_state *state = f->state;

    (void)generation;
    __atomic_store_n(&state->epoch, state->epoch + 1, __ATOMIC_RELAXED);
    rotate(state);
    if (state->n_left > 0)
        nat_address_sweep(state);
    nat_state_back(state, f->config);
    state->backed_bindings.n_ever_before = n_used(&state->n_bindings_ever);
    state->backed_hosts.n_ever_before = n_used(&state->n_hosts_ever);
    tell_exhaustion(state);
}
