// SPDX-License-Identifier: BSD-3-Clause
// Which packet does an ICMP error quote, and does a translated one equal the error about the
// translated packet, every checksum computed anew? Quotes of each protocol, ending at each byte, in
// one segment and in many. One thread, no huge pages.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "dataplane/chain/packet.h"
#include "tests/unit/chain/packet_lab.h"

#define N_ROUNDS 40
#define ALL UINT32_MAX

static struct frame quoted, before, after;
static const struct lab_spec plain = {.name = "error"};

// An error from 192.0.2.9 or 2001:db8::9, about what will be quoted.
struct shape {
    uint8_t type, code;
    uint8_t has_extension; // RFC 4884, behind the quote
    uint8_t n_tags;
    uint8_t has_options;
    uint32_t quote_len; // at most; ALL
};

static uint32_t ip_off(const struct frame *f)
{
    return f->ip4_off + f->ip6_off;
}

// RFC 4884, 7: version 2, and an object (RFC 4950: a label stack).
static void add_extension(struct frame *f, uint32_t quote_len, unsigned family)
{
    static const uint8_t extension[] = {0x20, 0, 0x5e, 0x9b, 0, 8, 1, 1, 0, 1, 0x11, 0xff};
    uint32_t len = RTE_MAX((quote_len + 7) / 8 * 8, 128U); // 5.1: padded with zeros

    frame_payload(f, len - quote_len);
    memset(f->bytes + f->len - (len - quote_len), 0, len - quote_len);
    frame_bytes(f, extension, sizeof(extension));
    f->bytes[f->l4_off + (family == 4 ? 5 : 4)] = (uint8_t)(len / (family == 4 ? 4 : 8));
}

// The error about packet `quoted` of spec s, from `source` to `destination`. Returns how many bytes
// are quoted.
static uint32_t build_error(struct frame *f, const struct lab_spec *s, const struct shape *e,
                            const uint8_t *source, const uint8_t *destination)
{
    uint32_t at = ip_off(&quoted), n = RTE_MIN(quoted.len - at, e->quote_len);
    uint32_t len = s->family == 4 ? 4 : 16;
    static const uint8_t options[4] = {7, 3, 4, 0};

    frame_ether(f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    for (unsigned i = 0; i < e->n_tags; i++)
        frame_vlan(f, 0x88a8, 5);
    if (s->family == 4)
        frame_ip4_options(f, "192.0.2.9", "192.0.2.1", options, e->has_options ? 4 : 0);
    else
        frame_ip6(f, "2001:db8::9", "2001:db8::1");
    if (s->family == 6 && e->has_options)
        frame_ip6_extension(f, 60, 2);
    frame_icmp(f, e->type, e->code);
    f->bytes[f->l4_off + 7] = 0x5c; // an MTU's low byte
    frame_bytes(f, quoted.bytes + at, n);
    if (e->has_extension)
        add_extension(f, n, s->family);
    at = ip_off(f) + (s->family == 4 ? 12 : 8);
    memcpy(f->bytes + at, source, len);
    memcpy(f->bytes + at + len, destination, len);
    frame_end(f);
    return n;
}

// Bytes of the quote without which there is no tuple.
static uint32_t least(const struct lab_spec *s)
{
    uint32_t at = ip_off(&quoted);

    return quoted.l4_off ? quoted.l4_off - at + 8 : quoted.len - s->payload_len - at;
}

struct pair {
    struct session_tuple from, to; // of the quoted packet
    uint8_t source[16];            // of the translated error
};

// A checksum that is quoted in part can't be carried on: its bytes stay.
static void keep_half_checksum(const struct lab_spec *s, uint32_t n)
{
    uint32_t off = quoted.l4_off - ip_off(&quoted), size = s->protocol == 132 ? 4 : 2;

    if (s->protocol != 6 && s->protocol != 132)
        return;
    off += s->protocol == 6 ? 16 : 8;
    if (n <= off || n >= off + size)
        return;
    memcpy(after.bytes + after.payload_off + off, before.bytes + before.payload_off + off, n - off);
    frame_end(&after);
}

// `before` is the error about the one, `after` about the other. Returns bytes quoted.
static uint32_t make_errors(struct pair *pair, const struct lab_spec *s, const struct shape *e)
{
    struct session_tuple other = lab_tuple(s), third = lab_tuple(s);
    uint64_t seed = lab_random();
    uint32_t n;

    pair->from = lab_tuple(s);
    pair->to = lab_tuple(s);
    memcpy(pair->source, other.destination, sizeof(pair->source));
    lab_frame(&quoted, s, &pair->from, seed);
    n = build_error(&before, s, e, third.destination, pair->from.source);
    lab_frame(&quoted, s, &pair->to, seed);
    build_error(&after, s, e, pair->source, pair->to.source);
    keep_half_checksum(s, n);
    return n;
}

// Frees m. is_enough: it quotes what it must.
static void expect_error(const char *name, struct rte_mbuf *m, const struct pair *pair,
                         int is_enough)
{
    const struct packet *p = packet_of(m);
    struct session_tuple inner, outer;
    uint8_t drop = API_DROP_NONE;
    int result;

    assert_int_equal(chain_packet_tuple(m, p, &outer, &drop), CHAIN_PACKET_ICMP_ERROR);
    result = chain_icmp_inner(m, p, &inner, &drop);
    if (result != (is_enough ? 0 : -EINVAL))
        fail_msg("%s: %d", name, result);
    assert_int_equal(drop, is_enough ? API_DROP_NONE : DROP_ICMP_BAD_INNER);
    if (!is_enough) {
        lab_expect(name, m, &before);
        return;
    }
    if (!session_tuple_is_equal(&inner, &pair->from))
        fail_msg("%s: another tuple", name);
    chain_icmp_rewrite(m, p, &pair->to, pair->source, pair->to.source);
    lab_expect(name, m, &after);
}

static struct rte_mbuf *whole(const struct frame *f)
{
    return lab_mbuf(&plain, f, NULL, 0, MBUF_TAILROOM_ANY);
}

// A later fragment has no ports, and a partial checksum was never on the wire.
static int is_quotable(const struct lab_spec *s)
{
    return s->fragment != LAB_LATER && !s->is_partial;
}

static const struct shape errors4[] = {
    {.type = 3, .code = 3, .quote_len = ALL},
    {.type = 3, .code = 4, .quote_len = 28, .n_tags = 2},
    {.type = 11, .quote_len = ALL, .has_extension = 1},
    {.type = 12, .quote_len = 128, .has_extension = 1, .has_options = 1},
    {.type = 4, .quote_len = 64},
};
static const struct shape errors6[] = {
    {.type = 1, .code = 4, .quote_len = ALL, .has_extension = 1},
    {.type = 2, .quote_len = ALL, .n_tags = 1},
    {.type = 3, .quote_len = 128, .has_extension = 1, .has_options = 1},
    {.type = 4, .code = 1, .quote_len = 100},
    {.type = 100, .quote_len = ALL},
};

static const struct shape *error_of(const struct lab_spec *s, unsigned i)
{
    return s->family == 4 ? &errors4[i] : &errors6[i];
}

static void test_each_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned k = 0; k < N_ROUNDS * RTE_DIM(errors4) && is_quotable(&lab_specs[i]); k++) {
            const struct lab_spec *s = &lab_specs[i];
            struct pair pair;
            uint32_t n = make_errors(&pair, s, error_of(s, k % RTE_DIM(errors4)));

            expect_error(s->name, whole(&before), &pair, n >= least(s));
        }
    lab_expect_none();
}

// The quote ends at each byte: there, or with padding and an extension behind it.
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned k = 0; k < 2 * 200 && is_quotable(&lab_specs[i]); k++) {
            const struct lab_spec *s = &lab_specs[i];
            struct shape e = {.type = s->family == 4 ? 3 : 1, .quote_len = k / 2};
            struct pair pair;
            uint32_t n;

            e.has_extension = k % 2;
            n = make_errors(&pair, s, &e);
            // Zeros up to 128 bytes are taken for what was sent, as far as that went.
            if (e.has_extension && (n < least(s) || n < 128))
                continue;
            expect_error(s->name, whole(&before), &pair, n >= least(s));
        }
    lab_expect_none();
}

static void test_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned k = 0; k < RTE_DIM(errors4) && is_quotable(&lab_specs[i]); k++) {
            const struct lab_spec *s = &lab_specs[i];
            struct pair pair;
            uint32_t n = make_errors(&pair, s, error_of(s, k));

            for (uint32_t cut = before.payload_off; cut < before.len; cut++)
                expect_error(s->name, lab_mbuf(&plain, &before, &cut, 1, 0), &pair, n >= least(s));
            for (uint32_t size = 2; size < 40; size = size * 2 - 1)
                expect_error(s->name, lab_pieces(&plain, &before, before.payload_off, size), &pair,
                             n >= least(s));
        }
    lab_expect_none();
}

// The IP packet ends in the quote; what is behind is padding of the frame, not to be read as quote.
static void test_padding(void **state)
{
    const struct lab_spec *s = &lab_specs[0];
    struct shape e = {.type = 3};
    struct pair pair;

    (void)state;
    for (e.quote_len = 20; e.quote_len < 40; e.quote_len++) {
        make_errors(&pair, s, &e);
        frame_bytes(&before, quoted.bytes, 60);
        frame_bytes(&after, quoted.bytes, 60);
        expect_error("padding", whole(&before), &pair, e.quote_len >= 28);
    }
}

// The length field bounds the quote, too: what is behind is an extension.
static void test_length_field(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        static const struct lab_spec specs[] = {
            {.name = "udp4", .family = 4, .protocol = 17, .payload_len = 20},
            {.name = "udp6", .family = 6, .protocol = 17, .payload_len = 20},
        };
        const struct shape e = {.type = i == 0 ? 11 : 3, .quote_len = ALL};
        uint32_t words = i == 0 ? 7 : 6; // exactly the headers
        struct pair pair;

        for (unsigned k = 0; k < 2; k++) {
            make_errors(&pair, &specs[i], &e);
            before.bytes[before.l4_off + (i == 0 ? 5 : 4)] = (uint8_t)(words - k);
            after.bytes[after.l4_off + (i == 0 ? 5 : 4)] = (uint8_t)(words - k);
            frame_end(&before);
            frame_end(&after);
            expect_error(specs[i].name, whole(&before), &pair, k == 0);
        }
    }
}

struct patch_case {
    const char *name;
    uint8_t spec; // of what is quoted
    uint8_t is_sound;
    uint8_t off; // of the quote
    uint8_t n;
    uint8_t bytes[4];
};

enum quotable { UDP4, TCP6, ECHO4, ECHO6, GRE4, FRAGMENT6, EXTENDED6 };

static const struct lab_spec quotables[] = {
    [UDP4] = {.name = "udp4", .family = 4, .protocol = 17, .payload_len = 60},
    [TCP6] = {.name = "tcp6", .family = 6, .protocol = 6, .payload_len = 60},
    [ECHO4] = {.name = "echo4", .family = 4, .protocol = 1, .icmp_type = 8, .payload_len = 56},
    [ECHO6] = {.name = "echo6", .family = 6, .protocol = 58, .icmp_type = 128, .payload_len = 56},
    [GRE4] = {.name = "gre4", .family = 4, .protocol = 47, .payload_len = 20},
    [FRAGMENT6] = {.name = "fragment6",
                   .family = 6,
                   .protocol = 17,
                   .fragment = LAB_FIRST,
                   .payload_len = 16},
    [EXTENDED6] = {.name = "extended6", .family = 6, .protocol = 17, .has_options = 1},
};

// Bytes of the quote overwritten: by a host, or by who wants us to read what is not there.
static void test_hostile_quotes(void **state)
{
    static const struct patch_case cases[] = {
        {"untouched", UDP4, 1, 0, 0, {0}},
        {"version 6 in 4", UDP4, 0, 0, 1, {0x65}},
        {"version 4 in 6", TCP6, 0, 0, 1, {0x45}},
        {"ihl 4", UDP4, 0, 0, 1, {0x44}},
        {"ihl behind the quote", GRE4, 0, 0, 1, {0x4f}},
        {"length 0", UDP4, 0, 2, 2, {0, 0}},
        {"length below ihl", UDP4, 0, 2, 2, {0, 19}},
        {"length without L4", UDP4, 0, 2, 2, {0, 27}},
        {"later fragment", UDP4, 0, 6, 2, {0x20, 1}},
        {"last fragment", UDP4, 0, 6, 2, {0, 100}},
        {"later fragment without ports", GRE4, 0, 6, 2, {0, 1}},
        {"unreachable in unreachable", ECHO4, 0, 20, 1, {3}},
        {"redirect in unreachable", ECHO4, 0, 20, 1, {5}},
        {"router advertisement", ECHO4, 0, 20, 1, {9}},
        {"time exceeded in error6", ECHO6, 0, 40, 1, {3}},
        {"neighbour discovery", ECHO6, 0, 40, 1, {135}},
        {"length 0 in 6", TCP6, 0, 4, 2, {0, 0}},
        {"length 7 in 6", TCP6, 0, 4, 2, {0, 7}},
        {"later fragment in 6", FRAGMENT6, 0, 42, 2, {0, 8}},
        {"hop-by-hop behind the quote", EXTENDED6, 0, 41, 1, {0xff}},
        {"extension to a byte before the end", EXTENDED6, 0, 4, 2, {0, 53}},
        {"another protocol", TCP6, 1, 6, 1, {6}},
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        const struct patch_case *c = &cases[i];
        const struct lab_spec *s = &quotables[c->spec];
        struct shape e = {.type = s->family == 4 ? 3 : 1, .quote_len = ALL};
        struct pair pair;

        make_errors(&pair, s, &e);
        memcpy(before.bytes + before.payload_off + c->off, c->bytes, c->n);
        frame_end(&before);
        expect_error(c->name, whole(&before), &pair, c->is_sound);
        expect_error(c->name, lab_pieces(&plain, &before, before.payload_off, 3), &pair,
                     c->is_sound);
    }
}

// Nine headers are more than parse takes, too.
static void test_many_extensions(void **state)
{
    (void)state;
    for (unsigned n = 8; n < 10; n++) {
        struct session_tuple inner;
        uint8_t drop;
        struct rte_mbuf *m;

        frame_ether(&quoted, "52:54:00:00:00:22", "52:54:00:00:00:11");
        frame_ip6(&quoted, "2001:db8::1", "2001:db8::2");
        for (unsigned i = 0; i < n; i++)
            frame_ip6_extension(&quoted, 60, 1);
        frame_udp(&quoted, 1, 2);
        frame_end(&quoted);
        frame_ether(&before, "52:54:00:00:00:22", "52:54:00:00:00:11");
        frame_ip6(&before, "2001:db8::9", "2001:db8::1");
        frame_icmp(&before, 1, 0);
        frame_bytes(&before, quoted.bytes + quoted.ip6_off, quoted.len - quoted.ip6_off);
        frame_end(&before);
        m = whole(&before);
        assert_int_equal(chain_icmp_inner(m, packet_of(m), &inner, &drop), n == 8 ? 0 : -EINVAL);
        rte_pktmbuf_free(m);
    }
}

// To somebody who has not sent what it quotes.
static void test_wrong_destination(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        const struct lab_spec *s = &quotables[i == 0 ? UDP4 : TCP6];
        const struct shape e = {.type = i == 0 ? 3 : 1, .quote_len = ALL};
        struct pair pair;

        make_errors(&pair, s, &e);
        before.bytes[ip_off(&before) + (i == 0 ? 19 : 39)] ^= 1;
        expect_error("destination", whole(&before), &pair, 0);
    }
}

// What of a quote was damaged behind its IP header stays damaged.
static void test_damage_stays(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct pair pair;

        if (!is_quotable(s) || s->payload_len == 0 || (quoted.l4_off == 0 && s->payload_len < 9))
            continue;
        make_errors(&pair, s, error_of(s, 0));
        for (unsigned k = 0; k < 2; k++) {
            struct frame *f = k ? &after : &before;

            f->bytes[f->len - 1] ^= 0x80; // data: the quoted L4 checksum is not looked at (REQ-3 c)
            frame_end(f);
        }
        expect_error(s->name, whole(&before), &pair, 1);
    }
}

// RFC 5508, REQ-3: the error's own checksum; REQ-3 a: that of the quoted IPv4 header.
static void test_damage_is_seen(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct pair pair;

        for (unsigned k = 0; k < 2 && is_quotable(s); k++) {
            struct session_tuple inner;
            struct rte_mbuf *m;
            uint8_t drop;

            if (make_errors(&pair, s, error_of(s, 0)) < least(s) || (k == 1 && s->family == 6))
                continue;
            before.bytes[before.payload_off + 1] ^= 0x11; // the quoted type of service
            if (k == 1)
                frame_end(&before);
            m = whole(&before);
            assert_int_equal(chain_icmp_inner(m, packet_of(m), &inner, &drop), -EINVAL);
            assert_int_equal(drop, k == 0 && s->family == 6 ? DROP_ICMP_BAD_CHECKSUM
                                                            : DROP_ICMP_BAD_INNER);
            lab_expect(s->name, m, &before);
            if (k == 1)
                continue;
            make_errors(&pair, s, error_of(s, 0));
            before.bytes[before.l4_off + 2] ^= 0x40;
            m = whole(&before);
            assert_int_equal(chain_icmp_inner(m, packet_of(m), &inner, &drop), -EINVAL);
            assert_int_equal(drop, DROP_ICMP_BAD_CHECKSUM);
            lab_expect(s->name, m, &before);
        }
    }
    lab_expect_none();
}

// A quoted UDP sum that comes to 0 is 0xffff: a port is chosen for which it does.
static void test_udp_never_becomes_zero(void **state)
{
    const struct lab_spec *s = &quotables[UDP4];
    const struct shape e = {.type = 3, .quote_len = ALL};

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint64_t seed = lab_random();
        struct pair pair = {.from = lab_tuple(s), .to = lab_tuple(s), .source = {198, 1, 2, 3}};
        uint32_t sum;
        uint8_t port[2];

        lab_frame(&quoted, s, &pair.to, seed);
        sum =
            (uint32_t)frame_get16(&quoted, quoted.l4_off) + frame_get16(&quoted, quoted.l4_off + 6);
        sum = (sum & 0xffff) + (sum >> 16);
        port[0] = (uint8_t)(sum >> 8);
        port[1] = (uint8_t)sum;
        memcpy(&pair.to.source_port, port, 2);
        lab_frame(&quoted, s, &pair.from, seed);
        build_error(&before, s, &e, pair.from.destination, pair.from.source);
        lab_frame(&quoted, s, &pair.to, seed);
        assert_int_equal(frame_get16(&quoted, quoted.l4_off + 6), 0xffff);
        build_error(&after, s, &e, pair.source, pair.to.source);
        expect_error("to 0", whole(&before), &pair, 1);
    }
}

// The CRC of a quoted first fragment counts what is not there: it stays.
static void test_sctp_fragment(void **state)
{
    static const struct lab_spec s = {.name = "sctp4 first fragment",
                                      .family = 4,
                                      .protocol = 132,
                                      .fragment = LAB_FIRST,
                                      .payload_len = 20};
    const struct shape e = {.type = 11, .quote_len = ALL};
    struct pair pair;
    uint32_t at;

    (void)state;
    make_errors(&pair, &s, &e);
    at = quoted.l4_off - ip_off(&quoted) + 8;
    memcpy(after.bytes + after.payload_off + at, before.bytes + before.payload_off + at, 4);
    frame_end(&after);
    expect_error(s.name, whole(&before), &pair, 1);
}

// Only what changes is touched: the same tuple and addresses leave every byte.
static void test_same_tuple(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct pair pair;
        uint32_t at, len = s->family == 4 ? 4 : 16, n, sum;

        if (!is_quotable(s))
            continue;
        n = make_errors(&pair, s, error_of(s, 0));
        at = ip_off(&before) + (s->family == 4 ? 12 : 8);
        memcpy(pair.source, before.bytes + at, len);
        pair.to = pair.from;
        // Another word makes 0xffff right.
        sum = (uint32_t)frame_get16(&before, before.l4_off + 2) +
              (uint32_t)frame_get16(&before, before.l4_off + 6);
        frame_put16(&before, before.l4_off + 6, (uint16_t)(sum + (sum >> 16)));
        frame_put16(&before, before.l4_off + 2, 0xffff);
        after = before;
        expect_error(s->name, whole(&before), &pair, n >= least(s));
    }
    lab_expect_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_length_field),
        cmocka_unit_test(test_hostile_quotes),
        cmocka_unit_test(test_many_extensions),
        cmocka_unit_test(test_wrong_destination),
        cmocka_unit_test(test_damage_stays),
        cmocka_unit_test(test_damage_is_seen),
        cmocka_unit_test(test_udp_never_becomes_zero),
        cmocka_unit_test(test_sctp_fragment),
        cmocka_unit_test(test_same_tuple),
    };
    return cmocka_run_group_tests_name("chain icmp", tests, lab_init, NULL);
}
