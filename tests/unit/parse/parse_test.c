// SPDX-License-Identifier: BSD-3-Clause
// Does parse find every header of every kind of sound frame, wherever the frame is cut, in bursts
// of every size? One thread, no huge pages. Asserted: each field, the frame's bytes, the pool.
// Faults other than cuts are in fault_test.c.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/parse/parse.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/parse/kinds.h"

#define N_MBUFS 1023

static struct rte_mempool *pool;
static struct frame frame;

static void assert_same(const char *name, uint32_t have, const struct packet *p,
                        const struct packet *expected)
{
    int same = p->n_tags == expected->n_tags && p->outer_vlan == expected->outer_vlan &&
               p->inner_vlan == expected->inner_vlan && p->ether_type == expected->ether_type &&
               p->l3_off == expected->l3_off && p->l4_off == expected->l4_off &&
               p->payload_off == expected->payload_off && p->l3_end == expected->l3_end &&
               p->flags == expected->flags && p->l4_proto == expected->l4_proto &&
               p->l2_error == expected->l2_error && p->l3_error == expected->l3_error;
    if (!same)
        fail_msg("%s with %u bytes: tags %u (%u, %u) type %04x l3 %u l4 %u payload %u end %u flags "
                 "%02x proto %u errors %s %s",
                 name, have, p->n_tags, p->outer_vlan, p->inner_vlan, p->ether_type, p->l3_off,
                 p->l4_off, p->payload_off, p->l3_end, p->flags, p->l4_proto,
                 api_drop_name(p->l2_error), api_drop_name(p->l3_error));
    assert_int_equal(p->in_port, 7);
    assert_int_equal(p->offload, 0);
    assert_int_equal(p->gso_size, 0);
}

// A faulty packet: the right fault, and no offset behind what can be read.
static void assert_fault(const struct kind *kind, uint32_t have, uint32_t len,
                         const struct packet *p)
{
    uint8_t l2_error, l3_error;
    kind_fault(kind, &frame, have, len, &l2_error, &l3_error);
    if (p->l2_error != l2_error || p->l3_error != l3_error)
        fail_msg("%s with %u of %u bytes: %s %s instead of %s %s", kind->name, have, len,
                 api_drop_name(p->l2_error), api_drop_name(p->l3_error), api_drop_name(l2_error),
                 api_drop_name(l3_error));
    if (l2_error == API_DROP_NONE && l3_error == API_DROP_NONE)
        return;
    assert_int_equal(p->flags & PACKET_L4, 0);
    assert_int_equal(p->l4_off, 0);
    assert_int_equal(p->payload_off, 0);
    if (l2_error == DROP_RUNT_FRAME)
        assert_int_equal(p->ether_type, 0);
    assert_true(p->l3_off <= have);
    assert_true(p->l3_end <= len);
    if (p->l3_off)
        assert_true(p->l3_off + (p->flags & PACKET_IP6 ? 40U : 20U) <= have);
}

static struct packet parse_and_free(const struct kind *kind, struct rte_mbuf *m, uint32_t len)
{
    parse_burst(&m, 1);
    if (!mbuf_holds(m, frame.bytes, len))
        fail_msg("%s: frame of %u bytes was changed", kind->name, len);
    struct packet p = *packet_of(m);
    rte_pktmbuf_free(m);
    return p;
}

static void test_each_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        struct rte_mbuf *m = mbuf_build(pool, frame.bytes, frame.len, NULL, 0, MBUF_TAILROOM_ANY);
        struct packet p = parse_and_free(&kinds[i], m, frame.len);
        assert_same(kinds[i].name, frame.len, &p, &expected);
    }
}

// The frame ends early, its length fields don't know.
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t len = 0; len < frame.len; len++) {
            struct rte_mbuf *m = mbuf_build(pool, frame.bytes, len, NULL, 0, 0);
            struct packet p = parse_and_free(&kinds[i], m, len);
            assert_fault(&kinds[i], len, len, &p);
        }
    }
}

// The first segment ends anywhere and takes more: as if it were one piece.
static void test_two_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t cut = 0; cut <= frame.len; cut++) {
            struct rte_mbuf *m =
                mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY);
            parse_burst(&m, 1);
            assert_same(kinds[i].name, cut, packet_of(m), &expected);
            assert_int_equal(m->pkt_len, frame.len);
            rte_pktmbuf_free(m);
        }
    }
}

static void test_segment_for_every_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        uint32_t cuts[512];
        assert_true(frame.len <= RTE_DIM(cuts));
        for (uint32_t cut = 0; cut < frame.len; cut++)
            cuts[cut] = cut;
        struct rte_mbuf *m =
            mbuf_build(pool, frame.bytes, frame.len, cuts, frame.len, MBUF_TAILROOM_ANY);
        struct packet p = parse_and_free(&kinds[i], m, frame.len);
        assert_same(kinds[i].name, 1, &p, &expected);
    }
}

// The common kind is done without a look at other segments, down to the last byte that it needs:
// nothing is moved, where the general way gathers.
static void test_short_way(void **state)
{
    static const char *const common[] = {"ip4 udp", "ip4 udp padded", "ip4 tcp", "ip4 tcp options"};
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        int is_common = 0;
        for (unsigned j = 0; j < RTE_DIM(common); j++)
            is_common |= strcmp(kinds[i].name, common[j]) == 0;
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t cut = RTE_MAX(54U, frame.payload_off); cut < frame.len; cut++) {
            struct rte_mbuf *m =
                mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY);
            parse_burst(&m, 1);
            assert_int_equal(m->data_len, is_common ? cut : frame.len);
            assert_same(kinds[i].name, cut, packet_of(m), &expected);
            rte_pktmbuf_free(m);
        }
    }
}

// What can't be gathered is truncated where the first segment ends; segments stay as they are.
static void check_not_gathered(const struct kind *kind, uint32_t cut, struct rte_mbuf *m,
                               const struct packet *expected)
{
    uint8_t l2_error, l3_error;
    kind_fault(kind, &frame, cut, frame.len, &l2_error, &l3_error);
    parse_burst(&m, 1);
    assert_int_equal(m->data_len, cut);
    assert_int_equal(m->nb_segs, 2);
    if (l2_error == API_DROP_NONE && l3_error == API_DROP_NONE)
        assert_same(kind->name, cut, packet_of(m), expected);
    else
        assert_fault(kind, cut, frame.len, packet_of(m));
}

static void test_no_tailroom(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t cut = 0; cut < frame.len; cut++) {
            struct rte_mbuf *m = mbuf_build(pool, frame.bytes, frame.len, &cut, 1, 0);
            check_not_gathered(&kinds[i], cut, m, &expected);
            assert_true(mbuf_holds(m, frame.bytes, frame.len));
            rte_pktmbuf_free(m);
        }
    }
}

// What room there is gets used: enough for the headers is enough, a byte less is a fault.
static void test_little_tailroom(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t cut = 0; cut < frame.payload_off; cut++) {
            uint32_t wanted = frame.payload_off - cut;
            struct rte_mbuf *m = mbuf_build(pool, frame.bytes, frame.len, &cut, 1, wanted);
            struct packet p = parse_and_free(&kinds[i], m, frame.len);
            if (frame.l4_off)
                assert_same(kinds[i].name, cut, &p, &expected);
            m = mbuf_build(pool, frame.bytes, frame.len, &cut, 1, wanted - 1);
            p = parse_and_free(&kinds[i], m, frame.len);
            assert_fault(&kinds[i], frame.payload_off - 1, frame.len, &p);
        }
    }
}

// A segment that someone else holds too must not be moved, in neither place.
static void test_shared_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_kinds; i++) {
        struct packet expected;
        kind_build(&kinds[i], &frame, &expected);
        for (uint32_t cut = 0; cut < frame.len; cut++) {
            struct rte_mbuf *m =
                mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY);
            struct rte_mbuf *shared = cut % 2 ? m : m->next;
            rte_mbuf_refcnt_update(shared, 1);
            check_not_gathered(&kinds[i], cut, m, &expected);
            assert_true(mbuf_holds(m, frame.bytes, frame.len));
            rte_mbuf_refcnt_update(shared, -1);
            rte_pktmbuf_free(m);
        }
    }
}

// Clones share the data of another mbuf: its tailroom is not theirs.
static void test_clone(void **state)
{
    (void)state;
    const uint32_t cut = 20;
    struct packet expected;
    kind_build(&kinds[1], &frame, &expected);
    struct rte_mbuf *m = mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY);
    struct rte_mbuf *clone = rte_pktmbuf_clone(m, pool);
    assert_non_null(clone);
    check_not_gathered(&kinds[1], cut, clone, &expected);
    assert_true(mbuf_holds(m, frame.bytes, frame.len));
    rte_pktmbuf_free(clone);
    rte_pktmbuf_free(m);
}

// A long frame: not more than PARSE_GATHER_SIZE is moved.
static void test_gather_is_bounded(void **state)
{
    (void)state;
    frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip6(&frame, "fd00::1", "fd00::2");
    frame_ip6_extension(&frame, 60, 40);
    frame_udp(&frame, 1, 2);
    frame_payload(&frame, 500);
    frame_end(&frame);
    const uint32_t cut = 30;
    struct rte_mbuf *m = mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY);
    parse_burst(&m, 1);
    assert_int_equal(m->data_len, PARSE_GATHER_SIZE);
    assert_true(mbuf_holds(m, frame.bytes, frame.len));
    assert_int_equal(packet_of(m)->l3_error, DROP_IP6_BAD_EXTENSION);
    rte_pktmbuf_free(m);
}

static void test_bursts(void **state)
{
    static const unsigned sizes[] = {0, 1, 31, 32, 64};
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
        struct rte_mbuf *m[BURST_SIZE + 8] = {NULL}; // nothing behind the burst may be touched
        struct packet expected[BURST_SIZE];
        for (unsigned j = 0; j < sizes[i]; j++) {
            kind_build(&kinds[(j * 7 + i) % n_kinds], &frame, &expected[j]);
            m[j] = mbuf_build(pool, frame.bytes, frame.len, NULL, 0, MBUF_TAILROOM_ANY);
        }
        parse_burst(m, sizes[i]);
        for (unsigned j = 0; j < sizes[i]; j++) {
            assert_same(kinds[(j * 7 + i) % n_kinds].name, j, packet_of(m[j]), &expected[j]);
            rte_pktmbuf_free(m[j]);
        }
    }
}

static int setup(void **state)
{
    (void)state;
    mbuf_eal_init();
    pool = mbuf_pool("parse", N_MBUFS, 2048);
    return 0;
}

static int no_leak(void **state)
{
    (void)state;
    return rte_mempool_avail_count(pool) == N_MBUFS ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_teardown(name, no_leak)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_kind),       TEST(test_cut_at_every_byte),
        TEST(test_two_segments),    TEST(test_segment_for_every_byte),
        TEST(test_short_way),       TEST(test_no_tailroom),
        TEST(test_little_tailroom), TEST(test_shared_segments),
        TEST(test_clone),           TEST(test_gather_is_bounded),
        TEST(test_bursts),
    };
    return cmocka_run_group_tests_name("parse", tests, setup, NULL);
}
