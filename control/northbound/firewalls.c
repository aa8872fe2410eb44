// SPDX-License-Identifier: BSD-3-Clause
// Which firewalls are there, and which of their rules are hit? Hits come from the dataplane, a
// thousand rules at a time; beside them stands what the running configuration says of each rule.
// Event loop only; called by server.c through the router of requests. Next: states.c,
// southbound/listing.c.

#include <stdlib.h>
#include <string.h>

#include "control/datastore/rule.h"
#include "control/northbound/handlers.h"
#include "control/northbound/server.h"
#include "control/northbound/states.h"

#define DEFAULT_LIMIT 1000
#define MAX_LIMIT 10000

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

static const char *action_name(unsigned action)
{
    static const char *const names[API_ACTION_N_KINDS] = {
        [API_ACTION_ALLOW] = "allow", [API_ACTION_DENY] = "deny", [API_ACTION_REJECT] = "reject"};

    return action < API_ACTION_N_KINDS && names[action] != NULL ? names[action] : "?";
}

static json_t *firewall_json(const struct encoding *encoding, const struct state_report *report)
{
    uint32_t index = states_index(encoding, API_FIREWALL, report);
    const struct api_firewall *item =
        index == API_NONE ? NULL : encoding_item(encoding, API_FIREWALL, index);
    const struct api_firewall_state *s = &report->firewall;
    json_t *json =
        json_pack("{s:s, s:s}", "tenant", report->name.tenant, "name", report->name.name);

    if (item != NULL) {
        json_object_set_new(json, "default-in", json_string(action_name(item->default_in)));
        json_object_set_new(json, "default-out", json_string(action_name(item->default_out)));
    }
    if (!report->is_known)
        return json;
    json_object_set_new(json, "rules", number(s->n_rules));
    json_object_set_new(json, "rule-memory", number(s->rule_memory));
    json_object_set_new(json, "allowed", number(s->allowed));
    json_object_set_new(json, "denied", number(s->denied));
    json_object_set_new(json, "limited", number(s->limited));
    json_object_set_new(json, "default-in-hits", number(s->default_in_hits));
    json_object_set_new(json, "default-out-hits", number(s->default_out_hits));
    return json;
}

void handle_firewalls(struct exchange *x)
{
    static const struct states_view view = {API_FIREWALL, "culvert:firewalls", firewall_json};

    states_answer(x, &view);
}

static void add_ports(json_t *json, const char *key, uint16_t first, uint16_t last)
{
    if (first == last)
        json_object_set_new(json, key, json_sprintf("%u", first));
    else if (first != 0 || last != UINT16_MAX)
        json_object_set_new(json, key, json_sprintf("%u-%u", first, last));
}

static void add_group(json_t *json, const char *key, const struct encoding *encoding,
                      enum api_type type, uint32_t index)
{
    const struct api_address_group *group; // as port groups: an owner and a name

    if (index == API_NONE)
        return;
    group = encoding_item(encoding, type, index);
    json_object_set_new(json, key, json_string(group == NULL ? "?" : group->name));
}

// In the words of the configuration.
static void add_rule(json_t *json, const struct encoding *encoding, const struct api_rule *r)
{
    const char *name = protocol_name(r->protocol);

    json_object_set_new(json, "direction",
                        json_string(r->direction == API_DIRECTION_IN ? "in" : "out"));
    json_object_set_new(json, "action", json_string(action_name(r->action)));
    if (r->flags & API_RULE_PROTOCOL)
        json_object_set_new(json, "protocol", name ? json_string(name) : number(r->protocol));
    if (r->source_len > 0)
        json_object_set_new(json, "source-network",
                            running_prefix_json(r->family, r->source, r->source_len));
    if (r->destination_len > 0)
        json_object_set_new(json, "destination-network",
                            running_prefix_json(r->family, r->destination, r->destination_len));
    add_group(json, "source-group", encoding, API_ADDRESS_GROUP, r->source_group);
    add_group(json, "destination-group", encoding, API_ADDRESS_GROUP, r->destination_group);
    add_ports(json, "source-port", r->source_port_first, r->source_port_last);
    add_ports(json, "destination-port", r->destination_port_first, r->destination_port_last);
    add_group(json, "source-port-group", encoding, API_PORT_GROUP, r->source_port_group);
    add_group(json, "destination-port-group", encoding, API_PORT_GROUP, r->destination_port_group);
    if (r->flags & API_RULE_ICMP_TYPE)
        json_object_set_new(json, "icmp-type", number(r->icmp_type));
    if (r->flags & API_RULE_ICMP_CODE)
        json_object_set_new(json, "icmp-code", number(r->icmp_code));
    if (r->flags & API_RULE_STATELESS)
        json_object_set_new(json, "stateless", json_true());
}

static void on_rules(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    const struct api_rule_hits *hits = listing->items;
    struct object_name name;
    json_t *list, *answer;
    uint32_t firewall;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    memcpy(name.tenant, listing->follow.rules.tenant, API_NAME_SIZE);
    memcpy(name.name, listing->follow.rules.name, API_NAME_SIZE);
    firewall = running_find(encoding, API_FIREWALL, &name);
    list = json_array();
    for (size_t i = 0; i < listing->n; i++) {
        const struct api_rule *rule = encoding_rule(encoding, firewall, hits[i].seq);
        json_t *json = json_pack("{s:o}", "seq", number(hits[i].seq));

        if (rule != NULL)
            add_rule(json, encoding, rule);
        json_object_set_new(json, "sessions", number(hits[i].n_sessions));
        json_object_set_new(json, "hits", number(hits[i].hits));
        json_object_set_new(json, "packets", number(hits[i].packets));
        json_object_set_new(json, "bytes", number(hits[i].bytes));
        json_array_append_new(list, json);
    }
    free(listing->items);
    answer = json_pack("{s:o}", "culvert:rules", list);
    if (listing->has_more)
        json_object_set_new(answer, "culvert:next", number(listing->follow.rules.cursor));
    exchange_answer_json(x, 200, answer);
}

void handle_rules(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_RULES};
    struct api_list_rules *request = &question.request.rules;
    uint32_t limit = DEFAULT_LIMIT;
    struct object_name name;

    if (!running_query_object(x, "firewall", API_FIREWALL, &name) ||
        !running_query_number(x, "after", 0, UINT32_MAX, &request->cursor) ||
        !running_query_number(x, "limit", 1, MAX_LIMIT, &limit))
        return;
    memcpy(request->tenant, name.tenant, API_NAME_SIZE);
    memcpy(request->name, name.name, API_NAME_SIZE);
    question.limit = limit;
    running_ask(x, &question, on_rules);
}
