// SPDX-License-Identifier: BSD-3-Clause
// In which table does a box go? After TupleMerge (Daly et al., 2019): any table may take it whose
// tuple asks for no more bits than the box has. Few tables are what makes a look-up quick, so a box
// goes into one that is there unless too many would be found under its hash. Then a new table is
// made if it has many more bits to tell boxes apart, with a relaxed tuple that others fit in too;
// else the box is spread. Main thread, called by classifier.c. Next:
// classifier_spread.c.

#include "vnf/lib/classifier_parts.h"

#define MAX_COLLISIONS 12 // boxes under one hash, but for those that are spread
#define N_STEPS 3
#define MIN_MORE_BITS 9 // of a new table than of one that is full, more than a protocol

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

struct classifier_tuple classifier_tuple_of(const struct classifier_box *box)
{
    struct classifier_tuple tuple = {.source_len = box->source_len,
                                     .destination_len = box->destination_len};

    if (box->flags & CLASSIFIER_PROTOCOL) {
        tuple.protocol_len = 8;
        tuple.tcp_flags = box->tcp_flags_mask;
        tuple.source_port_len = port_len(box->source_port_first, box->source_port_last);
        tuple.destination_port_len =
            port_len(box->destination_port_first, box->destination_port_last);
    }
    return tuple;
}

// From what many share to what only this one has. Of ports none, the first byte or all.
static struct classifier_tuple relaxed(const struct classifier_box *box, unsigned step)
{
    struct classifier_tuple tuple = classifier_tuple_of(box);

    tuple.source_port_len &= 0x18;
    tuple.destination_port_len &= 0x18;
    if (step == N_STEPS - 1)
        return tuple;
    tuple.source_len = relax_len(tuple.source_len, box->family);
    tuple.destination_len = relax_len(tuple.destination_len, box->family);
    tuple.source_port_len = tuple.tcp_flags = 0;
    if (step == 0)
        tuple.protocol_len = tuple.destination_port_len = 0;
    return tuple;
}

static int fits(const struct classifier_tuple *tuple, const struct classifier_tuple *exact)
{
    return tuple->source_len <= exact->source_len &&
           tuple->destination_len <= exact->destination_len &&
           tuple->protocol_len <= exact->protocol_len &&
           tuple->source_port_len <= exact->source_port_len &&
           tuple->destination_port_len <= exact->destination_port_len &&
           !(tuple->tcp_flags & ~exact->tcp_flags);
}

static unsigned n_bits(const struct classifier_tuple *tuple)
{
    return (unsigned)tuple->source_len + tuple->destination_len + tuple->protocol_len +
           tuple->source_port_len + tuple->destination_port_len +
           (unsigned)__builtin_popcount(tuple->tcp_flags);
}

uint32_t classifier_box_hash(const struct classifier *c, const struct classifier_table *t,
                             const struct classifier_box *box)
{
    uint64_t words[CLASSIFIER_WORDS];

    classifier_pack_box(box, words);
    return classifier_hash(box->family, t->mask, words, c->seed);
}

static int count_box(const struct trie_item *item, void *arg)
{
    unsigned *n = arg;

    *n += !classifier_is_shape(item);
    return *n == MAX_COLLISIONS;
}

static int has_room(const struct classifier *c, const struct classifier_table *t,
                    const struct classifier_box *box)
{
    unsigned n = 0;

    return trie_find(t->root, classifier_box_hash(c, t, box), count_box, &n) == NULL;
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
    classifier_masks(&tuple, box->family, t->mask);
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
    const struct classifier_tuple exact = classifier_tuple_of(box);
    unsigned index = classifier_family_index(box->family);
    struct classifier_table *best = NULL;

    *last = NULL;
    for (uint32_t i = 0; i < c->n_tables[index]; i++) {
        struct classifier_table *t = &c->tables[index][i], **slot;

        if (!fits(&t->tuple, &exact))
            continue;
        slot = has_room(c, t, box) ? &best : last;
        if (*slot == NULL || n_bits(&(*slot)->tuple) < n_bits(&t->tuple))
            *slot = t;
    }
    return best;
}

// The last place is kept for the table where everything fits.
struct classifier_table *classifier_place(struct classifier *c, const struct classifier_box *box,
                                          int *is_full)
{
    static const struct classifier_tuple any;
    unsigned index = classifier_family_index(box->family);
    struct classifier_table *full, *t = find_room(c, box, &full);

    *is_full = 0;
    if (t != NULL)
        return t;
    for (unsigned step = 0; step < N_STEPS; step++) {
        const struct classifier_tuple tuple = relaxed(box, step);

        if (full != NULL && n_bits(&tuple) < n_bits(&full->tuple) + MIN_MORE_BITS)
            continue;
        if (c->n_tables[index] < CLASSIFIER_MAX_TABLES - 1 && find(c, index, &tuple) == NULL)
            return make_table(c, box, tuple);
    }
    *is_full = full != NULL;
    if (full != NULL)
        return full;
    return c->n_tables[index] < CLASSIFIER_MAX_TABLES ? make_table(c, box, any) : NULL;
}
