// SPDX-License-Identifier: BSD-3-Clause
// How does the next version of a trie come to be? By copies of the nodes on the way to what
// changes; a node that the same edit has made is changed in place, since nobody else sees it yet.
// So one rule of 100,000 costs three or four small copies, and loading them all costs no copies.
// Main thread, but for trie_find; called by classifier.c, classifier_spread.c and vnf/firewall.

#include "vnf/lib/hash_trie.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPLIT 8           // items in a leaf before it becomes an inner node by the hash
#define SPLIT_ORDERED 32U // of one hash: by the order
#define BY_HASH UINT32_MAX

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

// `shift`: of the hash, if the node is by that.
static unsigned child_index(const struct trie_node *node, const struct trie_item *item,
                            unsigned shift)
{
    if (node->order_bits != 0)
        return item->order >> (node->order_bits - TRIE_BITS) & (TRIE_FAN_OUT - 1);
    return item->hash >> shift & (TRIE_FAN_OUT - 1);
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
    *node = *old;
    node->serial = edit->serial;
    node->capacity = capacity;
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

// Of the items in a full leaf and another one. There are more than SPLIT only if all are.
static int has_one_hash(const struct trie_leaf *leaf, const struct trie_item *item)
{
    for (uint32_t i = 0; i < SPLIT; i++)
        if (leaf->items[i].hash != item->hash)
            return 0;
    return 1;
}

static int add_below(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                     unsigned shift, unsigned bits);

// To a child of an inner node of this edit.
static int add_to_child(struct trie_edit *edit, struct trie_node *node,
                        const struct trie_item *item, unsigned shift)
{
    unsigned at = child_index(node, item, shift);
    unsigned bits = node->order_bits != 0 ? node->order_bits - TRIE_BITS : BY_HASH;

    if (item->order < node->best)
        node->best = item->order;
    node->map |= 1U << at;
    return add_below(edit, &inner_of(node)->child[at], item, shift + TRIE_BITS, bits);
}

// The leaf at *link becomes an inner node with its items below; by the order, or (0) by the hash.
static int split(struct trie_edit *edit, struct trie_node **link, unsigned shift,
                 unsigned order_bits)
{
    struct trie_node *node = make(edit, 0), *old = *link;
    int rc = 0;

    if (node == NULL)
        return -ENOMEM;
    node->order_bits = order_bits;
    node->hash = leaf_of(old)->items[0].hash;
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

static int add_to_leaf(struct trie_edit *edit, struct trie_node **link,
                       const struct trie_item *item)
{
    if (*link == NULL)
        *link = make(edit, 2);
    if (*link == NULL || own(edit, link, (*link)->n + 1) < 0)
        return -ENOMEM;
    insert(leaf_of(*link), item);
    return 0;
}

// How many low bits tell all orders up to this one apart.
static unsigned bits_of(uint32_t order)
{
    unsigned bits = TRIE_BITS;

    while (bits < 32 && order >> bits != 0)
        bits += TRIE_BITS;
    return bits;
}

// A node above *link that has it as a child.
static int raise(struct trie_edit *edit, struct trie_node **link, unsigned at, unsigned order_bits)
{
    struct trie_node *node = make(edit, 0), *below = *link;

    if (node == NULL)
        return -ENOMEM;
    node->best = below->best;
    node->order_bits = order_bits;
    node->hash = below->hash;
    node->map = 1U << at;
    inner_of(node)->child[at] = below;
    *link = node;
    return 0;
}

// The topmost node by order gives way to one by hash, or grows upwards for a higher order.
static int make_way(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                    unsigned shift)
{
    int rc = 0;

    if ((*link)->hash != item->hash)
        return raise(edit, link, (*link)->hash >> shift & (TRIE_FAN_OUT - 1), 0);
    while (rc == 0 && (*link)->order_bits < bits_of(item->order))
        rc = raise(edit, link, 0, (*link)->order_bits + TRIE_BITS);
    return rc;
}

// Below a node by hash, or (bits) one by order: all items have one hash there, and orders that
// differ in so many low bits at most.
static int add_below(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                     unsigned shift, unsigned bits)
{
    uint32_t n = *link != NULL && trie_is_leaf(*link) ? (*link)->n : 0;
    int rc = 0;

    if (n >= SPLIT && bits == BY_HASH && !has_one_hash(leaf_of(*link), item))
        rc = split(edit, link, shift, 0);
    else if (n >= SPLIT_ORDERED && bits == BY_HASH)
        rc = split(edit, link, shift, bits_of(leaf_of(*link)->items[n - 1].order));
    else if (n >= SPLIT_ORDERED && bits > TRIE_BITS)
        rc = split(edit, link, shift, bits);
    if (rc < 0)
        return rc;
    if (*link == NULL || trie_is_leaf(*link))
        return add_to_leaf(edit, link, item);
    if ((*link)->order_bits != 0 && bits == BY_HASH)
        rc = make_way(edit, link, item, shift);
    if (rc < 0 || own(edit, link, 0) < 0)
        return -ENOMEM;
    return add_to_child(edit, *link, item, shift);
}

int trie_add(struct trie_edit *edit, struct trie_node **root, const struct trie_item *item)
{
    return add_below(edit, root, item, 0, BY_HASH);
}

// What is left of an inner node after child `at` lost an item: its best order, or nothing.
static void settle(struct trie_edit *edit, struct trie_node **link, unsigned at)
{
    struct trie_node *node = *link;

    if (inner_of(node)->child[at] == NULL)
        node->map &= ~(1U << at);
    if (node->map == 0) {
        unmake(edit, node);
        *link = NULL;
        return;
    }
    node->best = UINT32_MAX;
    for (uint32_t map = node->map; map != 0; map &= map - 1) {
        const struct trie_node *child = inner_of(node)->child[__builtin_ctz(map)];

        if (child->best < node->best)
            node->best = child->best;
    }
}

static int del_from_leaf(struct trie_edit *edit, struct trie_node **link,
                         const struct trie_item *item)
{
    struct trie_leaf *leaf = leaf_of(*link);
    uint32_t at = 0;

    while (at < leaf->node.n && memcmp(&leaf->items[at], item, sizeof(*item)) != 0)
        at++;
    if (at == leaf->node.n)
        return -ENOENT;
    leaf->node.n--;
    memmove(&leaf->items[at], &leaf->items[at + 1], (leaf->node.n - at) * sizeof(leaf->items[0]));
    if (leaf->node.n > 0) {
        leaf->node.best = leaf->items[0].order;
        return 0;
    }
    unmake(edit, *link);
    *link = NULL;
    return 0;
}

static int del_below(struct trie_edit *edit, struct trie_node **link, const struct trie_item *item,
                     unsigned shift)
{
    unsigned at;
    int rc;

    if (*link == NULL)
        return -ENOENT;
    if (own(edit, link, 0) < 0)
        return -ENOMEM;
    if (trie_is_leaf(*link))
        return del_from_leaf(edit, link, item);
    at = child_index(*link, item, shift);
    rc = del_below(edit, &inner_of(*link)->child[at], item, shift + TRIE_BITS);
    if (rc == 0)
        settle(edit, link, at);
    return rc;
}

int trie_del(struct trie_edit *edit, struct trie_node **root, const struct trie_item *item)
{
    return del_below(edit, root, item, 0);
}

// Below a node where all have one hash, or in a leaf.
static const struct trie_item *find_in(const struct trie_node *node, uint32_t hash,
                                       trie_accept *accepts, void *arg)
{
    const struct trie_item *found = NULL;

    for (uint32_t i = 0; trie_is_leaf(node) && i < node->n; i++) {
        const struct trie_item *item = &trie_leaf(node)->items[i];

        if (item->hash == hash && accepts(item, arg))
            return item;
    }
    for (uint32_t map = node->map; map != 0 && found == NULL; map &= map - 1)
        found = find_in(trie_inner(node)->child[__builtin_ctz(map)], hash, accepts, arg);
    return found;
}

const struct trie_item *trie_find(const struct trie_node *root, uint32_t hash, trie_accept *accepts,
                                  void *arg)
{
    uint32_t rest = hash;

    for (; root != NULL && !trie_is_leaf(root) && root->order_bits == 0; rest >>= TRIE_BITS)
        root = trie_inner(root)->child[rest % TRIE_FAN_OUT];
    if (root == NULL || (root->order_bits != 0 && root->hash != hash))
        return NULL;
    return find_in(root, hash, accepts, arg);
}
