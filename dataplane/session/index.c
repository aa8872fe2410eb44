// SPDX-License-Identifier: BSD-3-Clause
// Which number belongs to a hash? Called on workers by find.c (readers), table.c and quota.c
// (writers), on the main thread too. What readers and writers owe each other is told in table.h.
// Allocates nothing but in init; what is locked is unlocked within some dozen instructions. Next:
// table.c, which says whose number it is.

#include "dataplane/session/table.h"

#include <errno.h>

#include <rte_common.h>
#include <rte_prefetch.h>

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
    __atomic_thread_fence(__ATOMIC_RELEASE);
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
        uint32_t value = index_first(cursor->line, hash, &cursor->slot);

        if (value != 0)
            return value;
        cursor->line = next_line(cursor->index, cursor->line);
        cursor->slot = 0;
        if (++cursor->n_lines >= INDEX_MAX_LINES)
            return 0;
    }
    return 0;
}

// The first free entry of a line; INDEX_ENTRIES: none. The line is locked.
static unsigned first_free(const struct index_line *line)
{
    return (unsigned)__builtin_ctz(index_match(line, 0, 0) | 1U << INDEX_ENTRIES);
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

int index_add(struct index *x, struct index_line *line, uint32_t hash, uint32_t value)
{
    uint64_t entry = (uint64_t)hash << 32 | value;

    for (unsigned n = 0; n < INDEX_MAX_LINES; n++) {
        unsigned i = first_free(line);
        struct index_line *next;
        uint32_t number;

        if (i < INDEX_ENTRIES) {
            store(&line->entries[i], entry);
            return 0;
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

// Entries stand without a gap from the bucket's own line on: the last one goes into the hole.
static void fill_hole(struct index *x, struct index_line *line, uint64_t *hole)
{
    struct index_line *before = NULL, *next;
    unsigned last;

    while ((next = next_line(x, line)) != NULL) {
        before = line;
        line = next;
    }
    last = first_free(line) - 1;
    store(hole, load(&line->entries[last]));
    store(&line->entries[last], 0);
    if (last == 0 && before != NULL) {
        uint32_t number = before->next;

        __atomic_store_n(&before->next, 0, __ATOMIC_RELAXED);
        give_overflow(x, number);
    }
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
        unsigned bits = index_match(at, value, 0);

        for (; bits != 0; bits &= bits - 1) {
            uint64_t *found = &at->entries[__builtin_ctz(bits)];

            if (load(found) != entry)
                continue;
            fill_hole(x, line, found);
            return;
        }
    }
}

// Entries of a line that have the bit go; `to` is empty.
static void move_line(struct index_line *from, struct index_line *to, uint32_t bit)
{
    unsigned n_kept = 0, n_gone = 0;

    for (unsigned i = 0; i < INDEX_ENTRIES; i++) {
        uint64_t entry = load(&from->entries[i]);
        unsigned is_gone = (entry >> 32 & bit) != 0;

        store(&from->entries[n_kept], entry);
        store(&to->entries[n_gone], entry);
        n_kept += !is_gone;
        n_gone += is_gone;
    }
    if (n_gone < INDEX_ENTRIES)
        store(&to->entries[n_gone], 0); // behind it there was nothing yet
    for (unsigned i = n_kept; i < INDEX_ENTRIES; i++)
        store(&from->entries[i], 0);
}

// Into a bucket, if need be with the first of the spare lines.
static void place(struct index *x, struct index_line *line, uint64_t entry, uint32_t *spare)
{
    struct index_line *next;
    unsigned i;

    while ((next = next_line(x, line)) != NULL)
        line = next;
    i = first_free(line);
    if (i == INDEX_ENTRIES) {
        __atomic_store_n(&line->next, *spare, __ATOMIC_RELAXED);
        line = &x->overflow[*spare];
        *spare = line->next;
        __atomic_store_n(&line->next, 0, __ATOMIC_RELAXED);
        i = 0;
    }
    store(&line->entries[i], entry);
}

// What hangs on a bucket that is split. Of k lines that it had, the two need k at most.
static void move_more(struct index *x, struct index_line *const lines[2], uint32_t more,
                      uint32_t bit)
{
    uint32_t spare = 0;

    while (more != 0) {
        struct index_line *line = &x->overflow[more];
        uint32_t number = more;
        uint64_t entries[INDEX_ENTRIES];

        memcpy(entries, line->entries, sizeof(entries));
        for (unsigned i = 0; i < INDEX_ENTRIES; i++)
            store(&line->entries[i], 0);
        more = line->next;
        __atomic_store_n(&line->next, spare, __ATOMIC_RELAXED);
        spare = number;
        for (unsigned i = 0; i < INDEX_ENTRIES && entries[i] != 0; i++)
            place(x, lines[(entries[i] >> 32 & bit) != 0], entries[i], &spare);
    }
    while (spare != 0) {
        uint32_t number = spare;

        spare = x->overflow[number].next;
        give_overflow(x, number);
    }
}

// Under grow_lock.
static void split(struct index *x)
{
    uint32_t added = x->n_buckets, more;
    uint32_t bit = UINT32_C(1) << (31 - __builtin_clz(added));
    struct index_line *const lines[2] = {&x->buckets[added - bit], &x->buckets[added]};

    // For the next time.
    rte_prefetch0(lines[0] + INDEX_SPLITS);
    rte_prefetch0(lines[1] + INDEX_SPLITS);
    lock_line(lines[0]);
    lock_line(lines[1]); // nobody else can be there before n_buckets says that it exists
    more = lines[0]->next;
    __atomic_store_n(&lines[0]->next, 0, __ATOMIC_RELAXED);
    move_line(lines[0], lines[1], bit);
    if (more != 0)
        move_more(x, lines, more, bit);
    __atomic_store_n(&x->n_buckets, added + 1, __ATOMIC_RELEASE);
    index_unlock_two(lines);
}

void index_split(struct index *x, uint32_t n_entries)
{
    uint32_t wanted = RTE_MIN(buckets_for(x, n_entries), x->max_buckets);

    wanted = RTE_MIN(wanted, __atomic_load_n(&x->n_ready, __ATOMIC_ACQUIRE));
    if (__atomic_load_n(&x->n_buckets, __ATOMIC_RELAXED) >= wanted ||
        __atomic_exchange_n(&x->grow_lock, 1, __ATOMIC_ACQUIRE) != 0)
        return; // another one does it
    for (unsigned i = 0; i < INDEX_SPLITS && x->n_buckets < wanted; i++)
        split(x);
    spin_unlock(&x->grow_lock);
}
