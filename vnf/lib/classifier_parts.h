// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_CLASSIFIER_PARTS_H
#define VNF_LIB_CLASSIFIER_PARTS_H

// What the files of the classifier share. A rule is one box or several: two prefixes, two port
// ranges and the rest, of one family. The type and code of ICMP stand as a destination port. A box
// lies in one table of its family, by a hash of those of its bits that the table's tuple names;
// where too many have one hash it is spread (classifier_spread.c).

#include <string.h>

#include "vnf/lib/classifier.h"

#define CLASSIFIER_MAX_TABLES 48 // of one family

// Packed as words: [0] TCP flags, zone, protocol, ports; then IPv4: [1] source and destination;
// IPv6: [1] and [2] source, [3] and [4] destination.
#define CLASSIFIER_WORDS 5

enum classifier_box_flag { // beside enum classifier_flag
    BOX_SOURCE_SET = 1 << 3,
    BOX_DESTINATION_SET = 1 << 4,
    BOX_SOURCE_PORT_SET = 1 << 5,
    BOX_DESTINATION_PORT_SET = 1 << 6,
    BOX_SETS = BOX_SOURCE_SET | BOX_DESTINATION_SET | BOX_SOURCE_PORT_SET | BOX_DESTINATION_PORT_SET
};

struct classifier_box {
    uint64_t address[4]; // words 1 to 4 of a packed key
    const struct classifier_rule *rule;
    uint16_t source_port_first, source_port_last;
    uint16_t destination_port_first, destination_port_last;
    uint8_t source_len, destination_len;
    uint8_t zone, flags;
    uint8_t protocol, tcp_flags_mask, tcp_flags;
    uint8_t family;
    uint8_t table; // classifier_table.id
    uint8_t is_spread;
    uint8_t reserved[6];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct classifier_box) == 64, "a match reads one line");

// How many bits of each field count. Protocol: 0 or 8. TCP flags: which.
struct classifier_tuple {
    uint8_t source_len, destination_len;
    uint8_t protocol_len;
    uint8_t source_port_len, destination_port_len;
    uint8_t tcp_flags;
};

// Items are boxes, and shapes: words with bit 0 set that say by which tuple some boxes are found
// that are spread under this hash, and how many. Ordered by seq, a shape by that of some box which
// comes before all that have it.
struct classifier_table {
    uint64_t mask[CLASSIFIER_WORDS];
    struct trie_node *root;
    uint8_t id; // unique in its family, kept over versions
    struct classifier_tuple tuple;
    uint8_t reserved;
};

struct classifier {
    uint64_t seed;
    uint32_t n_tables[2]; // IPv4, IPv6
    // In ascending order of the lowest seq in each.
    struct classifier_table tables[2][CLASSIFIER_MAX_TABLES];
};

struct classifier_range {
    uint64_t first[2], last[2]; // high and low word; IPv4 and ports in the low one
};

// Immutable, but for n_references (main thread).
struct classifier_set {
    struct classifier_set *next; // of the same hash
    uint64_t hash;
    uint32_t n_references;
    uint32_t n_raw;
    size_t raw_size;
    void *raw;                          // as it was given
    struct classifier_prefix *prefixes; // NULL in a port set; each once
    uint32_t n_prefixes[2];             // of IPv4; then of IPv6, behind those
    struct classifier_range *ranges[2]; // IPv4 or ports, IPv6; sorted and apart
    uint32_t n_ranges[2];
};

static inline unsigned classifier_family_index(uint8_t family)
{
    return family == 6;
}

static inline uint64_t classifier_word(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return __builtin_bswap64(word);
}

// The first len of 64 bits.
static inline uint64_t classifier_mask(unsigned len)
{
    return len == 0 ? 0 : len >= 64 ? UINT64_MAX : UINT64_MAX << (64 - len);
}

static inline uint64_t classifier_misc(unsigned tcp_flags, unsigned zone, unsigned protocol,
                                       unsigned source_port, unsigned destination_port)
{
    return (uint64_t)tcp_flags << 48 | (uint64_t)zone << 40 | (uint64_t)protocol << 32 |
           (uint64_t)source_port << 16 | destination_port;
}

static inline uint16_t classifier_icmp_port(unsigned type, unsigned code)
{
    return (uint16_t)(type << 8 | code);
}

static inline void classifier_pack_addresses(uint8_t family, const uint8_t *source,
                                             const uint8_t *destination, uint64_t *words)
{
    words[0] = classifier_word(source);
    if (family == 4) {
        words[0] = (words[0] & UINT64_C(0xffffffff00000000)) | classifier_word(destination) >> 32;
        words[1] = words[2] = words[3] = 0;
        return;
    }
    words[1] = classifier_word(source + 8);
    words[2] = classifier_word(destination);
    words[3] = classifier_word(destination + 8);
}

// Which bits of the words count for a tuple.
static inline void classifier_masks(const struct classifier_tuple *tuple, uint8_t family,
                                    uint64_t *mask)
{
    unsigned source_len = tuple->source_len, destination_len = tuple->destination_len;

    mask[0] = classifier_misc(tuple->tcp_flags, UINT8_MAX, tuple->protocol_len != 0 ? UINT8_MAX : 0,
                              0xffff & ~(0xffffU >> tuple->source_port_len),
                              0xffff & ~(0xffffU >> tuple->destination_port_len));
    if (family == 4) {
        mask[1] = classifier_mask(source_len) | classifier_mask(destination_len) >> 32;
        return;
    }
    mask[1] = classifier_mask(source_len);
    mask[2] = source_len > 64 ? classifier_mask(source_len - 64) : 0;
    mask[3] = classifier_mask(destination_len);
    mask[4] = destination_len > 64 ? classifier_mask(destination_len - 64) : 0;
}

static inline uint64_t classifier_mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

static inline uint32_t classifier_hash(uint8_t family, const uint64_t *mask, const uint64_t *words,
                                       uint64_t seed)
{
    uint64_t hash = classifier_mix(seed, words[0] & mask[0]);

    hash = classifier_mix(hash, words[1] & mask[1]);
    for (unsigned i = 2; family != 4 && i < CLASSIFIER_WORDS; i++)
        hash = classifier_mix(hash, words[i] & mask[i]);
    return (uint32_t)hash;
}

static inline void classifier_pack_box(const struct classifier_box *box, uint64_t *words)
{
    words[0] = classifier_misc(box->tcp_flags, box->zone, box->protocol, box->source_port_first,
                               box->destination_port_first);
    memcpy(&words[1], box->address, sizeof(box->address));
}

// A shape: which tuple, and how many boxes have it.
#define CLASSIFIER_SHAPE_ONE (UINT64_C(1) << 36) // the number 1

static inline int classifier_is_shape(const struct trie_item *item)
{
    return item->word & 1;
}

// Without a number.
static inline uint64_t classifier_shape(const struct classifier_tuple *t)
{
    return 1 | (uint64_t)t->source_len << 1 | (uint64_t)t->destination_len << 9 |
           (uint64_t)t->tcp_flags << 17 | (uint64_t)t->source_port_len << 25 |
           (uint64_t)t->destination_port_len << 30 | (uint64_t)(t->protocol_len != 0) << 35;
}

static inline struct classifier_tuple classifier_shape_tuple(uint64_t shape)
{
    return (struct classifier_tuple){
        .source_len = (uint8_t)(shape >> 1),
        .destination_len = (uint8_t)(shape >> 9),
        .tcp_flags = (uint8_t)(shape >> 17),
        .source_port_len = shape >> 25 & 31,
        .destination_port_len = shape >> 30 & 31,
        .protocol_len = shape >> 35 & 1 ? 8 : 0,
    };
}

// Hashes by a shape, kept apart from those of others.
static inline uint64_t classifier_shape_seed(uint64_t seed, uint64_t shape)
{
    return seed ^ (shape & (CLASSIFIER_SHAPE_ONE - 1)) * UINT64_C(0xd6e8feb86659fd93);
}

// classifier_tuple.c: the table where a box goes, made if need be; or NULL: there is no room, which
// can't be. *is_full: it is to be spread there.
struct classifier_table *classifier_place(struct classifier *c, const struct classifier_box *box,
                                          int *is_full);
// All bits that a box has.
struct classifier_tuple classifier_tuple_of(const struct classifier_box *box);
// The hash of a box in a table.
uint32_t classifier_box_hash(const struct classifier *c, const struct classifier_table *t,
                             const struct classifier_box *box);

// classifier_spread.c: put a box under hashes of its own, or take it away there. -ENOMEM.
int classifier_spread(const struct classifier *c, struct trie_edit *edit,
                      struct classifier_table *t, struct classifier_box *box);
int classifier_gather(const struct classifier *c, struct trie_edit *edit,
                      struct classifier_table *t, struct classifier_box *box);

// classifier_set.c.
int classifier_set_has_address(const struct classifier_set *set, uint8_t family,
                               const uint8_t *address);
int classifier_set_has_port(const struct classifier_set *set, uint16_t port);

#endif
