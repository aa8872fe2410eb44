// SPDX-License-Identifier: BSD-3-Clause
// What has the switch learned? Main thread: server/ answers API_LIST_MACS with it and fills the
// counter segment. The table changes while it is read: a listing is no snapshot. Next:
// server/transaction.c, which sends it.

#include <stdio.h>

#include "dataplane/core/clock.h"
#include "dataplane/switch/state.h"
#include "dataplane/switch/switch.h"

static void describe(struct api_mac *item, uint64_t entry, uint32_t seen_sec,
                     const struct attachment *a)
{
    uint64_t address = rte_cpu_to_le_64(entry >> 16);
    int32_t age_sec = (int32_t)(clock_sec() - seen_sec);

    memset(item, 0, sizeof(*item));
    memcpy(item->mac, &address, sizeof(item->mac));
    item->is_static = (entry & MAC_STATIC) != 0;
    item->age_sec = item->is_static || age_sec < 0 ? 0 : (uint32_t)age_sec;
    item->is_chain = a->port == NULL;
    snprintf(item->port_tenant, sizeof(item->port_tenant), "%s",
             item->is_chain ? a->chain_tenant : a->port->tenant);
    snprintf(item->port, sizeof(item->port), "%s",
             item->is_chain ? a->chain : a->port->config.name);
    item->outer_vlan = a->outer_vlan;
    item->inner_vlan = a->inner_vlan;
}

int switch_request(struct function *f, struct function_request *request, struct error *e)
{
    uint32_t n_max = (uint32_t)(request->answer_size / sizeof(struct api_mac)), n = 0;
    const struct mac_table *table = ((const struct switch_state *)f->state)->table;
    uint32_t end = mac_table_end(table), cursor, seen_sec;
    struct api_mac *items = request->answer;
    struct api_list_macs list;
    uint64_t entry;

    (void)e;
    memcpy(&list, request->items, sizeof(list));
    cursor = list.cursor;
    while (n < n_max && (entry = mac_table_next(table, &cursor, end, &seen_sec)) != 0) {
        uint16_t side = switch_side_of(f->config, entry);

        if (side != SIDE_NONE)
            describe(&items[n++], entry, seen_sec,
                     &request->generation->attachments[f->first_attachment + side]);
    }
    if (n == 0)
        memset(&items[n++], 0, sizeof(*items));
    items[n - 1].next = cursor < end ? cursor : 0;
    request->answer_type = API_MACS;
    request->n_answers = n;
    return 0;
}

void switch_count_macs(const struct generation *generation, uint32_t *n_macs)
{
    for (uint32_t i = 0; i < generation->n_functions; i++) {
        const struct function *f = &generation->functions[i];
        const struct switch_config *config = f->config;
        const struct switch_state *state = f->state;
        uint8_t is_counted[MAC_TABLE_MAX_PORTS] = {0}; // a port with several VLANs counts once

        if (f->ops != &switch_ops)
            continue;
        for (uint32_t side = 0; side < config->n_members; side++) {
            uint16_t id = config->members[side].port->id;
            const struct attachment *a = &generation->attachments[f->first_attachment + side];

            if (!is_counted[id] && a->port != NULL)
                n_macs[a->port->slot] += mac_table_n_of_port(state->table, id);
            is_counted[id] = 1;
        }
    }
}
