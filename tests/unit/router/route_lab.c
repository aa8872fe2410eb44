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

// What becomes of packets: type, paths and which of them some flows have.
struct way {
    uint16_t type, n_paths;
    struct router_path paths[16];
};

static struct way way_of(uint8_t family, const uint8_t *address)
{
    const struct route_group *group = route_lookup(lab_state(), family, address);
    struct way way;

    memset(&way, 0, sizeof(way));
    if (group == NULL)
        return way;
    way.type = group->type;
    way.n_paths = group->n_paths;
    for (uint32_t i = 0; group->n_paths > 0 && i < RTE_DIM(way.paths); i++)
        way.paths[i] = *route_path(group, i * ROUTE_N_BUCKETS / RTE_DIM(way.paths));
    return way;
}

int route_lab_is_told(unsigned i, uint8_t family, const uint8_t *address)
{
    static struct {
        struct way way;
        uint32_t version;
        int is_known;
    } last[ROUTE_LAB_MAX_TOLD];
    const struct route_table *t = lab_state()->routes;
    struct way way = way_of(family, address);
    uint32_t version =
        walk_version(route_place(t, family, address)) + walk_version(route_place_of_all(t));
    int is_told = !last[i].is_known || version != last[i].version ||
                  memcmp(&way, &last[i].way, sizeof(way)) == 0;

    last[i].way = way;
    last[i].version = version;
    last[i].is_known = 1;
    return is_told;
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
