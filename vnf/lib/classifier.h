// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_CLASSIFIER_H
#define VNF_LIB_CLASSIFIER_H

// Which of many rules is the first that matches? Rules have a number (seq) and match addresses,
// protocol, ports, ICMP type and code, TCP flags; the lowest number decides. README.md tells how.
//
// Classifiers come in versions (hash_trie.h): an edit makes the next one beside the one that
// workers use, and shares with it whatever it does not change. The user publishes it with one
// store, so all changes of an edit are seen at once. Edits: main thread. classifier_lookup: any
// thread that holds off the grace period, without a lock.

#include <stddef.h>
#include <stdint.h>

#include "vnf/lib/hash_trie.h"

struct classifier;
struct classifier_set;
struct classifier_box;

// Ports in host order, addresses in network order with IPv4 in the first four bytes.
struct classifier_key {
    uint8_t source[16];
    uint8_t destination[16];
    uint16_t source_port; // 0 for protocols without ports
    uint16_t destination_port;
    uint8_t family; // 4 or 6
    uint8_t zone;
    uint8_t protocol;
    uint8_t icmp_type, icmp_code; // 0 for others
    uint8_t tcp_flags;            // likewise
};

enum classifier_flag {
    CLASSIFIER_PROTOCOL = 1 << 0,
    CLASSIFIER_ICMP_TYPE = 1 << 1,
    CLASSIFIER_ICMP_CODE = 1 << 2,
};

// What a rule matches: everything that is given. The user makes it, all zero but for what he
// means, and keeps it in place until the last version with it is gone. Bytes up to `boxes` can be
// compared.
struct classifier_rule {
    uint32_t seq;
    uint16_t source_port_first, source_port_last; // 0 to 65535: any; else with a protocol
    uint16_t destination_port_first, destination_port_last;
    uint8_t zone;
    uint8_t family; // 0: both, then without prefixes
    uint8_t flags;  // enum classifier_flag
    uint8_t protocol;
    uint8_t icmp_type, icmp_code;      // with a protocol, without ports; a code with a type
    uint8_t tcp_flags_mask, tcp_flags; // with a protocol; mask 0: any
    uint8_t source_len, destination_len;
    uint8_t reserved[2];
    uint8_t source[16], destination[16]; // no bit set beyond the length
    // NULL: none. An address set that is given matches its own addresses only.
    const struct classifier_set *source_set, *destination_set;
    const struct classifier_set *source_port_set, *destination_port_set;

    struct classifier_box *boxes; // the classifier's
    uint32_t n_boxes;
};

// Named groups of a configuration are sets here, one for each content: the same prefixes give the
// same set. Sets count references. Main thread.
struct classifier_prefix {
    uint8_t family;
    uint8_t len;
    uint8_t reserved[2];
    uint8_t address[16]; // no bit set beyond the length
};

struct classifier_ports {
    uint16_t first, last; // host order
};

// NULL: out of memory.
const struct classifier_set *classifier_address_set(const struct classifier_prefix *prefixes,
                                                    uint32_t n);
const struct classifier_set *classifier_port_set(const struct classifier_ports *ports, uint32_t n);
void classifier_set_hold(const struct classifier_set *set); // NULL is fine, here and below
void classifier_set_put(const struct classifier_set *set);

// An empty one. NULL: out of memory.
struct classifier *classifier_create(void);
// The last version; nobody sees it. Its rules' boxes are freed by classifier_forget.
void classifier_destroy(struct classifier *c);

// Begin the next version. NULL: out of memory.
struct classifier *classifier_edit(const struct classifier *base);
// The rule, with another seq than those that are in. -ENOMEM: not whole, abort.
int classifier_add(struct classifier *c, struct trie_edit *edit, struct classifier_rule *rule);
int classifier_del(struct classifier *c, struct trie_edit *edit,
                   const struct classifier_rule *rule);
// All is in: may be published. Then trie_edit_commit and classifier_release(base) after a grace
// period.
void classifier_finish(struct classifier *c);
void classifier_abort(struct classifier *c, const struct trie_edit *edit);
// A version that nobody sees any more, when a next one has been committed.
void classifier_release(struct classifier *c);
// Free what a rule has of the classifier: it is in no version any more.
void classifier_forget(struct classifier_rule *rule);

// The most hashes that one look-up goes after, boxes that it compares, and sets that it asks.
#define CLASSIFIER_MAX_STEPS 512

// The first rule that matches, or NULL. *is_over: CLASSIFIER_MAX_STEPS did not suffice to tell, too
// many rules are alike; then NULL.
const struct classifier_rule *classifier_lookup(const struct classifier *c,
                                                const struct classifier_key *key, int *is_over);

// Of the tables that a look-up in this family goes through, how many there are. For the bench.
unsigned classifier_n_tables(const struct classifier *c, uint8_t family);

#endif
