// SPDX-License-Identifier: BSD-3-Clause
// What do `show chains`, `show sessions` and `clear sessions` print? A session has two rows' worth
// of addresses, so its table is made of texts put together here. Called by show.c and main.c, in
// the one thread there is. Computes nothing that culvertd did not answer. Next: show_function.c.

#include <stdio.h>
#include <string.h>

#include "control/cli/commands.h"
#include "control/cli/pages.h"
#include "control/cli/table.h"

static const struct column chain_columns[] = {
    {"CHAIN", "tenant/name", CELL_TEXT},
    {"INSIDE", "inside", CELL_TEXT},
    {"OUTSIDE", "outside", CELL_TEXT},
    {"FUNCTIONS", "functions", CELL_LIST},
    {"LINKS", "links", CELL_TEXT},
    {"SESSIONS", "sessions", CELL_COUNT},
    {"HALF-OPEN", "half-open", CELL_COUNT},
    {"OUT", "out", CELL_COUNT},
    {"IN", "in", CELL_COUNT},
    {"OPENED", "opened", CELL_COUNT},
    {"DROPPED", "dropped", CELL_COUNT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column session_columns[] = {
    {"CHAIN", "tenant/chain", CELL_TEXT},
    {"PROTOCOL", "protocol", CELL_TEXT},
    {"STATE", "state", CELL_TEXT},
    {"BEGUN", "begun", CELL_TEXT},
    {"FROM", "from", CELL_TEXT},
    {"TO", "to", CELL_TEXT},
    {"ANSWERS FROM", "answers-from", CELL_TEXT},
    {"ANSWERS TO", "answers-to", CELL_TEXT},
    {"PACKETS", "packets", CELL_COUNT},
    {"ANSWERED", "answered", CELL_COUNT},
    {"AGE", "age", CELL_SECONDS},
    {"EXPIRES", "expires", CELL_SECONDS},
    {NULL, NULL, CELL_TEXT},
};

// The counters that people want to see, beside the rest; links only where one is down.
static void print_chains(const json_t *chains)
{
    static const char *const names[] = {"out", "in", "opened", "dropped"};
    json_t *rows = json_array(), *row;

    for (size_t i = 0; i < json_array_size(chains); i++) {
        const json_t *chain = json_array_get(chains, i);
        const json_t *inside = json_object_get(chain, "inside-up");
        const json_t *outside = json_object_get(chain, "outside-up");
        const json_t *counters = json_object_get(chain, "counters");

        row = json_copy(json_array_get(chains, i));
        for (unsigned j = 0; counters != NULL && j < sizeof(names) / sizeof(names[0]); j++)
            json_object_set(row, names[j], json_object_get(counters, names[j]));
        if (inside != NULL)
            json_object_set_new(row, "links",
                                json_string(json_is_false(inside)    ? "inside down"
                                            : json_is_false(outside) ? "outside down"
                                                                     : "up"));
        json_array_append_new(rows, row);
    }
    table_print(stdout, chain_columns, rows);
    json_decref(rows);
}

int show_chains(const struct options *o)
{
    struct pages p = {.o = o, .key = "culvert:chains", .print = print_chains};

    return pages_end(&p, pages_show(&p, STATE "chains"));
}

// ADDRESS:PORT, [ADDRESS]:PORT, or the address alone where there is no port.
static json_t *endpoint(const json_t *direction, const char *address_key, const char *port_key)
{
    const char *address = json_string_value(json_object_get(direction, address_key));
    json_int_t port = json_integer_value(json_object_get(direction, port_key));

    if (address == NULL)
        return json_null();
    if (port == 0)
        return json_string(address);
    return json_sprintf(strchr(address, ':') == NULL ? "%s:%lld" : "[%s]:%lld", address,
                        (long long)port);
}

static void print_sessions(const json_t *sessions)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < json_array_size(sessions); i++) {
        json_t *row = json_copy(json_array_get(sessions, i));
        const json_t *original = json_object_get(row, "original");
        const json_t *reply = json_object_get(row, "reply");
        const json_t *protocol = json_object_get(row, "protocol");

        if (json_is_integer(protocol))
            json_object_set_new(row, "protocol",
                                json_sprintf("%lld", (long long)json_integer_value(protocol)));
        json_object_set_new(row, "from", endpoint(original, "source", "source-port"));
        json_object_set_new(row, "to", endpoint(original, "destination", "destination-port"));
        json_object_set_new(row, "answers-from", endpoint(reply, "source", "source-port"));
        json_object_set_new(row, "answers-to", endpoint(reply, "destination", "destination-port"));
        json_object_set(row, "packets", json_object_get(original, "packets"));
        json_object_set(row, "answered", json_object_get(reply, "packets"));
        json_array_append_new(rows, row);
    }
    table_print(stdout, session_columns, rows);
    json_decref(rows);
}

static int add_filter(const struct options *o, char path[PATH_SIZE])
{
    const char *const filter[][2] = {
        {"tenant", o->filter.tenant},     {"chain", o->filter.chain},
        {"protocol", o->filter.protocol}, {"address", o->filter.address},
        {"port", o->filter.port},
    };
    int rc = EXIT_DONE;

    for (unsigned i = 0; i < sizeof(filter) / sizeof(filter[0]) && rc == EXIT_DONE; i++)
        if (filter[i][1] != NULL)
            rc = pages_add_query(path, filter[i][0], filter[i][1]);
    return rc;
}

int show_sessions(const struct options *o)
{
    struct pages p = {.o = o, .key = "culvert:sessions", .print = print_sessions};
    char path[PATH_SIZE] = STATE "sessions";
    int rc = add_filter(o, path);

    return rc == EXIT_DONE ? pages_end(&p, pages_show(&p, path)) : rc;
}

int command_clear(const struct options *o, int n_words, char **words)
{
    char path[PATH_SIZE] = "/restconf/operations/culvert:clear-sessions";
    struct request request = {.run_dir = o->run_dir, .method = "POST", .path = path};
    struct response response;
    json_int_t n;
    int rc;

    if (n_words != 1 || strcmp(words[0], "sessions") != 0) {
        fputs("usage: culvert clear sessions [--tenant T [--chain C]] [--protocol P]\n"
              "       [--address A[/LENGTH]] [--port N]\n",
              stderr);
        return EXIT_USAGE;
    }
    rc = add_filter(o, path);
    if (rc == EXIT_DONE)
        rc = command_send(o, &request, NULL, &response);
    if (rc != EXIT_DONE)
        return rc;
    n = json_integer_value(
        json_object_get(json_object_get(response.json, "culvert:output"), "cleared"));
    if (o->json)
        fputs(response.body, stdout);
    else
        printf("cleared: %lld session%s\n", (long long)n, n == 1 ? "" : "s");
    client_release(&response);
    return EXIT_DONE;
}
