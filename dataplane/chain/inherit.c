// SPDX-License-Identifier: BSD-3-Clause
// Which connection of the whole chain was this packet one of, before a guest cut the chain in two?
// The segment that is called like the chain keeps the sessions; another one, beside the new guest,
// takes its own from there when their next packets come, from whichever side. Only what was open
// before: a guest opens nothing for itself. Worker, called by session.c and related.c where a
// segment has no session. Next: judge.c.

#include "dataplane/chain/burst.h"
#include "dataplane/chain/judge.h"
#include "dataplane/session/clock.h"

// The session in the other segment that packets of this query belong to, too, and which of its
// directions is theirs. Between the two segments a packet has one tuple.
static struct session *find(const struct chain_config *config, const struct session_query *query,
                            unsigned *direction)
{
    struct session_query there = {
        .chain = chain_home(config), .side = !config->home_side, .tuple = query->tuple};
    const struct session_query *queries = &there;
    int is_from_there = query->side == config->home_side;
    struct session_hit hit;

    if (is_from_there)
        there.tuple = session_tuple_reverse(&query->tuple);
    session_find_burst(&queries, &hit, 1);
    *direction = is_from_there ? !hit.direction : hit.direction;
    return hit.session;
}

// Was it there before this segment had functions? What a guest opens comes later.
static int is_older(const struct chain_burst *b, const struct session *s)
{
    return session_clock_has_passed(s->opened_ms, b->config->home_until_ms);
}

// What it knows of its packets: a guest in between changes no sequence number, or it is lost
// anyway.
static int copy(struct session *s, struct session_draft *draft)
{
    int is_open;

    session_lock(s);
    is_open = session_is_valid(s);
    draft->timeout = __atomic_load_n(&s->timeout, __ATOMIC_RELAXED);
    draft->state = __atomic_load_n(&s->state, __ATOMIC_RELAXED);
    draft->is_half_open = __atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED);
    draft->protocol_state = s->protocol_state;
    memcpy(draft->tcp, s->tcp, sizeof(draft->tcp));
    session_unlock(s);
    return is_open;
}

// Do the functions of this segment allow who began it?
static int is_allowed(const struct chain_burst *b, struct session_draft *draft)
{
    struct session_tuple last = draft->key[SESSION_ORIGINAL];
    struct chain_inquiry q = {
        .tuple = &draft->key[SESSION_ORIGINAL],
        .last = &last,
        .slots = draft->slots,
        .now_ms = b->now_ms,
        .side = draft->side[SESSION_ORIGINAL],
        .occasion = FUNCTION_AGAIN,
        .begin_drop = API_DROP_NONE,
    };

    chain_ask(b->f, b->ctx, &q);
    return q.drop == API_DROP_NONE && !q.is_stateless && !q.is_turned &&
           session_tuple_is_equal(&q.final, &last);
}

struct session *chain_inherit(struct chain_burst *b, const struct session_query *query,
                              unsigned *direction)
{
    struct session_draft draft = {
        .chain = b->config->id, .tenant = b->config->tenant, .stamp = b->stamp};
    struct session *s = find(b->config, query, direction);
    int is_new = 0;
    uint8_t drop;

    if (s == NULL || !is_older(b, s) || !copy(s, &draft))
        return NULL;
    draft.key[*direction] = query->tuple;
    draft.key[!*direction] = session_tuple_reverse(&query->tuple);
    draft.side[*direction] = query->side;
    draft.side[!*direction] = !query->side;
    s = NULL;
    if (is_allowed(b, &draft))
        s = session_open(&draft, b->ctx->worker, b->now_ms, &is_new, &drop);
    if (!is_new)
        chain_release(b->f->state, query->tuple.protocol, draft.slots);
    b->counters->opened += (uint64_t)is_new;
    if (is_new)
        chain_note_opened(b, s->hash);
    return s;
}
