// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_METRICS_H
#define CONTROL_NORTHBOUND_METRICS_H

// What the files of the metrics share.

#include "control/northbound/routers.h"
#include "control/northbound/states.h"
#include "control/northbound/text.h"

// HELP and TYPE of a family.
void metrics_add_head(struct text *t, const char *name, const char *type, const char *help);

// name="value".
void metrics_add_label(struct text *t, const char *name, const char *value);

// metrics_router.c: all families of routers, nothing without a router.
void metrics_add_routers(struct text *t, const struct router_reports *reports);

// metrics_chain.c: all families of chains, firewalls or NATs (API_CHAIN, …), likewise.
void metrics_add_states(struct text *t, enum api_type type, const struct state_reports *reports);

#endif
