// SPDX-License-Identifier: BSD-3-Clause
// At which node does a look-up begin, and which short prefixes cover it there? A big table has an
// array for the first 8, 14 or 20 bits. Longer prefixes are in trees below its entries. Shorter
// ones are in the top tree, which workers don't see: the entry holds the value of the best of those
// that end in the last stride, a smaller array that of even shorter ones, so that a new default
// route is thousands of stores and not a million. Main thread, called by prefix_table.c. Next:
// prefix_resize.c.

#include "vnf/lib/prefix_index.h"

#include <errno.h>

#include "vnf/lib/prefix_tree.h"

static unsigned n_bits_of(unsigned level)
{
    return level == 0 ? 0 : level * PREFIX_STRIDE - PREFIX_LEAD;
}

struct prefix_index *prefix_index_make(unsigned level)
{
    uint32_t n_entries = 1U << n_bits_of(level);
    uint32_t n_covers = level > 0 ? 1U << n_bits_of(level - 1) : 1;
    size_t size = sizeof(struct prefix_index) + n_entries * sizeof(union prefix_entry) +
                  n_covers * sizeof(union prefix_cover);
    struct prefix_index *index = prefix_arena_map(size);

    if (index == NULL)
        return NULL;
    index->garbage.size = size;
    index->level = level;
    index->n_entries = n_entries;
    index->n_covers = n_covers;
    index->covers = (union prefix_cover *)(void *)&index->entries[n_entries];
    return index;
}

int prefix_index_create(struct prefix_table *t)
{
    t->index = prefix_index_make(0);
    if (t->index == NULL)
        return -ENOMEM;
    prefix_index_set_limits(t);
    return 0;
}

void prefix_index_destroy(struct prefix_table *t)
{
    for (uint32_t i = 0; i < t->index->n_entries; i++)
        prefix_tree_free(t, t->index->entries[i].node, t->index->level);
    prefix_tree_free(t, t->top, 0);
    prefix_arena_unmap(t->index, t->index->garbage.size);
}

// The first n strides of a key as a number.
static uint32_t leading(const struct prefix_key *key, unsigned n)
{
    return n == 0 ? 0 : (uint32_t)(prefix_key_window(key, 0) >> (64 - PREFIX_STRIDE * n));
}

void prefix_index_key(struct prefix_key *key, uint32_t number, unsigned n)
{
    memset(key, 0, sizeof(*key));
    for (unsigned level = n; level-- > 0; number >>= PREFIX_STRIDE)
        prefix_key_set_stride(key, level, number & 63);
}

uint32_t prefix_index_number(const struct prefix_index *index, const struct prefix_key *key)
{
    return leading(key, index->level);
}

uint32_t *prefix_index_root(struct prefix_table *t, const struct prefix_place *place,
                            unsigned *level)
{
    *level = 0;
    if (place->level < t->index->level)
        return &t->top;
    *level = t->index->level;
    return &t->index->entries[prefix_index_number(t->index, &place->key)].node;
}

int prefix_index_find_top(const struct prefix_table *t, const struct prefix_key *key,
                          unsigned level, struct prefix_node *node)
{
    uint32_t ref = t->top;
    unsigned at = 0;

    while (ref != 0) {
        uint8_t path[PREFIX_MAX_LEVELS];
        unsigned stride;

        prefix_node_read(node, ref);
        if (at + node->n_skip > level)
            return 0;
        prefix_node_path(node, path);
        for (unsigned i = 0; i < node->n_skip; i++)
            if (path[i] != prefix_key_stride(key, at++))
                return 0;
        if (at == level)
            return 1;
        stride = prefix_key_stride(key, at++);
        if ((node->external >> stride & 1) == 0)
            return 0;
        ref = *prefix_node_child(node, stride);
    }
    return 0;
}

// The values of entries [64 * group, …), of prefixes that end in their last stride.
static void fill_group(const struct prefix_table *t, struct prefix_index *index, uint32_t group)
{
    union prefix_entry *entries = &index->entries[(size_t)group << PREFIX_STRIDE];
    unsigned n = index->n_entries < 64 ? index->n_entries : 64;
    struct prefix_node node = {0};
    struct prefix_key key;

    prefix_index_key(&key, group, index->level - 1);
    if (!prefix_index_find_top(t, &key, index->level - 1, &node))
        node.internal = 0;
    for (unsigned stride = 0; stride < n; stride++) {
        uint64_t matches = node.internal & prefix_match_mask[stride];
        uint32_t value = 0;

        if (matches != 0)
            value = node.slots[(unsigned)__builtin_popcountll(node.external) +
                               prefix_rank(node.internal, 63 - (unsigned)__builtin_clzll(matches))];
        __atomic_store_n(&entries[stride].value, value, __ATOMIC_RELAXED);
    }
}

void prefix_index_fill(const struct prefix_table *t, struct prefix_index *index)
{
    unsigned level = index->level;

    if (level == 0)
        return;
    for (uint32_t group = 0; group < index->n_covers; group++) {
        union prefix_cover *cover = &index->covers[group];
        struct prefix_key key;
        unsigned len = 0;

        fill_group(t, index, group);
        prefix_index_key(&key, group, level - 1);
        cover->value = prefix_tree_match(&t->top, 0, &key, n_bits_of(level - 1), &len);
        cover->len_and_1 = cover->value != 0 ? len + 1 : 0;
    }
}

// The covers of a short prefix.
static union prefix_cover *covers_of(const struct prefix_index *index,
                                     const struct prefix_place *place, uint32_t *n)
{
    *n = 1U << (n_bits_of(index->level - 1) - place->len);
    return &index->covers[leading(&place->key, index->level - 1)];
}

void prefix_index_added(struct prefix_table *t, const struct prefix_place *place, uint32_t value)
{
    struct prefix_index *index = t->index;
    union prefix_cover *covers, cover = {.value = value, .len_and_1 = place->len + 1};
    uint32_t n;

    if (place->level + 1 == index->level) {
        fill_group(t, index, leading(&place->key, place->level));
        return;
    }
    covers = covers_of(index, place, &n);
    for (uint32_t i = 0; i < n; i++)
        if (covers[i].len_and_1 <= cover.len_and_1)
            __atomic_store_n(&covers[i].word, cover.word, __ATOMIC_RELAXED);
}

void prefix_index_deleted(struct prefix_table *t, const struct prefix_place *place)
{
    struct prefix_index *index = t->index;
    union prefix_cover *covers, cover = {0};
    uint32_t n;
    unsigned len = 0;

    if (place->level + 1 == index->level) {
        fill_group(t, index, leading(&place->key, place->level));
        return;
    }
    covers = covers_of(index, place, &n);
    cover.value = prefix_tree_match(&t->top, 0, &place->key, place->len, &len);
    cover.len_and_1 = cover.value != 0 ? len + 1 : 0;
    for (uint32_t i = 0; i < n; i++)
        if (covers[i].len_and_1 == place->len + 1)
            __atomic_store_n(&covers[i].word, cover.word, __ATOMIC_RELAXED);
}
