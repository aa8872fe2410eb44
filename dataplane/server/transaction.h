// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_SERVER_TRANSACTION_H
#define DATAPLANE_SERVER_TRANSACTION_H

// What one client of the control socket asks for, and the answer. No sockets here.

#include <stddef.h>

#include "dataplane/core/model.h"

#define TRANSACTION_N_FDS 2 // with API_XDP; no other message brings descriptors

struct transaction {
    int is_greeted; // said hello with our schema
    int is_open;    // between begin and commit or abort
    struct model model;
    struct api_route_target target; // whose routes come; an empty tenant: none was named
    // What came along with the datagram at hand, -1: nothing. Whoever takes one writes -1; the
    // rest is closed after the answer.
    int fds[TRANSACTION_N_FDS];
};

void transaction_init(struct transaction *t);
void transaction_fini(struct transaction *t); // an open one is forgotten

// Carry out one datagram of any content and write the answer (at most API_DATAGRAM_SIZE bytes).
// Returns the answer's length, never 0. A refused request leaves the running generation as it was;
// a refused object ends the open transaction. Main thread.
size_t transaction_handle(struct transaction *t, const void *datagram, size_t size, void *answer);

#endif
