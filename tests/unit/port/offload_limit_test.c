// SPDX-License-Identifier: BSD-3-Clause
// What is refused, and what happens at the edges: requests that do not fit their packet, frames
// that do not fit their receiver, an empty pool. One thread, no huge pages.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/port/port.h"
#include "tests/unit/port/offload_lab.h"

#define BOTH (PACKET_CSUM_PARTIAL | PACKET_TSO)

static struct frame sent;
static struct rte_mbuf *out[OFFLOAD_MAX_SEGMENTS];
static const struct port plain = {.max_frame_len = LAB_MAX_FRAME};

static void assert_dropped(struct rte_mbuf *m, const struct port *port, unsigned n_out,
                           enum api_drop reason)
{
    uint8_t drop = API_DROP_NONE;

    assert_int_equal(offload_prepare(m, port, out, n_out, &drop), 0);
    assert_int_equal(drop, reason);
    lab_assert_no_leak();
}

static void assert_sound(unsigned kind, size_t payload, uint8_t offload, uint16_t gso, int expected)
{
    struct rte_mbuf *m;

    lab_build(&lab_kinds[kind], &sent, payload);
    m = lab_packet(&sent, offload, gso, NULL, 0);
    if (offload_is_sound(m, packet_of(m)) != expected)
        fail_msg("%s, payload %zu, offload %u, gso %u", lab_kinds[kind].name, payload, offload,
                 gso);
    rte_pktmbuf_free(m);
}

static void requests_must_fit_the_packet(void **state)
{
    (void)state;
    for (unsigned k = 0; k < n_lab_kinds; k++) {
        int is_tcp = lab_kinds[k].is_tcp;

        assert_sound(k, 3000, 0, 0, 1);
        assert_sound(k, 3000, PACKET_CSUM_PARTIAL, 0, 1);
        assert_sound(k, 3000, BOTH, 1000, is_tcp);
        assert_sound(k, 3000, PACKET_TSO, 1000, 0);
        assert_sound(k, 3000, BOTH, 0, 0);
        assert_sound(k, 0, BOTH, 1000, 0);
        assert_sound(k, 1, BOTH, 1, is_tcp);
        assert_sound(k, 500 * OFFLOAD_MAX_SEGMENTS, BOTH, 500, is_tcp);
        assert_sound(k, 500 * OFFLOAD_MAX_SEGMENTS + 1, BOTH, 500, 0);
    }
}

static void assert_unsound(const uint32_t *cuts, unsigned n_cuts, uint8_t offload)
{
    struct rte_mbuf *m = lab_packet(&sent, 0, 1000, cuts, n_cuts);

    packet_of(m)->offload = offload;
    assert_false(offload_is_sound(m, packet_of(m)));
    rte_pktmbuf_free(m);
}

static void other_packets_have_no_offload(void **state)
{
    uint32_t cut;

    (void)state;
    frame_ether(&sent, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&sent, "10.0.0.11", "10.0.0.22");
    frame_ip4_fragment(&sent, 0, 1);
    frame_udp(&sent, 1, 2);
    frame_payload(&sent, 56);
    frame_end(&sent);
    assert_unsound(NULL, 0, PACKET_CSUM_PARTIAL);

    frame_ether(&sent, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&sent, "10.0.0.11", "10.0.0.22");
    frame_icmp(&sent, 8, 0);
    frame_end(&sent);
    assert_unsound(NULL, 0, PACKET_CSUM_PARTIAL);

    frame_ether(&sent, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_arp(&sent, 1, "52:54:00:00:00:11", "10.0.0.11", "00:00:00:00:00:00", "10.0.0.22");
    frame_end(&sent);
    assert_unsound(NULL, 0, PACKET_CSUM_PARTIAL);

    lab_build(&lab_kinds[8], &sent, 100); // UDP that claims to be shorter than its packet
    frame_put16(&sent, sent.l4_off + 4, 8 + 99);
    assert_unsound(NULL, 0, PACKET_CSUM_PARTIAL);

    lab_build(&lab_kinds[0], &sent, 3000); // TSO in two segments of memory
    cut = 2000;
    assert_unsound(&cut, 1, BOTH);
    lab_assert_no_leak();
}

static void frames_must_fit_the_receiver(void **state)
{
    static const struct port able = {.max_frame_len = LAB_MAX_FRAME,
                                     .capability = PORT_TX_CSUM | PORT_TX_TSO4 | PORT_TX_TSO6};
    const uint16_t headers = 14 + 20 + 20;
    uint8_t drop = API_DROP_NONE;
    struct rte_mbuf *m;

    (void)state;
    lab_build(&lab_kinds[0], &sent, LAB_MAX_FRAME - headers);
    m = lab_packet(&sent, 0, 0, NULL, 0);
    assert_int_equal(offload_prepare(m, &plain, out, 1, &drop), 1);
    assert_ptr_equal(out[0], m);
    assert_true(mbuf_holds(m, sent.bytes, sent.len));
    rte_pktmbuf_free(m);

    lab_build(&lab_kinds[0], &sent, LAB_MAX_FRAME - headers + 1);
    assert_dropped(lab_packet(&sent, 0, 0, NULL, 0), &plain, 1, DROP_OVERSIZE_FRAME);
    assert_dropped(lab_packet(&sent, PACKET_CSUM_PARTIAL, 0, NULL, 0), &able, 1,
                   DROP_OVERSIZE_FRAME);

    lab_build(&lab_kinds[0], &sent, 10000);
    m = lab_packet(&sent, BOTH, (uint16_t)(LAB_MAX_FRAME - headers + 1), NULL, 0);
    assert_dropped(m, &able, RTE_DIM(out), DROP_OVERSIZE_FRAME);
    m = lab_packet(&sent, BOTH, (uint16_t)(LAB_MAX_FRAME - headers + 1), NULL, 0);
    assert_dropped(m, &plain, RTE_DIM(out), DROP_OVERSIZE_FRAME);
    m = lab_packet(&sent, BOTH, 1000, NULL, 0); // ten segments
    assert_dropped(m, &plain, 9, DROP_OFFLOAD_NO_BUFFER);
}

// A flooded frame is many receivers'; it has no offload and must stay as it is.
static void shared_frame_is_not_touched(void **state)
{
    uint8_t drop = API_DROP_NONE;
    struct rte_mbuf *m;

    (void)state;
    lab_build(&lab_kinds[0], &sent, 100);
    m = lab_packet(&sent, 0, 0, NULL, 0);
    m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
    rte_mbuf_refcnt_update(m, 1);
    assert_int_equal(offload_prepare(m, &plain, out, 1, &drop), 1);
    assert_int_equal(rte_mbuf_refcnt_read(m), 2);
    assert_int_equal(m->ol_flags, 0);
    assert_true(mbuf_holds(m, sent.bytes, sent.len));
    rte_pktmbuf_free(m);
    rte_pktmbuf_free(m);
    lab_assert_no_leak();
}

static void empty_pool_drops_and_recovers(void **state)
{
    static struct rte_mbuf *kept[4096];
    unsigned n_kept = 0, n;
    uint8_t drop = API_DROP_NONE;

    (void)state;
    lab_build(&lab_kinds[0], &sent, 60000);
    do {
        assert_true(n_kept + OFFLOAD_MAX_SEGMENTS <= RTE_DIM(kept));
        n = offload_prepare(lab_packet(&sent, BOTH, 1000, NULL, 0), &plain, kept + n_kept,
                            OFFLOAD_MAX_SEGMENTS, &drop);
        assert_true(n == 60 || n == 0);
        n_kept += n;
    } while (n > 0);
    assert_int_equal(drop, DROP_OFFLOAD_NO_BUFFER);
    // The segments are of the sender's pool; the frames are gone, also the one that was dropped.
    assert_int_equal(rte_mempool_in_use_count(lab_pool), n_kept);
    rte_pktmbuf_free_bulk(kept, n_kept);
    n = offload_prepare(lab_packet(&sent, BOTH, 1000, NULL, 0), &plain, out, RTE_DIM(out), &drop);
    assert_int_equal(n, 60);
    rte_pktmbuf_free_bulk(out, n);
    lab_assert_no_leak();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_must_fit_the_packet),
        cmocka_unit_test(other_packets_have_no_offload),
        cmocka_unit_test(frames_must_fit_the_receiver),
        cmocka_unit_test(shared_frame_is_not_touched),
        cmocka_unit_test(empty_pool_drops_and_recovers),
    };

    return cmocka_run_group_tests(tests, lab_init, lab_fini);
}
