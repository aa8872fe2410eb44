// SPDX-License-Identifier: BSD-3-Clause
// Which rule does a packet meet first? Called on a worker for each packet that may begin a session:
// one hashed look-up in each table that can still hold a lower number than what was found, some at
// a time; and one for each shape where boxes are spread. Takes no lock: a version does not change.
// However rules are made, CLASSIFIER_MAX_STEPS bounds the work. Next: classifier_set.c for named
// groups.

#include "vnf/lib/classifier_parts.h"

#define N_AHEAD 8 // hashes whose memory is fetched at the same time

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

// One hash that is looked up.
struct probe {
    const struct trie_node *leaf;  // the root; then the first leaf with the hash, or NULL
    const struct trie_node *start; // this leaf, or the topmost node by order
    const struct trie_node *root;  // of a table; NULL: by a shape
    uint32_t hash;
    uint32_t first; // item of the first leaf with this hash
};

// What is looked for, and what has been found.
struct search {
    const struct classifier_key *key;
    uint64_t words[CLASSIFIER_WORDS];
    uint64_t seed;
    unsigned n_steps; // left
    int is_over;      // none was left
    const struct classifier_rule *found;
    uint64_t limit;               // only lower numbers count
    struct probe shapes[N_AHEAD]; // to be looked up
    unsigned n_shapes;
};

// One step on the way to the first leaf with this hash. Returns whether there are more.
static int descend_one(struct probe *p, unsigned shift, uint64_t limit)
{
    const struct trie_node *node = p->leaf;
    const struct trie_inner *next;

    if (node->best >= limit || (node->order_bits != 0 && node->hash != p->hash)) {
        p->leaf = NULL;
        return 0;
    }
    if (trie_is_leaf(node))
        return 0;
    if (node->order_bits != 0) {
        p->leaf = trie_inner(node)->child[__builtin_ctz(node->map)];
        __builtin_prefetch(p->leaf);
        return 1;
    }
    p->leaf = p->start = trie_inner(node)->child[p->hash >> shift & (TRIE_FAN_OUT - 1)];
    if (p->leaf == NULL)
        return 0;
    next = trie_inner(p->leaf);
    __builtin_prefetch(next);
    __builtin_prefetch(&next->child[(uint64_t)p->hash >> (shift + TRIE_BITS) & (TRIE_FAN_OUT - 1)]);
    return 1;
}

// From roots to leaves in step, so that memory is fetched for all of them at once. A path ends
// where there is nothing below `limit`.
static void descend(struct probe *probes, unsigned n, uint64_t limit)
{
    struct probe *moving[N_AHEAD];
    unsigned n_moving = n;

    for (unsigned i = 0; i < n; i++)
        moving[i] = &probes[i];
    for (unsigned shift = 0; n_moving > 0; shift += TRIE_BITS) {
        unsigned n_left = 0;

        for (unsigned i = 0; i < n_moving; i++) {
            moving[n_left] = moving[i];
            n_left += (unsigned)descend_one(moving[i], shift, limit);
        }
        n_moving = n_left;
    }
}

// Find the first item, and fetch the boxes that may be compared, the first ones of many. To fetch
// what is no box does no harm.
static void fetch_boxes(struct probe *p)
{
    const struct trie_leaf *leaf = trie_leaf(p->leaf);
    uint32_t i = 0, n = leaf->node.n;

    while (i < n && leaf->items[i].hash != p->hash)
        i++;
    p->first = i;
    if (n - i > N_AHEAD)
        n = i + N_AHEAD;
    for (; i < n; i++)
        __builtin_prefetch(leaf->items[i].value);
}

static void look_up_probes(struct search *s, struct probe *probes, unsigned n);

static void look_up_shapes(struct search *s)
{
    unsigned n = s->n_shapes;
    struct probe probes[N_AHEAD];

    memcpy(probes, s->shapes, n * sizeof(probes[0]));
    s->n_shapes = 0;
    look_up_probes(s, probes, n);
}

static void add_shape(struct search *s, const struct probe *of, uint64_t shape)
{
    const struct classifier_tuple tuple = classifier_shape_tuple(shape);
    uint64_t mask[CLASSIFIER_WORDS];

    classifier_masks(&tuple, s->key->family, mask);
    s->shapes[s->n_shapes++] = (struct probe){
        .leaf = of->root,
        .start = of->root,
        .hash =
            classifier_hash(s->key->family, mask, s->words, classifier_shape_seed(s->seed, shape)),
    };
    if (s->n_shapes == N_AHEAD)
        look_up_shapes(s);
}

// Returns whether there may be another one.
static int take_step(struct search *s)
{
    if (s->n_steps == 0) {
        s->is_over = 1;
        s->limit = 0; // nothing is lower
        return 0;
    }
    s->n_steps--;
    return 1;
}

// Each set that is asked is a step.
static int is_in_sets(struct search *s, const struct classifier_box *box)
{
    const struct classifier_rule *rule = box->rule;
    const struct classifier_key *key = s->key;

    if ((box->flags & BOX_DESTINATION_PORT_SET) &&
        (!take_step(s) ||
         !classifier_set_has_port(rule->destination_port_set, key->destination_port)))
        return 0;
    if ((box->flags & BOX_SOURCE_PORT_SET) &&
        (!take_step(s) || !classifier_set_has_port(rule->source_port_set, key->source_port)))
        return 0;
    if ((box->flags & BOX_DESTINATION_SET) &&
        (!take_step(s) ||
         !classifier_set_has_address(rule->destination_set, key->family, key->destination)))
        return 0;
    return !(box->flags & BOX_SOURCE_SET) ||
           (take_step(s) && classifier_set_has_address(rule->source_set, key->family, key->source));
}

static int has(struct search *s, const struct classifier_box *box)
{
    const struct classifier_key *key = s->key;
    uint16_t destination_port = (uint16_t)s->words[0];

    if (destination_port < box->destination_port_first ||
        destination_port > box->destination_port_last ||
        key->source_port < box->source_port_first || key->source_port > box->source_port_last)
        return 0;
    if (((box->flags & CLASSIFIER_PROTOCOL) && box->protocol != key->protocol) ||
        (key->tcp_flags & box->tcp_flags_mask) != box->tcp_flags || box->zone != key->zone ||
        !has_addresses(box, key->family, s->words))
        return 0;
    return !(box->flags & BOX_SETS) || is_in_sets(s, box);
}

static void search_leaf(struct search *s, const struct trie_leaf *leaf, uint32_t i,
                        const struct probe *p)
{
    for (; i < leaf->node.n && leaf->items[i].order < s->limit; i++) {
        const struct trie_item *item = &leaf->items[i];

        if (item->hash != p->hash)
            continue;
        if (classifier_is_shape(item)) {
            if (p->root != NULL)
                add_shape(s, p, item->word);
        } else if (take_step(s) && has(s, item->value)) {
            s->found = ((const struct classifier_box *)item->value)->rule;
            s->limit = item->order;
        }
    }
}

// Below a node by order: all items have the probe's hash.
static void search_ordered(struct search *s, const struct trie_node *node, const struct probe *p)
{
    for (uint32_t map = node->map; map != 0; map &= map - 1) {
        const struct trie_node *child = trie_inner(node)->child[__builtin_ctz(map)];

        if (child->best >= s->limit)
            return;
        if (trie_is_leaf(child))
            search_leaf(s, trie_leaf(child), 0, p);
        else
            search_ordered(s, child, p);
    }
}

static void look_up_probes(struct search *s, struct probe *probes, unsigned n)
{
    descend(probes, n, s->limit);
    for (unsigned i = 0; i < n; i++)
        if (probes[i].leaf != NULL)
            fetch_boxes(&probes[i]);
    for (unsigned i = 0; i < n && take_step(s); i++) {
        const struct probe *p = &probes[i];

        if (p->leaf == NULL || p->first == p->leaf->n)
            continue;
        if (p->leaf == p->start)
            search_leaf(s, trie_leaf(p->leaf), p->first, p);
        else
            search_ordered(s, p->start, p);
    }
}

static void look_up_tables(struct search *s, const struct classifier_table *tables, unsigned n)
{
    struct probe probes[N_AHEAD];

    for (unsigned i = 0; i < n; i++)
        probes[i] = (struct probe){
            .leaf = tables[i].root,
            .start = tables[i].root,
            .root = tables[i].root,
            .hash = classifier_hash(s->key->family, tables[i].mask, s->words, s->seed),
        };
    look_up_probes(s, probes, n);
    if (s->n_shapes > 0)
        look_up_shapes(s);
}

const struct classifier_rule *classifier_lookup(const struct classifier *c,
                                                const struct classifier_key *key, int *is_over)
{
    unsigned index = classifier_family_index(key->family);
    const struct classifier_table *tables = c->tables[index];
    struct search s;

    s.key = key;
    s.seed = c->seed;
    s.n_steps = CLASSIFIER_MAX_STEPS;
    s.is_over = 0;
    s.found = NULL;
    s.limit = UINT64_C(1) << 32;
    s.n_shapes = 0;
    s.words[0] = classifier_misc(key->tcp_flags, key->zone, key->protocol, key->source_port,
                                 key->destination_port |
                                     classifier_icmp_port(key->icmp_type, key->icmp_code));
    classifier_pack_addresses(key->family, key->source, key->destination, &s.words[1]);
    for (uint32_t i = 0; i < c->n_tables[index] && tables[i].root->best < s.limit; i += N_AHEAD)
        look_up_tables(&s, &tables[i],
                       c->n_tables[index] - i < N_AHEAD ? c->n_tables[index] - i : N_AHEAD);
    *is_over = s.is_over;
    return s.is_over ? NULL : s.found;
}
