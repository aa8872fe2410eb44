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
#include <rte_mempool.h>

#include "dataplane/chain/packet.h"
#include "dataplane/parse/parse.h"
#include "tests/unit/chain/packet_lab.h"

#define MAX_CUTS 8
#define MAX_SIZE 2048
#define MAX_PATCHES 8
#define MAX_WIRE 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct segment {
    struct rte_mbuf m;
    struct packet p;
};

struct input {
    const uint8_t *data;
    size_t left;
};

static struct rte_mempool pool; // takes segments back, nothing else
static struct frame frame, quoted;
static uint8_t cuts[MAX_CUTS];
static unsigned n_cuts;

static int pool_alloc(struct rte_mempool *mp)
{
    (void)mp;
    return 0;
}

static unsigned pool_count(const struct rte_mempool *mp)
{
    (void)mp;
    return 0;
}

static int pool_dequeue(struct rte_mempool *mp, void **objects, unsigned n)
{
    (void)mp, (void)objects, (void)n;
    abort(); // nothing here may allocate
}

static int pool_enqueue(struct rte_mempool *mp, void *const *objects, unsigned n)
{
    (void)mp;
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = objects[i];

        free(m->buf_addr);
        free(m);
    }
    return 0;
}

static void make_pool(void)
{
    static const struct rte_mempool_ops ops = {
        .name = "fuzz",
        .alloc = pool_alloc,
        .enqueue = pool_enqueue,
        .dequeue = pool_dequeue,
        .get_count = pool_count,
    };

    pool.ops_index = rte_mempool_register_ops(&ops);
    assert(pool.ops_index >= 0);
}

static struct rte_mbuf *segment(const uint8_t *bytes, uint32_t len, uint32_t headroom)
{
    struct segment *s = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*s));
    uint8_t *buffer = malloc(headroom + len + 1);

    assert(s != NULL && buffer != NULL);
    memset(s, 0, sizeof(*s));
    s->m.priv_size = sizeof(s->p);
    s->m.buf_addr = buffer;
    s->m.buf_len = (uint16_t)(headroom + len);
    s->m.data_off = (uint16_t)headroom;
    s->m.data_len = (uint16_t)len;
    s->m.pkt_len = len;
    s->m.nb_segs = 1;
    s->m.pool = &pool;
    rte_mbuf_refcnt_set(&s->m, 1);
    memcpy(buffer + headroom, bytes, len);
    return &s->m;
}

// The frame cut as the input says, parsed. No room to gather: what is behind the first segment is
// in others.
static struct rte_mbuf *make(uint32_t headroom, uint8_t offload)
{
    struct rte_mbuf *first = NULL, **link = &first;
    uint32_t at = 0;

    for (unsigned i = 0; i <= n_cuts; i++) {
        uint32_t n = frame.len - at;

        if (i < n_cuts) // the headers are in front, mostly
            n = RTE_MIN((uint32_t)cuts[i] + (i == 0 ? frame.payload_off : 0), n);
        *link = segment(frame.bytes + at, n, first != NULL ? 0 : headroom);
        link = &(*link)->next;
        at += n;
    }
    first->pkt_len = frame.len;
    first->nb_segs = (uint16_t)(n_cuts + 1);
    packet_of(first)->offload = offload;
    parse_burst(&first, 1);
    return first;
}

static const uint8_t *flatten(const struct rte_mbuf *m, uint8_t *to)
{
    uint32_t at = 0, n = 0;

    for (const struct rte_mbuf *s = m; s != NULL; s = s->next, n++) {
        assert(s->data_len <= m->pkt_len - at);
        memcpy(to + at, rte_pktmbuf_mtod(s, const uint8_t *), s->data_len);
        at += s->data_len;
    }
    assert(at == m->pkt_len && n == m->nb_segs);
    return to;
}

// What a checksum over the packet's L4 part comes to: 0 if it is right, another if it is not.
static uint32_t remainder_of(const uint8_t *bytes, const struct packet *p)
{
    uint64_t sum = 0;
    int is_ip4 = (p->flags & PACKET_IP4) != 0;

    if (p->l4_proto != IPPROTO_ICMP)
        for (uint32_t i = 0; i < (is_ip4 ? 8 : 32); i += 2)
            sum += (uint32_t)(bytes[p->l3_off + (is_ip4 ? 12 : 8) + i] << 8 |
                              bytes[p->l3_off + (is_ip4 ? 12 : 8) + i + 1]);
    if (p->l4_proto != IPPROTO_ICMP)
        sum += p->l4_proto + (uint64_t)(p->l3_end - p->l4_off);
    for (uint32_t i = p->l4_off; i < p->l3_end; i++)
        sum += (uint32_t)((i - p->l4_off) % 2 ? bytes[i] : bytes[i] << 8);
    return (uint32_t)(sum % 0xffff);
}

static uint32_t remainder_ip4(const uint8_t *ip)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < (ip[0] & 15U) * 4; i += 2)
        sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
    return sum % 0xffff;
}

static int is_summed(const uint8_t *bytes, const struct packet *p)
{
    if (!(p->flags & PACKET_L4) || p->l4_proto == IPPROTO_SCTP || (p->flags & PACKET_FRAGMENT))
        return 0;
    if ((p->flags & PACKET_IP6) && (p->flags & PACKET_IP_OPTIONS)) // a routing header, perhaps
        return 0;
    return p->l4_proto != IPPROTO_UDP || (bytes[p->l4_off + 6] | bytes[p->l4_off + 7]) != 0;
}

// Nothing moved, and whether checksums are right is as before.
static void assert_kept(const uint8_t *before, const uint8_t *after, const struct packet *p)
{
    if (p->flags & PACKET_IP4)
        assert(remainder_ip4(before + p->l3_off) == remainder_ip4(after + p->l3_off));
    if (is_summed(before, p))
        assert(remainder_of(before, p) == remainder_of(after, p));
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
    static uint8_t before[MAX_WIRE], after[MAX_WIRE];
    struct rte_mbuf *m = make(0, 0);
    struct packet *p = packet_of(m), parsed;
    struct session_tuple t, again, expected;
    uint8_t drop;
    enum chain_packet_kind kind = chain_packet_tuple(m, p, &t, &drop);

    flatten(m, before);
    if (kind == CHAIN_PACKET_SESSION || kind == CHAIN_PACKET_LATER_FRAGMENT) {
        parsed = *p;
        chain_packet_rewrite(m, p, to);
        assert(memcmp(p, &parsed, sizeof(parsed)) == 0);
        assert_kept(before, flatten(m, after), p);
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
    static uint8_t before[MAX_WIRE], after[MAX_WIRE];
    struct rte_mbuf *m = make(0, 0);
    struct packet *p = packet_of(m);
    struct session_tuple t, inner, again, expected;
    uint8_t drop;

    if (chain_packet_tuple(m, p, &t, &drop) != CHAIN_PACKET_ICMP_ERROR ||
        chain_icmp_inner(m, p, &inner, &drop) != 0) {
        rte_pktmbuf_free(m);
        return;
    }
    flatten(m, before);
    expected = mix(&inner, to);
    chain_icmp_rewrite(m, p, &expected, to->destination, expected.source);
    assert_kept(before, flatten(m, after), p);
    assert(chain_icmp_inner(m, p, &again, &drop) == 0);
    if (inner.icmp_type == 0 || (inner.source_port | inner.destination_port) != 0)
        assert(session_tuple_is_equal(&again, &expected));
    rte_pktmbuf_free(m);
}

// Well formed, with right checksums, to who sent it, from where he sent it.
static void assert_answer(struct rte_mbuf *m, const uint8_t *refused, const struct packet *was)
{
    static uint8_t answer[MAX_WIRE];
    struct packet *p = packet_of(m), said = *p;
    uint32_t len = p->flags & PACKET_IP4 ? 4 : 16;
    uint32_t at = p->l3_off + (p->flags & PACKET_IP4 ? 12 : 8);

    flatten(m, answer);
    assert(m->nb_segs == 1 && p->verdict == PACKET_FORWARD && p->out == p->in);
    parse_burst(&m, 1);
    assert(memcmp(p, &said, sizeof(said)) == 0);
    assert(remainder_of(answer, p) == 0);
    if (len == 4)
        assert(remainder_ip4(answer + p->l3_off) == 0);
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
    static uint8_t before[MAX_WIRE], after[MAX_WIRE];
    static struct walk_context ctx;
    struct rte_mbuf *m = make(headroom, 0);
    struct packet was = *packet_of(m);

    ctx.now_tsc += UINT64_C(1) << 40; // the limit is not what is looked for
    flatten(m, before);
    if (chain_reject(&ctx, m, 1)) {
        assert_answer(m, before, &was);
    } else {
        flatten(m, after);
        assert(memcmp(before, after, frame.len) == 0);
        assert(memcmp(&was, packet_of(m), sizeof(was)) == 0);
    }
    rte_pktmbuf_free(m);
}

static uint8_t take(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->data++;
}

static void take_bytes(struct input *in, uint8_t *to, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = take(in);
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
        frame_bytes(&frame, in->data, in->left);
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
    struct input in = {.data = data, .left = size};
    struct session_tuple to;

    if (pool.ops_index == 0 && pool.pool_data == NULL) {
        make_pool();
        pool.pool_data = &pool;
    }
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
