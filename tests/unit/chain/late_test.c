// SPDX-License-Identifier: BSD-3-Clause
// Is the sender of a SYN that nobody wants told so, after six seconds, and only if nothing has come
// of it (RFC 5382, REQ-4)? The NAT of the lab says of whom.

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include <rte_cycles.h>
#include <rte_ether.h>

#include "dataplane/port/tx.h"
#include "tests/unit/chain/chain_lab.h"

#define INSIDE "10.0.0.7"
#define MAPPED "198.51.100.7"
#define OWNED "192.0.2.1" // behind the NAT, not translated
#define CLIENT "203.0.113.9"

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static struct frame syn;

// So many milliseconds from now; the limit of answers a second has it that none is earlier than
// those before.
static void tick_in(unsigned ms)
{
    struct walk_context ctx = walk_lab_context();

    ctx.now_tsc += rte_get_tsc_hz() / 1000 * ms;
    chain_late_tick(lab_state()->active, &ctx);
    port_tx_flush(ctx.tx);
}

static void receive(unsigned port, const char *src, uint16_t src_port, const char *dst,
                    uint16_t dst_port, uint8_t flags)
{
    const char *const addresses[2] = {src, dst};
    const uint16_t ports[2] = {src_port, dst_port};

    lab_tcp(&syn, port == LAB_IN, addresses, ports, flags);
    lab_receive(port, &syn);
}

// One SYN to the mapping, which its filter stops.
static void start(const char *functions)
{
    lab_nats[LAB_NAT].is_told_late = 1;
    lab_nats[LAB_NAT].in = FUNCTION_DENY;
    lab_publish(functions);
    receive(LAB_OUT, CLIENT, 40000, MAPPED, 11000, SYN);
}

// The answer that was sent last is a port unreachable about `syn`.
static void expect_answer(unsigned n)
{
    const uint8_t *bytes;
    uint32_t ip_len = syn.len - RTE_ETHER_HDR_LEN;

    assert_int_equal(walk_lab_n_sent(LAB_OUT), n);
    bytes = rte_pktmbuf_mtod(walk_lab_sent(LAB_OUT, n - 1), const uint8_t *);
    assert_memory_equal(bytes, syn.bytes + 6, 6);
    assert_memory_equal(bytes + 6, syn.bytes, 6);
    bytes += RTE_ETHER_HDR_LEN;
    assert_int_equal(bytes[9], IPPROTO_ICMP);
    assert_memory_equal(bytes + 12, syn.bytes + RTE_ETHER_HDR_LEN + 16, 4);
    assert_memory_equal(bytes + 16, syn.bytes + RTE_ETHER_HDR_LEN + 12, 4);
    assert_int_equal(bytes[20], 3);
    assert_int_equal(bytes[21], 3);
    assert_memory_equal(bytes + 28, syn.bytes + RTE_ETHER_HDR_LEN, ip_len);
}

static void it_is_told_after_six_seconds(void **state)
{
    (void)state;
    start("fn");
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_NAT_FILTERED), 1);
    tick_in(5800);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    tick_in(6500);
    expect_answer(1);
    assert_int_equal(lab_counters().rejected, 1);
    tick_in(6500);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 1);
}

// It goes on to who may own the address.
static void so_it_is_where_nobody_answers(void **state)
{
    (void)state;
    start("fn");
    lab_nats[LAB_NAT].in = FUNCTION_ALLOW;
    receive(LAB_OUT, CLIENT, 40001, OWNED, 80, SYN);
    assert_int_equal(walk_lab_n_sent(LAB_IN), 1);
    tick_in(6500);
    expect_answer(2);
}

static void who_was_answered_is_not_told(void **state)
{
    (void)state;
    lab_nats[LAB_NAT].is_told_late = 1;
    lab_publish("fn");
    for (unsigned i = 0; i < 2; i++) {
        receive(LAB_OUT, CLIENT, (uint16_t)(40001 + i), OWNED, 80, SYN);
        receive(LAB_IN, OWNED, 80, CLIENT, (uint16_t)(40001 + i), i == 0 ? SYN | ACK : RST | ACK);
    }
    tick_in(6500);
    assert_int_equal(lab_counters().rejected, 0);
}

static void an_opening_from_inside_is_not_told(void **state)
{
    unsigned n;

    (void)state;
    start("fn");
    receive(LAB_IN, INSIDE, 1000, CLIENT, 40000, SYN);
    n = walk_lab_n_sent(LAB_OUT);
    assert_int_equal(n, 1);
    tick_in(6500);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), n);
}

// REQ-4 a. It stands inside of the NAT, which has let the SYN pass.
static void a_firewall_decides_for_itself(void **state)
{
    (void)state;
    lab_nats[LAB_NAT].is_told_late = 1;
    lab_firewalls[LAB_FW].in = FUNCTION_DENY;
    lab_publish("fn");
    receive(LAB_OUT, CLIENT, 40001, OWNED, 80, SYN);
    assert_int_equal(walk_lab_drops(LAB_OUT, DROP_FIREWALL_DENIED), 1);
    tick_in(6500);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
}

static void only_a_syn_waits(void **state)
{
    static struct frame udp;

    (void)state;
    start("fn");
    receive(LAB_OUT, CLIENT, 40000, MAPPED, 11000, ACK);
    receive(LAB_OUT, CLIENT, 40000, MAPPED, 11000, SYN | ACK);
    lab_udp(&udp, 0, CLIENT, 40000, MAPPED, 11000);
    lab_receive(LAB_OUT, &udp);
    assert_int_equal(lab_state()->late.n, 1);
}

// A flood gets some answers, in its order, and no more.
static void not_all_of_a_flood(void **state)
{
    (void)state;
    start("fn");
    for (unsigned i = 1; i < 3 * CHAIN_LATE_MAX; i++)
        receive(LAB_OUT, CLIENT, (uint16_t)(40000 + i), MAPPED, 11000, SYN);
    for (unsigned i = 0; i < CHAIN_LATE_MAX; i++)
        tick_in(6500);
    receive(LAB_OUT, CLIENT, 40000 + CHAIN_LATE_MAX - 1, MAPPED, 11000, SYN);
    expect_answer(CHAIN_LATE_MAX);
    tick_in(6500);
    expect_answer(CHAIN_LATE_MAX + 1);
}

// The chain's ends have other numbers in the next generation.
static void a_commit_changes_nothing(void **state)
{
    (void)state;
    start("fn");
    lab_publish("fgn");
    tick_in(6500);
    expect_answer(1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_is_told_after_six_seconds),
        TEST(so_it_is_where_nobody_answers),
        TEST(who_was_answered_is_not_told),
        TEST(an_opening_from_inside_is_not_told),
        TEST(a_firewall_decides_for_itself),
        TEST(only_a_syn_waits),
        TEST(not_all_of_a_flood),
        TEST(a_commit_changes_nothing),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
