// SPDX-License-Identifier: BSD-3-Clause
// May this connection be, and how is it translated? Asks the functions of a chain in order, from
// where the packet comes; back inward from where a NAT turns it (hairpin). Worker, called by
// session.c for first packets and for sessions that a commit has made doubtful; main thread for
// those of the process before this one. Next: the functions' judge(), vnf/firewall and vnf/nat.

#include "dataplane/chain/judge.h"

// A round of questions.
struct round {
    const struct chain_config *config;
    const struct function *f;
    struct chain_inquiry *q;
    struct function_case c;
    uint64_t asked; // by slot: what they have put into the inquiry's slots is ours to release
    unsigned n_firewalls, n_stateless;
};

static int is_translated(const struct round *r)
{
    return !session_tuple_is_equal(&r->c.tuple, r->q->tuple);
}

// May a packet that begins no session go on, behind this function? Only if none will come of it.
static int may_go_on(const struct round *r, const struct chain_stage *stage)
{
    if (r->q->begin_drop == API_DROP_NONE)
        return 1;
    return !is_translated(r) && (stage->kind != API_FUNCTION_FIREWALL || r->c.is_stateless);
}

static inline void take_account(struct round *r)
{
    struct chain_inquiry *q = r->q;

    if (likely(r->c.account == 0 || q->n_accounts == WALK_MAX_ACCOUNTS))
        q->must_be_asked = 1;
    else
        q->accounts[q->n_accounts++] = r->c.account;
}

static enum function_verdict ask_one(struct round *r, const struct walk_context *ctx,
                                     const struct chain_stage *stage)
{
    uint64_t scratch = 0;
    enum function_verdict verdict;

    r->c.slot = r->c.is_turned ? &scratch : &r->q->slots[stage->slot];
    r->c.is_stateless = 0;
    r->c.is_told_late = 0;
    r->c.drop = API_DROP_NONE;
    r->c.account = 0;
    verdict = stage->f->ops->judge(stage->f, ctx, &r->c);
    take_account(r);
    if (verdict == FUNCTION_DENY || verdict == FUNCTION_REJECT)
        return verdict;
    r->q->is_told_late |= r->c.is_told_late;
    if (!r->c.is_turned)
        r->asked |= 1ULL << stage->slot;
    if (stage->kind == API_FUNCTION_FIREWALL) {
        r->n_firewalls++;
        r->n_stateless += r->c.is_stateless;
    }
    if (may_go_on(r, stage))
        return verdict;
    r->c.drop = r->q->begin_drop;
    return FUNCTION_DENY;
}

// Give back what those who allowed have kept; what a function that denied left there counts for
// nothing, and so does what a session's record held before it was restored.
static void release(struct round *r)
{
    for (unsigned i = 0; i < SESSION_N_SLOTS; i++)
        if (!(r->asked & 1ULL << i))
            r->q->slots[i] = 0;
    chain_release(r->f->state, r->q->tuple->protocol, r->q->slots);
}

static void deny(struct round *r, enum function_verdict verdict)
{
    // Without a reason it would pass for allowed.
    r->q->drop = r->c.drop != API_DROP_NONE ? r->c.drop : DROP_FIREWALL_DENIED;
    r->q->is_rejected = verdict == FUNCTION_REJECT;
    r->q->is_told_late = r->c.is_told_late; // RFC 5382, REQ-4 a: a firewall decides for itself
    if (r->q->occasion != FUNCTION_AGAIN)
        release(r);
}

// All have allowed it.
static void allow(struct round *r)
{
    struct chain_inquiry *q = r->q;

    q->final = r->c.tuple;
    q->is_turned = r->c.is_turned;
    q->is_stateless = r->n_firewalls > 0 && r->n_stateless == r->n_firewalls && !is_translated(r) &&
                      !q->is_turned;
    if (q->begin_drop != API_DROP_NONE && !q->is_stateless) {
        r->c.drop = q->begin_drop;
        deny(r, FUNCTION_DENY);
        return;
    }
    q->drop = API_DROP_NONE;
    if ((q->is_stateless || q->is_alone) && q->occasion != FUNCTION_AGAIN)
        release(r);
}

void chain_ask(const struct function *f, const struct walk_context *ctx, struct chain_inquiry *q)
{
    const struct chain_config *config = f->config;
    int is_inward = q->side == SESSION_OUTSIDE;
    int i = is_inward ? (int)config->n_stages - 1 : 0;
    struct round r; // most of it is written once, and this often: so not cleared before

    r.config = config;
    r.f = f;
    r.q = q;
    r.asked = 0;
    r.n_firewalls = r.n_stateless = 0;
    r.c.tuple = *q->tuple;
    r.c.last = q->last;
    r.c.m = q->m;
    r.c.p = q->m != NULL ? packet_of(q->m) : NULL;
    r.c.chain = config->id;
    r.c.now_ms = q->now_ms;
    r.c.occasion = q->occasion;
    r.c.is_alone = q->is_alone;
    r.c.is_inward = (uint8_t)is_inward;
    r.c.is_turned = 0;
    q->is_told_late = 0;
    q->is_rejected = 0;
    q->with_reset = 0;
    q->must_be_asked = 0;
    q->n_accounts = 0;
    while (i >= 0 && i < (int)config->n_stages) {
        enum function_verdict verdict = ask_one(&r, ctx, &config->stages[i]);

        if (verdict == FUNCTION_TURN && !r.c.is_inward)
            r.c.is_turned = r.c.is_inward = 1;
        else if (verdict != FUNCTION_ALLOW) {
            q->with_reset = config->stages[i].kind == API_FUNCTION_FIREWALL;
            deny(&r, verdict);
            return;
        }
        i += r.c.is_inward ? -1 : 1;
    }
    allow(&r);
}

void chain_foresee(const struct session_query *const *queries, unsigned n)
{
    const struct chain_state *state = chain_state_of(queries[0]->chain); // all are of one burst
    const struct function *f =
        state != NULL ? __atomic_load_n(&state->active, __ATOMIC_ACQUIRE) : NULL;
    const struct chain_config *config;

    if (f == NULL)
        return;
    config = f->config;
    session_foresee(config->tenant, queries, n);
    for (uint32_t i = 0; i < config->n_stages; i++) {
        const struct function *stage = config->stages[i].f;

        if (stage->ops->foresee != NULL)
            stage->ops->foresee(stage, queries, n);
    }
}

int chain_ask_again(const struct function *f, const struct walk_context *ctx, struct session *s,
                    uint32_t stamp, uint32_t now_ms)
{
    uint64_t slots[SESSION_N_SLOTS];
    struct session_tuple final = session_tuple_reverse(&s->key_reply);
    struct chain_inquiry q = {
        .tuple = &s->key_original,
        .last = &final,
        .slots = slots,
        .now_ms = now_ms,
        .side = s->side[SESSION_ORIGINAL],
        .occasion = FUNCTION_AGAIN,
        .begin_drop = API_DROP_NONE,
    };
    int stays = 0;

    // Under the lock, so that a session is asked about once, and what it keeps is not released by
    // who ends it meanwhile: that comes after us.
    session_lock(s);
    if (session_is_valid(s)) {
        stays = s->stamp == stamp;
        if (!stays) {
            memcpy(slots, s->slots, sizeof(slots));
            chain_ask(f, ctx, &q);
            stays = q.drop == API_DROP_NONE && !q.is_stateless &&
                    session_tuple_is_equal(&q.final, &final) &&
                    q.is_turned == (s->side[SESSION_ORIGINAL] == s->side[SESSION_REPLY]);
            memcpy(s->slots, slots, sizeof(slots));
            chain_counters_of(f->state, ctx->worker)->rejudged++;
        }
        if (stays)
            __atomic_store_n(&s->stamp, stamp, __ATOMIC_RELAXED);
    }
    session_unlock(s);
    return stays;
}
