// SPDX-License-Identifier: BSD-3-Clause
// What does a message of the kernel say of a route? Only what a daemon or an administrator may have
// installed in the main table is read; the kernel's own routes the dataplane has itself. Pure;
// called by space.c on the mirror's thread. Next: events.c.

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>

#include "control/kernel/message.h"

// RTA_MAX grows with the kernel; what is beyond is not looked at.
static const struct nla_policy checks[RTA_MAX + 1] = {
    [RTA_TABLE] = {.type = NLA_U32},
    [RTA_OIF] = {.type = NLA_U32},
    [RTA_PRIORITY] = {.type = NLA_U32},
    [RTA_NH_ID] = {.type = NLA_U32},
};

static int route_type(const struct rtmsg *m)
{
    switch (m->rtm_type) {
    case RTN_UNICAST:
        return API_ROUTE_UNICAST;
    case RTN_BLACKHOLE:
        return API_ROUTE_BLACKHOLE;
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
        return API_ROUTE_UNREACHABLE;
    default:
        return 0;
    }
}

static bool is_of_interest(const struct rtmsg *m, struct nlattr **a)
{
    uint32_t table = a[RTA_TABLE] != NULL ? nla_get_u32(a[RTA_TABLE]) : m->rtm_table;

    if (m->rtm_family != AF_INET && m->rtm_family != AF_INET6)
        return false;
    return table == RT_TABLE_MAIN && !(m->rtm_flags & RTM_F_CLONED) && m->rtm_src_len == 0 &&
           m->rtm_tos == 0 && m->rtm_protocol != RTPROT_KERNEL &&
           m->rtm_protocol != RTPROT_REDIRECT && route_type(m) != 0;
}

static int read_prefix(const struct rtmsg *m, const struct nlattr *dst, struct kernel_prefix *p)
{
    int size = m->rtm_family == AF_INET ? 4 : 16;

    p->family = m->rtm_family == AF_INET ? 4 : 6;
    p->len = m->rtm_dst_len;
    if (p->len > 8 * size || (dst == NULL && p->len > 0) || (dst != NULL && nla_len(dst) != size))
        return -EINVAL;
    if (dst != NULL)
        memcpy(p->address, nla_data(dst), (size_t)size);
    // RFC 4291: link-local and multicast prefixes are on every link.
    if (p->family == 6 &&
        (p->address[0] == 0xff || (p->address[0] == 0xfe && (p->address[1] & 0xc0) == 0x80)))
        return -ENOENT;
    return 0;
}

static int read_gateway(struct kernel_hop *hop, int family, const struct nlattr *gateway,
                        const struct nlattr *via)
{
    const struct rtvia *v;
    const void *address;
    int size;

    if (gateway == NULL && via == NULL)
        return 0;
    if (gateway != NULL) {
        size = nla_len(gateway);
        address = nla_data(gateway);
    } else {
        v = nla_data(via);
        size = nla_len(via) - (int)sizeof(*v);
        if (size < 4)
            return -EINVAL;
        family = v->rtvia_family;
        address = v->rtvia_addr;
    }
    if (size != (family == AF_INET ? 4 : 16) || (family != AF_INET && family != AF_INET6))
        return -EINVAL;
    hop->family = family == AF_INET ? 4 : 6;
    memcpy(hop->address, address, (size_t)size);
    return 0;
}

static int add_hop(struct kernel_route *route, const struct kernel_hop *hop, unsigned flags)
{
    if (!(flags & RTNH_F_DEAD) && route->n_hops < API_MAX_PATHS)
        route->hop[route->n_hops++] = *hop;
    return 0;
}

static int read_multipath(struct kernel_route *route, int family, const struct nlattr *list)
{
    char *p = nla_data(list);
    int left = nla_len(list);

    while (left >= (int)sizeof(struct rtnexthop)) {
        const struct rtnexthop *n = (void *)p;
        struct kernel_hop hop = {.ifindex = (uint32_t)n->rtnh_ifindex};
        struct nlattr *a[RTA_MAX + 1];
        int len = n->rtnh_len;

        if (len < (int)sizeof(*n) || len > left)
            return -EINVAL;
        if (nla_parse(a, RTA_MAX, (void *)(p + sizeof(*n)), len - (int)sizeof(*n), checks) < 0 ||
            read_gateway(&hop, family, a[RTA_GATEWAY], a[RTA_VIA]) < 0)
            return -EINVAL;
        hop.weight = n->rtnh_hops == UINT8_MAX ? UINT8_MAX : (uint8_t)(n->rtnh_hops + 1);
        add_hop(route, &hop, n->rtnh_flags);
        len = (len + 3) & ~3; // RTNH_ALIGN, with the right sign
        p += len;
        left -= len;
    }
    return 0;
}

int message_read_route(struct nlmsghdr *h, struct kernel_route *route)
{
    struct nlattr *a[RTA_MAX + 1];
    const struct rtmsg *m = nlmsg_data(h);
    struct kernel_hop hop = {.weight = 1};
    int rc;

    route->n_hops = 0;
    route->prefix = (struct kernel_prefix){0};
    if (nlmsg_parse(h, sizeof(*m), a, RTA_MAX, checks) < 0)
        return -EINVAL;
    if (!is_of_interest(m, a))
        return -ENOENT;
    route->is_new = h->nlmsg_type == RTM_NEWROUTE;
    route->is_replace = route->is_new && h->nlmsg_flags & NLM_F_REPLACE;
    route->is_append = route->is_new && h->nlmsg_flags & NLM_F_APPEND;
    route->type = (uint8_t)route_type(m);
    route->metric = a[RTA_PRIORITY] != NULL ? nla_get_u32(a[RTA_PRIORITY]) : 0;
    route->nexthop_id = a[RTA_NH_ID] != NULL ? nla_get_u32(a[RTA_NH_ID]) : 0;
    rc = read_prefix(m, a[RTA_DST], &route->prefix);
    if (rc < 0 || route->type != API_ROUTE_UNICAST)
        return rc;
    if (a[RTA_ENCAP] != NULL)
        return -ENOENT;
    if (a[RTA_MULTIPATH] != NULL)
        return read_multipath(route, m->rtm_family, a[RTA_MULTIPATH]);
    if (a[RTA_OIF] == NULL)
        return 0;
    hop.ifindex = nla_get_u32(a[RTA_OIF]);
    rc = read_gateway(&hop, m->rtm_family, a[RTA_GATEWAY], a[RTA_VIA]);
    return rc < 0 ? rc : add_hop(route, &hop, m->rtm_flags);
}
