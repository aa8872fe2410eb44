// SPDX-License-Identifier: BSD-3-Clause
// Which value has an address? Workers ask for a burst: the index entries of all addresses are
// fetched, then the first nodes of all, then the next ones of those that go on, so that the waits
// for memory overlap. A node is one cache line, mostly. Reads only what prefix_tree.c published; no
// lock, no second try.

#include "vnf/lib/prefix_table.h"

#include "vnf/lib/prefix_node.h"

// An address on its way down.
struct walker {
    const uint64_t *block; // next
    uint16_t i;            // of the burst
    uint16_t level;        // of the block
};

struct burst {
    const uint32_t *best[PREFIX_TABLE_BURST]; // the value of the longest match so far
    struct walker walkers[PREFIX_TABLE_BURST];
    uint32_t entry_value[PREFIX_TABLE_BURST];
    struct prefix_key keys[PREFIX_TABLE_BURST];
};

#define ALWAYS_INLINE inline __attribute__((always_inline))

// Follow the path that a block begins with. Returns its node, NULL if the key leaves the path.
static ALWAYS_INLINE const uint64_t *follow_path(const uint64_t *word, const struct prefix_key *key,
                                                 unsigned *level)
{
    while (*word & PREFIX_SKIP) {
        unsigned n = *word >> 54 & 15;

        if (prefix_key_window(key, *level) >> (64 - PREFIX_STRIDE * n) !=
            (*word & PREFIX_SKIP_PATH))
            return NULL;
        *level += n;
        word++;
    }
    return word;
}

// One node: *best becomes its longest match, if it has one. Returns the slot of the child, NULL if
// there is none.
static ALWAYS_INLINE const uint32_t *match_node(const uint64_t *node, unsigned stride,
                                                const uint32_t **best)
{
    uint64_t internal = node[0], external = node[1];
    const uint32_t *slots = (const uint32_t *)(node + 2);
    uint64_t matches = internal & prefix_match_mask[stride];
    unsigned bit = 63 - (unsigned)__builtin_clzll(matches | 1);
    const uint32_t *result = slots + __builtin_popcountll(external) + prefix_rank(internal, bit);

    *best = matches != 0 ? result : *best;
    return external >> stride & 1 ? slots + prefix_rank(external, stride) : NULL;
}

// The value that an address has without its tree.
static ALWAYS_INLINE const uint32_t *start(const struct prefix_index *index, uint32_t number,
                                           const uint32_t *entry_value)
{
    return *entry_value != 0 ? entry_value : &index->covers[number >> PREFIX_STRIDE].value;
}

uint32_t prefix_table_lookup(const struct prefix_table *t, const uint8_t *address)
{
    const struct prefix_index *index = __atomic_load_n(&t->index, __ATOMIC_ACQUIRE);
    struct prefix_key key;
    union prefix_entry entry;
    const uint32_t *best;
    unsigned level = index->level;
    uint32_t number;

    prefix_key_init(&key, t->n_bits, address);
    number = (uint32_t)(prefix_key_window(&key, 0) >> 1 >> (63 - PREFIX_STRIDE * level));
    entry.word = __atomic_load_n(&index->entries[number].word, __ATOMIC_ACQUIRE);
    best = start(index, number, &entry.value);
    for (uint32_t ref = entry.node; ref != 0; level++) {
        const uint64_t *node = follow_path(prefix_arena_block(ref), &key, &level);
        const uint32_t *child;

        if (node == NULL)
            break;
        child = match_node(node, prefix_key_stride(&key, level), &best);
        if (child == NULL)
            break;
        if (level + 1 == t->n_levels) {
            best = child;
            break;
        }
        ref = prefix_slot_get(child);
    }
    return __atomic_load_n(best, __ATOMIC_RELAXED);
}

// Read the entries, fetched before. Returns how many addresses have a tree.
static ALWAYS_INLINE unsigned enter(const struct prefix_index *index, struct burst *b, unsigned n)
{
    unsigned n_walkers = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t number = (uint32_t)(prefix_key_window(&b->keys[i], 0) >> 1 >>
                                     (63 - PREFIX_STRIDE * index->level));
        union prefix_entry entry;
        struct walker *w = &b->walkers[n_walkers];

        entry.word = __atomic_load_n(&index->entries[number].word, __ATOMIC_ACQUIRE);
        b->entry_value[i] = entry.value;
        b->best[i] = start(index, number, &b->entry_value[i]);
        w->block = prefix_arena_block(entry.node);
        w->i = (uint16_t)i;
        w->level = (uint16_t)index->level;
        __builtin_prefetch(w->block);
        n_walkers += entry.node != 0;
    }
    return n_walkers;
}

// One node for each walker. Returns how many go on.
static ALWAYS_INLINE unsigned step(struct burst *b, unsigned n, unsigned n_levels)
{
    unsigned n_walkers = 0;

    for (unsigned j = 0; j < n; j++) {
        struct walker w = b->walkers[j];
        unsigned level = w.level;
        const struct prefix_key *key = &b->keys[w.i];
        const uint64_t *node = w.block;
        const uint32_t *child;

        if (*node & PREFIX_SKIP) {
            node = follow_path(node, key, &level);
            if (node == NULL)
                continue;
        }
        child = match_node(node, prefix_key_stride(key, level), &b->best[w.i]);
        if (child == NULL)
            continue;
        if (level + 1 == n_levels) {
            b->best[w.i] = child;
            continue;
        }
        w.block = prefix_arena_block(prefix_slot_get(child));
        w.level = (uint16_t)(level + 1);
        __builtin_prefetch(w.block);
        b->walkers[n_walkers++] = w;
    }
    return n_walkers;
}

static ALWAYS_INLINE void look_up(const struct prefix_table *t, struct burst *b, uint32_t *values,
                                  unsigned n, unsigned n_levels)
{
    const struct prefix_index *index = __atomic_load_n(&t->index, __ATOMIC_ACQUIRE);
    unsigned shift = 63 - PREFIX_STRIDE * index->level, n_walkers;

    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(&index->entries[prefix_key_window(&b->keys[i], 0) >> 1 >> shift]);
    n_walkers = enter(index, b, n);
    while (n_walkers != 0)
        n_walkers = step(b, n_walkers, n_levels);
    for (unsigned i = 0; i < n; i++)
        values[i] = __atomic_load_n(b->best[i], __ATOMIC_RELAXED);
}

void prefix_table_lookup4(const struct prefix_table *t, const uint32_t *addresses, uint32_t *values,
                          unsigned n)
{
    struct burst b;

    for (unsigned done = 0; done < n; done += PREFIX_TABLE_BURST) {
        unsigned now = n - done < PREFIX_TABLE_BURST ? n - done : PREFIX_TABLE_BURST;

        for (unsigned i = 0; i < now; i++)
            prefix_key_init(&b.keys[i], 32, (const uint8_t *)&addresses[done + i]);
        look_up(t, &b, values + done, now, (32 + PREFIX_LEAD) / PREFIX_STRIDE);
    }
}

void prefix_table_lookup6(const struct prefix_table *t, const uint8_t (*addresses)[16],
                          uint32_t *values, unsigned n)
{
    struct burst b;

    for (unsigned done = 0; done < n; done += PREFIX_TABLE_BURST) {
        unsigned now = n - done < PREFIX_TABLE_BURST ? n - done : PREFIX_TABLE_BURST;

        for (unsigned i = 0; i < now; i++)
            prefix_key_init(&b.keys[i], 128, addresses[done + i]);
        look_up(t, &b, values + done, now, (128 + PREFIX_LEAD) / PREFIX_STRIDE);
    }
}
