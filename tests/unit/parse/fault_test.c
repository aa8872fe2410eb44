// SPDX-License-Identifier: BSD-3-Clause
// Does parse name every fault that a hostile sender can write, and leave what is only odd alone?
// One thread, no huge pages. A case is a sound frame with a few bytes overwritten; the last test
// demands that every reason of the parser was met. Frames that end early are in parse_test.c.

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dataplane/parse/parse.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"

#define N_MBUFS 127
#define NONE API_DROP_NONE

static struct rte_mempool *pool;
static struct frame frame;
static uint8_t is_met[API_DROP_NONE + 1];

enum base { ETHER, VLAN, ARP, UDP4, TCP4, ICMP4, SCTP4, ICMP6_IN_4, UDP6, TCP6, ICMP6, SCTP6 };
enum header { L3, EXTENSION, L4 };

// From `header`'s first byte, `off` further: n bytes that replace what was there.
struct patch {
    uint8_t header;
    uint8_t off;
    uint8_t n;
    uint8_t bytes[8];
};

struct fault_case {
    const char *name;
    enum base base;
    uint8_t l2_error, l3_error;
    struct patch patch[3];
    uint16_t l4_len;    // bytes behind the IP header, which agrees; 0: 72
    uint16_t frame_len; // the frame ends here, its headers don't know; 0: it is whole
    // IPv6 extension headers, as types, 8 bytes each (authentication header 16).
    uint8_t extensions[12];
    uint8_t options[12]; // of IPv4, led by their length
};

#define HBH 255

static const struct fault_case cases[] = {
    {"runt", ETHER, DROP_RUNT_FRAME, NONE, .frame_len = 13},
    {"tag cut", VLAN, DROP_VLAN_TRUNCATED, NONE, .frame_len = 17},

    {"arp cut", ARP, NONE, DROP_ARP_TRUNCATED, .frame_len = 41},
    {"arp hardware", ARP, NONE, DROP_ARP_BAD_FORMAT, .patch = {{L3, 0, 2, {0, 6}}}},
    {"arp protocol", ARP, NONE, DROP_ARP_BAD_FORMAT, .patch = {{L3, 2, 2, {0x86, 0xdd}}}},
    {"arp hardware length", ARP, NONE, DROP_ARP_BAD_FORMAT, .patch = {{L3, 4, 1, {8}}}},
    {"arp protocol length", ARP, NONE, DROP_ARP_BAD_FORMAT, .patch = {{L3, 5, 1, {16}}}},
    {"arp operation is not ours to judge", ARP, NONE, NONE, .patch = {{L3, 6, 2, {0xff, 0xff}}}},

    {"ip4 cut", UDP4, NONE, DROP_IP4_TRUNCATED, .frame_len = 33},
    {"ip4 version 6", UDP4, NONE, DROP_IP4_BAD_VERSION, .patch = {{L3, 0, 1, {0x65}}}},
    {"ip4 version 0", UDP4, NONE, DROP_IP4_BAD_VERSION, .patch = {{L3, 0, 1, {0x05}}}},
    {"ip4 ihl 0", UDP4, NONE, DROP_IP4_BAD_IHL, .patch = {{L3, 0, 1, {0x40}}}},
    {"ip4 ihl 4", UDP4, NONE, DROP_IP4_BAD_IHL, .patch = {{L3, 0, 1, {0x44}}}},
    {"ip4 ihl behind frame", UDP4, NONE, DROP_IP4_BAD_IHL,
     .patch = {{L3, 0, 1, {0x4f}}, {L3, 3, 1, {28}}}, .l4_len = 8},
    {"ip4 length 0", UDP4, NONE, DROP_IP4_BAD_LENGTH, .patch = {{L3, 2, 2, {0, 0}}}},
    {"ip4 length 19", UDP4, NONE, DROP_IP4_BAD_LENGTH, .patch = {{L3, 2, 2, {0, 19}}}},
    {"ip4 length below ihl", UDP4, NONE, DROP_IP4_BAD_LENGTH,
     .patch = {{L3, 0, 1, {0x46}}, {L3, 2, 2, {0, 23}}}},
    {"ip4 length behind frame", UDP4, NONE, DROP_IP4_BAD_LENGTH, .patch = {{L3, 2, 2, {0, 93}}}},
    {"ip4 length 65535", UDP4, NONE, DROP_IP4_BAD_LENGTH, .patch = {{L3, 2, 2, {0xff, 0xff}}}},
    {"ip4 option length 0", UDP4, NONE, DROP_IP4_BAD_OPTION, .options = {4, 7, 0, 0, 0}},
    {"ip4 option length 1", UDP4, NONE, DROP_IP4_BAD_OPTION, .options = {4, 7, 1, 0, 0}},
    {"ip4 option overrun", UDP4, NONE, DROP_IP4_BAD_OPTION, .options = {4, 7, 5, 0, 0}},
    {"ip4 second option overrun", UDP4, NONE, DROP_IP4_BAD_OPTION, .options = {4, 1, 7, 4, 0}},
    {"ip4 option without length", UDP4, NONE, DROP_IP4_BAD_OPTION, .options = {4, 1, 1, 1, 7}},
    {"ip4 option to the last byte", UDP4, NONE, NONE, .options = {4, 1, 1, 7, 2}},
    {"ip4 anything behind the options' end", UDP4, NONE, NONE, .options = {4, 0, 7, 0, 0}},
    {"ip4 fragment not by 8", UDP4, NONE, DROP_IP4_BAD_FRAGMENT, .patch = {{L3, 6, 2, {0x20, 1}}},
     .l4_len = 23},
    {"ip4 first fragment not by 8", UDP4, NONE, DROP_IP4_BAD_FRAGMENT,
     .patch = {{L3, 6, 2, {0x20, 0}}}, .l4_len = 23},
    {"ip4 ping of death", UDP4, NONE, DROP_IP4_BAD_FRAGMENT, .patch = {{L3, 6, 2, {0x1f, 0xff}}},
     .l4_len = 8},
    {"ip4 last possible fragment", UDP4, NONE, NONE, .patch = {{L3, 6, 2, {0x1f, 0xfd}}},
     .l4_len = 3},
    {"ip4 one byte too far", UDP4, NONE, DROP_IP4_BAD_FRAGMENT, .patch = {{L3, 6, 2, {0x1f, 0xfd}}},
     .l4_len = 4},
    {"ip4 evil bit", UDP4, NONE, NONE, .patch = {{L3, 6, 2, {0xc0, 0}}}},
    {"ip4 checksum is a router's", UDP4, NONE, NONE, .patch = {{L3, 10, 2, {0xde, 0xad}}}},

    {"ip6 cut", UDP6, NONE, DROP_IP6_TRUNCATED, .frame_len = 53},
    {"ip6 version 4", UDP6, NONE, DROP_IP6_BAD_VERSION, .patch = {{L3, 0, 1, {0x45}}}},
    {"ip6 length behind frame", UDP6, NONE, DROP_IP6_BAD_LENGTH, .patch = {{L3, 4, 2, {0, 73}}}},
    {"ip6 jumbogram", UDP6, NONE, DROP_IP6_BAD_LENGTH, .patch = {{L3, 4, 2, {0, 0}}},
     .extensions = {HBH}},
    {"ip6 without payload", UDP6, NONE, NONE, .patch = {{L3, 4, 2, {0, 0}}, {L3, 6, 1, {59}}}},
    {"ip6 hop-by-hop twice", UDP6, NONE, DROP_IP6_BAD_EXTENSION, .extensions = {HBH, HBH}},
    {"ip6 hop-by-hop second", UDP6, NONE, DROP_IP6_BAD_EXTENSION, .extensions = {60, HBH}},
    {"ip6 fragment header twice", UDP6, NONE, DROP_IP6_BAD_EXTENSION, .extensions = {44, 44}},
    {"ip6 eight extensions", UDP6, NONE, NONE, .extensions = {HBH, 60, 43, 44, 51, 60, 60, 60}},
    {"ip6 nine extensions", UDP6, NONE, DROP_IP6_BAD_EXTENSION,
     .extensions = {HBH, 60, 60, 60, 60, 60, 60, 60, 60}},
    {"ip6 extension overrun", UDP6, NONE, DROP_IP6_BAD_EXTENSION,
     .patch = {{EXTENSION, 1, 1, {10}}}, .extensions = {60}},
    {"ip6 extension to the end", UDP6, NONE, DROP_UDP_TRUNCATED, .patch = {{EXTENSION, 1, 1, {9}}},
     .extensions = {60}},
    {"ip6 extension cut", UDP6, NONE, DROP_IP6_BAD_EXTENSION, .patch = {{L3, 4, 2, {0, 7}}},
     .extensions = {60}},
    {"ip6 extension missing", UDP6, NONE, DROP_IP6_BAD_EXTENSION, .patch = {{L3, 4, 2, {0, 0}}},
     .extensions = {60}},
    {"ip6 authentication below 12", UDP6, NONE, DROP_IP6_BAD_EXTENSION,
     .patch = {{L3, 4, 2, {0, 11}}, {EXTENSION, 1, 1, {0}}}, .extensions = {51}},
    {"ip6 fragment not by 8", UDP6, NONE, DROP_IP6_BAD_FRAGMENT,
     .patch = {{EXTENSION, 2, 2, {0, 9}}}, .extensions = {44}, .l4_len = 23},
    {"ip6 first fragment not by 8", UDP6, NONE, DROP_IP6_BAD_FRAGMENT,
     .patch = {{EXTENSION, 3, 1, {1}}}, .extensions = {44}, .l4_len = 23},
    {"ip6 empty fragment", UDP6, NONE, DROP_IP6_BAD_FRAGMENT,
     .patch = {{EXTENSION, 2, 2, {0, 8}}, {L3, 4, 2, {0, 8}}}, .extensions = {44}},
    {"ip6 fragment too far", UDP6, NONE, DROP_IP6_BAD_FRAGMENT,
     .patch = {{EXTENSION, 2, 2, {0xff, 0xf8}}}, .extensions = {44}, .l4_len = 8},
    {"ip6 last possible fragment", UDP6, NONE, NONE, .patch = {{EXTENSION, 2, 2, {0xff, 0xf8}}},
     .extensions = {44}, .l4_len = 7},
    {"ip6 headers before it count", UDP6, NONE, DROP_IP6_BAD_FRAGMENT,
     .patch = {{EXTENSION, 2, 2, {0xff, 0xf8}}}, .extensions = {60, 44}, .l4_len = 7},
    {"ip6 first fragment holds no chain", UDP6, NONE, DROP_IP6_BAD_EXTENSION,
     .patch = {{EXTENSION, 2, 2, {0, 1}}, {EXTENSION, 0, 1, {60}}, {L4, 1, 1, {9}}},
     .extensions = {44}},
    {"ip6 routing type 0 is a router's", UDP6, NONE, NONE, .extensions = {43}},

    {"tcp4 cut", TCP4, NONE, DROP_TCP_TRUNCATED, .l4_len = 19},
    {"tcp4 cut before padding", TCP4, NONE, DROP_TCP_TRUNCATED, .patch = {{L3, 3, 1, {39}}}},
    {"tcp4 offset 4", TCP4, NONE, DROP_TCP_BAD_OFFSET, .patch = {{L4, 12, 1, {0x40}}}},
    {"tcp4 offset behind packet", TCP4, NONE, DROP_TCP_BAD_OFFSET, .patch = {{L4, 12, 1, {0xf0}}},
     .l4_len = 59},
    {"tcp4 offset to the end", TCP4, NONE, NONE, .patch = {{L4, 12, 1, {0xf0}}}, .l4_len = 60},
    {"tcp4 tiny first fragment", TCP4, NONE, DROP_TCP_TRUNCATED, .patch = {{L3, 6, 2, {0x20, 0}}},
     .l4_len = 8},
    {"tcp6 cut", TCP6, NONE, DROP_TCP_TRUNCATED, .l4_len = 19},
    {"tcp6 offset 0", TCP6, NONE, DROP_TCP_BAD_OFFSET, .patch = {{L4, 12, 1, {0}}}},
    {"udp4 cut", UDP4, NONE, DROP_UDP_TRUNCATED, .l4_len = 7},
    {"udp4 cut before padding", UDP4, NONE, DROP_UDP_TRUNCATED, .patch = {{L3, 3, 1, {27}}}},
    {"udp4 length 0", UDP4, NONE, DROP_UDP_BAD_LENGTH, .patch = {{L4, 4, 2, {0, 0}}}},
    {"udp4 length 7", UDP4, NONE, DROP_UDP_BAD_LENGTH, .patch = {{L4, 4, 2, {0, 7}}}},
    {"udp4 length behind packet", UDP4, NONE, DROP_UDP_BAD_LENGTH, .patch = {{L4, 4, 2, {0, 73}}}},
    {"udp4 length below packet", UDP4, NONE, NONE, .patch = {{L4, 4, 2, {0, 8}}}},
    {"udp4 fragment of length 7", UDP4, NONE, DROP_UDP_BAD_LENGTH,
     .patch = {{L3, 6, 2, {0x20, 0}}, {L4, 4, 2, {0, 7}}}},
    {"udp6 length 0", UDP6, NONE, DROP_UDP_BAD_LENGTH, .patch = {{L4, 4, 2, {0, 0}}}},
    {"udp6 in no payload", UDP6, NONE, DROP_UDP_TRUNCATED, .patch = {{L3, 4, 2, {0, 0}}}},
    {"icmp cut", ICMP4, NONE, DROP_ICMP_TRUNCATED, .l4_len = 7},
    {"icmp6 cut", ICMP6, NONE, DROP_ICMP6_TRUNCATED, .l4_len = 7},
    {"icmp6 tiny first fragment", ICMP6, NONE, DROP_ICMP6_TRUNCATED,
     .patch = {{L3, 42, 2, {0, 1}}, {L3, 4, 2, {0, 16}}}, .extensions = {44, 60}},
    {"icmp6 in ip4 is no icmp6", ICMP6_IN_4, NONE, NONE, .l4_len = 4},
    {"sctp4 cut", SCTP4, NONE, DROP_SCTP_TRUNCATED, .l4_len = 11},
    {"sctp6 cut", SCTP6, NONE, DROP_SCTP_TRUNCATED, .l4_len = 11},
};

static void build_l4(const struct fault_case *c)
{
    switch (c->base) {
    case TCP4:
    case TCP6:
        frame_tcp(&frame, 1000, 80, 0x10, 0);
        break;
    case ICMP4:
    case ICMP6:
        frame_icmp(&frame, 8, 0);
        break;
    case SCTP4:
    case SCTP6:
        frame_sctp(&frame, 1000, 2000);
        break;
    case ICMP6_IN_4:
        frame_icmp(&frame, 128, 0);
        frame_proto(&frame, 58);
        break;
    default:
        frame_udp(&frame, 1000, 2000);
    }
    uint32_t len = frame.len - frame.l4_off;
    uint32_t wanted = c->l4_len ? c->l4_len : 72;
    if (wanted > len)
        frame_payload(&frame, wanted - len);
    frame_end(&frame);
    if (wanted < len)
        frame.len = frame.l4_off + wanted;
}

static void build_ip(const struct fault_case *c)
{
    uint32_t length_off = 0, header_len = 0;
    if (c->base >= UDP6) {
        frame_ip6(&frame, "fd00::1", "fd00::2");
        for (const uint8_t *type = c->extensions; *type; type++) {
            uint8_t wire = *type == HBH ? 0 : *type;
            if (wire == 44)
                frame_ip6_fragment(&frame, 0, 0);
            else
                frame_ip6_extension(&frame, wire, wire == 51 ? 2 : 1);
        }
        length_off = frame.ip6_off + 4;
        header_len = 40;
    } else {
        frame_ip4_options(&frame, "10.0.0.1", "10.0.0.2", c->options + 1, c->options[0]);
        length_off = frame.ip4_off + 2;
    }
    build_l4(c);
    frame_put16(&frame, length_off,
                (uint16_t)(frame.len - frame.ip4_off - frame.ip6_off - header_len));
}

static void build(const struct fault_case *c)
{
    frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
    if (c->base == VLAN)
        frame_vlan(&frame, 0x8100, 10);
    if (c->base == ARP)
        frame_arp(&frame, 1, "52:54:00:00:00:11", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2");
    if (c->base > ARP)
        build_ip(c);
    else
        frame_payload(&frame, 30);
    const uint32_t off[] = {
        [L3] = frame.arp_off + frame.ip4_off + frame.ip6_off,
        [EXTENSION] = frame.extension_off,
        [L4] = frame.l4_off,
    };
    for (unsigned i = 0; i < RTE_DIM(c->patch); i++)
        memcpy(frame.bytes + off[c->patch[i].header] + c->patch[i].off, c->patch[i].bytes,
               c->patch[i].n);
    if (c->frame_len)
        frame.len = c->frame_len;
}

static void check(const char *name, struct rte_mbuf *m, uint8_t l2_error, uint8_t l3_error)
{
    parse_burst(&m, 1);
    const struct packet *p = packet_of(m);
    if (p->l2_error != l2_error || p->l3_error != l3_error)
        fail_msg("%s: %s %s instead of %s %s", name, api_drop_name(p->l2_error),
                 api_drop_name(p->l3_error), api_drop_name(l2_error), api_drop_name(l3_error));
    if (l2_error != NONE || l3_error != NONE) {
        assert_int_equal(p->flags & PACKET_L4, 0);
        assert_int_equal(p->l4_off, 0);
        assert_int_equal(p->payload_off, 0);
    }
    is_met[p->l2_error] = 1;
    is_met[p->l3_error] = 1;
    assert_true(mbuf_holds(m, frame.bytes, frame.len));
    rte_pktmbuf_free(m);
}

// In one piece, and in two that meet in the L2 header: the second takes the general way.
static void test_faults(void **state)
{
    const uint32_t cut = 12;
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(cases); i++) {
        const struct fault_case *c = &cases[i];
        build(c);
        check(c->name, mbuf_build(pool, frame.bytes, frame.len, NULL, 0, 0), c->l2_error,
              c->l3_error);
        check(c->name, mbuf_build(pool, frame.bytes, frame.len, &cut, 1, MBUF_TAILROOM_ANY),
              c->l2_error, c->l3_error);
    }
}

// Offsets have 16 bits: the longest frame, TSO or not, is 65535 bytes. With 20 bytes in the first
// segment it goes the general way.
static void check_long_frame(uint32_t len, uint32_t first)
{
    frame_ether(&frame, "52:54:00:00:00:22", "52:54:00:00:00:11");
    frame_ip4(&frame, "10.0.0.1", "10.0.0.2");
    frame_tcp(&frame, 1000, 80, 0x10, 0);
    frame_payload(&frame, len - frame.len);
    frame_end(&frame);
    uint32_t cuts[41] = {first};
    for (uint32_t i = 1; i < RTE_DIM(cuts); i++)
        cuts[i] = i * 1620;
    struct rte_mbuf *m = mbuf_build(pool, frame.bytes, len, cuts, RTE_DIM(cuts), MBUF_TAILROOM_ANY);
    parse_burst(&m, 1);
    const struct packet *p = packet_of(m);
    assert_int_equal(p->l2_error, len > UINT16_MAX ? DROP_OVERSIZE_FRAME : API_DROP_NONE);
    assert_int_equal(p->l3_end, len > UINT16_MAX ? 0 : len);
    assert_int_equal(p->payload_off, len > UINT16_MAX ? 0 : 54);
    is_met[p->l2_error] = 1;
    rte_pktmbuf_free(m);
}

static void test_longest_frame(void **state)
{
    (void)state;
    for (uint32_t len = 65534; len <= 65549; len++) {
        check_long_frame(len, 20);
        check_long_frame(len, 1600);
    }
}

static void test_every_reason_is_met(void **state)
{
    static const uint8_t reasons[] = {
        DROP_RUNT_FRAME,      DROP_VLAN_TRUNCATED,  DROP_OVERSIZE_FRAME,    DROP_ARP_TRUNCATED,
        DROP_ARP_BAD_FORMAT,  DROP_IP4_TRUNCATED,   DROP_IP4_BAD_VERSION,   DROP_IP4_BAD_IHL,
        DROP_IP4_BAD_LENGTH,  DROP_IP4_BAD_OPTION,  DROP_IP4_BAD_FRAGMENT,  DROP_IP6_TRUNCATED,
        DROP_IP6_BAD_VERSION, DROP_IP6_BAD_LENGTH,  DROP_IP6_BAD_EXTENSION, DROP_IP6_BAD_FRAGMENT,
        DROP_TCP_TRUNCATED,   DROP_TCP_BAD_OFFSET,  DROP_UDP_TRUNCATED,     DROP_UDP_BAD_LENGTH,
        DROP_ICMP_TRUNCATED,  DROP_ICMP6_TRUNCATED, DROP_SCTP_TRUNCATED,
    };
    (void)state;
    for (unsigned i = 0; i < RTE_DIM(reasons); i++)
        if (!is_met[reasons[i]])
            fail_msg("no case reaches %s", api_drop_name(reasons[i]));
}

static int setup(void **state)
{
    (void)state;
    mbuf_eal_init();
    pool = mbuf_pool("fault", N_MBUFS, 2048);
    return 0;
}

static int no_leak(void **state)
{
    (void)state;
    return rte_mempool_avail_count(pool) == N_MBUFS ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_faults, no_leak),
        cmocka_unit_test_teardown(test_longest_frame, no_leak),
        cmocka_unit_test(test_every_reason_is_met),
    };
    return cmocka_run_group_tests_name("parse faults", tests, setup, NULL);
}
