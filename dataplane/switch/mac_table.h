// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SWITCH_MAC_TABLE_H
#define DATAPLANE_SWITCH_MAC_TABLE_H

// Which member of the switch is a MAC behind? One table for all workers.
//
// A bucket is one cache line of four entries. A MAC lives in the bucket that its hash names, or, if
// that was full, in a second one; it never moves from one to the other. The hash is keyed with
// random numbers of this table, so nobody can craft MACs that meet in one bucket. Readers take no
// lock: an entry is one 64-bit word. A MAC is added, moved and removed under the lock of its first
// bucket. A worker that finds the lock taken goes on without learning.
//
// Members and ports are small numbers that the caller gives out. MACs are counted by port.
//
// Flows rely on where a MAC is (walk/version.h): its number grows after it has moved, gone or
// turned static, not when it is new, for nothing is forwarded to or from a MAC that is unknown.

#include <stdint.h>
#include <string.h>

#include <smmintrin.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include "dataplane/walk/version.h"

#define MAC_TABLE_MAX_MEMBERS 32767
#define MAC_TABLE_MAX_PORTS \
    2048 // twice API_MAX_PORTS: those that come while others are not yet gone
#define MAC_BUCKET_SIZE 4

// An entry: the address, then one bit and the member. 0: empty. An address alone is called a key.
#define MAC_ADDRESS 0xffffffffffff0000U // in the order of the wire, first byte lowest
#define MAC_STATIC 0x8000U
#define MAC_MEMBER 0x7fffU
#define MAC_GROUP 0x10000U // the group bit of an address

struct mac_bucket {
    uint64_t entry[MAC_BUCKET_SIZE];    // written under a lock, read without
    uint32_t seen_sec[MAC_BUCKET_SIZE]; // written when the second has changed, by any worker
    uint32_t lock;                      // of the MACs whose first bucket this is
    uint32_t n_spilled;                 // of those, how many live in their second bucket
    uint32_t reserved[2];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct mac_bucket) == 64, "a bucket is one line");

struct mac_table {
    // Fixed at creation.
    uint64_t seed[4];
    struct mac_bucket *buckets; // [mask + 1], behind this struct
    uint32_t mask;
    uint32_t size; // MACs it takes
    size_t map_size;
    const void *owner; // of the MACs' numbers; the same for a table that takes the place of another
    // Written by whoever adds or removes, atomically.
    uint32_t n_entries __attribute__((aligned(64)));
    uint32_t n_learned[MAC_TABLE_MAX_PORTS];
    uint32_t n_static[MAC_TABLE_MAX_PORTS];
    // Written by the main thread before a worker knows the member.
    uint16_t port_of_member[MAC_TABLE_MAX_MEMBERS];
};

enum mac_learned {
    MAC_LEARNED,
    MAC_KNOWN, // it was there already
    MAC_STATIC_ELSEWHERE,
    MAC_PORT_FULL,  // the port's limit is reached
    MAC_TABLE_FULL, // the table's size, or both buckets
    MAC_BUSY,       // another thread is at it
};

// An empty table for `size` MACs. Its memory is taken as it fills. -ENOMEM. Main thread.
int mac_table_create(uint32_t size, const void *owner, struct mac_table **table);
void mac_table_destroy(struct mac_table *table); // NULL is fine

// Say which port a member belongs to, before it is used.
void mac_table_set_port(struct mac_table *table, uint16_t member, uint16_t port);

// `key` was seen as a source at `member`: add it, move it there or mark it seen. The port of member
// may have `limit` learned MACs. Any thread.
enum mac_learned mac_table_learn(struct mac_table *table, uint64_t key, uint16_t member,
                                 uint32_t limit, uint32_t now_sec);

// Make `key` a static entry of `member`, whatever it was before. If there is no room for it, a
// learned entry has to go. -ENOSPC: both buckets are full of static entries. Main thread.
int mac_table_add_static(struct mac_table *table, uint64_t key, uint16_t member);

// Remove an entry if it still is what it was when read. Main thread.
void mac_table_del(struct mac_table *table, uint64_t entry);

// The next entry at or behind *cursor (0 first) and before `end`, 0 if there is none; *cursor is
// then behind it. *seen_sec may be NULL. Main thread.
uint64_t mac_table_next(const struct mac_table *table, uint32_t *cursor, uint32_t end,
                        uint32_t *seen_sec);

// The cursor behind the last place.
static inline uint32_t mac_table_end(const struct mac_table *table)
{
    return (table->mask + 1) * MAC_BUCKET_SIZE;
}

// Where the number is of what flows rely on: the place of this MAC. Any thread.
static inline uint16_t mac_table_place(const struct mac_table *table, uint64_t key)
{
    return walk_version_of(table->owner, key);
}

// MACs of a port, learned and static.
static inline uint32_t mac_table_n_of_port(const struct mac_table *table, uint16_t port)
{
    return __atomic_load_n(&table->n_learned[port], __ATOMIC_RELAXED) +
           __atomic_load_n(&table->n_static[port], __ATOMIC_RELAXED);
}

// The key of six bytes.
static inline uint64_t mac_key(const uint8_t *mac)
{
    uint64_t key = 0;

    memcpy(&key, mac, 6);
    return rte_le_to_cpu_64(key) << 16;
}

// Keys of a frame's addresses. Reads the 12 bytes of them, no more.
static inline uint64_t mac_key_destination(const uint8_t *frame)
{
    uint64_t word;

    memcpy(&word, frame, sizeof(word));
    return rte_le_to_cpu_64(word) << 16;
}

static inline uint64_t mac_key_source(const uint8_t *frame)
{
    uint64_t word;

    memcpy(&word, frame + 4, sizeof(word));
    return rte_le_to_cpu_64(word) & MAC_ADDRESS;
}

// A keyed hash: two multiplications to 128 bits, each folded to 64.
static inline uint64_t mac_hash(const struct mac_table *table, uint64_t key)
{
    unsigned __int128 product = (unsigned __int128)(key ^ table->seed[0]) * table->seed[1];

    key = (uint64_t)product ^ (uint64_t)(product >> 64) ^ table->seed[2];
    product = (unsigned __int128)key * table->seed[3];
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline struct mac_bucket *mac_bucket_first(const struct mac_table *table, uint64_t hash)
{
    return &table->buckets[hash & table->mask];
}

static inline struct mac_bucket *mac_bucket_second(const struct mac_table *table, uint64_t hash)
{
    uint64_t first = hash & table->mask;
    uint64_t second = (hash >> 32) & table->mask;

    return &table->buckets[second != first ? second : first ^ 1];
}

// The place in a bucket whose entry, under `mask`, is `wanted`; -1: none. A hint: the caller reads
// the entry again, as one word, and compares.
static inline int mac_bucket_match(const struct mac_bucket *b, uint64_t wanted, uint64_t mask)
{
    const __m128i *entries = (const __m128i *)(const void *)b->entry;
    __m128i masks = _mm_set1_epi64x((long long)mask);
    __m128i words = _mm_set1_epi64x((long long)wanted);
    __m128i low = _mm_cmpeq_epi64(_mm_and_si128(_mm_load_si128(&entries[0]), masks), words);
    __m128i high = _mm_cmpeq_epi64(_mm_and_si128(_mm_load_si128(&entries[1]), masks), words);
    int equal = _mm_movemask_ps(
        _mm_shuffle_ps(_mm_castsi128_ps(low), _mm_castsi128_ps(high), _MM_SHUFFLE(2, 0, 2, 0)));

    return equal != 0 ? __builtin_ctz((unsigned)equal) : -1;
}

// The entry of a key in one bucket, 0 if it is not there.
static inline uint64_t mac_bucket_find(const struct mac_bucket *b, uint64_t key)
{
    int i = mac_bucket_match(b, key, MAC_ADDRESS);
    uint64_t entry;

    if (i < 0)
        return 0;
    entry = __atomic_load_n(&b->entry[i], __ATOMIC_ACQUIRE);
    return (entry & MAC_ADDRESS) == key ? entry : 0;
}

// The entry of a key, 0 if it is unknown. `hash` is the key's. Any thread.
static inline uint64_t mac_table_find(const struct mac_table *table, uint64_t key, uint64_t hash)
{
    const struct mac_bucket *b = mac_bucket_first(table, hash);
    uint64_t entry = mac_bucket_find(b, key);

    if (unlikely(entry == 0 && __atomic_load_n(&b->n_spilled, __ATOMIC_RELAXED) != 0))
        entry = mac_bucket_find(mac_bucket_second(table, hash), key);
    return entry;
}

// The quick case of learning: if exactly this entry is in its first bucket, mark it seen. Returns
// whether it was. A place that changes hands meanwhile is marked once too often, no harm.
static inline int mac_table_refresh(struct mac_table *table, uint64_t entry, uint64_t hash,
                                    uint32_t now_sec)
{
    struct mac_bucket *b = mac_bucket_first(table, hash);
    int i = mac_bucket_match(b, entry, UINT64_MAX);

    if (unlikely(i < 0))
        return 0;
    if (unlikely(__atomic_load_n(&b->seen_sec[i], __ATOMIC_RELAXED) != now_sec))
        __atomic_store_n(&b->seen_sec[i], now_sec, __ATOMIC_RELAXED);
    return 1;
}

#endif
