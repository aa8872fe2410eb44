// SPDX-License-Identifier: BSD-3-Clause
// What does the next version of a classifier look like? Rules become boxes, boxes go into tables;
// all on the main thread, beside the version that workers use. Called by vnf/firewall. Next:
// classifier_tuple.c (which table), classifier_spread.c (where many are alike), hash_trie.c (what a
// change copies), classifier_lookup.c.

#include <errno.h>
#include <stdlib.h>

#include <sys/random.h>

#include "vnf/lib/classifier_parts.h"

#define MAX_EXPANDED \
    64 // boxes of one rule in one family; above, addresses are looked up in the set

// One side of a rule in one family: a list of prefixes, each with a box of its own; or one prefix,
// and the set is asked.
struct side {
    const struct classifier_prefix *prefixes;
    uint32_t n;
    struct classifier_prefix own;
    const struct classifier_set *set;
    unsigned index;  // family
    int is_in_boxes; // what the set has; else it is to be asked
};

struct classifier *classifier_create(void)
{
    struct classifier *c = calloc(1, sizeof(*c));

    if (c != NULL && getrandom(&c->seed, sizeof(c->seed), 0) != sizeof(c->seed)) {
        free(c);
        return NULL;
    }
    return c;
}

void classifier_destroy(struct classifier *c)
{
    for (unsigned index = 0; c != NULL && index < 2; index++)
        for (uint32_t i = 0; i < c->n_tables[index]; i++)
            trie_free(c->tables[index][i].root);
    free(c);
}

struct classifier *classifier_edit(const struct classifier *base)
{
    struct classifier *c = malloc(sizeof(*c));

    if (c != NULL)
        *c = *base;
    return c;
}

void classifier_abort(struct classifier *c, const struct trie_edit *edit)
{
    for (unsigned index = 0; c != NULL && index < 2; index++)
        for (uint32_t i = 0; i < c->n_tables[index]; i++)
            trie_abort(edit, c->tables[index][i].root);
    free(c);
}

void classifier_release(struct classifier *c)
{
    free(c);
}

void classifier_forget(struct classifier_rule *rule)
{
    free(rule->boxes);
    rule->boxes = NULL;
    rule->n_boxes = 0;
}

static void side_init(struct side *s, unsigned index, const struct classifier_set *set,
                      const uint8_t *address, uint8_t len)
{
    *s = (struct side){.n = 1, .set = set, .index = index};
    s->own.len = len;
    memcpy(s->own.address, address, sizeof(s->own.address));
    s->prefixes = &s->own;
}

static uint32_t n_in_set(const struct side *s)
{
    return s->set != NULL ? s->set->n_prefixes[s->index] : 1;
}

// Boxes for the prefixes of the set in place of asking it. Not if a prefix of the rule's own
// narrows it.
static void expand(struct side *s)
{
    if (s->set == NULL || s->own.len != 0)
        return;
    s->prefixes = s->set->prefixes + (s->index != 0 ? s->set->n_prefixes[0] : 0);
    s->n = s->set->n_prefixes[s->index];
    s->is_in_boxes = 1;
}

static void fill_box(struct classifier_box *box, const struct classifier_rule *rule,
                     const struct side *source, const struct side *destination)
{
    *box = (struct classifier_box){
        .rule = rule,
        .source_port_first = rule->source_port_first,
        .source_port_last = rule->source_port_last,
        .destination_port_first = rule->destination_port_first,
        .destination_port_last = rule->destination_port_last,
        .zone = rule->zone,
        .flags = rule->flags,
        .protocol = rule->protocol,
        .tcp_flags_mask = rule->tcp_flags_mask,
        .tcp_flags = rule->tcp_flags,
        .family = source->index != 0 ? 6 : 4,
    };
    if (rule->flags & CLASSIFIER_ICMP_TYPE) {
        unsigned code = rule->flags & CLASSIFIER_ICMP_CODE ? rule->icmp_code : 0;
        unsigned n_codes = rule->flags & CLASSIFIER_ICMP_CODE ? 1 : 256;

        box->destination_port_first = classifier_icmp_port(rule->icmp_type, code);
        box->destination_port_last = (uint16_t)(box->destination_port_first + n_codes - 1);
    }
    if (source->set != NULL && !source->is_in_boxes)
        box->flags |= BOX_SOURCE_SET;
    if (destination->set != NULL && !destination->is_in_boxes)
        box->flags |= BOX_DESTINATION_SET;
    if (rule->source_port_set != NULL)
        box->flags |= BOX_SOURCE_PORT_SET;
    if (rule->destination_port_set != NULL)
        box->flags |= BOX_DESTINATION_PORT_SET;
}

static void fill_boxes(struct classifier_box *boxes, const struct classifier_rule *rule,
                       const struct side *source, const struct side *destination)
{
    for (uint32_t i = 0; i < source->n; i++)
        for (uint32_t j = 0; j < destination->n; j++) {
            struct classifier_box *box = &boxes[i * destination->n + j];

            fill_box(box, rule, source, destination);
            box->source_len = source->prefixes[i].len;
            box->destination_len = destination->prefixes[j].len;
            classifier_pack_addresses(box->family, source->prefixes[i].address,
                                      destination->prefixes[j].address, box->address);
        }
}

// The boxes of a rule in one family, written if there is room for them. Returns how many.
static uint32_t boxes_of(const struct classifier_rule *rule, unsigned index,
                         struct classifier_box *boxes)
{
    struct side source, destination;

    if (rule->family != 0 && classifier_family_index(rule->family) != index)
        return 0;
    side_init(&source, index, rule->source_set, rule->source, rule->source_len);
    side_init(&destination, index, rule->destination_set, rule->destination, rule->destination_len);
    if (n_in_set(&destination) <= MAX_EXPANDED)
        expand(&destination);
    if ((uint64_t)n_in_set(&source) * destination.n <= MAX_EXPANDED)
        expand(&source);
    if (boxes != NULL)
        fill_boxes(boxes, rule, &source, &destination);
    return source.n * destination.n;
}

static int make_boxes(struct classifier_rule *rule)
{
    uint32_t n = boxes_of(rule, 0, NULL), n_all = n + boxes_of(rule, 1, NULL);

    rule->boxes = NULL;
    rule->n_boxes = 0;
    if (n_all == 0)
        return 0;
    rule->boxes = aligned_alloc(_Alignof(struct classifier_box), n_all * sizeof(*rule->boxes));
    if (rule->boxes == NULL)
        return -ENOMEM;
    (void)boxes_of(rule, 0, rule->boxes);
    (void)boxes_of(rule, 1, rule->boxes + n);
    rule->n_boxes = n_all;
    return 0;
}

int classifier_add(struct classifier *c, struct trie_edit *edit, struct classifier_rule *rule)
{
    int rc = make_boxes(rule);

    for (uint32_t i = 0; rc == 0 && i < rule->n_boxes; i++) {
        struct classifier_box *box = &rule->boxes[i];
        int is_full;
        struct classifier_table *t = classifier_place(c, box, &is_full);
        struct trie_item item = {.order = rule->seq, .value = box};

        if (t == NULL)
            return -ENOSPC;
        box->table = t->id;
        box->is_spread = is_full != 0;
        item.hash = classifier_box_hash(c, t, box);
        rc = is_full ? classifier_spread(c, edit, t, box) : trie_add(edit, &t->root, &item);
    }
    if (rc == 0)
        edit->memory += (int64_t)(rule->n_boxes * sizeof(*rule->boxes));
    return rc;
}

static struct classifier_table *table_of(struct classifier *c, const struct classifier_box *box)
{
    unsigned index = classifier_family_index(box->family);

    for (uint32_t i = 0; i < c->n_tables[index]; i++)
        if (c->tables[index][i].id == box->table)
            return &c->tables[index][i];
    return NULL;
}

int classifier_del(struct classifier *c, struct trie_edit *edit, const struct classifier_rule *rule)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < rule->n_boxes; i++) {
        struct classifier_box *box = &rule->boxes[i];
        struct classifier_table *t = table_of(c, box);
        struct trie_item item = {.order = rule->seq, .value = box};

        if (t == NULL)
            return -ENOENT;
        item.hash = classifier_box_hash(c, t, box);
        rc = box->is_spread ? classifier_gather(c, edit, t, box) : trie_del(edit, &t->root, &item);
    }
    if (rc == 0)
        edit->memory -= (int64_t)(rule->n_boxes * sizeof(*rule->boxes));
    return rc;
}

static int compare_tables(const void *a, const void *b)
{
    const struct classifier_table *x = a, *y = b;

    return (x->root->best > y->root->best) - (x->root->best < y->root->best);
}

void classifier_finish(struct classifier *c)
{
    for (unsigned index = 0; index < 2; index++) {
        uint32_t n_kept = 0;

        for (uint32_t i = 0; i < c->n_tables[index]; i++)
            if (c->tables[index][i].root != NULL)
                c->tables[index][n_kept++] = c->tables[index][i];
        c->n_tables[index] = n_kept;
        qsort(c->tables[index], n_kept, sizeof(c->tables[index][0]), compare_tables);
    }
}

unsigned classifier_n_tables(const struct classifier *c, uint8_t family)
{
    return c->n_tables[classifier_family_index(family)];
}
