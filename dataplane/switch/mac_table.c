// SPDX-License-Identifier: BSD-3-Clause
// Where is a MAC kept, and who counts it? Workers call mac_table_learn for sources that the quick
// check in the header did not find; the main thread adds static entries, removes and lists. No
// allocation but in create; a worker never waits for a lock. Used by process.c, age.c, activate.c.

#include "dataplane/switch/mac_table.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <rte_pause.h>

// There is a bucket of four for each MAC: then one in 20,000 finds both of its buckets full. In a
// small table none does.
#define MIN_BUCKETS 1024
#define HUGE_SIZE (2UL << 20)
#define MAX_EVICTIONS 16

// Where a key is, or may be put.
struct place {
    struct mac_bucket *first; // whose lock is held
    struct mac_bucket *b;
    int i; // -1: nowhere
};

int mac_table_create(uint32_t size, const void *owner, struct mac_table **table)
{
    size_t header = RTE_ALIGN_CEIL(sizeof(struct mac_table), sizeof(struct mac_bucket));
    uint32_t n_buckets = rte_align32pow2(RTE_MAX(size, (uint32_t)MIN_BUCKETS));
    size_t map_size = header + n_buckets * sizeof(struct mac_bucket);
    struct mac_table *t =
        mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (t == MAP_FAILED)
        return -ENOMEM;
    if (map_size >= HUGE_SIZE)
        (void)madvise(t, map_size, MADV_HUGEPAGE); // only quicker: no matter if it is refused
    if (getrandom(t->seed, sizeof(t->seed), 0) != (ssize_t)sizeof(t->seed)) {
        munmap(t, map_size);
        return -ENOMEM;
    }
    t->seed[1] |= 1; // a factor of 0 would map all to one bucket
    t->seed[3] |= 1;
    t->buckets = (struct mac_bucket *)(void *)((char *)t + header);
    t->mask = n_buckets - 1;
    t->size = size;
    t->owner = owner;
    t->map_size = map_size;
    *table = t;
    return 0;
}

void mac_table_destroy(struct mac_table *table)
{
    if (table != NULL)
        munmap(table, table->map_size);
}

void mac_table_set_port(struct mac_table *table, uint16_t member, uint16_t port)
{
    __atomic_store_n(&table->port_of_member[member], port, __ATOMIC_RELAXED);
}

static uint16_t port_of(const struct mac_table *table, uint64_t entry)
{
    return __atomic_load_n(&table->port_of_member[entry & MAC_MEMBER], __ATOMIC_RELAXED);
}

static int try_lock(struct mac_bucket *b)
{
    return __atomic_exchange_n(&b->lock, 1, __ATOMIC_ACQUIRE) == 0;
}

static void unlock(struct mac_bucket *b)
{
    __atomic_store_n(&b->lock, 0, __ATOMIC_RELEASE);
}

// Main thread only: holders are workers, for a few instructions.
static void lock(struct mac_bucket *b)
{
    while (!try_lock(b))
        rte_pause();
}

// Take one of `limit`. Two that meet at the limit may both be refused, never both be let in.
static int take(uint32_t *count, uint32_t limit)
{
    if (__atomic_load_n(count, __ATOMIC_RELAXED) >= limit)
        return 0;
    if (__atomic_fetch_add(count, 1, __ATOMIC_RELAXED) < limit)
        return 1;
    __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
    return 0;
}

static void give_back(uint32_t *count)
{
    __atomic_fetch_sub(count, 1, __ATOMIC_RELAXED);
}

// Flows that rely on where it was look again.
static void tell(const struct mac_table *table, uint64_t entry)
{
    walk_version_bump(mac_table_place(table, entry & MAC_ADDRESS));
}

// Where a key is. Its lock is held, so it stays there.
static struct place locate(const struct mac_table *table, uint64_t key, uint64_t hash)
{
    struct mac_bucket *first = mac_bucket_first(table, hash);
    struct place place = {first, first, mac_bucket_match(first, key, MAC_ADDRESS)};

    if (place.i < 0 && __atomic_load_n(&first->n_spilled, __ATOMIC_RELAXED) != 0) {
        place.b = mac_bucket_second(table, hash);
        place.i = mac_bucket_match(place.b, key, MAC_ADDRESS);
    }
    return place;
}

// Claim an empty place of a bucket for an entry. Other MACs, under other locks, may want it too.
static int claim(struct mac_bucket *b, uint64_t entry, uint32_t now_sec)
{
    int i;

    while ((i = mac_bucket_match(b, 0, UINT64_MAX)) >= 0) {
        uint64_t empty = 0;

        // Before the entry, so that nobody takes the last tenant's age for the new one's.
        __atomic_store_n(&b->seen_sec[i], now_sec, __ATOMIC_RELAXED);
        if (__atomic_compare_exchange_n(&b->entry[i], &empty, entry, 0, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
            return 1;
    }
    return 0;
}

// Put a new entry into its first bucket, or its second. The lock is held. Returns whether it fits.
static int put(struct mac_table *table, uint64_t entry, uint64_t hash, uint32_t now_sec)
{
    struct mac_bucket *first = mac_bucket_first(table, hash);

    if (claim(first, entry, now_sec))
        return 1;
    // Readers look into the second bucket as soon as they may find it there.
    __atomic_fetch_add(&first->n_spilled, 1, __ATOMIC_RELEASE);
    if (claim(mac_bucket_second(table, hash), entry, now_sec))
        return 1;
    __atomic_fetch_sub(&first->n_spilled, 1, __ATOMIC_RELAXED);
    return 0;
}

static enum mac_learned add_new(struct mac_table *table, uint64_t entry, uint64_t hash,
                                uint32_t limit, uint32_t now_sec)
{
    uint32_t *n_learned = &table->n_learned[port_of(table, entry)];

    if (!take(n_learned, limit))
        return MAC_PORT_FULL;
    if (!take(&table->n_entries, table->size)) {
        give_back(n_learned);
        return MAC_TABLE_FULL;
    }
    if (!put(table, entry, hash, now_sec)) {
        give_back(&table->n_entries);
        give_back(n_learned);
        return MAC_TABLE_FULL;
    }
    return MAC_LEARNED;
}

// The entry at `place` becomes `entry`: both ports' counts follow.
static enum mac_learned move(struct mac_table *table, struct place place, uint64_t entry,
                             uint32_t limit, uint32_t now_sec)
{
    uint64_t old = __atomic_load_n(&place.b->entry[place.i], __ATOMIC_RELAXED);
    uint16_t from = port_of(table, old), to = port_of(table, entry);

    if (old & MAC_STATIC)
        return (old & MAC_MEMBER) == (entry & MAC_MEMBER) ? MAC_KNOWN : MAC_STATIC_ELSEWHERE;
    if (old != entry && from != to) {
        if (!take(&table->n_learned[to], limit))
            return MAC_PORT_FULL;
        give_back(&table->n_learned[from]);
    }
    __atomic_store_n(&place.b->seen_sec[place.i], now_sec, __ATOMIC_RELAXED);
    if (old == entry)
        return MAC_KNOWN;
    __atomic_store_n(&place.b->entry[place.i], entry, __ATOMIC_RELEASE);
    tell(table, entry);
    return MAC_LEARNED;
}

enum mac_learned mac_table_learn(struct mac_table *table, uint64_t key, uint16_t member,
                                 uint32_t limit, uint32_t now_sec)
{
    uint64_t hash = mac_hash(table, key);
    uint64_t old = mac_table_find(table, key, hash);
    uint64_t entry = key | member;
    enum mac_learned result;
    struct place place;

    // What a lock would not change: a flood of MACs at the limit is turned away here.
    if (old & MAC_STATIC)
        return (old & MAC_MEMBER) == member ? MAC_KNOWN : MAC_STATIC_ELSEWHERE;
    if (old == 0 &&
        __atomic_load_n(&table->n_learned[port_of(table, entry)], __ATOMIC_RELAXED) >= limit)
        return MAC_PORT_FULL;

    if (!try_lock(mac_bucket_first(table, hash)))
        return MAC_BUSY;
    place = locate(table, key, hash);
    result = place.i >= 0 ? move(table, place, entry, limit, now_sec)
                          : add_new(table, entry, hash, limit, now_sec);
    unlock(place.first);
    return result;
}

void mac_table_del(struct mac_table *table, uint64_t entry)
{
    uint64_t key = entry & MAC_ADDRESS;
    uint64_t hash = mac_hash(table, key);
    uint16_t port = port_of(table, entry);
    struct place place;

    lock(mac_bucket_first(table, hash));
    place = locate(table, key, hash);
    if (place.i >= 0 && __atomic_load_n(&place.b->entry[place.i], __ATOMIC_RELAXED) == entry) {
        __atomic_store_n(&place.b->entry[place.i], 0, __ATOMIC_RELEASE);
        tell(table, entry);
        if (place.b != place.first)
            __atomic_fetch_sub(&place.first->n_spilled, 1, __ATOMIC_RELAXED);
        give_back(&table->n_entries);
        give_back(entry & MAC_STATIC ? &table->n_static[port] : &table->n_learned[port]);
    }
    unlock(place.first);
}

// Add or turn static what is there. Returns whether there was room.
static int put_static(struct mac_table *table, uint64_t entry, uint64_t hash)
{
    uint32_t *n_static = &table->n_static[port_of(table, entry)];
    struct place place;
    int done = 1;

    lock(mac_bucket_first(table, hash));
    place = locate(table, entry & MAC_ADDRESS, hash);
    if (place.i >= 0) {
        uint64_t old = __atomic_load_n(&place.b->entry[place.i], __ATOMIC_RELAXED);
        uint16_t from = port_of(table, old);

        give_back(old & MAC_STATIC ? &table->n_static[from] : &table->n_learned[from]);
        __atomic_store_n(&place.b->entry[place.i], entry, __ATOMIC_RELEASE);
        if (old != entry)
            tell(table, entry);
        __atomic_fetch_add(n_static, 1, __ATOMIC_RELAXED);
    } else if (put(table, entry, hash, 0)) {
        __atomic_fetch_add(n_static, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&table->n_entries, 1, __ATOMIC_RELAXED);
    } else {
        done = 0;
    }
    unlock(place.first);
    return done;
}

// Remove one learned entry of a bucket. Returns whether there was one.
static int evict(struct mac_table *table, const struct mac_bucket *b)
{
    for (unsigned i = 0; i < MAC_BUCKET_SIZE; i++) {
        uint64_t entry = __atomic_load_n(&b->entry[i], __ATOMIC_RELAXED);

        if (entry != 0 && !(entry & MAC_STATIC)) {
            mac_table_del(table, entry);
            return 1;
        }
    }
    return 0;
}

int mac_table_add_static(struct mac_table *table, uint64_t key, uint16_t member)
{
    uint64_t hash = mac_hash(table, key);
    uint64_t entry = key | MAC_STATIC | member;

    // A worker may take the place that was just made, but not many times.
    for (unsigned n = 0; n < MAX_EVICTIONS; n++) {
        if (put_static(table, entry, hash))
            return 0;
        if (!evict(table, mac_bucket_first(table, hash)) &&
            !evict(table, mac_bucket_second(table, hash)))
            break;
    }
    return -ENOSPC;
}

uint64_t mac_table_next(const struct mac_table *table, uint32_t *cursor, uint32_t end,
                        uint32_t *seen_sec)
{
    for (; *cursor < end; (*cursor)++) {
        const struct mac_bucket *b = &table->buckets[*cursor / MAC_BUCKET_SIZE];
        unsigned i = *cursor % MAC_BUCKET_SIZE;
        uint64_t entry = __atomic_load_n(&b->entry[i], __ATOMIC_ACQUIRE);

        if (entry != 0) {
            if (seen_sec != NULL)
                *seen_sec = __atomic_load_n(&b->seen_sec[i], __ATOMIC_RELAXED);
            (*cursor)++;
            return entry;
        }
    }
    return 0;
}
