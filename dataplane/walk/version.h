// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_WALK_VERSION_H
#define DATAPLANE_WALK_VERSION_H

// What may change under a flow without a commit: where a MAC is, which MAC a neighbour has, where a
// prefix leads. Each such object has a number that grows with each change. Who decides a packet
// notes the number before it looks at the object (trace.h); what was noted is still true as long as
// the number is. Who changes an object changes it first and then its number.
//
// Objects share WALK_N_VERSIONS numbers by a hash with a secret: a number that grows for another
// object's sake only makes packets walk once more.

#include <stdint.h>

#define WALK_N_VERSIONS 16384

extern uint32_t walk_versions[WALK_N_VERSIONS];
extern uint64_t walk_version_secret[2];

// Draw the secret. Main thread, before anything has a number.
void walk_version_init(void);

// Mix two words by the secret; nobody who does not know it finds what meets.
static inline uint64_t walk_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ walk_version_secret[0]) * (b ^ walk_version_secret[1]);

    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ b;
}

// The number's place of an object: `owner` is what holds it, for the whole time (a table, a state),
// `name` what it is called in there. Never 0: that number stays what it is.
static inline uint16_t walk_version_of(const void *owner, uint64_t name)
{
    uint64_t place = walk_mix((uint64_t)(uintptr_t)owner, name) >> 17 & (WALK_N_VERSIONS - 1);

    return place != 0 ? (uint16_t)place : 1;
}

// Before the object is read. Any thread.
static inline uint32_t walk_version(uint16_t place)
{
    return __atomic_load_n(&walk_versions[place], __ATOMIC_ACQUIRE);
}

// After the object has changed. Any thread.
static inline void walk_version_bump(uint16_t place)
{
    __atomic_fetch_add(&walk_versions[place], 1, __ATOMIC_RELEASE);
}

#endif
