// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_RUNNING_H
#define CONTROL_NORTHBOUND_RUNNING_H

// What handlers look up in the running configuration as it is given to the dataplane, and how they
// show what the dataplane answers.

#include <stdint.h>

#include "control/northbound/exchange.h"
#include "control/southbound/listing.h"

// An object by its full name.
struct object_name {
    char tenant[API_NAME_SIZE], name[API_NAME_SIZE];
};

// "?" if there is no such tenant.
const char *running_tenant(const struct encoding *encoding, uint32_t tenant);

// Take the query parameter `key` (of the form TENANT/NAME) apart. False: it is not of this form,
// and the exchange is answered.
bool running_query_name(struct exchange *x, const char *key, struct object_name *name);

// The same for `router`, which has to be in the running configuration, or the exchange is answered
// with what is there.
bool running_query_router(struct exchange *x, struct object_name *name);

// The index of an object of a type whose items begin with tenant and name (API_FIREWALL, API_NAT,
// API_CHAIN), API_NONE if there is none of this name.
uint32_t running_find(const struct encoding *encoding, enum api_type type,
                      const struct object_name *name);

// The query parameter `key` as such an object: `key` is also what the user calls it. False: there
// is none of this name, and the exchange is answered.
bool running_query_object(struct exchange *x, const char *key, enum api_type type,
                          struct object_name *name);

// The index of a router, API_NONE if there is none of this name.
uint32_t running_find_router(const struct encoding *encoding, const struct object_name *name);

// Whether an address is configured on an interface of the router.
bool running_has_address(const struct encoding *encoding, uint32_t router, unsigned family,
                         const uint8_t address[16]);

// A number in the query. `value` stays as it is if the parameter is not there. False: it is no
// number from min to max, and the exchange is answered.
bool running_query_number(struct exchange *x, const char *key, uint32_t min, uint32_t max,
                          uint32_t *value);

// Ask the dataplane. If that can't be done the exchange is answered and `done` is not called.
void running_ask(struct exchange *x, const struct listing_question *question,
                 void (*done)(void *arg, struct listing *listing));

// As people write it.
json_t *running_address_json(unsigned family, const uint8_t address[16]);
json_t *running_prefix_json(unsigned family, const uint8_t address[16], unsigned prefix_len);
json_t *running_mac_json(const uint8_t mac[6]);

#endif
