// SPDX-License-Identifier: BSD-3-Clause
// What goes on in one network namespace? Holds its sockets, knows which of its interfaces are twins
// and sorts what the kernel tells. On the mirror's thread, called by mirror.c. Next: events.c,
// twin.c.

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/kernel/thread.h"
#include "control/log.h"

#define APPEARED_MS 20
#define PATIENCE_MS 1000
#define PATIENCE_NS (PATIENCE_MS * 1000000ULL)
#define MAX_DUMPS 3 // tries at what changes meanwhile

static const char *label(const struct space *s)
{
    return s->name[0] == '\0' ? "our own network namespace" : s->name;
}

static int find_identity(int fd, uint64_t *dev, uint64_t *ino)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    *dev = st.st_dev;
    *ino = st.st_ino;
    return 0;
}

static void close_descriptor(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void space_close(struct space *s)
{
    close_descriptor(&s->events);
    close_descriptor(&s->requests);
    close_descriptor(&s->netns);
    free(s->devices);
    s->devices = NULL;
    s->n_devices = 0;
    nexthops_reset(&s->nexthops);
}

static int open_sockets(struct space *s)
{
    int rc = netns_open(s->name);

    if (rc < 0)
        return rc;
    s->netns = rc;
    rc = find_identity(s->netns, &s->dev, &s->ino);
    if (rc == 0 && s->name[0] != '\0')
        rc = netns_enter(s->netns);
    if (rc < 0)
        return rc;
    rc = s->events = netlink_open_events();
    if (rc >= 0)
        rc = s->requests = netlink_open_requests();
    if (s->name[0] != '\0' && netns_enter(s->thread->home) < 0)
        log_error("the kernel mirror can't leave the network namespace %s", s->name);
    return rc < 0 ? rc : 0;
}

int space_open(struct space *s)
{
    int rc = open_sockets(s);

    if (rc == 0)
        rc = space_dump_links(s);
    if (rc == 0) {
        log_info("the kernel mirror follows %s", label(s));
        s->has_warned = false;
        return 0;
    }
    space_close(s);
    if (s->has_warned)
        return rc;
    s->has_warned = true;
    if (rc == -ENOENT && s->name[0] != '\0')
        log_warn("there is no network namespace %s for the twins of router interfaces: make it "
                 "with: ip netns add %s",
                 s->name, s->name);
    else
        log_warn("the kernel mirror can't follow %s: %s%s", label(s), strerror(-rc),
                 rc == -EPERM ? "; it takes CAP_NET_ADMIN and CAP_SYS_ADMIN" : "");
    return rc;
}

bool space_is_current(const struct space *s)
{
    uint64_t dev, ino;
    int fd, rc;

    if (s->name[0] == '\0')
        return true;
    fd = netns_open(s->name);
    if (fd < 0)
        return false;
    rc = find_identity(fd, &dev, &ino);
    close(fd);
    return rc == 0 && dev == s->dev && ino == s->ino;
}

struct device *space_device(const struct space *s, uint32_t ifindex)
{
    uint32_t low = 0, high = s->n_devices, middle;

    while (low < high) {
        middle = (low + high) / 2;
        if (s->devices[middle].ifindex < ifindex)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n_devices && s->devices[low].ifindex == ifindex ? &s->devices[low] : NULL;
}

static uint32_t find_twin(const struct space *s, const char *device)
{
    const struct plan *plan = s->thread->plan;

    for (uint32_t i = 0; i < plan->n_twins; i++)
        if (strcmp(plan->twins[i].device, device) == 0 &&
            strcmp(plan->twins[i].netns, s->name) == 0)
            return i;
    return API_NONE;
}

static void remove_device(struct space *s, struct device *d)
{
    size_t i = (size_t)(d - s->devices);

    thread_resync_router(s->thread, s->thread->plan->twins[d->twin].router, APPEARED_MS);
    memmove(d, d + 1, (s->n_devices - i - 1) * sizeof(*d));
    s->n_devices--;
}

// Whether the plan before knew it, too.
static const struct device *find_before(const struct space *s, uint32_t ifindex)
{
    for (uint32_t i = 0; i < s->n_before; i++)
        if (s->before[i].ifindex == ifindex)
            return &s->before[i];
    return NULL;
}

// The dataplane makes the interface and sets its MAC address next: until then it is left alone.
static bool has_mac_of(const struct space *s, const struct kernel_link *link, uint32_t twin)
{
    return memcmp(link->mac, s->thread->plan->twins[twin].mac, sizeof(link->mac)) == 0;
}

static void add_device(struct space *s, const struct kernel_link *link, uint32_t twin)
{
    const struct device *before = find_before(s, link->ifindex);
    struct device *devices = realloc(s->devices, (s->n_devices + 1) * sizeof(*devices));
    bool has_mac = has_mac_of(s, link, twin);
    uint32_t i = s->n_devices;

    if (devices == NULL)
        return; // it is found again with the next word on it
    s->devices = devices;
    for (; i > 0 && devices[i - 1].ifindex > link->ifindex; i--)
        devices[i] = devices[i - 1];
    devices[i] = (struct device){.ifindex = link->ifindex,
                                 .twin = twin,
                                 .is_up = link->is_up,
                                 .is_fresh = true,
                                 .is_new = before == NULL || before->is_new,
                                 .has_mac = has_mac,
                                 .due_ns = thread_now_ns() + (has_mac ? 0 : PATIENCE_NS)};
    s->n_devices++;
    if (before == NULL || before->is_up != link->is_up)
        thread_resync_router(s->thread, s->thread->plan->twins[twin].router, APPEARED_MS);
}

static void note_link(struct space *s, struct nlmsghdr *h)
{
    struct kernel_link link;
    struct device *d;
    uint32_t twin;

    if (message_read_link(h, &link) < 0)
        return;
    d = space_device(s, link.ifindex);
    twin = link.is_new && link.is_tap ? find_twin(s, link.name) : API_NONE;
    if (d != NULL && d->twin != twin) {
        remove_device(s, d);
        d = NULL;
    }
    if (d == NULL) {
        if (twin != API_NONE)
            add_device(s, &link, twin);
        return;
    }
    d->is_fresh = true;
    if (s->is_catching_up && !link.is_up) // as events_nexthop does
        thread_resync_space(s, PATIENCE_MS);
    if (!d->has_mac && has_mac_of(s, &link, twin))
        d->due_ns = thread_now_ns();
    d->has_mac = has_mac_of(s, &link, twin);
    if (d->is_up == link.is_up)
        return;
    // Of the routes that go and come with this the kernel does not tell.
    d->is_up = link.is_up;
    if (link.is_up)
        d->due_ns = thread_now_ns();
    thread_resync_router(s->thread, s->thread->plan->twins[twin].router, APPEARED_MS);
}

static void note_address(struct space *s, struct nlmsghdr *h)
{
    struct kernel_address address;
    struct device *d;

    if (message_read_address(h, &address) < 0 || address.is_new)
        return;
    d = space_device(s, address.ifindex);
    if (d != NULL && address.is_ours && d->due_ns == 0)
        d->due_ns = thread_now_ns() + PATIENCE_NS;
}

static void note(void *arg, struct nlmsghdr *h)
{
    struct space *s = arg;

    switch (h->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        note_link(s, h);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        note_address(s, h);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        events_route(s, h);
        break;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
        events_nexthop(s, h);
        break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        events_neighbor(s, h);
        break;
    default:
        break;
    }
}

static int dump(struct space *s, int type, size_t header_size, int family)
{
    int rc = -EAGAIN;

    for (unsigned i = 0; i < MAX_DUMPS && rc == -EAGAIN; i++) {
        struct nl_msg *msg = netlink_message(type, 0, header_size);

        if (msg == NULL)
            return -ENOMEM;
        *(unsigned char *)netlink_message_data(msg) = (unsigned char)family; // first in each
        if (type == RTM_GETROUTE)
            nla_put_u32(msg, RTA_TABLE, RT_TABLE_MAIN);
        rc = netlink_dump(s->requests, msg, &s->thread->buffer, note, s);
    }
    if (rc == -EAGAIN) // never still: as good as it can be for now
        thread_resync_space(s, 1000);
    return rc == -EAGAIN ? 0 : rc;
}

int space_dump_links(struct space *s)
{
    int rc;

    for (uint32_t i = 0; i < s->n_devices; i++)
        s->devices[i].is_fresh = false;
    rc = dump(s, RTM_GETLINK, sizeof(struct ifinfomsg), AF_UNSPEC);
    for (uint32_t i = s->n_devices; rc == 0 && i > 0; i--)
        if (!s->devices[i - 1].is_fresh)
            remove_device(s, &s->devices[i - 1]);
    return rc;
}

int space_dump(struct space *s)
{
    int rc;

    nexthops_reset(&s->nexthops);
    for (unsigned i = 0; i < 2; i++)
        s->has_metric[i] = s->is_ambiguous[i] = false;
    s->is_dumping = true;
    rc = dump(s, RTM_GETNEXTHOP, sizeof(struct nhmsg), AF_UNSPEC);
    if (rc == -EOPNOTSUPP)
        rc = 0; // a kernel without such objects
    if (rc == 0)
        rc = dump(s, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET);
    if (rc == 0)
        rc = dump(s, RTM_GETROUTE, sizeof(struct rtmsg), AF_INET6);
    if (rc == -ENOENT || rc == -EAFNOSUPPORT)
        rc = 0; // no table yet
    if (rc == 0)
        rc = dump(s, RTM_GETNEIGH, sizeof(struct ndmsg), AF_UNSPEC);
    s->is_dumping = false;
    s->is_catching_up = true;
    if (rc < 0)
        log_warn("the kernel mirror can't read the routes of %s: %s", label(s), strerror(-rc));
    return rc;
}

bool space_read(struct space *s, unsigned n_max)
{
    struct nlmsghdr *h;
    int size;

    for (unsigned i = 0; i < n_max; i++) {
        size = netlink_receive(s->events, &s->thread->buffer);
        if (size == -EAGAIN) {
            // Only now does the kernel tell of changes again.
            if (s->is_overrun)
                thread_resync_space(s, 0);
            s->is_overrun = s->is_catching_up = false;
            return true;
        }
        if (size < 0) {
            log_info("the kernel told more of %s than there was room for: everything is read anew",
                     label(s));
            s->is_overrun = true;
            continue;
        }
        h = (struct nlmsghdr *)s->thread->buffer.bytes;
        for (; nlmsg_ok(h, size); h = nlmsg_next(h, &size))
            note(s, h);
    }
    return false;
}
