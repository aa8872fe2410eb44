// SPDX-License-Identifier: BSD-3-Clause
// What is noted of a packet on its walk? The way from function to function and the headers at its
// end, by walk.c and egress.c; trace.h has what functions note themselves. Worker; reads the frame
// within what parse has proven. Next: flow/compose.c.

#include "dataplane/walk/trace.h"

#include <rte_ip.h>

#include "dataplane/session/session.h"

void walk_trace_session(struct walk_trace *t, const struct session *s, unsigned direction,
                        unsigned track_flags, const struct session_tenant *tenant)
{
    if (t == NULL)
        return;
    t->has_read_ports = 1;
    t->n_translated = (uint8_t)(t->n_translated + s->is_translated);
    if (t->n_sessions == TRACE_MAX_SESSIONS || t->n_translated > 1) {
        t->is_broken = 1;
        return;
    }
    t->sessions[t->n_sessions++] = (struct trace_session){
        .number = session_id(s),
        .incarnation = session_incarnation(s),
        .direction = (uint8_t)direction,
        .track_flags = (uint8_t)track_flags,
        .tenant = tenant,
    };
}

void walk_trace_deny(struct walk_trace *t, const struct packet *p, const struct walk_denial *denial)
{
    if (t->is_broken)
        return;
    t->is_denied = 1;
    t->denial = *denial;
    t->denied_in = p->in;
    t->m = NULL; // whoever gets this buffer next
}

void walk_trace_hop(struct walk_trace *t, struct packet *p, uint64_t fingerprint)
{
    uint8_t plain = p->plain;

    p->plain = PACKET_NOT_PLAIN;
    if (plain == PACKET_NOT_PLAIN || t->n_hops == TRACE_MAX_HOPS)
        t->is_broken = 1;
    if (!t->is_broken)
        t->hops[t->n_hops++] =
            (struct trace_hop){p->in, p->out, plain == PACKET_PLAIN_LEARNED, fingerprint};
}

void walk_trace_end(struct walk_trace *t, const struct rte_mbuf *m)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + p->l3_off;
    struct trace_end *end = &t->end;

    // Tags of its own go through unseen.
    if (t->is_broken || t->n_hops == 0 || p->n_tags > 0) {
        t->is_broken = 1;
        return;
    }
    memset(end, 0, sizeof(*end));
    memcpy(end->macs, frame, sizeof(end->macs));
    if (p->flags & PACKET_IP4) {
        const struct rte_ipv4_hdr *ip4 = (const struct rte_ipv4_hdr *)ip;

        memcpy(end->source, &ip4->src_addr, 4);
        memcpy(end->destination, &ip4->dst_addr, 4);
        end->ttl = ip4->time_to_live;
    } else {
        const struct rte_ipv6_hdr *ip6 = (const struct rte_ipv6_hdr *)ip;

        memcpy(end->source, ip6->src_addr, 16);
        memcpy(end->destination, ip6->dst_addr, 16);
        end->ttl = ip6->hop_limits;
    }
    memcpy(&end->source_port, frame + p->l4_off, sizeof(end->source_port));
    memcpy(&end->destination_port, frame + p->l4_off + 2, sizeof(end->destination_port));
    t->is_done = 1;
}
