// SPDX-License-Identifier: BSD-3-Clause
// How does a record get into the index, and out? Both keys at once, under the locks of their two
// buckets, so that of two threads with the same key one is the first. Called by session_open.c on
// workers, by adopt.c on the main thread. Next: index.c.

#include "dataplane/session/table.h"

#include <errno.h>

#include "dataplane/session/opening.h"

struct table session_table;

static uint32_t value_of(const struct session *s, unsigned direction)
{
    return table_number(s) << 1 | direction;
}

// What has this key, in an index line and behind it.
static struct session *search(const struct index_line *line, uint32_t hash, uint32_t chain,
                              uint8_t side, const struct session_tuple *t, unsigned *direction)
{
    struct index_cursor cursor = index_begin(&session_table.index, line);
    uint32_t value;

    while ((value = index_next(&cursor, hash)) != 0) {
        struct session *s = table_record(value >> 1);

        if (!table_is_key(s, value & 1, chain, side, t))
            continue;
        *direction = value & 1;
        return s;
    }
    return NULL;
}

#define MAX_TRIES 4

struct session *table_find(const struct session_query *q, uint32_t hash, unsigned *direction)
{
    struct index *x = &session_table.index;
    struct index_line *locked;
    struct session *s;

    for (unsigned i = 0; i < MAX_TRIES; i++) {
        uint32_t sequence;
        const struct index_line *line = index_read_begin(x, hash, &sequence);

        s = search(line, hash, q->chain, q->side, &q->tuple, direction);
        if (s != NULL || index_read_is_sure(x, hash, line, sequence))
            return s;
    }
    locked = index_lock(x, hash);
    s = search(locked, hash, q->chain, q->side, &q->tuple, direction);
    index_unlock(locked);
    return s;
}

static int add_both(struct session *s, const uint32_t hashes[2], struct index_line *const lines[2])
{
    struct index *x = &session_table.index;
    int rc = index_add(x, lines[0], hashes[0], value_of(s, 0));

    if (rc < 0)
        return rc;
    rc = index_add(x, lines[1], hashes[1], value_of(s, 1));
    if (rc < 0) {
        index_del(x, lines[0], hashes[0], value_of(s, 0));
        return rc;
    }
    __atomic_store_n(&s->valid, SESSION_VALID, __ATOMIC_RELEASE);
    opening_raise(opening_place(hashes[0]));
    opening_raise(opening_place(hashes[1]));
    return 0;
}

int table_add(struct session *s, struct session **other, unsigned *which)
{
    const uint32_t *hashes = s->hash;
    struct index_line *lines[2];
    int rc = -EEXIST;

    // The same key twice: it could not be told which direction a packet has.
    if (s->side[0] == s->side[1] && session_tuple_is_equal(&s->key_original, &s->key_reply))
        return -EINVAL;
    index_lock_two(&session_table.index, hashes, lines);
    *other = NULL;
    for (unsigned i = 0; i < 2 && *other == NULL; i++) {
        if (likely(index_look(&session_table.index, lines[i], hashes[i]) == 0))
            continue;
        *other = search(lines[i], hashes[i], s->chain, s->side[i], session_key(s, i), which);
        *which |= i << 1;
    }
    if (*other == NULL)
        rc = add_both(s, hashes, lines);
    index_unlock_two(lines);
    return rc;
}

void table_del(const struct session *s)
{
    const uint32_t *hashes = s->hash;
    struct index_line *lines[2];

    index_lock_two(&session_table.index, hashes, lines);
    index_del(&session_table.index, lines[0], hashes[0], value_of(s, 0));
    index_del(&session_table.index, lines[1], hashes[1], value_of(s, 1));
    index_unlock_two(lines);
}
