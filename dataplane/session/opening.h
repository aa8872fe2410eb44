// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_OPENING_H
#define DATAPLANE_SESSION_OPENING_H

// What a look-up in vain is worth later: numbers that grow whenever something comes to be that
// packets will find from then on, a session or a NAT's binding. Who has found nothing and wants to
// remember that notes the number and looks once more; as long as it is the same there is nothing.
// Who makes something lets it be found first and then raises the number.
//
// Flows do not depend on them (walk/version.h is another array): these change with each new
// session. Places are shared by a keyed hash; a number that grows for another key's sake makes a
// packet walk.

#include "dataplane/session/session.h"

#define OPENING_N 16384

extern uint32_t openings[OPENING_N + 1]; // [0] stays what it is

// Of a key with this hash, which nobody can foresee. Never 0.
static inline uint16_t opening_place(uint32_t hash)
{
    return (uint16_t)(1 + hash % OPENING_N);
}

// Of sessions that have packets of this query.
uint16_t opening_place_of(const struct session_query *query);

// Before the look-up. Any thread.
static inline uint32_t opening_number(uint16_t place)
{
    return __atomic_load_n(&openings[place], __ATOMIC_ACQUIRE);
}

// After it can be found. Worker; the main thread for what no worker can look for yet. With one
// worker it is he who looks as well, so that nothing has an order but his program.
static inline void opening_raise(uint16_t place)
{
    if (__builtin_expect(session_is_shared, 0))
        __atomic_fetch_add(&openings[place], 1, __ATOMIC_RELEASE);
    else
        openings[place]++;
}

#endif
