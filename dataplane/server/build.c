// SPDX-License-Identifier: BSD-3-Clause
// How does a checked transaction become a generation? Ports first, then where cables run (wire.c),
// then the functions, then who polls what. Main thread; workers see nothing of it until
// generation_publish. A failure frees all that was built.

#include "dataplane/server/build.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/server/wire.h"
#include "dataplane/walk/guard.h"

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

static int build_functions(struct generation *g, const struct model *model, struct error *e)
{
    uint32_t index = 0;

    for (uint32_t i = 0; i < g->n_functions; i++) {
        struct function *f = &g->functions[i];
        int rc;

        index = i > 0 && g->functions[i - 1].ops == f->ops ? index + 1 : 0;
        rc = f->ops->config_create(f, model, index, g, e);
        if (rc < 0) {
            g->n_functions = i; // what was not made is not to be destroyed
            return rc;
        }
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
    if (rc == 0) {
        rc = wire_generation(g, model, e);
        if (rc < 0)
            g->n_functions = 0;
    }
    if (rc == 0 && generation_sort(g) < 0)
        rc = no_memory(e);
    if (rc == 0)
        generation_identify(g);
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
