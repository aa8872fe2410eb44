// SPDX-License-Identifier: BSD-3-Clause
// Are two configurations the same? One number for the content, whatever the format and the order in
// which it was written. Called by parse.c once per configuration. Not a defence against somebody
// who looks for two configurations with one number: only the operator gains from his own. Next:
// compare.c.

#include "control/datastore/config.h"

#include <string.h>

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): each input bit reaches each output bit.
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    return x ^ x >> 31;
}

uint64_t hash_bytes(uint64_t start, const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t h = start ^ 0xcbf29ce484222325ULL;

    // FNV-1a, then mixed, so that the order and the end of what is chained matter.
    for (; size > 0; size--)
        h = (h ^ *p++) * 0x100000001b3ULL;
    return mix(h + 0x9e3779b97f4a7c15ULL);
}

static uint64_t hash_text(uint64_t start, const char *text)
{
    return hash_bytes(start, text, strlen(text) + 1);
}

// A list entry is known by its keys, so that its place among the others says nothing. Where the
// user gave an order, the place is part of the content.
static uint64_t hash_node(const struct lyd_node *node, uint64_t path, uint64_t place)
{
    const struct lyd_node *key;
    uint64_t h = hash_text(path, node->schema->name);

    if (node->schema->nodetype & LYD_NODE_TERM)
        h = hash_text(h, lyd_get_value(node));
    else if (node->schema->nodetype == LYS_LIST)
        for (key = lyd_child(node); key && lysc_is_key(key->schema); key = key->next)
            h = hash_text(h, lyd_get_value(key));
    return lysc_is_userordered(node->schema) ? hash_bytes(h, &place, sizeof(place)) : h;
}

static uint64_t sum(const struct lyd_node *node, uint64_t path);

static uint64_t sum_one(const struct lyd_node *node, uint64_t path, uint64_t place)
{
    uint64_t h = hash_node(node, path, place);

    if (node->schema->nodetype & LYD_NODE_TERM)
        return mix(h);
    // A container is what is in it; a list entry is something even without content.
    return (node->schema->nodetype == LYS_LIST ? mix(h) : 0) + sum(lyd_child(node), h);
}

static uint64_t sum(const struct lyd_node *node, uint64_t path)
{
    uint64_t total = 0, place = 0;

    for (; node; node = node->next) {
        total += sum_one(node, path, place);
        place = node->next && node->next->schema == node->schema ? place + 1 : 0;
    }
    return total;
}

uint64_t tree_sum(const struct lyd_node *tree)
{
    return sum(tree, 0);
}

uint64_t sum_identity(uint64_t total)
{
    uint64_t id = mix(total + 1);

    return id ? id : 1;
}

static uint64_t path_of(const struct lyd_node *node)
{
    return node ? hash_node(node, path_of(lyd_parent(node)), 0) : 0;
}

uint64_t tree_entry_sum(const struct lyd_node *parent, const struct lyd_node *entry)
{
    return sum_one(entry, path_of(parent), 0);
}
