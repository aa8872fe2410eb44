// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PREFIX_INDEX_H
#define VNF_LIB_PREFIX_INDEX_H

// The way past the first levels of a table's tree: an array by the first strides of an address. A
// small table has one entry, a big one up to 2^20. Main thread.

#include "vnf/lib/prefix_node.h"

// The index of a new, empty table. -ENOMEM.
int prefix_index_create(struct prefix_table *t);
void prefix_index_destroy(struct prefix_table *t);

// The root of the tree in which a prefix belongs, and its level.
uint32_t *prefix_index_root(struct prefix_table *t, const struct prefix_place *place,
                            unsigned *level);

// The number of the entry for a key.
uint32_t prefix_index_number(const struct prefix_index *index, const struct prefix_key *key);

// A prefix of the top tree was added, has another value, or is gone: entries and covers follow.
void prefix_index_added(struct prefix_table *t, const struct prefix_place *place, uint32_t value);
void prefix_index_deleted(struct prefix_table *t, const struct prefix_place *place);

// Take a bigger or a smaller index if the number of prefixes asks for it. Without memory it stays.
void prefix_index_fit(struct prefix_table *t);

// For prefix_resize.c alone.
struct prefix_index *prefix_index_make(unsigned level); // empty. NULL: no memory
void prefix_index_set_limits(struct prefix_table *t);   // of the index that is there

// Set all values and covers from the top tree.
void prefix_index_fill(const struct prefix_table *t, struct prefix_index *index);

// The key whose first n strides are a number.
void prefix_index_key(struct prefix_key *key, uint32_t number, unsigned n);

// The node of the top tree at a level, with the path of this key. Returns whether there is one.
int prefix_index_find_top(const struct prefix_table *t, const struct prefix_key *key,
                          unsigned level, struct prefix_node *node);

#endif
