// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FAR4 "192.0.2.77"
#define HOST4 "10.0.0.2"
#define MAX_WHOLE 66000

static void start(uint16_t mtu)
{
    struct lab_spec spec;
    uint32_t n_addresses = 0, n_neighbors = 0;

    lab_spec_init(&spec);
    for (uint32_t i = 0; i < spec.n_addresses; i++) // IPv6 wants an MTU of 1280
        if (spec.addresses[i].family == 4)
            spec.addresses[n_addresses++] = spec.addresses[i];
    for (uint32_t i = 0; i < spec.n_neighbors; i++)
        if (spec.neighbors[i].family == 4)
            spec.neighbors[n_neighbors++] = spec.neighbors[i];
    spec.n_addresses = n_addresses;
    spec.n_neighbors = n_neighbors;
    lab_route(&spec, "192.0.2.0", 24, 1, "10.0.1.2");
    spec.interfaces[1].mtu = mtu;
    lab_start(&spec);
}

static void receive(const struct frame *f, uint32_t cut, uint8_t offload)
{
    if (cut != 0)
        lab_receive_cut(0, f, &cut, 1);
    else
        lab_receive_offload(0, f, offload, 0);
}

// Put what was sent together and compare it with the packet as it was; check each fragment's
// header.
static void expect_whole(const struct frame *f, unsigned mtu)
{
    static uint8_t whole[MAX_WHOLE];
    uint32_t header_len = (f->bytes[14] & 0xfU) * 4, payload_len = f->len - 14 - header_len;
    uint16_t field = frame_get16(f, 20);
    uint32_t at = (field & 0x1fffU) * 8, end = at + payload_len;
    unsigned n = lab_n_sent(1);

    lab_expect_sound(1);
    for (unsigned i = 0; i < n; i++) {
        uint32_t len, own_header;
        const uint8_t *bytes = lab_sent_bytes(1, i, &len);
        const struct packet *p = packet_of(lab_sent(1, i));
        uint16_t own = (uint16_t)(bytes[20] << 8 | bytes[21]);

        own_header = (bytes[14] & 0xfU) * 4;
        assert_true(len - 14 <= mtu);
        assert_int_equal(own & 0x1fff, at / 8);
        assert_int_equal((own & 0x2000) != 0, i + 1 < n || (field & 0x2000) != 0);
        assert_int_equal(own & 0xc000, 0);
        if (i + 1 < n) {
            assert_int_equal((len - 14 - own_header) % 8, 0);
            assert_true(len - 14 + 8 > mtu); // as large as can be
        }
        // The same but for lengths, offset, TTL, checksum and options.
        assert_memory_equal(bytes + 15, f->bytes + 15, 1);
        assert_memory_equal(bytes + 18, f->bytes + 18, 2);
        assert_int_equal(bytes[22], 63);
        assert_memory_equal(bytes + 23, f->bytes + 23, 1);
        assert_memory_equal(bytes + 26, f->bytes + 26, 8);
        if (i == 0)
            assert_memory_equal(bytes + 34, f->bytes + 34, header_len - 20);
        memcpy(whole + at, bytes + 14 + own_header, len - 14 - own_header);
        at += len - 14 - own_header;
        // Whoever is next on the walk finds it parsed.
        assert_int_equal(p->l3_end, len);
        assert_int_equal(p->flags & (PACKET_IP4 | PACKET_FRAGMENT), PACKET_IP4 | PACKET_FRAGMENT);
        assert_int_equal((p->flags & PACKET_LATER_FRAGMENT) != 0, (own & 0x1fff) != 0);
        assert_int_equal((p->flags & PACKET_IP_OPTIONS) != 0, own_header > 20);
        assert_int_equal(p->offload, 0);
        if (own & 0x1fff)
            assert_int_equal(p->flags & PACKET_L4, 0);
    }
    assert_int_equal(at, end);
    assert_memory_equal(whole + end - payload_len, f->bytes + 14 + header_len, payload_len);
    assert_int_equal(lab_counters()->fragmented, 1);
    assert_int_equal(lab_counters()->fragments, n);
    assert_int_equal(lab_counters()->forwarded, 1);
    assert_int_equal(lab_counters()->dropped, 0);
}

static void packets_of_all_sizes_are_cut(void **state)
{
    static const unsigned mtus[] = {68, 576, 1400, 1500};
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(mtus); i++) {
        unsigned mtu = mtus[i];

        for (size_t n = mtu - 28 + 1; n < 9000 && n < 200 * (size_t)(mtu - 20 - 8);
             n += n < mtu + 40 ? 1 : 997) {
            start((uint16_t)mtu);
            lab_udp(&f, 0, HOST4, FAR4, n);
            receive(&f, 0, 0);
            expect_whole(&f, mtu);
            lab_stop();
        }
    }
}

static void packets_in_pieces_are_cut(void **state)
{
    static struct frame f;

    (void)state;
    for (uint32_t cut = 10; cut < 3000; cut += 83) {
        start(1400);
        lab_udp(&f, 0, HOST4, FAR4, 4000);
        receive(&f, cut, 0);
        expect_whole(&f, 1400);
        lab_stop();
    }
}

// RFC 791: options with the copied flag are in all fragments, the others in the first.
static void options_are_copied_as_they_ask(void **state)
{
    static const struct {
        uint8_t bytes[12];
        uint8_t copied[12];
        unsigned n_copied;
    } cases[] = {
        {{7, 7, 4, 1, 2, 3, 4, 0}, {0}, 0},
        {{148, 4, 0, 0, 7, 7, 4, 1, 2, 3, 4, 0}, {148, 4, 0, 0}, 4},
        {{1, 148, 4, 0, 0, 1, 136, 4, 5, 6, 0, 0}, {148, 4, 0, 0, 136, 4, 5, 6}, 8},
        {{7, 3, 4, 130, 5, 1, 2, 3, 1, 1, 1, 1}, {130, 5, 1, 2, 3, 0, 0, 0}, 8},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        uint32_t len;
        const uint8_t *bytes;

        start(700);
        frame_ether(&f, "02:00:00:00:00:00", "52:54:00:00:00:00");
        frame_ip4_options(&f, HOST4, FAR4, cases[i].bytes, sizeof(cases[i].bytes));
        frame_udp(&f, 1000, 2000);
        frame_payload(&f, 2000);
        frame_end(&f);
        receive(&f, 0, 0);
        expect_whole(&f, 700);
        assert_true(lab_n_sent(1) >= 3);
        for (unsigned k = 1; k < lab_n_sent(1); k++) {
            bytes = lab_sent_bytes(1, k, &len);
            assert_int_equal(bytes[14] & 0xf, 5 + cases[i].n_copied / 4);
            assert_memory_equal(bytes + 34, cases[i].copied, cases[i].n_copied);
        }
        lab_stop();
    }
}

// Those of a fragment keep its place, and its "more".
static void fragments_are_cut_again(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned more = 0; more < 2; more++) {
        for (unsigned offset = 0; offset < 60000; offset += 29600) {
            if (offset == 0 && !more)
                continue;
            start(576);
            lab_ip(&f, 0, HOST4, FAR4);
            frame_ip4_fragment(&f, offset, (int)more);
            frame_proto(&f, 17);
            if (offset == 0)
                frame_udp(&f, 1, 2);
            frame_payload(&f, 1480);
            frame_end(&f);
            receive(&f, 0, 0);
            expect_whole(&f, 576);
            lab_stop();
        }
    }
}

// A checksum that was left to the receiver is made before the whole is gone.
static void a_partial_checksum_is_completed(void **state)
{
    static struct frame f, partial;
    uint32_t sum;

    (void)state;
    start(1400);
    lab_udp(&f, 0, HOST4, FAR4, 3000);
    partial = f;
    sum = frame_sum(f.bytes + f.ip4_off + 12, 8, 17 + f.len - f.l4_off);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    frame_put16(&partial, f.l4_off + 6, (uint16_t)sum);
    lab_port(1)->capability |= PORT_TX_CSUM;
    receive(&partial, 0, PACKET_CSUM_PARTIAL);
    expect_whole(&f, 1400);
    lab_stop();
}

static void without_buffers_nothing_is_sent(void **state)
{
    static struct frame f;
    struct rte_mbuf *hoard[512];
    unsigned n;

    (void)state;
    for (unsigned left = 0; left < 3; left++) {
        start(1400);
        lab_udp(&f, 0, HOST4, FAR4, 4000); // three fragments
        n = rte_mempool_avail_count(lab_pool()) - 1 - left;
        assert_int_equal(rte_pktmbuf_alloc_bulk(lab_pool(), hoard, n), 0);
        receive(&f, 0, 0);
        rte_pktmbuf_free_bulk(hoard, n);
        lab_expect_drop(0, DROP_ROUTER_NO_BUFFER);
        assert_int_equal(lab_counters()->fragmented, 0);
        assert_int_equal(lab_counters()->fragments, 0);
        assert_int_equal(lab_counters()->forwarded, 0);
        lab_stop();
    }
}

static void more_than_256_are_too_many(void **state)
{
    static struct frame f;

    (void)state;
    start(68);
    lab_udp(&f, 0, HOST4, FAR4, 256 * 48 - 8);
    lab_port(0)->max_frame_len = 65535;
    receive(&f, 6000, 0);
    assert_int_equal(lab_n_sent(1), 256);
    lab_clear();
    lab_udp(&f, 0, HOST4, FAR4, 256 * 48 - 7);
    receive(&f, 6000, 0);
    assert_int_equal(lab_n_sent_all(), 0);
    assert_int_equal(lab_drops(0, DROP_ROUTER_NO_BUFFER), 1);
    lab_port(0)->max_frame_len = 9216 + 22;
    lab_stop();
}

static void make_tso(struct frame *f, int is_df, size_t n)
{
    lab_ip(f, 0, HOST4, FAR4);
    if (is_df)
        frame_put16(f, f->ip4_off + 6, 0x4000);
    frame_tcp(f, 1000, 80, 0x10, 0);
    frame_payload(f, n);
    frame_end(f);
}

// Its segments are what counts: they fit as they are, or become smaller where DF lets us.
static void tso_frames_are_judged_by_their_segments(void **state)
{
    static struct frame f;

    (void)state;
    start(1400);
    lab_port(1)->capability |= PORT_TX_CSUM | PORT_TX_TSO4;
    make_tso(&f, 1, 20000);
    lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1360);
    assert_int_equal(lab_n_sent(1), 1);
    assert_int_equal(lab_sent(1, 0)->tso_segsz, 1360);
    lab_sent_on(&f, 1);
    lab_expect(1, 0, &f);
    lab_clear();
    make_tso(&f, 0, 20000);
    lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1460);
    assert_int_equal(lab_n_sent(1), 1);
    assert_int_equal(lab_sent(1, 0)->tso_segsz, 1360);
    assert_int_equal(lab_counters()->forwarded, 2);
    lab_stop();

    start(300); // 128 segments of 260 bytes are the most
    make_tso(&f, 0, 128 * 260);
    lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1460);
    assert_int_equal(lab_counters()->forwarded, 1);
    assert_int_equal(lab_counters()->dropped, 0);
    lab_clear();
    make_tso(&f, 0, 128 * 260 + 1);
    lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1460);
    assert_int_equal(lab_n_sent_all(), 0);
    assert_int_equal(lab_drops(0, DROP_ROUTER_TOO_BIG), 1);
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_all_sizes_are_cut),
        cmocka_unit_test(packets_in_pieces_are_cut),
        cmocka_unit_test(options_are_copied_as_they_ask),
        cmocka_unit_test(fragments_are_cut_again),
        cmocka_unit_test(a_partial_checksum_is_completed),
        cmocka_unit_test(without_buffers_nothing_is_sent),
        cmocka_unit_test(more_than_256_are_too_many),
        cmocka_unit_test(tso_frames_are_judged_by_their_segments),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
