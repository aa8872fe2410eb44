// SPDX-License-Identifier: BSD-3-Clause
// Does every receiver get frames that it can take, with the right bytes, whatever the sender left
// undone? All kinds of frames against all capabilities; each result is judged by checksums made
// anew and by the payload put together again. One thread, no huge pages.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/port/port.h"
#include "tests/unit/port/offload_lab.h"

#define N_CAPABILITIES 16 // combinations of enum port_capability
#define LARGE 64000
#define GSO_SIZE 1400

static struct frame sent, got;
static struct rte_mbuf *out[OFFLOAD_MAX_SEGMENTS];

static struct port port_with(uint32_t capability)
{
    return (struct port){.capability = capability, .max_frame_len = LAB_MAX_FRAME};
}

static unsigned prepare(struct rte_mbuf *m, const struct port *port)
{
    uint8_t drop = API_DROP_NONE;
    unsigned n = offload_prepare(m, port, out, RTE_DIM(out), &drop);

    assert_int_equal(drop, API_DROP_NONE);
    assert_true(n > 0);
    return n;
}

// The checksum of `got` is complete, or partial and said to be so.
static void assert_checksum(const struct lab_kind *kind, const struct rte_mbuf *m, int is_left)
{
    uint64_t l4 = kind->is_tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
    uint64_t l3 = kind->is_ip6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
    uint16_t field = frame_get16(&got, frame_l4_checksum_off(&got));
    uint32_t l3_off = kind->is_ip6 ? got.ip6_off : got.ip4_off;

    if (!is_left) {
        assert_int_equal(m->ol_flags, 0);
        assert_int_equal(field, frame_l4_checksum(&got, got.len));
        return;
    }
    assert_int_equal(m->ol_flags & ~RTE_MBUF_F_TX_TCP_SEG, l3 | l4);
    assert_int_equal(field, lab_pseudo_sum(&got, got.len - got.l4_off));
    assert_int_equal(m->l2_len, l3_off);
    assert_int_equal(m->l3_len, got.l4_off - l3_off);
    assert_int_equal(m->l4_len, got.payload_off - got.l4_off);
}

static void csum_partial_is_left_or_completed(void **state)
{
    (void)state;
    for (unsigned k = 0; k < n_lab_kinds; k++) {
        for (uint32_t capability = 0; capability < N_CAPABILITIES; capability++) {
            const struct lab_kind *kind = &lab_kinds[k];
            struct port port = port_with(capability);
            int is_left = (capability & PORT_TX_CSUM) && !kind->has_extensions;
            struct rte_mbuf *m;

            lab_build(kind, &sent, 333);
            m = lab_packet(&sent, PACKET_CSUM_PARTIAL, 0, NULL, 0);
            assert_true(offload_is_sound(m, packet_of(m)));
            assert_int_equal(prepare(m, &port), 1);
            lab_read(out[0], &sent, &got);
            assert_checksum(kind, out[0], is_left);
            assert_int_equal(packet_of(out[0])->offload, is_left ? PACKET_CSUM_PARTIAL : 0);
            frame_put16(&sent, frame_l4_checksum_off(&sent), 0);
            frame_put16(&got, frame_l4_checksum_off(&got), 0);
            assert_memory_equal(got.bytes, sent.bytes, sent.len);
            rte_pktmbuf_free(out[0]);
        }
    }
    lab_assert_no_leak();
}

// Headers and payload cut at every byte; parse has moved the headers together.
static void csum_of_a_chain_is_completed(void **state)
{
    (void)state;
    for (unsigned k = 0; k < n_lab_kinds; k++) {
        lab_build(&lab_kinds[k], &sent, 77);
        for (uint32_t cut = 1; cut < sent.len; cut++) {
            uint32_t cuts[] = {cut, RTE_MIN(cut + 3, sent.len)};
            struct rte_mbuf *m = lab_packet(&sent, PACKET_CSUM_PARTIAL, 0, cuts, 2);

            offload_complete_checksum(m, packet_of(m));
            assert_int_equal(packet_of(m)->offload, 0);
            lab_read(m, &sent, &got);
            assert_int_equal(frame_get16(&got, frame_l4_checksum_off(&got)),
                             frame_l4_checksum(&got, got.len));
            rte_pktmbuf_free(m);
        }
    }
    lab_assert_no_leak();
}

static void udp_sum_of_zero_is_sent_as_ffff(void **state)
{
    struct port port = port_with(0);
    uint16_t sum;

    (void)state;
    lab_build(&lab_kinds[8], &sent, 0);
    frame_bytes(&sent, "\0\0", 2);
    frame_put16(&sent, sent.l4_off + 4, 10);
    frame_put16(&sent, sent.ip4_off + 2, 30);
    sum = frame_l4_checksum(&sent, sent.len);
    frame_put16(&sent, sent.payload_off, sum); // now all of it sums up to ffff
    sent.bytes[sent.ip4_off + 10] = 0;         // parse does not look at the header's sum
    assert_int_equal(prepare(lab_packet(&sent, PACKET_CSUM_PARTIAL, 0, NULL, 0), &port), 1);
    lab_read(out[0], &sent, &got);
    assert_int_equal(frame_get16(&got, frame_l4_checksum_off(&got)), 0xffff);
    rte_pktmbuf_free(out[0]);
}

// Padding behind the packet is no part of the sum.
static void padding_is_not_summed(void **state)
{
    struct port port = port_with(0);
    struct rte_mbuf *m;
    uint32_t end;

    (void)state;
    lab_build(&lab_kinds[0], &sent, 1);
    end = sent.len;
    frame_put16(&sent, frame_l4_checksum_off(&sent), lab_pseudo_sum(&sent, end - sent.l4_off));
    frame_bytes(&sent, "\xde\xad\xbe\xef", 4);
    m = lab_packet(&sent, 0, 0, NULL, 0);
    packet_of(m)->offload = PACKET_CSUM_PARTIAL;
    assert_int_equal(prepare(m, &port), 1);
    lab_read(out[0], &sent, &got);
    assert_int_equal(got.len, sent.len);
    assert_int_equal(frame_get16(&got, frame_l4_checksum_off(&got)), frame_l4_checksum(&got, end));
    assert_memory_equal(got.bytes + end, "\xde\xad\xbe\xef", 4);
    rte_pktmbuf_free(out[0]);
}

static uint32_t get32(const struct frame *f, uint32_t off)
{
    return (uint32_t)frame_get16(f, off) << 16 | frame_get16(f, off + 2);
}

static void assert_ip(const struct lab_kind *kind, unsigned index)
{
    if (kind->is_ip6) {
        assert_int_equal(frame_get16(&got, got.ip6_off + 4), got.len - got.ip6_off - 40);
        return;
    }
    assert_int_equal(frame_get16(&got, got.ip4_off + 2), got.len - got.ip4_off);
    assert_int_equal(frame_get16(&got, got.ip4_off + 4), (uint16_t)(LAB_IP_ID + index));
    // The header with its checksum in it sums up to ffff (RFC 1071).
    assert_int_equal(frame_sum(got.bytes + got.ip4_off, got.l4_off - got.ip4_off, 0) % 0xffff, 0);
}

// Segment `index` of `sent`, whose payload before it is `at` bytes. Returns its payload.
static uint32_t assert_segment(const struct lab_kind *kind, unsigned index, uint32_t at,
                               int is_left)
{
    uint32_t total = sent.len - sent.payload_off, size;
    uint8_t flags = 0x10, *tcp;

    lab_read(out[index], &sent, &got);
    size = got.len - got.payload_off;
    assert_int_equal(size, RTE_MIN(total - at, (uint32_t)GSO_SIZE));
    assert_int_equal(packet_of(out[index])->l3_end, got.len);
    assert_int_equal(packet_of(out[index])->gso_size, 0);
    assert_memory_equal(got.bytes, sent.bytes, kind->is_ip6 ? got.ip6_off : got.ip4_off);
    assert_memory_equal(got.bytes + got.payload_off, sent.bytes + sent.payload_off + at, size);
    assert_ip(kind, index);
    assert_int_equal(get32(&got, got.l4_off + 4), LAB_SEQUENCE + at);
    flags |= index == 0 ? 0x80 : 0;
    flags |= at + size == total ? 0x09 : 0;
    tcp = got.bytes + got.l4_off;
    assert_int_equal(tcp[13], flags);
    assert_checksum(kind, out[index], is_left);
    return size;
}

static void tso_is_left_or_cut(void **state)
{
    (void)state;
    for (unsigned k = 0; k < n_lab_kinds; k++) {
        const struct lab_kind *kind = &lab_kinds[k];

        for (uint32_t capability = 0; kind->is_tcp && capability < N_CAPABILITIES; capability++) {
            uint32_t tso = kind->is_ip6 ? PORT_TX_TSO6 : PORT_TX_TSO4;
            int csum_is_left = (capability & PORT_TX_CSUM) && !kind->has_extensions;
            struct port port = port_with(capability);
            struct rte_mbuf *m;
            uint32_t at = 0;
            unsigned n;

            lab_build(kind, &sent, LARGE);
            m = lab_packet(&sent, PACKET_CSUM_PARTIAL | PACKET_TSO, GSO_SIZE, NULL, 0);
            assert_true(offload_is_sound(m, packet_of(m)));
            n = prepare(m, &port);
            if (csum_is_left && (capability & tso)) {
                assert_int_equal(n, 1);
                assert_true(mbuf_holds(out[0], sent.bytes, sent.len));
                assert_int_equal(out[0]->tso_segsz, GSO_SIZE);
                assert_true((out[0]->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
                lab_read(out[0], &sent, &got);
                assert_checksum(kind, out[0], 1);
            } else {
                assert_int_equal(n, (LARGE + GSO_SIZE - 1) / GSO_SIZE);
                for (unsigned i = 0; i < n; i++)
                    at += assert_segment(kind, i, at, csum_is_left);
                assert_int_equal(at, LARGE);
            }
            rte_pktmbuf_free_bulk(out, n);
        }
    }
    lab_assert_no_leak();
}

static void tso_of_one_segment_is_a_plain_frame(void **state)
{
    struct port port = port_with(PORT_TX_CSUM | PORT_TX_TSO4);

    (void)state;
    lab_build(&lab_kinds[0], &sent, GSO_SIZE);
    assert_int_equal(
        prepare(lab_packet(&sent, PACKET_CSUM_PARTIAL | PACKET_TSO, GSO_SIZE, NULL, 0), &port), 1);
    assert_int_equal(out[0]->ol_flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
    rte_pktmbuf_free(out[0]);
    lab_assert_no_leak();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csum_partial_is_left_or_completed),
        cmocka_unit_test(csum_of_a_chain_is_completed),
        cmocka_unit_test(udp_sum_of_zero_is_sent_as_ffff),
        cmocka_unit_test(padding_is_not_summed),
        cmocka_unit_test(tso_is_left_or_cut),
        cmocka_unit_test(tso_of_one_segment_is_a_plain_frame),
    };

    return cmocka_run_group_tests(tests, lab_init, lab_fini);
}
