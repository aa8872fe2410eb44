// SPDX-License-Identifier: BSD-3-Clause
// Does culvertd read a long answer to its end, as far as it was asked to, and no further whatever
// the dataplane says? Pages are played by tests/lib/fake_dataplane.c; the kinds of question differ
// in how they go on.

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/log.h"
#include "control/southbound/southbound.h"
#include "tests/lib/fake_dataplane.h"

enum manner {
    PEER_ANSWERS,
    PEER_STANDS_STILL, // each page says that there is more, behind the same place
    PEER_REFUSES,
    PEER_ERRS, // answers with another type
    PEER_LEAVES,
};

// What the peer has, and how it behaves.
struct stock {
    enum manner manner;
    uint32_t n, page;
};

// Items 1 to n as MACs; the page from 4 on is empty, as where entries went meanwhile.
static void answer_macs(const struct stock *s, const struct api_list_macs *list,
                        struct fake_answer *answer)
{
    struct api_mac *macs = answer->items;
    uint32_t at = list->cursor;

    answer->type = API_MACS;
    answer->n = 1;
    if (at != 4)
        for (answer->n = 0; answer->n < s->page && at < s->n; answer->n++, at++)
            macs[answer->n].mac[5] = (uint8_t)(at + 1);
    else
        at += s->page;
    macs[answer->n - 1].next = at < s->n ? at : 0;
    if (s->manner == PEER_STANDS_STILL)
        macs[answer->n - 1].next = list->cursor == 0 ? 1 : list->cursor;
}

// Routes 1/8 to n/8.
static void answer_routes(const struct stock *s, const struct api_list_routes *list,
                          struct fake_answer *answer)
{
    struct api_route_entry *routes = answer->items;
    uint32_t at = list->mode == API_LIST_AFTER ? list->address[0] : 0;

    answer->type = API_ROUTES;
    if (s->manner == PEER_STANDS_STILL && at > 0)
        at--;
    for (; answer->n < s->page && at < s->n; answer->n++, at++)
        routes[answer->n] = (struct api_route_entry){
            .family = 4, .prefix_len = 8, .type = 1, .source = 2, .address = {(uint8_t)(at + 1)}};
    if (answer->n == 0)
        answer->n = 1; // family 0: none
    routes[answer->n - 1].has_more = at < s->n || s->manner == PEER_STANDS_STILL;
}

static int answer(void *arg, const struct api_header *request, const void *item,
                  struct fake_answer *out)
{
    const struct stock *s = arg;

    if (s->manner == PEER_LEAVES)
        return 0;
    if (s->manner == PEER_REFUSES)
        fake_refuse(out, -ENOENT, "there is no such router");
    else if (s->manner == PEER_ERRS)
        *out = (struct fake_answer){.type = API_MACS, .n = 1, .items = out->items};
    else if (request->type == API_LIST_MACS)
        answer_macs(s, item, out);
    else if (request->type == API_LIST_ROUTES)
        answer_routes(s, item, out);
    else
        fake_refuse(out, -EPROTO, "not asked for here");
    return 1;
}

struct result {
    struct listing listing;
    int n_done;
};

static void on_done(void *arg, struct listing *listing)
{
    struct result *r = arg;

    r->listing = *listing;
    r->n_done++;
}

// Ask a peer with this stock; *n_pages is how often it was asked.
static struct listing ask(struct stock *stock, const struct listing_question *question,
                          uint32_t *n_pages)
{
    struct fake_dataplane f = {.answer = answer, .arg = stock};
    struct southbound *southbound;
    struct result result = {0};
    struct config_error e;
    uv_loop_t loop;

    fake_dataplane_start(&f);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(southbound_create(&loop, f.dir, &southbound, &e), 0);
    southbound_settle(southbound, NULL);
    while (southbound_ask(southbound, question, on_done, &result) == -ENOTCONN)
        uv_run(&loop, UV_RUN_ONCE);
    while (result.n_done == 0)
        uv_run(&loop, UV_RUN_ONCE);
    southbound_destroy(southbound);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    fake_dataplane_stop(&f);
    rmdir(f.dir);
    assert_int_equal(result.n_done, 1);
    *n_pages = f.n_requests[question->type];
    return result.listing;
}

static void test_pages_by_cursor(void **state)
{
    static const uint8_t expected[] = {1, 2, 3, 4, 7, 8, 9};
    struct stock stock = {.n = 9, .page = 2};
    struct listing_question q = {.type = API_LIST_MACS, .limit = 100};
    struct listing l;
    uint32_t n_pages;

    (void)state;
    strcpy(q.request.macs.tenant, "blue");
    strcpy(q.request.macs.name, "lan");
    l = ask(&stock, &q, &n_pages);
    assert_int_equal(l.error.code, 0);
    assert_int_equal(n_pages, 5);
    assert_int_equal(l.n, sizeof(expected)); // what the empty page had is gone, what is behind not
    for (unsigned i = 0; i < sizeof(expected); i++)
        assert_int_equal(((struct api_mac *)l.items)[i].mac[5], expected[i]);
    assert_false(l.has_more);
    free(l.items);
}

static void test_pages_by_prefix(void **state)
{
    struct stock stock = {.n = 10, .page = 3};
    struct listing_question q = {.type = API_LIST_ROUTES, .limit = 100};
    struct listing l;
    uint32_t n_pages;

    (void)state;
    q.request.routes = (struct api_list_routes){"blue", "gw", 4, API_LIST_FIRST, 0, 0, {0}};
    l = ask(&stock, &q, &n_pages);
    assert_int_equal(l.error.code, 0);
    assert_int_equal(n_pages, 4);
    assert_int_equal(l.n, 10);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(((struct api_route_entry *)l.items)[i].address[0], i + 1);
    assert_false(l.has_more);
    free(l.items);
}

// The limit ends the asking, and the answer says how to go on.
static void test_limit(void **state)
{
    struct stock stock = {.n = 10, .page = 3};
    struct listing_question q = {.type = API_LIST_ROUTES, .limit = 4};
    struct listing l;
    uint32_t n_pages;

    (void)state;
    q.request.routes = (struct api_list_routes){"blue", "gw", 4, API_LIST_FIRST, 0, 0, {0}};
    l = ask(&stock, &q, &n_pages);
    assert_int_equal(n_pages, 2);
    assert_int_equal(l.n, 6);
    assert_true(l.has_more);
    assert_int_equal(l.follow.routes.mode, API_LIST_AFTER);
    assert_int_equal(l.follow.routes.prefix_len, 8);
    assert_int_equal(l.follow.routes.address[0], 6);
    free(l.items);
    q.request = l.follow;
    q.limit = 1;
    l = ask(&stock, &q, &n_pages);
    assert_int_equal(n_pages, 1);
    assert_int_equal(((struct api_route_entry *)l.items)[0].address[0], 7);
    free(l.items);
}

static void test_nothing_there(void **state)
{
    struct stock stock = {.n = 0, .page = 3};
    struct listing_question q = {.type = API_LIST_ROUTES, .limit = 4};
    struct listing l;
    uint32_t n_pages;

    (void)state;
    q.request.routes = (struct api_list_routes){"blue", "gw", 6, API_LIST_MATCH, 0, 0, {0}};
    l = ask(&stock, &q, &n_pages);
    assert_int_equal(l.error.code, 0);
    assert_int_equal(l.n, 0);
    assert_false(l.has_more);
    free(l.items);
}

static void test_a_peer_that_does_not_move_on(void **state)
{
    struct stock stock = {.manner = PEER_STANDS_STILL, .n = 3, .page = 1};
    struct listing_question macs = {.type = API_LIST_MACS, .limit = 100};
    struct listing_question routes = {.type = API_LIST_ROUTES, .limit = 100};
    struct listing l;
    uint32_t n_pages;

    (void)state;
    strcpy(macs.request.macs.tenant, "blue");
    strcpy(macs.request.macs.name, "lan");
    l = ask(&stock, &macs, &n_pages);
    assert_int_equal(n_pages, 2);
    assert_int_equal(l.n, 2);
    free(l.items);
    routes.request.routes = (struct api_list_routes){"blue", "gw", 4, API_LIST_FIRST, 0, 0, {0}};
    l = ask(&stock, &routes, &n_pages);
    assert_int_equal(n_pages, 2);
    assert_int_equal(l.n, 2);
    free(l.items);
}

static void test_failures(void **state)
{
    static const struct {
        enum manner manner;
        int code;
        const char *sentence;
    } cases[] = {
        {PEER_REFUSES, -ENOENT, "there is no such router"},
        {PEER_ERRS, -EPROTO, "the dataplane answered with a message of type 13"},
        {PEER_LEAVES, -ENOTCONN, "the dataplane went away"},
    };
    struct listing_question q = {.type = API_SHOW_ROUTER};
    uint32_t n_pages;

    (void)state;
    strcpy(q.request.router.tenant, "blue");
    strcpy(q.request.router.name, "gw");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct stock stock = {.manner = cases[i].manner, .n = 1, .page = 1};
        struct listing l = ask(&stock, &q, &n_pages);

        assert_int_equal(l.error.code, cases[i].code);
        assert_string_equal(l.error.sentence, cases[i].sentence);
        assert_null(l.items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages_by_cursor),
        cmocka_unit_test(test_pages_by_prefix),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_a_peer_that_does_not_move_on),
        cmocka_unit_test(test_failures),
    };

    log_level_set("error");
    return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
