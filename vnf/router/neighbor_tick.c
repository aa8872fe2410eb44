// SPDX-License-Identifier: BSD-3-Clause
// What is due with the neighbours? Worker 0's tick, some ten times a second at least: ask again,
// probe, give up, forget. Each state has its list in the order of deadlines, so only fronts are
// looked at, and only so many a call; the neighbours that are in use come first. What is to be sent
// is noted under the lock and sent without it. Next: announce.c, arp.c, nd.c.

#include "vnf/router/neighbor.h"

#include <rte_random.h>

#define MAX_DUE 64  // entries a call whose time is up, of those in use or asked for
#define MAX_AGED 64 // and of those that only become stale or are forgotten
#define MAX_WAITERS (NEIGHBOR_MAX_HELD * MAX_DUE)
#define REDRAW_SEC 7200 // RFC 4861, 6.3.4: "every few hours"

struct question {
    uint64_t address[2];
    uint64_t mac; // 0: to all
    uint16_t slot;
    uint8_t family;
};

// What one tick has to send.
struct due {
    struct question questions[MAX_DUE];
    struct neighbor_waiter failed[MAX_WAITERS];
    struct neighbor_waiter ready[NEIGHBOR_MAX_HELD * 2];
    unsigned n_questions, n_failed, n_ready;
};

// The first of a state, if its time is up.
static struct neighbor_entry *first_due(const struct neighbor_table *t, uint8_t state)
{
    struct neighbor_entry *e = &t->entries[t->lists[state].first];

    if (t->lists[state].first == 0 || (int64_t)(t->now_tsc - e->deadline_tsc) < 0)
        return NULL;
    return e;
}

static void ask(struct neighbor_table *t, struct neighbor_entry *e, uint8_t state, struct due *due)
{
    struct question *q = &due->questions[due->n_questions++];

    q->address[0] = e->address[0];
    q->address[1] = e->address[1];
    q->mac = state == API_NEIGHBOR_PROBE ? e->mac & NEIGHBOR_MAC : 0;
    q->slot = neighbor_slot(e);
    q->family = neighbor_family(e);
    e->n_sent++;
    neighbor_set_state(t, e, state, t->now_tsc + NEIGHBOR_RETRANSMIT_SEC * t->second_tsc);
}

static void fail(struct neighbor_table *t, struct neighbor_entry *e, struct due *due)
{
    due->n_failed += neighbor_held_take_all(t, e, &due->failed[due->n_failed]);
    neighbor_set_state(t, e, API_NEIGHBOR_FAILED, t->now_tsc + NEIGHBOR_FAILED_SEC * t->second_tsc);
}

static void act(struct neighbor_table *t, struct neighbor_entry *e, struct due *due)
{
    switch (e->state) {
    case API_NEIGHBOR_DELAY:
        e->n_sent = 0;
        ask(t, e, API_NEIGHBOR_PROBE, due);
        break;
    case API_NEIGHBOR_PROBE:
        // RFC 4861, 7.3.3: then it is asked for by multicast, if somebody needs it.
        if (e->n_sent < NEIGHBOR_SOLICITS)
            ask(t, e, API_NEIGHBOR_PROBE, due);
        else
            neighbor_forget(t, e);
        break;
    case API_NEIGHBOR_INCOMPLETE:
        if (e->n_sent < NEIGHBOR_SOLICITS)
            ask(t, e, API_NEIGHBOR_INCOMPLETE, due);
        else
            fail(t, e, due);
        break;
    default: // FAILED: something is held if the main thread gave it up
        due->n_failed += neighbor_held_take_all(t, e, &due->failed[due->n_failed]);
        neighbor_forget(t, e);
        break;
    }
}

static void collect_due(struct neighbor_table *t, struct due *due)
{
    static const uint8_t states[] = {API_NEIGHBOR_PROBE, API_NEIGHBOR_DELAY,
                                     API_NEIGHBOR_INCOMPLETE, API_NEIGHBOR_FAILED};
    struct neighbor_entry *e;
    unsigned n = 0;

    for (unsigned i = 0; i < RTE_DIM(states); i++)
        for (; n < MAX_DUE && (e = first_due(t, states[i])) != NULL; n++)
            act(t, e, due);
}

static void age(struct neighbor_table *t)
{
    struct neighbor_entry *e;
    unsigned n = 0;

    for (; n < MAX_AGED && (e = first_due(t, API_NEIGHBOR_REACHABLE)) != NULL; n++) {
        neighbor_set_mac(t, e, e->mac | NEIGHBOR_STALE);
        neighbor_set_state(t, e, API_NEIGHBOR_STALE,
                           t->now_tsc + NEIGHBOR_FORGET_SEC * t->second_tsc);
    }
    for (; n < MAX_AGED && (e = first_due(t, API_NEIGHBOR_STALE)) != NULL; n++)
        neighbor_forget(t, e);
}

// The main thread may have told the MAC of a neighbour that packets wait for: such entries are in
// front.
static void collect_ready(struct neighbor_table *t, struct due *due)
{
    static const uint8_t states[] = {API_NEIGHBOR_STATIC, API_NEIGHBOR_DYNAMIC};

    for (unsigned i = 0; i < RTE_DIM(states); i++) {
        struct neighbor_entry *e = &t->entries[t->lists[states[i]].first];

        if (t->lists[states[i]].first == 0 || e->n_held == 0)
            continue;
        due->n_ready += neighbor_held_take_all(t, e, &due->ready[due->n_ready]);
        neighbor_set_state(t, e, states[i], 0);
    }
}

// RFC 4861, 6.3.2: uniformly between half and one and a half of the base value.
static void draw_reachable_time(struct neighbor_table *t)
{
    uint64_t ms;

    if (t->redraw_tsc != 0 && (int64_t)(t->now_tsc - t->redraw_tsc) < 0)
        return;
    ms = NEIGHBOR_REACHABLE_MS / 2 + rte_rand() % (NEIGHBOR_REACHABLE_MS + 1);
    t->reachable_tsc = ms * t->second_tsc / 1000;
    t->redraw_tsc = t->now_tsc + REDRAW_SEC * t->second_tsc;
}

static void carry_out(const struct router_scene *s, const struct due *due)
{
    for (unsigned i = 0; i < due->n_questions; i++) {
        const struct question *q = &due->questions[i];
        const struct router_interface *out = router_interface_of(s->config, q->slot);

        if (out != NULL)
            neighbor_ask(s, out, q->family, (const uint8_t *)q->address,
                         q->mac != 0 ? (const uint8_t *)&q->mac : NULL);
    }
    for (unsigned i = 0; i < due->n_ready; i++)
        neighbor_send_waiter(s, &due->ready[i]);
    for (unsigned i = 0; i < due->n_failed; i++)
        neighbor_fail_waiter(s, &due->failed[i]);
}

void neighbor_tick(const struct router_scene *s)
{
    struct neighbor_table *t = s->state->neighbors;
    struct due due;

    router_announce_tick(s);
    if (!neighbor_try_lock(t))
        return;
    due.n_questions = due.n_failed = due.n_ready = 0;
    t->now_tsc = s->ctx->now_tsc;
    draw_reachable_time(t);
    collect_due(t, &due);
    collect_ready(t, &due);
    age(t);
    neighbor_unlock(t);
    carry_out(s, &due);
}
