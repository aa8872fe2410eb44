// SPDX-License-Identifier: BSD-3-Clause
// What does an SCTP packet do to its association (RFC 9260)? The first chunk tells: those that open
// and end an association come first in their packet. What keeps others out is the verification tag:
// each end names one in its INIT or INIT ACK, and all that is sent to it bears that one (8.5).
// Worker, under the session's lock; called by track.c. Next: back there.

#include "dataplane/session/track_parts.h"

#include <rte_byteorder.h>

#define VERIFICATION_TAG_OFF 4 // in the common header
#define CHUNK_LEN 4
#define INIT_LEN 20        // an INIT or INIT ACK without parameters
#define TAG_IS_REFLECTED 1 // the T bit (RFC 9260, 3.3.7)

enum chunk_type {
    CHUNK_INIT = 1,
    CHUNK_INIT_ACK = 2,
    CHUNK_ABORT = 6,
    CHUNK_SHUTDOWN = 7,
    CHUNK_SHUTDOWN_ACK = 8,
    CHUNK_COOKIE_ECHO = 10,
    CHUNK_COOKIE_ACK = 11,
    CHUNK_SHUTDOWN_COMPLETE = 14,
};

enum sctp_state {
    STATE_COOKIE_WAIT = 1,
    STATE_COOKIE_ECHOED,
    STATE_PICKED_UP, // begun in the middle, one direction seen
    STATE_ESTABLISHED,
    STATE_SHUTDOWN_SENT,
    STATE_SHUTDOWN_ACK_SENT,
    STATE_CLOSED,
    STATE_N,
};

// Of session.tcp[direction]: `end` is the tag that packets of this direction bear, `max_end` the
// one that was named last and counts from the COOKIE ECHO on.
enum tag_flag {
    TAG_KNOWN = 1 << 0,
    TAG_PENDING = 1 << 1,
};

struct chunk {
    uint8_t type;
    uint8_t flags;
    uint32_t tag;      // of the packet
    uint32_t init_tag; // of an INIT or INIT ACK
};

static uint32_t read32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return rte_be_to_cpu_32(value);
}

static int has_init_tag(const struct chunk *c)
{
    return c->type == CHUNK_INIT || c->type == CHUNK_INIT_ACK;
}

// 0: there is no whole chunk. It may lie in a later segment than the header.
static int read_chunk(const struct rte_mbuf *m, const struct packet *p, struct chunk *c)
{
    uint8_t room[CHUNK_LEN + 4];
    uint32_t len = (uint32_t)(p->l3_end - p->payload_off), chunk_len;
    const uint8_t *bytes;

    if (len < CHUNK_LEN)
        return 0;
    bytes = rte_pktmbuf_read(m, p->payload_off, CHUNK_LEN, room);
    if (bytes == NULL)
        return 0;
    c->type = bytes[0];
    c->flags = bytes[1];
    c->tag = read32(rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4_off + VERIFICATION_TAG_OFF));
    c->init_tag = 0;
    chunk_len = (uint32_t)(bytes[2] << 8 | bytes[3]);
    if (!has_init_tag(c))
        return chunk_len >= CHUNK_LEN;
    if (chunk_len < INIT_LEN || len < INIT_LEN)
        return 0;
    bytes = rte_pktmbuf_read(m, p->payload_off, sizeof(room), room);
    if (bytes == NULL)
        return 0;
    c->init_tag = read32(bytes + CHUNK_LEN);
    return 1;
}

// RFC 9260, 8.5.1: an INIT bears no tag, all others do; none may be named 0 (3.3.2).
static int has_possible_tags(const struct chunk *c)
{
    return (c->type == CHUNK_INIT) == (c->tag == 0) && (!has_init_tag(c) || c->init_tag != 0);
}

static void name_tag(struct session_tcp_peer *peer, uint32_t tag)
{
    peer->max_end = tag;
    peer->flags |= TAG_PENDING;
}

static void learn_tag(struct session_tcp_peer *peer, uint32_t tag)
{
    peer->end = tag;
    peer->flags |= TAG_KNOWN;
}

// What opens no association that we don't know, and ends none.
static int may_be_picked_up(const struct chunk *c)
{
    return c->type != CHUNK_INIT_ACK && c->type != CHUNK_ABORT && c->type != CHUNK_SHUTDOWN_ACK &&
           c->type != CHUNK_COOKIE_ACK && c->type != CHUNK_SHUTDOWN_COMPLETE;
}

uint8_t track_sctp_begin(struct session_draft *draft, const struct rte_mbuf *m,
                         const struct packet *p)
{
    struct chunk c;

    if (!read_chunk(m, p, &c))
        return DROP_SCTP_TRUNCATED;
    if (!has_possible_tags(&c))
        return DROP_SCTP_BAD_TAG;
    if (!may_be_picked_up(&c))
        return DROP_SCTP_NO_SESSION;
    memset(draft->tcp, 0, sizeof(draft->tcp));
    if (c.type == CHUNK_INIT)
        name_tag(&draft->tcp[SESSION_REPLY], c.init_tag);
    else
        learn_tag(&draft->tcp[SESSION_ORIGINAL], c.tag);
    draft->protocol_state = c.type == CHUNK_INIT ? STATE_COOKIE_WAIT : STATE_PICKED_UP;
    draft->timeout = API_TIMEOUT_sctp_opening;
    draft->state = API_SESSION_OPENING;
    draft->is_half_open = 1;
    return API_DROP_NONE;
}

static int is_known(const struct session_tcp_peer *peer, uint32_t tag)
{
    return peer->flags & TAG_KNOWN && peer->end == tag;
}

static int is_pending(const struct session_tcp_peer *peer, uint32_t tag)
{
    return peer->flags & TAG_PENDING && peer->max_end == tag;
}

static uint8_t judge_init(struct track_packet *t, const struct chunk *c)
{
    struct session *s = t->s;

    if (s->protocol_state == STATE_CLOSED || s->protocol_state == STATE_PICKED_UP) {
        t->is_over = 1;
        return API_DROP_NONE;
    }
    // RFC 9260, 5.2: the answer decides, of both ends at once or of a restart.
    name_tag(&s->tcp[!t->direction], c->init_tag);
    t->is_unchanged = s->protocol_state != STATE_COOKIE_WAIT;
    return API_DROP_NONE;
}

static uint8_t judge_init_ack(struct track_packet *t, const struct chunk *c)
{
    struct session_tcp_peer *peer = &t->s->tcp[t->direction];

    if (!is_pending(peer, c->tag) && !is_known(peer, c->tag))
        return DROP_SCTP_BAD_TAG;
    name_tag(&t->s->tcp[!t->direction], c->init_tag);
    t->is_unchanged = t->s->protocol_state != STATE_COOKIE_WAIT;
    return API_DROP_NONE;
}

static uint8_t judge_cookie_echo(struct track_packet *t, const struct chunk *c)
{
    struct session *s = t->s;
    struct session_tcp_peer *peer = &s->tcp[t->direction];

    if (is_pending(peer, c->tag)) {
        for (unsigned i = 0; i < 2; i++) {
            if (s->tcp[i].flags & TAG_PENDING)
                learn_tag(&s->tcp[i], s->tcp[i].max_end);
            s->tcp[i].flags &= (uint8_t)~TAG_PENDING;
        }
    } else if (!is_known(peer, c->tag)) {
        return DROP_SCTP_BAD_TAG;
    }
    if (s->protocol_state == STATE_COOKIE_WAIT)
        s->protocol_state = STATE_COOKIE_ECHOED;
    return API_DROP_NONE;
}

// ABORT and SHUTDOWN COMPLETE (RFC 9260, 8.5.1 B and C).
static uint8_t judge_end(struct track_packet *t, const struct chunk *c)
{
    const struct session_tcp_peer *own = &t->s->tcp[t->direction];
    const struct session_tcp_peer *other = &t->s->tcp[!t->direction];
    int is_reflected = c->flags & TAG_IS_REFLECTED;

    if (is_known(own, c->tag) || (is_reflected && is_known(other, c->tag)) ||
        (!(own->flags & TAG_KNOWN) && is_pending(own, c->tag))) {
        t->s->protocol_state = STATE_CLOSED;
        return API_DROP_NONE;
    }
    if (!is_pending(own, c->tag)) // refuses a restart
        return DROP_SCTP_BAD_TAG;
    t->is_unchanged = 1;
    return API_DROP_NONE;
}

static uint8_t judge_other(struct track_packet *t, const struct chunk *c)
{
    struct session *s = t->s;
    struct session_tcp_peer *peer = &s->tcp[t->direction];

    if (s->protocol_state == STATE_PICKED_UP && !(peer->flags & TAG_KNOWN)) {
        learn_tag(peer, c->tag);
        s->protocol_state = STATE_ESTABLISHED;
    } else if (!is_known(peer, c->tag)) {
        return DROP_SCTP_BAD_TAG;
    }
    if (c->type == CHUNK_COOKIE_ACK && s->protocol_state == STATE_COOKIE_ECHOED)
        s->protocol_state = STATE_ESTABLISHED;
    else if (c->type == CHUNK_SHUTDOWN && s->protocol_state == STATE_ESTABLISHED)
        s->protocol_state = STATE_SHUTDOWN_SENT;
    else if (c->type == CHUNK_SHUTDOWN_ACK && s->protocol_state == STATE_SHUTDOWN_SENT)
        s->protocol_state = STATE_SHUTDOWN_ACK_SENT;
    return API_DROP_NONE;
}

static uint8_t judge(struct track_packet *t, const struct chunk *c)
{
    switch (c->type) {
    case CHUNK_INIT:
        return judge_init(t, c);
    case CHUNK_INIT_ACK:
        return judge_init_ack(t, c);
    case CHUNK_COOKIE_ECHO:
        return judge_cookie_echo(t, c);
    case CHUNK_ABORT:
    case CHUNK_SHUTDOWN_COMPLETE:
        return judge_end(t, c);
    default:
        return judge_other(t, c);
    }
}

static void conclude(struct track_packet *t)
{
    uint8_t state = t->s->protocol_state;

    t->timeout = API_TIMEOUT_sctp_opening;
    if (state == STATE_ESTABLISHED) {
        t->state = API_SESSION_ESTABLISHED;
        t->timeout = API_TIMEOUT_sctp;
        t->is_answered = 1;
    } else {
        t->state = state < STATE_ESTABLISHED ? API_SESSION_OPENING : API_SESSION_CLOSING;
    }
}

uint8_t track_sctp(struct track_packet *t)
{
    struct chunk c;
    uint8_t drop;

    if (!read_chunk(t->m, t->p, &c))
        return DROP_SCTP_TRUNCATED;
    if (!has_possible_tags(&c))
        return DROP_SCTP_BAD_TAG;
    drop = judge(t, &c);
    if (drop == API_DROP_NONE && !t->is_unchanged && !t->is_over)
        conclude(t);
    return drop;
}

const char *track_sctp_state_name(uint8_t protocol_state)
{
    static const char *const names[STATE_N] = {
        [STATE_COOKIE_WAIT] = "COOKIE_WAIT",
        [STATE_COOKIE_ECHOED] = "COOKIE_ECHOED",
        [STATE_PICKED_UP] = "PICKED_UP",
        [STATE_ESTABLISHED] = "ESTABLISHED",
        [STATE_SHUTDOWN_SENT] = "SHUTDOWN_SENT",
        [STATE_SHUTDOWN_ACK_SENT] = "SHUTDOWN_ACK_SENT",
        [STATE_CLOSED] = "CLOSED",
    };

    return protocol_state < STATE_N && names[protocol_state] != NULL ? names[protocol_state]
                                                                     : "UNKNOWN";
}
