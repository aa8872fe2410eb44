// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SESSION_FRAGMENT_TABLE_H
#define DATAPLANE_SESSION_FRAGMENT_TABLE_H

// One worker's table of packets whose fragments come, and which pieces of each have been seen. Only
// for fragment.c and its tests. Nothing in it is shared.

#include "dataplane/session/fragment.h"

#define FRAGMENT_MAX_PACKETS 16384 // for each worker
#define FRAGMENT_MAX_PIECES 64     // apart from each other, or not joined yet
#define FRAGMENT_MAX_HELD 256      // waiting, for each worker
#define FRAGMENT_TENANT_SHARE 4    // no tenant has more than a quarter of either
#define FRAGMENT_UNIT 8            // offsets count in eight bytes

// What names a packet (RFC 791, 3.2; RFC 8200, 4.5), to be compared as bytes.
struct fragment_key {
    uint8_t source[16];
    uint8_t destination[16];
    uint32_t identification;
    uint32_t chain;
    uint8_t family;
    uint8_t protocol; // IPv6: 0
    uint8_t side;
    uint8_t reserved;
};

_Static_assert(sizeof(struct fragment_key) == 44, "no padding");

// Units [begin, end).
struct fragment_piece {
    uint16_t begin;
    uint16_t end;
};

enum fragment_fate {
    FRAGMENT_OPEN,    // the first one has not been judged
    FRAGMENT_DECIDED, // `decision` says
    FRAGMENT_REFUSED, // all are dropped with `refusal` until it is forgotten
};

struct fragment_packet {
    struct fragment_key key;
    uint32_t expires_ms;
    struct session_tenant *tenant; // NULL: not in use
    struct fragment_decision decision;
    uint16_t next; // in its bucket or among the free ones, + 1
    uint8_t fate;  // enum fragment_fate
    uint8_t refusal;
    uint16_t n_units;     // seen
    uint16_t n_all_units; // of the whole packet; 0: the last one has not come
    uint16_t held_first, held_last;
    uint8_t n_held;
    uint8_t n_pieces;
    struct fragment_piece pieces[FRAGMENT_MAX_PIECES]; // ascending
};

struct fragment_held {
    struct rte_mbuf *m;
    uint16_t next; // + 1
};

struct fragment_table {
    uint32_t seed; // random for each process
    uint32_t n_packets;
    uint32_t n_packets_ever; // entries beyond have never been in use
    uint32_t cursor;         // of ageing
    uint16_t free_packet;    // + 1
    uint16_t free_held;      // + 1
    uint16_t n_held_ever;
    uint16_t buckets[FRAGMENT_MAX_PACKETS]; // + 1
    struct fragment_held held[FRAGMENT_MAX_HELD];
    struct fragment_packet packets[FRAGMENT_MAX_PACKETS];
};

// NULL: not there.
struct fragment_packet *fragment_table_find(struct fragment_table *t,
                                            const struct fragment_key *key);
// One that is not there yet. NULL: no room here, or the tenant has all it may have.
struct fragment_packet *fragment_table_add(struct fragment_table *t, const struct fragment_key *key,
                                           struct session_tenant *tenant, uint32_t now_ms);
// None waits for it any more.
void fragment_table_del(struct fragment_table *t, struct fragment_packet *e);

// Let m wait. 0: too many do.
int fragment_hold(struct fragment_table *t, struct fragment_packet *e, struct rte_mbuf *m);
// The one that has waited longest; NULL: none.
struct rte_mbuf *fragment_take(struct fragment_table *t, struct fragment_packet *e);

enum fragment_fit {
    FRAGMENT_FITS,
    FRAGMENT_IS_COPY,     // exactly this piece was there
    FRAGMENT_OVERLAPS,    // RFC 5722, or it lies behind the end
    FRAGMENT_IS_SCATTERED // more pieces than are kept
};

enum fragment_fit fragment_pieces_check(struct fragment_packet *e, struct fragment_piece piece,
                                        int is_last);
// One that fits.
void fragment_pieces_add(struct fragment_packet *e, struct fragment_piece piece, int is_last);

static inline int fragment_is_complete(const struct fragment_packet *e)
{
    return e->n_all_units > 0 && e->n_units == e->n_all_units;
}

#endif
