// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_ROUTER_H
#define CONTROL_NORTHBOUND_ROUTER_H

// What a request asks for: the list of everything that culvertd answers.

#include "control/northbound/exchange.h"

struct route {
    const char *method, *path; // a path that ends with = is the beginning of many
    enum role role;            // at least
    bool has_body;             // a configuration, in one of its formats
    void (*handle)(struct exchange *x);
};

// The route of a request; HEAD goes where GET goes. NULL and *status 404 (no such path) or 405 (the
// path is there, *allow says with which methods).
const struct route *router_find(const char *method, const char *path, unsigned *status,
                                const char **allow);

// Content-Type: CONFIG_JSON for application/yang-data+json and application/json, CONFIG_YAML for
// application/yaml; parameters are ignored. -ENOTSUP: none of them; `type` may be NULL.
int router_content(const char *type, enum config_format *format);

// Accept: YAML if it names application/yaml before any JSON, else JSON. `accept` may be NULL.
enum config_format router_accept(const char *accept);

#endif
