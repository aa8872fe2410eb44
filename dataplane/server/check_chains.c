// SPDX-License-Identifier: BSD-3-Clause
// Is what stands on chains there, of the chain's tenant, and not too much of it? Main thread,
// called by check.c; changes nothing. What a firewall or a NAT says within itself is checked by its
// own validate.c. Next: check_cables.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/chain/segment.h"
#include "dataplane/server/check.h"

#define MAX_GUESTS 8 // on one chain

struct check {
    const struct model *model;
    uint8_t *is_used; // guests that stand on a chain already
    struct error *e;
};

static int refuse(const struct check *c, const struct api_chain *chain, const char *sentence)
{
    return check_refuse(c->e, check_tenant_name(c->model, chain->owner), chain->name, sentence);
}

// Every object that stands on a chain begins with its owner.
static int check_function(const struct check *c, const struct api_chain *chain,
                          const struct api_chain_function *function)
{
    static const enum api_type types[API_FUNCTION_N_KINDS] = {
        [API_FUNCTION_FIREWALL] = API_FIREWALL,
        [API_FUNCTION_NAT] = API_NAT,
        [API_FUNCTION_GUEST] = API_GUEST_FUNCTION,
    };
    enum api_type type = types[function->kind];
    uint32_t n, owner;
    const char *items = model_items(c->model, type, &n);

    if (function->index >= n)
        return refuse(c, chain, "a function of the chain does not exist");
    memcpy(&owner, items + function->index * api_message(type)->item_size, sizeof(owner));
    if (owner != chain->owner)
        return refuse(c, chain, "a function of the chain belongs to another tenant");
    if (function->kind != API_FUNCTION_GUEST)
        return 0;
    if (c->is_used[function->index])
        return refuse(c, chain, "a guest on the chain stands on a chain already");
    c->is_used[function->index] = 1;
    return 0;
}

// A function that stands on it more than once has a number for each place: by that the chain keeps
// what belongs to each apart.
static int has_same(const struct api_chain_function *functions, uint32_t n,
                    const struct api_chain_function *function)
{
    for (uint32_t i = 0; i < n; i++)
        if (functions[i].kind == function->kind && functions[i].index == function->index &&
            functions[i].further == function->further)
            return 1;
    return 0;
}

static int check_chain(const struct check *c, const struct api_chain *chain, uint32_t index)
{
    uint32_t n, first, n_guests = 0;
    const struct api_chain_function *functions =
        model_owned(c->model, API_CHAIN_FUNCTION, index, &first, &n);

    for (uint32_t i = 0; i < n; i++)
        n_guests += functions[i].kind == API_FUNCTION_GUEST;
    if (n - n_guests > API_MAX_CHAIN_FUNCTIONS)
        return refuse(c, chain, "more than 8 functions on the chain");
    if (n_guests > MAX_GUESTS)
        return refuse(c, chain, "more than 8 guests on the chain");
    for (uint32_t i = 0; i < n; i++) {
        int rc = check_function(c, chain, &functions[i]);

        if (rc < 0)
            return rc;
        if (has_same(functions, i, &functions[i]))
            return refuse(c, chain, "a function stands on the chain twice with one number");
    }
    if (n_guests > 0 && strlen(chain->name) > API_NAME_SIZE - 1 - CHAIN_SUFFIX_LEN)
        return refuse(c, chain, "the name of a chain with guests has 29 characters at most");
    return 0;
}

int check_chains(const struct model *model, struct error *e)
{
    uint32_t n, n_guests;
    struct check c = {.model = model, .e = e};
    const struct api_chain *chains;
    int rc = 0;

    (void)model_items(model, API_GUEST_FUNCTION, &n_guests);
    c.is_used = calloc((size_t)n_guests + 1, 1);
    if (c.is_used == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    chains = model_items(model, API_CHAIN, &n);
    for (uint32_t i = 0; rc == 0 && i < n; i++)
        rc = check_chain(&c, &chains[i], i);
    free(c.is_used);
    return rc;
}
