// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_LIB_FAKE_DATAPLANE_H
#define TESTS_LIB_FAKE_DATAPLANE_H

// The other end of culvertd's socket, played in a thread: greets, says yes to every configuration,
// and leaves the rest to the test, so that answers can be had that a real dataplane gives rarely or
// never.

#include <pthread.h>

#include "dataplane/api/culvert_api.h"

// One answer. `items` has room for a whole datagram.
struct fake_answer {
    unsigned type; // API_REPLY if it is not set
    uint32_t n;
    void *items;
};

struct fake_dataplane {
    char dir[64]; // the run directory
    int listen_fd, fd;
    pthread_t thread;
    uint32_t n_requests[API_N_TYPES];
    // On the peer's thread. `item` is the request's first. False: the peer leaves.
    int (*answer)(void *arg, const struct api_header *request, const void *item,
                  struct fake_answer *answer);
    void *arg;
};

// Make a run directory and listen in it, for one connection. `answer` and `arg` are the test's.
void fake_dataplane_start(struct fake_dataplane *f);
// Once culvertd has closed the connection, or if it never came. The directory is the test's.
void fake_dataplane_stop(struct fake_dataplane *f);

// Make the answer a refusal.
void fake_refuse(struct fake_answer *answer, int error, const char *sentence);

#endif
