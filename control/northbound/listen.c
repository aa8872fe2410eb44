// SPDX-License-Identifier: BSD-3-Clause
// Where do clients find us? Called by server.c when culvertd starts and stops. Takes the place of a
// socket that a killed culvertd left behind, never of one that is in use or of another kind of
// file.

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/failure.h"
#include "control/northbound/listen.h"
#include "control/northbound/server.h"

static int remove_stale(const struct sockaddr_un *address)
{
    struct stat st;
    int fd, rc;

    if (lstat(address->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    rc = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    // Full of waiting clients is in use as well.
    rc = rc == 0 || errno == EAGAIN ? -EADDRINUSE : 0;
    close(fd);
    if (rc == 0 && unlink(address->sun_path) < 0)
        rc = -errno;
    return rc;
}

static int bind_and_listen(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask;
    int rc;

    if (fd < 0)
        return -errno;
    mask = umask(0117); // 0660
    rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
    umask(mask);
    if (rc == 0 && listen(fd, NORTHBOUND_MAX_CLIENTS) < 0)
        rc = -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    return fd;
}

int listen_open(const char *run_dir, char **path, struct config_error *e)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", run_dir,
                       NORTHBOUND_SOCKET_NAME);
    int fd, rc;

    if (len < 0 || (size_t)len >= sizeof(address.sun_path))
        return failure(e, -ENAMETOOLONG, NULL, "the run directory's name is too long for a socket");
    rc = remove_stale(&address);
    if (rc == -EADDRINUSE)
        return failure(e, rc, NULL, "another culvertd listens on %s", address.sun_path);
    fd = rc < 0 ? rc : bind_and_listen(&address);
    if (fd < 0)
        return failure(e, fd, NULL, "can't listen on %s: %s", address.sun_path, strerror(-fd));
    *path = strdup(address.sun_path);
    if (*path == NULL) {
        close(fd);
        return failure(e, -ENOMEM, NULL, "out of memory");
    }
    return fd;
}

void listen_close(int fd, char *path)
{
    if (path != NULL)
        unlink(path);
    free(path);
    if (fd >= 0)
        close(fd);
}
