// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_LISTEN_H
#define CONTROL_NORTHBOUND_LISTEN_H

#include "control/datastore/datastore.h"

// Listen on <run_dir>/culvertd.sock, mode 0660. Returns the descriptor and the socket's path, which
// is the caller's. -EADDRINUSE if somebody listens there, other -errno with a sentence.
int listen_open(const char *run_dir, char **path, struct config_error *e);

// Remove the socket file, free its path, close the descriptor if it is one. `path` may be NULL.
void listen_close(int fd, char *path);

#endif
