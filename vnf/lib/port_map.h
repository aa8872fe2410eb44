// SPDX-License-Identifier: BSD-3-Clause
#ifndef VNF_LIB_PORT_MAP_H
#define VNF_LIB_PORT_MAP_H

// Which ports of one address and protocol are free? A bit for each of 65536, and two levels above
// that say where a word has one: finding a free port in a range takes the same few steps whether
// all are free or only the last.
//
// Even and odd ports lie in two halves, so that a range of ports of one parity is a range of bits.
// A port that is given back rests: of two sets that are exchanged by port_map_rotate one is filled,
// the other becomes free, so a port rests for one to two periods. A resting port is taken only when
// no other is left, the longest rested first (RFC 6888, REQ-8).
//
// All zero is an empty map: memory that was never touched. Who calls has a lock around it.

#include <stdint.h>

#define PORT_SET_WORDS 1024

// 65536 bits. What the levels above say is fixed by the set's use, see `flip` in port_map.c.
struct port_set {
    uint64_t top;
    uint64_t middle[PORT_SET_WORDS / 64];
    uint64_t words[PORT_SET_WORDS];
};

// Sets in which a bit that is 0 is looked for.
void port_set_fill(struct port_set *set, uint32_t bit);
void port_set_clear(struct port_set *set, uint32_t bit);
// The first 0 in [from, last], or -1.
int port_set_find(const struct port_set *set, uint32_t from, uint32_t last);

struct port_map {
    uint32_t n_used;
    uint32_t n_resting[2];
    uint8_t now;          // which of resting is filled
    struct port_set busy; // in use, resting or reserved
    struct port_set resting[2];
    uint64_t reserved[PORT_SET_WORDS];
};

enum port_parity {
    PORT_EVEN = 0,
    PORT_ODD = 1,
    PORT_ANY = 2,
};

// Ports in host order.
struct port_request {
    uint16_t first, last; // of these
    // Rather of these, which are in [first, last]; preferred_first > preferred_last: no matter.
    uint16_t preferred_first, preferred_last;
    uint8_t parity;  // enum port_parity: rather
    uint32_t random; // where to begin to look
};

// Whether port_map_take_any would find none, as far as that is told at a glance: a no may be wrong
// where thousands of ports are reserved.
int port_map_is_full(const struct port_map *map, const struct port_request *request);

// Take a port: the first of these that is there: rested, preferred, of the parity; in this order of
// weight. Returns it, or -1: none is left in [first, last].
int port_map_take_any(struct port_map *map, const struct port_request *request);

// Fetch where port_map_take_any will look first. Without the lock.
void port_map_foresee(const struct port_map *map, const struct port_request *request);

// Take this one. 0, or -EADDRINUSE: it is in use or reserved.
int port_map_take(struct port_map *map, uint16_t port);

// Give it back.
void port_map_release(struct port_map *map, uint16_t port);

// Take a port out of what is handed out, or put it back. It may be in use meanwhile: whoever puts
// it back says so.
void port_map_reserve(struct port_map *map, uint16_t port);
void port_map_unreserve(struct port_map *map, uint16_t port, int is_in_use);

// A period of rest is over.
void port_map_rotate(struct port_map *map);

#endif
