// SPDX-License-Identifier: BSD-3-Clause
// Does each translated packet that may be cut in pieces get an identification of its own (RFC 7857,
// 10; RFC 6864, 4 and 5.3.1), and does every other one keep what it has? Fragments: kinds_test.c.

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/chain/packet.h"
#include "dataplane/session/identification.h"
#include "tests/unit/chain/chain_lab.h"

#define INSIDE "10.0.0.7"
#define MAPPED "198.51.100.7"
#define SERVER "203.0.113.9"
#define ID 4711

static void make(struct frame *f, int is_inside, const char *src, uint16_t src_port,
                 const char *dst, uint16_t dst_port)
{
    lab_udp(f, is_inside, src, src_port, dst, dst_port);
    lab_identify(f, ID);
}

static void let_be_cut(struct frame *f)
{
    frame_put16(f, f->ip4_off + 6, 0);
    lab_identify(f, ID);
}

// *from comes in, and goes out as *to but for the identification, which is returned.
static uint16_t identified(unsigned in, const struct frame *from, unsigned out, struct frame *to)
{
    uint16_t identification;

    lab_receive(in, from);
    identification = lab_identification(out, walk_lab_n_sent(out) - 1);
    lab_identify(to, identification);
    lab_expect(out, walk_lab_n_sent(out), to);
    return identification;
}

static void what_may_be_cut_gets_its_own(void **state)
{
    static struct frame out, out_translated, in, in_translated;
    uint16_t last, next;

    (void)state;
    make(&out, 1, INSIDE, 1000, SERVER, 53);
    make(&out_translated, 1, MAPPED, 11000, SERVER, 53);
    make(&in, 0, SERVER, 53, MAPPED, 11000);
    make(&in_translated, 0, SERVER, 53, INSIDE, 1000);
    let_be_cut(&out);
    let_be_cut(&out_translated);
    let_be_cut(&in);
    let_be_cut(&in_translated);
    lab_publish("fn");
    last = identified(LAB_IN, &out, LAB_OUT, &out_translated);
    for (unsigned i = 0; i < 10; i++) {
        next = identified(LAB_IN, &out, LAB_OUT, &out_translated);
        assert_int_not_equal(next, last);
        last = next;
    }
    last = identified(LAB_OUT, &in, LAB_IN, &in_translated);
    assert_int_not_equal(identified(LAB_OUT, &in, LAB_IN, &in_translated), last);
}

static void others_keep_theirs(void **state)
{
    static struct frame atomic, translated, plain;

    (void)state;
    make(&atomic, 1, INSIDE, 1000, SERVER, 53);
    make(&translated, 1, MAPPED, 11000, SERVER, 53);
    lab_publish("fn");
    lab_receive(LAB_IN, &atomic);
    lab_expect(LAB_OUT, 1, &translated);
    make(&plain, 1, "192.0.2.1", 1000, SERVER, 53);
    let_be_cut(&plain);
    lab_receive(LAB_IN, &plain);
    lab_expect(LAB_OUT, 2, &plain);
}

static struct session_tuple tuple_of(uint8_t last_byte)
{
    struct session_tuple t = {.family = 4, .protocol = 17};

    memcpy(t.source, (const uint8_t[]){198, 51, 100, 7}, 4);
    memcpy(t.destination, (const uint8_t[]){203, 0, 113, last_byte}, 4);
    return t;
}

// Of 65535 packets between two addresses no two have the same, and none has 0.
static void none_comes_again_soon(void **state)
{
    static uint8_t seen[65536];
    const struct session_tuple to = tuple_of(9);
    const struct packet p = {.flags = PACKET_IP4 | PACKET_L4, .l4_proto = 17};

    (void)state;
    for (unsigned i = 0; i < 65535; i++) {
        uint16_t identification = identification_next(&p, to.source, to.destination);

        assert_int_not_equal(identification, 0);
        assert_int_equal(seen[identification]++, 0);
    }
}

// Those to other addresses begin elsewhere: not all of a host's count one counter up.
static void destinations_are_apart(void **state)
{
    const struct packet p = {.flags = PACKET_IP4 | PACKET_L4, .l4_proto = 17};
    const struct session_tuple to = tuple_of(1);
    uint16_t first = identification_next(&p, to.source, to.destination);
    unsigned n_near = 0;

    (void)state;
    for (uint8_t i = 2; i < 250; i++) {
        const struct session_tuple other = tuple_of(i);

        n_near +=
            (uint16_t)(identification_next(&p, other.source, other.destination) - first) < 256;
    }
    assert_true(n_near < 25);
}

// A TSO frame is cut into segments whose identifications follow its own.
static void segments_count(void **state)
{
    const struct session_tuple to = tuple_of(9);
    struct packet p = {.flags = PACKET_IP4 | PACKET_L4,
                       .l4_proto = 6,
                       .offload = PACKET_TSO,
                       .gso_size = 1000,
                       .payload_off = 54,
                       .l3_end = 54 + 4001};
    uint16_t first;

    (void)state;
    do
        first = identification_next(&p, to.source, to.destination);
    while (first > UINT16_MAX - 5); // 0 is passed by
    assert_int_equal(identification_next(&p, to.source, to.destination), first + 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_may_be_cut_gets_its_own), TEST(others_keep_theirs), TEST(none_comes_again_soon),
        TEST(destinations_are_apart),       TEST(segments_count),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
