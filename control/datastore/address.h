// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_DATASTORE_ADDRESS_H
#define CONTROL_DATASTORE_ADDRESS_H

// IP addresses and prefixes as they stand in a configuration, in bytes. For southbound/ as well.

#include <stdbool.h>
#include <stdint.h>

struct address {
    uint8_t family;     // 4 or 6
    uint8_t prefix_len; // 32 or 128 if none is written
    uint8_t bytes[16];  // network order; IPv4 in the first four, the rest 0
};

// Take ADDRESS or ADDRESS/LENGTH apart. 0, or -EINVAL.
int address_parse(const char *text, struct address *a);

// Its length in bits: 32 or 128.
unsigned address_size(const struct address *a);

// Set the bits behind the first `len` to 0, and prefix_len to `len`.
void address_mask(struct address *a, unsigned len);

// The classes that no host has as its own or as a next hop: unspecified and the whole of 0/8,
// loopback, multicast, IPv4 from 240/4 on.
bool address_is_host(const struct address *a);

bool address_is_link_local(const struct address *a); // fe80::/10

#endif
