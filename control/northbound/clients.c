// SPDX-License-Identifier: BSD-3-Clause
// Does one client take what is everybody's? Called by server.c when connections come and go and
// once a second. Event loop only. It closes nothing, the descriptors are the HTTP library's; it
// shuts them down, and the library then sees the end. Next: server.c.

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/log.h"
#include "control/northbound/clients.h"
#include "control/northbound/server.h"

enum role clients_role(uint32_t uid)
{
    return uid == 0 || uid == geteuid() ? ROLE_ADMIN : ROLE_READ;
}

static enum role role_of(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return ROLE_READ;
    return clients_role(peer.uid);
}

struct client *clients_add(struct clients *clients, int fd, uint64_t now_ms)
{
    enum role role = role_of(fd);
    struct client *client = NULL;

    if (role == ROLE_ADMIN || clients->n_readers < NORTHBOUND_MAX_READERS)
        client = calloc(1, sizeof(*client));
    if (client == NULL) {
        shutdown(fd, SHUT_RDWR);
        return NULL;
    }
    *client = (struct client){.fd = fd, .role = role, .since_ms = now_ms};
    client->next = clients->first;
    client->previous = &clients->first;
    if (client->next != NULL)
        client->next->previous = &client->next;
    clients->first = client;
    clients->n_readers += role == ROLE_READ;
    return client;
}

void clients_del(struct clients *clients, struct client *client)
{
    if (client == NULL)
        return;
    *client->previous = client->next;
    if (client->next != NULL)
        client->next->previous = client->previous;
    clients->n_readers -= client->role == ROLE_READ;
    free(client);
}

void clients_expire(const struct clients *clients, uint64_t now_ms)
{
    for (const struct client *c = clients->first; c != NULL; c = c->next) {
        if (c->is_waiting || now_ms - c->since_ms < NORTHBOUND_REQUEST_SEC * 1000U)
            continue;
        log_debug("a client took more than %d seconds", NORTHBOUND_REQUEST_SEC);
        shutdown(c->fd, SHUT_RDWR);
    }
}
