// SPDX-License-Identifier: BSD-3-Clause
// Does this router make sense? Called by config.c on the main thread before anything is made.
// Fields were checked one by one at the border; here is what they say of each other: interfaces and
// their addresses. Next: validate_routes.c, then config.c.

#include "vnf/router/validate.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vnf/router/address.h"

#define MAX_INTERFACES (ROUTER_MAX_SLOTS / 2) // so that all can be replaced in one commit
#define MIN_IP6_MTU 1280                      // RFC 8200, section 5

// An interface's address, to be sorted by what stands before the interface.
struct subnet {
    uint8_t family;
    uint8_t prefix[16];
    uint8_t prefix_len;
    uint8_t reserved[2];
    uint32_t interface; // in the model
    const struct api_interface_address *item;
};

int validate_refuse(const struct validation *v, const char *format, ...)
{
    char sentence[API_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return error_set(v->e, -EINVAL, v->path, "%s", sentence);
}

static int check_name(const struct validation *v, const struct api_router *all)
{
    uint32_t first, n;

    (void)model_owned(v->model, API_ROUTER, all[v->index].owner, &first, &n);
    for (uint32_t i = first; i < v->index; i++)
        if (strcmp(all[i].name, all[v->index].name) == 0)
            return validate_refuse(v, "the tenant has two routers of this name");
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    const struct api_interface *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static int check_interface_names(const struct validation *v)
{
    const struct api_interface **sorted = calloc((size_t)v->n_interfaces + 1, sizeof(*sorted));
    int rc = 0;

    if (sorted == NULL)
        return error_set(v->e, -ENOMEM, v->path, "out of memory");
    for (uint32_t i = 0; i < v->n_interfaces; i++)
        sorted[i] = &v->interfaces[i];
    qsort(sorted, v->n_interfaces, sizeof(*sorted), compare_names);
    for (uint32_t i = 1; rc == 0 && i < v->n_interfaces; i++)
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            rc = validate_refuse(v, "two interfaces are called %s", sorted[i]->name);
    free(sorted);
    return rc;
}

static int is_unicast_mac(const uint8_t *mac)
{
    static const uint8_t zero[6];

    return (mac[0] & 1) == 0 && memcmp(mac, zero, sizeof(zero)) != 0;
}

static int check_interfaces(const struct validation *v)
{
    if (v->n_interfaces > MAX_INTERFACES)
        return validate_refuse(v, "%u interfaces, a router has at most %u", v->n_interfaces,
                               (unsigned)MAX_INTERFACES);
    for (uint32_t i = 0; i < v->n_interfaces; i++)
        if (!is_unicast_mac(v->interfaces[i].mac))
            return validate_refuse(v, "interface %s: the MAC address is not a unicast one",
                                   v->interfaces[i].name);
    return check_interface_names(v);
}

// What is wrong with an address, NULL: nothing.
static const char *fault_of(const struct api_interface_address *a, uint16_t mtu)
{
    uint8_t prefix[16], broadcast[16];

    if (!router_address_has_family(a->address, a->family))
        return "is neither IPv4 nor IPv6";
    if (a->prefix_len == 0 || (a->family == 4 && a->prefix_len > 32))
        return "has a prefix length that no subnet has";
    if (!router_address_is_unicast(a->family, a->address))
        return "is not the address of a host";
    if (router_address_is_link_local(a->family, a->address))
        return "is link-local: those the router makes itself";
    if (a->family == 6)
        return mtu < MIN_IP6_MTU ? "needs an MTU of at least 1280" : NULL;
    router_address_mask(prefix, a->address, a->prefix_len);
    router_address_broadcast(broadcast, a->address, a->prefix_len);
    if (a->prefix_len <= 30 &&
        (memcmp(a->address, prefix, 16) == 0 || memcmp(a->address, broadcast, 16) == 0))
        return "is a broadcast address of its subnet";
    return NULL;
}

static int compare_addresses(const void *a, const void *b)
{
    const struct subnet *x = a, *y = b;

    if (x->family != y->family)
        return x->family < y->family ? -1 : 1;
    return memcmp(x->item->address, y->item->address, sizeof(x->item->address));
}

static int compare_subnets(const void *a, const void *b)
{
    const struct subnet *x = a, *y = b;
    int order = memcmp(x, y, offsetof(struct subnet, interface));

    return order != 0 ? order : (x->interface > y->interface) - (x->interface < y->interface);
}

static const char *interface_name(const struct validation *v, const struct subnet *subnet)
{
    return v->interfaces[subnet->interface - v->first_interface].name;
}

static int refuse_address(const struct validation *v, const struct subnet *subnet,
                          const char *sentence)
{
    char text[ROUTER_ADDRESS_TEXT];

    return validate_refuse(v, "interface %s: %s/%u %s", interface_name(v, subnet),
                           router_address_text(text, subnet->item->family, subnet->item->address),
                           subnet->item->prefix_len, sentence);
}

static int check_twice(const struct validation *v, struct subnet *subnets, uint32_t n)
{
    qsort(subnets, n, sizeof(*subnets), compare_addresses);
    for (uint32_t i = 1; i < n; i++)
        if (compare_addresses(&subnets[i - 1], &subnets[i]) == 0)
            return refuse_address(v, &subnets[i], "is an address that the router has twice");
    return 0;
}

// In order, the widest subnet that one is within stands before it, and all between are within it.
static int check_overlaps(const struct validation *v, struct subnet *subnets, uint32_t n)
{
    const struct subnet *around = NULL;

    qsort(subnets, n, sizeof(*subnets), compare_subnets);
    for (uint32_t i = 0; i < n; i++) {
        const struct subnet *s = &subnets[i];
        int is_within = around != NULL && around->family == s->family &&
                        router_address_covers(around->prefix, around->prefix_len, s->prefix);

        if (is_within && around->interface != s->interface) {
            char sentence[API_NAME_SIZE + 64];

            snprintf(sentence, sizeof(sentence), "overlaps with a subnet of interface %s",
                     interface_name(v, around));
            return refuse_address(v, s, sentence);
        }
        if (!is_within)
            around = s;
    }
    return 0;
}

static int check_addresses(const struct validation *v)
{
    uint32_t n_all, n = 0;
    const struct api_interface_address *all = model_items(v->model, API_INTERFACE_ADDRESS, &n_all);
    struct subnet *subnets = calloc((size_t)v->n_addresses + 1, sizeof(*subnets));
    int rc = 0;

    if (subnets == NULL)
        return error_set(v->e, -ENOMEM, v->path, "out of memory");
    for (uint32_t i = 0; rc == 0 && i < v->n_addresses; i++) {
        const struct api_interface_address *item = &all[v->first_address + i];
        struct subnet *s = &subnets[n++];
        const char *fault = fault_of(item, v->interfaces[item->owner - v->first_interface].mtu);

        s->family = item->family;
        s->prefix_len = item->prefix_len;
        s->interface = item->owner;
        s->item = item;
        router_address_mask(s->prefix, item->address, item->prefix_len);
        if (fault != NULL)
            rc = refuse_address(v, s, fault);
    }
    if (rc == 0)
        rc = check_twice(v, subnets, n);
    if (rc == 0)
        rc = check_overlaps(v, subnets, n);
    free(subnets);
    return rc;
}

// The addresses of a router's interfaces stand side by side: those are sorted by owner.
static void find_addresses(struct validation *v)
{
    uint32_t first, n;

    for (uint32_t i = 0; i < v->n_interfaces; i++) {
        (void)model_owned(v->model, API_INTERFACE_ADDRESS, v->first_interface + i, &first, &n);
        if (i == 0)
            v->first_address = first;
        v->n_addresses += n;
    }
}

int router_validate(const struct model *model, uint32_t index, struct error *e)
{
    uint32_t n_routers, n_tenants;
    const struct api_router *all = model_items(model, API_ROUTER, &n_routers);
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n_tenants);
    struct validation v = {.model = model, .index = index, .e = e};
    char path[API_PATH_SIZE];
    int rc;

    if (index >= n_routers || all[index].owner >= n_tenants)
        return error_set(e, -EINVAL, NULL, "router %u has no tenant", index);
    snprintf(path, sizeof(path), "%s/%s", tenants[all[index].owner].name, all[index].name);
    v.path = path;
    v.router = &all[index];
    v.interfaces = model_owned(model, API_INTERFACE, index, &v.first_interface, &v.n_interfaces);
    find_addresses(&v);
    rc = check_name(&v, all);
    if (rc == 0)
        rc = check_interfaces(&v);
    if (rc == 0)
        rc = check_addresses(&v);
    if (rc == 0)
        rc = validate_routes(&v);
    return rc;
}
