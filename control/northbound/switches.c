// SPDX-License-Identifier: BSD-3-Clause
// Which switches are there, who is on them, and which MACs do they know? Members come from the
// running configuration as it is given to the dataplane, MACs from the dataplane itself. Event loop
// only; called by server.c through the router. Next: southbound/listing.c.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/northbound/handlers.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

#define ATTACHMENT_SIZE (2 * API_NAME_SIZE + 16)
#define MAX_MACS 1048576 // the largest table that a switch may have

// As a reader in `tenant` writes it.
static void print_attachment(char to[ATTACHMENT_SIZE], const char *tenant, const char *port_tenant,
                             const char *port, const uint16_t vlans[2])
{
    const char *slash = strcmp(tenant, port_tenant) == 0 ? "" : "/";
    const char *before = slash[0] == '\0' ? "" : port_tenant;

    if (vlans[1] != API_VLAN_NONE)
        snprintf(to, ATTACHMENT_SIZE, "%s%s%s.%u.%u", before, slash, port, vlans[0], vlans[1]);
    else if (vlans[0] != API_VLAN_NONE)
        snprintf(to, ATTACHMENT_SIZE, "%s%s%s.%u", before, slash, port, vlans[0]);
    else
        snprintf(to, ATTACHMENT_SIZE, "%s%s%s", before, slash, port);
}

static json_t *member_json(const struct encoding *encoding, const struct api_switch *sw,
                           const struct api_member *member)
{
    const struct api_port *port = encoding_item(encoding, API_PORT, member->port);
    const uint16_t vlans[2] = {member->outer_vlan, member->inner_vlan};
    char text[ATTACHMENT_SIZE];

    if (port == NULL)
        return json_null();
    print_attachment(text, running_tenant(encoding, sw->owner),
                     running_tenant(encoding, port->owner), port->name, vlans);
    return json_string(text);
}

// The members of all switches stand in the order of the switches: *next is the first not yet taken.
static json_t *members_json(const struct encoding *encoding, uint32_t sw_index,
                            const struct api_switch *sw, uint32_t *next)
{
    const struct api_member *member = encoding_item(encoding, API_MEMBER, *next);
    json_t *list = json_array();

    while (member != NULL && member->owner == sw_index) {
        json_array_append_new(list, member_json(encoding, sw, member));
        member = encoding_item(encoding, API_MEMBER, ++*next);
    }
    return list;
}

static uint32_t count(const struct encoding *encoding, enum api_type type)
{
    uint32_t n = 0;

    while (encoding_item(encoding, type, n) != NULL)
        n++;
    return n;
}

// For each switch the chains that end at it; of any tenant, so always with the tenant's name. NULL:
// out of memory.
static json_t **chains_json(const struct encoding *encoding, uint32_t n_switches)
{
    json_t **lists = calloc((size_t)n_switches + 1, sizeof(json_t *));
    const struct api_chain *chain;
    char text[ATTACHMENT_SIZE];

    if (lists == NULL)
        return NULL;
    for (uint32_t i = 0; i < n_switches; i++)
        lists[i] = json_array();
    for (uint32_t i = 0; (chain = encoding_item(encoding, API_CHAIN, i)) != NULL; i++) {
        const struct api_end ends[2] = {chain->inside, chain->outside};

        snprintf(text, sizeof(text), "%s/%s", running_tenant(encoding, chain->owner), chain->name);
        for (unsigned j = 0; j < 2; j++)
            if (ends[j].kind == API_END_SWITCH && ends[j].index < n_switches)
                json_array_append_new(lists[ends[j].index], json_string(text));
    }
    return lists;
}

void handle_switches(struct exchange *x)
{
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    uint32_t n = count(encoding, API_SWITCH), next = 0;
    json_t **chains = chains_json(encoding, n), *list;
    const struct api_switch *sw;

    if (chains == NULL) {
        exchange_answer_json(x, 200, NULL); // says that memory is short
        return;
    }
    list = json_array();
    for (uint32_t i = 0; i < n; i++) {
        sw = encoding_item(encoding, API_SWITCH, i);
        json_array_append_new(
            list, json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "tenant",
                            running_tenant(encoding, sw->owner), "name", sw->name, "ageing-time",
                            (int)sw->ageing_sec, "mac-table-size", (int)sw->mac_table_size,
                            "members", members_json(encoding, i, sw, &next), "chains", chains[i]));
    }
    free(chains);
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:switches", list));
}

static json_t *mac_json(const struct api_mac *mac, const char *tenant)
{
    const uint16_t vlans[2] = {mac->outer_vlan, mac->inner_vlan};
    char member[ATTACHMENT_SIZE];

    // A chain is not named as an attachment: blue/inside might be a port as well.
    if (mac->is_chain)
        snprintf(member, sizeof(member), "chain %s/%s", mac->port_tenant, mac->port);
    else
        print_attachment(member, tenant, mac->port_tenant, mac->port, vlans);
    return json_pack("{s:o, s:s, s:b, s:b, s:I}", "mac-address", running_mac_json(mac->mac),
                     "member", member, "chain", mac->is_chain, "static", mac->is_static, "age",
                     (json_int_t)mac->age_sec);
}

static void on_macs(void *arg, struct listing *listing)
{
    struct exchange *x = arg;
    const struct api_mac *macs = listing->items;
    const char *name = exchange_query(x, "switch");
    char tenant[API_NAME_SIZE];
    json_t *list;

    if (listing->error.code != 0) {
        free(listing->items);
        exchange_refuse(x, &listing->error);
        return;
    }
    snprintf(tenant, sizeof(tenant), "%.*s", (int)strcspn(name, "/"), name);
    list = json_array();
    for (size_t i = 0; i < listing->n; i++)
        json_array_append_new(list, mac_json(&macs[i], tenant));
    free(listing->items);
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:macs", list));
}

void handle_macs(struct exchange *x)
{
    struct listing_question question = {.type = API_LIST_MACS, .limit = MAX_MACS};
    struct object_name name;

    if (!running_query_name(x, "switch", &name))
        return;
    memcpy(question.request.macs.tenant, name.tenant, API_NAME_SIZE);
    memcpy(question.request.macs.name, name.name, API_NAME_SIZE);
    running_ask(x, &question, on_macs);
}
