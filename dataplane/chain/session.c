// SPDX-License-Identifier: BSD-3-Clause
// To which session does a packet belong, may it still, and where does it go by it? Worker, called
// by process.c for one packet at a time, after the burst's look-up. Next: judge.c for a first
// packet; session/track.h says what a packet means for its session, rewrite.c translates it.

#include "dataplane/chain/burst.h"
#include "dataplane/chain/judge.h"
#include "dataplane/core/counters.h"
#include "dataplane/session/identification.h"
#include "dataplane/session/opening.h"
#include "dataplane/session/track.h"
#include "dataplane/walk/trace.h"

// End a session that is no longer allowed.
static void revoke(struct chain_burst *b, struct session *s)
{
    if (session_close(s, b->ctx->worker))
        b->counters->revoked++;
}

int chain_is_allowed(struct chain_burst *b, struct session *s)
{
    if (unlikely(!session_is_valid(s)))
        return 0;
    if (likely(__atomic_load_n(&s->stamp, __ATOMIC_RELAXED) == b->stamp))
        return 1;
    if (chain_ask_again(b->f, b->ctx, s, b->stamp, b->now_ms))
        return 1;
    revoke(b, s);
    return 0;
}

struct session *chain_find(struct chain_burst *b, const struct session_query *query,
                           unsigned *direction)
{
    struct session_hit hit;

    session_find_burst(&query, &hit, 1);
    if (hit.session == NULL || !chain_is_allowed(b, hit.session))
        return NULL;
    *direction = hit.direction;
    return hit.session;
}

// Whether the packet may be one of this session. *is_over: it ends, the packet may begin another
// one.
static uint8_t track(struct chain_burst *b, struct rte_mbuf *m, struct session *s,
                     unsigned direction, int *is_over)
{
    const struct session_packet packet = {m, packet_of(m), direction, b->config->track_flags,
                                          b->now_ms};
    // Where packets from outside prolong nothing, an answer from inside may.
    int asks = b->config->track_flags & SESSION_TRACK_OUT_REFRESH &&
               __atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED);
    uint8_t drop;

    *is_over = 0;
    drop = session_track(s, b->config->tenant, &packet, is_over);
    if (unlikely(asks) && !__atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED))
        chain_answered(b->f->state, s);
    return drop;
}

static struct chain_outcome outcome_of(const struct chain_inquiry *q)
{
    return (struct chain_outcome){
        .drop = q->drop, .is_rejected = q->is_rejected, .with_reset = q->with_reset};
}

// All have allowed it: from now on it is a session.
static void open_session(struct chain_burst *b, struct rte_mbuf *m,
                         const struct session_draft *draft, struct chain_outcome *outcome)
{
    uint64_t slots[SESSION_N_SLOTS];
    int is_new, is_over = 0;
    struct session *s;

    s = session_open(draft, b->ctx->worker, b->now_ms, &is_new, &outcome->drop);
    outcome->session = s;
    if (likely(s != NULL && is_new)) {
        outcome->drop = API_DROP_NONE;
        b->counters->opened++;
        packet_of(m)->trace = 0; // one packet is no flow yet
        return;
    }
    memcpy(slots, draft->slots, sizeof(slots));
    chain_release(b->f->state, draft->key[SESSION_ORIGINAL].protocol, slots);
    if (s == NULL)
        return;
    // Another worker was faster by some microseconds.
    outcome->drop = track(b, m, s, SESSION_ORIGINAL, &is_over);
    if (is_over) {
        (void)session_close(s, b->ctx->worker);
        outcome->drop = DROP_SESSION_CONFLICT;
    }
}

void chain_complete(struct chain_burst *b)
{
    struct chain_opening *opening = &b->openings[!b->next];
    struct chain_outcome outcome = {.drop = API_DROP_NONE};
    struct rte_mbuf *m = opening->m;

    if (m == NULL)
        return;
    opening->m = NULL;
    open_session(b, m, &opening->draft, &outcome);
    chain_carry_out(b, m, &outcome);
}

// Of a session that begins with a packet of this query; what tells of TCP and the slots are 0.
static struct session_draft *start_draft(struct chain_burst *b, const struct session_query *query)
{
    struct session_draft *draft = &b->openings[b->next].draft;

    draft->chain = b->config->id;
    draft->tenant = b->config->tenant;
    draft->key[SESSION_ORIGINAL] = query->tuple;
    draft->side[SESSION_ORIGINAL] = query->side;
    draft->is_half_open = 0;
    draft->stamp = b->stamp;
    memset(draft->tcp, 0, sizeof(draft->tcp));
    memset(draft->slots, 0, sizeof(draft->slots));
    return draft;
}

static void finish_draft(struct chain_burst *b, struct session_draft *draft,
                         const struct chain_inquiry *q, uint32_t hash)
{
    draft->key[SESSION_REPLY] = session_tuple_reverse(&q->final);
    draft->side[SESSION_REPLY] =
        q->is_turned ? draft->side[SESSION_ORIGINAL] : !draft->side[SESSION_ORIGINAL];
    session_place(draft, hash);
    chain_note_opened(b, draft->hash);
}

// Memory is slow: a session is opened when the draft of the next one is ready, or when somebody
// asks for it.
static void wait_for_next(struct chain_burst *b, struct rte_mbuf *m, struct chain_outcome *outcome)
{
    chain_complete(b);
    b->openings[b->next].m = m;
    b->next = !b->next;
    outcome->is_waiting = 1;
}

// Whether the next packet like this one is dropped without asking anybody: if all who were asked
// say so, and nobody has opened its session meanwhile.
static void note_denial(const struct chain_burst *b, struct rte_mbuf *m,
                        const struct session_query *query, const struct chain_inquiry *q)
{
    struct walk_trace *t = walk_trace_of(b->ctx, m);
    struct walk_denial denial = {.drop = q->drop, .n_accounts = q->n_accounts};
    struct session_hit hit;

    if (t == NULL || q->must_be_asked || q->is_told_late || chain_home(b->config) != 0)
        return;
    memcpy(denial.accounts, q->accounts, sizeof(denial.accounts));
    walk_trace_opening(t, opening_place_of(query));
    session_find_burst(&query, &hit, 1);
    if (hit.session == NULL)
        walk_trace_deny(t, packet_of(m), &denial);
}

// `over`, or NULL: the session that this one begins anew. It ends when the functions have been
// asked, so that a NAT gives the same endpoint again (RFC 7857, 2.2: a mapping outlives the FIN or
// RST); or before, if it is what the limit of its rule is used up by. Who is denied ends nothing.
static void begin(struct chain_burst *b, struct rte_mbuf *m, const struct session_query *query,
                  uint32_t hash, struct session *over, struct chain_outcome *outcome)
{
    struct session_draft *draft = start_draft(b, query);
    struct chain_inquiry q; // as far as it is asked; the rest is the answer

    q.tuple = &query->tuple;
    q.last = NULL;
    q.m = m;
    q.slots = draft->slots;
    q.now_ms = b->now_ms;
    q.side = query->side;
    q.occasion = FUNCTION_FIRST;
    q.is_alone = 0;
    q.begin_drop = session_track_begin(draft, m, packet_of(m), b->config->track_flags);
    chain_ask(b->f, b->ctx, &q);
    if (over != NULL && (q.drop == API_DROP_NONE || q.drop == DROP_FIREWALL_CONNECTION_LIMIT)) {
        (void)session_close(over, b->ctx->worker);
        if (q.drop != API_DROP_NONE) {
            memset(draft->slots, 0, sizeof(draft->slots));
            chain_ask(b->f, b->ctx, &q);
        }
    }
    if (unlikely(q.is_told_late))
        chain_late_add(b, m);
    *outcome = outcome_of(&q);
    if (q.drop != API_DROP_NONE) {
        if (over == NULL)
            note_denial(b, m, query, &q);
        return;
    }
    if (q.is_stateless)
        return;
    finish_draft(b, draft, &q, hash);
    if (unlikely(packet_of(m)->flags & PACKET_FRAGMENT))
        open_session(b, m, draft, outcome);
    else
        wait_for_next(b, m, outcome);
}

void chain_settle(struct chain_burst *b, struct rte_mbuf *m, const struct session_query *query,
                  const struct session_hit *hit, struct chain_outcome *outcome)
{
    struct session *s = hit->session;
    unsigned direction = hit->direction;
    int is_over = 0;

    if (s != NULL && unlikely(!chain_is_allowed(b, s)))
        s = NULL;
    if (s == NULL && unlikely(chain_may_be_opened(b, hit->hash))) {
        chain_complete(b);
        s = chain_find(b, query, &direction);
    }
    if (s == NULL && unlikely(chain_home(b->config) != 0))
        s = chain_inherit(b, query, &direction);
    if (likely(s != NULL)) {
        uint8_t drop = track(b, m, s, direction, &is_over);

        *outcome =
            (struct chain_outcome){.session = s, .direction = (uint8_t)direction, .drop = drop};
        if (likely(!is_over))
            return;
    }
    begin(b, m, query, hit->hash, is_over ? s : NULL, outcome);
}

void chain_settle_alone(struct chain_burst *b, struct rte_mbuf *m,
                        const struct session_query *query, struct chain_outcome *outcome)
{
    uint64_t slots[SESSION_N_SLOTS] = {0};
    struct chain_inquiry q = {
        .tuple = &query->tuple,
        .m = m,
        .slots = slots,
        .now_ms = b->now_ms,
        .side = query->side,
        .occasion = FUNCTION_FIRST,
        .is_alone = 1,
        .begin_drop = API_DROP_NONE,
    };

    chain_ask(b->f, b->ctx, &q);
    *outcome = outcome_of(&q);
}

static void refuse(struct chain_burst *b, struct rte_mbuf *m, const struct chain_outcome *outcome)
{
    uint16_t in_port = packet_of(m)->in_port;

    if (!outcome->is_rejected ||
        !chain_reject(b->ctx, m, outcome->with_reset ? CHAIN_RESET : CHAIN_PROHIBITED)) {
        chain_drop(b, m, outcome->drop);
        return;
    }
    // The buffer carries the answer now, but the packet was dropped.
    counters_drop(in_port, b->ctx->worker, outcome->drop, 1);
    b->counters->dropped++;
    b->counters->rejected++;
}

// What the session says of the next packet of this kind: the same.
static void note(const struct chain_burst *b, struct rte_mbuf *m,
                 const struct chain_outcome *outcome)
{
    walk_trace_session(walk_trace_of(b->ctx, m), outcome->session, outcome->direction,
                       b->config->track_flags, b->config->tenant);
    walk_trace_plain(packet_of(m));
}

void chain_carry_out(struct chain_burst *b, struct rte_mbuf *m, const struct chain_outcome *outcome)
{
    struct session *s = outcome->session;
    struct packet *p = packet_of(m);
    unsigned other = !outcome->direction;

    if (unlikely(outcome->drop != API_DROP_NONE)) {
        refuse(b, m, outcome);
        return;
    }
    if (unlikely(s == NULL)) {
        chain_forward(b, m, !chain_side_of(b, p));
        return;
    }
    session_count(s, outcome->direction, (uint32_t)(p->l3_end - p->l3_off));
    note(b, m, outcome);
    if (s->is_translated) {
        struct session_tuple to = session_tuple_reverse(session_key(s, other));

        chain_packet_rewrite(m, p, &to);
        if (unlikely(identification_is_needed(m, p)))
            identification_write(m, p,
                                 outcome->identification != 0
                                     ? outcome->identification
                                     : identification_next(p, to.source, to.destination));
    }
    chain_forward(b, m, s->side[other]);
}
