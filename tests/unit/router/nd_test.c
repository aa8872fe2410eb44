// SPDX-License-Identifier: BSD-3-Clause
// Does the router speak neighbour discovery by RFC 4861, and judge what it hears by 6.1, 7.1
// and 8.1?

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/router/neighbor_lab.h"

#define HOST "fd00::9"
#define OWN_IP "fd00::1"
#define OWN_GROUP "ff02::1:ff00:1"
#define HOST_GROUP "ff02::1:ff00:9"
#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"
#define OWN "02:00:00:00:00:03"
#define OWN1 "02:00:00:00:00:07"
#define GROUP_MAC "33:33:ff:00:00:01"
#define ALL_MAC "33:33:00:00:00:01"
#define RS 133
#define RA 134
#define NS 135
#define NA 136
#define REDIRECT 137
#define ROUTER 0x80
#define SOLICITED 0x40
#define OVERRIDE 0x20

struct talk {
    const char *dst_mac, *src_mac;
    const char *src, *dst;
    uint8_t type;
    const char *target;     // NULL: none
    uint8_t option;         // 0: none
    const char *option_mac; // NULL: src_mac
    uint8_t flags;          // of NA
};

static void build(struct frame *f, const struct talk *talk)
{
    frame_ether(f, talk->dst_mac, talk->src_mac);
    frame_ip6(f, talk->src, talk->dst);
    frame_nd(f, talk->type, talk->target);
    f->bytes[f->l4_off + 4] = talk->flags;
    if (talk->option != 0)
        frame_nd_option(f, talk->option,
                        talk->option_mac != NULL ? talk->option_mac : talk->src_mac);
    frame_end(f);
}

static uint8_t hear(const struct talk *talk, unsigned in)
{
    struct frame f;

    build(&f, talk);
    return nlab_receive(&f, in);
}

static void sum_again(struct frame *f)
{
    frame_put16(f, f->l4_off + 2, frame_l4_checksum(f, f->len));
}

static void expect_sent(unsigned number, uint32_t attachment, const struct talk *talk)
{
    struct frame f;

    build(&f, talk);
    f.bytes[f.ip6_off] = 0x6c; // internetwork control
    assert_true(number < nlab.n_sent);
    assert_int_equal(nlab.sent[number].attachment, attachment);
    assert_int_equal(nlab.sent[number].len, f.len);
    assert_memory_equal(nlab.sent[number].bytes, f.bytes, f.len);
}

static const struct talk question = {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, OWN_IP, 1, NULL, 0};
static const struct talk answer = {
    MAC_A, OWN, OWN_IP, HOST, NA, OWN_IP, 2, NULL, ROUTER | SOLICITED | OVERRIDE};

static void answers_for_its_addresses(void **state)
{
    const struct talk link_local = {GROUP_MAC, MAC_A, "fe80::9", OWN_GROUP, NS,
                                    "fe80::1", 1,     NULL,      0};
    const struct talk its_answer = {
        MAC_A, OWN, "fe80::1", "fe80::9", NA, "fe80::1", 2, NULL, ROUTER | SOLICITED | OVERRIDE};
    const struct talk of_another = {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, "fd00:1::1", 1, NULL, 0};

    (void)state;
    assert_int_equal(hear(&question, 0), API_DROP_NONE);
    expect_sent(0, 10, &answer);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
    assert_int_equal(hear(&link_local, 0), API_DROP_NONE);
    expect_sent(1, 10, &its_answer);
    assert_int_equal(nlab_state("fe80::9", 0), API_NEIGHBOR_STALE);
    assert_int_equal(nlab.counters.local, 2);
    assert_int_equal(hear(&of_another, 0), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 2);
}

// Without the option there must be room for the one of the answer.
static void answers_a_question_without_mac(void **state)
{
    const struct talk bare = {OWN, MAC_A, HOST, OWN_IP, NS, OWN_IP, 0, NULL, 0};
    struct frame f;

    (void)state;
    assert_int_equal(hear(&bare, 0), API_DROP_NONE);
    expect_sent(0, 10, &answer);
    assert_null(nlab_entry(HOST, 0));
    build(&f, &bare);
    assert_int_equal(nlab_receive_cut(&f, 0, 0, 7), DROP_ROUTER_NO_BUFFER);
    assert_int_equal(nlab_receive_cut(&f, 0, 0, 8), API_DROP_NONE);
    expect_sent(1, 10, &answer);
    frame_payload(&f, 40); // padding in a segment of its own is no room
    assert_int_equal(nlab_receive_cut(&f, 0, 78, 4), DROP_ROUTER_NO_BUFFER);
    assert_int_equal(nlab_receive_cut(&f, 0, 78, 64), API_DROP_NONE);
    expect_sent(2, 10, &answer);
}

static void answers_a_probe_to_all(void **state)
{
    const struct talk probe = {GROUP_MAC, MAC_A, "::", OWN_GROUP, NS, OWN_IP, 0, NULL, 0};
    const struct talk to_all = {ALL_MAC, OWN, OWN_IP, "ff02::1",        NA,
                                OWN_IP,  2,   NULL,   ROUTER | OVERRIDE};

    (void)state;
    assert_int_equal(hear(&probe, 0), API_DROP_NONE);
    expect_sent(0, 10, &to_all);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void asks_and_is_answered(void **state)
{
    const struct talk asked = {"33:33:ff:00:00:09", OWN, OWN_IP, HOST_GROUP, NS, HOST, 1, NULL, 0};
    const struct talk told = {OWN, MAC_A, HOST, OWN_IP, NA, HOST, 2, NULL, SOLICITED | OVERRIDE};
    const struct talk probe = {MAC_A, OWN, OWN_IP, HOST, NS, HOST, 1, NULL, 0};
    const struct talk bare = {OWN, MAC_A, HOST, OWN_IP, NA, HOST, 0, NULL, SOLICITED};
    const struct talk local = {"33:33:ff:00:00:09", OWN, "fe80::1", HOST_GROUP, NS,
                               "fe80::9",           1,   NULL,      0};

    (void)state;
    nlab_hold(HOST, 0, 1);
    expect_sent(0, 10, &asked);
    assert_int_equal(hear(&told, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_REACHABLE);
    assert_int_equal(nlab.n_resumed, 1);
    nlab_pass_ms(46000);
    nlab.n_sent = 0;
    nlab_find(HOST, 0);
    nlab_pass_ms(5200);
    expect_sent(0, 10, &probe);
    assert_int_equal(hear(&bare, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_REACHABLE);
    nlab_hold("fe80::9", 0, 1);
    expect_sent(1, 10, &local);
}

static void learns_only_on_link(void **state)
{
    const struct talk far = {GROUP_MAC, MAC_A, "fd77::9", OWN_GROUP, NS, OWN_IP, 1, NULL, 0};
    const struct talk routed = {GROUP_MAC, MAC_A, "2001:db8::9", OWN_GROUP, NS, OWN_IP, 1, NULL, 0};

    (void)state;
    assert_int_equal(hear(&far, 0), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1);
    assert_null(nlab_entry("fd77::9", 0));
    assert_int_equal(hear(&routed, 0), API_DROP_NONE);
    assert_int_equal(nlab_state("2001:db8::9", 0), API_NEIGHBOR_STALE);
}

// 7.2.5: only who is known already; the flags decide (the table test has all rows).
static void follows_advertisements(void **state)
{
    struct talk told = {ALL_MAC, MAC_B, HOST, "ff02::1", NA, HOST, 2, NULL, OVERRIDE};

    (void)state;
    assert_int_equal(hear(&told, 0), API_DROP_NONE);
    assert_null(nlab_entry(HOST, 0));
    nlab_hold(HOST, 0, 1);
    nlab_learn(HOST, 0, MAC_A, NLAB_SOLICITED);
    told.flags = 0;
    assert_int_equal(hear(&told, 0), API_DROP_NONE);
    assert_int_equal(nlab_entry(HOST, 0)->mac, nlab_mac(MAC_A) | NEIGHBOR_STALE);
    told.flags = OVERRIDE;
    assert_int_equal(hear(&told, 0), API_DROP_NONE);
    assert_int_equal(nlab_entry(HOST, 0)->mac, nlab_mac(MAC_B) | NEIGHBOR_STALE);
    // An answer to somebody else's question confirms nothing here.
    told = (struct talk){OWN, MAC_B, HOST, "fd00::77", NA, HOST, 2, NULL, SOLICITED | OVERRIDE};
    assert_int_equal(hear(&told, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
}

static void refuses_what_cannot_be(void **state)
{
    static const struct talk rows[] = {
        {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, "ff02::1", 1, NULL, 0},
        {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, "::", 1, NULL, 0},
        {GROUP_MAC, MAC_A, "ff02::9", OWN_GROUP, NS, OWN_IP, 1, NULL, 0},
        {GROUP_MAC, MAC_A, "::", OWN_GROUP, NS, OWN_IP, 1, NULL, 0}, // a probe with a MAC
        {OWN, MAC_A, "::", OWN_IP, NS, OWN_IP, 0, NULL, 0},          // or to one address
        {ALL_MAC, MAC_A, "::", "ff02::1", NS, OWN_IP, 0, NULL, 0},
        {GROUP_MAC, MAC_A, OWN_IP, OWN_GROUP, NS, OWN_IP, 1, NULL, 0}, // our own source
        {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, OWN_IP, 1, "01:00:5e:00:00:01", 0},
        {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, OWN_IP, 1, "00:00:00:00:00:00", 0},
        {GROUP_MAC, MAC_A, HOST, OWN_GROUP, NS, OWN_IP, 1, OWN, 0}, // our own MAC
        {GROUP_MAC, "33:33:00:00:00:05", HOST, OWN_GROUP, NS, OWN_IP, 0, NULL, 0},
        {ALL_MAC, MAC_A, HOST, "ff02::1", NA, HOST, 2, NULL, SOLICITED},
        {OWN, MAC_A, "::", OWN_IP, NA, HOST, 2, NULL, SOLICITED},
        {OWN, MAC_A, HOST, OWN_IP, NA, "ff02::9", 2, NULL, SOLICITED},
        {"33:33:00:00:00:02", MAC_A, "::", "ff02::2", RS, NULL, 1, NULL, 0},
        {ALL_MAC, MAC_A, HOST, "ff02::1", RA, HOST, 0, NULL, 0}, // not link-local
    };

    (void)state;
    nlab_learn(HOST, 0, MAC_B, NLAB_CREATE);
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        assert_int_equal(hear(&rows[i], 0), DROP_ROUTER_BAD_ND);
        assert_int_equal(nlab.n_sent, 0);
        assert_int_equal(nlab_entry(HOST, 0)->mac, nlab_mac(MAC_B) | NEIGHBOR_STALE);
        assert_int_equal(nlab.state.neighbors->n_used, 1);
    }
}

static void refuses_broken_bytes(void **state)
{
    struct frame f;

    (void)state;
    build(&f, &question);
    f.bytes[f.ip6_off + 7] = 254; // hop limit
    assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    build(&f, &question);
    f.bytes[f.l4_off + 1] = 1; // code
    sum_again(&f);
    assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    // Every bit of the message counts in the checksum.
    for (uint32_t i = 0; i < 32 * 8; i++) {
        build(&f, &question);
        f.bytes[f.l4_off + i / 8] ^= (uint8_t)(1 << i % 8);
        if (i / 8 != 0)
            assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    }
    // Cut at every byte; what is gone from the packet was in its sum.
    for (uint32_t len = 8; len < 24; len++) {
        build(&f, &question);
        f.len = f.l4_off + len;
        frame_put16(&f, f.ip6_off + 4, (uint16_t)len);
        sum_again(&f);
        assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    }
    assert_int_equal(nlab.n_sent, 0);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void refuses_broken_options(void **state)
{
    static const uint8_t rows[][16] = {
        {1, 0},                           // no length: an endless loop for who does not look
        {1, 2, 0x52, 0x54, 0, 0, 0, 0xa}, // a MAC of 14 bytes
        {14, 0},                          // also of an option that nobody knows
        {14, 3},                          // longer than the packet
        {14, 255},                        //
        {14, 1, 0, 0, 0, 0, 0, 0, 1, 0},  // the second
    };
    static const uint8_t many[8] = {14, 1};
    struct frame f;

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        struct talk bare = question;

        bare.option = 0;
        frame_ether(&f, bare.dst_mac, bare.src_mac);
        frame_ip6(&f, bare.src, bare.dst);
        frame_nd(&f, NS, OWN_IP);
        frame_bytes(&f, rows[i], 16);
        frame_end(&f);
        assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    }
    for (unsigned n = 31; n <= 33; n++) {
        frame_ether(&f, GROUP_MAC, MAC_A);
        frame_ip6(&f, HOST, OWN_GROUP);
        frame_nd(&f, NS, OWN_IP);
        for (unsigned i = 0; i < n; i++)
            frame_bytes(&f, many, sizeof(many));
        frame_end(&f);
        assert_int_equal(nlab_receive(&f, 0), n > 32 ? DROP_ROUTER_BAD_ND : API_DROP_NONE);
    }
    // Half an option.
    build(&f, &question);
    f.len -= 4;
    frame_put16(&f, f.ip6_off + 4, 28);
    sum_again(&f);
    assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 2);
}

// RFC 6980; an atomic fragment (RFC 6946) too.
static void refuses_fragments(void **state)
{
    struct frame f;

    (void)state;
    for (int more = 0; more <= 1; more++) {
        frame_ether(&f, GROUP_MAC, MAC_A);
        frame_ip6(&f, HOST, OWN_GROUP);
        frame_ip6_fragment(&f, 0, more);
        frame_nd(&f, NS, OWN_IP);
        frame_nd_option(&f, 1, MAC_A);
        frame_end(&f);
        assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
    }
    frame_ether(&f, GROUP_MAC, MAC_A);
    frame_ip6(&f, HOST, OWN_GROUP);
    frame_ip6_extension(&f, 60, 1);
    frame_nd(&f, NS, OWN_IP);
    frame_end(&f);
    assert_int_equal(nlab_receive(&f, 0), DROP_ROUTER_BAD_ND);
}

// A message that is not all in the first segment can't be judged.
static void takes_one_segment_only(void **state)
{
    struct frame f;

    (void)state;
    build(&f, &question);
    for (uint32_t cut = f.l4_off + 8; cut < f.len; cut++)
        assert_int_equal(nlab_receive_cut(&f, 0, cut, 0), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 0);
    assert_int_equal(nlab_receive_cut(&f, 0, 60, 128), API_DROP_NONE); // parse gathers it
    expect_sent(0, 10, &answer);
}

// Bytes behind the segment's data are no part of the message, even if they were once.
static void reads_no_stale_bytes(void **state)
{
    struct frame f;

    (void)state;
    build(&f, &question);
    assert_int_equal(nlab_receive_stale(&f, 0, f.len - 8), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 0);
}

static void defends_its_address(void **state)
{
    const struct talk claim = {ALL_MAC, MAC_A, OWN_IP, "ff02::1", NA, OWN_IP, 2, NULL, OVERRIDE};
    const struct talk other_source = {ALL_MAC, MAC_A, HOST, "ff02::1", NA,
                                      OWN_IP,  2,     NULL, OVERRIDE};
    const struct talk announcement = {ALL_MAC, OWN, OWN_IP, "ff02::1",        NA,
                                      OWN_IP,  2,   NULL,   ROUTER | OVERRIDE};

    (void)state;
    assert_int_equal(hear(&claim, 0), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 1);
    expect_sent(0, 10, &announcement);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(hear(&other_source, 0), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 1);
    nlab_pass_ms(10100);
    assert_int_equal(hear(&other_source, 0), DROP_ROUTER_BAD_ND);
    assert_int_equal(nlab.n_sent, 2);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void shares_with_the_kernel(void **state)
{
    const struct talk told = {OWN1,        MAC_A, "fd00:1::9", "fd00:1::1", NA,
                              "fd00:1::9", 2,     NULL,        SOLICITED};
    const struct talk to_all = {ALL_MAC,     MAC_A, "fd00:1::9", "ff02::1", NA,
                                "fd00:1::9", 2,     NULL,        OVERRIDE};
    const struct talk asked = {GROUP_MAC,   MAC_A, "fd00:1::9", OWN_GROUP, NS,
                               "fd00:1::1", 1,     NULL,        0};
    const struct talk rs = {"33:33:00:00:00:02", MAC_A, "fe80::9", "ff02::2", RS, NULL, 1, NULL, 0};
    const struct talk redirect = {OWN1, MAC_A, "fe80::9", "fd00:1::1", REDIRECT, HOST, 0, NULL, 0};
    struct frame f;

    (void)state;
    assert_int_equal(hear(&told, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1);
    build(&f, &told);
    assert_int_equal(nlab.sent[0].attachment, 13);
    assert_memory_equal(nlab.sent[0].bytes, f.bytes, f.len);
    assert_int_equal(hear(&to_all, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1);
    assert_int_equal(hear(&asked, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 2);
    assert_int_equal(nlab.sent[1].attachment, 12);
    assert_int_equal(hear(&rs, 1), API_DROP_NONE);
    assert_int_equal(nlab.sent[2].attachment, 13);
    assert_int_equal(hear(&rs, 0), DROP_ROUTER_LOCAL_UNWANTED);
    // A redirect is 40 bytes; routers follow none.
    assert_int_equal(hear(&redirect, 1), DROP_ROUTER_BAD_ND);
    frame_ether(&f, OWN1, MAC_A);
    frame_ip6(&f, "fe80::9", "fd00:1::1");
    frame_nd(&f, REDIRECT, HOST);
    frame_payload(&f, 16);
    frame_end(&f);
    assert_int_equal(nlab_receive(&f, 1), DROP_ROUTER_LOCAL_UNWANTED);
    assert_int_equal(nlab.n_sent, 3);
}

static void announces_itself(void **state)
{
    const struct talk global = {ALL_MAC, OWN, OWN_IP, "ff02::1",        NA,
                                OWN_IP,  2,   NULL,   ROUTER | OVERRIDE};
    const struct talk local = {ALL_MAC,   OWN, "fe80::1", "ff02::1",        NA,
                               "fe80::1", 2,   NULL,      ROUTER | OVERRIDE};

    (void)state;
    nlab.slots[3].n_announcements = 1;
    nlab_tick();
    assert_int_equal(nlab.n_sent, 3);
    expect_sent(1, 10, &global);
    expect_sent(2, 10, &local);
}

static int is_group(const char *text, unsigned interface)
{
    uint8_t group[16];

    nlab_parse(text, group);
    return router_is_own_group(&nlab.interfaces[interface], group);
}

static void listens_to_its_groups(void **state)
{
    (void)state;
    assert_true(is_group("ff02::1", 0));
    assert_true(is_group("ff02::2", 0));
    assert_true(is_group("ff05::2", 0));
    assert_true(is_group(OWN_GROUP, 0));
    assert_true(is_group("ff02::1:ff00:2", 1)); // of its link-local address
    assert_false(is_group("ff02::1:ff00:2", 0));
    assert_false(is_group("ff02::5", 0));
    assert_false(is_group("ff05::1:ff00:1", 0));
    nlab.interfaces[0].has_ip6 = 0;
    assert_false(is_group("ff02::1", 0));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, nlab_setup, nlab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_for_its_addresses), CASE(answers_a_question_without_mac),
        CASE(answers_a_probe_to_all),    CASE(asks_and_is_answered),
        CASE(learns_only_on_link),       CASE(follows_advertisements),
        CASE(refuses_what_cannot_be),    CASE(refuses_broken_bytes),
        CASE(refuses_broken_options),    CASE(refuses_fragments),
        CASE(takes_one_segment_only),    CASE(reads_no_stale_bytes),
        CASE(defends_its_address),       CASE(shares_with_the_kernel),
        CASE(announces_itself),          CASE(listens_to_its_groups),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
