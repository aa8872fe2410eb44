// SPDX-License-Identifier: BSD-3-Clause
// Datagrams are full and well formed, groups go before their routes, and the feed has bounds.

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/kernel/batch.h"

static void ignore(void *arg)
{
    (void)arg;
}

static struct batch start(struct feed **feed)
{
    assert_int_equal(feed_create(ignore, NULL, feed), 0);
    feed_open(*feed, 1);
    return (struct batch){.feed = *feed, .session = 1, .target = {"blue", "gw", 9, 0}};
}

static struct datagram *take(struct feed *feed, unsigned type, uint32_t n_items)
{
    struct datagram *d = feed_take(feed);
    struct api_reply reply;

    assert_non_null(d);
    assert_int_equal(d->header.type, type);
    assert_int_equal(d->header.n_items, n_items);
    assert_ptr_equal(&d->header + 1, d->items);
    assert_int_equal(api_check(&d->header, d->header.len, &reply), 0);
    assert_int_equal(d->target.epoch, 9);
    return d;
}

static void add_route(struct batch *b, uint32_t group, uint32_t n)
{
    struct api_route_change change = {.group = group, .family = 4, .prefix_len = 32};

    memcpy(change.address, &n, sizeof(n));
    batch_add_route(b, &change);
}

static void add_group(struct batch *b, uint32_t id, uint32_t n)
{
    struct api_dynamic_next_hop items[API_MAX_PATHS] = {0};
    struct group group = {.id = id, .n_items = n, .items = items};

    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct api_dynamic_next_hop){
            .group = id, .interface = i, .type = API_ROUTE_UNICAST, .weight = 1};
    batch_add_group(b, &group);
}

static void groups_go_first(void **state)
{
    uint32_t n_full =
        (API_DATAGRAM_SIZE - sizeof(struct api_header)) / sizeof(struct api_route_change);
    struct feed *feed;
    struct batch b = start(&feed);

    (void)state;
    for (uint32_t i = 0; i <= n_full; i++) {
        if (i == 10)
            add_group(&b, 2, 3);
        add_route(&b, i < 10 ? 1 : 2, i);
    }
    free(take(feed, API_DYNAMIC_NEXT_HOP, 3));
    free(take(feed, API_ROUTE_CHANGE, n_full));
    assert_null(feed_take(feed));
    batch_add_sweep(&b);
    free(take(feed, API_ROUTE_CHANGE, 1));
    free(take(feed, API_ROUTE_SWEEP, 0));
    assert_null(feed_take(feed));
    feed_destroy(feed);
}

// Side by side in one datagram they would be one group.
static void two_words_on_one_group(void **state)
{
    struct feed *feed;
    struct batch b = start(&feed);

    (void)state;
    add_group(&b, 1, 1);
    add_group(&b, 2, 2);
    add_group(&b, 2, 1);
    batch_flush(&b);
    free(take(feed, API_DYNAMIC_NEXT_HOP, 3));
    free(take(feed, API_DYNAMIC_NEXT_HOP, 1));
    assert_null(feed_take(feed));
    feed_destroy(feed);
}

static void what_is_of_another_session_is_dropped(void **state)
{
    struct feed *feed;
    struct batch b = start(&feed);

    (void)state;
    add_route(&b, 1, 1);
    batch_flush(&b);
    feed_open(feed, 2);
    assert_null(feed_take(feed));
    add_route(&b, 1, 2);
    batch_flush(&b);
    assert_null(feed_take(feed));
    add_route(&b, 1, 3);
    batch_discard(&b);
    feed_destroy(feed);
}

#define N_SENT (3 * FEED_SIZE)

static void *fill(void *arg)
{
    for (uint32_t i = 0; i < N_SENT; i++) {
        add_route(arg, 1, i);
        batch_flush(arg);
    }
    return NULL;
}

static void the_thread_waits_and_nothing_is_lost(void **state)
{
    struct feed *feed;
    struct batch b = start(&feed);
    struct datagram *d;
    pthread_t thread;
    uint32_t n = 0, i;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, fill, &b), 0);
    while (n < N_SENT) {
        d = feed_take(feed);
        if (d == NULL)
            continue;
        memcpy(&i, ((struct api_route_change *)(void *)d->items)->address, sizeof(i));
        assert_int_equal(i, n++);
        free(d);
    }
    pthread_join(thread, NULL);
    // One that nobody takes from any more lets its thread go.
    assert_int_equal(pthread_create(&thread, NULL, fill, &b), 0);
    feed_open(feed, 0);
    pthread_join(thread, NULL);
    feed_destroy(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_go_first),
        cmocka_unit_test(two_words_on_one_group),
        cmocka_unit_test(what_is_of_another_session_is_dropped),
        cmocka_unit_test(the_thread_waits_and_nothing_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
