// SPDX-License-Identifier: BSD-3-Clause
// What does the operator see of a chain? Its ends, its guests, its counters, summed over segments;
// of a plain cable its ends only. Main thread, called by server/transaction.c. Next: list.c for
// sessions.

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/chain/segment.h"
#include "dataplane/chain/state.h"

static const struct chain_cable *find_cable(const struct generation *generation, const char *tenant,
                                            const char *name)
{
    for (uint32_t i = 0; generation != NULL && i < generation->n_chains; i++)
        if (strcmp(generation->chains[i].name, name) == 0 &&
            strcmp(generation->chains[i].tenant, tenant) == 0)
            return &generation->chains[i];
    return NULL;
}

static void add_counters(struct api_chain_state *item, const struct chain_state *state)
{
    for (unsigned row = 0; row <= API_MAX_WORKERS; row++) {
        const struct chain_counters *c = &state->counters[row];

#define ADD(name, text) item->name += __atomic_load_n(&c->name, __ATOMIC_RELAXED);
        API_CHAIN_COUNTERS(ADD)
#undef ADD
    }
}

static void add_segment(struct api_chain_state *item, const struct generation *generation,
                        const struct function *f)
{
    const struct chain_config *config = f->config;
    const struct attachment *outside = &generation->attachments[f->first_attachment + 1];
    uint32_t n_sessions, n_half_open;

    session_chain_counts(config->id, &n_sessions, &n_half_open);
    item->n_sessions += n_sessions;
    item->n_half_open += n_half_open;
    item->n_functions = (uint8_t)(item->n_functions + config->n_stages);
    add_counters(item, f->state);
    if (outside->guest_port == NULL)
        return;
    item->n_functions++;
    if (attachment_has_guest_up(outside))
        return;
    item->n_guests_down++;
    item->n_bypassed = (uint8_t)(item->n_bypassed + outside->is_passed_by);
}

// Segments are neighbours, from the one with the chain's inside to the one with its outside.
static void add_segments(struct api_chain_state *item, const struct generation *generation,
                         const struct chain_cable *cable)
{
    uint32_t first = generation->attachments[cable->sides[SESSION_INSIDE]].function;
    uint32_t last = generation->attachments[cable->sides[SESSION_OUTSIDE]].function;

    for (uint32_t i = first; i <= last; i++)
        add_segment(item, generation, &generation->functions[i]);
}

int chain_show(struct function_request *request, struct error *e)
{
    struct api_chain_state *item = request->answer;
    const struct chain_cable *cable;
    struct api_show_chain show;

    memcpy(&show, request->items, sizeof(show));
    cable = find_cable(request->generation, show.tenant, show.name);
    if (cable == NULL)
        return error_set(e, -ENOENT, NULL, "there is no such chain");
    memset(item, 0, sizeof(*item));
    snprintf(item->tenant, sizeof(item->tenant), "%s", cable->tenant);
    snprintf(item->name, sizeof(item->name), "%s", cable->name);
    item->is_inside_up = (uint8_t)chain_end_is_up(request->generation, cable, SESSION_INSIDE);
    item->is_outside_up = (uint8_t)chain_end_is_up(request->generation, cable, SESSION_OUTSIDE);
    if (cable->has_functions)
        add_segments(item, request->generation, cable);
    request->answer_type = API_CHAIN_STATE;
    request->n_answers = 1;
    return 0;
}
