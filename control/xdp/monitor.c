// SPDX-License-Identifier: BSD-3-Clause
// Has the kernel's side of any interface changed? Listens on rtnetlink's groups and throws away
// what is said: xdp.c, which made it, reads anew what it needs. Event loop only; never waits. Next:
// interface.c.

#include "control/xdp/monitor.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define SETTLE_MS 20 // a change comes with others
#define MAX_READS 64 // in one turn of the loop

struct monitor {
    int fd;
    void (*changed)(void *arg);
    void *arg;
    unsigned n_handles;
    uv_poll_t poll;
    uv_timer_t timer;
};

static void on_timer(uv_timer_t *timer)
{
    struct monitor *m = timer->data;

    m->changed(m->arg);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct monitor *m = poll->data;
    char message[4096];

    (void)status; // an overrun (ENOBUFS) is a change as well
    (void)events;
    for (unsigned i = 0; i < MAX_READS; i++)
        if (recv(m->fd, message, sizeof(message), MSG_DONTWAIT) <= 0)
            break;
    if (!uv_is_active((uv_handle_t *)&m->timer))
        uv_timer_start(&m->timer, on_timer, SETTLE_MS, 0);
}

struct monitor *monitor_create(uv_loop_t *loop, void (*changed)(void *arg), void *arg)
{
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK,
        .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
    };
    struct monitor *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->changed = changed;
    m->arg = arg;
    m->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (m->fd < 0)
        goto fail;
    if (bind(m->fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        uv_poll_init(loop, &m->poll, m->fd) < 0)
        goto fail_fd;
    uv_timer_init(loop, &m->timer);
    m->poll.data = m;
    m->timer.data = m;
    m->n_handles = 2;
    uv_poll_start(&m->poll, UV_READABLE, on_poll);
    return m;
fail_fd:
    close(m->fd);
fail:
    free(m);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct monitor *m = handle->data;

    if (--m->n_handles == 0)
        free(m);
}

void monitor_destroy(struct monitor *m)
{
    if (m == NULL)
        return;
    uv_poll_stop(&m->poll);
    uv_close((uv_handle_t *)&m->poll, on_closed);
    uv_close((uv_handle_t *)&m->timer, on_closed);
    close(m->fd);
}
