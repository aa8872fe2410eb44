// SPDX-License-Identifier: BSD-3-Clause
// What does a TCP segment do to its connection, seen from the middle (RFC 9293, RFC 5961)? The
// state follows from what both peers have shown: SYN, FIN, RST, and what of these the other one has
// acknowledged. A middle never knows all that the ends know: what it can't judge, but an end must
// answer (a SYN in an open connection, a RST that is not exact), passes and changes nothing.
// Worker, under the session's lock; called by track.c. Next: tcp_window.c, which knows the numbers.

#include "dataplane/session/tcp.h"
#include "dataplane/session/track_parts.h"

#define KNOWN (TCP_PEER_SEEN | TCP_PEER_ACKED)

static uint8_t state_of(const struct session_tcp_peer *peers)
{
    unsigned both = peers[0].flags & peers[1].flags, any = peers[0].flags | peers[1].flags;

    if (any & TCP_PEER_RESET)
        return TCP_STATE_RESET;
    if (!(both & TCP_PEER_SEEN))
        return any & TCP_PEER_ACKED ? TCP_STATE_PICKED_UP : TCP_STATE_SYN_SENT;
    if (!(both & TCP_PEER_ACKED))
        return TCP_STATE_SYN_RECEIVED;
    if (both & TCP_PEER_FIN)
        return both & TCP_PEER_FIN_ACKED ? TCP_STATE_TIME_WAIT : TCP_STATE_LAST_ACK;
    if (any & TCP_PEER_FIN)
        return any & TCP_PEER_FIN_ACKED ? TCP_STATE_CLOSE_WAIT : TCP_STATE_FIN_WAIT;
    return TCP_STATE_ESTABLISHED;
}

// RFC 5382 REQ-4: who begins from outside and is not answered is forgotten soon.
static uint8_t opening_timeout(uint8_t side, uint8_t state)
{
    return side == SESSION_OUTSIDE && state != TCP_STATE_SYN_RECEIVED ? API_TIMEOUT_tcp_unsolicited
                                                                      : API_TIMEOUT_tcp_opening;
}

static int has_possible_flags(const struct tcp_segment *seg)
{
    if (seg->flags & TCP_SYN)
        return !(seg->flags & (TCP_FIN | TCP_RST));
    if (seg->flags & TCP_RST)
        return !(seg->flags & TCP_FIN);
    return (seg->flags & TCP_ACK) != 0; // RFC 9293, 3.10.7.4: all others have it
}

uint8_t track_tcp_begin(struct session_draft *draft, const struct rte_mbuf *m,
                        const struct packet *p, unsigned flags)
{
    struct tcp_segment seg;

    tcp_read(m, p, &seg);
    if (!has_possible_flags(&seg))
        return DROP_TCP_BAD_FLAGS;
    memset(draft->tcp, 0, sizeof(draft->tcp));
    if (seg.flags == TCP_SYN)
        tcp_window_syn(&draft->tcp[SESSION_ORIGINAL], &draft->tcp[SESSION_REPLY], &seg);
    else if (seg.flags == TCP_ACK && !(flags & SESSION_TRACK_NO_PICKUP))
        tcp_window_pick_up(&draft->tcp[SESSION_ORIGINAL], &draft->tcp[SESSION_REPLY], &seg);
    else
        return DROP_TCP_NO_SESSION;
    draft->protocol_state = state_of(draft->tcp);
    draft->timeout = opening_timeout(draft->side[SESSION_ORIGINAL], draft->protocol_state);
    draft->state = API_SESSION_OPENING;
    draft->is_half_open = 1;
    return API_DROP_NONE;
}

// One segment of an open session.
struct scene {
    struct track_packet *t;
    struct session *s;
    struct session_tcp_peer *sender;
    struct session_tcp_peer *receiver;
    struct tcp_segment seg;
};

static uint8_t unchanged(struct scene *c)
{
    c->t->is_unchanged = 1;
    return API_DROP_NONE;
}

static int is_of_initiator(const struct scene *c)
{
    return c->t->direction == SESSION_ORIGINAL;
}

static enum tcp_fit check(const struct scene *c)
{
    if (c->t->flags & SESSION_TRACK_NO_WINDOW)
        return TCP_FITS;
    return tcp_window_check(c->sender, c->receiver, &c->seg);
}

// In SYN_SENT: does it acknowledge the SYN, with or without the data in it (RFC 7413, 3)?
static int has_syn_of_receiver(const struct scene *c)
{
    return c->seg.flags & TCP_ACK && !tcp_is_before(c->seg.ack, c->receiver->max_end) &&
           !tcp_is_before(c->receiver->end, c->seg.ack);
}

// An old connection's answer to a SYN: who has sent that ends it with a RST of this number (RFC
// 9293, 3.10.7.3; RFC 5961, 4.2), and tries again.
static uint8_t challenge(struct scene *c)
{
    c->s->asked = (struct session_tcp_asked){.number = c->seg.ack, .kind = TCP_ASKED_CHALLENGE};
    return unchanged(c);
}

// RFC 9293, 3.6.1; RFC 1122, 4.2.2.13.
static int may_begin_anew(uint8_t state)
{
    return state == TCP_STATE_RESET || state == TCP_STATE_TIME_WAIT || state == TCP_STATE_PICKED_UP;
}

static uint8_t judge_syn(struct scene *c)
{
    uint8_t state = c->s->protocol_state;
    int is_repeated = c->sender->flags & TCP_PEER_SEEN && c->seg.end == c->sender->end;

    if (may_begin_anew(state)) {
        c->t->is_over = 1;
        return API_DROP_NONE;
    }
    if (state == TCP_STATE_SYN_SENT) {
        // The first one again, another try, or a simultaneous open (RFC 9293, 3.5; RFC 5382 REQ-2).
        if (!is_repeated) {
            c->s->asked.kind = TCP_ASKED_NOTHING;
            tcp_window_syn(c->sender, c->receiver, &c->seg);
        }
        return API_DROP_NONE;
    }
    if (state == TCP_STATE_SYN_RECEIVED && is_repeated)
        return API_DROP_NONE;
    // RFC 5961, 4.2: the end host asks whether it is meant, whatever its number.
    if (is_of_initiator(c))
        c->s->asked = (struct session_tcp_asked){.number = c->seg.seq + 1,
                                                 .window = c->seg.window,
                                                 .scale = c->seg.scale,
                                                 .kind = TCP_ASKED_SYN};
    return unchanged(c);
}

// The end host knew nothing of the open connection any more: it took the SYN.
static uint8_t restart(struct scene *c)
{
    const struct session_tcp_asked *asked = &c->s->asked;
    struct tcp_segment syn = {.seq = asked->number - 1,
                              .end = asked->number,
                              .window = asked->window,
                              .flags = TCP_SYN,
                              .scale = asked->scale};

    memset(c->s->tcp, 0, sizeof(c->s->tcp));
    tcp_window_syn(c->receiver, c->sender, &syn);
    tcp_window_syn(c->sender, c->receiver, &c->seg);
    c->s->asked.kind = TCP_ASKED_NOTHING;
    return API_DROP_NONE;
}

// SYN cookies: the answer to a repeated SYN may have another number.
static int is_other_answer(const struct scene *c)
{
    return c->receiver->flags & TCP_PEER_ACKED && !(c->sender->flags & TCP_PEER_ACKED) &&
           c->seg.ack == c->sender->acked && c->seg.end != c->sender->end;
}

static uint8_t judge_syn_ack(struct scene *c)
{
    const struct session_tcp_asked *asked = &c->s->asked;
    uint8_t state = c->s->protocol_state;
    enum tcp_fit fit;

    if (state == TCP_STATE_PICKED_UP || (state == TCP_STATE_SYN_SENT && is_of_initiator(c)))
        return DROP_TCP_BAD_SYN;
    if (state == TCP_STATE_SYN_SENT && !has_syn_of_receiver(c))
        return challenge(c);
    if (state == TCP_STATE_SYN_SENT || (state == TCP_STATE_SYN_RECEIVED && is_other_answer(c))) {
        tcp_window_syn(c->sender, c->receiver, &c->seg);
        return API_DROP_NONE;
    }
    if (!is_of_initiator(c) && asked->kind == TCP_ASKED_SYN && c->seg.ack == asked->number)
        return restart(c);
    fit = check(c);
    if (fit == TCP_IS_BEYOND)
        return DROP_TCP_BAD_SYN;
    if (fit == TCP_IS_OLD || state != TCP_STATE_SYN_RECEIVED)
        return unchanged(c);
    tcp_window_update(c->sender, c->receiver, &c->seg);
    return API_DROP_NONE;
}

// RFC 5961, 3.2: the number that the receiver expects next. Data may be on the way behind us, so
// that is what it has acknowledged, or the end of what was sent.
static int is_exact_reset(const struct scene *c)
{
    const struct session_tcp_asked *asked = &c->s->asked;
    const struct tcp_segment *seg = &c->seg;

    if (c->t->flags & SESSION_TRACK_NO_WINDOW)
        return 1;
    if (c->s->protocol_state == TCP_STATE_SYN_SENT) // RFC 9293, 3.10.7.3
        return is_of_initiator(c) ? seg->seq == c->sender->end || seg->seq == c->sender->max_end
                                  : has_syn_of_receiver(c);
    if (!is_of_initiator(c) && asked->kind == TCP_ASKED_SYN && seg->flags & TCP_ACK &&
        seg->ack == asked->number)
        return 1; // refuses the SYN
    return seg->seq == c->sender->end ||
           (c->sender->flags & TCP_PEER_ACKED && seg->seq == c->receiver->acked);
}

// RFC 5961, 3.2: within the window, so that the receiver asks back.
static int is_near_reset(const struct scene *c)
{
    uint32_t begin = c->sender->flags & TCP_PEER_ACKED ? c->receiver->acked
                                                       : c->sender->end - c->receiver->max_window;

    return c->sender->flags & TCP_PEER_SEEN && !tcp_is_before(c->seg.seq, begin) &&
           !tcp_is_before(c->sender->max_end, c->seg.seq);
}

static uint8_t judge_reset(struct scene *c)
{
    const struct session_tcp_asked *asked = &c->s->asked;
    uint8_t state = c->s->protocol_state;
    int answers_challenge =
        is_of_initiator(c) && asked->kind == TCP_ASKED_CHALLENGE && c->seg.seq == asked->number;

    if (is_exact_reset(c)) {
        c->sender->flags |= TCP_PEER_RESET;
        return API_DROP_NONE;
    }
    if (state == TCP_STATE_SYN_SENT)
        return answers_challenge ? unchanged(c) : DROP_TCP_BAD_RESET;
    // A host that has closed for good answers what still comes with numbers of its own.
    if (state > TCP_STATE_ESTABLISHED || is_near_reset(c))
        return unchanged(c);
    return DROP_TCP_BAD_RESET;
}

// The first segment of the other direction: are these numbers near to what the first one said?
static int is_likely_reply(const struct scene *c)
{
    uint32_t reach = c->receiver->max_window;

    return c->seg.seq - c->sender->end + reach <= 2 * reach &&
           c->seg.ack - c->receiver->end + reach <= 2 * reach;
}

static uint8_t judge_data(struct scene *c)
{
    enum tcp_fit fit = TCP_FITS;

    if (c->s->protocol_state == TCP_STATE_SYN_SENT)
        return is_of_initiator(c) || c->seg.end != c->seg.seq ? DROP_TCP_OUT_OF_WINDOW
                                                              : challenge(c);
    if (c->s->protocol_state == TCP_STATE_PICKED_UP && !is_of_initiator(c)) {
        if (!is_likely_reply(c) && !(c->t->flags & SESSION_TRACK_NO_WINDOW))
            return DROP_TCP_OUT_OF_WINDOW;
        tcp_window_pick_up(c->sender, c->receiver, &c->seg);
    } else if (c->receiver->flags & TCP_PEER_SEEN) {
        fit = check(c);
    }
    if (fit == TCP_IS_BEYOND)
        return DROP_TCP_OUT_OF_WINDOW;
    if (fit == TCP_IS_OLD)
        return unchanged(c);
    tcp_window_update(c->sender, c->receiver, &c->seg);
    return API_DROP_NONE;
}

// What follows for the session from what its peers are now.
static void conclude(struct track_packet *t)
{
    struct session *s = t->s;
    uint8_t has_opened = (s->tcp[0].flags & s->tcp[1].flags & KNOWN) == KNOWN;

    s->protocol_state = state_of(s->tcp);
    t->is_answered = has_opened;
    if (s->protocol_state == TCP_STATE_ESTABLISHED) {
        t->state = API_SESSION_ESTABLISHED;
        t->timeout = API_TIMEOUT_tcp_established;
    } else if (s->protocol_state < TCP_STATE_ESTABLISHED) {
        t->state = API_SESSION_OPENING;
        t->timeout = opening_timeout(s->side[SESSION_ORIGINAL], s->protocol_state);
    } else {
        t->state = API_SESSION_CLOSING;
        // RFC 7857, 2.2; one that was refused lives no longer than one that is not answered.
        if (has_opened)
            t->timeout = API_TIMEOUT_tcp_closing;
    }
}

uint8_t track_tcp(struct track_packet *t)
{
    struct session *s = t->s;
    struct scene c = {
        .t = t, .s = s, .sender = &s->tcp[t->direction], .receiver = &s->tcp[!t->direction]};
    uint8_t drop;

    tcp_read(t->m, t->p, &c.seg);
    if (!has_possible_flags(&c.seg))
        return DROP_TCP_BAD_FLAGS;
    if (c.seg.flags & TCP_RST)
        drop = judge_reset(&c);
    else if (c.seg.flags & TCP_SYN)
        drop = c.seg.flags & TCP_ACK ? judge_syn_ack(&c) : judge_syn(&c);
    else
        drop = judge_data(&c);
    if (drop == API_DROP_NONE && !t->is_unchanged && !t->is_over)
        conclude(t);
    return drop;
}

const char *track_tcp_state_name(uint8_t protocol_state)
{
    static const char *const names[TCP_STATE_N] = {
        [TCP_STATE_SYN_SENT] = "SYN_SENT",   [TCP_STATE_SYN_RECEIVED] = "SYN_RECEIVED",
        [TCP_STATE_PICKED_UP] = "PICKED_UP", [TCP_STATE_ESTABLISHED] = "ESTABLISHED",
        [TCP_STATE_FIN_WAIT] = "FIN_WAIT",   [TCP_STATE_CLOSE_WAIT] = "CLOSE_WAIT",
        [TCP_STATE_LAST_ACK] = "LAST_ACK",   [TCP_STATE_TIME_WAIT] = "TIME_WAIT",
        [TCP_STATE_RESET] = "RESET",
    };

    return protocol_state < TCP_STATE_N && names[protocol_state] != NULL ? names[protocol_state]
                                                                         : "UNKNOWN";
}
