// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PREFIX_TREE_H
#define VNF_LIB_PREFIX_TREE_H

// Trees of nodes (prefix_node.h), each named by the slot of its root. `level` is that of the root:
// the table's top tree begins at 0, those below an index at the index' level. Main thread.

#include "vnf/lib/prefix_node.h"

// Add or replace, see prefix_table_add. -ENOMEM: nothing has changed.
int prefix_tree_add(struct prefix_table *t, uint32_t *root, unsigned level,
                    const struct prefix_place *place, uint32_t value, uint32_t *old);

// Remove. Returns the value, 0 if there was none.
uint32_t prefix_tree_del(struct prefix_table *t, uint32_t *root, unsigned level,
                         const struct prefix_place *place);

uint32_t prefix_tree_get(const uint32_t *root, unsigned level, const struct prefix_place *place);

// The longest prefix that covers a key and is shorter than `end` bits. *len is its length.
uint32_t prefix_tree_match(const uint32_t *root, unsigned level, const struct prefix_key *key,
                           unsigned end, unsigned *len);

// The first prefix behind address `after` (NULL: the first one of all) and `after_len`. `key` holds
// the strides before `level` and becomes the prefix' address. Returns whether there is one.
struct prefix_found {
    struct prefix_key key;
    unsigned len;
    uint32_t value;
};
int prefix_tree_next(const struct prefix_table *t, uint32_t ref, unsigned level,
                     const struct prefix_found *after, struct prefix_found *found);

// Free all nodes of a tree that no worker can see.
void prefix_tree_free(struct prefix_table *t, uint32_t ref, unsigned level);

#endif
