// SPDX-License-Identifier: BSD-3-Clause
// What becomes of flows where a link goes down and comes back? Of two equal paths: some of those
// that went by the other one meanwhile move back, others stay, and each as if all walked, though
// who stays goes the same way as who moves.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "tests/unit/flow/plain.h"

#define N_STREAMS 32
#define N_ROUNDS 3
#define SETTLE_MS 500 // until the router has looked at its links

// A dmz whose path costs as much as that by wan.
static const uint8_t genes[N_GENES] = {[GENE_DMZ] = 204, [GENE_ROUTES] = 69};

struct ports {
    uint8_t down[N_STREAMS], up[N_ROUNDS][N_STREAMS];
    unsigned n_carried;
};

// Returns the port it left by; N_PORTS: it did not.
static uint8_t send_one(unsigned i, unsigned *n_carried)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    uint8_t port = N_PORTS;

    plain_packet(&w, genes, 4, IPPROTO_UDP, 0);
    wire_put16(&w, w.l4, (uint16_t)(PLAIN_SOURCE_PORT + i));
    wire_seal(&w);
    world_add(PORT_A, &frame);
    world_receive();
    *n_carried += world_carried() == 1;
    if (world_n_sent() == 1)
        port = (uint8_t)world_sent_at(0).port;
    world_forget();
    return port;
}

static void run(uint32_t max_flows, struct ports *p)
{
    void *state = NULL;

    memset(p, 0, sizeof(*p));
    plain_begin(genes, max_flows);
    world_link(PORT_W, 0);
    world_pass(SETTLE_MS);
    for (unsigned round = 0; round < N_ROUNDS; round++)
        for (unsigned i = 0; i < N_STREAMS; i++)
            p->down[i] = send_one(i, &p->n_carried);
    world_link(PORT_W, 1);
    world_pass(SETTLE_MS);
    for (unsigned round = 0; round < N_ROUNDS; round++)
        for (unsigned i = 0; i < N_STREAMS; i++)
            p->up[round][i] = send_one(i, &p->n_carried);
    assert_int_equal(plain_end(&state), 0);
}

static void test_a_link_comes_back(void **state)
{
    struct ports walk, flows;
    unsigned n_moved = 0;

    (void)state;
    run(0, &walk);
    run(4096, &flows);
    assert_int_equal(walk.n_carried, 0);
    assert_true(flows.n_carried >= N_STREAMS);
    assert_memory_equal(flows.down, walk.down, sizeof(walk.down));
    assert_memory_equal(flows.up, walk.up, sizeof(walk.up));
    for (unsigned i = 0; i < N_STREAMS; i++) {
        assert_int_equal(walk.down[i], PORT_D);
        n_moved += walk.up[0][i] == PORT_W;
    }
    assert_in_range(n_moved, 1, N_STREAMS - 1);
}

static int setup_world(void **state)
{
    (void)state;
    world_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_link_comes_back, plain_end),
    };

    return cmocka_run_group_tests_name("flow-link", tests, setup_world, NULL);
}
