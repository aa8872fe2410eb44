// SPDX-License-Identifier: BSD-3-Clause
// Which way does a walk stand for? Walks that pass the same functions by the same sides towards the
// same next hop are one way, found by a hash of all that. When the next hop's MAC or the port
// behind it changes, one walk brings the way up to date, and no flow has changed. Worker, called by
// compose.c; nobody waits for a bucket that is taken. Next: insert.c.

#include "dataplane/flow/table.h"

#include <errno.h>

#include "dataplane/core/clock.h"
#include "dataplane/session/session.h"

#define N_BUCKETS 16384
#define AHEAD 2048 // ways

struct bucket {
    uint32_t lock;
    uint32_t first;
};

struct way *ways;
uint64_t *way_counts[API_MAX_WORKERS];

static struct bucket buckets[N_BUCKETS];
static struct numbers numbers;
static unsigned n_workers;

static size_t ways_size(void)
{
    return (WAY_MAX + 1) * sizeof(ways[0]);
}

static size_t counts_size(void)
{
    return (WAY_MAX + 1) * sizeof(way_counts[0][0]);
}

static void touch(uint32_t first, uint32_t n)
{
    memory_touch(ways, first * sizeof(ways[0]), n * sizeof(ways[0]));
    for (unsigned i = 0; i < n_workers; i++)
        memory_touch(way_counts[i], first * sizeof(uint64_t), n * sizeof(uint64_t));
}

int ways_init(unsigned workers)
{
    int rc = numbers_init(&numbers, WAY_MAX, 0);

    n_workers = workers;
    memset(buckets, 0, sizeof(buckets));
    ways = memory_reserve(ways_size());
    for (unsigned i = 0; i < n_workers; i++) {
        way_counts[i] = memory_reserve(counts_size());
        if (way_counts[i] == NULL)
            rc = -ENOMEM;
    }
    if (rc == 0 && ways != NULL) {
        ways_tend();
        return 0;
    }
    ways_fini();
    return -ENOMEM;
}

void ways_fini(void)
{
    for (unsigned i = 0; i < n_workers; i++) {
        memory_release(way_counts[i], counts_size());
        way_counts[i] = NULL;
    }
    memory_release(ways, ways_size());
    ways = NULL;
    numbers_fini(&numbers);
}

static struct bucket *bucket_of(uint64_t identity)
{
    return &buckets[identity % N_BUCKETS];
}

// Of a switch's last side it is not said which one it is: that may move.
static int is_end(const struct walk_trace *t, unsigned hop)
{
    return hop + 1 == t->n_hops && t->hops[hop].is_learned;
}

static uint64_t identify(const struct generation *generation, const struct walk_trace *t)
{
    uint64_t hash =
        walk_mix(t->next_hop, (uint64_t)t->n_hops << 16 | (uint64_t)t->n_sessions << 8 | t->own.n);

    for (unsigned i = 0; i < t->n_hops; i++) {
        hash = walk_mix(hash, generation->attachments[t->hops[i].in].id);
        if (!is_end(t, i))
            hash = walk_mix(hash, generation->attachments[t->hops[i].out].id);
    }
    for (unsigned i = 0; i < t->n_sessions; i++)
        hash = walk_mix(hash, (uint64_t)(uintptr_t)t->sessions[i].tenant ^
                                  (uint64_t)t->sessions[i].track_flags << 1 ^
                                  t->sessions[i].direction);
    return hash;
}

static struct way_hop hop_of(const struct walk_context *ctx, const struct trace_hop *hop)
{
    const struct generation *g = ctx->generation;
    const struct attachment *in = &g->attachments[hop->in], *out = &g->attachments[hop->out];
    uint32_t first = g->functions[in->function].first_attachment;

    return (struct way_hop){in->id, out->id, hop->fingerprint, hop->in - first, hop->out - first};
}

static uint32_t find(const struct bucket *b, uint64_t identity)
{
    uint32_t number = b->first;

    while (number != 0 && ways[number].identity != identity)
        number = ways[number].next;
    return number;
}

// What all its flows were decided by has changed, if anything of this is another.
static int is_decided_alike(const struct way *way, const struct walk_context *ctx,
                            const struct walk_trace *t)
{
    if (way->mtu != t->mtu || way->n_routers != t->n_routers)
        return 0;
    for (unsigned i = 0; i < t->n_hops; i++) {
        const struct way_hop hop = hop_of(ctx, &t->hops[i]);

        if (hop.fingerprint != way->hops[i].fingerprint || hop.in_side != way->hops[i].in_side ||
            (!is_end(t, i) && hop.out_side != way->hops[i].out_side))
            return 0;
    }
    for (unsigned i = 0; i < TRACE_MAX_COMMON; i++)
        if (way->common[i] != (i < t->common.n ? t->common.places[i] : 0))
            return 0;
    return 1;
}

static void begin_write(struct way *way)
{
    __atomic_store_n(&way->sequence, way->sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void end_write(struct way *way)
{
    __atomic_store_n(&way->sequence, way->sequence + 1, __ATOMIC_RELEASE);
}

static void write_decided(struct way *way, const struct walk_context *ctx,
                          const struct walk_trace *t)
{
    way->n_own = t->own.n;
    way->n_routers = t->n_routers;
    way->n_sessions = t->n_sessions;
    way->mtu = t->mtu;
    memset(way->common, 0, sizeof(way->common));
    memcpy(way->common, t->common.places, t->common.n * sizeof(way->common[0]));
    way->n_hops = t->n_hops;
    for (unsigned i = 0; i < t->n_hops; i++)
        way->hops[i] = hop_of(ctx, &t->hops[i]);
    for (unsigned i = 0; i < t->n_sessions; i++)
        way->sessions[i] = (struct way_session){t->sessions[i].tenant, t->sessions[i].track_flags,
                                                t->sessions[i].direction};
}

static void write_end(struct way *way, const struct walk_context *ctx, const struct walk_trace *t)
{
    const struct trace_hop *last = &t->hops[t->n_hops - 1];
    const struct attachment *a = &ctx->generation->attachments[last->out];

    way->hops[t->n_hops - 1] = hop_of(ctx, last);
    way->port = a->port;
    way->guest_port = a->guest_port;
    way->n_tags = a->n_tags;
    way->outer_vlan = a->outer_vlan;
    way->inner_vlan = a->inner_vlan;
    memcpy(way->macs, t->end.macs, sizeof(way->macs));
    way->n_shared = t->shared.n;
    memset(way->shared, 0, sizeof(way->shared));
    memcpy(way->shared, t->shared.places, t->shared.n * sizeof(way->shared[0]));
    way->sum = t->shared.sum;
}

static int is_same_end(const struct way *way, const struct walk_context *ctx,
                       const struct walk_trace *t)
{
    struct way other = *way;

    write_end(&other, ctx, t);
    return memcmp(&other, way, sizeof(other)) == 0;
}

// The bucket is locked. 0: none is free.
static uint32_t add(struct bucket *b, uint64_t identity, const struct walk_context *ctx,
                    const struct walk_trace *t)
{
    uint32_t number = numbers_take(&numbers, ctx->worker);
    struct way *way = &ways[number];

    if (number == 0)
        return 0;
    begin_write(way);
    way->identity = identity;
    write_decided(way, ctx, t);
    write_end(way, ctx, t);
    way->is_used = 1;
    end_write(way);
    way->next = b->first;
    b->first = number;
    return number;
}

static void update(struct way *way, const struct walk_context *ctx, const struct walk_trace *t)
{
    int is_alike = is_decided_alike(way, ctx, t);

    if (is_alike && is_same_end(way, ctx, t))
        return;
    begin_write(way);
    if (!is_alike) {
        __atomic_fetch_add(&way->version, 1, __ATOMIC_RELEASE);
        write_decided(way, ctx, t);
    }
    write_end(way, ctx, t);
    end_write(way);
}

uint32_t way_intern(const struct walk_context *ctx, const struct walk_trace *t, uint32_t *version)
{
    uint64_t identity = identify(ctx->generation, t);
    struct bucket *b = bucket_of(identity);
    uint32_t number;

    if (!spin_trylock(&b->lock))
        return 0;
    number = find(b, identity);
    if (number != 0)
        update(&ways[number], ctx, t);
    else
        number = add(b, identity, ctx, t);
    if (number != 0) {
        __atomic_store_n(&ways[number].used_sec, ctx->now_sec, __ATOMIC_RELAXED);
        *version = ways[number].version;
    }
    spin_unlock(&b->lock);
    return number;
}

void ways_visit(void (*visit)(struct way *way, uint32_t number))
{
    uint32_t n = numbers_n_ever(&numbers);

    for (uint32_t i = 1; i <= n; i++) {
        struct bucket *b;

        if (!__atomic_load_n(&ways[i].is_used, __ATOMIC_ACQUIRE))
            continue;
        b = bucket_of(ways[i].identity);
        spin_lock(&b->lock);
        visit(&ways[i], i);
        spin_unlock(&b->lock);
    }
}

// Its flows, if there still are any, have been silent for long: whoever finds one sees another
// version. A worker may still hold it for a packet, and reads it between two sequences.
static void reclaim(struct way *way, uint32_t number, uint32_t *at)
{
    begin_write(way);
    __atomic_fetch_add(&way->version, 1, __ATOMIC_RELEASE);
    way->is_used = 0;
    way->identity = 0;
    end_write(way);
    *at = way->next;
    numbers_give(&numbers, SESSION_MAIN, number);
}

static void sweep(struct bucket *b, uint32_t now_sec)
{
    uint32_t *at = &b->first;

    spin_lock(&b->lock);
    while (*at != 0) {
        struct way *way = &ways[*at];

        if (now_sec - way->used_sec > WAY_LIFE_SEC && now_sec > way->used_sec)
            reclaim(way, *at, at);
        else
            at = &way->next;
    }
    spin_unlock(&b->lock);
}

void ways_tend(void)
{
    static uint32_t at;
    uint32_t n_ever = numbers_n_ever(&numbers), n = RTE_MIN(n_ever + AHEAD, (uint32_t)WAY_MAX);

    if (n > numbers.n_ready) {
        touch(numbers.n_ready + 1, n - numbers.n_ready);
        numbers_set_ready(&numbers, n);
    }
    for (unsigned i = 0; i < N_BUCKETS / 64; i++) { // all within some seconds
        if (buckets[at].first != 0)
            sweep(&buckets[at], clock_sec());
        at = (at + 1) % N_BUCKETS;
    }
}
