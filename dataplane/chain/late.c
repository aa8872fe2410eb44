// SPDX-License-Identifier: BSD-3-Clause
// Who tells the sender of a SYN that nobody wants it? Not at once: the one inside may be about to
// send his own, and an answer would end both (RFC 5382, REQ-4). So a few of them wait here for six
// seconds, as they came, and are answered then unless something has come of them. Added on workers
// for what a NAT says so of, answered by worker 0's tick. Next: reject.c.

#include <netinet/in.h>

#include <rte_pause.h>
#include <rte_tcp.h>

#include "dataplane/chain/burst.h"
#include "dataplane/session/clock.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"

#define WAIT_MS 6000
#define AT_ONCE 8 // answers of one tick

static void lock(struct chain_late *late)
{
    while (__atomic_exchange_n(&late->lock, 1, __ATOMIC_ACQUIRE) != 0)
        rte_pause();
}

static void unlock(struct chain_late *late)
{
    __atomic_store_n(&late->lock, 0, __ATOMIC_RELEASE);
}

static int is_syn(const struct rte_mbuf *m, const struct packet *p)
{
    const struct rte_tcp_hdr *tcp =
        rte_pktmbuf_mtod_offset(m, const struct rte_tcp_hdr *, p->l4_off);

    return p->flags & PACKET_L4 && !(p->flags & PACKET_FRAGMENT) && p->l4_proto == IPPROTO_TCP &&
           (tcp->tcp_flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG;
}

void chain_late_add(const struct chain_burst *b, struct rte_mbuf *m)
{
    struct chain_late *late = &((struct chain_state *)b->f->state)->late;
    const struct packet *p = packet_of(m);
    uint16_t len = (uint16_t)RTE_MIN(CHAIN_LATE_BYTES, RTE_MIN(m->data_len, p->l3_end));
    struct chain_late_syn *syn;

    // Of a flood only some are answered.
    if (!is_syn(m, p) || __atomic_load_n(&late->n, __ATOMIC_RELAXED) >= CHAIN_LATE_MAX)
        return;
    lock(late);
    if (late->n < CHAIN_LATE_MAX) {
        syn = &late->syns[(late->first + late->n) % CHAIN_LATE_MAX];
        syn->packet = *p;
        syn->packet.l3_end = len;
        syn->due_ms = b->now_ms + WAIT_MS;
        syn->len = len;
        memcpy(syn->bytes, rte_pktmbuf_mtod(m, const uint8_t *), len);
        __atomic_store_n(&late->n, late->n + 1, __ATOMIC_RELAXED);
    }
    unlock(late);
}

// The one that has waited longest, if long enough.
static int take(struct chain_late *late, uint32_t now_ms, struct chain_late_syn *syn)
{
    int is_due;

    if (__atomic_load_n(&late->n, __ATOMIC_RELAXED) == 0)
        return 0;
    lock(late);
    is_due = session_clock_has_passed(late->syns[late->first].due_ms, now_ms);
    if (is_due) {
        *syn = late->syns[late->first];
        late->first = (late->first + 1) % CHAIN_LATE_MAX;
        __atomic_store_n(&late->n, late->n - 1, __ATOMIC_RELAXED);
    }
    unlock(late);
    return is_due;
}

// One that went on, to who may own the address, and was not answered, is not wanted either.
static int is_wanted(const struct function *f, const struct rte_mbuf *m, const struct packet *p)
{
    const struct chain_config *config = f->config;
    struct session_query query = {.chain = config->id, .side = SESSION_OUTSIDE};
    const struct session_query *queries = &query;
    struct session_hit hit;
    uint8_t drop;

    if (chain_packet_tuple(m, p, &query.tuple, &drop) != CHAIN_PACKET_SESSION)
        return 1;
    session_find_burst(&queries, &hit, 1);
    return hit.session != NULL &&
           (__atomic_load_n(&hit.session->state, __ATOMIC_RELAXED) != API_SESSION_OPENING ||
            __atomic_load_n(&hit.session->timeout, __ATOMIC_RELAXED) !=
                API_TIMEOUT_tcp_unsolicited);
}

static void answer(const struct function *f, const struct walk_context *ctx,
                   const struct chain_late_syn *syn)
{
    struct rte_mbuf *m = walk_alloc(ctx);
    struct packet *p;

    if (m == NULL)
        return;
    p = packet_of(m);
    *p = syn->packet;
    p->in = f->first_attachment + SESSION_OUTSIDE; // of this generation
    p->n_hops = 0;
    p->offload = 0;
    m->data_len = syn->len;
    m->pkt_len = syn->len;
    memcpy(rte_pktmbuf_mtod(m, uint8_t *), syn->bytes, syn->len);
    if (is_wanted(f, m, p) || !chain_reject(ctx, m, CHAIN_NO_PORT)) {
        rte_pktmbuf_free(m);
        return;
    }
    chain_counters_of(f->state, ctx->worker)->rejected++;
    egress_forward(ctx, m, p->out);
}

void chain_late_tick(const struct function *f, const struct walk_context *ctx)
{
    struct chain_state *state = f->state;
    uint32_t now_ms = session_clock_ms(ctx->now_tsc);
    struct chain_late_syn syn;

    for (unsigned i = 0; i < AT_ONCE && take(&state->late, now_ms, &syn); i++)
        answer(f, ctx, &syn);
}
