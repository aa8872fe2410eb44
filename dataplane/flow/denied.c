// SPDX-License-Identifier: BSD-3-Clause
// Has a packet like this one just been denied? Called by burst.c on a worker for packets that no
// flow has carried out, and by compose.c behind the walk with what a trace says. Its worker alone
// reads and writes a table. Next: walk/walk.c if not; denied_turn.c for what the functions count.

#include "dataplane/flow/denied.h"

#include <rte_prefetch.h>

#include "dataplane/core/counters.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/opening.h"

struct denied_table *denied_begin(unsigned worker)
{
    struct denied_table *table = denied_tables[worker];

    if (table != NULL)
        table->turn = __atomic_load_n(&denied_this_turn, __ATOMIC_ACQUIRE);
    return table;
}

static inline int is_live(const struct denied_table *table, uint32_t now_ms)
{
    return table->is_used && !session_clock_has_passed(table->until_ms, now_ms);
}

void denied_foresee(const struct denied_table *table, const struct flow_sight *sights, unsigned n,
                    uint32_t now_ms)
{
    if (table == NULL || likely(!is_live(table, now_ms)))
        return;
    for (unsigned i = 0; i < n; i++) {
        const struct denied *e = &table->entries[sights[i].hash % DENIED_N];

        if (sights[i].kind < FLOW_PACKET_SEGMENT || sights[i].flow != NULL)
            continue;
        rte_prefetch0(e);
        rte_prefetch0(&e->turn);
    }
}

static inline int has_key(const struct denied *e, const struct flow_key *key)
{
    uint64_t difference = 0;

    for (unsigned i = 0; i < flow_key_words(flow_key_kind(key)); i++)
        difference |= e->key.words[i] ^ key->words[i];
    return difference == 0;
}

static inline uint32_t sum_of(const struct denied *e)
{
    uint32_t sum = flow_sum(e->places, DENIED_MAX_PLACES);

    for (unsigned i = 0; i < TRACE_MAX_OPENINGS; i++)
        sum += opening_number(e->openings[i]);
    return sum;
}

static inline int holds(const struct denied_table *table, const struct denied *e,
                        const struct rte_mbuf *m, uint32_t now_ms)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);

    if (e->turn != table->turn || session_clock_has_passed(e->until_ms, now_ms) ||
        e->tcp_flags != flow_tcp_flags(m, p) || sum_of(e) != e->sum)
        return 0;
    return e->n_routers == 0 || flow_fits(m, p, e->n_routers, e->mtu);
}

int denied_drop(const struct walk_context *ctx, struct denied_table *table, struct rte_mbuf *m,
                const struct flow_key *key, uint32_t hash, uint32_t now_ms)
{
    const struct packet *p = packet_of(m);
    const struct denied *e;
    struct denied_group *group;

    if (table == NULL || likely(!is_live(table, now_ms)))
        return 0;
    e = &table->entries[hash % DENIED_N];
    if (!has_key(e, key) || !holds(table, e, m, now_ms))
        return 0;
    group = &table->groups[table->turn & 1][e->group];
    __atomic_store_n(&group->packets, group->packets + 1, __ATOMIC_RELAXED);
    __atomic_store_n(&group->bytes, group->bytes + (uint32_t)(p->l3_end - p->l3_off),
                     __ATOMIC_RELAXED);
    counters_drop(p->in_port, ctx->worker, e->drop, 1);
    rte_pktmbuf_free(m);
    return 1;
}

int denied_is_repeated(struct denied_table *table, uint32_t hash, uint8_t tcp_flags)
{
    uint32_t *seen = &table->seen[hash % DENIED_N], sign = hash ^ (uint32_t)(tcp_flags + 1) << 14;
    int is_repeated = *seen == sign;

    *seen = sign;
    return is_repeated;
}

static uint64_t identify(const struct walk_context *ctx, const struct walk_trace *t)
{
    const struct walk_denial *d = &t->denial;
    uint64_t hash =
        walk_mix((uint64_t)(uintptr_t)ctx->generation, (uint64_t)t->denied_in << 8 | d->drop);

    for (unsigned i = 0; i < t->n_hops; i++)
        hash = walk_mix(hash, (uint64_t)t->hops[i].in << 32 | t->hops[i].out);
    for (unsigned i = 0; i < d->n_accounts; i++)
        hash = walk_mix(hash, d->accounts[i]);
    return hash != 0 ? hash : 1;
}

static const struct function *function_at(const struct generation *g, uint32_t attachment,
                                          uint32_t *side)
{
    const struct function *f = &g->functions[g->attachments[attachment].function];

    *side = attachment - f->first_attachment;
    return f;
}

static void make_group(struct denied_group *group, const struct walk_context *ctx,
                       const struct walk_trace *t)
{
    const struct generation *g = ctx->generation;

    group->f = function_at(g, t->denied_in, &group->in_side);
    group->denial = t->denial;
    group->n_hops = t->n_hops;
    for (unsigned i = 0; i < t->n_hops; i++) {
        struct denied_hop *hop = &group->hops[i];

        hop->f = function_at(g, t->hops[i].in, &hop->in_side);
        hop->out_side = t->hops[i].out - hop->f->first_attachment;
    }
}

#define N_TRIES 8

// Who counts it. NULL: there is no room.
static struct denied_group *group_of(struct denied_table *table, const struct walk_context *ctx,
                                     const struct walk_trace *t)
{
    struct denied_group *groups = table->groups[table->turn & 1];
    uint32_t *n_groups = &table->n_groups[table->turn & 1];
    uint64_t identity = identify(ctx, t);

    for (unsigned i = 0; i < N_TRIES; i++) {
        struct denied_group *group = &groups[(identity + i) % DENIED_N_GROUPS];

        if (group->identity == identity)
            return group;
        if (group->identity != 0)
            continue;
        make_group(group, ctx, t);
        __atomic_store_n(&group->identity, identity, __ATOMIC_RELEASE);
        __atomic_store_n(n_groups, *n_groups + 1, __ATOMIC_RELEASE);
        return group;
    }
    return NULL;
}

static int is_worth(const struct walk_trace *t, const struct flow_key *key)
{
    return t->is_denied && !t->is_broken && t->n_sessions == 0 && t->n_hops <= DENIED_MAX_HOPS &&
           t->own.n + t->shared.n + t->common.n <= DENIED_MAX_PLACES &&
           !(flow_key_kind(key) & FLOW_KIND_NO_PORTS);
}

static void fill(struct denied *e, const struct walk_trace *t)
{
    memset(e->places, 0, sizeof(e->places));
    memcpy(e->places, t->own.places, t->own.n * sizeof(e->places[0]));
    memcpy(&e->places[t->own.n], t->shared.places, t->shared.n * sizeof(e->places[0]));
    memcpy(&e->places[t->own.n + t->shared.n], t->common.places,
           t->common.n * sizeof(e->places[0]));
    memset(e->openings, 0, sizeof(e->openings));
    memcpy(e->openings, t->openings.places, t->openings.n * sizeof(e->openings[0]));
    e->sum = t->own.sum + t->shared.sum + t->common.sum + t->openings.sum;
    e->drop = t->denial.drop;
    e->n_routers = t->n_routers;
    e->mtu = t->mtu;
}

void denied_keep(const struct walk_context *ctx, const struct walk_trace *t,
                 const struct flow_key *key, uint32_t hash, uint8_t tcp_flags)
{
    struct denied_table *table = denied_tables[ctx->worker];
    struct denied *e = &table->entries[hash % DENIED_N];
    struct denied_group *group;

    if (!is_worth(t, key) || !denied_is_repeated(table, hash, tcp_flags))
        return;
    group = group_of(table, ctx, t);
    if (group == NULL)
        return;
    memcpy(&e->key, key, flow_key_words(flow_key_kind(key)) * sizeof(key->words[0]));
    fill(e, t);
    e->tcp_flags = tcp_flags;
    e->group = (uint16_t)(group - table->groups[table->turn & 1]);
    e->turn = table->turn;
    e->until_ms = session_clock_ms(ctx->now_tsc) + DENIED_LIFE_MS;
    table->until_ms = e->until_ms;
    table->is_used = 1;
}
