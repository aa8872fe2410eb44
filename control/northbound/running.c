// SPDX-License-Identifier: BSD-3-Clause
// Which object is meant, and what does the dataplane's answer look like to a user? Small questions
// of the handlers to the running configuration. Event loop only. Changes nothing. Next: routers.c,
// routes.c.

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/northbound/running.h"
#include "control/northbound/server.h"

const char *running_tenant(const struct encoding *encoding, uint32_t tenant)
{
    const struct api_tenant *item = encoding_item(encoding, API_TENANT, tenant);

    return item == NULL ? "?" : item->name;
}

bool running_query_name(struct exchange *x, const char *key, struct object_name *name)
{
    const char *text = exchange_query(x, key);
    const char *slash = text == NULL ? NULL : strchr(text, '/');
    char kind[16] = "";
    struct config_error e;

    *name = (struct object_name){0};
    if (slash == NULL || slash == text || (size_t)(slash - text) >= sizeof(name->tenant) ||
        slash[1] == '\0' || strlen(slash + 1) >= sizeof(name->name)) {
        for (size_t i = 0; i < sizeof(kind) - 1 && key[i] != '\0'; i++)
            kind[i] = (char)toupper((unsigned char)key[i]);
        failure(&e, -EINVAL, NULL, "the query must be %s=TENANT/%s", key, kind);
        exchange_refuse(x, &e);
        return false;
    }
    memcpy(name->tenant, text, (size_t)(slash - text));
    memcpy(name->name, slash + 1, strlen(slash + 1));
    return true;
}

uint32_t running_find(const struct encoding *encoding, enum api_type type,
                      const struct object_name *name)
{
    const struct api_router *item; // owner and name begin all of them

    for (uint32_t i = 0; (item = encoding_item(encoding, type, i)) != NULL; i++)
        if (strcmp(item->name, name->name) == 0 &&
            strcmp(running_tenant(encoding, item->owner), name->tenant) == 0)
            return i;
    return API_NONE;
}

bool running_query_object(struct exchange *x, const char *key, enum api_type type,
                          struct object_name *name)
{
    struct config_error e;

    if (!running_query_name(x, key, name))
        return false;
    if (running_find(apply_running(northbound_context(x->n)->apply), type, name) != API_NONE)
        return true;
    failure(&e, -ENOENT, NULL, "there is no %s %s/%s", key, name->tenant, name->name);
    exchange_refuse(x, &e);
    return false;
}

uint32_t running_find_router(const struct encoding *encoding, const struct object_name *name)
{
    return running_find(encoding, API_ROUTER, name);
}

bool running_has_address(const struct encoding *encoding, uint32_t router, unsigned family,
                         const uint8_t address[16])
{
    const struct api_interface_address *a;
    const struct api_interface *interface;

    for (uint32_t i = 0; (a = encoding_item(encoding, API_INTERFACE_ADDRESS, i)) != NULL; i++) {
        if (a->family != family || memcmp(a->address, address, sizeof(a->address)) != 0)
            continue;
        interface = encoding_item(encoding, API_INTERFACE, a->owner);
        if (interface != NULL && interface->owner == router)
            return true;
    }
    return false;
}

// The routers that there are, as far as there is room.
static void list_routers(const struct encoding *encoding, char *to, size_t size)
{
    static const char rest[] = ", ...";
    const struct api_router *router;
    size_t len = 0, room = size - sizeof(rest);
    int n;

    to[0] = '\0';
    for (uint32_t i = 0; (router = encoding_item(encoding, API_ROUTER, i)) != NULL; i++) {
        n = snprintf(to + len, room - len, "%s%s/%s", i == 0 ? "" : ", ",
                     running_tenant(encoding, router->owner), router->name);
        if (n < 0 || (size_t)n >= room - len) {
            memcpy(to + len, rest, sizeof(rest));
            return;
        }
        len += (size_t)n;
    }
}

bool running_query_router(struct exchange *x, struct object_name *name)
{
    const struct encoding *encoding = apply_running(northbound_context(x->n)->apply);
    char routers[160];
    struct config_error e;

    if (!running_query_name(x, "router", name))
        return false;
    if (running_find_router(encoding, name) != API_NONE)
        return true;
    list_routers(encoding, routers, sizeof(routers));
    if (routers[0] == '\0')
        failure(&e, -ENOENT, NULL, "there is no router %s/%s, nor any other", name->tenant,
                name->name);
    else
        failure(&e, -ENOENT, NULL, "there is no router %s/%s; there is %s", name->tenant,
                name->name, routers);
    exchange_refuse(x, &e);
    return false;
}

bool running_query_number(struct exchange *x, const char *key, uint32_t min, uint32_t max,
                          uint32_t *value)
{
    const char *text = exchange_query(x, key);
    struct config_error e;
    unsigned long n;
    char *end;

    if (text == NULL)
        return true;
    n = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && n >= min && n <= max) {
        *value = (uint32_t)n;
        return true;
    }
    failure(&e, -EINVAL, NULL, "%s must be a number from %u to %u", key, min, max);
    exchange_refuse(x, &e);
    return false;
}

void running_ask(struct exchange *x, const struct listing_question *question,
                 void (*done)(void *arg, struct listing *listing))
{
    struct southbound *southbound = northbound_context(x->n)->southbound;
    int rc = southbound_ask(southbound, question, done, x);
    struct southbound_status status;
    struct config_error e;

    if (rc == 0)
        return;
    southbound_status(southbound, &status);
    failure(&e, rc, NULL, "%s", rc == -ENOMEM ? "out of memory" : status.sentence);
    exchange_refuse(x, &e);
}

json_t *running_address_json(unsigned family, const uint8_t address[16])
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
    return json_string(text);
}

json_t *running_prefix_json(unsigned family, const uint8_t address[16], unsigned prefix_len)
{
    char host[INET6_ADDRSTRLEN] = "", text[INET6_ADDRSTRLEN + 4];

    inet_ntop(family == 4 ? AF_INET : AF_INET6, address, host, sizeof(host));
    snprintf(text, sizeof(text), "%s/%u", host, prefix_len & 255);
    return json_string(text);
}

json_t *running_mac_json(const uint8_t mac[6])
{
    char text[18];

    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return json_string(text);
}
