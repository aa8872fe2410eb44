// SPDX-License-Identifier: BSD-3-Clause
// Is this address the router's own here, may a neighbour have it, and from which do we speak? Asked
// by process.c, arp.c, nd.c and whoever sends for the router, on workers. Looks at the interface's
// few addresses one by one and changes nothing. Next: back to who asked.

#include "vnf/router/address.h"
#include "vnf/router/packet.h"
#include "vnf/router/route.h"

static size_t size_of(uint8_t family)
{
    return family == 4 ? 4 : 16;
}

int router_is_own(const struct router_interface *in, uint8_t family, const uint8_t *address)
{
    for (uint32_t i = 0; i < in->n_addresses; i++)
        if (in->addresses[i].family == family &&
            memcmp(in->addresses[i].bytes, address, size_of(family)) == 0)
            return 1;
    return family == 6 && in->has_ip6 && memcmp(in->link_local, address, 16) == 0;
}

static int is_in_subnet(const struct router_address *subnet, const uint8_t *address)
{
    return router_address_covers(subnet->bytes, subnet->prefix_len, address);
}

int router_is_outside(const struct router_interface *in, const uint8_t *address)
{
    uint32_t low = 0, high = in->n_outside, wanted;

    memcpy(&wanted, address, sizeof(wanted));
    wanted = rte_be_to_cpu_32(wanted);
    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (in->outside[middle].first <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && wanted <= in->outside[low - 1].last;
}

int router_claims(const struct router_interface *in, const uint8_t *address)
{
    if (router_is_own(in, 4, address))
        return 1;
    if (!router_is_outside(in, address))
        return 0;
    for (uint32_t i = 0; i < in->n_addresses; i++)
        if (in->addresses[i].family == 4 && is_in_subnet(&in->addresses[i], address))
            return 1;
    return 0;
}

const struct router_interface *router_outside_of(const struct router_config *config,
                                                 const uint8_t *address)
{
    for (uint32_t i = 0; i < config->n_interfaces; i++)
        if (config->interfaces[i].n_outside > 0 &&
            router_is_outside(&config->interfaces[i], address))
            return &config->interfaces[i];
    return NULL;
}

// A route to the interface without a next hop: the destinations are neighbours.
static int is_routed_to(const struct router_scene *s, const struct router_interface *in,
                        uint8_t family, const uint8_t *address)
{
    const struct route_group *group = route_lookup(s->state, family, address);

    if (group == NULL || group->type != API_ROUTE_UNICAST)
        return 0;
    for (uint32_t i = 0; i < group->n_paths; i++)
        if (group->paths[i].family == 0 && group->paths[i].slot == in->slot)
            return 1;
    return 0;
}

int router_is_on_link(const struct router_scene *s, const struct router_interface *in,
                      uint8_t family, const uint8_t *address)
{
    for (uint32_t i = 0; i < in->n_addresses; i++)
        if (in->addresses[i].family == family && is_in_subnet(&in->addresses[i], address))
            return 1;
    if (family == 6 && ip6_is_link_local(address))
        return 1;
    return is_routed_to(s, in, family, address);
}

static int is_solicited_group_of(const uint8_t *group, const uint8_t *address)
{
    static const uint8_t prefix[13] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

    return memcmp(group, prefix, sizeof(prefix)) == 0 && memcmp(group + 13, address + 13, 3) == 0;
}

int router_is_own_group(const struct router_interface *in, const uint8_t *group)
{
    static const uint8_t nodes[16] = {0xff, 2, [15] = 1}, routers[16] = {0xff, 2, [15] = 2},
                         site_routers[16] = {0xff, 5, [15] = 2};

    if (!in->has_ip6)
        return 0;
    if (memcmp(group, nodes, sizeof(nodes)) == 0 || memcmp(group, routers, sizeof(routers)) == 0 ||
        memcmp(group, site_routers, sizeof(site_routers)) == 0 ||
        is_solicited_group_of(group, in->link_local))
        return 1;
    for (uint32_t i = 0; i < in->n_addresses; i++)
        if (in->addresses[i].family == 6 && is_solicited_group_of(group, in->addresses[i].bytes))
            return 1;
    return 0;
}

static const uint8_t *address_of(const struct router_interface *out, uint8_t family)
{
    for (uint32_t i = 0; i < out->n_addresses; i++)
        if (out->addresses[i].family == family)
            return out->addresses[i].bytes;
    return NULL;
}

const uint8_t *router_source_for(const struct router_scene *s, const struct router_interface *out,
                                 uint8_t family, const uint8_t *address)
{
    const struct router_address *best = NULL;
    const uint8_t *source;

    if (family == 6 && out->has_ip6 && ip6_is_link_local(address))
        return out->link_local;
    for (uint32_t i = 0; i < out->n_addresses; i++) {
        const struct router_address *own = &out->addresses[i];

        if (own->family == family && is_in_subnet(own, address) &&
            (best == NULL || own->prefix_len > best->prefix_len))
            best = own;
    }
    if (best != NULL)
        return best->bytes;
    source = address_of(out, family);
    if (source == NULL && family == 6 && out->has_ip6)
        return out->link_local;
    for (uint32_t i = 0; i < s->config->n_interfaces && source == NULL; i++)
        source = address_of(&s->config->interfaces[i], family);
    return source;
}
