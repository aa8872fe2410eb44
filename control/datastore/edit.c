// SPDX-License-Identifier: BSD-3-Clause
// What does one rule change? A small configuration is made around it and goes the way of any other
// (parse.c), so that there is one set of checks; then it takes its place in the large one. Called
// by southbound/apply.c and journal.c, off the event loop, one at a time. Next: journal.c.

#include "control/datastore/edit.h"
#include "control/datastore/config.h"
#include "control/datastore/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lyd_node *find_entry(const struct lyd_node *siblings, const char *list,
                                   const char *key, const char *value)
{
    const struct lysc_node *schema = NULL;
    struct lyd_node *found = NULL;
    char keys[80];

    for (const struct lyd_node *n = siblings; n && !schema; n = n->next)
        if (strcmp(n->schema->name, list) == 0)
            schema = n->schema;
    (void)snprintf(keys, sizeof(keys), "[%s='%s']", key, value);
    if (!schema || lyd_find_sibling_val(siblings, schema, keys, strlen(keys), &found))
        return NULL;
    return found;
}

static struct lyd_node *find_firewall(const struct lyd_node *tree, const struct rule_place *place)
{
    struct lyd_node *tenant = find_entry(tree, "tenants", "name", place->tenant);

    return tenant ? find_entry(lyd_child(tenant), "firewalls", "name", place->firewall) : NULL;
}

static struct lyd_node *find_rule(const struct lyd_node *firewall, uint32_t seq)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%" PRIu32, seq);
    return find_entry(lyd_child(firewall), "rules", "seq", text);
}

static int add_groups(FILE *f, const struct lyd_node *tenant, const char *list)
{
    const struct lyd_node *n;

    for (n = lyd_child(tenant); n; n = n->next)
        if (strcmp(n->schema->name, list) == 0)
            fprintf(f, "%s{\"name\": \"%s\"}", n->prev->schema == n->schema ? ", " : "",
                    node_value(n, "name"));
    return 0;
}

// The tenant as far as the rule can refer to it. NULL: out of memory.
static char *surround(const struct lyd_node *tenant, const char *firewall, const char *rule)
{
    static const char *const lists[] = {"address-groups", "port-groups"};
    size_t size;
    char *text = NULL;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    fprintf(f, "{\"tenants\": [{\"name\": \"%s\"", node_value(tenant, "name"));
    for (unsigned i = 0; i < 2; i++) {
        fprintf(f, ", \"%s\": [", lists[i]);
        add_groups(f, tenant, lists[i]);
        fputc(']', f);
    }
    fprintf(f, ", \"firewalls\": [{\"name\": \"%s\", \"rules\": [%s]}]}]}", firewall, rule);
    if (fclose(f) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

static int read_rule(struct edit *edit, const struct config *config,
                     const struct lyd_node *firewall, const char *text, struct config_error *e)
{
    char *whole = surround(lyd_parent(firewall), edit->place.firewall, text);
    struct lyd_node *made;
    int r;

    edit->text = strdup(text);
    if (!whole || !edit->text) {
        free(whole);
        return error_say(e, -ENOMEM, "out of memory while a rule is read");
    }
    r = config_parse(config->schema, whole, strlen(whole), CONFIG_JSON, &edit->part, e);
    free(whole);
    e->line = 0; // of a text that nobody wrote
    if (r < 0)
        return r;
    made = find_firewall(edit->part->tree, &edit->place);
    edit->made = made ? find_rule(made, edit->place.seq) : NULL;
    if (!edit->made)
        return error_say(e, -EINVAL, "the rule must have seq %" PRIu32 ", as its path says",
                         edit->place.seq);
    return 0;
}

static uint64_t sum_with(const struct edit *edit, const struct config *config,
                         const struct lyd_node *firewall)
{
    uint64_t sum = config->sum;

    if (edit->old)
        sum -= tree_entry_sum(firewall, edit->old);
    if (edit->made)
        sum += tree_entry_sum(firewall, edit->made);
    return sum;
}

static int fill(struct edit *edit, const struct config *config, const char *text,
                struct config_error *e)
{
    const struct lyd_node *firewall = find_firewall(config->tree, &edit->place);
    int r = 0;

    if (!firewall)
        return error_say(e, -ENOENT, "there is no firewall %s/%s", edit->place.tenant,
                         edit->place.firewall);
    edit->old = find_rule(firewall, edit->place.seq);
    if (!text && !edit->old)
        return error_say(e, -ENOENT, "firewall %s/%s has no rule %" PRIu32, edit->place.tenant,
                         edit->place.firewall, edit->place.seq);
    if (text)
        r = read_rule(edit, config, firewall, text, e);
    if (r < 0)
        return r;
    edit->from = config->id;
    edit->to = sum_identity(sum_with(edit, config, firewall));
    return 0;
}

int edit_create(const struct config *config, const struct rule_place *place, const char *text,
                struct edit **edit, struct config_error *e)
{
    struct edit *made = calloc(1, sizeof(*made));
    int r;

    memset(e, 0, sizeof(*e));
    if (!made)
        return error_say(e, -ENOMEM, "out of memory while a rule is read");
    made->place = *place;
    r = fill(made, config, text, e);
    if (r < 0) {
        edit_destroy(made);
        return r;
    }
    *edit = made;
    return 0;
}

void edit_destroy(struct edit *edit)
{
    if (!edit)
        return;
    if (edit->is_applied)
        lyd_free_tree(edit->old);
    config_destroy(edit->part);
    free(edit->text);
    free(edit);
}

const struct lyd_node *edit_rule(const struct edit *edit)
{
    return edit->made;
}

// Take `out` from the firewall and put `in` there; either may be NULL.
static int exchange(struct lyd_node *firewall, struct lyd_node *out, struct lyd_node *in)
{
    if (out)
        lyd_unlink_tree(out);
    if (!in || !lyd_insert_child(firewall, in))
        return 0;
    if (out)
        (void)lyd_insert_child(firewall, out); // where it was until now
    return -ENOMEM;
}

int edit_apply(struct edit *edit, struct config *config)
{
    struct lyd_node *firewall = find_firewall(config->tree, &edit->place);
    uint64_t sum = sum_with(edit, config, firewall);

    if (edit->made)
        lyd_unlink_tree(edit->made);
    if (exchange(firewall, edit->old, edit->made) < 0) {
        lyd_free_tree(edit->made);
        edit->made = NULL;
        return -ENOMEM;
    }
    config->sum = sum;
    config->id = edit->to;
    edit->is_applied = true;
    return 0;
}

void edit_revert(struct edit *edit, struct config *config)
{
    struct lyd_node *firewall = find_firewall(config->tree, &edit->place);

    config->sum -= edit->made ? tree_entry_sum(firewall, edit->made) : 0;
    config->sum += edit->old ? tree_entry_sum(firewall, edit->old) : 0;
    config->id = edit->from;
    (void)exchange(firewall, edit->made, edit->old);
    lyd_free_tree(edit->made);
    edit->made = NULL;
    edit->is_applied = false;
}
