// SPDX-License-Identifier: BSD-3-Clause
// Where in an index does a key go? A keyed hash: each word is added to a secret one, pairs of sums
// are multiplied and the products added (NH of UMAC, RFC 4418, 5.2.2, with 64 bit words): two keys
// that were chosen without the secret collide with a chance of 2^-64. Then all bits are mixed down
// to 32 by secret factors, so that what little a guest could learn from the time of look-ups says
// nothing of other keys. Called by find.c and table.c on workers. Next: index.c.

#include "dataplane/session/table.h"

#include "dataplane/session/state.h"

static uint64_t secret[HASH_WORDS + 3]; // main thread, before workers start

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void hash_init(void)
{
    uint64_t seed = state_seed();

    for (unsigned i = 0; i < HASH_WORDS + 3; i++)
        secret[i] = draw(&seed);
}

uint32_t hash_words(const uint64_t words[HASH_WORDS])
{
    __extension__ typedef unsigned __int128 wide;
    wide sum = 0;
    uint64_t low, high;

    for (unsigned i = 0; i < HASH_WORDS; i += 2)
        sum += (wide)(words[i] + secret[i]) * (words[i + 1] + secret[i + 1]);
    low = (uint64_t)sum + secret[HASH_WORDS];
    high = (uint64_t)(sum >> 64) + secret[HASH_WORDS + 1];
    sum = (wide)low * (high | 1);
    low = ((uint64_t)sum ^ (uint64_t)(sum >> 64)) * (secret[HASH_WORDS + 2] | 1);
    return (uint32_t)(low >> 32);
}
