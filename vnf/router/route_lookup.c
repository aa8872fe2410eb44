// SPDX-License-Identifier: BSD-3-Clause
// Which group has a destination? Worker, called by process.c for a burst: the prefix table gives a
// value, the array its group. What was taken out of either stays until this worker's burst is over.
// Next: output.c, with one of the group's paths.

#include "vnf/router/route_table.h"

// The array must not be older than the values.
static void to_groups(const struct route_table *t, const uint32_t *values,
                      const struct route_group **groups, unsigned n)
{
    const struct route_array *array;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    array = __atomic_load_n(&t->array, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++)
        groups[i] = __atomic_load_n(&array->groups[values[i]], __ATOMIC_ACQUIRE);
}

void route_prefetch4(const struct router_state *state, uint32_t address)
{
    prefix_table_prefetch4(state->routes->active[0], address);
}

void route_lookup4(const struct router_state *state, const uint32_t *addresses,
                   const struct route_group **groups, unsigned n)
{
    uint32_t values[BURST_SIZE];

    prefix_table_lookup4(state->routes->active[0], addresses, values, n);
    to_groups(state->routes, values, groups, n);
}

void route_lookup6(const struct router_state *state, const uint8_t (*addresses)[16],
                   const struct route_group **groups, unsigned n)
{
    uint32_t values[BURST_SIZE];

    prefix_table_lookup6(state->routes->active[1], addresses, values, n);
    to_groups(state->routes, values, groups, n);
}
