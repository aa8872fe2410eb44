// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "dataplane/walk/queue.h"
#include "tests/lib/mbuf_builder.h"

#define FAR4 "192.0.2.77"
#define FAR6 "2001:db8:1::77"
#define HOST4 "10.0.0.2"
#define HOST6 "fd00:0::2"
#define NOWHERE4 "198.51.100.1"
#define NOWHERE6 "2001:db8:ff::1"

static void spec_of(struct lab_spec *spec)
{
    lab_spec_init(spec);
    lab_route(spec, "192.0.2.0", 24, 1, "10.0.1.2");
    lab_route(spec, "2001:db8:1::", 48, 1, "fd00:1::2");
    lab_route_to(spec, "203.0.113.0", 24, lab_group(spec, API_ROUTE_UNREACHABLE));
    lab_route_to(spec, "2001:db8:b::", 48, lab_group(spec, API_ROUTE_UNREACHABLE));
    spec->interfaces[1].mtu = 1400;
}

static int setup(void **state)
{
    struct lab_spec spec;

    (void)state;
    spec_of(&spec);
    lab_start(&spec);
    return 0;
}

// The error that `f`, as it was sent, has come back as: byte for byte.
static void expect_error(unsigned port, const struct frame *f, uint8_t type, uint8_t code,
                         uint32_t value)
{
    int is_ip4 = f->ip4_off != 0;
    uint32_t ip_len = frame_get16(f, is_ip4 ? 16 : 18) + (is_ip4 ? 0U : 40U);
    uint32_t max = is_ip4 ? 576 - 28 : 1280 - 48, quote = ip_len < max ? ip_len : max;
    char from[64];
    static struct frame e;
    uint8_t mac[6] = {0x52, 0x54, 0, 0, 0, (uint8_t)port};
    uint8_t own[6] = {0x02, 0, 0, 0, 0, (uint8_t)port};

    frame_ether(&e, "00:00:00:00:00:00", "00:00:00:00:00:00");
    memcpy(e.bytes, mac, 6);
    memcpy(e.bytes + 6, own, 6);
    if (is_ip4) {
        snprintf(from, sizeof(from), "10.0.%u.1", port);
        frame_ip4(&e, from, from);
        memcpy(e.bytes + e.ip4_off + 16, f->bytes + f->ip4_off + 12, 4);
        e.bytes[e.ip4_off + 1] = 0xc0;
        memcpy(e.bytes + e.ip4_off + 4, lab_sent_bytes(port, 0, &(uint32_t){0}) + 18, 2); // any id
    } else {
        snprintf(from, sizeof(from), "fd00:%x::1", port);
        frame_ip6(&e, from, from);
        memcpy(e.bytes + e.ip6_off + 24, f->bytes + f->ip6_off + 8, 16);
        if (type == 1 && code == 4) // RFC 4443, 2.2 (a): from where the packet went to
            memcpy(e.bytes + e.ip6_off + 8, f->bytes + f->ip6_off + 24, 16);
        frame_put16(&e, e.ip6_off, 0x6c00);
    }
    frame_icmp(&e, type, code);
    frame_put16(&e, e.l4_off + 4, (uint16_t)(value >> 16));
    frame_put16(&e, e.l4_off + 6, (uint16_t)value);
    frame_bytes(&e, f->bytes + 14, quote);
    frame_end(&e);
    assert_int_equal(lab_n_sent_all(), 1);
    lab_expect(port, 0, &e);
    lab_expect_sound(port);
}

struct fault_case {
    const char *src, *dst;
    size_t n;
    uint8_t ttl;
    enum api_drop reason;
    uint8_t type, code;
    uint32_t value;
};

static void each_error_has_its_form(void **state)
{
    static const struct fault_case cases[] = {
        {HOST4, NOWHERE4, 20, 64, DROP_ROUTER_NO_ROUTE, 3, 0, 0},
        {HOST4, NOWHERE4, 1400, 64, DROP_ROUTER_NO_ROUTE, 3, 0, 0},
        {HOST4, "203.0.113.1", 20, 64, DROP_ROUTER_BLACKHOLE, 3, 1, 0},
        {HOST4, FAR4, 20, 1, DROP_ROUTER_TTL_EXCEEDED, 11, 0, 0},
        {HOST4, FAR4, 20, 0, DROP_ROUTER_TTL_EXCEEDED, 11, 0, 0},
        {HOST4, FAR4, 1373, 64, DROP_ROUTER_TOO_BIG, 3, 4, 1400},
        {HOST4, FAR4, 8000, 1, DROP_ROUTER_TTL_EXCEEDED, 11, 0, 0},
        {HOST4, "10.0.0.1", 20, 1, DROP_ROUTER_LOCAL_UNWANTED, 3, 3, 0},
        {HOST4, "10.0.2.1", 20, 64, DROP_ROUTER_LOCAL_UNWANTED, 3, 3, 0},
        {HOST6, NOWHERE6, 20, 64, DROP_ROUTER_NO_ROUTE, 1, 0, 0},
        {HOST6, NOWHERE6, 1232 - 40 - 8, 64, DROP_ROUTER_NO_ROUTE, 1, 0, 0},
        {HOST6, NOWHERE6, 1233 - 40 - 8, 64, DROP_ROUTER_NO_ROUTE, 1, 0, 0},
        {HOST6, "2001:db8:b::1", 20, 64, DROP_ROUTER_BLACKHOLE, 1, 6, 0},
        {HOST6, FAR6, 20, 1, DROP_ROUTER_TTL_EXCEEDED, 3, 0, 0},
        {HOST6, FAR6, 20, 0, DROP_ROUTER_TTL_EXCEEDED, 3, 0, 0},
        {HOST6, FAR6, 1353, 64, DROP_ROUTER_TOO_BIG, 2, 0, 1400},
        {HOST6, "fd00:0::1", 20, 1, DROP_ROUTER_LOCAL_UNWANTED, 1, 4, 0},
        {HOST6, "fd00:2::1", 20, 64, DROP_ROUTER_LOCAL_UNWANTED, 1, 4, 0},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        const struct fault_case *c = &cases[i];

        for (unsigned k = 0; k < 3; k++) {
            setup(NULL);
            lab_udp(&f, 0, c->src, c->dst, c->n);
            f.bytes[f.ip4_off != 0 ? f.ip4_off + 8 : f.ip6_off + 7] = c->ttl;
            if (f.ip4_off != 0 && c->reason == DROP_ROUTER_TOO_BIG)
                frame_put16(&f, f.ip4_off + 6, 0x4000);
            frame_end(&f);
            if (k == 0)
                lab_receive(0, &f);
            else // in pieces, with an odd seam behind what parse gathers
                lab_receive_cut(0, &f, (const uint32_t[]){f.len > 300 ? 257 + k : 43}, 1);
            expect_error(0, &f, c->type, c->code, c->value);
            assert_int_equal(lab_drops(0, c->reason), 1);
            assert_int_equal(lab_counters()->dropped, 1);
            assert_int_equal(lab_counters()->icmp_errors, 1);
            assert_int_equal(lab_counters()->forwarded, 0);
            assert_int_equal(lab_counters()->local, 0);
            lab_stop();
        }
    }
}

static void what_just_fits_passes(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 0, HOST4, FAR4, 1400 - 28);
    frame_put16(&f, f.ip4_off + 6, 0x4000);
    frame_end(&f);
    lab_receive(0, &f);
    lab_udp(&f, 0, HOST6, FAR6, 1400 - 48);
    lab_receive(0, &f);
    assert_int_equal(lab_n_sent(1), 2);
}

static void unknown_protocols_are_told(void **state)
{
    static struct frame f;

    (void)state;
    lab_ip(&f, 0, HOST4, "10.0.0.1");
    frame_proto(&f, 47);
    frame_payload(&f, 30);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 3, 2, 0);
    lab_clear();
    lab_ip(&f, 0, HOST6, "fd00:0::1");
    frame_proto(&f, 47);
    frame_payload(&f, 30);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 4, 1, 6); // the field in the IPv6 header
    lab_clear();
    lab_ip(&f, 0, HOST6, "fd00:0::1");
    frame_ip6_extension(&f, 0, 1);
    frame_ip6_extension(&f, 60, 2);
    frame_proto(&f, 47);
    frame_payload(&f, 30);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 4, 1, 48); // the field in the second extension header
}

static void parameter_problems_point_at_them(void **state)
{
    static const uint8_t bad[] = {1, 7, 200, 4};
    static struct frame f;

    (void)state;
    frame_ether(&f, "02:00:00:00:00:00", "52:54:00:00:00:00");
    frame_ip4_options(&f, HOST4, FAR4, bad, sizeof(bad));
    frame_udp(&f, 1, 2);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 12, 0, 22U << 24);
    assert_int_equal(lab_drops(0, DROP_IP4_BAD_OPTION), 1);
    lab_clear();
    lab_ip(&f, 0, HOST6, "fd00:0::1");
    frame_ip6_extension(&f, 43, 3); // type 0, to us
    f.bytes[f.extension_off + 3] = 1;
    frame_udp(&f, 1, 2);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 4, 0, 42);
    assert_int_equal(lab_drops(0, DROP_ROUTER_SOURCE_ROUTE), 1);
}

// An echo request to the router, or a group, behind an extension header with these options.
static void receive_option(struct frame *f, unsigned in, const char *dst, uint8_t header,
                           const uint8_t options[6])
{
    lab_ip(f, in, in == 3 ? "fd00:3::2" : HOST6, dst);
    if (dst[0] == 'f' && dst[1] == 'f')
        frame_mac("33:33:00:00:00:01", f->bytes);
    frame_ip6_extension(f, header, 1);
    memcpy(f->bytes + f->extension_off + 2, options, 6);
    frame_icmp(f, 128, 0);
    frame_payload(f, 30);
    frame_end(f);
    lab_receive(in, f);
}

// RFC 8200, 4.2: what the two high bits of a type say that the router does not know.
static void options_that_must_be_known(void **state)
{
    static const struct {
        uint8_t options[6];
        int verdict; // 0: skipped, 1: dropped, 2: told
        uint32_t value;
    } cases[] = {
        {{0, 0, 0, 0, 0, 0}, 0, 0},     {{1, 4, 0, 0, 0, 0}, 0, 0},
        {{5, 2, 0, 0, 1, 0}, 0, 0},     {{0x3e, 2, 1, 2, 0, 0}, 0, 0},
        {{0, 0x5e, 2, 1, 2, 0}, 1, 0},  {{0x9e, 4, 1, 2, 3, 4}, 2, 42},
        {{1, 1, 0, 0xde, 1, 2}, 2, 45}, {{1, 3, 0, 0, 0, 0xc2}, 2, 47},
        {{1, 5, 0, 0, 0, 0}, 1, 0}, // longer than the header
        {{1, 3, 0, 0, 0, 1}, 1, 0}, // without its length
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases) * 2; i++) {
        const uint8_t *options = cases[i / 2].options;
        uint8_t header = i % 2 ? 60 : 0; // destination, hop-by-hop

        receive_option(&f, 0, "fd00:0::1", header, options);
        if (cases[i / 2].verdict == 2)
            expect_error(0, &f, 4, 2, cases[i / 2].value);
        assert_int_equal(lab_n_sent_all(), cases[i / 2].verdict != 1);
        assert_int_equal(lab_drops(0, DROP_ROUTER_LOCAL_UNWANTED), cases[i / 2].verdict != 0);
        lab_clear();
        receive_option(&f, 0, "ff02::1", header, options); // nobody is told of a group's packets
        assert_int_equal(lab_n_sent_all(), cases[i / 2].verdict == 0);
        lab_clear();
        receive_option(&f, 3, "fd00:3::1", header, options); // the twin may know it
        assert_int_equal(lab_n_sent(LAB_TWIN), cases[i / 2].verdict != 0);
        lab_stop();
        lab_start(NULL);
    }
}

// A link-local source has no say elsewhere (RFC 4291, 2.5.6), and is told so on its link.
static void link_local_sources_stay_on_their_link(void **state)
{
    static struct frame f;
    struct lab_spec spec;
    uint32_t len;
    const uint8_t *bytes;
    uint8_t from[16];

    (void)state;
    lab_stop();
    spec_of(&spec);
    lab_neighbor(&spec, 0, "fe80::77", "52:54:00:00:00:77");
    lab_start(&spec);
    lab_udp(&f, 0, "fe80::77", FAR6, 20);
    lab_receive(0, &f);
    assert_int_equal(lab_n_sent_all(), 1);
    lab_expect_sound(0);
    bytes = lab_sent_bytes(0, 0, &len);
    assert_int_equal(bytes[5], 0x77);
    lab_parse("fe80::ff:fe00:0", from);
    assert_memory_equal(bytes + 22, from, 16);
    assert_memory_equal(bytes + 38, f.bytes + 22, 16);
    assert_int_equal(bytes[54], 1);
    assert_int_equal(bytes[55], 2);
    assert_int_equal(lab_drops(0, DROP_ROUTER_BAD_SOURCE), 1);
}

static void expect_silence(const struct frame *f, enum api_drop reason)
{
    lab_receive(0, f);
    lab_expect_drop(0, reason);
    assert_int_equal(lab_counters()->icmp_errors, 0);
    assert_int_equal(lab_counters()->icmp_limited, 0);
    lab_stop();
    setup(NULL);
}

// RFC 1812, 4.3.2.7; RFC 4443, 2.4 (e).
static void some_packets_get_no_error(void **state)
{
    static const char *const sources[] = {"10.0.0.255", "10.0.1.255", "203.0.113.1",
                                          "198.51.100.9"};
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(sources); i++) { // broadcasts, and where no route leads back
        lab_udp(&f, 0, sources[i], NOWHERE4, 20);
        expect_silence(&f, DROP_ROUTER_NO_ROUTE);
    }
    lab_udp(&f, 0, "2001:db8:b::1", NOWHERE6, 20);
    expect_silence(&f, DROP_ROUTER_NO_ROUTE);
    for (unsigned type = 0; type < 256; type++) {
        int is_query = type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18);

        lab_ip(&f, 0, HOST4, NOWHERE4);
        frame_icmp(&f, (uint8_t)type, 0);
        frame_payload(&f, 40);
        frame_end(&f);
        if (!is_query) {
            expect_silence(&f, DROP_ROUTER_NO_ROUTE);
        } else {
            lab_receive(0, &f);
            assert_int_equal(lab_n_sent(0), 1);
            lab_stop();
            setup(NULL);
        }
        lab_ip(&f, 0, HOST6, NOWHERE6);
        frame_icmp(&f, (uint8_t)type, 0);
        frame_payload(&f, 40);
        frame_end(&f);
        if (type < 128 || type == 137) {
            expect_silence(&f, DROP_ROUTER_NO_ROUTE);
        } else {
            lab_receive(0, &f);
            assert_int_equal(lab_n_sent(0), 1);
            lab_stop();
            setup(NULL);
        }
    }
    lab_ip(&f, 0, HOST4, NOWHERE4);
    frame_ip4_fragment(&f, 1480, 0);
    frame_payload(&f, 40);
    frame_end(&f);
    expect_silence(&f, DROP_ROUTER_NO_ROUTE);
    lab_ip(&f, 0, HOST6, NOWHERE6);
    frame_ip6_fragment(&f, 1480, 0); // of a message that may be an error
    frame_proto(&f, 58);
    frame_payload(&f, 40);
    frame_end(&f);
    expect_silence(&f, DROP_ROUTER_NO_ROUTE);
    lab_ip(&f, 0, HOST4, NOWHERE4); // ICMP that ends before its type is proven
    frame_proto(&f, 1);
    frame_payload(&f, 7);
    frame_end(&f);
    expect_silence(&f, DROP_ROUTER_NO_ROUTE);
    lab_udp(&f, 0, HOST4, "10.0.0.255", 20); // a broadcast to a port that nobody has
    expect_silence(&f, DROP_ROUTER_LOCAL_UNWANTED);
    lab_udp(&f, 0, HOST4, "224.0.0.1", 20);
    expect_silence(&f, DROP_ROUTER_LOCAL_UNWANTED);
    lab_udp(&f, 0, HOST6, "ff02::1", 20);
    expect_silence(&f, DROP_ROUTER_LOCAL_UNWANTED);
}

// An IPv4 header at fault is told of by its source's leave only, too.
static void faults_of_broadcasts_are_not_told(void **state)
{
    static const char *const groups[] = {"224.0.0.5", "255.255.255.255", "10.0.0.255",
                                         "10.0.1.255"};
    static const uint8_t bad[] = {7, 1, 4, 0};
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(groups); i++) {
        frame_ether(&f, "02:00:00:00:00:00", "52:54:00:00:00:00");
        frame_ip4_options(&f, HOST4, groups[i], bad, sizeof(bad));
        frame_udp(&f, 1, 2);
        frame_end(&f);
        expect_silence(&f, DROP_IP4_BAD_OPTION);
    }
}

// A first fragment may have one.
static void a_first_fragment_gets_its_error(void **state)
{
    static struct frame f;

    (void)state;
    lab_ip(&f, 0, HOST4, NOWHERE4);
    frame_ip4_fragment(&f, 0, 1);
    frame_udp(&f, 1, 2);
    frame_payload(&f, 40);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 3, 0, 0);
}

// RFC 4443 does not except later fragments.
static void a_later_ip6_fragment_gets_its_error(void **state)
{
    static struct frame f;

    (void)state;
    lab_ip(&f, 0, HOST6, NOWHERE6);
    frame_ip6_fragment(&f, 1480, 0);
    frame_proto(&f, 17);
    frame_payload(&f, 40);
    frame_end(&f);
    lab_receive(0, &f);
    expect_error(0, &f, 1, 0, 0);
}

static void errors_are_limited_by_interface(void **state)
{
    static struct frame f;

    (void)state;
    lab_udp(&f, 0, HOST4, NOWHERE4, 20);
    for (unsigned i = 0; i < 150; i++)
        lab_receive(0, &f);
    assert_int_equal(lab_n_sent(0), 100);
    assert_int_equal(lab_counters()->icmp_errors, 100);
    assert_int_equal(lab_counters()->icmp_limited, 50);
    assert_int_equal(lab_counters()->dropped, 150);
    assert_int_equal(lab_drops(0, DROP_ROUTER_NO_ROUTE), 150);
    lab_udp(&f, 1, "10.0.1.2", NOWHERE4, 20); // another one's are its own
    lab_receive(1, &f);
    assert_int_equal(lab_n_sent(1), 1);
    lab_clear();
    lab_pass_ms(500); // half the bucket
    lab_clear();
    lab_udp(&f, 0, HOST4, NOWHERE4, 20);
    for (unsigned i = 0; i < 150; i++)
        lab_receive(0, &f);
    assert_in_range(lab_n_sent(0), 49, 52);
}

// Without headroom the error goes into a buffer of the dataplane's own.
static void a_buffer_without_headroom_will_do(void **state)
{
    static struct frame f;
    const struct icmp_fault fault = {DROP_ROUTER_NO_ROUTE, 3, 0, 1, 0, 0};

    (void)state;
    for (unsigned room = 0; room < 60; room++) {
        for (unsigned k = 0; k < 2; k++) {
            struct walk_context ctx = lab_context();
            struct router_scene s = lab_scene(&ctx);
            struct rte_mbuf *m;
            struct packet *p;

            lab_udp(&f, 0, k ? HOST6 : HOST4, k ? NOWHERE6 : NOWHERE4, 100);
            m = mbuf_build(lab_pool(), f.bytes, f.len, (const uint32_t[]){90}, 1,
                           MBUF_TAILROOM_ANY);
            memmove((char *)m->buf_addr + room, rte_pktmbuf_mtod(m, char *), m->data_len);
            m->data_off = (uint16_t)room;
            p = packet_of(m);
            memset(p, 0, sizeof(*p));
            p->in_port = (uint16_t)lab_port(0)->slot;
            p->in = lab_interface(0)->attachment;
            p->l3_off = 14;
            p->l3_end = (uint16_t)f.len;
            p->l4_proto = 17;
            p->flags = k ? PACKET_IP6 : PACKET_IP4;
            p->ether_type = k ? 0x86dd : 0x0800;
            router_icmp_error(&s, &m, lab_interface(0), &fault);
            router_carry_out(&s, m);
            lab_flush();
            expect_error(0, &f, k ? 1 : 3, 0, 0);
            lab_clear();
            lab_pass_ms(20);
            lab_clear();
        }
    }
}

static void a_tso_frame_gets_one_error(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        lab_ip(&f, 0, k ? HOST6 : HOST4, k ? FAR6 : FAR4);
        if (k == 0)
            frame_put16(&f, f.ip4_off + 6, 0x4000);
        frame_tcp(&f, 1000, 80, 0x10, 0);
        frame_payload(&f, 60000);
        frame_end(&f);
        lab_receive_offload(0, &f, PACKET_TSO | PACKET_CSUM_PARTIAL, 1460);
        expect_error(0, &f, k ? 2 : 3, k ? 0 : 4, 1400);
        assert_int_equal(packet_of(lab_sent(0, 0))->offload, 0);
        assert_int_equal(lab_sent(0, 0)->ol_flags, 0);
        lab_clear();
    }
    assert_int_equal(lab_drops(0, DROP_ROUTER_TOO_BIG), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_its_form),
        cmocka_unit_test_setup_teardown(what_just_fits_passes, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(unknown_protocols_are_told, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(parameter_problems_point_at_them, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(options_that_must_be_known, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(link_local_sources_stay_on_their_link, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(some_packets_get_no_error, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(faults_of_broadcasts_are_not_told, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_first_fragment_gets_its_error, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_later_ip6_fragment_gets_its_error, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(errors_are_limited_by_interface, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_buffer_without_headroom_will_do, setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_tso_frame_gets_one_error, setup, lab_teardown),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
