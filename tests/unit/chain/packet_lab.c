// SPDX-License-Identifier: BSD-3-Clause
// What does a packet of this kind with this tuple look like, every sum computed over the whole of
// it? Called by the tests of tuple.c, rewrite.c, icmp.c and reject.c on their only thread. Uses
// none of the code under test. Next: the test that called it.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/chain/packet_lab.h"

#include <string.h>

#include <rte_mempool.h>

#include "dataplane/parse/parse.h"

#define N_MBUFS 1023

static struct rte_mempool *pool;

const struct lab_spec lab_specs[] = {
    {.name = "tcp4", .family = 4, .protocol = 6, .payload_len = 33},
    {.name = "tcp4 without payload", .family = 4, .protocol = 6},
    {.name = "tcp4 options", .family = 4, .protocol = 6, .has_options = 1, .payload_len = 8},
    {.name = "tcp4 tags", .family = 4, .protocol = 6, .n_tags = 2, .payload_len = 20},
    {.name = "tcp4 first fragment",
     .family = 4,
     .protocol = 6,
     .fragment = LAB_FIRST,
     .payload_len = 44},
    {.name = "tcp4 later fragment",
     .family = 4,
     .protocol = 6,
     .fragment = LAB_LATER,
     .payload_len = 44},
    {.name = "tcp4 partial", .family = 4, .protocol = 6, .is_partial = 1, .payload_len = 100},
    {.name = "udp4", .family = 4, .protocol = 17, .payload_len = 12},
    {.name = "udp4 odd", .family = 4, .protocol = 17, .payload_len = 13},
    {.name = "udp4 no checksum", .family = 4, .protocol = 17, .no_checksum = 1, .payload_len = 9},
    {.name = "udp4 partial", .family = 4, .protocol = 17, .is_partial = 1, .payload_len = 30},
    {.name = "udp4 options tags", .family = 4, .protocol = 17, .has_options = 1, .n_tags = 1},
    {.name = "udp4 first fragment",
     .family = 4,
     .protocol = 17,
     .fragment = LAB_FIRST,
     .payload_len = 16},
    {.name = "udp4 later fragment",
     .family = 4,
     .protocol = 17,
     .fragment = LAB_LATER,
     .payload_len = 16},
    {.name = "echo4", .family = 4, .protocol = 1, .icmp_type = 8, .payload_len = 56},
    {.name = "echo reply4", .family = 4, .protocol = 1, .icmp_type = 0, .payload_len = 57},
    {.name = "timestamp4", .family = 4, .protocol = 1, .icmp_type = 13, .payload_len = 12},
    {.name = "timestamp reply4", .family = 4, .protocol = 1, .icmp_type = 14, .payload_len = 12},
    {.name = "information4", .family = 4, .protocol = 1, .icmp_type = 15},
    {.name = "information reply4", .family = 4, .protocol = 1, .icmp_type = 16},
    {.name = "mask4", .family = 4, .protocol = 1, .icmp_type = 17, .payload_len = 4},
    {.name = "mask reply4", .family = 4, .protocol = 1, .icmp_type = 18, .payload_len = 4},
    {.name = "sctp4", .family = 4, .protocol = 132, .payload_len = 40},
    {.name = "sctp4 odd", .family = 4, .protocol = 132, .has_options = 1, .payload_len = 21},
    {.name = "sctp4 header only", .family = 4, .protocol = 132},
    {.name = "gre4", .family = 4, .protocol = LAB_PROTO_OTHER, .payload_len = 30},
    {.name = "icmp6 in ip4", .family = 4, .protocol = 58, .payload_len = 30},
    {.name = "nothing in ip4", .family = 4, .protocol = LAB_PROTO_OTHER},
    {.name = "tcp6", .family = 6, .protocol = 6, .payload_len = 33},
    {.name = "tcp6 extensions", .family = 6, .protocol = 6, .has_options = 1, .payload_len = 10},
    {.name = "tcp6 routed", .family = 6, .protocol = 6, .is_routed = 1, .payload_len = 10},
    {.name = "tcp6 partial", .family = 6, .protocol = 6, .is_partial = 1, .payload_len = 10},
    {.name = "tcp6 first fragment",
     .family = 6,
     .protocol = 6,
     .fragment = LAB_FIRST,
     .payload_len = 44},
    {.name = "tcp6 later fragment",
     .family = 6,
     .protocol = 6,
     .fragment = LAB_LATER,
     .payload_len = 44},
    {.name = "udp6", .family = 6, .protocol = 17, .payload_len = 15},
    {.name = "udp6 no checksum", .family = 6, .protocol = 17, .no_checksum = 1, .payload_len = 15},
    {.name = "udp6 later fragment",
     .family = 6,
     .protocol = 17,
     .fragment = LAB_LATER,
     .payload_len = 16},
    {.name = "udp6 routed tags", .family = 6, .protocol = 17, .is_routed = 1, .n_tags = 4},
    {.name = "echo6", .family = 6, .protocol = 58, .icmp_type = 128, .payload_len = 56},
    {.name = "echo reply6", .family = 6, .protocol = 58, .icmp_type = 129, .has_options = 1},
    {.name = "sctp6", .family = 6, .protocol = 132, .has_options = 1, .payload_len = 16},
    {.name = "gre6", .family = 6, .protocol = LAB_PROTO_OTHER, .has_options = 1, .payload_len = 20},
    {.name = "icmp in ip6", .family = 6, .protocol = 1, .payload_len = 20},
};
const unsigned n_lab_specs = RTE_DIM(lab_specs);

int lab_init(void **state)
{
    (void)state;
    mbuf_eal_init();
    pool = mbuf_pool("lab", N_MBUFS, 2048);
    return 0;
}

struct rte_mempool *lab_pool(void)
{
    return pool;
}

static uint64_t next_random(uint64_t *seed) // splitmix64
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t lab_random(void)
{
    static uint64_t seed = 4;

    return next_random(&seed);
}

static void random_words(uint8_t *to, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t random = lab_random();
        uint16_t word = (uint16_t)(random >> 8);

        if (random % 16 == 0)
            word = 0;
        if (random % 16 == 1)
            word = 0xffff;
        memcpy(to + 2 * (size_t)i, &word, 2);
    }
}

static int is_icmp(const struct lab_spec *s)
{
    return s->protocol == (s->family == 4 ? 1 : 58);
}

static int is_reply(const struct lab_spec *s)
{
    return s->icmp_type == 0 || s->icmp_type == 14 || s->icmp_type == 16 || s->icmp_type == 18 ||
           s->icmp_type == 129;
}

static uint8_t query_type(const struct lab_spec *s)
{
    static const uint8_t of[] = {[0] = 8, [14] = 13, [16] = 15, [18] = 17, [129] = 128};

    return is_reply(s) ? of[s->icmp_type] : s->icmp_type;
}

static int has_ports(const struct lab_spec *s)
{
    return s->protocol == 6 || s->protocol == 17 || s->protocol == 132;
}

struct session_tuple lab_tuple(const struct lab_spec *s)
{
    struct session_tuple t = {.family = s->family, .protocol = s->protocol};
    uint8_t ports[4];

    random_words(t.source, s->family == 4 ? 2 : 8);
    random_words(t.destination, s->family == 4 ? 2 : 8);
    random_words(ports, 2);
    t.source[0] = s->family == 4 ? 10 : 0xfd;
    t.destination[0] = s->family == 4 ? 198 : 0x20;
    if (has_ports(s) || (is_icmp(s) && !is_reply(s)))
        memcpy(&t.source_port, ports, 2);
    if (has_ports(s) || (is_icmp(s) && is_reply(s)))
        memcpy(&t.destination_port, ports + 2, 2);
    if (is_icmp(s))
        t.icmp_type = query_type(s);
    return t;
}

uint32_t lab_crc32c(const uint8_t *bytes, uint32_t len)
{
    uint32_t crc = UINT32_MAX;

    for (uint32_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void build_ip(struct frame *f, const struct lab_spec *s)
{
    static const uint8_t options[] = {7, 7, 4, 1, 2, 3, 4, 0}; // record route, full

    if (s->family == 4) {
        frame_ip4_options(f, "10.0.0.1", "10.0.0.2", options, s->has_options ? sizeof(options) : 0);
        return;
    }
    frame_ip6(f, "fd00::1", "fd00::2");
    if (s->has_options) {
        frame_ip6_extension(f, 0, 2);
        frame_ip6_extension(f, 43, 1); // no segments left
        frame_ip6_extension(f, 51, 3);
    }
    if (s->is_routed) {
        frame_ip6_extension(f, 43, 3);
        f->bytes[f->extension_off + 3] = 1;
    }
    if (s->fragment)
        frame_ip6_fragment(f, 0, 0);
    if (s->has_options)
        frame_ip6_extension(f, 60, 2);
}

static void build_l4(struct frame *f, const struct lab_spec *s, const struct session_tuple *t)
{
    uint16_t identifier = is_reply(s) ? t->destination_port : t->source_port;

    if (s->protocol == 6)
        frame_tcp(f, 0, 0, 0x18, s->has_options ? 3 : 0);
    else if (s->protocol == 17)
        frame_udp(f, 0, 0);
    else if (s->protocol == 132)
        frame_sctp(f, 0, 0);
    else if (is_icmp(s))
        frame_icmp(f, s->icmp_type, 0);
    else
        frame_proto(f, s->protocol);
    if (is_icmp(s))
        memcpy(f->bytes + f->l4_off + 4, &identifier, 2);
    if (has_ports(s)) {
        memcpy(f->bytes + f->l4_off, &t->source_port, 2);
        memcpy(f->bytes + f->l4_off + 2, &t->destination_port, 2);
    }
}

static void random_payload(struct frame *f, const struct lab_spec *s, uint64_t seed)
{
    uint32_t at = f->len;

    frame_payload(f, s->payload_len);
    for (uint32_t i = at; i < f->len; i++)
        f->bytes[i] = (uint8_t)next_random(&seed);
    if (s->protocol == 6)
        for (uint32_t i = 4; i < 12; i++)
            f->bytes[f->l4_off + i] = (uint8_t)next_random(&seed);
    if (f->ip4_off)
        frame_put16(f, f->ip4_off + 4, (uint16_t)next_random(&seed));
}

void lab_fix_ip4(struct frame *f)
{
    uint32_t sum, len = (f->bytes[f->ip4_off] & 15U) * 4;

    frame_put16(f, f->ip4_off + 10, 0);
    sum = frame_sum(f->bytes + f->ip4_off, len, 0);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    frame_put16(f, f->ip4_off + 10, (uint16_t)~sum);
}

// The L4 checksum field gets what the spec says, instead of what frame_end computed.
static void finish_checksum(struct frame *f, const struct lab_spec *s)
{
    uint32_t len = f->len - f->l4_off, crc, sum;

    if (s->no_checksum)
        frame_put16(f, f->l4_off + 6, 0);
    if (s->protocol == 132) {
        crc = lab_crc32c(f->bytes + f->l4_off, len);
        for (unsigned i = 0; i < 4; i++) // RFC 9260, appendix A
            f->bytes[f->l4_off + 8 + i] = (uint8_t)(crc >> 8 * i);
    }
    if (s->is_partial) {
        sum = f->ip4_off ? frame_sum(f->bytes + f->ip4_off + 12, 8, 0)
                         : frame_sum(f->bytes + f->ip6_off + 8, 32, 0);
        sum += s->protocol + len;
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        frame_put16(f, frame_l4_checksum_off(f), (uint16_t)sum);
    }
}

static void make_fragment(struct frame *f, const struct lab_spec *s)
{
    uint16_t field = s->fragment == LAB_FIRST ? 0 : 8 * 100;

    if (s->family == 4) {
        frame_put16(f, f->ip4_off + 6, (uint16_t)(field / 8 | 0x2000));
        lab_fix_ip4(f);
    } else {
        frame_put16(f, f->fragment_off + 2, field | 1);
    }
}

void lab_frame(struct frame *f, const struct lab_spec *s, const struct session_tuple *t,
               uint64_t seed)
{
    // Checksums count the last destination, which a routing header has (RFC 8200, 8.1).
    static const uint8_t last[16] = {0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint32_t at, address_len = s->family == 4 ? 4 : 16;

    frame_ether(f, "52:54:00:00:00:22", "52:54:00:00:00:11");
    for (unsigned i = 0; i < s->n_tags; i++)
        frame_vlan(f, 0x8100, (uint16_t)(i + 10));
    build_ip(f, s);
    build_l4(f, s, t);
    random_payload(f, s, seed);
    at = s->family == 4 ? f->ip4_off + 12 : f->ip6_off + 8;
    memcpy(f->bytes + at, t->source, address_len);
    memcpy(f->bytes + at + address_len, s->is_routed ? last : t->destination, address_len);
    frame_end(f);
    finish_checksum(f, s);
    if (s->is_routed)
        memcpy(f->bytes + at + address_len, t->destination, address_len);
    if (s->fragment)
        make_fragment(f, s);
}

struct rte_mbuf *lab_mbuf(const struct lab_spec *s, const struct frame *f, const uint32_t *cuts,
                          unsigned n_cuts, uint32_t tailroom)
{
    struct rte_mbuf *m = mbuf_build(pool, f->bytes, f->len, cuts, n_cuts, tailroom);

    packet_of(m)->offload = s->is_partial ? PACKET_CSUM_PARTIAL : 0;
    parse_burst(&m, 1);
    return m;
}

struct rte_mbuf *lab_pieces(const struct lab_spec *s, const struct frame *f, uint32_t first,
                            uint32_t size)
{
    uint32_t cuts[LAB_MAX_CUTS];
    unsigned n = 0;

    for (uint32_t at = first; at < f->len && n < RTE_DIM(cuts); at += size)
        cuts[n++] = at;
    return lab_mbuf(s, f, cuts, n, 0);
}

void lab_expect(const char *name, struct rte_mbuf *m, const struct frame *expected)
{
    uint8_t bytes[FRAME_SIZE];
    const uint8_t *got = rte_pktmbuf_read(m, 0, m->pkt_len, bytes);

    if (m->pkt_len != expected->len)
        fail_msg("%s: %u bytes instead of %u", name, m->pkt_len, expected->len);
    for (uint32_t i = 0; i < expected->len; i++)
        if (got[i] != expected->bytes[i])
            fail_msg("%s: byte %u of %u is %02x instead of %02x", name, i, expected->len, got[i],
                     expected->bytes[i]);
    if (!mbuf_holds(m, expected->bytes, expected->len))
        fail_msg("%s: segments don't fit", name);
    rte_pktmbuf_free(m);
}

void lab_expect_none(void)
{
    assert_int_equal(rte_mempool_in_use_count(pool), 0);
}
