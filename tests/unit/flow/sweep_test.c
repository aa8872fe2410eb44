// SPDX-License-Identifier: BSD-3-Clause
// Are checksums the same to the last bit, whatever they are? A flow changes them by the difference
// of all that it writes at once, a walk step by step: in one's complement two results can be equal
// and look otherwise. Each of the 65536 checksums there are goes through, with flows and without.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "dataplane/core/packet.h"
#include "tests/unit/flow/plain.h"

#define N_VALUES 65536
#define EDGE_TWO_NATS 13 // of GENE_EDGE

enum word {
    WORD_IDENTIFICATION, // of IPv4: makes each header checksum
    WORD_PAYLOAD,        // makes each L4 checksum
    WORD_CHECKSUM,       // any in the L4 header, right or wrong
};

struct sweep {
    const char *name;
    enum word word;
    uint8_t protocol;
    uint8_t shape, edge;
    uint8_t offload;
};

static struct transcript transcripts[2];

static void add(const struct sweep *c, const uint8_t *genes, uint16_t value)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w, .offload = c->offload};
    uint32_t at = w.l4;

    plain_packet(&w, genes, 4, c->protocol, 0);
    at = w.l4 + (c->protocol == IPPROTO_TCP ? 16U : 6U);
    if (c->word == WORD_PAYLOAD)
        wire_put16(&w, w.payload, value);
    if (c->word == WORD_IDENTIFICATION)
        wire_put16(&w, w.l3 + 4U, value);
    wire_seal(&w);
    if (c->offload & PACKET_CSUM_PARTIAL)
        wire_make_partial(&w);
    if (c->word == WORD_CHECKSUM)
        wire_put16(&w, at, value);
    world_add(PORT_A, &frame);
}

static unsigned run(const struct sweep *c, uint32_t max_flows, struct transcript *t)
{
    const uint8_t genes[N_GENES] = {[GENE_SHAPE] = c->shape, [GENE_EDGE] = c->edge};
    unsigned n_carried = 0;

    transcript_clear(t);
    plain_begin_with(genes, max_flows, t);
    if (c->protocol == IPPROTO_TCP)
        plain_open_tcp(genes);
    for (uint32_t value = 0; value < N_VALUES; value++) {
        t->step = value;
        add(c, genes, (uint16_t)value);
        if (value > 2 && value % BURST_SIZE != BURST_SIZE - 1)
            continue;
        world_receive();
        n_carried += (unsigned)__builtin_popcountll(world_carried());
        world_forget();
    }
    (void)plain_end(NULL);
    return n_carried;
}

static void test_sweep(void **state)
{
    const struct sweep *c = *state;

    assert_in_range(run(c, 4096, &transcripts[0]), N_VALUES - 4, N_VALUES);
    assert_int_equal(run(c, 0, &transcripts[1]), 0);
    if (transcript_difference(&transcripts[0], &transcripts[1]) == UINT32_MAX)
        return;
    transcript_print_difference(&transcripts[1], &transcripts[0], stderr);
    fail();
}

static struct sweep sweeps[] = {
    {"header", WORD_IDENTIFICATION, IPPROTO_UDP, SHAPE_ROUTED, 0, 0},
    {"header-without-nat", WORD_IDENTIFICATION, IPPROTO_UDP, SHAPE_ROUTED, PLAIN_EDGE_FIREWALL, 0},
    {"header-bridged", WORD_IDENTIFICATION, IPPROTO_UDP, SHAPE_BRIDGED, 0, 0},
    {"header-two-routers", WORD_IDENTIFICATION, IPPROTO_UDP, SHAPE_TWO_ROUTERS, EDGE_TWO_NATS, 0},
    {"udp", WORD_PAYLOAD, IPPROTO_UDP, SHAPE_ROUTED, 0, 0},
    {"udp-two-nats", WORD_PAYLOAD, IPPROTO_UDP, SHAPE_ROUTED, EDGE_TWO_NATS, 0},
    {"udp-any", WORD_CHECKSUM, IPPROTO_UDP, SHAPE_ROUTED, 0, 0},
    {"udp-any-two-nats", WORD_CHECKSUM, IPPROTO_UDP, SHAPE_ROUTED, EDGE_TWO_NATS, 0},
    {"udp-partial", WORD_CHECKSUM, IPPROTO_UDP, SHAPE_ROUTED, 0, PACKET_CSUM_PARTIAL},
    {"tcp-any", WORD_CHECKSUM, IPPROTO_TCP, SHAPE_BRIDGED, PLAIN_EDGE_FIREWALL, 0},
};

static int setup_world(void **state)
{
    (void)state;
    world_init();
    return 0;
}

static int teardown_world(void **state)
{
    (void)state;
    transcript_fini(&transcripts[0]);
    transcript_fini(&transcripts[1]);
    return 0;
}

int main(void)
{
    enum { N_SWEEPS = sizeof(sweeps) / sizeof(sweeps[0]) };
    static struct CMUnitTest tests[N_SWEEPS];

    for (unsigned i = 0; i < N_SWEEPS; i++)
        tests[i] = (struct CMUnitTest){sweeps[i].name, test_sweep, NULL, plain_end, &sweeps[i]};
    return cmocka_run_group_tests_name("flow-sweep", tests, setup_world, teardown_world);
}
