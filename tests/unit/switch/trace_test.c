// SPDX-License-Identifier: BSD-3-Clause
// What a switch tells of its decisions: which frames' way may be kept, what it depends on, and that
// whatever changes it changes a number. switch_model_test.c plays all of it at random.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/clock.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/unit/switch/lab.h"

static const uint8_t a[6] = {0x52, 0x54, 0, 0, 0, 0xa};
static const uint8_t b[6] = {0x52, 0x54, 0, 0, 0, 0xb};
static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct lab_generation *g;
static struct lab_config config;

static uint16_t place_of(const uint8_t *mac)
{
    return mac_table_place(lab_state(g)->table, mac_key(mac));
}

static int send_at(uint32_t side, const uint8_t *destination, const uint8_t *source,
                   uint32_t now_sec)
{
    struct lab_frame frame;

    lab_frame(&frame, side, destination, source);
    lab_process(g, &frame, 1, now_sec, 0);
    assert_int_equal(frame.p.plain == PACKET_PLAIN, 0);
    return frame.p.plain == PACKET_PLAIN_LEARNED;
}

// Whether the way of such a frame may be kept.
static int send(uint32_t side, const uint8_t *destination, const uint8_t *source)
{
    return send_at(side, destination, source, 0);
}

static void commit(void)
{
    struct lab_generation *next = lab_build(&config, NULL);

    assert_non_null(next);
    lab_activate(next, g);
    g = next;
}

// Four members, a at the first, b at the second.
static int setup(void **unused)
{
    (void)unused;
    memset(&lab_past, 0, sizeof(lab_past));
    g = NULL;
    config = lab_plain(4);
    commit();
    while (place_of(a) == place_of(b))
        walk_version_secret[0]++;
    send(0, broadcast, a);
    send(1, broadcast, b);
    return 0;
}

static int teardown(void **unused)
{
    (void)unused;
    lab_destroy(g);
    clock_sec_now = 0;
    return 0;
}

// The numbers of both, and what they were when they were looked at last.
static uint32_t before[2];

static void look(void)
{
    before[0] = walk_version(place_of(a));
    before[1] = walk_version(place_of(b));
}

static int has_a_changed(void)
{
    return walk_version(place_of(a)) != before[0];
}

static int has_b_changed(void)
{
    return walk_version(place_of(b)) != before[1];
}

static void a_known_way_is_noted(void **unused)
{
    const struct walk_trace *t;

    (void)unused;
    walk_version_bump(place_of(a));
    assert_int_equal(send(0, b, a), 1);
    t = lab_trace(0);
    assert_int_equal(t->is_broken, 0);
    assert_int_equal(t->own.n, 1);
    assert_int_equal(t->own.places[0], place_of(a));
    assert_int_equal(t->own.sum, walk_version(place_of(a)));
    assert_int_equal(t->shared.n, 1);
    assert_int_equal(t->shared.places[0], place_of(b));
    assert_int_equal(t->shared.sum, walk_version(place_of(b)));
    assert_int_equal(t->next_hop, walk_mix(0, mac_key(b)));
    assert_int_equal(t->n_routers, 0);
    // Behind another switch the source is still this flow's own.
    lab_past.n_hops = 1;
    lab_past.next_hop = 77;
    assert_int_equal(send(0, b, a), 1);
    assert_int_equal(t->own.places[0], place_of(a));
    assert_int_equal(t->shared.n, 1);
    assert_int_equal(t->next_hop, walk_mix(77, mac_key(b)));
    // Behind a router both MACs are those of all that go this way.
    lab_past.n_routers = 1;
    assert_int_equal(send(0, b, a), 1);
    assert_int_equal(t->own.n, 0);
    assert_int_equal(t->shared.n, 2);
    assert_int_equal(t->shared.places[0], place_of(b));
    assert_int_equal(t->shared.places[1], place_of(a));
    assert_int_equal(t->next_hop, 77);
}

static void frames_without_a_trace_note_nothing(void **unused)
{
    struct lab_frame frames[2];
    struct rte_mbuf *m[2] = {&frames[0].m, &frames[1].m};
    struct walk_traces traces = {.n = 1, .t[0] = {.m = m[1]}};
    struct walk_context ctx = {.generation = &g->generation, .traces = &traces};

    (void)unused;
    for (unsigned i = 0; i < 2; i++)
        lab_frame(&frames[i], 0, b, a);
    frames[0].p.trace = 1; // of a burst that is over
    switch_ops.process(&g->function, &ctx, m, 2);
    assert_int_equal(traces.t[0].own.n + traces.t[0].shared.n, 0);
    ctx.traces = NULL;
    frames[1].p.trace = 1;
    switch_ops.process(&g->function, &ctx, m, 2);
    assert_int_equal(traces.t[0].own.n + traces.t[0].shared.n, 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(lab_verdict(&frames[i]), lab_verdict_to(1));
}

static void what_walks_again_is_not_plain(void **unused)
{
    static const uint8_t multicast[6] = {0x33, 0x33, 0, 0, 0, 1}, zero[6];
    static const uint8_t link_local[6] = {1, 0x80, 0xc2, 0, 0, 0};
    static const uint8_t c[6] = {0x52, 0x54, 0, 0, 0, 0xc}, d[6] = {0x52, 0x54, 0, 0, 0, 0xd};

    (void)unused;
    assert_int_equal(send(0, broadcast, a), 0);
    assert_int_equal(send(0, multicast, a), 0);
    assert_int_equal(send(0, link_local, a), 0);
    assert_int_equal(send(0, c, a), 0); // unknown
    assert_int_equal(send(0, b, zero), 0);
    assert_int_equal(send(0, b, broadcast), 0);
    assert_int_equal(send(0, a, a), 0); // where it came from
    assert_int_equal(send(2, b, c), 0); // c is new
    assert_int_equal(send(2, b, c), 1);
    assert_int_equal(send(3, b, c), 0); // and has moved
    assert_int_equal(send(3, b, c), 1);
    config.statics[config.n_statics] = (struct api_static_mac){.member = 2};
    memcpy(config.statics[config.n_statics++].mac, d, sizeof(d));
    config.ports[3].mac_limit = 1;
    commit();
    assert_int_equal(send(2, b, d), 1); // needs not be learned
    assert_int_equal(send(3, b, d), 0); // is elsewhere
    assert_int_equal(send(3, d, c), 1);
    assert_int_equal(send(3, d, (const uint8_t[6]){2, 0, 0, 0, 0, 1}), 0); // finds no room
    assert_int_equal(send(3, d, (const uint8_t[6]){2, 0, 0, 0, 0, 1}), 0);
}

static void a_move_is_told(void **unused)
{
    (void)unused;
    look();
    send(2, a, b);
    assert_true(has_b_changed() && !has_a_changed());
    look();
    send(3, b, a);
    assert_true(has_a_changed() && !has_b_changed());
    // To stay, to be new and what others do is nothing.
    look();
    for (uint32_t i = 0; i < 50; i++) {
        const uint8_t other[6] = {2, 0, 0, 0, 1, (uint8_t)i};

        if (place_of(other) == place_of(a) || place_of(other) == place_of(b))
            continue;
        send_at(0, a, other, i);
        send_at(1, b, other, i);
        send_at(3, other, a, i);
        send_at(2, other, b, i);
    }
    assert_true(!has_a_changed() && !has_b_changed());
}

static void what_becomes_static_is_told(void **unused)
{
    (void)unused;
    config.statics[config.n_statics] = (struct api_static_mac){.member = 3};
    memcpy(config.statics[config.n_statics++].mac, b, sizeof(b));
    look();
    commit();
    assert_true(has_b_changed() && !has_a_changed());
    look();
    commit(); // the same
    assert_true(!has_b_changed() && !has_a_changed());
    config.statics[0].member = 2;
    commit();
    assert_true(has_b_changed() && !has_a_changed());
    look();
    config.n_statics = 0;
    commit();
    assert_int_equal(lab_entry(g, b), 0);
    assert_true(has_b_changed() && !has_a_changed());
}

static void what_goes_is_told(void **unused)
{
    (void)unused;
    look();
    config.members[1] = config.members[3]; // b's member is gone
    config.n_members = 3;
    commit();
    assert_int_equal(lab_entry(g, b), 0);
    assert_true(has_b_changed() && !has_a_changed());
    look();
    clock_sec_now = 300;
    lab_age(g);
    assert_int_equal(lab_entry(g, a), 0);
    assert_true(has_a_changed());
}

// What flows carry is not seen here: before a MAC ages, they walk.
static void a_silent_mac_is_looked_for(void **unused)
{
    (void)unused;
    look();
    send_at(1, a, b, 1);
    clock_sec_now = 150;
    lab_age(g);
    assert_true(!has_a_changed() && !has_b_changed());
    clock_sec_now = 151;
    lab_age(g);
    assert_true(has_a_changed() && !has_b_changed());
    send_at(0, b, a, 152);
    look();
    clock_sec_now = 300;
    lab_age(g);
    assert_int_equal(lab_side(g, a), 0);
    assert_int_equal(lab_side(g, b), 1);
    assert_true(!has_a_changed());
    assert_true(has_b_changed());
}

// Flows outlive a table of another size; what finds no room there is told.
static void another_table_goes_on(void **unused)
{
    unsigned n_lost = 0;

    (void)unused;
    look();
    config.mac_table_size = 5000;
    commit();
    assert_true(!has_a_changed() && !has_b_changed());
    send(2, a, b);
    assert_true(!has_a_changed() && has_b_changed());
    look();
    config.mac_table_size = 1;
    commit();
    n_lost += lab_entry(g, a) == 0 && has_a_changed();
    n_lost += lab_entry(g, b) == 0 && has_b_changed();
    assert_int_equal(n_lost, 1);
    assert_true(!has_a_changed() || !has_b_changed());
}

static void a_switch_that_was_gone_is_another(void **unused)
{
    uint64_t fingerprint = switch_ops.fingerprint(&g->function);

    (void)unused;
    config.mac_table_size *= 2;
    config.n_members--;
    commit();
    assert_int_equal(switch_ops.fingerprint(&g->function), fingerprint);
    for (unsigned i = 0; i < 8; i++) {
        lab_destroy(g);
        g = NULL;
        commit();
        assert_int_not_equal(switch_ops.fingerprint(&g->function), fingerprint);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_known_way_is_noted),
        TEST(frames_without_a_trace_note_nothing),
        TEST(what_walks_again_is_not_plain),
        TEST(a_move_is_told),
        TEST(what_becomes_static_is_told),
        TEST(what_goes_is_told),
        TEST(a_silent_mac_is_looked_for),
        TEST(another_table_goes_on),
        TEST(a_switch_that_was_gone_is_another),
    };

    mbuf_eal_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
