// SPDX-License-Identifier: BSD-3-Clause
// What does a prefix table cost? Prints load rates, bytes a route and times of look-ups for several
// distributions of prefixes. No arguments, no root; takes half a minute of one core. Memory is all
// that tables have taken from the system, free blocks in half-full slabs included.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "vnf/lib/prefix_table.h"

#define N_ADDRESSES (1U << 20) // looked up in turn
#define N_ROUNDS 8
#define N_FLAPS 200000

static uint64_t random_state = 1;

static uint64_t draw_word(void)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

struct prefix {
    uint8_t address[16];
    unsigned len;
};

struct distribution {
    const char *name;
    unsigned n_bits;
    uint32_t n;
    void (*draw)(struct prefix *p);
};

static void set(struct prefix *p, uint64_t high, uint64_t low, unsigned len)
{
    uint64_t word[2] = {__builtin_bswap64(high), __builtin_bswap64(low)};

    memcpy(p->address, word, 16);
    p->len = len;
}

// The lengths of the Internet's table, in per mille: most are /24, then /22, /23, /20 to /21, /19.
static void draw_internet4(struct prefix *p)
{
    static const struct {
        uint16_t per_mille;
        uint8_t len;
    } shares[] = {{600, 24}, {110, 22}, {105, 23}, {45, 21}, {45, 20}, {30, 19}, {15, 18},
                  {10, 17},  {17, 16},  {3, 15},   {3, 14},  {2, 13},  {3, 12},  {12, 24}};
    uint64_t pick = draw_word() % 1000;
    // Half lie in a fortieth of the addresses, as announcements of one network do.
    uint64_t word =
        draw_word() % 2 ? draw_word() : (draw_word() % 1600) * 40 << 48 | (draw_word() >> 16);
    unsigned i = 0;

    while (pick >= shares[i].per_mille)
        pick -= shares[i++].per_mille;
    word = (word % (UINT64_C(223) << 56)) + (UINT64_C(1) << 56); // unicast
    set(p, word, 0, shares[i].len);
}

static void draw_24(struct prefix *p)
{
    set(p, draw_word(), 0, 24);
}

static void draw_32(struct prefix *p)
{
    set(p, draw_word(), 0, 32);
}

static void draw_hosts(struct prefix *p)
{
    set(p, UINT64_C(0x0a00000000000000) | (draw_word() >> 8 & 0x001fffff00000000), 0, 32);
}

// Networks of 2000::/4, allocated as /32 to /29 in blocks of few registries.
static void draw_internet6(struct prefix *p)
{
    static const uint64_t registries[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};
    uint64_t r = draw_word();
    unsigned lens[] = {48, 48, 48, 48, 32, 36, 40, 44, 29, 33};
    uint64_t word = registries[r % 6] << 48 | (r >> 8 & 0xf) << 48 | (r >> 16 & 0x3ff8) << 32 |
                    (draw_word() & 0x7ffffffff);

    set(p, word, 0, lens[draw_word() % 10]);
}

static void draw_48_64(struct prefix *p)
{
    set(p, draw_word() >> 3 | UINT64_C(1) << 61, 0, 48 + (unsigned)(draw_word() % 17));
}

static void draw_128(struct prefix *p)
{
    set(p, draw_word() >> 3 | UINT64_C(1) << 61, draw_word(), 128);
}

static const struct distribution distributions[] = {
    {"IPv4, 10 like the Internet", 32, 10, draw_internet4},
    {"IPv4, 1,000 like the Internet", 32, 1000, draw_internet4},
    {"IPv4, 10,000 like the Internet", 32, 10000, draw_internet4},
    {"IPv4, 100,000 like the Internet", 32, 100000, draw_internet4},
    {"IPv4, 1,000,000 like the Internet", 32, 1000000, draw_internet4},
    {"IPv4, 1,000,000 random /24", 32, 1000000, draw_24},
    {"IPv4, 1,000,000 random /32", 32, 1000000, draw_32},
    {"IPv4, 1,000,000 /32 of one /11", 32, 1000000, draw_hosts},
    {"IPv6, 10,000 like the Internet", 128, 10000, draw_internet6},
    {"IPv6, 200,000 like the Internet", 128, 200000, draw_internet6},
    {"IPv6, 200,000 random /48 to /64", 128, 200000, draw_48_64},
    {"IPv6, 200,000 random /128", 128, 200000, draw_128},
};

static double tsc_hz;

static double monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure_tsc(void)
{
    uint64_t cycles = rte_rdtsc_precise();
    double start = monotonic(), end;

    do {
        end = monotonic();
    } while (end < start + 0.1);
    tsc_hz = (double)(rte_rdtsc_precise() - cycles) / (end - start);
}

static double seconds(uint64_t cycles)
{
    return (double)cycles / tsc_hz;
}

static struct prefix_table *load(const struct distribution *d, struct prefix *prefixes,
                                 double *rate, uint64_t *longest)
{
    struct prefix_table *t;
    uint64_t start, before, now;

    if (prefix_table_create(d->n_bits, &t) != 0)
        exit(1);
    for (uint32_t i = 0; i < d->n; i++)
        d->draw(&prefixes[i]);
    start = before = rte_rdtsc_precise();
    for (uint32_t i = 0; i < d->n; i++) {
        if (prefix_table_add(t, prefixes[i].address, prefixes[i].len, i + 1, NULL) != 0)
            exit(1);
        now = rte_rdtsc();
        *longest = now - before > *longest ? now - before : *longest;
        before = now;
    }
    prefix_tables_reclaim();
    *rate = d->n / seconds(rte_rdtsc_precise() - start);
    return t;
}

// Cycles for a look-up of addresses that are random, or random in random prefixes of the table.
static double look_up(const struct prefix_table *t, const struct distribution *d,
                      const struct prefix *prefixes, int is_inside, double *found)
{
    static uint8_t addresses[N_ADDRESSES][16];
    static uint32_t packed[N_ADDRESSES], values[N_ADDRESSES];
    uint64_t best = UINT64_MAX;
    uint32_t n_found = 0;

    for (uint32_t i = 0; i < N_ADDRESSES; i++) {
        const struct prefix *p = &prefixes[draw_word() % d->n];
        uint64_t word[2] = {draw_word(), draw_word()};

        memcpy(addresses[i], word, 16);
        for (unsigned bit = 0; is_inside && bit < p->len; bit++) {
            uint8_t mask = (uint8_t)(0x80 >> bit % 8);
            uint8_t *byte = &addresses[i][bit / 8];

            *byte = (uint8_t)((*byte & ~mask) | (p->address[bit / 8] & mask));
        }
        memcpy(&packed[i], addresses[i], 4);
    }
    for (unsigned round = 0; round < N_ROUNDS; round++) {
        uint64_t start = rte_rdtsc_precise(), cycles;

        for (uint32_t i = 0; i < N_ADDRESSES; i += 64) {
            if (d->n_bits == 32)
                prefix_table_lookup4(t, packed + i, values + i, 64);
            else
                prefix_table_lookup6(t, (const uint8_t(*)[16])addresses + i, values + i, 64);
        }
        cycles = rte_rdtsc_precise() - start;
        best = cycles < best ? cycles : best;
    }
    for (uint32_t i = 0; i < N_ADDRESSES; i++)
        n_found += values[i] != 0;
    *found = n_found * 100.0 / N_ADDRESSES;
    return (double)best / N_ADDRESSES;
}

// The mean time of taking a route out and putting it back, both with their share of freeing.
static double flap(struct prefix_table *t, const struct distribution *d,
                   const struct prefix *prefixes)
{
    uint64_t start = rte_rdtsc_precise();

    for (uint32_t i = 0; i < N_FLAPS; i++) {
        const struct prefix *p = &prefixes[draw_word() % d->n];

        prefix_table_del(t, p->address, p->len);
        prefix_table_add(t, p->address, p->len, i + 1, NULL);
    }
    prefix_tables_reclaim();
    return seconds(rte_rdtsc_precise() - start) / N_FLAPS / 2;
}

// The mean time of a change of the default route.
static double default_route(struct prefix_table *t)
{
    static const uint8_t zeros[16];
    uint64_t start = rte_rdtsc_precise();

    for (unsigned i = 0; i < 100; i++) {
        prefix_table_add(t, zeros, 0, i + 1, NULL);
        prefix_table_del(t, zeros, 0);
    }
    return seconds(rte_rdtsc_precise() - start) / 200;
}

static void measure(const struct distribution *d, struct prefix *prefixes)
{
    size_t before = prefix_tables_memory(), after, shrunk;
    uint64_t longest = 0;
    double rate, inside, random, found_inside, found_random, flap_time, default_time;
    struct prefix_table *t = load(d, prefixes, &rate, &longest);
    uint32_t count = prefix_table_count(t);

    after = prefix_tables_memory();
    inside = look_up(t, d, prefixes, 1, &found_inside);
    random = look_up(t, d, prefixes, 0, &found_random);
    flap_time = flap(t, d, prefixes);
    default_time = default_route(t);
    for (uint32_t i = 0; i < d->n; i++)
        prefix_table_del(t, prefixes[i].address, prefixes[i].len);
    prefix_tables_reclaim();
    shrunk = prefix_tables_memory() - before;
    printf("%-34s %8u %6.2f %7.1f %7.1f %6.1f %7.1f %6.1f %4.0f%% %6.2f %7.2f %6.1f %6zu\n",
           d->name, count, rate / 1e6, (double)(after - before) / count, inside,
           inside / tsc_hz * 1e9, random, random / tsc_hz * 1e9, found_random, flap_time * 1e6,
           default_time * 1e6, seconds(longest) * 1e3, shrunk / 1024);
    prefix_table_destroy(t);
}

static void small_tables(void)
{
    static struct prefix_table *tables[1000];
    size_t before = prefix_tables_memory(), own = 0;
    struct prefix p;

    for (unsigned i = 0; i < 1000; i++) {
        if (prefix_table_create(i % 2 ? 32 : 128, &tables[i]) != 0)
            exit(1);
        for (unsigned n = 0; n < 10; n++) {
            (i % 2 ? draw_internet4 : draw_internet6)(&p);
            prefix_table_add(tables[i], p.address, p.len, n + 1, NULL);
        }
        own += prefix_table_memory(tables[i]);
    }
    prefix_tables_reclaim();
    printf("1,000 tables of 10 routes: %.0f bytes each by their own count, %.0f by the system's\n",
           (double)own / 1000, (double)(prefix_tables_memory() - before) / 1000);
    for (unsigned i = 0; i < 1000; i++)
        prefix_table_destroy(tables[i]);
}

int main(void)
{
    struct prefix *prefixes = calloc(1000000, sizeof(*prefixes));

    if (prefixes == NULL)
        return 1;
    measure_tsc();
    printf("%-34s %8s %6s %7s %15s %21s %6s %7s %6s %6s\n", "", "", "load", "bytes",
           "inside:", "random:", "change", "default", "worst", "kept");
    printf("%-34s %8s %6s %7s %7s %6s %7s %6s %5s %6s %7s %6s %6s\n", "", "routes", "M/s", "/route",
           "cycles", "ns", "cycles", "ns", "found", "us", "us", "ms", "KiB");
    for (unsigned i = 0; i < sizeof(distributions) / sizeof(distributions[0]); i++)
        measure(&distributions[i], prefixes);
    small_tables();
    free(prefixes);
    return 0;
}
