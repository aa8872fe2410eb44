// SPDX-License-Identifier: BSD-3-Clause
// What does `show` print? For each word the resource to ask for and the columns to show it in.
// Called by main.c, in the one thread there is. Changes nothing in culvertd and computes nothing
// that it did not answer. Next: show_router.c, show_chain.c, table.c, client.c.

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "control/cli/commands.h"
#include "control/cli/table.h"

#define STATE "/restconf/data/culvert:state/"

struct view {
    const char *word, *path, *key;
    const struct column *columns;
};

static const struct column port_columns[] = {
    {"PORT", "tenant/name", CELL_TEXT}, {"TYPE", "type", CELL_TEXT},
    {"STATE", "state", CELL_TEXT},      {"RX", "rx-packets", CELL_COUNT},
    {"TX", "tx-packets", CELL_COUNT},   {"DROPS", "drops", CELL_COUNT},
    {"MACS", "macs", CELL_COUNT},       {"QUEUES", "queues", CELL_COUNT},
    {"TEXT", "text", CELL_TEXT},        {NULL, NULL, CELL_TEXT},
};

static const struct column xdp_columns[] = {
    {"XDP PORT", "tenant/name", CELL_TEXT},
    {"MODE", "xdp-mode", CELL_TEXT},
    {"REDIRECTED", "xdp-redirected", CELL_COUNT},
    {"PASSED", "xdp-passed", CELL_COUNT},
    {"DENIED", "xdp-denied", CELL_COUNT},
    {"MALFORMED", "xdp-malformed", CELL_COUNT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column switch_columns[] = {
    {"SWITCH", "tenant/name", CELL_TEXT},    {"AGEING", "ageing-time", CELL_SECONDS},
    {"TABLE", "mac-table-size", CELL_COUNT}, {"MEMBERS", "members", CELL_LIST},
    {"CHAINS", "chains", CELL_LIST},         {NULL, NULL, CELL_TEXT},
};

static const struct column mac_columns[] = {
    {"MAC", "mac-address", CELL_TEXT}, {"MEMBER", "member", CELL_TEXT},
    {"AGE", "age", CELL_SECONDS},      {"static", "static", CELL_FLAG},
    {NULL, NULL, CELL_TEXT},
};

static const struct column drop_columns[] = {
    {"PORT", "tenant/port", CELL_TEXT},
    {"PACKETS", "packets", CELL_COUNT},
    {"REASON", "reason", CELL_TEXT},
    {"TEXT", "text", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column tenant_columns[] = {
    {"TENANT", "tenant", CELL_TEXT},
    {"PACKETS", "packets", CELL_COUNT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column worker_columns[] = {
    {"WORKER", "worker", CELL_COUNT},   {"CPU", "cpu", CELL_COUNT},
    {"UP", "up-seconds", CELL_SECONDS}, {"BUSY", "busy-seconds", CELL_SECONDS},
    {"BY FLOW", "by-flow", CELL_COUNT}, {"WALKED", "walked", CELL_COUNT},
    {"BURSTS", "bursts", CELL_COUNT},   {"LOOPS", "loops", CELL_COUNT},
    {"SLEEPS", "sleeps", CELL_COUNT},   {NULL, NULL, CELL_TEXT},
};

static const struct view views[] = {
    {"ports", STATE "ports", "culvert:ports", port_columns},
    {"switches", STATE "switches", "culvert:switches", switch_columns},
    {"drops", STATE "drops", "culvert:drops", drop_columns},
    {"workers", STATE "workers", "culvert:workers", worker_columns},
};

static int get(const struct options *o, const char *path, const char *accept,
               struct response *response)
{
    struct request request = {
        .run_dir = o->run_dir, .method = "GET", .path = path, .accept = accept};

    return command_send(o, &request, NULL, response);
}

// The XDP programs of af-xdp ports, a table of their own behind that of all ports.
static void print_xdp(const json_t *ports)
{
    json_t *rows = json_array();
    json_t *row;
    size_t i;

    json_array_foreach(ports, i, row) if (json_object_get(row, "xdp-redirected") != NULL)
        json_array_append(rows, row);
    if (json_array_size(rows) > 0) {
        putchar('\n');
        table_print(stdout, xdp_columns, rows);
    }
    json_decref(rows);
}

static int show_view(const struct options *o, const struct view *view)
{
    struct response response;
    int rc = get(o, view->path, NULL, &response);
    const json_t *sums;

    if (rc != EXIT_DONE)
        return rc;
    sums = json_object_get(response.json, "culvert:tenant-drops");
    if (o->json) {
        fputs(response.body, stdout);
    } else {
        table_print(stdout, view->columns, json_object_get(response.json, view->key));
        if (sums != NULL) {
            putchar('\n');
            table_print(stdout, tenant_columns, sums);
        }
        print_xdp(json_object_get(response.json, "culvert:ports"));
    }
    client_release(&response);
    return EXIT_DONE;
}

static int show_macs(const struct options *o, const char *name)
{
    char *escaped = client_escape(name);
    char path[256];
    struct view view = {"macs", path, "culvert:macs", mac_columns};
    int len = snprintf(path, sizeof(path), STATE "macs?switch=%s", escaped ? escaped : "");

    curl_free(escaped);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        fputs("culvert: the switch is named TENANT/SWITCH\n", stderr);
        return EXIT_USAGE;
    }
    return show_view(o, &view);
}

static int show_config(const struct options *o)
{
    bool is_json = o->json || strcmp(o->format, "json") == 0;
    struct response response;
    int rc = get(o, "/restconf/data", is_json ? NULL : "application/yaml", &response);

    if (rc != EXIT_DONE)
        return rc;
    fputs(response.body == NULL ? "" : response.body, stdout);
    client_release(&response);
    return EXIT_DONE;
}

static void print_line(const char *title, const json_t *object, const char *key, enum cell cell)
{
    char text[512];

    table_format(text, sizeof(text), cell, "yes", json_object_get(object, key));
    printf("%-22s%s\n", title, text);
}

static void print_status(const json_t *status)
{
    const json_t *control = json_object_get(status, "control");
    const json_t *dataplane = json_object_get(status, "dataplane");
    const json_t *ports = json_object_get(dataplane, "ports");

    print_line("culvertd", control, "version", CELL_TEXT);
    print_line("  up", control, "up-seconds", CELL_SECONDS);
    print_line("  run directory", control, "run-dir", CELL_TEXT);
    print_line("  state directory", control, "state-dir", CELL_TEXT);
    print_line("  configuration", control, "config-id", CELL_TEXT);
    print_line("dataplane", dataplane, "state", CELL_TEXT);
    print_line("  in step", dataplane, "in-step", CELL_FLAG);
    if (!json_is_true(json_object_get(dataplane, "in-step")))
        print_line("  because", dataplane, "text", CELL_TEXT);
    if (ports == NULL)
        return;
    print_line("  up", dataplane, "up-seconds", CELL_SECONDS);
    print_line("  configuration", dataplane, "config-id", CELL_TEXT);
    print_line("  generation", dataplane, "generation", CELL_COUNT);
    print_line("  workers", dataplane, "workers", CELL_COUNT);
    print_line("  ports up", ports, "up", CELL_COUNT);
    print_line("  ports down", ports, "down", CELL_COUNT);
    print_line("  ports in error", ports, "error", CELL_COUNT);
}

static int show_status(const struct options *o)
{
    struct response response;
    int rc = get(o, STATE "status", NULL, &response);

    if (rc != EXIT_DONE)
        return rc;
    if (o->json)
        fputs(response.body, stdout);
    else
        print_status(json_object_get(response.json, "culvert:status"));
    client_release(&response);
    return EXIT_DONE;
}

// Lists of chains and of what stands on them.
static const struct {
    const char *word;
    int (*show)(const struct options *o);
} lists[] = {
    {"routers", show_routers},     {"chains", show_chains}, {"sessions", show_sessions},
    {"firewalls", show_firewalls}, {"nats", show_nats},     {"config", show_config},
    {"status", show_status},
};

// Of one object.
static const struct {
    const char *word;
    int (*show)(const struct options *o, const char *name);
} details[] = {
    {"macs", show_macs},
    {"rules", show_rules},
    {"bindings", show_bindings},
};

int command_show(const struct options *o, int n_words, char **words)
{
    for (unsigned i = 0; n_words == 1 && i < sizeof(lists) / sizeof(lists[0]); i++)
        if (strcmp(words[0], lists[i].word) == 0)
            return lists[i].show(o);
    for (unsigned i = 0; n_words == 2 && i < sizeof(details) / sizeof(details[0]); i++)
        if (strcmp(words[0], details[i].word) == 0)
            return details[i].show(o, words[1]);
    if ((n_words == 2 || n_words == 3) && strcmp(words[0], "routes") == 0)
        return show_routes(o, words[1], n_words == 3 ? words[2] : NULL);
    if (n_words <= 2 && n_words > 0 && strcmp(words[0], "neighbors") == 0)
        return show_neighbors(o, n_words == 2 ? words[1] : NULL);
    for (unsigned i = 0; n_words == 1 && i < sizeof(views) / sizeof(views[0]); i++)
        if (strcmp(words[0], views[i].word) == 0)
            return show_view(o, &views[i]);
    fputs("usage: culvert show config | ports | switches | macs TENANT/SWITCH | routers |\n"
          "       routes TENANT/ROUTER [ADDRESS] | neighbors [TENANT/ROUTER] | chains |\n"
          "       sessions [FILTER] | firewalls | rules TENANT/FIREWALL | nats |\n"
          "       bindings TENANT/NAT | drops | workers | status\n",
          stderr);
    return EXIT_USAGE;
}
