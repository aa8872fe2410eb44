// SPDX-License-Identifier: BSD-3-Clause
// Which routers are there, and how do their interfaces fare? Addresses and limits come from the
// running configuration as it is given to the dataplane, links and counters from the dataplane
// itself. Event loop only; called by server.c through the router of requests. Next: collect.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/kernel/kernel.h"
#include "control/northbound/handlers.h"
#include "control/northbound/routers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

// Items of one type over all datagrams of the configuration. They come in the order of their
// owners.
struct items {
    const void **all;
    uint32_t n;
};

// The running configuration, so that thousands of routers are looked up in time.
struct sight {
    const struct northbound_context *context;
    const struct encoding *encoding;
    struct items routers, interfaces, addresses;
    uint32_t next; // the router behind the one found last: reports come in the same order
};

static bool gather(const struct encoding *encoding, unsigned type, struct items *items)
{
    size_t size = api_message(type)->item_size, cursor = 0;
    const struct api_header *h;
    uint32_t n = 0;

    while ((h = encoding_next(encoding, &cursor)) != NULL)
        n += h->type == type ? h->n_items : 0;
    items->all = calloc(n + 1, sizeof(void *));
    if (items->all == NULL)
        return false;
    cursor = 0;
    while ((h = encoding_next(encoding, &cursor)) != NULL)
        for (uint32_t i = 0; h->type == type && i < h->n_items; i++)
            items->all[items->n++] = (const char *)(h + 1) + i * size;
    return true;
}

static void sight_fini(struct sight *s)
{
    free(s->routers.all);
    free(s->interfaces.all);
    free(s->addresses.all);
}

// False: out of memory.
static bool sight_init(struct sight *s, const struct northbound_context *context)
{
    *s = (struct sight){.context = context, .encoding = apply_running(context->apply)};
    if (gather(s->encoding, API_ROUTER, &s->routers) &&
        gather(s->encoding, API_INTERFACE, &s->interfaces) &&
        gather(s->encoding, API_INTERFACE_ADDRESS, &s->addresses))
        return true;
    sight_fini(s);
    return false;
}

static uint32_t owner_of(const void *item)
{
    const uint32_t *owner = item; // the first field of each

    return *owner;
}

// The first item of this owner or a later one.
static uint32_t first_of(const struct items *items, uint32_t owner)
{
    uint32_t low = 0, high = items->n, middle;

    while (low < high) {
        middle = low + (high - low) / 2;
        if (owner_of(items->all[middle]) < owner)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find_router(struct sight *s, const struct object_name *name)
{
    for (uint32_t i = 0; i < s->routers.n; i++) {
        uint32_t index = (s->next + i) % s->routers.n;
        const struct api_router *router = s->routers.all[index];

        if (strcmp(router->name, name->name) != 0 ||
            strcmp(running_tenant(s->encoding, router->owner), name->tenant) != 0)
            continue;
        s->next = index + 1;
        return index;
    }
    return API_NONE;
}

// What the configuration says of an interface of this router; NULL if it is not in it any more.
static const struct api_interface *find_interface(const struct sight *s, uint32_t router,
                                                  const char *name, uint32_t *index)
{
    const struct api_interface *interface;

    for (uint32_t i = first_of(&s->interfaces, router); i < s->interfaces.n; i++) {
        interface = s->interfaces.all[i];
        if (interface->owner != router)
            break;
        *index = i;
        if (strcmp(interface->name, name) == 0)
            return interface;
    }
    return NULL;
}

static json_t *addresses_json(const struct sight *s, uint32_t interface)
{
    const struct api_interface_address *a;
    json_t *list = json_array();

    for (uint32_t i = first_of(&s->addresses, interface); i < s->addresses.n; i++) {
        a = s->addresses.all[i];
        if (a->owner != interface)
            break;
        json_array_append_new(list, running_prefix_json(a->family, a->address, a->prefix_len));
    }
    return list;
}

static void add_configured(json_t *json, const struct sight *s, uint32_t router, const char *name)
{
    const struct api_interface *interface;
    const struct api_port *twin;
    uint32_t index = 0;

    interface = router == API_NONE ? NULL : find_interface(s, router, name, &index);
    if (interface == NULL)
        return;
    json_object_set_new(json, "addresses", addresses_json(s, index));
    if (interface->tcp_mss != 0)
        json_object_set_new(json, "tcp-mss", number(interface->tcp_mss));
    json_object_set_new(
        json, "source-check",
        json_string(interface->flags & API_INTERFACE_STRICT_URPF ? "strict" : "none"));
    twin = interface->kernel_port == API_NONE
               ? NULL
               : encoding_item(s->encoding, API_PORT, interface->kernel_port);
    if (twin == NULL)
        return;
    json_object_set_new(json, "kernel-interface", json_string(twin->device));
    if (twin->netns[0] != '\0')
        json_object_set_new(json, "network-namespace", json_string(twin->netns));
}

static json_t *interface_json(const struct api_interface_state *i)
{
    const char *link = i->is_up ? "up" : (i->is_plugged ? "down" : "unplugged");

    return json_pack("{s:s, s:s, s:o, s:i}", "name", i->name, "link", link, "mac-address",
                     running_mac_json(i->mac), "mtu", (int)i->mtu);
}

static json_t *counters_json(const struct api_router_state *s)
{
    json_t *json = json_object();

#define ADD_COUNTER(name, text) json_object_set_new(json, #name, number(s->name));
    API_ROUTER_COUNTERS(ADD_COUNTER)
#undef ADD_COUNTER
    return json;
}

// How far the mirror of the kernel's routes is; nothing for a router without twins.
static void add_mirror(json_t *json, const struct kernel *kernel, const struct object_name *name)
{
    struct kernel_status status;

    if (kernel == NULL || !kernel_status(kernel, name->tenant, name->name, &status))
        return;
    json_object_set_new(json, "kernel-mirror",
                        json_pack("{s:s, s:o, s:o, s:o, s:s}", "state",
                                  status.is_complete ? "complete" : "under way", "changes",
                                  number(status.n_changes), "resyncs", number(status.n_resyncs),
                                  "refusals", number(status.n_refusals), "refusal",
                                  status.refusal));
}

static json_t *report_json(struct sight *sight, const struct router_report *report)
{
    const struct api_router_state *s = &report->state;
    struct object_name name;
    const struct api_router *router;
    json_t *json, *interfaces = json_array(), *interface;
    uint32_t index;

    memcpy(name.tenant, s->tenant, API_NAME_SIZE);
    memcpy(name.name, s->name, API_NAME_SIZE);
    index = find_router(sight, &name);
    router = index == API_NONE ? NULL : sight->routers.all[index];
    for (size_t i = 0; i < report->n_interfaces; i++) {
        interface = interface_json(&report->interfaces[i]);
        add_configured(interface, sight, index, report->interfaces[i].name);
        json_array_append_new(interfaces, interface);
    }
    json = json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "tenant", s->tenant, "name", s->name,
                     "ipv4-routes", number(s->n_routes4), "ipv6-routes", number(s->n_routes6),
                     "route-memory", number(s->route_memory), "neighbors", number(s->n_neighbors),
                     "neighbors-refused", number(s->n_neighbors_refused));
    if (router != NULL) {
        json_object_set_new(json, "route-limit", number(router->route_limit));
        json_object_set_new(json, "neighbor-limit", number(router->neighbor_limit));
        json_object_set_new(json, "kernel-preference", number(router->dynamic_preference));
    }
    add_mirror(json, sight->context->kernel, &name);
    json_object_set_new(json, "interfaces", interfaces);
    json_object_set_new(json, "counters", counters_json(s));
    return json;
}

static void on_collected(struct exchange *x, const struct router_reports *reports)
{
    struct config_error e;
    struct sight sight;
    json_t *list;

    if (reports->error.code != 0) {
        exchange_refuse(x, &reports->error);
        return;
    }
    if (!sight_init(&sight, northbound_context(x->n))) {
        failure(&e, -ENOMEM, NULL, "out of memory");
        exchange_refuse(x, &e);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < reports->n; i++)
        json_array_append_new(list, report_json(&sight, &reports->reports[i]));
    sight_fini(&sight);
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:routers", list));
}

void handle_routers(struct exchange *x)
{
    routers_collect(x, true, on_collected);
}
