// SPDX-License-Identifier: BSD-3-Clause
// What do `show firewalls`, `show rules`, `show nats` and `show bindings` print?
// Called by show.c, in the one thread there is. Computes nothing that culvertd did not answer.
// Next: pages.c.

#include <stdio.h>
#include <string.h>

#include "control/cli/commands.h"
#include "control/cli/pages.h"
#include "control/cli/table.h"

static const struct column firewall_columns[] = {
    {"FIREWALL", "tenant/name", CELL_TEXT},
    {"RULES", "rules", CELL_COUNT},
    {"IN", "default-in", CELL_TEXT},
    {"OUT", "default-out", CELL_TEXT},
    {"ALLOWED", "allowed", CELL_COUNT},
    {"DENIED", "denied", CELL_COUNT},
    {"LIMITED", "limited", CELL_COUNT},
    {"DEFAULT-IN", "default-in-hits", CELL_COUNT},
    {"DEFAULT-OUT", "default-out-hits", CELL_COUNT},
    {"BYTES", "rule-memory", CELL_COUNT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column rule_columns[] = {
    {"SEQ", "seq", CELL_TEXT},
    {"DIR", "direction", CELL_TEXT},
    {"ACTION", "action", CELL_TEXT},
    {"HITS", "hits", CELL_COUNT},
    {"SESSIONS", "sessions", CELL_COUNT},
    {"PACKETS", "packets", CELL_COUNT},
    {"BYTES", "bytes", CELL_COUNT},
    {"MATCH", "match", CELL_TEXT},
    {NULL, NULL, CELL_TEXT},
};

static const struct column nat_columns[] = {
    {"NAT", "tenant/name", CELL_TEXT},        {"BINDINGS", "bindings", CELL_COUNT},
    {"HOSTS", "hosts", CELL_COUNT},           {"ADDRESSES", "addresses", CELL_COUNT},
    {"TCP", "tcp-ports", CELL_COUNT},         {"UDP", "udp-ports", CELL_COUNT},
    {"ICMP", "icmp-identifiers", CELL_COUNT}, {"BOUND", "bound", CELL_COUNT},
    {"NO-PORT", "no_port", CELL_COUNT},       {"HOST-LIMIT", "host_limited", CELL_COUNT},
    {"FILTERED", "filtered", CELL_COUNT},     {NULL, NULL, CELL_TEXT},
};

static const struct column binding_columns[] = {
    {"PROTOCOL", "protocol", CELL_TEXT}, {"INSIDE", "from", CELL_TEXT},
    {"OUTSIDE", "to", CELL_TEXT},        {"SESSIONS", "sessions", CELL_COUNT},
    {"static", "static", CELL_FLAG},     {NULL, NULL, CELL_TEXT},
};

static void print_firewalls(const json_t *firewalls)
{
    table_print(stdout, firewall_columns, firewalls);
}

int show_firewalls(const struct options *o)
{
    struct pages p = {.o = o, .key = "culvert:firewalls", .print = print_firewalls};

    return pages_end(&p, pages_show(&p, STATE "firewalls"));
}

// The fields of a rule as the configuration has them.
static json_t *match_text(const json_t *rule)
{
    static const char *const names[] = {
        "protocol",          "source-network",    "source-group",
        "source-port",       "source-port-group", "destination-network",
        "destination-group", "destination-port",  "destination-port-group",
        "icmp-type",         "icmp-code",
    };
    char text[512] = "";
    size_t len = 0;

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const json_t *value = json_object_get(rule, names[i]);
        const char *before = len == 0 ? "" : " ";
        int n = 0;

        if (json_is_string(value))
            n = snprintf(text + len, sizeof(text) - len, "%s%s %s", before, names[i],
                         json_string_value(value));
        else if (json_is_integer(value))
            n = snprintf(text + len, sizeof(text) - len, "%s%s %lld", before, names[i],
                         (long long)json_integer_value(value));
        len += n > 0 ? (size_t)n : 0;
        if (len >= sizeof(text))
            break;
    }
    return json_string(len == 0 ? "any" : text);
}

static void print_rules(const json_t *rules)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < json_array_size(rules); i++) {
        json_t *row = json_copy(json_array_get(rules, i));

        json_object_set_new(
            row, "seq",
            json_sprintf("%lld", (long long)json_integer_value(json_object_get(row, "seq"))));
        json_object_set_new(row, "match", match_text(row));
        json_array_append_new(rows, row);
    }
    table_print(stdout, rule_columns, rows);
    json_decref(rows);
}

static int show_of(struct pages *p, const char *resource, const char *key, const char *name)
{
    char path[PATH_SIZE];
    int rc;

    snprintf(path, sizeof(path), "%s", resource);
    rc = pages_add_query(path, key, name);
    return rc == EXIT_DONE ? pages_end(p, pages_show(p, path)) : rc;
}

int show_rules(const struct options *o, const char *firewall)
{
    struct pages p = {.o = o, .key = "culvert:rules", .print = print_rules};

    return show_of(&p, STATE "rules", "firewall", firewall);
}

static void print_nats(const json_t *nats)
{
    static const char *const names[] = {"bound", "no_port", "host_limited", "filtered"};
    json_t *rows = json_array();

    for (size_t i = 0; i < json_array_size(nats); i++) {
        json_t *row = json_copy(json_array_get(nats, i));
        const json_t *counters = json_object_get(row, "counters");

        for (unsigned j = 0; counters != NULL && j < sizeof(names) / sizeof(names[0]); j++)
            json_object_set(row, names[j], json_object_get(counters, names[j]));
        json_array_append_new(rows, row);
    }
    table_print(stdout, nat_columns, rows);
    json_decref(rows);
}

int show_nats(const struct options *o)
{
    struct pages p = {.o = o, .key = "culvert:nats", .print = print_nats};

    return pages_end(&p, pages_show(&p, STATE "nats"));
}

static json_t *endpoint(const json_t *binding, const char *address, const char *port)
{
    const char *text = json_string_value(json_object_get(binding, address));
    json_int_t number = json_integer_value(json_object_get(binding, port));

    if (text == NULL)
        return json_null();
    return number == 0 ? json_string(text) : json_sprintf("%s:%lld", text, (long long)number);
}

static void print_bindings(const json_t *bindings)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < json_array_size(bindings); i++) {
        json_t *row = json_copy(json_array_get(bindings, i));

        json_object_set_new(row, "from", endpoint(row, "inside", "inside-port"));
        json_object_set_new(row, "to", endpoint(row, "outside", "outside-port"));
        json_array_append_new(rows, row);
    }
    table_print(stdout, binding_columns, rows);
    json_decref(rows);
}

int show_bindings(const struct options *o, const char *nat)
{
    struct pages p = {.o = o, .key = "culvert:bindings", .print = print_bindings};

    return show_of(&p, STATE "bindings", "nat", nat);
}
