// SPDX-License-Identifier: BSD-3-Clause
// What is a firewall in the next generation? Called while server/ builds or frees a generation,
// main thread. Groups become sets, and what differs from the rules in force becomes the next
// policy, made here so that activate.c has only to put it in place. Next: rules.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// What the pieces of config_create share.
struct build {
    const struct model *model;
    uint32_t index;
    const struct api_firewall *item;
    struct firewall_config *config;
    struct firewall_state *state;
    struct error *e;
};

uint32_t firewall_n_instances(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_FIREWALL, &n);
    return n;
}

void firewall_identify(const struct model *model, uint32_t index, const char **tenant,
                       const char **name, uint32_t *n_sides)
{
    uint32_t n;
    const struct api_firewall *item =
        (const struct api_firewall *)model_items(model, API_FIREWALL, &n) + index;
    const struct api_tenant *tenants = model_items(model, API_TENANT, &n);

    *tenant = tenants[item->owner].name;
    *name = item->name;
    *n_sides = 0;
}

static const struct classifier_set *address_set(const struct model *model, uint32_t group)
{
    uint32_t first, n;
    const struct api_group_prefix *items = model_owned(model, API_GROUP_PREFIX, group, &first, &n);
    struct classifier_prefix *prefixes = calloc((size_t)n + 1, sizeof(*prefixes));
    const struct classifier_set *set;

    if (prefixes == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        prefixes[i].family = items[i].family;
        prefixes[i].len = items[i].prefix_len;
        memcpy(prefixes[i].address, items[i].address, sizeof(prefixes[i].address));
    }
    set = classifier_address_set(prefixes, n);
    free(prefixes);
    return set;
}

static const struct classifier_set *port_set(const struct model *model, uint32_t group)
{
    uint32_t first, n;
    const struct api_group_ports *items = model_owned(model, API_GROUP_PORTS, group, &first, &n);
    struct classifier_ports *ports = calloc((size_t)n + 1, sizeof(*ports));
    const struct classifier_set *set;

    if (ports == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        ports[i] = (struct classifier_ports){items[i].first, items[i].last};
    set = classifier_port_set(ports, n);
    free(ports);
    return set;
}

static int add_groups(const struct build *b)
{
    struct firewall_config *config = b->config;

    (void)model_owned(b->model, API_ADDRESS_GROUP, b->item->owner, &config->first_address,
                      &config->n_address);
    (void)model_owned(b->model, API_PORT_GROUP, b->item->owner, &config->first_port,
                      &config->n_port);
    config->address_sets =
        calloc((size_t)config->n_address + 1, sizeof(const struct classifier_set *));
    config->port_sets = calloc((size_t)config->n_port + 1, sizeof(const struct classifier_set *));
    if (config->address_sets == NULL || config->port_sets == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < config->n_address; i++) {
        config->address_sets[i] = address_set(b->model, config->first_address + i);
        if (config->address_sets[i] == NULL)
            return -ENOMEM;
    }
    for (uint32_t i = 0; i < config->n_port; i++) {
        config->port_sets[i] = port_set(b->model, config->first_port + i);
        if (config->port_sets[i] == NULL)
            return -ENOMEM;
    }
    return 0;
}

static int add_rules(const struct build *b)
{
    uint32_t first, n;
    const struct api_rule *items = model_owned(b->model, API_RULE, b->index, &first, &n);
    struct firewall_wish *wishes = calloc((size_t)n + 1, sizeof(*wishes));
    struct firewall_wanted wanted = {
        .config = b->config, .defaults = b->item, .wishes = wishes, .n = n, .is_complete = 1};
    int rc;

    if (wishes == NULL)
        return firewall_refuse(b->state, b->e, -ENOMEM, "out of memory");
    for (uint32_t i = 0; i < n; i++)
        wishes[i] = (struct firewall_wish){items[i].seq, &items[i]};
    rc = firewall_edit_create(b->state, &wanted, &b->config->edit, b->e);
    free(wishes);
    return rc;
}

static void destroy(struct firewall_config *config)
{
    firewall_edit_abort(config->edit);
    for (uint32_t i = 0; config->address_sets != NULL && i < config->n_address; i++)
        classifier_set_put(config->address_sets[i]);
    for (uint32_t i = 0; config->port_sets != NULL && i < config->n_port; i++)
        classifier_set_put(config->port_sets[i]);
    free(config->address_sets);
    free(config->port_sets);
    free(config);
}

static int fill(const struct build *b)
{
    int rc = add_groups(b);

    if (rc < 0)
        return firewall_refuse(b->state, b->e, rc, "out of memory");
    rc = add_rules(b);
    // No worker knows a state that is new: its first rules are in force at once, so that sessions
    // of the process before this one are judged by them.
    if (rc == 0 && b->state->is_new && b->config->edit != NULL) {
        firewall_edit_commit(b->config->edit);
        b->config->edit = NULL;
    }
    return rc;
}

int firewall_config_create(struct function *f, const struct model *model, uint32_t index,
                           const struct generation *generation, struct error *e)
{
    struct build b = {.model = model, .index = index, .e = e};
    const char *tenant, *name;
    uint32_t n;
    int rc = firewall_validate(model, index, e);

    (void)generation;
    if (rc < 0)
        return rc;
    b.item = (const struct api_firewall *)model_items(model, API_FIREWALL, &n) + index;
    firewall_identify(model, index, &tenant, &name, &n);
    b.config = calloc(1, sizeof(*b.config));
    if (b.config == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    rc = firewall_state_get(tenant, name, &b.state);
    if (rc < 0) {
        free(b.config);
        return error_set(e, rc, NULL, "out of memory");
    }
    rc = fill(&b);
    if (rc < 0) {
        destroy(b.config);
        firewall_state_put(b.state);
        return rc;
    }
    f->config = b.config;
    f->state = b.state;
    return 0;
}

void firewall_config_destroy(struct function *f)
{
    destroy(f->config);
    firewall_state_put(f->state);
    f->config = NULL;
    f->state = NULL;
}
