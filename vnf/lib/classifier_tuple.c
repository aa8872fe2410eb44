// SPDX-License-Identifier: BSD-3-Clause
// In which table does a box go? After TupleMerge (Daly et al., 2019): any table may take it whose
// tuple asks for no more bits than the box has. Few tables are what makes a look-up quick, so a box
// goes into one that is there unless too many would be found under its hash; a new table has a
// relaxed tuple, that others fit in too. Main thread, called by classifier.c.

#include "vnf/lib/classifier_parts.h"

#define MAX_COLLISIONS 12 // boxes under one hash, while there is another table to be had
#define N_STEPS 3

static uint8_t relax_len(uint8_t len, uint8_t family)
{
    static const uint8_t steps[2][5] = {{32, 24, 16, 8, 0}, {128, 64, 48, 32, 0}};
    const uint8_t *step = steps[classifier_family_index(family)];

    while (len < *step)
        step++;
    return *step;
}

// The bits that all ports of a range have in common.
static uint8_t port_len(uint16_t first, uint16_t last)
{
    unsigned different = first ^ last;

    return different == 0 ? 16 : (uint8_t)(__builtin_clz(different) - 16);
}

static struct classifier_tuple tuple_of(const struct classifier_box *box)
{
    struct classifier_tuple tuple = {.source_len = box->source_len,
                                     .destination_len = box->destination_len};

    if (box->flags & CLASSIFIER_PROTOCOL) {
        tuple.protocol_len = 8;
        tuple.source_port_len = port_len(box->source_port_first, box->source_port_last);
        tuple.destination_port_len =
            port_len(box->destination_port_first, box->destination_port_last);
    }
    return tuple;
}

// From what many share to what only this one has.
static struct classifier_tuple relaxed(const struct classifier_box *box, unsigned step)
{
    struct classifier_tuple tuple = tuple_of(box);

    if (step == N_STEPS - 1)
        return tuple;
    tuple.source_len = relax_len(tuple.source_len, box->family);
    tuple.destination_len = relax_len(tuple.destination_len, box->family);
    tuple.source_port_len = 0;
    if (step == 0)
        tuple.protocol_len = tuple.destination_port_len = 0;
    else
        tuple.destination_port_len &= 0x18; // 0, 8 or 16
    return tuple;
}

static int fits(const struct classifier_tuple *tuple, const struct classifier_tuple *exact)
{
    return tuple->source_len <= exact->source_len &&
           tuple->destination_len <= exact->destination_len &&
           tuple->protocol_len <= exact->protocol_len &&
           tuple->source_port_len <= exact->source_port_len &&
           tuple->destination_port_len <= exact->destination_port_len;
}

static unsigned n_bits(const struct classifier_tuple *tuple)
{
    return (unsigned)tuple->source_len + tuple->destination_len + tuple->protocol_len +
           tuple->source_port_len + tuple->destination_port_len;
}

uint32_t classifier_box_hash(const struct classifier *c, const struct classifier_table *t,
                             const struct classifier_box *box)
{
    uint64_t words[CLASSIFIER_WORDS];

    words[0] = classifier_misc(box->zone, box->protocol, box->source_port_first,
                               box->destination_port_first);
    memcpy(&words[1], box->address, sizeof(box->address));
    return classifier_hash(t, words, classifier_n_words(box->family), c->seed);
}

static unsigned n_collisions(const struct classifier *c, const struct classifier_table *t,
                             const struct classifier_box *box)
{
    uint32_t hash = classifier_box_hash(c, t, box);
    const struct trie_leaf *leaf = trie_leaf(t->root, hash, UINT64_MAX);
    unsigned n = 0;

    for (uint32_t i = 0; leaf != NULL && i < leaf->node.n && n < MAX_COLLISIONS; i++)
        n += leaf->items[i].hash == hash;
    return n;
}

static void set_masks(struct classifier_table *t, uint8_t family)
{
    const struct classifier_tuple *tuple = &t->tuple;
    unsigned source_len = tuple->source_len, destination_len = tuple->destination_len;

    t->mask[0] = classifier_misc(UINT8_MAX, tuple->protocol_len != 0 ? UINT8_MAX : 0,
                                 (uint16_t) ~(0xffffU >> tuple->source_port_len),
                                 (uint16_t) ~(0xffffU >> tuple->destination_port_len));
    if (family == 4) {
        t->mask[1] = classifier_mask(source_len) | classifier_mask(destination_len) >> 32;
        return;
    }
    t->mask[1] = classifier_mask(source_len);
    t->mask[2] = source_len > 64 ? classifier_mask(source_len - 64) : 0;
    t->mask[3] = classifier_mask(destination_len);
    t->mask[4] = destination_len > 64 ? classifier_mask(destination_len - 64) : 0;
}

static struct classifier_table *make_table(struct classifier *c, const struct classifier_box *box,
                                           struct classifier_tuple tuple)
{
    unsigned index = classifier_family_index(box->family);
    struct classifier_table *t = &c->tables[index][c->n_tables[index]];
    uint64_t used = 0;

    for (uint32_t i = 0; i < c->n_tables[index]; i++)
        used |= UINT64_C(1) << c->tables[index][i].id;
    *t = (struct classifier_table){.tuple = tuple, .id = (uint8_t)__builtin_ctzll(~used)};
    set_masks(t, box->family);
    c->n_tables[index]++;
    return t;
}

static struct classifier_table *find(struct classifier *c, unsigned index,
                                     const struct classifier_tuple *tuple)
{
    for (uint32_t i = 0; i < c->n_tables[index]; i++)
        if (memcmp(&c->tables[index][i].tuple, tuple, sizeof(*tuple)) == 0)
            return &c->tables[index][i];
    return NULL;
}

// The table with the most bits that has room under the box's hash; *last becomes the one with the
// most bits of those that are full. Either may be NULL.
static struct classifier_table *find_room(struct classifier *c, const struct classifier_box *box,
                                          struct classifier_table **last)
{
    const struct classifier_tuple exact = tuple_of(box);
    unsigned index = classifier_family_index(box->family);
    struct classifier_table *best = NULL;

    *last = NULL;
    for (uint32_t i = 0; i < c->n_tables[index]; i++) {
        struct classifier_table *t = &c->tables[index][i], **slot;

        if (!fits(&t->tuple, &exact))
            continue;
        slot = n_collisions(c, t, box) < MAX_COLLISIONS ? &best : last;
        if (*slot == NULL || n_bits(&(*slot)->tuple) < n_bits(&t->tuple))
            *slot = t;
    }
    return best;
}

// The last place is kept for the table where everything fits.
struct classifier_table *classifier_place(struct classifier *c, const struct classifier_box *box)
{
    static const struct classifier_tuple any;
    unsigned index = classifier_family_index(box->family);
    struct classifier_table *full, *t = find_room(c, box, &full);

    if (t != NULL)
        return t;
    for (unsigned step = 0; step < N_STEPS; step++) {
        const struct classifier_tuple tuple = relaxed(box, step);

        if (c->n_tables[index] < CLASSIFIER_MAX_TABLES - 1 && find(c, index, &tuple) == NULL)
            return make_table(c, box, tuple);
    }
    if (full != NULL)
        return full;
    return c->n_tables[index] < CLASSIFIER_MAX_TABLES ? make_table(c, box, any) : NULL;
}
