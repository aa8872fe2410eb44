// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_SERVER_H
#define DATAPLANE_SERVER_SERVER_H

// The control socket <run-dir>/dataplane.sock and the main thread's loop.

#include "dataplane/core/error.h"

// Listen on the control socket and catch SIGTERM and SIGINT. A stale socket is replaced; a live one
// is -EADDRINUSE. -errno with a sentence.
int server_init(const char *run_dir, struct error *e);

// Serve until a signal asks to end: requests, ports, ageing, counters.
void server_run(void);

void server_fini(void);

#endif
