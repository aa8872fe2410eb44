// SPDX-License-Identifier: BSD-3-Clause
// How does a checked transaction become a generation? Ports first, then where they are attached,
// then the functions, then who polls what. Main thread; workers see nothing of it until
// generation_publish. A failure frees all that was built.

#include "dataplane/server/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/switch/switch.h"
#include "dataplane/walk/guard.h"

#define N_VLANS 4096

static int no_memory(struct error *e)
{
    return error_set(e, -ENOMEM, NULL, "out of memory");
}

static int build_ports(struct generation *g, const struct model *model, struct error *e)
{
    uint32_t n, n_tenants;
    const struct api_port *ports = model_items(model, API_PORT, &n);
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n_tenants);

    g->ports = calloc(API_MAX_PORTS, sizeof(*g->ports));
    g->port_list = calloc(n + 1, sizeof(struct port *));
    if (g->ports == NULL || g->port_list == NULL)
        return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        const char *tenant = tenants[ports[i].owner].name;
        struct port_entry *entry;
        int rc = port_get(tenant, &ports[i], &g->port_list[i], e);

        if (rc < 0) {
            snprintf(e->path, sizeof(e->path), "%s/%s", tenant, ports[i].name);
            return rc;
        }
        g->n_ports = i + 1;
        entry = &g->ports[g->port_list[i]->slot];
        entry->port = g->port_list[i];
        entry->plain = ATTACHMENT_NONE;
        if (ports[i].flags & API_PORT_GUARD) {
            entry->guard = guard_create(model, i);
            if (entry->guard == NULL)
                return no_memory(e);
        }
    }
    return 0;
}

static uint32_t *vlan_map_create(void)
{
    uint32_t *map = malloc(N_VLANS * sizeof(*map));

    if (map != NULL)
        memset(map, 0xff, N_VLANS * sizeof(*map)); // ATTACHMENT_NONE
    return map;
}

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

// Members come sorted by switch, so a switch's attachments lie side by side.
static int build_attachments(struct generation *g, const struct model *model, struct error *e)
{
    uint32_t n;
    const struct api_member *members = model_items(model, API_MEMBER, &n);

    g->attachments = calloc(n + 1, sizeof(*g->attachments));
    if (g->attachments == NULL)
        return no_memory(e);
    g->n_attachments = n;
    for (uint32_t i = 0; i < n; i++) {
        struct attachment *a = &g->attachments[i];

        a->port = g->port_list[members[i].port];
        a->outer_vlan = members[i].outer_vlan;
        a->inner_vlan = members[i].inner_vlan;
        a->n_tags = (uint8_t)((a->outer_vlan != 0) + (a->inner_vlan != 0));
        a->function = members[i].owner;
        if (plug_in(&g->ports[a->port->slot], a, i) < 0)
            return no_memory(e);
    }
    return 0;
}

static int build_functions(struct generation *g, const struct model *model, struct error *e)
{
    const struct function_ops *ops = &switch_ops;
    uint32_t n = ops->n_instances(model);

    g->functions = calloc(n + 1, sizeof(*g->functions));
    if (g->functions == NULL)
        return no_memory(e);
    for (uint32_t i = 0; i < n; i++) {
        struct function *f = &g->functions[i];
        int rc;

        f->ops = ops;
        model_owned(model, API_MEMBER, i, &f->first_attachment, &f->n_attachments);
        rc = ops->config_create(f, model, i, g, e);
        if (rc < 0)
            return rc;
        g->n_functions = i + 1;
    }
    return 0;
}

static int build_rx(struct generation *g, struct error *e)
{
    for (uint32_t i = 0; i < g->n_ports; i++) {
        struct port *port = g->port_list[i];

        for (uint16_t queue = 0; queue < port->config.n_queues; queue++)
            g->n_rx[port->rx_worker[queue]]++;
    }
    for (unsigned worker = 0; worker < API_MAX_WORKERS; worker++) {
        g->rx[worker] = calloc(g->n_rx[worker] + 1, sizeof(struct worker_rx));
        if (g->rx[worker] == NULL)
            return no_memory(e);
        g->n_rx[worker] = 0;
    }
    for (uint32_t i = 0; i < g->n_ports; i++) {
        struct port *port = g->port_list[i];

        for (uint16_t queue = 0; queue < port->config.n_queues; queue++) {
            unsigned worker = port->rx_worker[queue];

            g->rx[worker][g->n_rx[worker]++] = (struct worker_rx){port, queue};
        }
    }
    return 0;
}

int build_generation(const struct model *model, uint64_t id, struct generation **generation,
                     struct error *e)
{
    struct generation *g = calloc(1, sizeof(*g));
    int rc;

    if (g == NULL)
        return no_memory(e);
    g->id = id;
    g->config_id = model->config_id;
    rc = build_ports(g, model, e);
    if (rc == 0)
        rc = build_attachments(g, model, e);
    if (rc == 0)
        rc = build_functions(g, model, e);
    if (rc == 0)
        rc = build_rx(g, e);
    if (rc < 0) {
        generation_destroy(g);
        return rc;
    }
    *generation = g;
    return 0;
}
