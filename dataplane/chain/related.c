// SPDX-License-Identifier: BSD-3-Clause
// Whose error is this? An ICMP error belongs to the session of the packet that it quotes, and is
// translated with it, inside and out (RFC 5508, 4; RFC 4884). One of no session passes only where a
// stateless rule lets it. Worker, called by process.c. Next: icmp.c.

#include <string.h>

#include "dataplane/chain/burst.h"
#include "dataplane/chain/judge.h"

#define IP4_SOURCE_OFF 12
#define IP6_SOURCE_OFF 8

static const uint8_t *source_of(const struct rte_mbuf *m, const struct packet *p)
{
    return rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l3_off) +
           (p->flags & PACKET_IP4 ? IP4_SOURCE_OFF : IP6_SOURCE_OFF);
}

// The error came by the side where packets of `direction` come; what it quotes went the other way,
// and came as session_key(s, other).
static void translate(const struct session *s, unsigned direction,
                      const struct session_tuple *inner, struct rte_mbuf *m)
{
    const struct packet *p = packet_of(m);
    const struct session_tuple *quoted = session_key(s, !direction);
    const uint8_t *source = source_of(m, p);
    uint8_t own[16];
    int is_endpoint, is_outward;

    memcpy(own, source, inner->family == 4 ? 4 : sizeof(own));
    is_endpoint = memcmp(own, inner->destination, inner->family == 4 ? 4 : sizeof(own)) == 0;
    is_outward = s->side[direction] == SESSION_INSIDE && s->side[!direction] == SESSION_OUTSIDE;
    // RFC 5508 REQ-4 and 5: hosts inside are not seen outside; who is no endpoint there speaks with
    // the endpoint's address. From outside whoever speaks keeps his own.
    if (is_endpoint || is_outward)
        memcpy(own, quoted->destination, sizeof(own));
    chain_icmp_rewrite(m, p, quoted, own, quoted->source);
}

// No session: it may be an error about packets that had none.
static void judge_alone(struct chain_burst *b, struct rte_mbuf *m)
{
    const struct packet *p = packet_of(m);
    const uint8_t *source = source_of(m, p);
    size_t size = p->flags & PACKET_IP4 ? 4 : 16;
    uint64_t slots[SESSION_N_SLOTS] = {0};
    struct session_tuple tuple = {
        .family = p->flags & PACKET_IP4 ? 4 : 6,
        .protocol = p->l4_proto,
        .icmp_type = *rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off),
    };
    struct chain_inquiry q = {
        .tuple = &tuple,
        .m = m,
        .slots = slots,
        .now_ms = b->now_ms,
        .side = (uint8_t)chain_side_of(b, p),
        .occasion = FUNCTION_FIRST,
        .is_alone = 1,
        .begin_drop = DROP_ICMP_NO_SESSION,
    };

    memcpy(tuple.source, source, size);
    memcpy(tuple.destination, source + size, size);
    chain_ask(b->f, b->ctx, &q);
    if (q.drop == API_DROP_NONE)
        chain_forward(b, m, !chain_side_of(b, p));
    else
        chain_drop(b, m, q.drop); // never answered: RFC 1122, 3.2.2
}

void chain_relate(struct chain_burst *b, struct rte_mbuf *m)
{
    const struct packet *p = packet_of(m);
    struct session_query query = {.chain = b->config->id, .side = (uint8_t)chain_side_of(b, p)};
    struct session_tuple inner;
    struct session *s;
    unsigned direction;
    uint8_t drop;

    // Its rest could not be found to belong to it, and nobody needs an error that long.
    if ((p->flags & PACKET_FRAGMENT) || chain_icmp_inner(m, p, &inner, &drop) < 0) {
        chain_drop(b, m, p->flags & PACKET_FRAGMENT ? DROP_ICMP_BAD_INNER : drop);
        return;
    }
    query.tuple = session_tuple_reverse(&inner);
    s = chain_find(b, &query, &direction);
    if (s == NULL && chain_home(b->config) != 0)
        s = chain_inherit(b, &query, &direction);
    if (s == NULL) {
        judge_alone(b, m);
        return;
    }
    b->counters->related++;
    if (s->is_translated)
        translate(s, direction, &inner, m);
    chain_forward(b, m, s->side[!direction]);
}
