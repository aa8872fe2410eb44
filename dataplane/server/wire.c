// SPDX-License-Identifier: BSD-3-Clause
// What is plugged in where? Lays out the functions and their sides, then runs the cables: from a
// port's VLANs to a side, from side to side, from port to port. Main thread, called by build.c on a
// model that check.c has passed. Next: wire_chains.c for chains with functions, then build.c, which
// fills the functions.

#include "dataplane/server/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/server/wire_parts.h"

#define N_VLANS 4096

static int no_memory(struct error *e)
{
    return error_set(e, -ENOMEM, NULL, "out of memory");
}

static uint32_t *vlan_map_create(void)
{
    uint32_t *map = malloc(N_VLANS * sizeof(*map));

    if (map != NULL)
        memset(map, 0xff, N_VLANS * sizeof(*map)); // ATTACHMENT_NONE
    return map;
}

// Let frames of the attachment's port and VLANs enter by it.
static int plug_in(struct port_entry *entry, const struct attachment *a, uint32_t index)
{
    if (a->outer_vlan == 0) {
        entry->plain = index;
        return 0;
    }
    if (entry->by_outer == NULL)
        entry->by_outer = vlan_map_create();
    if (entry->by_outer == NULL)
        return -ENOMEM;
    if (a->inner_vlan == 0) {
        entry->by_outer[a->outer_vlan] = index;
        return 0;
    }
    if (entry->by_inner == NULL)
        entry->by_inner = calloc(N_VLANS, sizeof(uint32_t *));
    if (entry->by_inner == NULL)
        return -ENOMEM;
    if (entry->by_inner[a->outer_vlan] == NULL)
        entry->by_inner[a->outer_vlan] = vlan_map_create();
    if (entry->by_inner[a->outer_vlan] == NULL)
        return -ENOMEM;
    entry->by_inner[a->outer_vlan][a->inner_vlan] = index;
    return 0;
}

int wire_port(struct generation *g, uint32_t attachment, uint32_t port, uint16_t outer,
              uint16_t inner)
{
    struct attachment *a = &g->attachments[attachment];

    a->port = g->port_list[port];
    a->outer_vlan = outer;
    a->inner_vlan = inner;
    a->n_tags = (uint8_t)((outer != 0) + (inner != 0));
    return plug_in(&g->ports[a->port->slot], a, attachment);
}

static const struct api_chain *chain_list(const struct wiring *w, uint32_t *n)
{
    return model_items(w->model, API_CHAIN, n);
}

int wire_has_functions(const struct wiring *w, uint32_t chain)
{
    uint32_t n, first;

    return model_owned(w->model, API_CHAIN_FUNCTION, chain, &first, &n) != NULL;
}

// Name the functions and count their sides, but for chains at switches.
static uint32_t lay_out(struct wiring *w)
{
    uint32_t n_functions = 0;

    for (unsigned kind = 0; function_kinds[kind] != NULL; kind++) {
        const struct function_ops *ops = function_kinds[kind];
        uint32_t n = ops->n_instances(w->model);

        if (strcmp(ops->name, "switch") == 0)
            w->first_switch = n_functions;
        if (strcmp(ops->name, "router") == 0)
            w->first_router = n_functions;
        if (strcmp(ops->name, "chain") == 0)
            w->first_chain = n_functions;
        for (uint32_t i = 0; w->g->functions != NULL && i < n; i++) {
            struct function *f = &w->g->functions[n_functions + i];
            const char *tenant, *name;

            f->ops = ops;
            ops->identify(w->model, i, &tenant, &name, &f->n_attachments);
            snprintf(f->tenant, sizeof(f->tenant), "%s", tenant);
            snprintf(f->name, sizeof(f->name), "%s", name);
        }
        n_functions += n;
    }
    return n_functions;
}

static uint32_t count_chain_end(struct wiring *w, const struct api_end *end)
{
    if (end->kind == API_END_SWITCH)
        w->g->functions[w->first_switch + end->index].n_attachments++;
    return end->kind == API_END_PORT;
}

static int make_attachments(struct wiring *w, struct error *e)
{
    struct generation *g = w->g;
    uint32_t n, n_chains, n_cable_ends = 0;
    const struct api_chain *chains = chain_list(w, &n_chains);

    w->n_plugged = calloc(g->n_functions + 1, sizeof(*w->n_plugged));
    if (w->n_plugged == NULL)
        return no_memory(e);
    for (uint32_t i = 0; i < g->n_functions; i++)
        w->n_plugged[i] = g->functions[i].n_attachments;
    for (uint32_t i = 0; i < n_chains; i++)
        if (count_chain_end(w, &chains[i].inside) + count_chain_end(w, &chains[i].outside) == 2 &&
            !wire_has_functions(w, i))
            n_cable_ends += 2;
    n = 0;
    for (uint32_t i = 0; i < g->n_functions; i++) {
        g->functions[i].first_attachment = n;
        n += g->functions[i].n_attachments;
    }
    g->n_attachments = n + n_cable_ends;
    w->n_attachments = n;
    g->attachments = calloc(g->n_attachments + 1, sizeof(*g->attachments));
    g->chains = calloc((size_t)n_chains + 1, sizeof(*g->chains));
    g->n_chains = n_chains;
    if (g->attachments == NULL || g->chains == NULL)
        return no_memory(e);
    for (uint32_t i = 0; i < g->n_attachments; i++) {
        g->attachments[i].peer = ATTACHMENT_NONE;
        g->attachments[i].beyond = ATTACHMENT_NONE;
        g->attachments[i].function = FUNCTION_NONE;
    }
    for (uint32_t i = 0; i < g->n_functions; i++)
        for (uint32_t side = 0; side < g->functions[i].n_attachments; side++)
            g->attachments[g->functions[i].first_attachment + side].function = i;
    return 0;
}

static int plug_members(struct wiring *w)
{
    uint32_t n;
    const struct api_member *members = model_items(w->model, API_MEMBER, &n);

    for (uint32_t i = 0, side = 0; i < n; i++) {
        const struct function *f = &w->g->functions[w->first_switch + members[i].owner];

        side = i > 0 && members[i - 1].owner == members[i].owner ? side + 1 : 0;
        if (wire_port(w->g, f->first_attachment + side, members[i].port, members[i].outer_vlan,
                      members[i].inner_vlan) < 0)
            return -ENOMEM;
    }
    return 0;
}

// The network side of an interface; its kernel twin's is the next.
static uint32_t interface_side(const struct wiring *w, uint32_t index)
{
    uint32_t n, first;
    const struct api_interface *interfaces = model_items(w->model, API_INTERFACE, &n);
    uint32_t router = interfaces[index].owner;

    (void)model_owned(w->model, API_INTERFACE, router, &first, &n);
    return w->g->functions[w->first_router + router].first_attachment + 2 * (index - first);
}

static int plug_twins(struct wiring *w)
{
    uint32_t n;
    const struct api_interface *interfaces = model_items(w->model, API_INTERFACE, &n);

    for (uint32_t i = 0; i < n; i++)
        if (interfaces[i].kernel_port != API_NONE &&
            wire_port(w->g, interface_side(w, i) + 1, interfaces[i].kernel_port, 0, 0) < 0)
            return -ENOMEM;
    return 0;
}

uint32_t wire_end_side(struct wiring *w, const struct api_end *end)
{
    uint32_t function = w->first_switch + end->index;

    switch (end->kind) {
    case API_END_SWITCH:
        return w->g->functions[function].first_attachment + w->n_plugged[function]++;
    case API_END_INTERFACE:
        return interface_side(w, end->index);
    default:
        return ATTACHMENT_NONE;
    }
}

static int run_cable(struct wiring *w, const struct api_chain *chain, uint32_t sides[2])
{
    const struct api_end *const ends[] = {&chain->inside, &chain->outside};
    struct attachment *attachments = w->g->attachments;

    if (sides[0] == ATTACHMENT_NONE && sides[1] == ATTACHMENT_NONE) {
        sides[0] = w->n_attachments++; // from port to port
        sides[1] = w->n_attachments++;
    } else if (sides[0] != ATTACHMENT_NONE && sides[1] != ATTACHMENT_NONE) {
        attachments[sides[0]].peer = sides[1];
        attachments[sides[1]].peer = sides[0];
        return 0;
    } else if (sides[0] == ATTACHMENT_NONE) {
        return wire_port(w->g, sides[1], ends[0]->index, ends[0]->outer_vlan, ends[0]->inner_vlan);
    } else {
        return wire_port(w->g, sides[0], ends[1]->index, ends[1]->outer_vlan, ends[1]->inner_vlan);
    }
    for (unsigned i = 0; i < 2; i++) {
        attachments[sides[i]].peer = sides[1 - i];
        if (wire_port(w->g, sides[i], ends[i]->index, ends[i]->outer_vlan, ends[i]->inner_vlan) < 0)
            return -ENOMEM;
    }
    return 0;
}

// Name the sides that lead to the chain: a switch knows its members by that.
static void name_sides(struct wiring *w, const struct chain_cable *cable, const uint32_t sides[2])
{
    for (unsigned end = 0; end < 2; end++) {
        if (sides[end] == ATTACHMENT_NONE)
            continue;
        w->g->attachments[sides[end]].chain = cable->name;
        w->g->attachments[sides[end]].chain_tenant = cable->tenant;
    }
}

static int plug_chains(struct wiring *w)
{
    uint32_t n, n_tenants;
    const struct api_chain *chains = chain_list(w, &n);
    const struct api_tenant *tenants = model_items(w->model, API_TENANT, &n_tenants);

    for (uint32_t i = 0; i < n; i++) {
        struct chain_cable *cable = &w->g->chains[i];
        uint32_t sides[2] = {wire_end_side(w, &chains[i].inside),
                             wire_end_side(w, &chains[i].outside)};
        int rc;

        memcpy(cable->name, chains[i].name, API_NAME_SIZE);
        memcpy(cable->tenant, tenants[chains[i].owner].name, API_NAME_SIZE);
        cable->has_functions = (uint32_t)wire_has_functions(w, i);
        rc = cable->has_functions ? wire_chain(w, i, sides, cable->sides)
                                  : run_cable(w, &chains[i], sides);
        if (rc < 0)
            return rc;
        if (!cable->has_functions)
            memcpy(cable->sides, sides, sizeof(sides));
        name_sides(w, cable, sides);
    }
    return 0;
}

static void count_chained(struct generation *g)
{
    for (uint32_t i = 0; i < g->n_functions; i++) {
        struct function *f = &g->functions[i];

        for (uint32_t side = 0; side < f->n_attachments; side++)
            f->n_chained += g->attachments[f->first_attachment + side].port == NULL;
    }
}

int wire_generation(struct generation *g, const struct model *model, struct error *e)
{
    struct wiring w = {.g = g, .model = model};
    uint32_t n = lay_out(&w);
    int rc;

    g->functions = calloc(n + 1, sizeof(*g->functions));
    g->tick_list = calloc(n + 1, sizeof(*g->tick_list));
    if (g->functions == NULL || g->tick_list == NULL)
        return no_memory(e);
    g->n_functions = lay_out(&w);
    rc = make_attachments(&w, e);
    if (rc == 0 && (plug_members(&w) < 0 || plug_twins(&w) < 0 || plug_chains(&w) < 0))
        rc = no_memory(e);
    free(w.n_plugged);
    if (rc < 0)
        return rc;
    count_chained(g);
    for (uint32_t i = 0; i < n; i++)
        if (g->functions[i].ops->tick != NULL)
            g->tick_list[g->n_tick++] = i;
    return 0;
}
