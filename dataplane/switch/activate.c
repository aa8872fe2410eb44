// SPDX-License-Identifier: BSD-3-Clause
// What changes once workers run the new configuration? Main thread, after the grace period and
// before the old generation is freed: nobody learns by the old one any more, so the MACs of members
// that are gone stay gone. Workers go on forwarding all the while. Next: age.c, process.c.

#include <stdlib.h>

#include "dataplane/core/log.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/switch/state.h"

static int has_entry(const struct switch_config *config, uint64_t entry)
{
    if (entry & MAC_STATIC)
        return bsearch(&entry, config->statics, config->n_statics, sizeof(entry),
                       switch_compare_entries) != NULL;
    return switch_side_of(config, entry) != SIDE_NONE;
}

// Add to `to` what it does not have of what this configuration wants of `from`.
static void copy(struct mac_table *to, const struct mac_table *from,
                 const struct switch_config *config)
{
    uint32_t cursor = 0, seen_sec;
    uint64_t entry;

    while ((entry = mac_table_next(from, &cursor, mac_table_end(from), &seen_sec)) != 0) {
        uint64_t key = entry & MAC_ADDRESS;
        uint16_t slot = (uint16_t)(entry & MAC_MEMBER);

        if (!has_entry(config, entry) || mac_table_find(to, key, mac_hash(to, key)) != 0)
            continue;
        if (entry & MAC_STATIC)
            (void)mac_table_add_static(to, key, slot);
        else
            (void)mac_table_learn(to, key, slot, UINT32_MAX, seen_sec);
    }
}

// What found no room in the new table, or moved meanwhile, is not where flows have it.
static void tell_lost(const struct mac_table *from, const struct mac_table *to)
{
    uint32_t cursor = 0;
    uint64_t entry;

    while ((entry = mac_table_next(from, &cursor, mac_table_end(from), NULL)) != 0) {
        uint64_t key = entry & MAC_ADDRESS;

        if (mac_table_find(to, key, mac_hash(to, key)) != entry)
            walk_version_bump(mac_table_place(to, key));
    }
}

// Change to a table of another size. It is filled before workers see it, so that they need not
// flood, and once more with what they learned in the old one meanwhile.
static void take_table(struct switch_state *state, struct switch_config *config)
{
    struct mac_table *old = state->table, *table = config->next_table;

    for (uint32_t i = 0; i < config->n_members; i++)
        mac_table_set_port(table, config->members[i].slot, config->members[i].port->id);
    copy(table, old, config);
    __atomic_store_n(&state->table, table, __ATOMIC_RELEASE);
    qsbr_wait();
    copy(table, old, config);
    tell_lost(old, table);
    mac_table_destroy(old);
    config->next_table = NULL;
    state->age_cursor = 0;
}

// Whether all that `old` may have brought into the table belongs to `config` too.
static int includes(const struct switch_config *config, const struct switch_config *old)
{
    for (uint32_t i = 0; i < old->n_members; i++)
        if (switch_side_of(config, old->members[i].slot) == SIDE_NONE)
            return 0;
    for (uint32_t i = 0; i < old->n_statics; i++)
        if (!has_entry(config, old->statics[i]))
            return 0;
    return 1;
}

static void forget_others(struct mac_table *table, const struct switch_config *config)
{
    uint32_t cursor = 0;
    uint64_t entry;

    while ((entry = mac_table_next(table, &cursor, mac_table_end(table), NULL)) != 0)
        if (!has_entry(config, entry))
            mac_table_del(table, entry);
}

void switch_activate(struct function *f, const struct generation *generation)
{
    struct switch_state *state = f->state;
    struct switch_config *config = f->config;
    uint32_t n_failed = 0;

    (void)generation;
    if (config->next_table != NULL)
        take_table(state, config);
    if (state->active == NULL)
        switch_take(state, config);
    for (uint32_t i = 0; i < config->n_statics; i++)
        if (mac_table_add_static(state->table, config->statics[i] & MAC_ADDRESS,
                                 (uint16_t)(config->statics[i] & MAC_MEMBER)) != 0)
            n_failed++;
    // After the static ones, so that one which changes its member is never unknown.
    if (state->active != NULL && !includes(config, state->active))
        forget_others(state->table, config);
    if (n_failed > 0)
        log_warn("switch %s/%s: %u static MACs find no room: make the MAC table larger",
                 state->tenant, state->name, n_failed);
    state->active = config;
}
