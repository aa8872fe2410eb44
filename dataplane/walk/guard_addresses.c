// SPDX-License-Identifier: BSD-3-Clause
// Is this address one of the port's? Built on the main thread when guard.c makes a guard, immutable
// then; asked by workers through guard.c and guard_ip6.c. No bounds on how many addresses there
// are, so no scan. Next: back to those two.

#include "dataplane/walk/guard_parts.h"
#include "dataplane/walk/version.h"

#include <errno.h>
#include <stdlib.h>

static unsigned __int128 read_address(const uint8_t *bytes, unsigned n)
{
    unsigned __int128 address = 0;
    for (unsigned i = 0; i < n; i++)
        address = address << 8 | bytes[i];
    return address;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct guard_range *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

// Of ranges sorted by their begin, melt those that overlap. Returns how many are left.
static uint32_t merge(struct guard_range *range, uint32_t n)
{
    uint32_t n_kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct guard_range *last = n_kept ? &range[n_kept - 1] : NULL;
        if (!last || range[i].first > last->last)
            range[n_kept++] = range[i];
        else if (range[i].last > last->last)
            last->last = range[i].last;
    }
    return n_kept;
}

int guard_addresses_init(struct guard_addresses *a, const struct api_port_address *items,
                         uint32_t n, uint8_t family)
{
    unsigned size = family == 4 ? 4 : 16;
    a->n = 0;
    a->range = calloc(n, sizeof(*a->range));
    if (!a->range)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        if (items[i].family != family)
            continue;
        unsigned n_host_bits = size * 8 - items[i].prefix_len;
        unsigned __int128 host =
            n_host_bits < 128 ? ((unsigned __int128)1 << n_host_bits) - 1 : ~(unsigned __int128)0;
        unsigned __int128 address = read_address(items[i].address, size);
        a->range[a->n].first = address & ~host;
        a->range[a->n++].last = address | host;
    }
    qsort(a->range, a->n, sizeof(*a->range), compare_ranges);
    a->n = merge(a->range, a->n);
    return 0;
}

void guard_addresses_fini(struct guard_addresses *a)
{
    free(a->range);
}

static int has_address(const struct guard_addresses *a, unsigned __int128 address)
{
    uint32_t low = 0, high = a->n; // find the first range that begins above it
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (a->range[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && address <= a->range[low - 1].last;
}

int guard_has_ip4(const struct guard *guard, const uint8_t *address)
{
    rte_be32_t value;
    memcpy(&value, address, sizeof(value));
    return has_address(&guard->ip4, rte_be_to_cpu_32(value));
}

int guard_has_ip6(const struct guard *guard, const uint8_t *address)
{
    rte_be64_t value[2];
    memcpy(value, address, sizeof(value));
    return has_address(&guard->ip6, (unsigned __int128)rte_be_to_cpu_64(value[0]) << 64 |
                                        rte_be_to_cpu_64(value[1]));
}

static uint64_t mix_addresses(uint64_t hash, const struct guard_addresses *a)
{
    hash = walk_mix(hash, a->n);
    for (uint32_t i = 0; i < a->n; i++) {
        const unsigned __int128 ends[2] = {a->range[i].first, a->range[i].last};

        for (unsigned k = 0; k < 2; k++)
            hash = walk_mix(walk_mix(hash, (uint64_t)ends[k]), (uint64_t)(ends[k] >> 64));
    }
    return hash;
}

uint64_t guard_fingerprint(const struct guard *guard)
{
    uint64_t mac = 0, hash;

    memcpy(&mac, guard->mac, sizeof(guard->mac));
    hash = walk_mix(mac, guard->is_bound);
    return mix_addresses(mix_addresses(hash, &guard->ip4), &guard->ip6);
}
