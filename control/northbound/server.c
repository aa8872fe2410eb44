// SPDX-License-Identifier: BSD-3-Clause
// How does HTTP live in the event loop? libmicrohttpd's own epoll descriptor is one of libuv's
// polls, its next timeout one of libuv's timers; no threads. A request is routed when its headers
// are there, refused before its body is read where that is possible, and parked while its answer is
// not ready. Next: router.c.

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/failure.h"
#include "control/log.h"
#include "control/northbound/clients.h"
#include "control/northbound/listen.h"
#include "control/northbound/router.h"
#include "control/northbound/server.h"

struct northbound {
    struct northbound_context context;
    struct MHD_Daemon *daemon;
    char *socket_path;
    struct clients clients;
    struct exchange *exchanges; // under way
    size_t bodies_size;         // of them all
    bool is_stopping;
    uv_poll_t poll;     // libmicrohttpd's epoll descriptor
    uv_timer_t timeout; // what libmicrohttpd wants to be called for
    uv_timer_t watchdog;
    unsigned n_handles; // not yet closed
};

static void server_run(struct northbound *n);

static void on_timeout(uv_timer_t *timer)
{
    server_run(timer->data);
}

static void server_run(struct northbound *n)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms;

    MHD_run(n->daemon);
    if (MHD_get_timeout(n->daemon, &timeout_ms) == MHD_YES)
        uv_timer_start(&n->timeout, on_timeout, timeout_ms, 0);
    else
        uv_timer_stop(&n->timeout);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    server_run(poll->data);
}

static void on_watchdog(uv_timer_t *timer)
{
    struct northbound *n = timer->data;

    clients_expire(&n->clients, uv_now(timer->loop));
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct northbound *n = cls;
    const union MHD_ConnectionInfo *info;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        clients_del(&n->clients, *socket_context);
        return;
    }
    info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    *socket_context = clients_add(&n->clients, info->connect_fd, uv_now(n->poll.loop));
}

static void begin_turn(const struct exchange *x, bool is_waiting)
{
    x->client->is_waiting = is_waiting;
    x->client->since_ms = uv_now(x->n->poll.loop);
}

void server_resume(struct exchange *x)
{
    begin_turn(x, false);
    x->is_suspended = false;
    MHD_resume_connection(x->connection);
    uv_timer_start(&x->n->timeout, on_timeout, 0, 0);
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(x->answer_size, x->answer, MHD_RESPMEM_MUST_FREE);
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO; // closes the connection
    x->answer = NULL;
    MHD_add_response_header(response, "Content-Type", x->content_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    if (x->status == 405)
        MHD_add_response_header(response, "Allow", x->allow);
    result = MHD_queue_response(x->connection, x->status, response);
    MHD_destroy_response(response);
    return result;
}

static void refuse(struct exchange *x, unsigned status, const char *tag, const char *sentence)
{
    struct config_error e;

    failure(&e, -EINVAL, NULL, "%s", sentence);
    exchange_refuse_as(x, status, tag, &e);
}

static const char *header_of(const struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

// With the headers: is this to be answered at all?
static void check_request(struct exchange *x, const char *url, const char *method)
{
    const char *length = header_of(x, "Content-Length");
    unsigned status;

    x->route = router_find(method, url, &status, &x->allow);
    if (x->route != NULL)
        snprintf(x->resource, sizeof(x->resource), "%s", url + strlen(x->route->path));
    x->accept = router_accept(header_of(x, "Accept"));
    if (x->n->is_stopping)
        refuse(x, 503, "operation-failed", "culvertd is stopping");
    else if (x->route == NULL && status == 405)
        refuse(x, 405, "operation-not-supported", "this resource does not know the method");
    else if (x->route == NULL)
        refuse(x, 404, "invalid-value", "there is no such resource");
    else if (x->route->role > x->client->role)
        refuse(x, 403, "access-denied", "only root and culvertd's own user may do this");
    else if (length != NULL && strtoull(length, NULL, 10) > NORTHBOUND_BODY_SIZE)
        refuse(x, 413, "too-big", "the body is larger than 64 MiB");
    else if (x->route->has_body && router_content(header_of(x, "Content-Type"), &x->content) < 0)
        refuse(x, 415, "operation-not-supported",
               "Content-Type must be application/yang-data+json or application/yaml");
}

static struct exchange *exchange_create(struct northbound *n, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->n = n;
    x->connection = connection;
    x->client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    x->next = n->exchanges;
    x->previous = &n->exchanges;
    if (x->next != NULL)
        x->next->previous = &x->next;
    n->exchanges = x;
    begin_turn(x, false);
    return x;
}

// A piece of the body; is_answered afterwards if it was one too many.
static void take_body(struct exchange *x, const char *data, size_t size)
{
    struct northbound *n = x->n;
    size_t n_allocated;
    char *body;

    if (x->is_answered || !x->route->has_body)
        return; // read to its end and forgotten
    if (x->size + size > NORTHBOUND_BODY_SIZE) {
        refuse(x, 413, "too-big", "the body is larger than 64 MiB");
        return;
    }
    if (x->size + size > x->n_allocated) {
        n_allocated = (x->size + size) * 2;
        body = n->bodies_size + n_allocated - x->n_allocated > NORTHBOUND_BODIES_SIZE
                   ? NULL
                   : realloc(x->body, n_allocated);
        if (body == NULL) {
            refuse(x, 503, "resource-denied", "too many configurations at once: try again");
            return;
        }
        n->bodies_size += n_allocated - x->n_allocated;
        x->body = body;
        x->n_allocated = n_allocated;
    }
    memcpy(x->body + x->size, data, size);
    x->size += size;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct exchange *x = *con_cls;

    (void)version;
    if (x == NULL) {
        x = exchange_create(cls, connection);
        if (x == NULL || x->client == NULL)
            return MHD_NO;
        *con_cls = x;
        check_request(x, url, method);
        return x->is_answered ? send_answer(x) : MHD_YES;
    }
    if (*upload_data_size > 0) {
        take_body(x, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return MHD_YES;
    }
    if (!x->is_answered && x->n->is_stopping)
        refuse(x, 503, "operation-failed", "culvertd is stopping");
    if (!x->is_answered)
        x->route->handle(x);
    if (x->is_answered)
        return send_answer(x);
    begin_turn(x, true);
    x->is_suspended = true;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)connection;
    (void)code;
    if (x == NULL)
        return;
    *con_cls = NULL;
    if (x->client != NULL)
        begin_turn(x, false);
    *x->previous = x->next;
    if (x->next != NULL)
        x->next->previous = x->previous;
    x->n->bodies_size -= x->n_allocated;
    apply_request_fini(&x->request);
    free(x->body);
    free(x->answer);
    free(x);
}

static int start_daemon(struct northbound *n, int listen_fd, struct config_error *e)
{
    n->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, n,
                         MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                         (unsigned)NORTHBOUND_MAX_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)NORTHBOUND_IDLE_SEC, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
                         n, MHD_OPTION_NOTIFY_COMPLETED, on_completed, n, MHD_OPTION_END);
    return n->daemon == NULL ? failure(e, -EIO, NULL, "the HTTP server can't start") : 0;
}

static void start_handles(struct northbound *n, uv_loop_t *loop)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(n->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    uv_poll_init(loop, &n->poll, info->epoll_fd);
    uv_timer_init(loop, &n->timeout);
    uv_timer_init(loop, &n->watchdog);
    n->poll.data = n;
    n->timeout.data = n;
    n->watchdog.data = n;
    n->n_handles = 3;
    uv_poll_start(&n->poll, UV_READABLE, on_poll);
    uv_timer_start(&n->watchdog, on_watchdog, 1000, 1000);
}

int northbound_create(uv_loop_t *loop, const struct northbound_context *context,
                      struct northbound **northbound, struct config_error *e)
{
    struct northbound *n = calloc(1, sizeof(*n));
    int fd, rc;

    if (n == NULL)
        return failure(e, -ENOMEM, NULL, "out of memory");
    n->context = *context;
    fd = listen_open(context->run_dir, &n->socket_path, e);
    rc = fd < 0 ? fd : start_daemon(n, fd, e);
    if (rc < 0) {
        listen_close(fd, n->socket_path);
        free(n);
        return rc;
    }
    start_handles(n, loop);
    *northbound = n;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct northbound *n = handle->data;

    if (--n->n_handles == 0)
        free(n);
}

void northbound_destroy(struct northbound *n)
{
    struct exchange *next;

    n->is_stopping = true;
    for (struct exchange *x = n->exchanges; x != NULL; x = next) {
        next = x->next;
        if (x->is_suspended)
            refuse(x, 503, "operation-failed", "culvertd is stopping");
    }
    MHD_run(n->daemon); // sends what was resumed
    uv_close((uv_handle_t *)&n->poll, on_closed);
    uv_close((uv_handle_t *)&n->timeout, on_closed);
    uv_close((uv_handle_t *)&n->watchdog, on_closed);
    MHD_stop_daemon(n->daemon); // and closes the listening socket
    listen_close(-1, n->socket_path);
}

const struct northbound_context *northbound_context(const struct northbound *n)
{
    return &n->context;
}
