// SPDX-License-Identifier: BSD-3-Clause
// Which XDP program may a port use? The control process loads it and passes two descriptors; here
// they are checked, kept while the port lives, and given up with it. Because the link is held here
// as well, the program outlives either process and never both. Main thread; called by
// server/transaction.c. Next: af_xdp.c.

#include "dataplane/port/af_xdp_grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static int check_map(const struct api_xdp *message, int fd, uint32_t *id, struct error *e)
{
    struct bpf_map_info info = {0};
    uint32_t size = sizeof(info);

    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != BPF_MAP_TYPE_XSKMAP ||
        info.max_entries < message->n_queues)
        return error_set(e, -EINVAL, message->port, "the first descriptor is no map of %u sockets",
                         message->n_queues);
    *id = info.id;
    return 0;
}

static int read_link(int fd, uint32_t *id, int *ifindex)
{
    struct bpf_link_info info = {0};
    uint32_t size = sizeof(info);

    if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 || info.type != BPF_LINK_TYPE_XDP)
        return -EINVAL;
    *id = info.id;
    *ifindex = (int)info.xdp.ifindex;
    return 0;
}

static void close_grant(struct af_xdp_grant *grant)
{
    close(grant->map_fd);
    close(grant->link_fd);
    free(grant);
}

void af_xdp_forget(struct port *port)
{
    if (port->kept != NULL)
        close_grant(port->kept);
    port->kept = NULL;
}

static struct port *find_port(const struct api_xdp *message)
{
    struct port *port = port_find(message->tenant, message->port);

    if (port == NULL || port->config.type != API_PORT_AF_XDP ||
        strcmp(port->path, message->interface) != 0)
        return NULL;
    return port;
}

int af_xdp_take_grant(const struct api_xdp *message, const int fds[2], struct error *e)
{
    struct port *port = find_port(message);
    struct af_xdp_grant *old, *grant;
    struct af_xdp_grant fresh = {.map_fd = fds[0],
                                 .link_fd = fds[1],
                                 .is_native = message->is_native,
                                 .is_zero_copy = message->is_zero_copy};
    int ifindex, rc = check_map(message, fds[0], &fresh.map_id, e);

    if (rc < 0)
        return rc;
    if (read_link(fds[1], &fresh.link_id, &ifindex) < 0)
        return error_set(e, -EINVAL, message->port, "the second descriptor is no XDP link");
    if (port == NULL)
        return error_set(e, -ENOENT, message->port, "no af-xdp port of this name has interface %s",
                         message->interface);
    old = port->kept;
    if (old != NULL && old->link_id == fresh.link_id && old->map_id == fresh.map_id) {
        close(fds[0]); // it is told again after each commit
        close(fds[1]);
        return 0;
    }
    grant = malloc(sizeof(*grant));
    if (grant == NULL)
        return error_set(e, -ENOMEM, NULL, "out of memory");
    *grant = fresh;
    if (port->device != NULL)
        port_lose(port, "the XDP program was replaced");
    af_xdp_forget(port);
    port->kept = grant;
    port_retry(port);
    return 0;
}

const struct af_xdp_grant *af_xdp_grant_of(struct port *port, int ifindex)
{
    const struct af_xdp_grant *grant = port->kept;
    uint32_t id;
    int held;

    if (grant == NULL)
        return NULL;
    if (read_link(grant->link_fd, &id, &held) == 0 && held == ifindex)
        return grant;
    af_xdp_forget(port);
    return NULL;
}
