// SPDX-License-Identifier: BSD-3-Clause
// Has this been decided? Called by worker.c for each burst behind parse: keys and hashes of all,
// then buckets, then records, each fetched a stage ahead; then each packet that has a flow which
// still holds is rewritten and on its way. All others keep their order and walk, with a trace.
// Next: rewrite.c and port/tx.c; or walk/walk.c and then compose.c.

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_prefetch.h>

#include "dataplane/core/checksum.h"
#include "dataplane/core/counters.h"
#include "dataplane/flow/burst.h"
#include "dataplane/flow/denied.h"
#include "dataplane/flow/flow.h"
#include "dataplane/flow/packet.h"
#include "dataplane/port/tx.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/track.h"
#include "dataplane/walk/vlan.h"

#define N_WALKING 8 // words with a bit for each stream that walks

// Where a way leads, looked at once for packets of a burst that go it one behind the other.
struct road {
    uint32_t number;  // of the way; 0: none yet
    uint32_t version; // of it, and the numbers of what its flows have in common
    int is_open;      // what its flows share still holds, and who is at its end can take packets
    const struct way *way;
    struct port *port;
    uint16_t mtu, vlans[2];
    uint8_t n_tags, n_routers, n_own, n_sessions;
    uint8_t macs[12];
};

// What is the same for all packets of a burst.
struct scene {
    const struct walk_context *ctx;
    struct session *sessions;
    uint64_t *counts; // of ways
    uint32_t now_ms;
    uint16_t now_sec;
    struct road road;
    struct denied_table *denied;
};

struct flow_scratch flow_scratches[API_MAX_WORKERS];

static uint32_t look_further(uint32_t hash)
{
    struct index_cursor cursor =
        index_begin(&flow_table.index, index_line(&flow_table.index, hash));

    return index_next(&cursor, hash);
}

static inline void look(struct flow_sight *s, const struct flow_key *key)
{
    uint32_t number = flow_find(s->line, s->hash);

    if (unlikely(number == 0 && __atomic_load_n(&s->line->next, __ATOMIC_RELAXED) != 0))
        number = look_further(s->hash);
    if (number == 0)
        return;
    s->flow = flow_at(number);
    rte_prefetch0(s->flow);
    if ((flow_key_kind(key) & 0xf) != 4)
        rte_prefetch0((const char *)s->flow + 64);
}

static inline void compare(const struct scene *scene, struct flow_sight *s,
                           const struct flow_key *key)
{
    const struct flow_action *a = flow_action(s->flow);
    const struct session *session;

    if (unlikely(!flow_has_key(s->flow, key))) {
        s->flow = NULL;
        return;
    }
    rte_prefetch0(&ways[a->way]);
    if (a->session == 0)
        return;
    session = &scene->sessions[a->session];
    rte_prefetch0(&session->lock);
    if (s->flow->protocol == IPPROTO_TCP)
        rte_prefetch0(&session->tcp);
}

// Next hops are asked after while packets walk to them: one of the way now and then.
static int is_fresh(const struct way *way, uint16_t now_sec)
{
    uint16_t age_sec = (uint16_t)(now_sec - __atomic_load_n(&way->used_sec, __ATOMIC_RELAXED));

    return age_sec < WAY_WALK_SEC || age_sec > INT16_MAX;
}

static int is_up(const struct way *way)
{
    return way->guest_port == NULL || (port_is_up(way->port) && port_is_up(way->guest_port));
}

// The end of the road, as it is now: between two looks at an even sequence.
static __rte_noinline void open_road(struct road *r, uint32_t number, uint16_t now_sec)
{
    const struct way *way = &ways[number];
    uint32_t sequence = __atomic_load_n(&way->sequence, __ATOMIC_ACQUIRE);

    *r = (struct road){
        .number = number,
        .version = __atomic_load_n(&way->version, __ATOMIC_ACQUIRE) +
                   flow_sum(way->common, TRACE_MAX_COMMON),
        .way = way,
        .port = way->port,
        .mtu = way->mtu,
        .vlans = {way->outer_vlan, way->inner_vlan},
        .n_tags = way->n_tags,
        .n_routers = way->n_routers,
        .n_own = way->n_own,
        .n_sessions = way->n_sessions,
        .is_open = (sequence & 1) == 0 && flow_sum(way->shared, way->n_shared) == way->sum,
    };
    memcpy(r->macs, way->macs, sizeof(r->macs));
    r->is_open = r->is_open && is_up(way) && is_fresh(way, now_sec);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&way->sequence, __ATOMIC_RELAXED) != sequence)
        r->is_open = 0;
}

static inline int is_current(const struct flow *f, const struct flow_action *a,
                             const struct road *road)
{
    uint32_t sum = road->version + walk_version(a->own[0]) + walk_version(a->own[1]);

    if (unlikely(road->n_own > 2))
        sum += flow_sum(flow_is_ip4(f) ? f->ip4.more : f->ip6.more, FLOW_MORE);
    return sum == __atomic_load_n(&a->stamp, __ATOMIC_ACQUIRE);
}

static inline struct flow_second session_of(const struct flow *f, const struct flow_action *a,
                                            unsigned i)
{
    if (likely(i == 0))
        return (struct flow_second){a->session, a->incarnation};
    return flow_is_ip4(f) ? f->ip4.second : f->ip6.second;
}

static inline int is_tracked(struct session *s, const struct way_session *of,
                             const struct rte_mbuf *m, uint32_t now_ms)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    int is_over = 0;

    if (likely(session_track_answered(s, of->tenant, p->l4_proto, of->track_flags, now_ms)))
        return 1;
    const struct session_packet packet = {m, p, of->direction, of->track_flags, now_ms};

    return session_track(s, of->tenant, &packet, &is_over) == API_DROP_NONE && !is_over;
}

// Whether it may be one of each session it belongs to. What says no leaves the sessions as they
// were, and the walk asks them again.
static inline int is_accepted(const struct scene *scene, const struct rte_mbuf *m,
                              const struct flow *f, const struct flow_action *a)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    const struct way_session *of = scene->road.way->sessions;
    unsigned n = scene->road.n_sessions;

    for (unsigned i = 0; i < n; i++) {
        const struct flow_second named = session_of(f, a, i);
        struct session *s = &scene->sessions[named.session];

        if (unlikely(session_incarnation(s) != named.incarnation) ||
            unlikely(!is_tracked(s, &of[i], m, scene->now_ms)))
            return 0;
    }
    for (unsigned i = 0; i < n; i++)
        session_count(&scene->sessions[session_of(f, a, i).session], of[i].direction,
                      (uint32_t)(p->l3_end - p->l3_off));
    return 1;
}

static __rte_noinline struct rte_mbuf *push_tags(struct rte_mbuf *m, const struct road *road)
{
    const struct attachment tags = {
        .n_tags = road->n_tags, .outer_vlan = road->vlans[0], .inner_vlan = road->vlans[1]};

    return vlan_push(m, &tags);
}

static inline void leave(const struct scene *scene, struct rte_mbuf *m)
{
    const struct walk_context *ctx = scene->ctx;
    const struct road *road = &scene->road;
    struct rte_mbuf *tagged = m;

    if (unlikely(road->n_tags > 0))
        tagged = push_tags(m, road);
    if (likely(tagged != NULL)) {
        port_tx_add(ctx->tx, road->port, tagged);
        return;
    }
    counters_drop(road->port->slot, ctx->worker, DROP_FLOOD_NO_BUFFER, 1);
    rte_pktmbuf_free(m);
}

// 1: it has been sent.
static inline int carry_out(struct scene *scene, struct rte_mbuf *m, struct flow *f)
{
    const struct flow_action *a = flow_action(f);
    const struct packet *p = packet_of(m);
    struct road *road = &scene->road;
    uint16_t until_sec = __atomic_load_n(&a->until_sec, __ATOMIC_RELAXED);

    if (unlikely(a->way != road->number))
        open_road(road, a->way, scene->now_sec);
    if (unlikely(!road->is_open || (int16_t)(scene->now_sec - until_sec) > 0 ||
                 !is_current(f, a, road)))
        return 0;
    if (road->n_routers > 0 && unlikely(!flow_fits(m, p, road->n_routers, road->mtu)))
        return 0;
    if (unlikely(!is_accepted(scene, m, f, a)))
        return 0;
    scene->counts[road->number]++;
    flow_rewrite(m, f, a, road->n_routers, road->macs);
    leave(scene, m);
    return 1;
}

// It walks; what the walk notes is worth knowing if it may have a flow, or comes again and again.
static inline int is_traced(const struct scene *scene, struct rte_mbuf *m,
                            const struct flow_sight *s)
{
    if (s->kind == FLOW_PACKET_SEGMENT)
        return denied_is_repeated(scene->denied, s->hash, flow_tcp_flags(m, packet_of(m)));
    return s->kind == FLOW_PACKET_PLAIN;
}

static void trace(struct flow_scratch *scratch, struct rte_mbuf *m, unsigned i,
                  const struct flow_sight *s)
{
    struct walk_trace *t = &scratch->traces.t[scratch->traces.n];

    t->m = m;
    t->is_broken = t->is_done = t->is_denied = t->has_read_ports = 0;
    t->n_hops = t->n_routers = t->n_sessions = t->n_translated = 0;
    t->mtu = UINT16_MAX;
    t->life_sec = FLOW_LIFE_SEC;
    t->next_hop = 0;
    t->own.n = t->shared.n = t->common.n = t->openings.n = 0;
    t->own.sum = t->shared.sum = t->common.sum = t->openings.sum = 0;
    scratch->place[scratch->traces.n++] = (uint8_t)i;
    scratch->hashes[i] = s->hash;
    scratch->tcp_flags[i] = flow_tcp_flags(m, packet_of(m));
    packet_of(m)->trace = (uint8_t)scratch->traces.n;
}

static void find_flows(const struct scene *scene, struct flow_scratch *scratch,
                       struct rte_mbuf *const *m, unsigned n, struct flow_sight *sights)
{
    uint16_t in_port = packet_of(m[0])->in_port;
    const struct port *port = scene->ctx->generation->ports[in_port].port;
    enum flow_mask mask = __atomic_load_n(&flow_table.masks[in_port], __ATOMIC_RELAXED);

    flow_sight(m, n, port, mask, scratch->keys, sights);
    for (unsigned i = 0; i < n; i++)
        if (likely(sights[i].kind == FLOW_PACKET_PLAIN))
            look(&sights[i], &scratch->keys[i]);
    for (unsigned i = 0; i < n; i++)
        if (sights[i].flow != NULL)
            compare(scene, &sights[i], &scratch->keys[i]);
}

// Whether a packet of this stream, or of one of those that share its bit, walks: who comes behind
// does not overtake it.
static int is_behind(const uint64_t *walking, uint32_t hash)
{
    return (walking[hash / 64 % N_WALKING] >> hash % 64 & 1) != 0;
}

unsigned flow_burst(struct walk_context *ctx, struct rte_mbuf **m, unsigned n)
{
    struct flow_scratch *scratch = &flow_scratches[ctx->worker];
    struct flow_sight sights[BURST_SIZE];
    uint64_t walking[N_WALKING];
    unsigned n_left = 0;
    struct scene scene;

    ctx->traces = NULL;
    if (flow_table.max == 0 || flow_table.masks[packet_of(m[0])->in_port] == FLOW_MASK_NONE)
        return n;
    scene = (struct scene){
        .ctx = ctx,
        .sessions = session_records(),
        .counts = way_counts[ctx->worker],
        .now_ms = session_clock_ms(ctx->now_tsc),
        .now_sec = (uint16_t)ctx->now_sec,
        .denied = denied_begin(ctx->worker),
    };
    ctx->traces = &scratch->traces;
    scratch->traces.n = 0;
    find_flows(&scene, scratch, m, n, sights);
    denied_foresee(scene.denied, sights, n, scene.now_ms);
    for (unsigned i = 0; i < n; i++) {
        struct flow_sight *s = &sights[i];

        if (likely(s->flow != NULL) && !(n_left > 0 && is_behind(walking, s->hash)) &&
            likely(carry_out(&scene, m[i], s->flow)))
            continue;
        if (s->kind >= FLOW_PACKET_SEGMENT && !(n_left > 0 && is_behind(walking, s->hash)) &&
            denied_drop(ctx, scene.denied, m[i], &scratch->keys[i], s->hash, scene.now_ms))
            continue;
        if (n_left == 0)
            memset(walking, 0, sizeof(walking));
        if (s->kind != FLOW_PACKET_OTHER)
            walking[s->hash / 64 % N_WALKING] |= UINT64_C(1) << s->hash % 64;
        packet_of(m[i])->trace = 0;
        packet_of(m[i])->plain = PACKET_NOT_PLAIN;
        if (is_traced(&scene, m[i], s))
            trace(scratch, m[i], i, s);
        m[n_left++] = m[i];
    }
    return n_left;
}
