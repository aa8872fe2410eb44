// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_NORTHBOUND_CLIENTS_H
#define CONTROL_NORTHBOUND_CLIENTS_H

// Who is connected, what may they do, and do they keep us waiting?

#include <stdint.h>

#include "control/northbound/exchange.h"

struct client {
    int fd; // the HTTP server's
    enum role role;
    bool is_waiting;   // for us
    uint64_t since_ms; // when its turn began
    struct client *next, **previous;
};

struct clients {
    struct client *first;
    unsigned n_readers;
};

// A new connection. NULL: out of memory, or one reader too many; it is shut down.
struct client *clients_add(struct clients *clients, int fd, uint64_t now_ms);
void clients_del(struct clients *clients, struct client *client);

// Shut down those that had their turn for longer than NORTHBOUND_REQUEST_SEC: the server then sees
// an end of file.
void clients_expire(const struct clients *clients, uint64_t now_ms);

// The role of a peer (SO_PEERCRED): root and our own user are ROLE_ADMIN.
enum role clients_role(uint32_t uid);

#endif
