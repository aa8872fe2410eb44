// SPDX-License-Identifier: BSD-3-Clause
// Which MAC has this next hop, and what if we don't know it? Called by output.c for packets, by
// arp.c and nd.c with what neighbours say; all on workers. A reader takes no lock and waits for
// nobody; who changes something tries for the lock a moment and else leaves it to the next packet.
// Packets are sent after the lock is given back. Next: neighbor_tick.c, for what time brings.

#include "vnf/router/neighbor.h"

#include "dataplane/core/clock.h"

#define MAX_STEPS 64 // along a bucket; none is so long unless it changes meanwhile

// One try to read. NULL: not found, or it became another while it was read.
static struct neighbor_entry *look_up(const struct neighbor_table *t, const struct neighbor_id *id,
                                      uint64_t *word)
{
    uint32_t n_buckets = __atomic_load_n(&t->n_buckets, __ATOMIC_ACQUIRE);
    uint32_t number =
        __atomic_load_n(&t->buckets[neighbor_bucket(id->hash, n_buckets)], __ATOMIC_ACQUIRE);

    for (unsigned i = 0; number != 0 && i < MAX_STEPS; i++) {
        struct neighbor_entry *e = &t->entries[number];
        uint32_t sequence = __atomic_load_n(&e->sequence, __ATOMIC_ACQUIRE);

        if (__atomic_load_n(&e->address[0], __ATOMIC_RELAXED) == id->address[0] &&
            __atomic_load_n(&e->address[1], __ATOMIC_RELAXED) == id->address[1] &&
            __atomic_load_n(&e->tag, __ATOMIC_RELAXED) == id->tag) {
            *word = __atomic_load_n(&e->mac, __ATOMIC_RELAXED);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (!(sequence & 1) && __atomic_load_n(&e->sequence, __ATOMIC_RELAXED) == sequence)
                return e;
            return NULL;
        }
        number = __atomic_load_n(&e->next, __ATOMIC_ACQUIRE);
    }
    return NULL;
}

static uint64_t find_mac(struct neighbor_table *t, const struct neighbor_id *id)
{
    for (unsigned i = 0; i < 2; i++) {
        uint32_t moves = __atomic_load_n(&t->moves, __ATOMIC_ACQUIRE);
        uint64_t word = 0;
        struct neighbor_entry *e = look_up(t, id, &word);

        if (likely(e != NULL)) {
            if (unlikely((word & NEIGHBOR_STALE) != 0))
                neighbor_use(t, e);
            return word & NEIGHBOR_MAC;
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(moves & 1) && __atomic_load_n(&t->moves, __ATOMIC_RELAXED) == moves)
            break;
    }
    return 0;
}

uint64_t neighbor_find_mac(const struct router_state *state, uint16_t slot, uint8_t family,
                           const uint8_t *address)
{
    struct neighbor_id id = neighbor_id(state->neighbors, slot, family, address);

    return find_mac(state->neighbors, &id);
}

void neighbor_find_macs(const struct router_state *state, const struct neighbor_key *keys,
                        uint64_t *macs, unsigned n)
{
    struct neighbor_table *t = state->neighbors;
    uint32_t n_buckets = __atomic_load_n(&t->n_buckets, __ATOMIC_RELAXED);
    struct neighbor_id ids[BURST_SIZE];

    for (unsigned i = 0; i < n; i++) {
        ids[i] = neighbor_id(t, keys[i].slot, keys[i].family, keys[i].address);
        __builtin_prefetch(&t->buckets[neighbor_bucket(ids[i].hash, n_buckets)]);
    }
    for (unsigned i = 0; i < n; i++) {
        const uint32_t *bucket = &t->buckets[neighbor_bucket(ids[i].hash, n_buckets)];

        __builtin_prefetch(&t->entries[__atomic_load_n(bucket, __ATOMIC_RELAXED)]);
    }
    for (unsigned i = 0; i < n; i++)
        macs[i] = find_mac(t, &ids[i]);
}

// RFC 4861, 7.3.3: the first packet to a stale neighbour gives upper layers a moment to confirm it.
static void use(struct neighbor_table *t, struct neighbor_entry *e)
{
    if (e->state != API_NEIGHBOR_STALE)
        return;
    neighbor_set_mac(t, e, e->mac & NEIGHBOR_MAC);
    neighbor_set_state(t, e, API_NEIGHBOR_DELAY, t->now_tsc + NEIGHBOR_DELAY_SEC * t->second_tsc);
}

void neighbor_use(struct neighbor_table *t, struct neighbor_entry *e)
{
    if (!neighbor_try_lock(t)) {
        walk_version_bump(neighbor_place(t, e->hash)); // the next packet asks: no flow may be made
        return;
    }
    // Without the lock it may have become another's; then that one is asked a little early.
    use(t, e);
    neighbor_unlock(t);
}

void neighbor_ask(const struct router_scene *s, const struct router_interface *out, uint8_t family,
                  const uint8_t *address, const uint8_t *mac)
{
    if (family == 4)
        router_arp_request(s, out, address, mac);
    else
        router_nd_solicit(s, out, address, mac);
}

// What holding one packet leads to, carried out without the lock.
struct hold {
    struct rte_mbuf *lost[2 * NEIGHBOR_MAX_HELD]; // of those that made room
    unsigned n_lost;
    struct rte_mbuf *oldest; // had to go for m
    enum api_drop reason;    // API_DROP_NONE: m is held
    uint64_t mac;            // not 0: m can go at once
    int is_first;            // that asks
};

static void ask_first(struct neighbor_table *t, struct neighbor_entry *e)
{
    e->n_sent = 1;
    neighbor_set_state(t, e, API_NEIGHBOR_INCOMPLETE,
                       t->now_tsc + NEIGHBOR_RETRANSMIT_SEC * t->second_tsc);
}

// The entry that packets wait at; NULL: hold->reason.
static struct neighbor_entry *entry_to_hold(struct neighbor_table *t, const struct neighbor_id *id,
                                            struct hold *hold)
{
    struct neighbor_entry *e = neighbor_find(t, id);

    if (e == NULL) {
        hold->reason = DROP_NEIGHBOR_LIMIT;
        if (!neighbor_make_room(t, 0, hold->lost, &hold->n_lost))
            return NULL;
        e = neighbor_add(t, id);
        if (e == NULL)
            return NULL;
    }
    if (e->state == API_NEIGHBOR_FAILED) {
        hold->reason = DROP_NEIGHBOR_UNRESOLVED;
        return NULL;
    }
    if (e->state == NEIGHBOR_IDLE) {
        ask_first(t, e);
        hold->is_first = 1;
    }
    return e;
}

static void hold_locked(struct neighbor_table *t, const struct neighbor_id *id, struct rte_mbuf *m,
                        const struct router_scene *s, struct hold *hold)
{
    struct neighbor_entry *e = entry_to_hold(t, id, hold);
    const struct router_interface *in = neighbor_arrival(s, m);

    if (e == NULL)
        return;
    hold->reason = API_DROP_NONE;
    hold->mac = e->mac & NEIGHBOR_MAC;
    if (hold->mac != 0) {
        use(t, e);
        return;
    }
    if (!neighbor_held_add(t, e, m, in != NULL ? in->slot : SLOT_NONE, &hold->oldest))
        hold->reason = DROP_NEIGHBOR_QUEUE_FULL;
}

void neighbor_hold(const struct router_scene *s, struct rte_mbuf **m,
                   const struct router_interface *out, uint8_t family, const uint8_t *address)
{
    struct neighbor_table *t = s->state->neighbors;
    struct neighbor_id id = neighbor_id(t, out->slot, family, address);
    struct hold hold = {.reason = DROP_NEIGHBOR_QUEUE_FULL};

    if (unlikely(!neighbor_try_lock(t))) {
        router_drop(packet_of(*m), DROP_NEIGHBOR_QUEUE_FULL);
        return;
    }
    t->now_tsc = s->ctx->now_tsc;
    hold_locked(t, &id, *m, s, &hold);
    neighbor_unlock(t);

    for (unsigned i = 0; i < hold.n_lost; i++)
        router_discard(s, hold.lost[i], DROP_NEIGHBOR_LIMIT);
    if (hold.oldest != NULL)
        router_discard(s, hold.oldest, DROP_NEIGHBOR_QUEUE_FULL);
    if (hold.is_first) // `address` may lie in m, which another worker may have sent by now
        neighbor_ask(s, out, family, (const uint8_t *)id.address, NULL);
    if (hold.mac != 0) {
        router_resume(s, *m, out, (const uint8_t *)&hold.mac);
        *m = NULL;
    } else if (hold.reason == API_DROP_NONE) {
        s->counters->held++;
        *m = NULL;
    } else if (hold.reason == DROP_NEIGHBOR_UNRESOLVED) {
        neighbor_unreachable(s, m, neighbor_arrival(s, *m));
    } else {
        router_drop(packet_of(*m), hold.reason);
    }
}

static void confirm(struct neighbor_table *t, struct neighbor_entry *e, uint64_t mac)
{
    neighbor_set_mac(t, e, mac);
    e->confirmed_sec = clock_sec();
    neighbor_set_state(t, e, API_NEIGHBOR_REACHABLE, t->now_tsc + t->reachable_tsc);
}

static void make_stale(struct neighbor_table *t, struct neighbor_entry *e, uint64_t mac)
{
    neighbor_set_mac(t, e, mac | NEIGHBOR_STALE);
    neighbor_set_state(t, e, API_NEIGHBOR_STALE, t->now_tsc + NEIGHBOR_FORGET_SEC * t->second_tsc);
}

// RFC 4861, appendix C, for an entry that has no MAC yet.
static void learn_first(struct neighbor_table *t, struct neighbor_entry *e,
                        const struct neighbor_news *news)
{
    if (news->mac == NULL || (e->state == NEIGHBOR_IDLE && !news->may_create))
        return;
    e->confirmed_sec = clock_sec();
    if (news->is_solicited) {
        confirm(t, e, neighbor_word(news->mac));
        return;
    }
    make_stale(t, e, neighbor_word(news->mac));
    if (e->n_held > 0)
        use(t, e);
}

// RFC 4861, 7.2.5 and appendix C, for one that has.
static void learn_again(struct neighbor_table *t, struct neighbor_entry *e,
                        const struct neighbor_news *news)
{
    uint64_t old = e->mac & NEIGHBOR_MAC;
    uint64_t mac = news->mac != NULL ? neighbor_word(news->mac) : old;

    if (mac == old || news->is_override) {
        if (news->is_solicited)
            confirm(t, e, mac);
        else if (mac != old)
            make_stale(t, e, mac);
    } else if (e->state == API_NEIGHBOR_REACHABLE) {
        make_stale(t, e, old);
    }
}

static struct neighbor_entry *entry_to_learn(struct neighbor_table *t, const struct neighbor_id *id,
                                             const struct neighbor_news *news, struct hold *hold)
{
    struct neighbor_entry *e = neighbor_find(t, id);

    if (e != NULL || !news->may_create || news->mac == NULL)
        return e;
    return neighbor_make_room(t, 1, hold->lost, &hold->n_lost) ? neighbor_add(t, id) : NULL;
}

void neighbor_learn(const struct router_scene *s, const struct neighbor_news *news)
{
    struct neighbor_table *t = s->state->neighbors;
    struct neighbor_id id = neighbor_id(t, news->slot, news->family, news->address);
    struct neighbor_waiter waiters[NEIGHBOR_MAX_HELD];
    struct hold hold = {.n_lost = 0};
    struct neighbor_entry *e;
    unsigned n = 0;

    if (!neighbor_try_lock(t))
        return;
    t->now_tsc = s->ctx->now_tsc;
    e = entry_to_learn(t, &id, news, &hold);
    if (e != NULL && e->state != API_NEIGHBOR_STATIC && e->state != API_NEIGHBOR_DYNAMIC) {
        if (e->mac == 0)
            learn_first(t, e, news);
        else
            learn_again(t, e, news);
        if (e->mac != 0)
            n = neighbor_held_take_all(t, e, waiters);
    }
    neighbor_unlock(t);

    for (unsigned i = 0; i < hold.n_lost; i++)
        router_discard(s, hold.lost[i], DROP_NEIGHBOR_LIMIT);
    for (unsigned i = 0; i < n; i++)
        neighbor_send_waiter(s, &waiters[i]);
}
