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
#include "tests/bench/generator/routed.h"
#include "tests/bench/routes/prefixes.h"

#define N_PATHS 3
#define PATH 2

static const struct options families[] = {
    {.family = 4, .n_routes = 1000, .n_flows = 500, .n_macs = 1, .frame_size = 64},
    {.family = 6, .n_routes = 1000, .n_flows = 500, .n_macs = 1, .frame_size = 78},
    {.family = 4, .n_routes = 10, .n_flows = 50, .n_macs = 1, .frame_size = 570},
    {.family = 6, .n_routes = 10, .n_flows = 50, .n_macs = 1, .frame_size = 570},
};

struct scene {
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
    struct frame4 *ip4 = (struct frame4 *)s->frame;
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
    struct flows flows;

    memset(s, 0, sizeof(*s));
    assert_int_equal(flows_create(&flows, o), 0);
    frame_template_init(&s->sender, o, from);
    frame_template_init(&s->receiver, o, from == SIDE_A ? SIDE_B : SIDE_A);
    s->len = (uint16_t)(o->frame_size - FCS_LEN);
    frame_write(s->frame, &s->sender, &flows.table[n_flow], s->len, 12345 + n_flow);
    flows_destroy(&flows);
}

static const char *judge(const struct scene *s, uint32_t *path)
{
    return routed_fault(s->frame, s->len, &s->receiver, N_PATHS, path);
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
