// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>

#define GW "02:00:00:00:00:00"
#define VM "52:54:00:00:00:00"
#define ALL "ff:ff:ff:ff:ff:ff"
#define FAR4 "192.0.2.77"     // behind 10.0.1.2
#define FAR6 "2001:db8:1::77" // behind fd00:1::2
#define HOST4 "10.0.0.2"
#define HOST6 "fd00:0::2"

static void routed_spec(struct lab_spec *spec)
{
    lab_spec_init(spec);
    lab_route(spec, "192.0.2.0", 24, 1, "10.0.1.2");
    lab_route(spec, "2001:db8:1::", 48, 1, "fd00:1::2");
    lab_route_to(spec, "203.0.113.0", 24, lab_group(spec, API_ROUTE_BLACKHOLE));
    lab_route_to(spec, "2001:db8:b::", 48, lab_group(spec, API_ROUTE_BLACKHOLE));
}

static int routed(void **state)
{
    struct lab_spec spec;

    (void)state;
    routed_spec(&spec);
    lab_start(&spec);
    return 0;
}

static void a_packet_is_forwarded(void **state)
{
    static const char *const pairs[][2] = {
        {HOST4, "10.0.1.2"}, {HOST4, FAR4}, {HOST6, "fd00:1::2"}, {HOST6, FAR6}};
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(pairs); i++) {
        for (size_t n = 0; n < 60; n++) {
            lab_udp(&f, 0, pairs[i][0], pairs[i][1], n);
            lab_receive(0, &f);
            lab_sent_on(&f, 1);
            assert_int_equal(lab_n_sent_all(), 1);
            lab_expect(1, 0, &f);
            lab_expect_sound(1);
            lab_clear();
        }
    }
    assert_int_equal(lab_counters()->forwarded, 240);
    assert_int_equal(lab_counters()->received, 240);
    assert_int_equal(lab_counters()->dropped, 0);
}

// Each TTL there is: the checksum by difference is the one made anew.
static void the_checksum_follows_the_ttl(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned ttl = 2; ttl < 256; ttl++) {
        for (unsigned id = 0; id < 65536; id += 4369) {
            lab_ip(&f, 0, HOST4, FAR4);
            f.bytes[f.ip4_off + 8] = (uint8_t)ttl;
            frame_put16(&f, f.ip4_off + 4, (uint16_t)id);
            frame_udp(&f, 1, 2);
            frame_end(&f);
            lab_receive(0, &f);
            lab_sent_on(&f, 1);
            lab_expect(1, 0, &f);
            lab_clear();
        }
    }
}

// Bytes behind the IP packet do not leak to the next network (RFC 1812, 5.2: what is forwarded is
// the datagram).
static void padding_is_left_behind(void **state)
{
    static struct frame f;
    const uint32_t cuts[] = {60, 70};
    uint32_t len;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        lab_udp(&f, 0, i % 2 ? HOST6 : HOST4, i % 2 ? FAR6 : FAR4, 10);
        len = f.len;
        frame_payload(&f, 40);
        if (i < 2)
            lab_receive(0, &f);
        else
            lab_receive_cut(0, &f, cuts, 2);
        f.len = len;
        lab_sent_on(&f, 1);
        lab_expect(1, 0, &f);
        lab_clear();
    }
}

static void bursts_of_all_sizes_keep_their_order(void **state)
{
    static const unsigned sizes[] = {0, 1, 31, 32, 64};
    static struct frame frames[64];
    const struct frame *list[64];

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(sizes); i++) {
        for (unsigned k = 0; k < sizes[i]; k++) {
            lab_udp(&frames[k], 0, k % 2 ? HOST6 : HOST4, k % 2 ? FAR6 : FAR4, k);
            list[k] = &frames[k];
        }
        lab_receive_burst(0, list, sizes[i]);
        assert_int_equal(lab_n_sent(1), sizes[i]);
        for (unsigned k = 0; k < sizes[i]; k++) {
            lab_sent_on(&frames[k], 1);
            lab_expect(1, k, &frames[k]);
        }
        lab_clear();
    }
    assert_int_equal(lab_counters()->forwarded, 128);
}

// A burst in which each second packet takes another way.
static void a_mixed_burst_is_sorted_out(void **state)
{
    static struct frame frames[64];
    const struct frame *list[64];

    (void)state;
    for (unsigned k = 0; k < 64; k++) {
        static const char *const to[] = {FAR4, "10.0.2.2", "198.51.100.1",  "203.0.113.1",
                                         FAR6, "10.0.0.1", "2001:db8:2::1", "fd00:2::2"};
        const char *dst = to[k % 8];

        lab_udp(&frames[k], 0, strchr(dst, ':') ? HOST6 : HOST4, dst, k);
        list[k] = &frames[k];
    }
    lab_receive_burst(0, list, 64);
    assert_int_equal(lab_n_sent(1), 16);
    assert_int_equal(lab_n_sent(2), 16);
    assert_int_equal(lab_n_sent(0), 24); // two kinds of unreachable, one of no port
    assert_int_equal(lab_drops(0, DROP_ROUTER_NO_ROUTE), 16);
    assert_int_equal(lab_drops(0, DROP_ROUTER_BLACKHOLE), 8);
    assert_int_equal(lab_drops(0, DROP_ROUTER_LOCAL_UNWANTED), 8);
    assert_int_equal(lab_counters()->received, 64);
    assert_int_equal(lab_counters()->forwarded, 32);
    assert_int_equal(lab_counters()->dropped, 32);
    assert_int_equal(lab_counters()->icmp_errors, 24);
    for (unsigned port = 0; port < 3; port++)
        lab_expect_sound(port);
}

// Frames cut at each byte, in length and into segments.
static void every_byte_is_an_end_or_a_seam(void **state)
{
    static struct frame whole, f;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        lab_udp(&whole, 0, i ? HOST6 : HOST4, i ? FAR6 : FAR4, 20);
        for (uint32_t len = 0; len < whole.len; len++) {
            f = whole;
            f.len = len;
            lab_receive(0, &f);
            assert_int_equal(lab_n_sent_all(), 0);
        }
        for (uint32_t a = 0; a < whole.len; a++) {
            const uint32_t cuts[] = {a, a + (whole.len - a) / 2};

            f = whole;
            lab_receive_cut(0, &f, cuts, 2);
            lab_sent_on(&f, 1);
            lab_expect(1, 0, &f);
            lab_clear();
        }
    }
}

// What no router may take or pass on.
struct drop_case {
    const char *src, *dst;
    enum api_drop reason;
};

static void bad_addresses_are_dropped(void **state)
{
    static const struct drop_case cases[] = {
        {"0.0.0.0", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"0.1.2.3", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"0.1.2.3", "255.255.255.255", DROP_ROUTER_BAD_SOURCE},
        {"127.0.0.1", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"224.0.0.1", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"240.0.0.1", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"255.255.255.255", FAR4, DROP_ROUTER_BAD_SOURCE},
        {"10.0.0.1", FAR4, DROP_ROUTER_BAD_SOURCE}, // ours
        {"10.0.2.1", FAR4, DROP_ROUTER_BAD_SOURCE}, // ours on another interface
        {"10.0.0.1", "10.0.0.1", DROP_ROUTER_BAD_SOURCE},
        {"169.254.1.1", FAR4, DROP_ROUTER_BAD_SOURCE},
        {HOST4, "169.254.1.1", DROP_ROUTER_BAD_DESTINATION},
        {HOST4, "0.0.0.0", DROP_ROUTER_BAD_DESTINATION},
        {HOST4, "0.1.2.3", DROP_ROUTER_BAD_DESTINATION},
        {HOST4, "127.0.0.1", DROP_ROUTER_BAD_DESTINATION},
        {HOST4, "240.0.0.1", DROP_ROUTER_BAD_DESTINATION},
        {HOST4, "10.0.1.255", DROP_ROUTER_BAD_DESTINATION}, // directed broadcast, RFC 2644
        {HOST4, "203.0.113.9", DROP_ROUTER_BLACKHOLE},
        {HOST6, "2001:db8:b::1", DROP_ROUTER_BLACKHOLE},
        {"::", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"::1", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"ff02::1", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"::ffff:10.0.0.2", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"fd00:0::1", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"fd00:2::1", FAR6, DROP_ROUTER_BAD_SOURCE},
        {"fe80::ff:fe00:0", FAR6, DROP_ROUTER_BAD_SOURCE}, // the router's on if0
        {HOST6, "::", DROP_ROUTER_BAD_DESTINATION},
        {HOST6, "::1", DROP_ROUTER_BAD_DESTINATION},
        {HOST6, "::ffff:10.0.1.2", DROP_ROUTER_BAD_DESTINATION},
        {HOST6, "fe80::1234", DROP_ROUTER_BAD_DESTINATION},
        {HOST6, "fe80::ff:fe00:1", DROP_ROUTER_BAD_DESTINATION}, // ours, but on if1
        {HOST6, "ff05::1234", DROP_ROUTER_LOCAL_UNWANTED},
        {HOST4, "224.0.0.5", DROP_ROUTER_LOCAL_UNWANTED},
        {HOST4, "239.1.1.1", DROP_ROUTER_LOCAL_UNWANTED},
        {HOST4, "10.0.0.255", DROP_ROUTER_LOCAL_UNWANTED},
        {HOST4, "255.255.255.255", DROP_ROUTER_LOCAL_UNWANTED},
        {"0.0.0.0", "255.255.255.255", DROP_ROUTER_LOCAL_UNWANTED},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        routed(NULL);
        lab_udp(&f, 0, cases[i].src, cases[i].dst, 20);
        lab_receive(0, &f);
        lab_expect_drop(0, cases[i].reason);
        lab_stop();
    }
}

// Frames that are not for the router, or not in the form that it takes.
static void bad_frames_are_dropped(void **state)
{
    static const struct {
        const char *mac, *dst;
        enum api_drop reason;
    } cases[] = {
        {"02:00:00:00:00:01", FAR4, DROP_ROUTER_OTHER_MAC},
        {"02:00:00:00:00:01", FAR6, DROP_ROUTER_OTHER_MAC},
        {ALL, FAR4, DROP_ROUTER_BAD_FRAME},       // RFC 1812, 5.3.4
        {ALL, "10.0.0.1", DROP_ROUTER_BAD_FRAME}, // RFC 1122, 3.3.6
        {"01:00:5e:00:00:01", FAR4, DROP_ROUTER_BAD_FRAME},
        {"33:33:00:00:00:01", FAR6, DROP_ROUTER_BAD_FRAME},
        {"33:33:00:00:00:01", "fd00:0::1", DROP_ROUTER_BAD_FRAME},
        {ALL, "10.0.0.255", DROP_ROUTER_LOCAL_UNWANTED}, // that one may
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        routed(NULL);
        lab_udp(&f, 0, strchr(cases[i].dst, ':') ? HOST6 : HOST4, cases[i].dst, 20);
        frame_mac(cases[i].mac, f.bytes);
        lab_receive(0, &f);
        lab_expect_drop(0, cases[i].reason);
        lab_stop();
    }
    for (unsigned i = 0; i < 3; i++) {
        routed(NULL);
        frame_ether(&f, GW, VM);
        if (i == 0) {
            frame_vlan(&f, 0x8100, 10);
            frame_ip4(&f, HOST4, FAR4);
        } else if (i == 1) {
            frame_type(&f, 0x88cc);
        } else {
            frame_type(&f, 0x0800);
            frame_bytes(&f, "\x55", 1); // version 5
        }
        frame_payload(&f, 40);
        frame_end(&f);
        lab_receive(0, &f);
        lab_expect_drop(0, i == 2 ? DROP_IP4_BAD_VERSION : DROP_ROUTER_BAD_FRAME);
        lab_stop();
    }
}

static void a_wrong_checksum_is_dropped(void **state)
{
    static struct frame f;
    const uint8_t nop[4] = {1, 1, 1, 1};

    (void)state;
    for (unsigned bit = 0; bit < 16; bit++) {
        for (unsigned with_options = 0; with_options < 2; with_options++) {
            routed(NULL);
            lab_ip(&f, 0, HOST4, FAR4);
            if (with_options) {
                frame_ether(&f, GW, VM);
                frame_ip4_options(&f, HOST4, FAR4, nop, sizeof(nop));
            }
            frame_udp(&f, 1, 2);
            frame_end(&f);
            f.bytes[f.ip4_off + 10 + bit / 8] ^= (uint8_t)(1 << bit % 8);
            lab_receive(0, &f);
            lab_expect_drop(0, DROP_ROUTER_BAD_CHECKSUM);
            lab_stop();
        }
    }
}

static void options_are_carried_but_source_routes(void **state)
{
    static const struct {
        uint8_t bytes[12];
        enum api_drop reason;
    } cases[] = {
        {{7, 7, 4, 0, 0, 0, 0, 0}, API_DROP_NONE},               // record route
        {{148, 4, 0, 0}, API_DROP_NONE},                         // router alert
        {{1, 1, 0, 131, 7, 4, 0, 0}, API_DROP_NONE},             // behind the end of the list
        {{131, 7, 4, 10, 0, 1, 2, 0}, DROP_ROUTER_SOURCE_ROUTE}, // loose
        {{1, 137, 7, 4, 10, 0, 1, 2}, DROP_ROUTER_SOURCE_ROUTE}, // strict
        {{148, 4, 0, 0, 131, 7, 4, 10, 0, 1, 2, 0}, DROP_ROUTER_SOURCE_ROUTE},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        routed(NULL);
        frame_ether(&f, GW, VM);
        frame_ip4_options(&f, HOST4, FAR4, cases[i].bytes, sizeof(cases[i].bytes));
        frame_udp(&f, 1, 2);
        frame_payload(&f, 30);
        frame_end(&f);
        lab_receive(0, &f);
        if (cases[i].reason != API_DROP_NONE) {
            lab_expect_drop(0, cases[i].reason);
        } else {
            lab_sent_on(&f, 1);
            lab_expect(1, 0, &f);
        }
        lab_stop();
    }
}

static void extensions_are_carried_but_source_routes(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned type = 0; type < 5; type++) {
        for (unsigned is_behind = 0; is_behind < 2; is_behind++) {
            routed(NULL);
            lab_ip(&f, 0, HOST6, FAR6);
            if (is_behind)
                frame_ip6_extension(&f, 0, 2);
            frame_ip6_extension(&f, 43, 3);
            f.bytes[f.extension_off + 2] = (uint8_t)type;
            f.bytes[f.extension_off + 3] = 1;
            frame_udp(&f, 1, 2);
            frame_payload(&f, 30);
            frame_end(&f);
            lab_receive(0, &f);
            if (type == 0) {
                lab_expect_drop(0, DROP_ROUTER_SOURCE_ROUTE);
            } else {
                lab_sent_on(&f, 1);
                lab_expect(1, 0, &f);
            }
            lab_stop();
        }
    }
}

// A fault in the L4 header is for who reads that; one in the IP header ends the packet.
static void only_faults_of_ip_end_a_packet(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 0, HOST4, FAR4, 20);
    frame_put16(&f, f.l4_off + 4, 7); // UDP length
    lab_receive(0, &f);
    lab_sent_on(&f, 1);
    lab_expect(1, 0, &f);
    lab_clear();
    lab_udp(&f, 0, HOST4, FAR4, 20);
    frame_put16(&f, f.ip4_off + 2, 19);
    lab_receive(0, &f);
    assert_int_equal(lab_n_sent_all(), 0);
    assert_int_equal(lab_drops(0, DROP_IP4_BAD_LENGTH), 1);
    lab_udp(&f, 0, HOST6, FAR6, 20);
    frame_put16(&f, f.ip6_off + 4, 1000);
    lab_receive(0, &f);
    assert_int_equal(lab_drops(0, DROP_IP6_BAD_LENGTH), 1);
    assert_int_equal(lab_counters()->dropped, 2);
}

static void strict_urpf_asks_for_the_way_back(void **state)
{
    static const struct {
        const char *src, *dst;
        int passes;
    } cases[] = {
        {HOST4, FAR4, 1},
        {"198.51.100.1", FAR4, 0},   // no route
        {"10.0.1.9", FAR4, 0},       // by another interface
        {"203.0.113.1", FAR4, 0},    // blackhole
        {"100.64.0.1", FAR4, 1},     // one of two equal paths is here
        {"10.0.1.9", "10.0.0.1", 0}, // to the router itself
        {HOST6, FAR6, 1},
        {"fd00:1::9", FAR6, 0},
        {"2001:db8:2::1", FAR6, 0},
    };
    static struct frame f;
    struct lab_spec spec;
    uint32_t group;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        routed_spec(&spec);
        spec.interfaces[0].flags = API_INTERFACE_STRICT_URPF;
        group = lab_group(&spec, API_ROUTE_UNICAST);
        lab_next_hop(&spec, group, 0, "10.0.0.2", 1);
        lab_next_hop(&spec, group, 2, "10.0.2.2", 1);
        lab_route_to(&spec, "100.64.0.0", 10, group);
        lab_start(&spec);
        lab_udp(&f, 0, cases[i].src, cases[i].dst, 20);
        lab_receive(0, &f);
        if (cases[i].passes) {
            assert_int_equal(lab_n_sent(1), 1);
        } else {
            lab_expect_drop(0, DROP_ROUTER_URPF);
            lab_udp(&f, 2, cases[i].src, strchr(cases[i].src, ':') ? FAR6 : FAR4, 20);
            lab_receive(2, &f); // elsewhere nobody asks
            assert_int_equal(lab_n_sent(1), 1);
        }
        lab_stop();
    }
}

static void a_missing_route_is_told(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 0, HOST4, "198.51.100.1", 20);
    lab_receive(0, &f);
    lab_udp(&f, 0, HOST6, "2001:db8:2::1", 20);
    lab_receive(0, &f);
    assert_int_equal(lab_drops(0, DROP_ROUTER_NO_ROUTE), 2);
    assert_int_equal(lab_n_sent(0), 2);
    lab_expect_sound(0);
}

static void the_kernels_frames_leave_by_the_network(void **state)
{
    static struct frame f;

    (void)state;
    frame_ether(&f, "52:54:00:00:00:03", "02:00:00:00:00:03");
    frame_ip4(&f, "10.0.3.1", "10.0.3.2");
    frame_tcp(&f, 179, 1000, 0x10, 0);
    frame_payload(&f, 5);
    frame_end(&f);
    frame_payload(&f, 10); // padding and all
    lab_receive(LAB_TWIN, &f);
    lab_expect(3, 0, &f);
    assert_int_equal(lab_counters()->kernel, 1);
    assert_int_equal(lab_counters()->received, 0);
    frame_mac("02:00:00:00:00:02", f.bytes + 6);
    lab_receive(LAB_TWIN, &f);
    assert_int_equal(lab_n_sent_all(), 1);
    assert_int_equal(lab_drops(LAB_TWIN, DROP_ROUTER_OTHER_MAC), 1);
    assert_int_equal(lab_counters()->dropped, 1);
}

// A router on both ends of a cable, each the other's default: TTL ends it.
static void a_hop_back_is_no_loop(void **state)
{
    static struct frame f;
    struct lab_spec spec;

    (void)state;
    lab_stop();
    lab_spec_init(&spec);
    lab_route(&spec, "192.0.2.0", 24, 0, "10.0.0.2");
    lab_start(&spec);
    lab_udp(&f, 0, "10.0.0.9", "192.0.2.1", 20);
    lab_receive(0, &f);
    lab_sent_on(&f, 0);
    lab_expect(0, 0, &f); // out by where it came in
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_packet_is_forwarded, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(the_checksum_follows_the_ttl, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(padding_is_left_behind, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(bursts_of_all_sizes_keep_their_order, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(a_mixed_burst_is_sorted_out, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(every_byte_is_an_end_or_a_seam, routed, lab_teardown),
        cmocka_unit_test(bad_addresses_are_dropped),
        cmocka_unit_test(bad_frames_are_dropped),
        cmocka_unit_test(a_wrong_checksum_is_dropped),
        cmocka_unit_test(options_are_carried_but_source_routes),
        cmocka_unit_test(extensions_are_carried_but_source_routes),
        cmocka_unit_test_setup_teardown(only_faults_of_ip_end_a_packet, routed, lab_teardown),
        cmocka_unit_test(strict_urpf_asks_for_the_way_back),
        cmocka_unit_test_setup_teardown(a_missing_route_is_told, routed, lab_teardown),
        cmocka_unit_test_setup_teardown(the_kernels_frames_leave_by_the_network, routed,
                                        lab_teardown),
        cmocka_unit_test_setup_teardown(a_hop_back_is_no_loop, routed, lab_teardown),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
