// SPDX-License-Identifier: BSD-3-Clause
// How do rules change beside transactions? All items of a request make one edit of the policy in
// force, so they are seen together; when the answer goes out no worker judges by what was before.
// Main thread, called by show.c. A later transaction finds the rules as they are wanted and changes
// nothing. Next: rules.c.

#include "vnf/firewall/state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

// The items of a request, aligned and in order.
struct change {
    const struct function *f;
    struct api_rule_change *items;
    struct firewall_wish *wishes;
    uint32_t n;
    struct error *e;
};

static int refuse(const struct change *c, uint32_t seq, const char *sentence)
{
    const struct firewall_state *state = c->f->state;
    char path[API_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", state->tenant_name, state->name);
    return error_set(c->e, -EINVAL, path, "rule %u: %s", seq, sentence);
}

static int is_group(uint32_t index, uint32_t first, uint32_t n)
{
    return index == API_NONE || (index >= first && index - first < n);
}

static int check_item(const struct change *c, const struct api_rule_change *item)
{
    const struct firewall_state *state = c->f->state;
    const struct firewall_config *config = c->f->config;
    const struct api_rule *rule = &item->rule;
    const char *fault = firewall_rule_fault(rule);

    if (strcmp(item->tenant, state->tenant_name) != 0 || strcmp(item->name, state->name) != 0)
        return refuse(c, rule->seq, "is of another firewall than the first one");
    if (item->config_id != c->items[0].config_id)
        return refuse(c, rule->seq, "names another configuration than the first one");
    if (item->is_delete)
        return rule->seq == 0 ? refuse(c, rule->seq, "numbers begin with 1") : 0;
    if (fault != NULL)
        return refuse(c, rule->seq, fault);
    if (!is_group(rule->source_group, config->first_address, config->n_address) ||
        !is_group(rule->destination_group, config->first_address, config->n_address) ||
        !is_group(rule->source_port_group, config->first_port, config->n_port) ||
        !is_group(rule->destination_port_group, config->first_port, config->n_port))
        return refuse(c, rule->seq, "names a group that the tenant does not have");
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct firewall_wish *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

static int check(struct change *c)
{
    int rc;

    for (uint32_t i = 0; i < c->n; i++) {
        const struct api_rule_change *item = &c->items[i];

        rc = check_item(c, item);
        if (rc < 0) {
            c->e->index = i;
            return rc;
        }
        c->wishes[i] = (struct firewall_wish){item->rule.seq, item->is_delete ? NULL : &item->rule};
    }
    qsort(c->wishes, c->n, sizeof(*c->wishes), compare);
    for (uint32_t i = 1; i < c->n; i++)
        if (c->wishes[i].seq == c->wishes[i - 1].seq)
            return refuse(c, c->wishes[i].seq, "is named twice");
    return 0;
}

static int apply(const struct change *c)
{
    const struct firewall_wanted wanted = {.config = c->f->config, .wishes = c->wishes, .n = c->n};
    struct firewall_edit *edit;
    int rc = firewall_edit_create(c->f->state, &wanted, &edit, c->e);

    if (rc == 0 && edit != NULL)
        firewall_edit_commit(edit);
    return rc;
}

int firewall_change(struct function *f, struct function_request *request, struct error *e)
{
    struct change c = {.f = f, .n = request->n_items, .e = e};
    int rc = -ENOMEM;

    c.items = malloc(((size_t)c.n + 1) * sizeof(*c.items));
    c.wishes = malloc(((size_t)c.n + 1) * sizeof(*c.wishes));
    if (c.items != NULL && c.wishes != NULL) {
        memcpy(c.items, request->items, c.n * sizeof(*c.items));
        rc = check(&c);
        if (rc == 0)
            rc = apply(&c);
    } else {
        rc = firewall_refuse(f->state, e, rc, "out of memory");
    }
    free(c.items);
    free(c.wishes);
    return rc;
}
