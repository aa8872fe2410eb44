// SPDX-License-Identifier: BSD-3-Clause
// What does the main thread do all day? Answer the control socket, look after ports, age tables:
// one epoll loop, from main.c until a signal. Workers never wait for it, and it never waits for a
// client. Next: transaction.c.

#include "dataplane/server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/core/clock.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/log.h"
#include "dataplane/flow/flow.h"
#include "dataplane/server/transaction.h"
#include "dataplane/session/keep.h"
#include "dataplane/session/session.h"
#include "dataplane/switch/switch.h"

#define MAX_CLIENTS 16
#define TEND_NS 10000000 // of memory ahead of need
#define TENDS_PER_TICK 10
#define TICKS_PER_SEC 10           // of ports, ageing and counters
#define ORPHAN_SEC 10              // after the first configuration
#define LOCK_NAME "dataplane.lock" // in the run directory
#define LOCK_WAIT_US 10000
#define LOCK_TRIES 300 // three seconds

struct client {
    int fd; // -1: free
    struct transaction transaction;
};

static struct client clients[MAX_CLIENTS];
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)]; // empty: not ours (yet)
static int listen_fd = -1, epoll_fd = -1, timer_fd = -1, signal_fd = -1, lock_fd = -1;

static int watch_fd(int fd, uint32_t id)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = id};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

enum { ID_LISTEN = MAX_CLIENTS, ID_TIMER, ID_SIGNAL };

// One dataplane a directory. A killed one may take a moment to die and to let go.
static int take_lock(const char *run_dir)
{
    char path[4096];
    int rc = -EWOULDBLOCK;

    snprintf(path, sizeof(path), "%s/%s", run_dir, LOCK_NAME);
    lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock_fd < 0)
        return -errno;
    for (unsigned n = 0; rc == -EWOULDBLOCK && n < LOCK_TRIES; n++) {
        if (n > 0)
            usleep(LOCK_WAIT_US);
        rc = flock(lock_fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    }
    return rc;
}

// A socket file is what a killed dataplane left behind: we have the lock.
static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;

    if (lstat(address->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int open_socket(const char *run_dir, struct error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask;
    int rc =
        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir, API_SOCKET_NAME);

    if (rc >= (int)sizeof(address.sun_path))
        return error_set(e, -ENAMETOOLONG, NULL, "%s is too long for a socket's name", run_dir);
    rc = take_lock(run_dir);
    if (rc == -EWOULDBLOCK)
        return error_set(e, rc, NULL, "a dataplane serves %s already", run_dir);
    if (rc < 0)
        return error_set(e, rc, NULL, "can't lock %s/%s: %s", run_dir, LOCK_NAME, strerror(-rc));
    rc = remove_stale(&address);
    if (rc < 0)
        return error_set(e, rc, NULL, "%s is in the way: %s", address.sun_path, strerror(-rc));
    listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    rc = listen_fd < 0 || bind(listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
                 listen(listen_fd, MAX_CLIENTS) < 0
             ? -errno
             : 0;
    umask(mask);
    if (rc < 0)
        return error_set(e, rc, NULL, "can't listen on %s: %s", address.sun_path, strerror(-rc));
    memcpy(socket_path, address.sun_path, sizeof(socket_path));
    return 0;
}

static int open_timer(void)
{
    struct itimerspec every = {{0, TEND_NS}, {0, TEND_NS}};

    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &every, NULL) < 0)
        return -errno;
    return 0;
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return signal_fd < 0 ? -errno : 0;
}

int server_init(const char *run_dir, struct error *e)
{
    int rc;

    for (unsigned i = 0; i < MAX_CLIENTS; i++)
        clients[i].fd = -1;
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    rc = epoll_fd < 0 ? -errno : open_timer();
    if (rc == 0)
        rc = open_signals();
    if (rc < 0) {
        server_fini();
        return error_set(e, rc, NULL, "no event loop: %s", strerror(-rc));
    }
    rc = open_socket(run_dir, e);
    if (rc == 0)
        rc = watch_fd(listen_fd, ID_LISTEN);
    if (rc == 0)
        rc = watch_fd(timer_fd, ID_TIMER);
    if (rc == 0)
        rc = watch_fd(signal_fd, ID_SIGNAL);
    if (rc < 0)
        server_fini();
    return rc;
}

static void close_fds(struct transaction *t)
{
    for (unsigned i = 0; i < TRANSACTION_N_FDS; i++) {
        if (t->fds[i] >= 0)
            close(t->fds[i]);
        t->fds[i] = -1;
    }
}

static void close_client(struct client *client)
{
    close(client->fd);
    client->fd = -1;
    close_fds(&client->transaction);
    transaction_fini(&client->transaction);
}

void server_fini(void)
{
    int *const fds[] = {&listen_fd, &epoll_fd, &timer_fd, &signal_fd, &lock_fd};

    for (unsigned i = 0; i < MAX_CLIENTS; i++)
        if (clients[i].fd >= 0)
            close_client(&clients[i]);
    if (socket_path[0] != '\0')
        unlink(socket_path);
    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

static int is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void accept_client(void)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    if (is_trusted(fd)) {
        for (uint32_t i = 0; i < MAX_CLIENTS; i++) {
            if (clients[i].fd >= 0)
                continue;
            clients[i].fd = fd;
            transaction_init(&clients[i].transaction);
            if (watch_fd(fd, i) < 0)
                close_client(&clients[i]);
            return;
        }
        log_warn("a client of the control socket is refused: %d are connected", MAX_CLIENTS);
    }
    close(fd);
}

// One datagram and the descriptors that came along; of more than two the kernel drops the rest.
static ssize_t receive(struct client *client, void *datagram, size_t size)
{
    union {
        struct cmsghdr header; // aligned
        char bytes[CMSG_SPACE(TRANSACTION_N_FDS * sizeof(int))];
    } control;
    struct iovec iov = {datagram, size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(client->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *part = n < 0 ? NULL : CMSG_FIRSTHDR(&message);

    if (part != NULL && part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS)
        memcpy(client->transaction.fds, CMSG_DATA(part),
               RTE_MIN(part->cmsg_len - CMSG_LEN(0), sizeof(client->transaction.fds)));
    return n;
}

static void serve_client(struct client *client)
{
    // Too big for a stack that is watched; the main thread is alone here.
    static uint8_t datagram[API_DATAGRAM_SIZE + 1], answer[API_DATAGRAM_SIZE];
    ssize_t size = receive(client, datagram, sizeof(datagram));
    const struct generation *before = generation_published;
    size_t len;

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        close_client(client);
        return;
    }
    len = transaction_handle(&client->transaction, datagram, (size_t)size, answer);
    close_fds(&client->transaction);
    // Who does not read the answers loses the connection, not our time.
    if (send(client->fd, answer, len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)len)
        close_client(client);
    // After the answer: to open many devices takes its time.
    if (generation_published != before)
        port_watch(1);
}

// Tell the readers of the counter segment how many MACs lie behind each port.
static void show_macs(const struct generation *running)
{
    static uint32_t n_macs[API_MAX_PORTS];

    memset(n_macs, 0, sizeof(n_macs));
    switch_count_macs(running, n_macs);
    for (uint32_t i = 0; i < running->n_ports; i++) {
        uint32_t slot = running->port_list[i]->slot;
        struct api_stats_port *row = counters_port_write(slot);

        row->n_macs = n_macs[slot];
        counters_port_done(row);
    }
}

// What functions have learned, for the process after this one.
static void keep_learned(const struct generation *running)
{
    keep_begin();
    for (uint32_t i = 0; i < running->n_functions; i++)
        if (running->functions[i].ops->keep != NULL)
            running->functions[i].ops->keep(&running->functions[i]);
    (void)keep_end();
}

// Chains of the first configuration have taken over their sessions; the rest is nobody's.
static void forget_orphans(void)
{
    static unsigned n_ticks;

    if (n_ticks < ORPHAN_SEC * TICKS_PER_SEC && ++n_ticks == ORPHAN_SEC * TICKS_PER_SEC)
        (void)session_forget_orphans();
}

// Memory ahead of workers: what they may use up sooner than in a tenth of a second.
static void tend(void)
{
    const struct generation *running = generation_published;

    clock_update();
    session_tend();
    flow_tend();
    if (running == NULL || !__atomic_exchange_n(&function_is_short, 0, __ATOMIC_ACQ_REL))
        return;
    for (uint32_t i = 0; i < running->n_functions; i++)
        if (running->functions[i].ops->tend != NULL)
            running->functions[i].ops->tend(&running->functions[i]);
}

static void tick(void)
{
    static unsigned n_calls;
    const struct generation *running = generation_published;

    port_watch(0);
    flow_tick();
    for (uint32_t i = 0; running != NULL && i < running->n_functions; i++)
        running->functions[i].ops->age(&running->functions[i], running);
    if (running != NULL)
        forget_orphans();
    if (running != NULL && n_calls++ % TICKS_PER_SEC == 0)
        show_macs(running);
    if (running != NULL && keep_is_due())
        keep_learned(running);
}

static void serve_timer(void)
{
    static uint64_t n_due = TENDS_PER_TICK - 1;
    uint64_t n;

    if (read(timer_fd, &n, sizeof(n)) < 0)
        return;
    tend();
    n_due += n;
    if (n_due < TENDS_PER_TICK)
        return;
    n_due = 0;
    tick();
}

void server_run(void)
{
    struct epoll_event events[8];

    for (;;) {
        int n = epoll_wait(epoll_fd, events, 8, -1);

        for (int i = 0; i < n; i++) {
            uint32_t id = events[i].data.u32;

            if (id == ID_SIGNAL)
                return;
            if (id == ID_TIMER)
                serve_timer();
            else if (id == ID_LISTEN)
                accept_client();
            else if (clients[id].fd >= 0)
                serve_client(&clients[id]);
        }
    }
}
