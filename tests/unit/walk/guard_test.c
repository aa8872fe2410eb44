// SPDX-License-Identifier: BSD-3-Clause
// Can a guarded port speak for another's MAC or IPv4 address? One thread, no huge pages. Each case
// is a frame, said in one line, and the answer of a port. IPv6 is in guard_ip6_test.c.

#include "tests/unit/walk/guard_lab.h"

static void test_mac(void **state)
{
    (void)state;
    udp("10.0.0.11", 1000, 2000);
    EXPECT(VM1, NONE);
    f.bytes[6] ^= 0x80;
    EXPECT(VM1, DROP_GUARD_MAC);
    EXPECT(FREE, DROP_GUARD_MAC);
    f.bytes[6] ^= 0x80;
    f.bytes[11] ^= 1;
    EXPECT(VM1, DROP_GUARD_MAC);
}

static void test_ether_type(void **state)
{
    (void)state;
    ether(OWN);
    frame_type(&f, 0x88cc);
    frame_payload(&f, 46);
    EXPECT(VM1, DROP_GUARD_ETHERTYPE);
    EXPECT(FREE, DROP_GUARD_ETHERTYPE);
    frame_type(&f, 46); // LLC: IPv4 may hide behind SNAP (RFC 1042)
    EXPECT(VM1, DROP_GUARD_ETHERTYPE);
    for (unsigned n_tags = 1; n_tags <= 5; n_tags++) {
        ether(OWN);
        for (unsigned i = 0; i < n_tags; i++)
            frame_vlan(&f, 0x8100, 10);
        frame_ip4(&f, "10.0.0.11", "10.0.0.99");
        frame_udp(&f, 1, 2);
        frame_end(&f);
        EXPECT(VM1, n_tags > PARSE_MAX_TAGS ? DROP_GUARD_ETHERTYPE : NONE);
        frame_put16(&f, f.ip4_off + 14, 99);
        EXPECT(VM1, n_tags > PARSE_MAX_TAGS ? DROP_GUARD_ETHERTYPE : DROP_GUARD_IP4_SOURCE);
    }
}

static void test_malformed(void **state)
{
    (void)state;
    udp("10.0.0.11", 1000, 2000);
    f.len = 30;
    EXPECT(VM1, DROP_IP4_TRUNCATED);
    EXPECT(FREE, DROP_IP4_TRUNCATED);
    f.len = 13;
    EXPECT(VM1, DROP_RUNT_FRAME);
    udp("10.0.0.11", 1000, 2000);
    frame_put16(&f, f.l4_off + 4, 7);
    EXPECT(VM1, DROP_UDP_BAD_LENGTH);
}

static void test_ip4_source(void **state)
{
    static const struct {
        const char *address;
        uint8_t vm1, ip4_only, any;
    } cases[] = {
        {"10.0.0.11", NONE, NONE, NONE},
        {"10.0.0.10", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
        {"10.0.0.12", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
        {"192.0.2.63", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
        {"192.0.2.64", NONE, DROP_GUARD_IP4_SOURCE, NONE}, // 192.0.2.64/28
        {"192.0.2.70", NONE, DROP_GUARD_IP4_SOURCE, NONE}, // and 192.0.2.64/32 in it
        {"192.0.2.79", NONE, DROP_GUARD_IP4_SOURCE, NONE},
        {"192.0.2.80", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
        {"0.0.0.0", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE},
        {"127.0.0.1", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
        {"255.255.255.255", DROP_GUARD_IP4_SOURCE, DROP_GUARD_IP4_SOURCE, NONE},
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        udp(cases[i].address, 1000, 2000);
        EXPECT(VM1, cases[i].vm1);
        EXPECT(IP4_ONLY, cases[i].ip4_only);
        EXPECT(ANY, cases[i].any);
        EXPECT(FREE, NONE);
    }
    ether(OWN); // a later fragment has a source too
    frame_ip4(&f, "10.0.0.12", "10.0.0.99");
    frame_proto(&f, 17);
    frame_ip4_fragment(&f, 80, 0);
    frame_payload(&f, 40);
    frame_end(&f);
    EXPECT(VM1, DROP_GUARD_IP4_SOURCE);
    f.bytes[f.ip4_off + 15] = 11;
    EXPECT(VM1, NONE);
}

static void test_dhcp(void **state)
{
    (void)state;
    udp("0.0.0.0", 68, 67);
    EXPECT(VM1, NONE);
    udp("0.0.0.0", 68, 68);
    EXPECT(VM1, DROP_GUARD_IP4_SOURCE);
    udp("0.0.0.0", 67, 67);
    EXPECT(VM1, DROP_GUARD_IP4_SOURCE);
    udp("10.0.0.11", 68, 67); // renewal
    EXPECT(VM1, NONE);
    udp("10.0.0.11", 67, 68);
    EXPECT(VM1, DROP_GUARD_ROUTER);
    EXPECT(FREE, DROP_GUARD_ROUTER);
    udp("10.0.0.11", 67, 2000);
    EXPECT(VM1, DROP_GUARD_ROUTER);
    udp("10.0.0.11", 2000, 68); // clients look at their own port only
    EXPECT(VM1, DROP_GUARD_ROUTER);
    udp(OWN_LL, 546, 547);
    EXPECT(VM1, NONE);
    udp(OWN_LL, 547, 546);
    EXPECT(VM1, DROP_GUARD_ROUTER);
    EXPECT(FREE, DROP_GUARD_ROUTER);
    udp(OWN_LL, 2000, 546);
    EXPECT(VM1, DROP_GUARD_ROUTER);
    udp("::", 546, 547);
    EXPECT(VM1, DROP_GUARD_IP6_SOURCE);
    ether(OWN); // the same ports of TCP are no DHCP
    frame_ip4(&f, "10.0.0.11", "10.0.0.99");
    frame_tcp(&f, 67, 68, 2, 0);
    frame_end(&f);
    EXPECT(VM1, NONE);
}

static void test_icmp4_router(void **state)
{
    static const uint8_t types[][2] = {
        {5, DROP_GUARD_ROUTER}, {9, DROP_GUARD_ROUTER}, {8, NONE}, {10, NONE}};
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(types); i++) {
        ether(OWN);
        frame_ip4(&f, "10.0.0.11", "10.0.0.99");
        frame_icmp(&f, types[i][0], 0);
        frame_end(&f);
        EXPECT(VM1, types[i][1]);
        EXPECT(FREE, types[i][1]);
    }
}

static void test_arp(void **state)
{
    (void)state;
    arp(1, OWN, "10.0.0.11", "10.0.0.1");
    EXPECT(VM1, NONE);
    arp(2, OWN, "192.0.2.65", "10.0.0.1");
    EXPECT(VM1, NONE);
    arp(2, OTHER, "10.0.0.11", "10.0.0.1");
    EXPECT(VM1, DROP_GUARD_ARP);
    EXPECT(FREE, DROP_GUARD_ARP);
    arp(2, OWN, "10.0.0.1", "10.0.0.1");
    EXPECT(VM1, DROP_GUARD_ARP);
    EXPECT(FREE, NONE);
    arp(1, OWN, "0.0.0.0", "10.0.0.11"); // probe
    EXPECT(VM1, NONE);
    arp(1, OWN, "0.0.0.0", "10.0.0.12"); // for another's address
    EXPECT(VM1, DROP_GUARD_ARP);
    arp(2, OWN, "0.0.0.0", "10.0.0.11"); // no probe
    EXPECT(VM1, DROP_GUARD_ARP);
    arp(0x101, OWN, "0.0.0.0", "10.0.0.11");
    EXPECT(VM1, DROP_GUARD_ARP);
}

static void test_every_reason_is_met(void **state)
{
    static const uint8_t reasons[] = {DROP_GUARD_MAC, DROP_GUARD_ETHERTYPE, DROP_GUARD_IP4_SOURCE,
                                      DROP_GUARD_ARP, DROP_GUARD_ROUTER};
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(reasons); i++)
        if (!is_met(reasons[i]))
            fail_msg("no case reaches %s", api_drop_name(reasons[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_mac, no_leak),
        cmocka_unit_test_teardown(test_ether_type, no_leak),
        cmocka_unit_test_teardown(test_malformed, no_leak),
        cmocka_unit_test_teardown(test_ip4_source, no_leak),
        cmocka_unit_test_teardown(test_dhcp, no_leak),
        cmocka_unit_test_teardown(test_icmp4_router, no_leak),
        cmocka_unit_test_teardown(test_arp, no_leak),
        cmocka_unit_test(test_every_reason_is_met),
    };
    return cmocka_run_group_tests_name("guard", tests, lab_setup, lab_teardown);
}
