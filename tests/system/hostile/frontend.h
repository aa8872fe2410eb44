// SPDX-License-Identifier: BSD-3-Clause
#ifndef TESTS_SYSTEM_HOSTILE_FRONTEND_H
#define TESTS_SYSTEM_HOSTILE_FRONTEND_H

// The socket end of a vhost-user front end: connect or be dialled, send messages (sound or not)
// with file descriptors, read replies. One thread.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frontend {
    const char *path;
    bool is_dialling; // connect() to a listening backend; otherwise we listen and it dials
    int listen_fd;    // -1 when dialling
    int fd;           // the connection, -1 when there is none
    bool has_reply_ack;
    uint64_t offered; // feature bits of the backend
};

// Nanoseconds of the monotonic clock.
uint64_t clock_ns(void);
void sleep_us(unsigned int us);

// Prepares the socket; path must outlive fe. 0 or -errno.
int frontend_init(struct frontend *fe, const char *path, bool is_dialling);
void frontend_fini(struct frontend *fe);

// Waits up to timeout_ms for the peer. 0, -ETIMEDOUT or -errno.
int frontend_open(struct frontend *fe, unsigned int timeout_ms);
void frontend_close(struct frontend *fe);

// Sends bytes as they are, with n_fds descriptors (still the caller's). Gives up after two seconds.
// 0, -EPIPE when the peer has closed, -ETIMEDOUT when it does not read, or -errno.
int frontend_send_raw(struct frontend *fe, const void *bytes, size_t len, const int *fds,
                      unsigned int n_fds);

// Sends one well-formed message and waits for no answer. Errors as above.
int frontend_send(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                  const int *fds, unsigned int n_fds);

// Sends one message and, when REPLY_ACK was negotiated, waits for its acknowledgement. 0,
// -EREMOTEIO when the peer refused but keeps the connection, -EPIPE, -ETIMEDOUT or -errno.
int frontend_request(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                     const int *fds, unsigned int n_fds);

// As frontend_request, with one optional descriptor (fd < 0: none).
int frontend_request_fd(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                        int fd);

// Sends a message that has a reply of its own and copies up to reply_size bytes of it to reply.
// Descriptors in the reply are closed. Errors as above, -EBADMSG when it answers another request.
int frontend_ask(struct frontend *fe, uint32_t request, const void *payload, size_t size,
                 void *reply, size_t reply_size);

// Reads and drops what the peer sent for up to wait_ms; true as soon as it has closed.
bool frontend_has_closed(struct frontend *fe, unsigned int wait_ms);

#endif
