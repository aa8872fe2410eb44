// SPDX-License-Identifier: BSD-3-Clause
#ifndef CONTROL_SOUTHBOUND_LINK_H
#define CONTROL_SOUTHBOUND_LINK_H

// The connection to the dataplane's control socket: found again whenever it is lost, greeted, and
// then lent to one dialogue after the other. Event loop only.

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "dataplane/api/culvert_api.h"

#define LINK_WINDOW 8           // datagrams sent and not yet answered
#define LINK_RETRY_MS 25        // while there is no socket
#define LINK_RETRY_SLOW_MS 1000 // while it speaks another version, or nonsense, or hangs
#define LINK_ANSWER_MS 5000     // without an answer for so long the connection is given up

#define LINK_N_FDS 2 // that go with an API_XDP

struct link;

// In memory the descriptors stand behind a datagram of type API_XDP, here and nowhere else; they go
// along when it is sent.
struct link_xdp_message {
    struct api_header header;
    struct api_xdp item;
    int fds[LINK_N_FDS];
};

enum link_state {
    LINK_ABSENT,   // nobody listens
    LINK_GREETING, // connected, hello not yet answered
    LINK_UP,
    LINK_FOREIGN, // the dataplane is of another version
};

// A run of requests with their answers. The owner keeps it alive until its `answer` returned true
// or its `lost` was called; either may free it.
struct dialogue {
    // The next datagram to send; NULL: none to send. Valid until the next call.
    const struct api_header *(*next)(struct dialogue *d);
    // One answer, well formed and in the order of the requests. True: the dialogue is over.
    bool (*answer)(struct dialogue *d, const struct api_header *h);
    // The connection was lost before it was over. The sentence says why.
    void (*lost)(struct dialogue *d, const char *sentence);
    struct dialogue *waiting; // link's
};

struct link_events {
    void (*up)(void *arg, const struct api_hello *hello);
    void (*down)(void *arg);
    void *arg;
};

// Nothing happens before link_start. `path` is copied. -ENOMEM, -ENAMETOOLONG, or what libuv says.
int link_create(uv_loop_t *loop, const char *path, const struct link_events *events,
                struct link **link);
// Closes the socket; the dataplane goes on as it is. Dialogues are lost. Run the loop once more for
// libuv's handles.
void link_destroy(struct link *link);

void link_start(struct link *link);

// Queue a dialogue. -ENOTCONN if the link is not up (or greeting).
int link_talk(struct link *link, struct dialogue *d);

enum link_state link_state(const struct link *link);
// Why the link is in its state, for the user. Never NULL.
const char *link_sentence(const struct link *link);

#endif
