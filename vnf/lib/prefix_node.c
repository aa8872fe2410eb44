// SPDX-License-Identifier: BSD-3-Clause
// How does a node of the prefix tree lie in its block, and what does one look like with a prefix
// more or less? Main thread: blocks are read into a draft, the draft is changed and written as a
// new block, which nobody sees until the caller publishes it. The layout is drawn in prefix_node.h.
// Next: prefix_tree.c, which knows where to do that.

#include "vnf/lib/prefix_node.h"

#define MASK(i)                                                                \
    (PREFIX_BIT(0) | PREFIX_BIT(1 + ((i) >> 5)) | PREFIX_BIT(3 + ((i) >> 4)) | \
     PREFIX_BIT(7 + ((i) >> 3)) | PREFIX_BIT(15 + ((i) >> 2)) | PREFIX_BIT(31 + ((i) >> 1)))
#define MASKS_4(i) MASK(i), MASK((i) + 1), MASK((i) + 2), MASK((i) + 3)
#define MASKS_16(i) MASKS_4(i), MASKS_4((i) + 4), MASKS_4((i) + 8), MASKS_4((i) + 12)

const uint64_t prefix_match_mask[64] = {MASKS_16(0), MASKS_16(16), MASKS_16(32), MASKS_16(48)};

void prefix_key_init(struct prefix_key *key, unsigned n_bits, const uint8_t *address)
{
    memset(key, 0, sizeof(*key));
    memcpy(key->bytes + 1, address, n_bits / 8);
}

void prefix_key_set_stride(struct prefix_key *key, unsigned level, unsigned stride)
{
    unsigned bit = 8 - PREFIX_LEAD + PREFIX_STRIDE * level;
    unsigned shift = 16 - PREFIX_STRIDE - bit % 8;
    uint8_t *bytes = key->bytes + bit / 8;
    unsigned word = (unsigned)bytes[0] << 8 | bytes[1];

    word = (word & ~(63U << shift)) | stride << shift;
    bytes[0] = (uint8_t)(word >> 8);
    bytes[1] = (uint8_t)word;
}

void prefix_place_init(struct prefix_place *place, unsigned n_bits, const uint8_t *prefix,
                       unsigned len)
{
    unsigned stride, n = (len + PREFIX_LEAD) % PREFIX_STRIDE;

    prefix_key_init(&place->key, n_bits, prefix);
    memset(place->key.bytes + 1 + (len + 7) / 8, 0, 16 - (len + 7) / 8);
    if (len % 8 != 0)
        place->key.bytes[1 + len / 8] &= (uint8_t)(0xff00 >> len % 8);
    place->len = len;
    place->level = (len + PREFIX_LEAD) / PREFIX_STRIDE;
    place->is_full = len == n_bits;
    place->level -= (unsigned)place->is_full;
    stride = prefix_key_stride(&place->key, place->level);
    place->bit = place->is_full ? stride : (1U << n) - 1 + (stride >> (PREFIX_STRIDE - n));
}

void prefix_node_read(struct prefix_node *node, uint32_t ref)
{
    uint64_t *word = prefix_arena_block(ref);

    node->ref = ref;
    for (node->n_skip = 0; *word & PREFIX_SKIP; word++)
        node->n_skip += *word >> 54 & 15;
    node->internal = word[0];
    node->external = word[1];
    node->slots = (uint32_t *)(word + 2);
}

void prefix_node_path(const struct prefix_node *node, uint8_t *strides)
{
    const uint64_t *word = prefix_arena_block(node->ref);

    for (unsigned done = 0; done < node->n_skip; word++) {
        unsigned n = *word >> 54 & 15;

        for (unsigned i = 0; i < n; i++)
            strides[done + i] = *word >> (PREFIX_STRIDE * (n - 1 - i)) & 63;
        done += n;
    }
}

uint32_t *prefix_node_child(const struct prefix_node *node, unsigned stride)
{
    return &node->slots[prefix_rank(node->external, stride)];
}

static uint32_t *result_slot(const struct prefix_node *node, unsigned bit)
{
    return &node->slots[(unsigned)__builtin_popcountll(node->external) +
                        prefix_rank(node->internal, bit)];
}

uint32_t *prefix_node_slot(const struct prefix_node *node, const struct prefix_place *place)
{
    uint64_t bits = place->is_full ? node->external : node->internal;

    if ((bits >> place->bit & 1) == 0)
        return NULL;
    return place->is_full ? prefix_node_child(node, place->bit) : result_slot(node, place->bit);
}

static unsigned n_slots(uint64_t internal, uint64_t external)
{
    return (unsigned)(__builtin_popcountll(internal) + __builtin_popcountll(external));
}

void prefix_draft_copy(struct prefix_draft *d, const struct prefix_node *node, unsigned n_drop)
{
    uint8_t path[PREFIX_MAX_LEVELS];

    d->n_skip = node->n_skip - n_drop;
    if (d->n_skip != 0) {
        prefix_node_path(node, path);
        memcpy(d->skip, path + n_drop, d->n_skip);
    }
    d->internal = node->internal;
    d->external = node->external;
    memcpy(d->slots, node->slots, n_slots(d->internal, d->external) * sizeof(d->slots[0]));
}

void prefix_draft_init(struct prefix_draft *d, const struct prefix_key *key, unsigned level,
                       unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        d->skip[i] = (uint8_t)prefix_key_stride(key, level + i);
    d->n_skip = n;
    d->internal = 0;
    d->external = 0;
}

static void insert_slot(struct prefix_draft *d, unsigned i, uint32_t value)
{
    unsigned n = n_slots(d->internal, d->external);

    memmove(&d->slots[i + 1], &d->slots[i], (n - i) * sizeof(d->slots[0]));
    d->slots[i] = value;
}

static void remove_slot(struct prefix_draft *d, unsigned i)
{
    unsigned n = n_slots(d->internal, d->external);

    memmove(&d->slots[i], &d->slots[i + 1], (n - i - 1) * sizeof(d->slots[0]));
}

void prefix_draft_add_child(struct prefix_draft *d, unsigned stride, uint32_t child)
{
    insert_slot(d, prefix_rank(d->external, stride), child);
    d->external |= PREFIX_BIT(stride);
}

void prefix_draft_del_child(struct prefix_draft *d, unsigned stride)
{
    remove_slot(d, prefix_rank(d->external, stride));
    d->external &= ~PREFIX_BIT(stride);
}

static unsigned result_rank(const struct prefix_draft *d, unsigned bit)
{
    return (unsigned)__builtin_popcountll(d->external) + prefix_rank(d->internal, bit);
}

void prefix_draft_add(struct prefix_draft *d, const struct prefix_place *place, uint32_t value)
{
    if (place->is_full) {
        prefix_draft_add_child(d, place->bit, value);
        return;
    }
    insert_slot(d, result_rank(d, place->bit), value);
    d->internal |= PREFIX_BIT(place->bit);
}

void prefix_draft_del(struct prefix_draft *d, const struct prefix_place *place)
{
    if (place->is_full) {
        prefix_draft_del_child(d, place->bit);
        return;
    }
    remove_slot(d, result_rank(d, place->bit));
    d->internal &= ~PREFIX_BIT(place->bit);
}

void prefix_draft_extend(struct prefix_draft *d, const uint8_t *strides, unsigned n)
{
    memmove(d->skip + n, d->skip, d->n_skip);
    memcpy(d->skip, strides, n);
    d->n_skip += n;
}

unsigned prefix_draft_n_units(const struct prefix_draft *d)
{
    return (d->n_skip + PREFIX_SKIP_MAX - 1) / PREFIX_SKIP_MAX + 2 +
           (n_slots(d->internal, d->external) + 1) / 2;
}

void prefix_draft_encode(const struct prefix_draft *d, uint32_t ref)
{
    uint64_t *word = prefix_arena_block(ref);

    for (unsigned done = 0; done < d->n_skip;) {
        unsigned n = d->n_skip - done < PREFIX_SKIP_MAX ? d->n_skip - done : PREFIX_SKIP_MAX;
        uint64_t path = 0;

        for (unsigned i = 0; i < n; i++)
            path = path << PREFIX_STRIDE | d->skip[done + i];
        *word++ = PREFIX_SKIP | (uint64_t)n << 54 | path;
        done += n;
    }
    word[0] = d->internal;
    word[1] = d->external;
    memcpy(word + 2, d->slots, n_slots(d->internal, d->external) * sizeof(d->slots[0]));
}

uint32_t prefix_draft_write(struct prefix_table *t, const struct prefix_draft *d)
{
    uint32_t ref = prefix_arena_alloc(prefix_draft_n_units(d));

    if (ref != 0) {
        prefix_draft_encode(d, ref);
        t->n_units += prefix_arena_n_units(ref);
    }
    return ref;
}

void prefix_node_free(struct prefix_table *t, uint32_t ref)
{
    if (ref == 0)
        return;
    t->n_units -= prefix_arena_n_units(ref);
    prefix_arena_free(ref);
}

void prefix_node_retire(struct prefix_table *t, uint32_t ref)
{
    t->n_units -= prefix_arena_n_units(ref);
    prefix_arena_retire(ref);
}
