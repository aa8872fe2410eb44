// SPDX-License-Identifier: BSD-3-Clause
// What does Prometheus read of routers? Counters as API_ROUTER_COUNTERS names them, sizes as
// gauges. Event loop only; called by metrics.c once all routers have been asked; those that
// could not be have no sample. Next: text.c.

#include <inttypes.h>

#include "control/northbound/metrics.h"

struct family {
    const char *name, *type, *help;
    uint64_t (*value)(const struct api_router_state *s);
};

#define COUNTER_VALUE(name, text)                                \
    static uint64_t get_##name(const struct api_router_state *s) \
    {                                                            \
        return s->name;                                          \
    }
API_ROUTER_COUNTERS(COUNTER_VALUE)
#undef COUNTER_VALUE

static uint64_t n_routes4(const struct api_router_state *s)
{
    return s->n_routes4;
}

static uint64_t n_routes6(const struct api_router_state *s)
{
    return s->n_routes6;
}

static uint64_t n_neighbors(const struct api_router_state *s)
{
    return s->n_neighbors;
}

static uint64_t n_refused(const struct api_router_state *s)
{
    return s->n_neighbors_refused;
}

static uint64_t route_memory(const struct api_router_state *s)
{
    return s->route_memory;
}

static const struct family families[] = {
    {"culvert_router_ipv4_routes", "gauge", "IPv4 routes of the router.", n_routes4},
    {"culvert_router_ipv6_routes", "gauge", "IPv6 routes of the router.", n_routes6},
    {"culvert_router_route_memory_bytes", "gauge", "Memory of the router's routes.", route_memory},
    {"culvert_router_neighbors", "gauge", "Neighbours that the router knows.", n_neighbors},
    {"culvert_router_neighbors_refused_total", "counter",
     "Neighbours not learned: the limit of the router or the tenant.", n_refused},
#define COUNTER_FAMILY(name, text) \
    {"culvert_router_" #name "_total", "counter", "Of the router: " text ".", get_##name},
    API_ROUTER_COUNTERS(COUNTER_FAMILY)
#undef COUNTER_FAMILY
};

void metrics_add_routers(struct text *t, const struct router_reports *reports)
{
    const struct family *f = families;
    const struct family *end = f + sizeof(families) / sizeof(families[0]);

    for (; f < end && reports->n > 0; f++) {
        metrics_add_head(t, f->name, f->type, f->help);
        for (size_t i = 0; i < reports->n; i++) {
            const struct api_router_state *s = &reports->reports[i].state;

            text_add(t, "%s{", f->name);
            metrics_add_label(t, "tenant", s->tenant);
            text_add(t, ",");
            metrics_add_label(t, "router", s->name);
            text_add(t, "} %" PRIu64 "\n", f->value(s));
        }
    }
}
