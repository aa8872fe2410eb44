// SPDX-License-Identifier: BSD-3-Clause
// What does the running configuration want of the kernel? Collects routers, twins and addresses
// from the datagrams of the encoding, so that nothing is decided twice. Event loop, called by
// kernel.c for each configuration that runs. Next: mirror.c, which is given the plan.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/kernel/plan.h"

// Items of one type, one after the other, over all datagrams.
struct walk {
    const struct encoding *encoding;
    size_t cursor;
    unsigned type;
    const char *item;
    uint32_t n_left;
};

static const void *walk_next(struct walk *w)
{
    const struct api_header *h;

    while (w->n_left == 0) {
        h = encoding_next(w->encoding, &w->cursor);
        if (h == NULL)
            return NULL;
        if (h->type != w->type)
            continue;
        w->item = (const char *)(h + 1);
        w->n_left = h->n_items;
    }
    w->n_left--;
    w->item += api_message(w->type)->item_size;
    return w->item - api_message(w->type)->item_size;
}

static struct walk walk_over(const struct encoding *encoding, unsigned type)
{
    return (struct walk){.encoding = encoding, .type = type};
}

static uint32_t count(const struct encoding *encoding, unsigned type)
{
    struct walk w = walk_over(encoding, type);
    uint32_t n = 0;

    while (walk_next(&w) != NULL)
        n++;
    return n;
}

uint64_t plan_hash(uint64_t hash, const void *bytes, size_t size)
{
    for (const unsigned char *p = bytes; size > 0; size--, p++)
        hash = (hash ^ *p) * 0x100000001b3ULL;
    return hash;
}

static void read_routers(struct plan *plan, const struct encoding *encoding)
{
    struct walk w = walk_over(encoding, API_ROUTER);
    const struct api_router *item;
    const struct api_tenant *tenant;

    while ((item = walk_next(&w)) != NULL) {
        struct plan_router *router = &plan->routers[plan->n_routers++];

        tenant = encoding_item(encoding, API_TENANT, item->owner);
        if (tenant != NULL)
            memcpy(router->tenant, tenant->name, sizeof(router->tenant));
        memcpy(router->name, item->name, sizeof(router->name));
        router->layout = PLAN_HASH;
    }
}

static void add_twin(struct plan *plan, const struct api_interface *item,
                     const struct api_port *port, uint32_t position)
{
    struct plan_twin *twin = &plan->twins[plan->n_twins];

    if (memchr(port->device, '\0', sizeof(twin->device)) == NULL)
        return; // the port says that this is no name of an interface
    twin->router = item->owner;
    twin->position = position;
    memcpy(twin->mac, port->mac, sizeof(twin->mac));
    memcpy(twin->device, port->device, sizeof(twin->device));
    memcpy(twin->netns, port->netns, sizeof(twin->netns));
    plan->routers[twin->router].has_twins = true;
    plan->n_twins++;
}

// `at` is filled: the twin of each interface, or API_NONE.
static void read_interfaces(struct plan *plan, const struct encoding *encoding, uint32_t *at)
{
    struct walk w = walk_over(encoding, API_INTERFACE);
    const struct api_interface *item;
    const struct api_port *port;
    uint32_t index = 0, position = 0, owner = API_NONE, n_before;

    for (; (item = walk_next(&w)) != NULL; index++) {
        struct plan_router *router = &plan->routers[item->owner];

        position = item->owner == owner ? position + 1 : 0;
        owner = item->owner;
        router->layout = plan_hash(router->layout, item->name, sizeof(item->name));
        at[index] = API_NONE;
        if (item->kernel_port == API_NONE)
            continue;
        port = encoding_item(encoding, API_PORT, item->kernel_port);
        if (port == NULL)
            continue;
        router->layout = plan_hash(router->layout, port->device, sizeof(port->device));
        router->layout = plan_hash(router->layout, port->netns, sizeof(port->netns));
        n_before = plan->n_twins;
        add_twin(plan, item, port, position);
        if (plan->n_twins > n_before)
            at[index] = n_before;
    }
}

// They come in the order of their interfaces, and so of the twins.
static void read_addresses(struct plan *plan, const struct encoding *encoding, const uint32_t *at)
{
    struct walk w = walk_over(encoding, API_INTERFACE_ADDRESS);
    const struct api_interface_address *item;

    while ((item = walk_next(&w)) != NULL) {
        struct plan_twin *twin = at[item->owner] == API_NONE ? NULL : &plan->twins[at[item->owner]];
        struct plan_address *a = &plan->addresses[plan->n_addresses];

        if (twin == NULL)
            continue;
        if (twin->n_addresses++ == 0)
            twin->first_address = plan->n_addresses;
        plan->n_addresses++;
        a->family = item->family;
        a->prefix_len = item->prefix_len;
        memcpy(a->address, item->address, sizeof(a->address));
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct plan_router *x = *(const struct plan_router *const *)a;
    const struct plan_router *y = *(const struct plan_router *const *)b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : strcmp(x->tenant, y->tenant);
}

static void sort_names(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->n_routers; i++)
        plan->by_name[i] = &plan->routers[i];
    qsort(plan->by_name, plan->n_routers, sizeof(plan->by_name[0]), compare_names);
}

int plan_create(const struct encoding *encoding, struct plan **result)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    uint32_t n_interfaces = count(encoding, API_INTERFACE);
    uint32_t n_routers = count(encoding, API_ROUTER);
    uint32_t *at = calloc(n_interfaces + 1, sizeof(*at));

    if (plan == NULL || at == NULL)
        goto fail;
    plan->routers = calloc(n_routers + 1, sizeof(*plan->routers));
    plan->by_name = calloc(n_routers + 1, sizeof(struct plan_router *));
    plan->twins = calloc(n_interfaces + 1, sizeof(*plan->twins));
    plan->addresses = calloc(count(encoding, API_INTERFACE_ADDRESS) + 1, sizeof(*plan->addresses));
    if (plan->routers == NULL || plan->by_name == NULL || plan->twins == NULL ||
        plan->addresses == NULL)
        goto fail;
    read_routers(plan, encoding);
    sort_names(plan);
    read_interfaces(plan, encoding, at);
    read_addresses(plan, encoding, at);
    free(at);
    *result = plan;
    return 0;
fail:
    free(at);
    plan_destroy(plan);
    return -ENOMEM;
}

void plan_destroy(struct plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->routers);
    free(plan->by_name);
    free(plan->twins);
    free(plan->addresses);
    free(plan);
}

// Their arrays are made of zeros, so what lies between fields is the same too.
bool plan_is_same(const struct plan *a, const struct plan *b)
{
    return a->n_routers == b->n_routers && a->n_twins == b->n_twins &&
           a->n_addresses == b->n_addresses &&
           memcmp(a->routers, b->routers, a->n_routers * sizeof(a->routers[0])) == 0 &&
           memcmp(a->twins, b->twins, a->n_twins * sizeof(a->twins[0])) == 0 &&
           memcmp(a->addresses, b->addresses, a->n_addresses * sizeof(a->addresses[0])) == 0;
}

const struct plan_router *plan_find(const struct plan *plan, const char *tenant, const char *name)
{
    struct plan_router key = {0};
    const struct plan_router *wanted = &key, *const * found;

    snprintf(key.tenant, sizeof(key.tenant), "%s", tenant);
    snprintf(key.name, sizeof(key.name), "%s", name);
    found = bsearch(&wanted, plan->by_name, plan->n_routers, sizeof(wanted), compare_names);
    return found == NULL ? NULL : *found;
}
