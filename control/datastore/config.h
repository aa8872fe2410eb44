// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_CONFIG_H
#define CONTROL_DATASTORE_CONFIG_H

// What only this folder sees of a configuration. Outside of it: datastore.h.

#include <libyang/libyang.h>

#include "control/datastore/datastore.h"
#include "control/datastore/node.h"

struct schema {
    struct ly_ctx *ctx;
    struct lys_module *module;
};

struct config {
    struct schema *schema;
    struct lyd_node *tree; // top-level siblings; NULL if empty. A node's `priv` is its line.
    uint64_t sum;          // over its leafs, see identity.c
    uint64_t id;
};

// Note the line of a node.
void node_set_line(struct lyd_node *node, unsigned line);

// The argument of the extension cv:`name` of a schema node ("" if it has no argument), NULL if the
// node does not carry it.
const char *schema_extension(const struct lysc_node *node, const char *name);

// Whether the node is a key with the value that stands for one that was left out (cv:key-default).
int node_is_key_default(const struct lyd_node *node);

// A sum over the leafs of a tree, so that order does not matter, and config_id() made of it.
uint64_t tree_sum(const struct lyd_node *tree);
uint64_t sum_identity(uint64_t sum);
// The part of one list entry, as if it stood in `parent`.
uint64_t tree_entry_sum(const struct lyd_node *parent, const struct lyd_node *entry);

// A hash of bytes, the same on every machine and in every version.
uint64_t hash_bytes(uint64_t start, const void *data, size_t size);

// config_compare() of two trees (either may be NULL).
int tree_compare(const struct lyd_node *from, const struct lyd_node *to, struct config_diff *diff);

// What YANG can't say: references by tenant/port, what must be there once only, limits. `tree` is
// valid after the schema. 0 or -errno with *e filled.
int tree_check(const struct lyd_node *tree, struct config_error *e);

#endif
