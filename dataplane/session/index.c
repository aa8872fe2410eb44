// SPDX-License-Identifier: BSD-3-Clause
// Which number belongs to a hash? Called on workers by find.c (readers), table.c and quota.c
// (writers), on the main thread too. What readers and writers owe each other is told in table.h.
// Allocates nothing but in init; what is locked is unlocked within some dozen instructions. Next:
// table.c, which says whose number it is.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_common.h>

#define MIN_BUCKETS 1024
#define OVERFLOW_SHARE 4 // one overflow line for so many buckets
#define MIN_OVERFLOW 1024
#define AHEAD_OVERFLOW 8192
#define LINE_SIZE sizeof(struct index_line)

static uint32_t buckets_for(const struct index *x, uint32_t n_entries)
{
    uint32_t n = n_entries / INDEX_LOAD + 1;

    return RTE_MAX(RTE_MIN(n, x->max_buckets), (uint32_t)MIN_BUCKETS);
}

int index_init(struct index *x, uint32_t max_entries, uint32_t n_entries)
{
    memset(x, 0, sizeof(*x));
    x->max_buckets = RTE_MAX(max_entries / INDEX_LOAD + 1, (uint32_t)MIN_BUCKETS);
    x->max_overflow = x->max_buckets / OVERFLOW_SHARE + MIN_OVERFLOW;
    x->buckets = memory_reserve(x->max_buckets * LINE_SIZE);
    x->overflow = memory_reserve((x->max_overflow + 1) * LINE_SIZE);
    if (x->buckets == NULL || x->overflow == NULL) {
        index_fini(x);
        return -ENOMEM;
    }
    x->n_buckets = buckets_for(x, n_entries);
    index_tend(x, n_entries);
    return 0;
}

void index_fini(struct index *x)
{
    memory_release(x->buckets, x->max_buckets * LINE_SIZE);
    memory_release(x->overflow, (x->max_overflow + 1) * LINE_SIZE);
    x->buckets = NULL;
    x->overflow = NULL;
}

void index_tend(struct index *x, uint32_t n_entries)
{
    uint32_t n = buckets_for(x, n_entries), ever;

    if (n > x->n_ready) {
        memory_touch(x->buckets, x->n_ready * LINE_SIZE, (n - x->n_ready) * LINE_SIZE);
        __atomic_store_n(&x->n_ready, n, __ATOMIC_RELEASE);
    }
    ever = __atomic_load_n(&x->overflow_ever, __ATOMIC_RELAXED);
    n = RTE_MIN(x->max_overflow, ever + AHEAD_OVERFLOW);
    if (n > x->overflow_ready) {
        memory_touch(x->overflow, x->overflow_ready * LINE_SIZE,
                     (n + 1 - x->overflow_ready) * LINE_SIZE);
        __atomic_store_n(&x->overflow_ready, n, __ATOMIC_RELEASE);
    }
}

static int try_lock_line(struct index_line *line)
{
    uint32_t sequence = __atomic_load_n(&line->sequence, __ATOMIC_RELAXED);

    if ((sequence & 1) != 0 ||
        !__atomic_compare_exchange_n(&line->sequence, &sequence, sequence + 1, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return 0;
    // Nothing that is written to the entries may be seen before the odd sequence.
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 1;
}

static void lock_line(struct index_line *line)
{
    while (!try_lock_line(line))
        rte_pause();
}

void index_unlock(struct index_line *line)
{
    __atomic_store_n(&line->sequence, line->sequence + 1, __ATOMIC_RELEASE);
}

struct index_line *index_lock(struct index *x, uint32_t hash)
{
    for (;;) {
        struct index_line *line = index_line(x, hash);

        lock_line(line);
        // A split moves nothing away while the lock is held.
        if (index_line(x, hash) == line)
            return line;
        index_unlock(line);
    }
}

void index_lock_two(struct index *x, const uint32_t hashes[2], struct index_line *lines[2])
{
    for (;;) {
        lines[0] = index_line(x, hashes[0]);
        lines[1] = index_line(x, hashes[1]);
        lock_line(RTE_MIN(lines[0], lines[1]));
        if (lines[0] != lines[1])
            lock_line(RTE_MAX(lines[0], lines[1]));
        if (index_line(x, hashes[0]) == lines[0] && index_line(x, hashes[1]) == lines[1])
            return;
        index_unlock_two(lines);
    }
}

void index_unlock_two(struct index_line *const lines[2])
{
    index_unlock(lines[0]);
    if (lines[1] != lines[0])
        index_unlock(lines[1]);
}

static uint64_t load(const uint64_t *entry)
{
    return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

static void store(uint64_t *entry, uint64_t value)
{
    __atomic_store_n(entry, value, __ATOMIC_RELAXED);
}

static struct index_line *next_line(const struct index *x, const struct index_line *line)
{
    uint32_t next = __atomic_load_n(&line->next, __ATOMIC_RELAXED);

    return next != 0 ? &x->overflow[next] : NULL;
}

uint32_t index_next(struct index_cursor *cursor, uint32_t hash)
{
    while (cursor->line != NULL) {
        while (cursor->slot < INDEX_ENTRIES) {
            uint64_t entry = load(&cursor->line->entries[cursor->slot++]);

            if (entry >> 32 == hash && (uint32_t)entry != 0)
                return (uint32_t)entry;
        }
        cursor->line = next_line(cursor->index, cursor->line);
        cursor->slot = 0;
        if (++cursor->n_lines >= INDEX_MAX_LINES)
            return 0;
    }
    return 0;
}

// 0: none.
static uint32_t take_overflow(struct index *x)
{
    uint32_t number = 0;

    spin_lock(&x->overflow_lock);
    if (x->overflow_free != 0) {
        number = x->overflow_free;
        x->overflow_free = __atomic_load_n(&x->overflow[number].next, __ATOMIC_RELAXED);
        __atomic_store_n(&x->overflow[number].next, 0, __ATOMIC_RELAXED);
    } else if (x->overflow_ever < __atomic_load_n(&x->overflow_ready, __ATOMIC_ACQUIRE)) {
        number = x->overflow_ever + 1;
        __atomic_store_n(&x->overflow_ever, number, __ATOMIC_RELAXED);
    }
    spin_unlock(&x->overflow_lock);
    return number;
}

// A reader who stands on it goes astray; that he does is told by the sequence of his bucket.
static void give_overflow(struct index *x, uint32_t number)
{
    spin_lock(&x->overflow_lock);
    __atomic_store_n(&x->overflow[number].next, x->overflow_free, __ATOMIC_RELAXED);
    x->overflow_free = number;
    spin_unlock(&x->overflow_lock);
}

static int add_entry(struct index *x, struct index_line *line, uint64_t entry)
{
    for (unsigned n = 0; n < INDEX_MAX_LINES; n++) {
        struct index_line *next;
        uint32_t number;

        for (unsigned i = 0; i < INDEX_ENTRIES; i++) {
            if (load(&line->entries[i]) == 0) {
                store(&line->entries[i], entry);
                return 0;
            }
        }
        next = next_line(x, line);
        if (next == NULL && n + 1 < INDEX_MAX_LINES) {
            number = take_overflow(x);
            if (number == 0)
                return -ENOMEM;
            next = &x->overflow[number];
            store(&next->entries[0], entry);
            __atomic_store_n(&line->next, number, __ATOMIC_RELEASE);
            return 0;
        }
        line = next;
    }
    return -ENOMEM;
}

int index_add(struct index *x, struct index_line *line, uint32_t hash, uint32_t value)
{
    return add_entry(x, line, (uint64_t)hash << 32 | value);
}

// Entries stand without a gap from the bucket's own line on: the last one goes into the hole. 1: it
// was the last one itself.
static int fill_hole(struct index *x, struct index_line *line, uint64_t *hole)
{
    struct index_line *before = NULL, *next;
    unsigned last = 0;
    int is_last;

    while ((next = next_line(x, line)) != NULL) {
        before = line;
        line = next;
    }
    while (last + 1 < INDEX_ENTRIES && load(&line->entries[last + 1]) != 0)
        last++;
    is_last = hole == &line->entries[last];
    store(hole, load(&line->entries[last]));
    store(&line->entries[last], 0);
    if (last == 0 && before != NULL) {
        uint32_t number = before->next;

        __atomic_store_n(&before->next, 0, __ATOMIC_RELAXED);
        give_overflow(x, number);
    }
    return is_last;
}

int index_has(const struct index *x, const struct index_line *line, uint32_t hash, uint32_t value)
{
    struct index_cursor cursor = index_begin(x, line);
    uint32_t found;

    while ((found = index_next(&cursor, hash)) != 0)
        if (found == value)
            return 1;
    return 0;
}

void index_del(struct index *x, struct index_line *line, uint32_t hash, uint32_t value)
{
    uint64_t entry = (uint64_t)hash << 32 | value;

    for (struct index_line *at = line; at != NULL; at = next_line(x, at)) {
        for (unsigned i = 0; i < INDEX_ENTRIES; i++) {
            if (load(&at->entries[i]) == entry) {
                fill_hole(x, line, &at->entries[i]);
                return;
            }
        }
    }
}

static int belongs_to(uint64_t entry, uint32_t bucket, uint32_t mask)
{
    return entry != 0 && ((uint32_t)(entry >> 32) & mask) == bucket;
}

// Overflow lines for all that will be moved to `to`. -ENOMEM: none were taken.
static int prepare(struct index *x, const struct index_line *from, struct index_line *to,
                   uint32_t mask)
{
    uint32_t added = (uint32_t)(to - x->buckets), n = 0;

    for (; from != NULL; from = next_line(x, from))
        for (unsigned i = 0; i < INDEX_ENTRIES; i++)
            n += (uint32_t)belongs_to(load(&from->entries[i]), added, mask);
    while (n > INDEX_ENTRIES) {
        uint32_t number = take_overflow(x);

        if (number == 0)
            goto give_back;
        // Nobody reads it yet: the order of lines is of no matter.
        x->overflow[number].next = to->next;
        to->next = number;
        n -= INDEX_ENTRIES;
    }
    return 0;

give_back:
    while (to->next != 0) {
        uint32_t number = to->next;

        to->next = x->overflow[number].next;
        give_overflow(x, number);
    }
    return -ENOMEM;
}

static void move_entries(struct index *x, struct index_line *from, struct index_line *to,
                         uint32_t mask)
{
    uint32_t added = (uint32_t)(to - x->buckets);

    for (struct index_line *line = from; line != NULL; line = next_line(x, line)) {
        for (unsigned i = 0; i < INDEX_ENTRIES; i++) {
            // Another one may take its place, that may have to go, too.
            while (belongs_to(load(&line->entries[i]), added, mask)) {
                add_entry(x, to, load(&line->entries[i]));
                if (fill_hole(x, from, &line->entries[i]))
                    return;
            }
        }
    }
}

// Under grow_lock. Returns 0: not now.
static int split(struct index *x)
{
    uint32_t added = x->n_buckets;
    uint32_t base = UINT32_C(1) << (31 - __builtin_clz(added));
    struct index_line *from = &x->buckets[added - base], *to = &x->buckets[added];
    int rc;

    lock_line(from);
    lock_line(to); // nobody else can be there before n_buckets says that it exists
    rc = prepare(x, from, to, 2 * base - 1);
    if (rc == 0) {
        move_entries(x, from, to, 2 * base - 1);
        __atomic_store_n(&x->n_buckets, added + 1, __ATOMIC_RELEASE);
    }
    index_unlock(to);
    index_unlock(from);
    return rc == 0;
}

void index_grow(struct index *x, uint32_t n_entries, unsigned n)
{
    uint32_t wanted = RTE_MIN(buckets_for(x, n_entries), x->max_buckets);

    wanted = RTE_MIN(wanted, __atomic_load_n(&x->n_ready, __ATOMIC_ACQUIRE));
    if (__atomic_load_n(&x->n_buckets, __ATOMIC_RELAXED) >= wanted ||
        __atomic_exchange_n(&x->grow_lock, 1, __ATOMIC_ACQUIRE) != 0)
        return; // another one does it
    while (n-- > 0 && x->n_buckets < wanted && split(x))
        ;
    spin_unlock(&x->grow_lock);
}
