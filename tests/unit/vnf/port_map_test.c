// SPDX-License-Identifier: BSD-3-Clause
// Does a port map hand out what is free, all of it, and nothing twice? Cases first, then random
// operations against an array of states that is searched port by port.
// CULVERT_TEST_SEED=n plays another sequence.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vnf/lib/port_map.h"

#define N_PORTS 65536U
#define N_OPERATIONS 20000

static struct port_map *map;
static uint64_t seed, random_state;

// splitmix64
static uint32_t draw(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) >> 16);
}

static int setup(void **state)
{
    const char *text = getenv("CULVERT_TEST_SEED");

    (void)state;
    seed = text != NULL ? strtoull(text, NULL, 0) : 1;
    random_state = seed;
    map = calloc(1, sizeof(*map));
    return map == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(map);
    return 0;
}

static struct port_request request(uint16_t first, uint16_t last, uint8_t parity)
{
    return (struct port_request){first, last,   first,
                                 last,  parity, draw() << 16 | (draw() & 0xffff)};
}

static int take(uint16_t first, uint16_t last, uint8_t parity)
{
    struct port_request r = request(first, last, parity);

    return port_map_take_any(map, &r);
}

// Each of a range once, whatever its edges, then none.
static void test_until_the_last(void **state)
{
    static const uint16_t ranges[][2] = {{1, 65535}, {0, 65535},   {1024, 65535},  {5, 5},
                                         {63, 64},   {4094, 4097}, {65535, 65535}, {8, 137}};
    static uint8_t seen[N_PORTS];

    (void)state;
    for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        uint32_t first = ranges[i][0], last = ranges[i][1];

        memset(map, 0, sizeof(*map));
        memset(seen, 0, sizeof(seen));
        for (uint32_t n = 0; n < last - first + 1; n++) {
            int port = take((uint16_t)first, (uint16_t)last, PORT_ANY);

            assert_in_range(port, first, last);
            assert_int_equal(seen[port]++, 0);
        }
        assert_int_equal(take((uint16_t)first, (uint16_t)last, PORT_ANY), -1);
        assert_int_equal(map->n_used, last - first + 1);
    }
}

// RFC 4787, REQ-4: of the parity while there is one, then the other.
static void test_parity(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(take(1001, 1100, PORT_ODD) & 1, 1);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(take(1001, 1100, PORT_ODD) & 1, 0);
    assert_int_equal(take(1001, 1100, PORT_ODD), -1);
}

static void test_preferred(void **state)
{
    struct port_request r = {1000, 1099, 1050, 1059, PORT_ANY, 0};

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_in_range(port_map_take_any(map, &r), 1050, 1059);
    for (unsigned i = 0; i < 90; i++) {
        int port = port_map_take_any(map, &r);

        assert_true((port >= 1000 && port < 1050) || (port > 1059 && port <= 1099));
    }
    assert_int_equal(port_map_take_any(map, &r), -1);
}

// RFC 6888, REQ-8: what was given back comes last, the longest rested first.
static void test_rest(void **state)
{
    (void)state;
    for (uint16_t port = 100; port < 103; port++)
        assert_int_equal(port_map_take(map, port), 0);
    port_map_release(map, 101);
    port_map_rotate(map);
    port_map_release(map, 100);
    assert_int_equal(take(100, 103, PORT_ANY), 103);
    assert_int_equal(take(100, 103, PORT_ANY), 101);
    assert_int_equal(take(100, 103, PORT_ANY), 100);
    assert_int_equal(take(100, 103, PORT_ANY), -1);
}

static void test_rest_ends(void **state)
{
    (void)state;
    assert_int_equal(port_map_take(map, 100), 0);
    assert_int_equal(port_map_take(map, 101), 0);
    port_map_release(map, 100);
    port_map_rotate(map);
    assert_int_equal(map->n_resting[0] + map->n_resting[1], 1);
    port_map_release(map, 101);
    port_map_rotate(map); // 100 is as good as any now
    assert_int_equal(take(100, 101, PORT_ANY), 100);
}

static void test_take_one(void **state)
{
    (void)state;
    assert_int_equal(port_map_take(map, 7), 0);
    assert_int_equal(port_map_take(map, 7), -EADDRINUSE);
    port_map_release(map, 7);
    assert_int_equal(port_map_take(map, 7), 0); // its rest does not matter to who had it
    assert_int_equal(map->n_resting[0] + map->n_resting[1], 0);
}

static void test_reserved(void **state)
{
    (void)state;
    assert_int_equal(port_map_take(map, 8), 0);
    port_map_release(map, 8);
    port_map_reserve(map, 8);
    port_map_reserve(map, 9);
    assert_int_equal(take(8, 9, PORT_ANY), -1);
    assert_int_equal(port_map_take(map, 8), -EADDRINUSE);
    port_map_unreserve(map, 8, 0);
    assert_int_equal(take(8, 9, PORT_ANY), 8);
    port_map_reserve(map, 8); // in use
    port_map_release(map, 8);
    assert_int_equal(take(8, 9, PORT_ANY), -1);
    port_map_unreserve(map, 8, 0);
    port_map_unreserve(map, 9, 1);
    assert_int_equal(take(8, 9, PORT_ANY), 8);
    assert_int_equal(take(8, 9, PORT_ANY), -1);
}

// Property.

enum { FREE, USED, NEW_REST, OLD_REST };

static struct {
    uint8_t is[N_PORTS];
    uint8_t is_reserved[N_PORTS];
} model;

static int can_take(uint32_t port, uint8_t kind)
{
    return model.is[port] == kind && !model.is_reserved[port];
}

static int model_has(uint32_t first, uint32_t last, uint8_t kind, int parity)
{
    for (uint32_t port = first; port <= last; port++)
        if (can_take(port, kind) && (parity == PORT_ANY || (int)(port & 1) == parity))
            return 1;
    return 0;
}

static void check_taken(const struct port_request *r, int port)
{
    static const uint8_t order[] = {FREE, OLD_REST, NEW_REST};
    unsigned i = 0;

    while (i < 3 && !model_has(r->first, r->last, order[i], PORT_ANY))
        i++;
    if (i == 3) {
        assert_int_equal(port, -1);
        return;
    }
    assert_in_range(port, r->first, r->last);
    assert_true(can_take((uint32_t)port, order[i]));
    if (r->preferred_first <= r->preferred_last &&
        model_has(r->preferred_first, r->preferred_last, order[i], PORT_ANY)) {
        assert_in_range(port, r->preferred_first, r->preferred_last);
        if (r->parity != PORT_ANY &&
            model_has(r->preferred_first, r->preferred_last, order[i], r->parity))
            assert_int_equal(port & 1, r->parity);
    }
    model.is[port] = USED;
}

static void do_take(uint32_t low, uint32_t high)
{
    struct port_request r = request((uint16_t)low, (uint16_t)high, (uint8_t)(draw() % 3));
    uint32_t a = low + draw() % (high - low + 1), b = low + draw() % (high - low + 1);

    r.preferred_first = (uint16_t)a;
    r.preferred_last = (uint16_t)b;
    check_taken(&r, port_map_take_any(map, &r));
}

static void do_take_one(uint16_t port)
{
    int is_taken = model.is[port] == USED || model.is_reserved[port];

    assert_int_equal(port_map_take(map, port), is_taken ? -EADDRINUSE : 0);
    model.is[port] = is_taken ? model.is[port] : USED;
}

static void do_rotate(void)
{
    port_map_rotate(map);
    for (uint32_t port = 0; port < N_PORTS; port++)
        model.is[port] = model.is[port] == OLD_REST   ? FREE
                         : model.is[port] == NEW_REST ? OLD_REST
                                                      : model.is[port];
}

static void do_release(uint16_t port)
{
    if (model.is[port] != USED)
        return;
    port_map_release(map, port);
    model.is[port] = model.is_reserved[port] ? FREE : NEW_REST;
}

static void do_reserve(uint16_t port)
{
    if (model.is_reserved[port]) {
        port_map_unreserve(map, port, model.is[port] == USED);
        model.is_reserved[port] = 0;
        return;
    }
    port_map_reserve(map, port);
    model.is_reserved[port] = 1;
    if (model.is[port] != USED)
        model.is[port] = FREE;
}

static void test_model(void **state)
{
    (void)state;
    printf("seed %lu\n", seed);
    memset(&model, 0, sizeof(model));
    for (unsigned i = 0; i < N_OPERATIONS; i++) {
        uint32_t low = 4000 + draw() % 300, high = low + draw() % 200;
        uint16_t port = (uint16_t)(4000 + draw() % 500);

        switch (draw() % 16) {
        case 0:
            do_reserve(port);
            break;
        case 1:
            do_take_one(port);
            break;
        case 2:
            if (draw() % 8 == 0)
                do_rotate();
            break;
        case 3 ... 7:
            do_release(port);
            break;
        default:
            do_take(low, high);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_until_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(test_parity, setup, teardown),
        cmocka_unit_test_setup_teardown(test_preferred, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rest_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_take_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reserved, setup, teardown),
        cmocka_unit_test_setup_teardown(test_model, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
