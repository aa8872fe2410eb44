// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_HANDLERS_H
#define CONTROL_NORTHBOUND_HANDLERS_H

// What the routes lead to. Each answers its exchange once, at once or later.

struct exchange;

// data.c: the configuration.
void handle_get_data(struct exchange *x);
void handle_put_data(struct exchange *x);
void handle_diff(struct exchange *x);

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

// metrics.c: Prometheus.
void handle_metrics(struct exchange *x);

#endif
