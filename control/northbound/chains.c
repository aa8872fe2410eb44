// SPDX-License-Identifier: BSD-3-Clause
// Which chains are there, what stands on them, and what do they carry? Ends and functions come from
// the running configuration as it is given to the dataplane, counters from the dataplane itself.
// Event loop only; called by server.c through the router of requests. Next: states.c.

#include <stdio.h>
#include <string.h>

#include "control/northbound/handlers.h"
#include "control/northbound/server.h"
#include "control/northbound/states.h"

static json_t *number(uint64_t n)
{
    return json_integer((json_int_t)n);
}

// "tenant/" before what is not the chain's own tenant's.
static json_t *named(const struct encoding *encoding, uint32_t owner, uint32_t tenant,
                     const char *text)
{
    if (owner == tenant)
        return json_string(text);
    return json_sprintf("%s/%s", running_tenant(encoding, owner), text);
}

static json_t *port_end_json(const struct encoding *encoding, const struct api_end *end,
                             uint32_t tenant)
{
    const struct api_port *port = encoding_item(encoding, API_PORT, end->index);
    char text[API_NAME_SIZE + 16];

    if (port == NULL)
        return json_null();
    if (end->inner_vlan != API_VLAN_NONE)
        snprintf(text, sizeof(text), "%s.%u.%u", port->name, end->outer_vlan, end->inner_vlan);
    else if (end->outer_vlan != API_VLAN_NONE)
        snprintf(text, sizeof(text), "%s.%u", port->name, end->outer_vlan);
    else
        snprintf(text, sizeof(text), "%s", port->name);
    return named(encoding, port->owner, tenant, text);
}

// As the user of `tenant` writes it.
static json_t *end_json(const struct encoding *encoding, const struct api_end *end, uint32_t tenant)
{
    const struct api_interface *interface;
    const struct api_router *router;
    const struct api_switch *sw;
    char text[2 * API_NAME_SIZE];

    if (end->kind == API_END_PORT)
        return port_end_json(encoding, end, tenant);
    if (end->kind == API_END_SWITCH) {
        sw = encoding_item(encoding, API_SWITCH, end->index);
        return sw == NULL ? json_null() : named(encoding, sw->owner, tenant, sw->name);
    }
    interface = encoding_item(encoding, API_INTERFACE, end->index);
    router = interface == NULL ? NULL : encoding_item(encoding, API_ROUTER, interface->owner);
    if (router == NULL)
        return json_null();
    snprintf(text, sizeof(text), "%s.%s", router->name, interface->name);
    return json_string(text);
}

// As the user writes it: NAME, or NAME:2 where it stands once more.
static json_t *place_json(const char *name, unsigned further)
{
    return further == 0 ? json_string(name) : json_sprintf("%s:%u", name, further);
}

static json_t *functions_json(const struct encoding *encoding, uint32_t chain)
{
    static const enum api_type types[API_FUNCTION_N_KINDS] = {
        [API_FUNCTION_FIREWALL] = API_FIREWALL,
        [API_FUNCTION_NAT] = API_NAT,
        [API_FUNCTION_GUEST] = API_GUEST_FUNCTION,
    };
    json_t *list = json_array();
    const struct api_header *h;
    size_t cursor = 0;

    while ((h = encoding_next(encoding, &cursor)) != NULL) {
        const struct api_chain_function *f = (const void *)(h + 1);
        const struct api_firewall *item; // owner and name begin all of them

        for (uint32_t i = 0; h->type == API_CHAIN_FUNCTION && i < h->n_items; i++) {
            if (f[i].owner != chain || f[i].kind >= API_FUNCTION_N_KINDS)
                continue;
            item = encoding_item(encoding, types[f[i].kind], f[i].index);
            json_array_append_new(list, place_json(item == NULL ? "?" : item->name, f[i].further));
        }
    }
    return list;
}

static json_t *counters_json(const struct api_chain_state *s)
{
    json_t *json = json_object();

#define COUNTER(name, text) json_object_set_new(json, #name, number(s->name));
    API_CHAIN_COUNTERS(COUNTER)
#undef COUNTER
    return json;
}

static json_t *chain_json(const struct encoding *encoding, const struct state_report *report)
{
    uint32_t index = states_index(encoding, API_CHAIN, report);
    const struct api_chain *chain =
        index == API_NONE ? NULL : encoding_item(encoding, API_CHAIN, index);
    const struct api_chain_state *s = &report->chain;
    json_t *json =
        json_pack("{s:s, s:s}", "tenant", report->name.tenant, "name", report->name.name);

    if (chain != NULL) {
        json_object_set_new(json, "inside", end_json(encoding, &chain->inside, chain->owner));
        json_object_set_new(json, "outside", end_json(encoding, &chain->outside, chain->owner));
        json_object_set_new(json, "functions", functions_json(encoding, index));
    }
    if (!report->is_known)
        return json;
    json_object_set_new(json, "inside-up", json_boolean(s->is_inside_up));
    json_object_set_new(json, "outside-up", json_boolean(s->is_outside_up));
    json_object_set_new(json, "guests-down", number(s->n_guests_down));
    json_object_set_new(json, "bypassed", number(s->n_bypassed));
    json_object_set_new(json, "sessions", number(s->n_sessions));
    json_object_set_new(json, "half-open", number(s->n_half_open));
    json_object_set_new(json, "counters", counters_json(s));
    return json;
}

void handle_chains(struct exchange *x)
{
    static const struct states_view view = {API_CHAIN, "culvert:chains", chain_json};

    states_answer(x, &view);
}
