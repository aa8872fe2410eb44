// SPDX-License-Identifier: BSD-3-Clause
// Which prefix comes next in a tree? Order is that of addresses, then of lengths, so a node's own
// results and its children take turns. A search goes down the path of the prefix it starts behind,
// and up from there; no state is kept between two of them. Main thread, called by prefix_table.c.

#include "vnf/lib/prefix_tree.h"

static int is_behind(const struct prefix_key *key, unsigned len, const struct prefix_found *after)
{
    int order = after != NULL ? memcmp(key->bytes, after->key.bytes, sizeof(key->bytes)) : 1;

    return order > 0 || (order == 0 && len > after->len);
}

// What begins with this stride in a node, at its level: results from the shortest on, then what is
// below.
static int next_of_stride(const struct prefix_table *t, const struct prefix_node *node,
                          unsigned level, unsigned stride, const struct prefix_found *after,
                          struct prefix_found *found)
{
    unsigned n_children = (unsigned)__builtin_popcountll(node->external);

    prefix_key_set_stride(&found->key, level, stride);
    for (unsigned n = 0; n < PREFIX_STRIDE; n++) {
        unsigned bit = (1U << n) - 1 + (stride >> (PREFIX_STRIDE - n));

        if ((stride & ((64U >> n) - 1)) != 0 || (node->internal >> bit & 1) == 0)
            continue;
        found->len = level * PREFIX_STRIDE - PREFIX_LEAD + n;
        if (is_behind(&found->key, found->len, after)) {
            found->value = node->slots[n_children + prefix_rank(node->internal, bit)];
            return 1;
        }
    }
    if ((node->external >> stride & 1) == 0)
        return 0;
    if (level + 1 < t->n_levels)
        return prefix_tree_next(t, *prefix_node_child(node, stride), level + 1, after, found);
    found->len = t->n_bits;
    found->value = *prefix_node_child(node, stride);
    return is_behind(&found->key, found->len, after);
}

// `after` matters as long as all strides so far are those of its own.
int prefix_tree_next(const struct prefix_table *t, uint32_t ref, unsigned level,
                     const struct prefix_found *after, struct prefix_found *found)
{
    struct prefix_node node;
    uint8_t path[PREFIX_MAX_LEVELS];
    unsigned start = 0, top = level;

    if (ref == 0)
        return 0;
    prefix_node_read(&node, ref);
    prefix_node_path(&node, path);
    for (unsigned i = 0; i < node.n_skip; i++, level++) {
        unsigned limit = after != NULL ? prefix_key_stride(&after->key, level) : 0;

        prefix_key_set_stride(&found->key, level, path[i]);
        if (after != NULL && path[i] < limit)
            goto none;
        if (path[i] > limit)
            after = NULL;
    }
    if (after != NULL)
        start = prefix_key_stride(&after->key, level);
    for (unsigned stride = start; stride < 64; stride++, after = NULL)
        if (next_of_stride(t, &node, level, stride, after, found))
            return 1;
none:
    for (unsigned i = top; i <= level; i++) // as it came
        prefix_key_set_stride(&found->key, i, 0);
    return 0;
}
