// SPDX-License-Identifier: BSD-3-Clause
// When does a flow begin and end? One conversation, packet by packet: which of them went by a flow.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#include "dataplane/flow/table.h"
#include "tests/unit/flow/plain.h"

static const uint8_t plain[N_GENES]; // a firewall and a NAT

// How many can be found.
static unsigned count_flows(void)
{
    unsigned n = 0;

    for (uint32_t i = 1; i <= numbers_n_ever(&flow_table.numbers); i++) {
        struct flow_key key = {0};
        uint32_t hash;

        if (flow_at(i)->kind == 0)
            continue;
        memcpy(&key, flow_at(i), flow_is_ip4(flow_at(i)) ? 32 : 56);
        hash = flow_hash(&key);
        n += (unsigned)index_has(&flow_table.index, index_line(&flow_table.index, hash), hash, i);
    }
    return n;
}

static void begin(void)
{
    plain_begin(plain, 4096);
    assert_false(plain_send(plain)); // opens the session
    assert_false(plain_send(plain)); // makes the flow
    assert_true(plain_send(plain));
}

// Seconds until a packet walks, one each second behind one of `other` ports that go the same way.
static unsigned seconds_by_flow(const uint8_t *genes, unsigned other)
{
    unsigned sec = 0;

    do {
        world_pass(1000);
        sec++;
        for (unsigned i = 1; i <= other; i++)
            plain_send_from(genes, (uint16_t)(PLAIN_SOURCE_PORT + i));
    } while (plain_send(genes));
    return sec;
}

// So that next hops stay known.
static void test_way_walks_now_and_then(void **state)
{
    (void)state;
    begin();
    for (unsigned round = 0; round < 3; round++)
        assert_int_equal(seconds_by_flow(plain, 0), WAY_WALK_SEC);
}

static void hold_life(uint8_t ageing, unsigned least_sec, unsigned most_sec)
{
    uint8_t genes[N_GENES] = {0};

    genes[GENE_LAN] = PLAIN_LAN_SWITCH;
    genes[GENE_SWITCH] = ageing;
    plain_begin(genes, 4096);
    assert_false(plain_send(genes));
    assert_false(plain_send(genes));
    for (unsigned round = 0; round < 3; round++)
        assert_in_range(seconds_by_flow(genes, 1), least_sec, most_sec);
}

// So that the source's MAC stays known.
static void test_walks_now_and_then(void **state)
{
    (void)state;
    hold_life(PLAIN_AGEING_300, 300 / 8, 2 * 300 / 8);
}

static void test_walks_where_nothing_ages(void **state)
{
    (void)state;
    hold_life(PLAIN_NO_AGEING, FLOW_LIFE_SEC, 2 * FLOW_LIFE_SEC);
}

static void test_goes_with_its_session(void **state)
{
    struct api_clear_sessions question = {.cursor = 0};
    struct function_request request = {
        .type = API_CLEAR_SESSIONS, .items = &question, .n_items = 1};
    struct world_answer answer;

    (void)state;
    begin();
    assert_int_equal(count_flows(), 1);
    assert_int_equal(world_request(NULL, NULL, &request, &answer), 0);
    world_pass(20 * 1000);
    assert_int_equal(count_flows(), 0);
}

static void test_ends_when_silent(void **state)
{
    (void)state;
    begin();
    assert_int_equal(count_flows(), 1);
    world_pass((2 * FLOW_LIFE_SEC + FLOW_GRACE_SEC + 16) * 1000);
    assert_int_equal(count_flows(), 0);
    assert_false(plain_send(plain));
    assert_true(plain_send(plain));
}

static void test_session_ends(void **state)
{
    struct api_clear_sessions question = {.cursor = 0};
    struct function_request request = {
        .type = API_CLEAR_SESSIONS, .items = &question, .n_items = 1};
    struct world_answer answer;

    (void)state;
    begin();
    assert_int_equal(world_request(NULL, NULL, &request, &answer), 0);
    assert_false(plain_send(plain)); // begins another one
    assert_false(plain_send(plain));
    assert_true(plain_send(plain));
}

static int commit(const uint8_t *genes)
{
    struct model model;

    genes_model(genes, &model);
    return world_commit(&model);
}

// What it has not passed is nothing to a flow.
static void test_survives_other_commits(void **state)
{
    uint8_t genes[N_GENES] = {0};

    (void)state;
    begin();
    assert_int_equal(commit(genes), 0);
    assert_true(plain_send(plain));
    genes[GENE_DMZ] = 1; // another interface of the router has a cable
    genes[GENE_RULES2] = 1;
    assert_int_equal(commit(genes), 0);
    assert_true(plain_send(plain));
    genes[GENE_RULES] = 1;
    assert_int_equal(commit(genes), 0);
    assert_false(plain_send(plain));
    assert_true(plain_send(plain));
}

// Too many for the table: they walk.
static void test_full(void **state)
{
    static struct wire w;
    const struct world_frame frame = {.wire = &w};
    unsigned n_carried = 0;

    (void)state;
    plain_begin(plain, 64);
    for (unsigned i = 0; i < 300; i++) {
        plain_packet(&w, plain, 4, IPPROTO_UDP, i);
        wire_put16(&w, w.l4, (uint16_t)(5000 + i % 100));
        wire_seal(&w);
        world_add(PORT_A, &frame);
        world_receive();
        n_carried += world_carried() == 1;
        assert_int_equal(world_n_sent() > 0, 1);
        world_forget();
    }
    assert_in_range(n_carried, 1, 64);
    assert_in_range(count_flows(), 1, 64);
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
        cmocka_unit_test_teardown(test_way_walks_now_and_then, plain_end),
        cmocka_unit_test_teardown(test_walks_now_and_then, plain_end),
        cmocka_unit_test_teardown(test_walks_where_nothing_ages, plain_end),
        cmocka_unit_test_teardown(test_goes_with_its_session, plain_end),
        cmocka_unit_test_teardown(test_ends_when_silent, plain_end),
        cmocka_unit_test_teardown(test_session_ends, plain_end),
        cmocka_unit_test_teardown(test_survives_other_commits, plain_end),
        cmocka_unit_test_teardown(test_full, plain_end),
    };

    return cmocka_run_group_tests_name("flow-life", tests, setup_world, NULL);
}
