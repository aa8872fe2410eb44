// SPDX-License-Identifier: BSD-3-Clause
// Is each packet what it is, with the tuple it has, wherever it ends and its segments end? One
// thread, no huge pages. Kinds that are no session's come from tables of frames below.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "dataplane/chain/packet.h"
#include "tests/unit/chain/packet_lab.h"

static struct frame frame;
static const struct lab_spec plain = {.name = "plain"};

static void expect(const char *name, struct rte_mbuf *m, enum chain_packet_kind kind,
                   const struct session_tuple *tuple)
{
    struct session_tuple t;
    uint8_t drop = API_DROP_NONE;
    enum chain_packet_kind got = chain_packet_tuple(m, packet_of(m), &t, &drop);

    if (got != kind)
        fail_msg("%s: kind %d instead of %d", name, (int)got, (int)kind);
    if (tuple != NULL && !session_tuple_is_equal(&t, tuple))
        fail_msg("%s: another tuple", name);
    if (kind == CHAIN_PACKET_BAD)
        assert_int_equal(drop, packet_of(m)->l3_error);
    if (kind != CHAIN_PACKET_BAD)
        assert_int_equal(drop, API_DROP_NONE);
    rte_pktmbuf_free(m);
}

static void test_each_kind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++)
        for (unsigned round = 0; round < 50; round++) {
            const struct lab_spec *s = &lab_specs[i];
            struct session_tuple t = lab_tuple(s);
            int is_later = s->fragment == LAB_LATER;

            lab_frame(&frame, s, &t, lab_random());
            expect(s->name, lab_mbuf(s, &frame, NULL, 0, MBUF_TAILROOM_ANY),
                   is_later ? CHAIN_PACKET_LATER_FRAGMENT : CHAIN_PACKET_SESSION,
                   is_later ? NULL : &t);
        }
    lab_expect_none();
}

static void test_segments(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct session_tuple t = lab_tuple(s);

        lab_frame(&frame, s, &t, 1);
        for (uint32_t cut = 0; cut < frame.len && s->fragment != LAB_LATER; cut++)
            expect(s->name, lab_mbuf(s, &frame, &cut, 1, MBUF_TAILROOM_ANY), CHAIN_PACKET_SESSION,
                   &t);
    }
}

// The frame ends early, or its first segment does and there is no room to gather: parse finds it,
// and its reason is ours. Frames that end in the Ethernet header are not for us.
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    for (unsigned i = 0; i < n_lab_specs; i++) {
        const struct lab_spec *s = &lab_specs[i];
        struct session_tuple t = lab_tuple(s);
        uint32_t ip_off, headers, whole;

        lab_frame(&frame, s, &t, 1);
        ip_off = frame.ip4_off + frame.ip6_off;
        headers = frame.payload_off ? frame.payload_off : frame.len - s->payload_len;
        whole = frame.len;
        for (uint32_t cut = ip_off; cut < headers && s->fragment != LAB_LATER; cut++)
            expect(s->name, lab_mbuf(s, &frame, &cut, 1, 0), CHAIN_PACKET_BAD, NULL);
        for (frame.len = ip_off; frame.len < whole; frame.len++)
            expect(s->name, lab_mbuf(s, &frame, NULL, 0, 0), CHAIN_PACKET_BAD, NULL);
    }
    lab_expect_none();
}

static struct rte_mbuf *built(void)
{
    frame_end(&frame);
    return lab_mbuf(&plain, &frame, NULL, 0, MBUF_TAILROOM_ANY);
}

// Neither end is one host.
static void test_alone(void **state)
{
    static const struct {
        const char *source, *destination, *mac;
    } cases[] = {
        {"10.0.0.1", "224.0.0.1", "01:00:5e:00:00:01"},
        {"10.0.0.1", "239.255.255.255", "01:00:5e:7f:ff:ff"},
        {"10.0.0.1", "255.255.255.255", "ff:ff:ff:ff:ff:ff"},
        {"10.0.0.1", "10.0.0.255", "ff:ff:ff:ff:ff:ff"}, // directed, by the frame
        {"0.0.0.0", "10.0.0.2", "52:54:00:00:00:22"},
        {"10.0.0.1", "0.0.0.0", "52:54:00:00:00:22"},
        {"224.0.0.1", "10.0.0.2", "52:54:00:00:00:22"},
        {"255.255.255.255", "10.0.0.2", "52:54:00:00:00:22"},
        {"fd00::1", "ff02::fb", "33:33:00:00:00:fb"},
        {"fd00::1", "ff0e::1", "52:54:00:00:00:22"},
        {"::", "fd00::2", "52:54:00:00:00:22"},
        {"fd00::1", "::", "52:54:00:00:00:22"},
        {"ff02::1", "fd00::2", "52:54:00:00:00:22"},
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++)
        for (unsigned proto = 0; proto < 2; proto++) {
            int is_ip6 = strchr(cases[i].source, ':') != NULL;
            struct session_tuple t = {.family = is_ip6 ? 6 : 4, .protocol = proto ? 47 : 17};
            uint32_t at, len = is_ip6 ? 16 : 4;

            frame_ether(&frame, cases[i].mac, "52:54:00:00:00:11");
            (is_ip6 ? frame_ip6 : frame_ip4)(&frame, cases[i].source, cases[i].destination);
            if (proto)
                frame_proto(&frame, 47);
            else
                frame_udp(&frame, 1000, 2000);
            at = is_ip6 ? frame.ip6_off + 8 : frame.ip4_off + 12;
            memcpy(t.source, frame.bytes + at, len);
            memcpy(t.destination, frame.bytes + at + len, len);
            t.source_port = proto ? 0 : rte_cpu_to_be_16(1000);
            t.destination_port = proto ? 0 : rte_cpu_to_be_16(2000);
            expect(cases[i].destination, built(), CHAIN_PACKET_ALONE, &t);
        }
}

// Clusters have a group's MAC and one address: an ordinary session.
static void test_group_mac(void **state)
{
    (void)state;
    frame_ether(&frame, "03:bf:0a:00:00:02", "52:54:00:00:00:11");
    frame_ip4(&frame, "10.0.0.1", "10.0.0.2");
    frame_udp(&frame, 1000, 2000);
    expect("cluster", built(), CHAIN_PACKET_SESSION, NULL);
}

static enum chain_packet_kind icmp_kind(unsigned family, unsigned type)
{
    if (family == 4) {
        if (type == 3 || type == 4 || type == 11 || type == 12)
            return CHAIN_PACKET_ICMP_ERROR;
        return type == 0 || type == 8 || (type >= 13 && type <= 18) ? CHAIN_PACKET_SESSION
                                                                    : CHAIN_PACKET_ALONE;
    }
    if (type < 128)
        return CHAIN_PACKET_ICMP_ERROR;
    return type < 130 ? CHAIN_PACKET_SESSION : CHAIN_PACKET_ALONE;
}

// All 256 types of both, between hosts, hop limit 64.
static void test_icmp_types(void **state)
{
    char name[32];

    (void)state;
    for (unsigned type = 0; type < 2 * 256; type++) {
        unsigned family = type < 256 ? 4 : 6;
        enum chain_packet_kind kind = icmp_kind(family, type % 256);
        struct session_tuple t;
        uint8_t drop;
        struct rte_mbuf *m;

        snprintf(name, sizeof(name), "icmp%u type %u", family, type % 256);
        frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
        if (family == 4)
            frame_ip4(&frame, "10.0.0.1", "10.0.0.2");
        else
            frame_ip6(&frame, "fd00::1", "fd00::2");
        frame_icmp(&frame, (uint8_t)type, 0);
        frame_payload(&frame, 40);
        m = built();
        (void)chain_packet_tuple(m, packet_of(m), &t, &drop);
        if (kind == CHAIN_PACKET_ALONE)
            assert_int_equal(t.icmp_type, type % 256);
        expect(name, m, kind, NULL);
    }
}

struct link_case {
    uint8_t type, hop_limit;
    const char *source, *destination;
    uint8_t is_link;
};

// Of the link: neighbour discovery with hop limit 255, MLD from the link with 1.
static void test_link6(void **state)
{
    static const struct link_case cases[] = {
        {133, 255, "fe80::1", "ff02::2", 1},   {134, 255, "fe80::1", "ff02::1", 1},
        {135, 255, "::", "ff02::1:ff00:1", 1}, {135, 255, "fd00::1", "fd00::2", 1},
        {136, 255, "fd00::1", "fd00::2", 1},   {137, 255, "fe80::1", "fd00::2", 1},
        {135, 254, "fd00::1", "fd00::2", 0},   {136, 64, "fe80::1", "ff02::1", 0},
        {130, 1, "fe80::1", "ff02::1", 1},     {131, 1, "fe80::1", "ff02::16", 1},
        {132, 1, "fe80::1", "ff02::2", 1},     {143, 1, "febf::1", "ff02::16", 1},
        {143, 1, "fec0::1", "ff02::16", 0},    {143, 1, "fd00::1", "ff02::16", 0},
        {143, 64, "fe80::1", "ff02::16", 0},   {138, 255, "fe80::1", "ff02::1", 0},
        {132, 255, "fe80::1", "ff02::2", 0},
    };
    (void)state;
    for (unsigned i = 0; i < 2 * RTE_DIM(cases); i++) {
        const struct link_case *c = &cases[i / 2];
        int is_fragment = i % 2; // is nothing of the link (RFC 6980)

        frame_ether(&frame, "33:33:00:00:00:01", "52:54:00:00:00:11");
        frame_ip6(&frame, c->source, c->destination);
        if (is_fragment)
            frame_ip6_fragment(&frame, 0, 1);
        frame_icmp(&frame, c->type, 0);
        frame_payload(&frame, 16);
        frame.bytes[frame.ip6_off + 7] = c->hop_limit;
        expect(c->source, built(),
               c->is_link && !is_fragment ? CHAIN_PACKET_LINK : CHAIN_PACKET_ALONE, NULL);
    }
}

static void test_others(void **state)
{
    (void)state;
    frame_ether(&frame, "ff:ff:ff:ff:ff:ff", "52:54:00:00:00:11");
    frame_arp(&frame, 1, "52:54:00:00:00:11", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2");
    expect("arp", built(), CHAIN_PACKET_LINK, NULL);
    frame.bytes[frame.arp_off + 4] = 8;
    expect("arp, hardware length", built(), CHAIN_PACKET_BAD, NULL);

    frame_ether(&frame, "01:80:c2:00:00:0e", "52:54:00:00:00:11");
    frame_type(&frame, 0x88cc);
    frame_payload(&frame, 40);
    expect("lldp", built(), CHAIN_PACKET_OTHER, NULL);

    frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip6(&frame, "fd00::1", "fd00::2");
    frame_ip6_fragment(&frame, 0, 0); // atomic: an ordinary packet (RFC 6946)
    frame_udp(&frame, 1000, 2000);
    expect("atomic fragment", built(), CHAIN_PACKET_SESSION, NULL);
    lab_expect_none();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_cut_at_every_byte),
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_group_mac),
        cmocka_unit_test(test_icmp_types),
        cmocka_unit_test(test_link6),
        cmocka_unit_test(test_others),
    };
    return cmocka_run_group_tests_name("chain tuple", tests, lab_init, NULL);
}
