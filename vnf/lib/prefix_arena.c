// SPDX-License-Identifier: BSD-3-Clause
// Where does a prefix table get memory, and when is it free again? One range of addresses for all
// tables, backed by memory as it grows. It is cut into slabs of 4 KiB; a slab holds blocks of one
// size, and one that holds none any more serves any other size. Main thread only: blocks that
// workers may still look at wait in a list until prefix_arena_reclaim. Called by prefix_node.c.

#include "vnf/lib/prefix_arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "dataplane/core/qsbr.h"

#define SLAB_UNITS 512U
#define SLAB_SIZE (SLAB_UNITS * (size_t)PREFIX_ARENA_UNIT)
#define HUGE_SIZE ((size_t)2 << 20)
#define COMMIT_SLABS (HUGE_SIZE / SLAB_SIZE) // backed by memory at once
#define MAX_SIZE ((size_t)32 << 30)          // all that 32 bits can name
#define MIN_SIZE ((size_t)64 << 20)
#define MAX_RETIRED 16384
#define MAP_FROM ((size_t)64 << 10) // below that malloc

// The first two units of a slab.
struct slab {
    uint32_t next, prev; // slabs of the same size with room, or free slabs; 0: none
    uint16_t n_used;     // blocks
    uint16_t free_unit;  // the first free block, 0: none; a free block begins with the next one
    uint16_t fresh_unit; // what lies behind was never used
    uint16_t n_units;    // of a block
};

#define LINE_UNITS (RTE_CACHE_LINE_SIZE / PREFIX_ARENA_UNIT)
#define HEADER_UNITS (sizeof(struct slab) / PREFIX_ARENA_UNIT)
_Static_assert(sizeof(struct slab) == 2 * PREFIX_ARENA_UNIT, "blocks begin at a unit");

static struct {
    uint32_t n_slabs;                             // ever used, slab 0 is not
    uint32_t n_committed, n_reserved;             // slabs
    uint32_t free_slab;                           // list
    uint32_t n_free_slabs;                        //
    uint32_t partial[PREFIX_ARENA_MAX_UNITS + 1]; // lists of slabs with room, by size of block
    uint32_t spare;                               // block
    uint32_t n_retired;                           //
    uint32_t retired[MAX_RETIRED];                // blocks
    struct prefix_garbage *garbage;               // maps
    size_t map_size;                              // bytes
    size_t limit;                                 // bytes
} arena = {.limit = SIZE_MAX};

uint64_t *prefix_arena_base;

static struct slab *slab_at(uint32_t number)
{
    return (struct slab *)(void *)(prefix_arena_base + (size_t)number * SLAB_UNITS);
}

static uint32_t slab_of(uint32_t ref)
{
    return ref / SLAB_UNITS;
}

static void list_add(uint32_t *head, uint32_t number)
{
    struct slab *s = slab_at(number);

    s->prev = 0;
    s->next = *head;
    if (*head != 0)
        slab_at(*head)->prev = number;
    *head = number;
}

static void list_del(uint32_t *head, uint32_t number)
{
    struct slab *s = slab_at(number);

    if (s->prev != 0)
        slab_at(s->prev)->next = s->next;
    else
        *head = s->next;
    if (s->next != 0)
        slab_at(s->next)->prev = s->prev;
}

int prefix_arena_init(void)
{
    size_t size = MAX_SIZE;
    char *base = MAP_FAILED;

    if (prefix_arena_base != NULL)
        return 0;
    // Addresses without memory: a process may be short of them, or not be given so many.
    for (; size >= MIN_SIZE && base == MAP_FAILED; size /= 2)
        base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -ENOMEM;
    size *= 2; // what the last turn asked for
    arena.n_reserved = (uint32_t)((size - HUGE_SIZE) / SLAB_SIZE);
    base += -(uintptr_t)base & (HUGE_SIZE - 1);
    (void)madvise(base, size - HUGE_SIZE, MADV_HUGEPAGE); // only quicker: no matter if refused
    prefix_arena_base = (uint64_t *)(void *)base;
    arena.n_slabs = 1;
    arena.spare = prefix_arena_alloc(PREFIX_ARENA_MAX_UNITS);
    if (arena.spare == 0) {
        munmap(base, size - HUGE_SIZE);
        prefix_arena_base = NULL;
        return -ENOMEM;
    }
    return 0;
}

size_t prefix_arena_size(void)
{
    return (arena.n_slabs - arena.n_free_slabs) * SLAB_SIZE + arena.map_size;
}

void prefix_arena_limit(size_t size)
{
    arena.limit = size;
}

static int has_room(size_t size)
{
    return prefix_arena_size() + size <= arena.limit;
}

// Back the next slabs with memory. Returns whether there is some.
static int commit(void)
{
    char *from = (char *)slab_at(arena.n_committed);

    if (arena.n_committed + COMMIT_SLABS > arena.n_reserved ||
        mprotect(from, COMMIT_SLABS * SLAB_SIZE, PROT_READ | PROT_WRITE) != 0)
        return 0;
    arena.n_committed += (uint32_t)COMMIT_SLABS;
    return 1;
}

// The first block of a slab, behind its header.
static unsigned first_unit(unsigned n_units)
{
    return n_units <= LINE_UNITS ? RTE_MAX(n_units, (unsigned)HEADER_UNITS) : HEADER_UNITS;
}

// A slab for blocks of n_units, with room. 0: no memory.
static uint32_t slab_get(unsigned n_units)
{
    uint32_t number = arena.free_slab;
    struct slab *s;

    if (!has_room(SLAB_SIZE))
        return 0;
    if (number != 0) {
        list_del(&arena.free_slab, number);
        arena.n_free_slabs--;
    } else if (arena.n_slabs < arena.n_committed || commit()) {
        number = arena.n_slabs++;
    } else {
        return 0;
    }
    s = slab_at(number);
    *s = (struct slab){.n_units = (uint16_t)n_units, .fresh_unit = (uint16_t)first_unit(n_units)};
    list_add(&arena.partial[n_units], number);
    return number;
}

static int is_full(const struct slab *s)
{
    return s->free_unit == 0 && s->fresh_unit + s->n_units > (int)SLAB_UNITS;
}

static uint32_t take_from(uint32_t number)
{
    struct slab *s = slab_at(number);
    uint32_t unit = s->free_unit;

    if (unit != 0) {
        s->free_unit = (uint16_t)((uint64_t *)(void *)s)[unit];
    } else {
        unit = s->fresh_unit;
        s->fresh_unit = (uint16_t)(unit + s->n_units);
    }
    s->n_used++;
    if (is_full(s))
        list_del(&arena.partial[s->n_units], number);
    return number * SLAB_UNITS + unit;
}

// A worker waits for each cache line that it reads, so a block that fits into one lies in one.
static unsigned whole_line(unsigned n_units)
{
    return n_units <= LINE_UNITS ? rte_align32pow2(n_units) : n_units;
}

uint32_t prefix_arena_alloc(unsigned n_units)
{
    uint32_t number;

    n_units = whole_line(n_units);
    number = arena.partial[n_units];
    if (number == 0)
        number = slab_get(n_units);
    return number != 0 ? take_from(number) : 0;
}

static uint32_t alloc_bigger(unsigned n_units)
{
    for (; n_units <= PREFIX_ARENA_MAX_UNITS; n_units++)
        if (arena.partial[n_units] != 0)
            return take_from(arena.partial[n_units]);
    return 0;
}

uint32_t prefix_arena_alloc_hard(unsigned n_units)
{
    uint32_t ref = prefix_arena_alloc(n_units);

    if (ref == 0)
        ref = alloc_bigger(n_units);
    if (ref == 0) {
        prefix_arena_reclaim();
        ref = alloc_bigger(n_units);
    }
    return ref != 0 ? ref : arena.spare;
}

int prefix_arena_is_spare(uint32_t ref)
{
    return ref == arena.spare;
}

unsigned prefix_arena_n_units(uint32_t ref)
{
    return slab_at(slab_of(ref))->n_units;
}

void prefix_arena_free(uint32_t ref)
{
    uint32_t number = slab_of(ref);
    struct slab *s = slab_at(number);
    uint32_t *partial = &arena.partial[s->n_units];

    if (is_full(s))
        list_add(partial, number);
    *prefix_arena_block(ref) = s->free_unit;
    s->free_unit = (uint16_t)(ref % SLAB_UNITS);
    if (--s->n_used == 0) {
        list_del(partial, number);
        list_add(&arena.free_slab, number);
        arena.n_free_slabs++;
    }
}

void prefix_arena_retire(uint32_t ref)
{
    if (arena.n_retired == MAX_RETIRED)
        prefix_arena_reclaim();
    arena.retired[arena.n_retired++] = ref;
}

int prefix_arena_reserve(size_t n_units)
{
    // A slab that is cut up holds at least half of what it could, and each size may begin one.
    size_t n_slabs = n_units * 2 / SLAB_UNITS + PREFIX_ARENA_MAX_UNITS;

    if (!has_room(n_slabs * SLAB_SIZE))
        return 0;
    while (arena.n_free_slabs + (arena.n_committed - arena.n_slabs) < n_slabs)
        if (!commit())
            return 0;
    return 1;
}

void *prefix_arena_map(size_t size)
{
    void *memory;

    if (!has_room(size))
        return NULL;
    if (size < MAP_FROM) {
        memory = calloc(1, size);
    } else {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            memory = NULL;
        else if (size >= HUGE_SIZE)
            (void)madvise(memory, size, MADV_HUGEPAGE);
    }
    if (memory != NULL)
        arena.map_size += size;
    return memory;
}

void prefix_arena_unmap(void *memory, size_t size)
{
    arena.map_size -= size;
    if (size < MAP_FROM)
        free(memory);
    else
        munmap(memory, size);
}

void prefix_arena_retire_map(struct prefix_garbage *garbage)
{
    garbage->next = arena.garbage;
    arena.garbage = garbage;
}

void prefix_arena_reclaim(void)
{
    if (arena.n_retired == 0 && arena.garbage == NULL)
        return;
    qsbr_wait();
    for (uint32_t i = 0; i < arena.n_retired; i++)
        prefix_arena_free(arena.retired[i]);
    arena.n_retired = 0;
    while (arena.garbage != NULL) {
        struct prefix_garbage *garbage = arena.garbage;

        arena.garbage = garbage->next;
        prefix_arena_unmap(garbage, garbage->size);
    }
}
