// SPDX-License-Identifier: BSD-3-Clause
// Which packet does a fragment belong to, and does it lie apart from the others? A hash table of
// one worker, its queue of waiting fragments, and for each packet the pieces that have been seen.
// Worker; called by fragment.c only. All of it is bounded, and made at the start. Next: fragment.c.

#include "dataplane/session/fragment_table.h"

#include <rte_jhash.h>

#include "dataplane/core/pool.h"
#include "dataplane/session/table.h"

static int take_quota(struct session_tenant *tenant)
{
    uint32_t limit = RTE_MIN(__atomic_load_n(&tenant->fragment_limit, __ATOMIC_RELAXED),
                             (uint32_t)FRAGMENT_MAX_PACKETS / FRAGMENT_TENANT_SHARE);

    if (__atomic_add_fetch(&tenant->n_fragments, 1, __ATOMIC_RELAXED) <= limit)
        return 1;
    __atomic_fetch_sub(&tenant->n_fragments, 1, __ATOMIC_RELAXED);
    return 0;
}

// The tenant's memory stays as long as something is counted in it.
static void give_quota(struct session_tenant *tenant)
{
    __atomic_fetch_sub(&tenant->n_fragments, 1, __ATOMIC_RELEASE);
}

static uint16_t *bucket_of(struct fragment_table *t, const struct fragment_key *key)
{
    uint32_t hash = rte_jhash_32b((const uint32_t *)key, sizeof(*key) / 4, t->seed);

    return &t->buckets[hash % FRAGMENT_MAX_PACKETS];
}

struct fragment_packet *fragment_table_find(struct fragment_table *t,
                                            const struct fragment_key *key)
{
    for (uint16_t i = *bucket_of(t, key); i != 0; i = t->packets[i - 1].next) {
        if (memcmp(&t->packets[i - 1].key, key, sizeof(*key)) == 0)
            return &t->packets[i - 1];
    }
    return NULL;
}

struct fragment_packet *fragment_table_add(struct fragment_table *t, const struct fragment_key *key,
                                           struct session_tenant *tenant, uint32_t now_ms)
{
    uint16_t i = t->free_packet, *bucket = bucket_of(t, key);
    struct fragment_packet *e;

    if (i == 0 && t->n_packets_ever == FRAGMENT_MAX_PACKETS)
        return NULL;
    if (!take_quota(tenant))
        return NULL;
    if (i != 0)
        t->free_packet = t->packets[i - 1].next;
    else
        i = (uint16_t)++t->n_packets_ever;
    e = &t->packets[i - 1];
    memset(e, 0, offsetof(struct fragment_packet, pieces));
    e->key = *key;
    e->tenant = tenant;
    e->expires_ms = now_ms + session_timeout_ms(tenant, API_TIMEOUT_fragment);
    e->next = *bucket;
    *bucket = i;
    t->n_packets++;
    return e;
}

void fragment_table_del(struct fragment_table *t, struct fragment_packet *e)
{
    uint16_t i = (uint16_t)(e - t->packets + 1), *link = bucket_of(t, &e->key);

    while (*link != i)
        link = &t->packets[*link - 1].next;
    *link = e->next;
    give_quota(e->tenant);
    e->tenant = NULL;
    e->next = t->free_packet;
    t->free_packet = i;
    t->n_packets--;
}

// A tenant that sends no first fragments leaves room for those of others.
static int take_place(struct session_tenant *tenant)
{
    const uint32_t limit = FRAGMENT_MAX_HELD / FRAGMENT_TENANT_SHARE;

    if (__atomic_add_fetch(&tenant->n_held_fragments, 1, __ATOMIC_RELAXED) <= limit)
        return 1;
    __atomic_fetch_sub(&tenant->n_held_fragments, 1, __ATOMIC_RELAXED);
    return 0;
}

static void give_place(struct session_tenant *tenant)
{
    __atomic_fetch_sub(&tenant->n_held_fragments, 1, __ATOMIC_RELAXED);
}

int fragment_hold(struct fragment_table *t, struct fragment_packet *e, struct rte_mbuf *m)
{
    uint16_t place = t->free_held;

    if (e->n_held == FRAGMENT_MAX_WAITING || (place == 0 && t->n_held_ever == FRAGMENT_MAX_HELD) ||
        !take_place(e->tenant))
        return 0;
    if (!pool_begin_wait(m)) {
        give_place(e->tenant);
        return 0;
    }
    if (place != 0)
        t->free_held = t->held[place - 1].next;
    else
        place = ++t->n_held_ever;
    t->held[place - 1] = (struct fragment_held){m, 0};
    if (e->n_held > 0)
        t->held[e->held_last - 1].next = place;
    else
        e->held_first = place;
    e->held_last = place;
    e->n_held++;
    return 1;
}

struct rte_mbuf *fragment_take(struct fragment_table *t, struct fragment_packet *e)
{
    uint16_t place = e->held_first;
    struct fragment_held *held;

    if (e->n_held == 0)
        return NULL;
    held = &t->held[place - 1];
    e->held_first = held->next;
    e->n_held--;
    held->next = t->free_held;
    t->free_held = place;
    pool_end_wait(held->m);
    give_place(e->tenant);
    return held->m;
}

// Where the piece belongs: before this one.
static unsigned place_of(const struct fragment_packet *e, uint16_t begin)
{
    unsigned i = e->n_pieces;

    while (i > 0 && e->pieces[i - 1].begin >= begin) // most come in order
        i--;
    return i;
}

static void remove_piece(struct fragment_packet *e, unsigned i)
{
    e->n_pieces--;
    memmove(&e->pieces[i], &e->pieces[i + 1], (e->n_pieces - i) * sizeof(e->pieces[0]));
}

// Make room: two neighbours become one, and a copy of either counts as an overlap from now on.
static int join_pieces(struct fragment_packet *e)
{
    for (unsigned i = 0; i + 1 < e->n_pieces; i++) {
        if (e->pieces[i].end != e->pieces[i + 1].begin)
            continue;
        e->pieces[i].end = e->pieces[i + 1].end;
        remove_piece(e, i + 1);
        return 1;
    }
    return 0;
}

enum fragment_fit fragment_pieces_check(struct fragment_packet *e, struct fragment_piece piece,
                                        int is_last)
{
    unsigned i = place_of(e, piece.begin);
    const struct fragment_piece *after = i < e->n_pieces ? &e->pieces[i] : NULL;
    uint16_t end = e->n_pieces > 0 ? e->pieces[e->n_pieces - 1].end : 0;

    if (after != NULL && after->begin == piece.begin && after->end == piece.end &&
        is_last == (piece.end == e->n_all_units))
        return FRAGMENT_IS_COPY;
    if ((after != NULL && after->begin < piece.end) ||
        (i > 0 && e->pieces[i - 1].end > piece.begin))
        return FRAGMENT_OVERLAPS;
    // Behind the last one comes nothing, nor is there another last one.
    if (e->n_all_units > 0 && (is_last || piece.end > e->n_all_units))
        return FRAGMENT_OVERLAPS;
    if (is_last && end > piece.end)
        return FRAGMENT_OVERLAPS;
    if (e->n_pieces == FRAGMENT_MAX_PIECES && !join_pieces(e))
        return FRAGMENT_IS_SCATTERED;
    return FRAGMENT_FITS;
}

void fragment_pieces_add(struct fragment_packet *e, struct fragment_piece piece, int is_last)
{
    unsigned i = place_of(e, piece.begin);

    memmove(&e->pieces[i + 1], &e->pieces[i], (e->n_pieces - i) * sizeof(e->pieces[0]));
    e->pieces[i] = piece;
    e->n_pieces++;
    e->n_units = (uint16_t)(e->n_units + piece.end - piece.begin);
    if (is_last)
        e->n_all_units = piece.end;
}
