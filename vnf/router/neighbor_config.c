// SPDX-License-Identifier: BSD-3-Clause
// Which neighbours does the configuration name, and which does a path need? Main thread: a plan is
// made and judged with config_create, and put into effect by activate; paths take and give back
// their entries. The lock is held for some entries at a time, so that workers go on learning. Next:
// neighbor_dynamic.c, for what daemons install.

#include "vnf/router/neighbor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/core/log.h"
#include "vnf/router/address.h"

struct plan_item {
    uint16_t slot;
    uint8_t family;
    uint8_t address[16];
    uint8_t mac[6];
};

struct neighbor_plan {
    struct plan_item *items; // ascending
    uint32_t n;
    uint32_t tenant_limit;
};

static int compare(const void *a, const void *b)
{
    const struct plan_item *left = a, *right = b;
    int order = left->slot - right->slot;

    if (order == 0)
        order = left->family - right->family;
    return order != 0 ? order : memcmp(left->address, right->address, sizeof(left->address));
}

int neighbor_check(uint8_t family, const uint8_t *address, const uint8_t *mac, const char **fault)
{
    static const uint8_t zeros[12];

    *fault = "is of no known family";
    if (family != 4 && family != 6)
        return -EINVAL;
    *fault = "has bytes behind its address";
    if (family == 4 && memcmp(address + 4, zeros, sizeof(zeros)) != 0)
        return -EINVAL;
    *fault = "has an address that no host may have";
    if (!router_address_is_unicast(family, address))
        return -EINVAL;
    *fault = "has a MAC address that is zero or a group's";
    return mac == NULL || neighbor_is_unicast_mac(mac) ? 0 : -EINVAL;
}

static int add_items(struct neighbor_plan *plan, const struct router_interface *interface,
                     const struct api_neighbor *items, uint32_t n, struct error *e)
{
    const char *fault;

    for (uint32_t i = 0; i < n; i++) {
        struct plan_item *item = &plan->items[plan->n];

        if (neighbor_check(items[i].family, items[i].address, items[i].mac, &fault) != 0)
            return error_set(e, -EINVAL, NULL, "interface %s: neighbour %u %s", interface->name, i,
                             fault);
        if (router_is_own(interface, items[i].family, items[i].address))
            return error_set(e, -EINVAL, NULL,
                             "interface %s: neighbour %u has an address of the interface itself",
                             interface->name, i);
        item->slot = interface->slot;
        item->family = items[i].family;
        memcpy(item->address, items[i].address, sizeof(item->address));
        memcpy(item->mac, items[i].mac, sizeof(item->mac));
        plan->n++;
    }
    return 0;
}

static int fill(struct neighbor_plan *plan, const struct model *model, uint32_t index,
                const struct router_config *config, struct error *e)
{
    uint32_t first_interface, n_interfaces, first, n;

    (void)model_owned(model, API_INTERFACE, index, &first_interface, &n_interfaces);
    for (uint32_t i = 0; i < config->n_interfaces; i++) {
        const struct api_neighbor *items =
            model_owned(model, API_NEIGHBOR, first_interface + i, &first, &n);
        int rc = add_items(plan, &config->interfaces[i], items, n, e);

        if (rc != 0)
            return rc;
    }
    qsort(plan->items, plan->n, sizeof(*plan->items), compare);
    for (uint32_t i = 1; i < plan->n; i++)
        if (compare(&plan->items[i - 1], &plan->items[i]) == 0)
            return error_set(e, -EINVAL, NULL, "interface %s: a neighbour is given twice",
                             router_interface_of(config, plan->items[i].slot)->name);
    return 0;
}

static uint32_t count_items(const struct model *model, uint32_t index)
{
    uint32_t first_interface, n_interfaces, first, n, sum = 0;

    (void)model_owned(model, API_INTERFACE, index, &first_interface, &n_interfaces);
    for (uint32_t i = 0; i < n_interfaces; i++) {
        (void)model_owned(model, API_NEIGHBOR, first_interface + i, &first, &n);
        sum += n;
    }
    return sum;
}

int neighbor_plan_create(const struct model *model, uint32_t index,
                         const struct router_config *config, struct neighbor_plan **plan,
                         struct error *e)
{
    uint32_t n = count_items(model, index), n_all;
    const struct api_router *router =
        (const struct api_router *)model_items(model, API_ROUTER, &n_all) + index;
    const struct api_tenant *tenant =
        (const struct api_tenant *)model_items(model, API_TENANT, &n_all) + router->owner;
    struct neighbor_plan *made = calloc(1, sizeof(*made));
    char path[API_PATH_SIZE];
    int rc;

    snprintf(path, sizeof(path), "%s/%s", tenant->name, router->name);
    if (made != NULL)
        made->items = calloc(RTE_MAX(n, 1U), sizeof(*made->items));
    if (made == NULL || made->items == NULL) {
        neighbor_plan_destroy(made);
        return error_set(e, -ENOMEM, path, "out of memory");
    }
    if (n > NEIGHBOR_MAX_STATIC)
        rc = error_set(e, -EINVAL, NULL, "%u neighbours, at most %u", n, NEIGHBOR_MAX_STATIC);
    else
        rc = fill(made, model, index, config, e);
    if (rc != 0) {
        neighbor_plan_destroy(made);
        if (e != NULL)
            memcpy(e->path, path, sizeof(e->path));
        return rc;
    }
    made->tenant_limit = tenant->neighbor_limit;
    *plan = made;
    return 0;
}

void neighbor_plan_destroy(struct neighbor_plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->items);
    free(plan);
}

struct applied {
    const struct router_config *config;
    const struct neighbor_plan *plan;
};

// What the configuration has no more.
static void forget_others(struct neighbor_table *t, struct neighbor_entry *e, const void *arg)
{
    const struct applied *applied = arg;
    struct plan_item key = {.slot = neighbor_slot(e), .family = neighbor_family(e)};
    const struct router_interface *interface = router_interface_of(applied->config, key.slot);

    memcpy(key.address, e->address, sizeof(key.address));
    // An address may have become our own.
    if (interface == NULL || router_is_own(interface, key.family, key.address)) {
        e->static_mac = 0;
        e->dynamic_mac = 0;
        neighbor_give_up(t, e);
        return;
    }
    if (e->static_mac == 0 ||
        bsearch(&key, applied->plan->items, applied->plan->n, sizeof(key), compare) != NULL)
        return;
    e->static_mac = 0;
    neighbor_settle(t, e);
}

static int add_static(struct neighbor_table *t, const struct plan_item *item)
{
    struct neighbor_id id = neighbor_id(t, item->slot, item->family, item->address);
    uint64_t mac = neighbor_word(item->mac);
    struct neighbor_entry *e;

    neighbor_lock(t);
    e = neighbor_find(t, &id);
    if (e == NULL)
        e = neighbor_add(t, &id);
    if (e != NULL && e->static_mac != mac) {
        e->static_mac = mac;
        neighbor_settle(t, e);
    }
    neighbor_unlock(t);
    return e != NULL ? 0 : -ENOSPC;
}

void neighbor_apply(struct router_state *state, const struct router_config *config,
                    const struct neighbor_plan *plan)
{
    struct neighbor_table *t = state->neighbors;
    struct applied applied = {config, plan};
    uint32_t n_failed = 0;

    __atomic_store_n(&t->tenant->limit, plan->tenant_limit, __ATOMIC_RELAXED);
    neighbor_lock(t);
    t->limit = config->neighbor_limit;
    neighbor_unlock(t);
    // First what goes: a number may have been another interface's. Then a changed MAC replaces the
    // old one without a gap.
    neighbor_each(t, forget_others, &applied);
    for (uint32_t i = 0; i < plan->n; i++)
        n_failed += add_static(t, &plan->items[i]) != 0;
    if (n_failed > 0)
        log_warn("router %s/%s: %u static neighbours find no room", state->tenant_name, state->name,
                 n_failed);
}

uint32_t neighbor_get(struct router_state *state, uint16_t slot, uint8_t family,
                      const uint8_t *address)
{
    struct neighbor_table *t = state->neighbors;
    struct neighbor_id id = neighbor_id(t, slot, family, address);
    struct neighbor_entry *e;

    neighbor_lock(t);
    e = neighbor_find(t, &id);
    if (e == NULL)
        e = neighbor_add(t, &id);
    if (e != NULL) {
        e->n_references++;
        neighbor_recount(t, e);
    }
    neighbor_unlock(t);
    return e != NULL ? (uint32_t)(e - t->entries) : NEIGHBOR_NONE;
}

void neighbor_put(struct router_state *state, uint32_t neighbor)
{
    struct neighbor_table *t = state->neighbors;
    struct neighbor_entry *e = &t->entries[neighbor];

    neighbor_lock(t);
    e->n_references--;
    neighbor_recount(t, e);
    if (e->n_references == 0 && e->state == NEIGHBOR_IDLE)
        neighbor_forget(t, e);
    neighbor_unlock(t);
}
