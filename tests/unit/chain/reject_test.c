// SPDX-License-Identifier: BSD-3-Clause
// Who hears of a refused packet, and what? The answers are compared byte by byte with packets that
// the builder makes, their checksums computed anew; those that may have none stay as they were. One
// thread, no huge pages; time stands still unless a test moves it.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <rte_cycles.h>
#include <rte_ip.h>

#include "dataplane/chain/packet.h"
#include "dataplane/parse/parse.h"
#include "tests/unit/chain/packet_lab.h"

#define ATTACHMENT 5

static struct frame refused, answer;
static struct walk_context ctx;

static void put32(struct frame *f, uint32_t off, uint32_t value)
{
    frame_put16(f, off, (uint16_t)(value >> 16));
    frame_put16(f, off + 2, (uint16_t)value);
}

static uint32_t get32(const struct frame *f, uint32_t off)
{
    return (uint32_t)frame_get16(f, off) << 16 | frame_get16(f, off + 2);
}

// Long enough for the next one.
static void pass_time(void)
{
    ctx.now_tsc += rte_get_tsc_hz();
}

// Layers of the answer, up to its IP header.
static void begin_answer(const struct lab_spec *s)
{
    uint32_t at = refused.ip4_off + refused.ip6_off + (s->family == 4 ? 12 : 8);
    uint32_t len = s->family == 4 ? 4 : 16, to;

    frame_ether(&answer, "52:54:00:00:00:11", "52:54:00:00:00:22");
    for (unsigned i = 0; i < s->n_tags; i++)
        frame_vlan(&answer, 0x8100, (uint16_t)(i + 10));
    if (s->family == 4)
        frame_ip4(&answer, "10.0.0.1", "10.0.0.2");
    else
        frame_ip6(&answer, "fd00::1", "fd00::2");
    to = answer.ip4_off + answer.ip6_off + (s->family == 4 ? 12 : 8);
    memcpy(answer.bytes + to, refused.bytes + at + len, len);
    memcpy(answer.bytes + to + len, refused.bytes + at, len);
}

// What is asked for: to TCP a RST, but where a test says otherwise.
static enum chain_answer kind = CHAIN_RESET;

// RFC 9293, 3.10.7.1, to a segment without ACK and with. `len`: what it counts for.
static void build_reset(const struct lab_spec *s, uint8_t flags, uint32_t len)
{
    uint32_t l4 = refused.l4_off;

    begin_answer(s);
    frame_tcp(&answer, frame_get16(&refused, l4 + 2), frame_get16(&refused, l4),
              flags & 0x10 ? 0x04 : 0x14, 0);
    if (flags & 0x10)
        put32(&answer, answer.l4_off + 4, get32(&refused, l4 + 8));
    else
        put32(&answer, answer.l4_off + 8, get32(&refused, l4 + 4) + len);
    frame_put16(&answer, answer.l4_off + 14, 0); // window
    if (answer.ip4_off)
        frame_put16(&answer, answer.ip4_off + 6, 0x4000);
    frame_end(&answer);
}

static void build_error(const struct lab_spec *s)
{
    uint32_t at = refused.ip4_off + refused.ip6_off;
    uint32_t n = RTE_MIN(refused.len - at, s->family == 4 ? 576U - 28 : 1280U - 48);

    begin_answer(s);
    if (s->family == 4)
        frame_icmp(&answer, 3, kind == CHAIN_NO_PORT ? 3 : 13);
    else
        frame_icmp(&answer, 1, kind == CHAIN_NO_PORT ? 4 : 1);
    frame_bytes(&answer, refused.bytes + at, n);
    if (answer.ip4_off)
        answer.bytes[answer.ip4_off + 1] = 0xc0;
    else
        put32(&answer, answer.ip6_off, 0x6c000000);
    frame_end(&answer);
}

// IPv4 identification is any.
static void take_identification(const struct rte_mbuf *m)
{
    uint8_t id[2];

    if (!answer.ip4_off || answer.l4_proto != 1)
        return;
    memcpy(id, rte_pktmbuf_read(m, answer.ip4_off + 4, 2, id), 2);
    frame_put16(&answer, answer.ip4_off + 4, (uint16_t)(id[0] << 8 | id[1]));
    lab_fix_ip4(&answer);
}

// m becomes `answer`. Frees it.
static void expect_answer(const char *name, struct rte_mbuf *m)
{
    struct packet *p = packet_of(m), parsed;

    pass_time();
    p->in = ATTACHMENT;
    if (chain_reject(&ctx, m, kind) != 1)
        fail_msg("%s: no answer", name);
    assert_int_equal(p->verdict, PACKET_FORWARD);
    assert_int_equal(p->out, ATTACHMENT);
    assert_int_equal(p->in_port, API_MAX_PORTS);
    assert_int_equal(p->offload, 0);
    assert_int_equal(m->nb_segs, 1);
    assert_true(m->data_off + m->data_len <= m->buf_len);
    take_identification(m);
    parsed = *p;
    parse_burst(&m, 1); // finds what the metadata says already
    assert_memory_equal(p, &parsed, sizeof(parsed));
    lab_expect(name, m, &answer);
}

static void expect_silence(const char *name, struct rte_mbuf *m)
{
    struct packet before = *packet_of(m);

    pass_time();
    if (chain_reject(&ctx, m, kind) != 0)
        fail_msg("%s: answered", name);
    assert_memory_equal(packet_of(m), &before, sizeof(before));
    lab_expect(name, m, &refused);
}

static struct rte_mbuf *whole(const struct lab_spec *s)
{
    return lab_mbuf(s, &refused, NULL, 0, MBUF_TAILROOM_ANY);
}

static int is_answered(const struct lab_spec *s)
{
    return s->fragment != LAB_LATER;
}

static void build_answer(const struct lab_spec *s)
{
    if (s->protocol == 6 && kind == CHAIN_RESET)
        build_reset(s, refused.bytes[refused.l4_off + 13], 0);
    else
        build_error(s);
}

static void test_each_kind(void **state)
{
    static const enum chain_answer kinds[] = {CHAIN_PROHIBITED, CHAIN_NO_PORT, CHAIN_RESET};

    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned round = 0; round < 60; round++) {
            const struct lab_spec *s = &lab_specs[i];
            struct session_tuple t = lab_tuple(s);

            kind = kinds[round % 3];

            lab_frame(&refused, s, &t, lab_random());
            if (!is_answered(s)) {
                expect_silence(s->name, whole(s));
                continue;
            }
            build_answer(s);
            expect_answer(s->name, whole(s));
        }
    lab_expect_none();
}

static void test_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct session_tuple t = lab_tuple(s);
        uint32_t headers;

        if (!is_answered(s))
            continue;
        lab_frame(&refused, s, &t, 1);
        build_answer(s);
        headers = refused.payload_off ? refused.payload_off : refused.len - s->payload_len;
        for (uint32_t cut = 0; cut < refused.len; cut++)
            expect_answer(s->name, lab_mbuf(s, &refused, &cut, 1, MBUF_TAILROOM_ANY));
        for (uint32_t size = 1; size < 8; size++) // the data ends where the buffer does
            expect_answer(s->name, lab_pieces(s, &refused, headers, size));
    }
    lab_expect_none();
}

// All flags, payloads of each length that matters, numbers around 2^32.
static void test_reset_numbers(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 2 * 3 * 256; flags++) {
        struct lab_spec s = {.name = "tcp", .family = flags & 256 ? 6 : 4, .protocol = 6};
        struct session_tuple t = lab_tuple(&s);
        uint32_t len;

        s.payload_len = flags / 512 * 700;
        lab_frame(&refused, &s, &t, flags);
        put32(&refused, refused.l4_off + 4, UINT32_MAX - flags % 3);
        put32(&refused, refused.l4_off + 8, UINT32_MAX - flags % 2);
        refused.bytes[refused.l4_off + 13] = (uint8_t)flags;
        frame_end(&refused);
        len = s.payload_len + (flags & 1) + (flags >> 1 & 1);
        build_reset(&s, (uint8_t)flags, len);
        if (flags & 0x04)
            expect_silence("reset", whole(&s));
        else
            expect_answer("segment", whole(&s));
    }
}

// The quote ends where the error would be longer than any host takes whole. Padding is not quoted.
static void test_quote_length(void **state)
{
    static const uint32_t lens[] = {0, 1, 519, 520, 521, 1183, 1184, 1185, 1400, 1900};
    (void)state;
    for (unsigned i = 0; i < 2 * RTE_DIM(lens); i++) {
        struct lab_spec s = {.name = "udp", .family = i % 2 ? 6 : 4, .protocol = 17};
        struct session_tuple t = lab_tuple(&s);

        s.payload_len = lens[i / 2];
        lab_frame(&refused, &s, &t, i);
        build_error(&s);
        assert_true(answer.len - 14 <= (i % 2 ? 1280 : 576));
        frame_payload(&refused, 7);
        expect_answer("udp", whole(&s));
    }
}

// A frame of 60000 bytes counts for as many.
static void test_tso(void **state)
{
    struct lab_spec s = {
        .name = "tso", .family = 4, .protocol = 6, .is_partial = 1, .payload_len = 60000};
    struct session_tuple t = lab_tuple(&s);
    struct rte_mbuf *m;

    (void)state;
    lab_frame(&refused, &s, &t, 1);
    refused.bytes[refused.l4_off + 13] = 0x08; // no ACK
    build_reset(&s, 0x08, 60000);
    m = lab_pieces(&s, &refused, refused.payload_off, 2000);
    packet_of(m)->offload |= PACKET_TSO;
    packet_of(m)->gso_size = 1448;
    expect_answer("tso", m);
    lab_expect_none();
}

struct silent_case {
    const char *source, *destination, *mac, *source_mac;
};

// Groups, broadcasts, nobody, oneself; groups of stations at either end.
static void test_silent_addresses(void **state)
{
    static const char a[] = "52:54:00:00:00:22", b[] = "52:54:00:00:00:11";
    static const struct silent_case cases[] = {
        {"10.0.0.1", "224.0.0.1", a, b},
        {"10.0.0.1", "239.1.2.3", a, b},
        {"10.0.0.1", "255.255.255.255", a, b},
        {"10.0.0.1", "240.0.0.1", a, b},
        {"10.0.0.1", "0.0.0.0", a, b},
        {"10.0.0.1", "127.0.0.1", a, b},
        {"0.0.0.0", "10.0.0.2", a, b},
        {"0.1.2.3", "10.0.0.2", a, b},
        {"127.0.0.1", "10.0.0.2", a, b},
        {"224.0.0.1", "10.0.0.2", a, b},
        {"255.255.255.255", "10.0.0.2", a, b},
        {"10.0.0.1", "10.0.0.255", "ff:ff:ff:ff:ff:ff", b},
        {"10.0.0.1", "10.0.0.2", "01:00:5e:00:00:02", b},
        {"10.0.0.1", "10.0.0.2", a, "53:54:00:00:00:11"},
        {"fd00::1", "ff02::1", a, b},
        {"ff02::1", "fd00::2", a, b},
        {"::", "fd00::2", a, b},
        {"::1", "fd00::2", a, b},
        {"fd00::1", "::", a, b},
        {"fd00::1", "::1", a, b},
        {"::ffff:10.0.0.1", "fd00::2", a, b},
        {"fd00::1", "fd00::2", "33:33:00:00:00:02", b},
    };
    (void)state;
    for (unsigned i = 0; i < 2 * RTE_DIM(cases); i++) {
        const struct silent_case *c = &cases[i / 2];
        struct lab_spec s = {.name = c->destination};

        frame_ether(&refused, c->mac, c->source_mac);
        (strchr(c->source, ':') ? frame_ip6 : frame_ip4)(&refused, c->source, c->destination);
        if (i % 2)
            frame_tcp(&refused, 1000, 80, 0x02, 0);
        else
            frame_udp(&refused, 1000, 53);
        frame_end(&refused);
        expect_silence(c->destination, whole(&s));
    }
}

static int is_silent_icmp(unsigned family, unsigned type)
{
    if (family == 4)
        return !(type == 0 || type == 8 || (type >= 13 && type <= 18));
    return type < 128 || (type >= 133 && type <= 137);
}

// No error about an error, nor about what may be one (RFC 1122, 3.2.2; RFC 4443, 2.4 (e)).
static void test_icmp_types(void **state)
{
    (void)state;
    for (unsigned type = 0; type < 2 * 256; type++) {
        struct lab_spec s = {.name = "icmp", .family = type < 256 ? 4 : 6};

        frame_ether(&refused, "52:54:00:00:00:22", "52:54:00:00:00:11");
        if (s.family == 4)
            frame_ip4(&refused, "10.0.0.1", "10.0.0.2");
        else
            frame_ip6(&refused, "fd00::1", "fd00::2");
        frame_icmp(&refused, (uint8_t)type, 0);
        frame_payload(&refused, 40);
        frame_end(&refused);
        build_error(&s);
        if (is_silent_icmp(s.family, type % 256))
            expect_silence("icmp", whole(&s));
        else
            expect_answer("icmp", whole(&s));
    }
}

static void test_not_ip(void **state)
{
    struct lab_spec s = {.name = "arp"};

    (void)state;
    frame_ether(&refused, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_arp(&refused, 1, "52:54:00:00:00:11", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2");
    expect_silence("arp", whole(&s));
    frame_ether(&refused, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&refused, "10.0.0.1", "10.0.0.2");
    frame_udp(&refused, 1, 2);
    frame_end(&refused);
    frame_put16(&refused, refused.l4_off + 4, 3); // a fault that parse finds
    expect_silence("bad udp", whole(&s));
}

static unsigned count_answers(unsigned n)
{
    struct lab_spec s = {.name = "udp", .family = 4, .protocol = 17};
    struct session_tuple t = lab_tuple(&s);
    unsigned n_answers = 0;

    lab_frame(&refused, &s, &t, 1);
    for (unsigned i = 0; i < n; i++) {
        struct rte_mbuf *m = whole(&s);

        n_answers += (unsigned)chain_reject(&ctx, m, kind);
        rte_pktmbuf_free(m);
    }
    return n_answers;
}

// 1000 a second, each worker for itself; what may not be answered costs nothing.
static void test_limit(void **state)
{
    unsigned n = 0, at_once;

    (void)state;
    pass_time();
    at_once = count_answers(2000);
    assert_in_range(at_once, 64, 1000);
    assert_int_equal(count_answers(1), 0);
    ctx.worker = 1;
    assert_int_equal(count_answers(2000), at_once);
    ctx.worker = 0;
    for (unsigned i = 0; i < 100; i++) {
        ctx.now_tsc += rte_get_tsc_hz() / 100;
        n += count_answers(100);
    }
    assert_in_range(n, 999, 1001);
    assert_int_equal(count_answers(1), 0);
    lab_expect_none();
}

// A buffer that can't hold the answer: none, and the packet is as it was.
static void test_small_buffer(void **state)
{
    struct lab_spec s = {.name = "udp", .family = 4, .protocol = 17, .payload_len = 40};
    struct session_tuple t = lab_tuple(&s);
    struct rte_mbuf *m;
    uint16_t buf_len;

    (void)state;
    lab_frame(&refused, &s, &t, 1);
    build_error(&s);
    for (uint32_t missing = 0; missing < 2; missing++) {
        m = whole(&s);
        buf_len = m->buf_len;
        m->buf_len = (uint16_t)(answer.len - missing);
        m->data_off = 4;
        memcpy(rte_pktmbuf_mtod(m, uint8_t *), refused.bytes, refused.len);
        if (missing)
            expect_silence("small", m);
        else
            expect_answer("just so", m);
        m->buf_len = buf_len;
    }
    lab_expect_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),     cmocka_unit_test(test_segments),
        cmocka_unit_test(test_reset_numbers), cmocka_unit_test(test_quote_length),
        cmocka_unit_test(test_tso),           cmocka_unit_test(test_silent_addresses),
        cmocka_unit_test(test_icmp_types),    cmocka_unit_test(test_not_ip),
        cmocka_unit_test(test_limit),         cmocka_unit_test(test_small_buffer),
    };
    return cmocka_run_group_tests_name("chain reject", tests, lab_init, NULL);
}
