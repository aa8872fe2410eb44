// SPDX-License-Identifier: BSD-3-Clause
// What has left, and what of it is told? Frames by all ports, in order, into the transcript and for
// the hosts that get them. Called by the recorder in world.c for each frame. Next: react.c, where
// hosts get them.

#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "tests/unit/flow/world_parts.h"

#define TYPE_ARP 0x0806
#define SOLICITATION 135
#define TOS_CONTROL 0xc0 // RFC 1812, 4.3.2.5
#define MAX_ERROR_LEN 700

static struct {
    uint8_t *bytes;
    size_t len, capacity;
    unsigned n;
    struct {
        unsigned port;
        uint32_t len;
        uint8_t offload;
        uint16_t gso_size;
        size_t at;
    } items[WORLD_MAX_SENT];
} sent;

struct world_asked world_asked;

static void copy_out(const struct rte_mbuf *m, uint8_t *bytes)
{
    for (; m != NULL; m = m->next) {
        memcpy(bytes, rte_pktmbuf_mtod(m, const void *), m->data_len);
        bytes += m->data_len;
    }
}

// 1: a router asks who a neighbour is, and that is not told.
static int is_aside(unsigned port, const struct rte_mbuf *m)
{
    struct wire *w = &world_asked.wire[world_asked.n];

    if (world.setup.answer == NULL || m->pkt_len > 200 || world_asked.n == WORLD_MAX_QUESTIONS)
        return 0;
    w->len = m->pkt_len;
    copy_out(m, w->bytes);
    wire_scan(w);
    if (w->family == 0 && w->l3 > 0 &&
        (wire_get16(w, w->l3 - 2U) != TYPE_ARP || w->bytes[w->l3 + 7U] != 1))
        return 0;
    if (w->family != 0 && (w->protocol != IPPROTO_ICMPV6 || w->bytes[w->l4] != SOLICITATION))
        return 0;
    world_asked.port[world_asked.n++] = port;
    return 1;
}

// The identification of an error that chains make counts those of all runs.
static void forget_identification(uint8_t *frame, uint32_t len)
{
    static struct wire w;
    uint8_t *ip;

    if (len > MAX_ERROR_LEN)
        return;
    memcpy(w.bytes, frame, len);
    w.len = len;
    wire_scan(&w);
    ip = frame + w.l3;
    if (w.family == 4 && w.protocol == IPPROTO_ICMP && ip[1] == TOS_CONTROL)
        ip[4] = ip[5] = ip[10] = ip[11] = 0;
}

// A packet of this burst has left, unless it has become an error about itself.
static void note_order(const struct rte_mbuf *m, const uint8_t *frame)
{
    const struct packet *p = packet_of((struct rte_mbuf *)(uintptr_t)m);
    const uint8_t *ip = frame + p->l3_off;

    if (p->flags & PACKET_IP4 ? ip[1] == TOS_CONTROL : ip[6] == IPPROTO_ICMPV6)
        return;
    if (p->reserved[0] == WORLD_MARK && p->reserved[2] == (uint8_t)world.n_bursts &&
        world_burst.left_as[p->reserved[1]] == 0)
        world_burst.left_as[p->reserved[1]] = ++world_burst.n_left;
}

void world_record(unsigned port, struct rte_mbuf *m)
{
    // What is left to the receiver, as a driver is told.
    uint64_t left = m->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG);
    uint32_t len = m->pkt_len;

    if (is_aside(port, m)) {
        rte_pktmbuf_free(m);
        return;
    }
    if (sent.capacity - sent.len < len) {
        sent.capacity = 2 * (sent.capacity + len);
        sent.bytes = realloc(sent.bytes, sent.capacity);
    }
    if (sent.bytes == NULL || sent.n == WORLD_MAX_SENT)
        abort();
    sent.items[sent.n].port = port;
    sent.items[sent.n].len = len;
    sent.items[sent.n].offload = packet_of(m)->offload;
    sent.items[sent.n].gso_size = packet_of(m)->gso_size;
    sent.items[sent.n++].at = sent.len;
    copy_out(m, sent.bytes + sent.len);
    note_order(m, sent.bytes + sent.len);
    forget_identification(sent.bytes + sent.len, len);
    sent.len += len;
    if (left & RTE_MBUF_F_TX_TCP_SEG)
        left |= (uint64_t)m->tso_segsz;
    transcript_frame(world.setup.transcript, port, sent.bytes + sent.len - len, len, left);
    rte_pktmbuf_free(m);
}

unsigned world_n_sent(void)
{
    return sent.n;
}

struct world_sent world_sent_at(unsigned number)
{
    return (struct world_sent){
        .port = sent.items[number].port,
        .len = sent.items[number].len,
        .offload = sent.items[number].offload,
        .gso_size = sent.items[number].gso_size,
        .bytes = sent.bytes + sent.items[number].at,
    };
}

void world_forget(void)
{
    sent.n = 0;
    sent.len = 0;
}
