// SPDX-License-Identifier: BSD-3-Clause
// Can a guarded port speak for another's IPv6 address, as a router, or to neighbours in a way that
// hides it? One thread, no huge pages. Each case is a frame, said in one line, and the answer of a
// port.

#include "tests/unit/walk/guard_lab.h"

static void test_ip6_source(void **state)
{
    static const struct {
        const char *address;
        uint8_t vm1, ip4_only, any;
    } cases[] = {
        {OWN_IP6, NONE, DROP_GUARD_IP6_SOURCE, NONE},
        {"fd00::12", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {OWN_LL, NONE, NONE, NONE},
        {LISTED_LL, NONE, DROP_GUARD_IP6_SOURCE, NONE},
        {OTHER_LL, DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {"2001:db8:0:1::", NONE, DROP_GUARD_IP6_SOURCE, NONE}, // 2001:db8:0:1::/64
        {"2001:db8:0:1:ffff:ffff:ffff:ffff", NONE, DROP_GUARD_IP6_SOURCE, NONE},
        {"2001:db8:0:2::", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {"2001:db8::ffff:ffff:ffff:ffff", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {"::", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE},
        {"::1", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {"::ffff:10.0.0.11", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
        {"::10.0.0.11", DROP_GUARD_IP6_SOURCE, DROP_GUARD_IP6_SOURCE, NONE},
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        udp(cases[i].address, 1000, 2000);
        EXPECT(VM1, cases[i].vm1);
        EXPECT(IP4_ONLY, cases[i].ip4_only);
        EXPECT(ANY, cases[i].any);
        EXPECT(FREE, NONE);
    }
}

// UDP ports that begin like an ICMPv6 type are only ports.
static void test_ports_are_no_types(void **state)
{
    (void)state;
    for (uint16_t type = 131; type <= 143; type++) {
        udp(OWN_IP6, (uint16_t)(type << 8), 2000);
        EXPECT(VM1, NONE);
        udp("::", (uint16_t)(type << 8), 2000);
        f.bytes[f.ip6_off + 7] = 1;
        EXPECT(VM1, DROP_GUARD_IP6_SOURCE);
    }
}

static void test_unspecified_ip6(void **state)
{
    static const struct {
        uint8_t type, hop_limit, reason;
    } cases[] = {
        {131, 1, NONE},
        {132, 1, NONE},
        {143, 1, NONE},
        {131, 2, DROP_GUARD_IP6_SOURCE}, // MLD from afar
        {130, 1, DROP_GUARD_IP6_SOURCE}, // a querier
        {128, 1, DROP_GUARD_IP6_SOURCE},
        {136, 255, DROP_GUARD_IP6_SOURCE},
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        ether(OWN);
        frame_ip6(&f, "::", "ff02::16");
        frame_ip6_extension(&f, 0, 1);
        frame_icmp(&f, cases[i].type, 0);
        f.bytes[f.ip6_off + 7] = cases[i].hop_limit;
        frame_payload(&f, 20);
        frame_end(&f);
        EXPECT(VM1, cases[i].reason);
    }
}

static void test_nd_claims(void **state)
{
    (void)state;
    nd(136, OWN_IP6, "ff02::1", OWN_IP6, 2, OWN);
    EXPECT(VM1, NONE);
    nd(136, OWN_LL, "fd00::1", OWN_LL, 2, OWN);
    EXPECT(IP4_ONLY, NONE);
    nd(136, OWN_IP6, "ff02::1", OWN_IP6, 2, OTHER);
    EXPECT(VM1, DROP_GUARD_ND);
    EXPECT(FREE, DROP_GUARD_ND);
    nd(136, OWN_IP6, "ff02::1", "fd00::1", 2, OWN);
    EXPECT(VM1, DROP_GUARD_ND);
    EXPECT(FREE, NONE);
    nd(136, OWN_IP6, "ff02::1", "fd00::1", 0, NULL);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(135, OWN_IP6, "ff02::1:ff00:1", "fd00::1", 1, OWN);
    EXPECT(VM1, NONE);
    nd(135, OWN_IP6, "ff02::1:ff00:1", "fd00::1", 1, OTHER);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(133, OWN_LL, "ff02::2", NULL, 1, OWN);
    EXPECT(VM1, NONE);
    nd(133, OWN_LL, "ff02::2", NULL, 1, OTHER);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(133, "::", "ff02::2", NULL, 0, NULL);
    EXPECT(VM1, NONE);
    nd(133, "::", "ff02::2", NULL, 1, OWN);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(135, OTHER_LL, "ff02::1:ff00:1", "fd00::1", 1, OWN);
    EXPECT(VM1, DROP_GUARD_IP6_SOURCE);
}

static void test_duplicate_address_detection(void **state)
{
    (void)state;
    nd(135, "::", GROUP, OWN_IP6, 14, "00:01:02:03:04:05"); // with a nonce (RFC 7527)
    EXPECT(VM1, NONE);
    nd(135, "::", GROUP, LISTED_LL, 0, NULL);
    EXPECT(VM1, NONE);
    nd(135, "::", GROUP, OWN_IP6, 1, OWN);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(135, "::", "ff02::1", OWN_IP6, 0, NULL);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(135, "::", "ff02::1:ff00:12", OWN_IP6, 0, NULL);
    EXPECT(VM1, DROP_GUARD_ND);
    nd(135, "::", "ff02::1:ff00:1", "fd00::1", 0, NULL);
    EXPECT(VM1, DROP_GUARD_ND);
    EXPECT(FREE, NONE);
}

static void test_nd_rules(void **state)
{
    static const uint8_t types[] = {133, 134, 135, 136, 137};
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(types); i++) {
        int is_router = types[i] == 134 || types[i] == 137;
        const char *target = types[i] == 133 ? NULL : OWN_IP6;
        nd(types[i], OWN_LL, "ff02::1", target, 0, NULL);
        EXPECT(VM1, is_router ? DROP_GUARD_ROUTER : NONE);
        EXPECT(FREE, is_router ? DROP_GUARD_ROUTER : NONE);
        f.bytes[f.ip6_off + 7] = 254;
        EXPECT(VM1, is_router ? DROP_GUARD_ROUTER : DROP_GUARD_ND);
        EXPECT(FREE, is_router ? DROP_GUARD_ROUTER : DROP_GUARD_ND);
        for (int more = 0; more <= 1; more++) {
            // Found behind extension headers; whole, then as the first of several fragments.
            ether(OWN);
            frame_ip6(&f, OWN_LL, "ff02::1");
            frame_ip6_extension(&f, 0, 1);
            frame_ip6_fragment(&f, 0, more);
            frame_ip6_extension(&f, 60, 2);
            frame_nd(&f, types[i], target);
            frame_end(&f);
            EXPECT(VM1, is_router ? DROP_GUARD_ROUTER : more ? DROP_GUARD_ND : NONE);
            f.bytes[f.ip6_off + 7] = 64;
            EXPECT(VM1, is_router ? DROP_GUARD_ROUTER : DROP_GUARD_ND);
        }
    }
}

static void test_fragments_of_other_things(void **state)
{
    (void)state;
    for (uint32_t offset = 0; offset <= 1448; offset += 1448) {
        ether(OWN);
        frame_ip6(&f, OWN_IP6, "fd00::99");
        frame_ip6_fragment(&f, offset, 1);
        frame_icmp(&f, 128, 0);
        frame_payload(&f, 40);
        frame_end(&f);
        EXPECT(VM1, NONE);
        f.bytes[f.ip6_off + 23] = 0x99;
        EXPECT(VM1, DROP_GUARD_IP6_SOURCE);
    }
}

static void test_nd_options(void **state)
{
    (void)state;
    nd(136, OWN_IP6, "ff02::1", OWN_IP6, 2, OWN);
    f.bytes[f.len - 7] = 0; // length 0: the classic loop
    EXPECT(VM1, DROP_GUARD_MALFORMED);
    f.bytes[f.len - 7] = 2; // behind the packet
    EXPECT(VM1, DROP_GUARD_MALFORMED);
    frame_payload(&f, 8); // padding does not count
    EXPECT(VM1, DROP_GUARD_MALFORMED);
    for (uint32_t n = 1; n < 8; n++) { // a piece of an option
        nd(136, OWN_IP6, "ff02::1", OWN_IP6, 2, OWN);
        f.len -= n;
        frame_end(&f);
        EXPECT(VM1, DROP_GUARD_MALFORMED);
    }
    for (uint32_t n = 1; n <= 16; n++) { // a piece of the target
        nd(135, OWN_IP6, "ff02::1", OWN_IP6, 0, NULL);
        f.len -= n;
        frame_end(&f);
        EXPECT(VM1, DROP_GUARD_MALFORMED);
    }
    ether(OWN); // a link-layer address of 14 bytes
    frame_ip6(&f, OWN_IP6, "ff02::1");
    frame_nd(&f, 136, OWN_IP6);
    frame_nd_option(&f, 2, OWN);
    f.bytes[f.len - 7] = 2;
    frame_payload(&f, 8);
    frame_end(&f);
    EXPECT(VM1, DROP_GUARD_ND);
}

static void test_number_of_nd_options(void **state)
{
    (void)state;
    for (unsigned n = 15; n <= 18; n++) {
        nd(135, OWN_IP6, "ff02::1", "fd00::1", 0, NULL);
        for (unsigned i = 1; i < n; i++)
            frame_nd_option(&f, 14, OTHER);
        frame_nd_option(&f, 1, n == 15 ? OTHER : OWN); // the last is looked at too
        frame_end(&f);
        EXPECT(VM1, n == 15                    ? DROP_GUARD_ND
                    : n > GUARD_MAX_ND_OPTIONS ? DROP_GUARD_MALFORMED
                                               : NONE);
    }
}

// Options in a segment that could not be gathered can't be judged.
static void test_nd_in_segments(void **state)
{
    (void)state;
    nd(136, OWN_IP6, "ff02::1", OWN_IP6, 2, OWN);
    for (uint32_t cut = f.payload_off; cut <= f.len; cut++) {
        struct rte_mbuf *m = mbuf_build(pool, f.bytes, f.len, &cut, 1, 0);
        parse_burst(&m, 1);
        assert_int_equal(guard_check(guards[VM1], m, packet_of(m)),
                         cut < f.len ? DROP_GUARD_MALFORMED : NONE);
        rte_pktmbuf_free(m);
    }
}

static void test_every_reason_is_met(void **state)
{
    static const uint8_t reasons[] = {DROP_GUARD_MALFORMED, DROP_GUARD_IP6_SOURCE, DROP_GUARD_ND,
                                      DROP_GUARD_ROUTER};
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(reasons); i++)
        if (!is_met(reasons[i]))
            fail_msg("no case reaches %s", api_drop_name(reasons[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_ip6_source, no_leak),
        cmocka_unit_test_teardown(test_ports_are_no_types, no_leak),
        cmocka_unit_test_teardown(test_unspecified_ip6, no_leak),
        cmocka_unit_test_teardown(test_nd_claims, no_leak),
        cmocka_unit_test_teardown(test_duplicate_address_detection, no_leak),
        cmocka_unit_test_teardown(test_nd_rules, no_leak),
        cmocka_unit_test_teardown(test_fragments_of_other_things, no_leak),
        cmocka_unit_test_teardown(test_nd_options, no_leak),
        cmocka_unit_test_teardown(test_number_of_nd_options, no_leak),
        cmocka_unit_test_teardown(test_nd_in_segments, no_leak),
        cmocka_unit_test(test_every_reason_is_met),
    };
    return cmocka_run_group_tests_name("guard ip6", tests, lab_setup, lab_teardown);
}
