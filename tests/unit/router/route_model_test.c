// SPDX-License-Identifier: BSD-3-Clause
// Property: the route table does what a naive model of it does, whatever happens to both. The model
// keeps lists and walks them. Operations are commits (static routes of several preferences, an
// interface that comes and goes, the preference of dynamic routes), links, groups that daemons give
// and replace, routes to them, epochs and sweeps. After each one all destinations are compared,
// with their next hops and buckets, and now and then the whole listing. CULVERT_TEST_SEED=n plays
// another sequence; a failure prints seed, operation number and kind.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <arpa/inet.h>

#include "tests/unit/router/lab.h"
#include "tests/unit/router/route_lab.h"
#include "vnf/router/route_table.h"

#define N_OPERATIONS 40000
#define N_STATICS 24
#define N_DYNAMIC_GROUPS 6
#define N_HOPS 4
#define ENTRIES_PER_ANSWER 40 // so that a listing takes several

struct hop {
    uint8_t interface, host, weight;
};

struct model_group {
    int exists;
    uint8_t type;
    unsigned n;
    struct hop hops[N_HOPS];
    uint32_t epoch;
};

struct model_route {
    unsigned prefix; // index
    uint8_t source, preference, type;
    struct model_group group;
};

static const char *const prefixes[] = {
    "0.0.0.0/0",       "10.0.0.0/8",    "10.0.0.0/16",     "10.0.1.0/24",
    "10.0.1.1/32",     "10.0.1.128/25", "10.0.2.255/32",   "20.0.0.0/6",
    "20.1.0.0/16",     "20.1.128.0/17", "20.1.128.9/32",   "30.0.0.0/30",
    "200.0.0.0/24",    "::/0",          "fd00::/16",       "fd00:1::/64",
    "fd00:1::1/128",   "2001:db8::/32", "2001:db8:1::/48", "2001:db8:1:8000::/49",
    "2001:db8::9/128",
};
#define N_PREFIXES (sizeof(prefixes) / sizeof(prefixes[0]))

static struct {
    uint8_t family, len;
    uint8_t address[16];
} parsed[N_PREFIXES];

static struct {
    unsigned n_interfaces;
    uint8_t is_up[LAB_N_INTERFACES];
    uint8_t preference; // of dynamic routes
    unsigned n_statics;
    struct model_route statics[N_STATICS];
    struct model_group groups[N_DYNAMIC_GROUPS + 1]; // by name
    uint32_t dynamic[N_PREFIXES];                    // name of its group; 0: no route
    uint32_t epoch, last_epoch;                      // of the next requests, of the last
} model;

static uint64_t seed, random_state;
static unsigned operation; // number
static const char *kind;

#define check(what)                                                                    \
    do {                                                                               \
        if (!(what))                                                                   \
            fail_msg("seed %lu, operation %u (%s): %s", seed, operation, kind, #what); \
    } while (0)

// 0 to n - 1 (splitmix64).
static uint32_t draw(uint32_t n)
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)((z ^ z >> 31) % n);
}

static void parse_prefixes(void)
{
    for (unsigned i = 0; i < N_PREFIXES; i++) {
        char text[64];
        char *slash;

        snprintf(text, sizeof(text), "%s", prefixes[i]);
        slash = strchr(text, '/');
        *slash = '\0';
        parsed[i].family = lab_parse(text, parsed[i].address);
        parsed[i].len = (uint8_t)atoi(slash + 1);
    }
}

static void hop_address(const struct hop *hop, uint8_t family, uint8_t address[16])
{
    const uint8_t ip4[16] = {10, 0, hop->interface, hop->host};
    const uint8_t ip6[16] = {0xfd, 0, 0, hop->interface, [15] = hop->host};

    memcpy(address, family == 4 ? ip4 : ip6, 16);
}

static void draw_group(struct model_group *group)
{
    memset(group, 0, sizeof(*group));
    group->exists = 1;
    group->type = API_ROUTE_UNICAST;
    if (draw(8) == 0) {
        group->type = draw(2) == 0 ? API_ROUTE_BLACKHOLE : API_ROUTE_UNREACHABLE;
        return;
    }
    group->n = 1 + (draw(2) == 0 ? draw(N_HOPS) : 0);
    for (unsigned i = 0; i < group->n; i++)
        group->hops[i] = (struct hop){.interface = (uint8_t)draw(model.n_interfaces),
                                      .host = (uint8_t)(2 + N_HOPS * draw(3) + i),
                                      .weight = (uint8_t)(1 + draw(5))};
}

// The dynamic groups' next hops are IPv6 for all: an IPv4 route may have them.
static uint8_t hop_family(const struct model_route *route)
{
    return route->source == API_SOURCE_STATIC ? parsed[route->prefix].family : 6;
}

static void add_static(struct lab_spec *spec, const struct model_route *route)
{
    uint32_t group = lab_group(spec, route->group.type);

    for (unsigned i = 0; i < route->group.n; i++) {
        struct api_next_hop *hop = &spec->next_hops[spec->n_next_hops++];
        const struct hop *h = &route->group.hops[i];

        *hop = (struct api_next_hop){.owner = group,
                                     .interface = h->host % 2 ? h->interface : API_NONE,
                                     .family = hop_family(route),
                                     .weight = h->weight};
        hop_address(h, hop->family, hop->address);
    }
    spec->routes[spec->n_routes++] = (struct api_route){.owner = 1,
                                                        .group = group,
                                                        .family = parsed[route->prefix].family,
                                                        .prefix_len = parsed[route->prefix].len,
                                                        .preference = route->preference};
    memcpy(spec->routes[spec->n_routes - 1].address, parsed[route->prefix].address, 16);
}

static void commit(void)
{
    struct lab_spec spec;
    uint32_t n = 0;

    lab_spec_init(&spec);
    spec.n_interfaces = model.n_interfaces;
    spec.router.dynamic_preference = model.preference;
    spec.n_neighbors = 0;
    for (uint32_t i = 0; i < spec.n_addresses; i++)
        if (spec.addresses[i].owner < model.n_interfaces)
            spec.addresses[n++] = spec.addresses[i];
    spec.n_addresses = n;
    for (unsigned i = 0; i < model.n_statics; i++)
        add_static(&spec, &model.statics[i]);
    lab_start(&spec);
}

static int is_used(uint32_t name)
{
    for (unsigned i = 0; i < N_PREFIXES; i++)
        if (model.dynamic[i] == name)
            return 1;
    return 0;
}

static void drop_group(uint32_t name)
{
    model.groups[name].exists = 0;
    for (unsigned i = 0; i < N_PREFIXES; i++)
        if (model.dynamic[i] == name)
            model.dynamic[i] = 0;
}

static void interface_gone(uint8_t interface)
{
    unsigned n_statics = 0;

    for (uint32_t name = 1; name <= N_DYNAMIC_GROUPS; name++) {
        struct model_group *group = &model.groups[name];
        unsigned n = 0, n_before = group->n;

        for (unsigned i = 0; i < group->n; i++)
            if (group->hops[i].interface != interface)
                group->hops[n++] = group->hops[i];
        group->n = n;
        if (group->exists && n == 0 && n_before > 0)
            drop_group(name);
    }
    for (unsigned i = 0; i < model.n_statics; i++) {
        int is_over = 0;

        for (unsigned j = 0; j < model.statics[i].group.n; j++)
            is_over |= model.statics[i].group.hops[j].interface == interface;
        if (!is_over)
            model.statics[n_statics++] = model.statics[i];
    }
    model.n_statics = n_statics;
}

static void do_commit(void)
{
    kind = "commit";
    if (draw(6) == 0) {
        model.n_interfaces = model.n_interfaces == 4 ? 3 : 4;
        if (model.n_interfaces == 3)
            interface_gone(3);
    }
    if (draw(6) == 0)
        model.preference = (uint8_t)(1 + draw(4));
    for (unsigned n = draw(4); n > 0 && model.n_statics > 0; n--) {
        model.n_statics--;
        model.statics[draw(model.n_statics + 1)] = model.statics[model.n_statics];
    }
    for (unsigned n = draw(4); n > 0 && model.n_statics < 12; n--) {
        struct model_route *route = &model.statics[model.n_statics];
        int is_twice = 0;

        *route = (struct model_route){.prefix = draw(N_PREFIXES),
                                      .source = API_SOURCE_STATIC,
                                      .preference = (uint8_t)(1 + draw(3))};
        draw_group(&route->group);
        route->type = route->group.type;
        for (unsigned i = 0; i < model.n_statics; i++)
            is_twice |= model.statics[i].prefix == route->prefix &&
                        model.statics[i].preference == route->preference;
        model.n_statics += !is_twice;
    }
    if (model.n_statics > 0 && draw(3) == 0) { // another way, the same route
        struct model_route *route = &model.statics[draw(model.n_statics)];

        draw_group(&route->group);
        route->type = route->group.type;
    }
    commit();
}

static void request(unsigned type, const void *items, uint32_t n)
{
    uint64_t answer[8];
    struct function_request r = {.generation = generation_current(),
                                 .type = type,
                                 .items = items,
                                 .n_items = n,
                                 .epoch = model.epoch,
                                 .answer = answer,
                                 .answer_size = sizeof(answer)};
    struct error e = {0};

    if (lab_function()->ops->request(lab_function(), &r, &e) < 0)
        fail_msg("seed %lu, operation %u (%s): %s", seed, operation, kind, e.sentence);
    model.last_epoch = model.epoch;
}

static void do_give(void)
{
    struct api_dynamic_next_hop items[N_HOPS];
    uint32_t name = 1 + draw(N_DYNAMIC_GROUPS);
    struct model_group *group = &model.groups[name];

    kind = "give";
    draw_group(group);
    group->epoch = model.epoch;
    memset(items, 0, sizeof(items));
    items[0].group = name;
    items[0].type = group->type;
    for (unsigned i = 0; i < group->n; i++) {
        items[i] = (struct api_dynamic_next_hop){.group = name,
                                                 .interface = group->hops[i].interface,
                                                 .type = group->type,
                                                 .family = 6,
                                                 .weight = group->hops[i].weight};
        hop_address(&group->hops[i], 6, items[i].address);
    }
    request(API_DYNAMIC_NEXT_HOP, items, group->n > 0 ? group->n : 1);
}

// A group that this was the last route of may have been of another epoch.
static void let_go(uint32_t name)
{
    if (name != 0 && !is_used(name) && model.groups[name].epoch != model.epoch)
        model.groups[name].exists = 0;
}

static void do_change(void)
{
    struct api_route_change items[4];
    uint32_t n = 1 + draw(4);

    kind = "change";
    for (uint32_t i = 0; i < n; i++) {
        unsigned prefix = draw(N_PREFIXES);
        uint32_t name = draw(3) == 0 ? 0 : 1 + draw(N_DYNAMIC_GROUPS), old = model.dynamic[prefix];

        if (!model.groups[name].exists)
            name = 0;
        items[i] = (struct api_route_change){
            .group = name, .family = parsed[prefix].family, .prefix_len = parsed[prefix].len};
        memcpy(items[i].address, parsed[prefix].address, 16);
        model.dynamic[prefix] = name;
        if (old != name)
            let_go(old);
    }
    request(API_ROUTE_CHANGE, items, n);
}

static void do_sweep(void)
{
    kind = "sweep";
    for (uint32_t name = 1; name <= N_DYNAMIC_GROUPS; name++)
        if (model.groups[name].exists && model.groups[name].epoch != model.epoch)
            drop_group(name);
    request(API_ROUTE_SWEEP, NULL, 0);
}

static unsigned port_of(unsigned interface)
{
    return interface < LAB_TWIN ? interface : interface + 1;
}

static void do_link(void)
{
    unsigned interface = draw(model.n_interfaces);

    kind = "link";
    model.is_up[interface] ^= 1;
    lab_link(port_of(interface), model.is_up[interface]);
    lab_function()->ops->age(lab_function(), generation_current());
}

// All routes that the model has.
static unsigned collect(struct model_route *routes)
{
    unsigned n = 0;

    for (unsigned i = 0; i < model.n_statics; i++)
        routes[n++] = model.statics[i];
    for (unsigned prefix = 0; prefix < N_PREFIXES; prefix++)
        if (model.dynamic[prefix] != 0)
            routes[n++] = (struct model_route){.prefix = prefix,
                                               .source = API_SOURCE_DYNAMIC,
                                               .preference = model.preference,
                                               .type = model.groups[model.dynamic[prefix]].type,
                                               .group = model.groups[model.dynamic[prefix]]};
    return n;
}

static int covers(const uint8_t *prefix, unsigned len, const uint8_t *address)
{
    for (unsigned bit = 0; bit < len; bit++)
        if ((prefix[bit / 8] ^ address[bit / 8]) >> (7 - bit % 8) & 1)
            return 0;
    return 1;
}

// What interfaces' addresses say of a destination, the longest first: its type and *len.
static uint8_t connected(uint8_t family, const uint8_t *a, unsigned *len, uint8_t *interface)
{
    static const uint8_t zero[16];

    *len = 0;
    *interface = family == 4 ? a[2] : a[3];
    if (*interface >= model.n_interfaces || a[family == 4 ? 1 : 1] != 0 ||
        a[0] != (family == 4 ? 10 : 0xfd) || (family == 6 && a[2] != 0))
        return 0;
    if (family == 4) {
        *len = 32;
        if (a[3] == 1)
            return API_ROUTE_LOCAL;
        if (a[3] == 0 || a[3] == 255)
            return API_ROUTE_BROADCAST;
        *len = 24;
    } else {
        if (memcmp(a + 4, zero, 4) != 0)
            return 0;
        *len = 128;
        if (memcmp(a + 8, zero, 7) == 0 && a[15] == 1)
            return API_ROUTE_LOCAL;
        *len = 64;
    }
    return model.is_up[*interface] ? API_ROUTE_CONNECTED : 0;
}

static int is_usable(const struct model_group *group)
{
    if (group->type != API_ROUTE_UNICAST)
        return 1;
    for (unsigned i = 0; i < group->n; i++)
        if (model.is_up[group->hops[i].interface])
            return 1;
    return 0;
}

static int is_better(const struct model_route *a, const struct model_route *b)
{
    if (parsed[a->prefix].len != parsed[b->prefix].len)
        return parsed[a->prefix].len > parsed[b->prefix].len;
    if (a->preference != b->preference)
        return a->preference < b->preference;
    return a->source < b->source;
}

static void compare_paths(const struct route_group *group, const struct model_route *route)
{
    unsigned n_of_path[N_HOPS] = {0};

    check(group->n_paths == route->group.n);
    for (unsigned i = 0; i < group->n_paths; i++) {
        uint8_t address[16];
        const struct router_interface *interface =
            router_interface_of(lab_config(), group->paths[i].slot);

        hop_address(&route->group.hops[i], hop_family(route), address);
        check(interface == lab_interface(route->group.hops[i].interface));
        check(memcmp(address, group->paths[i].address, 16) == 0);
        check(group->paths[i].weight == route->group.hops[i].weight);
    }
    if (group->n_paths < 2)
        return;
    for (uint32_t hash = 0; hash < ROUTE_N_BUCKETS; hash++) {
        unsigned path = (unsigned)(route_path(group, hash) - group->paths);

        check(path < group->n_paths);
        check(model.is_up[route->group.hops[path].interface]);
        n_of_path[path]++;
    }
    for (unsigned i = 0; i < group->n_paths; i++)
        check(!model.is_up[route->group.hops[i].interface] || n_of_path[i] > 0);
}

static void compare_address(uint8_t family, const uint8_t *address)
{
    struct model_route routes[N_STATICS + N_PREFIXES];
    const struct model_route *best = NULL;
    const struct route_group *group;
    unsigned n = collect(routes), len;
    uint8_t interface, type = connected(family, address, &len, &interface);
    uint8_t copy[1][16];
    uint32_t word;

    for (unsigned i = 0; i < n; i++)
        if (parsed[routes[i].prefix].family == family && is_usable(&routes[i].group) &&
            covers(parsed[routes[i].prefix].address, parsed[routes[i].prefix].len, address) &&
            (best == NULL || is_better(&routes[i], best)))
            best = &routes[i];
    memcpy(&word, address, sizeof(word));
    memcpy(copy[0], address, 16);
    if (family == 4)
        route_lookup4(lab_state(), &word, &group, 1);
    else
        route_lookup6(lab_state(), copy, &group, 1);
    if (type != 0 && (best == NULL || parsed[best->prefix].len <= len)) {
        check(group != NULL && group->type == type && group->source == API_SOURCE_CONNECTED);
        check(router_interface_of(lab_config(), group->paths[0].slot) == lab_interface(interface));
        return;
    }
    check((group == NULL) == (best == NULL));
    if (best == NULL)
        return;
    check(group->type == best->type && group->source == best->source);
    check(group->preference == best->preference);
    compare_paths(group, best);
}

// Listed are all routes of the family, each once, in order, and those of the model among them.
static void compare_listing(uint8_t family)
{
    static struct api_route_entry items[ENTRIES_PER_ANSWER];
    struct model_route routes[N_STATICS + N_PREFIXES];
    struct api_list_routes list = {.family = family, .mode = API_LIST_FIRST};
    unsigned n_model = 0, n_listed = 0, n = collect(routes);
    struct function_request r = {.generation = generation_current(),
                                 .type = API_LIST_ROUTES,
                                 .items = &list,
                                 .n_items = 1,
                                 .answer = items,
                                 .answer_size = sizeof(items)};
    struct error e;

    for (unsigned i = 0; i < n; i++)
        n_model += parsed[routes[i].prefix].family == family;
    do {
        check(lab_function()->ops->request(lab_function(), &r, &e) == 0);
        for (uint32_t i = 0; i < r.n_answers; i++) {
            int order = memcmp(items[i].address, list.address, 16);

            check(order > 0 || (order == 0 && items[i].prefix_len >= list.prefix_len));
            n_listed += items[i].position == 0 && items[i].source != API_SOURCE_CONNECTED;
            memcpy(list.address, items[i].address, 16);
            list.prefix_len = items[i].prefix_len;
        }
        list.mode = API_LIST_AFTER;
    } while (items[r.n_answers - 1].has_more);
    check(n_listed == n_model);
    check(route_count(lab_state(), family) == n_model + model.n_interfaces);
}

static uint32_t n_groups(void)
{
    uint32_t n = 0;

    for (uint32_t name = 1; name <= N_DYNAMIC_GROUPS; name++)
        n += (uint32_t)model.groups[name].exists;
    return n;
}

static void compare(void)
{
    check(lab_state()->routes->n_dynamic_groups == n_groups());
    for (unsigned i = 0; i < N_PREFIXES; i++) {
        uint8_t address[16], last = parsed[i].family == 4 ? 3 : 15;

        memcpy(address, parsed[i].address, 16);
        compare_address(parsed[i].family, address);
        check(route_lab_is_told(i, parsed[i].family, parsed[i].address));
        if (parsed[i].len == (parsed[i].family == 4 ? 32 : 128))
            address[last] ^= 1;
        else
            address[last] |= (uint8_t)(parsed[i].len == 30 ? draw(4) : draw(128));
        compare_address(parsed[i].family, address);
    }
    if (draw(16) == 0) {
        compare_listing(4);
        compare_listing(6);
    }
}

static void table_does_what_the_model_does(void **state)
{
    const char *text = getenv("CULVERT_TEST_SEED");

    (void)state;
    seed = text != NULL ? strtoul(text, NULL, 10) : 1;
    random_state = seed;
    parse_prefixes();
    memset(&model, 0, sizeof(model));
    model.n_interfaces = 4;
    memset(model.is_up, 1, sizeof(model.is_up));
    model.preference = 2;
    model.epoch = 1;
    kind = "start";
    commit();
    compare();
    for (operation = 1; operation <= N_OPERATIONS; operation++) {
        switch (draw(8)) {
        case 0:
            do_commit();
            break;
        case 1:
        case 2:
            do_link();
            break;
        case 3:
            do_give();
            break;
        case 4:
            if (draw(4) == 0)
                model.epoch++;
            if (draw(8) == 0)
                do_sweep();
            break;
        default:
            do_change();
            break;
        }
        compare();
    }
    lab_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(table_does_what_the_model_does)};

    return cmocka_run_group_tests(tests, lab_init, NULL);
}
