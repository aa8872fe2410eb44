// SPDX-License-Identifier: BSD-3-Clause
// What if the notification descriptors are a trap? A call eventfd that is full blocks whoever
// writes to it, a pipe without a reader kills the writer with SIGPIPE, and kicks can come by the
// million. The VMM hands the descriptors over (tier T2), the guest kernel kicks (T1).
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/hostile/behaviours.h"

enum { FULL_EVENTFD, FULL_PIPE, BROKEN_PIPE, REGULAR_FILE, FULL_SOCKET, DEVICE_FILE };

static int full_eventfd(void)
{
    const uint64_t most = UINT64_MAX - 1;
    int fd = eventfd(0, EFD_CLOEXEC);

    if (fd >= 0 && write(fd, &most, sizeof(most)) < 0)
        return -1;
    return fd;
}

// Writes until it would block, then leaves it blocking.
static void fill(int fd)
{
    static const char zeros[4096];

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    while (write(fd, zeros, 1) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

// Sets *hold to a descriptor that must stay open for the trap to work, or to -1.
static int make_trap(uint64_t kind, int *hold)
{
    int fds[2];

    *hold = -1;
    switch (kind) {
    case FULL_EVENTFD:
        return full_eventfd();
    case REGULAR_FILE:
        return guest_memfd(4096, true);
    case DEVICE_FILE:
        return open("/dev/full", O_WRONLY | O_CLOEXEC);
    case FULL_SOCKET:
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
            return -1;
        break;
    default:
        if (pipe(fds) < 0)
            return -1;
        break;
    }
    if (kind == BROKEN_PIPE) {
        close(fds[0]);
        return fds[1];
    }
    fill(fds[1]);
    *hold = fds[0];
    return fds[1];
}

static void send_sound(struct play *p, unsigned int n)
{
    struct ring *r = &p->guest.ring[TX];
    unsigned int i;

    for (i = 0; i < n; i++)
        play_sound_frame(p, r->avail_idx & (r->size - 1U));
    ring_publish(r);
}

// Both rings ask to be called, and frames go in both directions.
static int call(struct play *p)
{
    uint64_t index;
    int hold;
    int fd = make_trap(p->b->arg, &hold);
    int err = 0;

    if (fd < 0)
        return play_fail(p, -EMFILE, "no descriptor to hand over");
    for (index = 0; err == 0 && index < GUEST_N_RINGS; index++) {
        err = play_refusable(
            p, frontend_request_fd(p->fe, VU_SET_VRING_CALL, &index, sizeof(index), fd));
        p->guest.ring[index].avail->flags = 0;
    }
    if (err == 0)
        send_sound(p, 64);
    sleep_us(100000);
    close(fd);
    if (hold >= 0)
        close(hold);
    return err;
}

static int kick_storm(struct play *p)
{
    unsigned int i;

    for (i = 0; i < 20000; i++)
        ring_kick(&p->guest.ring[i & 1]);
    return 0;
}

// The kick descriptor is not polled by a poll-mode backend; one that reads it must not block.
static int bad_kick(struct play *p)
{
    struct vu_vring_state off = {.index = TX, .num = 0};
    uint64_t index = TX;
    int fds[2];
    int err;

    if (pipe(fds) < 0)
        return play_fail(p, -errno, "no pipe");
    err = frontend_request_fd(p->fe, VU_SET_VRING_KICK, &index, sizeof(index), fds[0]);
    if (play_refusable(p, err) == 0)
        err = frontend_request(p->fe, VU_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
    off.num = 1;
    if (play_refusable(p, err) == 0)
        err = frontend_request(p->fe, VU_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
    send_sound(p, 16);
    close(fds[0]);
    close(fds[1]);
    return play_refusable(p, err);
}

static int no_fd(struct play *p)
{
    uint64_t index = TX | VU_VRING_NO_FD;
    uint32_t request = p->b->arg == 0 ? VU_SET_VRING_CALL : VU_SET_VRING_KICK;
    int err = frontend_request(p->fe, request, &index, sizeof(index), NULL, 0);

    p->guest.ring[TX].avail->flags = 0;
    send_sound(p, 16);
    return play_refusable(p, err);
}

#define NOTIFY(deed_, arg_) .run = play_rings, .deed = (deed_), .ring = TX, .arg = (arg_)

const struct behaviour behaviours_notify[] = {
    {"call-full", "a blocking call eventfd whose counter is full", NOTIFY(call, FULL_EVENTFD)},
    {"call-pipe-full", "a full pipe as call descriptor", NOTIFY(call, FULL_PIPE)},
    {"call-pipe-broken", "a pipe without reader as call descriptor", NOTIFY(call, BROKEN_PIPE)},
    {"call-socket-full", "a full socket as call descriptor", NOTIFY(call, FULL_SOCKET)},
    {"call-file", "a memfd as call descriptor", NOTIFY(call, REGULAR_FILE)},
    {"call-dev-full", "/dev/full as call descriptor", NOTIFY(call, DEVICE_FILE)},
    {"call-none", "a running ring loses its call descriptor", NOTIFY(no_fd, 0)},
    {"kick-none", "a running ring loses its kick descriptor", NOTIFY(no_fd, 1)},
    {"kick-pipe", "an empty pipe as kick descriptor", NOTIFY(bad_kick, 0)},
    {"kick-storm", "20000 kicks without a buffer, again and again", .run = play_live,
     .deed = kick_storm},
    {.name = NULL},
};
