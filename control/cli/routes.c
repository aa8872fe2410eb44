// SPDX-License-Identifier: BSD-3-Clause
// How does a route look to people? Much as `ip route` shows it: prefix, who gave it with which
// preference, where it leads. Called by show_router.c for each route, in the one thread there is;
// tables of a million are printed as they come, so that no column can be as wide as its widest
// cell. Next: show_router.c.

#include <string.h>

#include "control/cli/routes.h"

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

static void print_hop(FILE *out, const json_t *hop, int is_one_of_many)
{
    const char *address = text_of(hop, "address"), *interface = text_of(hop, "outgoing-interface");

    if (address[0] != '\0')
        fprintf(out, "  via %s", address);
    if (interface[0] != '\0')
        fprintf(out, "  dev %s", interface);
    if (is_one_of_many)
        fprintf(out, "  weight %lld",
                (long long)json_integer_value(json_object_get(hop, "weight")));
    if (!json_is_true(json_object_get(hop, "up")))
        fputs("  (down)", out);
    fputc('\n', out);
}

void route_print(FILE *out, const json_t *route)
{
    const json_t *hops = json_object_get(route, "next-hops");
    const char *prefix = text_of(route, "prefix"), *type = text_of(route, "type");
    size_t n_hops = json_array_size(hops);
    int width = strchr(prefix, ':') == NULL ? 18 : 26;
    char source[32];

    snprintf(source, sizeof(source), "%s/%lld", text_of(route, "source"),
             (long long)json_integer_value(json_object_get(route, "preference")));
    fprintf(out, "%c %-*s  %-11s", json_is_true(json_object_get(route, "active")) ? '*' : ' ',
            width, prefix, source);
    // What it leads to says it is a unicast route; connected ones say so by their source.
    if (strcmp(type, "unicast") != 0 && strcmp(type, "connected") != 0)
        fprintf(out, "  %s", type);
    for (size_t i = 0; i < n_hops; i++) {
        if (i > 0)
            fprintf(out, "  %-*s  %-11s", width, "", "");
        print_hop(out, json_array_get(hops, i), n_hops > 1);
    }
    if (n_hops == 0)
        fputc('\n', out);
}
