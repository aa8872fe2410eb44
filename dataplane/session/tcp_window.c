// SPDX-License-Identifier: BSD-3-Clause
// Can a segment with these numbers be of this connection? Windows as a middle sees them (van Rooij,
// Real Stateful TCP Packet Filtering in IP Filter, 2001): nobody sends beyond what the other one
// has offered, nor acknowledges what was not sent, and what is older than a window comes no more.
// Worker, under the session's lock; called by tcp.c, which knows the states. Next: back there.

#include "dataplane/session/tcp.h"

#include <string.h>

#include <rte_byteorder.h>

#define HEADER_LEN 20
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_SCALE 3
#define OPTION_SCALE_LEN 3
// How far behind an acknowledgment may be at least (van Rooij: 66000, a window and a segment); and
// how far behind the window a segment is old, not foreign.
#define SLACK 66000U

static uint16_t read16(const uint8_t *bytes)
{
    uint16_t value;

    memcpy(&value, bytes, sizeof(value));
    return rte_be_to_cpu_16(value);
}

static uint32_t read32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return rte_be_to_cpu_32(value);
}

// RFC 7323, 2.2. Each step goes forward, and never beyond `len`; after an option whose length can't
// be nothing is believed.
static uint8_t find_scale(const uint8_t *tcp, unsigned len)
{
    for (unsigned i = HEADER_LEN; i < len && tcp[i] != OPTION_END;) {
        if (tcp[i] == OPTION_NOP) {
            i++;
            continue;
        }
        if (len - i < 2 || tcp[i + 1] < 2 || tcp[i + 1] > len - i)
            break;
        if (tcp[i] == OPTION_SCALE && tcp[i + 1] == OPTION_SCALE_LEN)
            return tcp[i + 2] < TCP_MAX_SCALE ? tcp[i + 2] : TCP_MAX_SCALE;
        i += tcp[i + 1];
    }
    return TCP_SCALE_NONE;
}

void tcp_read(const struct rte_mbuf *m, const struct packet *p, struct tcp_segment *seg)
{
    const uint8_t *tcp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off);
    uint32_t len = (uint32_t)(p->l3_end - p->payload_off);

    seg->seq = read32(tcp + 4);
    seg->ack = read32(tcp + 8);
    seg->flags = tcp[13] & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
    seg->window = read16(tcp + 14);
    seg->end = seg->seq + len + !!(seg->flags & TCP_SYN) + !!(seg->flags & TCP_FIN);
    seg->is_piece = (p->flags & PACKET_FRAGMENT) != 0;
    seg->scale = TCP_SCALE_NONE;
    if (seg->flags & TCP_SYN)
        seg->scale = find_scale(tcp, (unsigned)(p->payload_off - p->l4_off));
}

static uint32_t window_of(const struct session_tcp_peer *sender, const struct tcp_segment *seg)
{
    // RFC 7323, 2.2: that of a SYN is never scaled.
    return seg->flags & TCP_SYN ? seg->window : (uint32_t)seg->window << sender->scale;
}

// `sender` offers to take so much behind what it has.
static void offer(struct session_tcp_peer *receiver, uint32_t ack, uint32_t window)
{
    uint32_t max_end = ack + window;

    if (tcp_is_before(receiver->max_end, max_end))
        receiver->max_end = max_end;
}

void tcp_window_syn(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                    const struct tcp_segment *seg)
{
    int is_second = (receiver->flags & TCP_PEER_SEEN) != 0;

    // The window of a SYN is an offer although the peer's numbers are not known by then.
    *sender = (struct session_tcp_peer){
        .end = seg->end,
        .max_end = seg->seq + 1 + (is_second ? receiver->max_window : 0),
        .max_window = RTE_MAX(seg->window, 1U),
        .flags = (uint8_t)(TCP_PEER_SEEN | (seg->is_piece ? TCP_PEER_PIECES : 0)),
    };
    if (seg->scale != TCP_SCALE_NONE) {
        sender->scale = seg->scale;
        sender->flags |= TCP_PEER_SCALE;
    }
    if (!is_second)
        return;
    if (!(sender->flags & receiver->flags & TCP_PEER_SCALE)) { // RFC 7323, 2.2: both or none
        sender->scale = 0;
        receiver->scale = 0;
    }
    if (seg->flags & TCP_ACK) {
        sender->acked = seg->ack;
        receiver->flags |= TCP_PEER_ACKED;
        offer(receiver, seg->ack, seg->window);
    } else {
        receiver->max_end += RTE_MAX(seg->window, 1U);
    }
}

void tcp_window_pick_up(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                        const struct tcp_segment *seg)
{
    // The scale is not known: as large as there is.
    uint32_t window = RTE_MAX((uint32_t)seg->window << TCP_MAX_SCALE, SLACK);

    if (!(receiver->flags & TCP_PEER_SEEN)) {
        sender->max_end = seg->end + window;
        receiver->end = seg->ack;
        receiver->max_end = seg->ack;
    }
    sender->end = seg->end;
    sender->max_window = window;
    sender->scale = TCP_MAX_SCALE;
    sender->acked = seg->ack;
    sender->flags |= TCP_PEER_SEEN | TCP_PEER_SCALE | TCP_PEER_SENT;
    if (tcp_is_before(sender->max_end, seg->end))
        sender->max_end = seg->end;
    if (tcp_is_before(receiver->end, seg->ack))
        receiver->end = seg->ack;
    receiver->flags |= TCP_PEER_ACKED;
    offer(receiver, seg->ack, window);
}

enum tcp_fit tcp_window_check(const struct session_tcp_peer *sender,
                              const struct session_tcp_peer *receiver,
                              const struct tcp_segment *seg)
{
    // What came before these is old.
    uint32_t oldest_end = sender->end - receiver->max_window;
    uint32_t oldest_ack = receiver->end - RTE_MAX(sender->max_window, SLACK);
    uint32_t newest_ack = receiver->end;

    if (receiver->flags & TCP_PEER_PIECES)
        newest_ack += UINT16_MAX;
    // A closed window is probed by one byte at its edge (RFC 9293, 3.8.6.1).
    if (tcp_is_before(sender->max_end, seg->seq) || tcp_is_before(newest_ack, seg->ack))
        return TCP_IS_BEYOND;
    if (tcp_is_before(seg->end, oldest_end - SLACK) || tcp_is_before(seg->ack, oldest_ack - SLACK))
        return TCP_IS_BEYOND;
    if (tcp_is_before(seg->end, oldest_end) || tcp_is_before(seg->ack, oldest_ack))
        return TCP_IS_OLD;
    return TCP_FITS;
}

// What its acknowledgment says of the other one.
static void acknowledge(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                        uint32_t ack)
{
    int is_first = !(receiver->flags & TCP_PEER_ACKED);

    if (tcp_is_before(receiver->end, ack) &&
        (!(receiver->flags & TCP_PEER_SEEN) || receiver->flags & TCP_PEER_PIECES))
        receiver->end = ack;
    // A SYN alone must be met exactly, else it is an old acknowledgment.
    if (is_first && !(receiver->flags & TCP_PEER_SENT) && ack != receiver->end)
        return;
    if (is_first || tcp_is_before(sender->acked, ack))
        sender->acked = ack;
    receiver->flags |= TCP_PEER_ACKED;
    if (receiver->flags & TCP_PEER_FIN && !tcp_is_before(ack, receiver->end))
        receiver->flags |= TCP_PEER_FIN_ACKED;
}

void tcp_window_update(struct session_tcp_peer *sender, struct session_tcp_peer *receiver,
                       const struct tcp_segment *seg)
{
    uint32_t window = window_of(sender, seg);

    sender->max_window = RTE_MAX(sender->max_window, window);
    if (tcp_is_before(sender->end, seg->end)) {
        sender->end = seg->end;
        sender->flags |= TCP_PEER_SENT;
    }
    if (seg->is_piece)
        sender->flags |= TCP_PEER_PIECES;
    if (seg->flags & TCP_FIN)
        sender->flags |= TCP_PEER_FIN;
    acknowledge(sender, receiver, seg->ack);
    offer(receiver, seg->ack, window);
}
