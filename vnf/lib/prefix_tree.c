// SPDX-License-Identifier: BSD-3-Clause
// Where in a tree of strides does a prefix belong, and which nodes change when it comes or goes?
// One new node, mostly; two or three where a path splits. New nodes are complete before the one
// store that shows them to workers; what they replace is retired after it. Main thread, called by
// prefix_table.c and prefix_index.c. Next: prefix_list.c, prefix_lookup.c.

#include "vnf/lib/prefix_tree.h"

#include <errno.h>

#include "dataplane/core/qsbr.h"

// A new node for one prefix, at a level or below. 0: no memory.
static uint32_t make_leaf(struct prefix_table *t, unsigned level, const struct prefix_place *place,
                          uint32_t value)
{
    struct prefix_draft d;

    prefix_draft_init(&d, &place->key, level, place->level - level);
    prefix_draft_add(&d, place, value);
    return prefix_draft_write(t, &d);
}

// How many strides of the node's path the prefix has too.
static unsigned n_common(const struct prefix_node *node, unsigned level,
                         const struct prefix_place *place)
{
    uint8_t path[PREFIX_MAX_LEVELS];
    unsigned i, end = place->level - level < node->n_skip ? place->level - level : node->n_skip;

    if (end == 0)
        return 0;
    prefix_node_path(node, path);
    for (i = 0; i < end && path[i] == prefix_key_stride(&place->key, level + i); i++)
        ;
    return i;
}

// The prefix leaves the node's path after `common` strides: a node comes in between.
static int add_split(struct prefix_table *t, uint32_t *slot, unsigned level, unsigned common,
                     const struct prefix_place *place, uint32_t value)
{
    struct prefix_draft upper, lower;
    struct prefix_node node;
    uint8_t path[PREFIX_MAX_LEVELS];
    unsigned at = level + common;
    uint32_t lower_ref, leaf = 0, ref;

    prefix_node_read(&node, *slot);
    prefix_node_path(&node, path);
    prefix_draft_copy(&lower, &node, common + 1);
    lower_ref = prefix_draft_write(t, &lower);
    if (lower_ref == 0)
        return -ENOMEM;
    prefix_draft_init(&upper, &place->key, level, common);
    prefix_draft_add_child(&upper, path[common], lower_ref);
    if (place->level == at) {
        prefix_draft_add(&upper, place, value);
    } else {
        leaf = make_leaf(t, at + 1, place, value);
        if (leaf == 0)
            goto free_lower;
        prefix_draft_add_child(&upper, prefix_key_stride(&place->key, at), leaf);
    }
    ref = prefix_draft_write(t, &upper);
    if (ref == 0)
        goto free_leaf;
    prefix_slot_set(slot, ref);
    prefix_node_retire(t, node.ref);
    return 0;

free_leaf:
    prefix_node_free(t, leaf);
free_lower:
    prefix_node_free(t, lower_ref);
    return -ENOMEM;
}

// The node gets one slot more: the prefix itself, or a leaf below that holds it.
static int add_slot(struct prefix_table *t, uint32_t *slot, const struct prefix_node *node,
                    unsigned level, const struct prefix_place *place, uint32_t value)
{
    struct prefix_draft d;
    uint32_t leaf = 0, ref;

    prefix_draft_copy(&d, node, 0);
    if (place->level == level) {
        prefix_draft_add(&d, place, value);
    } else {
        leaf = make_leaf(t, level + 1, place, value);
        if (leaf == 0)
            return -ENOMEM;
        prefix_draft_add_child(&d, prefix_key_stride(&place->key, level), leaf);
    }
    ref = prefix_draft_write(t, &d);
    if (ref == 0) {
        prefix_node_free(t, leaf);
        return -ENOMEM;
    }
    prefix_slot_set(slot, ref);
    prefix_node_retire(t, node->ref);
    return 0;
}

// The node that holds a prefix or would, or the last one on the way. Returns whether the way ends
// at place->level. *slot and *level become those of the node; a node's level is behind its path.
static int descend(uint32_t **slot, unsigned *level, const struct prefix_place *place,
                   struct prefix_node *node, unsigned *common)
{
    for (;;) {
        unsigned stride;

        prefix_node_read(node, **slot);
        *common = n_common(node, *level, place);
        if (*common < node->n_skip)
            return 0;
        if (*level + node->n_skip == place->level)
            return 1;
        stride = prefix_key_stride(&place->key, *level + node->n_skip);
        if ((node->external >> stride & 1) == 0)
            return 0;
        *level += node->n_skip + 1;
        *slot = prefix_node_child(node, stride);
    }
}

int prefix_tree_add(struct prefix_table *t, uint32_t *root, unsigned level,
                    const struct prefix_place *place, uint32_t value, uint32_t *old)
{
    struct prefix_node node;
    uint32_t *slot = root, *result;
    unsigned common;

    *old = 0;
    if (*slot == 0) {
        uint32_t leaf = make_leaf(t, level, place, value);

        if (leaf == 0)
            return -ENOMEM;
        prefix_slot_set(slot, leaf);
        return 0;
    }
    if (descend(&slot, &level, place, &node, &common)) {
        result = prefix_node_slot(&node, place);
        if (result != NULL) {
            *old = *result;
            prefix_slot_set(result, value);
            return 0;
        }
    } else if (common < node.n_skip) {
        return add_split(t, slot, level, common, place, value);
    }
    return add_slot(t, slot, &node, level + node.n_skip, place, value);
}

uint32_t prefix_tree_get(const uint32_t *root, unsigned level, const struct prefix_place *place)
{
    uint32_t ref = *root, *slot = &ref, *result;
    struct prefix_node node;
    unsigned common;

    if (ref == 0 || !descend(&slot, &level, place, &node, &common))
        return 0;
    result = prefix_node_slot(&node, place);
    return result != NULL ? *result : 0;
}

// A step on the way to a prefix that goes.
struct step {
    uint32_t *slot; // names the node
    unsigned level; // of the node, behind its path
    struct prefix_node node;
};

static unsigned find_steps(uint32_t *slot, unsigned level, const struct prefix_place *place,
                           struct step *steps)
{
    unsigned n = 0;

    while (*slot != 0) {
        struct step *s = &steps[n++];
        unsigned stride;

        s->slot = slot;
        prefix_node_read(&s->node, *slot);
        if (n_common(&s->node, level, place) < s->node.n_skip)
            return 0;
        s->level = level += s->node.n_skip;
        if (level == place->level)
            return prefix_node_slot(&s->node, place) != NULL ? n : 0;
        stride = prefix_key_stride(&place->key, level++);
        if ((s->node.external >> stride & 1) == 0)
            return 0;
        slot = prefix_node_child(&s->node, stride);
    }
    return 0;
}

// A node that would have one child and nothing else: the child takes its place with a longer path.
// Returns the block, 0 if there is no memory: then the node stays. *child is what is replaced.
static uint32_t write_joined(struct prefix_table *t, const struct prefix_draft *d, uint32_t *child)
{
    struct prefix_draft joined;
    struct prefix_node node;
    uint8_t stride = (uint8_t)__builtin_ctzll(d->external);

    *child = d->slots[0];
    prefix_node_read(&node, *child);
    prefix_draft_copy(&joined, &node, 0);
    prefix_draft_extend(&joined, &stride, 1);
    prefix_draft_extend(&joined, d->skip, d->n_skip);
    return prefix_draft_write(t, &joined);
}

// The spare block was needed: as soon as what it replaced is free, that takes its place. It is not
// smaller.
static void release_spare(struct prefix_table *t, uint32_t *slot, const struct prefix_draft *d)
{
    uint32_t ref;

    prefix_arena_reclaim();
    ref = prefix_arena_alloc_hard(prefix_draft_n_units(d));
    t->n_units -= prefix_arena_n_units(*slot);
    t->n_units += prefix_arena_n_units(ref);
    prefix_draft_encode(d, ref);
    prefix_slot_set(slot, ref);
    qsbr_wait();
}

// Put the draft into a slot; n nodes from steps[0] on, and `child` if not 0, are no longer needed.
static void replace_nodes(struct prefix_table *t, const struct step *steps, unsigned n,
                          const struct prefix_draft *d, int can_join)
{
    uint32_t ref = 0, child = 0, *slot = steps[0].slot;
    int is_empty = d->internal == 0 && d->external == 0;

    if (can_join && d->internal == 0 && __builtin_popcountll(d->external) == 1) {
        ref = write_joined(t, d, &child);
        if (ref == 0)
            child = 0;
    }
    if (ref == 0 && !is_empty) {
        ref = prefix_arena_alloc_hard(prefix_draft_n_units(d));
        prefix_draft_encode(d, ref);
        t->n_units += prefix_arena_n_units(ref);
    }
    prefix_slot_set(slot, ref);
    for (unsigned i = 0; i < n; i++)
        prefix_node_retire(t, steps[i].node.ref);
    if (child != 0)
        prefix_node_retire(t, child);
    if (prefix_arena_is_spare(ref))
        release_spare(t, slot, d);
}

uint32_t prefix_tree_del(struct prefix_table *t, uint32_t *root, unsigned level,
                         const struct prefix_place *place)
{
    struct step steps[PREFIX_MAX_LEVELS];
    struct prefix_draft d;
    unsigned i, n = find_steps(root, level, place, steps);
    uint32_t value;

    if (n == 0)
        return 0;
    i = n - 1;
    value = *prefix_node_slot(&steps[i].node, place);
    prefix_draft_copy(&d, &steps[i].node, 0);
    prefix_draft_del(&d, place);
    while (d.internal == 0 && d.external == 0 && i > 0) {
        i--;
        prefix_draft_copy(&d, &steps[i].node, 0);
        prefix_draft_del_child(&d, prefix_key_stride(&place->key, steps[i].level));
    }
    replace_nodes(t, &steps[i], n - i, &d, steps[i].level + 1 < t->n_levels);
    return value;
}

uint32_t prefix_tree_match(const uint32_t *root, unsigned level, const struct prefix_key *key,
                           unsigned end, unsigned *len)
{
    uint32_t ref = *root, value = 0;

    while (ref != 0) {
        struct prefix_node node;
        uint8_t path[PREFIX_MAX_LEVELS];
        unsigned stride;
        uint64_t matches;

        prefix_node_read(&node, ref);
        prefix_node_path(&node, path);
        for (unsigned i = 0; i < node.n_skip; i++)
            if (path[i] != prefix_key_stride(key, level++))
                return value;
        stride = prefix_key_stride(key, level);
        matches = node.internal & prefix_match_mask[stride];
        while (matches != 0) {
            unsigned bit = 63 - (unsigned)__builtin_clzll(matches);
            unsigned found =
                level * PREFIX_STRIDE - PREFIX_LEAD + (31 - (unsigned)__builtin_clz(bit + 1));

            if (found < end) {
                value = node.slots[(unsigned)__builtin_popcountll(node.external) +
                                   prefix_rank(node.internal, bit)];
                *len = found;
                break;
            }
            matches &= ~PREFIX_BIT(bit);
        }
        if ((node.external >> stride & 1) == 0)
            return value;
        ref = *prefix_node_child(&node, stride);
        level++;
    }
    return value;
}

void prefix_tree_free(struct prefix_table *t, uint32_t ref, unsigned level)
{
    struct prefix_node node;
    unsigned n;

    if (ref == 0)
        return;
    prefix_node_read(&node, ref);
    n = (unsigned)__builtin_popcountll(node.external);
    for (unsigned i = 0; level + node.n_skip + 1 < t->n_levels && i < n; i++)
        prefix_tree_free(t, node.slots[i], level + node.n_skip + 1);
    prefix_node_free(t, ref);
}
