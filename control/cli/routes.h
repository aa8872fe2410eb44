// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_CLI_ROUTES_H
#define CONTROL_CLI_ROUTES_H

#include <jansson.h>
#include <stdio.h>

// One route of culvertd's answer for people, a line for each next hop. The first begins with * if
// the route is in use.
void route_print(FILE *out, const json_t *route);

#endif
