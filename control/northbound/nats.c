// SPDX-License-Identifier: BSD-3-Clause
// Which NATs are there, and what do they have bound? State and bindings come from the dataplane, a
// thousand bindings at a time. Event loop only; called by server.c through the router of requests.
// Next: states.c, southbound/listing.c.

#include <stdlib.h>
#include <string.h>

#include "control/datastore/rule.h"
#include "control/northbound/handlers.h"
#include "control/northbound/states.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static json_t *nat_json(const struct encoding *encoding, const struct state_report *report)
{
    const struct api_nat_state *s = &report->nat;
    json_t *json =
        json_pack("{s:s, s:s}", "tenant", report->name.tenant, "name", report->name.name);
    json_t *counters;

    (void)encoding;
    if (!report->is_known)
        return json;
    counters = json_object();
#define COUNTER(name, text) json_object_set_new(counters, #name, number(s->name));
    API_NAT_COUNTERS(COUNTER)
#undef COUNTER
    json_object_set_new(json, "bindings", number(s->n_bindings));
    json_object_set_new(json, "hosts", number(s->n_hosts));
    json_object_set_new(json, "addresses", number(s->n_addresses));
    json_object_set_new(json, "tcp-ports", number(s->n_ports_tcp));
    json_object_set_new(json, "udp-ports", number(s->n_ports_udp));
    json_object_set_new(json, "icmp-identifiers", number(s->n_identifiers));
    json_object_set_new(json, "counters", counters);
    return json;
}

void handle_nats(struct exchange *x)
{
    static const struct states_view view = {API_NAT, "culvert:nats", nat_json};

    states_answer(x, &view);
}

static json_t *binding_json(const struct api_binding *b)
{
    const char *name = protocol_name(b->protocol);
    json_t *protocol = name != NULL ? json_string(name) : number(b->protocol);
    uint8_t inside[16] = {0}, outside[16] = {0};

    if (b->protocol == 0) {
        json_decref(protocol);
        protocol = json_string("any");
    }
    memcpy(inside, b->inside, sizeof(b->inside));
    memcpy(outside, b->outside, sizeof(b->outside));
    return json_pack("{s:o, s:o, s:i, s:o, s:i, s:o, s:b}", "protocol", protocol, "inside",
                     running_address_json(4, inside), "inside-port", (int)b->inside_port, "outside",
                     running_address_json(4, outside), "outside-port", (int)b->outside_port,
                     "sessions", number(b->n_sessions), "static", (int)b->is_static);
}

static void on_bindings(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct api_binding *bindings = listing->items;
    json_t *list, *answer;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < listing->n; i++)
        json_array_append_new(list, binding_json(&bindings[i]));
    free(listing->items);
    answer = json_pack("{s:o}", "culvert:bindings", list);
    if (listing->has_more)
        json_object_set_new(answer, "culvert:next", number(listing->follow.bindings.cursor));
    exchange_answer_json(x, 200, answer);
}

void handle_bindings(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_BINDINGS};
    struct api_list_bindings *request = &question.request.bindings;
    uint32_t limit = DEFAULT_LIMIT;
    struct object_name name;

    if (!running_query_object(x, "nat", API_NAT, &name) ||
        !running_query_number(x, "after", 0, UINT32_MAX, &request->cursor) ||
        !running_query_number(x, "limit", 1, MAX_LIMIT, &limit))
        return;
    memcpy(request->tenant, name.tenant, API_NAME_SIZE);
    memcpy(request->name, name.name, API_NAME_SIZE);
    question.limit = limit;
    running_ask(x, &question, on_bindings);
}
