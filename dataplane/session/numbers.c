// SPDX-License-Identifier: BSD-3-Clause
// Which number does the next record get? The one that was free last, so that its memory is warm; a
// new one where none is. Called by session_open.c, limbo.c and quota.c on workers and the main
// thread, each with its own cache. Allocates nothing but in init. Next: limbo.c, where numbers wait
// before they are free.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_common.h>

#define BULK (NUMBERS_CACHE / 2)
// Enough until the next call, however fast it begins and late that comes; then four times what a
// tenth of a second takes.
#define AHEAD UINT64_C(131072)
#define AHEAD_FACTOR UINT64_C(4)
#define WINDOW 10 // calls of numbers_wanted: a tenth of a second

int numbers_init(struct numbers *n, uint32_t max, uint32_t n_used)
{
    memset(n, 0, sizeof(*n));
    n->max = max;
    n->n_ever = n->n_ever_before = n->n_ready = n_used;
    n->stack = memory_reserve((size_t)max * sizeof(n->stack[0]));
    if (n->stack == NULL)
        return -ENOMEM;
    memory_touch(n->stack, 0, n_used * sizeof(n->stack[0]));
    n->n_stack_ready = n_used;
    return 0;
}

void numbers_fini(struct numbers *n)
{
    memory_release(n->stack, (size_t)n->max * sizeof(n->stack[0]));
    n->stack = NULL;
}

static void refill(struct numbers *n, struct numbers_cache *cache)
{
    uint32_t n_ready, n_old, n_new;

    spin_lock(&n->lock);
    n_ready = __atomic_load_n(&n->n_ready, __ATOMIC_ACQUIRE);
    n_old = RTE_MIN(n->n_free, (uint32_t)BULK);
    n_new = RTE_MIN(n_ready - n->n_ever, BULK - n_old);
    // From the end of the cache, which is used first: the lowest of the new ones.
    for (uint32_t i = 0; i < n_new; i++)
        cache->numbers[i] = n->n_ever + n_new - i;
    for (uint32_t i = 0; i < n_old; i++)
        cache->numbers[n_new + i] = n->stack[n->n_free - n_old + i];
    __atomic_store_n(&n->n_free, n->n_free - n_old, __ATOMIC_RELAXED);
    __atomic_store_n(&n->n_ever, n->n_ever + n_new, __ATOMIC_RELEASE);
    spin_unlock(&n->lock);
    cache->n = n_old + n_new;
}

uint32_t numbers_take(struct numbers *n, unsigned thread)
{
    struct numbers_cache *cache = &n->caches[thread];

    if (cache->n == 0)
        refill(n, cache);
    return cache->n > 0 ? cache->numbers[--cache->n] : 0;
}

// The coldest half.
static void spill(struct numbers *n, struct numbers_cache *cache)
{
    spin_lock(&n->lock);
    memcpy(&n->stack[n->n_free], cache->numbers, BULK * sizeof(n->stack[0]));
    __atomic_store_n(&n->n_free, n->n_free + BULK, __ATOMIC_RELAXED);
    spin_unlock(&n->lock);
    cache->n -= BULK;
    memmove(cache->numbers, &cache->numbers[BULK], cache->n * sizeof(cache->numbers[0]));
}

void numbers_give(struct numbers *n, unsigned thread, uint32_t number)
{
    struct numbers_cache *cache = &n->caches[thread];

    if (cache->n == NUMBERS_CACHE)
        spill(n, cache);
    cache->numbers[cache->n++] = number;
}

uint32_t numbers_wanted(struct numbers *n)
{
    uint32_t n_ever = numbers_n_ever(n), n_free = __atomic_load_n(&n->n_free, __ATOMIC_RELAXED);
    uint32_t n_now = n_ever - n->n_ever_before;
    uint64_t ahead = RTE_MAX(AHEAD_FACTOR * RTE_MAX(n_now, n->n_last), AHEAD);

    if (++n->n_calls == WINDOW) {
        n->n_ever_before = n_ever;
        n->n_last = n_now;
        n->n_calls = 0;
    }
    if (n_free >= ahead)
        return n->n_ready;
    return (uint32_t)RTE_MAX((uint64_t)n->n_ready,
                             RTE_MIN((uint64_t)n->max, n_ever + ahead - n_free));
}

void numbers_set_ready(struct numbers *n, uint32_t n_ready)
{
    size_t size = sizeof(n->stack[0]);

    if (n_ready > n->n_stack_ready) {
        memory_touch(n->stack, n->n_stack_ready * size, (n_ready - n->n_stack_ready) * size);
        n->n_stack_ready = n_ready;
    }
    __atomic_store_n(&n->n_ready, n_ready, __ATOMIC_RELEASE);
}
