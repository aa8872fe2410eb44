// SPDX-License-Identifier: BSD-3-Clause
// Which prefix is route number n? Called by the loader and by the generator before anything is
// sent. A hundred routes of a side hold each length as often as its table says; those of one length
// are numbered, and their number is spread over all prefixes of that length by a bijection. So
// prefixes are distinct without a memory of those made. Next: loader.c, ../generator/flows.c.
#include "tests/bench/routes/prefixes.h"

#include <string.h>

#define PERIOD 100
#define PERIOD_STEP 37 // coprime to it: neighbours differ in length
#define OCTET_BITS 8

struct length {
    uint8_t len;
    uint8_t percent;
};

static const struct length ip4_lengths[] = {{16, 2}, {17, 1},  {18, 2},  {19, 3}, {20, 4},
                                            {21, 5}, {22, 12}, {23, 10}, {24, 61}};
static const struct length ip6_lengths[] = {{29, 1},  {32, 10}, {36, 5}, {40, 9},
                                            {44, 12}, {46, 4},  {47, 4}, {48, 55}};

// First octets of a word. IPv4: those of unicast, without 10 (the routers' own subnets), 127 and
// 169 (link-local). IPv6: any.
struct octets {
    uint16_t first;
    uint16_t n;
    uint16_t left_out;
    uint16_t n_bits; // that count them
};

static const struct octets ip4_octets[] = {
    [PREFIX_BEHIND_A] = {1, 125, 10, 7},
    [PREFIX_BEHIND_B] = {128, 95, 169, 7},
};
static const struct octets ip6_octets = {0, 256, 256, 8};

static unsigned first_bit(unsigned family)
{
    return family == 4 ? 0 : 16;
}

uint32_t spread_bits(uint32_t x, unsigned n_bits)
{
    uint32_t mask = UINT32_MAX >> (32 - n_bits);

    for (int i = 0; i < 2; i++) {
        x = (x * 0x2c1b3c6dU + 0x297a2d39U) & mask;
        x ^= x >> n_bits / 2;
    }
    return x;
}

// The rank-th prefix of len bits in the word. The sides begin at other ends, or their prefixes
// would be alike in all but the first octet.
static uint32_t place(const struct octets *o, enum prefix_side side, unsigned len, uint32_t rank)
{
    unsigned n_more = len - OCTET_BITS;
    uint64_t n_prefixes = (uint64_t)o->n << n_more;
    uint32_t x = side == PREFIX_BEHIND_A ? rank : (uint32_t)(n_prefixes - 1 - rank);
    uint32_t octet;

    // In a cycle of the bijection what is no prefix is stepped over.
    do
        x = spread_bits(x, o->n_bits + n_more);
    while (x >= n_prefixes);
    octet = o->first + (x >> n_more);
    octet += octet >= o->left_out;
    return octet << (32 - OCTET_BITS) | (x & ((1U << n_more) - 1)) << (32 - len);
}

struct prefix prefix_of_route(unsigned family, uint32_t route)
{
    const struct length *l = family == 4 ? ip4_lengths : ip6_lengths;
    enum prefix_side side = route % 2 == 0 ? PREFIX_BEHIND_A : PREFIX_BEHIND_B;
    const struct octets *o = family == 4 ? &ip4_octets[side] : &ip6_octets;
    uint32_t number = route / 2;
    uint32_t left = number * PERIOD_STEP % PERIOD;

    while (left >= l->percent)
        left -= l++->percent;
    return (struct prefix){
        .word = place(o, side, l->len - first_bit(family), number / PERIOD * l->percent + left),
        .len = l->len,
        .side = (uint8_t)side,
    };
}

uint32_t prefix_pick(unsigned family, const struct prefix *p, uint32_t random)
{
    unsigned len = p->len - first_bit(family);

    return len == 32 ? p->word : p->word | (random & UINT32_MAX >> len);
}

uint16_t prefix_ip6_top(enum prefix_side side)
{
    return side == PREFIX_BEHIND_A ? 0x2400 : 0x2a00;
}

void prefix_address(unsigned family, const struct prefix *p, uint8_t address[16])
{
    uint16_t top = prefix_ip6_top((enum prefix_side)p->side);
    uint8_t *at = address;

    memset(address, 0, 16);
    if (family == 6) {
        *at++ = (uint8_t)(top >> 8);
        *at++ = (uint8_t)top;
    }
    for (int shift = 24; shift >= 0; shift -= 8)
        *at++ = (uint8_t)(p->word >> shift);
}
