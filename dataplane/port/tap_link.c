// SPDX-License-Identifier: BSD-3-Clause
// What does the kernel know of an interface? A few rtnetlink requests (RFC 3549, 3.1.1): get one
// link, list them, set an attribute. Every length is the kernel's but is checked all the same. Main
// thread; called by tap_kernel.c, never for a packet.

#include "dataplane/port/tap_link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_SIZE 65536 // a link with hundreds of virtual functions; the kernel sends no more

struct request {
    struct nlmsghdr header;
    struct ifinfomsg info;
    uint8_t attributes[IFALIASZ + 64];
};

// Called for each message of an answer; negative: stop with that.
typedef int answer_fn(const struct nlmsghdr *header, void *arg);

int tap_link_socket(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

    return fd < 0 ? -errno : fd;
}

static struct request make_request(unsigned short type, unsigned flags)
{
    return (struct request){
        .header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)),
                   .nlmsg_type = type,
                   .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                   .nlmsg_seq = 1},
        .info = {.ifi_family = AF_UNSPEC},
    };
}

static int add(struct request *r, unsigned short type, const void *data, size_t size)
{
    uint32_t at = NLMSG_ALIGN(r->header.nlmsg_len);
    struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)(RTA_LENGTH(size))};

    if (at + RTA_SPACE(size) > sizeof(*r))
        return -EMSGSIZE;
    memcpy((uint8_t *)r + at, &attribute, sizeof(attribute));
    memcpy((uint8_t *)r + at + sizeof(attribute), data, size);
    r->header.nlmsg_len = at + attribute.rta_len;
    return 0;
}

static const void *payload_of(const struct nlmsghdr *header)
{
    return (const uint8_t *)header + NLMSG_HDRLEN;
}

// One datagram of an answer. 1: more will come, 0: that was the end, or -errno.
static int take(const uint8_t *data, size_t size, answer_fn *each, void *arg)
{
    while (size >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *header = (const void *)data;
        size_t len = NLMSG_ALIGN(header->nlmsg_len);
        int rc;

        if (header->nlmsg_len < sizeof(*header) || header->nlmsg_len > size)
            return -EBADMSG;
        if (header->nlmsg_type == NLMSG_DONE)
            return 0;
        if (header->nlmsg_flags & NLM_F_DUMP_INTR)
            return -EAGAIN;
        if (header->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *error = payload_of(header);

            return header->nlmsg_len < NLMSG_LENGTH(sizeof(*error)) ? -EBADMSG : error->error;
        }
        rc = each == NULL ? 0 : each(header, arg);
        if (rc < 0 || !(header->nlmsg_flags & NLM_F_MULTI))
            return rc;
        if (len >= size)
            return 1;
        data += len;
        size -= len;
    }
    return 1;
}

// The kernel answers while it takes the request, so nothing here waits.
static int ask(int fd, const struct request *r, answer_fn *each, void *arg)
{
    static uint8_t answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
    int rc = 1;

    if (send(fd, r, r->header.nlmsg_len, MSG_DONTWAIT) < 0)
        return -errno;
    while (rc == 1) {
        ssize_t size = recv(fd, answer, sizeof(answer), MSG_DONTWAIT | MSG_TRUNC);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if ((size_t)size > sizeof(answer))
            return -EMSGSIZE;
        rc = take(answer, (size_t)size, each, arg);
    }
    return rc;
}

// The attribute of `type` among those that fill data: its payload and size, or NULL.
static const void *find(const void *data, size_t size, unsigned short type, size_t *payload_size)
{
    const uint8_t *at = data;
    struct rtattr attribute;

    while (size >= sizeof(attribute)) {
        size_t step;

        memcpy(&attribute, at, sizeof(attribute));
        if (attribute.rta_len < sizeof(attribute) || attribute.rta_len > size)
            return NULL;
        if ((attribute.rta_type & NLA_TYPE_MASK) == type) {
            *payload_size = attribute.rta_len - sizeof(attribute);
            return at + sizeof(attribute);
        }
        step = RTA_ALIGN(attribute.rta_len);
        if (step >= size)
            return NULL;
        at += step;
        size -= step;
    }
    return NULL;
}

// A number or bytes of exactly that size; else what was there stays.
static void copy_exact(const void *data, size_t size, unsigned short type, void *to, size_t to_size)
{
    size_t found_size;
    const void *found = find(data, size, type, &found_size);

    if (found != NULL && found_size == to_size)
        memcpy(to, found, to_size);
}

static void copy_text(const void *data, size_t size, unsigned short type, char *to, size_t to_size)
{
    size_t found_size;
    const char *found = find(data, size, type, &found_size);

    if (found == NULL)
        return;
    found_size = strnlen(found, found_size);
    if (found_size >= to_size)
        found_size = to_size - 1;
    memcpy(to, found, found_size);
    to[found_size] = '\0';
}

static void read_tun(const void *data, size_t size, struct tap_link *link)
{
    uint8_t type = 0;

    copy_exact(data, size, IFLA_TUN_TYPE, &type, sizeof(type));
    link->is_tap = type == IFF_TAP;
    copy_exact(data, size, IFLA_TUN_MULTI_QUEUE, &link->is_multi_queue,
               sizeof(link->is_multi_queue));
    copy_exact(data, size, IFLA_TUN_NUM_QUEUES, &link->n_queues, sizeof(link->n_queues));
}

static int read_link(const struct nlmsghdr *header, struct tap_link *link)
{
    const uint8_t *data = (const uint8_t *)header + NLMSG_SPACE(sizeof(struct ifinfomsg));
    const struct ifinfomsg *info = payload_of(header);
    const void *link_info, *tun;
    size_t size, info_size, tun_size;

    if (header->nlmsg_type != RTM_NEWLINK ||
        header->nlmsg_len < NLMSG_SPACE(sizeof(struct ifinfomsg)))
        return -EBADMSG;
    size = header->nlmsg_len - NLMSG_SPACE(sizeof(struct ifinfomsg));
    *link = (struct tap_link){.index = info->ifi_index};
    copy_text(data, size, IFLA_IFNAME, link->name, sizeof(link->name));
    copy_text(data, size, IFLA_IFALIAS, link->alias, sizeof(link->alias));
    copy_exact(data, size, IFLA_MTU, &link->mtu, sizeof(link->mtu));
    copy_exact(data, size, IFLA_ADDRESS, link->mac, sizeof(link->mac));
    link_info = find(data, size, IFLA_LINKINFO, &info_size);
    if (link_info == NULL)
        return 0;
    copy_text(link_info, info_size, IFLA_INFO_KIND, link->kind, sizeof(link->kind));
    tun = find(link_info, info_size, IFLA_INFO_DATA, &tun_size);
    if (tun != NULL && strcmp(link->kind, "tun") == 0)
        read_tun(tun, tun_size, link);
    return 0;
}

static int store(const struct nlmsghdr *header, void *link)
{
    return read_link(header, link);
}

int tap_link_get(int fd, const char *name, struct tap_link *link)
{
    struct request r = make_request(RTM_GETLINK, 0);
    int rc = add(&r, IFLA_IFNAME, name, strlen(name) + 1);

    return rc < 0 ? rc : ask(fd, &r, store, link);
}

struct visitor {
    void (*visit)(const struct tap_link *link, void *arg);
    void *arg;
};

static int pass_on(const struct nlmsghdr *header, void *arg)
{
    const struct visitor *visitor = arg;
    struct tap_link link;
    int rc = read_link(header, &link);

    if (rc == 0)
        visitor->visit(&link, visitor->arg);
    return rc;
}

int tap_link_list(int fd, void (*visit)(const struct tap_link *link, void *arg), void *arg)
{
    struct request r = make_request(RTM_GETLINK, NLM_F_DUMP);
    struct visitor visitor = {visit, arg};

    return ask(fd, &r, pass_on, &visitor);
}

int tap_link_set(int fd, int index, unsigned short attribute, const void *data, size_t size)
{
    struct request r = make_request(RTM_NEWLINK, NLM_F_ACK);
    int rc = add(&r, attribute, data, size);

    r.info.ifi_index = index;
    return rc < 0 ? rc : ask(fd, &r, NULL, NULL);
}

int tap_link_set_up(int fd, int index)
{
    struct request r = make_request(RTM_NEWLINK, NLM_F_ACK);

    r.info.ifi_index = index;
    r.info.ifi_flags = IFF_UP;
    r.info.ifi_change = IFF_UP;
    return ask(fd, &r, NULL, NULL);
}
