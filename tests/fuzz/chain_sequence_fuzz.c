// SPDX-License-Identifier: BSD-3-Clause
// Can a sequence of packets, edits and time make a chain with a firewall and a NAT lose a buffer,
// keep more than the tenant may, send what is malformed, show an inside address outside, or forget
// who sent what it has translated? libFuzzer with ASan and UBSan. The input is a list of steps:
// packets from both sides, well formed ones and others, in bursts; what was sent answered, or
// quoted in an ICMP error; rules changed, configurations committed, the process restarted; time. A
// probe is a packet whose answer, and an error about it, must come back to its sender. Next: what
// the assertions name.

#include <assert.h>
#include <string.h>

#include <netinet/in.h>

#include "dataplane/chain/packet.h"
#include "dataplane/parse/parse.h"
#include "tests/fuzz/chain_frames.h"
#include "tests/fuzz/chain_setup.h"

#define MAX_STEPS 150
#define N_KEPT 8  // sent frames that later ones answer or quote
#define MARK 0xa5 // in metadata that no stage reads: as the builder made it

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct wire kept[N_KEPT];
static unsigned n_kept;
static struct rte_mbuf *burst[BURST_SIZE];
static unsigned n_burst, n_walked; // now, and in the last walk
static struct frame frame;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    setup_init();
    return 0;
}

static struct rte_mbuf *make_mbuf(unsigned port, int is_sound)
{
    struct rte_mbuf *m = fuzz_segments(frame.bytes, frame.len, NULL, 0, RTE_PKTMBUF_HEADROOM, 0);

    packet_of(m)->in_port = setup_slot(port);
    packet_of(m)->reserved[0] = is_sound ? MARK : 0;
    parse_burst(&m, 1);
    return m;
}

// From inside with an address that the NAT hides: only as what somebody outside has begun, or as an
// answer that the chain itself gives to him. In a burst the session may have ended since.
static int is_hidden(struct rte_mbuf *m, uint16_t in_port)
{
    static const uint8_t prefix[] = {10, 0, 0};
    const struct session *s;
    struct session_tuple t;
    uint8_t drop;

    if (in_port != setup_slot(SETUP_IN) ||
        chain_packet_tuple(m, packet_of(m), &t, &drop) > CHAIN_PACKET_ALONE || t.family != 4 ||
        memcmp(t.source, prefix, sizeof(prefix)) != 0)
        return 0;
    t = session_tuple_reverse(&t);
    s = setup_find(SETUP_OUT, &t);
    return s == NULL || s->side[SESSION_ORIGINAL] != SESSION_OUTSIDE;
}

// What is sent is well formed if what came was, and shows nothing that the NAT hides.
static void check_sent(const struct setup_frame *sent)
{
    static uint8_t bytes[FUZZ_MAX_WIRE];
    struct rte_mbuf *m = sent->m;
    struct packet *p = packet_of(m);
    int is_sound = p->reserved[0] == MARK;
    uint16_t in_port = p->in_port;

    fuzz_flatten(m, bytes);
    parse_burst(&m, 1);
    assert(p->l2_error == API_DROP_NONE);
    if (p->l3_error != API_DROP_NONE || !(p->flags & (PACKET_IP4 | PACKET_IP6)))
        return;
    if (is_sound && (p->flags & PACKET_IP4))
        assert(fuzz_remainder_ip4(bytes + p->l3_off) == 0);
    if (is_sound && fuzz_is_summed(bytes, p))
        assert(fuzz_remainder(bytes, p) == 0);
    assert(n_walked > 1 || sent->port != SETUP_OUT || !setup_has_nat() || !is_hidden(m, in_port));
}

static void keep(const struct setup_frame *sent)
{
    static uint8_t bytes[FUZZ_MAX_WIRE];
    struct wire *k = &kept[n_kept % N_KEPT];

    if (sent->m->pkt_len > WIRE_SIZE)
        return;
    memcpy(k->bytes, fuzz_flatten(sent->m, bytes), sent->m->pkt_len);
    k->len = sent->m->pkt_len;
    k->port = sent->port;
    n_kept++;
}

static void check_all(void)
{
    uint32_t n_sessions, n_half_open;
    uint64_t n_opened;

    setup_counts(&n_sessions, &n_half_open, &n_opened);
    assert(n_sessions <= SETUP_SESSION_LIMIT && n_half_open <= SETUP_HALF_OPEN_LIMIT);
    assert(n_half_open <= n_sessions);
    for (unsigned i = 0; i < setup_n_sent; i++) {
        check_sent(&setup_sent[i]);
        keep(&setup_sent[i]);
        rte_pktmbuf_free(setup_sent[i].m);
    }
    setup_n_sent = 0;
    assert(fuzz_n_live() == fuzz_n_waiting());
}

static void walk(void)
{
    setup_walk(burst, n_burst);
    n_walked = n_burst;
    n_burst = 0;
    check_all();
}

static void receive(unsigned port, int is_sound)
{
    burst[n_burst++] = make_mbuf(port, is_sound);
    if (n_burst == BURST_SIZE)
        walk();
}

static struct packet parse_kept(const struct wire *k)
{
    struct rte_mbuf *m = fuzz_segment(k->bytes, k->len, 0, 0);
    struct packet p;

    parse_burst(&m, 1);
    p = *packet_of(m);
    rte_pktmbuf_free(m);
    return p;
}

// An answer or an error to something that was sent, sound or changed a little.
static void react(struct input *in, int is_error)
{
    const struct wire *k = &kept[take(in) % N_KEPT];
    struct packet p;

    if (k->len == 0)
        return;
    p = parse_kept(k);
    if ((is_error ? frames_complain : frames_answer)(k, &p, &frame))
        receive(k->port, !frames_change(in, &frame));
}

// A frame of ours alone. Returns whether it was sent, just it, into *k.
static int carry(unsigned port, struct wire *k)
{
    uint32_t before = n_kept;

    receive(port, 1);
    walk();
    *k = kept[before % N_KEPT];
    return n_kept == before + 1;
}

static struct session_tuple tuple_of(const struct wire *k, enum chain_packet_kind kind)
{
    struct rte_mbuf *m = fuzz_segment(k->bytes, k->len, 0, 0);
    struct session_tuple t = {0};
    uint8_t drop;

    parse_burst(&m, 1);
    assert(chain_packet_tuple(m, packet_of(m), &t, &drop) == kind);
    if (kind == CHAIN_PACKET_ICMP_ERROR)
        assert(chain_icmp_inner(m, packet_of(m), &t, &drop) == 0);
    rte_pktmbuf_free(m);
    return t;
}

static void expect_back(unsigned port, const struct session_tuple *sent)
{
    struct wire k, out = kept[(n_kept - 1) % N_KEPT];
    struct packet p = parse_kept(&out);
    struct session_tuple t;

    assert(frames_answer(&out, &p, &frame) && carry(out.port, &k) && k.port == port);
    t = tuple_of(&k, CHAIN_PACKET_SESSION);
    t = session_tuple_reverse(&t);
    assert(session_tuple_is_equal(&t, sent));
    assert(frames_complain(&out, &p, &frame) && carry(out.port, &k) && k.port == port);
    t = tuple_of(&k, CHAIN_PACKET_ICMP_ERROR);
    assert(session_tuple_is_equal(&t, sent));
}

// Whether the frame may have a session; and which tuple.
static int read_tuple(struct session_tuple *t)
{
    struct rte_mbuf *m = fuzz_segment(frame.bytes, frame.len, 0, 0);
    enum chain_packet_kind kind;
    uint8_t drop;

    parse_burst(&m, 1);
    kind = chain_packet_tuple(m, packet_of(m), t, &drop);
    rte_pktmbuf_free(m);
    return kind == CHAIN_PACKET_SESSION;
}

// A packet between hosts, the answer to it, and an error about it. If there is a session for it, as
// there is where it was translated, both must come back to who sent it.
static void probe(struct input *in, unsigned port)
{
    uint64_t n_before, n_after;
    uint32_t n_sessions, n_half_open;
    struct session_tuple sent;
    struct wire k;

    walk();
    frames_begin(in, port, &frame);
    setup_counts(&n_sessions, &n_half_open, &n_before);
    if (!read_tuple(&sent) || !carry(port, &k) || setup_find(port, &sent) == NULL)
        return;
    setup_counts(&n_sessions, &n_half_open, &n_after);
    if (sent.protocol != IPPROTO_TCP || n_after > n_before) // not a SYN within a connection
        expect_back(port, &sent);
}

static void step(struct input *in)
{
    uint8_t op = take(in);
    unsigned port = op >> 7;

    switch (op & 15) {
    case 0:
        walk();
        setup_pass(take(in) * 200U);
        check_all();
        break;
    case 1:
        walk();
        if (op == 0xf1)
            setup_restart();
        if (op >= 0xc1)
            setup_configure(in);
        else
            setup_edit(in);
        check_all();
        break;
    case 2:
        walk();
        break;
    case 3:
    case 4:
        react(in, 0);
        break;
    case 5:
        react(in, 1);
        break;
    case 6:
    case 7:
    case 8:
        probe(in, port);
        break;
    default:
        frames_make(in, port, &frame);
        receive(port, !frames_change(in, &frame));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint32_t n_sessions, n_half_open;
    uint64_t n_opened;

    memset(kept, 0, sizeof(kept));
    n_kept = 0;
    setup_configure(&in);
    for (unsigned i = 0; i < MAX_STEPS && in.size > 0; i++)
        step(&in);
    walk();
    setup_clear();
    check_all();
    setup_counts(&n_sessions, &n_half_open, &n_opened);
    assert(n_sessions == 0 && n_half_open == 0 && fuzz_n_live() == 0);
    return 0;
}
