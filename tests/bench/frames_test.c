// SPDX-License-Identifier: BSD-3-Clause
// Does the generator tell a routed frame from any other? A frame is routed by hand and found right;
// then each of its bits is turned, and each time it must be found wrong. And are the bench's routes
// what the figures say of them: distinct, and apart by side?
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <rte_ip.h>

#include "tests/bench/generator/frame.h"
#include "tests/bench/generator/histogram.h"
#include "tests/bench/generator/routed.h"
#include "tests/bench/generator/segment.h"
#include "tests/bench/routes/prefixes.h"

#define N_PATHS 3
#define PATH 2
#define PAIR 5

#define COMMON .n_pairs = 1, .n_parts = 1, .n_macs = 1

static const struct options families[] = {
    {COMMON, .family = 4, .n_routes = 1000, .n_flows = 500, .frame_size = 64},
    {COMMON, .family = 6, .n_routes = 1000, .n_flows = 500, .frame_size = 78},
    {COMMON, .family = 4, .n_routes = 10, .n_flows = 50, .frame_size = 570},
    {COMMON, .family = 6, .n_routes = 10, .n_flows = 50, .frame_size = 570},
    {COMMON, .family = 4, .n_routes = 10, .n_flows = 50, .frame_size = 64, .is_stamped = true},
    {COMMON, .family = 4, .n_routes = 10, .n_flows = 50, .frame_size = 64, .n_vlans = 7},
};

struct scene {
    const struct flow *flow; // NULL: not IPv4
    struct flow kept_flow;
    struct frame_template sender;
    struct frame_template receiver;
    uint8_t frame[600] __attribute__((aligned(8)));
    uint16_t len;
};

// All that a router does but for the TTL and what hangs on it.
static void forward_frame(struct scene *s)
{
    struct frame_ether *e = (struct frame_ether *)s->frame;

    memcpy(e->dst_mac, s->receiver.ether.src_mac, sizeof(e->dst_mac));
    memcpy(e->src_mac, s->receiver.ether.dst_mac, sizeof(e->src_mac));
    e->dst_mac_idx = rte_cpu_to_be_16(PATH);
}

static void route_frame(struct scene *s)
{
    struct frame4 *ip4 = (struct frame4 *)(s->frame + s->sender.tag_len);
    struct frame6 *ip6 = (struct frame6 *)s->frame;

    forward_frame(s);
    if (s->sender.is_ip6) {
        ip6->ip.hop_limit--;
        return;
    }
    ip4->ip.ttl--;
    ip4->ip.csum = 0;
    ip4->ip.csum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)&ip4->ip);
}

static void set_scene(struct scene *s, const struct options *o, enum side_id from, uint32_t n_flow)
{
    struct frame_vary v = {.len = (uint16_t)(o->frame_size - FCS_LEN),
                           .seq = 12345 + n_flow,
                           .stamp = 0x1234abcd5678ULL,
                           .is_new = n_flow % 2 == 1};
    struct flows flows;

    memset(s, 0, sizeof(*s));
    assert_int_equal(flows_create(&flows, o, 0), 0);
    frame_template_init(&s->sender, o, from, PAIR);
    frame_template_init(&s->receiver, o, from == SIDE_A ? SIDE_B : SIDE_A, PAIR);
    s->len = v.len;
    s->kept_flow = flows.table[n_flow];
    s->flow = o->family == 4 ? &s->kept_flow : NULL;
    frame_write(s->frame, &s->sender, &s->kept_flow, &v);
    flows_destroy(&flows);
}

static const char *judge(const struct scene *s, uint32_t *path)
{
    return routed_fault(s->frame, s->len, &s->receiver, s->flow, N_PATHS, path);
}

static void test_routed_frame_is_right(void **state)
{
    struct scene s;

    (void)state;
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        for (uint32_t i = 0; i < 2 * families[f].n_flows; i++) {
            enum side_id from = i % 2 == 0 ? SIDE_A : SIDE_B;
            uint32_t path = 0;

            set_scene(&s, &families[f], from, i / 2);
            assert_int_equal(frame_sender(frame_udp(s.frame, &s.receiver), &s.receiver, s.len),
                             from);
            assert_non_null(judge(&s, &path));
            route_frame(&s);
            assert_null(judge(&s, &path));
            assert_int_equal(path, PATH);
        }
    }
}

static void test_each_turned_bit_is_wrong(void **state)
{
    struct scene s;
    uint32_t path;

    (void)state;
    for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
        set_scene(&s, &families[f], SIDE_A, 0);
        route_frame(&s);
        for (unsigned bit = 0; bit < 8U * s.len; bit++) {
            uint8_t *at = &s.frame[bit / 8];
            bool is_path = (bit / 8 == 5) && (PATH ^ 1U << bit % 8) < N_PATHS;

            *at ^= (uint8_t)(1U << bit % 8);
            if (judge(&s, &path) == NULL && !is_path)
                fail_msg("family %u, bit %u turned and not seen", families[f].family, bit);
            *at ^= (uint8_t)(1U << bit % 8);
        }
        assert_null(judge(&s, &path));
    }
}

static void test_unchanged_ttl_is_wrong(void **state)
{
    struct scene s;
    uint32_t path;

    (void)state;
    set_scene(&s, &families[0], SIDE_A, 0);
    forward_frame(&s);
    assert_string_equal(judge(&s, &path), "TTL is not one less");
    set_scene(&s, &families[1], SIDE_A, 0);
    forward_frame(&s);
    assert_string_equal(judge(&s, &path), "hop limit is not one less");
}

static void test_swapped_addresses_are_wrong(void **state)
{
    struct scene s;
    uint32_t path;
    struct frame4 *ip4 = (struct frame4 *)s.frame;
    struct frame6 *ip6 = (struct frame6 *)s.frame;
    struct frame_ip6_addr kept6;
    rte_be32_t kept;

    (void)state;
    set_scene(&s, &families[0], SIDE_B, 7);
    route_frame(&s);
    kept = ip4->ip.src_addr;
    ip4->ip.src_addr = ip4->ip.dst_addr;
    ip4->ip.dst_addr = kept;
    assert_string_equal(judge(&s, &path), "destination is not behind this port");
    set_scene(&s, &families[1], SIDE_B, 7);
    route_frame(&s);
    kept6 = ip6->ip.src;
    ip6->ip.src = ip6->ip.dst;
    ip6->ip.dst = kept6;
    assert_string_equal(judge(&s, &path), "destination is not behind this port");
}

// What a NAT does to a frame, with a checksum made anew.
static void translate_frame(struct scene *s, rte_be32_t addr, rte_be16_t port)
{
    struct frame4 *f = (struct frame4 *)s->frame;

    f->ip.src_addr = addr;
    f->udp.src_port = port;
    f->ip.csum = 0;
    f->ip.csum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)&f->ip);
    f->udp.csum = 0;
    f->udp.csum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)&f->ip, &f->udp);
}

static void test_another_flow_is_wrong(void **state)
{
    struct scene s;
    uint32_t path;

    (void)state;
    set_scene(&s, &families[0], SIDE_A, 3);
    route_frame(&s);
    assert_null(judge(&s, &path));
    for (int id = 0; id < N_SIDES; id++) {
        s.kept_flow.addrs[id] ^= RTE_BE32(1);
        assert_string_equal(judge(&s, &path), "addresses and ports are not the flow's");
        s.kept_flow.addrs[id] ^= RTE_BE32(1);
        s.kept_flow.ports[id] ^= RTE_BE16(1);
        assert_string_equal(judge(&s, &path), "addresses and ports are not the flow's");
        s.kept_flow.ports[id] ^= RTE_BE16(1);
    }
    translate_frame(&s, RTE_BE32(0x0a400001), RTE_BE16(4242));
    assert_string_equal(judge(&s, &path), "addresses and ports are not the flow's");
    // Once B has learned it, it is right, and what B answers is for that name.
    assert_true(flow_learn(&s.kept_flow, RTE_BE32(0x0a400001), RTE_BE16(4242)));
    assert_false(flow_learn(&s.kept_flow, RTE_BE32(0x0a400001), RTE_BE16(4242)));
    assert_null(judge(&s, &path));
    frame_write(s.frame, &s.receiver, &s.kept_flow, &(struct frame_vary){.len = s.len, .seq = 1});
    assert_int_equal(((struct frame4 *)s.frame)->ip.dst_addr, RTE_BE32(0x0a400001));
    assert_int_equal(((struct frame4 *)s.frame)->udp.dst_port, RTE_BE16(4242));
    assert_int_equal(rte_raw_cksum(s.frame + offsetof(struct frame4, ip), 20), 0xffff);
    set_scene(&s, &families[5], SIDE_A, 3);
    route_frame(&s);
    assert_null(judge(&s, &path));
    s.kept_flow.tag ^= RTE_BE16(1);
    assert_string_equal(judge(&s, &path), "VLAN tag is not the flow's");
}

static void test_marks_tell_pair_and_newcomers(void **state)
{
    struct frame_template other_pair;
    struct scene s;

    (void)state;
    for (uint32_t n_flow = 0; n_flow < 2; n_flow++) {
        set_scene(&s, &families[4], SIDE_B, n_flow);
        assert_int_equal(frame_is_new(frame_udp(s.frame, &s.receiver)), n_flow == 1);
        assert_int_equal(frame_sender(frame_udp(s.frame, &s.sender), &s.sender, s.len), SIDE_B);
        assert_int_equal(frame_stamp((const struct frame4 *)s.frame), 0x1234abcd5678ULL);
        frame_template_init(&other_pair, &families[4], SIDE_A, PAIR + 1);
        assert_int_equal(frame_sender(frame_udp(s.frame, &other_pair), &other_pair, s.len),
                         N_SIDES);
    }
}

static void test_renewed_flows_are_others(void **state)
{
    struct options o = families[0];
    struct flows flows;
    struct flow first;

    (void)state;
    o.n_pairs = 3; // of 500 flows 167, 167, 166
    assert_int_equal(flows_create(&flows, &o, 2), 0);
    assert_int_equal(flows.n, 166);
    first = flows.table[0];
    flows_renew(&flows, 0);
    flows_renew(&flows, 1);
    flows_renew(&flows, 0);
    for (uint32_t i = 1; i < flows.n; i++)
        assert_memory_not_equal(&flows.table[0], &flows.table[i], sizeof(first));
    assert_memory_not_equal(&flows.table[0], &first, sizeof(first));
    assert_int_equal(flows.next_new,
                     500 + 2 + 3 * o.n_pairs); // the other pairs take what is between
    flows_destroy(&flows);
}

static void test_quantiles(void **state)
{
    static struct histogram h;
    static struct histogram other;

    (void)state;
    assert_int_equal(histogram_quantile(&h, 0.5), 0);
    for (uint64_t value = 1; value <= 100000; value++)
        histogram_add(value % 2 == 0 ? &h : &other, value);
    histogram_merge(&h, &other);
    assert_int_equal(h.n, 100000);
    assert_int_equal(histogram_quantile(&h, 0), 1);
    assert_int_equal(histogram_quantile(&h, 1), 100000);
    for (int percent = 1; percent < 100; percent++) {
        uint64_t exact = (uint64_t)percent * 1000;
        uint64_t found = histogram_quantile(&h, percent / 100.0);

        assert_in_range(found, exact, exact + exact / HISTOGRAM_STEPS + 1);
    }
    histogram_add(&h, (1ULL << HISTOGRAM_VALUE_BITS) - 1);
    assert_int_equal(histogram_quantile(&h, 1), (1ULL << HISTOGRAM_VALUE_BITS) - 1);
}

// What a router between the ends does to a segment.
static void route_segment(uint8_t *data, const struct frame_template *from,
                          const struct frame_template *to)
{
    struct segment *s = (struct segment *)(data + from->tag_len);

    s->ip.time_to_live--;
    s->ip.hdr_checksum = 0;
    s->ip.hdr_checksum = rte_ipv4_cksum(&s->ip);
    memcpy(data, to->ether.src_mac, 6);
    memcpy(data + 6, to->ether.dst_mac, 6);
}

static void test_a_connection_begins_and_ends(void **state)
{
    static const struct step {
        enum side_id at;
        enum segment_kind kind;
        uint8_t answer; // flags, 0: none; those of the first answer
        uint8_t more;   // flags of another one to the same segment
    } steps[] = {{SIDE_B, SEGMENT_SYN, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 0},
                 {SIDE_A, SEGMENT_SYN_ACK, RTE_TCP_ACK_FLAG, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG},
                 {SIDE_B, SEGMENT_FIN, RTE_TCP_FIN_FLAG | RTE_TCP_ACK_FLAG, 0},
                 {SIDE_A, SEGMENT_FIN_ACK, RTE_TCP_ACK_FLAG, 0},
                 {SIDE_B, SEGMENT_LAST_ACK, 0, 0}};
    struct frame_template ends[N_SIDES];
    uint8_t data[FRAME_SIZE_MIN] = {0};
    uint8_t copy[FRAME_SIZE_MIN];
    struct segment *s = (struct segment *)data;
    struct flows flows;
    uint32_t place;

    (void)state;
    assert_int_equal(flows_create(&flows, &families[0], 0), 0);
    for (int id = 0; id < N_SIDES; id++)
        frame_template_init(&ends[id], &families[0], (enum side_id)id, 0);
    segment_write_syn(data, &ends[SIDE_A], &flows.table[77], 77);
    assert_false(segment_is_right(s, &ends[SIDE_B], &flows.table[77])); // its TTL is as it was sent
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        enum side_id at = steps[i].at;

        route_segment(data, &ends[at == SIDE_A ? SIDE_B : SIDE_A], &ends[at]);
        assert_int_equal(segment_read(s, &ends[at], sizeof(*s), &place), steps[i].kind);
        assert_int_equal(place, 77);
        assert_true(segment_is_right(s, &ends[at], &flows.table[77]));
        assert_false(segment_is_right(s, &ends[at], &flows.table[78]));
        if (steps[i].answer == 0)
            break;
        memcpy(copy, data, sizeof(copy));
        segment_answer(data, &ends[at], steps[i].answer);
        if (steps[i].more == 0)
            continue;
        route_segment(data, &ends[SIDE_A], &ends[SIDE_B]);
        assert_int_equal(segment_read(s, &ends[SIDE_B], sizeof(*s), &place), SEGMENT_ACK);
        memcpy(data, copy, sizeof(copy));
        segment_answer(data, &ends[at], steps[i].more);
    }
    flows_destroy(&flows);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void check_routes(unsigned family)
{
    uint64_t *keys = calloc(PREFIXES_MAX, sizeof(*keys));

    assert_non_null(keys);
    for (uint32_t i = 0; i < PREFIXES_MAX; i++) {
        struct prefix p = prefix_of_route(family, i);
        unsigned len = p.len - (family == 4 ? 0U : 16U);
        uint32_t mask = UINT32_MAX << (32 - len);

        assert_int_equal(p.side, i % 2);
        assert_int_equal(p.word & ~mask, 0);
        assert_int_equal(prefix_pick(family, &p, i) & mask, p.word);
        if (family == 4)
            assert_int_equal(p.word >> 31, p.side);
        keys[i] = (uint64_t)p.word << 16 | (uint64_t)p.len << 8 | p.side;
    }
    qsort(keys, PREFIXES_MAX, sizeof(*keys), compare);
    for (uint32_t i = 1; i < PREFIXES_MAX; i++)
        assert_true(keys[i - 1] < keys[i]);
    free(keys);
}

static void test_routes_are_distinct_and_apart(void **state)
{
    (void)state;
    check_routes(4);
    check_routes(6);
    assert_int_not_equal(prefix_ip6_top(PREFIX_BEHIND_A), prefix_ip6_top(PREFIX_BEHIND_B));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routed_frame_is_right),
        cmocka_unit_test(test_each_turned_bit_is_wrong),
        cmocka_unit_test(test_unchanged_ttl_is_wrong),
        cmocka_unit_test(test_swapped_addresses_are_wrong),
        cmocka_unit_test(test_routes_are_distinct_and_apart),
        cmocka_unit_test(test_another_flow_is_wrong),
        cmocka_unit_test(test_marks_tell_pair_and_newcomers),
        cmocka_unit_test(test_renewed_flows_are_others),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_a_connection_begins_and_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
