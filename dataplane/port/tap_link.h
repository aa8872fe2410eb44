// SPDX-License-Identifier: BSD-3-Clause
#ifndef DATAPLANE_PORT_TAP_LINK_H
#define DATAPLANE_PORT_TAP_LINK_H

// What the kernel knows of an interface, asked and set by rtnetlink: one request, one answer, in
// the network namespace where the socket was made. Main thread.

#include <linux/if.h>
#include <stdint.h>

struct tap_link {
    char name[IFNAMSIZ];
    char kind[16];        // "tun" for taps, "veth", …; empty: a device of its own
    char alias[IFALIASZ]; // what is written on it
    int index;
    uint32_t mtu;
    uint8_t mac[6];
    uint8_t is_tap; // frames, not packets
    uint8_t is_multi_queue;
    uint32_t n_queues; // that somebody holds; known of multi-queue ones only
};

// A socket in the calling thread's namespace: -errno.
int tap_link_socket(void);

// -ENODEV: there is no such interface; other -errno of sockets.
int tap_link_get(int fd, const char *name, struct tap_link *link);

// Call `visit` for each interface. No other request may be made in between. -errno; -EAGAIN: they
// changed while they were told, some may be missing.
int tap_link_list(int fd, void (*visit)(const struct tap_link *link, void *arg), void *arg);

// Set one attribute (IFLA_MTU, IFLA_ADDRESS, IFLA_IFALIAS) to `size` bytes; bring it up. -errno.
int tap_link_set(int fd, int index, unsigned short attribute, const void *data, size_t size);
int tap_link_set_up(int fd, int index);

#endif
