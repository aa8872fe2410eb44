// SPDX-License-Identifier: BSD-3-Clause
// Which sessions do the packets of a burst belong to? In stages, each fetching for the whole burst
// what the next one reads: buckets, then records. Called by the chain on a worker. Next: table.c,
// which asks again where what was seen at first sight is not the whole truth.

#include "dataplane/session/table.h"

#include <rte_prefetch.h>

#include "dataplane/core/packet.h"
#include "dataplane/session/opening.h"

#define LINE 64

uint32_t openings[OPENING_N + 1] __attribute__((aligned(64)));

struct sight {
    uint32_t hash;
    uint32_t value; // of the first entry with this hash; 0: none
    int is_sure;    // none, and nobody was moving entries meanwhile
};

static void look(struct sight *sight, struct session_hit *hit)
{
    const struct index *x = &session_table.index;
    uint32_t sequence;
    const struct index_line *line = index_read_begin(x, sight->hash, &sequence);
    const char *record;

    sight->value = index_look(x, line, sight->hash);
    sight->is_sure = sight->value == 0 && index_read_is_sure(x, sight->hash, line, sequence);
    hit->session = NULL;
    if (sight->value == 0)
        return;
    hit->session = table_record(sight->value >> 1);
    record = (const char *)hit->session;
    rte_prefetch0(record);
    if ((sight->value & 1) == SESSION_REPLY)
        rte_prefetch0(record + LINE);
    rte_prefetch0(record + 2 * LINE);
    rte_prefetch0(record + 3 * LINE);
}

void session_find_burst(const struct session_query *const *queries, struct session_hit *hits,
                        unsigned n)
{
    struct sight sights[BURST_SIZE];
    const struct session_query *missed[BURST_SIZE];
    unsigned n_missed = 0;

    for (unsigned i = 0; i < n; i++) {
        const struct session_query *q = queries[i];

        sights[i].hash = hash_key(q->chain, q->side, &q->tuple);
        rte_prefetch0(index_line(&session_table.index, sights[i].hash));
    }
    for (unsigned i = 0; i < n; i++)
        look(&sights[i], &hits[i]);
    for (unsigned i = 0; i < n; i++) {
        const struct session_query *q = queries[i];

        hits[i].direction = sights[i].value & 1;
        hits[i].hash = sights[i].hash;
        if (sights[i].is_sure) {
            missed[n_missed++] = q;
            continue;
        }
        if (hits[i].session == NULL ||
            !table_is_key(hits[i].session, hits[i].direction, q->chain, q->side, &q->tuple))
            hits[i].session = table_find(q, sights[i].hash, &hits[i].direction);
    }
    if (n_missed > 1 && session_hooks.on_miss != NULL)
        session_hooks.on_miss(missed, n_missed);
}

uint16_t opening_place_of(const struct session_query *query)
{
    return opening_place(hash_key(query->chain, query->side, &query->tuple));
}
