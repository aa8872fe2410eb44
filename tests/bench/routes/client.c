// SPDX-License-Identifier: BSD-3-Clause
// How does one talk to the dataplane? Called by loader.c on the only thread, in lock-step: a
// request, its answer, the next one. Answers are held to the border's table before they are read.
// Next: loader.c.
#include "tests/bench/routes/client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int complain(int err, const char *what, const char *path, const char *sentence)
{
    fprintf(stderr, "culvert-route-loader: %s: %s%s%s\n", what, path, *path != '\0' ? ": " : "",
            sentence);
    return err;
}

static int receive(struct client *c, enum api_type wanted)
{
    const struct api_reply *reply = (const struct api_reply *)c->answer.items;
    struct api_reply fault;
    ssize_t size;

    do
        size = recv(c->fd, &c->answer, sizeof(c->answer), 0);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return complain(-errno, "no answer", "", strerror(errno));
    if (size == 0)
        return complain(-ECONNRESET, "no answer", "", "the dataplane closed the connection");
    if (api_check(&c->answer, (size_t)size, &fault) < 0)
        return complain(-EPROTO, "bad answer", fault.path, fault.sentence);
    if (c->answer.header.sequence != c->request.header.sequence)
        return complain(-EPROTO, "bad answer", "", "not of this request");
    if (c->answer.header.type == API_REPLY && reply->error < 0)
        return complain(reply->error, "refused", reply->path, reply->sentence);
    if (c->answer.header.type != wanted)
        return complain(-EPROTO, "bad answer", "", "not of the type that was asked for");
    return 0;
}

int client_ask(struct client *c, enum api_type type, uint32_t n_items, enum api_type wanted)
{
    struct api_header *h = &c->request.header;

    *h = (struct api_header){
        .magic = API_MAGIC,
        .version = API_VERSION,
        .type = (uint16_t)type,
        .len = (uint32_t)(sizeof(*h) + (size_t)n_items * api_message(type)->item_size),
        .n_items = n_items,
        .sequence = h->sequence + 1,
    };
    if (send(c->fd, &c->request, h->len, MSG_NOSIGNAL) < 0)
        return complain(-errno, "can't send", "", strerror(errno));
    return receive(c, wanted);
}

int client_open(struct client *c, const char *run_dir)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct api_hello *hello = (struct api_hello *)c->request.items;
    int n = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir, API_SOCKET_NAME);

    if (n >= (int)sizeof(address.sun_path))
        return complain(-ENAMETOOLONG, run_dir, "", "too long for a socket's name");
    c->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return complain(-errno, address.sun_path, "", strerror(errno));
    *hello = (struct api_hello){.schema_hash = api_schema_hash()};
    n = client_ask(c, API_HELLO, 1, API_HELLO);
    hello = (struct api_hello *)c->answer.items;
    if (n == 0 && hello->schema_hash != api_schema_hash())
        return complain(-EPROTO, run_dir, "", "the dataplane is of another build");
    return n;
}
