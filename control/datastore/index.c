// SPDX-License-Identifier: BSD-3-Clause
// Has this name been seen? Open addressing, at most half full, no removal. Called by read.c and
// check.c, which need duplicates and references found in constant time in 100k elements: the lists
// of libyang have hash tables too, but not at the top level and not across tenants. Next: check.c.

#include "control/datastore/index.h"
#include "control/datastore/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct index_slot {
    char *key; // NULL: free
    const void *value;
    uint64_t hash;
};

static uint64_t hash_of(const char *key)
{
    return hash_bytes(0, key, strlen(key));
}

static size_t find_slot(const struct index_slot *slots, size_t size, const char *key, uint64_t hash)
{
    size_t i = hash & (size - 1);

    while (slots[i].key && (slots[i].hash != hash || strcmp(slots[i].key, key) != 0))
        i = (i + 1) & (size - 1);
    return i;
}

static int grow(struct index *index)
{
    size_t size = index->size ? index->size * 2 : 64, i;
    struct index_slot *slots = calloc(size, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    for (i = 0; i < index->size; i++) {
        const struct index_slot *old = &index->slots[i];

        if (old->key)
            slots[find_slot(slots, size, old->key, old->hash)] = *old;
    }
    free(index->slots);
    index->slots = slots;
    index->size = size;
    return 0;
}

int index_add(struct index *index, const char *key, const void *value, const void **first)
{
    uint64_t hash = hash_of(key);
    struct index_slot *slot;

    if (2 * (index->n + 1) > index->size && grow(index) < 0)
        return -ENOMEM;
    slot = &index->slots[find_slot(index->slots, index->size, key, hash)];
    if (slot->key) {
        *first = slot->value;
        return -EEXIST;
    }
    slot->key = strdup(key);
    if (!slot->key)
        return -ENOMEM;
    slot->value = value;
    slot->hash = hash;
    index->n++;
    return 0;
}

const void *index_find(const struct index *index, const char *key)
{
    return index->size ? index->slots[find_slot(index->slots, index->size, key, hash_of(key))].value
                       : NULL;
}

void index_fini(struct index *index)
{
    size_t i;

    for (i = 0; i < index->size; i++)
        free(index->slots[i].key);
    free(index->slots);
    memset(index, 0, sizeof(*index));
}
