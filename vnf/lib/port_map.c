// SPDX-License-Identifier: BSD-3-Clause
// Which port is free? Called with the lock of who owns the map: on workers for new bindings and for
// those that end, on the main thread for what configuration takes out. No loop is longer than the
// levels are deep, but that of port_map_rotate (1024 words, main thread). Next: back to who asked.

#include "vnf/lib/port_map.h"

#include <errno.h>

#define FEW 4096 // ports left: with more it is not full, unless as many are reserved
#define N_MIDDLE (PORT_SET_WORDS / 64)
#define HALF 32768U // ports of one parity

// A set in which ones are looked for has 1 above a word that is not 0; one in which zeros are
// looked for has 1 above a word without any. So what is looked for is x ^ flip on each level.
#define FOR_ONES UINT64_C(0)
#define FOR_ZEROS UINT64_MAX

static uint32_t bit_of(uint32_t port)
{
    return (port & 1) * HALF + port / 2;
}

static uint16_t port_of(uint32_t bit)
{
    return (uint16_t)(bit % HALF * 2 + bit / HALF);
}

static int has(const uint64_t *words, uint32_t bit)
{
    return (int)(words[bit / 64] >> bit % 64 & 1);
}

static void put(uint64_t *word, uint32_t bit, int value)
{
    *word = (*word & ~(UINT64_C(1) << bit % 64)) | (uint64_t)value << bit % 64;
}

// What the level above says of a word.
static int sum_of(uint64_t word, uint64_t flip)
{
    return flip == FOR_ONES ? word != 0 : word == UINT64_MAX;
}

// The levels above are touched only where they change: seldom.
static void set_bit(struct port_set *set, uint64_t flip, uint32_t bit, int value)
{
    uint64_t *word = &set->words[bit / 64], *middle = &set->middle[bit / (64 * 64)];
    int before = sum_of(*word, flip);

    put(word, bit, value);
    if (sum_of(*word, flip) == before)
        return;
    put(middle, bit / 64, !before);
    put(&set->top, bit / (64 * 64), sum_of(*middle, flip));
}

static int lowest(uint64_t bits)
{
    return __builtin_ctzll(bits);
}

// The first bit from `from` on that is looked for, or -1.
static int next(const struct port_set *set, uint64_t flip, uint32_t from)
{
    uint32_t word = from / 64, middle;
    uint64_t bits = (set->words[word] ^ flip) & UINT64_MAX << from % 64;

    if (bits != 0)
        return (int)(word * 64) + lowest(bits);
    if (++word == PORT_SET_WORDS)
        return -1;
    middle = word / 64;
    bits = (set->middle[middle] ^ flip) & UINT64_MAX << word % 64;
    if (bits == 0) {
        uint64_t above = 0;

        if (++middle < N_MIDDLE)
            above = (set->top ^ flip) & UINT64_MAX << middle & ((UINT64_C(1) << N_MIDDLE) - 1);
        if (above == 0)
            return -1;
        middle = (uint32_t)lowest(above);
        bits = set->middle[middle] ^ flip;
    }
    word = middle * 64 + (uint32_t)lowest(bits);
    return (int)(word * 64) + lowest(set->words[word] ^ flip);
}

static int next_within(const struct port_set *set, uint64_t flip, uint32_t from, uint32_t last)
{
    int bit = next(set, flip, from);

    return bit >= 0 && (uint32_t)bit <= last ? bit : -1;
}

void port_set_fill(struct port_set *set, uint32_t bit)
{
    set_bit(set, FOR_ZEROS, bit, 1);
}

void port_set_clear(struct port_set *set, uint32_t bit)
{
    set_bit(set, FOR_ZEROS, bit, 0);
}

int port_set_find(const struct port_set *set, uint32_t from, uint32_t last)
{
    return next_within(set, FOR_ZEROS, from, last);
}

// Bits of a range of ports of one parity, and a random place in it.
struct stretch {
    uint32_t low, high, start;
};

static int find_stretch(uint32_t first, uint32_t last, uint32_t parity, uint32_t random,
                        struct stretch *s)
{
    first += (first ^ parity) & 1;
    if (last < parity || first > last)
        return 0;
    last -= (last ^ parity) & 1;
    if (first > last)
        return 0;
    s->low = bit_of(first);
    s->high = bit_of(last);
    s->start = s->low + (uint32_t)((uint64_t)random * (s->high - s->low + 1) >> 32);
    return 1;
}

// The first from a random place on, around in the bits of a range of ports of one parity.
static int find_of_parity(const struct port_set *set, uint64_t flip, uint32_t first, uint32_t last,
                          uint32_t parity, uint32_t random)
{
    struct stretch s;
    int bit;

    if (!find_stretch(first, last, parity, random, &s))
        return -1;
    bit = next_within(set, flip, s.start, s.high);
    return bit >= 0 ? bit : next_within(set, flip, s.low, s.high);
}

static uint32_t parity_of(const struct port_request *r)
{
    return r->parity == PORT_ANY ? r->random & 1 : r->parity;
}

void port_map_foresee(const struct port_map *map, const struct port_request *r)
{
    struct stretch s;

    if (find_stretch(r->preferred_first, r->preferred_last, parity_of(r), r->random, &s))
        __builtin_prefetch(&map->busy.words[s.start / 64], 1);
}

static int find(const struct port_set *set, uint64_t flip, const struct port_request *r,
                int is_preferred)
{
    uint32_t first = is_preferred ? r->preferred_first : r->first;
    uint32_t last = is_preferred ? r->preferred_last : r->last;
    uint32_t parity = parity_of(r);
    int bit;

    if (first > last)
        return -1;
    bit = find_of_parity(set, flip, first, last, parity, r->random);
    return bit >= 0 ? bit : find_of_parity(set, flip, first, last, parity ^ 1, r->random);
}

static int find_preferred(const struct port_set *set, uint64_t flip, const struct port_request *r)
{
    int bit = find(set, flip, r, 1);

    return bit >= 0 ? bit : find(set, flip, r, 0);
}

static void wake(struct port_map *map, unsigned which, uint32_t bit)
{
    set_bit(&map->resting[which], FOR_ONES, bit, 0);
    map->n_resting[which]--;
}

int port_map_is_full(const struct port_map *map, const struct port_request *request)
{
    return map->n_used + FEW > (uint32_t)(request->last - request->first) &&
           map->n_resting[0] + map->n_resting[1] == 0 &&
           find_preferred(&map->busy, FOR_ZEROS, request) < 0;
}

int port_map_take_any(struct port_map *map, const struct port_request *request)
{
    int bit = find_preferred(&map->busy, FOR_ZEROS, request);
    unsigned which = map->now ^ 1;

    if (bit >= 0) {
        set_bit(&map->busy, FOR_ZEROS, (uint32_t)bit, 1);
        map->n_used++;
        return port_of((uint32_t)bit);
    }
    for (unsigned i = 0; bit < 0 && i < 2; i++, which ^= 1) {
        bit = find_preferred(&map->resting[which], FOR_ONES, request);
        if (bit >= 0)
            wake(map, which, (uint32_t)bit);
    }
    if (bit < 0)
        return -1;
    map->n_used++;
    return port_of((uint32_t)bit);
}

// 1: it was resting and is no more.
static int wake_if_resting(struct port_map *map, uint32_t bit)
{
    for (unsigned which = 0; which < 2; which++) {
        if (!has(map->resting[which].words, bit))
            continue;
        wake(map, which, bit);
        return 1;
    }
    return 0;
}

int port_map_take(struct port_map *map, uint16_t port)
{
    uint32_t bit = bit_of(port);

    if (has(map->busy.words, bit) && !wake_if_resting(map, bit))
        return -EADDRINUSE;
    set_bit(&map->busy, FOR_ZEROS, bit, 1);
    map->n_used++;
    return 0;
}

void port_map_release(struct port_map *map, uint16_t port)
{
    uint32_t bit = bit_of(port);

    map->n_used--;
    if (has(map->reserved, bit))
        return;
    set_bit(&map->resting[map->now], FOR_ONES, bit, 1);
    map->n_resting[map->now]++;
}

void port_map_reserve(struct port_map *map, uint16_t port)
{
    uint32_t bit = bit_of(port);

    (void)wake_if_resting(map, bit);
    set_bit(&map->busy, FOR_ZEROS, bit, 1);
    put(&map->reserved[bit / 64], bit, 1);
}

void port_map_unreserve(struct port_map *map, uint16_t port, int is_in_use)
{
    uint32_t bit = bit_of(port);

    put(&map->reserved[bit / 64], bit, 0);
    if (!is_in_use)
        set_bit(&map->busy, FOR_ZEROS, bit, 0);
}

// The oldest are free; those that began to rest in the period that ends are the oldest now.
void port_map_rotate(struct port_map *map)
{
    unsigned oldest = map->now ^ 1;
    struct port_set *set = &map->resting[oldest];

    for (uint32_t middle = 0; map->n_resting[oldest] > 0 && middle < N_MIDDLE; middle++) {
        for (uint64_t bits = set->middle[middle]; bits != 0; bits &= bits - 1) {
            uint32_t word = middle * 64 + (uint32_t)lowest(bits);

            map->busy.words[word] &= ~set->words[word];
            put(&map->busy.middle[middle], word, 0);
            put(&map->busy.top, middle, 0);
            set->words[word] = 0;
        }
        set->middle[middle] = 0;
    }
    set->top = 0;
    map->n_resting[oldest] = 0;
    map->now = (uint8_t)oldest;
}
