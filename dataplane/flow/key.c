// SPDX-License-Identifier: BSD-3-Clause
// May a packet have a flow, and where in the table does its key go? A keyed hash as that of
// sessions (session/hash.c): pairs of words are added to secret ones and multiplied, the products
// added (NH of UMAC, RFC 4418, 5.2.2), then mixed down to 32 bits (table.h). Called by burst.c on
// workers, for a burst at once. Next: find.c.

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "dataplane/flow/packet.h"
#include "dataplane/port/offload.h"

uint64_t flow_secret[FLOW_N_SECRETS];

void flow_hash_init(void)
{
    for (unsigned i = 0; i < FLOW_N_SECRETS; i++)
        flow_secret[i] = rte_rand();
}

// TCP or UDP, with ports.
static inline int has_stream(const struct packet *p)
{
    return p->l2_error == API_DROP_NONE && p->flags & PACKET_L4 &&
           (p->l4_proto == IPPROTO_UDP || p->l4_proto == IPPROTO_TCP);
}

static inline int is_sound(const struct rte_mbuf *m, const struct packet *p,
                           const struct port *port)
{
    if (p->flags & (PACKET_IP_OPTIONS | PACKET_FRAGMENT) || p->l3_error != API_DROP_NONE ||
        p->n_tags > 2)
        return 0;
    if (*rte_pktmbuf_mtod(m, const uint8_t *) & 1)
        return 0;
    if (m->pkt_len > port->max_frame_len && !(p->offload & PACKET_TSO))
        return 0;
    if (m->pkt_len != p->l3_end && m->nb_segs > 1)
        return 0;
    return p->offload == 0 || offload_is_sound(m, p);
}

static inline uint64_t read_word(const uint8_t *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static inline uint32_t read_half(const uint8_t *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof(word));
    return word;
}

static __rte_always_inline enum flow_kind_of_packet key_of(const struct rte_mbuf *m,
                                                           const struct port *port,
                                                           enum flow_mask mask,
                                                           struct flow_key *key)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *), *ip = frame + p->l3_off;
    uint32_t kind = p->flags & PACKET_IP4 ? 4 : 6, protocol = p->l4_proto, ports;

    if (unlikely(!has_stream(p)))
        return FLOW_PACKET_OTHER;
    ports = read_half(frame + p->l4_off);
    kind |= (uint32_t)p->n_tags << FLOW_KIND_TAGS;
    if (mask == FLOW_MASK_ADDRESSES) {
        protocol = 0;
        kind |= FLOW_KIND_NO_PORTS;
        ports = 0;
    }
    key->words[0] = p->in_port | protocol << 16 | kind << 24 | (uint64_t)p->outer_vlan << 32 |
                    (uint64_t)p->inner_vlan << 48;
    key->words[1] = read_word(frame);
    key->words[2] = read_half(frame + 8) | (uint64_t)ports << 32;
    if (p->flags & PACKET_IP4) {
        key->words[3] = read_word(ip + offsetof(struct rte_ipv4_hdr, src_addr));
    } else {
        for (unsigned i = 0; i < 4; i++)
            key->words[3 + i] = read_word(ip + offsetof(struct rte_ipv6_hdr, src_addr) + 8 * i);
    }
    if (unlikely(!is_sound(m, p, port)))
        return FLOW_PACKET_STREAM;
    return unlikely(flow_tcp_flags(m, p) & FLOW_TCP_FIN_SYN_RST) ? FLOW_PACKET_SEGMENT
                                                                 : FLOW_PACKET_PLAIN;
}

enum flow_kind_of_packet flow_key_of(const struct rte_mbuf *m, const struct port *port,
                                     enum flow_mask mask, struct flow_key *key)
{
    return key_of(m, port, mask, key);
}

void flow_sight(struct rte_mbuf *const *m, unsigned n, const struct port *port, enum flow_mask mask,
                struct flow_key *keys, struct flow_sight *sights)
{
    for (unsigned i = 0; i < n; i++) {
        struct flow_sight *s = &sights[i];

        s->flow = NULL;
        s->kind = (uint8_t)key_of(m[i], port, mask, &keys[i]);
        if (unlikely(s->kind == FLOW_PACKET_OTHER))
            continue;
        s->hash = flow_hash(&keys[i]);
        s->line = index_line(&flow_table.index, s->hash);
        rte_prefetch0(s->line);
    }
}
