// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_NODE_H
#define CONTROL_DATASTORE_NODE_H

// How southbound/ reads a configuration without libyang's headers. A tree from config_tree() is the
// first of its tenants; the objects of a list stand next to each other in the order of the text,
// and the lists in the order of the schema. Defaults are there as if they had been written.

#include <stddef.h>

struct lyd_node;

// The first node in `parent`, NULL if there is none.
const struct lyd_node *node_first(const struct lyd_node *parent);

// The node after `node` in the same parent, NULL at the end.
const struct lyd_node *node_next(const struct lyd_node *node);

// The name of a node's field: "ports" for each entry of that list. Never NULL.
const char *node_name(const struct lyd_node *node);

// The value of a leaf or of one entry of a leaf-list, in canonical form; NULL for other nodes.
const char *node_text(const struct lyd_node *node);

// The first child of that name, NULL if there is none: of a list or leaf-list the first entry. A
// walk along the siblings: once per object, not once per entry. `parent` may be NULL, here and
// below.
const struct lyd_node *node_child(const struct lyd_node *parent, const char *name);

// The value of the child leaf `name`, "" if there is none.
const char *node_value(const struct lyd_node *parent, const char *name);

// The same as a number, or 0; "true" is 1.
unsigned long node_number(const struct lyd_node *parent, const char *name);

// The line of a node in the text that it was read from, or of the nearest node around it that has
// one. 0: none. Defaults have no line of their own.
unsigned node_line(const struct lyd_node *node);

// The path as the user says it, tenants/blue/ports/vm1/mtu, cut to `size`. `node` may be NULL, and
// `below` the name of a child, or NULL.
void node_path(const struct lyd_node *node, const char *below, char *path, size_t size);

#endif
