// SPDX-License-Identifier: BSD-3-Clause
// Whose decision does a fragment follow, and does it harm the others of its packet? Later fragments
// have no ports; a first one brings the decision, and what came before it waits. What the receiver
// could put together in two ways is dropped as a whole (RFC 5722, RFC 1858, RFC 3128). Worker, each
// with its own table; called by the chain, fragment_age by the worker's loop. Next:
// fragment_table.c.

#include "dataplane/session/fragment.h"

#include <errno.h>
#include <stdlib.h>

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_random.h>

#include "dataplane/core/counters.h"
#include "dataplane/session/clock.h"
#include "dataplane/session/fragment_table.h"

#define N_AGED 32          // entries that one call of fragment_age looks at
#define TCP_HEADER_UNITS 3 // 20 bytes
#define AH_UNIT 4
#define EXTENSION_UNIT 8
#define MAX_EXTENSIONS 8 // parse proved no more

static struct fragment_table *tables;
static unsigned n_tables;

int fragment_init(unsigned n_workers, struct error *e)
{
    tables = calloc(n_workers, sizeof(*tables));
    if (tables == NULL)
        return error_set(e, -ENOMEM, NULL, "no memory for the fragments of %u workers", n_workers);
    n_tables = n_workers;
    for (unsigned i = 0; i < n_workers; i++)
        tables[i].seed = (uint32_t)rte_rand();
    return 0;
}

// What a fragment says of itself.
struct fragment {
    struct fragment_key key;
    struct fragment_piece piece;
    int is_last;
};

static void set_piece(struct fragment *f, uint32_t offset, uint32_t len)
{
    f->piece.begin = (uint16_t)(offset / FRAGMENT_UNIT);
    f->piece.end = (uint16_t)((offset + len + FRAGMENT_UNIT - 1) / FRAGMENT_UNIT);
}

static void read_ip4(const struct rte_mbuf *m, const struct packet *p, struct fragment *f)
{
    const struct rte_ipv4_hdr *ip =
        rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, p->l3_off);
    uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);
    uint32_t payload_off = p->l3_off + (uint32_t)rte_ipv4_hdr_len(ip);

    f->key.family = 4;
    f->key.protocol = ip->next_proto_id;
    f->key.identification = ip->packet_id;
    memcpy(f->key.source, &ip->src_addr, sizeof(ip->src_addr));
    memcpy(f->key.destination, &ip->dst_addr, sizeof(ip->dst_addr));
    f->is_last = !(field & RTE_IPV4_HDR_MF_FLAG);
    set_piece(f, (uint32_t)(field & RTE_IPV4_HDR_OFFSET_MASK) * FRAGMENT_UNIT,
              p->l3_end - payload_off);
}

// Where the fragment header is; parse has proven that there is one, and the way to it.
static uint32_t fragment_header_of(const uint8_t *frame, const struct packet *p)
{
    uint32_t off = p->l3_off + (uint32_t)sizeof(struct rte_ipv6_hdr);
    uint8_t proto = frame[p->l3_off + offsetof(struct rte_ipv6_hdr, proto)];

    for (unsigned i = 0; i < MAX_EXTENSIONS && proto != IPPROTO_FRAGMENT; i++) {
        uint32_t len = proto == IPPROTO_AH ? (frame[off + 1] + 2U) * AH_UNIT
                                           : (frame[off + 1] + 1U) * EXTENSION_UNIT;

        proto = frame[off];
        off += len;
    }
    return off;
}

static void read_ip6(const struct rte_mbuf *m, const struct packet *p, struct fragment *f)
{
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
    const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)(frame + p->l3_off);
    uint32_t off = fragment_header_of(frame, p);
    uint16_t field = (uint16_t)(frame[off + 2] << 8 | frame[off + 3]);

    f->key.family = 6;
    memcpy(&f->key.identification, frame + off + 4, sizeof(f->key.identification));
    memcpy(f->key.source, ip->src_addr, sizeof(f->key.source));
    memcpy(f->key.destination, ip->dst_addr, sizeof(f->key.destination));
    f->is_last = !(field & 1);
    set_piece(f, field & ~7U, p->l3_end - off - EXTENSION_UNIT);
}

static void read_fragment(uint32_t chain, unsigned side, struct rte_mbuf *m, struct fragment *f)
{
    const struct packet *p = packet_of(m);

    memset(f, 0, sizeof(*f));
    f->key.chain = chain;
    f->key.side = (uint8_t)side;
    if (p->flags & PACKET_IP4)
        read_ip4(m, p, f);
    else
        read_ip6(m, p, f);
}

static void discard(unsigned worker, struct fragment_packet *e, unsigned reason)
{
    struct rte_mbuf *m;

    while ((m = fragment_take(&tables[worker], e)) != NULL) {
        counters_drop(packet_of(m)->in_port, worker, reason, 1);
        rte_pktmbuf_free(m);
    }
}

// Whatever comes of this packet from now on is dropped, and what waits is too.
static uint8_t refuse(unsigned worker, struct fragment_packet *e, uint8_t reason)
{
    e->fate = FRAGMENT_REFUSED;
    e->refusal = reason;
    discard(worker, e, reason);
    return reason;
}

// A part of the L4 header where it must not be. RFC 1858, 3: of TCP none but the first fragment has
// any of the header. RFC 7112: the first one has all of it; parse has found that it has, or knows
// no header of this protocol.
static int is_tiny(const struct packet *p, const struct fragment *f)
{
    if (f->piece.begin > 0)
        return p->l4_proto == IPPROTO_TCP && f->piece.begin < TCP_HEADER_UNITS;
    if (p->flags & PACKET_L4)
        return 0;
    return p->l4_proto == IPPROTO_TCP || p->l4_proto == IPPROTO_UDP ||
           p->l4_proto == IPPROTO_SCTP || p->l4_proto == IPPROTO_ICMP ||
           p->l4_proto == IPPROTO_ICMPV6;
}

// May the fragment be, beside the others? API_DROP_NONE, or why not. Does not count it as seen.
static uint8_t admit(unsigned worker, const struct packet *p, struct fragment_packet *e,
                     const struct fragment *f)
{
    if (e->fate == FRAGMENT_REFUSED)
        return e->refusal;
    if (is_tiny(p, f))
        return refuse(worker, e, DROP_FRAGMENT_TINY);
    switch (fragment_pieces_check(e, f->piece, f->is_last)) {
    case FRAGMENT_FITS:
        return API_DROP_NONE;
    case FRAGMENT_IS_COPY: // RFC 8200, 4.5: only itself, for only one of them goes on
        return DROP_FRAGMENT_OVERLAP;
    case FRAGMENT_OVERLAPS:
        return refuse(worker, e, DROP_FRAGMENT_OVERLAP);
    default:
        return refuse(worker, e, DROP_FRAGMENT_LIMIT);
    }
}

static struct fragment_packet *find_or_add(unsigned worker, const struct fragment *f,
                                           struct session_tenant *tenant, uint32_t now_ms)
{
    struct fragment_packet *e = fragment_table_find(&tables[worker], &f->key);

    return e != NULL ? e : fragment_table_add(&tables[worker], &f->key, tenant, now_ms);
}

enum fragment_answer fragment_later(unsigned worker, uint32_t chain, unsigned side,
                                    struct session_tenant *tenant, struct rte_mbuf *m,
                                    uint32_t now_ms, struct fragment_decision *follow,
                                    uint8_t *drop)
{
    struct fragment f;
    struct fragment_packet *e;

    read_fragment(chain, side, m, &f);
    e = find_or_add(worker, &f, tenant, now_ms);
    *drop = e == NULL ? DROP_FRAGMENT_LIMIT : admit(worker, packet_of(m), e, &f);
    if (*drop != API_DROP_NONE)
        return FRAGMENT_DROP;
    if (e->fate == FRAGMENT_OPEN) {
        if (!fragment_hold(&tables[worker], e, m)) {
            *drop = DROP_FRAGMENT_LIMIT;
            return FRAGMENT_DROP;
        }
        fragment_pieces_add(e, f.piece, f.is_last);
        return FRAGMENT_WAIT;
    }
    fragment_pieces_add(e, f.piece, f.is_last);
    *follow = e->decision;
    *drop = e->decision.drop;
    if (fragment_is_complete(e))
        fragment_table_del(&tables[worker], e);
    return *drop == API_DROP_NONE ? FRAGMENT_FOLLOW : FRAGMENT_DROP;
}

uint8_t fragment_first(unsigned worker, uint32_t chain, unsigned side,
                       struct session_tenant *tenant, struct rte_mbuf *m, uint32_t now_ms)
{
    struct fragment f;
    struct fragment_packet *e;
    uint8_t drop;

    read_fragment(chain, side, m, &f);
    e = find_or_add(worker, &f, tenant, now_ms);
    if (e == NULL)
        return DROP_FRAGMENT_LIMIT;
    drop = admit(worker, packet_of(m), e, &f);
    if (drop == API_DROP_NONE)
        fragment_pieces_add(e, f.piece, f.is_last);
    return drop;
}

unsigned fragment_decided(unsigned worker, uint32_t chain, unsigned side, struct rte_mbuf *first,
                          const struct fragment_decision *decision, struct rte_mbuf **m)
{
    struct fragment f;
    struct fragment_packet *e;
    unsigned n = 0;

    read_fragment(chain, side, first, &f);
    e = fragment_table_find(&tables[worker], &f.key);
    if (e == NULL || e->fate != FRAGMENT_OPEN)
        return 0;
    e->fate = FRAGMENT_DECIDED;
    e->decision = *decision;
    while ((m[n] = fragment_take(&tables[worker], e)) != NULL && ++n < FRAGMENT_MAX_WAITING)
        ;
    if (fragment_is_complete(e))
        fragment_table_del(&tables[worker], e);
    return n;
}

void fragment_age(unsigned worker, uint32_t now_ms)
{
    struct fragment_table *t = &tables[worker];

    for (unsigned i = 0; i < N_AGED && t->n_packets > 0; i++) {
        struct fragment_packet *e;

        if (t->cursor >= t->n_packets_ever)
            t->cursor = 0;
        e = &t->packets[t->cursor++];
        if (e->tenant == NULL || !session_clock_has_passed(e->expires_ms, now_ms))
            continue;
        discard(worker, e, DROP_FRAGMENT_LOST);
        fragment_table_del(t, e);
    }
}

void fragment_fini(void)
{
    for (unsigned worker = 0; worker < n_tables; worker++) {
        struct fragment_table *t = &tables[worker];

        for (uint32_t i = 0; i < t->n_packets_ever; i++) {
            struct fragment_packet *e = &t->packets[i];
            struct rte_mbuf *m;

            while (e->tenant != NULL && (m = fragment_take(t, e)) != NULL)
                rte_pktmbuf_free(m);
            if (e->tenant != NULL)
                fragment_table_del(t, e);
        }
    }
    free(tables);
    tables = NULL;
    n_tables = 0;
}
