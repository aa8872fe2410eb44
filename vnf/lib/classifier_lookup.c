// SPDX-License-Identifier: BSD-3-Clause
// Which rule does a packet meet first? Called on a worker for each packet that may begin a session:
// one hashed look-up in each table that can still hold a lower number than what was found, some at
// a time. Takes no lock: a version does not change. Next: classifier_set.c for named groups.

#include "vnf/lib/classifier_parts.h"

#define N_AHEAD 8 // tables whose memory is fetched at the same time
#define MAX_FETCHED 16

static int has_addresses4(const struct classifier_box *box, const uint64_t *words)
{
    uint64_t mask = classifier_mask(box->source_len) | classifier_mask(box->destination_len) >> 32;

    return ((words[1] ^ box->address[0]) & mask) == 0;
}

static int has_prefix6(const uint64_t *prefix, unsigned len, const uint64_t *words)
{
    uint64_t difference = (words[0] ^ prefix[0]) & classifier_mask(len);

    if (len > 64)
        difference |= (words[1] ^ prefix[1]) & classifier_mask(len - 64);
    return difference == 0;
}

static int has_addresses(const struct classifier_box *box, uint8_t family, const uint64_t *words)
{
    if (family == 4)
        return has_addresses4(box, words);
    return has_prefix6(&box->address[0], box->source_len, &words[1]) &&
           has_prefix6(&box->address[2], box->destination_len, &words[3]);
}

static int is_in_sets(const struct classifier_box *box, const struct classifier_key *key)
{
    const struct classifier_rule *rule = box->rule;

    if ((box->flags & BOX_DESTINATION_PORT_SET) &&
        !classifier_set_has_port(rule->destination_port_set, key->destination_port))
        return 0;
    if ((box->flags & BOX_SOURCE_PORT_SET) &&
        !classifier_set_has_port(rule->source_port_set, key->source_port))
        return 0;
    if ((box->flags & BOX_DESTINATION_SET) &&
        !classifier_set_has_address(rule->destination_set, key->family, key->destination))
        return 0;
    return !(box->flags & BOX_SOURCE_SET) ||
           classifier_set_has_address(rule->source_set, key->family, key->source);
}

static int has(const struct classifier_box *box, const struct classifier_key *key,
               const uint64_t *words)
{
    if (box->zone != key->zone || !has_addresses(box, key->family, words) ||
        key->destination_port < box->destination_port_first ||
        key->destination_port > box->destination_port_last ||
        key->source_port < box->source_port_first || key->source_port > box->source_port_last)
        return 0;
    if (((box->flags & CLASSIFIER_PROTOCOL) && box->protocol != key->protocol) ||
        ((box->flags & CLASSIFIER_ICMP_TYPE) && box->icmp_type != key->icmp_type) ||
        ((box->flags & CLASSIFIER_ICMP_CODE) && box->icmp_code != key->icmp_code) ||
        (key->tcp_flags & box->tcp_flags_mask) != box->tcp_flags)
        return 0;
    return !(box->flags & BOX_SETS) || is_in_sets(box, key);
}

// Fetch what the next step in a node will read, a leaf or an inner one.
static void prefetch(const struct trie_node *node, uint32_t rest)
{
    const struct trie_inner *inner = (const struct trie_inner *)(const void *)node;

    __builtin_prefetch(node);
    __builtin_prefetch(&inner->child[rest % TRIE_FAN_OUT]);
}

// From roots to leaves in step, so that memory is fetched for all of them at once. A path ends
// where there is nothing below `limit`.
static void descend(const struct trie_node **nodes, const uint32_t *hashes, unsigned n,
                    uint64_t limit)
{
    unsigned n_inner = 1;

    for (unsigned shift = 0; n_inner > 0; shift += TRIE_BITS) {
        n_inner = 0;
        for (unsigned i = 0; i < n; i++) {
            const struct trie_node *node = nodes[i];

            if (node == NULL || node->best >= limit) {
                nodes[i] = NULL;
                continue;
            }
            if (trie_is_leaf(node))
                continue;
            node = ((const struct trie_inner *)(const void *)node)
                       ->child[hashes[i] >> shift & (TRIE_FAN_OUT - 1)];
            nodes[i] = node;
            n_inner++;
            if (node != NULL && shift + TRIE_BITS < 32)
                prefetch(node, hashes[i] >> (shift + TRIE_BITS));
        }
    }
}

// Fetch the boxes that will be compared, or the first of very many. Returns the first item.
static uint32_t find_hash(const struct trie_leaf *leaf, uint32_t hash)
{
    uint32_t n = leaf->node.n < MAX_FETCHED ? leaf->node.n : MAX_FETCHED, first = n;

    for (uint32_t i = n; i-- > 0;) {
        if (leaf->items[i].hash != hash)
            continue;
        __builtin_prefetch(leaf->items[i].value);
        first = i;
    }
    return first;
}

// What is looked for, and what has been found.
struct search {
    const struct classifier_key *key;
    uint64_t words[CLASSIFIER_WORDS];
    const struct classifier_rule *found;
    uint64_t limit; // only lower numbers count
};

static void search_leaf(struct search *s, const struct trie_leaf *leaf, uint32_t hash, uint32_t i)
{
    for (; i < leaf->node.n && leaf->items[i].order < s->limit; i++) {
        const struct trie_item *item = &leaf->items[i];

        if (item->hash != hash || !has(item->value, s->key, s->words))
            continue;
        s->found = ((const struct classifier_box *)item->value)->rule;
        s->limit = item->order;
        return;
    }
}

static void search_tables(struct search *s, const struct classifier_table *tables, unsigned n,
                          uint64_t seed)
{
    const struct trie_node *nodes[N_AHEAD];
    uint32_t hashes[N_AHEAD], first[N_AHEAD] = {0};
    unsigned n_words = classifier_n_words(s->key->family);

    for (unsigned i = 0; i < n; i++) {
        hashes[i] = classifier_hash(&tables[i], s->words, n_words, seed);
        nodes[i] = tables[i].root;
    }
    descend(nodes, hashes, n, s->limit);
    for (unsigned i = 0; i < n; i++)
        if (nodes[i] != NULL)
            first[i] = find_hash((const struct trie_leaf *)(const void *)nodes[i], hashes[i]);
    for (unsigned i = 0; i < n; i++)
        if (nodes[i] != NULL)
            search_leaf(s, (const struct trie_leaf *)(const void *)nodes[i], hashes[i], first[i]);
}

const struct classifier_rule *classifier_lookup(const struct classifier *c,
                                                const struct classifier_key *key)
{
    unsigned index = classifier_family_index(key->family);
    const struct classifier_table *tables = c->tables[index];
    struct search s = {.key = key, .limit = UINT64_C(1) << 32};

    s.words[0] = classifier_misc(key->zone, key->protocol, key->source_port, key->destination_port);
    classifier_pack_addresses(key->family, key->source, key->destination, &s.words[1]);
    for (uint32_t i = 0; i < c->n_tables[index] && tables[i].root->best < s.limit; i += N_AHEAD)
        search_tables(&s, &tables[i],
                      c->n_tables[index] - i < N_AHEAD ? c->n_tables[index] - i : N_AHEAD, c->seed);
    return s.found;
}
