// SPDX-License-Identifier: BSD-3-Clause
// Whose is a tap's kernel interface, and how long does it live? Made persistent, so that a
// restarted dataplane attaches to it again and its addresses, routes and place stay; marked by its
// alias, so that what no configuration has any more is found and deleted, and nothing of anybody
// else's is. Main thread; called by tap.c. Next: tap_link.c asks the kernel, tap_netns.c goes to
// its namespace.

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "dataplane/core/log.h"
#include "dataplane/port/tap.h"
#include "dataplane/port/tap_link.h"
#include "dataplane/port/tap_netns.h"

#define MARK "culvert " // before the run directory
#define MAX_LISTS 3     // tries to list interfaces that come and go meanwhile

// What stands in the alias of an interface that this dataplane, or one before it with the same run
// directory, made.
static const char *mark(void)
{
    static char text[IFALIASZ];
    char path[PATH_MAX];
    const char *directory = port_run_dir();
    size_t len, room = sizeof(text) - sizeof(MARK);

    if (text[0] != '\0')
        return text;
    if (realpath(directory, path) != NULL)
        directory = path;
    len = strlen(directory);
    snprintf(text, sizeof(text), MARK "%s", len > room ? directory + len - room : directory);
    return text;
}

static int check_name(const char *name, struct error *e)
{
    if (strlen(name) >= IFNAMSIZ)
        return error_set(e, -ENAMETOOLONG, NULL,
                         "%s: an interface's name has at most %d characters", name, IFNAMSIZ - 1);
    if (name[0] == '\0' || strpbrk(name, "%/: ") != NULL) // the kernel would replace %d
        return error_set(e, -EINVAL, NULL, "'%s' can't be the name of an interface", name);
    return 0;
}

static struct ifreq name_request(const char *name, int is_multi_queue)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};

    memcpy(request.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
    if (is_multi_queue)
        request.ifr_flags |= IFF_MULTI_QUEUE;
    return request;
}

static int open_tun(void)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

// Delete an interface of ours that nobody holds: what isn't persistent goes with its last holder.
// -EBUSY if somebody has it.
static int delete_left_over(const char *name, int is_multi_queue)
{
    struct ifreq request = name_request(name, is_multi_queue);
    int fd = open_tun();
    int rc;

    if (fd < 0)
        return fd;
    rc = ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETPERSIST, 0) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int refuse(const struct port *port, int rc, struct error *e)
{
    return error_set(e, rc, NULL, "can't have %s as a tap interface: %s%s", port->path,
                     strerror(-rc),
                     rc == -EBUSY   ? "; another program has it"
                     : rc == -EPERM ? "; it takes CAP_NET_ADMIN"
                                    : "");
}

// An interface of that name is there: may we have it? Sets tap->is_ours. 1: attach to it; 0: it was
// in the way and is gone.
static int claim(struct tap *tap, const struct tap_link *link, struct error *e)
{
    const struct port *port = tap->port;
    int is_multi_queue = tap->n_queues > 1;
    int rc;

    if (!link->is_tap)
        return error_set(e, -EEXIST, NULL,
                         "interface %s exists and is no tap%s%s: take another name, or delete it "
                         "with: ip link del %s",
                         link->name, link->kind[0] != '\0' ? " but of kind " : "", link->kind,
                         link->name);
    tap->is_ours = strcmp(link->alias, mark()) == 0;
    if (link->n_queues > 0)
        return refuse(port, -EBUSY, e);
    if (link->is_multi_queue == is_multi_queue)
        return 1;
    if (!tap->is_ours)
        return error_set(e, -EINVAL, NULL,
                         "interface %s was made for %s, the port has %u: make it with: ip tuntap "
                         "add %s mode tap%s",
                         link->name, link->is_multi_queue ? "many queues" : "one queue",
                         tap->n_queues, link->name, is_multi_queue ? " multi_queue" : "");
    rc = delete_left_over(link->name, link->is_multi_queue);
    return rc < 0 ? refuse(port, rc, e) : 0;
}

static int open_queue(const struct tap *tap, int is_exclusive, struct error *e)
{
    const struct port *port = tap->port;
    struct ifreq request = name_request(port->path, tap->n_queues > 1);
    int header_size = sizeof(struct virtio_net_hdr),
        send_size = INT_MAX; // the kernel's own, unless
    unsigned offload = 0;    // another program set them
    int fd = open_tun();

    if (fd < 0)
        return error_set(e, fd, NULL, "can't open /dev/net/tun: %s", strerror(-fd));
    if (is_exclusive)
        request.ifr_flags |= (short)IFF_TUN_EXCL;
    if (port->config.flags & API_PORT_CSUM)
        offload |= TUN_F_CSUM;
    if (port->config.flags & API_PORT_TSO)
        offload |= TUN_F_TSO4 | TUN_F_TSO6;
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header_size) < 0 ||
        ioctl(fd, TUNSETSNDBUF, &send_size) < 0 || ioctl(fd, TUNSETOFFLOAD, offload) < 0) {
        int rc = -errno;

        close(fd);
        return refuse(port, rc, e);
    }
    return fd;
}

static void set_carrier(const struct tap *tap, int is_up)
{
    if (ioctl(tap->queue[0].fd, TUNSETCARRIER, &is_up) < 0)
        log_warn("interface %s does not show its carrier: %s", tap->port->path, strerror(errno));
}

static int open_queues(struct tap *tap, int is_new, struct error *e)
{
    for (unsigned i = 0; i < tap->n_queues; i++) {
        tap->queue[i].fd = open_queue(tap, is_new && i == 0, e);
        if (tap->queue[i].fd < 0)
            return tap->queue[i].fd;
    }
    return 0;
}

// MTU and MAC as configured, on the living interface, and only what differs: who has made it for a
// dataplane without privileges has done so already.
static int set_up(const struct port *port, int netlink, const struct tap_link *link,
                  struct error *e)
{
    static const uint8_t zero[sizeof(port->config.mac)];
    const uint8_t *mac = port->config.mac;
    uint32_t mtu = port->mtu;
    int rc;

    if (memcmp(mac, zero, sizeof(zero)) != 0 && memcmp(mac, link->mac, sizeof(zero)) != 0) {
        rc = tap_link_set(netlink, link->index, IFLA_ADDRESS, mac, sizeof(zero));
        if (rc < 0)
            return error_set(e, rc, NULL, "can't give interface %s its MAC address: %s", port->path,
                             strerror(-rc));
    }
    if (link->mtu != mtu) {
        rc = tap_link_set(netlink, link->index, IFLA_MTU, &mtu, sizeof(mtu));
        if (rc < 0)
            return error_set(e, rc, NULL, "can't give interface %s an MTU of %u: %s", port->path,
                             mtu, strerror(-rc));
    }
    return 0;
}

// The mark before the long life: at any moment that a kill may choose, the interface vanishes with
// us or is known as ours.
static int keep(const struct tap *tap, int netlink, const struct tap_link *link, struct error *e)
{
    int rc = tap_link_set(netlink, link->index, IFLA_IFALIAS, mark(), strlen(mark()));

    if (rc == 0)
        rc = tap_link_set_up(netlink, link->index);
    if (rc == 0 && ioctl(tap->queue[0].fd, TUNSETPERSIST, 1) < 0)
        rc = -errno;
    return rc < 0 ? error_set(e, rc, NULL, "can't set up interface %s: %s", tap->port->path,
                              strerror(-rc))
                  : 0;
}

static int look_up(const struct tap *tap, int netlink, struct tap_link *link, struct error *e)
{
    const char *name = tap->port->path;
    int rc = tap_link_get(netlink, name, link);

    if (rc < 0 && rc != -ENODEV)
        error_set(e, rc, NULL, "can't ask for interface %s: %s", name, strerror(-rc));
    return rc;
}

// In the interface's namespace.
static int attach(struct tap *tap, int netlink, struct error *e)
{
    struct tap_link link;
    int is_new = 1;
    int rc = look_up(tap, netlink, &link, e);

    if (rc == 0) {
        rc = claim(tap, &link, e);
        is_new = rc == 0;
    }
    if (rc < 0 && rc != -ENODEV)
        return rc;
    if (is_new)
        tap->is_ours = 1;
    rc = open_queues(tap, is_new, e);
    if (rc == 0)
        rc = look_up(tap, netlink, &link, e);
    if (rc == 0)
        rc = set_up(tap->port, netlink, &link, e);
    if (rc == 0 && is_new)
        rc = keep(tap, netlink, &link, e);
    return rc;
}

int tap_attach(struct tap *tap, struct error *e)
{
    const char *netns = tap->port->config.netns;
    int rc = check_name(tap->port->path, e);
    int netlink;

    if (rc == 0)
        rc = netns_open(netns, &tap->netns_fd, e);
    if (rc == 0)
        rc = netns_enter_fd(tap->netns_fd, netns, e);
    if (rc < 0)
        return rc;
    netlink = tap_link_socket();
    if (netlink < 0) {
        rc = error_set(e, netlink, NULL, "can't ask for interfaces: %s", strerror(-netlink));
    } else {
        rc = attach(tap, netlink, e);
        close(netlink);
    }
    netns_leave();
    if (rc == 0 && tap->port->is_carrier_off) // attaching turned it on
        set_carrier(tap, 0);
    return rc;
}

void tap_set_carrier(struct port *port)
{
    set_carrier(port->device, !port->is_carrier_off);
}

enum tap_link_state tap_link_state(const struct tap *tap)
{
    struct pollfd poll_fd = {.fd = tap->queue[0].fd, .events = POLLOUT};

    // A tap that is up is always writable, for it has no send buffer's limit (see open_queue).
    if (poll(&poll_fd, 1, 0) < 0)
        return TAP_LINK_UP;
    if (poll_fd.revents & POLLERR)
        return TAP_LINK_GONE;
    return poll_fd.revents & POLLOUT ? TAP_LINK_UP : TAP_LINK_DOWN;
}

// The name and the MAC that an open tap has now. -errno if it is gone.
static int know(int fd, struct ifreq *name, struct ifreq *mac)
{
    return ioctl(fd, TUNGETIFF, name) < 0 || ioctl(fd, SIOCGIFHWADDR, mac) < 0 ? -errno : 0;
}

// Is the interface of an open tap in the namespace where we are? The kernel does not tell where it
// was moved to, so it is looked for: by its name, and known by its MAC.
static int is_here(int fd)
{
    struct ifreq name = {0}, mac = {0};
    int netlink = tap_link_socket();
    struct tap_link link;
    int found = netlink >= 0 && know(fd, &name, &mac) == 0 &&
                tap_link_get(netlink, name.ifr_name, &link) == 0 && link.is_tap &&
                memcmp(link.mac, mac.ifr_hwaddr.sa_data, sizeof(link.mac)) == 0;

    if (netlink >= 0)
        close(netlink);
    return found;
}

// Has a port of the registry the interface of an open tap, which lost its own port?
static int has_taken_over(const struct port *port, const void *arg)
{
    const int *fd = arg;
    struct ifreq name = {0}, mac = {0};
    int found;

    if (port->ops != &port_tap_ops || know(*fd, &name, &mac) < 0 ||
        strcmp(port->path, name.ifr_name) != 0 || netns_enter(port->config.netns, NULL) < 0)
        return 0;
    found = is_here(*fd);
    netns_leave();
    return found;
}

void tap_forget(struct port *port)
{
    const struct tap *tap = port->device;
    int fd = tap->queue[0].fd;

    // By the descriptor, for somebody may have renamed or moved it: where no configuration can name
    // it any more, it would stay for ever.
    if (tap->is_ours && !port_any(has_taken_over, &fd))
        ioctl(fd, TUNSETPERSIST, 0); // fails only if it is gone
}

int tap_is_stranded(const struct tap *tap)
{
    const char *netns = tap->port->config.netns;
    struct netns_id then, now;
    int found;

    if (tap->netns_fd < 0 || netns_identify(tap->netns_fd, &then) < 0)
        return 0;
    if (netns_find(netns, &now) == 0 && netns_is_same(&then, &now))
        return 0;
    if (netns_enter_fd(tap->netns_fd, netns, NULL) < 0)
        return 0;
    found = is_here(tap->queue[0].fd);
    netns_leave();
    return found;
}

// Where an interface is and how it is called.
struct place {
    const char *name;
    struct netns_id netns;
};

static int is_tap_at(const struct port *port, const void *arg)
{
    const struct place *place = arg;
    struct netns_id id;

    return port->ops == &port_tap_ops && strcmp(port->path, place->name) == 0 &&
           netns_find(port->config.netns, &id) == 0 && netns_is_same(&id, &place->netns);
}

struct left_overs {
    struct netns_id netns;
    struct tap_link *list;
    unsigned n;
};

static void note_left_over(const struct tap_link *link, void *arg)
{
    struct left_overs *found = arg;
    struct place place = {link->name, found->netns};
    struct tap_link *list;

    // n_queues: somebody holds it, though it bears our mark.
    if (!link->is_tap || link->n_queues > 0 || strcmp(link->alias, mark()) != 0 ||
        port_any(is_tap_at, &place))
        return;
    list = realloc(found->list, (found->n + 1) * sizeof(*list));
    if (list == NULL)
        return; // it stays until the next sweep
    found->list = list;
    list[found->n++] = *link;
}

// In one namespace.
static void sweep_namespace(const struct netns_id *id)
{
    struct left_overs found = {.netns = *id};
    int rc = -EAGAIN;

    for (unsigned n = 0; rc == -EAGAIN && n < MAX_LISTS; n++) {
        int netlink = tap_link_socket();

        found.n = 0;
        rc = netlink < 0 ? netlink : tap_link_list(netlink, note_left_over, &found);
        if (netlink >= 0)
            close(netlink);
    }
    for (unsigned i = 0; i < found.n; i++)
        if (delete_left_over(found.list[i].name, found.list[i].is_multi_queue) == 0)
            log_info("tap interface %s is deleted: no port has it any more", found.list[i].name);
    free(found.list);
}

void tap_sweep(void)
{
    netns_for_each(sweep_namespace);
}
