// SPDX-License-Identifier: BSD-3-Clause
// Does that address answer a router? One echo request per question, sent by the dataplane; its
// answer is asked for by the number that the first answer gave. Event loop only; called by server.c
// through the router of requests. Waits for nothing: who pings asks again. Next:
// southbound/listing.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

#define DEFAULT_SIZE 56
#define MAX_SIZE 1400

static const char *result_name(unsigned result)
{
    static const char *const names[API_PING_N_RESULTS] = {
        [API_PING_WAITING] = "waiting",
        [API_PING_REPLY] = "reply",
        [API_PING_ERROR] = "error",
        [API_PING_NO_ROUTE] = "no-route",
    };

    return result < API_PING_N_RESULTS && names[result] != NULL ? names[result] : "?";
}

struct icmp_word {
    uint8_t family, type, code;
    const char *text;
};

// RFC 792, 1122, 1191, 1812; RFC 4443.
static const struct icmp_word icmp_words[] = {
    {4, 3, 0, "network unreachable"},
    {4, 3, 1, "host unreachable"},
    {4, 3, 2, "protocol unreachable"},
    {4, 3, 3, "port unreachable"},
    {4, 3, 4, "packet too big, and not to be fragmented"},
    {4, 3, 5, "source route failed"},
    {4, 3, 6, "network unknown"},
    {4, 3, 7, "host unknown"},
    {4, 3, 9, "network administratively prohibited"},
    {4, 3, 10, "host administratively prohibited"},
    {4, 3, 13, "administratively prohibited"},
    {4, 5, 0, "redirect for the network"},
    {4, 5, 1, "redirect for the host"},
    {4, 11, 0, "time to live exceeded"},
    {4, 11, 1, "fragment reassembly time exceeded"},
    {4, 12, 0, "parameter problem"},
    {6, 1, 0, "no route to the destination"},
    {6, 1, 1, "administratively prohibited"},
    {6, 1, 2, "beyond the scope of the source address"},
    {6, 1, 3, "address unreachable"},
    {6, 1, 4, "port unreachable"},
    {6, 1, 5, "source address failed a policy"},
    {6, 1, 6, "route to the destination rejects"},
    {6, 2, 0, "packet too big"},
    {6, 3, 0, "hop limit exceeded"},
    {6, 3, 1, "fragment reassembly time exceeded"},
    {6, 4, 0, "erroneous header field"},
    {6, 4, 1, "unrecognized next header"},
    {6, 4, 2, "unrecognized IPv6 option"},
};

static const char *icmp_text(const struct api_ping_state *s)
{
    const struct icmp_word *w = icmp_words;

    for (; w < icmp_words + sizeof(icmp_words) / sizeof(icmp_words[0]); w++)
        if (w->family == s->family && w->type == s->icmp_type && w->code == s->icmp_code)
            return w->text;
    return "ICMP error";
}

static json_t *state_json(const struct api_ping_state *s)
{
    json_t *json =
        json_pack("{s:I, s:s}", "id", (json_int_t)s->id, "result", result_name(s->result));

    if (s->result == API_PING_WAITING || s->result == API_PING_NO_ROUTE)
        return json;
    json_object_set_new(json, "from", running_address_json(s->family, s->from));
    json_object_set_new(json, "ttl", json_integer(s->ttl));
    json_object_set_new(json, "rtt-ns", json_integer((json_int_t)s->rtt_ns));
    if (s->result != API_PING_ERROR)
        return json;
    json_object_set_new(json, "icmp-type", json_integer(s->icmp_type));
    json_object_set_new(json, "icmp-code", json_integer(s->icmp_code));
    json_object_set_new(json, "text", json_string(icmp_text(s)));
    return json;
}

static void on_state(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    json_t *answer = NULL;

    if (listing->error.code == 0)
        answer = json_pack("{s:o}", "culvert:output", state_json(listing->items));
    free(listing->items);
    if (listing->error.code == 0)
        exchange_answer_json(x, 200, answer);
    else
        exchange_refuse(x, &listing->error);
}

// An address of the request's family if that is known.
static bool query_address(struct exchange *x, const char *key, unsigned family, struct address *a)
{
    const char *text = exchange_query(x, key);
    struct config_error e;

    if (text == NULL || strchr(text, '/') != NULL || address_parse(text, a) < 0)
        failure(&e, -EINVAL, NULL, "%s must be an IPv4 or IPv6 address", key);
    else if (family != 0 && a->family != family)
        failure(&e, -EINVAL, NULL, "source and address must both be IPv4, or both IPv6");
    else
        return true;
    exchange_refuse(x, &e);
    return false;
}

// One of the router's own, where the query names one. Link-local ones the router makes itself.
static bool query_source(struct exchange *x, const struct object_name *router, unsigned family,
                         struct address *a)
{
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    uint32_t index = running_find_router(encoding, router);
    struct config_error e;

    if (exchange_query(x, "source") == NULL)
        return true;
    if (!query_address(x, "source", family, a))
        return false;
    if (address_is_link_local(a) || running_has_address(encoding, index, a->family, a->bytes))
        return true;
    failure(&e, -EINVAL, NULL, "%s is no address of %s/%s", exchange_query(x, "source"),
            router->tenant, router->name);
    exchange_refuse(x, &e);
    return false;
}

void handle_ping(struct exchange *x)
{
    struct listing_question question = {.type = API_PING};
    struct api_ping *ping = &question.request.ping;
    struct address to = {0}, from = {0};
    uint32_t size = DEFAULT_SIZE, ttl = 0;
    struct object_name name;

    if (!running_query_router(x, &name) || !query_address(x, "address", 0, &to) ||
        !running_query_number(x, "id", 1, UINT32_MAX, &ping->id) ||
        !running_query_number(x, "size", 0, MAX_SIZE, &size) ||
        !running_query_number(x, "ttl", 1, 255, &ttl))
        return;
    if (!query_source(x, &name, to.family, &from))
        return;
    memcpy(ping->tenant, name.tenant, API_NAME_SIZE);
    memcpy(ping->name, name.name, API_NAME_SIZE);
    ping->payload_len = (uint16_t)size;
    ping->family = to.family;
    ping->ttl = (uint8_t)ttl;
    memcpy(ping->address, to.bytes, sizeof(ping->address));
    memcpy(ping->source, from.bytes, sizeof(ping->source));
    running_ask(x, &question, on_state);
}
