// SPDX-License-Identifier: BSD-3-Clause
// Can a packet, or one that is quoted in an ICMP error, make the chain read or write what is not
// there, or translate into something else than it was told? libFuzzer with ASan and UBSan, without
// EAL; each segment in a heap block that ends where its data may end. The input chooses a packet of
// the unit tests, whether an error quotes it, bytes to be changed and cuts; or is a frame itself.
// Next: what the assertions name.

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "dataplane/chain/packet.h"
#include "dataplane/parse/parse.h"
#include "tests/fuzz/lab.h"
#include "tests/unit/chain/packet_lab.h"

#define MAX_CUTS 8
#define MAX_SIZE 2048
#define MAX_PATCHES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct frame frame, quoted;
static uint8_t cuts[MAX_CUTS];
static unsigned n_cuts;

// The frame cut as the input says, parsed. No room to gather: what is behind the first segment is
// in others.
static struct rte_mbuf *make(uint32_t headroom, uint8_t offload)
{
    uint32_t lens[MAX_CUTS];
    struct rte_mbuf *m;

    for (unsigned i = 0; i < n_cuts; i++) // the headers are in front, mostly
        lens[i] = (uint32_t)cuts[i] + (i == 0 ? frame.payload_off : 0);
    m = fuzz_segments(frame.bytes, frame.len, lens, n_cuts, headroom, 0);
    packet_of(m)->offload = offload;
    parse_burst(&m, 1);
    return m;
}

// Nothing moved, and whether checksums are right is as before.
static void assert_kept(const uint8_t *before, const uint8_t *after, const struct packet *p)
{
    if (p->flags & PACKET_IP4)
        assert(fuzz_remainder_ip4(before + p->l3_off) == fuzz_remainder_ip4(after + p->l3_off));
    if (fuzz_is_summed(before, p))
        assert(fuzz_remainder(before, p) == fuzz_remainder(after, p));
    assert(memcmp(before, after, p->l3_off) == 0);
    assert(memcmp(before + p->l3_end, after + p->l3_end, frame.len - p->l3_end) == 0);
}

// The tuple that the packet must have afterwards.
static struct session_tuple mix(const struct session_tuple *of, const struct session_tuple *to)
{
    struct session_tuple t = *of;
    uint32_t len = of->family == 4 ? 4 : 16;

    memcpy(t.source, to->source, len);
    memcpy(t.destination, to->destination, len);
    if (of->protocol == IPPROTO_TCP || of->protocol == IPPROTO_UDP ||
        of->protocol == IPPROTO_SCTP) {
        t.source_port = to->source_port;
        t.destination_port = to->destination_port;
    } else if (of->icmp_type != 0) {
        t.source_port = of->destination_port != 0 ? 0 : to->source_port;
        t.destination_port = of->destination_port != 0 ? to->destination_port : 0;
    }
    return t;
}

static void try_rewrite(const struct session_tuple *to)
{
    static uint8_t before[FUZZ_MAX_WIRE], after[FUZZ_MAX_WIRE];
    struct rte_mbuf *m = make(0, 0);
    struct packet *p = packet_of(m), parsed;
    struct session_tuple t, again, expected;
    uint8_t drop;
    enum chain_packet_kind kind = chain_packet_tuple(m, p, &t, &drop);

    fuzz_flatten(m, before);
    if (kind == CHAIN_PACKET_SESSION || kind == CHAIN_PACKET_LATER_FRAGMENT) {
        parsed = *p;
        chain_packet_rewrite(m, p, to);
        assert(memcmp(p, &parsed, sizeof(parsed)) == 0);
        assert_kept(before, fuzz_flatten(m, after), p);
    }
    if (kind == CHAIN_PACKET_SESSION) {
        (void)chain_packet_tuple(m, p, &again, &drop);
        expected = mix(&t, to);
        // A reply's identifier 0 can't be told from a query's: compare what is there.
        if (t.icmp_type == 0 || (t.source_port | t.destination_port) != 0)
            assert(session_tuple_is_equal(&again, &expected));
    }
    rte_pktmbuf_free(m);
}

static void try_partial(const struct session_tuple *to)
{
    struct rte_mbuf *m = make(0, PACKET_CSUM_PARTIAL);
    struct session_tuple t;
    uint8_t drop;

    if (chain_packet_tuple(m, packet_of(m), &t, &drop) == CHAIN_PACKET_SESSION)
        if (t.protocol == IPPROTO_TCP || t.protocol == IPPROTO_UDP)
            chain_packet_rewrite(m, packet_of(m), to);
    rte_pktmbuf_free(m);
}

static void try_error(const struct session_tuple *to)
{
    static uint8_t before[FUZZ_MAX_WIRE], after[FUZZ_MAX_WIRE];
    struct rte_mbuf *m = make(0, 0);
    struct packet *p = packet_of(m);
    struct session_tuple t, inner, again, expected;
    uint8_t drop;

    if (chain_packet_tuple(m, p, &t, &drop) != CHAIN_PACKET_ICMP_ERROR ||
        chain_icmp_inner(m, p, &inner, &drop) != 0) {
        rte_pktmbuf_free(m);
        return;
    }
    fuzz_flatten(m, before);
    expected = mix(&inner, to);
    chain_icmp_rewrite(m, p, &expected, to->destination, expected.source);
    assert_kept(before, fuzz_flatten(m, after), p);
    assert(chain_icmp_inner(m, p, &again, &drop) == 0);
    if (inner.icmp_type == 0 || (inner.source_port | inner.destination_port) != 0)
        assert(session_tuple_is_equal(&again, &expected));
    rte_pktmbuf_free(m);
}

// Well formed, with right checksums, to who sent it, from where he sent it.
static void assert_answer(struct rte_mbuf *m, const uint8_t *refused, const struct packet *was)
{
    static uint8_t answer[FUZZ_MAX_WIRE];
    struct packet *p = packet_of(m), said = *p;
    uint32_t len = p->flags & PACKET_IP4 ? 4 : 16;
    uint32_t at = p->l3_off + (p->flags & PACKET_IP4 ? 12 : 8);

    fuzz_flatten(m, answer);
    assert(m->nb_segs == 1 && p->verdict == PACKET_FORWARD && p->out == p->in);
    parse_burst(&m, 1);
    assert(memcmp(p, &said, sizeof(said)) == 0);
    assert(fuzz_remainder(answer, p) == 0);
    if (len == 4)
        assert(fuzz_remainder_ip4(answer + p->l3_off) == 0);
    assert(memcmp(answer + at, refused + at + len, len) == 0);
    assert(memcmp(answer + at + len, refused + at, len) == 0);
    assert(memcmp(answer, refused + 6, 6) == 0 && memcmp(answer + 6, refused, 6) == 0);
    assert(!(refused[0] & 1) && !(was->flags & PACKET_LATER_FRAGMENT));
    assert(answer[at] != 0xff && (len == 16 || answer[at] < 224));
    assert(m->pkt_len - p->l3_off <= (len == 4 ? 576 : 1280));
    assert((was->l4_proto == IPPROTO_TCP) == (p->l4_proto == IPPROTO_TCP));
    if (was->l4_proto == IPPROTO_TCP)
        assert(!(refused[was->l4_off + 13] & 4) && (answer[p->l4_off + 13] & 4));
}

static void try_reject(uint32_t headroom)
{
    static uint8_t before[FUZZ_MAX_WIRE], after[FUZZ_MAX_WIRE];
    static struct walk_context ctx;
    struct rte_mbuf *m = make(headroom, 0);
    struct packet was = *packet_of(m);

    ctx.now_tsc += UINT64_C(1) << 40; // the limit is not what is looked for
    fuzz_flatten(m, before);
    if (chain_reject(&ctx, m, CHAIN_RESET)) {
        assert_answer(m, before, &was);
    } else {
        fuzz_flatten(m, after);
        assert(memcmp(before, after, frame.len) == 0);
        assert(memcmp(&was, packet_of(m), sizeof(was)) == 0);
    }
    rte_pktmbuf_free(m);
}

static struct session_tuple take_tuple(struct input *in)
{
    struct session_tuple t = {0};
    uint8_t ports[4];

    take_bytes(in, t.source, sizeof(t.source));
    take_bytes(in, t.destination, sizeof(t.destination));
    take_bytes(in, ports, sizeof(ports));
    memcpy(&t.source_port, ports, 2);
    memcpy(&t.destination_port, ports + 2, 2);
    return t;
}

// An ICMP error about `frame`, with an extension behind it or not, that goes to its source.
static void quote(const struct lab_spec *s, uint8_t type, uint32_t len)
{
    uint32_t at, n;

    quoted = frame;
    at = quoted.ip4_off + quoted.ip6_off;
    n = RTE_MIN(len, quoted.len - at);
    frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
    (s->family == 4 ? frame_ip4 : frame_ip6)(&frame, s->family == 4 ? "192.0.2.1" : "2001:db8::1",
                                             s->family == 4 ? "192.0.2.2" : "2001:db8::2");
    frame_icmp(&frame, type, 0);
    frame_bytes(&frame, quoted.bytes + at, n);
    memcpy(frame.bytes + frame.ip4_off + frame.ip6_off + (s->family == 4 ? 16 : 24),
           quoted.bytes + at + (s->family == 4 ? 12 : 8), s->family == 4 ? 4 : 16);
    frame_end(&frame);
}

static void build(struct input *in)
{
    unsigned kind = take(in);
    const struct lab_spec *s = &lab_specs[kind % n_lab_specs];
    struct session_tuple from;
    uint8_t error = take(in), len = take(in), n_patches;

    if (kind == 255) { // a frame as it is
        frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
        frame.len = 0;
        frame_bytes(&frame, in->data, in->size);
        frame.payload_off = len;
        return;
    }
    from = take_tuple(in);
    lab_frame(&frame, s, &from, kind);
    if (error != 0)
        quote(s, error, len);
    n_patches = take(in) % MAX_PATCHES;
    for (unsigned i = 0; i < n_patches; i++) {
        uint32_t off = take(in);

        off = 14 + off % (frame.len - 14);
        frame.bytes[off] = take(in);
    }
    frame.len -= RTE_MIN((uint32_t)take(in) % 64, frame.len);
}

// A frame that parse finds no Ethernet in goes nowhere, so the chain never sees it.
static int is_frame(void)
{
    struct rte_mbuf *m = make(0, 0);
    int is = packet_of(m)->l2_error == API_DROP_NONE;

    rte_pktmbuf_free(m);
    return is;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct session_tuple to;

    (void)fuzz_heap(1, 0);
    if (size > MAX_SIZE)
        return 0;
    n_cuts = take(&in) % (MAX_CUTS + 1);
    take_bytes(&in, cuts, n_cuts);
    to = take_tuple(&in);
    build(&in);
    if (!is_frame())
        return 0;
    try_rewrite(&to);
    try_partial(&to);
    try_error(&to);
    try_reject(0);
    try_reject(128);
    try_reject(2048);
    return 0;
}
