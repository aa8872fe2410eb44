// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PREFIX_TABLE_H
#define VNF_LIB_PREFIX_TABLE_H

// Which route is the longest that covers an address? A table for one family of one router: prefixes
// of 0 to 32 or 0 to 128 bits, each with a value that the caller chose. README.md tells how.
//
// The main thread changes tables, workers look up meanwhile without a lock. A change is one store
// for each address: a look-up sees it or does not. Of two changes that fall into one burst's
// look-up, the second may be seen and the first not; who must not have that (a shorter prefix that
// takes over before a longer one goes) calls prefix_tables_reclaim between the two.
//
// Addresses are in network order, 4 or 16 bytes. A value of 0 means that there is none.

#include <stddef.h>
#include <stdint.h>

#define PREFIX_TABLE_BURST 64 // look-ups that overlap

struct prefix_table;

// n_bits is 32 or 128. -EINVAL, -ENOMEM.
int prefix_table_create(unsigned n_bits, struct prefix_table **table);

// No worker may see the table any more. NULL is fine.
void prefix_table_destroy(struct prefix_table *t);

// Add or replace. Bits behind the first `len` are ignored. *old (may be NULL) becomes the value
// that was replaced, or 0. -EINVAL (len, value 0), -ENOMEM (the table is as it was).
int prefix_table_add(struct prefix_table *t, const uint8_t *prefix, unsigned len, uint32_t value,
                     uint32_t *old);

// Remove. Returns the value, 0 if there was none. Needs no memory.
uint32_t prefix_table_del(struct prefix_table *t, const uint8_t *prefix, unsigned len);

// The value of exactly this prefix. Main thread.
uint32_t prefix_table_get(const struct prefix_table *t, const uint8_t *prefix, unsigned len);

// The value of the longest prefix that covers an address. Any thread that qsbr knows, and main.
uint32_t prefix_table_lookup(const struct prefix_table *t, const uint8_t *address);

// The same for n addresses at once, in tables of 32 and of 128 bits. The four bytes of an IPv4
// address are read as they lie in a header.
void prefix_table_lookup4(const struct prefix_table *t, const uint32_t *addresses, uint32_t *values,
                          unsigned n);
void prefix_table_lookup6(const struct prefix_table *t, const uint8_t (*addresses)[16],
                          uint32_t *values, unsigned n);

// The prefix behind *address/*len in the order of addresses, then of lengths; the first one if *len
// is -1. Returns 1 and fills all three, or 0 at the end. Prefixes may come and go between calls:
// those that stay are listed once. Main thread.
int prefix_table_next(const struct prefix_table *t, uint8_t *address, int *len, uint32_t *value);

// Fetch what the lookup of an address, soon, will read first. Worker.
void prefix_table_prefetch4(const struct prefix_table *t, uint32_t address);

uint32_t prefix_table_count(const struct prefix_table *t);

// Bytes that this table uses, without what waits to be freed.
size_t prefix_table_memory(const struct prefix_table *t);

// All tables together: bytes taken from the system and not free for reuse, and the most that may
// be; an add that would need more gets -ENOMEM.
size_t prefix_tables_memory(void);
void prefix_tables_limit(size_t size);

// Free what was replaced or removed in any table: waits for one grace period (core/qsbr.h) if there
// is something. Call it once after a batch of changes. A very long batch waits now and then by
// itself. Main thread.
void prefix_tables_reclaim(void);

#endif
