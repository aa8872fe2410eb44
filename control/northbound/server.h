// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_SERVER_H
#define CONTROL_NORTHBOUND_SERVER_H

// HTTP on <run_dir>/culvertd.sock, nested in the event loop. Whoever can open the socket may look;
// root and culvertd's own user may change.

#include <time.h>
#include <uv.h>

#include "control/northbound/exchange.h"

#define NORTHBOUND_SOCKET_NAME "culvertd.sock"
#define NORTHBOUND_MAX_CLIENTS 64
#define NORTHBOUND_MAX_READERS 32 // of them: the others stay for those who may change
#define NORTHBOUND_BODY_SIZE (64U << 20)
#define NORTHBOUND_BODIES_SIZE (192U << 20) // of all requests under way
#define NORTHBOUND_IDLE_SEC 30              // nothing sent or received
#define NORTHBOUND_REQUEST_SEC 60           // to send a request, or to take its answer

// What handlers see of the process.
struct northbound_context {
    struct apply *apply;
    struct southbound *southbound;
    const struct xdp *xdp;       // NULL: none
    const struct kernel *kernel; // NULL: none
    const char *run_dir, *state_dir;
    struct timespec started; // CLOCK_REALTIME
};

// Listen. A socket file that nobody listens on is replaced; one that somebody does: -EADDRINUSE.
int northbound_create(uv_loop_t *loop, const struct northbound_context *context,
                      struct northbound **n, struct config_error *e);

// Answers what is under way with an error, as far as that goes without waiting. Only when `apply`
// is idle and after southbound_destroy, so that nobody answers later. Run the loop once more for
// libuv's handles.
void northbound_destroy(struct northbound *n);

const struct northbound_context *northbound_context(const struct northbound *n);

// For exchange.c: the answer of a suspended exchange is there.
void server_resume(struct exchange *x);

#endif
