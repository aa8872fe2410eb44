// SPDX-License-Identifier: BSD-3-Clause
#include "tests/unit/router/lab.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define HOST4 "10.0.0.2"
#define HOST6 "fd00:0::2"
#define HOST3 "10.0.3.2" // beside the interface with a twin

static void make_echo(struct frame *f, unsigned in, const char *src, const char *dst, size_t n)
{
    lab_ip(f, in, src, dst);
    frame_icmp(f, f->ip4_off != 0 ? 8 : 128, 0);
    frame_put16(f, f->l4_off + 4, 0x1234);
    frame_put16(f, f->l4_off + 6, 77);
    frame_payload(f, n);
}

// What answers it, to the neighbour that `port` leads to.
static void make_reply(struct frame *f, unsigned port, const char *src, const char *dst, size_t n)
{
    uint8_t mac[6] = {0x02, 0, 0, 0, 0, (uint8_t)port};

    lab_ip(f, port, src, dst);
    memcpy(f->bytes, f->bytes + 6, 6);
    memcpy(f->bytes + 6, mac, 6);
    frame_icmp(f, f->ip4_off != 0 ? 0 : 129, 0);
    frame_put16(f, f->l4_off + 4, 0x1234);
    frame_put16(f, f->l4_off + 6, 77);
    frame_payload(f, n);
    frame_end(f);
}

static void each_address_answers_pings(void **state)
{
    static const char *const pairs[][2] = {
        {HOST4, "10.0.0.1"},  {HOST4, "10.0.1.1"},  {HOST4, "10.0.3.1"},
        {HOST6, "fd00:0::1"}, {HOST6, "fd00:1::1"}, {HOST6, "fd00:3::1"},
    };
    static struct frame f, expected;
    unsigned n_answered = 0;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(pairs); i++) {
        for (size_t n = 0; n < 1400; n += 93) {
            make_echo(&f, 0, pairs[i][0], pairs[i][1], n);
            f.bytes[f.ip4_off != 0 ? f.ip4_off + 8 : f.ip6_off + 7] = 1; // we are its end
            frame_end(&f);
            frame_payload(&f, 7); // padding
            if (n % 2)
                lab_receive_cut(0, &f, (const uint32_t[]){60 + (uint32_t)n / 3}, 1);
            else
                lab_receive(0, &f);
            make_reply(&expected, 0, pairs[i][1], pairs[i][0], n);
            lab_expect(0, 0, &expected);
            assert_int_equal(lab_n_sent_all(), 1);
            assert_int_equal(packet_of(lab_sent(0, 0))->in_port, API_MAX_PORTS);
            lab_clear();
            n_answered++;
        }
    }
    assert_int_equal(lab_counters()->local, n_answered);
    assert_int_equal(lab_counters()->forwarded, 0);
    assert_int_equal(lab_counters()->dropped, 0);
}

// Type of service is kept but for ECN, options come back, DF does not.
static void an_answer_is_like_its_question(void **state)
{
    static const uint8_t options[] = {148, 4, 0, 0};
    static struct frame f;
    uint32_t len;
    const uint8_t *bytes;

    (void)state;
    frame_ether(&f, "02:00:00:00:00:00", "52:54:00:00:00:00");
    frame_ip4_options(&f, HOST4, "10.0.0.1", options, sizeof(options));
    f.bytes[f.ip4_off + 1] = 0xb3;
    frame_put16(&f, f.ip4_off + 6, 0x4000);
    frame_icmp(&f, 8, 0);
    frame_payload(&f, 20);
    frame_end(&f);
    lab_receive(0, &f);
    lab_expect_sound(0);
    bytes = lab_sent_bytes(0, 0, &len);
    assert_int_equal(bytes[14], 0x46);
    assert_int_equal(bytes[15], 0xb0);
    assert_int_equal(bytes[20] << 8 | bytes[21], 0);
    assert_memory_equal(bytes + 34, options, 4);
    assert_int_equal(bytes[38], 0);
    lab_clear();
    make_echo(&f, 0, HOST6, "fd00:0::1", 20);
    frame_put16(&f, f.ip6_off, 0x6b31);
    frame_end(&f);
    lab_receive(0, &f);
    lab_expect_sound(0);
    bytes = lab_sent_bytes(0, 0, &len);
    assert_int_equal(bytes[14] << 8 | bytes[15], 0x6b00);
}

static void extension_headers_are_not_echoed(void **state)
{
    static struct frame f, expected;

    (void)state;
    lab_ip(&f, 0, HOST6, "fd00:0::1");
    frame_ip6_extension(&f, 0, 1);
    frame_ip6_extension(&f, 60, 2);
    frame_icmp(&f, 128, 0);
    frame_put16(&f, f.l4_off + 4, 0x1234);
    frame_put16(&f, f.l4_off + 6, 77);
    frame_payload(&f, 50);
    frame_end(&f);
    lab_receive(0, &f);
    make_reply(&expected, 0, "fd00:0::1", HOST6, 50);
    lab_expect(0, 0, &expected);
}

static void a_group_is_answered_in_ip6_only(void **state)
{
    static struct frame f, expected;
    struct lab_spec spec;

    (void)state;
    lab_stop();
    lab_spec_init(&spec);
    lab_neighbor(&spec, 0, "fe80::77", "52:54:00:00:00:00");
    lab_start(&spec);
    make_echo(&f, 0, "fe80::77", "ff02::1", 30);
    frame_end(&f);
    frame_mac("33:33:00:00:00:01", f.bytes);
    lab_receive(0, &f);
    make_reply(&expected, 0, "fe80::ff:fe00:0", "fe80::77", 30);
    lab_expect(0, 0, &expected);
    lab_clear();
    make_echo(&f, 0, HOST6, "ff02::1", 30);
    frame_end(&f);
    lab_receive(0, &f);
    make_reply(&expected, 0, "fd00:0::1", HOST6, 30);
    lab_expect(0, 0, &expected);
    lab_clear();
    make_echo(&f, 0, "fe80::77", "fe80::ff:fe00:0", 30);
    frame_end(&f);
    lab_receive(0, &f);
    make_reply(&expected, 0, "fe80::ff:fe00:0", "fe80::77", 30);
    lab_expect(0, 0, &expected);
    lab_clear();
    static const char *const groups[] = {"224.0.0.1", "10.0.0.255", "255.255.255.255",
                                         "ff02::1234"};
    for (unsigned i = 0; i < RTE_DIM(groups); i++) {
        make_echo(&f, 0, strchr(groups[i], ':') ? HOST6 : HOST4, groups[i], 30);
        frame_end(&f);
        lab_receive(0, &f);
        assert_int_equal(lab_n_sent_all(), 0);
    }
    assert_int_equal(lab_drops(0, DROP_ROUTER_LOCAL_UNWANTED), RTE_DIM(groups));
}

// Not amplified to all on a subnet, nor sent where no route leads.
static void nobody_is_answered_by_broadcast(void **state)
{
    static const char *const sources[] = {"10.0.0.255", "10.0.1.255", "198.51.100.1"};
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(sources); i++) {
        lab_start(NULL);
        make_echo(&f, 0, sources[i], "10.0.0.1", 30);
        frame_end(&f);
        lab_receive(0, &f);
        lab_expect_drop(API_MAX_PORTS, DROP_ROUTER_NO_ROUTE);
        assert_int_equal(lab_counters()->local, 0);
        lab_stop();
    }
}

// What has a protocol of its own is for the twin, as it came.
static void the_twin_gets_what_the_router_does_not_take(void **state)
{
    static const struct {
        const char *dst, *mac;
        uint8_t proto; // 1, 58: ICMP with `type`
        uint8_t type;
        uint16_t port;
    } cases[] = {
        {"10.0.3.1", NULL, 6, 0, 179},                       // BGP
        {"10.0.3.1", NULL, 6, 0, 22},                        // SSH
        {"10.0.0.1", NULL, 6, 0, 22},                        // to another interface's address
        {"10.0.3.1", NULL, 17, 0, 3784},                     // BFD
        {"224.0.0.5", "01:00:5e:00:00:05", 89, 0, 0},        // OSPF
        {"224.0.0.22", "01:00:5e:00:00:16", 2, 0, 0},        // IGMP
        {"255.255.255.255", "ff:ff:ff:ff:ff:ff", 17, 0, 67}, // DHCP
        {"10.0.3.255", "ff:ff:ff:ff:ff:ff", 17, 0, 137},
        {"10.0.3.1", NULL, 1, 0, 0},  // a reply that is not ours
        {"10.0.3.1", NULL, 1, 3, 0},  // an error
        {"10.0.3.1", NULL, 47, 0, 0}, // GRE
        {"fd00:3::1", NULL, 6, 0, 179},
        {"ff02::5", "33:33:00:00:00:05", 89, 0, 0},
        {"ff02::16", "33:33:00:00:00:16", 58, 143, 0}, // MLD
        {"fd00:3::1", NULL, 58, 129, 0},
        {"fd00:3::1", NULL, 58, 1, 0},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        lab_ip(&f, 3, strchr(cases[i].dst, ':') ? "fd00:3::2" : HOST3, cases[i].dst);
        if (cases[i].mac != NULL)
            frame_mac(cases[i].mac, f.bytes);
        if (cases[i].proto == 6)
            frame_tcp(&f, 1000, cases[i].port, 2, 0);
        else if (cases[i].proto == 17)
            frame_udp(&f, 1000, cases[i].port);
        else if (cases[i].proto == 1 || cases[i].proto == 58)
            frame_icmp(&f, cases[i].type, 0);
        else
            frame_proto(&f, cases[i].proto);
        frame_payload(&f, 30);
        frame_end(&f);
        frame_payload(&f, 10); // padding too
        lab_receive(3, &f);
        assert_int_equal(lab_n_sent_all(), 1);
        lab_expect(LAB_TWIN, 0, &f);
        lab_clear();
    }
    assert_int_equal(lab_counters()->local, RTE_DIM(cases));
    assert_int_equal(lab_counters()->received, RTE_DIM(cases));
    assert_int_equal(lab_counters()->dropped, 0);
}

static void fragments_are_for_the_twin(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        lab_ip(&f, 3, HOST3, "10.0.3.1");
        frame_ip4_fragment(&f, i * 1480, 1);
        if (i == 0)
            frame_icmp(&f, 8, 0);
        else
            frame_proto(&f, 1);
        frame_payload(&f, 1472);
        frame_end(&f);
        lab_receive(3, &f);
        lab_expect(LAB_TWIN, i, &f);
    }
    lab_clear();
    lab_ip(&f, 0, HOST4, "10.0.0.1"); // and without a twin for nobody
    frame_ip4_fragment(&f, 0, 1);
    frame_icmp(&f, 8, 0);
    frame_payload(&f, 1472);
    frame_end(&f);
    lab_receive(0, &f);
    assert_int_equal(lab_n_sent_all(), 0);
    assert_int_equal(lab_drops(0, DROP_ROUTER_LOCAL_UNWANTED), 1);
}

// An answer and an error wait for a neighbour that does not tell its MAC: what asked for them
// counts once, as it did when they were made.
static void what_waits_in_vain_counts_once(void **state)
{
    static struct frame f;

    (void)state;
    lab_start(NULL);
    make_echo(&f, 0, "10.0.0.77", "10.0.0.1", 32);
    frame_end(&f);
    lab_receive(0, &f);
    lab_ip(&f, 0, "10.0.0.77", "203.0.113.1"); // nobody's
    frame_udp(&f, 1000, 2000);
    frame_end(&f);
    lab_receive(0, &f);
    assert_int_equal(lab_counters()->held, 2);
    lab_pass_ms(10000);
    assert_int_equal(lab_drops_all(DROP_NEIGHBOR_UNRESOLVED), 2);
    assert_int_equal(lab_counters()->received, 2);
    assert_int_equal(lab_counters()->local, 1);
    assert_int_equal(lab_counters()->dropped, 1);
    lab_stop();
}

static void tcp_without_a_twin_is_dropped(void **state)
{
    static struct frame f;

    (void)state;
    lab_ip(&f, 0, HOST4, "10.0.0.1");
    frame_tcp(&f, 1000, 22, 2, 0);
    frame_end(&f);
    lab_receive(0, &f);
    lab_expect_drop(0, DROP_ROUTER_LOCAL_UNWANTED);
    lab_ip(&f, 0, HOST4, "10.0.0.1"); // and one with a fault keeps its reason
    frame_tcp(&f, 1000, 22, 2, 0);
    frame_end(&f);
    f.bytes[f.l4_off + 12] = 0x40;
    lab_receive(0, &f);
    assert_int_equal(lab_drops(0, DROP_TCP_BAD_OFFSET), 1);
}

// All own addresses have been announced.
static int quiet(void **state)
{
    (void)state;
    lab_start(NULL);
    lab_pass_ms(10000);
    lab_clear();
    return 0;
}

static struct router_ping *begin_ping(const char *to, const char *from, uint16_t len, uint8_t ttl)
{
    struct router_ping *ping = &lab_state()->pings[3];

    memset(ping, 0, sizeof(*ping));
    ping->id = 0x10007;
    ping->request.payload_len = len;
    ping->request.ttl = ttl;
    ping->request.family = lab_parse(to, ping->request.address);
    if (from != NULL)
        lab_parse(from, ping->request.source);
    ping->state = PING_TO_SEND;
    lab_tick();
    return ping;
}

// The echo request that was sent, as the other side would answer it.
static void answer_ping(struct frame *f, unsigned port, uint8_t type)
{
    uint32_t len;
    const uint8_t *bytes = lab_sent_bytes(port, 0, &len);
    int is_ip4 = bytes[12] == 0x08;
    uint32_t header_len = is_ip4 ? 20 : 40, size = is_ip4 ? 4 : 16, src = is_ip4 ? 26 : 22;

    frame_ether(f, "00:00:00:00:00:00", "00:00:00:00:00:00");
    if (is_ip4)
        frame_ip4(f, HOST4, HOST4);
    else
        frame_ip6(f, HOST6, HOST6);
    memcpy(f->bytes, bytes + 6, 6);
    memcpy(f->bytes + 6, bytes, 6);
    memcpy(f->bytes + src, bytes + src + size, size);
    memcpy(f->bytes + src + size, bytes + src, size);
    frame_icmp(f, type, type == 3 ? 1 : 0);
    if (type == 0 || type == 129) {
        memcpy(f->bytes + f->l4_off + 4, bytes + 14 + header_len + 4, 4);
        frame_bytes(f, bytes + 14 + header_len + 8, len - 14 - header_len - 8);
    } else {
        frame_bytes(f, bytes + 14, len - 14);
    }
    frame_end(f);
}

static void a_ping_is_sent_and_answered(void **state)
{
    static const struct {
        const char *to, *from, *expected;
        uint16_t len;
        uint8_t ttl;
    } cases[] = {
        {HOST4, NULL, "10.0.0.1", 56, 0},           {HOST4, "10.0.2.1", "10.0.2.1", 0, 5},
        {HOST4, NULL, "10.0.0.1", 1400, 255},       {HOST6, NULL, "fd00:0::1", 56, 0},
        {HOST6, "fd00:2::1", "fd00:2::1", 1400, 1},
    };
    static struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        struct router_ping *ping;
        uint32_t len;
        const uint8_t *bytes;
        uint8_t address[16];
        int is_ip4;

        lab_clear();
        ping = begin_ping(cases[i].to, cases[i].from, cases[i].len, cases[i].ttl);
        assert_int_equal(ping->state, PING_SENT);
        assert_int_equal(lab_n_sent_all(), 1);
        lab_expect_sound(0);
        bytes = lab_sent_bytes(0, 0, &len);
        is_ip4 = lab_parse(cases[i].expected, address) == 4;
        assert_memory_equal(bytes + (is_ip4 ? 26 : 22), address, is_ip4 ? 4 : 16);
        assert_int_equal(bytes[is_ip4 ? 22 : 21], cases[i].ttl != 0 ? cases[i].ttl : 64);
        assert_int_equal(len, 14U + (is_ip4 ? 28U : 48U) + cases[i].len);
        answer_ping(&f, 0, is_ip4 ? 0 : 129);
        lab_clear();
        lab_pass_ms(8);
        lab_receive(0, &f);
        assert_int_equal(lab_n_sent_all(), 0);
        assert_int_equal(ping->state, PING_DONE);
        assert_int_equal(ping->result.result, API_PING_REPLY);
        assert_int_equal(ping->result.id, 0x10007);
        assert_int_equal(ping->result.ttl, 64);
        assert_int_equal(ping->result.family, is_ip4 ? 4 : 6);
        lab_parse(cases[i].to, address);
        assert_memory_equal(ping->result.from, address, 16);
        assert_in_range(ping->result.rtt_ns, 7990000, 8010000);
        lab_receive(0, &f); // once is enough
        assert_int_equal(lab_drops(0, DROP_ROUTER_LOCAL_UNWANTED), i + 1);
    }
    assert_int_equal(lab_counters()->local, RTE_DIM(cases));
    assert_int_equal(lab_counters()->forwarded, 0);
}

static void an_error_ends_a_ping(void **state)
{
    static struct frame f;

    (void)state;
    for (unsigned k = 0; k < 2; k++) {
        struct router_ping *ping;

        lab_clear();
        ping = begin_ping(k ? HOST6 : HOST4, NULL, 20, 0);
        answer_ping(&f, 0, k ? 1 : 3);
        lab_receive(0, &f);
        assert_int_equal(ping->state, PING_DONE);
        assert_int_equal(ping->result.result, API_PING_ERROR);
        assert_int_equal(ping->result.icmp_type, k ? 1 : 3);
        assert_int_equal(ping->result.icmp_code, k ? 0 : 1);
    }
}

// Answers that are not quite right: each byte from the ICMP header on is changed.
static void only_its_answer_ends_a_ping(void **state)
{
    static struct frame f, changed;
    struct router_ping *ping;

    (void)state;
    for (unsigned type = 0; type < 4; type += 3) {
        lab_clear();
        ping = begin_ping(HOST4, NULL, 20, 0);
        answer_ping(&f, 0, (uint8_t)type);
        for (uint32_t at = f.l4_off; at < f.len; at++) {
            changed = f;
            changed.bytes[at] ^= 0x10;
            lab_receive(0, &changed);
            assert_int_equal(ping->state, PING_SENT);
        }
        changed = f; // from another host, or about a request to one
        changed.bytes[type == 0 ? f.ip4_off + 15 : f.l4_off + 27] ^= 1;
        frame_end(&changed);
        lab_receive(0, &changed);
        assert_int_equal(ping->state, PING_SENT);
        for (uint32_t len = f.l4_off; len < f.len; len++) {
            changed = f;
            changed.len = len;
            frame_put16(&changed, changed.ip4_off + 2, (uint16_t)(len - 14));
            frame_put16(&changed, changed.ip4_off + 10, 0);
            frame_end(&changed);
            if (type == 0 || len < f.l4_off + 36) {
                changed.bytes[f.l4_off + 5] ^= 1;
                lab_receive(0, &changed);
                assert_int_equal(ping->state, PING_SENT);
            }
        }
        lab_receive(0, &f);
        assert_int_equal(ping->state, PING_DONE);
        ping->state = PING_FREE;
    }
}

static void a_ping_without_a_way_says_so(void **state)
{
    struct router_ping *ping;

    (void)state;
    ping = begin_ping("198.51.100.1", NULL, 20, 0);
    assert_int_equal(ping->state, PING_DONE);
    assert_int_equal(ping->result.result, API_PING_NO_ROUTE);
    ping = begin_ping(HOST4, "10.9.9.9", 20, 0); // not ours
    assert_int_equal(ping->result.result, API_PING_NO_ROUTE);
    ping = begin_ping("10.0.2.1", NULL, 20, 0); // ourselves
    assert_int_equal(ping->state, PING_DONE);
    assert_int_equal(ping->result.result, API_PING_REPLY);
    ping->state = PING_FREE;
}

static void groups_are_not_pinged(void **state)
{
    static const char *const groups[] = {"224.0.0.5", "255.255.255.255", "127.0.0.1",
                                         "ff02::1",   "fe80::77",        "::1"};
    struct lab_spec spec;

    (void)state;
    lab_stop();
    lab_spec_init(&spec);
    lab_route(&spec, "0.0.0.0", 0, 0, HOST4);
    lab_route(&spec, "::", 0, 0, HOST6);
    lab_start(&spec);
    lab_pass_ms(10000);
    lab_clear();
    for (unsigned i = 0; i < RTE_DIM(groups); i++) {
        assert_int_equal(begin_ping(groups[i], NULL, 20, 0)->result.result, API_PING_NO_ROUTE);
        assert_int_equal(lab_n_sent_all(), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_address_answers_pings, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(an_answer_is_like_its_question, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(extension_headers_are_not_echoed, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_group_is_answered_in_ip6_only, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(the_twin_gets_what_the_router_does_not_take, lab_setup,
                                        lab_teardown),
        cmocka_unit_test(nobody_is_answered_by_broadcast),
        cmocka_unit_test_setup_teardown(fragments_are_for_the_twin, lab_setup, lab_teardown),
        cmocka_unit_test(what_waits_in_vain_counts_once),
        cmocka_unit_test_setup_teardown(tcp_without_a_twin_is_dropped, lab_setup, lab_teardown),
        cmocka_unit_test_setup_teardown(a_ping_is_sent_and_answered, quiet, lab_teardown),
        cmocka_unit_test_setup_teardown(an_error_ends_a_ping, quiet, lab_teardown),
        cmocka_unit_test_setup_teardown(only_its_answer_ends_a_ping, quiet, lab_teardown),
        cmocka_unit_test_setup_teardown(a_ping_without_a_way_says_so, quiet, lab_teardown),
        cmocka_unit_test_setup_teardown(groups_are_not_pinged, quiet, lab_teardown),
    };

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
