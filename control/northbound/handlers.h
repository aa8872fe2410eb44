// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_HANDLERS_H
#define CONTROL_NORTHBOUND_HANDLERS_H

// What the routes lead to. Each answers its exchange once, at once or later.

struct exchange;

// data.c: the configuration.
void handle_get_data(struct exchange *x);
void handle_put_data(struct exchange *x);
void handle_diff(struct exchange *x);

// rule.c: one rule of it.
void handle_put_rule(struct exchange *x);
void handle_delete_rule(struct exchange *x);

// state.c and switches.c: what there is to see.
void handle_ports(struct exchange *x);
void handle_drops(struct exchange *x);
void handle_workers(struct exchange *x);
void handle_status(struct exchange *x);
void handle_switches(struct exchange *x);
void handle_macs(struct exchange *x);

// routers.c, routes.c: what routers are and know. Then ping.c.
void handle_routers(struct exchange *x);
void handle_routes(struct exchange *x);
void handle_neighbors(struct exchange *x);
void handle_ping(struct exchange *x);

// chains.c, sessions.c: chains and what goes through them.
void handle_chains(struct exchange *x);
void handle_sessions(struct exchange *x);
void handle_clear_sessions(struct exchange *x);

// firewalls.c, nats.c: what stands on chains.
void handle_firewalls(struct exchange *x);
void handle_rules(struct exchange *x);
void handle_nats(struct exchange *x);
void handle_bindings(struct exchange *x);

// metrics.c: Prometheus.
void handle_metrics(struct exchange *x);

#endif
