// SPDX-License-Identifier: BSD-3-Clause
// How does a table come to an index of another level while workers look up? A new index is filled,
// over new nodes where the old index' roots don't fit and the same ones below, and then published;
// the memory for all of it is made sure of before. One level at a time, so that little moves. Main
// thread, called by prefix_table.c after each change; for most it compares two numbers.

#include "vnf/lib/prefix_index.h"

#include <errno.h>

#include "vnf/lib/prefix_tree.h"

#define MAX_LEVEL 4
#define RETRY_AFTER 1024 // changes, when memory was short

// More prefixes than this ask for the next level. The last one is of no use to IPv6, where few of
// the first 20 bits vary.
static const uint32_t grow_at[MAX_LEVEL + 1] = {32, 128, 8192, 262144, UINT32_MAX};

void prefix_index_set_limits(struct prefix_table *t)
{
    unsigned level = t->index->level;

    t->grow_at = t->n_bits > 32 && level == MAX_LEVEL - 1 ? UINT32_MAX : grow_at[level];
    t->shrink_at = level > 0 ? grow_at[level - 1] / 4 : 0;
}

// The prefix of a node's result: `key` has the node's path.
static void place_of(struct prefix_place *place, const struct prefix_table *t,
                     const struct prefix_key *key, unsigned level, unsigned bit)
{
    struct prefix_key full = *key;
    unsigned n = 31 - (unsigned)__builtin_clz(bit + 1);

    prefix_key_set_stride(&full, level, (bit + 1 - (1U << n)) << (PREFIX_STRIDE - n));
    prefix_place_init(place, t->n_bits, full.bytes + 1, level * PREFIX_STRIDE - PREFIX_LEAD + n);
}

// Each root of the old index either begins with a path, of which the new index takes one stride, or
// is taken apart: its results go to the top tree, its children to new entries.
static size_t n_units_to_grow(const struct prefix_index *old)
{
    size_t n_units = 0;

    for (uint32_t i = 0; i < old->n_entries; i++) {
        struct prefix_node node;

        if (old->entries[i].node == 0)
            continue;
        prefix_node_read(&node, old->entries[i].node);
        n_units += node.n_skip > 0
                       ? prefix_arena_n_units(node.ref)
                       : (size_t)__builtin_popcountll(node.internal) * 2 * PREFIX_ARENA_MAX_UNITS;
    }
    return n_units;
}

static void move_down(struct prefix_table *t, struct prefix_index *new, uint32_t number)
{
    union prefix_entry *entries = &new->entries[(size_t)number << PREFIX_STRIDE];
    struct prefix_key key;
    struct prefix_node node;
    uint64_t bits;

    prefix_node_read(&node, t->index->entries[number].node);
    if (node.n_skip > 0) {
        struct prefix_draft d;
        uint8_t path[PREFIX_MAX_LEVELS];

        prefix_node_path(&node, path);
        prefix_draft_copy(&d, &node, 1);
        entries[path[0]].node = prefix_draft_write(t, &d);
        return;
    }
    for (bits = node.external; bits != 0; bits &= bits - 1) {
        unsigned stride = (unsigned)__builtin_ctzll(bits);

        entries[stride].node = *prefix_node_child(&node, stride);
    }
    prefix_index_key(&key, number, new->level - 1);
    for (bits = node.internal; bits != 0; bits &= bits - 1) {
        struct prefix_place place;
        uint32_t old;

        place_of(&place, t, &key, new->level - 1, (unsigned)__builtin_ctzll(bits));
        (void)prefix_tree_add(t, &t->top, 0, &place, *prefix_node_slot(&node, &place), &old);
    }
}

static int grow(struct prefix_table *t)
{
    struct prefix_index *old = t->index;
    struct prefix_index *new = prefix_index_make(old->level + 1);

    if (new == NULL)
        return -ENOMEM;
    if (!prefix_arena_reserve(n_units_to_grow(old))) {
        prefix_arena_unmap(new, new->garbage.size);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < old->n_entries; i++)
        if (old->entries[i].node != 0)
            move_down(t, new, i);
    prefix_index_fill(t, new);
    __atomic_store_n(&t->index, new, __ATOMIC_RELEASE);
    prefix_index_set_limits(t);
    for (uint32_t i = 0; i < old->n_entries; i++)
        if (old->entries[i].node != 0)
            prefix_node_retire(t, old->entries[i].node);
    prefix_arena_retire_map(&old->garbage);
    return 0;
}

// 64 entries of the old index (4 of the first) become one, whose node is here.
struct group {
    struct prefix_key key;
    struct prefix_draft node; // results are those of the top tree
};

static void read_group(const struct prefix_table *t, const struct prefix_index *old,
                       uint32_t number, struct group *g)
{
    const union prefix_entry *entries = &old->entries[(size_t)number << PREFIX_STRIDE];
    unsigned n = old->n_entries < 64 ? old->n_entries : 64, n_children = 0;
    struct prefix_node top;

    prefix_index_key(&g->key, number, old->level - 1);
    prefix_draft_init(&g->node, &g->key, 0, 0);
    for (unsigned stride = 0; stride < n; stride++) {
        if (entries[stride].node != 0) {
            g->node.slots[n_children++] = entries[stride].node;
            g->node.external |= PREFIX_BIT(stride);
        }
    }
    if (prefix_index_find_top(t, &g->key, old->level - 1, &top)) {
        g->node.internal = top.internal; // and has no children: it is the last level
        memcpy(&g->node.slots[n_children], top.slots,
               (unsigned)__builtin_popcountll(top.internal) * sizeof(g->node.slots[0]));
    }
}

// Whether the node of a group would have one child and nothing else: then that gets a longer path.
static int is_joined(const struct group *g)
{
    return g->node.internal == 0 && __builtin_popcountll(g->node.external) == 1;
}

static uint32_t write_group(struct prefix_table *t, struct group *g)
{
    struct prefix_draft joined;
    struct prefix_node child;
    uint8_t stride;

    if (g->node.internal == 0 && g->node.external == 0)
        return 0;
    if (!is_joined(g))
        return prefix_draft_write(t, &g->node);
    stride = (uint8_t)__builtin_ctzll(g->node.external);
    prefix_node_read(&child, g->node.slots[0]);
    prefix_draft_copy(&joined, &child, 0);
    prefix_draft_extend(&joined, &stride, 1);
    return prefix_draft_write(t, &joined);
}

static size_t n_units_to_shrink(const struct prefix_table *t)
{
    size_t n_units = t->n_units + t->count;

    for (uint32_t i = 0; i < t->index->n_entries; i++)
        n_units += t->index->entries[i].node != 0 ? 4 : 0;
    return n_units;
}

// What the group's new node holds or replaces goes.
static void clear_group(struct prefix_table *t, const struct group *g, unsigned level)
{
    if (is_joined(g))
        prefix_node_retire(t, g->node.slots[0]);
    for (uint64_t bits = g->node.internal; bits != 0; bits &= bits - 1) {
        struct prefix_place place;

        place_of(&place, t, &g->key, level, (unsigned)__builtin_ctzll(bits));
        (void)prefix_tree_del(t, &t->top, 0, &place);
    }
}

static int shrink(struct prefix_table *t)
{
    struct prefix_index *old = t->index;
    struct prefix_index *new = prefix_index_make(old->level - 1);
    struct group g;

    if (new == NULL)
        return -ENOMEM;
    if (!prefix_arena_reserve(n_units_to_shrink(t))) {
        prefix_arena_unmap(new, new->garbage.size);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < new->n_entries; i++) {
        read_group(t, old, i, &g);
        new->entries[i].node = write_group(t, &g);
    }
    prefix_index_fill(t, new);
    __atomic_store_n(&t->index, new, __ATOMIC_RELEASE);
    prefix_index_set_limits(t);
    for (uint32_t i = 0; i < new->n_entries; i++) {
        read_group(t, old, i, &g);
        clear_group(t, &g, new->level);
    }
    prefix_arena_retire_map(&old->garbage);
    return 0;
}

void prefix_index_fit(struct prefix_table *t)
{
    int rc = 0;

    if (t->n_unfit > 0 && --t->n_unfit > 0)
        return;
    while (rc == 0 && t->count > t->grow_at)
        rc = grow(t);
    while (rc == 0 && t->count < t->shrink_at)
        rc = shrink(t);
    if (rc != 0)
        t->n_unfit = RETRY_AFTER;
}
