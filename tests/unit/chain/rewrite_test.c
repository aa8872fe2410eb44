// SPDX-License-Identifier: BSD-3-Clause
// Does a rewritten packet equal the one that its new tuple makes, every checksum computed anew?
// Random tuples for each kind of packet, cut at each byte. One thread, no huge pages. Broken
// packets must stay broken. Quoted packets are in icmp_test.c.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/chain/packet.h"
#include "tests/unit/chain/packet_lab.h"

#define N_ROUNDS 400

static struct frame before, after;

// `before` from one tuple, `after` from another; returns that.
static struct session_tuple make_pair(const struct lab_spec *s)
{
    struct session_tuple from = lab_tuple(s), to = lab_tuple(s);
    uint64_t seed = lab_random();

    if (lab_random() % 4 == 0)
        memcpy(to.destination, from.destination, sizeof(to.destination));
    if (lab_random() % 4 == 0)
        to.source_port = from.source_port;
    lab_frame(&before, s, &from, seed);
    lab_frame(&after, s, &to, seed);
    if (s->fragment == LAB_LATER) // what looks like an L4 header is payload
        memcpy(after.bytes + after.l4_off, before.bytes + before.l4_off, after.len - after.l4_off);
    return to;
}

static void expect_rewritten(const struct lab_spec *s, struct rte_mbuf *m,
                             const struct session_tuple *to)
{
    assert_int_equal(packet_of(m)->l3_error, API_DROP_NONE);
    chain_packet_rewrite(m, packet_of(m), to);
    lab_expect(s->name, m, &after);
}

static void test_each_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned round = 0; round < N_ROUNDS; round++) {
            struct session_tuple to = make_pair(&lab_specs[i]);

            expect_rewritten(&lab_specs[i],
                             lab_mbuf(&lab_specs[i], &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
        }
    lab_expect_none();
}

// The same tuple changes no byte, whatever the checksum is.
static void test_same_tuple(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned round = 0; round < 20; round++) {
            struct session_tuple to = make_pair(&lab_specs[i]);

            before = after;
            if (before.l4_off && frame_l4_checksum_off(&before) && round % 2)
                frame_put16(&before, frame_l4_checksum_off(&before), round % 4 == 1 ? 0xffff : 0);
            after = before;
            expect_rewritten(&lab_specs[i],
                             lab_mbuf(&lab_specs[i], &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
        }
}

// The first segment ends anywhere: parse gathers; and in pieces behind the headers.
static void test_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct session_tuple to = make_pair(s);
        uint32_t headers = before.payload_off ? before.payload_off : before.len - s->payload_len;

        for (uint32_t cut = 0; cut < before.len; cut++)
            expect_rewritten(s, lab_mbuf(s, &before, &cut, 1, MBUF_TAILROOM_ANY), &to);
        for (uint32_t size = 1; size < 8; size++)
            expect_rewritten(s, lab_pieces(s, &before, headers, size), &to);
    }
    lab_expect_none();
}

// Padding behind the IP packet is no part of it.
static void test_padding(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        struct session_tuple to = make_pair(&lab_specs[i]);

        frame_payload(&before, 11);
        frame_payload(&after, 11);
        expect_rewritten(&lab_specs[i],
                         lab_mbuf(&lab_specs[i], &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
    }
}

// What was damaged on the way is still to be seen: by difference, checksums don't heal.
static void test_damage_stays(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct session_tuple to = make_pair(s);

        if (s->payload_len == 0)
            continue;
        before.bytes[before.len - 1] ^= 0x10;
        after.bytes[after.len - 1] ^= 0x10;
        if (before.ip4_off) { // TTL, unseen by a router so far
            before.bytes[before.ip4_off + 8]--;
            after.bytes[after.ip4_off + 8]--;
        }
        expect_rewritten(s, lab_mbuf(s, &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
    }
}

// A sum that comes to 0 is sent as 0xffff (RFC 768): a port is chosen for which it does.
static void test_udp_never_becomes_zero(void **state)
{
    static const struct lab_spec specs[] = {
        {.name = "udp4 to 0", .family = 4, .protocol = 17, .payload_len = 10},
        {.name = "udp6 to 0", .family = 6, .protocol = 17, .payload_len = 10},
    };
    (void)state;
    for (unsigned i = 0; i < 2 * 50; i++) {
        const struct lab_spec *s = &specs[i % 2];
        struct session_tuple from = lab_tuple(s), to = lab_tuple(s);
        uint64_t seed = lab_random();
        uint32_t sum;
        uint8_t port[2];

        lab_frame(&before, s, &from, seed);
        lab_frame(&after, s, &to, seed);
        sum = (uint32_t)frame_get16(&after, after.l4_off) + frame_get16(&after, after.l4_off + 6);
        sum = (sum & 0xffff) + (sum >> 16);
        port[0] = (uint8_t)(sum >> 8);
        port[1] = (uint8_t)sum;
        memcpy(&to.source_port, port, 2);
        lab_frame(&after, s, &to, seed);
        assert_int_equal(frame_get16(&after, after.l4_off + 6), 0xffff);
        expect_rewritten(s, lab_mbuf(s, &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
    }
}

// A frame to be cut later: 60000 bytes, the field counts the pseudo-header of the whole.
static void test_tso(void **state)
{
    static const struct lab_spec specs[] = {
        {.name = "tso4", .family = 4, .protocol = 6, .is_partial = 1, .payload_len = 60000},
        {.name = "tso6", .family = 6, .protocol = 6, .is_partial = 1, .payload_len = 60000},
    };
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct session_tuple to = make_pair(&specs[i]);
        struct rte_mbuf *m = lab_pieces(&specs[i], &before, before.payload_off, 2000);

        packet_of(m)->offload = PACKET_CSUM_PARTIAL | PACKET_TSO;
        packet_of(m)->gso_size = 1448;
        expect_rewritten(&specs[i], m, &to);
    }
    lab_expect_none();
}

// The ports of a first fragment change; the CRC, which counts what is not there, is left alone.
static void test_sctp_fragment(void **state)
{
    static const struct lab_spec s = {.name = "sctp4 first fragment",
                                      .family = 4,
                                      .protocol = 132,
                                      .fragment = LAB_FIRST,
                                      .payload_len = 20};
    struct session_tuple to = make_pair(&s);

    (void)state;
    memcpy(after.bytes + after.l4_off + 8, before.bytes + before.l4_off + 8, 4);
    expect_rewritten(&s, lab_mbuf(&s, &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
}

// A type that is neither query nor error has no identifier: its addresses change alone.
static void test_other_icmp(void **state)
{
    static const struct lab_spec specs[] = {
        {.name = "redirect4", .family = 4, .protocol = 1, .icmp_type = 5, .payload_len = 28},
        {.name = "extended echo6", .family = 6, .protocol = 58, .icmp_type = 160},
    };
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct session_tuple from = lab_tuple(&specs[i]), to = lab_tuple(&specs[i]);

        to.source_port = from.source_port;
        lab_frame(&before, &specs[i], &from, 1);
        lab_frame(&after, &specs[i], &to, 1);
        to.source_port ^= 0x1234;
        expect_rewritten(&specs[i], lab_mbuf(&specs[i], &before, NULL, 0, MBUF_TAILROOM_ANY), &to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),    cmocka_unit_test(test_same_tuple),
        cmocka_unit_test(test_segments),     cmocka_unit_test(test_padding),
        cmocka_unit_test(test_damage_stays), cmocka_unit_test(test_udp_never_becomes_zero),
        cmocka_unit_test(test_tso),          cmocka_unit_test(test_sctp_fragment),
        cmocka_unit_test(test_other_icmp),
    };
    return cmocka_run_group_tests_name("chain rewrite", tests, lab_init, NULL);
}
