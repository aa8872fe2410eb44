// SPDX-License-Identifier: BSD-3-Clause
// Which MACs have not been heard for too long? Main thread, some ten times a second; each call
// looks at a part of the table, so that all is seen in a fifth of the ageing time. Also tells the
// operator, now and then, that MACs could not be learned. What goes by flows is not heard here: of
// a MAC that seems silent for half the time they walk again.

#include <inttypes.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/log.h"
#include "dataplane/switch/state.h"

#define TELL_EACH_SEC 10

static void tell(struct switch_state *state, uint32_t now_sec)
{
    uint64_t n_table = __atomic_load_n(&state->n_table_full, __ATOMIC_RELAXED);
    uint64_t n_port = __atomic_load_n(&state->n_port_full, __ATOMIC_RELAXED);

    if (n_table + n_port == state->n_full_told || now_sec - state->told_sec < TELL_EACH_SEC)
        return;
    log_warn("switch %s/%s: sources not learned so far: %" PRIu64 " at a port's mac-limit, %" PRIu64
             " at the MAC table's size",
             state->tenant, state->name, n_port, n_table);
    state->n_full_told = n_table + n_port;
    state->told_sec = now_sec;
}

void switch_age(struct function *f, const struct generation *generation)
{
    struct switch_state *state = f->state;
    const struct switch_config *config = f->config;
    uint32_t size = mac_table_end(state->table), end, seen_sec;
    uint32_t now_sec = clock_sec();
    uint64_t entry;

    (void)generation;
    tell(state, now_sec);
    if (config->ageing_sec == 0)
        return;
    end = RTE_MIN(size, state->age_cursor + size / (2 * config->ageing_sec) + MAC_BUCKET_SIZE);
    while ((entry = mac_table_next(state->table, &state->age_cursor, end, &seen_sec)) != 0) {
        // A worker's second may be ahead of ours.
        int32_t age_sec = (int32_t)(now_sec - seen_sec);

        if ((entry & MAC_STATIC) || age_sec <= 0)
            continue;
        if ((uint32_t)age_sec >= config->ageing_sec)
            mac_table_del(state->table, entry);
        else if ((uint32_t)age_sec > config->ageing_sec / 2)
            walk_version_bump(mac_table_place(state->table, entry & MAC_ADDRESS));
    }
    if (state->age_cursor >= size)
        state->age_cursor = 0;
}
