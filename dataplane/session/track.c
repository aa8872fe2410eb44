// SPDX-License-Identifier: BSD-3-Clause
// What does a packet mean for its session: may it be of it, has the session been answered, and how
// long does it live from now on? Worker; called by the chain for each packet of a session, and for
// one that begins it. TCP and SCTP have states, which change under the session's lock; the others
// have been answered or not. Next: tcp.c, sctp.c; then back to the chain.

#include "dataplane/session/track.h"

#include <netinet/in.h>

#include "dataplane/session/track_parts.h"

static const char *const plain_names[API_SESSION_N_STATES] = {
    [API_SESSION_OPENING] = "OPENING",
    [API_SESSION_ESTABLISHED] = "ESTABLISHED",
    [API_SESSION_CLOSING] = "CLOSING",
};

static int is_icmp(uint8_t protocol)
{
    return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

// Replies to queries (RFC 792, RFC 950, RFC 4443): they begin nothing.
static int is_icmp_reply(uint8_t protocol, uint8_t type)
{
    if (protocol == IPPROTO_ICMPV6)
        return type == 129;
    return type == 0 || type == 14 || type == 16 || type == 18;
}

static uint8_t begin_plain(struct session_draft *draft, const struct rte_mbuf *m,
                           const struct packet *p)
{
    draft->state = API_SESSION_OPENING;
    draft->is_half_open = 1;
    draft->timeout = API_TIMEOUT_other;
    if (p->l4_proto == IPPROTO_UDP) {
        draft->timeout = API_TIMEOUT_udp;
    } else if (is_icmp(p->l4_proto) && p->flags & PACKET_L4) {
        draft->timeout = API_TIMEOUT_icmp;
        if (is_icmp_reply(p->l4_proto, *rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off)))
            return DROP_ICMP_NO_SESSION;
    }
    return API_DROP_NONE;
}

uint8_t session_track_begin(struct session_draft *draft, const struct rte_mbuf *m,
                            const struct packet *p, unsigned flags)
{
    draft->protocol_state = 0;
    if (p->flags & PACKET_L4 && p->l4_proto == IPPROTO_TCP)
        return track_tcp_begin(draft, m, p, flags);
    if (p->flags & PACKET_L4 && p->l4_proto == IPPROTO_SCTP)
        return track_sctp_begin(draft, m, p);
    return begin_plain(draft, m, p);
}

static void track_plain(struct track_packet *t)
{
    const struct session *s = t->s;

    if (t->direction == SESSION_REPLY) {
        t->is_answered = 1;
        t->state = API_SESSION_ESTABLISHED;
    }
    // RFC 4787 REQ-6, RFC 7857, 6: who is outside can't keep it alive.
    if (t->p->l4_proto == IPPROTO_UDP && t->flags & SESSION_TRACK_OUT_REFRESH)
        t->is_unchanged = s->side[t->direction] == SESSION_OUTSIDE;
}

static void set(uint8_t *field, uint8_t value)
{
    if (__atomic_load_n(field, __ATOMIC_RELAXED) != value)
        __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

// Under the lock, where the protocol has one.
static void carry_out(const struct track_packet *t, const struct session_tenant *tenant,
                      uint32_t now_ms)
{
    set(&t->s->state, t->state);
    set(&t->s->timeout, t->timeout);
    if (!t->is_unchanged)
        session_renew(t->s, now_ms + session_timeout_ms(tenant, t->timeout));
}

uint8_t session_track(struct session *s, const struct session_tenant *tenant,
                      const struct session_packet *packet, int *is_over)
{
    uint8_t protocol = packet->p->l4_proto, drop = API_DROP_NONE; // as in its key
    int has_states =
        (protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP) && packet->p->flags & PACKET_L4;
    struct track_packet t = {.s = s,
                             .m = packet->m,
                             .p = packet->p,
                             .direction = packet->direction,
                             .flags = packet->flags};

    if (has_states)
        session_lock(s);
    t.timeout = __atomic_load_n(&s->timeout, __ATOMIC_RELAXED);
    t.state = __atomic_load_n(&s->state, __ATOMIC_RELAXED);
    if (!has_states)
        track_plain(&t);
    else
        drop = protocol == IPPROTO_TCP ? track_tcp(&t) : track_sctp(&t);
    if (drop == API_DROP_NONE && !t.is_over)
        carry_out(&t, tenant, packet->now_ms);
    if (has_states)
        session_unlock(s);
    *is_over = t.is_over;
    if (drop == API_DROP_NONE && t.is_answered &&
        __atomic_load_n(&s->is_half_open, __ATOMIC_RELAXED))
        session_confirm(s);
    return drop;
}

const char *session_track_state_name(const struct session *s)
{
    uint8_t state = __atomic_load_n(&s->state, __ATOMIC_RELAXED);

    if (s->key_original.protocol == IPPROTO_TCP)
        return track_tcp_state_name(s->protocol_state);
    if (s->key_original.protocol == IPPROTO_SCTP)
        return track_sctp_state_name(s->protocol_state);
    return state < API_SESSION_N_STATES && plain_names[state] != NULL ? plain_names[state]
                                                                      : "UNKNOWN";
}
