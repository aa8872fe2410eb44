// SPDX-License-Identifier: BSD-3-Clause
// Does each kind of packet get its due: first packets that come together, packets of the link, to
// groups, other than IP, ICMP errors in both directions, fragments in any order?

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/parse/parse.h"
#include "dataplane/port/tx.h"
#include "dataplane/walk/walk.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/chain/chain_lab.h"

#define INSIDE "10.0.0.7"
#define MAPPED "198.51.100.7"
#define SERVER "203.0.113.9"
#define HOP "192.0.2.1"

static struct frame out, out_translated, in, in_translated;

static void make_frames(void)
{
    lab_udp(&out, 1, INSIDE, 1000, SERVER, 53);
    lab_udp(&out_translated, 1, MAPPED, 11000, SERVER, 53);
    lab_udp(&in, 0, SERVER, 53, MAPPED, 11000);
    lab_udp(&in_translated, 0, SERVER, 53, INSIDE, 1000);
}

#define N_TOGETHER 3

static void receive_together(const struct frame *const frames[N_TOGETHER],
                             const unsigned ports[N_TOGETHER])
{
    struct walk_context ctx = walk_lab_context();
    struct rte_mbuf *m[N_TOGETHER];

    for (unsigned i = 0; i < N_TOGETHER; i++) {
        m[i] = mbuf_build(walk_lab_pool(), frames[i]->bytes, frames[i]->len, NULL, 0,
                          MBUF_TAILROOM_ANY);
        packet_of(m[i])->in_port = (uint16_t)walk_lab_port(ports[i])->slot;
        packet_of(m[i])->offload = 0;
    }
    parse_burst(m, N_TOGETHER);
    walk_burst(&ctx, m, N_TOGETHER);
    port_tx_flush(ctx.tx);
}

static void first_packets_come_together(void **state)
{
    static const struct frame *const frames[N_TOGETHER] = {&out, &out, &out};
    static const unsigned ports[N_TOGETHER] = {LAB_IN, LAB_IN, LAB_IN};

    (void)state;
    make_frames();
    lab_publish("fn");
    receive_together(frames, ports);
    lab_expect(LAB_OUT, 3, &out_translated);
    assert_string_equal(lab_asked, "fn");
    assert_int_equal(lab_counters().opened, 1);
    assert_int_equal(lab_n_sessions(), 1);
}

static void the_link_speaks_for_itself(void **state)
{
    static struct frame f;

    (void)state;
    lab_firewalls[LAB_FW].out = lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("f");
    frame_ether(&f, "ff:ff:ff:ff:ff:ff", HOST_MAC);
    frame_arp(&f, 1, HOST_MAC, "10.0.0.7", "00:00:00:00:00:00", "10.0.0.1");
    frame_end(&f);
    lab_receive(LAB_IN, &f);
    lab_expect(LAB_OUT, 1, &f);
    assert_string_equal(lab_asked, "");
}

// Judged each for itself, nothing is kept.
static void a_group_has_no_session(void **state)
{
    static struct frame f;

    (void)state;
    lab_publish("fn");
    frame_ether(&f, "ff:ff:ff:ff:ff:ff", HOST_MAC);
    frame_ip4(&f, "0.0.0.0", "255.255.255.255");
    frame_udp(&f, 68, 67);
    frame_payload(&f, 20);
    frame_end(&f);
    lab_receive(LAB_IN, &f);
    lab_receive(LAB_IN, &f);
    lab_expect(LAB_OUT, 2, &f);
    assert_string_equal(lab_asked, "fnfn");
    assert_int_equal(lab_n_sessions(), 0);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 2);
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_receive(LAB_IN, &f);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_FIREWALL_DENIED), 1);
}

// What a NAT would have to change does not get out as it is.
static void a_group_is_not_translated(void **state)
{
    static struct frame f;

    (void)state;
    lab_publish("fn");
    lab_udp(&f, 1, INSIDE, 5353, "224.0.0.251", 5353);
    lab_receive(LAB_IN, &f);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_NAT_NOT_TRANSLATABLE), 1);
    assert_int_equal(lab_firewalls[LAB_FW].n_released, 1);
}

static void other_than_ip_needs_a_chain_without_firewall(void **state)
{
    static struct frame f;

    (void)state;
    frame_ether(&f, GATE_MAC, HOST_MAC);
    frame_type(&f, 0x88b5); // IEEE 802, local experimental
    frame_payload(&f, 50);
    frame_end(&f);
    lab_publish("f");
    lab_receive(LAB_IN, &f);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_CHAIN_NOT_IP), 1);
    lab_publish("n");
    lab_receive(LAB_IN, &f);
    lab_expect(LAB_OUT, 1, &f);
}

static void make_error(struct frame *f, const struct frame *quoted, int is_inside, const char *src,
                       const char *dst)
{
    frame_ether(f, is_inside ? GATE_MAC : HOST_MAC, is_inside ? HOST_MAC : GATE_MAC);
    frame_ip4(f, src, dst);
    frame_icmp(f, 3, 1);
    frame_bytes(f, quoted->bytes + quoted->ip4_off, quoted->len - quoted->ip4_off);
    frame_end(f);
}

// From a hop outside, about a packet that was translated on its way out.
static void an_error_comes_back_in(void **state)
{
    static struct frame error, error_translated;

    (void)state;
    make_frames();
    lab_publish("fn");
    lab_receive(LAB_IN, &out);
    make_error(&error, &out_translated, 0, HOP, MAPPED);
    make_error(&error_translated, &out, 0, HOP, INSIDE);
    lab_receive(LAB_OUT, &error);
    lab_expect(LAB_IN, 1, &error_translated);
    make_error(&error, &out_translated, 0, SERVER, MAPPED); // from the endpoint itself
    make_error(&error_translated, &out, 0, SERVER, INSIDE);
    lab_receive(LAB_OUT, &error);
    lab_expect(LAB_IN, 2, &error_translated);
    assert_string_equal(lab_asked, "fn");
    assert_int_equal(lab_counters().related, 2);
}

// A session is opened a little after its first packet was judged, but before somebody asks for it.
static void what_belongs_to_it_comes_together_with_the_first_packet(void **state)
{
    static struct frame error, error_translated;
    static const struct frame *const frames[N_TOGETHER] = {&out, &error, &in};
    static const unsigned ports[N_TOGETHER] = {LAB_IN, LAB_OUT, LAB_OUT};

    (void)state;
    make_frames();
    lab_publish("fn");
    make_error(&error, &out_translated, 0, HOP, MAPPED);
    make_error(&error_translated, &out, 0, HOP, INSIDE);
    receive_together(frames, ports);
    lab_expect(LAB_OUT, 1, &out_translated);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 2);
    lab_expect(LAB_IN, 2, &in_translated);
    assert_string_equal(lab_asked, "fn");
    assert_int_equal(lab_counters().related, 1);
    assert_int_equal(lab_n_sessions(), 1);
}

// From inside, by the endpoint or a hop before it: nobody outside hears an inside address.
static void an_error_goes_out(void **state)
{
    static const char *const sources[] = {INSIDE, "10.0.0.1"};
    static struct frame error, error_translated;

    (void)state;
    make_frames();
    lab_publish("fn");
    lab_receive(LAB_IN, &out);
    for (unsigned i = 0; i < 2; i++) {
        make_error(&error, &in_translated, 1, sources[i], SERVER);
        make_error(&error_translated, &in, 1, MAPPED, SERVER);
        lab_receive(LAB_IN, &error);
        lab_expect(LAB_OUT, 2 + i, &error_translated);
    }
}

static void an_error_of_no_session_is_dropped(void **state)
{
    static struct frame error;

    (void)state;
    make_frames();
    lab_publish("fn");
    make_error(&error, &out_translated, 0, HOP, MAPPED);
    lab_receive(LAB_OUT, &error);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_ICMP_NO_SESSION), 1);
    lab_publish("f"); // a rule that allows, but is no stateless one
    lab_receive(LAB_OUT, &error);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_ICMP_NO_SESSION), 2);
    lab_firewalls[LAB_FW].is_stateless = 1;
    lab_receive(LAB_OUT, &error);
    lab_expect(LAB_IN, 1, &error);
}

static void an_error_of_a_revoked_session_is_dropped(void **state)
{
    static struct frame error;

    (void)state;
    make_frames();
    lab_publish("fn");
    lab_receive(LAB_IN, &out);
    lab_firewalls[LAB_FW].out = lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_firewalls[LAB_FW].version++;
    make_error(&error, &out_translated, 0, HOP, MAPPED);
    lab_receive(LAB_OUT, &error);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 0);
    assert_int_equal(lab_n_sessions(), 0);
}

// Both fragments of a UDP packet of 16 + 24 bytes behind the IP header.
static void make_fragments(struct frame *first, struct frame *later, const char *src,
                           uint16_t src_port)
{
    frame_ether(first, GATE_MAC, HOST_MAC);
    frame_ip4(first, src, SERVER);
    frame_ip4_fragment(first, 0, 1);
    frame_udp(first, src_port, 53);
    frame_payload(first, 8);
    frame_end(first);
    frame_put16(first, first->l4_off + 4, 40);
    frame_put16(first, first->l4_off + 6, 0); // no checksum: it would count bytes of both
    frame_ether(later, GATE_MAC, HOST_MAC);
    frame_ip4(later, src, SERVER);
    frame_ip4_fragment(later, 16, 0);
    frame_proto(later, 17);
    frame_payload(later, 24);
    frame_end(later);
}

// Both have the new identification of the first.
static void identify_both(struct frame *first, struct frame *later)
{
    uint16_t identification = lab_identification(LAB_OUT, 0);

    lab_identify(first, identification);
    lab_identify(later, identification);
}

static void fragments_follow_the_first(void **state)
{
    static struct frame first, first_translated, later, later_translated;

    (void)state;
    make_fragments(&first, &later, INSIDE, 1000);
    make_fragments(&first_translated, &later_translated, MAPPED, 11000);
    lab_publish("fn");
    lab_receive(LAB_IN, &first);
    identify_both(&first_translated, &later_translated);
    lab_expect(LAB_OUT, 1, &first_translated);
    lab_receive(LAB_IN, &later);
    lab_expect(LAB_OUT, 2, &later_translated);
    assert_string_equal(lab_asked, "fn");
    assert_int_equal(lab_counters().fragments, 1);
}

static void a_fragment_waits_for_the_first(void **state)
{
    static struct frame first, first_translated, later, later_translated;

    (void)state;
    make_fragments(&first, &later, INSIDE, 1000);
    make_fragments(&first_translated, &later_translated, MAPPED, 11000);
    lab_publish("fn");
    lab_receive(LAB_IN, &later);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    lab_receive(LAB_IN, &first);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 2);
    identify_both(&first_translated, &later_translated);
    assert_true(
        mbuf_holds(walk_lab_sent(LAB_OUT, 0), first_translated.bytes, first_translated.len));
    lab_expect(LAB_OUT, 2, &later_translated);
}

static void fragments_are_denied_with_the_first(void **state)
{
    static struct frame first, later;

    (void)state;
    make_fragments(&first, &later, INSIDE, 1000);
    lab_firewalls[LAB_FW].out = FUNCTION_DENY;
    lab_publish("fn");
    lab_receive(LAB_IN, &later);
    lab_receive(LAB_IN, &first);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_FIREWALL_DENIED), 2);
    lab_receive(LAB_IN, &first);
    lab_receive(LAB_IN, &later);
    assert_int_equal(walk_lab_drops(LAB_IN, DROP_FIREWALL_DENIED), 4);
}

// Nobody answers: the tenant may have 500 of those, the oldest goes for the next one.
static void evictions_are_counted(void **state)
{
    static struct frame f;

    (void)state;
    lab_publish("fn");
    for (uint16_t i = 0; i < 503; i++) {
        lab_udp(&f, 1, i % 2 ? INSIDE : "10.0.0.8", (uint16_t)(1000 + i), SERVER, 53);
        lab_receive(LAB_IN, &f);
        if (i == 499)
            assert_int_equal(lab_counters().evicted, 0);
    }
    assert_int_equal(lab_counters().opened, 503);
    assert_int_equal(lab_counters().closed, 3);
    assert_int_equal(lab_counters().evicted, 3);
    assert_int_equal(lab_n_sessions(), 500);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(first_packets_come_together),
        TEST(what_belongs_to_it_comes_together_with_the_first_packet),
        TEST(the_link_speaks_for_itself),
        TEST(a_group_has_no_session),
        TEST(a_group_is_not_translated),
        TEST(other_than_ip_needs_a_chain_without_firewall),
        TEST(an_error_comes_back_in),
        TEST(an_error_goes_out),
        TEST(an_error_of_no_session_is_dropped),
        TEST(an_error_of_a_revoked_session_is_dropped),
        TEST(fragments_follow_the_first),
        TEST(a_fragment_waits_for_the_first),
        TEST(fragments_are_denied_with_the_first),
        TEST(evictions_are_counted),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
