// SPDX-License-Identifier: BSD-3-Clause
// culvert-route-loader: gives the routes of the bench to a router of a running dataplane, the way
// that a routing daemon's come to it, and says how long that took. --flap withdraws and adds routes
// again and again until it is told to stop. This file: what is asked for, and the loops over the
// routes. Then: prefixes.c for what they are, client.c for how they are sent.
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/bench/routes/client.h"
#include "tests/bench/routes/options.h"
#include "tests/bench/routes/prefixes.h"

#define EPOCH 1
#define N_SIDES 2
#define BATCH CLIENT_ITEMS_MAX(sizeof(struct api_route_change))

static volatile sig_atomic_t is_stopping;

static void on_signal(int number)
{
    (void)number;
    is_stopping = 1;
}

static double now_sec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// The position of an interface of the router, by its name.
static int find_interface(struct client *c, const struct options *o, const char *name,
                          uint32_t *position)
{
    struct api_list_interfaces *list = (struct api_list_interfaces *)c->request.items;
    const struct api_interface_state *found = (const struct api_interface_state *)c->answer.items;
    uint32_t cursor = 0;
    int err;

    do {
        uint32_t first = cursor;

        *list = (struct api_list_interfaces){.cursor = first};
        snprintf(list->tenant, sizeof(list->tenant), "%s", o->tenant);
        snprintf(list->name, sizeof(list->name), "%s", o->router);
        err = client_ask(c, API_LIST_INTERFACES, 1, API_INTERFACES);
        if (err < 0)
            return err;
        for (uint32_t i = 0; i < c->answer.header.n_items; i++) {
            if (strcmp(found[i].name, name) == 0) {
                *position = first + i;
                return 0;
            }
            cursor = found[i].next;
        }
    } while (cursor != 0);
    fprintf(stderr, "culvert-route-loader: router %s has no interface %s\n", o->router, name);
    return -ENOENT;
}

static int set_target(struct client *c, const struct options *o)
{
    struct api_route_target *target = (struct api_route_target *)c->request.items;

    *target = (struct api_route_target){.epoch = EPOCH};
    snprintf(target->tenant, sizeof(target->tenant), "%s", o->tenant);
    snprintf(target->name, sizeof(target->name), "%s", o->router);
    return client_ask(c, API_ROUTE_TARGET, 1, API_REPLY);
}

static uint32_t group_of_side(unsigned side)
{
    return side + 1;
}

// The group that leads to a side: next hops 10.0.<side>.2, .3, … or fd00:a::2 and fd00:b::2.
static int set_group(struct client *c, const struct options *o, unsigned side, uint32_t interface)
{
    struct api_dynamic_next_hop *hops = (struct api_dynamic_next_hop *)c->request.items;

    for (unsigned i = 0; i < o->n_paths; i++) {
        uint8_t host = (uint8_t)(2 + i);

        hops[i] = (struct api_dynamic_next_hop){
            .group = group_of_side(side),
            .interface = interface,
            .type = API_ROUTE_UNICAST,
            .family = (uint8_t)o->family,
            .weight = 1,
        };
        if (o->family == 4)
            memcpy(hops[i].address, (uint8_t[]){10, 0, (uint8_t)side, host}, 4);
        else
            memcpy(hops[i].address, (uint8_t[]){0xfd, 0, 0, (uint8_t)(0xa + side)}, 4);
        if (o->family == 6)
            hops[i].address[15] = host;
    }
    return client_ask(c, API_DYNAMIC_NEXT_HOP, o->n_paths, API_REPLY);
}

static int set_groups(struct client *c, const struct options *o)
{
    static const char *const names[N_SIDES] = {[PREFIX_BEHIND_A] = "a", [PREFIX_BEHIND_B] = "b"};
    uint32_t interfaces[N_SIDES];
    int err = 0;

    for (unsigned side = 0; side < N_SIDES && err == 0; side++)
        err = find_interface(c, o, names[side], &interfaces[side]);
    if (err == 0)
        err = set_target(c, o);
    for (unsigned side = 0; side < N_SIDES && err == 0; side++)
        err = set_group(c, o, side, interfaces[side]);
    return err;
}

// Add the routes from first to last - 1, or delete them.
static int change(struct client *c, const struct options *o, bool is_delete, uint32_t first,
                  uint32_t last)
{
    struct api_route_change *items = (struct api_route_change *)c->request.items;

    while (first < last) {
        uint32_t n = last - first < BATCH ? last - first : BATCH;
        int err;

        for (uint32_t i = 0; i < n; i++) {
            struct prefix p = prefix_of_route(o->family, first + i);

            items[i] = (struct api_route_change){
                .group = is_delete ? 0 : group_of_side(p.side),
                .family = (uint8_t)o->family,
                .prefix_len = p.len,
            };
            prefix_address(o->family, &p, items[i].address);
        }
        err = client_ask(c, API_ROUTE_CHANGE, n, API_REPLY);
        if (err < 0)
            return err;
        first += n;
    }
    return 0;
}

static int load(struct client *c, const struct options *o)
{
    double start = now_sec();
    double seconds;
    int err = change(c, o, o->is_delete, o->first, o->first + o->n_routes);

    if (err < 0)
        return err;
    seconds = now_sec() - start;
    printf("{\"routes\": %u, \"deleted\": %s, \"seconds\": %.6f, \"routes_per_sec\": %.0f}\n",
           o->n_routes, o->is_delete ? "true" : "false", seconds, o->n_routes / seconds);
    return 0;
}

// Added first, and there in the end: a round that has begun is finished.
static int flap(struct client *c, const struct options *o)
{
    uint32_t last = o->first + o->n_routes;
    double start = now_sec();
    double seconds;
    uint64_t n_flaps = 0;
    int err = change(c, o, false, o->first, last);

    while (!is_stopping && err == 0) {
        err = change(c, o, true, o->first, last);
        if (err == 0)
            err = change(c, o, false, o->first, last);
        n_flaps++;
    }
    if (err < 0)
        return err;
    seconds = now_sec() - start;
    printf("{\"routes\": %u, \"flaps\": %lu, \"seconds\": %.6f, \"changes_per_sec\": %.0f}\n",
           o->n_routes, n_flaps, seconds, 2.0 * (double)n_flaps * o->n_routes / seconds);
    return 0;
}

// For those that are no dataplane of ours.
static void print(const struct options *o)
{
    for (uint32_t i = o->first; i < o->first + o->n_routes; i++) {
        struct prefix p = prefix_of_route(o->family, i);
        uint8_t address[16];
        char text[INET6_ADDRSTRLEN];

        prefix_address(o->family, &p, address);
        inet_ntop(o->family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
        printf("%s/%u %c\n", text, p.len, p.side == PREFIX_BEHIND_A ? 'a' : 'b');
    }
}

int main(int argc, char **argv)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    static struct client client;
    struct sigaction action = {.sa_handler = on_signal};
    struct options options;
    int err = options_parse(&options, argc, argv);

    if (err < 0)
        return err == -ECANCELED ? EXIT_SUCCESS : EXIT_FAILURE;
    if (options.is_print) {
        print(&options);
        return EXIT_SUCCESS;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaction(numbers[i], &action, NULL);
    err = client_open(&client, options.run_dir);
    if (err == 0)
        err = set_groups(&client, &options);
    if (err == 0)
        err = options.is_flap ? flap(&client, &options) : load(&client, &options);
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
