// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_INDEX_H
#define CONTROL_DATASTORE_INDEX_H

// What was seen first under a name: a growing hash table of strings. Initialize with {0}.

#include <stddef.h>

struct index_slot;

struct index {
    struct index_slot *slots;
    size_t n, size; // size: a power of two, or 0
};

// Remember `value` under `key` (copied). If the key is there already: -EEXIST, and *first is what
// it was added with. -ENOMEM.
int index_add(struct index *index, const char *key, const void *value, const void **first);

// NULL if there is no such key.
const void *index_find(const struct index *index, const char *key);

void index_fini(struct index *index);

#endif
