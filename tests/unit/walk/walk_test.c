// SPDX-License-Identifier: BSD-3-Clause
// Does a frame leave the walk where and as it should: VLAN attachments at entry and exit, faults,
// floods that share their payload? A whole generation is built by the server's builder, its ports
// are replaced by ones that record what is sent.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/switch/switch.h"
#include "tests/lib/mbuf_builder.h"
#include "tests/lib/packet_builder.h"
#include "tests/lib/walk_lab.h"

#define VM1 "52:54:00:00:00:01"
#define VM2 "52:54:00:00:00:02"
#define ALL "ff:ff:ff:ff:ff:ff"

enum { PORT_VM1, PORT_VM2, PORT_TRUNK, PORT_LONE, PORT_SHARED, N_PORTS };

// vm1 and vm2 are plain members of lan, trunk with VLAN 10, and 20 in 30; lone is in no switch. Of
// shared, lan has VLAN 10 and another switch has 20 in 10.
static void fill_model(struct model *model)
{
    const struct api_tenant tenant = {.name = "blue", .neighbor_limit = 1};
    const struct api_switch switches[] = {
        {.name = "lan", .ageing_sec = 300, .mac_table_size = 64},
        {.name = "other", .ageing_sec = 300, .mac_table_size = 64}};
    const struct api_member members[] = {{0, PORT_VM1, 0, 0},     {0, PORT_VM2, 0, 0},
                                         {0, PORT_TRUNK, 10, 0},  {0, PORT_TRUNK, 30, 20},
                                         {0, PORT_SHARED, 10, 0}, {1, PORT_SHARED, 10, 20}};
    const struct api_port ports[N_PORTS] = {
        walk_lab_port_config("vm1"), walk_lab_port_config("vm2"), walk_lab_port_config("trunk"),
        walk_lab_port_config("lone"), walk_lab_port_config("shared")};

    model_init(model);
    assert_int_equal(model_add(model, API_TENANT, &tenant, 1), 0);
    assert_int_equal(model_add(model, API_PORT, ports, N_PORTS), 0);
    assert_int_equal(model_add(model, API_SWITCH, switches, 2), 0);
    assert_int_equal(model_add(model, API_MEMBER, members, RTE_DIM(members)), 0);
}

static int setup(void **state)
{
    struct model model;

    (void)state;
    fill_model(&model);
    walk_lab_publish(&model);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    walk_lab_end();
    return 0;
}

static void receive(unsigned port, const struct frame *f, uint8_t offload, uint16_t gso_size)
{
    walk_lab_receive(port, f->bytes, f->len, offload, gso_size);
}

static void expect_sent(unsigned port, unsigned number, const struct frame *f)
{
    assert_non_null(walk_lab_sent(port, number));
    assert_true(mbuf_holds(walk_lab_sent(port, number), f->bytes, f->len));
}

static void make_frame(struct frame *f, const char *dst, const char *src, uint16_t outer,
                       uint16_t inner)
{
    frame_ether(f, dst, src);
    if (outer != 0)
        frame_vlan(f, inner != 0 ? 0x88a8 : 0x8100, outer);
    if (inner != 0)
        frame_vlan(f, 0x8100, inner);
    frame_ip4(f, "10.0.0.1", "10.0.0.2");
    frame_udp(f, 1000, 2000);
    frame_payload(f, 100);
    frame_end(f);
}

static void a_flood_reaches_each_member_with_its_tags(void **state)
{
    static struct frame plain, tagged, stacked;

    (void)state;
    make_frame(&plain, ALL, VM1, 0, 0);
    make_frame(&tagged, ALL, VM1, 10, 0);
    make_frame(&stacked, ALL, VM1, 30, 20);
    receive(PORT_VM1, &plain, 0, 0);
    assert_int_equal(walk_lab_n_sent(PORT_VM1), 0);
    assert_int_equal(walk_lab_n_sent(PORT_VM2), 1);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 2);
    expect_sent(PORT_VM2, 0, &plain);
    expect_sent(PORT_TRUNK, 0, &tagged);
    expect_sent(PORT_TRUNK, 1, &stacked);
    // The receivers share the payload: the bytes behind the header are in one place.
    assert_ptr_equal(rte_pktmbuf_mtod(walk_lab_sent(PORT_TRUNK, 0)->next, char *),
                     rte_pktmbuf_mtod(walk_lab_sent(PORT_VM2, 0), char *) + 12);
}

static void tags_come_off_and_the_answer_gets_them(void **state)
{
    static struct frame stacked, plain, answer, stacked_answer;

    (void)state;
    make_frame(&stacked, ALL, VM2, 30, 20);
    make_frame(&plain, ALL, VM2, 0, 0);
    make_frame(&answer, VM2, VM1, 0, 0);
    make_frame(&stacked_answer, VM2, VM1, 30, 20);
    receive(PORT_TRUNK, &stacked, 0, 0);
    expect_sent(PORT_VM1, 0, &plain);
    receive(PORT_VM1, &answer, 0, 0);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 2); // the flood to VLAN 10, then the answer
    expect_sent(PORT_TRUNK, 1, &stacked_answer);
    assert_null(walk_lab_sent(PORT_TRUNK, 1)->next); // not shared: the tags were put in place
}

static void a_transparent_port_carries_tags(void **state)
{
    static struct frame f;

    (void)state;
    make_frame(&f, ALL, VM1, 10, 0);
    receive(PORT_VM1, &f, 0, 0);
    expect_sent(PORT_VM2, 0, &f);
}

// A guest's own tag behind the attachment's must not make it a frame of another switch.
static void tags_of_ones_own_do_not_hop(void **state)
{
    static struct frame f, carried;

    (void)state;
    make_frame(&f, ALL, VM1, 20, 0);
    receive(PORT_VM1, &f, 0, 0);
    assert_int_equal(walk_lab_n_sent(PORT_SHARED), 0);
    assert_int_equal(walk_lab_drops(PORT_SHARED, DROP_VLAN_NOT_OWN), 1);
    expect_sent(PORT_VM2, 0, &f);

    make_frame(&f, ALL, VM1, 21, 0);
    frame_ether(&carried, ALL, VM1);
    frame_vlan(&carried, 0x8100, 10);
    frame_vlan(&carried, 0x8100, 21);
    frame_ip4(&carried, "10.0.0.1", "10.0.0.2");
    frame_udp(&carried, 1000, 2000);
    frame_payload(&carried, 100);
    frame_end(&carried);
    receive(PORT_VM1, &f, 0, 0);
    assert_int_equal(walk_lab_n_sent(PORT_SHARED), 1);
    expect_sent(PORT_SHARED, 0, &carried);
}

static void faults_are_counted_at_the_port_they_came_by(void **state)
{
    static struct frame f, runt;

    (void)state;
    make_frame(&f, ALL, VM1, 11, 0);
    receive(PORT_TRUNK, &f, 0, 0);
    assert_int_equal(walk_lab_drops(PORT_TRUNK, DROP_VLAN_UNKNOWN), 1);
    make_frame(&f, ALL, VM1, 30, 21);
    receive(PORT_TRUNK, &f, 0, 0);
    make_frame(&f, ALL, VM1, 0, 0);
    receive(PORT_TRUNK, &f, 0, 0); // no plain attachment
    assert_int_equal(walk_lab_drops(PORT_TRUNK, DROP_VLAN_UNKNOWN), 3);
    receive(PORT_LONE, &f, 0, 0);
    assert_int_equal(walk_lab_drops(PORT_LONE, DROP_PORT_UNATTACHED), 1);
    runt = f;
    runt.len = 13;
    receive(PORT_VM1, &runt, 0, 0);
    assert_int_equal(walk_lab_drops(PORT_VM1, DROP_RUNT_FRAME), 1);
    frame_payload(&f, 1500);
    receive(PORT_VM1, &f, 0, 0);
    assert_int_equal(walk_lab_drops(PORT_VM1, DROP_OVERSIZE_FRAME), 1);
    make_frame(&f, ALL, VM1, 0, 0);
    receive(PORT_VM1, &f, PACKET_TSO, 1000);
    assert_int_equal(walk_lab_drops(PORT_VM1, DROP_OFFLOAD_MISMATCH), 1);
    assert_int_equal(walk_lab_n_sent(PORT_VM2), 0);
}

static void a_port_that_is_down_or_full_drops_alone(void **state)
{
    static struct frame f;
    struct port *port = walk_lab_port(PORT_VM2);

    (void)state;
    make_frame(&f, ALL, VM1, 0, 0);
    port->state = API_PORT_LINK_DOWN;
    receive(PORT_VM1, &f, 0, 0);
    assert_int_equal(walk_lab_drops(PORT_VM2, DROP_PORT_DOWN), 1);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 2);
    port->state = API_PORT_LINK_UP;
    walk_lab_set_room(1); // trunk gets two copies
    receive(PORT_VM1, &f, 0, 0);
    walk_lab_set_room(WALK_LAB_MAX_SENT);
    assert_int_equal(walk_lab_drops(PORT_TRUNK, DROP_PORT_TX_FULL), 1);
    assert_int_equal(walk_lab_drops(PORT_VM2, DROP_PORT_TX_FULL), 0);
    assert_int_equal(walk_lab_n_sent(PORT_VM2), 1);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 3);
}

// A receiver that takes no chains gets its tagged copy in one piece.
static void a_chain_is_gathered_for_who_takes_none(void **state)
{
    static struct frame f, tagged;
    struct port *port = walk_lab_port(PORT_TRUNK);

    (void)state;
    make_frame(&f, ALL, VM1, 0, 0);
    make_frame(&tagged, ALL, VM1, 10, 0);
    port->capability = 0;
    receive(PORT_VM1, &f, 0, 0);
    assert_int_equal(walk_lab_n_sent(PORT_TRUNK), 2);
    expect_sent(PORT_TRUNK, 0, &tagged);
    assert_int_equal(walk_lab_sent(PORT_TRUNK, 0)->nb_segs, 1);
    expect_sent(PORT_VM2, 0, &f);
}

// More floods than there are buffers for tagged copies: the plain receiver still gets all.
static void tagged_copies_run_out_alone(void **state)
{
    static struct frame f;
    struct rte_mbuf *hoard[512];
    unsigned n = rte_mempool_avail_count(walk_lab_pool()) - 1;

    (void)state;
    make_frame(&f, ALL, VM1, 0, 0);
    assert_true(n <= 512);
    assert_int_equal(rte_pktmbuf_alloc_bulk(walk_lab_pool(), hoard, n), 0);
    receive(PORT_VM1, &f, 0, 0);
    rte_pktmbuf_free_bulk(hoard, n);
    assert_int_equal(walk_lab_n_sent(PORT_VM2), 1);
    assert_int_equal(walk_lab_drops(PORT_TRUNK, DROP_FLOOD_NO_BUFFER), 2);
}

static int start(void **state)
{
    static const struct function_ops *const kinds[] = {&switch_ops, NULL};

    (void)state;
    walk_lab_init(kinds, 255);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flood_reaches_each_member_with_its_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_come_off_and_the_answer_gets_them, setup, teardown),
        cmocka_unit_test_setup_teardown(tags_of_ones_own_do_not_hop, setup, teardown),
        cmocka_unit_test_setup_teardown(a_transparent_port_carries_tags, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_are_counted_at_the_port_they_came_by, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_port_that_is_down_or_full_drops_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_chain_is_gathered_for_who_takes_none, setup, teardown),
        cmocka_unit_test_setup_teardown(tagged_copies_run_out_alone, setup, teardown),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
