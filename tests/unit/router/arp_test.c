// SPDX-License-Identifier: BSD-3-Clause
// Does the router speak ARP by RFC 826 and RFC 5227, believe who may be believed and nobody else?

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/router/neighbor_lab.h"

#define HOST "10.0.0.9"
#define MAC_A "52:54:00:00:00:0a"
#define MAC_B "52:54:00:00:00:0b"
#define OWN "02:00:00:00:00:03"
#define OWN1 "02:00:00:00:00:07"
#define ALL "ff:ff:ff:ff:ff:ff"
#define NONE "00:00:00:00:00:00"
#define REQUEST 1
#define REPLY 2

struct talk {
    const char *dst, *src;
    uint16_t operation;
    const char *sender_mac, *sender, *target_mac, *target;
};

static void build(struct frame *f, const struct talk *talk)
{
    frame_ether(f, talk->dst, talk->src);
    frame_arp(f, talk->operation, talk->sender_mac, talk->sender, talk->target_mac, talk->target);
    frame_end(f);
}

static uint8_t hear(const struct talk *talk, unsigned in)
{
    struct frame f;

    build(&f, talk);
    frame_payload(&f, 18); // padding to the shortest frame
    return nlab_receive(&f, in);
}

static void expect_sent(unsigned number, uint32_t attachment, const struct talk *talk)
{
    struct frame f;

    build(&f, talk);
    assert_true(number < nlab.n_sent);
    assert_int_equal(nlab.sent[number].attachment, attachment);
    assert_int_equal(nlab.sent[number].len, f.len);
    assert_memory_equal(nlab.sent[number].bytes, f.bytes, f.len);
}

static void answers_for_its_address(void **state)
{
    const struct talk question = {ALL, MAC_A, REQUEST, MAC_A, HOST, NONE, "10.0.0.1"};
    const struct talk answer = {MAC_A, OWN, REPLY, OWN, "10.0.0.1", MAC_A, HOST};

    (void)state;
    assert_int_equal(hear(&question, 0), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1);
    expect_sent(0, 10, &answer);
    assert_int_equal(nlab.counters.local, 1);
    // And knows the asker now.
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
}

static void answers_in_its_buffer_however_cut(void **state)
{
    const struct talk question = {ALL, MAC_A, REQUEST, MAC_A, HOST, NONE, "10.0.0.1"};
    const struct talk answer = {MAC_A, OWN, REPLY, OWN, "10.0.0.1", MAC_A, HOST};
    struct frame f;

    (void)state;
    build(&f, &question);
    frame_payload(&f, 18);
    for (uint32_t cut = 42; cut < f.len; cut++) {
        nlab.n_sent = 0;
        assert_int_equal(nlab_receive_cut(&f, 0, cut, 0), API_DROP_NONE);
        expect_sent(0, 10, &answer);
    }
}

static void answers_a_probe_and_learns_nothing(void **state)
{
    const struct talk probe = {ALL, MAC_A, REQUEST, MAC_A, "0.0.0.0", NONE, "10.0.0.1"};
    const struct talk answer = {MAC_A, OWN, REPLY, OWN, "10.0.0.1", MAC_A, "0.0.0.0"};
    const struct talk other = {ALL, MAC_A, REQUEST, MAC_A, "0.0.0.0", NONE, HOST};

    (void)state;
    assert_int_equal(hear(&probe, 0), API_DROP_NONE);
    expect_sent(0, 10, &answer);
    assert_int_equal(hear(&other, 0), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void answers_for_nobody_else(void **state)
{
    static const char *const targets[] = {"10.0.0.2", "10.0.1.1", "192.0.2.1", "0.0.0.0"};

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(targets); i++) {
        const struct talk question = {ALL, MAC_A, REQUEST, MAC_A, HOST, NONE, targets[i]};

        assert_int_equal(hear(&question, 0), API_DROP_NONE);
    }
    assert_int_equal(nlab.n_sent, 0);
    assert_int_equal(nlab.counters.local, 0);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void asks_and_is_answered(void **state)
{
    const struct talk question = {ALL, OWN, REQUEST, OWN, "10.0.0.1", NONE, HOST};
    const struct talk answer = {OWN, MAC_A, REPLY, MAC_A, HOST, OWN, "10.0.0.1"};
    const struct talk probe = {MAC_A, OWN, REQUEST, OWN, "10.0.0.1", NONE, HOST};

    (void)state;
    nlab_hold(HOST, 0, 1);
    assert_int_equal(nlab.n_sent, 1);
    expect_sent(0, 10, &question);
    assert_int_equal(nlab.counters.solicited, 1);
    assert_int_equal(hear(&answer, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_REACHABLE);
    assert_int_equal(nlab.n_resumed, 1);
    nlab_pass_ms(46000);
    nlab.n_sent = 0;
    assert_int_equal(nlab_find(HOST, 0), nlab_mac(MAC_A));
    nlab_pass_ms(5200);
    expect_sent(0, 10, &probe);
    assert_int_equal(hear(&answer, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_REACHABLE);
}

// An answer that nobody asked for, or that was for somebody else, makes no entry and confirms none.
// Not more than the interface's rate; who is known already is asked all the same.
static void asks_not_too_often(void **state)
{
    const uint8_t host[4] = {10, 0, 0, 9}, mac[6] = {0x52, 0x54, 0, 0, 0, 0xa};

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        router_arp_request(&nlab.scene, &nlab.interfaces[0], host, NULL);
    assert_int_equal(nlab.counters.solicited, 256);
    router_arp_request(&nlab.scene, &nlab.interfaces[0], host, mac);
    router_arp_request(&nlab.scene, &nlab.interfaces[1], host, NULL);
    assert_int_equal(nlab.counters.solicited, 258);
    assert_int_equal(nlab.n_sent, 258);
}

static void believes_no_unasked_answer(void **state)
{
    const struct talk unasked = {OWN, MAC_A, REPLY, MAC_A, HOST, OWN, "10.0.0.1"};
    const struct talk to_other = {MAC_B, MAC_A, REPLY, MAC_A, HOST, MAC_B, "10.0.0.7"};
    const struct talk to_all = {ALL, MAC_A, REPLY, MAC_A, HOST, OWN, "10.0.0.1"};

    (void)state;
    assert_int_equal(hear(&unasked, 0), API_DROP_NONE);
    assert_null(nlab_entry(HOST, 0));
    nlab_learn(HOST, 0, MAC_A, NLAB_CREATE);
    assert_int_equal(hear(&to_other, 0), API_DROP_NONE);
    assert_int_equal(hear(&to_all, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
}

static void follows_a_gratuitous_one(void **state)
{
    const struct talk moved = {ALL, MAC_B, REQUEST, MAC_B, HOST, NONE, HOST};
    const struct talk back = {ALL, MAC_A, REPLY, MAC_A, HOST, MAC_A, HOST};

    (void)state;
    assert_int_equal(hear(&moved, 0), API_DROP_NONE);
    assert_null(nlab_entry(HOST, 0)); // only who is known already
    nlab_hold(HOST, 0, 1);
    nlab_learn(HOST, 0, MAC_A, NLAB_SOLICITED);
    assert_int_equal(hear(&moved, 0), API_DROP_NONE);
    assert_int_equal(nlab_state(HOST, 0), API_NEIGHBOR_STALE);
    assert_int_equal(nlab_entry(HOST, 0)->mac & NEIGHBOR_MAC, nlab_mac(MAC_B));
    assert_int_equal(hear(&back, 0), API_DROP_NONE);
    assert_int_equal(nlab_entry(HOST, 0)->mac & NEIGHBOR_MAC, nlab_mac(MAC_A));
}

static void refuses_what_cannot_be(void **state)
{
    static const struct talk rows[] = {
        {ALL, MAC_A, REQUEST, MAC_B, HOST, NONE, "10.0.0.1"}, // not from whom it says
        {ALL, "01:00:5e:00:00:01", REQUEST, "01:00:5e:00:00:01", HOST, NONE, "10.0.0.1"},
        {ALL, NONE, REQUEST, NONE, HOST, NONE, "10.0.0.1"},
        {ALL, OWN, REQUEST, OWN, HOST, NONE, "10.0.0.1"}, // our own MAC
        {ALL, MAC_A, 0, MAC_A, HOST, NONE, "10.0.0.1"},
        {ALL, MAC_A, 3, MAC_A, HOST, NONE, "10.0.0.1"},
        {ALL, MAC_A, 0xffff, MAC_A, HOST, NONE, "10.0.0.1"},
        {OWN, MAC_A, REPLY, MAC_A, "0.0.0.0", OWN, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "224.0.0.9", NONE, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "240.0.0.9", NONE, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "255.255.255.255", NONE, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "127.0.0.1", NONE, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "0.0.0.9", NONE, "10.0.0.1"},
        {ALL, MAC_A, REQUEST, MAC_A, "10.0.0.255", NONE, "10.0.0.1"}, // the subnet's broadcast
    };

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(rows); i++) {
        assert_int_equal(hear(&rows[i], 0), DROP_ROUTER_BAD_ARP);
        assert_int_equal(nlab.n_sent, 0);
        assert_int_equal(nlab.state.neighbors->n_used, 0);
    }
}

static void learns_only_on_link(void **state)
{
    const struct talk far = {ALL, MAC_A, REQUEST, MAC_A, "10.9.9.9", NONE, "10.0.0.1"};
    const struct talk routed = {ALL, MAC_A, REQUEST, MAC_A, "192.0.2.7", NONE, "10.0.0.1"};
    const struct talk elsewhere = {ALL, MAC_A, REQUEST, MAC_A, "192.0.2.7", NONE, "10.0.1.1"};

    (void)state;
    assert_int_equal(hear(&far, 0), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 1); // our address is no secret
    assert_null(nlab_entry("10.9.9.9", 0));
    assert_int_equal(hear(&routed, 0), API_DROP_NONE);
    assert_int_equal(nlab_state("192.0.2.7", 0), API_NEIGHBOR_STALE);
    assert_int_equal(hear(&elsewhere, 1), API_DROP_NONE);
    assert_null(nlab_entry("192.0.2.7", 1));
}

// RFC 5227, 2.4: not believed, and contradicted, but no more than once in ten seconds.
static void defends_its_address(void **state)
{
    const struct talk claim = {ALL, MAC_A, REQUEST, MAC_A, "10.0.0.1", NONE, "10.0.0.1"};
    const struct talk reply = {OWN, MAC_A, REPLY, MAC_A, "10.0.0.1", OWN, "10.0.0.9"};
    const struct talk announcement = {ALL, OWN, REQUEST, OWN, "10.0.0.1", NONE, "10.0.0.1"};

    (void)state;
    assert_int_equal(hear(&claim, 0), DROP_ROUTER_BAD_ARP);
    assert_int_equal(nlab.n_sent, 1);
    expect_sent(0, 10, &announcement);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(hear(i % 2 ? &claim : &reply, 0), DROP_ROUTER_BAD_ARP);
    assert_int_equal(nlab.n_sent, 1);
    nlab_pass_ms(10100);
    assert_int_equal(hear(&reply, 0), DROP_ROUTER_BAD_ARP);
    assert_int_equal(nlab.n_sent, 2);
    assert_int_equal(nlab.state.neighbors->n_used, 0);
}

static void shares_answers_with_the_kernel(void **state)
{
    const struct talk answer = {OWN1, MAC_A, REPLY, MAC_A, "10.0.1.9", OWN1, "10.0.1.1"};
    const struct talk other = {MAC_B, MAC_A, REPLY, MAC_A, "10.0.1.9", MAC_B, "10.0.1.7"};
    const struct talk question = {ALL, MAC_A, REQUEST, MAC_A, "10.0.1.9", NONE, "10.0.1.1"};
    struct frame f;

    (void)state;
    nlab_hold("10.0.1.9", 1, 0);
    nlab.n_sent = 0;
    assert_int_equal(hear(&answer, 1), API_DROP_NONE);
    assert_int_equal(nlab_state("10.0.1.9", 1), API_NEIGHBOR_REACHABLE);
    assert_int_equal(nlab.n_sent, 2); // what was held, and the answer as it came
    build(&f, &answer);
    assert_int_equal(nlab.sent[1].attachment, 13);
    assert_int_equal(nlab.sent[1].len, f.len + 18);
    assert_memory_equal(nlab.sent[1].bytes, f.bytes, f.len);
    assert_int_equal(hear(&other, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 2);
    assert_int_equal(hear(&question, 1), API_DROP_NONE);
    assert_int_equal(nlab.n_sent, 3);
    assert_int_equal(nlab.sent[2].attachment, 12); // ours is the only answer
}

static void speaks_from_the_right_address(void **state)
{
    static struct router_address addresses[3] = {
        {4, 8, {10, 7, 7, 7}}, {4, 24, {10, 0, 0, 5}}, {4, 24, {10, 0, 3, 5}}};
    const struct talk narrow = {ALL, OWN, REQUEST, OWN, "10.0.3.5", NONE, "10.0.3.9"};
    const struct talk wide = {ALL, OWN, REQUEST, OWN, "10.7.7.7", NONE, "10.9.9.9"};
    const struct talk routed = {ALL, OWN, REQUEST, OWN, "10.7.7.7", NONE, "192.0.2.9"};
    const struct talk unnumbered = {ALL, OWN, REQUEST, OWN, "10.0.1.1", NONE, "192.0.2.8"};

    (void)state;
    nlab.interfaces[0].addresses = addresses;
    nlab.interfaces[0].n_addresses = 3;
    nlab_hold("10.0.3.9", 0, 1);
    nlab_hold("10.9.9.9", 0, 1);
    nlab_hold("192.0.2.9", 0, 1);
    expect_sent(0, 10, &narrow);
    expect_sent(1, 10, &wide);
    expect_sent(2, 10, &routed);
    nlab.interfaces[0].n_addresses = 0;
    nlab_hold("192.0.2.8", 0, 1);
    expect_sent(3, 10, &unnumbered);
    nlab.interfaces[1].n_addresses = 0;
    nlab_hold("192.0.2.7", 0, 1);
    assert_int_equal(nlab.n_sent, 4); // nobody to speak as
}

static void announces_itself(void **state)
{
    const struct talk announcement = {ALL, OWN, REQUEST, OWN, "10.0.0.1", NONE, "10.0.0.1"};
    unsigned n = 0;

    (void)state;
    nlab.slots[3].n_announcements = 2;
    nlab_pass_ms(500);
    assert_int_equal(nlab.n_sent, 3); // IPv4, IPv6, link-local
    expect_sent(0, 10, &announcement);
    nlab_pass_ms(1000);
    assert_int_equal(nlab.n_sent, 6);
    assert_int_equal(nlab.slots[3].n_announcements, 0);
    nlab_pass_ms(3000);
    assert_int_equal(nlab.n_sent, 6);
    for (unsigned i = 0; i < nlab.n_sent; i++)
        n += nlab.sent[i].attachment == 10;
    assert_int_equal(n, 6);
}

static void announces_many_in_parts(void **state)
{
    static struct router_address addresses[100];

    (void)state;
    for (unsigned i = 0; i < RTE_DIM(addresses); i++)
        addresses[i] = (struct router_address){4, 16, {10, 0, 0, (uint8_t)(i + 1)}};
    nlab.interfaces[0].addresses = addresses;
    nlab.interfaces[0].n_addresses = 100;
    nlab.slots[3].n_announcements = 1;
    nlab.slots[7].n_announcements = 1;
    nlab_tick();
    assert_in_range(nlab.n_sent, 1, 16);
    nlab_pass_ms(900);
    assert_int_equal(nlab.n_sent, 101 + 3);
    assert_int_equal(nlab.slots[3].n_announcements + nlab.slots[7].n_announcements, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, nlab_setup, nlab_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(answers_for_its_address),
        CASE(answers_in_its_buffer_however_cut),
        CASE(answers_a_probe_and_learns_nothing),
        CASE(answers_for_nobody_else),
        CASE(asks_and_is_answered),
        CASE(asks_not_too_often),
        CASE(believes_no_unasked_answer),
        CASE(follows_a_gratuitous_one),
        CASE(refuses_what_cannot_be),
        CASE(learns_only_on_link),
        CASE(defends_its_address),
        CASE(shares_answers_with_the_kernel),
        CASE(speaks_from_the_right_address),
        CASE(announces_itself),
        CASE(announces_many_in_parts),
    };

    return cmocka_run_group_tests(tests, nlab_init, NULL);
}
