// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PREFIX_ARENA_H
#define VNF_LIB_PREFIX_ARENA_H

// The memory of all prefix tables: blocks of 8-byte units, named by 32-bit numbers. Main thread
// only, but for reading blocks.

#include <stddef.h>
#include <stdint.h>

#define PREFIX_ARENA_MAX_UNITS 72 // of a block
#define PREFIX_ARENA_UNIT 8       // bytes

// What a table no longer needs but a worker may still see, other than blocks. At its start.
struct prefix_garbage {
    struct prefix_garbage *next;
    size_t size; // as it was given to prefix_arena_map
};

// Where unit 0 is. Set by prefix_arena_init, then constant.
extern uint64_t *prefix_arena_base;

// The words of a block. Any thread.
static inline uint64_t *prefix_arena_block(uint32_t ref)
{
    return prefix_arena_base + ref;
}

// Reserve addresses, once; later calls do nothing. -ENOMEM.
int prefix_arena_init(void);

// A block of at least n_units (1 to PREFIX_ARENA_MAX_UNITS). 0: no memory.
uint32_t prefix_arena_alloc(unsigned n_units);

// The same for those who must go on without memory: takes a bigger block than needed, waits for
// what is retired, and in the end gives the spare block, of which there is one.
uint32_t prefix_arena_alloc_hard(unsigned n_units);
int prefix_arena_is_spare(uint32_t ref);

// How many units the block takes.
unsigned prefix_arena_n_units(uint32_t ref);

// Free a block that no worker has seen, or may see.
void prefix_arena_free(uint32_t ref);

// Free a block after the next grace period. Waits for one if too much is retired.
void prefix_arena_retire(uint32_t ref);

// Whether blocks of n_units in all, of any sizes, will be there.
int prefix_arena_reserve(size_t n_units);

// Zeroed memory beside the blocks, for something big. NULL: no memory.
void *prefix_arena_map(size_t size);
void prefix_arena_unmap(void *memory, size_t size);
void prefix_arena_retire_map(struct prefix_garbage *garbage);

// Wait for one grace period and free all that was retired before. Nothing is waited for if nothing
// was retired.
void prefix_arena_reclaim(void);

// No more than this many bytes of blocks and maps, whatever is in use now.
void prefix_arena_limit(size_t size);

// Bytes in use: all that blocks were cut from, and maps.
size_t prefix_arena_size(void);

#endif
