// SPDX-License-Identifier: BSD-3-Clause
// What does `show` print of routers? Their state in blocks, their tables page by page. Called by
// show.c, in the one thread there is. Changes
// nothing in culvertd. Next: pages.c, routes.c, table.c.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/pages.h"
#include "control/cli/routes.h"
#include "control/cli/table.h"

static const struct column interface_columns[] = {
    {"INTERFACE", "name", CELL_TEXT},        {"LINK", "link", CELL_TEXT},
    {"MAC", "mac-address", CELL_TEXT},       {"MTU", "mtu", CELL_COUNT},
    {"TWIN", "kernel-interface", CELL_TEXT}, {"NAMESPACE", "network-namespace", CELL_TEXT},
    {"ADDRESSES", "addresses", CELL_LIST},   {NULL, NULL, CELL_TEXT},
};

static const struct column neighbor_columns[] = {
    {"ADDRESS", "address", CELL_TEXT}, {"INTERFACE", "interface", CELL_TEXT},
    {"MAC", "mac-address", CELL_TEXT}, {"STATE", "state", CELL_TEXT},
    {"AGE", "age", CELL_SECONDS},      {"HELD", "held", CELL_COUNT},
    {NULL, NULL, CELL_TEXT},
};

static int get(const struct options *o, const char *path, struct response *response)
{
    struct request request = {.run_dir = o->run_dir, .method = "GET", .path = path};

    return command_send(o, &request, NULL, response);
}

static const char *count_of(char text[32], const json_t *object, const char *key)
{
    table_format(text, 32, CELL_COUNT, "", json_object_get(object, key));
    return text;
}

static void print_counters(json_t *counters)
{
    const char *name, *before = "  packets     ";
    char text[32];
    json_t *value;

    json_object_foreach(counters, name, value)
    {
        if (json_integer_value(value) == 0)
            continue;
        table_format(text, sizeof(text), CELL_COUNT, "", value);
        printf("%s%s %s", before, name, text);
        before = ", ";
    }
    if (before[0] == ',')
        putchar('\n');
}

static void print_mirror(const json_t *mirror)
{
    char a[32], b[32];
    const char *refusal;

    if (mirror == NULL)
        return;
    refusal = json_string_value(json_object_get(mirror, "refusal"));
    printf("  kernel      %s, %s changes, %s times all%s%s\n",
           json_string_value(json_object_get(mirror, "state")), count_of(a, mirror, "changes"),
           count_of(b, mirror, "resyncs"), refusal[0] == '\0' ? "" : "; refused: ", refusal);
}

static void print_router(const json_t *router)
{
    char a[32], b[32], c[32], d[32];

    printf("%s/%s\n", json_string_value(json_object_get(router, "tenant")),
           json_string_value(json_object_get(router, "name")));
    printf("  routes      %s IPv4, %s IPv6 (up to %s each), %s bytes\n",
           count_of(a, router, "ipv4-routes"), count_of(b, router, "ipv6-routes"),
           count_of(c, router, "route-limit"), count_of(d, router, "route-memory"));
    printf("  neighbours  %s of %s, %s refused\n", count_of(a, router, "neighbors"),
           count_of(b, router, "neighbor-limit"), count_of(c, router, "neighbors-refused"));
    print_mirror(json_object_get(router, "kernel-mirror"));
    print_counters(json_object_get(router, "counters"));
    table_print(stdout, interface_columns, json_object_get(router, "interfaces"));
}

int show_routers(const struct options *o)
{
    struct response response;
    const json_t *routers;
    int rc = get(o, STATE "routers", &response);

    if (rc != EXIT_DONE)
        return rc;
    routers = json_object_get(response.json, "culvert:routers");
    if (o->json)
        fputs(response.body, stdout);
    for (size_t i = 0; !o->json && i < json_array_size(routers); i++) {
        if (i > 0)
            putchar('\n');
        print_router(json_array_get(routers, i));
    }
    client_release(&response);
    return EXIT_DONE;
}

static void print_routes(const json_t *routes)
{
    for (size_t i = 0; i < json_array_size(routes); i++)
        route_print(stdout, json_array_get(routes, i));
}

static int show_family(struct pages *p, const char *router, const char *family)
{
    char path[PATH_SIZE] = STATE "routes";
    int rc = pages_add_query(path, "router", router);

    if (rc == EXIT_DONE)
        rc = pages_add_query(path, "family", family);
    return rc == EXIT_DONE ? pages_show(p, path) : rc;
}

static int show_match(struct pages *p, const char *router, const char *address)
{
    char path[PATH_SIZE] = STATE "routes";
    int rc = pages_add_query(path, "router", router);

    if (rc == EXIT_DONE)
        rc = pages_add_query(path, "match", address);
    if (rc == EXIT_DONE && p->o->family != NULL)
        rc = pages_add_query(path, "family", p->o->family);
    if (rc == EXIT_DONE)
        rc = pages_show(p, path);
    if (rc != EXIT_DONE || p->n > 0)
        return rc;
    fprintf(stderr, "culvert: %s has no route to %s\n", router, address);
    return EXIT_REFUSED;
}

int show_routes(const struct options *o, const char *router, const char *address)
{
    struct pages p = {.o = o, .key = "culvert:routes", .print = print_routes};
    int rc = EXIT_DONE;

    if (address != NULL)
        rc = show_match(&p, router, address);
    if (address == NULL && (o->family == NULL || strcmp(o->family, "4") == 0))
        rc = show_family(&p, router, "4");
    if (rc == EXIT_DONE && address == NULL && (o->family == NULL || strcmp(o->family, "6") == 0))
        rc = show_family(&p, router, "6");
    return pages_end(&p, rc);
}

static void print_neighbors(const json_t *neighbors)
{
    table_print(stdout, neighbor_columns, neighbors);
}

static int show_neighbors_of(struct pages *p, const char *router)
{
    char path[PATH_SIZE] = STATE "neighbors";
    int rc = pages_add_query(path, "router", router);

    return rc == EXIT_DONE ? pages_show(p, path) : rc;
}

// Of each router, with its name above.
static int show_all_neighbors(struct pages *p)
{
    struct response response;
    const json_t *routers, *router;
    char name[128];
    int rc = get(p->o, STATE "routers", &response);

    if (rc != EXIT_DONE)
        return rc;
    routers = json_object_get(response.json, "culvert:routers");
    if (json_array_size(routers) == 0)
        pages_print(p, routers);
    for (size_t i = 0; rc == EXIT_DONE && i < json_array_size(routers); i++) {
        router = json_array_get(routers, i);
        snprintf(name, sizeof(name), "%s/%s", json_string_value(json_object_get(router, "tenant")),
                 json_string_value(json_object_get(router, "name")));
        if (!p->o->json)
            printf("%s%s\n", i == 0 ? "" : "\n", name);
        rc = show_neighbors_of(p, name);
    }
    client_release(&response);
    return rc;
}

int show_neighbors(const struct options *o, const char *router)
{
    struct pages p = {.o = o, .key = "culvert:neighbors", .print = print_neighbors};

    return pages_end(&p, router == NULL ? show_all_neighbors(&p) : show_neighbors_of(&p, router));
}
