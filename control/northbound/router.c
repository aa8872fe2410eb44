// SPDX-License-Identifier: BSD-3-Clause
// Which function answers this request? Called by server.c when a request's headers are there. Knows
// paths, methods and media types; reads no body, looks at no connection. Event loop only. Next:
// data.c, state.c, switches.c, routers.c, routes.c, ping.c, chains.c, sessions.c, firewalls.c,
// nats.c, metrics.c.

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "control/northbound/handlers.h"
#include "control/northbound/router.h"

#define DATA "/restconf/data"
#define STATE DATA "/culvert:state"
#define OPERATIONS "/restconf/operations"

static const struct route routes[] = {
    {"GET", DATA, ROLE_READ, false, handle_get_data},
    {"PUT", DATA, ROLE_ADMIN, true, handle_put_data},
    {"POST", OPERATIONS "/culvert:diff", ROLE_ADMIN, true, handle_diff},
    {"PUT", DATA "/culvert:tenants=", ROLE_ADMIN, true, handle_put_rule},
    {"DELETE", DATA "/culvert:tenants=", ROLE_ADMIN, false, handle_delete_rule},
    {"GET", STATE "/ports", ROLE_READ, false, handle_ports},
    {"GET", STATE "/switches", ROLE_READ, false, handle_switches},
    {"GET", STATE "/macs", ROLE_READ, false, handle_macs},
    {"GET", STATE "/routers", ROLE_READ, false, handle_routers},
    {"GET", STATE "/routes", ROLE_READ, false, handle_routes},
    {"GET", STATE "/neighbors", ROLE_READ, false, handle_neighbors},
    {"POST", OPERATIONS "/culvert:ping", ROLE_ADMIN, false, handle_ping},
    {"GET", STATE "/chains", ROLE_READ, false, handle_chains},
    {"GET", STATE "/sessions", ROLE_READ, false, handle_sessions},
    {"POST", OPERATIONS "/culvert:clear-sessions", ROLE_ADMIN, false, handle_clear_sessions},
    {"GET", STATE "/firewalls", ROLE_READ, false, handle_firewalls},
    {"GET", STATE "/rules", ROLE_READ, false, handle_rules},
    {"GET", STATE "/nats", ROLE_READ, false, handle_nats},
    {"GET", STATE "/bindings", ROLE_READ, false, handle_bindings},
    {"GET", STATE "/drops", ROLE_READ, false, handle_drops},
    {"GET", STATE "/workers", ROLE_READ, false, handle_workers},
    {"GET", STATE "/status", ROLE_READ, false, handle_status},
    {"GET", "/metrics", ROLE_READ, false, handle_metrics},
};

static const char *allowed(const char *path)
{
    if (strcmp(path, DATA) == 0)
        return "GET, HEAD, PUT";
    if (strncmp(path, OPERATIONS, strlen(OPERATIONS)) == 0)
        return "POST";
    if (path[strlen(path) - 1] == '=')
        return "PUT, DELETE";
    return "GET, HEAD";
}

// A path that ends with = goes on with keys.
static bool is_route(const struct route *route, const char *path)
{
    size_t len = strlen(route->path);

    return strncmp(route->path, path, len) == 0 &&
           (path[len] == '\0' || route->path[len - 1] == '=');
}

const struct route *router_find(const char *method, const char *path, unsigned *status,
                                const char **allow)
{
    *status = 404;
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (unsigned i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!is_route(&routes[i], path))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        *status = 405;
        *allow = allowed(routes[i].path);
    }
    return NULL;
}

// `type` up to its end or its parameters is `name`.
static bool is_type(const char *type, const char *name)
{
    size_t len = strlen(name);

    return strncasecmp(type, name, len) == 0 && (type[len] == '\0' || strchr("; \t,", type[len]));
}

int router_content(const char *type, enum config_format *format)
{
    if (type != NULL &&
        (is_type(type, "application/yang-data+json") || is_type(type, "application/json")))
        *format = CONFIG_JSON;
    else if (type != NULL && is_type(type, "application/yaml"))
        *format = CONFIG_YAML;
    else
        return -ENOTSUP;
    return 0;
}

enum config_format router_accept(const char *accept)
{
    enum config_format format;

    while (accept != NULL && *accept != '\0') {
        accept += strspn(accept, ", \t");
        if (router_content(accept, &format) == 0)
            return format;
        accept += strcspn(accept, ",");
    }
    return CONFIG_JSON;
}
