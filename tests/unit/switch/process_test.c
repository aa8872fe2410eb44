// SPDX-License-Identifier: BSD-3-Clause
// Frames in, verdicts out: every way a switch can decide, and what it learned on the way. The
// tables below are the specification; lab.h makes the frames.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/core/clock.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/switch/lab.h"

static const uint8_t a[6] = {0x52, 0x54, 0, 0, 0, 0xa};
static const uint8_t b[6] = {0x52, 0x54, 0, 0, 0, 0xb};
static const uint8_t c[6] = {0x52, 0x54, 0, 0, 0, 0xc};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t multicast[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t zero[6];

static struct lab_generation *start(const struct lab_config *config)
{
    struct lab_generation *g = lab_build(config, NULL);

    assert_non_null(g);
    lab_activate(g, NULL);
    return g;
}

// One frame by itself; its verdict.
static int send_at(const struct lab_generation *g, uint32_t side, const uint8_t *destination,
                   const uint8_t *source, uint32_t now_sec, uint64_t now_tsc)
{
    struct lab_frame frame;

    lab_frame(&frame, side, destination, source);
    lab_process(g, &frame, 1, now_sec, now_tsc);
    return lab_verdict(&frame);
}

static int send(const struct lab_generation *g, uint32_t side, const uint8_t *destination,
                const uint8_t *source)
{
    return send_at(g, side, destination, source, 0, 0);
}

static void number_mac(uint8_t *mac, uint32_t number)
{
    const uint8_t bytes[6] = {2,
                              0,
                              (uint8_t)(number >> 24),
                              (uint8_t)(number >> 16),
                              (uint8_t)(number >> 8),
                              (uint8_t)number};

    memcpy(mac, bytes, sizeof(bytes));
}

static void learns_and_forwards(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config);

    (void)unused;
    assert_int_equal(send(g, 0, b, a), LAB_FLOODED);
    assert_int_equal(lab_side(g, a), 0);
    assert_int_equal(lab_side(g, b), SIDE_NONE);
    assert_int_equal(send(g, 2, a, b), lab_verdict_to(0));
    assert_int_equal(send(g, 0, b, a), lab_verdict_to(2));
    assert_int_equal(send(g, 1, broadcast, c), LAB_FLOODED);
    assert_int_equal(send(g, 1, multicast, c), LAB_FLOODED);
    assert_int_equal(lab_side(g, c), 1);
    assert_int_equal(lab_entry(g, broadcast), 0);
    assert_int_equal(lab_state(g)->table->n_entries, 3);
    lab_destroy(g);
}

static void drops_say_why(void **unused)
{
    static const uint8_t link_local[][6] = {{1, 0x80, 0xc2, 0, 0, 0}, {1, 0x80, 0xc2, 0, 0, 0xf}};
    static const uint8_t beyond[][6] = {{1, 0x80, 0xc2, 0, 0, 0x10}, {1, 0x80, 0xc2, 0, 1, 0}};
    static const uint8_t group_source[6] = {0x53, 0x54, 0, 0, 0, 1};
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;

    (void)unused;
    config.statics[0] = (struct api_static_mac){.member = 1, .mac = {0x52, 0x54, 0, 0, 0, 0xb}};
    config.n_statics = 1;
    g = start(&config);
    assert_int_equal(send(g, 0, b, zero), lab_verdict_drop(DROP_SWITCH_SOURCE_NOT_UNICAST));
    assert_int_equal(send(g, 0, b, broadcast), lab_verdict_drop(DROP_SWITCH_SOURCE_NOT_UNICAST));
    assert_int_equal(send(g, 0, b, group_source), lab_verdict_drop(DROP_SWITCH_SOURCE_NOT_UNICAST));
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(send(g, 0, link_local[i], a), lab_verdict_drop(DROP_SWITCH_LINK_LOCAL));
        assert_int_equal(lab_entry(g, a), 0);
    }
    assert_int_equal(send(g, 0, beyond[0], a), LAB_FLOODED);
    assert_int_equal(send(g, 0, beyond[1], a), LAB_FLOODED);
    assert_int_equal(send(g, 0, a, c), lab_verdict_drop(DROP_SWITCH_SAME_PORT));
    assert_int_equal(lab_side(g, c), 0); // learned all the same
    assert_int_equal(send(g, 0, a, b), lab_verdict_drop(DROP_SWITCH_STATIC_ELSEWHERE));
    assert_int_equal(send(g, 1, a, b), lab_verdict_to(0));
    assert_int_equal(send(g, 2, b, a), lab_verdict_to(1));
    assert_int_equal(lab_side(g, b), 1);
    lab_destroy(g);
}

static void one_member_is_alone(void **unused)
{
    struct lab_config config = lab_plain(1);
    struct lab_generation *g = start(&config);

    (void)unused;
    assert_int_equal(send(g, 0, broadcast, a), lab_verdict_drop(DROP_SWITCH_ALONE));
    assert_int_equal(send(g, 0, multicast, a), lab_verdict_drop(DROP_SWITCH_ALONE));
    assert_int_equal(send(g, 0, b, a), lab_verdict_drop(DROP_SWITCH_ALONE));
    assert_int_equal(send(g, 0, a, b), lab_verdict_drop(DROP_SWITCH_SAME_PORT));
    lab_destroy(g);
}

// Each packet sees what those before it in the same burst taught, and not those behind it.
static void learns_within_a_burst(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g = start(&config);
    struct lab_frame frames[4];

    (void)unused;
    lab_frame(&frames[0], 1, a, b);
    lab_frame(&frames[1], 0, b, a);
    lab_frame(&frames[2], 2, a, b); // b moves
    lab_frame(&frames[3], 0, b, a);
    lab_process(g, frames, 4, 0, 0);
    assert_int_equal(lab_verdict(&frames[0]), LAB_FLOODED);
    assert_int_equal(lab_verdict(&frames[1]), lab_verdict_to(1));
    assert_int_equal(lab_verdict(&frames[2]), lab_verdict_to(0));
    assert_int_equal(lab_verdict(&frames[3]), lab_verdict_to(2));
    lab_destroy(g);
}

// Every burst size, all kinds of frames mixed; the frame behind the burst stays untouched.
static void bursts_of_any_size(void **unused)
{
    static const unsigned sizes[] = {0, 1, 31, 32, 64};
    static struct lab_frame frames[BURST_SIZE + 1];

    (void)unused;
    for (unsigned s = 0; s < RTE_DIM(sizes); s++) {
        struct lab_config config = lab_plain(3);
        struct lab_generation *g = start(&config);

        assert_int_equal(send(g, 1, a, b), LAB_FLOODED);
        for (unsigned i = 0; i < RTE_DIM(frames); i++) {
            static const uint8_t *const destinations[] = {broadcast, b, c, multicast, b};
            static const uint8_t *const sources[] = {a, a, a, a, zero};

            lab_frame(&frames[i], 0, destinations[i % 5], sources[i % 5]);
        }
        lab_process(g, frames, sizes[s], 0, 0);
        for (unsigned i = 0; i < RTE_DIM(frames); i++) {
            const int expected[] = {LAB_FLOODED, lab_verdict_to(1), LAB_FLOODED, LAB_FLOODED,
                                    lab_verdict_drop(DROP_SWITCH_SOURCE_NOT_UNICAST)};

            assert_int_equal(lab_verdict(&frames[i]), i < sizes[s] ? expected[i % 5] : -1);
        }
        lab_destroy(g);
    }
}

// How many of n frames of a class pass at one moment.
static unsigned n_passed(const struct lab_generation *g, const uint8_t *destination, unsigned n,
                         uint64_t now_tsc)
{
    unsigned passed = 0;

    for (unsigned i = 0; i < n; i++)
        passed += send_at(g, 0, destination, a, 0, now_tsc) == LAB_FLOODED;
    return passed;
}

static void storms_are_limited(void **unused)
{
    struct lab_config config = lab_plain(3);
    uint64_t hz = rte_get_tsc_hz(), now = 5 * hz;
    struct lab_generation *g;

    (void)unused;
    config.ports[0].storm_broadcast_pps = 100;   // depth 64
    config.ports[0].storm_multicast_pps = 10000; // depth 1000
    config.ports[0].storm_unknown_pps = 1;
    g = start(&config);
    assert_int_equal(n_passed(g, broadcast, 100, now), 64);
    assert_int_equal(send_at(g, 0, broadcast, a, 0, now), lab_verdict_drop(DROP_STORM_BROADCAST));
    assert_int_equal(n_passed(g, multicast, 1500, now), 1000);
    assert_int_equal(send_at(g, 0, multicast, a, 0, now), lab_verdict_drop(DROP_STORM_MULTICAST));
    assert_int_equal(n_passed(g, b, 100, now), 64);
    assert_int_equal(send_at(g, 0, b, a, 0, now), lab_verdict_drop(DROP_STORM_UNKNOWN));

    // Half a second later: the rate's worth, but never more than the depth.
    now += hz / 2 + 100;
    assert_int_equal(n_passed(g, broadcast, 100, now), 50);
    assert_int_equal(n_passed(g, multicast, 5000, now), 1000);
    assert_int_equal(n_passed(g, b, 10, now), 0);
    // A clock that is a little behind takes nothing and gives nothing.
    assert_int_equal(n_passed(g, broadcast, 10, now - 1000), 0);

    // Other ports have no limit, what is known is no storm, and the source was learned all along.
    for (unsigned i = 0; i < 200; i++)
        assert_int_equal(send_at(g, 1, broadcast, b, 0, now), LAB_FLOODED);
    assert_int_equal(send_at(g, 0, b, a, 0, now), lab_verdict_to(1));
    assert_int_equal(lab_side(g, a), 0);
    lab_destroy(g);
}

static void a_raised_storm_limit_counts_at_once(void **unused)
{
    struct lab_config config = lab_plain(2);
    uint64_t hz = rte_get_tsc_hz(), now = 5 * hz;
    struct lab_generation *g, *next;

    (void)unused;
    config.ports[0].storm_broadcast_pps = 1;
    g = start(&config);
    assert_int_equal(n_passed(g, broadcast, 100, now), 64);
    config.ports[0].storm_broadcast_pps = 1000;
    next = lab_build(&config, NULL);
    assert_non_null(next);
    lab_activate(next, g);
    assert_int_equal(n_passed(next, broadcast, 100, now), 0);
    assert_int_equal(n_passed(next, broadcast, 100, now + hz / 100 + 10), 10);
    lab_destroy(next);
}

// Two VLANs of a port share its limits.
static void limits_belong_to_the_port(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;
    uint8_t mac[6];

    (void)unused;
    config.members[0].outer_vlan = 10;
    config.members[1] = (struct api_member){.port = 0, .outer_vlan = 20};
    config.ports[0].mac_limit = 4;
    config.ports[0].storm_broadcast_pps = 100;
    g = start(&config);
    for (uint32_t i = 0; i < 6; i++) {
        number_mac(mac, i);
        assert_int_equal(send_at(g, i % 2, c, mac, 0, 1), LAB_FLOODED);
        assert_int_equal(lab_side(g, mac), i < 4 ? i % 2 : SIDE_NONE);
    }
    assert_int_equal(lab_state(g)->n_port_full, 2);
    assert_int_equal(lab_state(g)->n_table_full, 0);
    number_mac(mac, 0);
    // Within the port a MAC may move at the limit; between its VLANs frames are forwarded.
    assert_int_equal(send(g, 1, c, mac), LAB_FLOODED);
    assert_int_equal(lab_side(g, mac), 1);
    assert_int_equal(send(g, 0, mac, a), lab_verdict_to(1));
    for (unsigned i = 0; i < 64; i++)
        assert_int_equal(send_at(g, i % 2, broadcast, mac, 0, 1), LAB_FLOODED);
    assert_int_equal(send_at(g, 1, broadcast, mac, 0, 1), lab_verdict_drop(DROP_STORM_BROADCAST));
    lab_destroy(g);
}

static void a_move_needs_room(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;

    (void)unused;
    config.ports[1].mac_limit = 1;
    g = start(&config);
    send(g, 0, c, a);
    send(g, 1, c, b);
    assert_int_equal(send(g, 1, c, a), LAB_FLOODED);
    assert_int_equal(lab_side(g, a), 0);
    assert_int_equal(lab_state(g)->n_port_full, 1);
    send(g, 2, c, b); // makes room
    send(g, 1, c, a);
    assert_int_equal(lab_side(g, a), 1);
    assert_int_equal(lab_side(g, b), 2);
    for (uint16_t port = 0; port < 3; port++)
        assert_int_equal(mac_table_n_of_port(lab_state(g)->table, port), port > 0);
    lab_destroy(g);
}

static void a_full_table_forwards(void **unused)
{
    struct lab_config config = lab_plain(3);
    struct lab_generation *g;
    uint8_t mac[6];

    (void)unused;
    config.mac_table_size = 16;
    g = start(&config);
    for (uint32_t i = 0; i < 20; i++) {
        number_mac(mac, i);
        assert_int_equal(send(g, 0, broadcast, mac), LAB_FLOODED);
    }
    assert_int_equal(lab_state(g)->n_table_full, 4);
    assert_int_equal(lab_state(g)->table->n_entries, 16);
    number_mac(mac, 15);
    assert_int_equal(lab_side(g, mac), 0);
    assert_int_equal(send(g, 1, mac, a), lab_verdict_to(0));
    number_mac(mac, 16);
    assert_int_equal(send(g, 1, mac, a), LAB_FLOODED);
    lab_destroy(g);
}

// The operator is told how many sources were not learned, at most each ten seconds.
static void what_is_not_learned_is_told(void **unused)
{
    struct lab_config config = lab_plain(2);
    int stderr_fd = dup(STDERR_FILENO);
    FILE *told = tmpfile();
    struct lab_generation *g;
    char text[1024] = "";
    uint8_t mac[6];

    (void)unused;
    config.ports[0].mac_limit = 2;
    config.mac_table_size = 16;
    g = start(&config);
    for (uint32_t i = 0; i < 20; i++) {
        number_mac(mac, i);
        send(g, i < 5 ? 0 : 1, broadcast, mac);
    }
    assert_non_null(told);
    fflush(stderr);
    dup2(fileno(told), STDERR_FILENO);
    for (clock_sec_now = 10; clock_sec_now < 40; clock_sec_now++) {
        if (clock_sec_now == 12 || clock_sec_now == 13)
            send(g, 0, broadcast, mac);
        switch_ops.age(&g->function, &g->generation);
    }
    fflush(stderr);
    dup2(stderr_fd, STDERR_FILENO);
    close(stderr_fd);
    rewind(told);
    assert_true(fread(text, 1, sizeof(text) - 1, told) > 0);
    fclose(told);
    assert_non_null(strstr(text, "switch blue/lan: sources not learned so far: 3 at a port's "
                                 "mac-limit, 1 at the MAC table's size\n"));
    assert_non_null(strstr(text, "so far: 5 at a port's mac-limit, 1 at"));
    assert_ptr_equal(strchr(strchr(text, '\n') + 1, '\n') + 1, text + strlen(text)); // two lines
    lab_destroy(g);
    clock_sec_now = 0;
}

static void unheard_macs_age(void **unused)
{
    struct lab_config config = lab_plain(2);
    struct lab_generation *g;
    unsigned n_calls = 0;

    (void)unused;
    config.ageing_sec = 40;
    config.mac_table_size = 4096;
    config.statics[0] = (struct api_static_mac){.member = 1, .mac = {0x52, 0x54, 0, 0, 0, 0xc}};
    config.n_statics = 1;
    g = start(&config);
    send_at(g, 0, broadcast, a, 100, 0);
    send_at(g, 1, broadcast, b, 100, 0);
    send_at(g, 1, broadcast, b, 101, 0); // b is heard again
    clock_sec_now = 139;
    lab_age(g);
    assert_int_equal(lab_side(g, a), 0);
    clock_sec_now = 140;
    do
        n_calls++, switch_ops.age(&g->function, &g->generation);
    while (lab_state(g)->age_cursor != 0);
    // Some ten calls a second, a quarter of the ageing time; and not all at once.
    assert_in_range(n_calls, 40, 10 * 40 / 4);
    assert_int_equal(lab_entry(g, a), 0);
    assert_int_equal(lab_side(g, b), 1);
    assert_int_equal(lab_side(g, c), 1);
    assert_int_equal(mac_table_n_of_port(lab_state(g)->table, 0), 0);
    assert_int_equal(mac_table_n_of_port(lab_state(g)->table, 1), 2);
    // A worker's clock that is ahead of ours makes nothing old.
    send_at(g, 0, broadcast, a, 200, 0);
    clock_sec_now = 199;
    lab_age(g);
    assert_int_equal(lab_side(g, a), 0);
    assert_int_equal(lab_entry(g, b), 0);
    lab_destroy(g);
    clock_sec_now = 0;
}

static void ageing_of_zero_is_never(void **unused)
{
    struct lab_config config = lab_plain(2);
    struct lab_generation *g;

    (void)unused;
    config.ageing_sec = 0;
    g = start(&config);
    send(g, 0, broadcast, a);
    clock_sec_now = UINT32_MAX / 2 - 1;
    lab_age(g);
    assert_int_equal(lab_side(g, a), 0);
    lab_destroy(g);
    clock_sec_now = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_forwards),
        cmocka_unit_test(drops_say_why),
        cmocka_unit_test(one_member_is_alone),
        cmocka_unit_test(learns_within_a_burst),
        cmocka_unit_test(bursts_of_any_size),
        cmocka_unit_test(storms_are_limited),
        cmocka_unit_test(a_raised_storm_limit_counts_at_once),
        cmocka_unit_test(limits_belong_to_the_port),
        cmocka_unit_test(a_move_needs_room),
        cmocka_unit_test(a_full_table_forwards),
        cmocka_unit_test(what_is_not_learned_is_told),
        cmocka_unit_test(unheard_macs_age),
        cmocka_unit_test(ageing_of_zero_is_never),
    };

    mbuf_eal_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
