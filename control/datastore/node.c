// SPDX-License-Identifier: BSD-3-Clause
// What stands in a configuration, and where did it come from? Small questions about one node of a
// tree. Called by this folder and southbound/, on any thread; they change nothing but for the line
// that read.c notes. Next: read.c, which makes the nodes.

#include "control/datastore/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 16

const struct lyd_node *node_first(const struct lyd_node *parent)
{
    return lyd_child(parent);
}

const struct lyd_node *node_next(const struct lyd_node *node)
{
    return node->next;
}

const char *node_name(const struct lyd_node *node)
{
    return node->schema->name;
}

const char *node_text(const struct lyd_node *node)
{
    return lyd_get_value(node);
}

unsigned long node_number(const struct lyd_node *parent, const char *name)
{
    const char *value = node_value(parent, name);

    return strcmp(value, "true") == 0 ? 1 : strtoul(value, NULL, 10);
}

unsigned node_line(const struct lyd_node *node)
{
    for (; node; node = lyd_parent(node))
        if (node->priv)
            return (unsigned)(uintptr_t)node->priv;
    return 0;
}

void node_set_line(struct lyd_node *node, unsigned line)
{
    node->priv = (void *)(uintptr_t)line;
}

const struct lyd_node *node_child(const struct lyd_node *parent, const char *name)
{
    const struct lyd_node *child;

    for (child = lyd_child(parent); child; child = child->next)
        if (strcmp(child->schema->name, name) == 0)
            return child;
    return NULL;
}

const char *node_value(const struct lyd_node *parent, const char *name)
{
    const struct lyd_node *child = node_child(parent, name);

    return child ? lyd_get_value(child) : "";
}

int node_is_key_default(const struct lyd_node *node)
{
    const char *value =
        lysc_is_key(node->schema) ? schema_extension(node->schema, "key-default") : NULL;

    return value && strcmp(lyd_get_value(node), value) == 0;
}

static size_t append(char *path, size_t size, size_t len, const char *before, const char *text)
{
    int n;

    if (len >= size)
        return len;
    n = snprintf(path + len, size - len, "%s%s", before, text);
    return n > 0 ? len + (size_t)n : len;
}

void node_path(const struct lyd_node *node, const char *below, char *path, size_t size)
{
    const struct lyd_node *way[MAX_DEPTH];
    size_t n = 0, len = 0;

    path[0] = 0;
    for (; node && n < MAX_DEPTH; node = lyd_parent(node))
        way[n++] = node;
    while (n > 0) {
        const struct lyd_node *key;
        const char *before = "/";

        node = way[--n];
        len = append(path, size, len, len ? "/" : "", node->schema->name);
        if (node->schema->nodetype != LYS_LIST)
            continue;
        for (key = lyd_child(node); key && lysc_is_key(key->schema); key = key->next) {
            if (node_is_key_default(key))
                continue;
            len = append(path, size, len, before, lyd_get_value(key));
            before = ",";
        }
    }
    if (below)
        append(path, size, len, len ? "/" : "", below);
}
