// SPDX-License-Identifier: BSD-3-Clause
// What does a router have in its tables? Routes and neighbours, a thousand at a time: a table of a
// million is read in a thousand requests, and nobody waits for another's. Event loop only; called
// by server.c through the router of requests. Next: southbound/listing.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000

static const char *type_name(unsigned type)
{
    static const char *const names[API_ROUTE_N_TYPES] = {
        [API_ROUTE_UNICAST] = "unicast",
        [API_ROUTE_BLACKHOLE] = "blackhole",
        [API_ROUTE_UNREACHABLE] = "unreachable",
        [API_ROUTE_CONNECTED] = "connected",
        [API_ROUTE_LOCAL] = "local",
        [API_ROUTE_BROADCAST] = "broadcast",
    };

    return type < API_ROUTE_N_TYPES && names[type] != NULL ? names[type] : "?";
}

static const char *source_name(unsigned source)
{
    static const char *const names[API_SOURCE_N_SOURCES] = {
        [API_SOURCE_CONNECTED] = "connected",
        [API_SOURCE_STATIC] = "static",
        [API_SOURCE_DYNAMIC] = "kernel",
    };

    return source < API_SOURCE_N_SOURCES && names[source] != NULL ? names[source] : "?";
}

static const char *neighbor_state_name(unsigned state)
{
    static const char *const names[API_NEIGHBOR_N_STATES] = {
        [API_NEIGHBOR_INCOMPLETE] = "incomplete", [API_NEIGHBOR_REACHABLE] = "reachable",
        [API_NEIGHBOR_STALE] = "stale",           [API_NEIGHBOR_DELAY] = "delay",
        [API_NEIGHBOR_PROBE] = "probe",           [API_NEIGHBOR_STATIC] = "static",
        [API_NEIGHBOR_DYNAMIC] = "kernel",        [API_NEIGHBOR_FAILED] = "failed",
    };

    return state < API_NEIGHBOR_N_STATES && names[state] != NULL ? names[state] : "?";
}

static json_t *next_hop_json(const struct api_route_entry *entry)
{
    json_t *json = json_object();

    if (entry->next_hop_family != 0)
        json_object_set_new(json, "address",
                            running_address_json(entry->next_hop_family, entry->next_hop));
    if (entry->interface[0] != '\0')
        json_object_set_new(json, "outgoing-interface", json_string(entry->interface));
    json_object_set_new(json, "weight", json_integer(entry->weight));
    json_object_set_new(json, "up", json_boolean(entry->is_up));
    return json;
}

// Whether `b` is another next hop of the route that `a` is one of.
static bool is_same_route(const struct api_route_entry *a, const struct api_route_entry *b)
{
    return b->position != 0 && a->source == b->source && a->preference == b->preference &&
           a->prefix_len == b->prefix_len && memcmp(a->address, b->address, 16) == 0;
}

static bool is_same_prefix(const struct api_route_entry *a, const struct api_route_entry *b)
{
    return a->prefix_len == b->prefix_len && memcmp(a->address, b->address, 16) == 0;
}

// The route that begins at entries[0]; *n_used of the n belong to it.
static json_t *route_json(const struct api_route_entry *entries, size_t n, size_t *n_used)
{
    const struct api_route_entry *first = entries;
    json_t *hops = json_array();
    size_t i = 0;

    do {
        if (entries[i].next_hop_family != 0 || entries[i].interface[0] != '\0')
            json_array_append_new(hops, next_hop_json(&entries[i]));
        i++;
    } while (i < n && is_same_route(first, &entries[i]));
    *n_used = i;
    return json_pack("{s:o, s:s, s:s, s:i, s:b, s:o}", "prefix",
                     running_prefix_json(first->family, first->address, first->prefix_len), "type",
                     type_name(first->type), "source", source_name(first->source), "preference",
                     (int)first->preference, "active", (int)first->is_active, "next-hops", hops);
}

// Ends with a prefix, so that the next request can begin behind it.
static void on_routes(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct api_route_entry *entries = listing->items;
    uint32_t limit = DEFAULT_LIMIT, n_routes = 0;
    json_t *list, *answer;
    size_t i = 0, n_used;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    (void)running_query_number(x, "limit", 1, MAX_LIMIT, &limit); // it was good when it was asked
    list = json_array();
    while (i < listing->n && (n_routes < limit || is_same_prefix(&entries[i - 1], &entries[i]))) {
        json_array_append_new(list, route_json(entries + i, listing->n - i, &n_used));
        i += n_used;
        n_routes++;
    }
    answer = json_pack("{s:o}", "culvert:routes", list);
    if (i > 0 && (i < listing->n || listing->has_more))
        json_object_set_new(answer, "culvert:next",
                            running_prefix_json(entries[i - 1].family, entries[i - 1].address,
                                                entries[i - 1].prefix_len));
    free(listing->items);
    exchange_answer_json(x, 200, answer);
}

// after=PREFIX, match=ADDRESS (a prefix stands for its first address).
static bool query_place(struct exchange *x, struct api_list_routes *request)
{
    const char *match = exchange_query(x, "match"), *after = exchange_query(x, "after");
    const char *text = match != NULL ? match : after;
    struct config_error e;
    struct address a;

    request->mode = API_LIST_FIRST;
    if (text == NULL)
        return true;
    if (match != NULL && after != NULL)
        failure(&e, -EINVAL, NULL, "match and after do not go together");
    else if (address_parse(text, &a) < 0)
        failure(&e, -EINVAL, NULL, "%s must be an IPv4 or IPv6 %s",
                match != NULL ? "match" : "after", match != NULL ? "address" : "prefix");
    else if (exchange_query(x, "family") != NULL && a.family != request->family)
        failure(&e, -EINVAL, NULL, "%s is not of family %u", text, request->family);
    else
        e.code = 0;
    if (e.code != 0) {
        exchange_refuse(x, &e);
        return false;
    }
    address_mask(&a, a.prefix_len);
    request->mode = match != NULL ? API_LIST_MATCH : API_LIST_AFTER;
    request->family = a.family;
    request->prefix_len = match != NULL ? 0 : a.prefix_len;
    memcpy(request->address, a.bytes, sizeof(request->address));
    return true;
}

// Without one: IPv4.
static bool query_family(struct exchange *x, uint8_t *family)
{
    const char *text = exchange_query(x, "family");
    struct config_error e;

    *family = text != NULL && strcmp(text, "6") == 0 ? 6 : 4;
    if (text == NULL || strcmp(text, "4") == 0 || *family == 6)
        return true;
    failure(&e, -EINVAL, NULL, "family must be 4 or 6");
    exchange_refuse(x, &e);
    return false;
}

void handle_routes(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_ROUTES};
    struct api_list_routes *request = &question.request.routes;
    uint32_t limit = DEFAULT_LIMIT;
    struct object_name name;

    if (!running_query_router(x, &name) || !query_family(x, &request->family) ||
        !running_query_number(x, "limit", 1, MAX_LIMIT, &limit))
        return;
    memcpy(request->tenant, name.tenant, API_NAME_SIZE);
    memcpy(request->name, name.name, API_NAME_SIZE);
    if (!query_place(x, request))
        return;
    question.limit = limit;
    running_ask(x, &question, on_routes);
}

static json_t *neighbor_json(const struct api_list_neighbors *whose,
                             const struct api_neighbor_entry *entry)
{
    static const uint8_t none[6];
    json_t *json = json_pack("{s:s, s:s, s:s, s:o, s:s}", "tenant", whose->tenant, "router",
                             whose->name, "interface", entry->interface, "address",
                             running_address_json(entry->family, entry->address), "state",
                             neighbor_state_name(entry->state));

    if (memcmp(entry->mac, none, sizeof(none)) != 0)
        json_object_set_new(json, "mac-address", running_mac_json(entry->mac));
    json_object_set_new(json, "age", json_integer(entry->age_sec));
    json_object_set_new(json, "held", json_integer(entry->n_held));
    return json;
}

static void on_neighbors(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct api_neighbor_entry *entries = listing->items;
    json_t *list, *answer;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < listing->n; i++)
        json_array_append_new(list, neighbor_json(&listing->follow.neighbors, &entries[i]));
    free(listing->items);
    answer = json_pack("{s:o}", "culvert:neighbors", list);
    if (listing->has_more)
        json_object_set_new(answer, "culvert:next", json_integer(listing->follow.neighbors.cursor));
    exchange_answer_json(x, 200, answer);
}

void handle_neighbors(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_NEIGHBORS};
    struct api_list_neighbors *request = &question.request.neighbors;
    uint32_t limit = DEFAULT_LIMIT;
    struct object_name name;

    if (!running_query_router(x, &name) ||
        !running_query_number(x, "after", 0, UINT32_MAX, &request->cursor) ||
        !running_query_number(x, "limit", 1, MAX_LIMIT, &limit))
        return;
    memcpy(request->tenant, name.tenant, API_NAME_SIZE);
    memcpy(request->name, name.name, API_NAME_SIZE);
    question.limit = limit;
    running_ask(x, &question, on_neighbors);
}
