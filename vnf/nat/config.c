// SPDX-License-Identifier: BSD-3-Clause
// What is a NAT in the next generation? Called while server/ builds or frees a generation, main
// thread. Sorts what rules.c searches. The running generation sees only that ports of new forwards
// are no longer handed out. Next: pool.c, activate.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vnf/nat/model.h"

// What the pieces of config_create share.
struct build {
    const struct model *model;
    struct nat_items items;
    struct nat_config *config;
    struct nat_state *state;
    char path[API_PATH_SIZE];
    struct error *e;
};

uint32_t nat_n_instances(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_NAT, &n);
    return n;
}

void nat_items_of(const struct model *model, uint32_t index, struct nat_items *items)
{
    uint32_t n, first;

    items->nat = (const struct api_nat *)model_items(model, API_NAT, &n) + index;
    items->tenant =
        ((const struct api_tenant *)model_items(model, API_TENANT, &n))[items->nat->owner].name;
    items->sources =
        model_owned(model, API_NAT_SOURCE, index, &items->first_source, &items->n_sources);
    items->statics = model_owned(model, API_NAT_STATIC, index, &first, &items->n_statics);
    items->forwards = model_owned(model, API_NAT_FORWARD, index, &first, &items->n_forwards);
    items->n_pools = 0;
    for (uint32_t i = 0; i < items->n_sources; i++) {
        (void)nat_items_pools(model, items, i, &n);
        items->n_pools += n;
    }
}

void nat_identify(const struct model *model, uint32_t index, const char **tenant, const char **name,
                  uint32_t *n_sides)
{
    struct nat_items items;

    nat_items_of(model, index, &items);
    *tenant = items.tenant;
    *name = items.nat->name;
    *n_sides = 0;
}

static int no_memory(const struct build *b)
{
    return error_set(b->e, -ENOMEM, b->path, "out of memory");
}

static int add_source(const struct build *b, uint32_t index)
{
    const struct api_nat_source *item = &b->items.sources[index];
    struct nat_source *source = &b->config->sources[index];
    uint32_t n;
    const struct api_nat_pool *pools = nat_items_pools(b->model, &b->items, index, &n);
    int rc;

    *source = (struct nat_source){.seq = item->seq,
                                  .prefix = nat_address_of(item->prefix),
                                  .mask = nat_mask(item->prefix_len),
                                  .destination = nat_address_of(item->destination),
                                  .destination_mask = nat_mask(item->destination_len),
                                  .is_exempt = (item->flags & API_NAT_EXEMPT) != 0};
    rc = nat_pool_fill(b->state, source, pools, n);
    b->config->n_addresses += source->n_addresses;
    if (rc == -ENOSPC)
        return error_set(b->e, rc, b->path, "no room for more outside addresses: try again");
    return rc < 0 ? no_memory(b) : 0;
}

static int add_sources(const struct build *b)
{
    int rc = 0;

    b->config->sources = calloc((size_t)b->items.n_sources + 1, sizeof(*b->config->sources));
    if (b->config->sources == NULL)
        return no_memory(b);
    for (uint32_t i = 0; rc == 0 && i < b->items.n_sources; i++) {
        b->config->n_sources++;
        rc = add_source(b, i);
    }
    return rc;
}

static int compare_statics(const void *a, const void *b)
{
    const struct nat_static *x = a, *y = b;

    return x->from < y->from ? -1 : x->from > y->from;
}

static void sort_statics(struct nat_static *statics, uint32_t n)
{
    if (n > 1)
        qsort(statics, n, sizeof(*statics), compare_statics);
}

static int is_in_pool(const struct nat_config *config, uint32_t address)
{
    for (uint32_t i = 0; i < config->n_sources; i++)
        if (nat_source_number(&config->sources[i], address) >= 0)
            return 1;
    return 0;
}

// A forward of a whole address is a static rule, or what is left of an address that a pool shares.
static void add_whole(struct nat_config *c, const struct api_nat_forward *item, uint32_t n_statics)
{
    uint32_t address = nat_address_of(item->address), to = nat_address_of(item->to), other;

    if (is_in_pool(c, address)) {
        c->rest[c->n_rest++] = (struct nat_static){address, 1, to};
        return;
    }
    c->statics_in[c->n_statics_in++] = (struct nat_static){address, 1, to};
    if (nat_static_find(c->statics_out, n_statics, to, &other))
        return;
    for (uint32_t i = n_statics; i < c->n_statics_out; i++)
        if (c->statics_out[i].from == to)
            return;
    c->statics_out[c->n_statics_out++] = (struct nat_static){to, 1, address};
}

static int add_statics(const struct build *b)
{
    struct nat_config *c = b->config;
    uint32_t n = b->items.n_statics;
    size_t room = (size_t)n + b->items.n_forwards + 1;

    c->statics_in = calloc(room, sizeof(*c->statics_in));
    c->statics_out = calloc(room, sizeof(*c->statics_out));
    c->rest = calloc(room, sizeof(*c->rest));
    if (c->statics_in == NULL || c->statics_out == NULL || c->rest == NULL)
        return no_memory(b);
    for (uint32_t i = 0; i < n; i++) {
        const struct api_nat_static *item = &b->items.statics[i];
        uint32_t inside = nat_address_of(item->inside), outside = nat_address_of(item->outside);
        uint32_t size = nat_prefix_size(item->prefix_len);

        c->statics_in[c->n_statics_in++] = (struct nat_static){outside, size, inside};
        c->statics_out[c->n_statics_out++] = (struct nat_static){inside, size, outside};
    }
    sort_statics(c->statics_out, n);
    for (uint32_t i = 0; i < b->items.n_forwards; i++)
        if (b->items.forwards[i].protocol == 0)
            add_whole(c, &b->items.forwards[i], n);
    sort_statics(c->statics_in, c->n_statics_in);
    sort_statics(c->statics_out, c->n_statics_out);
    sort_statics(c->rest, c->n_rest);
    return 0;
}

static int compare_forwards(const void *a, const void *b)
{
    const struct nat_forward *x = a, *y = b;

    if (x->protocol != y->protocol)
        return x->protocol < y->protocol ? -1 : 1;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    if (x->to != y->to)
        return x->to < y->to ? -1 : 1;
    return x->to_first < y->to_first ? -1 : x->to_first > y->to_first;
}

static void sort_forwards(struct nat_forward *forwards, uint32_t n)
{
    if (n > 1)
        qsort(forwards, n, sizeof(*forwards), compare_forwards);
}

static int add_forwards(const struct build *b)
{
    struct nat_config *c = b->config;
    size_t room = (size_t)b->items.n_forwards + 1;

    c->forwards_in = calloc(room, sizeof(*c->forwards_in));
    c->forwards_out = calloc(room, sizeof(*c->forwards_out));
    if (c->forwards_in == NULL || c->forwards_out == NULL)
        return no_memory(b);
    for (uint32_t i = 0; i < b->items.n_forwards; i++) {
        const struct api_nat_forward *f = &b->items.forwards[i];
        uint32_t address = nat_address_of(f->address), to = nat_address_of(f->to);
        uint16_t to_last = (uint16_t)(f->to_port + (f->port_last - f->port_first));

        if (f->protocol == 0)
            continue;
        c->forwards_in[c->n_forwards] =
            (struct nat_forward){f->protocol, address, f->port_first, f->port_last, to, f->to_port};
        c->forwards_out[c->n_forwards++] =
            (struct nat_forward){f->protocol, to, f->to_port, to_last, address, f->port_first};
    }
    sort_forwards(c->forwards_in, c->n_forwards);
    sort_forwards(c->forwards_out, c->n_forwards);
    return 0;
}

static int add_outside(const struct build *b)
{
    struct nat_config *c = b->config;
    size_t room = (size_t)b->items.n_statics + b->items.n_forwards + b->items.n_pools + 1;

    c->outside = calloc(room, sizeof(*c->outside));
    if (c->outside == NULL)
        return no_memory(b);
    for (uint32_t i = 0; i < b->items.n_sources; i++) {
        uint32_t n;
        const struct api_nat_pool *pools = nat_items_pools(b->model, &b->items, i, &n);

        for (uint32_t k = 0; k < n; k++)
            c->outside[c->n_outside++] =
                (struct nat_range){nat_address_of(pools[k].first), nat_address_of(pools[k].last)};
    }
    for (uint32_t i = 0; i < b->items.n_statics; i++) {
        uint32_t first = nat_address_of(b->items.statics[i].outside);

        c->outside[c->n_outside++] = (struct nat_range){
            first, first + (nat_prefix_size(b->items.statics[i].prefix_len) - 1)};
    }
    for (uint32_t i = 0; i < b->items.n_forwards; i++) {
        uint32_t address = nat_address_of(b->items.forwards[i].address);

        c->outside[c->n_outside++] = (struct nat_range){address, address};
    }
    c->n_outside = nat_ranges_merge(c->outside, c->n_outside);
    return 0;
}

// FNV-1a (Fowler, Noll, Vo), of items without the owner they begin with.
static uint64_t hash_items(uint64_t hash, const void *items, uint32_t n, size_t size)
{
    const uint8_t *bytes = items;

    hash = (hash ^ n) * UINT64_C(0x100000001b3);
    for (size_t i = 0; i < n * size; i++)
        if (i % size >= sizeof(uint32_t))
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint32_t version_of(const struct build *b)
{
    const struct nat_items *i = &b->items;
    uint64_t hash = hash_items(UINT64_C(0xcbf29ce484222325), i->nat, 1, sizeof(*i->nat));

    hash = hash_items(hash, i->sources, i->n_sources, sizeof(*i->sources));
    for (uint32_t k = 0; k < i->n_sources; k++) {
        uint32_t n;
        const struct api_nat_pool *pools = nat_items_pools(b->model, i, k, &n);

        hash = hash_items(hash, pools, n, sizeof(*pools));
    }
    hash = hash_items(hash, i->statics, i->n_statics, sizeof(*i->statics));
    hash = hash_items(hash, i->forwards, i->n_forwards, sizeof(*i->forwards));
    return (uint32_t)(hash ^ hash >> 32);
}

static int fill(const struct build *b)
{
    struct nat_config *c = b->config;
    const struct api_nat *nat = b->items.nat;
    int rc;

    c->mapping = nat->mapping;
    c->filtering = nat->filtering;
    c->flags = nat->flags;
    c->port_first = nat->port_first;
    c->port_last = nat->port_last;
    c->host_limit = nat->host_limit;
    c->version = version_of(b);
    rc = add_sources(b);
    if (rc == 0)
        rc = add_statics(b);
    if (rc == 0)
        rc = add_forwards(b);
    return rc == 0 ? add_outside(b) : rc;
}

static void destroy(struct nat_config *config, struct nat_state *state)
{
    for (uint32_t i = 0; i < config->n_sources; i++)
        nat_pool_empty(state, &config->sources[i]);
    free(config->sources);
    free(config->statics_in);
    free(config->statics_out);
    free(config->rest);
    free(config->forwards_in);
    free(config->forwards_out);
    free(config->outside);
    free(config);
}

int nat_config_create(struct function *f, const struct model *model, uint32_t index,
                      const struct generation *generation, struct error *e)
{
    struct build b = {.model = model, .e = e};
    int rc = nat_validate(model, index, e);

    (void)generation;
    if (rc < 0)
        return rc;
    nat_items_of(model, index, &b.items);
    snprintf(b.path, sizeof(b.path), "%s/%s", b.items.tenant, b.items.nat->name);
    b.config = calloc(1, sizeof(*b.config));
    if (b.config == NULL)
        return no_memory(&b);
    rc = nat_state_get(b.items.tenant, b.items.nat->name, &b.state);
    if (rc < 0) {
        free(b.config);
        return no_memory(&b);
    }
    nat_address_sweep(b.state);
    rc = fill(&b);
    if (rc < 0) {
        destroy(b.config, b.state);
        nat_state_put(b.state);
        return rc;
    }
    nat_reserve(b.state, b.config);
    b.state->newest = b.config;
    f->config = b.config;
    f->state = b.state;
    return 0;
}

void nat_config_destroy(struct function *f)
{
    struct nat_state *state = f->state;
    const struct nat_config *config = f->config, *other = state->newest;

    if (other == config) // a transaction that was given up, or the last one
        other = state->active != config ? state->active : NULL;
    nat_unreserve(state, config, other);
    state->newest = other;
    if (state->active == config)
        state->active = NULL;
    destroy(f->config, state);
    nat_state_put(state);
    f->config = NULL;
    f->state = NULL;
}
