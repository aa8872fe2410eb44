// SPDX-License-Identifier: BSD-3-Clause
// Which routes does a configuration ask for: those of its interfaces' addresses, and static ones
// over which interface and group? Main thread, called by config.c on a model that validate.c has
// passed. Makes groups, which no route leads to yet. Next: route_apply.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vnf/router/address.h"
#include "vnf/router/outside.h"
#include "vnf/router/route_table.h"

struct build {
    const struct model *model;
    uint32_t index; // router
    const struct router_config *config;
    struct route_plan *plan;
    const char *path; // tenant/router
    struct error *e;
};

static int no_memory(const struct build *b)
{
    return error_set(b->e, -ENOMEM, b->path, "out of memory for routes");
}

// The value of a draft, held by the plan.
static int hold(const struct build *b, const struct route_draft *draft, uint32_t *value)
{
    struct route_plan *plan = b->plan;
    uint32_t capacity = RTE_MAX(2 * plan->values_capacity, 16U);

    if (plan->n_values == plan->values_capacity) {
        uint32_t *values = realloc(plan->values, capacity * sizeof(*values));

        if (values == NULL)
            return no_memory(b);
        plan->values = values;
        plan->values_capacity = capacity;
    }
    if (route_group_hold(plan->state, draft, value) < 0)
        return no_memory(b);
    plan->values[plan->n_values++] = *value;
    return 0;
}

static int add_item(const struct build *b, const struct route_item *item)
{
    struct route_plan *plan = b->plan;
    uint32_t capacity = RTE_MAX(plan->items_capacity + plan->items_capacity / 2, 16U);

    if (plan->n_items == plan->items_capacity) {
        struct route_item *items = realloc(plan->items, capacity * sizeof(*items));

        if (items == NULL)
            return no_memory(b);
        plan->items = items;
        plan->items_capacity = capacity;
    }
    plan->items[plan->n_items++] = *item;
    return 0;
}

static struct route_item item_of(uint8_t family, const uint8_t *address, uint8_t len,
                                 uint8_t source)
{
    struct route_item item = {.prefix = {.family = family, .len = len}, .source = source};

    router_address_mask(item.prefix.address, address, len);
    return item;
}

// What an interface's address brings: the subnet, the address itself, and of an IPv4 subnet both
// broadcast addresses (RFC 1812, 4.2.2.11), unless it is one of two hosts (RFC 3021) or one.
static int add_address(const struct build *b, const struct router_address *address,
                       const uint32_t values[API_ROUTE_N_TYPES])
{
    const uint8_t full = address->family == 4 ? 32 : 128, len = address->prefix_len;
    struct route_item item = item_of(address->family, address->bytes, full, API_SOURCE_CONNECTED);
    uint8_t broadcast[16];
    int rc;

    item.type = API_ROUTE_LOCAL;
    item.value = values[API_ROUTE_LOCAL];
    rc = add_item(b, &item);
    if (rc == 0 && len < full) {
        item = item_of(address->family, address->bytes, len, API_SOURCE_CONNECTED);
        item.type = API_ROUTE_CONNECTED;
        item.value = values[API_ROUTE_CONNECTED];
        rc = add_item(b, &item);
    }
    if (rc < 0 || address->family == 6 || len > 30)
        return rc;
    item.prefix.len = 32;
    item.type = API_ROUTE_BROADCAST;
    item.value = values[API_ROUTE_BROADCAST];
    rc = add_item(b, &item);
    router_address_broadcast(broadcast, address->bytes, len);
    memcpy(item.prefix.address, broadcast, sizeof(broadcast));
    return rc < 0 ? rc : add_item(b, &item);
}

// A subnet of the interface as a whole stays what it is.
static int covers_subnet(const struct router_interface *interface, const uint8_t *address,
                         uint8_t len)
{
    for (uint32_t i = 0; i < interface->n_addresses; i++)
        if (interface->addresses[i].family == 4 && len <= interface->addresses[i].prefix_len &&
            interface->addresses[i].prefix_len < 32 &&
            router_address_covers(address, len, interface->addresses[i].bytes))
            return 1;
    return 0;
}

// Outside addresses of NATs are for the router: process.c knows what to do with them.
static int add_outside(const struct build *b, const struct router_interface *interface,
                       uint32_t value)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < interface->n_outside; i++) {
        const struct router_range *range = &interface->outside[i];
        uint64_t at = range->first;

        while (rc == 0 && at <= range->last) {
            uint8_t len = router_outside_step(range, (uint32_t)at), address[16] = {0};
            uint32_t bytes = rte_cpu_to_be_32((uint32_t)at);
            struct route_item item;

            memcpy(address, &bytes, sizeof(bytes));
            item = item_of(4, address, len, API_SOURCE_CONNECTED);
            item.type = API_ROUTE_LOCAL;
            item.value = value;
            if (!covers_subnet(interface, address, len))
                rc = add_item(b, &item);
            at += UINT64_C(1) << (32 - len);
        }
    }
    return rc;
}

static int add_interface(const struct build *b, const struct router_interface *interface)
{
    struct route_draft draft = {
        .source = API_SOURCE_CONNECTED, .n_paths = 1, .paths[0] = {interface->slot, 0, 1, 0, {0}}};
    uint32_t values[API_ROUTE_N_TYPES];
    int rc = 0;

    if (interface->n_addresses == 0)
        return 0;
    for (uint8_t type = API_ROUTE_CONNECTED; rc == 0 && type < API_ROUTE_N_TYPES; type++) {
        draft.type = type;
        rc = hold(b, &draft, &values[type]);
    }
    for (uint32_t i = 0; rc == 0 && i < interface->n_addresses; i++)
        rc = add_address(b, &interface->addresses[i], values);
    return rc == 0 ? add_outside(b, interface, values[API_ROUTE_LOCAL]) : rc;
}

// The interface in whose subnet an address is. NULL: none.
static const struct router_interface *find_interface(const struct router_config *config,
                                                     uint8_t family, const uint8_t *address)
{
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        const struct router_interface *interface = &config->interfaces[i];

        for (uint32_t j = 0; j < interface->n_addresses; j++)
            if (interface->addresses[j].family == family &&
                router_address_covers(interface->addresses[j].bytes,
                                      interface->addresses[j].prefix_len, address))
                return interface;
    }
    return NULL;
}

static int make_path(const struct build *b, const struct api_next_hop *hop,
                     struct router_path *path)
{
    const struct router_interface *interface;
    uint32_t first, n;
    char text[ROUTER_ADDRESS_TEXT];

    (void)model_owned(b->model, API_INTERFACE, b->index, &first, &n);
    if (hop->interface != API_NONE)
        interface = &b->config->interfaces[hop->interface - first];
    else
        interface = find_interface(b->config, hop->family, hop->address);
    if (interface == NULL)
        return error_set(b->e, -EINVAL, b->path,
                         "next hop %s is in no interface's subnet: add outgoing-interface",
                         router_address_text(text, hop->family, hop->address));
    path->slot = interface->slot;
    path->family = hop->family;
    path->weight = hop->weight;
    memcpy(path->address, hop->address, sizeof(path->address));
    return 0;
}

static int make_group(const struct build *b, uint32_t index, uint8_t preference, uint32_t *value)
{
    uint32_t n_groups, first, n;
    const struct api_next_hop_group *groups = model_items(b->model, API_NEXT_HOP_GROUP, &n_groups);
    const struct api_next_hop *hops = model_owned(b->model, API_NEXT_HOP, index, &first, &n);
    struct route_draft draft = {
        .type = groups[index].type, .source = API_SOURCE_STATIC, .preference = preference};
    int rc;

    for (uint32_t i = 0; i < n; i++) {
        rc = make_path(b, &hops[i], &draft.paths[i]);
        if (rc < 0)
            return rc;
        draft.n_paths++;
    }
    return hold(b, &draft, value);
}

// What became of a group of the model, with the preference it was last asked for.
struct made {
    uint32_t value;
    uint8_t preference;
};

static int add_statics(const struct build *b)
{
    uint32_t first, n, first_group, n_groups;
    const struct api_route *routes = model_owned(b->model, API_ROUTE, b->index, &first, &n);
    struct made *made;
    int rc = 0;

    (void)model_owned(b->model, API_NEXT_HOP_GROUP, b->index, &first_group, &n_groups);
    made = calloc((size_t)n_groups + 1, sizeof(*made));
    if (made == NULL)
        return no_memory(b);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct api_route *route = &routes[i];
        struct route_item item =
            item_of(route->family, route->address, route->prefix_len, API_SOURCE_STATIC);
        struct made *m = &made[route->group - first_group];

        if (m->value == 0 || m->preference != route->preference) {
            m->preference = route->preference;
            rc = make_group(b, route->group, route->preference, &m->value);
        }
        item.preference = route->preference;
        item.value = m->value;
        if (rc == 0)
            rc = add_item(b, &item);
    }
    free(made);
    return rc;
}

static int compare_items(const void *a, const void *b)
{
    return memcmp(a, b, offsetof(struct route_item, value));
}

// In order, each key once, and no more memory than that takes.
static void pack(struct route_plan *plan)
{
    uint32_t n = 0;
    struct route_item *items;

    if (plan->n_items == 0)
        return;
    qsort(plan->items, plan->n_items, sizeof(*plan->items), compare_items);
    for (uint32_t i = 0; i < plan->n_items; i++)
        if (n == 0 || compare_items(&plan->items[n - 1], &plan->items[i]) != 0)
            plan->items[n++] = plan->items[i];
    plan->n_items = n;
    items = realloc(plan->items, n * sizeof(*items));
    if (items != NULL) {
        plan->items = items;
        plan->items_capacity = n;
    }
}

int route_plan_create(const struct model *model, uint32_t index, struct router_state *state,
                      const struct router_config *config, struct route_plan **plan, struct error *e)
{
    char path[API_PATH_SIZE];
    struct build b = {.model = model, .index = index, .config = config, .path = path, .e = e};
    int rc = 0;

    snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
    b.plan = calloc(1, sizeof(*b.plan));
    if (b.plan == NULL)
        return no_memory(&b);
    b.plan->state = state;
    b.plan->n_references = 1;
    for (uint32_t i = 0; rc == 0 && i < config->n_interfaces; i++)
        rc = add_interface(&b, &config->interfaces[i]);
    if (rc == 0)
        rc = add_statics(&b);
    if (rc < 0) {
        route_plan_destroy(b.plan);
        return rc;
    }
    pack(b.plan);
    *plan = b.plan;
    return 0;
}

void route_plan_destroy(struct route_plan *plan)
{
    if (plan == NULL || --plan->n_references > 0)
        return;
    for (uint32_t i = 0; i < plan->n_values; i++)
        route_group_put(plan->state, plan->values[i]);
    free(plan->values);
    free(plan->items);
    free(plan);
}
