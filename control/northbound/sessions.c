// SPDX-License-Identifier: BSD-3-Clause
// Which sessions are open, and which of them are to end? A thousand at a time, those that fit a
// filter. Event loop only; called by server.c through the router of requests. A million of them are
// read in a thousand requests, so that nobody waits for another's. Next: southbound/listing.c.

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/datastore/address.h"
#include "control/datastore/rule.h"
#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static const char *state_name(unsigned state)
{
    static const char *const names[API_SESSION_N_STATES] = {
        [API_SESSION_OPENING] = "opening",
        [API_SESSION_ESTABLISHED] = "established",
        [API_SESSION_CLOSING] = "closing",
    };

    return state < API_SESSION_N_STATES && names[state] != NULL ? names[state] : "?";
}

// One direction, as its packets come.
static json_t *direction_json(const struct api_session_entry *s, unsigned d)
{
    return json_pack("{s:o, s:i, s:o, s:i, s:o, s:o}", "source",
                     running_address_json(s->family, s->source[d]), "source-port",
                     (int)s->source_port[d], "destination",
                     running_address_json(s->family, s->destination[d]), "destination-port",
                     (int)s->destination_port[d], "packets", number(s->packets[d]), "bytes",
                     number(s->bytes[d]));
}

static json_t *session_json(const struct api_session_entry *s)
{
    const char *name = protocol_name(s->protocol);
    json_t *json =
        json_pack("{s:o, s:s, s:s}", "id", number(s->id), "tenant", s->tenant, "chain", s->chain);

    json_object_set_new(json, "protocol", name ? json_string(name) : number(s->protocol));
    if (s->icmp_type != 0)
        json_object_set_new(json, "icmp-type", number(s->icmp_type));
    json_object_set_new(json, "state", json_string(state_name(s->state)));
    json_object_set_new(json, "begun", json_string(s->is_inside ? "inside" : "outside"));
    json_object_set_new(json, "hairpin", json_boolean(s->is_turned));
    json_object_set_new(json, "age", number(s->age_sec));
    json_object_set_new(json, "expires", number(s->expires_sec));
    json_object_set_new(json, "original", direction_json(s, 0));
    json_object_set_new(json, "reply", direction_json(s, 1));
    return json;
}

static void on_sessions(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct api_session_entry *entries = listing->items;
    json_t *list, *answer;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    list = json_array();
    for (size_t i = 0; i < listing->n; i++)
        json_array_append_new(list, session_json(&entries[i]));
    free(listing->items);
    answer = json_pack("{s:o}", "culvert:sessions", list);
    if (listing->has_more)
        json_object_set_new(answer, "culvert:next", number(listing->follow.sessions.cursor));
    exchange_answer_json(x, 200, answer);
}

static bool refuse(struct exchange *x, const char *sentence)
{
    struct config_error e;

    failure(&e, -EINVAL, NULL, "%s", sentence);
    exchange_refuse(x, &e);
    return false;
}

// "" if it is not given.
static bool query_text(struct exchange *x, const char *key, char to[API_NAME_SIZE])
{
    const char *text = exchange_query(x, key);

    if (text == NULL)
        return true;
    if (strlen(text) >= API_NAME_SIZE || text[0] == '\0')
        return refuse(x, "tenant and chain must be names");
    memcpy(to, text, strlen(text));
    return true;
}

static bool query_protocol(struct exchange *x, struct api_session_filter *filter)
{
    const char *text = exchange_query(x, "protocol");

    if (text == NULL)
        return true;
    if (protocol_parse(text, &filter->protocol) < 0)
        return refuse(x, "protocol must be tcp, udp, icmp, icmpv6, sctp, gre, esp or a number "
                         "from 0 to 255");
    filter->flags |= API_SESSION_PROTOCOL;
    return true;
}

static bool query_address(struct exchange *x, struct api_session_filter *filter)
{
    const char *text = exchange_query(x, "address");
    struct address a;

    if (text == NULL)
        return true;
    if (address_parse(text, &a) < 0)
        return refuse(x, "address must be an IPv4 or IPv6 address or prefix");
    address_mask(&a, a.prefix_len);
    filter->family = a.family;
    filter->prefix_len = a.prefix_len;
    memcpy(filter->address, a.bytes, sizeof(filter->address));
    filter->flags |= API_SESSION_ADDRESS;
    return true;
}

static bool query_filter(struct exchange *x, struct api_session_filter *filter)
{
    uint32_t port = 0;

    if (!query_text(x, "tenant", filter->tenant) || !query_text(x, "chain", filter->chain) ||
        !query_protocol(x, filter) || !query_address(x, filter) ||
        !running_query_number(x, "port", 1, UINT16_MAX, &port))
        return false;
    if (filter->chain[0] != '\0' && filter->tenant[0] == '\0')
        return refuse(x, "chain needs tenant: the name of a chain is its tenant's");
    filter->port = (uint16_t)port;
    return true;
}

void handle_sessions(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_SESSIONS};
    struct api_list_sessions *request = &question.request.sessions;
    uint32_t limit = DEFAULT_LIMIT;

    if (!query_filter(x, &request->filter) ||
        !running_query_number(x, "after", 0, UINT32_MAX, &request->cursor) ||
        !running_query_number(x, "limit", 1, MAX_LIMIT, &limit))
        return;
    question.limit = limit;
    running_ask(x, &question, on_sessions);
}

static void on_cleared(void *arg, struct listing *listing)
{
    const struct api_cleared *cleared = listing->items;
    struct exchange *x = arg;
    uint64_t n = 0;

    for (size_t i = 0; i < listing->n; i++)
        n += cleared[i].n_cleared;
    free(listing->items);
    if (listing->error.code != 0)
        exchange_refuse(x, &listing->error);
    else
        exchange_answer_json(x, 200,
                             json_pack("{s:{s:o}}", "culvert:output", "cleared", number(n)));
}

void handle_clear_sessions(struct exchange *x)
{
    struct listing_question question = {.type = API_CLEAR_SESSIONS, .limit = UINT32_MAX};

    if (query_filter(x, &question.request.clear.filter))
        running_ask(x, &question, on_cleared);
}
