// SPDX-License-Identifier: BSD-3-Clause
// What if the VMM itself speaks vhost-user wrongly (tier T2)? Unknown requests, sizes that lie,
// messages that stop half way, replies that are never read, descriptors of the wrong kind,
// connections by the hundred. Memory tables are in behaviours_memory.c, changes under traffic in
// behaviours_live.c.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/system/hostile/behaviours.h"

// Every request 0..255 and 2^32-1 with no payload, in an order that the seed decides, with and
// without asking for a reply.
static int empty_request(struct play *p)
{
    uint64_t start = p->n_done == 0 ? (p->random = play_random(p)) : p->random;
    uint32_t request = (uint32_t)((start + p->n_done * 89) % 257);

    if (request == 256)
        request = UINT32_MAX;
    return play_refusable(p, frontend_request(p->fe, request, NULL, 0, NULL, 0));
}

// One request with random payload and size. Not GET_INFLIGHT_FD: a random size there is 64 GiB of
// memory, see inflight in behaviours_live.c.
static int random_request(struct play *p)
{
    uint64_t payload[40];
    size_t size = play_below(p, sizeof(payload) + 1);
    uint32_t request = (uint32_t)play_below(p, 42);
    unsigned int i;

    if (request == VU_GET_INFLIGHT_FD)
        request = VU_GET_FEATURES;
    for (i = 0; i < 40; i++)
        payload[i] = play_below(p, 4) == 0 ? play_random(p) : play_below(p, 3);
    return play_refusable(p, frontend_request(p->fe, request, payload, size, NULL, 0));
}

// A header whose size field is one of these, followed by as much as we care to send.
static int lying_size(struct play *p)
{
    static const uint32_t sizes[] = {0,       1,          7,          8,         9,    263,
                                     264,     265,        268,        269,       4096, 4097,
                                     1 << 20, 0x7fffffff, 0x80000000, UINT32_MAX};
    uint8_t bytes[sizeof(struct vu_header) + VU_MAX_PAYLOAD] = {0};
    struct vu_header h = {.request = 1 + (uint32_t)play_below(p, 40), .flags = VU_VERSION};
    size_t len;

    h.size = sizes[p->n_done % (sizeof(sizes) / sizeof(sizes[0]))];
    len = h.size < VU_MAX_PAYLOAD ? h.size : VU_MAX_PAYLOAD;
    memcpy(bytes, &h, sizeof(h));
    return frontend_send_raw(p->fe, bytes, sizeof(h) + len, NULL, 0);
}

// A sound message, one byte at a time.
static int split_message(struct play *p)
{
    struct {
        struct vu_header h;
        uint64_t features;
    } __attribute__((packed)) msg = {{VU_SET_FEATURES, VU_VERSION, 8}, p->guest.features};
    size_t i;
    int err = 0;

    for (i = 0; err == 0 && i < sizeof(msg); i++) {
        err = frontend_send_raw(p->fe, (const uint8_t *)&msg + i, 1, NULL, 0);
        sleep_us(1000);
    }
    return err;
}

static int wrong_flags(struct play *p)
{
    struct vu_header h = {.request = VU_GET_FEATURES, .flags = (uint32_t)play_random(p)};

    return frontend_send_raw(p->fe, &h, sizeof(h), NULL, 0);
}

// Says that something follows and sends nothing: bytes of a header, or a header without its
// payload.
static int stall(struct play *p)
{
    struct vu_header h = {.request = VU_SET_FEATURES, .flags = VU_VERSION, .size = 8};
    int err = frontend_send_raw(p->fe, &h, p->b->arg, NULL, 0);

    while (err == 0 && !play_is_over(p))
        err = frontend_has_closed(p->fe, 50) ? -EPIPE : 0;
    return err;
}

// Asks and never reads: once the socket is full, whoever answers with a blocking send hangs. Our
// own send times out after two seconds, which is the deed done.
static int deaf(struct play *p)
{
    struct vu_header h[64];
    unsigned int i;
    int err = 0;

    for (i = 0; i < 64; i++)
        h[i] = (struct vu_header){.request = VU_GET_FEATURES, .flags = VU_VERSION};
    while (err == 0 && !play_is_over(p))
        err = frontend_send_raw(p->fe, h, sizeof(h), NULL, 0);
    while (err != -EPIPE && !play_is_over(p))
        sleep_us(50000);
    return err == -ETIMEDOUT ? 0 : err;
}

enum { DIRECTORY, SOCKET, EPOLL, PIPE, N_KINDS };

static int wrong_kind(uint64_t kind)
{
    int fds[2];

    switch (kind) {
    case DIRECTORY:
        return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    case SOCKET:
        return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case EPOLL:
        return epoll_create1(EPOLL_CLOEXEC);
    default:
        if (pipe(fds) < 0)
            return -1;
        close(fds[0]);
        return fds[1];
    }
}

static const uint32_t fd_requests[] = {VU_SET_MEM_TABLE,   VU_SET_LOG_BASE,   VU_SET_LOG_FD,
                                       VU_SET_VRING_KICK,  VU_SET_VRING_CALL, VU_SET_VRING_ERR,
                                       VU_SET_INFLIGHT_FD, VU_GET_FEATURES,   VU_SET_FEATURES};

// n descriptors of one kind with a message that wants another number or kind. The payload would be
// sound.
static int send_fds(struct play *p, unsigned int n, uint64_t kind)
{
    uint32_t request = fd_requests[p->n_done % (sizeof(fd_requests) / sizeof(fd_requests[0]))];
    uint64_t payload[2] = {0};
    struct vu_memory mem;
    int fds[253];
    int fd = wrong_kind(kind);
    unsigned int i;
    int err;

    if (fd < 0)
        return play_fail(p, -EMFILE, "no descriptor to hand over");
    guest_memory_table(&p->guest, &mem, fds);
    for (i = 0; i < n; i++)
        fds[i] = fd;
    if (request == VU_SET_MEM_TABLE)
        err = frontend_request(p->fe, request, &mem, GUEST_TABLE_SIZE(2), fds, n);
    else
        err = frontend_request(p->fe, request, payload, sizeof(payload), fds, n);
    close(fd);
    return play_refusable(p, err);
}

static int fds_wrong(struct play *p)
{
    return send_fds(p, p->n_done % 2 == 0 ? 1 : GUEST_N_REGIONS, play_below(p, N_KINDS));
}

static int fds_many(struct play *p)
{
    static const unsigned int counts[] = {3, 8, 9, 64, 253};

    return send_fds(p, counts[play_below(p, 5)], play_below(p, N_KINDS));
}

static int fds_missing(struct play *p)
{
    return send_fds(p, 0, DIRECTORY);
}

// Bits that were never offered.
static int all_features(struct play *p)
{
    uint64_t features = p->n_done % 2 == 0 ? UINT64_MAX : play_random(p);
    uint32_t request = p->n_done % 3 == 0 ? VU_SET_PROTOCOL_FEATURES : VU_SET_FEATURES;

    return play_refusable(p,
                          frontend_request(p->fe, request, &features, sizeof(features), NULL, 0));
}

// Connects and hangs up: at once, after a question, or after its answer, as fast as the peer comes
// back.
static int reconnect_fast(struct play *p)
{
    uint64_t features;
    int err = frontend_open(p->fe, 3000);

    if (err == 0 && p->n_done % 3 == 1)
        err = frontend_send(p->fe, VU_GET_FEATURES, NULL, 0, NULL, 0);
    if (err == 0 && p->n_done % 3 == 2)
        err = frontend_ask(p->fe, VU_GET_FEATURES, NULL, 0, &features, sizeof(features));
    return err;
}

#define MESSAGES(deed_, arg_) .run = play_messages, .deed = (deed_), .arg = (arg_)

const struct behaviour behaviours_socket[] = {
    {"request-empty", "requests 0..255 and 2^32-1 without payload", MESSAGES(empty_request, 0)},
    {"request-random", "random requests, payloads and sizes", MESSAGES(random_request, 0)},
    {"size-lies", "header sizes from 0 to 2^32-1", MESSAGES(lying_size, 0)},
    {"message-split", "a sound message byte by byte", MESSAGES(split_message, 0)},
    {"flags-wrong", "wrong version and flags", MESSAGES(wrong_flags, 0)},
    {"stall-header", "five bytes of a header, then silence", MESSAGES(stall, 5)},
    {"stall-payload", "a header, then silence", MESSAGES(stall, sizeof(struct vu_header))},
    {"stall-reply", "asks without end and reads no reply", MESSAGES(deaf, 0)},
    {"fds-wrong", "directory, socket, epoll or pipe as descriptor", MESSAGES(fds_wrong, 0)},
    {"fds-many", "3 to 253 descriptors in one message", MESSAGES(fds_many, 0)},
    {"fds-missing", "no descriptor where one is needed", MESSAGES(fds_missing, 0)},
    {"features-all", "feature bits that were never offered", MESSAGES(all_features, 0)},
    {"reconnect-fast", "connections dropped as fast as they come", MESSAGES(reconnect_fast, 0)},
    {.name = NULL},
};
