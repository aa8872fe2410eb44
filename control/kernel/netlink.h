// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_NETLINK_H
#define CONTROL_KERNEL_NETLINK_H

// rtnetlink sockets, and the namespaces in which they are opened. Blocking; on the mirror's thread
// only.

#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

#define NETLINK_RECEIVE_SIZE (64 << 20) // of the socket that hears of changes

// A datagram as it comes. The kernel fills 32 KiB at most.
struct netlink_buffer {
    char bytes[65536] __attribute__((aligned(8)));
};

// Subscribed to links, addresses, routes, next-hop objects and neighbours; non-blocking. The
// descriptor or -errno.
int netlink_open_events(void);
// For requests and dumps.
int netlink_open_requests(void);

// One datagram of changes: its size, -EAGAIN, -ENOBUFS if changes were lost, or -errno.
int netlink_receive(int fd, struct netlink_buffer *buffer);

// Send a request; frees it. 0 or what the kernel says.
int netlink_request(int fd, struct nl_msg *msg, struct netlink_buffer *buffer);
// The same, with an answer of one message for `handle`.
int netlink_ask(int fd, struct nl_msg *msg, struct netlink_buffer *buffer,
                void (*handle)(void *arg, struct nlmsghdr *h), void *arg);
// Dump: `handle` gets each message. Frees the request. -EAGAIN: what was dumped changed meanwhile
// so that something may be missing.
int netlink_dump(int fd, struct nl_msg *msg, struct netlink_buffer *buffer,
                 void (*handle)(void *arg, struct nlmsghdr *h), void *arg);

// A new request of this type with a zeroed header of its family. NULL: out of memory.
struct nl_msg *netlink_message(int type, int flags, size_t header_size);
// That header.
void *netlink_message_data(struct nl_msg *msg);

// The namespace of that name, or the one that we are in if it is empty. The descriptor or -errno.
int netns_open(const char *name);
// Move this thread there.
int netns_enter(int fd);

#endif
