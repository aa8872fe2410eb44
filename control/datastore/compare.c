// SPDX-License-Identifier: BSD-3-Clause
// What changes from one configuration to the other? Walks both trees side by side with keyed
// look-ups, because libyang's own comparison is quadratic. Called by southbound/apply.c, off
// the event loop. Changes neither configuration; shows no defaults that appear or go. Next:
// print.c.

#include "control/datastore/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct comparison {
    struct config_diff *diff;
    size_t size; // of diff->changes
};

static int compare_siblings(struct comparison *c, const struct lyd_node *from,
                            const struct lyd_node *to);

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static int add_change(struct comparison *c, enum config_operation operation,
                      const struct lyd_node *node, const char *old_value, const char *new_value)
{
    struct config_diff *d = c->diff;
    char path[sizeof(((struct config_error *)0)->path)];
    struct config_change *change;

    if (d->n == c->size) {
        size_t size = c->size ? c->size * 2 : 64;
        struct config_change *p = realloc(d->changes, size * sizeof(*p));

        if (!p)
            return -ENOMEM;
        d->changes = p;
        c->size = size;
    }
    node_path(node, NULL, path, sizeof(path));
    change = &d->changes[d->n++];
    change->operation = operation;
    change->path = strdup(path);
    change->old_value = copy(old_value);
    change->new_value = copy(new_value);
    return !change->path || (old_value && !change->old_value) || (new_value && !change->new_value)
               ? -ENOMEM
               : 0;
}

// A node that is on one side only, with all that is in it.
static int add_tree(struct comparison *c, enum config_operation operation,
                    const struct lyd_node *node)
{
    const char *value;
    const struct lyd_node *child;
    int r = 0;

    if (lysc_is_key(node->schema) || lyd_is_default(node))
        return 0;
    if (node->schema->nodetype & LYD_NODE_TERM) {
        value = lyd_get_value(node);
        return add_change(c, operation, node, operation == CONFIG_DELETE ? value : NULL,
                          operation == CONFIG_CREATE ? value : NULL);
    }
    if (node->schema->nodetype == LYS_LIST)
        r = add_change(c, operation, node, NULL, NULL);
    for (child = lyd_child(node); child && r == 0; child = child->next)
        r = add_tree(c, operation, child);
    return r;
}

// The place of a node among those of its name.
static size_t place_of(const struct lyd_node *node)
{
    size_t place = 0;

    while (node->prev->next && node->prev->schema == node->schema) {
        node = node->prev;
        place++;
    }
    return place;
}

// Where the user gave an order, what has moved is not the same any more. Such lists are short.
static struct lyd_node *find_same(const struct lyd_node *siblings, const struct lyd_node *node)
{
    struct lyd_node *match = NULL;

    if (!siblings || lyd_find_sibling_first(siblings, node, &match))
        return NULL;
    if (lysc_is_userordered(node->schema) && place_of(match) != place_of(node))
        return NULL;
    return match;
}

// For a leaf there is one of its name on the other side, with any value.
static struct lyd_node *find_match(const struct lyd_node *siblings, const struct lyd_node *node)
{
    struct lyd_node *match = NULL;

    if (node->schema->nodetype != LYS_LEAF)
        return find_same(siblings, node);
    if (!siblings || lyd_find_sibling_val(siblings, node->schema, NULL, 0, &match))
        return NULL;
    return match;
}

static int compare_pair(struct comparison *c, const struct lyd_node *from,
                        const struct lyd_node *to)
{
    if (to->schema->nodetype == LYS_LEAF) {
        const char *old_value = lyd_get_value(from), *new_value = lyd_get_value(to);

        return strcmp(old_value, new_value) == 0
                   ? 0
                   : add_change(c, CONFIG_REPLACE, to, old_value, new_value);
    }
    if (to->schema->nodetype & LYD_NODE_INNER)
        return compare_siblings(c, lyd_child(from), lyd_child(to));
    return 0;
}

static int compare_siblings(struct comparison *c, const struct lyd_node *from,
                            const struct lyd_node *to)
{
    const struct lyd_node *node, *match;
    int r = 0;

    for (node = from; node && r == 0; node = node->next)
        if (!find_match(to, node))
            r = add_tree(c, CONFIG_DELETE, node);
    for (node = to; node && r == 0; node = node->next) {
        match = find_match(from, node);
        r = match ? compare_pair(c, match, node) : add_tree(c, CONFIG_CREATE, node);
    }
    return r;
}

int tree_compare(const struct lyd_node *from, const struct lyd_node *to, struct config_diff *diff)
{
    struct comparison c = {.diff = diff};
    int r;

    memset(diff, 0, sizeof(*diff));
    r = compare_siblings(&c, from, to);
    if (r < 0)
        config_diff_free(diff);
    return r;
}

int config_compare(const struct config *from, const struct config *to, struct config_diff *diff)
{
    return tree_compare(from->tree, to->tree, diff);
}

void config_diff_free(struct config_diff *diff)
{
    size_t i;

    for (i = 0; i < diff->n; i++) {
        free(diff->changes[i].path);
        free(diff->changes[i].old_value);
        free(diff->changes[i].new_value);
    }
    free(diff->changes);
    memset(diff, 0, sizeof(*diff));
}
