// SPDX-License-Identifier: BSD-3-Clause
// Which value has an address? Workers ask for a burst: the index entries of all addresses are
// fetched, then the first nodes of all, then the next ones of those that go on, so that the waits
// for memory overlap. A node is one cache line, mostly. An IPv4 address with its lead is one word
// that stays in a register. Reads only what prefix_tree.c published; no lock, no second try.

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
    union {
        uint64_t words[PREFIX_TABLE_BURST]; // IPv4: the lead and the address, at the top
        struct prefix_key keys[PREFIX_TABLE_BURST];
    };
};

// What differs between the families, known when the code is made.
enum family {
    FAMILY4,
    FAMILY6,
};

#define ALWAYS_INLINE inline __attribute__((always_inline))

// As prefix_key_window, of address i.
static ALWAYS_INLINE uint64_t window(const struct burst *b, unsigned i, unsigned level,
                                     enum family family)
{
    if (family == FAMILY4)
        return b->words[i] << PREFIX_STRIDE * level;
    return prefix_key_window(&b->keys[i], level);
}

static ALWAYS_INLINE uint32_t entry_number(const struct burst *b, unsigned i, unsigned level,
                                           enum family family)
{
    return (uint32_t)(window(b, i, 0, family) >> 1 >> (63 - PREFIX_STRIDE * level));
}

// Follow the path that a walker's block begins with. Returns its node, NULL if the address leaves
// the path.
static ALWAYS_INLINE const uint64_t *follow_path(const struct burst *b, struct walker *w,
                                                 enum family family)
{
    const uint64_t *word = w->block;

    while (*word & PREFIX_SKIP) {
        unsigned n = *word >> 54 & 15;

        if (window(b, w->i, w->level, family) >> (64 - PREFIX_STRIDE * n) !=
            (*word & PREFIX_SKIP_PATH))
            return NULL;
        w->level = (uint16_t)(w->level + n);
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

    __builtin_prefetch(result); // read when all have come to their end
    *best = matches != 0 ? result : *best;
    return external >> stride & 1 ? slots + prefix_rank(external, stride) : NULL;
}

// The value that an address has without its tree.
static ALWAYS_INLINE const uint32_t *start(const struct prefix_index *index, uint32_t number,
                                           const uint32_t *entry_value)
{
    return *entry_value != 0 ? entry_value : &index->covers[number >> PREFIX_STRIDE].value;
}

// Read the entries, fetched before. Returns how many addresses have a tree.
static ALWAYS_INLINE unsigned enter(const struct prefix_index *index, struct burst *b, unsigned n,
                                    enum family family)
{
    unsigned n_walkers = 0;

    for (unsigned i = 0; i < n; i++) {
        uint32_t number = entry_number(b, i, index->level, family);
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
static ALWAYS_INLINE unsigned step(struct burst *b, unsigned n, unsigned n_levels,
                                   enum family family)
{
    unsigned n_walkers = 0;

    for (unsigned j = 0; j < n; j++) {
        struct walker w = b->walkers[j];
        const uint64_t *node = follow_path(b, &w, family);
        const uint32_t *child;

        if (node == NULL)
            continue;
        child =
            match_node(node, (unsigned)(window(b, w.i, w.level, family) >> (64 - PREFIX_STRIDE)),
                       &b->best[w.i]);
        if (child == NULL)
            continue;
        if (w.level + 1U == n_levels) {
            b->best[w.i] = child;
            continue;
        }
        w.block = prefix_arena_block(prefix_slot_get(child));
        w.level++;
        __builtin_prefetch(w.block);
        b->walkers[n_walkers++] = w;
    }
    return n_walkers;
}

static ALWAYS_INLINE void look_up(const struct prefix_table *t, struct burst *b, uint32_t *values,
                                  unsigned n, enum family family)
{
    const struct prefix_index *index = __atomic_load_n(&t->index, __ATOMIC_ACQUIRE);
    unsigned n_bits = family == FAMILY4 ? 32 : 128, n_walkers;

    for (unsigned i = 0; i < n; i++)
        __builtin_prefetch(&index->entries[entry_number(b, i, index->level, family)]);
    n_walkers = enter(index, b, n, family);
    while (n_walkers != 0)
        n_walkers = step(b, n_walkers, (n_bits + PREFIX_LEAD) / PREFIX_STRIDE, family);
    for (unsigned i = 0; i < n; i++)
        values[i] = __atomic_load_n(b->best[i], __ATOMIC_RELAXED);
}

void prefix_table_prefetch4(const struct prefix_table *t, uint32_t address)
{
    const struct prefix_index *index = __atomic_load_n(&t->index, __ATOMIC_ACQUIRE);
    uint64_t word = (uint64_t)__builtin_bswap32(address) << (32 - PREFIX_LEAD);

    __builtin_prefetch(&index->entries[word >> 1 >> (63 - PREFIX_STRIDE * index->level)]);
}

void prefix_table_lookup4(const struct prefix_table *t, const uint32_t *addresses, uint32_t *values,
                          unsigned n)
{
    struct burst b;

    for (unsigned done = 0; done < n; done += PREFIX_TABLE_BURST) {
        unsigned now = n - done < PREFIX_TABLE_BURST ? n - done : PREFIX_TABLE_BURST;

        for (unsigned i = 0; i < now; i++)
            b.words[i] = (uint64_t)__builtin_bswap32(addresses[done + i]) << (32 - PREFIX_LEAD);
        look_up(t, &b, values + done, now, FAMILY4);
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
        look_up(t, &b, values + done, now, FAMILY6);
    }
}

uint32_t prefix_table_lookup(const struct prefix_table *t, const uint8_t *address)
{
    uint8_t address6[1][16];
    uint32_t address4, value;

    if (t->n_bits == 32) {
        memcpy(&address4, address, sizeof(address4));
        prefix_table_lookup4(t, &address4, &value, 1);
    } else {
        memcpy(address6[0], address, sizeof(address6[0]));
        prefix_table_lookup6(t, (const uint8_t(*)[16])address6, &value, 1);
    }
    return value;
}
