// SPDX-License-Identifier: BSD-3-Clause
// Do connections go on, whoever of the two speaks next, when a guest comes between the functions
// that know them? And only those: what a guest makes up begins as everything does. The test itself
// plays the guest.

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <rte_cycles.h>

#include "dataplane/core/counters.h"
#include "tests/unit/chain/chain_lab.h"

#define INSIDE "10.0.0.7"
#define MAPPED "198.51.100.7"
#define SERVER "203.0.113.9"
#define HOP "192.0.2.1"
#define SYN 0x02
#define ACK 0x10

static struct frame out, out_translated, in, in_translated;

static void make_frames(void)
{
    lab_udp(&out, 1, INSIDE, 1000, SERVER, 53);
    lab_udp(&out_translated, 1, MAPPED, 11000, SERVER, 53);
    lab_udp(&in, 0, SERVER, 53, MAPPED, 11000);
    lab_udp(&in_translated, 0, SERVER, 53, INSIDE, 1000);
}

// A connection from inside, where what begins outside is denied; then the guest comes.
static void begin(const char *before, const char *after)
{
    make_frames();
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish(before);
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    lab_publish(after);
}

static void the_next_packet_comes_from_outside(void **state)
{
    (void)state;
    begin("fn", "fDn");
    for (unsigned i = 1; i <= 2; i++) {
        lab_receive(LAB_OUT, &in);
        lab_expect(LAB_GUEST_OUT, i, &in_translated);
        lab_receive(LAB_GUEST_IN, &in_translated);
        lab_expect(LAB_IN, i, &in_translated);
    }
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_GUEST_IN, 1, &out);
    assert_int_equal(lab_firewalls[LAB_FW].n_asked[FUNCTION_FIRST], 1);
    assert_int_equal(lab_firewalls[LAB_FW].n_asked[FUNCTION_AGAIN], 1);
    assert_int_equal(lab_n_sessions(), 1);
}

static void the_next_packet_comes_from_inside(void **state)
{
    (void)state;
    begin("fn", "fDn");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_GUEST_IN, 1, &out);
    lab_receive(LAB_GUEST_IN, &in_translated);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_int_equal(lab_firewalls[LAB_FW].n_asked[FUNCTION_FIRST], 1);
}

// The firewall behind the NAT sees outside addresses.
static void the_firewall_lies_outside(void **state)
{
    (void)state;
    begin("nf", "nDf");
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_GUEST_OUT, 1, &in);
    lab_receive(LAB_GUEST_OUT, &out_translated);
    lab_expect(LAB_OUT, 2, &out_translated);
    assert_int_equal(lab_firewalls[LAB_FW].n_asked[FUNCTION_FIRST], 1);
}

static void an_error_finds_its_session(void **state)
{
    static struct frame error;

    (void)state;
    begin("fn", "fDn");
    frame_ether(&error, HOST_MAC, GATE_MAC);
    frame_ip4(&error, HOP, INSIDE);
    frame_icmp(&error, 3, 4);
    frame_bytes(&error, out.bytes + out.ip4_off, 28);
    frame_end(&error);
    lab_receive(LAB_GUEST_IN, &error);
    lab_expect(LAB_IN, 1, &error);
}

// Of each session, by its chain's number.
static void write_down(struct session *s, void *context)
{
    struct session *seen = context;

    seen[s->chain] = *s;
}

// It is open for the segment, too, and in the middle of its numbers.
static void tcp_keeps_its_state(void **state)
{
    static const char *const there[] = {INSIDE, SERVER}, *const back[] = {SERVER, MAPPED},
                             *const beyond[] = {SERVER, INSIDE};
    static const uint16_t ports[] = {1000, 80}, back_ports[] = {80, 11000},
                          beyond_ports[] = {80, 1000}, other_ports[] = {81, 1000};
    static struct session seen[16];
    const struct session *whole, *part;
    static struct frame f;
    uint32_t cursor = 0;

    (void)state;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("fn");
    lab_tcp(&f, 1, there, ports, SYN);
    lab_receive(LAB_IN, &f);
    lab_tcp(&f, 0, back, back_ports, SYN | ACK);
    lab_receive(LAB_OUT, &f);
    lab_publish("fDn");
    lab_tcp(&f, 0, beyond, beyond_ports, SYN | ACK); // once more
    lab_receive(LAB_GUEST_IN, &f);
    lab_expect(LAB_IN, 2, &f);
    lab_tcp(&f, 0, beyond, other_ports, SYN | ACK); // of no connection there was
    lab_receive(LAB_GUEST_IN, &f);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 2);

    session_visit(&cursor, 4096, write_down, seen);
    whole = &seen[session_chain_id("blue", "edge")];
    part = &seen[session_chain_id("blue", "edge<1")];
    assert_int_equal(part->valid, SESSION_VALID);
    assert_int_equal(part->protocol_state, whole->protocol_state);
    assert_int_equal(part->timeout, whole->timeout);
    assert_int_equal(part->is_half_open, whole->is_half_open);
    assert_memory_equal(part->tcp, whole->tcp, sizeof(whole->tcp));
}

static void what_is_denied_now_is_not_taken_over(void **state)
{
    (void)state;
    begin("fn", "fDn");
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_receive(LAB_GUEST_IN, &in_translated);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(walk_lab_drops(LAB_GUEST_IN, DROP_FIREWALL_DENIED), 1);
}

// Limits hold here, too, and what the functions have kept is given back.
static void what_finds_no_room_is_given_back(void **state)
{
    struct api_tenant *tenant;
    struct model *model;
    uint32_t n;

    (void)state;
    begin("fn", "fDn");
    model = lab_model(API_ON_FAILURE_BLOCK);
    tenant = (struct api_tenant *)(uintptr_t)model_items(model, API_TENANT, &n);
    tenant->source_session_limit = 1;
    lab_add_chain(model, "fDn");
    walk_lab_publish(model);
    lab_receive(LAB_GUEST_IN, &in_translated);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 2); // with what the first place has kept
}

static void a_guest_opens_nothing_for_itself(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("fn");
    lab_publish("fDn");
    rte_delay_ms(3);
    lab_receive(LAB_GUEST_OUT, &out); // nobody inside has sent that
    lab_expect(LAB_OUT, 1, &out_translated);
    lab_receive(LAB_GUEST_IN, &in_translated);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(walk_lab_drops(LAB_GUEST_IN, DROP_FIREWALL_DENIED), 1);
}

// Nor does it wait until another function comes beside it.
static void a_later_change_opens_nothing_for_it(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("fn");
    lab_publish("fDn");
    rte_delay_ms(3);
    lab_receive(LAB_GUEST_OUT, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    rte_delay_ms(3);
    lab_publish("fgDn");
    lab_receive(LAB_GUEST_IN, &in_translated);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(walk_lab_drops(LAB_GUEST_IN, DROP_FIREWALL_DENIED), 1);
}

// Nor by a restart, behind which all sessions of the process before are old ones: what the guest
// has kept to itself the firewall behind it has never allowed.
static void a_restart_opens_nothing_for_it(void **state)
{
    (void)state;
    make_frames();
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("nDf");
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_GUEST_IN, 1, &out_translated);
    lab_restart();
    lab_publish("nDf");
    assert_int_equal(lab_n_sessions(), 1);
    lab_receive(LAB_OUT, &in);
    assert_int_equal(walk_lab_n_sent(LAB_GUEST_OUT), 0);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_FIREWALL_DENIED), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_next_packet_comes_from_outside),
        TEST(the_next_packet_comes_from_inside),
        TEST(the_firewall_lies_outside),
        TEST(an_error_finds_its_session),
        TEST(tcp_keeps_its_state),
        TEST(what_is_denied_now_is_not_taken_over),
        TEST(what_finds_no_room_is_given_back),
        TEST(a_guest_opens_nothing_for_itself),
        TEST(a_later_change_opens_nothing_for_it),
        TEST(a_restart_opens_nothing_for_it),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
