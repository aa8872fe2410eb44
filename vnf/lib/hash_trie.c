// SPDX-License-Identifier: BSD-3-Clause
// How does the next version of a trie come to be? By copies of the nodes on the way to what
// changes; a node that the same edit has made is changed in place, since nobody else sees it yet.
// So one rule of 100,000 costs three or four small copies, and loading them all costs no copies.
// Main thread; called by classifier.c and vnf/firewall. Reading is inline in the header.

#include "vnf/lib/hash_trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT 8       // items in a leaf before it becomes an inner node
#define HASH_BITS 32U // then nothing is left to tell items apart by

static size_t size_of(const struct trie_node *node)
{
    if (!trie_is_leaf(node))
        return sizeof(struct trie_inner);
    return sizeof(struct trie_leaf) + node->capacity * sizeof(struct trie_item);
}

static struct trie_inner *inner_of(struct trie_node *node)
{
    return (struct trie_inner *)(void *)node;
}

static struct trie_leaf *leaf_of(struct trie_node *node)
{
    return (struct trie_leaf *)(void *)node;
}

// One that nobody else has seen.
static void unmake(struct trie_edit *edit, struct trie_node *node)
{
    edit->memory -= (int64_t)size_of(node);
    free(node);
}

void trie_edit_init(struct trie_edit *edit)
{
    static uint64_t last_serial;

    *edit = (struct trie_edit){.serial = ++last_serial};
}

int trie_retire(struct trie_edit *edit, void *block)
{
    if (edit->n_retired == edit->capacity) {
        size_t capacity = edit->capacity != 0 ? edit->capacity * 2 : 64;
        void **grown = realloc(edit->retired, capacity * sizeof(*grown));

        if (grown == NULL)
            return -ENOMEM;
        edit->retired = grown;
        edit->capacity = capacity;
    }
    edit->retired[edit->n_retired++] = block;
    return 0;
}

void trie_edit_commit(struct trie_edit *edit)
{
    for (size_t i = 0; i < edit->n_retired; i++)
        free(edit->retired[i]);
    trie_edit_abort(edit);
}

void trie_edit_abort(struct trie_edit *edit)
{
    free(edit->retired);
    *edit = (struct trie_edit){0};
}

// What lies below a node of before is of before as well.
void trie_abort(const struct trie_edit *edit, struct trie_node *root)
{
    if (root == NULL || root->serial != edit->serial)
        return;
    for (unsigned i = 0; !trie_is_leaf(root) && i < TRIE_FAN_OUT; i++)
        trie_abort(edit, inner_of(root)->child[i]);
    free(root);
}

void trie_free(struct trie_node *root)
{
    if (root == NULL)
        return;
    for (unsigned i = 0; !trie_is_leaf(root) && i < TRIE_FAN_OUT; i++)
        trie_free(inner_of(root)->child[i]);
    free(root);
}

// A node in place of `old` (may be NULL), which is freed now or with the version that has it.
static int drop(struct trie_edit *edit, struct trie_node *old)
{
    if (old == NULL)
        return 0;
    if (old->serial == edit->serial) {
        unmake(edit, old);
        return 0;
    }
    if (trie_retire(edit, old) < 0)
        return -ENOMEM;
    edit->memory -= (int64_t)size_of(old);
    return 0;
}

static struct trie_node *make(struct trie_edit *edit, uint32_t capacity)
{
    struct trie_node shape = {.serial = edit->serial, .best = UINT32_MAX, .capacity = capacity};
    struct trie_node *node = calloc(1, size_of(&shape));

    if (node == NULL)
        return NULL;
    *node = shape;
    edit->memory += (int64_t)size_of(node);
    return node;
}

// Make the node at *link one that this edit may change, a leaf with room for n items.
static int own(struct trie_edit *edit, struct trie_node **link, uint32_t n)
{
    struct trie_node *old = *link, *node;
    uint32_t capacity = old->capacity;

    if (old->serial == edit->serial && (!trie_is_leaf(old) || n <= capacity))
        return 0;
    if (trie_is_leaf(old) && n > capacity)
        capacity = capacity < SPLIT ? capacity + 2 : capacity * 2;
    node = make(edit, capacity);
    if (node == NULL)
        return -ENOMEM;
    node->best = old->best;
    node->n = old->n;
    if (trie_is_leaf(old))
        memcpy(leaf_of(node)->items, leaf_of(old)->items, old->n * sizeof(struct trie_item));
    else
        memcpy(inner_of(node)->child, inner_of(old)->child, sizeof(inner_of(node)->child));
    if (drop(edit, old) < 0) {
        unmake(edit, node);
        return -ENOMEM;
    }
    *link = node;
    return 0;
}

static void insert(struct trie_leaf *leaf, const struct trie_item *item)
{
    uint32_t at = leaf->node.n++;

    while (at > 0 && leaf->items[at - 1].order > item->order) {
        leaf->items[at] = leaf->items[at - 1];
        at--;
    }
    leaf->items[at] = *item;
    leaf->node.best = leaf->items[0].order;
}

// If some of the leaf's items are of another hash. The first few tell: behind them there may be no
// more than a few others, which came before.
static int can_split(const struct trie_leaf *leaf, const struct trie_item *item, unsigned shift)
{
    if (leaf->node.n < SPLIT || shift >= HASH_BITS)
        return 0;
    for (uint32_t i = 0; i < SPLIT; i++)
        if (leaf->items[i].hash != item->hash)
            return 1;
    return 0;
}

static int add_below(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                     unsigned shift);

static int add_to_child(struct trie_edit *edit, struct trie_node *node,
                        const struct trie_item *item, unsigned shift)
{
    if (item->order < node->best)
        node->best = item->order;
    return add_below(edit, &inner_of(node)->child[item->hash >> shift & (TRIE_FAN_OUT - 1)], item,
                     shift + TRIE_BITS);
}

// The leaf at *link becomes an inner node with its items below.
static int split(struct trie_edit *edit, struct trie_node **link, unsigned shift)
{
    struct trie_node *node = make(edit, 0), *old = *link;
    int rc = 0;

    if (node == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; rc == 0 && i < old->n; i++)
        rc = add_to_child(edit, node, &leaf_of(old)->items[i], shift);
    if (rc == 0)
        rc = drop(edit, old);
    if (rc < 0) {
        trie_abort(edit, node);
        return rc;
    }
    *link = node;
    return 0;
}

static int add_below(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                     unsigned shift)
{
    if (*link == NULL) {
        *link = make(edit, 2);
        if (*link == NULL)
            return -ENOMEM;
    } else if (trie_is_leaf(*link) && can_split(leaf_of(*link), item, shift) &&
               split(edit, link, shift) < 0) {
        return -ENOMEM;
    }
    if (own(edit, link, (*link)->n + 1) < 0)
        return -ENOMEM;
    if (!trie_is_leaf(*link))
        return add_to_child(edit, *link, item, shift);
    insert(leaf_of(*link), item);
    return 0;
}

int trie_add(struct trie_edit *edit, struct trie_node **root, const struct trie_item *item)
{
    return add_below(edit, root, item, 0);
}

// What is left of an inner node after a removal: its best order, or nothing.
static void settle(struct trie_edit *edit, struct trie_node **link)
{
    struct trie_node *node = *link;
    int is_empty = 1;

    node->best = UINT32_MAX;
    for (unsigned i = 0; i < TRIE_FAN_OUT; i++) {
        const struct trie_node *child = inner_of(node)->child[i];

        if (child == NULL)
            continue;
        is_empty = 0;
        if (child->best < node->best)
            node->best = child->best;
    }
    if (is_empty) {
        unmake(edit, node);
        *link = NULL;
    }
}

static void remove_item(struct trie_edit *edit, struct trie_node **link, uint32_t at)
{
    struct trie_leaf *leaf = leaf_of(*link);

    leaf->node.n--;
    memmove(&leaf->items[at], &leaf->items[at + 1], (leaf->node.n - at) * sizeof(leaf->items[0]));
    if (leaf->node.n > 0) {
        leaf->node.best = leaf->items[0].order;
        return;
    }
    unmake(edit, *link);
    *link = NULL;
}

static int del_below(struct trie_edit *edit, struct trie_node **link, uint32_t hash,
                     const void *value, unsigned shift)
{
    uint32_t at = 0;
    int rc;

    if (*link == NULL)
        return -ENOENT;
    if (own(edit, link, 0) < 0)
        return -ENOMEM;
    if (!trie_is_leaf(*link)) {
        rc = del_below(edit, &inner_of(*link)->child[hash >> shift & (TRIE_FAN_OUT - 1)], hash,
                       value, shift + TRIE_BITS);
        if (rc == 0)
            settle(edit, link);
        return rc;
    }
    while (at < (*link)->n && leaf_of(*link)->items[at].value != value)
        at++;
    if (at == (*link)->n)
        return -ENOENT;
    remove_item(edit, link, at);
    return 0;
}

int trie_del(struct trie_edit *edit, struct trie_node **root, uint32_t hash, const void *value)
{
    return del_below(edit, root, hash, value, 0);
}
