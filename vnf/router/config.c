// SPDX-License-Identifier: BSD-3-Clause
// What is a router in the next generation? Called while server/ builds or frees a generation, main
// thread. Must not change what the running generation sees: new interfaces get slots that it does
// not know, routes and neighbours are planned, all else waits for activate.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "vnf/router/neighbor.h"
#include "vnf/router/outside.h"
#include "vnf/router/route.h"

#define ERRORS_PER_SEC 100 // ICMP errors of one interface, and as many at once

// What the pieces of config_create share.
struct build {
    const struct model *model;
    uint32_t index;
    const struct function *f;
    const struct generation *generation;
    struct router_config *config;
    struct router_state *state;
    const char *path; // tenant/router
    struct error *e;
};

uint32_t router_n_instances(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_ROUTER, &n);
    return n;
}

void router_identify(const struct model *model, uint32_t index, const char **tenant,
                     const char **name, uint32_t *n_sides)
{
    uint32_t n, first;
    const struct api_router *item =
        (const struct api_router *)model_items(model, API_ROUTER, &n) + index;
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n);

    *tenant = tenants[item->owner].name;
    *name = item->name;
    (void)model_owned(model, API_INTERFACE, index, &first, n_sides);
    *n_sides *= 2;
}

static int no_memory(const struct build *b)
{
    return error_set(b->e, -ENOMEM, b->path, "out of memory");
}

// RFC 4291, 2.5.1 and appendix A.
static void set_link_local(struct router_interface *interface)
{
    const uint8_t *mac = interface->mac;
    const uint8_t address[16] = {
        0xfe,   0x80,  [8] = (uint8_t)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3],
        mac[4], mac[5]};

    memcpy(interface->link_local, address, sizeof(address));
}

static int add_addresses(const struct build *b, struct router_interface *interface, uint32_t index)
{
    uint32_t first, n;
    const struct api_interface_address *items =
        model_owned(b->model, API_INTERFACE_ADDRESS, index, &first, &n);

    interface->addresses = calloc((size_t)n + 1, sizeof(*interface->addresses));
    if (interface->addresses == NULL)
        return no_memory(b);
    interface->n_addresses = n;
    for (uint32_t i = 0; i < n; i++) {
        interface->addresses[i].family = items[i].family;
        interface->addresses[i].prefix_len = items[i].prefix_len;
        memcpy(interface->addresses[i].bytes, items[i].address, sizeof(items[i].address));
        interface->has_ip4 |= items[i].family == 4;
        interface->has_ip6 |= items[i].family == 6;
    }
    if (interface->has_ip6)
        set_link_local(interface);
    return 0;
}

// The link of a new interface counts from the first packet on.
static int add_interface(const struct build *b, const struct api_interface *item, uint32_t index)
{
    struct router_interface *interface = &b->config->interfaces[b->config->n_interfaces];
    uint32_t side = b->f->first_attachment + 2 * b->config->n_interfaces;
    int is_new, rc = router_slot_get(b->state, item->name, &interface->slot, &is_new);

    if (rc < 0)
        return error_set(b->e, rc, b->path, "no room for another interface");
    b->config->n_interfaces++;
    memcpy(interface->name, item->name, sizeof(interface->name));
    memcpy(interface->mac, item->mac, sizeof(interface->mac));
    interface->mtu = item->mtu;
    interface->tcp_mss = item->tcp_mss;
    interface->flags = item->flags;
    interface->attachment = side;
    interface->kernel_attachment = item->kernel_port != API_NONE ? side + 1 : ATTACHMENT_NONE;
    if (is_new)
        b->state->slots[interface->slot].is_up = (uint8_t)attachment_is_up(b->generation, side);
    if (router_outside_collect(b->model, index, interface) < 0)
        return no_memory(b);
    return add_addresses(b, interface, index);
}

static int add_interfaces(const struct build *b)
{
    struct router_config *config = b->config;
    uint32_t first, n;
    const struct api_interface *items = model_owned(b->model, API_INTERFACE, b->index, &first, &n);
    int rc = 0;

    config->interfaces = calloc((size_t)n + 1, sizeof(*config->interfaces));
    if (config->interfaces == NULL)
        return no_memory(b);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = add_interface(b, &items[i], first + i);
    if (rc < 0)
        return rc;
    config->n_slots = b->state->n_slots;
    config->interface_of_slot =
        malloc(((size_t)config->n_slots + 1) * sizeof(*config->interface_of_slot));
    if (config->interface_of_slot == NULL)
        return no_memory(b);
    memset(config->interface_of_slot, 0xff, config->n_slots * sizeof(*config->interface_of_slot));
    for (uint32_t i = 0; i < n; i++)
        config->interface_of_slot[config->interfaces[i].slot] = (uint16_t)i;
    return 0;
}

static uint64_t mix_bytes(uint64_t hash, const void *bytes, size_t size)
{
    const char *at = bytes;
    uint64_t word;

    hash = walk_mix(hash, size);
    for (; size > 0; size -= RTE_MIN(size, sizeof(word)), at += sizeof(word)) {
        word = 0;
        memcpy(&word, at, RTE_MIN(size, sizeof(word)));
        hash = walk_mix(hash, word);
    }
    return hash;
}

static uint64_t mix_interface(uint64_t hash, const struct router_interface *interface)
{
    hash = walk_mix(hash, (uint64_t)interface->slot << 48 | (uint64_t)interface->mtu << 32 |
                              (uint64_t)interface->tcp_mss << 16 | interface->flags);
    hash = walk_mix(hash, interface->kernel_attachment != ATTACHMENT_NONE);
    hash = mix_bytes(hash, interface->mac, sizeof(interface->mac));
    hash = mix_bytes(hash, interface->addresses,
                     interface->n_addresses * sizeof(*interface->addresses));
    return mix_bytes(hash, interface->outside, interface->n_outside * sizeof(*interface->outside));
}

// Routes and neighbours have numbers of their own; but those of a router that was gone are others
// at the same places.
static uint64_t make_fingerprint(const struct build *b)
{
    uint64_t hash = walk_mix((uint64_t)(uintptr_t)b->state, b->state->life);

    for (uint32_t i = 0; i < b->config->n_interfaces; i++)
        hash = mix_interface(hash, &b->config->interfaces[i]);
    return hash;
}

uint64_t router_fingerprint(const struct function *f)
{
    const struct router_config *config = f->config;

    return config->fingerprint;
}

static int fill(const struct build *b)
{
    uint32_t n;
    const struct api_router *item =
        (const struct api_router *)model_items(b->model, API_ROUTER, &n) + b->index;
    struct router_config *config = b->config;
    int rc = add_interfaces(b);

    if (rc < 0)
        return rc;
    config->neighbor_limit = item->neighbor_limit;
    config->route_limit = item->route_limit;
    config->dynamic_preference = item->dynamic_preference;
    meter_limit_init(&config->error_limit, ERRORS_PER_SEC, ERRORS_PER_SEC, rte_get_tsc_hz());
    router_own_init(config);
    config->fingerprint = make_fingerprint(b);
    rc = route_plan_create(b->model, b->index, b->state, config, &config->plan, b->e);
    if (rc == 0)
        rc = neighbor_plan_create(b->model, b->index, config, &config->neighbor_plan, b->e);
    return rc;
}

static void destroy(struct router_config *config, struct router_state *state)
{
    neighbor_plan_destroy(config->neighbor_plan);
    route_plan_destroy(config->plan);
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        router_slot_put(state, config->interfaces[i].slot);
        free(config->interfaces[i].addresses);
        free(config->interfaces[i].outside);
    }
    free(config->interface_of_slot);
    free(config->interfaces);
    free(config);
}

int router_config_create(struct function *f, const struct model *model, uint32_t index,
                         const struct generation *generation, struct error *e)
{
    struct build b = {.model = model, .index = index, .f = f, .generation = generation, .e = e};
    const char *tenant, *name;
    char path[API_PATH_SIZE];
    uint32_t n;
    int rc = router_validate(model, index, e);

    if (rc < 0)
        return rc;
    router_identify(model, index, &tenant, &name, &n);
    snprintf(path, sizeof(path), "%s/%s", tenant, name);
    b.path = path;
    b.config = calloc(1, sizeof(*b.config));
    if (b.config == NULL)
        return no_memory(&b);
    rc = router_state_get(tenant, name, &b.state);
    if (rc < 0) {
        free(b.config);
        return no_memory(&b);
    }
    rc = fill(&b);
    if (rc < 0) {
        destroy(b.config, b.state);
        router_state_put(b.state);
        return rc;
    }
    f->config = b.config;
    f->state = b.state;
    return 0;
}

void router_config_destroy(struct function *f)
{
    struct router_state *state = f->state;

    if (state->active == f->config)
        state->active = NULL;
    destroy(f->config, state);
    router_state_put(state);
    f->config = NULL;
    f->state = NULL;
}
