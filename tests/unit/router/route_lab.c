// SPDX-License-Identifier: BSD-3-Clause
// What tests of routes ask the router under lab.h for: see route_lab.h.

#include "tests/unit/router/route_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/router/lab.h"

const struct route_group *route_lab_lookup(const char *text)
{
    const struct route_group *group;
    uint8_t address[1][16];
    uint32_t word;

    if (lab_parse(text, address[0]) == 4) {
        memcpy(&word, address[0], sizeof(word));
        route_lookup4(lab_state(), &word, &group, 1);
    } else {
        route_lookup6(lab_state(), address, &group, 1);
    }
    return group;
}

// The type of the group for an address; 0: no route.
int route_lab_type(const char *text)
{
    const struct route_group *group = route_lab_lookup(text);

    return group != NULL ? group->type : 0;
}

// The number of the interface that a flow to an address leaves by; -1: none.
int route_lab_way(const char *text, uint32_t hash)
{
    const struct route_group *group = route_lab_lookup(text);
    const struct router_path *path = group != NULL ? route_path(group, hash) : NULL;

    if (path == NULL)
        return -1;
    return (int)(router_interface_of(lab_config(), path->slot) - lab_config()->interfaces);
}

void route_lab_link(unsigned port, int is_up)
{
    lab_link(port, is_up);
    lab_function()->ops->age(lab_function(), generation_current());
}

uint32_t route_lab_epoch = 1;

int route_lab_request(unsigned type, const void *items, uint32_t n, struct error *e)
{
    uint64_t answer[32];
    struct function_request r = {.generation = generation_current(),
                                 .type = type,
                                 .items = items,
                                 .n_items = n,
                                 .epoch = route_lab_epoch,
                                 .answer = answer,
                                 .answer_size = sizeof(answer)};

    memset(e, 0, sizeof(*e));
    return lab_function()->ops->request(lab_function(), &r, e);
}

struct api_dynamic_next_hop route_lab_hop(uint32_t group, uint32_t interface, const char *address)
{
    struct api_dynamic_next_hop item = {
        .group = group, .interface = interface, .type = API_ROUTE_UNICAST, .weight = 1};

    item.family = lab_parse(address, item.address);
    return item;
}

struct api_route_change route_lab_change(uint32_t group, const char *prefix, uint8_t len)
{
    struct api_route_change item = {.group = group, .prefix_len = len};

    item.family = lab_parse(prefix, item.address);
    return item;
}

void route_lab_give(uint32_t group, uint32_t interface, const char *address)
{
    struct api_dynamic_next_hop item = route_lab_hop(group, interface, address);
    struct error e;

    assert_int_equal(route_lab_request(API_DYNAMIC_NEXT_HOP, &item, 1, &e), 0);
}

void route_lab_route(uint32_t group, const char *prefix, uint8_t len)
{
    struct api_route_change item = route_lab_change(group, prefix, len);
    struct error e;

    assert_int_equal(route_lab_request(API_ROUTE_CHANGE, &item, 1, &e), 0);
}

void route_lab_sweep(void)
{
    struct error e;

    assert_int_equal(route_lab_request(API_ROUTE_SWEEP, NULL, 0, &e), 0);
}
