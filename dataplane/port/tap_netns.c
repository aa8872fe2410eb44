// SPDX-License-Identifier: BSD-3-Clause
// In which network namespace does a tap live? The main thread steps into it by setns, for the few
// system calls that open a tap or look for one, and back by a descriptor of its own namespace. Only
// that thread moves: workers and the thread behind taps stay. Called by tap_kernel.c.

#include "dataplane/port/tap_netns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/core/log.h"

#define OWN "/proc/thread-self/ns/net"
#define MAX_VISITED 4096

static const char *const directories[] = {"/run/netns", "/var/run/netns"};
#define N_DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

static int own_fd = -1; // the way back; opened with the first step and kept
static int is_away;

static int open_named(const char *name)
{
    char path[32 + API_NETNS_SIZE];
    int fd = -1;

    // A file of one of these directories and no other.
    if (strchr(name, '/') != NULL || name[0] == '.')
        return -EINVAL;
    for (unsigned i = 0; fd < 0 && i < N_DIRECTORIES; i++) {
        snprintf(path, sizeof(path), "%s/%s", directories[i], name);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    }
    return fd < 0 ? -errno : fd;
}

static int find_own(void)
{
    if (own_fd < 0)
        own_fd = open(OWN, O_RDONLY | O_CLOEXEC);
    return own_fd < 0 ? -errno : 0;
}

static int refuse(const char *name, int rc, struct error *e)
{
    if (rc == -ENOENT)
        return error_set(e, rc, NULL,
                         "there is no network namespace %s: make it with: "
                         "ip netns add %s",
                         name, name);
    return error_set(e, rc, NULL, "can't enter network namespace %s: %s%s", name, strerror(-rc),
                     rc == -EPERM ? "; it takes CAP_SYS_ADMIN" : "");
}

int netns_open(const char *name, int *fd, struct error *e)
{
    int rc;

    *fd = -1;
    if (name[0] == '\0')
        return 0;
    rc = open_named(name);
    if (rc < 0)
        return refuse(name, rc, e);
    *fd = rc;
    return 0;
}

int netns_enter_fd(int fd, const char *name, struct error *e)
{
    int rc;

    if (fd < 0)
        return 0;
    rc = find_own();
    if (rc == 0 && setns(fd, CLONE_NEWNET) < 0)
        rc = -errno;
    if (rc < 0)
        return refuse(name, rc, e);
    is_away = 1;
    return 0;
}

int netns_enter(const char *name, struct error *e)
{
    int fd, rc = netns_open(name, &fd, e);

    if (rc < 0)
        return rc;
    rc = netns_enter_fd(fd, name, e);
    if (fd >= 0)
        close(fd);
    return rc;
}

void netns_leave(void)
{
    if (!is_away)
        return;
    is_away = 0;
    // Who may leave may come back.
    if (setns(own_fd, CLONE_NEWNET) < 0)
        log_warn("can't return to the network namespace of the dataplane: %s", strerror(errno));
}

int netns_identify(int fd, struct netns_id *id)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    *id = (struct netns_id){st.st_dev, st.st_ino};
    return 0;
}

int netns_find(const char *name, struct netns_id *id)
{
    int fd, rc;

    if (name[0] == '\0') {
        rc = find_own();
        return rc < 0 ? rc : netns_identify(own_fd, id);
    }
    fd = open_named(name);
    if (fd < 0)
        return fd;
    rc = netns_identify(fd, id);
    close(fd);
    return rc;
}

// One of many names of the same namespace counts.
static int add_new(struct netns_id *visited, unsigned *n, const struct netns_id *id)
{
    for (unsigned i = 0; i < *n; i++)
        if (netns_is_same(&visited[i], id))
            return 0;
    if (*n == MAX_VISITED)
        return 0;
    visited[(*n)++] = *id;
    return 1;
}

void netns_for_each(void (*visit)(const struct netns_id *id))
{
    static struct netns_id visited[MAX_VISITED];
    const struct dirent *entry;
    struct netns_id id;
    unsigned n = 0;

    if (netns_find("", &id) < 0)
        return;
    add_new(visited, &n, &id);
    visit(&id);
    for (unsigned i = 0; i < N_DIRECTORIES; i++) {
        DIR *directory = opendir(directories[i]);

        while (directory != NULL && (entry = readdir(directory)) != NULL) {
            if (strlen(entry->d_name) >= API_NETNS_SIZE || netns_find(entry->d_name, &id) < 0 ||
                !add_new(visited, &n, &id) || netns_enter(entry->d_name, NULL) < 0)
                continue;
            visit(&id);
            netns_leave();
        }
        if (directory != NULL)
            closedir(directory);
    }
}
