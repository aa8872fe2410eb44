// SPDX-License-Identifier: BSD-3-Clause
// What makes an interface of the kernel a router interface's twin? Its addresses, the router's own
// link-local one among them, and settings with
// which the kernel leaves to the dataplane what is the dataplane's. Addresses that others gave it
// stay; ours bear a protocol number, so that those which the configuration dropped are known even
// after a restart. MAC address and MTU are the dataplane's to set. On the mirror's thread, called
// by mirror.c.

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/kernel/thread.h"
#include "control/log.h"

#define MAX_STALE 64 // addresses removed at a time

struct setting {
    const char *family, *name, *value;
};

// /proc/sys/net/<family>/conf/<interface>/<name>
static const struct setting settings[] = {
    // The dataplane has looked for other users of the addresses; the kernel's probes would be
    // answered by it.
    {"ipv6", "accept_dad", "0"},
    {"ipv6", "dad_transmits", "0"},
    {"ipv6", "addr_gen_mode", "1"}, // its link-local address is the router's, given here
    {"ipv6", "keep_addr_on_down", "1"},
    {"ipv6", "accept_ra", "0"}, // a router
    {"ipv6", "router_solicitations", "0"},
    {"ipv6", "accept_redirects", "0"},
    {"ipv4", "accept_redirects", "0"},
    {"ipv4", "send_redirects", "0"},
    {"ipv4", "promote_secondaries", "1"}, // one address goes alone
    // Packets come in here whose way back the router knows, and not always the kernel.
    {"ipv4", "rp_filter", "2"},
};

// What can't be set is left: /proc/sys may be read-only.
static void write_settings(const struct space *s, const char *device)
{
    char path[128];
    int fd;

    if (s->name[0] != '\0' && netns_enter(s->netns) < 0)
        return;
    for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        const struct setting *setting = &settings[i];

        snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", setting->family, device,
                 setting->name);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0 || write(fd, setting->value, 1) != 1)
            log_debug("can't write %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    if (s->name[0] != '\0' && netns_enter(s->thread->home) < 0)
        log_error("the kernel mirror can't leave the network namespace %s", s->name);
}

static int set_up(const struct space *s, const struct device *d)
{
    struct nl_msg *msg = netlink_message(RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
    struct ifinfomsg *m;

    if (msg == NULL)
        return -ENOMEM;
    m = netlink_message_data(msg);
    m->ifi_index = (int)d->ifindex;
    m->ifi_flags = IFF_UP;
    m->ifi_change = IFF_UP;
    return netlink_request(s->requests, msg, &s->thread->answer);
}

static int change_address(const struct space *s, const struct device *d, int type,
                          const struct kernel_prefix *prefix)
{
    int flags = type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_REPLACE : 0;
    struct nl_msg *msg = netlink_message(type, flags, sizeof(struct ifaddrmsg));
    int size = prefix->family == 4 ? 4 : 16;
    uint8_t broadcast[4];
    struct ifaddrmsg *m;

    if (msg == NULL)
        return -ENOMEM;
    m = netlink_message_data(msg);
    m->ifa_family = prefix->family == 4 ? AF_INET : AF_INET6;
    m->ifa_prefixlen = prefix->len;
    m->ifa_index = d->ifindex;
    m->ifa_flags = prefix->family == 6 ? IFA_F_NODAD : 0;
    nla_put(msg, IFA_LOCAL, size, prefix->address);
    nla_put(msg, IFA_ADDRESS, size, prefix->address);
    if (type == RTM_NEWADDR)
        nla_put_u8(msg, IFA_PROTO, MESSAGE_ADDRESS_PROTOCOL);
    if (type == RTM_NEWADDR && prefix->family == 4 && prefix->len < 31) { // RFC 3021
        for (unsigned i = 0; i < 4; i++) {
            unsigned n_bits = prefix->len <= 8 * i ? 0 : prefix->len - 8 * i;

            broadcast[i] = (uint8_t)(prefix->address[i] | (n_bits >= 8 ? 0 : 0xff >> n_bits));
        }
        nla_put(msg, IFA_BROADCAST, 4, broadcast);
    }
    return netlink_request(s->requests, msg, &s->thread->answer);
}

// The addresses that are there, against those that should be.
struct review {
    const struct plan_address *wanted;
    uint32_t n_wanted;
    bool *is_there;
    struct kernel_prefix link_local;
    bool has_link_local;
    uint32_t ifindex;
    unsigned n_stale;
    struct kernel_prefix stale[MAX_STALE];
};

static void review_address(void *arg, struct nlmsghdr *h)
{
    struct review *review = arg;
    struct kernel_address address;

    if (message_read_address(h, &address) < 0 || address.ifindex != review->ifindex)
        return;
    for (uint32_t i = 0; i < review->n_wanted; i++) {
        const struct plan_address *wanted = &review->wanted[i];

        if (wanted->family == address.prefix.family && wanted->prefix_len == address.prefix.len &&
            memcmp(wanted->address, address.prefix.address, 16) == 0) {
            review->is_there[i] = true;
            return;
        }
    }
    if (memcmp(&address.prefix, &review->link_local, sizeof(address.prefix)) == 0)
        review->has_link_local = true;
    else if ((address.is_ours || address.is_automatic) && review->n_stale < MAX_STALE)
        review->stale[review->n_stale++] = address.prefix;
}

static int list_addresses(const struct space *s, const struct device *d, struct review *review)
{
    struct nl_msg *msg = netlink_message(RTM_GETADDR, 0, sizeof(struct ifaddrmsg));
    int rc;

    if (msg == NULL)
        return -ENOMEM;
    ((struct ifaddrmsg *)netlink_message_data(msg))->ifa_index = d->ifindex;
    rc = netlink_dump(s->requests, msg, &s->thread->answer, review_address, review);
    return rc == -EAGAIN ? 0 : rc; // what changed meanwhile is told, and looked at again
}

// RFC 4291, appendix A: as the router makes its own.
static void make_link_local(const uint8_t mac[6], struct kernel_prefix *prefix)
{
    const uint8_t address[16] = {0xfe,       0x80,   0,      0,    0,    0,      0,      0,
                                 mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

    prefix->family = 6;
    prefix->len = 64;
    memcpy(prefix->address, address, sizeof(address));
}

static int set_addresses(const struct space *s, const struct device *d)
{
    const struct plan_twin *twin = &s->thread->plan->twins[d->twin];
    struct review review = {.wanted = &s->thread->plan->addresses[twin->first_address],
                            .n_wanted = twin->n_addresses,
                            .is_there = calloc(twin->n_addresses + 1, sizeof(bool)),
                            .ifindex = d->ifindex};
    int rc;

    make_link_local(twin->mac, &review.link_local);
    rc = review.is_there == NULL ? -ENOMEM : list_addresses(s, d, &review);
    for (unsigned i = 0; rc == 0 && i < review.n_stale; i++) {
        rc = change_address(s, d, RTM_DELADDR, &review.stale[i]);
        if (rc == -EADDRNOTAVAIL)
            rc = 0; // somebody was faster
    }
    for (uint32_t i = 0; rc == 0 && i < review.n_wanted; i++) {
        struct kernel_prefix prefix = {review.wanted[i].family, review.wanted[i].prefix_len, {0}};

        memcpy(prefix.address, review.wanted[i].address, sizeof(prefix.address));
        if (!review.is_there[i])
            rc = change_address(s, d, RTM_NEWADDR, &prefix);
    }
    if (rc == 0 && !review.has_link_local) {
        rc = change_address(s, d, RTM_NEWADDR, &review.link_local);
        if (rc == -EACCES)
            rc = 0; // no IPv6 here, and none asked for
    }
    free(review.is_there);
    return rc;
}

void twin_configure(struct space *s, struct device *d)
{
    const struct plan_twin *twin = &s->thread->plan->twins[d->twin];
    int rc = 0;

    d->due_ns = 0;
    if (d->is_new) {
        write_settings(s, twin->device);
        rc = set_up(s, d);
    }
    if (rc == 0)
        rc = set_addresses(s, d);
    if (rc == 0) {
        d->is_new = false;
        d->has_warned = false;
        return;
    }
    if (rc == -ENODEV)
        return; // it was deleted, as the kernel is about to tell
    d->due_ns = thread_now_ns() + 1000000000;
    if (!d->has_warned)
        log_warn("can't give interface %s its addresses: %s%s", twin->device, strerror(-rc),
                 rc == -EPERM ? "; it takes CAP_NET_ADMIN"
                 : rc == -EACCES
                     ? "; IPv6 is disabled there (net.ipv6.conf.*.disable_ipv6), or its MTU is "
                       "below 1280"
                     : "");
    d->has_warned = true;
}
