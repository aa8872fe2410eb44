// SPDX-License-Identifier: BSD-3-Clause
// Is the dataplane there, and whose turn is it to talk to it? Runs on the event loop only and never
// blocks: a dataplane that hangs costs its dialogue LINK_ANSWER_MS and nobody else anything. It
// knows datagrams and their order, not what they mean. Next: southbound.c, which says what is sent.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/log.h"
#include "control/southbound/link.h"

#define PATIENCE_PARTS 5

// A connected socket. Outlives the link's interest in it until libuv lets go of the handle.
struct connection {
    uv_poll_t poll;
    struct link *link;
    int fd;
};

union fds_control {
    struct cmsghdr header; // aligned
    char bytes[CMSG_SPACE(LINK_N_FDS * sizeof(int))];
};

struct hello_message {
    struct api_header header;
    struct api_hello item;
};

struct link {
    struct sockaddr_un address;
    struct link_events events;
    enum link_state state;
    char sentence[API_TEXT_SIZE];
    struct connection *connection; // NULL if LINK_ABSENT or LINK_FOREIGN
    struct dialogue hello;
    struct hello_message hello_message;
    bool is_hello_sent, is_answering;
    struct dialogue *first, **last;  // the first one talks
    const struct api_header *unsent; // waits for room in the socket
    uint32_t next_sequence, n_in_flight;
    uv_timer_t retry, deadline;
    unsigned n_patience; // parts of LINK_ANSWER_MS left
    unsigned n_handles;  // timers not yet closed
    // A datagram as it came; aligned like the structs in it.
    unsigned char answer[API_DATAGRAM_SIZE] __attribute__((aligned(8)));
};

static void link_pump(struct link *l);
static void on_retry(uv_timer_t *timer);

static void on_connection_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void link_set_state(struct link *l, enum link_state state, const char *sentence)
{
    l->state = state;
    snprintf(l->sentence, sizeof(l->sentence), "%s", sentence);
}

// Ends the connection, if there is one, and every dialogue with it; tries again later.
static void link_lose(struct link *l, enum link_state state, unsigned retry_ms,
                      const char *sentence)
{
    bool was_up = l->state == LINK_UP;
    struct dialogue *d = l->first, *next;
    char why[API_TEXT_SIZE]; // dialogues read it while the link's own may change

    snprintf(why, sizeof(why), "%s", sentence);
    link_set_state(l, state, why);
    if (l->connection != NULL) {
        uv_poll_stop(&l->connection->poll);
        uv_close((uv_handle_t *)&l->connection->poll, on_connection_closed);
        close(l->connection->fd);
        l->connection = NULL;
    }
    l->first = NULL;
    l->last = &l->first;
    l->unsent = NULL;
    l->n_in_flight = 0;
    uv_timer_stop(&l->deadline);
    uv_timer_start(&l->retry, on_retry, retry_ms, 0);
    if (was_up)
        l->events.down(l->events.arg);
    for (; d != NULL; d = next) {
        next = d->waiting;
        d->lost(d, why);
    }
}

// The patience comes in parts: after a sleep of our own, however long, one is over, and then the
// answers that came meanwhile are read before the next one.
static void on_deadline(uv_timer_t *timer)
{
    struct link *l = timer->data;

    if (--l->n_patience > 0)
        return;
    log_warn("the dataplane did not answer for %d ms: connection given up", LINK_ANSWER_MS);
    link_lose(l, LINK_ABSENT, LINK_RETRY_SLOW_MS, "the dataplane did not answer within 5 seconds");
}

static void start_deadline(struct link *l)
{
    l->n_patience = PATIENCE_PARTS;
    uv_timer_start(&l->deadline, on_deadline, LINK_ANSWER_MS / PATIENCE_PARTS,
                   LINK_ANSWER_MS / PATIENCE_PARTS);
}

static void handle_answer(struct link *l, size_t size)
{
    const struct api_header *h = (const struct api_header *)l->answer;
    struct dialogue *d = l->first;
    struct api_reply reply;
    char sentence[API_PATH_SIZE + API_TEXT_SIZE + 64];
    bool is_over;

    if (api_check(l->answer, size, &reply) < 0) {
        snprintf(sentence, sizeof(sentence), "the dataplane's answer is malformed: %s %s",
                 reply.path, reply.sentence);
        link_lose(l, l->state == LINK_UP ? LINK_ABSENT : LINK_FOREIGN, LINK_RETRY_SLOW_MS,
                  sentence);
        return;
    }
    if (d == NULL || l->n_in_flight == 0 || h->sequence != l->next_sequence - l->n_in_flight) {
        link_lose(l, LINK_ABSENT, LINK_RETRY_SLOW_MS, "the dataplane answered what was not asked");
        return;
    }
    l->n_in_flight--;
    if (l->n_in_flight > 0)
        start_deadline(l);
    else
        uv_timer_stop(&l->deadline);
    // It may free itself: unlinked first, and linked again only while it lives.
    l->first = d->waiting;
    if (l->first == NULL)
        l->last = &l->first;
    l->is_answering = true;
    is_over = d->answer(d, h);
    l->is_answering = false;
    if (!is_over && l->connection != NULL) {
        d->waiting = l->first;
        if (l->first == NULL)
            l->last = &d->waiting;
        l->first = d;
    }
}

static void link_read(struct link *l)
{
    struct connection *c = l->connection;
    ssize_t size;

    while (l->connection == c) {
        size = recv(c->fd, l->answer, sizeof(l->answer), MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0) {
            link_lose(l, LINK_ABSENT, LINK_RETRY_MS, "the dataplane went away");
            return;
        }
        handle_answer(l, (size_t)size);
    }
}

// What goes along with the datagram h, if it is of the one type that takes descriptors.
static void attach_fds(struct msghdr *message, const struct api_header *h,
                       union fds_control *control)
{
    struct cmsghdr *part;

    if (h->type != API_XDP)
        return;
    message->msg_control = control;
    message->msg_controllen = sizeof(*control);
    part = CMSG_FIRSTHDR(message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(LINK_N_FDS * sizeof(int));
    memcpy(CMSG_DATA(part), ((const struct link_xdp_message *)(const void *)h)->fds,
           LINK_N_FDS * sizeof(int));
}

// 1: sent, 0: no room in the socket, -1: lost.
static int link_send(struct link *l, const struct api_header *h)
{
    struct api_header header = *h;
    union {
        const void *in;
        void *out;
    } items = {.in = h + 1}; // iov_base is not const; sendmsg writes nothing there
    struct iovec iov[2] = {{&header, sizeof(header)}, {items.out, h->len - sizeof(header)}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    union fds_control control = {0};

    header.sequence = l->next_sequence;
    attach_fds(&message, h, &control);
    if (sendmsg(l->connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
        l->next_sequence++;
        if (l->n_in_flight++ == 0)
            start_deadline(l);
        return 1;
    }
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    link_lose(l, LINK_ABSENT, LINK_RETRY_MS, "the dataplane went away");
    return -1;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;
    struct link *l = c->link;

    (void)status; // the socket says it better
    (void)events;
    if (l->connection == c)
        link_read(l);
    if (l->connection == c)
        link_pump(l);
}

// Send what the first dialogue has, as far as window and socket allow.
static void link_pump(struct link *l)
{
    const struct api_header *h;
    int rc;

    while (l->connection != NULL && l->first != NULL && l->n_in_flight < LINK_WINDOW) {
        h = l->unsent != NULL ? l->unsent : l->first->next(l->first);
        l->unsent = NULL;
        if (h == NULL)
            break;
        rc = link_send(l, h);
        if (rc < 0)
            return;
        if (rc == 0) {
            l->unsent = h;
            uv_poll_start(&l->connection->poll, UV_READABLE | UV_WRITABLE, on_poll);
            return;
        }
    }
    if (l->connection != NULL)
        uv_poll_start(&l->connection->poll, UV_READABLE, on_poll);
}

static const struct api_header *hello_next(struct dialogue *d)
{
    struct link *l = (struct link *)((char *)d - offsetof(struct link, hello));

    if (l->is_hello_sent)
        return NULL;
    l->is_hello_sent = true;
    return &l->hello_message.header;
}

static bool hello_answer(struct dialogue *d, const struct api_header *h)
{
    struct link *l = (struct link *)((char *)d - offsetof(struct link, hello));
    const struct api_hello *hello = (const struct api_hello *)(h + 1);

    if (h->type != API_HELLO || hello->schema_hash != api_schema_hash()) {
        if (l->state != LINK_FOREIGN)
            log_warn("the dataplane is of another version than culvertd: it keeps what it runs");
        link_lose(l, LINK_FOREIGN, LINK_RETRY_SLOW_MS,
                  "the dataplane is of another version than culvertd: install both from one build "
                  "and restart the older one");
        return true;
    }
    link_set_state(l, LINK_UP, "connected");
    l->events.up(l->events.arg, hello);
    return true;
}

static void hello_lost(struct dialogue *d, const char *sentence)
{
    (void)d; // link_lose has said it
    (void)sentence;
}

// 0, or -1: nobody listens, or no room to talk.
static int link_connect(struct link *l)
{
    struct connection *c;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address)) < 0)
        goto fail;
    c = calloc(1, sizeof(*c));
    if (c == NULL)
        goto fail;
    c->fd = fd;
    c->link = l;
    if (uv_poll_init(uv_handle_get_loop((uv_handle_t *)&l->retry), &c->poll, fd) < 0)
        goto fail_alloc;
    c->poll.data = c;
    l->connection = c;
    return 0;
fail_alloc:
    free(c);
fail:
    close(fd);
    return -1;
}

static void on_retry(uv_timer_t *timer)
{
    struct link *l = timer->data;

    if (link_connect(l) < 0) {
        if (l->state == LINK_FOREIGN)
            link_set_state(l, LINK_ABSENT, "the dataplane is not running");
        uv_timer_start(&l->retry, on_retry, LINK_RETRY_MS, 0);
        return;
    }
    if (l->state != LINK_FOREIGN)
        link_set_state(l, LINK_GREETING, "the dataplane was not heard of yet");
    l->is_hello_sent = false;
    l->hello.waiting = NULL;
    l->first = &l->hello;
    l->last = &l->hello.waiting;
    link_pump(l);
}

int link_create(uv_loop_t *loop, const char *path, const struct link_events *events,
                struct link **link)
{
    struct link *l;

    if (strlen(path) >= sizeof(l->address.sun_path))
        return -ENAMETOOLONG;
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return -ENOMEM;
    l->address.sun_family = AF_UNIX;
    memcpy(l->address.sun_path, path, strlen(path) + 1);
    l->events = *events;
    l->last = &l->first;
    l->hello = (struct dialogue){hello_next, hello_answer, hello_lost, NULL};
    l->hello_message = (struct hello_message){
        .header = {.magic = API_MAGIC,
                   .version = API_VERSION,
                   .type = API_HELLO,
                   .len = sizeof(l->hello_message),
                   .n_items = 1},
        .item = {.schema_hash = api_schema_hash()},
    };
    link_set_state(l, LINK_ABSENT, "the dataplane is not running");
    uv_timer_init(loop, &l->retry);
    uv_timer_init(loop, &l->deadline);
    l->retry.data = l;
    l->deadline.data = l;
    l->n_handles = 2;
    *link = l;
    return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct link *l = handle->data;

    if (--l->n_handles == 0)
        free(l);
}

void link_destroy(struct link *link)
{
    link_lose(link, LINK_ABSENT, LINK_RETRY_MS, "culvertd is stopping");
    uv_close((uv_handle_t *)&link->retry, on_timer_closed);
    uv_close((uv_handle_t *)&link->deadline, on_timer_closed);
}

void link_start(struct link *link)
{
    uv_timer_start(&link->retry, on_retry, 0, 0);
}

int link_talk(struct link *link, struct dialogue *d)
{
    if (link->state != LINK_UP && link->state != LINK_GREETING)
        return -ENOTCONN;
    d->waiting = NULL;
    *link->last = d;
    link->last = &d->waiting;
    if (!link->is_answering)
        link_pump(link);
    return 0;
}

enum link_state link_state(const struct link *link)
{
    return link->state;
}

const char *link_sentence(const struct link *link)
{
    return link->sentence;
}
