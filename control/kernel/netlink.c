// SPDX-License-Identifier: BSD-3-Clause
// How is the kernel of a namespace talked to? A socket stays with the namespace in which it was
// opened, wherever its thread goes. What comes is only believed if it comes from the kernel. On the
// mirror's thread, called by space.c and twin.c. Next: message.c.

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "control/kernel/netlink.h"

#define ANSWER_SEC 5

static int open_socket(int flags)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
    int rc;

    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&own, sizeof(own)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

int netlink_open_events(void)
{
    static const int groups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_NEIGH,
                                 RTNLGRP_NEXTHOP};
    int fd = open_socket(SOCK_NONBLOCK), size = NETLINK_RECEIVE_SIZE, rc;

    if (fd < 0)
        return fd;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(int)) == 0)
            continue;
        if (groups[i] == RTNLGRP_NEXTHOP)
            continue; // a kernel without such objects
        rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int netlink_open_requests(void)
{
    struct timeval patience = {.tv_sec = ANSWER_SEC};
    int fd = open_socket(0), one = 1, size = 1 << 20;

    if (fd < 0)
        return fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
    return fd;
}

int netlink_receive(int fd, struct netlink_buffer *buffer)
{
    struct sockaddr_nl from;
    struct iovec iov = {buffer->bytes, sizeof(buffer->bytes)};
    struct msghdr m = {
        .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t size;

    for (;;) {
        size = recvmsg(fd, &m, 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (m.msg_flags & MSG_TRUNC)
            return -ENOBUFS; // it is lost as well
        if (m.msg_namelen == sizeof(from) && from.nl_pid == 0)
            return (int)size;
    }
}

struct nl_msg *netlink_message(int type, int flags, size_t header_size)
{
    struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

    if (msg == NULL)
        return NULL;
    if (nlmsg_reserve(msg, header_size, NLMSG_ALIGNTO) != NULL) {
        memset(nlmsg_data(nlmsg_hdr(msg)), 0, header_size);
        return msg;
    }
    nlmsg_free(msg);
    return NULL;
}

void *netlink_message_data(struct nl_msg *msg)
{
    return nlmsg_data(nlmsg_hdr(msg));
}

static int send_message(int fd, struct nl_msg *msg, uint32_t *sequence)
{
    static uint32_t last_sequence; // one thread
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    struct nlmsghdr *h = nlmsg_hdr(msg);
    ssize_t n;

    *sequence = ++last_sequence;
    h->nlmsg_seq = *sequence;
    n = sendto(fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
    nlmsg_free(msg);
    return n < 0 ? -errno : 0;
}

// What one answer is made of.
struct answer {
    uint32_t sequence;
    bool is_dump, is_interrupted;
    void (*handle)(void *arg, struct nlmsghdr *h);
    void *arg;
};

// 1: there is more to come; 0 or -errno: that was it.
static int read_answer(struct answer *answer, struct netlink_buffer *buffer, int size)
{
    struct nlmsghdr *h = (struct nlmsghdr *)buffer->bytes;
    const struct nlmsgerr *error;

    for (; nlmsg_ok(h, size); h = nlmsg_next(h, &size)) {
        if (h->nlmsg_seq != answer->sequence)
            continue; // to a question that was given up
        if (h->nlmsg_flags & NLM_F_DUMP_INTR)
            answer->is_interrupted = true;
        if (h->nlmsg_type == NLMSG_DONE)
            return nlmsg_datalen(h) >= (int)sizeof(int) ? *(int *)nlmsg_data(h) : 0;
        if (h->nlmsg_type == NLMSG_ERROR) {
            error = nlmsg_data(h);
            return nlmsg_datalen(h) >= (int)sizeof(error->error) ? error->error : -EPROTO;
        }
        if (answer->handle != NULL)
            answer->handle(answer->arg, h);
        if (!answer->is_dump && answer->handle != NULL)
            return 0;
    }
    return 1;
}

static int converse(int fd, struct nl_msg *msg, struct netlink_buffer *buffer,
                    struct answer *answer)
{
    int rc;

    if (msg == NULL)
        return -ENOMEM;
    rc = send_message(fd, msg, &answer->sequence);
    if (rc == 0)
        rc = 1;
    while (rc > 0) {
        rc = netlink_receive(fd, buffer);
        if (rc > 0)
            rc = read_answer(answer, buffer, rc);
    }
    return rc == -EAGAIN ? -ETIMEDOUT : rc;
}

int netlink_request(int fd, struct nl_msg *msg, struct netlink_buffer *buffer)
{
    struct answer answer = {0};

    if (msg != NULL)
        nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
    return converse(fd, msg, buffer, &answer);
}

int netlink_ask(int fd, struct nl_msg *msg, struct netlink_buffer *buffer,
                void (*handle)(void *arg, struct nlmsghdr *h), void *arg)
{
    struct answer answer = {.handle = handle, .arg = arg};

    return converse(fd, msg, buffer, &answer);
}

int netlink_dump(int fd, struct nl_msg *msg, struct netlink_buffer *buffer,
                 void (*handle)(void *arg, struct nlmsghdr *h), void *arg)
{
    struct answer answer = {.is_dump = true, .handle = handle, .arg = arg};
    int rc;

    if (msg != NULL)
        nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP;
    rc = converse(fd, msg, buffer, &answer);
    return rc == 0 && answer.is_interrupted ? -EAGAIN : rc;
}

int netns_open(const char *name)
{
    char path[128];
    int fd;

    if (name[0] == '\0')
        snprintf(path, sizeof(path), "/proc/thread-self/ns/net");
    else
        snprintf(path, sizeof(path), "/run/netns/%s", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int netns_enter(int fd)
{
    return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}
