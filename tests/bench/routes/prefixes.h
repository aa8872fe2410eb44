// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_BENCH_ROUTES_PREFIXES_H
#define TESTS_BENCH_ROUTES_PREFIXES_H

// The routes of the bench, by number: the loader and the generator make the same ones of the same
// number, without a file between them. Route 2k lies behind port A, route 2k+1 behind port B; no
// prefix behind one port overlaps with one behind the other, within a port a longer one may lie in
// a shorter one. Lengths are mixed as in the Internet's table, for the first ten routes as for a
// million.

#include <stdint.h>

// Of a family, all distinct: a million, and a hundred thousand that flap beside them.
#define PREFIXES_MAX 1200000U

enum prefix_side { PREFIX_BEHIND_A, PREFIX_BEHIND_B };

// All that differs is a word: an IPv4 address, or bits 16 to 47 of an IPv6 address.
struct prefix {
    uint32_t word; // host order; no bit beyond the length
    uint8_t len;   // of the prefix: 16 to 24, or 29 to 48
    uint8_t side;  // enum prefix_side
};

// `family` is 4 or 6, here and below; `route` is below PREFIXES_MAX.
struct prefix prefix_of_route(unsigned family, uint32_t route);

// The word of an address in the prefix; `random` chooses which.
uint32_t prefix_pick(unsigned family, const struct prefix *p, uint32_t random);

// First 16 bits of the side's IPv6 addresses; what follows the word is zero, or one at a host.
uint16_t prefix_ip6_top(enum prefix_side side);

// Network order, IPv4 in the first four bytes, the rest 0.
void prefix_address(unsigned family, const struct prefix *p, uint8_t address[16]);

// A bijection on numbers of n_bits (2 to 32) bits.
uint32_t spread_bits(uint32_t x, unsigned n_bits);

#endif
