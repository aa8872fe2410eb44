// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PREFIX_NODE_H
#define VNF_LIB_PREFIX_NODE_H

// The tree inside a prefix table: strides of six bits. The first stride is four zero bits and the
// first two of the address, so that both 32 and 128 end with a stride. A node at level n decides
// about stride n; it is one block of the arena:
//
//   u64 skip[]      bit 63 set: a path of up to nine strides that all below share. Mostly none
//   u64 internal    bit 63 clear: which prefixes of 0 to 5 bits in this stride exist; the longer,
//                   the higher the bit
//   u64 external    which strides go on
//   u32 children[]  a block for each bit of external; at the last level the value of a prefix of
//                   full length
//   u32 results[]   a value for each bit of internal
//
// A block never changes but for its slots (children and results), each in one store. For any other
// change a new block takes its place, by one store into the slot that named it. Every node has a
// result or at least two children, unless memory was short.

#include <stdint.h>
#include <string.h>

#include "vnf/lib/prefix_arena.h"

#define PREFIX_STRIDE 6
#define PREFIX_LEAD 4 // zero bits before the address
#define PREFIX_SKIP (UINT64_C(1) << 63)
#define PREFIX_SKIP_MAX 9 // strides of one word
#define PREFIX_SKIP_PATH ((UINT64_C(1) << 54) - 1)
#define PREFIX_MAX_LEVELS 22

#define PREFIX_BIT(n) (UINT64_C(1) << (n))

// An address with the lead, and enough zeros behind to read eight bytes anywhere.
struct prefix_key {
    uint8_t bytes[32]; // one of zeros (its last four bits are the lead), the address, zeros
};

// Where a prefix has its place in the tree.
struct prefix_place {
    struct prefix_key key; // zeros behind the prefix
    unsigned len;
    unsigned level;
    unsigned bit; // of internal, or of external
    int is_full;  // full length: the bit is one of external
};

// A block that was read.
struct prefix_node {
    uint32_t ref;
    unsigned n_skip; // strides
    uint64_t internal, external;
    uint32_t *slots;
};

// A block to be.
struct prefix_draft {
    unsigned n_skip;
    uint8_t skip[PREFIX_MAX_LEVELS]; // strides
    uint64_t internal, external;
    uint32_t slots[64 + 63];
};

// The entry point for addresses that begin with certain strides: their node, and the best of the
// prefixes that end in the last of these strides. Read at once.
union prefix_entry {
    uint64_t word;
    struct {
        uint32_t node;
        uint32_t value;
    };
};

// The best of the prefixes that end in earlier strides.
union prefix_cover {
    uint64_t word;
    struct {
        uint32_t value;
        uint32_t len_and_1; // 0: none
    };
};

// The first `level` strides looked up at once. Written by the main thread.
struct prefix_index {
    struct prefix_garbage garbage;
    unsigned level;
    uint32_t n_entries, n_covers;
    union prefix_cover *covers; // for each address without its last stride; behind entries
    union prefix_entry entries[];
};

struct prefix_table {
    struct prefix_index *index; // replaced as a whole
    unsigned n_bits;
    unsigned n_levels;
    // Main thread only.
    uint32_t top; // tree of the prefixes that end before index->level
    uint32_t count;
    uint32_t grow_at, shrink_at; // count of prefixes that asks for another index
    uint32_t n_unfit;            // changes until the next try, 0: none has failed
    size_t n_units;              // of blocks
};

// 57 bits from the beginning of a stride on, at the top.
static inline uint64_t prefix_key_window(const struct prefix_key *key, unsigned level)
{
    unsigned bit = 8 - PREFIX_LEAD + PREFIX_STRIDE * level;
    uint64_t word;

    memcpy(&word, key->bytes + bit / 8, sizeof(word));
    return __builtin_bswap64(word) << bit % 8;
}

static inline unsigned prefix_key_stride(const struct prefix_key *key, unsigned level)
{
    return (unsigned)(prefix_key_window(key, level) >> (64 - PREFIX_STRIDE));
}

void prefix_key_init(struct prefix_key *key, unsigned n_bits, const uint8_t *address);
void prefix_key_set_stride(struct prefix_key *key, unsigned level, unsigned stride);
void prefix_place_init(struct prefix_place *place, unsigned n_bits, const uint8_t *prefix,
                       unsigned len);

// Bits of internal that a stride matches, see above.
extern const uint64_t prefix_match_mask[64];

// The number of set bits below `bit`.
static inline unsigned prefix_rank(uint64_t bits, unsigned bit)
{
    return (unsigned)__builtin_popcountll(bits & (PREFIX_BIT(bit) - 1));
}

static inline uint32_t prefix_slot_get(const uint32_t *slot)
{
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

// Publish.
static inline void prefix_slot_set(uint32_t *slot, uint32_t ref)
{
    __atomic_store_n(slot, ref, __ATOMIC_RELEASE);
}

void prefix_node_read(struct prefix_node *node, uint32_t ref);
void prefix_node_path(const struct prefix_node *node, uint8_t *strides);
uint32_t *prefix_node_child(const struct prefix_node *node, unsigned stride); // it exists

// The slot of a prefix that belongs into this node. NULL: it isn't there.
uint32_t *prefix_node_slot(const struct prefix_node *node, const struct prefix_place *place);

// A draft like the node, without its first `n_drop` strides of path.
void prefix_draft_copy(struct prefix_draft *d, const struct prefix_node *node, unsigned n_drop);

// The path of an empty draft: n strides of a key from a level on.
void prefix_draft_init(struct prefix_draft *d, const struct prefix_key *key, unsigned level,
                       unsigned n);
void prefix_draft_add_child(struct prefix_draft *d, unsigned stride, uint32_t child);
void prefix_draft_del_child(struct prefix_draft *d, unsigned stride);
void prefix_draft_add(struct prefix_draft *d, const struct prefix_place *place, uint32_t value);
void prefix_draft_del(struct prefix_draft *d, const struct prefix_place *place);
void prefix_draft_extend(struct prefix_draft *d, const uint8_t *strides, unsigned n); // in front
unsigned prefix_draft_n_units(const struct prefix_draft *d);

// Make a block of it. 0: no memory.
uint32_t prefix_draft_write(struct prefix_table *t, const struct prefix_draft *d);
void prefix_draft_encode(const struct prefix_draft *d, uint32_t ref);

// Free a block that workers never saw, or after the next grace period.
void prefix_node_free(struct prefix_table *t, uint32_t ref);
void prefix_node_retire(struct prefix_table *t, uint32_t ref);

#endif
