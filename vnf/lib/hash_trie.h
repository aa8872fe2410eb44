// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_HASH_TRIE_H
#define VNF_LIB_HASH_TRIE_H

// A map from 32-bit hashes to items, in versions. A version is a root; nothing that can be reached
// from it changes any more. An edit makes the next version: it copies the nodes on the way to what
// it changes, one for each five bits of the hash, and shares all others with the version before.
// Items of one hash are kept in order; where they are many, nodes by five bits of the order each
// lie below those by the hash. The user publishes the new root by one store, lets a grace period
// pass and commits: what only the old version had is freed. Or he aborts: what only the new one has
// is freed.
//
// One edit may change several tries, and retire other blocks along with their nodes. Of versions
// with a common past only the newest may be edited. Edits: main thread. Reading: any thread.

#include <stddef.h>
#include <stdint.h>

#define TRIE_BITS 5
#define TRIE_FAN_OUT (1U << TRIE_BITS)

// Many items may have the same hash, even the same value.
struct trie_item {
    uint32_t order; // lower ones are found first
    uint32_t hash;
    union {
        void *value;
        uint64_t word;
    };
};

_Static_assert(sizeof(struct trie_item) == 16, "four in a line");

// A leaf has a capacity. An inner node is by the hash, or (order_bits) by the order.
struct trie_node {
    uint64_t serial;     // of the edit that made it
    uint32_t best;       // lowest order below
    uint32_t n;          // leaf: items
    uint32_t capacity;   // leaf: for items
    uint32_t order_bits; // by order: the highest five of so many low bits of the order count
    uint32_t hash;       // by order: of all items below
    uint32_t map;        // inner: which children there are
};

struct trie_inner {
    struct trie_node node;
    struct trie_node *child[TRIE_FAN_OUT];
};

struct trie_leaf {
    struct trie_node node;
    struct trie_item items[]; // by order
};

struct trie_edit {
    uint64_t serial;
    void **retired; // what the version before has and the next has not
    size_t n_retired, capacity;
    int64_t memory; // bytes that the next version has more than the one before; the user adds his
};

void trie_edit_init(struct trie_edit *edit);

// Free what was retired: nobody sees the old version any more.
void trie_edit_commit(struct trie_edit *edit);

// Forget the edit. Before, trie_abort frees what each trie that it has changed has anew.
void trie_edit_abort(struct trie_edit *edit);
void trie_abort(const struct trie_edit *edit, struct trie_node *root);

// Have a block freed by trie_edit_commit. -ENOMEM.
int trie_retire(struct trie_edit *edit, void *block);

// NULL is an empty trie. -ENOMEM: the new version is not whole, abort it.
int trie_add(struct trie_edit *edit, struct trie_node **root, const struct trie_item *item);
// Remove the item that is the same in all. -ENOENT.
int trie_del(struct trie_edit *edit, struct trie_node **root, const struct trie_item *item);

// The first item in order that has this hash and `accepts` returns true for; or NULL.
typedef int trie_accept(const struct trie_item *item, void *arg);
const struct trie_item *trie_find(const struct trie_node *root, uint32_t hash, trie_accept *accepts,
                                  void *arg);

// Free a version that nobody sees, the last of its past.
void trie_free(struct trie_node *root);

static inline int trie_is_leaf(const struct trie_node *node)
{
    return node->capacity != 0;
}

static inline const struct trie_leaf *trie_leaf(const struct trie_node *node)
{
    return (const struct trie_leaf *)(const void *)node;
}

static inline const struct trie_inner *trie_inner(const struct trie_node *node)
{
    return (const struct trie_inner *)(const void *)node;
}

#endif
