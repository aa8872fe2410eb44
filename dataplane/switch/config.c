// SPDX-License-Identifier: BSD-3-Clause
// What is a switch in the next generation? Called while server/ builds or frees a generation, main
// thread. Must not change what the running generation sees: new members get slots that it does not
// know, all else waits for activate.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "dataplane/switch/state.h"

#define MAX_CHAIN_MACS 65535 // learned from behind one chain

// What the pieces of config_create share.
struct build {
    const struct model *model;
    const struct api_switch *item;
    const char *path; // tenant/switch
    uint32_t index;
    const struct function *f;
    const struct generation *generation;
    struct switch_config *config;
    struct switch_state *state;
    struct error *e;
};

uint32_t switch_n_instances(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_SWITCH, &n);
    return n;
}

static const struct api_tenant *tenant_of(const struct model *model, uint32_t owner)
{
    uint32_t n;
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n);

    return owner < n ? &tenants[owner] : NULL;
}

void switch_identify(const struct model *model, uint32_t index, const char **tenant,
                     const char **name, uint32_t *n_sides)
{
    uint32_t n, first;
    const struct api_switch *item =
        (const struct api_switch *)model_items(model, API_SWITCH, &n) + index;

    *tenant = tenant_of(model, item->owner)->name;
    *name = item->name;
    (void)model_owned(model, API_MEMBER, index, &first, n_sides);
}

// The depth is a tenth of a second's frames, but at least BURST_SIZE: all frames of a burst have
// the same time, and a guest that boots sends a handful of broadcasts at once.
static void set_storm_limit(struct meter_limit *limit, uint32_t pps)
{
    meter_limit_init(limit, pps, RTE_MAX(pps / 10, (uint32_t)BURST_SIZE), rte_get_tsc_hz());
}

static int add_member(const struct build *b, const struct api_member *item)
{
    uint32_t n_ports;
    const struct api_port *port =
        (const struct api_port *)model_items(b->model, API_PORT, &n_ports) + item->port;
    const struct api_tenant *tenant = tenant_of(b->model, port->owner);
    struct switch_member *member = &b->config->members[b->config->n_members];
    int rc;

    if (tenant == NULL)
        return error_set(b->e, -EINVAL, b->path, "port %s has no tenant", port->name);
    rc = switch_slot_get(b->state, tenant->name, port->name,
                         (uint32_t)item->inner_vlan << 16 | item->outer_vlan, &member->slot);
    if (rc != 0)
        return error_set(b->e, rc, b->path, "no room for another member");
    member->port = b->state->slots[member->slot].port;
    member->mac_limit = port->mac_limit;
    set_storm_limit(&member->storm[STORM_CLASS_BROADCAST], port->storm_broadcast_pps);
    set_storm_limit(&member->storm[STORM_CLASS_MULTICAST], port->storm_multicast_pps);
    set_storm_limit(&member->storm[STORM_CLASS_UNKNOWN], port->storm_unknown_pps);
    b->config->n_members++;
    return 0;
}

// The side behind the members where a chain ends: what comes by it was limited where it came from.
static int add_chain(const struct build *b, uint32_t side)
{
    const struct attachment *a = &b->generation->attachments[b->f->first_attachment + side];
    struct switch_member *member = &b->config->members[side];
    int rc = switch_slot_get(b->state, a->chain_tenant, a->chain, SLOT_CHAIN, &member->slot);

    if (rc != 0)
        return error_set(b->e, rc, b->path, "no room for another chain");
    member->port = b->state->slots[member->slot].port;
    member->mac_limit = MAX_CHAIN_MACS;
    b->config->n_members++;
    return 0;
}

static int add_members(const struct build *b)
{
    struct switch_config *config = b->config;
    uint32_t first, n;
    const struct api_member *items = model_owned(b->model, API_MEMBER, b->index, &first, &n);
    int rc;

    config->members = calloc(b->f->n_attachments + 1, sizeof(*config->members));
    if (config->members == NULL)
        return error_set(b->e, -ENOMEM, b->path, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        rc = add_member(b, &items[i]);
        if (rc != 0)
            return rc;
    }
    for (uint32_t i = n; i < b->f->n_attachments; i++) {
        rc = add_chain(b, i);
        if (rc != 0)
            return rc;
    }

    config->n_slots = b->state->n_slots;
    config->side_of_slot = malloc((config->n_slots + 1) * sizeof(*config->side_of_slot));
    if (config->side_of_slot == NULL)
        return error_set(b->e, -ENOMEM, b->path, "out of memory");
    memset(config->side_of_slot, 0xff, config->n_slots * sizeof(*config->side_of_slot));
    for (uint32_t i = 0; i < config->n_members; i++) {
        uint16_t *side = &config->side_of_slot[config->members[i].slot];

        if (*side != SIDE_NONE)
            return error_set(b->e, -EINVAL, b->path, "members %u and %u are the same", *side, i);
        *side = (uint16_t)i;
    }
    return 0;
}

static int add_statics(const struct build *b)
{
    struct switch_config *config = b->config;
    uint32_t first, n, first_member, n_members;
    const struct api_static_mac *items =
        model_owned(b->model, API_STATIC_MAC, b->index, &first, &n);

    (void)model_owned(b->model, API_MEMBER, b->index, &first_member, &n_members);
    config->statics = calloc(RTE_MAX(n, 1U), sizeof(*config->statics));
    if (config->statics == NULL)
        return error_set(b->e, -ENOMEM, b->path, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        uint16_t slot = config->members[items[i].member - first_member].slot;

        config->statics[i] = mac_key(items[i].mac) | MAC_STATIC | slot;
    }
    config->n_statics = n;
    qsort(config->statics, n, sizeof(*config->statics), switch_compare_entries);
    for (uint32_t i = 1; i < n; i++)
        if (((config->statics[i] ^ config->statics[i - 1]) & MAC_ADDRESS) == 0)
            return error_set(b->e, -EINVAL, b->path, "a static MAC is given twice");
    return 0;
}

static int fill(const struct build *b)
{
    int rc = add_members(b);

    if (rc == 0)
        rc = add_statics(b);
    if (rc != 0)
        return rc;
    b->config->ageing_sec = b->item->ageing_sec;
    if (b->item->mac_table_size == b->state->table->size)
        return 0;
    rc = mac_table_create(b->item->mac_table_size, b->state, &b->config->next_table);
    return rc != 0 ? error_set(b->e, rc, b->path, "no memory for a table of %u MACs",
                               b->item->mac_table_size)
                   : 0;
}

static void destroy(struct switch_config *config, struct switch_state *state)
{
    for (uint32_t i = 0; i < config->n_members; i++)
        switch_slot_put(state, config->members[i].slot);
    mac_table_destroy(config->next_table);
    free(config->statics);
    free(config->side_of_slot);
    free(config->members);
    free(config);
}

int switch_config_create(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e)
{
    struct build b = {.model = model, .index = index, .f = f, .generation = generation, .e = e};
    const struct api_tenant *tenant;
    char path[API_PATH_SIZE];
    uint32_t n;
    int rc = switch_validate(model, index, e);

    if (rc != 0)
        return rc;
    b.item = (const struct api_switch *)model_items(model, API_SWITCH, &n) + index;
    tenant = tenant_of(model, b.item->owner);
    snprintf(path, sizeof(path), "%s/%s", tenant->name, b.item->name);
    b.path = path;
    b.config = calloc(1, sizeof(*b.config));
    if (b.config == NULL)
        return error_set(e, -ENOMEM, path, "out of memory");
    rc = switch_state_get(tenant->name, b.item->name, b.item->mac_table_size, &b.state);
    if (rc != 0) {
        error_set(e, rc, path, "no memory for a table of %u MACs", b.item->mac_table_size);
        goto free_config;
    }
    rc = fill(&b);
    if (rc != 0)
        goto put_state;
    f->config = b.config;
    f->state = b.state;
    return 0;

put_state:
    destroy(b.config, b.state);
    switch_state_put(b.state);
    return rc;
free_config:
    free(b.config);
    return rc;
}

void switch_config_destroy(struct function *f)
{
    struct switch_state *state = f->state;

    if (state->active == f->config)
        state->active = NULL;
    destroy(f->config, state);
    switch_state_put(state);
    f->config = NULL;
    f->state = NULL;
}
