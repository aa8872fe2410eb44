// SPDX-License-Identifier: BSD-3-Clause
// How is a box found that shares its hash with too many? By hashes of all bits that it has, in the
// same table's trie. A range of ports is taken apart into prefixes of even lengths for that, 48 at
// most; of two ranges the narrower one, and the other is covered by two blocks, within which
// look-ups compare. A shape under the box's own hash tells a look-up which bits to take: it asks
// for each shape once, however many boxes have it. Main thread, called by classifier.c. Next:
// classifier_lookup.c.

#include <errno.h>

#include "vnf/lib/classifier_parts.h"

#define MAX_PIECES 64       // of one box
#define MAX_RULE_PIECES 512 // of all boxes of a rule

struct piece {
    uint16_t first;
    uint8_t len; // 16: one port
};

// The ports of a box, at one end.
struct dimension {
    struct piece pieces[MAX_PIECES];
    unsigned n; // more than MAX_PIECES: not all are here
    uint32_t n_ports, first, last;
};

// Where a box is found.
struct spread {
    const struct classifier *c;
    struct trie_edit *edit;
    struct classifier_table *t;
    struct classifier_box *box;
    struct dimension source, destination;
    uint32_t hash; // in the table
};

static void add_range(struct dimension *d, uint32_t first, uint32_t last)
{
    if (first > last)
        return;
    if (d->n_ports == 0)
        d->first = first;
    d->last = last;
    d->n_ports += last - first + 1;
    while (first <= last) {
        unsigned n_free = first != 0 ? (unsigned)__builtin_ctz(first) & ~1U : 16;

        while ((1U << n_free) - 1 > last - first)
            n_free -= 2;
        if (d->n < MAX_PIECES)
            d->pieces[d->n] = (struct piece){(uint16_t)first, (uint8_t)(16 - n_free)};
        d->n++;
        first += 1U << n_free;
    }
}

static void read_ports(struct dimension *d, uint32_t first, uint32_t last,
                       const struct classifier_set *set)
{
    d->n = d->n_ports = 0;
    if (set == NULL) {
        add_range(d, first, last);
        return;
    }
    for (uint32_t i = 0; i < set->n_ranges[0]; i++) {
        uint32_t from = (uint32_t)set->ranges[0][i].first[1];
        uint32_t to = (uint32_t)set->ranges[0][i].last[1];

        add_range(d, from > first ? from : first, to < last ? to : last);
    }
}

// One block with all of these ports, or two side by side, of 1, 16, 256, 4,096 or 65,536.
static void cover(struct dimension *d)
{
    unsigned n_free = 0;

    while ((d->last >> n_free) - (d->first >> n_free) > 1)
        n_free += 4;
    d->n = (d->last >> n_free) - (d->first >> n_free) + 1;
    for (unsigned i = 0; i < d->n; i++)
        d->pieces[i] = (struct piece){(uint16_t)(((d->first >> n_free) + i) << n_free),
                                      (uint8_t)(16 - n_free)};
}

static void begin(struct spread *s)
{
    const struct classifier_box *box = s->box;
    const struct classifier_rule *rule = box->rule;
    unsigned max = MAX_RULE_PIECES / rule->n_boxes;
    struct dimension *narrow = &s->destination, *wide = &s->source;

    if (max > MAX_PIECES)
        max = MAX_PIECES;
    s->hash = classifier_box_hash(s->c, s->t, box);
    read_ports(&s->source, box->source_port_first, box->source_port_last, rule->source_port_set);
    read_ports(&s->destination, box->destination_port_first, box->destination_port_last,
               rule->destination_port_set);
    if (wide->n_ports < narrow->n_ports) {
        narrow = &s->source;
        wide = &s->destination;
    }
    if (narrow->n > 1 || wide->n > max)
        cover(wide);
    if (narrow->n * wide->n > max)
        cover(narrow);
}

static int is_shape(const struct trie_item *item, void *arg)
{
    const uint64_t *shape = arg;

    return (item->word & (CLASSIFIER_SHAPE_ONE - 1)) == *shape;
}

// One box more, or less, has this shape.
static int count_shape(struct spread *s, uint64_t shape, int is_more)
{
    const struct trie_item *found = trie_find(s->t->root, s->hash, is_shape, &shape);
    struct trie_item old = {0}, item = {.order = s->box->rule->seq, .hash = s->hash, .word = shape};

    if (found != NULL) {
        old = *found;
        item.word = old.word;
        if (old.order < item.order)
            item.order = old.order;
        if (trie_del(s->edit, &s->t->root, &old) < 0)
            return -ENOMEM;
    }
    item.word += is_more ? CLASSIFIER_SHAPE_ONE : -CLASSIFIER_SHAPE_ONE;
    if (item.word < CLASSIFIER_SHAPE_ONE)
        return 0;
    return trie_add(s->edit, &s->t->root, &item);
}

// Add or remove the box under each of its hashes.
static int change(struct spread *s, int is_more)
{
    const struct classifier_box *box = s->box;
    struct trie_item item = {.order = box->rule->seq, .value = s->box};
    struct classifier_tuple tuple = classifier_tuple_of(box);
    uint64_t words[CLASSIFIER_WORDS], mask[CLASSIFIER_WORDS];
    uint8_t is_counted[17][17] = {{0}};
    int rc = 0;

    classifier_pack_box(box, words);
    for (unsigned i = 0; rc == 0 && i < s->source.n * s->destination.n; i++) {
        const struct piece *from = &s->source.pieces[i / s->destination.n];
        const struct piece *to = &s->destination.pieces[i % s->destination.n];
        uint64_t shape;

        tuple.source_port_len = from->len;
        tuple.destination_port_len = to->len;
        shape = classifier_shape(&tuple);
        if (!is_counted[from->len][to->len])
            rc = count_shape(s, shape, is_more);
        if (rc < 0)
            break;
        is_counted[from->len][to->len] = 1;
        words[0] =
            classifier_misc(box->tcp_flags, box->zone, box->protocol, from->first, to->first);
        classifier_masks(&tuple, box->family, mask);
        item.hash =
            classifier_hash(box->family, mask, words, classifier_shape_seed(s->c->seed, shape));
        rc =
            is_more ? trie_add(s->edit, &s->t->root, &item) : trie_del(s->edit, &s->t->root, &item);
    }
    return rc;
}

int classifier_spread(const struct classifier *c, struct trie_edit *edit,
                      struct classifier_table *t, struct classifier_box *box)
{
    struct spread s = {.c = c, .edit = edit, .t = t, .box = box};

    begin(&s);
    return change(&s, 1);
}

int classifier_gather(const struct classifier *c, struct trie_edit *edit,
                      struct classifier_table *t, struct classifier_box *box)
{
    struct spread s = {.c = c, .edit = edit, .t = t, .box = box};

    begin(&s);
    return change(&s, 0);
}
