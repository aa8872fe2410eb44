// SPDX-License-Identifier: BSD-3-Clause
// What becomes of fragments? The first is judged like any packet; the others have no ports and do
// what it did, or wait for it (session/fragment.h). Worker, called by process.c. Next:
// session/fragment.c.

#include "dataplane/chain/burst.h"
#include "dataplane/core/counters.h"
#include "dataplane/session/identification.h"
#include "dataplane/walk/egress.h"

int chain_fragment_first(struct chain_burst *b, struct rte_mbuf *m)
{
    uint8_t drop = fragment_first(b->ctx->worker, b->config->id, chain_side_of(b, packet_of(m)),
                                  b->config->tenant, m, b->now_ms);

    if (drop != API_DROP_NONE)
        chain_drop(b, m, drop);
    return drop == API_DROP_NONE;
}

// Do with a later fragment what was done with the first.
static void follow(struct chain_burst *b, struct rte_mbuf *m,
                   const struct fragment_decision *decision)
{
    struct chain_outcome outcome = {.direction = decision->direction,
                                    .drop = decision->drop,
                                    .identification = decision->identification};
    struct session *s = NULL;

    if (decision->drop == API_DROP_NONE && decision->session != UINT32_MAX) {
        s = session_at(decision->session);
        if (s == NULL || !session_is_valid(s) || s->chain != b->config->id ||
            s->opened_ms != decision->opened_ms || !chain_is_allowed(b, s)) {
            chain_drop(b, m, DROP_FRAGMENT_LOST);
            return;
        }
    }
    outcome.session = s;
    if (outcome.drop == API_DROP_NONE)
        b->counters->fragments++;
    chain_carry_out(b, m, &outcome);
}

void chain_fragment_later(struct chain_burst *b, struct rte_mbuf **m)
{
    struct fragment_decision decision;
    uint8_t drop = DROP_FRAGMENT_LOST;

    switch (fragment_later(b->ctx->worker, b->config->id, chain_side_of(b, packet_of(*m)),
                           b->config->tenant, *m, b->now_ms, &decision, &drop)) {
    case FRAGMENT_FOLLOW:
        follow(b, *m, &decision);
        break;
    case FRAGMENT_WAIT:
        *m = NULL;
        break;
    default: // FRAGMENT_DROP
        chain_drop(b, *m, drop);
        break;
    }
}

// Outside of the burst's order: the first, then those that waited for it.
static void send(const struct chain_burst *b, struct rte_mbuf *m)
{
    const struct packet *p = packet_of(m);

    if (p->verdict == PACKET_FORWARD) {
        egress_forward(b->ctx, m, p->out);
        return;
    }
    counters_drop(p->in_port, b->ctx->worker, p->drop, 1);
    rte_pktmbuf_free(m);
}

// What all fragments of a translated packet are called from now on. 0: they keep their name.
static uint16_t identification_of(const struct rte_mbuf *m, const struct packet *p,
                                  const struct chain_outcome *outcome)
{
    const struct session *s = outcome->session;
    struct session_tuple to;

    if (s == NULL || !s->is_translated || !identification_is_needed(m, p))
        return 0;
    to = session_tuple_reverse(session_key(s, !outcome->direction));
    return identification_next(p, to.source, to.destination);
}

void chain_fragment_decided(struct chain_burst *b, struct rte_mbuf **m,
                            struct chain_outcome *outcome)
{
    const struct session *s = outcome->session;
    struct fragment_decision decision = {
        .session = s != NULL ? session_id(s) : UINT32_MAX,
        .opened_ms = s != NULL ? s->opened_ms : 0,
        .direction = outcome->direction,
        .drop = outcome->drop,
        .identification = identification_of(*m, packet_of(*m), outcome),
    };
    struct rte_mbuf *waiting[FRAGMENT_MAX_WAITING];
    uint32_t in = packet_of(*m)->in;
    unsigned n = fragment_decided(b->ctx->worker, b->config->id, chain_side_of(b, packet_of(*m)),
                                  *m, &decision, waiting);

    outcome->identification = decision.identification;
    chain_carry_out(b, *m, outcome);
    if (n == 0)
        return;
    send(b, *m);
    *m = NULL;
    for (unsigned i = 0; i < n; i++) {
        packet_of(waiting[i])->in = in; // of this generation
        follow(b, waiting[i], &decision);
        send(b, waiting[i]);
    }
}
