// SPDX-License-Identifier: BSD-3-Clause
// Does this NAT make sense? Called by config.c on the main thread before anything is made. Fields
// were checked one by one at the border; here is what they say of each other. Changes nothing.
// Next: config.c.

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>

#include "vnf/nat/model.h"

struct validation {
    const struct model *model;
    struct nat_items items;
    char path[API_PATH_SIZE];
    struct error *e;
};

// An outside range that one part of the configuration claims.
struct claim {
    uint32_t key[3]; // protocol, address, first port; or 0, 0, first address
    uint32_t last;
};

static int refuse(const struct validation *v, const char *format, ...)
{
    char sentence[API_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return error_set(v->e, -EINVAL, v->path, "%s", sentence);
}

static int no_memory(const struct validation *v)
{
    return error_set(v->e, -ENOMEM, v->path, "out of memory");
}

static int compare_claims(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;

    for (unsigned i = 0; i < 3; i++)
        if (x->key[i] != y->key[i])
            return x->key[i] < y->key[i] ? -1 : 1;
    return 0;
}

// Whether two of them claim the same; sorts.
static int has_overlap(struct claim *claims, uint32_t n)
{
    if (n > 1)
        qsort(claims, n, sizeof(*claims), compare_claims);
    for (uint32_t i = 1; i < n; i++)
        if (claims[i].key[0] == claims[i - 1].key[0] && claims[i].key[1] == claims[i - 1].key[1] &&
            claims[i].key[2] <= claims[i - 1].last)
            return 1;
    return 0;
}

static int is_host(uint32_t address)
{
    return address >> 24 != 0 && address >> 24 != 127 && address >> 24 < 224;
}

static int check_pools(const struct validation *v, uint32_t index, uint64_t *n_addresses)
{
    const struct api_nat_source *source = &v->items.sources[index];
    uint32_t n;
    const struct api_nat_pool *pools = nat_items_pools(v->model, &v->items, index, &n);

    if ((source->flags & API_NAT_EXEMPT) != 0 && n > 0)
        return refuse(v, "source rule %u is exempt and has a pool", source->seq);
    if ((source->flags & API_NAT_EXEMPT) == 0 && n == 0)
        return refuse(v, "source rule %u has no pool", source->seq);
    if (n > NAT_MAX_POOLS)
        return refuse(v, "source rule %u has more than %u pools", source->seq, NAT_MAX_POOLS);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t first = nat_address_of(pools[i].first), last = nat_address_of(pools[i].last);

        if (first > last || !is_host(first) || !is_host(last))
            return refuse(v, "a pool of source rule %u is no range of hosts' addresses",
                          source->seq);
        *n_addresses += (uint64_t)last - first + 1;
    }
    return 0;
}

static int check_sources(const struct validation *v)
{
    uint64_t n_addresses = 0;
    int rc = 0;

    if (v->items.n_sources > NAT_MAX_SOURCES)
        return refuse(v, "it has more than %u source rules", NAT_MAX_SOURCES);
    for (uint32_t i = 0; rc == 0 && i < v->items.n_sources; i++) {
        const struct api_nat_source *s = &v->items.sources[i];

        if (i > 0 && s->seq <= s[-1].seq)
            return refuse(v, "source rules are not in ascending order of seq");
        if ((nat_address_of(s->prefix) & ~nat_mask(s->prefix_len)) != 0 ||
            (nat_address_of(s->destination) & ~nat_mask(s->destination_len)) != 0)
            return refuse(v, "source rule %u: a prefix has bits beyond its length", s->seq);
        rc = check_pools(v, i, &n_addresses);
    }
    if (rc == 0 && n_addresses > NAT_MAX_ADDRESSES)
        return refuse(v, "its pools have more than %u addresses", NAT_MAX_ADDRESSES);
    return rc;
}

static struct claim range_claim(uint32_t first, uint32_t n)
{
    return (struct claim){{0, 0, first}, first + (n - 1)};
}

static uint32_t add_pools(const struct validation *v, struct claim *claims)
{
    uint32_t n_claims = 0, n;

    for (uint32_t i = 0; i < v->items.n_sources; i++) {
        const struct api_nat_pool *pools = nat_items_pools(v->model, &v->items, i, &n);

        for (uint32_t k = 0; k < n; k++)
            claims[n_claims++] = (struct claim){{0, 0, nat_address_of(pools[k].first)},
                                                nat_address_of(pools[k].last)};
    }
    return n_claims;
}

// Pools may share addresses, so each static prefix is held to the pools one by one.
static int check_static_pools(const struct validation *v, const struct claim *pools, uint32_t n)
{
    for (uint32_t i = 0; i < v->items.n_statics; i++) {
        const struct api_nat_static *s = &v->items.statics[i];
        struct claim mine = range_claim(nat_address_of(s->outside), nat_prefix_size(s->prefix_len));

        for (uint32_t k = 0; k < n; k++)
            if (mine.key[2] <= pools[k].last && pools[k].key[2] <= mine.last)
                return refuse(v, "an outside address of a static rule is in a pool");
    }
    return 0;
}

static int check_statics(const struct validation *v, struct claim *claims)
{
    const struct api_nat_static *s = v->items.statics;
    uint32_t n = v->items.n_statics, k = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits = ~nat_mask(s[i].prefix_len);

        if (s[i].prefix_len == 0 || ((nat_address_of(s[i].inside) & bits) != 0) ||
            ((nat_address_of(s[i].outside) & bits) != 0))
            return refuse(v, "a static prefix is all addresses, or has bits beyond its length");
        claims[k++] = range_claim(nat_address_of(s[i].inside), nat_prefix_size(s[i].prefix_len));
    }
    if (has_overlap(claims, k))
        return refuse(v, "inside prefixes of two static rules overlap");
    for (k = 0; k < n; k++)
        claims[k] = range_claim(nat_address_of(s[k].outside), nat_prefix_size(s[k].prefix_len));
    for (uint32_t i = 0; i < v->items.n_forwards; i++)
        if (v->items.forwards[i].protocol == 0)
            claims[k++] = range_claim(nat_address_of(v->items.forwards[i].address), 1);
    if (has_overlap(claims, k))
        return refuse(v, "outside addresses of two static rules overlap");
    return check_static_pools(v, claims, add_pools(v, claims));
}

static int check_forward(const struct validation *v, const struct api_nat_forward *f)
{
    if (!is_host(nat_address_of(f->address)) || !is_host(nat_address_of(f->to)))
        return refuse(v, "a forward is to or from what is no host's address");
    if (f->protocol == 0) {
        if (f->port_first != 0 || f->port_last != 0 || f->to_port != 0)
            return refuse(v, "a forward of all protocols has ports");
        return 0;
    }
    if (f->protocol != IPPROTO_TCP && f->protocol != IPPROTO_UDP && f->protocol != IPPROTO_SCTP)
        return refuse(v, "a forward is of TCP, UDP, SCTP or all protocols");
    if (f->port_first == 0 || f->port_first > f->port_last)
        return refuse(v, "the ports of a forward are no range");
    if (f->to_port == 0 || f->to_port > UINT16_MAX - (f->port_last - f->port_first))
        return refuse(v, "the ports that a forward leads to are no range");
    return 0;
}

static int check_forwards(const struct validation *v, struct claim *claims)
{
    uint32_t k = 0;

    for (uint32_t i = 0; i < v->items.n_forwards; i++) {
        const struct api_nat_forward *f = &v->items.forwards[i];
        int rc = check_forward(v, f);

        if (rc < 0)
            return rc;
        if (f->protocol != 0)
            claims[k++] = (struct claim){{f->protocol, nat_address_of(f->address), f->port_first},
                                         f->port_last};
    }
    return has_overlap(claims, k) ? refuse(v, "two forwards of one protocol and port overlap") : 0;
}

static int check_nat(const struct validation *v, uint32_t index)
{
    uint32_t first, n;
    const struct api_nat *nat = v->items.nat, *all;

    all = model_owned(v->model, API_NAT, nat->owner, &first, &n);
    for (uint32_t i = first; i < index; i++)
        if (strcmp(all[i - first].name, nat->name) == 0)
            return refuse(v, "the tenant has two NATs of this name");
    if (nat->port_first == 0 || nat->port_first > nat->port_last)
        return refuse(v, "its ports are no range");
    return 0;
}

int nat_validate(const struct model *model, uint32_t index, struct error *e)
{
    struct validation v = {.model = model, .e = e};
    struct claim *claims;
    int rc;

    nat_items_of(model, index, &v.items);
    snprintf(v.path, sizeof(v.path), "%s/%s", v.items.tenant, v.items.nat->name);
    claims = calloc((size_t)v.items.n_pools + v.items.n_statics + v.items.n_forwards + 1,
                    sizeof(*claims));
    if (claims == NULL)
        return no_memory(&v);
    rc = check_nat(&v, index);
    if (rc == 0)
        rc = check_sources(&v);
    if (rc == 0)
        rc = check_statics(&v, claims);
    if (rc == 0)
        rc = check_forwards(&v, claims);
    free(claims);
    return rc;
}
