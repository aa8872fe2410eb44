// SPDX-License-Identifier: BSD-3-Clause
// Which outside addresses of NATs stand for an interface? Those of each NAT on a chain whose inside
// end is the interface: the router answers ARP for them there, and packets from elsewhere to them
// go out to that chain (hairpin). Read from the model by config.c, main thread; this knows no NAT.
// Next: own.c, which asks; route_plan.c, which routes them.

#include <errno.h>
#include <stdlib.h>

#include <rte_byteorder.h>

#include "vnf/router/outside.h"

// Ranges of all interfaces of the router, before each gets its own.
struct collection {
    const struct model *model;
    struct router_range *ranges;
    uint32_t n, capacity;
};

static uint32_t address_of(const uint8_t bytes[4])
{
    uint32_t address;

    memcpy(&address, bytes, sizeof(address));
    return rte_be_to_cpu_32(address);
}

static int add(struct collection *c, uint32_t first, uint32_t last)
{
    if (c->n == c->capacity) {
        uint32_t capacity = 2 * c->capacity + 16;
        struct router_range *ranges = realloc(c->ranges, capacity * sizeof(*ranges));

        if (ranges == NULL)
            return -ENOMEM;
        c->ranges = ranges;
        c->capacity = capacity;
    }
    c->ranges[c->n++] = (struct router_range){first, last};
    return 0;
}

static int add_pools(struct collection *c, uint32_t nat)
{
    uint32_t first, n_sources, n, unused;
    int rc = 0;

    (void)model_owned(c->model, API_NAT_SOURCE, nat, &first, &n_sources);
    for (uint32_t i = 0; i < n_sources; i++) {
        const struct api_nat_pool *pools =
            model_owned(c->model, API_NAT_POOL, first + i, &unused, &n);

        for (uint32_t k = 0; rc == 0 && k < n; k++)
            rc = add(c, address_of(pools[k].first), address_of(pools[k].last));
    }
    return rc;
}

static int add_rules(struct collection *c, uint32_t nat)
{
    uint32_t first, n;
    const struct api_nat_static *statics = model_owned(c->model, API_NAT_STATIC, nat, &first, &n);
    const struct api_nat_forward *forwards;
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        uint32_t from = address_of(statics[i].outside);
        uint8_t len = statics[i].prefix_len;

        rc = add(c, from, from | (len >= 32 ? 0 : UINT32_MAX >> len));
    }
    forwards = model_owned(c->model, API_NAT_FORWARD, nat, &first, &n);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        uint32_t address = address_of(forwards[i].address);

        rc = add(c, address, address);
    }
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct router_range *x = a, *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

// Sorted, and one of those that touch.
static void merge(struct collection *c)
{
    uint32_t n = 0;

    if (c->n == 0)
        return;
    qsort(c->ranges, c->n, sizeof(*c->ranges), compare);
    for (uint32_t i = 1; i < c->n; i++) {
        struct router_range *last = &c->ranges[n];

        if (c->ranges[i].first <= last->last || c->ranges[i].first == last->last + 1)
            last->last = RTE_MAX(last->last, c->ranges[i].last);
        else
            c->ranges[++n] = c->ranges[i];
    }
    c->n = n + 1;
}

static int is_at(const struct api_end *end, uint32_t interface)
{
    return end->kind == API_END_INTERFACE && end->index == interface;
}

int router_outside_collect(const struct model *model, uint32_t index,
                           struct router_interface *interface)
{
    struct collection c = {.model = model};
    uint32_t n, n_chains, n_nats;
    const struct api_chain_function *functions = model_items(model, API_CHAIN_FUNCTION, &n);
    const struct api_chain *chains = model_items(model, API_CHAIN, &n_chains);
    int rc = 0;

    (void)model_items(model, API_NAT, &n_nats);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct api_chain_function *f = &functions[i];

        if (f->kind != API_FUNCTION_NAT || f->index >= n_nats || f->owner >= n_chains ||
            !is_at(&chains[f->owner].inside, index))
            continue;
        rc = add_pools(&c, f->index);
        if (rc == 0)
            rc = add_rules(&c, f->index);
    }
    if (rc < 0) {
        free(c.ranges);
        return rc;
    }
    merge(&c);
    interface->outside = c.ranges;
    interface->n_outside = c.n;
    return 0;
}

uint8_t router_outside_step(const struct router_range *range, uint32_t at)
{
    uint8_t len = at == 0 ? 0 : (uint8_t)(32 - __builtin_ctz(at));

    while (len < 32 && (at | UINT32_MAX >> len) > range->last)
        len++;
    return len;
}
