// SPDX-License-Identifier: BSD-3-Clause
// Do cables lead where their chains say: from port to port, from switch to switch, to a function
// with sides and timers of its own; and does a loop of them end? The function here passes frames
// from one side to the next, or takes them.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/port/tx.h"
#include "dataplane/switch/switch.h"
#include "dataplane/walk/egress.h"
#include "dataplane/walk/queue.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"
#include "tests/lib/walk_lab.h"

#define VM1 "52:54:00:00:00:01"
#define VM2 "52:54:00:00:00:02"
#define ALL "ff:ff:ff:ff:ff:ff"

enum { PORT_A, PORT_B, PORT_C, PORT_TRUNK, N_PORTS };
enum { SWITCH_ONE, SWITCH_TWO, N_SWITCHES };

// Each router of the model is one of these: what enters at its first interface leaves by its
// second and the other way round; a frame to VM2's MAC is kept.
static unsigned n_kept, n_ticks;

static uint32_t swap_n_instances(const struct model *model)
{
    uint32_t n;

    (void)model_items(model, API_ROUTER, &n);
    return n;
}

static void swap_identify(const struct model *model, uint32_t index, const char **tenant,
                          const char **name, uint32_t *n_sides)
{
    uint32_t n, first;

    *tenant = "blue";
    *name = ((const struct api_router *)model_items(model, API_ROUTER, &n))[index].name;
    (void)model_owned(model, API_INTERFACE, index, &first, &n);
    *n_sides = 2 * n;
}

static int swap_config_create(struct function *f, const struct model *model, uint32_t index,
                              const struct generation *generation, struct error *e)
{
    (void)f;
    (void)model;
    (void)index;
    (void)generation;
    (void)e;
    return 0;
}

static void swap_activate(struct function *f, const struct generation *generation)
{
    (void)f;
    (void)generation;
}

static void swap_config_destroy(struct function *f)
{
    (void)f;
}

static void swap_process(const struct function *f, const struct walk_context *ctx,
                         struct rte_mbuf **m, unsigned n)
{
    static const uint8_t vm2[] = {0x52, 0x54, 0, 0, 0, 2};

    (void)ctx;
    for (unsigned i = 0; i < n; i++) {
        struct packet *p = packet_of(m[i]);

        assert_int_equal(rte_mbuf_refcnt_read(m[i]), 1); // it may be written to
        if (memcmp(rte_pktmbuf_mtod(m[i], uint8_t *), vm2, sizeof(vm2)) == 0) {
            rte_pktmbuf_free(m[i]);
            m[i] = NULL;
            n_kept++;
            continue;
        }
        p->verdict = PACKET_FORWARD;
        p->out = f->first_attachment + (p->in == f->first_attachment ? 2 : 0);
    }
}

static void swap_tick(const struct function *f, const struct walk_context *ctx)
{
    struct rte_mbuf *m = walk_alloc(ctx);

    n_ticks++;
    assert_non_null(m);
    memset(rte_pktmbuf_append(m, 60), 0xff, 60);
    packet_of(m)->in = f->first_attachment;
    egress_forward(ctx, m, f->first_attachment);
}

static const struct function_ops swap_ops = {
    .name = "router",
    .n_instances = swap_n_instances,
    .identify = swap_identify,
    .config_create = swap_config_create,
    .activate = swap_activate,
    .config_destroy = swap_config_destroy,
    .process = swap_process,
    .tick = swap_tick,
};

static void add(struct model *model, enum api_type type, const void *items, uint32_t n)
{
    assert_int_equal(model_add(model, type, items, n), 0);
}

static struct model *new_model(void)
{
    static struct model model;
    const struct api_tenant tenant = {.name = "blue", .neighbor_limit = 1};
    const struct api_port ports[N_PORTS] = {walk_lab_port_config("a"), walk_lab_port_config("b"),
                                            walk_lab_port_config("c"),
                                            walk_lab_port_config("trunk")};
    const struct api_switch switches[N_SWITCHES] = {
        {.name = "one", .ageing_sec = 300, .mac_table_size = 64},
        {.name = "two", .ageing_sec = 300, .mac_table_size = 64}};
    const struct api_router router = {.name = "swap", .neighbor_limit = 1, .route_limit = 1};
    const struct api_interface interfaces[] = {
        {.name = "left", .mtu = 1500, .kernel_port = API_NONE},
        {.name = "right", .mtu = 1500, .kernel_port = API_NONE}};

    model_init(&model);
    add(&model, API_TENANT, &tenant, 1);
    add(&model, API_PORT, ports, N_PORTS);
    add(&model, API_SWITCH, switches, N_SWITCHES);
    add(&model, API_ROUTER, &router, 1);
    add(&model, API_INTERFACE, interfaces, 2);
    return &model;
}

static struct api_end at_port(uint32_t port, uint16_t outer)
{
    return (struct api_end){.kind = API_END_PORT, .index = port, .outer_vlan = outer};
}

static struct api_end at(enum api_end_kind kind, uint32_t index)
{
    return (struct api_end){.kind = (uint8_t)kind, .index = index};
}

static void add_chain(struct model *model, const char *name, struct api_end inside,
                      struct api_end outside)
{
    struct api_chain chain = {.inside = inside, .outside = outside};

    strncpy(chain.name, name, sizeof(chain.name) - 1);
    add(model, API_CHAIN, &chain, 1);
}

static void add_member(struct model *model, uint32_t sw, uint32_t port)
{
    const struct api_member member = {.owner = sw, .port = port};

    add(model, API_MEMBER, &member, 1);
}

static void make_frame(struct frame *f, const char *dst, const char *src, uint16_t vlan)
{
    frame_ether(f, dst, src);
    if (vlan != 0)
        frame_vlan(f, 0x8100, vlan);
    frame_ip4(f, "10.0.0.1", "10.0.0.2");
    frame_udp(f, 1000, 2000);
    frame_payload(f, 100);
    frame_end(f);
}

static void receive(unsigned port, const struct frame *f)
{
    walk_lab_receive(port, f->bytes, f->len, 0, 0);
}

static void expect_sent(unsigned port, unsigned number, const struct frame *f)
{
    assert_non_null(walk_lab_sent(port, number));
    assert_true(mbuf_holds(walk_lab_sent(port, number), f->bytes, f->len));
}

static void from_port_to_port(void **state)
{
    static struct frame plain, tagged;
    struct model *model = new_model();

    (void)state;
    add_chain(model, "patch", at_port(PORT_A, 0), at_port(PORT_TRUNK, 10));
    walk_lab_publish(model);
    make_frame(&plain, VM2, VM1, 0);
    make_frame(&tagged, VM2, VM1, 10);
    receive(PORT_A, &plain);
    expect_sent(PORT_TRUNK, 0, &tagged);
    receive(PORT_TRUNK, &tagged);
    expect_sent(PORT_A, 0, &plain);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 1);
    walk_lab_end();
}

static void from_switch_to_switch(void **state)
{
    static struct frame flood, answer;
    struct model *model = new_model();

    (void)state;
    add_member(model, SWITCH_ONE, PORT_A);
    add_member(model, SWITCH_ONE, PORT_B);
    add_member(model, SWITCH_TWO, PORT_C);
    add_chain(model, "between", at(API_END_SWITCH, SWITCH_ONE), at(API_END_SWITCH, SWITCH_TWO));
    walk_lab_publish(model);
    make_frame(&flood, ALL, VM1, 0);
    make_frame(&answer, VM1, VM2, 0);
    receive(PORT_A, &flood);
    expect_sent(PORT_B, 0, &flood);
    expect_sent(PORT_C, 0, &flood);
    assert_int_equal(walk_lab_n_sent(PORT_A), 0);
    receive(PORT_C, &answer);
    expect_sent(PORT_A, 0, &answer);
    assert_int_equal(walk_lab_n_sent(PORT_B), 1); // learned behind the chain: no flood
    walk_lab_end();
}

// Two switches joined twice: a broadcast goes round until its hops or the queue are used up.
static void a_loop_ends(void **state)
{
    static struct frame flood;
    struct model *model = new_model();

    (void)state;
    add_member(model, SWITCH_ONE, PORT_A);
    add_chain(model, "first", at(API_END_SWITCH, SWITCH_ONE), at(API_END_SWITCH, SWITCH_TWO));
    add_chain(model, "second", at(API_END_SWITCH, SWITCH_ONE), at(API_END_SWITCH, SWITCH_TWO));
    walk_lab_publish(model);
    make_frame(&flood, ALL, VM1, 0);
    receive(PORT_A, &flood);
    assert_int_equal(walk_lab_drops(PORT_A, DROP_WALK_TOO_LONG), 2); // one each way round
    assert_true(walk_lab_n_sent(PORT_A) <= 2 * WALK_MAX_HOPS);
    receive(PORT_A, &flood); // the queue is as it was
    assert_int_equal(walk_lab_drops(PORT_A, DROP_WALK_TOO_LONG), 4);
    walk_lab_end();
}

// No copy is made for a queue that takes none, and after the first that finds no buffer no other is
// tried: what a flood costs is bounded by the queue, not by the number of cables.
static void a_flood_without_room_makes_no_copies(void **state)
{
    static const uint8_t hops[] = {WALK_MAX_HOPS, 0};
    static const enum api_drop reasons[] = {DROP_WALK_TOO_LONG, DROP_FLOOD_NO_BUFFER};
    struct rte_mbuf *rest[1024], *m;
    struct model *model = new_model();
    struct walk_context ctx;
    const struct function *f;
    unsigned n = 0;

    (void)state;
    add_member(model, SWITCH_ONE, PORT_A);
    add_member(model, SWITCH_ONE, PORT_B);
    for (unsigned i = 0; i < 3; i++)
        add_chain(model, (const char *const[]){"c1", "c2", "c3"}[i], at(API_END_SWITCH, SWITCH_ONE),
                  at(API_END_SWITCH, SWITCH_TWO));
    walk_lab_publish(model);
    ctx = walk_lab_context();
    f = generation_find(ctx.generation, "switch", "blue", "one");
    while (n < RTE_DIM(rest) && (rest[n] = rte_pktmbuf_alloc(walk_lab_pool())) != NULL)
        n++;
    assert_true(n > 0 && n < RTE_DIM(rest));
    for (unsigned i = 0; i < RTE_DIM(hops); i++) {
        m = rest[--n];
        memset(rte_pktmbuf_append(m, 60), 0xff, 60);
        memset(packet_of(m), 0, sizeof(struct packet));
        packet_of(m)->in_port = API_MAX_PORTS;
        packet_of(m)->in = f->first_attachment; // PORT_A
        packet_of(m)->n_hops = hops[i];
        egress_flood(&ctx, f, m);
        assert_int_equal(walk_lab_drops(API_MAX_PORTS, reasons[i]), 3);
        assert_int_equal(walk_lab_drops(API_MAX_PORTS, reasons[1 - i]), i == 0 ? 0 : 3);
    }
    rte_pktmbuf_free_bulk(rest, n);
    port_tx_flush(ctx.tx);
    assert_int_equal(walk_lab_n_sent(PORT_B), 2); // ports need no copy
    walk_lab_end();
}

static void through_a_function(void **state)
{
    static struct frame f;
    struct model *model = new_model();

    (void)state;
    add_member(model, SWITCH_ONE, PORT_A);
    add_member(model, SWITCH_ONE, PORT_B);
    add_chain(model, "left", at(API_END_SWITCH, SWITCH_ONE), at(API_END_INTERFACE, 0));
    add_chain(model, "right", at(API_END_INTERFACE, 1), at_port(PORT_C, 0));
    walk_lab_publish(model);
    make_frame(&f, ALL, VM1, 0);
    receive(PORT_A, &f);
    expect_sent(PORT_B, 0, &f);
    expect_sent(PORT_C, 0, &f);
    // The copy for the function shares nothing with the receivers' frame.
    assert_ptr_not_equal(rte_pktmbuf_mtod(walk_lab_sent(PORT_C, 0), char *),
                         rte_pktmbuf_mtod(walk_lab_sent(PORT_B, 0), char *));
    receive(PORT_C, &f);
    expect_sent(PORT_A, 0, &f);
    n_kept = 0;
    make_frame(&f, VM2, VM1, 0);
    receive(PORT_C, &f);
    assert_int_equal(n_kept, 1);
    assert_int_equal(walk_lab_n_sent(PORT_A), 1);
    walk_lab_end();
}

static void nothing_is_plugged_in(void **state)
{
    static struct frame f;
    struct model *model = new_model();

    (void)state;
    add_chain(model, "right", at(API_END_INTERFACE, 1), at_port(PORT_C, 0));
    walk_lab_publish(model);
    make_frame(&f, ALL, VM1, 0);
    receive(PORT_C, &f);
    assert_int_equal(walk_lab_drops(PORT_C, DROP_CABLE_UNPLUGGED), 1);
    walk_lab_end();
}

static void timers_send(void **state)
{
    struct model *model = new_model();

    (void)state;
    add_chain(model, "left", at(API_END_INTERFACE, 0), at_port(PORT_A, 0));
    walk_lab_publish(model);
    n_ticks = 0;
    walk_lab_tick();
    assert_true(n_ticks > 0);
    assert_int_equal(walk_lab_n_sent(PORT_A), n_ticks);
    walk_lab_end();
}

static void links_are_told(void **state)
{
    struct model *model = new_model();
    struct walk_context ctx;
    uint32_t left;

    (void)state;
    add_member(model, SWITCH_ONE, PORT_A);
    add_chain(model, "left", at(API_END_SWITCH, SWITCH_ONE), at(API_END_INTERFACE, 0));
    add_chain(model, "right", at(API_END_INTERFACE, 1), at_port(PORT_C, 0));
    walk_lab_publish(model);
    ctx = walk_lab_context();
    left = generation_find(ctx.generation, "router", "blue", "swap")->first_attachment;
    assert_true(attachment_is_up(ctx.generation, left));
    assert_true(attachment_is_up(ctx.generation, left + 2));
    assert_false(attachment_is_up(ctx.generation, left + 1)); // no twin
    walk_lab_port(PORT_A)->state = API_PORT_LINK_DOWN;
    walk_lab_port(PORT_C)->state = API_PORT_LINK_DOWN;
    assert_false(attachment_is_up(ctx.generation, left));
    assert_false(attachment_is_up(ctx.generation, left + 2));
    walk_lab_end();
}

static int start(void **state)
{
    static const struct function_ops *const kinds[] = {&switch_ops, &swap_ops, NULL};

    (void)state;
    walk_lab_init(kinds, 255);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_port_to_port),
        cmocka_unit_test(from_switch_to_switch),
        cmocka_unit_test(a_loop_ends),
        cmocka_unit_test(through_a_function),
        cmocka_unit_test(nothing_is_plugged_in),
        cmocka_unit_test(timers_send),
        cmocka_unit_test(links_are_told),
        cmocka_unit_test(a_flood_without_room_makes_no_copies),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
