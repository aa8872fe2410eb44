// SPDX-License-Identifier: BSD-3-Clause
// Does a named group have an address, or a port? Groups become sorted ranges that are looked up by
// halves, on a worker. One set for each content, so that a configuration which brings a group
// unchanged finds its set again and the rules that name it are the same. Made and freed on the main
// thread.

#include <stdlib.h>

#include "vnf/lib/classifier_parts.h"

#define N_CHAINS 1024

static struct classifier_set *chains[N_CHAINS];

static uint64_t hash_of(const void *raw, size_t size)
{
    const uint8_t *bytes = raw;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static int compare_words(const uint64_t *a, const uint64_t *b)
{
    if (a[0] != b[0])
        return a[0] < b[0] ? -1 : 1;
    return (a[1] > b[1]) - (a[1] < b[1]);
}

static int compare_ranges(const void *a, const void *b)
{
    return compare_words(((const struct classifier_range *)a)->first,
                         ((const struct classifier_range *)b)->first);
}

static int compare_prefixes(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct classifier_prefix));
}

// Sort, and make one of those that overlap.
static uint32_t tidy(struct classifier_range *ranges, uint32_t n)
{
    uint32_t n_kept = 0;

    qsort(ranges, n, sizeof(*ranges), compare_ranges);
    for (uint32_t i = 0; i < n; i++) {
        struct classifier_range *kept = n_kept > 0 ? &ranges[n_kept - 1] : NULL;

        if (kept == NULL || compare_words(ranges[i].first, kept->last) > 0)
            ranges[n_kept++] = ranges[i];
        else if (compare_words(ranges[i].last, kept->last) > 0)
            memcpy(kept->last, ranges[i].last, sizeof(kept->last));
    }
    return n_kept;
}

static struct classifier_range range_of(const struct classifier_prefix *p)
{
    uint64_t high = classifier_word(p->address), low = classifier_word(p->address + 8);
    struct classifier_range range = {{high, low}, {high, low}};

    if (p->family == 4) {
        range.first[0] = range.last[0] = 0;
        range.first[1] = high >> 32;
        range.last[1] = (high | ~classifier_mask(p->len)) >> 32;
        return range;
    }
    range.last[0] |= ~classifier_mask(p->len);
    range.last[1] |= p->len > 64 ? ~classifier_mask(p->len - 64U) : UINT64_MAX;
    return range;
}

static void destroy(struct classifier_set *set)
{
    free(set->raw);
    free(set->prefixes);
    free(set->ranges[0]);
    free(set->ranges[1]);
    free(set);
}

static struct classifier_set *make(const void *raw, size_t item_size, uint32_t n)
{
    struct classifier_set *set = calloc(1, sizeof(*set));

    if (set == NULL)
        return NULL;
    set->raw_size = item_size * n;
    set->n_raw = n;
    set->raw = malloc(set->raw_size + 1);
    set->ranges[0] = calloc((size_t)n + 1, sizeof(*set->ranges[0]));
    set->ranges[1] = calloc((size_t)n + 1, sizeof(*set->ranges[1]));
    if (set->raw == NULL || set->ranges[0] == NULL || set->ranges[1] == NULL) {
        destroy(set);
        return NULL;
    }
    if (n > 0)
        memcpy(set->raw, raw, set->raw_size);
    set->hash = hash_of(set->raw, set->raw_size);
    return set;
}

// One with the same content, with a reference; or NULL.
static struct classifier_set *find(const void *raw, size_t size, int is_ports)
{
    uint64_t hash = hash_of(raw, size);
    struct classifier_set *set = chains[hash % N_CHAINS];

    while (set != NULL && (set->hash != hash || set->raw_size != size ||
                           (set->prefixes == NULL) != is_ports || memcmp(set->raw, raw, size) != 0))
        set = set->next;
    if (set != NULL)
        set->n_references++;
    return set;
}

static const struct classifier_set *enter(struct classifier_set *set)
{
    struct classifier_set **chain = &chains[set->hash % N_CHAINS];

    set->n_references = 1;
    set->next = *chain;
    *chain = set;
    return set;
}

const struct classifier_set *classifier_address_set(const struct classifier_prefix *prefixes,
                                                    uint32_t n)
{
    struct classifier_set *set = find(prefixes, n * sizeof(*prefixes), 0);
    struct classifier_prefix *kept;
    uint32_t n_kept = 0;

    if (set != NULL)
        return set;
    set = make(prefixes, sizeof(*prefixes), n);
    if (set == NULL)
        return NULL;
    kept = set->prefixes = calloc((size_t)n + 1, sizeof(*kept));
    if (kept == NULL) {
        destroy(set);
        return NULL;
    }
    if (n > 0)
        memcpy(kept, prefixes, n * sizeof(*kept));
    qsort(kept, n, sizeof(*kept), compare_prefixes);
    for (uint32_t i = 0; i < n; i++) {
        unsigned index = classifier_family_index(kept[i].family);

        if (n_kept > 0 && compare_prefixes(&kept[n_kept - 1], &kept[i]) == 0)
            continue;
        kept[n_kept++] = kept[i];
        set->ranges[index][set->n_prefixes[index]++] = range_of(&kept[n_kept - 1]);
    }
    for (unsigned i = 0; i < 2; i++)
        set->n_ranges[i] = tidy(set->ranges[i], set->n_prefixes[i]);
    return enter(set);
}

const struct classifier_set *classifier_port_set(const struct classifier_ports *ports, uint32_t n)
{
    struct classifier_set *set = find(ports, n * sizeof(*ports), 1);

    if (set != NULL)
        return set;
    set = make(ports, sizeof(*ports), n);
    if (set == NULL)
        return NULL;
    for (uint32_t i = 0; i < n; i++)
        set->ranges[0][i] = (struct classifier_range){{0, ports[i].first}, {0, ports[i].last}};
    set->n_ranges[0] = tidy(set->ranges[0], n);
    return enter(set);
}

static struct classifier_set *mutable(const struct classifier_set *set)
{
    struct classifier_set *s = chains[set->hash % N_CHAINS];

    while (s != set)
        s = s->next;
    return s;
}

void classifier_set_hold(const struct classifier_set *set)
{
    if (set != NULL)
        mutable(set)->n_references++;
}

void classifier_set_put(const struct classifier_set *set)
{
    struct classifier_set **link, *s = set != NULL ? mutable(set) : NULL;

    if (s == NULL || --s->n_references > 0)
        return;
    link = &chains[s->hash % N_CHAINS];
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    destroy(s);
}

static int has_value(const struct classifier_range *ranges, uint32_t n, const uint64_t *value)
{
    uint32_t low = 0, high = n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (compare_words(ranges[middle].last, value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && compare_words(ranges[low].first, value) <= 0;
}

int classifier_set_has_address(const struct classifier_set *set, uint8_t family,
                               const uint8_t *address)
{
    uint64_t value[2] = {0, classifier_word(address) >> 32};

    if (family == 6) {
        value[0] = classifier_word(address);
        value[1] = classifier_word(address + 8);
    }
    return has_value(set->ranges[family == 6], set->n_ranges[family == 6], value);
}

int classifier_set_has_port(const struct classifier_set *set, uint16_t port)
{
    const uint64_t value[2] = {0, port};

    return has_value(set->ranges[0], set->n_ranges[0], value);
}
