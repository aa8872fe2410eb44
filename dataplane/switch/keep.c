// SPDX-License-Identifier: BSD-3-Clause
// How do learned MACs outlive the process? Main thread: keep() writes them about once a second,
// take() puts those of the process before this one into a switch that is new, once, before its
// configuration is in effect. A record is distrusted: its member must be in the configuration, its
// MAC one that could be learned. Next: session/keep.c.

#include "dataplane/session/keep.h"

#include <stdio.h>

#include "dataplane/core/clock.h"
#include "dataplane/switch/state.h"

struct kept_mac {
    uint8_t mac[6];
    uint8_t is_chain;
    uint8_t reserved;
    uint32_t vlans; // as of a slot; 0 of a chain
    uint32_t age_sec;
    char tenant[API_NAME_SIZE]; // of the port or the chain
    char name[API_NAME_SIZE];
};

_Static_assert(sizeof(struct kept_mac) <= KEEP_MAX_RECORD, "a record fits");

void switch_keep(const struct function *f)
{
    const struct switch_state *state = f->state;
    uint32_t cursor = 0, seen_sec;
    uint64_t entry;

    keep_owner("switch", f->tenant, f->name);
    while ((entry = mac_table_next(state->table, &cursor, mac_table_end(state->table),
                                   &seen_sec)) != 0) {
        const struct switch_slot *slot = &state->slots[entry & MAC_MEMBER];
        uint64_t address = rte_cpu_to_le_64(entry >> 16);
        int32_t age_sec = (int32_t)(clock_sec() - seen_sec);
        struct kept_mac record = {.age_sec = age_sec < 0 ? 0 : (uint32_t)age_sec};

        if ((entry & MAC_STATIC) || slot->port == NULL)
            continue;
        memcpy(record.mac, &address, sizeof(record.mac));
        record.is_chain = slot->vlans == SLOT_CHAIN;
        record.vlans = record.is_chain ? 0 : slot->vlans;
        memcpy(record.tenant, slot->port->tenant, sizeof(record.tenant));
        memcpy(record.name, slot->port->name, sizeof(record.name));
        keep_add(&record, sizeof(record));
    }
}

struct taking {
    struct switch_state *state;
    const struct switch_config *config;
    const struct switch_member *last; // records of one member follow each other, often
};

static int is_member(const struct taking *t, const struct switch_member *member,
                     const struct kept_mac *record)
{
    uint32_t vlans = record->is_chain ? SLOT_CHAIN : record->vlans;

    return t->state->slots[member->slot].vlans == vlans &&
           strncmp(member->port->name, record->name, API_NAME_SIZE) == 0 &&
           strncmp(member->port->tenant, record->tenant, API_NAME_SIZE) == 0;
}

static const struct switch_member *find_member(struct taking *t, const struct kept_mac *record)
{
    if (t->last != NULL && is_member(t, t->last, record))
        return t->last;
    for (uint32_t i = 0; i < t->config->n_members; i++)
        if (is_member(t, &t->config->members[i], record))
            return t->last = &t->config->members[i];
    return NULL;
}

static void take_one(const void *data, size_t size, void *context)
{
    struct taking *t = context;
    const struct switch_member *member;
    struct kept_mac record;
    uint64_t key;

    if (size != sizeof(record))
        return;
    memcpy(&record, data, sizeof(record));
    key = mac_key(record.mac);
    if (key == 0 || (key & MAC_GROUP) ||
        (t->config->ageing_sec != 0 && record.age_sec >= t->config->ageing_sec))
        return;
    member = find_member(t, &record);
    if (member != NULL)
        (void)mac_table_learn(t->state->table, key, member->slot, member->mac_limit,
                              clock_sec() - record.age_sec);
}

void switch_take(struct switch_state *state, const struct switch_config *config)
{
    struct taking t = {.state = state, .config = config};

    keep_take("switch", state->tenant, state->name, take_one, &t);
}
