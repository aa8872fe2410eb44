// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_KERNEL_FEED_H
#define CONTROL_KERNEL_FEED_H

// Datagrams on their way from the mirror's thread to the event loop, in order, so many at most. The
// thread waits while it is full: the kernel's own buffer is what takes a burst.

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/api/culvert_api.h"

#define FEED_SIZE 64 // datagrams of 64 KiB at most

struct datagram {
    struct datagram *next;
    uint64_t session; // see feed_open
    uint64_t layout;  // of the router, see plan.h
    struct api_route_target target;
    struct api_header header; // of this and
    unsigned char items[] __attribute__((aligned(8)));
};

struct feed;

// `wake` is called on the thread when there is something to take. -ENOMEM.
int feed_create(void (*wake)(void *arg), void *arg, struct feed **feed);
// Both sides are done with it.
void feed_destroy(struct feed *feed);

// Event loop. Datagrams of this session are taken from now on; those of others are thrown away. 0:
// none is.
void feed_open(struct feed *feed, uint64_t session);
// Event loop. The oldest datagram, NULL: none. The caller frees it.
struct datagram *feed_take(struct feed *feed);

// Thread. Takes the datagram over. Returns when there was room, or it is of no use any more.
void feed_put(struct feed *feed, struct datagram *datagram);

#endif
