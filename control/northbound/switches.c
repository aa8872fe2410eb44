// SPDX-License-Identifier: BSD-3-Clause
// Which switches are there, who is on them, and which MACs do they know? Members come from the
// running configuration as it is given to the dataplane, MACs from the dataplane itself. Event loop
// only; called by server.c through the router. Next: southbound/mac_list.c.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/northbound/handlers.h"
#include "control/northbound/server.h"

#define ATTACHMENT_SIZE (2 * API_NAME_SIZE + 16)

static const char *tenant_name(const struct encoding *encoding, uint32_t tenant)
{
    const struct api_tenant *item = encoding_item(encoding, API_TENANT, tenant);

    return item == NULL ? "?" : item->name;
}

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
    print_attachment(text, tenant_name(encoding, sw->owner), tenant_name(encoding, port->owner),
                     port->name, vlans);
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

void handle_switches(struct exchange *x)
{
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    json_t *list = json_array();
    const struct api_switch *sw;
    uint32_t next = 0;

    for (uint32_t i = 0; (sw = encoding_item(encoding, API_SWITCH, i)) != NULL; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i, s:o}", "tenant",
                                              tenant_name(encoding, sw->owner), "name", sw->name,
                                              "ageing-time", (int)sw->ageing_sec, "mac-table-size",
                                              (int)sw->mac_table_size, "members",
                                              members_json(encoding, i, sw, &next)));
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:switches", list));
}

static json_t *mac_json(const struct api_mac *mac, const char *tenant)
{
    const uint16_t vlans[2] = {mac->outer_vlan, mac->inner_vlan};
    char address[18], member[ATTACHMENT_SIZE];

    snprintf(address, sizeof(address), "%02x:%02x:%02x:%02x:%02x:%02x", mac->mac[0], mac->mac[1],
             mac->mac[2], mac->mac[3], mac->mac[4], mac->mac[5]);
    print_attachment(member, tenant, mac->port_tenant, mac->port, vlans);
    return json_pack("{s:s, s:s, s:b, s:I}", "mac-address", address, "member", member, "static",
                     mac->is_static, "age", (json_int_t)mac->age_sec);
}

static void on_macs(void *arg, struct mac_list *macs)
{
    struct exchange *x = arg;
    const char *name = exchange_query(x, "switch");
    char tenant[API_NAME_SIZE];
    json_t *list = json_array();

    snprintf(tenant, sizeof(tenant), "%.*s", (int)strcspn(name, "/"), name);
    for (size_t i = 0; i < macs->n; i++)
        json_array_append_new(list, mac_json(&macs->macs[i], tenant));
    free(macs->macs);
    if (macs->error.code != 0) {
        json_decref(list);
        exchange_refuse(x, &macs->error);
        return;
    }
    exchange_answer_json(x, 200, json_pack("{s:o}", "culvert:macs", list));
}

void handle_macs(struct exchange *x)
{
    struct southbound *southbound = northbound_context(x->n)->southbound;
    const char *name = exchange_query(x, "switch");
    const char *slash = name == NULL ? NULL : strchr(name, '/');
    struct southbound_status status;
    char tenant[API_NAME_SIZE] = "";
    struct config_error e;
    int rc;

    if (slash == NULL || slash == name || (size_t)(slash - name) >= sizeof(tenant) ||
        slash[1] == '\0' || strlen(slash + 1) >= API_NAME_SIZE) {
        failure(&e, -EINVAL, NULL, "the query must be switch=TENANT/SWITCH");
        exchange_refuse(x, &e);
        return;
    }
    memcpy(tenant, name, (size_t)(slash - name));
    rc = southbound_list_macs(southbound, tenant, slash + 1, on_macs, x);
    if (rc == 0)
        return;
    southbound_status(southbound, &status);
    failure(&e, rc, NULL, "%s", rc == -ENOMEM ? "out of memory" : status.sentence);
    exchange_refuse(x, &e);
}
