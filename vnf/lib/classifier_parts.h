// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_CLASSIFIER_PARTS_H
#define VNF_LIB_CLASSIFIER_PARTS_H

// What the files of the classifier share. A rule is one box or several: two prefixes, two port
// ranges and the rest, of one family. A box lies in one table of its family, by a hash of those of
// its bits that the table's tuple names.

#include <string.h>

#include "vnf/lib/classifier.h"

#define CLASSIFIER_MAX_TABLES 48 // of one family

// Packed as words: [0] zone, protocol, ports; then IPv4: [1] source and destination; IPv6: [1] and
// [2] source, [3] and [4] destination.
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
    uint8_t protocol, icmp_type, icmp_code, tcp_flags_mask, tcp_flags;
    uint8_t family;
    uint8_t table; // classifier_table.id
    uint8_t reserved[5];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct classifier_box) == 64, "a match reads one line");

// How many bits of each field count. Protocol: 0 or 8.
struct classifier_tuple {
    uint8_t source_len, destination_len;
    uint8_t protocol_len;
    uint8_t source_port_len, destination_port_len;
};

struct classifier_table {
    uint64_t mask[CLASSIFIER_WORDS];
    struct trie_node *root; // items are boxes, by seq
    uint8_t id;             // unique in its family, kept over versions
    struct classifier_tuple tuple;
    uint8_t reserved[2];
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

static inline uint64_t classifier_misc(uint8_t zone, uint8_t protocol, uint16_t source_port,
                                       uint16_t destination_port)
{
    return (uint64_t)zone << 40 | (uint64_t)protocol << 32 | (uint32_t)source_port << 16 |
           destination_port;
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

static inline uint32_t classifier_hash(const struct classifier_table *t, const uint64_t *words,
                                       unsigned n_words, uint64_t seed)
{
    uint64_t hash = seed;

    for (unsigned i = 0; i < n_words; i++) {
        hash = (hash ^ (words[i] & t->mask[i])) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static inline unsigned classifier_n_words(uint8_t family)
{
    return family == 4 ? 2 : CLASSIFIER_WORDS;
}

// classifier_tuple.c: the table where a box goes, made if need be; or NULL: there is no room, which
// can't be.
struct classifier_table *classifier_place(struct classifier *c, const struct classifier_box *box);
// The hash of a box that lies in a table.
uint32_t classifier_box_hash(const struct classifier *c, const struct classifier_table *t,
                             const struct classifier_box *box);

// classifier_set.c.
int classifier_set_has_address(const struct classifier_set *set, uint8_t family,
                               const uint8_t *address);
int classifier_set_has_port(const struct classifier_set *set, uint16_t port);

#endif
