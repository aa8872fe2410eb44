// SPDX-License-Identifier: BSD-3-Clause
// What is a segment of a chain in the next generation? Called while server/ builds or frees a
// generation, main thread, on a model that check_chains.c has passed; the functions on the chain
// are made already. Must not change what the running generation sees. Next: restore.c, activate.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "dataplane/chain/segment.h"
#include "dataplane/chain/state.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/track.h"

#define HOME_MS (24U * 3600 * 1000)

static const struct {
    const char *kind;
    enum api_type type;
    uint32_t name_offset;
} kinds[API_FUNCTION_N_KINDS] = {
    [API_FUNCTION_FIREWALL] = {"firewall", API_FIREWALL, offsetof(struct api_firewall, name)},
    [API_FUNCTION_NAT] = {"nat", API_NAT, offsetof(struct api_nat, name)},
};

static uint32_t chain_n_instances(const struct model *model)
{
    return chain_segment_count(model);
}

static const struct api_chain *chain_item(const struct model *model, uint32_t index)
{
    uint32_t n;

    return (const struct api_chain *)model_items(model, API_CHAIN, &n) + index;
}

static const struct api_tenant *tenant_item(const struct model *model, uint32_t index)
{
    uint32_t n;

    return (const struct api_tenant *)model_items(model, API_TENANT, &n) + index;
}

static void chain_identify(const struct model *model, uint32_t index, const char **tenant,
                           const char **name, uint32_t *n_sides)
{
    static char segment_name[API_NAME_SIZE]; // until the next call
    struct chain_segment segment = chain_segment_find(model, index);

    chain_segment_name(model, &segment, segment_name);
    *tenant = tenant_item(model, chain_item(model, segment.chain)->owner)->name;
    *name = segment_name;
    *n_sides = 2;
}

static const struct function *find_function(const struct generation *generation,
                                            const struct model *model, const char *tenant,
                                            const struct api_chain_function *item)
{
    uint32_t n;
    const char *items = model_items(model, kinds[item->kind].type, &n);
    const char *name = items + item->index * api_message(kinds[item->kind].type)->item_size +
                       kinds[item->kind].name_offset;

    return generation_find(generation, kinds[item->kind].kind, tenant, name);
}

// What a NAT says of how its sessions are tracked.
static uint32_t track_flags_of(const struct model *model, const struct api_chain_function *item)
{
    uint32_t n;
    const struct api_nat *nats = model_items(model, API_NAT, &n);

    if (item->kind != API_FUNCTION_NAT || (nats[item->index].flags & API_NAT_INBOUND_REFRESH))
        return 0;
    return SESSION_TRACK_OUT_REFRESH;
}

static int add_stages(struct function *f, const struct model *model,
                      const struct chain_segment *segment, const struct generation *generation,
                      struct error *e)
{
    uint32_t n;
    const struct api_chain_function *items = model_items(model, API_CHAIN_FUNCTION, &n);
    struct chain_config *config = f->config;
    int rc;

    for (uint32_t i = segment->first; i < segment->first + segment->n; i++) {
        struct chain_stage *stage = &config->stages[config->n_stages];

        stage->f = find_function(generation, model, f->tenant, &items[i]);
        stage->kind = items[i].kind;
        if (stage->f == NULL)
            return error_set(e, -EINVAL, f->name, "this dataplane has no functions of kind %s",
                             kinds[stage->kind].kind);
        rc = chain_slot_get(f->state, stage->f, stage->kind, items[i].further, &stage->slot);
        if (rc < 0)
            return error_set(e, rc, f->name,
                             "too many functions come and go at once: do it in two steps");
        config->has_firewall |= stage->kind == API_FUNCTION_FIREWALL;
        config->track_flags |= track_flags_of(model, &items[i]);
        config->n_stages++;
    }
    return 0;
}

// Whether the same functions stand on it in the same order.
static int is_alike(const struct chain_config *a, const struct chain_config *b)
{
    if (a->n_stages != b->n_stages)
        return 0;
    for (uint32_t i = 0; i < a->n_stages; i++)
        if (a->stages[i].slot != b->stages[i].slot ||
            a->stages[i].f->state != b->stages[i].f->state)
            return 0;
    return 1;
}

// The segment called like the chain has the sessions of what was one piece before a guest cut it.
// Not those of the process before: then this segment has kept its own.
static uint32_t home_of(const struct function *f, const char *chain)
{
    uint32_t id = session_chain_id(f->tenant, chain);
    const struct chain_state *home = chain_state_of(id);

    return home != NULL && home != f->state && home->active != NULL ? id : 0;
}

// Once for each segment: from when on it has functions. Others that come or go on it find its own
// sessions.
static void find_home(const struct function *f, struct chain_config *config,
                      const struct chain_config *active, const char *chain)
{
    if (active != NULL && active->n_stages > 0) {
        config->home = chain_home(active);
        config->home_until_ms = active->home_until_ms;
        return;
    }
    config->home = home_of(f, chain);
    config->home_until_ms = session_clock_ms(rte_rdtsc());
}

static void arrange(const struct function *f, struct chain_config *config, const char *chain)
{
    struct chain_state *state = f->state;
    const struct chain_config *active = state->active != NULL ? state->active->config : NULL;

    config->home_side =
        f->name[chain_segment_base_len(f->name)] == '<' ? SESSION_OUTSIDE : SESSION_INSIDE;
    if (active != NULL && is_alike(active, config)) {
        config->stamp_base = active->stamp_base;
    } else {
        config->stamp_base = ++state->last_base;
    }
    find_home(f, config, active, chain);
}

static int fill(struct function *f, const struct model *model, uint32_t index,
                const struct generation *generation, struct error *e)
{
    struct chain_segment segment = chain_segment_find(model, index);
    const struct api_chain *item = chain_item(model, segment.chain);
    struct chain_config *config = f->config;
    struct chain_state *state = f->state;
    int rc;

    config->id = state->id;
    config->tenant_item = *tenant_item(model, item->owner);
    config->tenant = session_tenant_get(f->tenant);
    if (config->tenant == NULL)
        return error_set(e, -ENOMEM, f->name, "out of memory");
    if (item->flags & API_CHAIN_NO_WINDOW_CHECK)
        config->track_flags |= SESSION_TRACK_NO_WINDOW;
    if (item->flags & API_CHAIN_NO_PICKUP)
        config->track_flags |= SESSION_TRACK_NO_PICKUP;
    rc = add_stages(f, model, &segment, generation, e);
    if (rc < 0)
        return rc;
    arrange(f, config, item->name);
    if (!state->is_adopted)
        chain_restore(f, generation); // before workers see it
    chain_slots_save(state);
    return 0;
}

static int chain_config_create(struct function *f, const struct model *model, uint32_t index,
                               const struct generation *generation, struct error *e)
{
    struct chain_config *config = calloc(1, sizeof(*config));
    struct chain_state *state;
    int rc;

    if (config == NULL)
        return error_set(e, -ENOMEM, f->name, "out of memory");
    rc = chain_state_get(f->tenant, f->name, &state);
    if (rc < 0) {
        free(config);
        return error_set(e, rc, f->name, rc == -ENOSPC ? "too many chains" : "out of memory");
    }
    f->config = config;
    f->state = state;
    rc = fill(f, model, index, generation, e);
    if (rc < 0)
        chain_config_destroy(f);
    return rc;
}

void chain_config_destroy(struct function *f)
{
    struct chain_config *config = f->config;
    struct chain_state *state = f->state;

    if (state->active == f) // there is no next one
        __atomic_store_n(&state->active, NULL, __ATOMIC_RELAXED);
    if (state->n_references == 1 && generation_published != NULL)
        chain_state_end_sessions(state);
    for (uint32_t i = 0; i < config->n_stages; i++)
        chain_slot_put(state, config->stages[i].slot);
    if (config->tenant != NULL && generation_published != NULL)
        session_tenant_put(config->tenant);
    chain_state_put(state);
    free(config);
}

// Sessions age on workers. What the other segment knows is forgotten in time: before its clock has
// gone round, after which all would seem older.
static void chain_age(struct function *f, const struct generation *generation)
{
    struct chain_config *config = f->config;
    uint32_t passed_ms = session_clock_ms(rte_rdtsc()) - config->home_until_ms;

    (void)generation;
    if (chain_home(config) != 0 && passed_ms > HOME_MS)
        __atomic_store_n(&config->home, 0, __ATOMIC_RELAXED);
}

static uint64_t chain_fingerprint(const struct function *f)
{
    const struct chain_config *config = f->config;

    return (uint64_t)chain_stamp(config) << 32 | config->track_flags;
}

static void chain_count(const struct function *f, uint32_t in_side, uint32_t out_side, uint64_t n)
{
    struct chain_counters *c = chain_counters_of(f->state, API_MAX_WORKERS);

    if (in_side == out_side)
        c->turned += n;
    else if (out_side == SESSION_OUTSIDE)
        c->out += n;
    else
        c->in += n;
}

// Those asked were the first ones from where the packets came.
static void chain_count_denied(const struct function *f, uint32_t in_side,
                               const struct walk_denial *denial, uint64_t packets, uint64_t bytes)
{
    const struct chain_config *config = f->config;

    chain_counters_of(f->state, API_MAX_WORKERS)->dropped += packets;
    for (uint32_t i = 0; i < denial->n_accounts; i++) {
        uint32_t place = in_side == SESSION_INSIDE ? i : config->n_stages - 1 - i;
        const struct function *stage = config->stages[place].f;

        stage->ops->account(stage, denial->accounts[i], packets, bytes);
    }
}

const struct function_ops chain_ops = {
    .name = "chain",
    .n_instances = chain_n_instances,
    .identify = chain_identify,
    .config_create = chain_config_create,
    .activate = chain_activate,
    .config_destroy = chain_config_destroy,
    .process = chain_process,
    .tick = chain_late_tick,
    .fingerprint = chain_fingerprint,
    .count = chain_count,
    .count_denied = chain_count_denied,
    .age = chain_age,
};
