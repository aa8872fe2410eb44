// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_TUPLE_H
#define DATAPLANE_SESSION_TUPLE_H

// What names one direction of a connection: addresses, protocol, ports. No padding, so that it can
// be hashed and compared as bytes.

#include <stdint.h>
#include <string.h>

struct session_tuple {
    uint8_t source[16]; // network order; IPv4 in the first four, the rest 0
    uint8_t destination[16];
    // Network order. TCP, UDP, SCTP: the ports. An ICMP query has its identifier as source port and
    // 0 as destination port, its reply the other way round. Other protocols: 0.
    uint16_t source_port;
    uint16_t destination_port;
    uint8_t family; // 4 or 6
    uint8_t protocol;
    uint8_t icmp_type; // of the query, in both directions
    uint8_t reserved;  // 0
};

_Static_assert(sizeof(struct session_tuple) == 40, "five words");

static inline int session_tuple_is_equal(const struct session_tuple *a,
                                         const struct session_tuple *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

// What the answer to a packet with tuple *t has, if nobody translates in between.
static inline struct session_tuple session_tuple_reverse(const struct session_tuple *t)
{
    struct session_tuple r = *t;

    memcpy(r.source, t->destination, sizeof(r.source));
    memcpy(r.destination, t->source, sizeof(r.destination));
    r.source_port = t->destination_port;
    r.destination_port = t->source_port;
    return r;
}

#endif
