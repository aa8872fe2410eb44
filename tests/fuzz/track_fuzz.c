// SPDX-License-Identifier: BSD-3-Clause
// Can any sequence of packets make tracking read what is not there, loop, leave a session in a
// state that can't be, or answer with what is no answer? Bytes become packets of one session in
// both directions: sound TCP and SCTP headers with some bytes changed, options and chunks of any
// kind, numbers near those that count. libFuzzer with ASan and UBSan, without EAL; the frame ends
// where its memory ends. Next: what the assertions name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/parse/parse.h"
#include "dataplane/session/track.h"
#include "tests/fuzz/lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_STEPS 100
#define L4_OFF 34
#define MAX_FRAME 200
#define TIMEOUT_MS 7000U // of all kinds, and one more for each

struct segment {
    struct rte_mbuf m;
    struct packet p;
};

static struct session session;
static unsigned n_locked, n_confirmed;

void session_lock(struct session *s)
{
    assert(s == &session && n_locked == 0);
    n_locked++;
}

void session_unlock(struct session *s)
{
    assert(s == &session && n_locked == 1);
    n_locked--;
}

void session_confirm(struct session *s)
{
    assert(s == &session && n_locked == 0 && s->is_half_open);
    s->is_half_open = 0;
    n_confirmed++;
}

uint32_t session_timeout_ms(const struct session_tenant *tenant, enum api_timeout timeout)
{
    (void)tenant;
    assert((unsigned)timeout < API_N_TIMEOUTS);
    return TIMEOUT_MS + (uint32_t)timeout;
}

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

// A number that means something to the session, or nearly.
static uint32_t number(struct input *in)
{
    const struct session_tcp_peer *peer;
    uint8_t what = take(in);
    uint32_t near = (uint32_t)(take(in) - 128);

    peer = &session.tcp[what & 1];
    switch (what >> 1 & 7) {
    case 0:
        return peer->end;
    case 1:
        return peer->max_end;
    case 2:
        return peer->acked;
    case 3:
        return session.asked.number;
    case 4:
        return peer->end + near;
    case 5:
        return peer->end - peer->max_window + near;
    case 6:
        return near << 24;
    default:
        return peer->max_end + near;
    }
}

static size_t tcp(struct input *in, uint8_t *l4)
{
    unsigned n_options = take(in) % 41, n_words = 5 + n_options / 4;

    put32(l4 + 4, number(in));
    put32(l4 + 8, number(in));
    l4[12] = (uint8_t)(n_words << 4);
    l4[13] = take(in);
    l4[14] = take(in);
    l4[15] = take(in);
    for (unsigned i = 20; i < 4 * n_words; i++)
        l4[i] = take(in) % 12;
    return 4 * n_words + take(in) % 64;
}

static size_t sctp(struct input *in, uint8_t *l4)
{
    put32(l4 + 4, number(in));
    l4[12] = take(in) % 16;
    l4[13] = take(in);
    l4[14] = 0;
    l4[15] = take(in) % 40;
    put32(l4 + 16, number(in));
    return 12 + take(in) % 40;
}

// Ethernet and IPv4, with as many bytes as it says.
static struct rte_mbuf *packet(struct input *in, struct segment *s, uint8_t protocol)
{
    uint8_t frame[MAX_FRAME] = {[12] = 8, [14] = 0x45, [22] = 64, [23] = protocol};
    size_t len = L4_OFF;
    struct rte_mbuf *m = &s->m;

    if (take(in) % 16 == 0)
        frame[20] = 0x20; // a first fragment
    len += protocol == 6 ? tcp(in, frame + L4_OFF) : sctp(in, frame + L4_OFF);
    assert(len <= MAX_FRAME);
    for (uint8_t n = take(in) % 3; n > 0; n--)
        frame[L4_OFF + take(in) % (len - L4_OFF)] ^= take(in);
    frame[17] = (uint8_t)(len - 14);
    memset(s, 0, sizeof(*s));
    m->priv_size = sizeof(s->p);
    m->buf_addr = malloc(len);
    assert(m->buf_addr != NULL);
    memcpy(m->buf_addr, frame, len);
    m->buf_len = m->data_len = (uint16_t)len;
    m->pkt_len = (uint32_t)len;
    m->nb_segs = 1;
    parse_burst(&m, 1);
    return m;
}

static int is_reason(uint8_t drop)
{
    return (drop >= DROP_TCP_BAD_FLAGS && drop <= DROP_TCP_BAD_SYN) ||
           drop == DROP_SCTP_NO_SESSION || drop == DROP_SCTP_BAD_TAG || drop == DROP_SCTP_TRUNCATED;
}

static void begin(const struct session_draft *draft)
{
    memset(&session, 0, sizeof(session));
    session.key_original = draft->key[0];
    memcpy(session.side, draft->side, sizeof(session.side));
    session.state = draft->state;
    session.timeout = draft->timeout;
    session.is_half_open = draft->is_half_open;
    session.protocol_state = draft->protocol_state;
    memcpy(session.tcp, draft->tcp, sizeof(session.tcp));
    assert(draft->is_half_open && draft->state == API_SESSION_OPENING);
    assert(draft->timeout < API_N_TIMEOUTS && draft->protocol_state > 0);
}

static void try_to_begin(struct rte_mbuf *m, uint8_t choice)
{
    struct session_draft draft;
    uint8_t drop;

    memset(&draft, 0xa5, sizeof(draft));
    memset(&draft.key[0], 0, sizeof(draft.key[0]));
    draft.key[0].protocol = packet_of(m)->l4_proto;
    draft.side[0] = choice & 1;
    draft.side[1] = !(choice & 1);
    drop = session_track_begin(&draft, m, packet_of(m), choice & SESSION_TRACK_NO_PICKUP);
    if (drop == API_DROP_NONE)
        begin(&draft);
    else
        assert(is_reason(drop));
}

static void check(void)
{
    assert(n_locked == 0 && session.state >= API_SESSION_OPENING &&
           session.state < API_SESSION_N_STATES && session.timeout < API_N_TIMEOUTS);
    assert(strcmp(session_track_state_name(&session), "UNKNOWN") != 0);
    assert(session.state != API_SESSION_ESTABLISHED || !session.is_half_open);
    for (unsigned i = 0; session.key_original.protocol == 6 && i < 2; i++)
        assert(session.tcp[i].scale <= 14 && session.tcp[i].max_window <= UINT16_MAX << 14);
}

static void track(struct rte_mbuf *m, uint8_t choice, uint32_t now_ms)
{
    struct session before = session;
    int is_over = 7;
    struct session_packet packet = {m, packet_of(m), choice & 1, choice >> 1 & 7, now_ms};
    uint8_t drop = session_track(&session, NULL, &packet, &is_over);

    check();
    assert(is_over == 0 || (is_over == 1 && drop == API_DROP_NONE));
    if (drop != API_DROP_NONE) {
        assert(is_reason(drop) && memcmp(&before, &session, sizeof(before)) == 0);
    } else if (is_over) {
        assert(memcmp(&before, &session, sizeof(before)) == 0);
        memset(&session, 0, sizeof(session)); // the chain closes it
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t protocol = take(&in) & 1 ? 6 : 132;
    uint32_t now_ms = UINT32_MAX - 5000;

    memset(&session, 0, sizeof(session));
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++) {
        struct segment s;
        uint8_t choice = take(&in);
        struct rte_mbuf *m = packet(&in, &s, protocol);

        now_ms += choice * 10U;
        if (s.p.flags & PACKET_L4) {
            if (session.state == 0)
                try_to_begin(m, choice);
            else
                track(m, choice, now_ms);
        }
        free(m->buf_addr);
    }
    return 0;
}
