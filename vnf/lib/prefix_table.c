// SPDX-License-Identifier: BSD-3-Clause
// Prefixes come, go and are listed: what the main thread does with a table. A prefix lives in one
// tree only (prefix_tree.c), below the index or above it (prefix_index.c); the values are stored
// there and nowhere else in full. Workers see prefix_lookup.c. Called by functions with routes.

#include "vnf/lib/prefix_table.h"

#include <errno.h>
#include <stdlib.h>

#include "vnf/lib/prefix_index.h"
#include "vnf/lib/prefix_tree.h"

int prefix_table_create(unsigned n_bits, struct prefix_table **table)
{
    struct prefix_table *t;
    int rc;

    if (n_bits != 32 && n_bits != 128)
        return -EINVAL;
    rc = prefix_arena_init();
    if (rc != 0)
        return rc;
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return -ENOMEM;
    t->n_bits = n_bits;
    t->n_levels = (n_bits + PREFIX_LEAD) / PREFIX_STRIDE;
    rc = prefix_index_create(t);
    if (rc != 0) {
        free(t);
        return rc;
    }
    *table = t;
    return 0;
}

void prefix_table_destroy(struct prefix_table *t)
{
    if (t == NULL)
        return;
    prefix_index_destroy(t);
    free(t);
}

int prefix_table_add(struct prefix_table *t, const uint8_t *prefix, unsigned len, uint32_t value,
                     uint32_t *old)
{
    struct prefix_place place;
    uint32_t *root, replaced;
    unsigned level;
    int rc;

    if (len > t->n_bits || value == 0)
        return -EINVAL;
    prefix_place_init(&place, t->n_bits, prefix, len);
    root = prefix_index_root(t, &place, &level);
    rc = prefix_tree_add(t, root, level, &place, value, &replaced);
    if (rc != 0)
        return rc;
    if (root == &t->top)
        prefix_index_added(t, &place, value);
    if (old != NULL)
        *old = replaced;
    t->count += replaced == 0;
    prefix_index_fit(t);
    return 0;
}

uint32_t prefix_table_del(struct prefix_table *t, const uint8_t *prefix, unsigned len)
{
    struct prefix_place place;
    uint32_t *root, value;
    unsigned level;

    if (len > t->n_bits)
        return 0;
    prefix_place_init(&place, t->n_bits, prefix, len);
    root = prefix_index_root(t, &place, &level);
    value = prefix_tree_del(t, root, level, &place);
    if (value == 0)
        return 0;
    if (root == &t->top)
        prefix_index_deleted(t, &place);
    t->count--;
    prefix_index_fit(t);
    return value;
}

uint32_t prefix_table_get(const struct prefix_table *t, const uint8_t *prefix, unsigned len)
{
    const struct prefix_index *index = t->index;
    struct prefix_place place;

    if (len > t->n_bits)
        return 0;
    prefix_place_init(&place, t->n_bits, prefix, len);
    if (place.level < index->level)
        return prefix_tree_get(&t->top, 0, &place);
    return prefix_tree_get(&index->entries[prefix_index_number(index, &place.key)].node,
                           index->level, &place);
}

// The first prefix below an entry of the index from that of `after` on, up to entry `end`.
static int next_below(const struct prefix_table *t, const struct prefix_found *after, uint32_t end,
                      struct prefix_found *found)
{
    const struct prefix_index *index = t->index;
    uint32_t i = after != NULL ? prefix_index_number(index, &after->key) : 0;

    for (; i <= end; i++, after = NULL) {
        if (index->entries[i].node == 0)
            continue;
        prefix_index_key(&found->key, i, index->level);
        if (prefix_tree_next(t, index->entries[i].node, index->level, after, found))
            return 1;
    }
    return 0;
}

int prefix_table_next(const struct prefix_table *t, uint8_t *address, int *len, uint32_t *value)
{
    struct prefix_found start, top, below, *found = &below;
    const struct prefix_found *after = NULL;
    uint32_t end = t->index->n_entries - 1;
    int is_top;

    if (*len >= 0) {
        prefix_key_init(&start.key, t->n_bits, address);
        start.len = (unsigned)*len;
        after = &start;
    }
    memset(&top.key, 0, sizeof(top.key));
    is_top = prefix_tree_next(t, t->top, 0, after, &top);
    if (is_top)
        end = prefix_index_number(t->index, &top.key);
    if (!next_below(t, after, end, &below)) {
        if (!is_top)
            return 0;
        found = &top;
    } else if (is_top && memcmp(&top.key, &below.key, sizeof(top.key)) <= 0) {
        found = &top; // of the same address it is the shorter one
    }
    memcpy(address, found->key.bytes + 1, t->n_bits / 8);
    *len = (int)found->len;
    *value = found->value;
    return 1;
}

uint32_t prefix_table_count(const struct prefix_table *t)
{
    return t->count;
}

size_t prefix_table_memory(const struct prefix_table *t)
{
    return sizeof(*t) + t->index->garbage.size + t->n_units * PREFIX_ARENA_UNIT;
}

size_t prefix_tables_memory(void)
{
    return prefix_arena_size();
}

void prefix_tables_limit(size_t size)
{
    prefix_arena_limit(size);
}

void prefix_tables_reclaim(void)
{
    prefix_arena_reclaim();
}
