// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_UNIT_ROUTER_ROUTE_LAB_H
#define TESTS_UNIT_ROUTER_ROUTE_LAB_H

// Look-ups and dynamic routes of the router that lab.h runs.

#include "vnf/router/route.h"

// The group for an address; NULL: no route.
const struct route_group *route_lab_lookup(const char *text);
int route_lab_type(const char *text); // of the group; 0: no route
// The number of the interface that a flow to an address leaves by; -1: none.
int route_lab_way(const char *text, uint32_t hash);

// Flows rely on where an address leads: 0 if address number i (below ROUTE_LAB_MAX_TOLD) leads
// elsewhere than at the last call, and no number (walk/version.h) has told.
#define ROUTE_LAB_MAX_TOLD 64
int route_lab_is_told(unsigned i, uint8_t family, const uint8_t *address);

void route_lab_link(unsigned port, int is_up); // and the router notices

extern uint32_t route_lab_epoch; // of the requests that follow

int route_lab_request(unsigned type, const void *items, uint32_t n, struct error *e);
struct api_dynamic_next_hop route_lab_hop(uint32_t group, uint32_t interface, const char *address);
struct api_route_change route_lab_change(uint32_t group, const char *prefix, uint8_t len);

// Requests of one item, which succeed.
void route_lab_give(uint32_t group, uint32_t interface, const char *address);
void route_lab_route(uint32_t group, const char *prefix, uint8_t len);
void route_lab_sweep(void);

#endif
