// SPDX-License-Identifier: BSD-3-Clause
// Does a guest on a chain get the packets between its neighbours, and what happens while one of its
// links is down? The test itself plays the guest.

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/chain/segment.h"
#include "tests/unit/chain/chain_lab.h"

static struct frame out, out_translated, in, in_translated;

static void make_frames(void)
{
    lab_udp(&out, 1, "10.0.0.7", 1000, "203.0.113.9", 53);
    lab_udp(&out_translated, 1, "198.51.100.7", 11000, "203.0.113.9", 53);
    lab_udp(&in, 0, "203.0.113.9", 53, "198.51.100.7", 11000);
    lab_udp(&in_translated, 0, "203.0.113.9", 53, "10.0.0.7", 1000);
}

static void publish(const char *functions, enum api_on_failure on_failure)
{
    struct model *model = lab_model(on_failure);

    lab_add_chain(model, functions);
    walk_lab_publish(model);
}

static void show(struct api_chain_state *state)
{
    const struct api_show_chain show = {"blue", "edge"};
    struct function_request request = {
        .generation = generation_published,
        .type = API_SHOW_CHAIN,
        .items = &show,
        .n_items = 1,
        .answer = state,
        .answer_size = sizeof(*state),
    };

    assert_int_equal(chain_show(&request, NULL), 0);
    assert_int_equal(request.answer_type, API_CHAIN_STATE);
}

static void it_stands_between_its_neighbours(void **state)
{
    struct api_chain_state shown;

    (void)state;
    make_frames();
    publish("fDn", API_ON_FAILURE_BLOCK);
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_GUEST_IN, 1, &out);
    lab_receive(LAB_GUEST_OUT, &out);
    lab_expect(LAB_OUT, 1, &out_translated);
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_GUEST_OUT, 1, &in_translated);
    lab_receive(LAB_GUEST_IN, &in_translated);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_string_equal(lab_asked, "fn");
    show(&shown);
    assert_int_equal(shown.n_sessions, 2); // one for each side of the guest
    assert_int_equal(shown.n_functions, 3);
    assert_int_equal(shown.n_guests_down, 0);
    assert_true(shown.is_inside_up && shown.is_outside_up);
    assert_int_equal(shown.out, 2);
}

static void bypass_joins_its_neighbours(void **state)
{
    struct api_chain_state shown;

    (void)state;
    make_frames();
    publish("fDn", API_ON_FAILURE_BYPASS);
    for (unsigned port = LAB_GUEST_IN; port <= LAB_GUEST_OUT; port++) {
        unsigned n = port - LAB_GUEST_IN + 1;

        walk_lab_port(port)->state = API_PORT_LINK_DOWN;
        lab_receive(LAB_IN, &out);
        lab_expect(LAB_OUT, n, &out_translated);
        lab_receive(LAB_OUT, &in);
        lab_expect(LAB_IN, n, &in_translated);
        show(&shown);
        assert_int_equal(shown.n_guests_down, 1);
        assert_int_equal(shown.n_bypassed, 1);
        walk_lab_port(port)->state = API_PORT_LINK_UP;
    }
    assert_int_equal(walk_lab_n_sent(LAB_GUEST_IN) + walk_lab_n_sent(LAB_GUEST_OUT), 0);
    lab_receive(LAB_IN, &out); // it is back
    lab_expect(LAB_GUEST_IN, 1, &out);
}

static void block_drops(void **state)
{
    struct api_chain_state shown;

    (void)state;
    make_frames();
    publish("fDn", API_ON_FAILURE_BLOCK);
    walk_lab_port(LAB_GUEST_OUT)->state = API_PORT_LINK_DOWN;
    lab_receive(LAB_IN, &out);
    assert_int_equal(walk_lab_n_sent(LAB_GUEST_IN), 0);
    assert_int_equal(walk_lab_n_sent(LAB_OUT), 0);
    assert_int_equal(walk_lab_drops(LAB_GUEST_IN, DROP_CHAIN_GUEST_DOWN), 1);
    show(&shown);
    assert_int_equal(shown.n_guests_down, 1);
    assert_int_equal(shown.n_bypassed, 0);
}

// Whoever looks through the chain sees what is at its other end, unless the guest is in the way.
static void a_link_is_seen_through_the_chain(void **state)
{
    const struct function *first;
    const struct generation *g;

    (void)state;
    for (unsigned mode = API_ON_FAILURE_BLOCK; mode <= API_ON_FAILURE_BYPASS; mode++) {
        publish("fDn", (enum api_on_failure)mode);
        g = generation_published;
        first = generation_find(g, "chain", "blue", "edge<1");
        assert_non_null(first);
        assert_int_equal(attachment_is_up(g, first->first_attachment + 1), 1);
        walk_lab_port(LAB_GUEST_OUT)->state = API_PORT_LINK_DOWN;
        assert_int_equal(attachment_is_up(g, first->first_attachment + 1),
                         mode == API_ON_FAILURE_BYPASS);
        walk_lab_port(LAB_GUEST_OUT)->state = API_PORT_LINK_UP;
        walk_lab_port(LAB_OUT)->state = API_PORT_LINK_DOWN;
        assert_int_equal(attachment_is_up(g, first->first_attachment + 1), 0);
    }
}

// A guest that comes or goes leaves the NAT's sessions alone.
static void a_guest_may_come_and_go(void **state)
{
    (void)state;
    make_frames();
    publish("fn", API_ON_FAILURE_BLOCK);
    lab_receive(LAB_IN, &out);
    publish("fDn", API_ON_FAILURE_BLOCK);
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_GUEST_OUT, 1, &in_translated);
    assert_int_equal(lab_nats[LAB_NAT].n_asked[FUNCTION_FIRST], 1);
    publish("fn", API_ON_FAILURE_BLOCK);
    lab_receive(LAB_OUT, &in);
    lab_expect(LAB_IN, 1, &in_translated);
    assert_int_equal(lab_nats[LAB_NAT].n_asked[FUNCTION_FIRST], 1);
    assert_int_equal(lab_n_sessions(), 1);
}

static void a_guest_alone_only_forwards(void **state)
{
    (void)state;
    make_frames();
    publish("D", API_ON_FAILURE_BLOCK);
    lab_receive(LAB_IN, &out);
    lab_expect(LAB_GUEST_IN, 1, &out);
    lab_receive(LAB_GUEST_OUT, &out);
    lab_expect(LAB_OUT, 1, &out);
    assert_int_equal(lab_n_sessions(), 0);
}

static void segments_have_names(void **state)
{
    static const struct {
        const char *functions;
        const char *names[3];
    } cases[] = {
        {"f", {"edge"}},
        {"Df", {"edge<1", "edge"}},
        {"fD", {"edge", "edge>1"}},
        {"fDn", {"edge<1", "edge"}},
        {"nDf", {"edge", "edge>1"}},
        {"D", {"edge", "edge>1"}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct model *model = lab_model(API_ON_FAILURE_BLOCK);
        uint32_t n = 0;

        lab_add_chain(model, cases[i].functions);
        while (cases[i].names[n] != NULL)
            n++;
        assert_int_equal(chain_segment_count(model), n);
        while (n-- > 0) {
            struct chain_segment segment = chain_segment_find(model, n);
            char name[API_NAME_SIZE];

            chain_segment_name(model, &segment, name);
            assert_string_equal(name, cases[i].names[n]);
        }
        model_fini(model);
    }
    lab_publish("");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_stands_between_its_neighbours),
        TEST(bypass_joins_its_neighbours),
        TEST(block_drops),
        TEST(a_link_is_seen_through_the_chain),
        TEST(a_guest_may_come_and_go),
        TEST(a_guest_alone_only_forwards),
        TEST(segments_have_names),
    };

    return cmocka_run_group_tests(tests, lab_group_setup, lab_group_teardown);
}
