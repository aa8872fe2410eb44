// SPDX-License-Identifier: BSD-3-Clause
// How does a front end speak vhost-user? This file owns the socket, and nothing of the guest behind
// it. It must never hang on a peer that has stalled: each wait is bounded, and "closed" (-EPIPE) is
// told apart from "silent" (-ETIMEDOUT), because the behaviours report which it was.
// Called by guest.c for the sound handshake and by the behaviours for everything else.
#include "tests/system/hostile/frontend.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/system/hostile/protocol.h"

#define REPLY_TIMEOUT_MS 2000
#define MAX_FDS 253 // the kernel's SCM_MAX_FD

uint64_t clock_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

void sleep_us(unsigned int us)
{
    struct timespec ts = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};

    nanosleep(&ts, NULL);
}

static int socket_address(struct sockaddr_un *sa, const char *path)
{
    memset(sa, 0, sizeof(*sa));
    sa->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sa->sun_path))
        return -ENAMETOOLONG;
    strcpy(sa->sun_path, path);
    return 0;
}

int frontend_init(struct frontend *fe, const char *path, bool is_dialling)
{
    struct sockaddr_un sa;
    struct stat st;
    int err;

    *fe = (struct frontend){.path = path, .is_dialling = is_dialling, .listen_fd = -1, .fd = -1};
    err = socket_address(&sa, path);
    if (err < 0 || is_dialling)
        return err;

    // A socket left by an earlier run is in the way; anything else is not ours to remove.
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    fe->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fe->listen_fd < 0)
        return -errno;
    if (bind(fe->listen_fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        listen(fe->listen_fd, 4) < 0) {
        err = -errno;
        close(fe->listen_fd);
        fe->listen_fd = -1;
        return err;
    }
    return 0;
}

void frontend_fini(struct frontend *fe)
{
    frontend_close(fe);
    if (fe->listen_fd >= 0) {
        close(fe->listen_fd);
        unlink(fe->path);
    }
    fe->listen_fd = -1;
}

static int dial(const char *path)
{
    struct sockaddr_un sa;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int err;

    if (fd < 0)
        return -errno;
    err = socket_address(&sa, path);
    if (err == 0 && connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) < 0)
        err = -errno;
    if (err == 0)
        return fd;
    close(fd);
    return err;
}

static int open_once(struct frontend *fe, unsigned int wait_ms)
{
    struct pollfd pfd = {.fd = fe->listen_fd, .events = POLLIN};
    int fd;

    if (fe->is_dialling) {
        fd = dial(fe->path);
        if (fd < 0 && wait_ms > 0)
            sleep_us(wait_ms * 1000);
        return fd;
    }
    if (poll(&pfd, 1, (int)wait_ms) <= 0)
        return -ETIMEDOUT;
    fd = accept4(fe->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int frontend_open(struct frontend *fe, unsigned int timeout_ms)
{
    const struct timeval tv = {.tv_sec = REPLY_TIMEOUT_MS / 1000};
    uint64_t end = clock_ns() + (uint64_t)timeout_ms * 1000000U;

    frontend_close(fe);
    do {
        fe->fd = open_once(fe, timeout_ms < 20 ? timeout_ms : 20);
    } while (fe->fd < 0 && clock_ns() < end);
    if (fe->fd < 0) {
        fe->fd = -1;
        return -ETIMEDOUT;
    }
    setsockopt(fe->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
    setsockopt(fe->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    return 0;
}

void frontend_close(struct frontend *fe)
{
    if (fe->fd >= 0)
        close(fe->fd);
    fe->fd = -1;
    fe->has_reply_ack = false;
}

static int socket_error(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return -ETIMEDOUT;
    if (errno == ECONNRESET || errno == EPIPE)
        return -EPIPE;
    return -errno;
}

int frontend_send_raw(struct frontend *fe, const void *bytes, size_t len, const int *fds,
                      unsigned int n_fds)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    struct cmsghdr *c;
    ssize_t n;

    if (fe->fd < 0)
        return -EPIPE;
    if (n_fds > MAX_FDS)
        return -E2BIG;
    if (n_fds > 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    n = sendmsg(fe->fd, &msg, MSG_NOSIGNAL);
    if (n < 0)
        return socket_error();
    return (size_t)n == len ? 0 : -ETIMEDOUT;
}

static int send_message(struct frontend *fe, const struct vu_header *h, const void *payload,
                        const int *fds, unsigned int n_fds)
{
    uint8_t bytes[sizeof(struct vu_header) + VU_MAX_PAYLOAD];

    if (h->size > VU_MAX_PAYLOAD)
        return -E2BIG;
    memcpy(bytes, h, sizeof(*h));
    if (h->size > 0)
        memcpy(bytes + sizeof(*h), payload, h->size);
    return frontend_send_raw(fe, bytes, sizeof(*h) + h->size, fds, n_fds);
}

int frontend_send(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                  const int *fds, unsigned int n_fds)
{
    const struct vu_header h = {.request = request, .flags = VU_VERSION, .size = (uint32_t)size};

    return send_message(fe, &h, payload, fds, n_fds);
}

static void close_received(struct msghdr *msg)
{
    struct cmsghdr *c;
    size_t i;
    int fd;

    for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (i = 0; CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            close(fd);
        }
    }
}

// Reads exactly len bytes, or fails.
static int receive(struct frontend *fe, void *bytes, size_t len)
{
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(16 * sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = bytes, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.room,
                         .msg_controllen = sizeof(control.room)};
    ssize_t n;

    n = recvmsg(fe->fd, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return socket_error();
    close_received(&msg);
    if (n == 0)
        return -EPIPE;
    return (size_t)n == len ? 0 : -ETIMEDOUT;
}

static int receive_reply(struct frontend *fe, uint32_t request, void *reply, size_t reply_size)
{
    uint8_t payload[VU_MAX_PAYLOAD];
    struct vu_header h;
    int err;

    err = receive(fe, &h, sizeof(h));
    if (err < 0)
        return err;
    if (h.size > sizeof(payload))
        return -EBADMSG;
    if (h.size > 0)
        err = receive(fe, payload, h.size);
    if (err < 0)
        return err;
    memcpy(reply, payload, h.size < reply_size ? h.size : reply_size);
    return h.request == request && (h.flags & VU_FLAG_REPLY) != 0 ? 0 : -EBADMSG;
}

int frontend_request(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                     const int *fds, unsigned int n_fds)
{
    const struct vu_header h = {
        .request = request, .flags = VU_VERSION | VU_FLAG_NEED_REPLY, .size = (uint32_t)size};
    uint64_t refused = 0;
    int err;

    if (!fe->has_reply_ack)
        return frontend_send(fe, request, payload, size, fds, n_fds);
    err = send_message(fe, &h, payload, fds, n_fds);
    if (err == 0)
        err = receive_reply(fe, request, &refused, sizeof(refused));
    if (err == 0 && refused != 0)
        err = -EREMOTEIO;
    return err;
}

int frontend_request_fd(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                        int fd)
{
    return frontend_request(fe, request, payload, size, &fd, fd < 0 ? 0 : 1);
}

int frontend_ask(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                 void *reply, size_t reply_size)
{
    int err = frontend_send(fe, request, payload, size, NULL, 0);

    return err < 0 ? err : receive_reply(fe, request, reply, reply_size);
}

bool frontend_has_closed(struct frontend *fe, unsigned int wait_ms)
{
    uint64_t end = clock_ns() + (uint64_t)wait_ms * 1000000U;
    struct pollfd pfd = {.fd = fe->fd, .events = POLLIN};
    uint8_t dropped[512];
    uint64_t now;
    ssize_t n;

    if (fe->fd < 0)
        return true;
    do {
        now = clock_ns();
        if (poll(&pfd, 1, now < end ? (int)((end - now) / 1000000U) + 1 : 0) <= 0)
            return false;
        n = recv(fe->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return true;
    } while (clock_ns() < end);
    return false;
}
